//! Collections from beginning to end, and the allocation slow path that starts them.
//!
//! ```text
//! allocate ─ no room ─► over the old limit? ──no──► minor ─ room? ─► done
//!                              │yes                    │ no, or promotion failed
//!                              ▼                       ▼
//!                            major ─ room? ─► done ─► major again (last resort) ─ room? ─► done
//!                                                                                  │ no
//!                                                                                  ▼ HeapLimitReached
//! ```

use crate::cage::{Addr, GROUP_BYTES};
use crate::clock::Work;
use crate::error::{HeapLimitReached, Limit};
use crate::event::{CollectionKind, CollectionReason, CollectorReason, HeapSizes, Phase};
use crate::heap::Core;
use crate::marker::Marker;
use crate::page::PAGE_SIZE;
use crate::scavenger::Scavenged;

/// After a major collection at the limit, at least this share of the semi-space must be free, or allocation
/// gives up: otherwise ever smaller steps would be bought with whole collections.
const MIN_YOUNG_FREE_AT_LIMIT: usize = 8;

impl Core {
    /// Collects now.
    pub(crate) fn collect(&mut self, kind: CollectionKind, reason: CollectionReason) {
        match kind {
            CollectionKind::Minor => self.minor(reason),
            CollectionKind::Major => self.major(reason),
        }
    }

    /// A scavenge with its event, and the decisions that follow from it.
    fn minor(&mut self, reason: CollectionReason) {
        self.begin(CollectionKind::Minor, reason);
        let done = self.scavenge();
        self.tracer.scavenged(&done);
        self.phase(Phase::ScavengeFinish);
        self.resize_young(&done);
        self.end();
    }

    /// A stop-the-world mark-sweep of the old generation: a scavenge first, whose survivors are roots.
    fn major(&mut self, reason: CollectionReason) {
        self.begin(CollectionKind::Major, reason);
        self.phase(Phase::CompleteSweep);
        self.complete_sweep();
        let done = self.scavenge();
        self.tracer.scavenged(&done);

        self.phase(Phase::MarkRoots);
        for page in self.pages.range() {
            self.pages.live_bytes[page] = 0;
        }
        let mut marker = Marker::new(&self.cage, self.first_old_value());
        self.mark_from_roots(&mut marker);
        self.phase(Phase::MarkClosure);
        marker.drain(&self.cage, &mut self.pages, usize::MAX);
        self.clock.charge(Work::Marked, marker.bytes as u64);

        self.phase(Phase::Clear);
        self.sweep_old_externals();
        self.phase(Phase::Sweep);
        let freed = self.start_sweeping() + self.sweep_large();
        self.phase(Phase::Finish);
        let event = self.tracer.event();
        event.marked_bytes = marker.bytes as u64;
        event.marked_objects = marker.objects as u64;
        event.freed_bytes = freed as u64;
        self.old.refused_by_system = 0;
        let live = self.old_used();
        self.allocation_limit = (2 * live)
            .max(live + (8 << 20))
            .min((live + self.limits.max_old_generation_size) / 2);
        self.release_unused_groups();
        self.resize_young(&done);
        self.end();
    }

    /// Ends the phase that is running and begins another.
    pub(crate) fn phase(&mut self, phase: Phase) {
        self.tracer.enter(self.clock.as_ref(), phase);
    }

    /// Reference to the first granule of the old pages.
    pub(crate) fn first_old_value(&self) -> u32 {
        self.young.first + self.young.span
    }

    /// Everything from which old objects can be reached: the roots, and the young generation.
    pub(crate) fn mark_from_roots(&mut self, marker: &mut Marker) {
        self.for_each_root(|value| marker.push(value));
        let mut at = self.young.to_start();
        let end = self.young.top;
        while at < end {
            let descriptor = crate::object::Descriptor(at.load_u32());
            let (first, slots, next) = crate::scavenger::slots_and_end(at, descriptor);
            for i in 0..slots {
                let value = first.add(4 * i).value();
                if marker.follows(value) {
                    marker.push(value);
                    // Bounds the stack: young survivors may refer to more old objects than it holds.
                    if marker.is_long() {
                        marker.drain(&self.cage, &mut self.pages, usize::MAX);
                    }
                }
            }
            at = next;
        }
    }

    /// Returns the memory of groups that nothing uses, but for what the next growth would take anyway.
    fn release_unused_groups(&mut self) {
        let unused: Vec<usize> = self.pages.unused_groups(&self.cage).collect();
        let keep =
            (self.allocation_limit - self.old_used().min(self.allocation_limit)) / GROUP_BYTES;
        for &group in unused.iter().skip(keep) {
            self.cage.decommit(group * GROUP_BYTES, GROUP_BYTES);
        }
    }

    /// Grows the semi-spaces when more than their capacity has survived since they last grew (V8's rule).
    fn resize_young(&mut self, done: &Scavenged) {
        self.survived_since_expansion += done.copied + done.promoted;
        if self.young.capacity < self.young.max_capacity
            && self.survived_since_expansion > self.young.capacity
        {
            let capacity = (2 * self.young.capacity).min(self.young.max_capacity);
            self.young.resize(&mut self.cage, capacity);
            self.survived_since_expansion = 0;
        }
    }

    /// How much each part of the heap holds now.
    pub(crate) fn sizes(&self) -> HeapSizes {
        HeapSizes {
            young: self.young.used() as u64,
            old: self.old.used() as u64,
            large: self.large.used as u64,
            external: self.externals.bytes as u64,
            committed: self.cage.committed_bytes() as u64,
        }
    }

