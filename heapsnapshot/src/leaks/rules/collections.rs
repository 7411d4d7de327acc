//! A collection that grows: named, with the bound that would end it.

use super::{Candidate, Vote};
use crate::format::{EdgeType, NodeType};

pub(super) fn vote(candidate: &Candidate<'_>) -> Option<Vote> {
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
        _ if candidate.owner.is(NodeType::Object) && keyed => {
            "deleting properties when they are done, or a Map with a bound"
        }
        _ => return None,
    };
    Some(Vote::Cure(vote.to_owned()))
}
