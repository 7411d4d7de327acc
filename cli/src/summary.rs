//! What standard output says of a run: the same facts as the report, in a screenful of at most 100 columns.

use std::fmt::Write as _;

use heaplab_reports::format;
use heaplab_reports::page::{run_words, smallest_heap_words};
use heaplab_reports::record::{GcKind, HeapSizes, Outcome, RunRecord, SmallestHeap};
use heaplab_reports::stats::{PauseSummary, Verdict, heap_points};
use heaplab_reports::summary::{Place, RunSummary};

use crate::output::{BAD, GOOD, HEADING, LABEL, NAME, escaped};
use crate::text::{self, WIDTH};

/// Columns of the labels at the left.
const LABELS: usize = 11;
/// Columns of the curve of the old generation.
const CURVE: usize = 48;

/// The facts of a run that the summary and the table show.
struct Facts<'a> {
    record: &'a RunRecord,
    summary: RunSummary,
    minor: PauseSummary,
    major: PauseSummary,
}

impl<'a> Facts<'a> {
    fn of(record: &'a RunRecord) -> Self {
        let pauses = |kind| {
            let events = record.collections().filter(move |gc| gc.kind == kind);
            PauseSummary::of(events.map(|gc| gc.total_ns))
        };
        Self {
            record,
            summary: RunSummary::of(record),
            minor: pauses(GcKind::Minor),
            major: pauses(GcKind::Major),
        }
    }

    fn ticks(&self) -> String {
        format::count(self.summary.ticks)
    }

    fn time(&self) -> String {
        format::duration(self.summary.time_us as f64 * 1e3)
    }

    /// How the run ended, in a word or two.
    fn end(&self) -> &'static str {
        match &self.record.info.end.outcome {
            Outcome::Running => "not finished",
            Outcome::Completed => "completed",
            Outcome::HeapLimit { .. } => LIMIT,
            Outcome::Interrupted => "interrupted",
            Outcome::Failed { .. } => FAILED,
        }
    }

    /// Bytes live at the end: those under the limit, or those after the last major collection.
    fn live_bytes(&self) -> Option<f64> {
        match self.record.info.end.outcome {
            Outcome::HeapLimit { live_bytes, .. }
                if self.summary.pressure().place == Place::OldGeneration =>
            {
                Some(live_bytes as f64)
            }
            _ => self
                .summary
                .trend
                .filter(|trend| trend.certain)
                .map(|trend| trend.live_bytes),
        }
    }

    fn trend_word(&self) -> &'static str {
        match self.summary.trend.map(|trend| trend.verdict) {
            Some(Verdict::Growing) => GROWS,
            Some(Verdict::Flat) => "level",
            Some(Verdict::Shrinking) => "shrinks",
            None => "–",
        }
    }

    /// Share of the time that collections took.
    fn collecting(&self) -> f64 {
        1.0 - self.summary.utilisation
    }
}

const LIMIT: &str = "heap limit";
const FAILED: &str = "failed";
const GROWS: &str = "grows";

/// A run in a screenful.
pub(crate) fn of_run(record: &RunRecord, cures: &[&str]) -> String {
    let facts = Facts::of(record);
    let info = &record.info;
    let mut page = headline(&facts);
    page.push('\n');
    // What leaks and what collecting cost has its own lines below.
    if let Some(words) = run_words(record).first() {
        page.push_str(&text::paragraph(&words.text(), 2));
        page.push('\n');
    }
    page.push_str(&cause(record));
    page.push('\n');
    let pressure = facts.summary.pressure();
    let (label, held): (_, fn(&HeapSizes) -> u64) = match pressure.place {
        Place::OldGeneration => ("old space", HeapSizes::old_generation_bytes),
        Place::Outside => ("outside", |heap| heap.external_bytes),
    };
    let limit = format::bytes(pressure.limit_bytes as f64);
    let curve = curve(record, pressure.limit_bytes, held);
    row(
        &mut page,
        label,
        &[format!("{curve} {LABEL}of{LABEL:#} {limit}")],
    );
    row(&mut page, "peak", &peaks(&facts.summary));
    for (label, pauses) in [("minor GC", &facts.minor), ("major GC", &facts.major)] {
        row(&mut page, label, &[pause_line(pauses)]);
    }
    page.push_str(&counted(record));
    if !cures.is_empty() {
        let compare = format!(
            "{NAME}heaplab compare {}{NAME:#} {LABEL}shows what each changes{LABEL:#}",
            escaped(&info.workload.name)
        );
        row(&mut page, "cures", &[cures.join(", "), compare]);
    }
    page
}

