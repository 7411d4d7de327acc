//! Who is told of a run, and of what.

use heaplab_gc::{GcEvent, Heap, HeapSizes, LimitDetails, NearLimit};

use super::options::{RunOptions, SnapshotReason};
use crate::workload::{Counter, Note, SampleValues};

/// Is told of everything that happens in a run, in order, between ticks.
///
/// Every method has an empty default. None returns an error: an observer that cannot go on keeps its error
/// and answers `true` to [`RunObserver::should_stop`].
pub trait RunObserver {
    /// The workload is set up; the first tick comes next.
    fn on_start(&mut self, start: &RunStart<'_>) {
        let _ = start;
    }

    /// A collection took place in tick `tick`. Told when the tick has ended.
    fn on_gc(&mut self, tick: u64, event: &GcEvent) {
        let _ = (tick, event);
    }

    /// Heap and workload were sampled at the end of a tick.
    fn on_sample(&mut self, sample: &Sample) {
        let _ = sample;
    }

    /// The workload had something to say.
    fn on_note(&mut self, note: &Note) {
        let _ = note;
    }

    /// Whether a snapshot is wanted now, for instance because a signal came; asked after every tick.
    fn snapshot_wanted(&mut self) -> bool {
        false
    }

    /// A snapshot is due. No handle is open, so what the heap holds is the workload's; at the limit too the
    /// heap can be collected, walked and written.
    fn on_snapshot_point(&mut self, heap: &mut Heap, point: &SnapshotPoint) {
        let _ = (heap, point);
    }

    /// Who takes the snapshots near the limit
    /// ([`SnapshotSchedule::near_heap_limit`](super::SnapshotSchedule::near_heap_limit)); asked once, before the run, if
    /// there are to be any.
    fn near_limit_observer(&mut self) -> Option<Box<dyn NearLimitObserver>> {
        None
    }

    /// Whether the run is to end now; asked after every tick.
    fn should_stop(&mut self) -> bool {
        false
    }

    /// The run is over; told last, after the last sample and snapshot.
    fn on_end(&mut self, summary: &RunSummary) {
        let _ = summary;
    }
}

/// Is told when an allocation is about to fail: in the middle of a tick, where the run's own observer is not at hand.
///
/// It is dropped when the run is over.
pub trait NearLimitObserver {
    /// A collection took place in tick `tick`, before the limit was reached. The run's observer is not told of it again.
    fn on_gc(&mut self, tick: u64, event: &GcEvent);

    /// A snapshot is due. The handles of the allocation's scopes are open and keep their objects.
    fn on_snapshot_point(&mut self, heap: &mut NearLimit<'_>, point: &SnapshotPoint);
}

/// An observer that looks away.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoObserver;

impl RunObserver for NoObserver {}

/// What is known when a run starts.
#[derive(Clone, Copy, Debug)]
pub struct RunStart<'r> {
    /// How the workload is run.
    pub options: &'r RunOptions,
    /// When: µs on the policy clock.
    pub time_us: u64,
    /// What the heap holds.
    pub heap: HeapSizes,
}

/// Heap and workload at the end of a tick.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// Ticks done.
    pub tick: u64,
    /// When: µs on the policy clock.
    pub time_us: u64,
    /// What the parts of the heap hold.
    pub heap: HeapSizes,
    /// Old-generation bytes at which the next major collection starts.
    pub old_generation_limit: u64,
    /// Bytes allocated since the heap was made, dead ones included.
    pub allocated_bytes: u64,
    /// Resident bytes of the whole process; `None` on a virtual clock, where a run is to be the same everywhere.
    pub resident_bytes: Option<u64>,
    /// The workload's own series.
    pub values: SampleValues,
}

/// A moment at which a snapshot is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SnapshotPoint {
    /// Why.
    pub reason: SnapshotReason,
    /// Ticks done.
    pub tick: u64,
    /// When: µs on the policy clock.
    pub time_us: u64,
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It had its full length.
    Completed,
    /// An allocation found no room after everything was tried.
    HeapLimit(LimitDetails),
    /// The observer ended it.
    Interrupted,
    /// The workload failed: this is why.
    Failed(String),
}

/// What a run came to.
#[derive(Clone, Debug, PartialEq)]
pub struct RunSummary {
    /// How it ended.
    pub outcome: Outcome,
    /// Ticks that were run to their end.
    pub ticks: u64,
    /// When it ended: µs on the policy clock.
    pub time_us: u64,
    /// The workload's figures.
    pub counters: Vec<Counter>,
}
