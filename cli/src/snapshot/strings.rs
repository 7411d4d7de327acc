//! `heaplab snapshot strings FILE`.

use heapsnapshot::analysis::strings::duplicated_strings;
use heapsnapshot::analysis::words;

use super::args::FileArgs;
use super::input;
use super::need::Need;
use super::table::{Cell, Table};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Output;

/// Prints texts that exist more than once, the most wasteful first.
pub(super) fn run(args: &FileArgs, output: Output) -> Result<Exit, Failure> {
    let view = &args.view;
    let snapshot = input::open(&args.file, &view.read, Need::TREE, output)?;
    let most = view.rows_needed();
    let found = duplicated_strings(&snapshot, most);
    let title = format!(
        "{} texts exist {} times; one copy of each would save {}",
        words::count(found.texts),
        words::count(found.count),
        words::bytes(found.wasted)
    );
    let mut table = Table::new(["copies", "bytes", "wasted", "text", "held by"])
        .title(title)
        .whole(found.texts);
    table.rows_from("/rows");
    for row in &found.rows {
        table.row([
            Cell::Count(row.count),
            Cell::Bytes(row.shallow),
            Cell::Bytes(row.wasted),
            Cell::Text(format!("\"{}\"", row.text)),
            Cell::Text(
                row.holders
                    .first()
                    .map_or("−".to_owned(), |(holder, _)| holder.clone()),
            ),
        ]);
    }
    table.print(view, output, "strings", &found)?;
    Ok(Exit::Done)
}
