//! The arithmetic behind every decision of the heap: when to collect, how far to grow, how much to mark.
//!
//! Nothing here touches a heap. Numbers go in (bytes, nanoseconds of the policy clock), decisions come out,
//! so each rule is tested with V8's own numbers and by simulation.
//!
//! | file | decides |
//! |---|---|
//! | `growth` | the next old-generation limit, the size of the semi-spaces |
//! | `marking` | when marking starts, how much each step marks, when it must end |
//! | `pretenuring` | which objects are born old |
//! | `utilisation` | speeds, mutator utilisation, whether collections still help |
//! | `memory` | external memory, which pages to evacuate, what to give back to the system |
//!
//! [`HeapController`] keeps their state for one heap.
//!
//! The rules are V8's (11.3, as in Node 20) except where a line below says otherwise. The departures keep
//! the resident size of a program below *2 × its peak live bytes + 3 semi-spaces + 16 MB*:
//!
//! * The growing factor is at most [`growth::MAX_FACTOR`] = 2 (V8: 4).
//! * The first limit is that of an empty heap, 8 MB and a semi-space (V8: 512 MB, shrunk by survival rates).
//! * A marking step has a budget of 1 ms (V8: 5 ms on allocation), and steps also keep pace with the room left
//!   before the limit, not only with a schedule of 500 ms: a cycle ends before its limit is passed.
//! * The final pause waits for no task (V8: up to 50 ms or a tenth of the marking time): it comes when to-space is full
//!   next, or with the embedder's next step.
//! * No timer gives memory back to the system (V8's memory reducer, and its slow growth afterwards): an embedder asks for it.

pub mod growth;
pub mod marking;
pub mod memory;
pub mod pretenuring;
pub mod utilisation;

use crate::options::HeapLimits;
use growth::{GrowingMode, SemiSpaceChange};
use marking::{MarkingSchedule, Trigger};
use memory::ExternalPressure;
use utilisation::{IneffectiveRule, MutatorUtilisation, Speed};

pub use growth::initial_old_generation_limit;

/// What a scavenge did, for [`HeapController::after_minor`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MinorOutcome {
    /// Policy clock at its start, in ns.
    pub start_ns: u64,
    /// Policy clock at its end, in ns.
    pub end_ns: u64,
    /// Bytes copied within the young generation.
    pub copied_bytes: usize,
    /// Bytes promoted.
    pub promoted_bytes: usize,
    /// Bytes of young objects afterwards.
    pub young_bytes: usize,
    /// Bytes owned outside the heap afterwards.
    pub external_bytes: usize,
}

/// What a major collection did, for [`HeapController::after_major`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MajorOutcome {
    /// Policy clock at the start of its pause, in ns.
    pub start_ns: u64,
    /// Policy clock at its end, in ns.
    pub end_ns: u64,
    /// Time of marking steps before the pause, in ns.
    pub steps_ns: u64,
    /// Bytes marked.
    pub marked_bytes: usize,
    /// Bytes of the old generation afterwards: what was found live, large objects included.
    pub old_generation_bytes: usize,
    /// Bytes owned outside the heap afterwards.
    pub external_bytes: usize,
    /// Bytes evacuated from fragmented pages, and the time that took, in ns.
    pub evacuated: Option<(usize, u64)>,
    /// Bytes of young objects afterwards.
    pub young_bytes: usize,
    /// Whether the embedder asked to give memory back.
    pub reduce_memory: bool,
}

/// What follows from a major collection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MajorDecision {
    /// Old-generation bytes at which the next major collection starts.
    pub old_generation_limit: usize,
    /// What to do with the semi-spaces.
    pub semi_space: SemiSpaceChange,
    /// Collections have not helped for so long that the heap must be taken as full: ask the near-limit
    /// callback, and if it does not raise the limit, fail.
    pub ineffective: bool,
}

/// The state of all policies for one heap.
#[derive(Clone, Debug)]
pub struct HeapController {
    limits: HeapLimits,
    /// May be raised by a near-limit callback.
    max_old_generation: usize,
    /// Old-generation bytes below which a raised maximum is taken back.
    restore_below: Option<usize>,
    old_generation_limit: usize,
    semi_space_capacity: usize,
    survived_since_growth: usize,
    external_baseline: usize,
    last_sample: AllocationSample,
    young_throughput: Speed,
    old_throughput: Speed,
    scavenge_speed: Speed,
    major_speed: Speed,
    compaction_speed: Speed,
    utilisation: MutatorUtilisation,
    ineffective: IneffectiveRule,
    schedule: Option<MarkingSchedule>,
    /// Time of the steps of cycles that were abandoned since the last major collection, in ns.
    abandoned_ns: u64,
}

/// Totals at a moment, to make throughputs from.
#[derive(Clone, Copy, Debug, Default)]
struct AllocationSample {
    at_ns: u64,
    young: u64,
    old: u64,
}

