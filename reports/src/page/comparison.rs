//! The page of several runs beside each other.

use std::collections::BTreeSet;
use std::path::Path;

use super::REPORT_FILE;
use super::document::Document;
use super::table::Table;
use super::words::comparison_words;
use crate::chart::Chart;
use crate::escape::{escape, url_segment};
use crate::format;
use crate::record::{Clock, RunRecord, SmallestHeap};
use crate::stats::Verdict;
use crate::summary::RunSummary;

/// A name for each run, all different: what tells the runs apart, be it the workload, the cure, an option such
/// as the policy, the limit or the seed; then the folder, and then a number.
pub fn run_names(runs: &[RunRecord]) -> Vec<String> {
    let all_same = |key: &dyn Fn(&RunRecord) -> String| {
        runs.windows(2).all(|pair| key(&pair[0]) == key(&pair[1]))
    };
    let mut parts: Vec<Vec<String>> = vec![Vec::new(); runs.len()];
    let mut tell_apart = |key: &dyn Fn(&RunRecord) -> String| {
        if !all_same(key) {
            for (parts, run) in parts.iter_mut().zip(runs) {
                parts.push(key(run));
            }
        }
    };
    tell_apart(&|run| run.info.workload.name.clone());
    tell_apart(&|run| run.info.variant().to_owned());
    let options: BTreeSet<&String> = runs
        .iter()
        .flat_map(|run| run.info.options.keys())
        .collect();
    for option in options {
        tell_apart(&|run| match run.info.options.get(option) {
            None => format!("no {option}"),
            // A switch says nothing by its value; a word or a number does.
            Some(value) if matches!(value.as_str(), "true" | "false") => {
                format!("{option} {value}")
            }
            Some(value) => value.clone(),
        });
    }
    tell_apart(&|run| format::bytes(run.info.limits.max_old_space_bytes as f64));
    tell_apart(&|run| format!("seed {}", run.info.seed));

    let mut names: Vec<String> = Vec::new();
    for (run, own) in runs.iter().zip(&parts) {
        let mut name = match own[..] {
            [] => run.info.variant().to_owned(),
            _ => own.join(" "),
        };
        if parts.iter().filter(|parts| *parts == own).count() > 1
            && let Some(folder) = run.dir.file_name()
        {
            name += &format!(" ({})", folder.to_string_lossy());
        }
        let base = name.clone();
        let mut number = 2;
        while names.contains(&name) {
            name = format!("{base} #{number}");
            number += 1;
        }
        names.push(name);
    }
    names
}

/// The variants in rows: how each ended and what it cost. `names` are the runs' names, in the same order.
pub fn comparison_table(runs: &[RunRecord], names: &[String]) -> Table {
    let mut table = Table::new([
        "variant",
        "outcome",
        "ticks",
        "time",
        "collecting",
        "median",
        "p99",
        "longest",
        "peak old",
        "outside",
        "live at end",
        "growth",
        "minor",
        "major",
    ]);
    table.word_columns = 2;
    for (run, name) in runs.iter().zip(names) {
        let summary = RunSummary::of(run);
        let duration = |ns: u64| {
            if summary.pauses.count == 0 {
                "–".into()
            } else {
                format::duration(ns as f64)
            }
        };
        let (live, growth) = match &summary.trend {
            None => ("–".to_owned(), "–".to_owned()),
            Some(trend) => {
                let growth = match trend.verdict {
                    Verdict::Growing => format!("{}/tick", format::bytes(trend.bytes_per_tick)),
                    Verdict::Flat => "level".into(),
                    Verdict::Shrinking => "shrinking".into(),
                };
                let live = if trend.certain {
                    format::bytes(trend.live_bytes)
                } else {
                    "–".into()
                };
                (live, growth)
            }
        };
        table.row([
            name.clone(),
            summary.outcome.replace('_', " "),
            format::count(summary.ticks),
            format::duration(summary.time_us as f64 * 1e3),
            format::percent(1.0 - summary.utilisation),
            duration(summary.pauses.p50_ns),
            duration(summary.pauses.p99_ns),
            duration(summary.pauses.max_ns),
            format::bytes(summary.peak_old_bytes as f64),
            match summary.peak_external_bytes {
                0 => "–".to_owned(),
                outside => format::bytes(outside as f64),
            },
            live,
            growth,
            format::count(summary.minor.count),
            format::count(summary.major.count),
        ]);
    }
    // Few comparisons look for the smallest heap; then it stands beside the time.
    let smallest = runs.iter().map(|run| run.info.smallest_heap.as_ref());
    if smallest.clone().any(|heap| heap.is_some()) {
        let cells = smallest.map(|heap| heap.map_or("–".into(), SmallestHeap::cell));
        table.insert_column(3, "smallest heap", cells);
    }
    table.drop_empty_columns();
    table
}

