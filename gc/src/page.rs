//! Pages of the old generation and what is known of each: all of it beside the pages, indexed by page number.
//!
//! The cage is cut into pages of 256 KiB (V8's size); eight make a group. A page belongs to one owner at a
//! time. Large objects own runs of whole pages. The metadata lives in flat tables so that barrier, marker
//! and sweeper never load a header to find it.

use crate::cage::{Addr, Cage, GROUP_BYTES};
use crate::seeded::{self, Bug};
use crate::value::GRANULE;
use std::io;

pub(crate) use crate::options::PAGE_SIZE;

/// Pages per group.
pub(crate) const PAGES_PER_GROUP: usize = GROUP_BYTES / PAGE_SIZE;
/// Objects larger than this own their pages.
pub(crate) const MAX_REGULAR_OBJECT: usize = PAGE_SIZE / 2;
/// Slots per page, and per bucket of the remembered set: a bucket is one 64-byte line of slot bits.
pub(crate) const SLOTS_PER_PAGE: usize = PAGE_SIZE / 4;
pub(crate) const SLOTS_PER_BUCKET: usize = 512;
const BUCKETS_PER_PAGE: usize = SLOTS_PER_PAGE / SLOTS_PER_BUCKET;

/// Who a page belongs to.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Owner {
    /// Nobody: may be given out.
    Unused,
    /// The permanent objects or a semi-space: never given out.
    Reserved,
    /// The old space.
    Old,
    /// A large object starts here.
    LargeHead,
    /// The rest of a large object.
    LargeTail,
}

/// Whether the dead of an old page have become free blocks yet.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum SweepState {
    /// Objects and free blocks tile the page.
    Swept,
    /// Marked objects are live, all else is dead; mark bits are still needed.
    Unswept,
}

/// Which buckets of a page's slot set hold a bit: 128 buckets at most.
pub(crate) type BucketSummary = u128;
const _: () = assert!(BUCKETS_PER_PAGE <= 128);

/// The pages of one cage.
pub(crate) struct PageTable {
    owner: Vec<Owner>,
    sweep: Vec<SweepState>,
    /// Bytes of marked objects, written by the marker, valid until the page is swept.
    pub(crate) live_bytes: Vec<u32>,
    /// Buckets of the old-to-young slot set that hold a bit.
    pub(crate) summary: Vec<BucketSummary>,
    /// Pages whose summary is not zero (each once).
    pub(crate) dirty: Vec<u32>,
    /// First page that may be given out.
    first: usize,
    /// One past the last page ever given out.
    high_water: usize,
    /// No unused page lies below this one.
    hint: usize,
    in_use: usize,
    /// Pages to be evacuated in this cycle.
    candidate: Vec<bool>,
    candidates: Vec<u32>,
}

impl PageTable {
    /// A table for a cage whose first `reserved` bytes belong to the permanent objects and the semi-spaces.
    pub(crate) fn new(cage_bytes: usize, reserved: usize) -> PageTable {
        let pages = cage_bytes / PAGE_SIZE;
        let first = reserved.div_ceil(PAGE_SIZE);
        let mut owner = vec![Owner::Unused; pages];
        owner[..first].fill(Owner::Reserved);
        PageTable {
            owner,
            sweep: vec![SweepState::Swept; pages],
            live_bytes: vec![0; pages],
            summary: vec![0; pages],
            dirty: Vec::new(),
            first,
            high_water: first,
            hint: first,
            in_use: 0,
            candidate: vec![false; pages],
            candidates: Vec::new(),
        }
    }

    /// Pages that old and large space could own at most.
    pub(crate) fn most_pages(&self) -> usize {
        self.owner.len() - self.first
    }

    /// Bytes of the table itself.
    pub(crate) fn metadata_bytes(&self) -> usize {
        let per_page =
            size_of::<Owner>() + size_of::<SweepState>() + 4 + size_of::<BucketSummary>();
        self.owner.capacity() * per_page + self.dirty.capacity() * 4
    }

