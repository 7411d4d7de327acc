//! The sweeper: turns what marking left unmarked into free blocks, page by page, when room is needed.
//!
//! Right after marking, pages without a marked object are given back whole; the others are queued. The old
//! space sweeps one at a time when its free list has nothing left, and all of them before the next cycle.
//! A gap's remembered slots are dropped before it becomes a free block, so that no slot in rubbish is ever
//! taken for a root (invariant I1); until a page is swept, the slots of its dead count as roots.

use crate::cage::Addr;
use crate::clock::Work;
use crate::heap::Core;
use crate::marker::{mark_bit, marked_granules};
use crate::object::{Descriptor, Kind};
use crate::old::WORTH_SWEEPING;
use crate::page::{Owner, PAGE_SIZE, SweepState, mark_words};
use crate::scavenger::object_end;
use crate::seeded::{self, Bug};
use crate::value::{GRANULE, Value};

impl Core {
    /// After marking: frees empty pages, queues the others. Returns the bytes that died.
    pub(crate) fn start_sweeping(&mut self) -> usize {
        debug_assert!(self.old.unswept.is_empty());
        let used_before = self.old.used();
        self.old.close_buffer(&self.cage);
        self.old.free.clear();
        let mut live = 0;
        let pages: Vec<usize> = self.pages.old_pages().collect();
        let mut worth_it = Vec::new();
        for &page in pages.iter().rev() {
            let bytes = self.pages.live_bytes[page] as usize;
            if bytes == 0 {
                self.poison(self.cage.at(page * PAGE_SIZE), PAGE_SIZE);
                self.pages.give_back(&self.cage, page, 1);
            } else {
                live += bytes;
                self.pages.set_sweep_state(page, SweepState::Unswept);
                if PAGE_SIZE - bytes >= WORTH_SWEEPING {
                    worth_it.push(page as u32);
                } else {
                    self.old.unswept.push(page as u32);
                }
            }
        }
        self.old.unswept.append(&mut worth_it);
        self.old.set_used(live);
        used_before.saturating_sub(live)
    }

    /// Sweeps one queued page; `false` if none is left.
    pub(crate) fn sweep_one_page(&mut self) -> bool {
        let Some(mut page) = self.old.unswept.pop() else {
            return false;
        };
        if self.page_not_to_sweep == Some(page as usize) {
            let Some(other) = self.old.unswept.pop() else {
                self.old.unswept.push(page);
                return false;
            };
            self.old.unswept.push(page);
            page = other;
        }
        self.sweep_page(page as usize);
        true
    }

    /// Sweeps every queued page.
    pub(crate) fn complete_sweep(&mut self) {
        while self.sweep_one_page() {}
    }

    fn sweep_page(&mut self, page: usize) {
        debug_assert!(self.pages.owner(page) == Owner::Old);
        let page_start = self.cage.at(page * PAGE_SIZE);
        let mut gap = page_start;
        let (words, count) = mark_words(&self.cage, page);
        for w in 0..count {
            let word = words.add(8 * w);
            let mut bits = word.load_u64();
            if bits == 0 {
                continue;
            }
            let base = page_start.add(w * 64 * GRANULE);
            while bits != 0 {
                let at = base.add(bits.trailing_zeros() as usize * GRANULE);
                bits &= bits - 1;
                if at > gap {
                    self.free_gap(gap, at.0 - gap.0);
                }
                gap = object_end(at);
                if seeded::active(Bug::SweeperOffByOne) {
                    gap = Addr(gap.0 - GRANULE);
                }
            }
            word.store_u64(0);
        }
        let end = page_start.add(PAGE_SIZE);
        if gap < end {
            self.free_gap(gap, end.0 - gap.0);
        }
        self.pages.set_sweep_state(page, SweepState::Swept);
        self.clock.charge(Work::Swept, PAGE_SIZE as u64);
    }

    fn free_gap(&mut self, at: Addr, bytes: usize) {
        if !seeded::active(Bug::GapSlotsKept) {
            self.pages
                .clear_slot_range(&self.cage, self.cage.offset(at), bytes);
        }
        self.poison(at, bytes);
        self.old.free.add(&self.cage, at, bytes);
    }

    /// Puts the free blocks of a swept page on the list again.
    pub(crate) fn list_free_blocks(&mut self, page: usize) {
        let mut at = self.cage.at(page * PAGE_SIZE);
        let end = at.add(PAGE_SIZE);
        while at < end {
            let next = object_end(at);
            if Descriptor(at.load_u32()).kind() == Kind::Free {
                self.old.free.add(&self.cage, at, next.0 - at.0);
            }
            at = next;
        }
    }

    /// Clears the mark bit of the object at `at`; whether it was set.
    pub(crate) fn clear_mark(&mut self, at: Addr) -> bool {
        let (word, bit) = mark_bit(&self.cage, self.cage.value(at));
        let bits = word.load_u64();
        word.store_u64(bits & !bit);
        bits & bit != 0
    }

    /// Whether the object that `value` refers to is marked.
    pub(crate) fn is_marked(&self, value: Value) -> bool {
        let (word, bit) = mark_bit(&self.cage, value);
        word.load_u64() & bit != 0
    }

    /// Clears all mark bits of a page.
    pub(crate) fn clear_marks(&mut self, page: usize) {
        let (words, count) = mark_words(&self.cage, page);
        words.fill_u64(8 * count, 0);
    }

    /// Values of the marked objects of a page, in address order.
    pub(crate) fn marked_in(&self, page: usize) -> impl Iterator<Item = Value> + '_ {
        marked_granules(&self.cage, page).map(Value::from_granule)
    }
}
