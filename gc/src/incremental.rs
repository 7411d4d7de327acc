//! Incremental marking: the phase machine over the marker.
//!
//! ```text
//!  idle ─► sweep in steps ─► marking ──step … step──► finished ──major──► (final pause) ──► lazy sweep ──► idle
//!                             ▲  scavenges and stores in between  │
//!                             └── abandoned for a snapshot ◄──────┘
//! ```
//!
//! Insertion barrier (Dijkstra, CACM 21(11), 1978): a store of a reference to a white old object makes that
//! object grey, whatever the host. Objects born old while marking are grey. Those promoted are black: the scavenger scans
//! them anyway, and makes grey what they refer to. The marker never marks young objects: the final pause scavenges, then takes roots and every young survivor as roots, so
//! worklists hold no young address and scavenges need not fix them.
//!
//! Between steps (invariant I2): no black old object refers to a white old one, except through weak slots;
//! every reachable white old object is reachable from a grey one, a root or a young object.
//!
//! Steps are paced by allocation, 64 KB apart, and aim at 1 ms; see [`crate::policy::marking`]. All that may
//! take long is done in steps: sweeping what the last cycle left, looking through the young generation for what it
//! refers to, slices of large objects, rescans after an overflow of the stack.

use crate::cage::Addr;
use crate::clock::Work;
use crate::event::{CollectionKind, CollectionReason, IncrementalSteps};
use crate::heap::{Core, Heap};
use crate::marker::{Marker, Progress, mark_bit};
use crate::object::Descriptor;
use crate::policy::marking::{MAX_STEP_NS, StepBudget, YOUNG_STEP_INTERVAL};
use crate::scavenger::slots_and_end;
use crate::seeded::{self, Bug};
use crate::value::Value;

/// Bytes marked between two looks at the clock.
const SLICE_BYTES: usize = 32 * 1024;

/// One cycle of incremental marking.
pub(crate) struct Cycle {
    pub(crate) marker: Marker,
    started_ns: u64,
    /// What is left to look through of the young generation: a head start, the final pause takes it whole.
    young_scan: Option<(Addr, Addr)>,
    /// What the cycle is expected to mark, in bytes.
    live_estimate: usize,
    /// Bytes marked of which the schedule knows.
    scheduled_bytes: usize,
    /// Nothing was grey when the last step ended.
    pub(crate) finished: bool,
}

/// When a step began, on each clock.
#[derive(Copy, Clone)]
struct StepStart {
    stopwatch: u64,
    policy: u64,
    cpu: u64,
}

/// Steps of the cycle in progress, those before its marking included.
#[derive(Copy, Clone, Debug, Default)]
pub(crate) struct Steps {
    pub(crate) totals: IncrementalSteps,
    /// Their time on the policy clock.
    pub(crate) policy_ns: u64,
}

/// How much one call of [`Heap::step`] may do.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Bytes of objects to mark.
    pub bytes: usize,
    /// Longest duration, in nanoseconds of the policy clock.
    pub ns: u64,
}

/// What is left of a cycle after [`Heap::step`].
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum StepProgress {
    /// Marking goes on.
    Marking,
    /// Everything reachable is marked; the next step is the final pause.
    Finished,
    /// The final pause is over: no cycle is in progress.
    Complete,
}

impl Heap {
    /// Starts a cycle of incremental marking, if none is in progress.
    pub fn start_incremental_marking(&mut self) {
        if self.core.cycle.is_none() {
            self.core.start_marking();
        }
    }

    /// Whether a cycle of incremental marking is in progress.
    pub fn is_marking(&self) -> bool {
        self.core.cycle.is_some()
    }

    /// Does a bounded piece of a cycle: for an embedder's idle time.
    ///
    /// Starts a cycle if none is in progress, after the sweeping that the last one left. When marking has finished, the next call is the final pause,
    /// which the budget does not bound.
    pub fn step(&mut self, budget: Budget) -> StepProgress {
        let core = &mut self.core;
        match &core.cycle {
            None => {
                core.start_marking_after(budget.ns);
                if core.cycle.is_none() {
                    return StepProgress::Marking;
                }
            }
            Some(cycle) if cycle.finished => {
                core.collect(
                    CollectionKind::Major,
                    CollectionReason::FinalizeMarkingViaTask,
                );
                return StepProgress::Complete;
            }
            Some(_) => {}
        }
        match core.marking_step(StepBudget {
            bytes: budget.bytes,
            ns: budget.ns,
        }) {
            Progress::Done => StepProgress::Finished,
            Progress::More => StepProgress::Marking,
        }
    }
}

impl Core {
    /// Begins a cycle at the next steps: at once if nothing is left to sweep, else after steps that sweep.
    pub(crate) fn start_marking_soon(&mut self) {
        if self.old.unswept.is_empty() {
            self.start_marking();
        } else {
            self.sweeping_for_marking = true;
            self.arm_limit();
        }
    }

