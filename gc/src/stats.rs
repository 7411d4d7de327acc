//! Statistics in the form of Node's: `v8.getHeapStatistics()`, `v8.getHeapSpaceStatistics()` and
//! `process.memoryUsage()`.
//!
//! Rust names are snake_case; each type lists its values under exactly the JSON keys of Node's, in Node's
//! order, so that a program can print them without this crate knowing of any format. All sizes are bytes.

/// What `v8.getHeapStatistics()` returns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HeapStatistics {
    /// Memory of pages in use by the heap's spaces.
    pub total_heap_size: u64,
    /// Of that, executable: always 0, this heap holds no code.
    pub total_heap_size_executable: u64,
    /// Memory that the system has committed for the heap.
    pub total_physical_size: u64,
    /// How much more can be allocated before the limit.
    pub total_available_size: u64,
    /// Bytes of objects.
    pub used_heap_size: u64,
    /// Most that the heap may take: see [`crate::HeapLimits::heap_size_limit`].
    pub heap_size_limit: u64,
    /// Memory taken from the Rust allocator for metadata.
    pub malloced_memory: u64,
    /// Most that ever was.
    pub peak_malloced_memory: u64,
    /// Whether dead objects are overwritten: 1 under stress, else 0.
    pub does_zap_garbage: u64,
    /// Contexts of JavaScript: one heap counts as one.
    pub number_of_native_contexts: u64,
    /// Detached contexts: always 0.
    pub number_of_detached_contexts: u64,
    /// Memory of the global handles' table.
    pub total_global_handles_size: u64,
    /// Of that, in use.
    pub used_global_handles_size: u64,
    /// Memory outside the heap owned by objects in it.
    pub external_memory: u64,
    /// Bytes allocated since the heap was made, dead ones included.
    pub total_allocated_bytes: u64,
}

impl HeapStatistics {
    /// Every value under its JSON key, in Node's order.
    pub fn fields(&self) -> [(&'static str, u64); 15] {
        [
            ("total_heap_size", self.total_heap_size),
            (
                "total_heap_size_executable",
                self.total_heap_size_executable,
            ),
            ("total_physical_size", self.total_physical_size),
            ("total_available_size", self.total_available_size),
            ("used_heap_size", self.used_heap_size),
            ("heap_size_limit", self.heap_size_limit),
            ("malloced_memory", self.malloced_memory),
            ("peak_malloced_memory", self.peak_malloced_memory),
            ("does_zap_garbage", self.does_zap_garbage),
            ("number_of_native_contexts", self.number_of_native_contexts),
            (
                "number_of_detached_contexts",
                self.number_of_detached_contexts,
            ),
            ("total_global_handles_size", self.total_global_handles_size),
            ("used_global_handles_size", self.used_global_handles_size),
            ("external_memory", self.external_memory),
            ("total_allocated_bytes", self.total_allocated_bytes),
        ]
    }
}

/// The heap's spaces, under V8's names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SpaceName {
    /// The permanent objects.
    ReadOnly,
    /// The young generation.
    New,
    /// Pages of the old generation.
    Old,
    /// Large objects.
    LargeObject,
}

impl SpaceName {
    /// All spaces, in V8's order.
    pub const ALL: [Self; 4] = [Self::ReadOnly, Self::New, Self::Old, Self::LargeObject];

    /// V8's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ReadOnly => "read_only_space",
            Self::New => "new_space",
            Self::Old => "old_space",
            Self::LargeObject => "large_object_space",
        }
    }
}

/// One element of what `v8.getHeapSpaceStatistics()` returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeapSpaceStatistics {
    /// Which space.
    pub space: SpaceName,
    /// Memory of the pages in use by the space.
    pub space_size: u64,
    /// Bytes of objects in it.
    pub space_used_size: u64,
    /// Bytes of it that can be allocated from.
    pub space_available_size: u64,
    /// Memory that the system has committed for it.
    pub physical_space_size: u64,
}

impl HeapSpaceStatistics {
    /// The JSON key of the space's name, and the name.
    pub fn name_field(&self) -> (&'static str, &'static str) {
        ("space_name", self.space.as_str())
    }

