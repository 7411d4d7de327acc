//! Runs a workload on a heap, tick by tick, and tells an observer what happens.
//!
//! ```
//! use heaplab_gc::{GcEvent, Heap, HeapOptions};
//! use heaplab_workloads::driver::{self, RunObserver, RunOptions, Sample};
//! use heaplab_workloads::{Parameters, registry};
//!
//! #[derive(Default)]
//! struct Peaks { collections: u64, most_used: u64 }
//!
//! impl RunObserver for Peaks {
//!     fn on_gc(&mut self, _tick: u64, _event: &GcEvent) {
//!         self.collections += 1;
//!     }
//!     fn on_sample(&mut self, sample: &Sample) {
//!         self.most_used = self.most_used.max(sample.heap.used());
//!     }
//! }
//!
//! let (workload, _) = registry::find("cache", None)?;
//! let mut cache = workload.build(&Parameters::defaults(workload, None), None);
//! let mut heap = Heap::new(HeapOptions::with_limits(16 << 20, 1 << 20))?;
//! let mut peaks = Peaks::default();
//! let summary = driver::run(&mut heap, &mut *cache, &RunOptions::ticks(2_000).with_seed(7), &mut peaks);
//! assert_eq!(summary.ticks, 2_000);
//! assert!(peaks.most_used > 0);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! One tick is one request: the clock is charged [`heaplab_gc::Work::Tick`] for it, so on a virtual clock time
//! passes by ticks and by the heap's work, and the same seed gives the same run, call for call.

mod observer;
mod options;
mod run;
mod smallest_heap;

pub use observer::{
    NearLimitObserver, NoObserver, Outcome, RunObserver, RunStart, RunSummary, Sample,
    SnapshotPoint,
};
pub use options::{Length, RunOptions, ScheduleError, SnapshotReason, SnapshotSchedule};
pub use run::run;
pub use smallest_heap::{HeapNeeded, SearchObserver, SmallestHeap, smallest_heap};
