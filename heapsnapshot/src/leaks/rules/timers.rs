//! Timers that are never cleared.

use super::{Candidate, Vote};

/// Node's own classes of timers and of their lists.
const TIMERS: [&str; 3] = ["Timeout", "Immediate", "TimersList"];

/// Whether timers are what grows.
pub(super) fn of_timers(candidate: &Candidate<'_>) -> bool {
    TIMERS.contains(&candidate.class) || TIMERS.contains(&candidate.owner.name().as_ref())
}

pub(super) fn vote(candidate: &Candidate<'_>) -> Option<Vote> {
    of_timers(candidate).then(|| {
        Vote::Cure(
            "clearing each timer (clearTimeout, clearInterval) when its work is done".to_owned(),
        )
    })
}
