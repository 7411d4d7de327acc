//! Free blocks of swept pages, by size class.
//!
//! Blocks up to 256 bytes have a class per size, larger ones a class per power of two. The list holds whole
//! gaps; the old space opens one at a time as its bump buffer, so that allocation and promotion are a bump
//! and a compare and fresh neighbours lie side by side.
//!
//! A block is an object of kind `Free`: its identity half links to the next block of its class. Gaps of one
//! granule have no room for a size: they are plain headers, counted as waste until their neighbours die.

use crate::cage::{Addr, Cage};
use crate::object::{Descriptor, Kind, wide_word};
use crate::page::PAGE_SIZE;
use crate::seeded::{self, Bug};
use crate::shape::builtin;
use crate::value::{GRANULE, Value};

const EXACT_GRANULES: usize = 32;
const CLASSES: usize = EXACT_GRANULES + 1 + 12;
/// Buffers of at least this many bytes are preferred: refilling is rare and promotion stays sequential.
const PREFERRED_BUFFER: usize = 2048;

/// Smallest gap that can be allocated from again.
pub(crate) const MIN_BLOCK: usize = 2 * GRANULE;

/// The free blocks of the old space.
pub(crate) struct FreeList {
    heads: [u32; CLASSES],
    non_empty: u64,
    bytes: usize,
    /// Bytes of blocks on each page.
    per_page: Vec<u32>,
}

fn class_of(bytes: usize) -> usize {
    let granules = bytes / GRANULE;
    if granules <= EXACT_GRANULES {
        granules
    } else {
        (EXACT_GRANULES + 1 + (granules.ilog2() - 5) as usize).min(CLASSES - 1)
    }
}

/// Makes `bytes` at `addr` a free block that tiles the page; the list is not told.
pub(crate) fn format_gap(addr: Addr, bytes: usize, next: u32) {
    if bytes == GRANULE {
        addr.store_u64(Descriptor::narrow(Kind::Free, builtin::FREE, 0, 0).0 as u64);
    } else {
        addr.store_u64(Descriptor::wide(Kind::Free, builtin::FREE).0 as u64 | (next as u64) << 32);
        addr.add(8).store_u64(wide_word(0, bytes - 16));
    }
}

fn block_bytes(addr: Addr) -> usize {
    (addr.add(8).load_u64() >> 32) as usize + 16
}

impl FreeList {
    /// An empty list for a cage of `pages` pages.
    pub(crate) fn new(pages: usize) -> FreeList {
        FreeList {
            heads: [0; CLASSES],
            non_empty: 0,
            bytes: 0,
            per_page: vec![0; pages],
        }
    }

    /// Bytes in the list.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Forgets all blocks: marking has just decided anew what is free.
    pub(crate) fn clear(&mut self) {
        self.heads = [0; CLASSES];
        self.non_empty = 0;
        self.bytes = 0;
        self.per_page.fill(0);
    }

    /// Adds the gap `addr..addr + bytes`.
    pub(crate) fn add(&mut self, cage: &Cage, addr: Addr, bytes: usize) {
        debug_assert!(bytes >= GRANULE && bytes.is_multiple_of(GRANULE));
        if bytes < MIN_BLOCK {
            format_gap(addr, bytes, 0);
            return;
        }
        let class = class_of(bytes);
        format_gap(addr, bytes, self.heads[class]);
        // Header and size stay readable: blocks tile their page.
        addr.add(MIN_BLOCK).forbid(bytes - MIN_BLOCK);
        self.heads[class] = cage.value(addr).0;
        self.non_empty |= 1 << class;
        self.bytes += bytes;
        self.per_page[cage.offset(addr) / PAGE_SIZE] += bytes as u32;
    }

    /// Takes a block of at least `bytes`: a large one if there is any, else the best-fitting class.
    pub(crate) fn take(&mut self, cage: &Cage, bytes: usize) -> Option<(Addr, usize)> {
        let class = class_of(bytes);
        // In an exact class every block fits; in a power-of-two class only those of the next class surely do.
        let sure = if bytes / GRANULE <= EXACT_GRANULES {
            class
        } else {
            class + 1
        };
        let preferred = class_of(PREFERRED_BUFFER).max(sure);
        for from in [preferred, sure] {
            let candidates = if from < 64 {
                self.non_empty & (u64::MAX << from)
            } else {
                0
            };
            if candidates != 0 {
                return Some(self.pop(cage, candidates.trailing_zeros() as usize));
            }
        }
        self.search(cage, class, bytes)
    }

