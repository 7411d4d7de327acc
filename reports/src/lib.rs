//! What people look at after a run: the record it left, its GC log, charts, and one offline HTML page.
//!
//! Everything here works from a **run folder** and nothing else, so that a run made yesterday, on another
//! machine, or by another program, can be reported again:
//!
//! | file | what it holds | written by |
//! |---|---|---|
//! | `run.json` | what was run, with which limits, how it ended | [`record::RecordWriter`] |
//! | `events.jsonl` | every collection, every sample, in order | [`record::RecordWriter`] |
//! | `gc.log` | the collections as V8's `--trace-gc` prints them | [`record::RecordWriter`] |
//!
//! The format is versioned and described in `FORMAT.md` beside this crate.
//!
//! ```
//! use heaplab_reports::page::write_report;
//! use heaplab_reports::record::{
//!     Event, GcLogPrefix, HeapSizes, Limits, Outcome, RecordWriter, RunEnd, RunInfo, Sample, Workload,
//! };
//!
//! # let folder = tempfile::tempdir()?;
//! # let folder = folder.path().join("run");
//! let workload = Workload { name: "mine".into(), title: "My server".into(), summary: String::new() };
//! let limits = Limits { max_old_space_bytes: 64 << 20, ..Limits::default() };
//! let prefix = GcLogPrefix { pid: 7, address: 0 };
//! let mut record = RecordWriter::create(&folder, RunInfo::new(workload, limits), prefix)?;
//! for tick in 1..=100_u64 {
//!     let heap = HeapSizes { old_bytes: tick << 17, committed_bytes: 32 << 20, ..HeapSizes::default() };
//!     record.record(&Event::Sample(Sample { tick, time_us: tick * 1000, heap, ..Sample::default() }))?;
//! }
//! record.finish(RunEnd { ticks: 100, time_us: 100_000, outcome: Outcome::Completed })?;
//!
//! let page = write_report(&folder)?;
//! assert!(page.ends_with("report.html"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]

pub mod chart;
mod escape;
pub mod format;
pub mod gc_log;
pub mod page;
pub mod record;
pub mod stats;
pub mod summary;
