//! `heaplab snapshot growth FILE FILE…`.

use heapsnapshot::analysis::growth::GrowthSeries;
use heapsnapshot::analysis::words;

use super::args::GrowthArgs;
use super::input;
use super::need::Need;
use super::table::{Cell, Table};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Output;

/// Prints the classes, collections and references that grow in every step.
pub(super) fn run(args: &GrowthArgs, output: Output) -> Result<Exit, Failure> {
    let mut series = GrowthSeries::default();
    for file in &args.files {
        series.add(&input::open(file, &args.view.read, Need::SERIES, output)?);
    }
    let found = series.finish();
    let totals: Vec<String> = found
        .total
        .iter()
        .map(|&bytes| words::bytes(bytes))
        .collect();
    let mut table = Table::new(["what", "per step", "first", "last", "name", "held by"])
        .title(totals.join(" → "));
    table.rows_from("/collections");
    for row in &found.collections {
        // What holds numbers shows no entries, only a table that grows.
        let [what, slope, first, last] = if row.gains_entries() {
            let entry = |count: Option<&u64>| Cell::Count(count.copied().unwrap_or(0));
            let slope = Cell::Number(Some(row.entries_slope));
            let what = Cell::Text("collection".to_owned());
            [
                what,
                slope,
                entry(row.entries.first()),
                entry(row.entries.last()),
            ]
        } else {
            let bytes = |bytes: Option<&u64>| Cell::Bytes(bytes.copied().unwrap_or(0));
            let slope = Cell::Bytes(row.own_bytes_slope.max(0.0).round() as u64);
            let what = Cell::Text("own bytes".to_owned());
            [
                what,
                slope,
                bytes(row.own_bytes.first()),
                bytes(row.own_bytes.last()),
            ]
        };
        table.row([
            what,
            slope,
            first,
            last,
            Cell::Text(format!("{} @{}", row.class, row.id.0)),
            Cell::Text(row.held_by.clone()),
        ]);
    }
    table.rows_from("/classes");
    for row in &found.classes {
        table.row([
            Cell::Text("class".to_owned()),
            Cell::Number(Some(row.count_slope)),
            Cell::Count(row.counts.first().copied().unwrap_or(0)),
            Cell::Count(row.counts.last().copied().unwrap_or(0)),
            Cell::Text(row.class.clone()),
            Cell::Text(String::new()),
        ]);
    }
    table.rows_from("/edges");
    for row in &found.edges {
        table.row([
            Cell::Text("edge".to_owned()),
            Cell::Number(Some(row.slope)),
            Cell::Count(row.counts.first().copied().unwrap_or(0)),
            Cell::Count(row.counts.last().copied().unwrap_or(0)),
            Cell::Text(row.to.clone()),
            Cell::Text(row.edge.clone()),
        ]);
    }
    table.print(&args.view, output, "growth", &found)?;
    Ok(Exit::Done)
}
