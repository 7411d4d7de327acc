//! The four tables: their columns, and the value of each cell.

use std::borrow::Cow;

use crate::analysis::summary::{GroupBy, SummaryRow, summary};
use crate::dom_state::{ATTACHED, DETACHED};
use crate::graph::{EdgeName, EdgeOrdinal, NodeOrdinal, Snapshot};

/// A table of the export.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Table {
    /// A row per node, in file order.
    Nodes,
    /// A row per edge, grouped by the node it leaves.
    Edges,
    /// A row per row of DevTools' Summary, largest retained size first.
    Classes,
    /// A row per node, each dominator's whole subtree together.
    Dominators,
}

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnType {
    /// Whole numbers below 2^63.
    Number,
    /// UTF-8; what is no Unicode (a lone surrogate) is U+FFFD.
    Text,
}

/// A column of a table.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// What it holds.
    pub holds: ColumnType,
    /// Whether a cell may be unknown.
    pub optional: bool,
    /// Whether its values come in rising order or close to each other: worth storing differences.
    #[cfg_attr(
        not(feature = "parquet"),
        allow(dead_code, reason = "CSV has no encodings")
    )]
    pub(super) rising: bool,
    /// What it means, with its unit.
    pub meaning: &'static str,
}

const fn number(name: &'static str, meaning: &'static str) -> Column {
    Column {
        name,
        holds: ColumnType::Number,
        optional: false,
        rising: false,
        meaning,
    }
}

const fn text(name: &'static str, meaning: &'static str) -> Column {
    Column {
        holds: ColumnType::Text,
        ..number(name, meaning)
    }
}

const fn rising(column: Column) -> Column {
    Column {
        rising: true,
        ..column
    }
}

const fn optional(column: Column) -> Column {
    Column {
        optional: true,
        ..column
    }
}

const NODES: &[Column] = &[
    rising(number("node", "position in the file, from 0")),
    rising(number("id", "identity in all snapshots of the process")),
    text("type", "type of node: object, string, closure, …"),
    text("name", "class, function name or text"),
    text("class", "class as DevTools names it"),
    number("self_size", "bytes of the object, as in the file"),
    number(
        "shallow_size",
        "bytes of the object, with DevTools' correction",
    ),
    number("retained_size", "bytes that would go with it"),
    optional(number("distance", "edges from the roots")),
    optional(text("dom_state", "attached or detached, of DOM nodes")),
    optional(number("script_id", "script in which its class stands")),
    optional(number("line", "line there, from 1")),
    optional(number("column", "column there, from 1")),
];

const EDGES: &[Column] = &[
    rising(number("from_node", "position of the node it leaves")),
    rising(number("to_node", "position of the node it points at")),
    text("type", "type of edge: property, element, weak, …"),
    optional(text("name", "name of a property, variable or field")),
    optional(number("index", "number of an element or hidden edge")),
];

const CLASSES: &[Column] = &[
    text("class", "name"),
    optional(number("script_id", "script in which it stands")),
    optional(number("line", "line there, from 1")),
    optional(number("column", "column there, from 1")),
    number("count", "objects with a size"),
    number("shallow_size", "their own bytes"),
    number("retained_size", "bytes that would go with them"),
    optional(number("distance", "least distance from the roots")),
];

const DOMINATORS: &[Column] = &[
    rising(number(
        "position",
        "place in the tree's order: a node's subtree is [position, position + nodes)",
    )),
    rising(number("node", "position in the file")),
    rising(number("id", "identity in all snapshots of the process")),
    rising(number(
        "dominator",
        "position in the file of the immediate dominator; the root's is the root",
    )),
    number("depth", "dominators above it"),
    number("nodes", "nodes in its subtree, itself included"),
    number("retained_size", "bytes of its subtree"),
];

impl Table {
    /// All tables.
    pub const ALL: [Table; 4] = [
        Table::Nodes,
        Table::Edges,
        Table::Classes,
        Table::Dominators,
    ];

    /// Its name, also of its file.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Table::Nodes => "nodes",
            Table::Edges => "edges",
            Table::Classes => "classes",
            Table::Dominators => "dominators",
        }
    }

    /// Its columns, in the order of the file.
    #[must_use]
    pub fn columns(self) -> &'static [Column] {
        match self {
            Table::Nodes => NODES,
            Table::Edges => EDGES,
            Table::Classes => CLASSES,
            Table::Dominators => DOMINATORS,
        }
    }

    /// Rows, to tell progress; of [`Table::Classes`], which is short, at most so many.
    pub(super) fn rows(self, snapshot: &Snapshot) -> u64 {
        match self {
            Table::Nodes | Table::Dominators => snapshot.node_count() as u64,
            Table::Edges => snapshot.edge_count() as u64,
            Table::Classes => snapshot.classes().len() as u64,
        }
    }
}

/// The value of a cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Cell<'a> {
    Unknown,
    Number(u64),
    Text(Cow<'a, str>),
}

impl Cell<'_> {
    fn number(value: Option<u64>) -> Self {
        value.map_or(Cell::Unknown, Cell::Number)
    }
}

/// A table's rows, cell by cell in any order; going down one column is cheap.
pub(super) struct Rows<'a> {
    snapshot: &'a Snapshot,
    table: Table,
    /// The node that the last edge asked for leaves.
    from: usize,
    classes: Vec<SummaryRow>,
    /// Dominators above the node at each position of the tree.
    depths: Vec<u32>,
}