/// The workloads' own figures at the end, in rows; a variant that has no such figure has a dash.
fn counters(runs: &[RunRecord], names: &[String]) -> Table {
    let mut rows: Vec<(&str, &str)> = Vec::new();
    for counter in runs.iter().flat_map(|run| &run.info.counters) {
        if !rows.iter().any(|(name, _)| *name == counter.name) {
            rows.push((
                &counter.name,
                if counter.title.is_empty() {
                    &counter.name
                } else {
                    &counter.title
                },
            ));
        }
    }
    let mut table = Table {
        headings: [String::new()]
            .into_iter()
            .chain(names.iter().cloned())
            .collect(),
        rows: Vec::new(),
        word_columns: 1,
    };
    for (name, title) in rows {
        let cells = runs.iter().map(|run| {
            let counter = run
                .info
                .counters
                .iter()
                .find(|counter| counter.name == name);
            counter.map_or("–".to_owned(), |counter| {
                format::value(counter.value, &counter.unit)
            })
        });
        table.row([title.to_owned()].into_iter().chain(cells));
    }
    table
}

/// The page of `runs` by their `names`, with their `charts` (those of
/// [`comparison_charts`](crate::chart::comparison_charts)). Runs in folders below `out` are linked.
pub fn comparison_page(
    runs: &[RunRecord],
    names: &[String],
    charts: &[Chart],
    out: &Path,
) -> String {
    let workload = runs.first().map(|run| &run.info.workload);
    let one_workload = runs
        .iter()
        .all(|run| Some(&run.info.workload.name) == workload.map(|workload| &workload.name));
    let with = match runs.iter().any(|run| run.info.cure.is_some()) {
        true => "and its cures".to_owned(),
        false => format!("{} ways", runs.len()),
    };
    let title = match workload.filter(|_| one_workload) {
        None => format!("{} runs compared", runs.len()),
        Some(workload) if workload.title.trim().is_empty() => format!("{} {with}", workload.name),
        Some(workload) => format!("{}: {}, {with}", workload.name, workload.title.trim()),
    };
    let mut page = Document::new(&title, "", &facts(runs, names));
    page.paragraphs(&comparison_words(runs, names));
    page.section("variants", "The variants");
    page.push(&format!(
        "<div class=\"card\">{}</div>\n",
        comparison_table(runs, names).html()
    ));

    let (own, rest): (Vec<&Chart>, Vec<&Chart>) = charts
        .iter()
        .partition(|chart| chart.name.starts_with("workload-"));
    let (memory, collector): (Vec<&Chart>, Vec<&Chart>) =
        rest.into_iter().partition(|chart| chart.name == "memory");
    page.section("memory", "Memory");
    page.charts(memory);
    let counters = counters(runs, names);
    if !own.is_empty() || !counters.rows.is_empty() {
        page.section("workload", "The workload");
        page.charts(own);
        if !counters.rows.is_empty() {
            page.card("At the end of the run", &counters.html());
        }
    }
    page.section("collector", "The collector");
    page.charts(collector);
    page.section("runs", "The runs");
    page.push(&links(runs, names, out));
    let generator = runs.first().map_or(String::from("heaplab"), |run| {
        format!("{} {}", run.info.generator.name, run.info.generator.version)
    });
    page.finish(&generator)
}

fn facts(runs: &[RunRecord], names: &[String]) -> Vec<String> {
    let Some(first) = runs.first() else {
        return vec!["no run".into()];
    };
    let same = |key: fn(&RunRecord) -> String| {
        runs.iter()
            .all(|run| key(run) == key(first))
            .then(|| key(first))
    };
    let mut facts = vec![names.join(", ")];
    facts.push(
        same(|run| format!("seed {}", run.info.seed)).unwrap_or_else(|| "different seeds".into()),
    );
    let limits = same(|run| {
        format!(
            "old-generation limit {}",
            format::bytes(run.info.limits.max_old_space_bytes as f64)
        )
    });
    facts.push(limits.unwrap_or_else(|| "different limits".into()));
    let clock = same(|run| match run.info.clock {
        Clock::Real => "real clock".into(),
        Clock::Virtual => "virtual clock: times are modelled, not measured".into(),
    });
    facts.push(clock.unwrap_or_else(|| "different clocks".into()));
    facts
}

/// Where each run's own page is.
fn links(runs: &[RunRecord], names: &[String], out: &Path) -> String {
    let mut html = String::from("<div class=\"card\"><ol>\n");
    for (run, name) in runs.iter().zip(names) {
        let below = run
            .dir
            .strip_prefix(out)
            .ok()
            .filter(|below| !below.as_os_str().is_empty());
        let target = below.map(|below| {
            let segments = below
                .iter()
                .map(|segment| url_segment(&segment.to_string_lossy()));
            segments
                .chain([REPORT_FILE.to_owned()])
                .collect::<Vec<_>>()
                .join("/")
        });
        html += &match target {
            Some(target) => format!("<li><a href=\"{target}\">{}</a></li>\n", escape(name)),
            None => format!(
                "<li>{}: <code>{}</code></li>\n",
                escape(name),
                escape(&run.dir.display().to_string())
            ),
        };
    }
    html + "</ol></div>\n"
}
