//! `heaplab snapshot statistics FILE`.

use heapsnapshot::analysis::statistics::statistics;

use super::args::FileArgs;
use super::input;
use super::need::Need;
use super::table::{Cell, Table};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Output;

/// Prints DevTools' pie as a table.
pub(super) fn run(args: &FileArgs, output: Output) -> Result<Exit, Failure> {
    let (file, view) = (&args.file, &args.view);
    let known = input::reports(file, &view.read, output, |index| Ok(index.statistics()))?;
    let found = match known {
        Some(found) => found,
        None => statistics(&input::open_for_reports(
            file,
            &view.read,
            Need::TREE,
            output,
        )?),
    };
    let other_js = u64::try_from(found.other_js).unwrap_or(0);
    let rows = [
        ("total", found.total),
        ("JavaScript heap", found.v8),
        ("· code", found.code),
        ("· strings", found.strings),
        ("· arrays", found.js_arrays),
        ("· system objects", found.system),
        ("· other objects", other_js),
        ("native memory", found.native),
        ("· typed arrays", found.typed_arrays),
        ("· other", found.native.saturating_sub(found.typed_arrays)),
    ];
    let mut table = Table::new(["bytes", "share", "what"]);
    for (what, bytes) in rows {
        table.row([
            Cell::Bytes(bytes),
            Cell::share(bytes, found.total),
            Cell::Text(what.to_owned()),
        ]);
    }
    table.print(view, output, "statistics", &found)?;
    Ok(Exit::Done)
}
