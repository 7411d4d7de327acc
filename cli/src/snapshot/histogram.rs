//! `heaplab snapshot histogram FILE`.

use heapsnapshot::analysis::words;
use heapsnapshot::reader::read_histogram;

use super::args::FileArgs;
use super::input;
use super::table::{Cell, Table};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Output;

/// Prints classes by size, as the file has them.
pub(super) fn run(args: &FileArgs, output: Output) -> Result<Exit, Failure> {
    let options = args.view.read.options();
    let found = read_histogram(input::source(&args.file, output)?, &options)?;
    if let Some(damage) = &found.damage {
        input::warn_of_damage(&args.file, damage, output);
    }
    let title = format!(
        "{} nodes, {} in {} objects; sizes as in the file",
        words::count(found.nodes),
        words::bytes(found.shallow),
        words::count(found.count),
    );
    let mut table = Table::new(["count", "shallow", "share", "class"]).title(title);
    table.rows_from("/rows");
    for row in &found.rows {
        table.row([
            Cell::Count(row.count),
            Cell::Bytes(row.shallow),
            Cell::share(row.shallow, found.shallow),
            Cell::Text(row.class.clone()),
        ]);
    }
    table.print(&args.view, output, "histogram", &found)?;
    Ok(Exit::Done)
}