impl<'a> Rows<'a> {
    pub(super) fn new(snapshot: &'a Snapshot, table: Table) -> Rows<'a> {
        Rows {
            snapshot,
            table,
            from: 0,
            classes: match table {
                Table::Classes => summary(snapshot, GroupBy::Class, None).rows,
                _ => Vec::new(),
            },
            depths: match table {
                Table::Dominators => depths(snapshot),
                _ => Vec::new(),
            },
        }
    }

    pub(super) fn len(&self) -> usize {
        match self.table {
            Table::Nodes | Table::Dominators => self.snapshot.node_count(),
            Table::Edges => self.snapshot.edge_count(),
            Table::Classes => self.classes.len(),
        }
    }

    pub(super) fn cell(&mut self, row: usize, column: usize) -> Cell<'_> {
        match self.table {
            Table::Nodes => self.node(row, column),
            Table::Edges => self.edge(row, column),
            Table::Classes => self.class(row, column),
            Table::Dominators => self.dominator(row, column),
        }
    }

    fn node(&self, row: usize, column: usize) -> Cell<'a> {
        let node = self.snapshot.at(row);
        let place =
            |part: fn(crate::graph::Location) -> u64| Cell::number(node.location().map(part));
        match NODES[column].name {
            "node" => Cell::Number(row as u64),
            "id" => Cell::Number(node.id().0.into()),
            "type" => Cell::Text(node.type_name().into()),
            "name" => Cell::Text(node.name()),
            "class" => Cell::Text(node.class_name()),
            "self_size" => Cell::Number(node.raw_self_size()),
            "shallow_size" => Cell::Number(node.self_size()),
            "retained_size" => Cell::Number(node.retained_size()),
            "distance" => Cell::number(node.distance().map(u64::from)),
            "dom_state" => match self.snapshot.dom_state().of(node.ordinal()) {
                ATTACHED => Cell::Text("attached".into()),
                DETACHED => Cell::Text("detached".into()),
                _ => Cell::Unknown,
            },
            "script_id" => place(|at| at.script_id.into()),
            "line" => place(|at| u64::from(at.line) + 1),
            _ => place(|at| u64::from(at.column) + 1),
        }
    }

    fn edge(&mut self, row: usize, column: usize) -> Cell<'a> {
        let Some(edge) = self.snapshot.edge(EdgeOrdinal(row as u32)) else {
            return Cell::Unknown;
        };
        match EDGES[column].name {
            "from_node" => Cell::Number(self.source(row) as u64),
            "to_node" => Cell::Number(edge.to().ordinal().0.into()),
            "type" => Cell::Text(edge.type_name().into()),
            "name" => match edge.name() {
                EdgeName::Text(name) => Cell::Text(name),
                EdgeName::Index(_) => Cell::Unknown,
            },
            _ => match edge.name() {
                EdgeName::Index(index) => Cell::Number(index.into()),
                EdgeName::Text(_) => Cell::Unknown,
            },
        }
    }

    /// The node an edge leaves: near the last one asked for, or searched.
    fn source(&mut self, edge: usize) -> usize {
        let nodes = &self.snapshot.nodes;
        if nodes.edges_of(self.from).start > edge {
            self.from = 0;
        }
        if nodes.edges_of(self.from).end <= edge {
            let first = &nodes.first_edge[self.from + 1..];
            let near = first.iter().take(64).position(|&next| next as usize > edge);
            self.from +=
                near.unwrap_or_else(|| first.partition_point(|&next| next as usize <= edge));
        }
        self.from
    }

    fn class(&self, row: usize, column: usize) -> Cell<'_> {
        let row = &self.classes[row];
        let place = |part: fn(crate::graph::Location) -> u64| Cell::number(row.location.map(part));
        match CLASSES[column].name {
            "class" => Cell::Text(row.name.as_str().into()),
            "script_id" => place(|at| at.script_id.into()),
            "line" => place(|at| u64::from(at.line) + 1),
            "column" => place(|at| u64::from(at.column) + 1),
            "count" => Cell::Number(row.count),
            "shallow_size" => Cell::Number(row.shallow),
            "retained_size" => Cell::Number(row.retained),
            _ => Cell::number(row.shown_distance().map(u64::from)),
        }
    }

    fn dominator(&self, row: usize, column: usize) -> Cell<'a> {
        let dominators = self.snapshot.dominators();
        let node = NodeOrdinal(dominators.tree_order()[row]);
        Cell::Number(match DOMINATORS[column].name {
            "position" => row as u64,
            "node" => node.0.into(),
            "id" => self.snapshot.at(node.index()).id().0.into(),
            "dominator" => dominators.dominator(node).0.into(),
            "depth" => self.depths[row].into(),
            "nodes" => dominators.subtree()[row].into(),
            _ => dominators.retained_size(node),
        })
    }
}

/// How many dominators each position of the tree has above it. Complexity: the nodes.
fn depths(snapshot: &Snapshot) -> Vec<u32> {
    let dominators = snapshot.dominators();
    let mut depths = Vec::with_capacity(snapshot.node_count());
    // Where the open subtrees end: as many as there are dominators above.
    let mut open: Vec<usize> = Vec::new();
    for (at, &nodes) in dominators.subtree().iter().enumerate() {
        while open.last().is_some_and(|&end| end <= at) {
            open.pop();
        }
        depths.push(open.len() as u32);
        open.push(at + nodes as usize);
    }
    depths
}
