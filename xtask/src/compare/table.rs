//! The table for a terminal, the list of goals, and the JSON beside them.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::goals::Verdict;
use super::measures::Row;
use super::rounds::BenchResult;
use super::sample::Sample;
use super::smallest::Smallest;
use super::systems::Prepared;

/// Three significant digits.
pub(crate) fn figure(value: f64) -> String {
    match value {
        v if v.is_nan() => "-".to_owned(),
        v if v >= 99.5 => format!("{v:.0}"),
        v if v >= 9.95 => format!("{v:.1}"),
        v => format!("{v:.2}"),
    }
}

/// The medians of all rounds.
pub(crate) fn text(
    prepared: &Prepared,
    results: &[BenchResult],
    rows: &[Row],
    rounds: u32,
) -> String {
    let columns: Vec<&str> = prepared
        .systems
        .iter()
        .map(|system| system.name)
        .filter(|name| {
            rows.iter()
                .any(|row| row.cells.iter().any(|c| c.system == *name))
        })
        .collect();
    let mut out = format!(
        "Medians of {rounds} rounds on one core; figures of one row compare with each other only.\n\n{:<12} {:<11}",
        "bench", "measure"
    );
    for column in &columns {
        let _ = write!(out, " {column:>7}");
    }
    out.push('\n');
    let mut last = "";
    for row in rows {
        let bench = if row.bench == last { "" } else { row.bench };
        last = row.bench;
        let _ = write!(out, "{bench:<12} {:<11}", row.measure.label());
        for column in &columns {
            let cell = row.cells.iter().find(|cell| cell.system == *column);
            let value = cell.map_or_else(|| "·".to_owned(), |cell| figure(cell.median()));
            // A name longer than the column's width shifts its figures along.
            let width = column.len().max(7);
            let _ = write!(out, " {value:>width$}");
        }
        out.push('\n');
    }
    out.push('\n');
    for result in results {
        if let Some(disagreement) = result.disagreement() {
            let _ = writeln!(out, "{}: not shown, {disagreement}", result.bench.name);
        }
        for failure in &result.failed {
            let _ = writeln!(out, "{}: {failure}", result.bench.name);
        }
    }
    for system in &prepared.systems {
        let _ = writeln!(out, "{:<9} {}", system.name, system.title);
    }
    if !prepared.versions.is_empty() {
        let _ = writeln!(out, "{}", prepared.versions.join("; "));
    }
    for skipped in &prepared.skipped {
        let _ = writeln!(out, "left out: {skipped}");
    }
    out
}

/// The goals, each with the ratio of the least disturbed round and the median of all.
pub(crate) fn goals(verdicts: &[Verdict]) -> String {
    if verdicts.is_empty() {
        return String::new();
    }
    let mut out = format!(
        "\nGoals, as ratios inside a round\n{:<52} {:>7} {:>7} {:>7}\n",
        "", "at most", "least", "median"
    );
    for verdict in verdicts {
        let _ = writeln!(
            out,
            "{:<52} {:>7} {:>7} {:>7}  {}",
            verdict.what,
            figure(verdict.most),
            figure(verdict.least),
            figure(verdict.median),
            if verdict.met() { "met" } else { "missed" }
        );
    }
    let met = verdicts.iter().filter(|verdict| verdict.met()).count();
    let _ = writeln!(
        out,
        "{met} of {} met (least: the round that took both systems the least time)\n",
        verdicts.len()
    );
    out
}

/// Benches in which the scavenger's work is of interest.
const SCAVENGING: [&str; 6] = ["surv50", "surv80", "queue", "closure", "cacheu", "cachel"];

/// Where heaplab's collections spend their time, from the last round.
pub(crate) fn shares(results: &[BenchResult]) -> String {
    let mut out = String::new();
    for result in results {
        if !SCAVENGING.contains(&result.bench.name) {
            continue;
        }
        for (system, samples) in &result.samples {
            let Some(shares) = samples.last().and_then(Sample::shares) else {
                continue;
            };
            let percent = |share: f64| format!("{:.0} %", 100.0 * share);
            let _ = writeln!(
                out,
                "{:<14} {:<8} {:>11} {:>9} {:>9} {:>20}",
                result.bench.name,
                system.name,
                percent(shares.remembered),
                percent(shares.copying),
                percent(shares.marking),
                percent(shares.promoted)
            );
        }
    }
    if out.is_empty() {
        return out;
    }
    format!(
        "\nheaplab's time for collecting, and the survivors it promotes\n{:<23} {:>11} {:>9} {:>9} {:>20}\n{out}",
        "", "remembered", "copying", "marking", "promoted of copied"
    )
}

/// The smallest heaps.
pub(crate) fn smallest(found: &[Smallest]) -> String {
    let mut out = format!(
        "{:<9} {:>16} {:>22}\n",
        "", "smallest heap MB", "GC ms at twice of it"
    );
    for one in found {
        let _ = writeln!(
            out,
            "{:<9} {:>16} {:>22}",
            one.system,
            one.megabytes,
            figure(one.gc_at_twice)
        );
    }
    out.push('\n');
    out
}

/// Every measurement.
pub(crate) fn json(
    prepared: &Prepared,
    results: &[BenchResult],
    rows: &[Row],
    verdicts: &[Verdict],
    found: &[Smallest],
) -> String {
    let samples: Vec<Value> = results
        .iter()
        .map(|result| {
            let systems: serde_json::Map<String, Value> = result
                .samples
                .iter()
                .map(|(system, samples)| {
                    let reports: Vec<Value> = samples
                        .iter()
                        .map(|sample| {
                            json!({
                                "gc_ns": sample.gc,
                                "share_of_core": sample.share,
                                "longest_pause_ns": sample.longest_pause,
                                "copied_bytes": sample.copied_bytes,
                                "mark_ns": sample.mark,
                                "report": sample.report,
                            })
                        })
                        .collect();
                    (system.name.to_owned(), Value::Array(reports))
                })
                .collect();
            json!({ "bench": result.bench.name, "failed": result.failed, "samples": systems })
        })
        .collect();
    let rows: Vec<Value> = rows
        .iter()
        .map(|row| {
            let cells: serde_json::Map<String, Value> = row
                .cells
                .iter()
                .map(|cell| {
                    let figures = json!({ "median": cell.median(), "least": cell.least() });
                    (cell.system.to_owned(), figures)
                })
                .collect();
            json!({ "bench": row.bench, "measure": row.measure.label(), "systems": cells })
        })
        .collect();
    let goals: Vec<Value> = verdicts
        .iter()
        .map(|verdict| {
            json!({
                "goal": verdict.what, "at_most": verdict.most, "least": verdict.least,
                "median": verdict.median, "met": verdict.met(),
            })
        })
        .collect();
    let smallest: Vec<Value> = found
        .iter()
        .map(|one| {
            json!({ "system": one.system, "megabytes": one.megabytes, "gc_ms_at_twice": one.gc_at_twice })
        })
        .collect();
    let whole = json!({
        "versions": prepared.versions, "skipped": prepared.skipped, "rows": rows, "goals": goals,
        "smallest_heaps": smallest, "runs": samples,
    });
    format!("{whole:#}\n")
}

#[cfg(test)]
mod tests {
    use super::figure;

    #[test]
    fn figures_have_three_digits() {
        assert_eq!(figure(1234.5), "1234");
        assert_eq!(figure(99.6), "100");
        assert_eq!(figure(12.34), "12.3");
        assert_eq!(figure(9.949), "9.95");
        assert_eq!(figure(0.123), "0.12");
        assert_eq!(figure(f64::NAN), "-");
    }
}
