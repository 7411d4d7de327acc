//! Leak finding: what grows, who owns it, how it is held, and what would end it.
//!
//! # Method
//!
//! Objects keep their ids within one process, so snapshots of one process can be laid over each other. An
//! object that is in all of them is *persistent*. Every other object is attributed to its *owner*: the
//! nearest persistent object on its cheapest path from a root that is not V8's own plumbing. The *item* is
//! the first object below the owner: a map's entry, a listener, a list's node.
//!
//! A leak is an owner under which non-persistent objects of one class become more in every step. A cache at
//! its bound replaces its items and does not grow; a program warming up grows once; both have a net growth of
//! none in the last step, and no report is made.
//!
//! Rules ([`rules`]) vote on each owner: `Leak`, `Healthy` or nothing, each with its evidence. A `Healthy`
//! vote ends the matter; the others' weights add up to the confidence. What is neither is listed as "cannot
//! tell", with the reason.
//!
//! Complexity: reading, and for each snapshot one cheapest-path search and one pass over its nodes.

mod growth;
mod report;
pub mod rules;
pub mod settings;
mod tree;

pub use growth::{Group, ItemTally};
pub use report::{Finding, LeakReport, Verdict, find};
pub use settings::{Settings, SettingsError};
