//! Leak finding: what grows, who owns it, how it is held, and what would end it.
//!
//! # Method
//!
//! Objects keep their ids within one process, so snapshots of one process can be laid over each other. An
//! object that is in all of them is *persistent*. Every other object of the last snapshot is attributed to its
//! *owner*: the nearest persistent object on its cheapest path from a root that is not V8's own plumbing. The
//! *item* is the first object below the owner: a map's entry, a listener, a list's node. Owners whose paths look
//! alike, such as the inner maps of one map, are taken together and named by what they have in common.
//!
//! What an owner holds is then counted in every snapshot, by following the same edges. A leak is an owner of
//! which items of one class become more in every step. A cache at its bound replaces its items and does not
//! grow; a program warming up grows once; both have a net growth of none in the last step, and no report is
//! made.
//!
//! A collection of numbers has no items that a snapshot shows: there, its own table must grow in every step, and by
//! much. If the whole heap grows so and no finding explains it, the report says that.
//!
//! Rules ([`rules`]) vote on each owner: `Leak`, `Doubt`, `Healthy` or nothing, each with its evidence. A
//! `Healthy` vote ends the matter; the others' weights add up to the confidence. What is neither is listed as
//! "cannot tell", with the reason.
//!
//! Snapshots of different processes share no ids. There, what hangs on paths of one shape is counted instead,
//! which shows growth too, but not whether what came also stayed.
//!
//! ```no_run
//! use heapsnapshot::Snapshot;
//! use heapsnapshot::leaks::{Settings, find};
//!
//! let files = ["baseline", "target", "final"].map(|name| format!("{name}.heapsnapshot"));
//! let snapshots = files.iter().map(Snapshot::open).collect::<Result<Vec<_>, _>>()?;
//! for leak in find(&snapshots, None, &Settings::default(), "2026-01-31").leaks {
//!     println!("{}: {:?} of {}", leak.owner, leak.counts, leak.class);
//! }
//! # Ok::<(), heapsnapshot::ReadError>(())
//! ```
//!
//! Complexity: reading; the ids of the first and the last snapshot; one cheapest-path search in the last.

mod across;
mod candidates;
mod class;
mod find;
mod finding;
mod ids;
mod judge;
mod measure;
mod overlap;
mod pattern;
mod place;
pub mod rules;
pub mod settings;
mod single;
mod stores;
#[cfg(test)]
mod tests;
mod unexplained;

pub use find::find;
pub use finding::{Finding, LeakReport, Matched, Verdict};
pub use settings::{Settings, SettingsError};
