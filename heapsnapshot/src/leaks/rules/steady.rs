//! Growth in every step, of about the same size: the mark of a leak.

use super::{Candidate, Vote};

/// With at least so many steps one without growth may be among them.
const MANY_STEPS: usize = 4;

pub(super) fn vote(candidate: &Candidate<'_>) -> Option<Vote> {
    let steps = candidate.steps();
    let (&least, &most, &last) = (steps.iter().min()?, steps.iter().max()?, steps.last()?);
    let listed: Vec<String> = steps.iter().map(|s| format!("{s:+}")).collect();
    let evidence = format!("{} of {} per step", listed.join(", "), candidate.class);
    if least <= 0 {
        let growing = steps.iter().filter(|&&step| step > 0).count();
        let nearly_all = steps.len() >= MANY_STEPS && growing + 1 >= steps.len() && last > 0;
        return nearly_all.then_some(Vote::Leak(0.4, evidence));
    }
    if steps.len() == 1 {
        // Two snapshots show growth, not that it goes on.
        return Some(Vote::Leak(0.3, evidence));
    }
    let steadiness = least as f64 / most as f64;
    // More steps are more evidence.
    let length = f64::min(0.05 * (steps.len() - 2) as f64, 0.15);
    if steadiness >= candidate.thresholds.steadiness {
        return Some(Vote::Leak(0.5 + 0.2 * steadiness + length, evidence));
    }
    // What fills up slows down; what does not is load that comes unevenly.
    let goes_on = last as f64 >= candidate.thresholds.steadiness * most as f64;
    Some(Vote::Leak(
        if goes_on { 0.4 } else { 0.25 } + length,
        evidence,
    ))
}
