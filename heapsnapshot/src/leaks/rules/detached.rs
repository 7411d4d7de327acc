//! Nodes that were taken out of their document and are still held.

use super::{Candidate, Vote};

pub(super) fn vote(candidate: &Candidate<'_>) -> Option<Vote> {
    let sample = candidate.sample;
    let detached = candidate.class.starts_with("Detached ")
        || sample.snapshot().dom_state().of(sample.ordinal()) == 2;
    detached.then(|| {
        Vote::Leak(
            0.2,
            "the objects are detached from their document".to_owned(),
        )
    })
}
