//! `heaplab snapshot node FILE ID`.

use std::fmt::Write as _;

use heapsnapshot::analysis::node::{NodeEdge, node_details};
use heapsnapshot::analysis::words;

use super::args::NodeArgs;
use super::input;
use super::need::Need;
use super::table::{Cell, Table};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::{HEADING, LABEL, Output, escaped};
use crate::text::plural;

/// Prints a node, its edges and its retainers.
pub(super) fn run(args: &NodeArgs, output: Output) -> Result<Exit, Failure> {
    let view = &args.common.view;
    let snapshot = input::open(&args.common.file, &view.read, Need::RETAINERS, output)?;
    let most = view.rows_needed();
    let found = node_details(input::node(&snapshot, args.node)?, most);
    let mut table = Table::new(["direction", "type", "name", "retained", "id", "node"])
        .whole(found.edge_count + found.retainer_count);
    let directions = [
        ("to", "/edges", &found.edges),
        ("from", "/retainers", &found.retainers),
    ];
    for (direction, array, edges) in directions {
        table.rows_from(array);
        for edge in edges {
            table.row([
                Cell::Text(direction.to_owned()),
                Cell::Text(edge.edge_type.clone()),
                Cell::Text(edge.name.clone()),
                Cell::Bytes(edge.retained),
                Cell::Text(format!("@{}", edge.id.0)),
                Cell::Text(edge.node.clone()),
            ]);
        }
    }
    if view.wants_table() {
        table.print(view, output, "node", &found)?;
        return Ok(Exit::Done);
    }
    let mut page = String::new();
    let _ = writeln!(
        page,
        "{HEADING}{} @{}{HEADING:#}",
        escaped(&words::shortened(&found.name, 80)),
        found.id.0
    );
    let mut fact = |label: &str, value: String| {
        let _ = writeln!(page, "  {LABEL}{label:<10}{LABEL:#} {}", escaped(&value));
    };
    fact("type", found.node_type.clone());
    fact("class", words::shortened(&found.class, 80));
    fact("shallow", size(found.shallow, found.raw_self_size));
    fact("retained", words::bytes(found.retained));
    fact(
        "distance",
        found
            .distance
            .map_or("−".to_owned(), |distance| distance.to_string()),
    );
    fact(
        "dominator",
        format!("{} @{}", found.dominator_node, found.dominator.0),
    );
    if let Some(at) = found.location {
        fact(
            "location",
            format!(
                "script {}, line {}, column {}",
                at.script_id,
                at.line + 1,
                at.column + 1
            ),
        );
    }
    if let Some(state) = found.dom_state {
        fact("document", state.to_owned());
    }
    list(&mut page, "edges", found.edge_count, &found.edges, |edge| {
        format!("{} {}", edge.edge_type, edge.name)
    });
    list(
        &mut page,
        "retainers",
        found.retainer_count,
        &found.retainers,
        |edge| edge.words.clone(),
    );
    output.data().text(&page)?;
    Ok(Exit::Done)
}

fn size(shown: u64, raw: u64) -> String {
    if shown == raw {
        words::bytes(shown)
    } else {
        format!(
            "{} ({} in the file; DevTools moves sizes to owners)",
            words::bytes(shown),
            words::bytes(raw)
        )
    }
}

fn list(
    page: &mut String,
    what: &str,
    all: u64,
    edges: &[NodeEdge],
    say: impl Fn(&NodeEdge) -> String,
) {
    let _ = writeln!(
        page,
        "{HEADING}{} {}{HEADING:#}",
        words::count(all),
        plural(all, what)
    );
    for edge in edges {
        let name = words::shortened(&escaped(&say(edge)), 44);
        let node = words::shortened(&escaped(&edge.node), 28);
        let _ = writeln!(
            page,
            "  {:>9}  {name}  {LABEL}{}{LABEL:#} {node} {LABEL}@{}{LABEL:#}",
            words::bytes(edge.retained),
            if what == "edges" { "→" } else { "←" },
            edge.id.0
        );
    }
    if all > edges.len() as u64 {
        let _ = writeln!(
            page,
            "  {LABEL}{} more; --top 0 shows all{LABEL:#}",
            words::count(all - edges.len() as u64)
        );
    }
}
