//! Collections from beginning to end: which phases run in which order, and what follows from them.
//!
//! ```text
//! minor: scavenge ─► resize semi-spaces
//! major: complete sweep ─► scavenge ─► mark roots ─► mark closure ─► ephemerons ─► clear weak
//!          └── skipped when a cycle of incremental marking is being finished ──┘      │
//!        finish ◄── sweep (empty pages at once, the others when needed) ◄── evacuate ◄┘
//! ```

use crate::cage::GROUP_BYTES;
use crate::clock::Work;
use crate::compactor::Extent;
use crate::event::{CollectionKind, CollectionReason, CollectorReason, HeapSizes, Phase};
use crate::heap::Core;
use crate::marker::Marker;
use crate::options::Compaction;
use crate::page::{Owner, PAGE_SIZE};
use crate::policy::growth::SemiSpaceChange;
use crate::policy::memory::{CompactionMode, bytes_to_prepare, groups_to_return};
use crate::policy::{MajorOutcome, MinorOutcome};
use crate::scavenger::object_end;
use crate::seeded::{self, Bug};

impl Core {
    /// Collects now.
    pub(crate) fn collect(&mut self, kind: CollectionKind, reason: CollectionReason) {
        match kind {
            CollectionKind::Minor => self.minor(reason),
            CollectionKind::Major => self.major(reason, CollectorReason::OldSpaceRequested),
        }
    }

    /// A scavenge with its event, and the decisions that follow from it.
    pub(crate) fn minor(&mut self, reason: CollectionReason) {
        let start_ns = self.begin(CollectionKind::Minor, reason, CollectorReason::None);
        let pause = Pause;
        let done = self.scavenge();
        self.restart_young_scan();
        self.tracer.scavenged(&done);
        self.phase(Phase::ScavengeFinish);
        let outcome = MinorOutcome {
            start_ns,
            end_ns: self.clock.policy_now(),
            copied_bytes: done.copied,
            promoted_bytes: done.promoted,
            young_bytes: self.young.used(),
            external_bytes: self.externals.bytes,
        };
        let change = self.controller.after_minor(&outcome);
        self.change_semi_spaces(change);
        self.promoted_bytes += done.promoted as u64;
        self.promotion_failed = done.promotion_failed > 0;
        pause.ends();
        self.end();
    }

