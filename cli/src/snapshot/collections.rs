//! `heaplab snapshot collections FILE`.

use heapsnapshot::analysis::collections::collections;

use super::args::CollectionsArgs;
use super::input;
use super::need::Need;
use super::table::{Cell, Table};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Output;

/// Prints the collections, largest first.
pub(super) fn run(args: &CollectionsArgs, output: Output) -> Result<Exit, Failure> {
    let view = &args.common.view;
    let snapshot = input::open(&args.common.file, &view.read, Need::RETAINERS, output)?;
    let most = view.rows_needed();
    let found = collections(&snapshot, args.min_entries, most);
    let mut table = Table::new([
        "entries", "room", "fill", "retained", "id", "class", "held by",
    ])
    .whole(found.count)
    .note("entries that hold only small integers cannot be seen in a snapshot");
    table.rows_from("/rows");
    for row in &found.rows {
        table.row([
            Cell::Count(row.entries),
            row.capacity.map_or(Cell::Number(None), Cell::Count),
            row.fill()
                .map_or(Cell::Number(None), |fill| Cell::Percent(fill * 100.0)),
            Cell::Bytes(row.retained),
            Cell::Text(format!("@{}", row.id.0)),
            Cell::Text(row.class.clone()),
            Cell::Text(row.held_by.clone()),
        ]);
    }
    table.print(view, output, "collections", &found)?;
    Ok(Exit::Done)
}
