//! The large-object space: objects over half a page own their pages, are born old, and never move.

use crate::cage::Addr;
use crate::heap::Core;
use crate::page::{Owner, PAGE_SIZE};

/// A large object: its first page and its bytes.
#[derive(Copy, Clone, Debug)]
pub(crate) struct LargeObject {
    pub(crate) page: usize,
    pub(crate) bytes: usize,
}

/// The large objects, in order of allocation.
#[derive(Default)]
pub(crate) struct LargeSpace {
    pub(crate) objects: Vec<LargeObject>,
    pub(crate) used: usize,
}

impl LargeObject {
    pub(crate) fn pages(self) -> usize {
        self.bytes.div_ceil(PAGE_SIZE)
    }
}

impl Core {
    /// Room for a large object, or `None` if the old limit, the cage or the system has none.
    pub(crate) fn allocate_large(&mut self, bytes: usize) -> Option<Addr> {
        let pages = bytes.div_ceil(PAGE_SIZE);
        if self.pages.in_use() + pages > self.old.max_pages {
            return None;
        }
        let started = self.tracer.start_between(self.clock.as_ref());
        let taken = self.pages.take(&mut self.cage, pages, Owner::LargeHead);
        self.tracer.end_between(self.clock.as_ref(), started);
        match taken {
            Ok(page) => {
                let page = page?;
                self.large.objects.push(LargeObject { page, bytes });
                self.large.used += bytes;
                self.allocated_before += bytes as u64;
                Some(self.cage.at(page * PAGE_SIZE))
            }
            Err(_) => {
                self.old.refused_by_system = pages * PAGE_SIZE;
                None
            }
        }
    }

    /// Frees the large objects that marking did not reach; the others lose their mark.
    pub(crate) fn sweep_large(&mut self) -> usize {
        let mut freed = 0;
        let objects = std::mem::take(&mut self.large.objects);
        for object in objects {
            let addr = self.cage.at(object.page * PAGE_SIZE);
            if self.clear_mark(addr) {
                self.large.objects.push(object);
            } else {
                self.poison(addr, object.bytes);
                self.pages
                    .give_back(&self.cage, object.page, object.pages());
                self.large.used -= object.bytes;
                freed += object.bytes;
            }
        }
        freed
    }
}
