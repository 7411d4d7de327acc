//! Leaks on demand: classic leak patterns on a managed heap, each with its cures and its ground truth.
//!
//! A [`Workload`] is a simulated server that serves one request per tick, seeded, on a [`heaplab_gc::Heap`].
//! [`driver::run`] runs it and tells a [`RunObserver`](driver::RunObserver) of every collection, sample and
//! note, and of the moments at which a snapshot is due. [`registry`] lists the workloads that come with this
//! crate:
//!
//! | workload | what leaks | cures |
//! |---|---|---|
//! | [`cache`] | a cache that never forgets | `lru`, `fifo`, `ttl` |
//! | [`queue`] | a producer that outruns its consumer | `reject`, `timeout`, `backpressure` |
//! | [`closures`] | listeners that capture more than they use | `release`, `narrow` |
//! | [`buffers`] | small slices that keep slabs outside the heap | `copy`, `text`, `bound` |
//!
//! The caches with limits in [`limiter`] are library types in their own right.
//!
//! ```
//! use heaplab_gc::{Heap, HeapOptions};
//! use heaplab_workloads::driver::{self, NoObserver, Outcome, RunOptions};
//! use heaplab_workloads::{Parameters, registry};
//!
//! let (workload, cure) = registry::find("cache", Some("lru"))?;
//! let parameters = Parameters::parse(workload, cure, ["entries=500"])?;
//! let mut heap = Heap::new(HeapOptions::with_limits(64 << 20, 4 << 20))?;
//! let mut cache = workload.build(&parameters, cure);
//! let summary = driver::run(&mut heap, &mut *cache, &RunOptions::ticks(5_000), &mut NoObserver);
//! assert!(matches!(summary.outcome, Outcome::Completed));
//! for counter in &summary.counters {
//!     println!("{}: {} {}", counter.title, counter.value, counter.unit.as_str());
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]

pub mod buffers;
pub mod cache;
pub mod closures;
pub mod driver;
mod error;
pub mod limiter;
pub mod parameter;
pub mod queue;
pub mod random;
pub mod registry;
mod suggestion;
pub mod workload;

pub use error::WorkloadError;
pub use parameter::{Parameter, ParameterError, Parameters, Span, Unit, Value};
pub use workload::{
    Chart, Counter, Cure, Description, GroundTruth, Note, SampleValues, Series, Step, Workload,
    WorkloadContext,
};