    /// Sweeps for at most `ns`; begins a cycle if that was all.
    pub(crate) fn start_marking_after(&mut self, ns: u64) {
        self.sweeping_for_marking = true;
        let start = self.start_step();
        while self.sweep_one_page() && self.clock.policy_now() - start.policy < ns {}
        self.account_step(start);
        if self.old.unswept.is_empty() {
            self.start_marking();
        }
    }

    /// Begins a cycle: what the roots refer to becomes grey. Sweeps first what is left to sweep.
    pub(crate) fn start_marking(&mut self) {
        debug_assert!(self.cycle.is_none());
        self.sweeping_for_marking = false;
        let start = self.start_step();
        let mut marker = self.new_cycle_marker();
        self.choose_candidates_before_marking(&mut marker);
        self.for_each_root(|value| marker.push_root(value));
        let live_estimate = self.old_used();
        self.controller.start_marking(start.policy, live_estimate);
        self.cycle = Some(Cycle {
            marker,
            started_ns: start.stopwatch,
            young_scan: Some(self.whole_young()),
            live_estimate,
            scheduled_bytes: 0,
            finished: false,
        });
        self.marking = true;
        self.account_step(start);
        self.arm_limit();
    }

    /// The objects in to-space: first byte, and end.
    pub(crate) fn whole_young(&self) -> (Addr, Addr) {
        (self.young.to_space_start(), self.young.top)
    }

    /// After a scavenge: what was left to look through is somewhere else now.
    pub(crate) fn restart_young_scan(&mut self) {
        let whole = self.whole_young();
        if let Some(cycle) = &mut self.cycle
            && cycle.young_scan.is_some()
        {
            cycle.young_scan = Some(whole);
        }
    }

    /// Makes grey what young objects from `at` on refer to, for about `budget` bytes or until the marker's stack is
    /// long. Returns what is left.
    pub(crate) fn scan_young(
        &self,
        marker: &mut Marker,
        (mut at, end): (Addr, Addr),
        budget: usize,
    ) -> Option<(Addr, Addr)> {
        let stop = Addr(at.0.saturating_add(budget)).min(end);
        let start = at;
        while at < stop && !marker.is_long() {
            let (first, slots, next) = slots_and_end(at, Descriptor(at.load_u32()));
            for i in 0..slots {
                // No marked object leads to them: they must not be dropped when the stack is full.
                marker.push_root(first.add(4 * i).value());
            }
            at = next;
        }
        marker.scanned += at.0 - start.0;
        (at < end).then_some((at, end))
    }

    /// Finishes the sweeping of the last cycle and makes a marker for the old generation.
    pub(crate) fn new_cycle_marker(&mut self) -> Marker {
        self.complete_sweep();
        for page in self.pages.range() {
            self.pages.live_bytes[page] = 0;
        }
        Marker::new(&self.cage, self.first_old_value())
    }

    /// Marks within a budget.
    pub(crate) fn marking_step(&mut self, budget: StepBudget) -> Progress {
        let Some(mut cycle) = self.cycle.take() else {
            return Progress::Done;
        };
        let start = self.start_step();
        let work_before = cycle.marker.work();
        let progress = loop {
            let before = cycle.marker.work();
            let left = budget.bytes.saturating_sub(before - work_before);
            let slice = left.clamp(1, SLICE_BYTES);
            let progress = match cycle.young_scan.take() {
                Some(scan) if !cycle.marker.is_long() => {
                    cycle.young_scan = self.scan_young(&mut cycle.marker, scan, slice);
                    Progress::More
                }
                scan => {
                    cycle.young_scan = scan;
                    match cycle.marker.drain(&self.cage, &mut self.pages, slice) {
                        Progress::Done if scan.is_none() => Progress::Done,
                        _ => Progress::More,
                    }
                }
            };
            let work = cycle.marker.work();
            self.clock.charge(Work::Marked, (work - before) as u64);
            let spent = self.clock.policy_now() - start.policy;
            if progress == Progress::Done
                || work - work_before >= budget.bytes
                || spent >= budget.ns
            {
                break progress;
            }
        };
        cycle.finished = progress == Progress::Done;
        if let Some(schedule) = self.controller.schedule() {
            // With what scavenges have promoted since the last step.
            schedule.record(cycle.marker.bytes - cycle.scheduled_bytes);
            cycle.scheduled_bytes = cycle.marker.bytes;
        }
        self.cycle = Some(cycle);
        self.account_step(start);
        progress
    }

    fn start_step(&self) -> StepStart {
        // The processor's clock is a call of the system, at whose end others may get their turn: before the stopwatch starts.
        let cpu = self.clock.thread_cpu_now();
        StepStart {
            stopwatch: self.clock.stopwatch_now(),
            policy: self.clock.policy_now(),
            cpu,
        }
    }

