//! The loop of a run.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use heaplab_gc::{GcEvent, Heap, NearLimit, Scope, Work};

use super::observer::{
    NearLimitObserver, Outcome, RunObserver, RunStart, RunSummary, Sample, SnapshotPoint,
};
use super::options::{Length, RunOptions, Sampling, SnapshotReason, nanoseconds};
use crate::error::WorkloadError;
use crate::workload::{SampleValues, Workload, WorkloadContext};

/// Runs `workload` on `heap` and tells `observer`.
///
/// The run ends when it has its length, when the heap's limit is reached, when the observer wants it to, or
/// when the workload fails. Afterwards the heap still holds what the workload holds, until the workload is
/// dropped. The heap's own observer is replaced, and so is its near-limit callback if the schedule has snapshots near
/// the limit.
pub fn run(
    heap: &mut Heap,
    workload: &mut dyn Workload,
    options: &RunOptions,
    observer: &mut dyn RunObserver,
) -> RunSummary {
    let collections = Collections::default();
    let sink = collections.clone();
    heap.set_observer(Box::new(move |event: &GcEvent| sink.push(event)));
    let current_tick = Rc::new(Cell::new(0));
    let near_limit = match options.snapshots.near_heap_limit {
        0 => None,
        left => observer
            .near_limit_observer()
            .map(|observer| (observer, left)),
    };
    let has_callback = near_limit.is_some();
    if let Some((observer, left)) = near_limit {
        let mut snapshots = NearLimitSnapshots {
            observer,
            left,
            current_tick: Rc::clone(&current_tick),
            collections: collections.clone(),
        };
        heap.set_near_limit_callback(move |near| snapshots.near_limit(near));
    }
    let summary = Run {
        heap: &mut *heap,
        workload,
        options,
        observer,
        context: WorkloadContext::new(options.seed),
        collections: collections.clone(),
        ticks: 0,
        current_tick,
        last_sample: None,
    }
    .run();
    collections.close();
    if has_callback {
        heap.remove_near_limit_callback();
    }
    summary
}

/// Collections on their way from the heap to the run's observer, who is told between ticks.
#[derive(Clone, Default)]
struct Collections(Rc<RefCell<Pending>>);

#[derive(Default)]
struct Pending {
    events: Vec<GcEvent>,
    /// After the run nobody takes events away any more.
    closed: bool,
}

impl Collections {
    fn push(&self, event: &GcEvent) {
        let mut pending = self.0.borrow_mut();
        if !pending.closed {
            pending.events.push(*event);
        }
    }

    fn take(&self) -> Vec<GcEvent> {
        std::mem::take(&mut self.0.borrow_mut().events)
    }

    fn close(&self) {
        self.0.borrow_mut().closed = true;
    }
}

/// A raised limit is taken back when a collection leaves less than this share of the first one (Node's).
const RESTORE_LIMIT_BELOW: f64 = 0.95;

/// The heap's near-limit callback: snapshots, and room to go on, by Node's rule.
struct NearLimitSnapshots {
    observer: Box<dyn NearLimitObserver>,
    left: u32,
    current_tick: Rc<Cell<u64>>,
    collections: Collections,
}

impl NearLimitSnapshots {
    fn near_limit(&mut self, near: &mut NearLimit<'_>) {
        if self.left == 0 {
            return;
        }
        self.left -= 1;
        let tick = self.current_tick.get();
        // What led here comes first in the record.
        for event in self.collections.take() {
            self.observer.on_gc(tick, &event);
        }
        let point = SnapshotPoint {
            reason: SnapshotReason::NearHeapLimit,
            // Ticks done.
            tick: tick.saturating_sub(1),
            time_us: near.clock().policy_now() / 1000,
        };
        self.observer.on_snapshot_point(near, &point);
        near.raise_to(near.current_limit() + near.max_young_generation());
        near.restore_initial_limit_below(RESTORE_LIMIT_BELOW);
    }
}

struct Run<'r> {
    heap: &'r mut Heap,
    workload: &'r mut dyn Workload,
    options: &'r RunOptions,
    observer: &'r mut dyn RunObserver,
    context: WorkloadContext,
    collections: Collections,
    /// Ticks done.
    ticks: u64,
    /// The tick in progress, for the near-limit callback; 0 in the set-up.
    current_tick: Rc<Cell<u64>>,
    /// Tick and time (ns) of the last sample.
    last_sample: Option<(u64, u64)>,
}

