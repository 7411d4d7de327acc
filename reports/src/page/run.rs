//! The page of one run.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::document::{Document, badge};
use super::table::Table;
use super::words::run_words;
use crate::chart::{Chart, snapshot_reason};
use crate::escape::{escape, url_segment};
use crate::format;
use crate::record::{
    Clock, EVENTS_FILE, Event, GC_LOG_FILE, GcKind, Outcome, ParameterValue, RUN_FILE, RunRecord,
    SnapshotWhy, Unit,
};
use crate::stats::{PauseSummary, Verdict};
use crate::summary::{Place, RunSummary};

/// Most notes that are listed.
const MOST_NOTES: usize = 20;
/// Most phases that are listed.
const MOST_PHASES: usize = 16;

/// The page of `run` with its `charts` (those of [`run_charts`](crate::chart::run_charts)).
pub fn run_page(run: &RunRecord, charts: &[Chart]) -> String {
    let info = &run.info;
    let summary = RunSummary::of(run);
    let variant = info
        .cure
        .as_ref()
        .map_or("left to leak".to_owned(), |cure| {
            format!("cured by {}", cure.name)
        });
    let title = match info.workload.title.trim() {
        "" => format!("{}, {variant}", info.workload.name),
        words => format!("{}: {words}, {variant}", info.workload.name),
    };
    let mut page = Document::new(&title, badge(&info.end.outcome), &facts(run));
    page.paragraphs(&run_words(run));
    page.tiles(&tiles(run, &summary));

    let (own, rest): (Vec<&Chart>, Vec<&Chart>) = charts
        .iter()
        .partition(|chart| chart.name.starts_with("workload-"));
    let (memory, collector): (Vec<&Chart>, Vec<&Chart>) =
        rest.into_iter().partition(|chart| chart.name == "memory");
    page.section("memory", "Memory");
    page.charts(memory);
    if !own.is_empty() || !info.counters.is_empty() {
        page.section("workload", "The workload");
        page.charts(own);
        if !info.counters.is_empty() {
            page.card("At the end of the run", &counters(run).html());
        }
    }
    page.section("snapshots", "Look inside the heap");
    page.push(&snapshots(run));
    page.section("collector", "The collector");
    page.charts(collector);
    page.cards(&[
        ("Collections by kind", collections(run, &summary)),
        ("Pause time by phase", phases(run)),
    ]);
    page.section("record", "What was run");
    page.cards(&[("Limits and options", limits(run)), ("Memory", peaks(run))]);
    if !info.parameters.is_empty() {
        page.card("Parameters of the workload", &parameters(run).html());
    }
    page.push(&notes(run));
    page.push(&files(run));
    page.finish(&format!(
        "{} {}",
        info.generator.name, info.generator.version
    ))
}

/// The line under the heading.
fn facts(run: &RunRecord) -> Vec<String> {
    let info = &run.info;
    let mut facts = vec![
        match &info.cure {
            None => format!("workload {}, no cure", info.workload.name),
            Some(cure) => format!("workload {}, cure {}", info.workload.name, cure.name),
        },
        format!("seed {}", info.seed),
        match info.clock {
            Clock::Real => "real clock".into(),
            Clock::Virtual => "virtual clock: times are modelled, not measured".into(),
        },
    ];
    facts.extend(info.started_at.clone());
    facts
}

