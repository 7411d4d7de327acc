//! A producer that outruns its consumer, and three ways to stand up to it.
//!
//! Each request becomes a job for a few workers; together they finish fewer jobs than arrive. What waits, waits
//! in a queue on the heap:
//!
//! ```text
//!  JobQueue ──waiting──► Deque ──buffer──► Array ──[]──► Job ──request──► Request ──body──► Bytes
//!      │                                                  └──callback──► respond() ──context──► handleRequest
//!      ├── running ────► Array (one slot per worker)
//!      └── abandoned ──► Deque (timed out, but not finished yet)
//! ```
//!
//! The queue behaves as Bagpipe, an old Node module that limits parallel asynchronous calls: `workers` is its
//! limit; a call is queued, then the next one starts if a worker is free; with `refuse`, a call that finds
//! `workers × ratio` waiting fails at once; a call that times out frees its worker although it goes on, and
//! what it ends with is only heard of if that is an error (the event `outdated`). Each call that finds more
//! than one waiting is a `full` event. One thing differs: Bagpipe's timeout counts from when a call *starts*, so
//! it bounds no queue; here it counts from when the call was made.

mod description;
mod pool;
mod server;

pub use description::DESCRIPTION;
pub use pool::{JobQueue, JobQueueCounts, JobQueueOptions, Pushed};
