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
mod size;
mod steady;
mod strings;
mod timers;

use super::settings::Thresholds;
use crate::graph::{EdgeRef, NodeRef};
use crate::leaks::ItemTally;

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
    pub sample: Option<NodeRef<'a>>,
    /// Tallies of the class, snapshot by snapshot.
    pub tallies: &'a [ItemTally],
    /// What is counted: items, or members where items do not grow (a list hangs on one item).
    pub counts: &'a [u64],
    /// Bytes, snapshot by snapshot.
    pub bytes: &'a [u64],
    /// Modules that Node had loaded, snapshot by snapshot.
    pub modules: &'a [u64],
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

fn steps(values: &[u64]) -> Vec<i64> {
    values
        .windows(2)
        .map(|w| w[1] as i64 - w[0] as i64)
        .collect()
}

pub(super) use modules::loaded_modules;

/// What a rule says.
#[derive(Clone, Debug, PartialEq)]
pub enum Vote {
    /// Evidence of a leak, with its weight; weights of all rules add up to the confidence, at most 1.
    Leak(f64, String),
    /// No leak, and why.
    Healthy(String),
    /// A hint what would end it.
    Cure(String),
}

/// A rule.
pub type Rule = fn(&Candidate<'_>) -> Option<Vote>;

/// All rules with their names, in the order in which they are asked.
pub const ALL: [(&str, Rule); 11] = [
    ("internals", internals::vote),
    ("code", code::vote),
    ("modules", modules::vote),
    ("size", size::vote),
    ("bounded", bounded::vote),
    ("steady", steady::vote),
    ("collections", collections::vote),
    ("listeners", listeners::vote),
    ("timers", timers::vote),
    ("detached", detached::vote),
    ("strings", strings::vote),
];