    pub(crate) fn owner(&self, page: usize) -> Owner {
        self.owner[page]
    }

    pub(crate) fn sweep_state(&self, page: usize) -> SweepState {
        self.sweep[page]
    }

    pub(crate) fn set_sweep_state(&mut self, page: usize, state: SweepState) {
        self.sweep[page] = state;
    }

    /// Pages that old and large space own.
    pub(crate) fn in_use(&self) -> usize {
        self.in_use
    }

    /// Numbers of all pages that were ever given out.
    pub(crate) fn range(&self) -> std::ops::Range<usize> {
        self.first..self.high_water
    }

    /// Old pages, in address order.
    pub(crate) fn old_pages(&self) -> impl Iterator<Item = usize> + '_ {
        self.range().filter(|&p| self.owner[p] == Owner::Old)
    }

    /// Takes `count` neighbouring pages: the lowest that are free, committed ones or not.
    ///
    /// `Ok(None)` means that the cage has no such run.
    ///
    /// # Errors
    /// The system's, when it refuses memory for them.
    pub(crate) fn take(
        &mut self,
        cage: &mut Cage,
        count: usize,
        owner: Owner,
    ) -> io::Result<Option<usize>> {
        let Some(page) = self.find_run(count) else {
            return Ok(None);
        };
        cage.commit(page * PAGE_SIZE, count * PAGE_SIZE)?;
        cage.at(page * PAGE_SIZE).permit(count * PAGE_SIZE);
        self.owner[page] = owner;
        if count > 1 {
            self.owner[page + 1..page + count].fill(Owner::LargeTail);
        }
        self.live_bytes[page..page + count].fill(0);
        self.sweep[page..page + count].fill(SweepState::Swept);
        self.in_use += count;
        self.high_water = self.high_water.max(page + count);
        if count == 1 {
            self.hint = page + 1;
        }
        Ok(Some(page))
    }

    /// Whether `count` neighbouring pages are free.
    pub(crate) fn has_run(&self, count: usize) -> bool {
        self.find_run(count).is_some()
    }

    /// First page of the large object that owns a page.
    pub(crate) fn head_of(&self, mut page: usize) -> usize {
        while self.owner[page] == Owner::LargeTail {
            page -= 1;
        }
        page
    }

    fn find_run(&self, count: usize) -> Option<usize> {
        let mut run = 0;
        for page in self.hint..self.owner.len() {
            run = if self.owner[page] == Owner::Unused {
                run + 1
            } else {
                0
            };
            if run == count {
                return Some(page + 1 - count);
            }
        }
        None
    }

    /// Gives `count` pages back; their slot bits are dropped with them.
    pub(crate) fn give_back(&mut self, cage: &Cage, page: usize, count: usize) {
        for p in page..page + count {
            if !seeded::active(Bug::PageSlotsKept) {
                self.clear_slots(cage, p);
            }
            self.owner[p] = Owner::Unused;
            self.sweep[p] = SweepState::Swept;
            self.live_bytes[p] = 0;
        }
        cage.at(page * PAGE_SIZE).forbid(count * PAGE_SIZE);
        self.in_use -= count;
        self.hint = self.hint.min(page);
    }

    /// Groups of the next `count` pages that will be given out singly, each once.
    pub(crate) fn groups_given_out_next(&self, count: usize) -> Vec<usize> {
        let unused = (self.hint..self.owner.len()).filter(|&p| self.owner[p] == Owner::Unused);
        let mut groups: Vec<usize> = unused.take(count).map(|p| p / PAGES_PER_GROUP).collect();
        groups.dedup();
        groups
    }

    /// Groups that are committed and wholly unused: their memory can be returned.
    pub(crate) fn unused_groups<'a>(&'a self, cage: &'a Cage) -> impl Iterator<Item = usize> + 'a {
        let first = self.first.div_ceil(PAGES_PER_GROUP);
        let last = self.high_water.div_ceil(PAGES_PER_GROUP);
        (first..last).filter(move |&g| {
            let pages = g * PAGES_PER_GROUP..((g + 1) * PAGES_PER_GROUP).min(self.owner.len());
            cage.is_committed(g * GROUP_BYTES)
                && self.owner[pages].iter().all(|&o| o == Owner::Unused)
        })
    }

    // --- evacuation candidates ------------------------------------------------------------------------

    /// Whether a page is to be evacuated.
    #[inline(always)]
    pub(crate) fn is_candidate(&self, page: usize) -> bool {
        self.candidate[page]
    }

    /// The pages to be evacuated.
    pub(crate) fn candidates(&self) -> &[u32] {
        &self.candidates
    }

    /// Makes these pages the ones to be evacuated.
    pub(crate) fn set_candidates(&mut self, pages: Vec<u32>) {
        for page in self.candidates.drain(..) {
            self.candidate[page as usize] = false;
        }
        for &page in &pages {
            self.candidate[page as usize] = true;
        }
        self.candidates = pages;
    }

    // --- the old-to-young slot set -------------------------------------------------------------------

    /// Records the slot at `slot`: it holds a young reference and lies in the old generation.
    ///
    /// Most stores hit a slot that is recorded already: they cost one load and one test.
    #[inline(always)]
    pub(crate) fn record_slot(&mut self, cage: &Cage, slot: Addr) {
        let (word, bit) = cage.slot_bit(slot);
        if word.load_u64().wrapping_shr(bit) & 1 == 0 {
            self.record_rare_slot(cage, slot);
        }
    }

    /// Out of line, so that it costs a store nothing where the slot is recorded already.
    #[cold]
    #[inline(never)]
    fn record_rare_slot(&mut self, cage: &Cage, slot: Addr) {
        self.record_new_slot(cage, slot);
    }

    /// [`PageTable::record_slot`] for the scavenger, whose slots are mostly new: it has just taken them out of the
    /// set, or given them a new place.
    #[inline(always)]
    pub(crate) fn record_new_slot(&mut self, cage: &Cage, slot: Addr) {
        let (word, bit) = cage.slot_bit(slot);
        let bits = word.load_u64();
        word.store_u64(bits | 1_u64.wrapping_shl(bit));
        if bits == 0 {
            self.summarise(cage.offset(slot));
        }
    }

    /// A word got its first bit, that of the slot at `offset`: its bucket and its page are no longer empty.
    fn summarise(&mut self, offset: usize) {
        let (page, index) = (offset / PAGE_SIZE, offset / 4);
        let summary = self.summary[page];
        if summary == 0 {
            self.dirty.push(page as u32);
        }
        self.summary[page] = summary | 1 << (index % SLOTS_PER_PAGE / SLOTS_PER_BUCKET);
    }

    /// Whether the slot is recorded.
    #[cfg(test)]
    pub(crate) fn is_recorded(&self, cage: &Cage, slot: Addr) -> bool {
        let (word, bit) = cage.slot_bit(slot);
        word.load_u64().wrapping_shr(bit) & 1 == 1
    }

    /// Forgets the slots in `offset..offset + bytes`, which lie in one page.
    pub(crate) fn clear_slot_range(&mut self, cage: &Cage, offset: usize, bytes: usize) {
        let page = offset / PAGE_SIZE;
        let summary = self.summary[page];
        if summary == 0 || bytes == 0 {
            return;
        }
        let (first, last) = (offset / 4, (offset + bytes) / 4 - 1);
        for bucket in first / SLOTS_PER_BUCKET..=last / SLOTS_PER_BUCKET {
            if summary >> (bucket % BUCKETS_PER_PAGE) & 1 == 0 {
                continue;
            }
            let from = first.max(bucket * SLOTS_PER_BUCKET);
            let to = last.min((bucket + 1) * SLOTS_PER_BUCKET - 1);
            clear_bits(cage.slot_bits.base(), from, to);
        }
    }

    /// Asks for the bits of all recorded slots of a page: they will be looked at soon.
    pub(crate) fn prefetch_slots(&self, cage: &Cage, page: usize) {
        let mut summary = self.summary[page];
        while summary != 0 {
            bucket_addr(cage, page, summary.trailing_zeros() as usize).prefetch();
            summary &= summary - 1;
        }
    }

    /// Forgets all slots of a page.
    pub(crate) fn clear_slots(&mut self, cage: &Cage, page: usize) {
        let mut summary = std::mem::take(&mut self.summary[page]);
        if summary == 0 {
            return;
        }
        while summary != 0 {
            let bucket = summary.trailing_zeros() as usize;
            summary &= summary - 1;
            bucket_addr(cage, page, bucket).fill_u64(SLOTS_PER_BUCKET / 8, 0);
        }
        if let Some(at) = self.dirty.iter().position(|&p| p as usize == page) {
            self.dirty.swap_remove(at);
        }
    }
}