fn tiles(run: &RunRecord, summary: &RunSummary) -> Vec<(String, String, String)> {
    let end = &run.info.end;
    let per_second = summary.ticks as f64 / (summary.time_us.max(1) as f64 / 1e6);
    let planned = match (&end.outcome, run.info.planned_ticks) {
        (Outcome::Completed, _) | (_, None) => String::new(),
        (_, Some(planned)) => format!("of {}, ", format::count(planned)),
    };
    let pressure = summary.pressure();
    let share = if pressure.limit_bytes > 0 {
        format!("{} of the limit", format::percent(pressure.share()))
    } else {
        String::new()
    };
    let heading = match &summary.trend {
        None => "too few major collections".to_owned(),
        Some(trend) => match trend.verdict {
            Verdict::Growing => format!("growing {}/tick", format::bytes(trend.bytes_per_tick)),
            Verdict::Flat if trend.certain => "level".into(),
            Verdict::Flat => "not known, but not growing".into(),
            Verdict::Shrinking => "shrinking".into(),
        },
    };
    let live = match (&end.outcome, &summary.trend) {
        (Outcome::HeapLimit { live_bytes, .. }, _) if pressure.place == Place::OldGeneration => {
            format::bytes(*live_bytes as f64)
        }
        (_, Some(trend)) if trend.certain => format::bytes(trend.live_bytes),
        _ => "–".into(),
    };
    let tile = |title: &str, figure: String, remark: String| (title.to_owned(), figure, remark);
    vec![
        tile(
            "Ticks run",
            format::count(summary.ticks),
            format!("{planned}{}/s", format::number(per_second)),
        ),
        tile(
            match pressure.place {
                Place::OldGeneration => "Peak old generation",
                Place::Outside => "Peak outside the heap",
            },
            format::bytes(pressure.peak_bytes as f64),
            share,
        ),
        tile("Live in the end", live, heading),
        tile(
            "Collections",
            format::count(summary.pauses.count),
            format!(
                "{} minor, {} major",
                format::count(summary.minor.count),
                format::count(summary.major.count)
            ),
        ),
        tile(
            "Longest pause",
            format::duration(summary.pauses.max_ns as f64),
            format!(
                "99% within {}",
                format::duration(summary.pauses.p99_ns as f64)
            ),
        ),
        tile(
            "Left to the program",
            format::percent(summary.utilisation),
            format!("of {}", format::duration(summary.time_us as f64 * 1e3)),
        ),
    ]
}

fn counters(run: &RunRecord) -> Table {
    let mut table = Table::new(["what", "how much"]);
    for counter in &run.info.counters {
        let title = if counter.title.is_empty() {
            &counter.name
        } else {
            &counter.title
        };
        table.row([title.clone(), format::value(counter.value, &counter.unit)]);
    }
    table
}

/// The snapshots and how to look at them.
fn snapshots(run: &RunRecord) -> String {
    let taken = &run.info.snapshots;
    if taken.is_empty() {
        return "<p>No heap snapshot was taken. Run again with <code>--snapshot-at start,limit,end</code> to get some.</p>\n".into();
    }
    let mut html = String::from(
        "<div class=\"card\"><div class=\"scroll\"><table>\n<thead><tr><th scope=\"col\">snapshot</th><th scope=\"col\">taken</th>\
         <th scope=\"col\" class=\"figure\">tick</th><th scope=\"col\" class=\"figure\">nodes</th>\
         <th scope=\"col\" class=\"figure\">edges</th><th scope=\"col\" class=\"figure\">file</th></tr></thead>\n<tbody>\n",
    );
    let count = |figure: Option<u64>| figure.map_or("–".to_owned(), format::count);
    for snapshot in taken {
        html += &format!(
            "<tr><th scope=\"row\"><a href=\"{}\">{}</a></th><td>{}</td><td class=\"figure\">{}</td>\
             <td class=\"figure\">{}</td><td class=\"figure\">{}</td><td class=\"figure\">{}</td></tr>\n",
            url_segment(&snapshot.file),
            escape(&snapshot.file),
            snapshot_reason(snapshot.why),
            format::count(snapshot.tick),
            count(snapshot.nodes),
            count(snapshot.edges),
            format::bytes(snapshot.file_bytes as f64),
        );
    }
    html += "</tbody>\n</table></div></div>\n";
    html += &how_to_look(run);
    html
}

/// Step by step through DevTools, with the class to look for.
fn how_to_look(run: &RunRecord) -> String {
    let taken = &run.info.snapshots;
    let last = taken.last().map_or("", |snapshot| snapshot.file.as_str());
    let mut steps = vec![
        "In Chrome, open DevTools (F12) and its <b>Memory</b> panel.".to_owned(),
        format!(
            "Press <b>Load profile</b> and choose <code>{}</code> from this folder.",
            escape(last)
        ),
    ];
    let leaks = &run.info.ground_truth;
    if leaks.is_empty() {
        steps.push(
            "In the <b>Summary</b> view, sort by <b>Retained Size</b>: what leaks is near the top."
                .into(),
        );
    }
    for truth in leaks {
        let class = escape(&truth.class);
        steps.push(format!(
            "In the <b>Summary</b> view, type <code>{class}</code> into the class filter, open the row and select an object."
        ));
        let path = match truth.path_text() {
            path if path.is_empty() => String::new(),
            path => format!(" here <code>{}</code>", escape(&path)),
        };
        steps.push(format!(
            "<b>Retainers</b>, below, shows the path that keeps it alive:{path}."
        ));
    }
    if let Some(first) = taken
        .first()
        .filter(|first| taken.len() > 1 && first.why == SnapshotWhy::Start)
    {
        steps.push(format!(
            "Load <code>{}</code> too, select the later one and choose <b>Comparison</b>: sorted by <b># Delta</b>, what leaks is at the top.",
            escape(&first.file)
        ));
    }
    format!(
        "<div class=\"card\"><h3>In Chrome DevTools</h3>\n<ol>\n<li>{}</li>\n</ol></div>\n",
        steps.join("</li>\n<li>")
    )
}

