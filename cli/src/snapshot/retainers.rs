//! `heaplab snapshot retainers FILE ID` and `… --class CLASS`.

use std::fmt::Write as _;

use heapsnapshot::analysis::retainers::{RetainingPath, class_retainers, node_retainers};
use heapsnapshot::analysis::words;

use super::args::{RetainersArgs, ViewArgs};
use super::input;
use super::need::Need;
use super::table::{Cell, Table};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::{HEADING, LABEL, Output, escaped};
use crate::text::{self, plural};

/// Paths shown when nothing else is asked for.
const PATHS: usize = 5;

/// Prints the paths.
pub(super) fn run(args: &RetainersArgs, output: Output) -> Result<Exit, Failure> {
    let view = &args.common.view;
    let snapshot = input::open(&args.common.file, &view.read, Need::RETAINERS, output)?;
    let view = ViewArgs {
        top: Some(view.top.unwrap_or(PATHS)),
        ..view.clone()
    };
    let most = view.rows_needed();
    let mut page = String::new();
    let mut table = Table::new(["objects", "steps", "path"]);
    if let Some(class) = &args.class {
        let groups = class_retainers(&snapshot, class, most);
        if groups.rows.is_empty() {
            return Err(Failure::usage(format!(
                "the snapshot has no objects of class {}",
                escaped(class)
            ))
            .hint("`heaplab snapshot summary --filter TEXT` lists classes"));
        }
        table.rows_from("/rows");
        table = table.whole(groups.count);
        for group in &groups.rows {
            table.row([
                Cell::Count(group.count),
                Cell::Count(group.path.length.into()),
                Cell::Text(line(&group.path)),
            ]);
            let _ = writeln!(
                page,
                "{HEADING}{} {}, {}{HEADING:#}  {LABEL}for example @{}{LABEL:#}",
                words::count(group.count),
                plural(group.count, "objects"),
                words::bytes(group.shallow),
                group.example.0
            );
            steps(&mut page, &group.path);
        }
        if view.wants_table() {
            table.print(&view, output, "retainers", &groups)?;
            return Ok(Exit::Done);
        }
        left_out(&mut page, groups.rows.len(), groups.count, "groups");
    } else if let Some(id) = args.node {
        let found = node_retainers(input::node(&snapshot, id)?, most);
        let _ = writeln!(
            page,
            "{HEADING}{} @{}{HEADING:#}  {LABEL}{} retained, {} {}{LABEL:#}",
            escaped(&found.node),
            found.id.0,
            words::bytes(found.retained),
            words::count(found.retainers),
            plural(found.retainers, "retainers")
        );
        table.rows_from("/paths");
        table = table.whole(found.retainers);
        for path in &found.paths {
            table.row([
                Cell::Count(1),
                Cell::Count(path.length.into()),
                Cell::Text(line(path)),
            ]);
            steps(&mut page, path);
        }
        if view.wants_table() {
            table.print(&view, output, "retainers", &found)?;
            return Ok(Exit::Done);
        }
        left_out(&mut page, found.paths.len(), found.retainers, "paths");
    }
    output.data().text(&page)?;
    Ok(Exit::Done)
}

/// Says how many there are, if some are left out.
fn left_out(page: &mut String, shown: usize, all: u64, what: &str) {
    if (shown as u64) < all {
        let (shown, all) = (words::count(shown as u64), words::count(all));
        let _ = writeln!(
            page,
            "{LABEL}{shown} of {all} {what}; --top 0 shows all{LABEL:#}"
        );
    }
}

/// A path as a list, from the node to the root.
fn steps(page: &mut String, path: &RetainingPath) {
    for step in &path.steps {
        let times = if step.repeated > 1 {
            format!(" × {}", words::count(step.repeated.into()))
        } else {
            String::new()
        };
        let sentence = format!("{}{times}", escaped(&step.words));
        let sentence = format!("{sentence} {LABEL}@{}{LABEL:#}", step.id.0);
        let mut mark = "  ← ";
        for line in text::paragraph(&sentence, mark.chars().count()).lines() {
            let _ = writeln!(page, "{mark}{}", line.trim_start());
            mark = "    ";
        }
    }
    if !path.reaches_root {
        let _ = writeln!(
            page,
            "  {LABEL}(held only by itself or by weak references){LABEL:#}"
        );
    }
    page.push('\n');
}

/// A path in one line.
fn line(path: &RetainingPath) -> String {
    let steps: Vec<String> = path
        .steps
        .iter()
        .map(|step| {
            if step.repeated > 1 {
                format!("{} × {}", step.words, step.repeated)
            } else {
                step.words.clone()
            }
        })
        .collect();
    steps.join(" ← ")
}