impl HeapController {
    /// The state of a heap that has allocated nothing.
    pub fn new(limits: &HeapLimits) -> Self {
        Self {
            limits: *limits,
            max_old_generation: limits.max_old_generation_size,
            restore_below: None,
            old_generation_limit: initial_old_generation_limit(limits),
            semi_space_capacity: limits.initial_semi_space_size,
            survived_since_growth: 0,
            external_baseline: 0,
            last_sample: AllocationSample::default(),
            young_throughput: Speed::default(),
            old_throughput: Speed::default(),
            scavenge_speed: Speed::default(),
            major_speed: Speed::default(),
            compaction_speed: Speed::default(),
            utilisation: MutatorUtilisation::default(),
            ineffective: IneffectiveRule::default(),
            schedule: None,
            abandoned_ns: 0,
        }
    }

    /// Old-generation bytes at which the next major collection starts.
    pub fn old_generation_limit(&self) -> usize {
        self.old_generation_limit
    }

    /// Most bytes of the old generation.
    pub fn max_old_generation(&self) -> usize {
        self.max_old_generation
    }

    /// Raises the most bytes of the old generation, as a near-limit callback may; a lower value is ignored.
    ///
    /// The current limit follows by the half-way rule, so that there is room at once.
    pub fn raise_max_old_generation(&mut self, bytes: usize) {
        if bytes > self.max_old_generation {
            self.old_generation_limit = self
                .old_generation_limit
                .max(self.max_old_generation.midpoint(bytes));
            self.max_old_generation = bytes;
            self.ineffective = IneffectiveRule::default();
        }
    }

    /// Wants the initial maximum back as soon as a major collection leaves fewer than `bytes`.
    pub fn restore_initial_limit_below(&mut self, bytes: usize) {
        self.restore_below = Some(bytes);
    }

    /// Says whether the initial maximum holds again after a major collection that left `old_generation_bytes` in pages of
    /// `page_bytes`: if that was wanted ([`HeapController::restore_initial_limit_below`]) and the pages fit into it.
    pub fn restore_initial_limit(
        &mut self,
        old_generation_bytes: usize,
        page_bytes: usize,
    ) -> bool {
        let initial = self.limits.max_old_generation_size;
        let restores = self.max_old_generation > initial
            && page_bytes <= initial
            && self
                .restore_below
                .is_some_and(|below| old_generation_bytes < below);
        if restores {
            self.max_old_generation = initial;
            self.restore_below = None;
        }
        restores
    }

    /// Bytes of one semi-space, as last decided.
    pub fn semi_space_capacity(&self) -> usize {
        self.semi_space_capacity
    }

    /// Tells that a decided change of the semi-spaces was not carried out: the system refused the memory.
    pub fn semi_space_change_failed(&mut self, capacity: usize) {
        self.semi_space_capacity = capacity;
    }

    /// Samples the heap's allocation counters (bytes since its creation; promotion counts as old).
    ///
    /// Call it at the start of a collection; decisions use the throughput of the last 5 s of samples.
    pub fn sample_allocation(&mut self, now_ns: u64, young: u64, old: u64) {
        let last = self.last_sample;
        let elapsed = now_ns.saturating_sub(last.at_ns);
        if elapsed == 0 {
            return;
        }
        self.young_throughput
            .record((young - last.young) as usize, elapsed);
        self.old_throughput
            .record((old - last.old) as usize, elapsed);
        self.last_sample = AllocationSample {
            at_ns: now_ns,
            young,
            old,
        };
    }

    /// Takes note of a scavenge; says what to do with the semi-spaces.
    pub fn after_minor(&mut self, outcome: &MinorOutcome) -> SemiSpaceChange {
        let survived = outcome.copied_bytes + outcome.promoted_bytes;
        self.survived_since_growth += survived;
        self.external_baseline = self.external_baseline.min(outcome.external_bytes);
        self.scavenge_speed
            .record(survived, outcome.end_ns.saturating_sub(outcome.start_ns));
        self.resize_semi_spaces(outcome.young_bytes, false)
    }

    fn resize_semi_spaces(&mut self, young_bytes: usize, reduce_memory: bool) -> SemiSpaceChange {
        let change = growth::semi_space_change(&growth::SemiSpaceState {
            capacity: self.semi_space_capacity,
            initial: self.limits.initial_semi_space_size,
            max: self.limits.max_semi_space_size,
            survived_since_growth: self.survived_since_growth,
            used: young_bytes,
            throughput: self.young_throughput.recent(),
            reduce_memory,
        });
        match change {
            SemiSpaceChange::Keep => {}
            SemiSpaceChange::Grow(capacity) => {
                self.semi_space_capacity = capacity;
                self.survived_since_growth = 0;
            }
            SemiSpaceChange::Shrink(capacity) => self.semi_space_capacity = capacity,
        }
        change
    }

