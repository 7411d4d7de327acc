//! Where the numbers of [`crate::stats`] come from.

use crate::cage::GROUP_BYTES;
use crate::event::HeapSizes;
use crate::heap::{Core, Heap};
use crate::page::PAGE_SIZE;
use crate::stats::{HeapSpaceStatistics, HeapStatistics, MemoryUsage, SpaceName};
use crate::system::resident_bytes;

impl Heap {
    /// What `v8.getHeapStatistics()` returns, for this heap.
    pub fn statistics(&self) -> HeapStatistics {
        self.core.statistics()
    }

    /// What `v8.getHeapSpaceStatistics()` returns, for this heap.
    pub fn space_statistics(&self) -> [HeapSpaceStatistics; 4] {
        self.core.space_statistics()
    }

    /// What `process.memoryUsage()` returns, with this heap in the place of the program's.
    pub fn memory_usage(&self) -> MemoryUsage {
        let core = &self.core;
        MemoryUsage {
            rss: resident_bytes(),
            heap_total: core.pages_bytes() as u64,
            heap_used: core.used() as u64,
            external: core.externals.bytes as u64,
            array_buffers: core.externals.raw_bytes() as u64,
        }
    }

    /// How much each part of the heap holds now.
    pub fn sizes(&self) -> HeapSizes {
        self.core.sizes()
    }

    /// Old-generation bytes at which the next major collection starts.
    pub fn old_generation_limit(&self) -> u64 {
        self.core.controller.old_generation_limit() as u64
    }

    /// Whether the heap's memory is backed by huge pages.
    pub fn huge_pages(&self) -> bool {
        self.core.cage.huge_pages()
    }
}

impl Core {
    /// Bytes of pages that the spaces own; of the young generation both halves, as V8 counts it.
    fn pages_bytes(&self) -> usize {
        2 * self.young.capacity + self.old_pages_bytes()
    }

    fn large_pages_bytes(&self) -> usize {
        self.large
            .objects
            .iter()
            .map(|o| o.pages() * PAGE_SIZE)
            .sum()
    }

    pub(crate) fn statistics(&self) -> HeapStatistics {
        // The limit that holds: a near-limit callback may have raised it.
        let raised = self.controller.max_old_generation() - self.limits.max_old_generation_size;
        let limit = self.limits.heap_size_limit() + raised;
        let used = self.used();
        let metadata = self.pages.metadata_bytes() + self.roots_bytes();
        HeapStatistics {
            total_heap_size: self.pages_bytes() as u64,
            total_heap_size_executable: 0,
            total_physical_size: self.cage.committed_bytes() as u64,
            total_available_size: limit.saturating_sub(used) as u64,
            used_heap_size: used as u64,
            heap_size_limit: limit as u64,
            malloced_memory: metadata as u64,
            peak_malloced_memory: metadata.max(self.peak_metadata.get()) as u64,
            does_zap_garbage: u64::from(self.options.stress.as_ref().is_some_and(|s| s.poison)),
            number_of_native_contexts: 1,
            number_of_detached_contexts: 0,
            total_global_handles_size: self.roots_bytes() as u64,
            used_global_handles_size: self.roots.as_ref().map_or(0, |r| r.globals_in_use() * 4)
                as u64,
            external_memory: self.externals.bytes as u64,
            total_allocated_bytes: self.allocated_bytes(),
        }
    }

    fn roots_bytes(&self) -> usize {
        self.roots
            .as_ref()
            .map_or(0, |r| r.globals.slots.borrow().values.capacity() * 4)
    }

    /// Bytes allocated since the heap was made, dead ones included.
    pub(crate) fn allocated_bytes(&self) -> u64 {
        self.allocated_before + self.allocated_since_collection() as u64
    }

    /// Bytes allocated in the young generation since the last collection, and those born old in its stead.
    pub(crate) fn allocated_since_collection(&self) -> usize {
        self.young.used() - self.young_after_collection + self.young.given_up()
    }

    pub(crate) fn space_statistics(&self) -> [HeapSpaceStatistics; 4] {
        let large_pages = self.large_pages_bytes();
        let old_pages = self.old_pages_bytes() - large_pages;
        let space = |space, size: usize, used: usize, available: usize, physical: usize| {
            HeapSpaceStatistics {
                space,
                space_size: size as u64,
                space_used_size: used as u64,
                space_available_size: available as u64,
                physical_space_size: physical as u64,
            }
        };
        let permanent = 5 * 8;
        let committed_for_old =
            self.cage.committed_bytes() - GROUP_BYTES - self.young.committed_bytes();
        [
            space(SpaceName::ReadOnly, GROUP_BYTES, permanent, 0, GROUP_BYTES),
            space(
                SpaceName::New,
                2 * self.young.capacity,
                self.young.used(),
                self.young.capacity - self.young.used(),
                self.young.committed_bytes(),
            ),
            space(
                SpaceName::Old,
                old_pages,
                self.old.used(),
                old_pages - self.old.used().min(old_pages),
                committed_for_old.saturating_sub(large_pages),
            ),
            space(
                SpaceName::LargeObject,
                large_pages,
                self.large.used,
                (self.old.max_pages * PAGE_SIZE).saturating_sub(self.old_pages_bytes()),
                large_pages,
            ),
        ]
    }
}
