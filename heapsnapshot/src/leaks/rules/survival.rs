//! Whether what came stays: a leak lets nothing go, while a table under load has other entries every time.

use super::{Candidate, Vote};

/// All but stragglers.
const ALL: f64 = 0.9;
/// Next to nothing.
const NEXT_TO_NOTHING: f64 = 0.1;

pub(super) fn vote(candidate: &Candidate<'_>) -> Option<Vote> {
    let stayed = candidate.stayed?;
    let percent = stayed * 100.0;
    if stayed >= ALL {
        let why = format!("{percent:.0} % of what had come before stayed to the end");
        return Some(Vote::Leak(0.15, why));
    }
    (stayed < NEXT_TO_NOTHING).then(|| {
        let why = format!(
            "only {percent:.0} % of what had come before stayed to the end: it is let go, and there is more each time, \
             by more load or a backlog"
        );
        Vote::Doubt(0.25, why)
    })
}
