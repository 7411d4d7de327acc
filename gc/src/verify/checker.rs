//! The checks themselves, in the order in which they rely on each other.

use super::object::Object;
use super::{Invariant, Place, Verified, VerifyError};
use crate::heap::{Core, FIRST_OBJECT_ID};
use crate::object::Kind;
use crate::options::PAGE_SIZE;
use crate::page::{Owner, SweepState};
use crate::value::Value;
use std::collections::HashSet;

const GRANULE: usize = 8;
/// `undefined`, `null`, `true`, `false` and the hole, by granule.
const PERMANENT: std::ops::RangeInclusive<usize> = 1..=5;

/// A set of granules.
struct Granules(Vec<u64>);

impl Granules {
    fn new(granules: usize) -> Self {
        Self(vec![0; granules.div_ceil(64)])
    }

    /// Adds one; whether it is new.
    fn insert(&mut self, granule: usize) -> bool {
        let (word, bit) = (granule / 64, 1 << (granule % 64));
        let new = self.0[word] & bit == 0;
        self.0[word] |= bit;
        new
    }

    fn contains(&self, granule: usize) -> bool {
        self.0
            .get(granule / 64)
            .is_some_and(|word| word >> (granule % 64) & 1 == 1)
    }
}

pub(super) struct Checker<'c> {
    core: &'c Core,
    /// Starts of objects that are not known to be dead, and of the dead on pages that are not swept yet.
    live: Granules,
    dead: Granules,
    /// Free blocks of swept pages: offset and bytes, in address order.
    blocks: Vec<(usize, usize)>,
    /// Live objects outside the young generation.
    old: Vec<Object>,
    young: Vec<Object>,
    seen: Verified,
}

type Check = Result<(), VerifyError>;

impl<'c> Checker<'c> {
    pub(super) fn new(core: &'c Core) -> Self {
        let granules = core.pages.range().end * PAGE_SIZE / GRANULE;
        Self {
            core,
            live: Granules::new(granules),
            dead: Granules::new(granules),
            blocks: Vec::new(),
            old: Vec::new(),
            young: Vec::new(),
            seen: Verified::default(),
        }
    }

    pub(super) fn run(mut self) -> Result<Verified, VerifyError> {
        self.permanent_objects()?;
        self.page_table()?;
        self.young_generation()?;
        let mut used = 0;
        for page in self.core.pages.range() {
            if self.core.pages.owner(page) == Owner::Old {
                used += self.old_page(page)?;
            }
        }
        self.total("old space", used, self.core.old.used())?;
        self.large_objects()?;
        self.free_list()?;
        self.references()?;
        self.recorded_slots()?;
        self.second_marker()?;
        self.tricolour()?;
        self.weak()?;
        self.identities()?;
        self.externals()?;
        Ok(self.seen)
    }

    // --- errors ----------------------------------------------------------------------------------------

    fn broken<T>(&self, invariant: Invariant, what: String) -> Result<T, VerifyError> {
        Err(VerifyError {
            invariant,
            what,
            object: None,
            slot: None,
        })
    }

    fn broken_at<T>(
        &self,
        invariant: Invariant,
        what: String,
        offset: usize,
        object: Option<&Object>,
    ) -> Result<T, VerifyError> {
        Err(VerifyError {
            invariant,
            what,
            object: Some(Place {
                offset,
                page: offset / PAGE_SIZE,
                kind: object.map(|o| o.kind),
                shape: object
                    .and_then(|o| self.core.shapes.get(o.shape))
                    .map(|s| s.name.to_string()),
            }),
            slot: None,
        })
    }

    fn broken_slot<T>(
        &self,
        invariant: Invariant,
        what: String,
        object: &Object,
        slot: usize,
    ) -> Result<T, VerifyError> {
        self.broken_at(invariant, what, object.offset, Some(object))
            .map_err(|error| VerifyError {
                slot: Some((slot - object.first_slot) / 4),
                ..error
            })
    }

    fn total(&self, what: &str, found: usize, said: usize) -> Check {
        if found == said {
            return Ok(());
        }
        self.broken(
            Invariant::Tiling,
            format!("{what}: the heap counts {said}, there are {found}"),
        )
    }

    fn read(&self, offset: usize, end: usize) -> Result<Object, VerifyError> {
        Object::read(self.core, offset, end)
            .or_else(|what| self.broken_at(Invariant::Layout, what, offset, None))
    }

