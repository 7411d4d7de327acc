//! The compactor: evacuates fragmented pages so that they can be given back whole.
//!
//! ```text
//! choose candidates ─► (mark, recording slots) ─► evacuate: copy to other pages, forward ─► update slots ─► free
//! ```
//!
//! An incremental cycle chooses its candidates before marking, by their free blocks, and updates only the
//! slots that marking and the barrier recorded. A stop-the-world collection chooses them after marking, when
//! it knows what is live, and updates every slot of every live object.
//!
//! A recorded slot is rewritten only if it still refers to a forwarded object. An evacuated object is scanned
//! at its new place, where its slots are updated and its old-to-young ones recorded. Young survivors, roots,
//! weak and external entries are updated whole. An evacuation that runs out of room stops: what is left on a
//! page stays there.

use crate::cage::Addr;
use crate::clock::Work;
use crate::free_list::format_gap;
use crate::heap::Core;
use crate::marker::{Marker, mark_bit};
use crate::object::{Descriptor, FORWARDED};
use crate::options::Compaction;
use crate::page::{Owner, PAGE_SIZE, PAGES_PER_GROUP};
use crate::policy::memory::{
    Candidate, CompactionMode, choose_candidates, max_evacuated_bytes, wins_a_page,
};
use crate::scavenger::{object_bytes, slots_and_end};
use crate::seeded::{self, Bug};
use crate::value::{GRANULE, Value};

/// Pages that an evacuation may take beyond the old limit while it lasts.
const RESERVE_BYTES: usize = 4 << 20;

/// How much a collection evacuates.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum Extent {
    /// The most fragmented pages, as many as the mode allows.
    Pages(CompactionMode),
    /// In rounds, everything that wins pages.
    WholeHeap,
}

impl Core {
    /// Whether this heap ever moves old objects.
    pub(crate) fn may_compact(&self) -> bool {
        self.options.compaction != Compaction::Never
    }

    fn evacuates_everything(&self) -> bool {
        self.options.compaction == Compaction::Always
            || self.options.stress.as_ref().is_some_and(|s| s.evacuate_all)
    }

    /// At the start of an incremental cycle: pages by the share of free blocks on them.
    pub(crate) fn choose_candidates_before_marking(&mut self, marker: &mut Marker) {
        if !self.may_compact() {
            return;
        }
        self.old.close_buffer(&self.cage);
        let live_bytes = |page| PAGE_SIZE - self.old.free.bytes_on(page);
        if let Some(pages) = self.all_pages(live_bytes) {
            self.choose(pages, Extent::Pages(CompactionMode::Regular), 0);
        }
        marker.recording = !self.pages.candidates().is_empty();
    }

    /// After a stop-the-world marking: pages by what is live on them. `freed` are bytes of pages that earlier
    /// rounds have emptied: as many may be taken again.
    pub(crate) fn choose_candidates_after_marking(&mut self, extent: Extent, freed: usize) {
        if !self.may_compact() {
            return;
        }
        self.old.close_buffer(&self.cage);
        if let Some(pages) = self.all_pages(|page| self.pages.live_bytes[page] as usize) {
            self.choose(pages, extent, freed);
        }
    }

    /// Every old page with its live bytes. `None` if the system has no memory for the list, as may be when it has none for
    /// another page: then nothing is compacted.
    fn all_pages(&self, live_bytes: impl Fn(usize) -> usize) -> Option<Vec<Candidate>> {
        let mut pages = Vec::new();
        pages
            .try_reserve_exact(self.pages.old_pages().count())
            .ok()?;
        pages.extend(self.pages.old_pages().map(|page| Candidate {
            page,
            live_bytes: live_bytes(page),
        }));
        Some(pages)
    }

    fn choose(&mut self, mut pages: Vec<Candidate>, extent: Extent, freed: usize) {
        let chosen = match extent {
            Extent::Pages(mode) if !self.evacuates_everything() => {
                let target = self.controller.evacuation_target(mode, PAGE_SIZE);
                choose_candidates(&mut pages, PAGE_SIZE, target, max_evacuated_bytes(mode))
            }
            _ => {
                pages.retain(|c| c.live_bytes > 0);
                // Memory goes back in groups: pages won here and there would return nothing.
                let groups = self.live_bytes_of_groups();
                pages.sort_unstable_by_key(|c| {
                    let group = c.page / PAGES_PER_GROUP;
                    (groups[group], group, c.live_bytes, c.page)
                });
                let fit = self.sparsest_that_fit(&pages, freed);
                let moved = pages[..fit].iter().map(|c| c.live_bytes).sum();
                if self.evacuates_everything() || wins_a_page(fit, moved, PAGE_SIZE) {
                    fit
                } else {
                    0
                }
            }
        };
        let candidates: Vec<u32> = pages[..chosen].iter().map(|c| c.page as u32).collect();
        self.pages.set_candidates(candidates);
        if chosen > 0 {
            let table = &self.pages;
            self.old
                .free
                .remove_pages(&self.cage, |page| table.is_candidate(page));
        }
    }

