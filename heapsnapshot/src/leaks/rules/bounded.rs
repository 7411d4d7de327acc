//! What stopped growing: a cache at its bound, a program that has warmed up.

use super::{Candidate, Vote};

/// Growth of the last step below this share of the largest step is none.
const STOPPED: f64 = 0.1;

pub(super) fn vote(candidate: &Candidate<'_>) -> Option<Vote> {
    let steps = candidate.steps();
    let (&last, most) = (steps.last()?, *steps.iter().max()?);
    if steps.len() >= 2 && (last as f64) < STOPPED * most as f64 {
        return Some(Vote::Healthy(format!(
            "grew by {most} in one step and by {last} in the last: it stopped"
        )));
    }
    None
}