/// Sums and percentiles by kind of collection.
fn collections(run: &RunRecord, summary: &RunSummary) -> Table {
    let mut table = Table::new(["", "minor", "major", "all"]);
    let lengths = |kind: GcKind| {
        PauseSummary::of(
            run.collections()
                .filter(|gc| gc.kind == kind)
                .map(|gc| gc.total_ns),
        )
    };
    let (minor, major, all) = (
        lengths(GcKind::Minor),
        lengths(GcKind::Major),
        &summary.pauses,
    );
    let (minor_sums, major_sums) = (&summary.minor, &summary.major);
    let columns = [&minor, &major, all];
    let mut row =
        |title: &str, cells: [String; 3]| table.row([title.to_owned()].into_iter().chain(cells));
    row(
        "collections",
        columns.map(|column| format::count(column.count)),
    );
    type Figure = fn(&PauseSummary) -> f64;
    let pauses: [(&str, Figure); 7] = [
        ("time in pauses", |summary| summary.total_ns as f64),
        ("mean pause", |summary| summary.mean_ns),
        ("median", |summary| summary.p50_ns as f64),
        ("90th percentile", |summary| summary.p90_ns as f64),
        ("99th percentile", |summary| summary.p99_ns as f64),
        ("99.9th percentile", |summary| summary.p999_ns as f64),
        ("longest", |summary| summary.max_ns as f64),
    ];
    for (title, figure) in pauses {
        row(
            title,
            columns.map(|column| {
                if column.count == 0 {
                    "–".into()
                } else {
                    format::duration(figure(column))
                }
            }),
        );
    }
    let steps = [minor_sums.incremental_ns, major_sums.incremental_ns];
    if steps != [0, 0] {
        let all = steps[0].saturating_add(steps[1]);
        row(
            "time in incremental steps",
            [steps[0], steps[1], all].map(|ns| format::duration(ns as f64)),
        );
    }
    let sums: [(&str, u64, u64); 4] = [
        (
            "won back",
            minor_sums.reclaimed_bytes,
            major_sums.reclaimed_bytes,
        ),
        ("copied", minor_sums.copied_bytes, major_sums.copied_bytes),
        (
            "promoted",
            minor_sums.promoted_bytes,
            major_sums.promoted_bytes,
        ),
        ("marked", minor_sums.marked_bytes, major_sums.marked_bytes),
    ];
    for (title, minor, major) in sums {
        row(
            title,
            [minor, major, minor.saturating_add(major)].map(|bytes| format::bytes(bytes as f64)),
        );
    }
    table
}

/// Where the pauses' time went, longest first.
fn phases(run: &RunRecord) -> Table {
    let mut sums: BTreeMap<(&str, GcKind), (u64, u64)> = BTreeMap::new();
    for gc in run.collections() {
        for phase in &gc.phases {
            let (count, ns) = sums.entry((phase.name.as_str(), gc.kind)).or_default();
            *count += 1;
            *ns = ns.saturating_add(phase.ns);
        }
    }
    let mut rows: Vec<_> = sums.into_iter().collect();
    rows.sort_by_key(|&(name, (_, ns))| (Reverse(ns), name));
    let mut table = Table::new(["phase", "kind", "times", "in all", "mean"]);
    table.word_columns = 2;
    for ((name, kind), (count, ns)) in rows.into_iter().take(MOST_PHASES) {
        let kind = match kind {
            GcKind::Minor => "minor",
            GcKind::Major => "major",
        };
        let mean = format::duration(ns as f64 / count as f64);
        table.row([
            name.to_owned(),
            kind.to_owned(),
            format::count(count),
            format::duration(ns as f64),
            mean,
        ]);
    }
    table
}