impl Run<'_> {
    fn run(mut self) -> RunSummary {
        self.context.now_ns = self.now_ns();
        let set_up = self.work(|workload, s, cx| workload.set_up(s, cx));
        let start = RunStart {
            options: self.options,
            time_us: self.now_ns() / 1000,
            heap: self.heap.sizes(),
        };
        self.observer.on_start(&start);
        let outcome = match set_up {
            Ok(()) => self
                .between_ticks()
                .unwrap_or_else(|| self.tick_until_the_end()),
            Err(error) => self.failed(error),
        };
        self.tell_pending();
        self.end(outcome)
    }

    fn tick_until_the_end(&mut self) -> Outcome {
        loop {
            self.heap.clock().charge(Work::Tick, 1);
            let now = self.now_ns();
            self.context.begin_tick(now);
            self.current_tick.set(self.context.tick);
            if let Err(error) = self.work(|workload, s, cx| workload.tick(s, cx)) {
                return self.failed(error);
            }
            self.ticks += 1;
            if let Some(outcome) = self.between_ticks() {
                return outcome;
            }
        }
    }

    fn work(
        &mut self,
        part: impl FnOnce(
            &mut dyn Workload,
            &mut Scope<'_, '_>,
            &mut WorkloadContext,
        ) -> Result<(), WorkloadError>,
    ) -> Result<(), WorkloadError> {
        let (workload, context) = (&mut *self.workload, &mut self.context);
        self.heap.enter(|s| part(workload, s, context))
    }

    fn failed(&self, error: WorkloadError) -> Outcome {
        match error {
            WorkloadError::HeapLimit(reached) => Outcome::HeapLimit(reached.details().clone()),
            error => Outcome::Failed(error.to_string()),
        }
    }

    /// What is due after a tick (or the set-up); the outcome, if the run is over.
    fn between_ticks(&mut self) -> Option<Outcome> {
        self.tell_pending();
        if self.sample_due() {
            self.sample();
        }
        let schedule = &self.options.snapshots;
        if schedule.start && self.ticks == self.options.start_tick() {
            self.snapshot(SnapshotReason::Start);
        }
        if schedule.ticks.contains(&self.ticks) {
            self.snapshot(SnapshotReason::Tick);
        }
        if self.observer.snapshot_wanted() {
            self.snapshot(SnapshotReason::Requested);
        }
        let complete = match self.options.length {
            Length::Ticks(ticks) => self.ticks >= ticks,
            Length::Time(time) => self.now_ns() >= nanoseconds(time),
        };
        if complete {
            Some(Outcome::Completed)
        } else if self.observer.should_stop() {
            Some(Outcome::Interrupted)
        } else {
            None
        }
    }

    /// Tells of collections and notes.
    fn tell_pending(&mut self) {
        for event in self.collections.take() {
            self.observer.on_gc(self.context.tick, &event);
        }
        for note in std::mem::take(&mut self.context.notes) {
            self.observer.on_note(&note);
        }
    }

    fn sample_due(&mut self) -> bool {
        let now = self.now_ns();
        match (self.last_sample, self.options.sampling()) {
            (None, _) => true,
            (Some(_), Sampling::Ticks(every)) => self.ticks.is_multiple_of(every),
            (Some((_, then)), Sampling::Nanoseconds(every)) => now - then >= every,
        }
    }

    fn sample(&mut self) {
        let now = self.now_ns();
        let mut values = SampleValues::default();
        let workload = &mut *self.workload;
        self.heap.enter(|s| workload.sample(s, &mut values));
        let is_virtual = self.heap.clock().is_virtual();
        let sample = Sample {
            tick: self.ticks,
            time_us: now / 1000,
            heap: self.heap.sizes(),
            old_generation_limit: self.heap.old_generation_limit(),
            allocated_bytes: self.heap.statistics().total_allocated_bytes,
            resident_bytes: (!is_virtual).then(|| self.heap.memory_usage().rss),
            values,
        };
        self.last_sample = Some((self.ticks, now));
        self.observer.on_sample(&sample);
    }

    fn snapshot(&mut self, reason: SnapshotReason) {
        let point = SnapshotPoint {
            reason,
            tick: self.ticks,
            time_us: self.now_ns() / 1000,
        };
        self.observer.on_snapshot_point(self.heap, &point);
        // Taking it may have collected.
        self.tell_pending();
    }

    fn end(mut self, outcome: Outcome) -> RunSummary {
        let at_limit = matches!(outcome, Outcome::HeapLimit(_));
        // The tick that reached the limit was not done, but changed the heap since the last sample.
        if at_limit || self.last_sample.is_none_or(|(tick, _)| tick != self.ticks) {
            self.sample();
        }
        if at_limit && self.options.snapshots.limit {
            self.snapshot(SnapshotReason::Limit);
        } else if self.options.snapshots.end {
            self.snapshot(SnapshotReason::End);
        }
        let workload = &*self.workload;
        let counters = self.heap.enter(|s| workload.counters(s));
        let summary = RunSummary {
            outcome,
            ticks: self.ticks,
            time_us: self.now_ns() / 1000,
            counters,
        };
        self.observer.on_end(&summary);
        summary
    }

    fn now_ns(&mut self) -> u64 {
        self.heap.clock().policy_now()
    }
}
