//! A collection that grows: named, with the bound that would end it.

use super::{Candidate, Vote, listeners, timers};
use crate::format::{EdgeType, NodeType};
use crate::graph::NodeRef;
use crate::paths::is_dictionary;

pub(super) fn vote(candidate: &Candidate<'_>) -> Option<Vote> {
    // They have better ones.
    if listeners::of_event_target(candidate) || timers::of_timers(candidate) {
        return None;
    }
    let owner = candidate.owner.name();
    let keyed = candidate.below.iter().any(|e| e.is(EdgeType::Property));
    let vote = match owner.as_ref() {
        _ if candidate.sample.is(NodeType::Closure) => {
            "removing each function when its work is done (off, removeListener, unsubscribe)"
        }
        "Map" | "WeakMap" => {
            "a bound with eviction of the oldest entries (an LRU limiter), or deleting entries when they are done"
        }
        "Set" | "WeakSet" => "deleting elements when they are done",
        "Array" => "removing elements when they are done, or a bounded ring",
        _ if is_linked(candidate.sample) && !is_dictionary(candidate.owner) => {
            "taking each out of the list when its work is done, or a bound on the list's length"
        }
        _ if candidate.owner.is(NodeType::Object) && keyed => {
            "deleting properties when they are done, or a Map with a bound"
        }
        _ => return None,
    };
    Some(Vote::Cure(vote.to_owned()))
}

/// Whether an object refers to another of its class, as a list's nodes do.
fn is_linked(item: NodeRef<'_>) -> bool {
    let alike = |other: NodeRef<'_>| {
        other.is(NodeType::Object)
            && other.ordinal() != item.ordinal()
            && other.name_index() == item.name_index()
    };
    let mut edges = item
        .edges()
        .filter(|edge| edge.is(EdgeType::Property) && edge.name() != "__proto__");
    item.is(NodeType::Object) && edges.any(|edge| alike(edge.to()))
}
