//! Closures of one function, kept again and again: listeners, callbacks, subscriptions.

use super::{Candidate, Vote};
use crate::format::NodeType;

pub(super) fn vote(candidate: &Candidate<'_>) -> Option<Vote> {
    if !candidate.sample.is(NodeType::Closure) {
        return None;
    }
    // The class of a closure is its function, so all these are one function: it was made in a loop or per request.
    Some(Vote::Leak(
        0.1,
        format!(
            "closures of one {} pile up, each with its scope",
            candidate.class
        ),
    ))
}