    fn pop(&mut self, cage: &Cage, class: usize) -> (Addr, usize) {
        let addr = cage.addr(Value(self.heads[class]));
        let bytes = block_bytes(addr);
        self.unlink(cage, class, None, addr);
        (addr, bytes)
    }

    /// First fit inside the class whose blocks may be too small.
    fn search(&mut self, cage: &Cage, class: usize, wanted: usize) -> Option<(Addr, usize)> {
        let mut before: Option<Addr> = None;
        let mut at = self.heads[class];
        while at != 0 {
            let addr = cage.addr(Value(at));
            let bytes = block_bytes(addr);
            if bytes >= wanted {
                self.unlink(cage, class, before, addr);
                return Some((addr, bytes));
            }
            before = Some(addr);
            at = (addr.load_u64() >> 32) as u32;
        }
        None
    }

    fn unlink(&mut self, cage: &Cage, class: usize, before: Option<Addr>, addr: Addr) {
        if seeded::active_every(Bug::FreeBlockTakenTwice, 3) {
            return;
        }
        let next = (addr.load_u64() >> 32) as u32;
        let bytes = block_bytes(addr);
        addr.permit(bytes);
        self.bytes -= bytes;
        self.per_page[cage.offset(addr) / PAGE_SIZE] -= bytes as u32;
        match before {
            None => {
                self.heads[class] = next;
                if next == 0 {
                    self.non_empty &= !(1 << class);
                }
            }
            Some(before) => before.add(4).store_u32(next),
        }
    }

    /// Bytes of the blocks on a page.
    pub(crate) fn bytes_on(&self, page: usize) -> usize {
        self.per_page[page] as usize
    }

    /// Forgets the blocks of some pages: nothing may be allocated there any more.
    pub(crate) fn remove_pages(&mut self, cage: &Cage, removed: impl Fn(usize) -> bool) {
        for class in 0..CLASSES {
            let mut before = None;
            let mut at = self.heads[class];
            while at != 0 {
                let addr = cage.addr(Value(at));
                at = (addr.load_u64() >> 32) as u32;
                if removed(cage.offset(addr) / PAGE_SIZE) {
                    self.unlink(cage, class, before, addr);
                } else {
                    before = Some(addr);
                }
            }
        }
    }

    /// Every block, for the verifier: address and bytes.
    pub(crate) fn blocks(&self, cage: &Cage) -> Vec<(Addr, usize)> {
        let mut blocks = Vec::new();
        for head in self.heads {
            let mut at = head;
            while at != 0 {
                let addr = cage.addr(Value(at));
                blocks.push((addr, block_bytes(addr)));
                at = (addr.load_u64() >> 32) as u32;
            }
        }
        blocks
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cage::GROUP_BYTES;

    #[test]
    fn every_block_that_fits_is_found_and_none_twice() {
        let mut cage = Cage::reserve(GROUP_BYTES).expect("reserve");
        cage.commit(0, GROUP_BYTES).expect("commit");
        let mut list = FreeList::new(GROUP_BYTES / PAGE_SIZE);
        let mut offset = 64;
        let sizes = [8, 16, 24, 256, 264, 304, 512, 1000, 2048, 4096, 5000];
        for size in sizes {
            list.add(&cage, cage.at(offset), size);
            offset += size + 8;
        }
        let usable: usize = sizes.iter().filter(|&&s| s >= MIN_BLOCK).sum();
        assert_eq!(list.bytes(), usable);
        assert_eq!(list.blocks(&cage).len(), sizes.len() - 1);
        assert_eq!(list.take(&cage, 5000).map(|b| b.1), Some(5000));
        assert_eq!(list.take(&cage, 5000), None);
        assert_eq!(
            list.take(&cage, 16).map(|b| b.1),
            Some(2048),
            "large buffers first"
        );
        assert_eq!(list.take(&cage, 300).map(|b| b.1), Some(4096));
        let mut rest: Vec<usize> =
            std::iter::from_fn(|| list.take(&cage, 16).map(|b| b.1)).collect();
        rest.sort_unstable();
        assert_eq!(rest, [16, 24, 256, 264, 304, 512, 1000]);
        assert_eq!(list.bytes(), 0);
    }
}
