//! From figures to a finding: the rules are asked.

use super::finding::{Finding, Verdict};
use super::place::Place;
use super::rules::{self, Candidate, LoadedModules, Vote};
use super::settings::Thresholds;
use crate::analysis::words;
use crate::graph::{NodeId, NodeRef};

/// The figures of one place.
pub(super) struct Figures {
    pub(super) class: String,
    pub(super) counts: Vec<u64>,
    pub(super) bytes: Vec<u64>,
    /// The share of what came and is there in the last snapshot too; `None` if it is not known.
    pub(super) stayed: Option<f64>,
    /// Places taken together.
    pub(super) places: usize,
    /// The largest id of the first snapshot, if ids tell something.
    pub(super) known_until: Option<NodeId>,
}

impl Figures {
    /// Bytes more in the last snapshot than in the first.
    pub(super) fn growth_bytes(&self) -> i64 {
        change(&self.bytes)
    }
}

/// The last value less the first.
pub(super) fn change(values: &[u64]) -> i64 {
    match (values.first(), values.last()) {
        (Some(&first), Some(&last)) => last as i64 - first as i64,
        _ => 0,
    }
}

/// Asks all rules; `None` if one of them says that it is no leak, or none says anything.
pub(super) fn judge(
    place: &Place<'_>,
    sample: NodeRef<'_>,
    figures: Figures,
    modules: &LoadedModules<'_>,
    thresholds: &Thresholds,
) -> Option<Finding> {
    let growth_bytes = figures.growth_bytes();
    if growth_bytes <= 0 {
        return None;
    }
    let candidate = Candidate {
        owner: place.owner,
        path: &place.path,
        below: &place.below,
        class: &figures.class,
        sample,
        counts: &figures.counts,
        bytes: &figures.bytes,
        stayed: figures.stayed,
        known_until: figures.known_until,
        modules,
        thresholds,
    };
    let (mut confidence, mut evidence, mut cures) = (0.0, Vec::new(), Vec::new());
    for (_, rule) in rules::ALL {
        match rule(&candidate) {
            Some(Vote::Healthy(_)) => return None,
            Some(Vote::Leak(weight, why)) => {
                confidence += weight;
                evidence.push(why);
            }
            Some(Vote::Doubt(weight, why)) => {
                confidence -= weight;
                evidence.push(why);
            }
            Some(Vote::Cure(cure)) => cures.push(cure),
            None => {}
        }
    }
    if confidence <= 0.0 {
        return None;
    }
    if figures.places > 1 {
        evidence.push(format!(
            "in {} places that are held alike",
            words::count(figures.places as u64)
        ));
    }
    let confidence = f64::min(confidence, 1.0);
    let verdict = if confidence >= thresholds.min_confidence {
        Verdict::Leak
    } else {
        Verdict::CannotTell
    };
    Some(Finding {
        verdict,
        confidence,
        owner: place.text.clone(),
        owner_id: place.owner.id().0,
        places: figures.places,
        class: figures.class,
        counts: figures.counts,
        bytes: figures.bytes,
        growth_bytes,
        shared_bytes: 0,
        path: words::path(place.path.iter().copied()),
        item_path: words::path(place.below.iter().copied()),
        sample_id: sample.id().0,
        evidence,
        cures,
    })
}