    fn begin(&mut self, kind: CollectionKind, reason: CollectionReason) {
        let allocated = self.young.used() - self.young_after_collection;
        self.allocated_before += allocated as u64;
        self.young_after_collection = self.young.used();
        self.clock.charge(Work::Allocated, allocated as u64);
        self.verify_under_stress("before", kind, reason);
        self.clock.charge(Work::Pause, 1);
        let before = self.sizes();
        self.tracer.begin(
            self.clock.as_ref(),
            kind,
            reason,
            CollectorReason::None,
            before,
        );
    }

    fn end(&mut self) {
        self.young_after_collection = self.young.used();
        self.peak_metadata
            .set(self.peak_metadata.get().max(self.pages.metadata_bytes()));
        let after = self.sizes();
        let event = self.tracer.event();
        event.semi_space_capacity = self.young.capacity as u64;
        event.old_generation_limit = self.allocation_limit as u64;
        event.max_old_generation = self.limits.max_old_generation_size as u64;
        let event = self.tracer.end(self.clock.as_ref(), after);
        self.verify_under_stress("after", event.kind, event.reason);
        if let Some(observer) = &mut self.observer {
            observer.on_gc(&event);
        }
        drop(self.externals.take_dead());
        self.arm_stress();
    }

    // --- the slow path -------------------------------------------------------------------------------

    /// Makes room for an object in the young generation.
    #[cold]
    #[inline(never)]
    pub(crate) fn allocate_slow(&mut self, bytes: usize) -> Result<Addr, HeapLimitReached> {
        if let Some(at) = self.stress_step(bytes) {
            return Ok(at);
        }
        let before = self.tracer.counts();
        let reason = CollectionReason::AllocationFailure;
        if self.over_allocation_limit(0) {
            self.major(CollectionReason::AllocationLimit);
        } else {
            self.minor(reason);
        }
        if let Some(at) = self.bump(bytes) {
            return Ok(at);
        }
        self.major(reason);
        if let Some(at) = self.bump_if_worth_it(bytes) {
            return Ok(at);
        }
        self.major(CollectionReason::LastResort);
        self.bump_if_worth_it(bytes)
            .ok_or_else(|| self.out_of_room(bytes, before))
    }

    /// Makes room for a large object.
    #[cold]
    #[inline(never)]
    pub(crate) fn allocate_large_slow(&mut self, bytes: usize) -> Result<Addr, HeapLimitReached> {
        self.stress_collect();
        let before = self.tracer.counts();
        if self.over_allocation_limit(bytes) {
            self.major(CollectionReason::AllocationLimit);
        }
        if let Some(at) = self.allocate_large(bytes) {
            return Ok(at);
        }
        for reason in [
            CollectionReason::AllocationFailure,
            CollectionReason::LastResort,
        ] {
            self.major(reason);
            if let Some(at) = self.allocate_large(bytes) {
                return Ok(at);
            }
        }
        Err(self.out_of_room(bytes, before))
    }

    /// The young fast path, for callers that have just made room.
    fn bump(&mut self, bytes: usize) -> Option<Addr> {
        let at = self.young.top;
        if bytes > self.young.to_end().0 - at.0 {
            return None;
        }
        self.young.top = at.add(bytes);
        self.arm_stress();
        Some(at)
    }

    fn bump_if_worth_it(&mut self, bytes: usize) -> Option<Addr> {
        let free = self.young.capacity - self.young.used();
        if free < self.young.capacity / MIN_YOUNG_FREE_AT_LIMIT {
            None
        } else {
            self.bump(bytes)
        }
    }

    pub(crate) fn over_allocation_limit(&self, more: usize) -> bool {
        self.old_used() + more > self.allocation_limit
    }

    fn out_of_room(&self, bytes: usize, before: (u32, u32)) -> HeapLimitReached {
        let (limit, limit_bytes) = if self.old.refused_by_system > 0 {
            (Limit::System, 0)
        } else if self.old_pages_bytes() + bytes.next_multiple_of(PAGE_SIZE)
            > self.old.max_pages * PAGE_SIZE
        {
            (Limit::OldSpace, self.limits.max_old_generation_size)
        } else if bytes > self.max_young_object {
            (Limit::Cage, self.cage.len())
        } else {
            (Limit::YoungSpace, self.young.max_capacity)
        };
        let mut reached = self.limit_reached(limit, limit_bytes, bytes);
        let after = self.tracer.counts();
        reached.0.minor_collections = after.0 - before.0;
        reached.0.major_collections = after.1 - before.1;
        reached
    }

    pub(crate) fn object_too_large(&self, bytes: usize) -> HeapLimitReached {
        self.limit_reached(Limit::ObjectSize, crate::allocate::MAX_RAW_BYTES, bytes)
    }

    /// Counts external bytes that are about to be added; they start and force collections as in V8.
    pub(crate) fn account_external(&mut self, bytes: usize) {
        let _ = bytes;
    }

    // --- stress ----------------------------------------------------------------------------------------

    /// Under stress every allocation takes the slow path, where it is counted.
    pub(crate) fn arm_stress(&mut self) {
        self.young.limit = if self.stress.is_some() {
            self.young.top
        } else {
            self.young.to_end()
        };
    }

    /// Counts an allocation; collects when one is due. `Some` if there is room without more ado.
    fn stress_step(&mut self, bytes: usize) -> Option<Addr> {
        self.stress.as_ref()?;
        self.stress_collect();
        self.bump(bytes)
    }

    fn stress_collect(&mut self) {
        let Some(schedule) = &mut self.stress else {
            return;
        };
        if self.allocations_to_collection > 0 {
            self.allocations_to_collection -= 1;
            return;
        }
        self.allocations_to_collection = schedule.next_distance();
        if schedule.next_is_major() {
            self.major(CollectionReason::Testing);
        } else {
            self.minor(CollectionReason::Testing);
        }
    }
}
