//! The run record: what a run writes into its folder, and how it is read back.
//!
//! * [`RunInfo`] is `run.json`: what was run and how it ended.
//! * [`Event`] is one line of `events.jsonl`: a collection, a sample, a snapshot or a note.
//! * [`RecordWriter`] streams a run into a folder; [`RunRecord`] reads a folder back.
//!
//! Units are in the names: `_bytes`, `_us` (microseconds), `_ns` (nanoseconds). Times count from the
//! creation of the heap, on the run's policy clock: wall time, or virtual time with `"clock": "virtual"`.
//! The same run on the virtual clock writes the same bytes: maps are sorted, floats are written in their
//! shortest form, nothing depends on the host.

mod error;
mod event;
mod number;
mod reader;
mod run;
mod totals;
mod writer;

pub use error::RecordError;
pub use event::{
    Event, GcEvent, GcKind, HeapSizes, IncrementalMarking, Note, Phase, Sample, SnapshotTaken,
    SnapshotWhy,
};
pub use reader::RunRecord;
pub use run::{
    Clock, Counter, Cure, Curve, CurveChart, Generator, GroundTruth, Limits, Outcome, Parameter,
    ParameterValue, PathStep, RunEnd, RunInfo, SmallestHeap, Unit, Workload,
};
pub use totals::{GcTotals, Totals};
pub(crate) use writer::write_whole;
pub use writer::{GcLogPrefix, RecordWriter};

/// The version of the record's format that this crate writes.
///
/// It grows when a reader of the old version would misread the new one; a new optional field does not
/// change it. [`RunRecord::open`] reads every version up to this one.
pub const FORMAT_VERSION: u32 = 1;

/// The name of the file that says what was run and how it ended.
pub const RUN_FILE: &str = "run.json";
/// The name of the file of collections, samples, snapshots and notes, one JSON object per line.
pub const EVENTS_FILE: &str = "events.jsonl";
/// The name of the file of collections in V8's `--trace-gc` form.
pub const GC_LOG_FILE: &str = "gc.log";