    /// Live bytes by group, after marking; pages that cannot be evacuated count whole.
    fn live_bytes_of_groups(&self) -> Vec<usize> {
        let pages = self.pages.range();
        let mut groups = vec![0; pages.end.div_ceil(PAGES_PER_GROUP)];
        let first = pages.start / PAGES_PER_GROUP * PAGES_PER_GROUP;
        for page in first..pages.end {
            groups[page / PAGES_PER_GROUP] += match self.pages.owner(page) {
                Owner::Unused => 0,
                Owner::Old => self.pages.live_bytes[page] as usize,
                Owner::Reserved | Owner::LargeHead | Owner::LargeTail => PAGE_SIZE,
            };
        }
        groups
    }

    /// How many of the pages, sparsest groups first, have room for their objects on the others and in new pages.
    fn sparsest_that_fit(&self, pages: &[Candidate], freed: usize) -> usize {
        let spare_pages = self.old.max_pages.saturating_sub(self.pages.in_use());
        let spare = if self.evacuates_everything() {
            spare_pages * PAGE_SIZE
        } else {
            0
        };
        let mut room = self.old.free.bytes() + spare.max(freed) + RESERVE_BYTES;
        let mut moved = 0;
        for (n, candidate) in pages.iter().enumerate() {
            room = room.saturating_sub(self.old.free.bytes_on(candidate.page));
            moved += candidate.live_bytes;
            // Blocks do not fit exactly: an eighth is left over for that.
            if moved + moved / 8 > room {
                return n;
            }
        }
        pages.len()
    }

    /// Moves the marked objects off the candidate pages and updates every reference to them.
    ///
    /// `recorded` are the slots to update; without them all slots of all live objects are. Returns bytes moved.
    pub(crate) fn evacuate(&mut self, recorded: Option<Vec<Addr>>) -> usize {
        let (moved, left_behind, bytes) = self.evacuate_candidates();
        self.clock.charge(Work::Copied, bytes as u64);
        for &object in &moved {
            self.update_slots_of(object, true);
        }
        match recorded {
            Some(slots) => {
                self.clock.charge(Work::Slots, slots.len() as u64);
                for slot in slots {
                    self.update_slot(slot);
                }
            }
            None => self.update_all_old_slots(),
        }
        self.update_young_slots();
        self.update_roots();
        self.update_external_owners();
        self.update_weak();
        for (from, bytes) in left_behind {
            self.pages
                .clear_slot_range(&self.cage, self.cage.offset(from), bytes);
            format_gap(from, bytes, 0);
        }
        bytes
    }

    /// The rounds of a whole-heap compaction after the first: pages that a round has emptied are room for the
    /// next, so that rounds double, until one does not win a quarter of the pages that it moves. `before` is how
    /// many pages were in use when the first round began. Returns bytes moved.
    pub(crate) fn further_rounds(&mut self, before: usize) -> usize {
        let mut bytes = 0;
        let mut in_use = before;
        loop {
            let tried = self.pages.candidates().to_vec();
            self.pages.set_candidates(Vec::new());
            self.give_back_empty_pages();
            let won = in_use.saturating_sub(self.pages.in_use());
            if won == 0 || won < tried.len() / 4 {
                return bytes;
            }
            in_use = self.pages.in_use();
            self.choose_candidates_after_marking(Extent::WholeHeap, (before - in_use) * PAGE_SIZE);
            if self.pages.candidates().is_empty() {
                return bytes;
            }
            bytes += self.evacuate(None);
        }
    }

    /// After marking: gives back the pages on which nothing is live, so that what is moved can go there.
    pub(crate) fn give_back_empty_pages(&mut self) {
        self.old.close_buffer(&self.cage);
        let empty: Vec<usize> = self
            .pages
            .old_pages()
            .filter(|&page| self.pages.live_bytes[page] == 0)
            .collect();
        let live = &self.pages.live_bytes;
        self.old
            .free
            .remove_pages(&self.cage, |page| live[page] == 0);
        for page in empty {
            self.poison(self.cage.at(page * PAGE_SIZE), PAGE_SIZE);
            self.pages.give_back(&self.cage, page, 1);
        }
    }