/// What leaks and what keeps it, or what the cure does about it.
fn cause(record: &RunRecord) -> String {
    let mut lines = String::new();
    if let Some(cure) = &record.info.cure {
        sentence(&mut lines, "cure", &escaped(&cure.summary));
    } else {
        for truth in &record.info.ground_truth {
            let class = escaped(&truth.class);
            row(&mut lines, "leaks", &[format!("{BAD}{class}{BAD:#}")]);
            flow(
                &mut lines,
                "kept by",
                &text::path_steps(&truth.path_text()),
                " ",
            );
            sentence(&mut lines, "", &escaped(&truth.why));
        }
    }
    lines
}

/// The workload's own figures, two in a line where they fit.
fn counted(record: &RunRecord) -> String {
    const GAP: &str = "    ";
    let counters: Vec<(String, String)> = record
        .info
        .counters
        .iter()
        .map(|counter| {
            let title = title(&counter.name, &counter.title);
            let value = format::value(counter.value, &counter.unit);
            (escaped(title).into_owned(), value)
        })
        .collect();
    let width = |text: &String| text.chars().count();
    let titles = counters.iter().map(|(title, _)| width(title)).max();
    let values = counters.iter().map(|(_, value)| width(value)).max();
    let (titles, values) = (titles.unwrap_or(0), values.unwrap_or(0));
    let cells = counters
        .iter()
        .map(|(title, value)| format!("{LABEL}{title:<titles$}{LABEL:#}  {value:>values$}"));
    let mut lines = String::new();
    flow(&mut lines, "counted", &cells.collect::<Vec<_>>(), GAP);
    lines
}

/// What a table calls a counter.
fn title<'a>(name: &'a str, title: &'a str) -> &'a str {
    if title.is_empty() { name } else { title }
}

/// What happened, in a line.
fn headline(facts: &Facts<'_>) -> String {
    let info = &facts.record.info;
    let name = escaped(&info.workload.name);
    let who = match &info.cure {
        None => name.into_owned(),
        Some(cure) => format!("{name} with {}", escaped(&cure.name)),
    };
    let style = end_style(facts.end());
    format!(
        "{HEADING}{who}{HEADING:#}: {style}{}{style:#}, {} ticks in {}, seed {}\n",
        facts.end(),
        facts.ticks(),
        facts.time(),
        info.seed
    )
}

fn end_style(word: &str) -> anstyle::Style {
    match word {
        LIMIT | GROWS | FAILED => BAD,
        "level" | "shrinks" | "completed" => GOOD,
        _ => anstyle::Style::new(),
    }
}

/// The most that was used of everything.
fn peaks(summary: &RunSummary) -> Vec<String> {
    let peaks = [
        ("used", summary.peak_used_bytes),
        ("committed", summary.peak_committed_bytes),
        ("outside the heap", summary.peak_external_bytes),
        ("resident", summary.peak_resident_bytes),
    ];
    let known = peaks.into_iter().filter(|&(_, bytes)| bytes > 0);
    known
        .map(|(what, bytes)| format!("{} {LABEL}{what}{LABEL:#}", format::bytes(bytes as f64)))
        .collect()
}

/// Several variants of a workload side by side, one column each.
pub(crate) fn of_comparison(records: &[RunRecord], names: &[String]) -> String {
    let facts: Vec<Facts<'_>> = records.iter().map(Facts::of).collect();
    let mut rows: Vec<(String, Vec<String>)> = vec![(
        String::new(),
        names
            .iter()
            .map(|name| escaped(name).into_owned())
            .collect(),
    )];
    let mut row = |label: &str, cell: &dyn Fn(&Facts<'_>) -> String| {
        rows.push((label.to_owned(), facts.iter().map(cell).collect()));
    };
    let bytes = |value: u64| format::bytes(value as f64);
    let time = |pauses: &PauseSummary, ns: u64| match pauses.count {
        0 => "–".into(),
        _ => format::duration(ns as f64),
    };
    row("end", &|run| run.end().into());
    row("ticks", &|run| run.ticks());
    let smallest = |run: &Facts<'_>| {
        run.record
            .info
            .smallest_heap
            .as_ref()
            .map(SmallestHeap::cell)
    };
    if facts.iter().any(|run| smallest(run).is_some()) {
        row("smallest heap", &|run| {
            smallest(run).unwrap_or_else(|| "–".into())
        });
    }
    row("time", &|run| run.time());
    row("live heap", &|run| run.trend_word().into());
    row("  at the end", &|run| {
        run.live_bytes().map_or("–".into(), format::bytes)
    });
    row("  per tick", &|run| match run.summary.trend {
        Some(trend) if trend.verdict == Verdict::Growing => {
            format!("+{}", format::bytes(trend.bytes_per_tick))
        }
        _ => "–".into(),
    });
    row("most used", &|run| bytes(run.summary.peak_used_bytes));
    row("most committed", &|run| {
        bytes(run.summary.peak_committed_bytes)
    });
    if facts.iter().any(|run| run.summary.peak_external_bytes > 0) {
        row("most outside", &|run| {
            bytes(run.summary.peak_external_bytes)
        });
    }
    row("minor GCs", &|run| format::count(run.minor.count));
    row("  p50 pause", &|run| time(&run.minor, run.minor.p50_ns));
    row("  p99 pause", &|run| time(&run.minor, run.minor.p99_ns));
    row("major GCs", &|run| format::count(run.major.count));
    row("  p50 pause", &|run| time(&run.major, run.major.p50_ns));
    row("  longest", &|run| time(&run.major, run.major.max_ns));
    row("time in GC", &|run| format::percent(run.collecting()));
    for (name, title) in counters(records) {
        row(&escaped(self::title(&name, &title)), &|run| {
            let mut counters = run.record.info.counters.iter();
            counters
                .find(|counter| counter.name == name)
                .map_or("–".into(), |counter| {
                    format::value(counter.value, &counter.unit)
                })
        });
    }
    let mut page = table(&rows);
    if let Some(words) = smallest_heap_words(records, names) {
        page.push('\n');
        page.push_str(&text::paragraph(&words.text(), 2));
    }
    page
}

