//! Timers that are never cleared.

use super::{Candidate, Vote};

/// Node's own classes of timers and of their lists.
const TIMERS: [&str; 3] = ["Timeout", "Immediate", "TimersList"];

pub(super) fn vote(candidate: &Candidate<'_>) -> Option<Vote> {
    let class = candidate.class;
    let owner = candidate.owner.name();
    (TIMERS.contains(&class) || TIMERS.contains(&owner.as_ref())).then(|| {
        Vote::Cure(
            "clearing each timer (clearTimeout, clearInterval) when its work is done".to_owned(),
        )
    })
}