fn limits(run: &RunRecord) -> Table {
    let limits = &run.info.limits;
    let mut table = Table::new(["what", "value"]);
    table.word_columns = 2;
    let bytes = |bytes: u64| format::bytes(bytes as f64);
    let mut row = |what: &str, value: String| table.row([what.to_owned(), value]);
    row("--max-old-space-size", bytes(limits.max_old_space_bytes));
    row("--max-semi-space-size", bytes(limits.max_semi_space_bytes));
    row("initial semi-space", bytes(limits.initial_semi_space_bytes));
    if let Some(external) = limits.max_external_bytes {
        row("external bytes", bytes(external));
    }
    for (name, value) in &run.info.options {
        row(&format!("--{name}"), value.clone());
    }
    table
}

/// The most that was held at any moment, as far as the events saw.
fn peaks(run: &RunRecord) -> Table {
    let totals = &run.info.totals;
    let mut table = Table::new(["most at any moment", "bytes"]);
    let bytes = |bytes: u64| format::bytes(bytes as f64);
    let mut row = |what: &str, value: String| table.row([what.to_owned(), value]);
    row("used inside the heap", bytes(totals.peak_used_bytes));
    row("committed for the heap", bytes(totals.peak_committed_bytes));
    row("held outside the heap", bytes(totals.peak_external_bytes));
    if totals.peak_resident_bytes > 0 {
        row(
            "resident size of the process",
            bytes(totals.peak_resident_bytes),
        );
    }
    row("allocated in all", bytes(totals.allocated_bytes));
    table
}

fn parameters(run: &RunRecord) -> Table {
    let mut table = Table::new(["parameter", "value", "meaning"]);
    table.word_columns = 3;
    for parameter in &run.info.parameters {
        let value = match &parameter.value {
            // A parameter is shown as it was set: 0.9, not 0.900.
            ParameterValue::Number(value) if parameter.unit == Unit::Count && value.abs() < 1e3 => {
                value.to_string()
            }
            ParameterValue::Number(value) => format::value(*value, &parameter.unit),
            ParameterValue::Text(text) => text.clone(),
        };
        table.row([parameter.name.clone(), value, parameter.meaning.clone()]);
    }
    table
}

fn notes(run: &RunRecord) -> String {
    let notes: Vec<_> = run
        .events
        .iter()
        .filter_map(|event| {
            if let Event::Note(note) = event {
                Some(note)
            } else {
                None
            }
        })
        .collect();
    let mut html = String::new();
    if !notes.is_empty() {
        let mut table = Table::new(["tick", "time", "note"]);
        table.word_columns = 3;
        for note in notes.iter().take(MOST_NOTES) {
            let time = format::duration(note.time_us as f64 * 1e3);
            table.row([format::count(note.tick), time, note.text.clone()]);
        }
        let more = match notes.len().saturating_sub(MOST_NOTES) {
            0 => String::new(),
            more => format!(
                "<p>{} more are in {EVENTS_FILE}.</p>\n",
                format::count(more as u64)
            ),
        };
        html += &format!(
            "<div class=\"card\"><h3>Notes</h3>\n{}{more}</div>\n",
            table.html()
        );
    }
    if !run.remarks.is_empty() {
        let remarks: Vec<String> = run
            .remarks
            .iter()
            .map(|remark| format!("<li>{}</li>", escape(remark)))
            .collect();
        html += &format!(
            "<div class=\"card\"><h3>About this record</h3>\n<ol>{}</ol></div>\n",
            remarks.join("\n")
        );
    }
    html
}

fn files(run: &RunRecord) -> String {
    let name = run
        .dir
        .file_name()
        .map_or(String::new(), |name| name.to_string_lossy().into_owned());
    format!(
        "<p>The record is in this folder{}: <a href=\"{RUN_FILE}\">{RUN_FILE}</a> says what was run and how it ended, \
         <a href=\"{EVENTS_FILE}\">{EVENTS_FILE}</a> holds every collection and sample, \
         <a href=\"{GC_LOG_FILE}\">{GC_LOG_FILE}</a> the collections as V8's <code>--trace-gc</code> prints them.</p>\n",
        if name.is_empty() {
            String::new()
        } else {
            format!(" (<code>{}</code>)", escape(&name))
        },
    )
}