    /// Every number under its JSON key, in Node's order; they follow [`HeapSpaceStatistics::name_field`].
    pub fn fields(&self) -> [(&'static str, u64); 4] {
        [
            ("space_size", self.space_size),
            ("space_used_size", self.space_used_size),
            ("space_available_size", self.space_available_size),
            ("physical_space_size", self.physical_space_size),
        ]
    }
}

/// What `process.memoryUsage()` returns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MemoryUsage {
    /// Resident size of the whole process.
    pub rss: u64,
    /// Memory of pages in use by the heap's spaces.
    pub heap_total: u64,
    /// Bytes of objects.
    pub heap_used: u64,
    /// Memory outside the heap owned by objects in it.
    pub external: u64,
    /// Of that, raw bytes (not owned Rust values).
    pub array_buffers: u64,
}

impl MemoryUsage {
    /// Every value under its JSON key, in Node's order.
    pub fn fields(&self) -> [(&'static str, u64); 5] {
        [
            ("rss", self.rss),
            ("heapTotal", self.heap_total),
            ("heapUsed", self.heap_used),
            ("external", self.external),
            ("arrayBuffers", self.array_buffers),
        ]
    }
}

/// What the system has: `os.totalmem()`, `os.freemem()` and `process.constrainedMemory()`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SystemMemory {
    /// Physical memory of the machine.
    pub total: u64,
    /// Of that, available without swapping.
    pub free: u64,
    /// The container's limit (`memory.max`), if there is one.
    pub constrained: Option<u64>,
}

impl SystemMemory {
    /// Every value under the name of Node's function; a missing limit is 0, as in Node.
    pub fn fields(&self) -> [(&'static str, u64); 3] {
        [
            ("totalmem", self.total),
            ("freemem", self.free),
            ("constrainedMemory", self.constrained.unwrap_or(0)),
        ]
    }

    /// What a process here may use at most: the container's limit, or the machine's memory.
    pub fn usable(&self) -> u64 {
        self.constrained
            .map_or(self.total, |limit| limit.min(self.total))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys<const N: usize>(fields: [(&'static str, u64); N]) -> [&'static str; N] {
        fields.map(|(key, _)| key)
    }

    /// The keys that Node 20 printed, in its order.
    #[test]
    fn keys_are_nodes() {
        let heap = keys(HeapStatistics::default().fields());
        assert_eq!(
            heap[..14].join(" "),
            "total_heap_size total_heap_size_executable total_physical_size total_available_size \
             used_heap_size heap_size_limit malloced_memory peak_malloced_memory does_zap_garbage \
             number_of_native_contexts number_of_detached_contexts total_global_handles_size \
             used_global_handles_size external_memory"
        );
        assert_eq!(
            keys(MemoryUsage::default().fields()).join(" "),
            "rss heapTotal heapUsed external arrayBuffers"
        );
        let space = HeapSpaceStatistics {
            space: SpaceName::Old,
            space_size: 1,
            space_used_size: 2,
            space_available_size: 3,
            physical_space_size: 4,
        };
        assert_eq!(space.name_field(), ("space_name", "old_space"));
        assert_eq!(
            keys(space.fields()).join(" "),
            "space_size space_used_size space_available_size physical_space_size"
        );
        assert_eq!(space.fields().map(|(_, value)| value), [1, 2, 3, 4]);
    }

    /// Each field is listed under its own key: distinct values come out in declaration order.
    #[test]
    fn no_field_is_listed_under_another_key() {
        let heap = HeapStatistics {
            total_heap_size: 1,
            total_heap_size_executable: 2,
            total_physical_size: 3,
            total_available_size: 4,
            used_heap_size: 5,
            heap_size_limit: 6,
            malloced_memory: 7,
            peak_malloced_memory: 8,
            does_zap_garbage: 9,
            number_of_native_contexts: 10,
            number_of_detached_contexts: 11,
            total_global_handles_size: 12,
            used_global_handles_size: 13,
            external_memory: 14,
            total_allocated_bytes: 15,
        };
        let values: Vec<u64> = heap.fields().iter().map(|&(_, value)| value).collect();
        assert_eq!(values, (1..=15).collect::<Vec<_>>());
        let usage = MemoryUsage {
            rss: 1,
            heap_total: 2,
            heap_used: 3,
            external: 4,
            array_buffers: 5,
        };
        assert_eq!(usage.fields().map(|(_, value)| value), [1, 2, 3, 4, 5]);
    }

    #[test]
    fn a_container_counts_only_when_it_is_smaller() {
        let mut memory = SystemMemory {
            total: 100,
            free: 50,
            constrained: None,
        };
        assert_eq!(memory.usable(), 100);
        memory.constrained = Some(30);
        assert_eq!(memory.usable(), 30);
        memory.constrained = Some(1000);
        assert_eq!(memory.usable(), 100);
        assert_eq!(memory.fields()[2], ("constrainedMemory", 1000));
    }
}
