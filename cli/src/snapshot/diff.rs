//! `heaplab snapshot diff BEFORE AFTER`.

use heapsnapshot::analysis::diff::{Matching, diff};
use heapsnapshot::analysis::words;

use super::args::{DiffArgs, MatchBy};
use super::input;
use super::need::Need;
use super::table::{Cell, Table};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Output;

impl From<MatchBy> for Matching {
    fn from(by: MatchBy) -> Matching {
        match by {
            MatchBy::Id => Matching::Id,
            MatchBy::Class => Matching::Class,
        }
    }
}

/// Prints what changed, class by class.
pub(super) fn run(args: &DiffArgs, output: Output) -> Result<Exit, Failure> {
    let before = input::open(&args.before, &args.view.read, Need::RETAINERS, output)?;
    let after = input::open(
        &args.after,
        &args.view.read,
        Need::RETAINERS.beside(&before),
        output,
    )?;
    let matching = args.by.map(Matching::from);
    let most = args.view.rows_needed();
    let found = diff(&before, &after, matching, most);
    let how = match found.matching {
        Matching::Id => "objects matched by id (one process)",
        Matching::Class => "compared by class (two processes)",
    };
    let title = format!(
        "{} → {}; {how}",
        words::bytes(found.total_before),
        words::bytes(found.total_after)
    );
    let mut table =
        Table::new(["change", "bytes", "new", "deleted", "grown", "class"]).title(title);
    table.rows_from("/classes");
    for row in &found.classes {
        table.row([
            Cell::Change(row.count_delta),
            Cell::ByteChange(row.bytes_delta),
            Cell::Count(row.new_count),
            Cell::Count(row.deleted_count),
            Cell::ByteChange(row.grown_bytes),
            Cell::Text(row.class.clone()),
        ]);
    }
    // Compared by class there are no objects that are new or gone, but places where there is more.
    table.rows_from("/shapes");
    for row in &found.shapes {
        let more = i64::try_from(row.count_after - row.count_before).unwrap_or(i64::MAX);
        table.row([
            Cell::Change(more),
            Cell::ByteChange(row.bytes_delta),
            Cell::Count(row.count_after.saturating_sub(row.count_before)),
            Cell::Count(0),
            Cell::ByteChange(0),
            Cell::Text(format!("{} at {}", row.class, row.path)),
        ]);
    }
    table.print(&args.view, output, "diff", &found)?;
    Ok(Exit::Done)
}
