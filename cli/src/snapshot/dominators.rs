//! `heaplab snapshot dominators FILE`.

use heapsnapshot::analysis::dominators::{
    DominatorNode, TreeLimits, dominated_classes, dominator_tree, top_consumers,
};

use super::args::{DominatorsArgs, DominatorsList, ViewArgs};
use super::input;
use super::need::Need;
use super::table::{Cell, Table};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Output;

/// Prints the tree, or a list.
pub(super) fn run(args: &DominatorsArgs, output: Output) -> Result<Exit, Failure> {
    let view = &args.common.view;
    let snapshot = input::open(&args.common.file, &view.read, Need::TREE, output)?;
    let start = match args.node {
        Some(id) => input::node(&snapshot, id)?.ordinal(),
        None => snapshot.root().ordinal(),
    };
    let most = view.rows_needed();
    match args.list {
        Some(DominatorsList::Classes) => {
            let found = dominated_classes(&snapshot, start, most);
            let mut table = Table::new(["count", "retained", "share", "class"]).whole(found.count);
            table.rows_from("/rows");
            for row in &found.rows {
                table.row([
                    Cell::Count(row.count),
                    Cell::Bytes(row.retained),
                    Cell::Percent(row.percent),
                    Cell::Text(row.class.clone()),
                ]);
            }
            table.print(view, output, "dominators", &found)?;
        }
        Some(DominatorsList::Objects) => {
            let found = top_consumers(&snapshot, most);
            let mut table = tree_table().whole(found.count);
            table.rows_from("/rows");
            for node in &found.rows {
                table.row(cells(node, ""));
            }
            table.print(view, output, "dominators", &found)?;
        }
        None => {
            let limits = TreeLimits {
                depth: args.depth,
                min_percent: args.min_percent,
                ..TreeLimits::default()
            };
            let found = dominator_tree(&snapshot, start, limits);
            let mut table = tree_table().note(format!(
                "below each node the {} largest, of at least {} % of the whole; more: --depth, --min-percent, --node",
                limits.breadth, limits.min_percent
            ));
            let mut pending = vec![(&found, String::new(), String::new())];
            while let Some((node, before, below)) = pending.pop() {
                table.row(cells(node, &before));
                for (at, child) in node.children.iter().enumerate().rev() {
                    let (branch, line) = if at + 1 == node.children.len() {
                        ("└ ", "  ")
                    } else {
                        ("├ ", "│ ")
                    };
                    pending.push((child, format!("{below}{branch}"), format!("{below}{line}")));
                }
            }
            // A tree is not cut in the middle unless it is asked for.
            let view = ViewArgs {
                top: Some(view.top.unwrap_or(0)),
                ..view.clone()
            };
            table.print(&view, output, "dominators", &found)?;
        }
    }
    Ok(Exit::Done)
}

fn tree_table() -> Table {
    Table::new(["retained", "share", "shallow", "nodes", "id", "node"])
}

fn cells(node: &DominatorNode, before: &str) -> [Cell; 6] {
    [
        Cell::Bytes(node.retained),
        Cell::Percent(node.percent),
        Cell::Bytes(node.shallow),
        Cell::Count(node.nodes),
        Cell::Text(format!("@{}", node.id.0)),
        Cell::Text(format!("{before}{}", node.node)),
    ]
}