    /// Copies the marked objects off the candidate pages: their new places, and the bytes moved.
    ///
    /// It ends early if there is no room for one. The page that it was on stays: the old places of those that
    /// had left it are returned too, to become gaps, since their forwarded headers do not tile it.
    fn evacuate_candidates(&mut self) -> (Vec<Addr>, Vec<(Addr, usize)>, usize) {
        let mut moved = Vec::new();
        let mut left_behind = Vec::new();
        let mut bytes_moved = 0;
        let max_pages = self.old.max_pages;
        self.old.max_pages += RESERVE_BYTES / PAGE_SIZE;
        'pages: for page in self.pages.candidates().to_vec() {
            let page = page as usize;
            let objects: Vec<Value> = self.marked_in(page).collect();
            for value in objects {
                let from = self.cage.addr(value);
                let bytes = object_bytes(from, Descriptor(from.load_u32()));
                let Some(to) = self.allocate_old(bytes) else {
                    break 'pages;
                };
                from.copy_to(to, bytes);
                let new = self.cage.value(to);
                from.store_u64(u64::from(FORWARDED) | u64::from(new.0) << 32);
                self.clear_mark(from);
                let (word, bit) = mark_bit(&self.cage, new);
                word.store_u64(word.load_u64() | bit);
                self.pages.live_bytes[page] -= bytes as u32;
                let target = self.page_of(new);
                self.pages.live_bytes[target] += bytes as u32;
                moved.push(to);
                left_behind.push((from, bytes));
                bytes_moved += bytes;
            }
            // Nothing is left on the page: it is given back as a whole.
            left_behind.clear();
        }
        self.old.max_pages = max_pages;
        (moved, left_behind, bytes_moved)
    }

    pub(crate) fn page_of(&self, value: Value) -> usize {
        value.granule() * GRANULE / PAGE_SIZE
    }

    /// The new place of an object that was evacuated in this pause; `value` itself for all others.
    #[inline(always)]
    pub(crate) fn evacuated(&self, value: Value) -> Value {
        if value.0 >= self.first_old_value() && self.pages.is_candidate(self.page_of(value)) {
            self.forwarded(value).unwrap_or(value)
        } else {
            value
        }
    }

    #[inline(always)]
    fn update_slot(&self, slot: Addr) {
        let value = slot.value();
        let new = self.evacuated(value);
        if new != value {
            slot.store_u32(new.0);
        }
    }

    fn update_slots_of(&mut self, object: Addr, moved: bool) {
        let (first, slots, _) = slots_and_end(object, Descriptor(object.load_u32()));
        for i in 0..slots {
            let slot = first.add(4 * i);
            self.update_slot(slot);
            if moved
                && self.is_young(slot.value())
                && !seeded::active(Bug::EvacuatedSlotNotRecorded)
            {
                self.record(slot);
            }
        }
    }

    fn update_all_old_slots(&mut self) {
        let pages: Vec<usize> = self.pages.old_pages().collect();
        for page in pages {
            let objects: Vec<Value> = self.marked_in(page).collect();
            for value in objects {
                self.update_slots_of(self.cage.addr(value), false);
            }
        }
        if seeded::active(Bug::LargeSlotsNotUpdated) {
            return;
        }
        for i in 0..self.large.objects.len() {
            let at = self.cage.at(self.large.objects[i].page * PAGE_SIZE);
            if self.is_marked(self.cage.value(at)) {
                self.update_slots_of(at, false);
            }
        }
    }

    fn update_young_slots(&mut self) {
        if seeded::active(Bug::YoungSlotsNotUpdated) {
            return;
        }
        let mut at = self.young.to_space_start();
        let end = self.young.top;
        while at < end {
            let (first, slots, next) = slots_and_end(at, Descriptor(at.load_u32()));
            for i in 0..slots {
                self.update_slot(first.add(4 * i));
            }
            at = next;
        }
    }

    fn update_roots(&mut self) {
        let (first, count) = self.handles.slots();
        for i in usize::from(seeded::active(Bug::CompactionHandleSkipped))..count {
            self.update_slot(first.add(4 * i));
        }
        if let Some(mut roots) = self.roots.take() {
            if !seeded::active(Bug::CompactionRootsSkipped) {
                roots.visit(|slot| *slot = self.evacuated(Value(*slot)).0);
            }
            self.roots = Some(roots);
        }
    }
}
