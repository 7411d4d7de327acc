//! The same text, kept many times.

use super::{Candidate, Vote};
use crate::format::NodeType;

pub(super) fn vote(candidate: &Candidate<'_>) -> Option<Vote> {
    let sample = candidate.sample;
    if !matches!(
        sample.kind(),
        Some(NodeType::String | NodeType::ConcatenatedString | NodeType::SlicedString)
    ) {
        return None;
    }
    // A file has each text once.
    let same = sample
        .snapshot()
        .nodes()
        .filter(|n| n.kind() == sample.kind() && n.name_index() == sample.name_index())
        .take(100)
        .count();
    (same > 10).then(|| {
        let many = if same == 100 {
            "100 or more".to_owned()
        } else {
            same.to_string()
        };
        Vote::Cure(format!(
            "keeping one copy of equal texts ({many} are equal to a sample)"
        ))
    })
}
