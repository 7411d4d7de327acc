//! Growth of the whole heap that no finding explains: silence about it would read as an all-clear.

use super::finding::LeakReport;
use super::rules::steps;
use super::settings::Thresholds;
use crate::analysis::words;
use crate::graph::Snapshot;

/// Growth of each step, as a share of what there was, from which it is much.
const MUCH: f64 = 0.1;
/// The share of the growth that findings must explain.
const EXPLAINED: f64 = 0.5;

/// Notes the size of the heaps, and how much of their growth is not explained, if that is much in every step.
///
/// Complexity: the nodes of all snapshots.
pub(super) fn say(snapshots: &[Snapshot], thresholds: &Thresholds, report: &mut LeakReport) {
    let bytes = |snapshot: &Snapshot| snapshot.nodes.self_size.iter().map(|&b| u64::from(b)).sum();
    report.total = snapshots.iter().map(bytes).collect();
    let enough = i64::try_from(thresholds.enough_bytes).unwrap_or(i64::MAX);
    let grown = steps(&report.total);
    let much =
        |(&step, &before): (&i64, &u64)| step >= enough && step as f64 >= MUCH * before as f64;
    if grown.is_empty() || !grown.iter().zip(&report.total).all(much) {
        return;
    }
    let growth = grown.iter().sum::<i64>();
    let allowed = report.allowed.iter().map(|(finding, _)| finding);
    let findings = report
        .leaks
        .iter()
        .chain(&report.cannot_tell)
        .chain(allowed);
    let explained =
        findings.map(|finding| finding.growth_bytes.max(0) - finding.shared_bytes as i64);
    let explained: i64 = explained.sum();
    if explained as f64 >= EXPLAINED * growth as f64 {
        return;
    }
    report.unexplained_bytes = (growth - explained).unsigned_abs();
    let totals: Vec<String> = report
        .total
        .iter()
        .map(|&bytes| words::bytes(bytes))
        .collect();
    report.notes.push(format!(
        "the heap grew in every step, {}, and {} of that growth is not explained by any finding: see `heaplab snapshot \
         diff` of the first and the last snapshot",
        totals.join(" → "),
        words::bytes(report.unexplained_bytes)
    ));
}
