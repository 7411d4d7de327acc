//! Code that warms up: feedback, compiled code, and functions that are each made once.

use super::{Candidate, Vote};
use crate::format::NodeType;

pub(super) fn vote(candidate: &Candidate<'_>) -> Option<Vote> {
    let through_code = candidate.below.iter().any(|edge| {
        matches!(
            edge.to().kind(),
            Some(NodeType::Code | NodeType::ObjectShape)
        ) || edge.to().name().starts_with("system / Feedback")
            || edge.to().name().starts_with("system / SharedFunctionInfo")
    });
    if through_code {
        return Some(Vote::Healthy(
            "held by compiled code or its feedback, which warming up makes".to_owned(),
        ));
    }
    None
}
