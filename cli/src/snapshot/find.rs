//! `heaplab snapshot find FILE [TEXT]`.

use heapsnapshot::analysis::find::{Query, find};
use heapsnapshot::analysis::words;

use super::args::FindArgs;
use super::input;
use super::need::Need;
use super::table::{Cell, Table};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Output;

/// Prints the nodes found, largest first.
pub(super) fn run(args: &FindArgs, output: Output) -> Result<Exit, Failure> {
    let view = &args.common.view;
    let snapshot = input::open(&args.common.file, &view.read, Need::TREE, output)?;
    let types = &snapshot.meta().node_types;
    if let Some(wanted) = args
        .node_type
        .as_ref()
        .filter(|&wanted| !types.contains(wanted))
    {
        let message = format!("the snapshot knows no type `{wanted}` of node");
        return Err(Failure::usage(message).hint(format!("types: {}", types.join(", "))));
    }
    let query = Query {
        contains: args.text.clone(),
        class: args.class.clone(),
        node_type: args.node_type.clone(),
        id: None,
        min_self_size: args.min_size,
        min_retained: args.min_retained,
    };
    let most = view.rows_needed();
    let found = find(&snapshot, &query, most);
    let title = format!(
        "{} nodes, {}",
        words::count(found.count),
        words::bytes(found.shallow)
    );
    let mut table = Table::new(["shallow", "retained", "distance", "id", "type", "node"])
        .title(title)
        .whole(found.count);
    table.rows_from("/rows");
    for row in &found.rows {
        table.row([
            Cell::Bytes(row.shallow),
            Cell::Bytes(row.retained),
            row.distance
                .map_or(Cell::Number(None), |distance| Cell::Count(distance.into())),
            Cell::Text(format!("@{}", row.id.0)),
            Cell::Text(row.node_type.clone()),
            Cell::Text(row.node.clone()),
        ]);
    }
    table.print(view, output, "find", &found)?;
    Ok(Exit::Done)
}
