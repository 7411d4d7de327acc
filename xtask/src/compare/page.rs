//! The same figures as one page with bars: no script, no file beside it.

use std::fmt::Write as _;

use super::goals::Verdict;
use super::measures::Row;
use super::systems::Prepared;
use super::table::figure;

const STYLE: &str = "
:root { color-scheme: light dark; --ink: #1d2330; --soft: #6a7385; --line: #d9dde5; --ours: #1f6feb; --theirs: #9aa4b5; --limit: #c9a227; --bad: #b3261e; --paper: #fff; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ef; --soft: #98a2b3; --line: #343b49; --ours: #6ea8ff; --theirs: #6a7385; --limit: #d9b84a; --bad: #ff8a80; --paper: #14171d; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.1rem; margin: 2rem 0 .3rem; }
p, figcaption { color: var(--soft); } figure { margin: 0 0 1.2rem; }
svg { width: 100%; height: auto; } text { font: 12px system-ui, sans-serif; fill: var(--ink); } .value { fill: var(--soft); }
.ours { fill: var(--ours); } .theirs { fill: var(--theirs); } .limit { fill: var(--limit); }
table { border-collapse: collapse; width: 100%; } td, th { text-align: right; padding: .15rem .6rem; border-bottom: 1px solid var(--line); }
td:first-child, th:first-child { text-align: left; } .missed { color: var(--bad); }
";

/// The page.
pub(crate) fn html(prepared: &Prepared, rows: &[Row], verdicts: &[Verdict]) -> String {
    let mut out = format!(
        "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>heaplab beside its peers</title><style>{STYLE}</style>\n<h1>heaplab beside its peers</h1>\n<p>"
    );
    out.push_str("The same work in every system, checked by a checksum, in turns on one core. Bars: medians; \
                  shorter is better; the thin line marks the least disturbed run.");
    if !prepared.versions.is_empty() {
        let _ = write!(out, " {}.", escape(&prepared.versions.join("; ")));
    }
    for skipped in &prepared.skipped {
        let _ = write!(out, " Left out: {}.", escape(skipped));
    }
    out.push_str("</p>\n");
    if !verdicts.is_empty() {
        out.push_str(
            "<h2>Goals</h2>\n<table><tr><th>ratio inside a round<th>at most<th>least disturbed<th>median<th></tr>\n",
        );
        for verdict in verdicts {
            let (class, word) = if verdict.met() {
                ("met", "met")
            } else {
                ("missed", "missed")
            };
            let _ = writeln!(
                out,
                "<tr><td>{}<td>{}<td>{}<td>{}<td class=\"{class}\">{word}</tr>",
                escape(&verdict.what),
                figure(verdict.most),
                figure(verdict.least),
                figure(verdict.median)
            );
        }
        out.push_str("</table>\n");
    }
    let mut last = "";
    for row in rows {
        if row.bench != last {
            let _ = writeln!(out, "<h2>{}</h2>", escape(row.bench));
            last = row.bench;
        }
        bars(&mut out, row);
    }
    out.push_str("<h2>Systems</h2>\n<table>\n");
    for system in &prepared.systems {
        let _ = writeln!(
            out,
            "<tr><td>{}<td>{}</tr>",
            escape(system.name),
            escape(system.title)
        );
    }
    out.push_str("</table>\n</html>\n");
    out
}

/// One row as horizontal bars.
fn bars(out: &mut String, row: &Row) {
    const LEFT: f64 = 90.0;
    const WIDTH: f64 = 620.0;
    const STEP: usize = 20;
    let longest = row.cells.iter().map(|c| c.median()).fold(0.0, f64::max);
    if longest <= 0.0 {
        return;
    }
    let height = row.cells.len() * STEP + 4;
    let _ = writeln!(
        out,
        "<figure><figcaption>{}</figcaption><svg viewBox=\"0 0 800 {height}\" role=\"img\" aria-label=\"{} {}\">",
        row.measure.label(),
        escape(row.bench),
        row.measure.label()
    );
    for (i, cell) in row.cells.iter().enumerate() {
        let y = i * STEP + 2;
        let length = cell.median() / longest * WIDTH;
        let least = LEFT + cell.least() / longest * WIDTH;
        let class = match cell.system {
            "heaplab" | "hl/8" | "hl/v8" => "ours",
            "limit" => "limit",
            _ => "theirs",
        };
        let _ = writeln!(
            out,
            "<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>\
             <rect class=\"{class}\" x=\"{LEFT}\" y=\"{}\" width=\"{length:.1}\" height=\"13\" rx=\"2\"/>\
             <rect fill=\"currentColor\" x=\"{least:.1}\" y=\"{}\" width=\"1\" height=\"17\"/>\
             <text class=\"value\" x=\"{:.1}\" y=\"{}\">{}</text>",
            LEFT - 8.0,
            y + 12,
            escape(cell.system),
            y + 2,
            y,
            LEFT + length + 6.0,
            y + 12,
            figure(cell.median())
        );
    }
    out.push_str("</svg></figure>\n");
}

/// Text as HTML shows it.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::super::measures::{Cell, Measure, Row};
    use super::*;

    #[test]
    fn a_row_becomes_bars_and_names_are_escaped() {
        let row = Row {
            bench: "a<b",
            measure: Measure::Cpu,
            cells: vec![
                Cell {
                    system: "heaplab",
                    values: vec![1.0, 2.0, 3.0],
                },
                Cell {
                    system: "v8",
                    values: vec![4.0],
                },
            ],
        };
        let prepared = Prepared {
            systems: Vec::new(),
            versions: Vec::new(),
            skipped: Vec::new(),
        };
        let page = html(&prepared, &[row], &[]);
        assert!(page.contains("<h2>a&lt;b</h2>"));
        assert!(page.contains("class=\"ours\" x=\"90\" y=\"4\" width=\"310.0\""));
        assert!(page.contains("width=\"620.0\""));
    }
}