    fn account_step(&mut self, start: StepStart) {
        let ns = self.clock.stopwatch_now() - start.stopwatch;
        let policy_ns = self.clock.policy_now() - start.policy;
        let cpu_ns = self.clock.thread_cpu_now() - start.cpu;
        let totals = &mut self.steps.totals;
        totals.steps += 1;
        totals.total_ns += ns;
        totals.longest_ns = totals.longest_ns.max(ns);
        totals.longest_cpu_ns = totals.longest_cpu_ns.max(cpu_ns);
        self.steps.policy_ns += policy_ns;
    }

    /// The step that allocation owes: as much as the schedule asks for.
    pub(crate) fn paced_step(&mut self) {
        if self.sweeping_for_marking {
            self.start_marking_after(MAX_STEP_NS);
            return;
        }
        let (Some(cycle), now, old) = (&self.cycle, self.clock.policy_now(), self.old_used())
        else {
            return;
        };
        let live_estimate = cycle.live_estimate.max(old);
        if let Some(schedule) = self.controller.schedule() {
            let budget = schedule.next_step(now, live_estimate, old);
            self.marking_step(budget);
        }
    }

    /// Gives the cycle in progress up: its marks are cleared.
    pub(crate) fn abandon_marking(&mut self) {
        self.sweeping_for_marking = false;
        let Some(cycle) = self.cycle.take() else {
            return;
        };
        self.marking = false;
        let mut steps = std::mem::take(&mut self.steps);
        steps.totals.wall_ns = self.clock.stopwatch_now() - cycle.started_ns;
        self.tracer.abandoned(&steps.totals);
        self.controller.abandon_marking(steps.policy_ns);
        for page in self.pages.range() {
            self.clear_marks(page);
            self.pages.live_bytes[page] = 0;
        }
        // Their free blocks were taken off the list; sweeping anew is not needed, they are swept.
        let candidates = self.pages.candidates().to_vec();
        self.pages.set_candidates(Vec::new());
        for page in candidates {
            self.list_free_blocks(page as usize);
        }
        self.arm_limit();
    }

    /// Ends the cycle in progress for its final pause.
    pub(crate) fn take_cycle(&mut self) -> Option<(Cycle, Steps)> {
        self.sweeping_for_marking = false;
        let mut steps = std::mem::take(&mut self.steps);
        let Some(cycle) = self.cycle.take() else {
            // Steps that swept for a cycle that did not come.
            self.tracer.add_between(steps.totals.total_ns);
            return None;
        };
        self.marking = false;
        steps.totals.wall_ns = self.clock.stopwatch_now() - cycle.started_ns;
        Some((cycle, steps))
    }

    /// The marking half of the write barrier, for a reference to an old object.
    #[cold]
    #[inline(never)]
    pub(crate) fn marking_barrier(&mut self, slot: Addr, value: Value) {
        let young_slot = self.young.contains(slot);
        let page = self.page_of(value);
        let Some(cycle) = &mut self.cycle else { return };
        let (word, bit) = mark_bit(&self.cage, value);
        if word.load_u64() & bit == 0 && !seeded::active_every(Bug::MarkingBarrierDropped, 5) {
            cycle.marker.push(value);
            cycle.finished = false;
        }
        // Young survivors are scanned whole in the pause; the slot set is for old hosts.
        if cycle.marker.recording && !young_slot && self.pages.is_candidate(page) {
            cycle.marker.recorded.push(slot);
        }
    }

    /// Makes an object of `bytes` bytes that has just been promoted while marking black: its copy is in the cache, and the
    /// scavenger will make grey what it refers to.
    #[inline(never)]
    pub(crate) fn promoted(&mut self, value: Value, bytes: usize) {
        if let Some(cycle) = &mut self.cycle {
            cycle
                .marker
                .mark_promoted(&self.cage, &mut self.pages, value, bytes);
        }
    }

    /// Makes an object that is being allocated in the old generation grey. What it will refer to passes the
    /// barrier or is in a handle, so this is no reason to put the final pause off.
    #[inline(always)]
    pub(crate) fn born_old(&mut self, value: Value) {
        if let Some(cycle) = &mut self.cycle {
            cycle.marker.push(value);
        }
    }

    /// Sets where young allocation stops to ask: at every allocation under stress, every 64 KB while marking,
    /// else at the end of to-space.
    pub(crate) fn arm_limit(&mut self) {
        // Survivors may leave less room than a sample wants.
        let room_end = self.young.room_end();
        let end = self
            .end_of_sample()
            .map_or(room_end, |end| end.min(room_end));
        self.young.limit = if self.every_allocation_asks {
            self.young.top
        } else if self.marking || self.sweeping_for_marking {
            self.young.top.add(YOUNG_STEP_INTERVAL).min(end)
        } else {
            end
        };
    }
}
