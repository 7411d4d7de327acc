//! The rules: each looks at one candidate and votes, with its evidence.
//!
//! No rule knows a class or property name but V8's and Node's own.

mod bounded;
mod code;
mod collections;
mod detached;
mod internals;
mod listeners;
mod modules;
mod room;
mod size;
mod steady;
mod strings;
mod survival;
mod timers;

use super::settings::Thresholds;
use crate::graph::{EdgeRef, NodeId, NodeRef};

/// An owner and the class that grows most under it.
#[derive(Debug)]
pub struct Candidate<'a> {
    /// The owner, in the last snapshot.
    pub owner: NodeRef<'a>,
    /// The edges from the root to the owner.
    pub path: &'a [EdgeRef<'a>],
    /// The edges from the owner to a sample of the items.
    pub below: &'a [EdgeRef<'a>],
    /// The class of the items.
    pub class: &'a str,
    /// A sample item, in the last snapshot.
    pub sample: NodeRef<'a>,
    /// How many there are, snapshot by snapshot.
    pub counts: &'a [u64],
    /// Bytes, snapshot by snapshot.
    pub bytes: &'a [u64],
    /// The share (0 to 1) of what came between the first snapshot and the last that is still there in the last;
    /// `None` if the snapshots do not tell.
    pub stayed: Option<f64>,
    /// The largest id of the first snapshot: what has a larger one came later. `None` if ids tell nothing.
    pub known_until: Option<NodeId>,
    /// Modules that Node had loaded.
    pub modules: &'a LoadedModules<'a>,
    /// Thresholds.
    pub thresholds: &'a Thresholds,
}

impl Candidate<'_> {
    /// What was added in each step.
    #[must_use]
    pub fn steps(&self) -> Vec<i64> {
        steps(self.counts)
    }

    /// Bytes added in each step.
    #[must_use]
    pub fn byte_steps(&self) -> Vec<i64> {
        steps(self.bytes)
    }
}

/// What was added in each step.
pub(super) fn steps(values: &[u64]) -> Vec<i64> {
    values
        .windows(2)
        .map(|w| w[1] as i64 - w[0] as i64)
        .collect()
}

pub use modules::LoadedModules;
pub(super) use modules::is_module;

/// What a rule says.
#[derive(Clone, Debug, PartialEq)]
pub enum Vote {
    /// Evidence of a leak, with its weight; weights of all rules add up to the confidence, at most 1.
    Leak(f64, String),
    /// Evidence against a leak, with its weight, which is taken off the confidence.
    Doubt(f64, String),
    /// No leak, and why.
    Healthy(String),
    /// A hint what would end it.
    Cure(String),
}

/// A rule.
pub type Rule = fn(&Candidate<'_>) -> Option<Vote>;

/// All rules with their names, in the order in which they are asked.
pub const ALL: [(&str, Rule); 13] = [
    ("internals", internals::vote),
    ("code", code::vote),
    ("size", size::vote),
    ("bounded", bounded::vote),
    ("modules", modules::vote),
    ("steady", steady::vote),
    ("survival", survival::vote),
    ("room", room::vote),
    ("collections", collections::vote),
    ("listeners", listeners::vote),
    ("timers", timers::vote),
    ("detached", detached::vote),
    ("strings", strings::vote),
];