/// Address of the 64-byte line of slot bits of a bucket.
pub(crate) fn bucket_addr(cage: &Cage, page: usize, bucket: usize) -> Addr {
    cage.slot_bits
        .base()
        .add((page * SLOTS_PER_PAGE + bucket * SLOTS_PER_BUCKET) / 8)
}

/// Clears the bits `first..=last` of a bit table.
fn clear_bits(base: Addr, first: usize, last: usize) {
    for word in first / 64..=last / 64 {
        let mut mask = u64::MAX;
        if word == first / 64 {
            mask &= u64::MAX << (first % 64);
        }
        if word == last / 64 {
            mask &= u64::MAX >> (63 - last % 64);
        }
        let at = base.add(word * 8);
        at.store_u64(at.load_u64() & !mask);
    }
}

/// The mark bitmap's words for a page: their address and number.
pub(crate) fn mark_words(cage: &Cage, page: usize) -> (Addr, usize) {
    let granules = PAGE_SIZE / GRANULE;
    (
        cage.mark_bits.base().add(page * granules / 8),
        granules / 64,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> (Cage, PageTable) {
        let cage = Cage::reserve(8 * GROUP_BYTES).expect("reserve");
        let table = PageTable::new(8 * GROUP_BYTES, GROUP_BYTES);
        (cage, table)
    }

    #[test]
    fn runs_are_found_between_pages_in_use() {
        let (mut cage, mut t) = table();
        let a = t
            .take(&mut cage, 1, Owner::Old)
            .expect("commit")
            .expect("room");
        let big = t
            .take(&mut cage, 3, Owner::LargeHead)
            .expect("commit")
            .expect("room");
        let b = t
            .take(&mut cage, 1, Owner::Old)
            .expect("commit")
            .expect("room");
        assert_eq!(
            (a, big, b),
            (PAGES_PER_GROUP, PAGES_PER_GROUP + 1, PAGES_PER_GROUP + 4)
        );
        t.give_back(&cage, big, 3);
        assert_eq!(t.in_use(), 2);
        assert_eq!(
            t.take(&mut cage, 2, Owner::LargeHead).expect("commit"),
            Some(big)
        );
        assert_eq!(
            t.take(&mut cage, 10_000_000, Owner::LargeHead)
                .expect("commit"),
            None
        );
    }

    #[test]
    fn cleared_ranges_forget_their_slots_and_no_others() {
        let (mut cage, mut t) = table();
        let page = t
            .take(&mut cage, 1, Owner::Old)
            .expect("commit")
            .expect("room");
        let start = page * PAGE_SIZE;
        for slot in 0..SLOTS_PER_PAGE {
            t.record_slot(&cage, cage.at(start + slot * 4));
        }
        t.clear_slot_range(&cage, start + 40, 5000);
        for slot in 0..SLOTS_PER_PAGE {
            let inside = (40..5040).contains(&(slot * 4));
            assert_eq!(
                t.is_recorded(&cage, cage.at(start + slot * 4)),
                !inside,
                "slot {slot}"
            );
        }
        t.clear_slots(&cage, page);
        assert!(t.dirty.is_empty());
        assert!((0..SLOTS_PER_PAGE).all(|s| !t.is_recorded(&cage, cage.at(start + s * 4))));
    }
}