    /// Mark-sweep of the old generation, with evacuation of fragmented pages. A scavenge comes first, whose
    /// survivors are roots. If a cycle of incremental marking is in progress, this is its final pause.
    pub(crate) fn major(&mut self, reason: CollectionReason, collector_reason: CollectorReason) {
        let start_ns = self.begin(CollectionKind::Major, reason, collector_reason);
        let pause = Pause;
        // The scavenge may be refused memory to promote into, and that is what an error will have to say.
        self.old.refused_by_system = 0;
        if reason == CollectionReason::LastResort {
            self.phase(Phase::MarkRoots);
            self.forget_slots_of_the_dead();
        }
        if compacts_whole_heap(reason) {
            // A cycle in progress keeps what died since it began, and has chosen its few pages.
            self.abandon_marking();
        }
        let incremental = self.cycle.is_some();
        if !incremental {
            self.phase(Phase::CompleteSweep);
            self.complete_sweep();
            // Everything young is promoted, as in V8 (`always_promote_young_mc`): whoever pays for a whole marking
            // shall not copy the same objects again at once. The final pause of a cycle stays short instead, and
            // near the limit what may die young is no burden for the old generation. The stress mode goes on ageing, so
            // that sweeping meets pages with remembered slots.
            if self.stress.is_none()
                && !self
                    .controller
                    .scavenge_might_not_succeed(self.old_used(), self.young.used())
            {
                self.young.age_mark = self.young.top;
            }
        }
        let done = self.scavenge();
        self.tracer.scavenged(&done);
        self.promoted_bytes += done.promoted as u64;

        self.phase(Phase::MarkRoots);
        let mut steps_ns = 0;
        let mut marker = match self.take_cycle() {
            Some((cycle, steps)) => {
                steps_ns = steps.policy_ns;
                self.tracer.event().steps = Some(steps.totals);
                cycle.marker
            }
            None => self.new_cycle_marker(),
        };
        let marked_in_steps = marker.bytes;
        self.mark_from_roots(&mut marker);
        self.phase(Phase::MarkClosure);
        marker.drain(&self.cage, &mut self.pages, usize::MAX);
        self.phase(Phase::MarkEphemerons);
        self.resolve_ephemerons(&mut marker);
        self.clock
            .charge(Work::Marked, (marker.bytes - marked_in_steps) as u64);

        self.phase(Phase::Clear);
        self.clear_weak(&marker);
        self.sweep_old_externals();
        let evacuated = self.evacuation_phases(&mut marker, incremental, reason);
        self.phase(Phase::Sweep);
        let freed = self.start_sweeping() + self.sweep_large();
        self.pages.set_candidates(Vec::new());

        self.phase(Phase::Finish);
        let event = self.tracer.event();
        event.incremental = incremental;
        event.compacted = evacuated.is_some();
        event.marked_bytes = marker.bytes as u64;
        event.marked_objects = marker.objects as u64;
        event.freed_bytes = freed as u64;
        let reduce_memory = is_reducing(reason);
        event.reduce_memory = reduce_memory;
        self.restore_initial_limit();
        let outcome = MajorOutcome {
            start_ns,
            end_ns: self.clock.policy_now(),
            steps_ns,
            marked_bytes: marker.bytes,
            old_generation_bytes: self.old_used(),
            external_bytes: self.externals.bytes,
            evacuated,
            young_bytes: self.young.used(),
            reduce_memory,
        };
        let decision = self.controller.after_major(&outcome);
        self.ineffective |= decision.ineffective;
        self.change_semi_spaces(decision.semi_space);
        self.promotion_failed = done.promotion_failed > 0;
        self.return_memory(reduce_memory);
        pause.ends();
        self.end();
    }

    /// Forgets the remembered slots of old objects that nothing reaches.
    ///
    /// They count as roots of a scavenge, and survivors of a scavenge are roots of the marking: a dead chain that
    /// goes back and forth between the generations keeps itself alive until its young part has been promoted, for
    /// ever if the old generation has no room for it. This marking takes both generations at once.
    fn forget_slots_of_the_dead(&mut self) {
        self.abandon_marking();
        self.complete_sweep();
        self.mark_everything();
        self.clock.charge(Work::Marked, self.used() as u64);
        for page in self.pages.dirty.clone() {
            let page = page as usize;
            match self.pages.owner(page) {
                Owner::Old => {
                    let mut gap = page * PAGE_SIZE;
                    let objects: Vec<_> = self.marked_in(page).collect();
                    for object in objects {
                        let at = self.cage.addr(object);
                        let start = self.cage.offset(at);
                        self.pages.clear_slot_range(&self.cage, gap, start - gap);
                        gap = self.cage.offset(object_end(at));
                    }
                    self.pages
                        .clear_slot_range(&self.cage, gap, (page + 1) * PAGE_SIZE - gap);
                }
                _ => {
                    let head = self.pages.head_of(page);
                    if !self.is_marked(self.cage.value(self.cage.at(head * PAGE_SIZE))) {
                        self.pages.clear_slots(&self.cage, page);
                    }
                }
            }
        }
        self.unmark_everything();
    }