    /// Takes note of a major collection; says where the next one starts.
    pub fn after_major(&mut self, outcome: &MajorOutcome) -> MajorDecision {
        self.schedule = None;
        let pause = outcome.end_ns.saturating_sub(outcome.start_ns);
        let collecting = pause + outcome.steps_ns;
        self.major_speed.record(outcome.marked_bytes, collecting);
        if let Some((bytes, ns)) = outcome.evacuated {
            self.compaction_speed.record(bytes, ns);
        }
        // What was marked in vain is in no speed, but it was no time of the program's.
        let abandoned = std::mem::take(&mut self.abandoned_ns);
        self.utilisation
            .record(outcome.end_ns, collecting + abandoned);
        let ineffective = self.ineffective.record(
            outcome.old_generation_bytes,
            self.max_old_generation,
            self.utilisation.average(),
        );
        let semi_space = if outcome.reduce_memory {
            self.resize_semi_spaces(outcome.young_bytes, true)
        } else {
            SemiSpaceChange::Keep
        };
        let mode = if outcome.reduce_memory {
            GrowingMode::Minimal
        } else {
            GrowingMode::Default
        };
        let factor = growth::growing_factor(
            self.major_speed.average(),
            self.old_throughput.recent(),
            mode,
        );
        self.old_generation_limit = growth::old_generation_limit(
            outcome.old_generation_bytes,
            self.max_old_generation,
            self.semi_space_capacity,
            factor,
        );
        self.external_baseline = outcome.external_bytes;
        MajorDecision {
            old_generation_limit: self.old_generation_limit,
            semi_space,
            ineffective,
        }
    }

    /// Whether the old generation is so full that marking should start, or a collection is due at once.
    pub fn trigger(&self, old_generation_bytes: usize) -> Trigger {
        marking::trigger(
            old_generation_bytes,
            self.old_generation_limit,
            self.semi_space_capacity,
        )
    }

    /// Whether the old generation passed its limit so far that a cycle in progress must be finished now.
    pub fn must_finish_marking(&self, old_generation_bytes: usize) -> bool {
        marking::overshot_by_large_margin(
            old_generation_bytes,
            self.old_generation_limit,
            self.max_old_generation,
        )
    }

    /// Whether the old generation might lack room for all that a scavenge promotes: a major collection is
    /// the better choice then (V8's "scavenge might not succeed").
    pub fn scavenge_might_not_succeed(
        &self,
        old_generation_bytes: usize,
        young_bytes: usize,
    ) -> bool {
        old_generation_bytes + young_bytes > self.max_old_generation
    }

    /// Whether young objects own so much outside the heap that a scavenge comes before `requested` bytes more
    /// (V8: two of the largest semi-spaces; and not less than is wanted, or it would not be worth while).
    pub fn young_external_is_due(&self, young_external_bytes: usize, requested: usize) -> bool {
        young_external_bytes >= 2 * self.limits.max_semi_space_size
            && young_external_bytes >= requested
    }

    /// What growth of external memory since its least after the last major collection asks for.
    pub fn external_pressure(&self, external_bytes: usize) -> ExternalPressure {
        memory::external_pressure(
            external_bytes.saturating_sub(self.external_baseline),
            self.limits.external_soft_growth,
            self.limits.external_hard_growth,
        )
    }

    /// Starts the schedule of an incremental cycle.
    pub fn start_marking(&mut self, now_ns: u64, old_generation_bytes: usize) {
        self.schedule = Some(MarkingSchedule::new(
            now_ns,
            old_generation_bytes,
            self.old_generation_limit
                .saturating_sub(old_generation_bytes),
        ));
    }

    /// The schedule of the cycle in progress.
    pub fn schedule(&mut self) -> Option<&mut MarkingSchedule> {
        self.schedule.as_mut()
    }

    /// Forgets the cycle in progress: it was abandoned after steps of `steps_ns` together.
    pub fn abandon_marking(&mut self, steps_ns: u64) {
        self.schedule = None;
        self.abandoned_ns += steps_ns;
    }

    /// Which pages' free share makes evacuation worthwhile now, in percent.
    pub fn evacuation_target(&self, mode: memory::CompactionMode, page_bytes: usize) -> u32 {
        memory::evacuation_target(mode, page_bytes, self.compaction_speed.average())
    }

    /// Mutator utilisation averaged over major collections, 0 to 1.
    pub fn average_mu(&self) -> f64 {
        self.utilisation.average()
    }

    /// Mutator utilisation between the ends of the last two major collections, 0 to 1.
    pub fn current_mu(&self) -> f64 {
        self.utilisation.current()
    }

    /// Bytes per ms that scavenges copied and promoted, if any did.
    pub fn scavenge_speed(&self) -> Option<f64> {
        self.scavenge_speed.average()
    }

    /// Bytes per ms that major collections marked, if any did.
    pub fn major_speed(&self) -> Option<f64> {
        self.major_speed.average()
    }

    /// Whether so much is live that a collection may be ineffective.
    pub fn is_nearly_full(&self, old_generation_bytes: usize) -> bool {
        utilisation::is_nearly_full(old_generation_bytes, self.max_old_generation)
    }
}

#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tests;
