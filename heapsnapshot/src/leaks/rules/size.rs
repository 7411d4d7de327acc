//! Too little to matter.

use super::{Candidate, Vote};

pub(super) fn vote(candidate: &Candidate<'_>) -> Option<Vote> {
    let most = candidate.steps().into_iter().max().unwrap_or(0);
    let most_bytes = candidate.byte_steps().into_iter().max().unwrap_or(0);
    let large = candidate
        .thresholds
        .enough(&candidate.steps(), &candidate.byte_steps());
    if most < candidate.thresholds.min_items as i64 && !large {
        return Some(Vote::Healthy(format!(
            "at most {} more in a step",
            most.max(0)
        )));
    }
    if most_bytes < candidate.thresholds.min_bytes as i64 {
        return Some(Vote::Healthy(format!(
            "at most {} bytes more in a step",
            most_bytes.max(0)
        )));
    }
    None
}