/// Names and titles of the counters of all records, in order of first appearance.
fn counters(records: &[RunRecord]) -> Vec<(String, String)> {
    let mut seen: Vec<(String, String)> = Vec::new();
    for counter in records.iter().flat_map(|record| &record.info.counters) {
        if !seen.iter().any(|(name, _)| *name == counter.name) {
            seen.push((counter.name.clone(), counter.title.clone()));
        }
    }
    seen
}

/// Rows with a label at the left and right-aligned columns; the first row is the head.
fn table(rows: &[(String, Vec<String>)]) -> String {
    let width = |text: &str| text.chars().count();
    let labels = rows
        .iter()
        .map(|(label, _)| width(label))
        .max()
        .unwrap_or(0);
    let columns = rows.iter().map(|(_, cells)| cells.len()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns)
        .map(|column| {
            let cells = rows.iter().filter_map(|(_, cells)| cells.get(column));
            cells.map(|cell| width(cell)).max().unwrap_or(0)
        })
        .collect();
    let mut text = String::new();
    for (place, (label, cells)) in rows.iter().enumerate() {
        let _ = write!(text, "  {LABEL}{label:labels$}{LABEL:#}");
        for (cell, width) in cells.iter().zip(&widths) {
            let style = if place == 0 { HEADING } else { end_style(cell) };
            let _ = write!(text, "   {style}{cell:>width$}{style:#}");
        }
        text.push('\n');
    }
    text
}

/// Pauses of one kind in a line.
fn pause_line(pauses: &PauseSummary) -> String {
    let mut line = format!("{:>6}", format::count(pauses.count));
    if pauses.count > 0 {
        let figures = [
            ("p50", pauses.p50_ns),
            ("p99", pauses.p99_ns),
            ("longest", pauses.max_ns),
            ("in all", pauses.total_ns),
        ];
        for (name, ns) in figures {
            let _ = write!(
                line,
                "   {LABEL}{name}{LABEL:#} {:>7}",
                format::duration(ns as f64)
            );
        }
    }
    line
}

/// A part of memory over time, one character a column, its limit at the top.
fn curve(record: &RunRecord, limit: u64, held: fn(&HeapSizes) -> u64) -> String {
    const LEVELS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let points = heap_points(&record.events);
    let end = points.last().map_or(0, |point| point.time_ns).max(1);
    let mut columns = [None::<u64>; CURVE];
    for point in &points {
        let at = (u128::from(point.time_ns) * CURVE as u128 / u128::from(end)) as usize;
        let highest = &mut columns[at.min(CURVE - 1)];
        let bytes = held(&point.heap);
        *highest = Some(highest.map_or(bytes, |highest| highest.max(bytes)));
    }
    let mut last = 0;
    columns
        .map(|bytes| {
            last = bytes.unwrap_or(last);
            let level = (last as f64 / limit.max(1) as f64 * 7.0).round();
            LEVELS[(level as usize).min(7)]
        })
        .iter()
        .collect()
}

/// Parts with dots between them behind a label, in as many lines as they need; nothing if there are none.
fn row(page: &mut String, label: &str, parts: &[String]) {
    flow(page, label, parts, " · ");
}

/// A sentence behind a label, in as many lines as it needs; nothing if it is empty.
fn sentence(page: &mut String, label: &str, sentence: &str) {
    let words: Vec<String> = sentence.split_whitespace().map(str::to_owned).collect();
    flow(page, label, &words, " ");
}

fn flow(page: &mut String, label: &str, parts: &[String], between: &str) {
    let mut label = label;
    for line in text::lines(parts, between, WIDTH - LABELS - 2) {
        let _ = writeln!(page, "  {LABEL}{label:<LABELS$}{LABEL:#}{line}");
        label = "";
    }
}
