//! The old space: pages of objects that survived, with bump buffers over free blocks.

use crate::cage::{Addr, Cage};
use crate::free_list::FreeList;
use crate::heap::Core;
use crate::page::{Owner, PAGE_SIZE, SweepState};

/// Free bytes of an unswept page from which on sweeping it is better than taking a new page. Pages with less are swept
/// when there is no new page, or before the next marking: a scavenge that had to sweep a whole full heap to find a few
/// blocks would be no short pause.
pub(crate) const WORTH_SWEEPING: usize = PAGE_SIZE / 16;

/// The old space's buffer, free blocks and totals.
pub(crate) struct OldSpace {
    /// Next free byte of the open buffer, and its end; equal when none is open.
    pub(crate) top: Addr,
    pub(crate) limit: Addr,
    pub(crate) free: FreeList,
    /// Pages that marking left to be swept, last first: those that are worth it before those that are not.
    pub(crate) unswept: Vec<u32>,
    /// Bytes of objects and wasted gaps, the whole open buffer counted.
    used_with_buffer: usize,
    /// Most pages that old and large space may own.
    pub(crate) max_pages: usize,
    /// Bytes that the system refused when a page was last asked for; 0 if it did not.
    pub(crate) refused_by_system: usize,
}

impl OldSpace {
    pub(crate) fn new(max_bytes: usize, cage: &Cage) -> OldSpace {
        let nowhere = cage.base();
        OldSpace {
            top: nowhere,
            limit: nowhere,
            free: FreeList::new(cage.len() / PAGE_SIZE),
            unswept: Vec::new(),
            used_with_buffer: 0,
            max_pages: max_bytes / PAGE_SIZE,
            refused_by_system: 0,
        }
    }

    /// Bytes of objects, the dead of unswept pages not counted.
    pub(crate) fn used(&self) -> usize {
        self.used_with_buffer - (self.limit.0 - self.top.0)
    }

    /// Sets the bytes of objects after marking; no buffer is open then.
    pub(crate) fn set_used(&mut self, bytes: usize) {
        debug_assert!(self.top == self.limit);
        self.used_with_buffer = bytes;
    }

    /// Turns the rest of the open buffer into a free block.
    pub(crate) fn close_buffer(&mut self, cage: &Cage) {
        let rest = self.limit.0 - self.top.0;
        if rest > 0 {
            self.free.add(cage, self.top, rest);
            self.used_with_buffer -= rest;
        }
        self.limit = self.top;
    }

    fn open_buffer(&mut self, addr: Addr, bytes: usize) {
        debug_assert!(self.top == self.limit);
        self.top = addr;
        self.limit = addr.add(bytes);
        self.used_with_buffer += bytes;
    }
}

impl Core {
    /// Room for `bytes` in the old space, from the open buffer if it has any.
    #[inline(always)]
    pub(crate) fn allocate_old(&mut self, bytes: usize) -> Option<Addr> {
        let addr = self.old.top;
        if bytes <= self.old.limit.0 - addr.0 {
            self.old.top = addr.add(bytes);
            return Some(addr);
        }
        self.allocate_old_slow(bytes)
    }

    /// Opens another buffer: a free block, a lazily swept page, a new page; in this order.
    #[cold]
    #[inline(never)]
    fn allocate_old_slow(&mut self, bytes: usize) -> Option<Addr> {
        let started = self.tracer.start_between(self.clock.as_ref());
        let opened = self.open_buffer_for(bytes);
        self.tracer.end_between(self.clock.as_ref(), started);
        opened.then(|| {
            let addr = self.old.top;
            self.old.top = addr.add(bytes);
            addr
        })
    }

    fn open_buffer_for(&mut self, bytes: usize) -> bool {
        self.old.close_buffer(&self.cage);
        loop {
            if let Some((addr, size)) = self.old.free.take(&self.cage, bytes) {
                self.old.open_buffer(addr, size);
                return true;
            }
            if self.next_is_worth_sweeping() && self.sweep_one_page() {
                continue;
            }
            if let Some(addr) = self.add_old_page() {
                self.old.open_buffer(addr, PAGE_SIZE);
                return true;
            }
            if !self.sweep_one_page() {
                return false;
            }
        }
    }

    fn next_is_worth_sweeping(&self) -> bool {
        self.old.unswept.last().is_some_and(|&page| {
            PAGE_SIZE - self.pages.live_bytes[page as usize] as usize >= WORTH_SWEEPING
        })
    }

    fn add_old_page(&mut self) -> Option<Addr> {
        if self.pages.in_use() + 1 > self.old.max_pages {
            return None;
        }
        match self.pages.take(&mut self.cage, 1, Owner::Old) {
            Ok(page) => {
                let page = page?;
                self.pages.set_sweep_state(page, SweepState::Swept);
                Some(self.cage.at(page * PAGE_SIZE))
            }
            Err(_) => {
                self.old.refused_by_system = PAGE_SIZE;
                None
            }
        }
    }
}
