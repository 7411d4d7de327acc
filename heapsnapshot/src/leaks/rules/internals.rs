//! V8's and Node's own bookkeeping is no leak of the program's.

use super::{Candidate, Vote};
use crate::format::NodeType;

/// Tables of V8 and Node that fill as a program runs and are bounded by its code, not by its load.
const BOOKKEEPING: [&str; 9] = [
    "(Internalized strings)",
    "(Startup object cache)",
    "(Builtins)",
    "(Eternal handles)",
    "(Strong root list)",
    "(Read-only roots)",
    "(Bootstrapper)",
    "(Retain maps)",
    "(Weak roots)",
];

pub(super) fn vote(candidate: &Candidate<'_>) -> Option<Vote> {
    let internal_class = candidate.class.starts_with("system / ")
        || candidate.class.starts_with("(system")
        || candidate.class.starts_with("(compiled code")
        || candidate.class.starts_with("(object shape")
        || candidate.class.starts_with("(internal");
    if internal_class {
        return Some(Vote::Healthy(format!("{} is V8's own", candidate.class)));
    }
    if candidate.owner.is(NodeType::Synthetic) && candidate.owner.name() != "(Global handles)" {
        return Some(Vote::Healthy(format!(
            "held by V8's own roots, {}",
            candidate.owner.name()
        )));
    }
    let through = candidate.path.iter().find(|edge| {
        BOOKKEEPING.contains(&edge.to().name().as_ref()) && edge.to().is(NodeType::Synthetic)
    });
    through.map(|edge| Vote::Healthy(format!("held by V8's own {}", edge.to().name())))
}
