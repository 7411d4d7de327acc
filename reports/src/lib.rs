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
#![forbid(unsafe_code)]

pub mod chart;
mod escape;
pub mod format;
pub mod gc_log;
pub mod page;
pub mod record;
pub mod stats;
pub mod summary;