    // --- spaces ----------------------------------------------------------------------------------------

    fn permanent_objects(&self) -> Check {
        for granule in PERMANENT {
            let header = self.core.cage.at(granule * GRANULE).load_u32();
            if header & 15 != Kind::Oddball as u32 {
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
    fn page_table(&self) -> Check {
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

    fn young_generation(&mut self) -> Check {
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
    fn old_page(&mut self, page: usize) -> Result<usize, VerifyError> {
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

    fn large_objects(&mut self) -> Check {
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
    fn free_list(&mut self) -> Check {
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

    fn is_marked(&self, offset: usize) -> bool {
        let granule = offset / GRANULE;
        let word = self.core.cage.mark_bits.base().add(granule / 64 * 8);
        word.load_u64() >> (granule % 64) & 1 == 1
    }

    // --- references ------------------------------------------------------------------------------------

    /// What is wrong with a value, if anything: it must be an integer or refer to an object that is there.
    fn fault(&self, value: Value) -> Option<(Invariant, String)> {
        if value.0 >> 31 == 0 {
            return None;
        }
        let granule = (value.0 & 0x7fff_ffff) as usize;
        if PERMANENT.contains(&granule) || self.live.contains(granule) {
            return None;
        }
        let offset = granule * GRANULE;
        if self.dead.contains(granule) {
            return Some((
                Invariant::Tricolour,
                format!("refers to {offset:#x}, which marking found dead"),
            ));
        }
        let young = &self.core.young;
        let from = self.core.cage.offset(young.from_space_start());
        if (from..from + young.max_capacity).contains(&offset) {
            return Some((
                Invariant::FromSpaceEmpty,
                format!("refers to {offset:#x} in from-space"),
            ));
        }
        Some((
            Invariant::StaleReference,
            format!("refers to {offset:#x}, where no object starts"),
        ))
    }

    fn is_young(&self, value: Value) -> bool {
        if value.0 >> 31 == 0 {
            return false;
        }
        let offset = (value.0 & 0x7fff_ffff) as usize * GRANULE;
        let young = &self.core.young;
        let start = self.core.cage.offset(young.to_space_start());
        (start..start + young.max_capacity).contains(&offset)
    }

    /// I2, I3 and I6 for every slot of every object that is not known dead; I1 for those of old ones.
    fn references(&mut self) -> Check {
        for object in &self.young {
            for slot in object.slot_offsets() {
                let value = self.core.cage.at(slot).value();
                if let Some((invariant, what)) = self.fault(value) {
                    return self.broken_slot(invariant, what, object, slot);
                }
            }
            self.seen.slots += object.slots;
        }
        for object in &self.old {
            for slot in object.slot_offsets() {
                let value = self.core.cage.at(slot).value();
                if let Some((invariant, what)) = self.fault(value) {
                    return self.broken_slot(invariant, what, object, slot);
                }
                if self.is_young(value) && !self.is_recorded(slot) {
                    return self.broken_slot(
                        Invariant::RememberedSet,
                        format!("the young reference {value:?} is not recorded"),
                        object,
                        slot,
                    );
                }
            }
            self.seen.slots += object.slots;
        }
        Ok(())
    }

    fn is_recorded(&self, offset: usize) -> bool {
        let slot = offset / 4;
        let word = self.core.cage.slot_bits.base().add(slot / 64 * 8);
        word.load_u64() >> (slot % 64) & 1 == 1
    }

    /// I1, the other half: every recorded slot lies among the slots of an object, live or not swept yet;
    /// and the summary of its page knows of it.
    fn recorded_slots(&mut self) -> Check {
        const SLOTS_PER_PAGE: usize = PAGE_SIZE / 4;
        const SLOTS_PER_BUCKET: usize = 512;
        let core = self.core;
        for page in core.pages.range() {
            let words = core.cage.slot_bits.base().add(page * SLOTS_PER_PAGE / 8);
            for w in 0..SLOTS_PER_PAGE / 64 {
                let mut bits = words.add(8 * w).load_u64();
                if bits == 0 {
                    continue;
                }
                let bucket = w * 64 / SLOTS_PER_BUCKET;
                if core.pages.summary[page] >> bucket & 1 == 0 {
                    return self.broken(
                        Invariant::RememberedSet,
                        format!(
                            "page {page}, bucket {bucket} has recorded slots that its summary lacks"
                        ),
                    );
                }
                while bits != 0 {
                    let slot = page * PAGE_SIZE + 4 * (w * 64 + bits.trailing_zeros() as usize);
                    bits &= bits - 1;
                    self.recorded_slot(page, slot)?;
                    self.seen.recorded_slots += 1;
                }
            }
        }
        Ok(())
    }

    /// The last granule of `lowest..=granule` where an object starts, live or dead.
    fn last_start(&self, lowest: usize, granule: usize) -> Option<usize> {
        let mut mask = u64::MAX >> (63 - granule % 64);
        for word in (lowest / 64..=granule / 64).rev() {
            let bits = (self.live.0[word] | self.dead.0[word]) & mask;
            if bits != 0 {
                let found = word * 64 + bits.ilog2() as usize;
                return (found >= lowest).then_some(found);
            }
            mask = u64::MAX;
        }
        None
    }

    fn recorded_slot(&self, page: usize, slot: usize) -> Check {
        let core = self.core;
        let nowhere = |what: &str| {
            self.broken_at(
                Invariant::RememberedSet,
                format!("a recorded slot lies in {what}"),
                slot,
                None,
            )
        };
        // Walks back to the object's start: the last start at or before the slot.
        let first_page = match core.pages.owner(page) {
            Owner::Unused => return nowhere("an unused page"),
            Owner::Reserved => return nowhere("a page that is not old"),
            Owner::Old | Owner::LargeHead => page,
            Owner::LargeTail => match (0..page)
                .rev()
                .find(|&p| core.pages.owner(p) != Owner::LargeTail)
            {
                Some(head) => head,
                None => return nowhere("a large object without a head"),
            },
        };
        let Some(start) = self.last_start(first_page * PAGE_SIZE / GRANULE, slot / GRANULE) else {
            return nowhere("no object");
        };
        let object = self.read(start * GRANULE, usize::MAX)?;
        if slot < object.first_slot || slot >= object.first_slot + 4 * object.slots {
            return nowhere("a place that is no slot of an object");
        }
        // The dead of unswept pages count as roots: what they refer to must be there if it is young.
        let value = core.cage.at(slot).value();
        let young_fault = self
            .fault(value)
            .filter(|(invariant, _)| *invariant == Invariant::FromSpaceEmpty);
        match young_fault {
            Some((invariant, what)) => self.broken_slot(invariant, what, &object, slot),
            None if self.is_young(value) && self.fault(value).is_some() => self.broken_slot(
                Invariant::StaleReference,
                format!("the recorded reference {value:?} names no young object"),
                &object,
                slot,
            ),
            None => Ok(()),
        }
    }

    /// I2 and I6 once more, from the roots: all that is reachable is there, and nothing of it is white.
    fn second_marker(&mut self) -> Check {
        let granules = self.live.0.len() * 64;
        let mut reached = Granules::new(granules);
        let mut stack: Vec<usize> = Vec::new();
        for (group, values) in self.core.root_groups() {
            for (index, value) in values.into_iter().enumerate() {
                if let Some((invariant, what)) = self.fault(value) {
                    return self.broken(invariant, format!("root {index} of '{group}' {what}"));
                }
                push(value, &mut reached, &mut stack);
            }
        }
        while let Some(granule) = stack.pop() {
            let object = self.read(granule * GRANULE, usize::MAX)?;
            self.seen.reachable_objects += 1;
            self.seen.reachable_bytes += object.bytes;
            for slot in object.slot_offsets() {
                let value = self.core.cage.at(slot).value();
                if let Some((invariant, what)) = self.fault(value) {
                    return self.broken_slot(invariant, what, &object, slot);
                }
                push(value, &mut reached, &mut stack);
            }
        }
        Ok(())
    }

    /// I2 while marking is in progress: what a black old object refers to is marked or on the worklist.
    fn tricolour(&mut self) -> Check {
        let Some(cycle) = &self.core.cycle else {
            return Ok(());
        };
        let Some((pending, partly_scanned)) = cycle.marker.pending() else {
            return Ok(());
        };
        let grey: HashSet<u32> = pending.collect();
        let partly: HashSet<u32> = partly_scanned.collect();
        for object in &self.old {
            let own = self.core.cage.value(self.core.cage.at(object.offset)).0;
            if !self.is_marked(object.offset) || partly.contains(&own) {
                continue;
            }
            for slot in object.slot_offsets() {
                let value = self.core.cage.at(slot).value();
                let granule = (value.0 & 0x7fff_ffff) as usize;
                if value.0 >> 31 == 0 || PERMANENT.contains(&granule) || self.is_young(value) {
                    continue;
                }
                if !self.is_marked(granule * GRANULE) && !grey.contains(&value.0) {
                    return self.broken_slot(
                        Invariant::Tricolour,
                        format!("the black object refers to {value:?}, which is white"),
                        object,
                        slot,
                    );
                }
            }
        }
        Ok(())
    }

    /// I6 for weak entries: owners, keys, values, targets and held values are there.
    fn weak(&self) -> Check {
        for (what, value) in self.core.weak.all_values() {
            if let Some((invariant, fault)) = self.fault(value) {
                return self.broken(invariant, format!("{what} {fault}"));
            }
        }
        Ok(())
    }

    // --- identities and external stores ----------------------------------------------------------------

    /// I7: ids are odd, unique, and none lies beyond those given out.
    fn identities(&self) -> Check {
        let next = self.core.peek_next_identity();
        let mut ids: Vec<(u32, usize)> = self
            .young
            .iter()
            .chain(&self.old)
            .filter(|o| o.identity != 0)
            .map(|o| (o.identity, o.offset))
            .collect();
        let stores = self.core.externals.stores.iter().flatten();
        ids.extend(stores.filter(|s| s.identity != 0).map(|s| {
            (
                s.identity,
                self.core.cage.offset(self.core.cage.addr(s.owner)),
            )
        }));
        ids.sort_unstable();
        for &(id, offset) in &ids {
            if id % 2 == 0 || id < FIRST_OBJECT_ID || id >= next {
                return self.broken_at(
                    Invariant::Identity,
                    format!("the id {id} was never given out (next: {next})"),
                    offset,
                    None,
                );
            }
        }
        match ids.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            Some(pair) => self.broken_at(
                Invariant::Identity,
                format!(
                    "the id {} belongs to what is at {:#x} too",
                    pair[0].0, pair[0].1
                ),
                pair[1].1,
                None,
            ),
            None => Ok(()),
        }
    }

    /// I6 for the owners of external memory, and the sums of their bytes.
    fn externals(&self) -> Check {
        let externals = &self.core.externals;
        let mut listed = vec![0u32; externals.stores.len()];
        for (list, young) in [(&externals.young, true), (&externals.old, false)] {
            for &index in list {
                let Some(Some(store)) = externals.stores.get(index as usize) else {
                    return self.broken(
                        Invariant::StaleReference,
                        format!("external store {index} is listed but not there"),
                    );
                };
                listed[index as usize] += 1;
                if let Some((invariant, what)) = self.fault(store.owner) {
                    return self.broken(invariant, format!("the owner of store {index} {what}"));
                }
                let offset = self.core.cage.offset(self.core.cage.addr(store.owner));
                let owner = self.read(offset, usize::MAX)?;
                let named = self.core.cage.at(offset + 8).load_u32();
                if owner.kind != Kind::External || named != index {
                    return self.broken_at(
                        Invariant::StaleReference,
                        format!("external store {index} is not this object's"),
                        offset,
                        Some(&owner),
                    );
                }
                if self.is_young(store.owner) != young {
                    return self.broken_at(
                        Invariant::StaleReference,
                        format!("external store {index} is on the list of the other generation"),
                        offset,
                        Some(&owner),
                    );
                }
            }
        }
        for (index, store) in externals.stores.iter().enumerate() {
            if listed[index] != u32::from(store.is_some()) {
                return self.broken(
                    Invariant::StaleReference,
                    format!("external store {index} is listed {} times", listed[index]),
                );
            }
        }
        let bytes = externals.stores.iter().flatten().map(|s| s.bytes).sum();
        self.total("external bytes", bytes, externals.bytes)
    }
}

/// Adds what `value` refers to to the worklist, once.
fn push(value: Value, reached: &mut Granules, stack: &mut Vec<usize>) {
    let granule = (value.0 & 0x7fff_ffff) as usize;
    if value.0 >> 31 == 1 && !PERMANENT.contains(&granule) && reached.insert(granule) {
        stack.push(granule);
    }
}
