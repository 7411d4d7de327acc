//! What lies on each page of each space: objects, gaps, limits, totals.

use super::super::{Invariant, VerifyError};
use super::{Check, Checker, GRANULE, PERMANENT};
use crate::object::Kind;
use crate::options::PAGE_SIZE;
use crate::page::{Owner, SweepState};

impl Checker<'_> {
    pub(super) fn permanent_objects(&self) -> Check {
        for granule in PERMANENT {
            let header = self.core.cage.at(granule * GRANULE).load_u32();
            if header >> 10 & 15 != Kind::Oddball as u32 {
                return self.broken_at(
                    Invariant::Layout,
                    format!("permanent object {granule} has the header {header:#x}"),
                    granule * GRANULE,
                    None,
                );
            }
        }
        Ok(())
    }

    /// I8, and the page table's own sums.
    pub(super) fn page_table(&self) -> Check {
        let pages = &self.core.pages;
        let owned = pages
            .range()
            .filter(|&p| pages.owner(p) != Owner::Unused)
            .count();
        self.total("pages in use", owned, pages.in_use())?;
        if owned > self.core.old.max_pages {
            return self.broken(
                Invariant::Limit,
                format!(
                    "{owned} pages in use, the old limit allows {}",
                    self.core.old.max_pages
                ),
            );
        }
        let mut dirty = pages.dirty.clone();
        dirty.sort_unstable();
        let summarised: Vec<u32> = pages
            .range()
            .filter(|&p| pages.summary[p] != 0)
            .map(|p| p as u32)
            .collect();
        if dirty != summarised {
            return self.broken(
                Invariant::RememberedSet,
                format!("dirty pages {dirty:?}, but {summarised:?} have recorded slots"),
            );
        }
        Ok(())
    }

    pub(super) fn young_generation(&mut self) -> Check {
        let young = &self.core.young;
        let cage = &self.core.cage;
        let (start, top) = (cage.offset(young.to_space_start()), cage.offset(young.top));
        let age_mark = cage.offset(young.age_mark);
        if top > cage.offset(young.to_end()) {
            return self.broken(
                Invariant::Tiling,
                format!("the young top {top:#x} lies beyond its semi-space"),
            );
        }
        let limit = cage.offset(young.limit);
        if limit > cage.offset(young.to_end()) {
            return self.broken(
                Invariant::Tiling,
                format!("young allocation would stop at {limit:#x} only, beyond its semi-space"),
            );
        }
        let mut at = start;
        let mut mark_seen = age_mark == start;
        while at < top {
            let object = self.read(at, top)?;
            if object.kind == Kind::Free {
                return self.broken_at(
                    Invariant::Tiling,
                    "a free block in the young generation".to_owned(),
                    at,
                    None,
                );
            }
            if self.is_marked(at) {
                return self.broken_at(
                    Invariant::Tricolour,
                    "a young object is marked between collections".to_owned(),
                    at,
                    Some(&object),
                );
            }
            self.live.insert(at / GRANULE);
            self.young.push(object);
            at = object.end();
            mark_seen |= age_mark == at;
        }
        if !mark_seen {
            return self.broken(
                Invariant::Tiling,
                format!("the age mark {age_mark:#x} is not between two young objects"),
            );
        }
        self.seen.young_objects = self.young.len();
        Ok(())
    }

    /// I4 and I5 for one page of the old space; returns the bytes of its objects that are not known dead.
    pub(super) fn old_page(&mut self, page: usize) -> Result<usize, VerifyError> {
        let core = self.core;
        let swept = core.pages.sweep_state(page) == SweepState::Swept;
        let queued = core.old.unswept.iter().filter(|&&p| p as usize == page);
        let (expected, queued) = (usize::from(!swept), queued.count());
        if queued != expected {
            return self.broken(
                Invariant::Tiling,
                format!("page {page} stands {queued} times on the list of unswept pages"),
            );
        }
        let (start, end) = (page * PAGE_SIZE, (page + 1) * PAGE_SIZE);
        let buffer = (
            core.cage.offset(core.old.top),
            core.cage.offset(core.old.limit),
        );
        let (mut at, mut live, mut marked) = (start, 0, 0);
        while at < end {
            if at == buffer.0 && buffer.0 < buffer.1 {
                at = buffer.1;
                continue;
            }
            let object = self.read(at, end)?;
            if at < buffer.0 && object.end() > buffer.0 && buffer.0 < buffer.1 {
                return self.broken_at(
                    Invariant::Tiling,
                    "reaches into the open buffer".to_owned(),
                    at,
                    Some(&object),
                );
            }
            let is_marked = self.is_marked(at);
            match (object.kind, swept) {
                (Kind::Free, true) => self.blocks.push((at, object.bytes)),
                (Kind::Free, false) => {}
                (_, true) => {
                    if is_marked {
                        marked += object.bytes;
                    }
                    live += object.bytes;
                    self.live.insert(at / GRANULE);
                    self.old.push(object);
                }
                (_, false) if is_marked => {
                    marked += object.bytes;
                    self.live.insert(at / GRANULE);
                    self.old.push(object);
                }
                (_, false) => {
                    self.dead.insert(at / GRANULE);
                }
            }
            if is_marked && (swept && core.cycle.is_none() || object.kind == Kind::Free) {
                return self.broken_at(
                    Invariant::Tricolour,
                    "is marked, although nothing there waits for the sweeper".to_owned(),
                    at,
                    Some(&object),
                );
            }
            at = object.end();
        }
        let counted = !swept || core.cycle.is_some();
        if counted && core.pages.live_bytes[page] as usize != marked {
            return self.broken(
                Invariant::LiveBytes,
                format!(
                    "page {page} has {marked} marked bytes, the heap counts {}",
                    core.pages.live_bytes[page]
                ),
            );
        }
        Ok(if swept { live } else { marked })
    }

    pub(super) fn large_objects(&mut self) -> Check {
        let core = self.core;
        let (mut bytes, mut pages) = (0, 0);
        for large in &core.large.objects {
            let count = large.bytes.div_ceil(PAGE_SIZE);
            let offset = large.page * PAGE_SIZE;
            let owners = (large.page..large.page + count).map(|p| core.pages.owner(p));
            let expected = std::iter::once(Owner::LargeHead)
                .chain(std::iter::repeat_n(Owner::LargeTail, count - 1));
            if !owners.eq(expected) {
                return self.broken_at(
                    Invariant::Tiling,
                    format!("a large object does not own its {count} pages"),
                    offset,
                    None,
                );
            }
            let object = self.read(offset, offset + count * PAGE_SIZE)?;
            if object.bytes != large.bytes {
                return self.broken_at(
                    Invariant::Layout,
                    format!("{} bytes, but listed with {}", object.bytes, large.bytes),
                    offset,
                    Some(&object),
                );
            }
            if self.is_marked(offset) && core.cycle.is_none() {
                return self.broken_at(
                    Invariant::Tricolour,
                    "a large object is marked between collections".to_owned(),
                    offset,
                    Some(&object),
                );
            }
            if !self.live.insert(offset / GRANULE) {
                return self.broken_at(
                    Invariant::Tiling,
                    "a large object is listed twice".to_owned(),
                    offset,
                    Some(&object),
                );
            }
            self.old.push(object);
            bytes += large.bytes;
            pages += count;
        }
        self.seen.old_objects = self.old.len();
        self.total("large-object space", bytes, core.large.used)?;
        let owned = core
            .pages
            .range()
            .filter(|&p| matches!(core.pages.owner(p), Owner::LargeHead | Owner::LargeTail));
        self.total("pages of large objects", pages, owned.count())
    }

    /// I5: the free list holds exactly the free blocks of the swept pages that are large enough for it.
    pub(super) fn free_list(&mut self) -> Check {
        const SMALLEST: usize = 16;
        let core = self.core;
        let mut listed: Vec<(usize, usize)> = core
            .old
            .free
            .blocks(&core.cage)
            .into_iter()
            .map(|(at, bytes)| (core.cage.offset(at), bytes))
            .collect();
        listed.sort_unstable();
        // Nothing is allocated on pages that will be evacuated: their blocks are off the list.
        self.blocks
            .retain(|&(at, bytes)| bytes >= SMALLEST && !core.pages.is_candidate(at / PAGE_SIZE));
        self.blocks.sort_unstable();
        if let Some(((at, bytes), (other_at, other_bytes))) =
            listed.iter().zip(&self.blocks).find(|(a, b)| a != b)
        {
            return self.broken_at(
                Invariant::Tiling,
                format!(
                    "the free list has a block of {bytes} bytes at {at:#x} where the pages have one of \
                     {other_bytes} at {other_at:#x}"
                ),
                *at,
                None,
            );
        }
        self.total("free blocks", self.blocks.len(), listed.len())?;
        let bytes = listed.iter().map(|b| b.1).sum();
        self.total("bytes of free blocks", bytes, core.old.free.bytes())?;
        self.seen.free_blocks = listed.len();
        Ok(())
    }

    pub(super) fn is_marked(&self, offset: usize) -> bool {
        let granule = offset / GRANULE;
        let word = self.core.cage.mark_bits.base().add(granule / 64 * 8);
        word.load_u64() >> (granule % 64) & 1 == 1
    }
}
