//! Closures of one function, kept again and again: listeners, callbacks, subscriptions.

use super::{Candidate, Vote};
use crate::format::{EdgeType, NodeType};

/// Node's own class of what an event target (an AbortSignal is one) keeps of each listener, and the property where.
const TARGETS_LISTENER: &str = "Listener";
const TARGETS_LISTENERS: &str = "<symbol kEvents>";

/// Whether listeners of an event target are what grows.
pub(super) fn of_event_target(candidate: &Candidate<'_>) -> bool {
    let is_list =
        |edge: &crate::EdgeRef<'_>| edge.is(EdgeType::Property) && edge.name() == TARGETS_LISTENERS;
    candidate.class == TARGETS_LISTENER && candidate.path.iter().chain(candidate.below).any(is_list)
}

pub(super) fn vote(candidate: &Candidate<'_>) -> Option<Vote> {
    if of_event_target(candidate) {
        let cure = "removing each listener when its work is done: removeEventListener, `once: true`, or a signal of its own \
                    that is let go with the work";
        return Some(Vote::Cure(cure.to_owned()));
    }
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