    /// Evacuates the candidates, if there are any. Returns bytes moved and the time that took, in ns.
    fn evacuation_phases(
        &mut self,
        marker: &mut Marker,
        incremental: bool,
        reason: CollectionReason,
    ) -> Option<(usize, u64)> {
        let extent = if compacts_whole_heap(reason) || self.options.compaction == Compaction::Always
        {
            Extent::WholeHeap
        } else if is_reducing(reason) {
            Extent::Pages(CompactionMode::ReduceMemory)
        } else {
            Extent::Pages(CompactionMode::Regular)
        };
        let whole_heap = !incremental && extent == Extent::WholeHeap;
        if !incremental {
            self.phase(Phase::EvacuateCopy);
            if whole_heap {
                self.give_back_empty_pages();
            }
            self.choose_candidates_after_marking(extent, 0);
        }
        if self.pages.candidates().is_empty() {
            return None;
        }
        self.phase(Phase::EvacuateCopy);
        let started = self.clock.policy_now();
        let recorded = marker
            .recording
            .then(|| std::mem::take(&mut marker.recorded));
        let pages = self.pages.in_use();
        let mut bytes = self.evacuate(recorded);
        if whole_heap {
            bytes += self.further_rounds(pages);
        }
        Some((bytes, self.clock.policy_now() - started))
    }

    /// Ends the phase that is running and begins another.
    pub(crate) fn phase(&mut self, phase: Phase) {
        self.tracer.enter(self.clock.as_ref(), phase);
    }

    /// Reference to the first granule of the old pages.
    #[inline(always)]
    pub(crate) fn first_old_value(&self) -> u32 {
        self.young.first_old
    }

    /// Everything from which old objects can be reached: the roots, and the young generation.
    pub(crate) fn mark_from_roots(&mut self, marker: &mut Marker) {
        self.for_each_root(|value| marker.push_root(value));
        if seeded::active(Bug::YoungRootsSkipped) {
            return;
        }
        let mut scan = Some(self.whole_young());
        while let Some(left) = scan {
            // Young survivors may refer to more old objects than the stack holds, and steps may have filled it before.
            if marker.is_long() {
                marker.drain(&self.cage, &mut self.pages, usize::MAX);
            }
            scan = self.scan_young(marker, left, usize::MAX);
        }
    }

    /// Returns the memory of groups that nothing uses, but for what the next growth would take anyway.
    fn return_memory(&mut self, reduce_memory: bool) {
        let unused: Vec<usize> = self.pages.unused_groups(&self.cage).collect();
        let limit = self.controller.old_generation_limit();
        let count = groups_to_return(
            unused.len(),
            GROUP_BYTES,
            self.old_pages_bytes(),
            limit,
            reduce_memory,
        );
        // The highest first: low pages are the first to be given out again.
        for &group in unused.iter().rev().take(count) {
            self.cage.decommit(group * GROUP_BYTES, GROUP_BYTES);
        }
    }

    fn change_semi_spaces(&mut self, change: SemiSpaceChange) {
        let capacity = match change {
            SemiSpaceChange::Keep => return,
            SemiSpaceChange::Grow(capacity) | SemiSpaceChange::Shrink(capacity) => capacity,
        };
        if let SemiSpaceChange::Grow(_) = change {
            for half in [self.young.to_space_start(), self.young.from_space_start()] {
                // If the system refuses, resizing says so.
                let _ = self.cage.prepare(self.cage.offset(half), capacity);
            }
        }
        if capacity < self.young.used() || !self.young.resize(&mut self.cage, capacity) {
            self.controller
                .semi_space_change_failed(self.young.capacity);
        }
    }

