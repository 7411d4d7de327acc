//! `heaplab snapshot summary FILE`.

use heapsnapshot::analysis::summary::{GroupBy, SummaryRow, summary};
use heapsnapshot::analysis::words;
use heapsnapshot::distances::SYSTEM_DISTANCE;

use super::args::{GroupByArg, SummaryArgs};
use super::input;
use super::table::{Cell, Table};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Output;

/// Prints the classes.
pub(super) fn run(args: &SummaryArgs, output: Output) -> Result<Exit, Failure> {
    let view = &args.common.view;
    let snapshot = input::open(&args.common.file, &view.read, output)?;
    let group_by = match args.group_by {
        GroupByArg::Class => GroupBy::Class,
        GroupByArg::Name => GroupBy::Name,
        GroupByArg::Type => GroupBy::Type,
        GroupByArg::Script => GroupBy::Script,
    };
    let found = summary(&snapshot, group_by, None);
    let title = format!(
        "{} nodes, {} edges, {} in {} objects",
        words::count(snapshot.node_count() as u64),
        words::count(snapshot.edge_count() as u64),
        words::bytes(found.shallow),
        words::count(found.count),
    );
    let mut table =
        Table::new(["count", "distance", "shallow", "retained", "share", "class"]).title(title);
    table.rows_from("/rows");
    for row in &found.rows {
        let share = if found.shallow == 0 {
            0.0
        } else {
            row.retained as f64 * 100.0 / found.shallow as f64
        };
        let distance = (0..SYSTEM_DISTANCE)
            .contains(&row.distance)
            .then_some(f64::from(row.distance));
        table.row([
            Cell::Count(row.count),
            distance.map_or(Cell::Number(None), |distance| Cell::Count(distance as u64)),
            Cell::Bytes(row.shallow),
            Cell::Bytes(row.retained),
            Cell::Percent(share),
            Cell::Text(class(row)),
        ]);
    }
    table.print(view, output, "summary", &found)?;
    Ok(Exit::Done)
}

/// The class, and where it stands.
fn class(row: &SummaryRow) -> String {
    match row.location {
        None => row.name.clone(),
        Some(at) => format!(
            "{} (script {}:{}:{})",
            row.name,
            at.script_id,
            at.line + 1,
            at.column + 1
        ),
    }
}
