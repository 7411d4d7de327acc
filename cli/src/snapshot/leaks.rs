//! `heaplab snapshot leaks FILE…`.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use chrono::Local;
use heapsnapshot::Snapshot;
use heapsnapshot::analysis::words;
use heapsnapshot::leaks::{Finding, LeakReport, Settings, find};

use super::args::{Form, LeaksArgs, ROWS, ReadArgs, ViewArgs};
use super::input;
use super::need::Need;
use super::table::{Cell, Table};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::{BAD, GOOD, HEADING, LABEL, Output, escaped};
use crate::text;

/// Where the findings stand in the JSON document.
const LEAKS: &str = "/leaks";
const CANNOT_TELL: &str = "/cannot_tell";

/// Prints what leaks; finds something if anything does.
pub(super) fn run(args: &LeaksArgs, output: Output) -> Result<Exit, Failure> {
    let settings = match &args.settings {
        None => Settings::default(),
        Some(path) => {
            let text =
                fs::read_to_string(path).map_err(|error| Failure::io(path, "read", &error))?;
            Settings::parse(&text)
                .map_err(|error| Failure::input(format!("{}: {error}", path.display())))?
        }
    };
    let named = [&args.baseline, &args.target, &args.last];
    let files: Vec<&PathBuf> = args
        .files
        .iter()
        .chain(named.into_iter().flatten())
        .collect();
    // Of a part of a snapshot nothing can be said: what is missing would be taken for what is gone.
    let read = ReadArgs {
        strict: true,
        ..args.view.read
    };
    let mut snapshots: Vec<Snapshot> = Vec::new();
    for file in files {
        snapshots.push(input::open(file, &read, Need::LEAKS, output)?);
    }
    let today = Local::now().format("%Y-%m-%d").to_string();
    let report = find(&snapshots, args.by.map(Into::into), &settings, &today);
    if args.view.format == Form::Text {
        // A row has no room for what matters: why, and what would end it.
        let page = page(&report, &args.view)?;
        output.data().text(&page)?;
    } else {
        table(&report).print(&args.view, output, "leaks", &report)?;
    }
    Ok(if report.leaks.is_empty() {
        Exit::Done
    } else {
        Exit::Found
    })
}

fn table(report: &LeakReport) -> Table {
    let mut table = Table::new(["verdict", "confidence", "growth", "class", "owner", "path"]);
    let lists = [
        (LEAKS, "leak", &report.leaks),
        (CANNOT_TELL, "cannot tell", &report.cannot_tell),
    ];
    for (array, verdict, findings) in lists {
        table.rows_from(array);
        for finding in findings {
            table.row([
                Cell::Text(verdict.to_owned()),
                Cell::Percent(finding.confidence * 100.0),
                Cell::ByteChange(finding.growth_bytes),
                Cell::Text(finding.class.clone()),
                Cell::Text(finding.owner.clone()),
                Cell::Text(finding.path.clone()),
            ]);
        }
    }
    table
}

fn page(report: &LeakReport, view: &ViewArgs) -> Result<String, Failure> {
    let most = view.rows(ROWS);
    let (mut leaks, mut cannot_tell) = (Vec::new(), Vec::new());
    for (array, item) in table(report).chosen(view)? {
        if array == LEAKS {
            leaks.push(&report.leaks[item]);
        } else {
            cannot_tell.push(&report.cannot_tell[item]);
        }
    }
    let left_out = |page: &mut String, findings: &[&Finding]| {
        if findings.len() > most {
            let (shown, all) = (
                words::count(most as u64),
                words::count(findings.len() as u64),
            );
            let _ = writeln!(page, "{LABEL}{shown} of {all}; --top 0 shows all{LABEL:#}");
        }
    };
    let mut page = String::new();
    if report.leaks.is_empty() && report.unexplained_bytes > 0 {
        let _ = writeln!(page, "{BAD}no leak is named, but the heap grows{BAD:#}");
    } else if report.leaks.is_empty() {
        let _ = writeln!(page, "{GOOD}no leak found{GOOD:#}");
    }
    let found = report.leaks.len() + report.cannot_tell.len();
    if let (Some(filter), 0, 1..) = (&view.filter, leaks.len() + cannot_tell.len(), found) {
        let _ = writeln!(
            page,
            "{LABEL}none of {} with `{}` in it{LABEL:#}",
            findings(found),
            escaped(filter)
        );
    }
    for finding in leaks.iter().take(most) {
        describe(&mut page, finding, true);
    }
    left_out(&mut page, &leaks);
    if !cannot_tell.is_empty() {
        let _ = writeln!(page, "{HEADING}cannot tell{HEADING:#}");
        for finding in cannot_tell.iter().take(most) {
            describe(&mut page, finding, false);
        }
        left_out(&mut page, &cannot_tell);
    }
    for (finding, reason) in &report.allowed {
        let _ = writeln!(
            page,
            "{LABEL}allowed:{LABEL:#} {} ({})",
            escaped(&finding.owner),
            escaped(reason)
        );
    }
    for note in &report.notes {
        page.push_str(&text::paragraph(&escaped(note), 0));
    }
    Ok(page)
}

fn findings(count: usize) -> String {
    match count {
        1 => "one finding".to_owned(),
        _ => format!("{} findings", words::count(count as u64)),
    }
}

fn describe(page: &mut String, finding: &Finding, leak: bool) {
    let counts: Vec<String> = finding
        .counts
        .iter()
        .map(|&count| words::count(count))
        .collect();
    let style = if leak { BAD } else { LABEL };
    let heading = format!(
        "{style}{}{style:#} in {} {LABEL}@{}, {:.0} % sure{LABEL:#}",
        escaped(&finding.class),
        escaped(&finding.owner),
        finding.owner_id,
        finding.confidence * 100.0
    );
    page.push_str(&text::paragraph(&heading, 0));
    let growth = words::bytes(finding.growth_bytes.unsigned_abs());
    let sign = if finding.growth_bytes < 0 { "−" } else { "+" };
    // One snapshot shows no growth.
    let (how, change) = match finding.counts[..] {
        [_] => ("holds", String::new()),
        _ => ("grows", format!(" ({sign}{growth})")),
    };
    let mut fact = |label: &str, sentence: &str| {
        let mut label = label;
        for line in text::paragraph(&escaped(sentence), 12).lines() {
            let _ = writeln!(page, "  {LABEL}{label:<9}{LABEL:#} {}", line.trim_start());
            label = "";
        }
    };
    fact(how, &(counts.join(" → ") + &change));
    fact("kept by", &finding.path);
    fact("items", &finding.item_path);
    for evidence in &finding.evidence {
        fact("because", evidence);
    }
    for cure in &finding.cures {
        fact("cure", cure);
    }
    page.push('\n');
}