    /// Has the pages made ready into which the next scavenge may promote, and in which objects may be born before it.
    fn prepare_for_promotion(&mut self) {
        let survived_once = self.young.age_mark.0 - self.young.to_space_start().0;
        let unswept = self.old.unswept.iter();
        let dead: usize = unswept
            .map(|&page| PAGE_SIZE - self.pages.live_bytes[page as usize] as usize)
            .sum();
        let born_old = if self.pretenuring.is_active() {
            self.young.last_given_up
        } else {
            0
        };
        let at_once = self.pretenuring.promoted_at_once();
        let bytes = bytes_to_prepare(
            survived_once + born_old + at_once,
            self.old.free.bytes() + dead,
        );
        let pages = bytes
            .div_ceil(PAGE_SIZE)
            .min(self.old.max_pages.saturating_sub(self.pages.in_use()));
        for group in self.pages.groups_given_out_next(pages) {
            if self.cage.prepare(group * GROUP_BYTES, GROUP_BYTES).is_err() {
                // Promotion will ask again, and say what was refused.
                return;
            }
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

    /// A pause begins. Returns the policy clock.
    fn begin(
        &mut self,
        kind: CollectionKind,
        reason: CollectionReason,
        collector_reason: CollectorReason,
    ) -> u64 {
        self.cage.hold_populating(true);
        // Known again by the end: promotion asks for pages in every pause that needs them.
        self.old.refused_by_system = 0;
        self.sample_allocation();
        self.verify_under_stress("before", kind, reason);
        self.clock.charge(Work::Pause, 1);
        let start_ns = self.clock.policy_now();
        let before = self.sizes();
        let populating = self.cage.take_populating_ns();
        if !self.clock.is_virtual() {
            self.tracer.add_between(populating);
        }
        self.tracer
            .begin(self.clock.as_ref(), kind, reason, collector_reason, before);
        start_ns
    }

    /// Tells clock and policy what has been allocated since the last collection.
    fn sample_allocation(&mut self) {
        let allocated = self.allocated_since_collection();
        self.allocated_before += allocated as u64;
        self.promoted_bytes += self.young.given_up() as u64;
        self.young_after_collection = self.young.used();
        self.clock.charge(Work::Allocated, allocated as u64);
        let now = self.clock.policy_now();
        self.controller
            .sample_allocation(now, self.allocated_before, self.promoted_bytes);
    }

    /// The pause is over: everything is in order before anybody is told of it.
    fn end(&mut self) {
        self.young_after_collection = self.young.used();
        self.peak_metadata
            .set(self.peak_metadata.get().max(self.pages.metadata_bytes()));
        self.arm_limit();
        let after = self.sizes();
        let event = self.tracer.event();
        event.semi_space_capacity = self.young.capacity as u64;
        event.old_generation_limit = self.controller.old_generation_limit() as u64;
        event.max_old_generation = self.controller.max_old_generation() as u64;
        event.average_mu = self.controller.average_mu();
        event.current_mu = self.controller.current_mu();
        let event = self.tracer.end(self.clock.as_ref(), after);
        if !event.reduce_memory {
            let started = self.tracer.start_between(self.clock.as_ref());
            self.prepare_for_promotion();
            self.tracer.end_between(self.clock.as_ref(), started);
        }
        self.cage.hold_populating(false);
        self.verify_under_stress("after", event.kind, event.reason);
        let dead = self.externals.take_dead();
        if let Some(observer) = &mut self.observer {
            observer.on_gc(&event);
        }
        drop(dead);
    }
}

/// Lives while objects are being moved: no panic of foreign code (a root provider, a clock) may leave a heap
/// behind whose references point nowhere.
struct Pause;

impl Pause {
    fn ends(self) {
        std::mem::forget(self);
    }
}

impl Drop for Pause {
    fn drop(&mut self) {
        // Tests with seeded bugs want to see the panic that the broken collector ends with.
        if !cfg!(feature = "seeded-bugs") {
            eprintln!(
                "heaplab: a panic inside a garbage collection; the heap cannot be used any more"
            );
            std::process::abort();
        }
    }
}

/// Whether a collection for this reason compacts all that wins pages, however long its pause (V8: those that collect
/// all available garbage).
fn compacts_whole_heap(reason: CollectionReason) -> bool {
    matches!(
        reason,
        CollectionReason::LastResort
            | CollectionReason::LowMemoryNotification
            | CollectionReason::MemoryPressure
    )
}

/// Whether a collection for this reason also gives as much memory back as it can.
fn is_reducing(reason: CollectionReason) -> bool {
    matches!(
        reason,
        CollectionReason::LastResort
            | CollectionReason::LowMemoryNotification
            | CollectionReason::MemoryPressure
            | CollectionReason::MemoryReducer
            | CollectionReason::ExternalMemoryPressure
    )
}
