//! Findings about the same growth: a list held at both its ends is one, a tree's branches are one, and what two findings
//! both hold is counted for the first.

use super::candidates::Cluster;
use super::finding::{Finding, LeakReport, Verdict};
use super::measure::Measure;
use crate::analysis::words;
use crate::graph::Snapshot;
use crate::memory;

/// The share of a finding's bytes that others hold, too, from which it is told.
const TOLD: f64 = 0.1;
/// A node that no finding holds.
const NOBODY: u32 = u32::MAX;

/// A finding with what it was made of.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) finding: Finding,
    /// What holds the growth; several if findings were joined, none if it is a collection's own table.
    pub(super) clusters: Vec<Cluster>,
}

impl Found {
    /// Whether it is about a list.
    fn is_list(&self) -> bool {
        self.clusters.iter().any(|cluster| !cluster.counts_items)
    }
}

/// A list that is held at both its ends, or an owner's two ways to the same objects, is one finding.
pub(super) fn without_twins(mut all: Vec<Found>) -> Vec<Found> {
    all.sort_by(|a, b| {
        let growth = b.finding.growth_bytes.cmp(&a.finding.growth_bytes);
        growth.then_with(|| a.finding.order().cmp(&b.finding.order()))
    });
    let mut kept: Vec<Found> = Vec::new();
    for found in all {
        let finding = &found.finding;
        let twin = kept.iter().any(|other| {
            let lists = found.is_list() && other.is_list();
            let other = &other.finding;
            let same_owner = other.owner_id == finding.owner_id || lists;
            same_owner && other.class == finding.class && other.counts == finding.counts
        });
        if twin {
            continue;
        }
        // A tree's lower branches are the same growth as its upper ones.
        let same_tree = kept.iter_mut().find(|other| {
            let other = &other.finding;
            other.class == finding.class
                && other.owner == finding.owner
                && other.path == finding.path
        });
        match same_tree {
            Some(whole) => {
                absorb(&mut whole.finding, finding);
                whole.clusters.extend(found.clusters);
            }
            None => kept.push(found),
        }
    }
    kept
}

/// Adds the figures of a part to those of the whole.
fn absorb(whole: &mut Finding, part: &Finding) {
    let add = |sums: &mut [u64], more: &[u64]| {
        for (sum, more) in sums.iter_mut().zip(more) {
            *sum += more;
        }
    };
    add(&mut whole.counts, &part.counts);
    add(&mut whole.bytes, &part.bytes);
    whole.growth_bytes += part.growth_bytes;
    whole.places += part.places;
}

/// Says of each finding how much of its growth those before it hold, too, in the order in which they are told.
///
/// Complexity: what the findings hold in the last snapshot, which `measure` is of.
pub(super) fn say(all: &mut [Found], last: &Snapshot, measure: &Measure<'_>) {
    if all.len() < 2 {
        return;
    }
    all.sort_by(|a, b| {
        let (a, b) = (&a.finding, &b.finding);
        let unsure = |finding: &Finding| finding.verdict != Verdict::Leak;
        let order = unsure(a).cmp(&unsure(b)).then(b.weight().cmp(&a.weight()));
        order.then_with(|| a.order().cmp(&b.order()))
    });
    let mut holder: Vec<u32> = memory::filled(last.node_count(), NOBODY);
    for at in 0..all.len() {
        let mut shared = vec![0_u64; at];
        let mut own = 0_u64;
        for cluster in &all[at].clusters {
            for node in measure.held(cluster) {
                let size = u64::from(last.nodes.self_size[node]);
                let before = holder[node] as usize;
                if before == at {
                    continue;
                }
                own += size;
                match shared.get_mut(before) {
                    Some(shared) => *shared += size,
                    None => holder[node] = at as u32,
                }
            }
        }
        let share = shared.iter().sum::<u64>() as f64 / own.max(1) as f64;
        let most = (0..at).max_by_key(|&other| (shared[other], std::cmp::Reverse(other)));
        let Some(most) = most.filter(|_| share >= TOLD) else {
            continue;
        };
        let other = all[most].finding.owner_id;
        let finding = &mut all[at].finding;
        finding.shared_bytes = (share * finding.growth_bytes.max(0) as f64) as u64;
        finding.evidence.push(format!(
            "{} of that growth is held by what is told before it, too, most of it by @{other}: the two do not add up",
            words::bytes(finding.shared_bytes)
        ));
    }
}

/// Notes what findings that overlap are together.
pub(super) fn note(report: &mut LeakReport) {
    let told = || report.leaks.iter().chain(&report.cannot_tell);
    let shared: u64 = told().map(|finding| finding.shared_bytes).sum();
    if shared == 0 {
        return;
    }
    let sum: u64 = told()
        .map(|finding| finding.growth_bytes.max(0).unsigned_abs())
        .sum();
    report.notes.push(format!(
        "findings overlap: together they grew by {}, not by {}, their sum",
        words::bytes(sum.saturating_sub(shared)),
        words::bytes(sum)
    ));
}
