//! Growth in every step, of about the same size: the mark of a leak.

use super::{Candidate, Vote};

pub(super) fn vote(candidate: &Candidate<'_>) -> Option<Vote> {
    let steps = candidate.steps();
    let (&least, &most) = (steps.iter().min()?, steps.iter().max()?);
    if least <= 0 {
        return None;
    }
    let steadiness = least as f64 / most as f64;
    let listed: Vec<String> = steps.iter().map(|s| format!("+{s}")).collect();
    let evidence = format!("{} of {} per step", listed.join(", "), candidate.class);
    match steps.len() {
        // Two snapshots show growth, not that it goes on.
        1 => Some(Vote::Leak(0.3, evidence)),
        _ if steadiness >= candidate.thresholds.steadiness => {
            Some(Vote::Leak(0.5 + 0.2 * steadiness, evidence))
        }
        _ => Some(Vote::Leak(0.25, evidence)),
    }
}
