//! Summary: what there is, class by class.
//!
//! Counts and sizes leave out nodes without a self size, as DevTools does. A row's retained size
//! counts each node that no node of the same row dominates: a list of three counts once.
//!
//! Source: `buildAggregates` and `calculateClassesRetainedSize` in DevTools' `HeapSnapshot.ts`.
//!
//! ```no_run
//! use heapsnapshot::analysis::summary::{GroupBy, summary};
//!
//! let snapshot = heapsnapshot::Snapshot::open("app.heapsnapshot")?;
//! for row in summary(&snapshot, GroupBy::Class, None).rows.iter().take(10) {
//!     println!("{:>8} {:>10} {:>10} {}", row.count, row.shallow, row.retained, row.name);
//! }
//! # Ok::<(), heapsnapshot::ReadError>(())
//! ```

use hashbrown::HashMap;

use crate::classes::ClassId;
use crate::distances::SYSTEM_DISTANCE;
use crate::dominators::Dominators;
use crate::format::{EdgeType, NodeType};
use crate::graph::{Location, NodeOrdinal, NodeRef, Snapshot};
use crate::memory;

/// What makes a row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum GroupBy {
    /// The class, and for classes with a known place in the source that place: DevTools' rows.
    #[default]
    Class,
    /// The name of the class alone.
    Name,
    /// The type of node.
    Type,
    /// The script a class stands in.
    Script,
    /// The place in the source a class stands at.
    Location,
    /// The class and its hidden class (V8's map), named by the properties that the first object of it shows.
    Shape,
}

/// A row of the summary.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct SummaryRow {
    /// The row's name: a class, a type, a script.
    pub name: String,
    /// Where the class stands in the source, if the file says so.
    pub location: Option<Location>,
    /// Objects with a self size.
    pub count: u64,
    /// Their own bytes.
    pub shallow: u64,
    /// Bytes that would go with them.
    pub retained: u64,
    /// The shortest distance, as DevTools computes it (see [`Distances::raw`]).
    ///
    /// [`Distances::raw`]: crate::distances::Distances::raw
    pub distance: i32,
    /// Another row has the same name and place, and DevTools shows only one of them, not this.
    pub hidden_by_devtools: bool,
}

/// The summary.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub struct Summary {
    /// Largest retained size first.
    pub rows: Vec<SummaryRow>,
    /// Objects in all rows.
    pub count: u64,
    /// Bytes in all rows.
    pub shallow: u64,
}

impl SummaryRow {
    /// DevTools' key of the row: `,name` or `script,line,column,name`.
    #[must_use]
    pub fn key(&self) -> String {
        match self.location {
            None => format!(",{}", self.name),
            Some(at) => format!("{},{},{},{}", at.script_id, at.line, at.column, self.name),
        }
    }

    /// The shortest distance as DevTools shows it; `None` is shown as "−".
    #[must_use]
    pub fn shown_distance(&self) -> Option<u32> {
        (0..SYSTEM_DISTANCE)
            .contains(&self.distance)
            .then_some(self.distance.unsigned_abs())
    }
}

/// Summarises the nodes that `filter` holds, or all of them.
///
/// Complexity: one pass over the nodes and one over the dominator tree.
#[must_use]
pub fn summary(
    snapshot: &Snapshot,
    group_by: GroupBy,
    filter: Option<&dyn Fn(NodeOrdinal) -> bool>,
) -> Summary {
    // Before everything else: the dominators need the most room.
    let dominators = snapshot.dominators();
    let Members { mut rows, row_of } = members(snapshot, group_by, filter);
    retain(dominators, &row_of, &mut rows);
    memory::recycle(row_of);
    finish(rows)
}

/// Summarises all nodes of a snapshot that nothing else is asked of: the same numbers as [`summary`]'s, with a quarter less
/// memory, because what each step needs last makes room for the next.
///
/// Complexity: that of [`summary`].
#[must_use]
pub fn into_summary(mut snapshot: Snapshot, group_by: GroupBy) -> Summary {
    snapshot.forget_ids();
    snapshot.forget_uncorrected_sizes();
    let Members { mut rows, row_of } = members(&snapshot, group_by, None);
    snapshot.keep_only_graph();
    retain(&Dominators::compute_last(snapshot), &row_of, &mut rows);
    finish(rows)
}

/// The rows without their retained sizes, and who is in them.
struct Members {
    rows: Vec<SummaryRow>,
    /// The row of each node that counts; [`NONE`] for the others.
    row_of: Vec<u32>,
}

/// Complexity: one pass over the nodes.
fn members(
    snapshot: &Snapshot,
    group_by: GroupBy,
    filter: Option<&dyn Fn(NodeOrdinal) -> bool>,
) -> Members {
    let sizes = snapshot.shallow_sizes();
    let distances = snapshot.distances();
    let mut groups = Groups::new(snapshot, group_by);
    let mut rows: Vec<SummaryRow> = Vec::new();
    let mut row_of = memory::room(sizes.len());
    row_of.extend(sizes.iter().enumerate().map(|(node, &size)| {
        let ordinal = NodeOrdinal(node as u32);
        if size == 0 || filter.is_some_and(|filter| !filter(ordinal)) {
            return NONE;
        }
        let group = groups.of(node, &mut rows);
        let row = &mut rows[group as usize];
        row.count += 1;
        row.shallow += u64::from(size);
        row.distance = row.distance.min(distances.raw(ordinal));
        group
    }));
    Members { rows, row_of }
}

/// Gives the rows their retained sizes.
///
/// Down the dominator tree: what follows a node of a row, up to the end of its subtree, is already in its retained size.
/// Complexity: one pass over the dominator tree.
fn retain(dominators: &Dominators, row_of: &[u32], rows: &mut [SummaryRow]) {
    let mut covered = vec![0_u32; rows.len()];
    let order = dominators.tree_order();
    for (at, &node) in order.iter().enumerate() {
        if let Some(&ahead) = order.get(at + AHEAD) {
            memory::prefetch(row_of, ahead as usize);
        }
        let row = row_of[node as usize];
        if row == NONE {
            continue;
        }
        let row = row as usize;
        if at as u32 >= covered[row] {
            rows[row].retained += dominators.retained_at(at);
            covered[row] = at as u32 + dominators.subtree()[at];
        }
    }
}

/// Marks, adds up and sorts.
fn finish(mut rows: Vec<SummaryRow>) -> Summary {
    mark_hidden(&mut rows);
    let (count, shallow) = rows
        .iter()
        .fold((0, 0), |(n, s), row| (n + row.count, s + row.shallow));
    rows.sort_by(|a, b| {
        b.retained
            .cmp(&a.retained)
            .then_with(|| a.name.cmp(&b.name))
    });
    Summary {
        rows,
        count,
        shallow,
    }
}

/// DevTools files rows under their key; of two with the same key the later one stays.
fn mark_hidden(rows: &mut [SummaryRow]) {
    let mut last: HashMap<(String, Option<Location>), usize> = HashMap::new();
    for at in 0..rows.len() {
        if let Some(earlier) = last.insert((rows[at].name.clone(), rows[at].location), at) {
            rows[earlier].hidden_by_devtools = true;
        }
    }
}

/// How many nodes ahead what they need is fetched.
const AHEAD: usize = 16;

/// Numbers the rows in order of first appearance.
struct Groups<'a> {
    snapshot: &'a Snapshot,
    group_by: GroupBy,
    /// Row by what decides for nodes without a place: class, type, or nothing.
    plain: Vec<u32>,
    /// Row by class and place, so that no name is built per object.
    placed: HashMap<(u32, Location), u32>,
    /// Row by name and place: two classes of one name at one place are one row.
    named: HashMap<(String, Option<Location>), u32>,
    /// Row by class and hidden class.
    shaped: HashMap<(u32, u32), u32>,
}

const NONE: u32 = u32::MAX;

impl<'a> Groups<'a> {
    fn new(snapshot: &'a Snapshot, group_by: GroupBy) -> Groups<'a> {
        let plain = match group_by {
            GroupBy::Type => 256,
            GroupBy::Script | GroupBy::Location => 1,
            GroupBy::Class | GroupBy::Name | GroupBy::Shape => snapshot.classes().len(),
        };
        Groups {
            snapshot,
            group_by,
            plain: vec![NONE; plain],
            placed: HashMap::new(),
            named: HashMap::new(),
            shaped: HashMap::new(),
        }
    }

    /// The place of a node that is an object.
    #[inline(always)]
    fn location(&self, node: usize) -> Option<Location> {
        if !self.snapshot.nodes.is(node, NodeType::Object) {
            return None;
        }
        self.snapshot.locations.get(node)
    }

    /// What decides about a node without a place.
    #[inline(always)]
    fn key(&self, node: usize) -> usize {
        match self.group_by {
            GroupBy::Type => usize::from(self.snapshot.nodes.kind[node]),
            GroupBy::Script | GroupBy::Location => 0,
            GroupBy::Class | GroupBy::Name | GroupBy::Shape => {
                let ordinal = NodeOrdinal(node as u32);
                self.snapshot.classes().class_of(ordinal).0 as usize
            }
        }
    }

    /// The row of a node, made if need be.
    fn of(&mut self, node: usize, rows: &mut Vec<SummaryRow>) -> u32 {
        if let Some(row) = self.of_itself(node, rows) {
            return row;
        }
        let key = self.key(node);
        if self.plain[key] == NONE {
            let snapshot = self.snapshot;
            let class = || {
                let class = ClassId(key as u32);
                snapshot.classes().name(snapshot, class).into_owned()
            };
            self.plain[key] = match self.group_by {
                GroupBy::Type => new_row(rows, snapshot.node_type_name(key as u8).to_owned(), None),
                GroupBy::Script => new_row(rows, "(no script)".to_owned(), None),
                GroupBy::Class => new_row(rows, class(), None),
                GroupBy::Name | GroupBy::Shape => self.named_row(rows, class(), None),
                GroupBy::Location => new_row(rows, "(no location)".to_owned(), None),
            };
        }
        self.plain[key]
    }

    /// The row of a node whose place or hidden class decides.
    fn of_itself(&mut self, node: usize, rows: &mut Vec<SummaryRow>) -> Option<u32> {
        let snapshot = self.snapshot;
        let class = snapshot.classes().class_of(NodeOrdinal(node as u32));
        match self.group_by {
            GroupBy::Type | GroupBy::Name => None,
            GroupBy::Shape => {
                let map = hidden_class(snapshot.at(node))?;
                let shaped = self.shaped.entry((class.0, map));
                let name = || shape_name(snapshot.at(node));
                Some(*shaped.or_insert_with(|| new_row(rows, name(), None)))
            }
            GroupBy::Class => {
                let place = self.location(node)?;
                Some(self.of_class_at(class, place, rows))
            }
            GroupBy::Script => {
                let script = format!("script {}", self.location(node)?.script_id);
                Some(self.named_row(rows, script, None))
            }
            GroupBy::Location => {
                let place = self.location(node)?;
                let script = format!("script {}", place.script_id);
                Some(self.named_row(rows, script, Some(place)))
            }
        }
    }

    fn of_class_at(&mut self, class: ClassId, place: Location, rows: &mut Vec<SummaryRow>) -> u32 {
        let snapshot = self.snapshot;
        if let Some(&row) = self.placed.get(&(class.0, place)) {
            return row;
        }
        let name = snapshot.classes().name(snapshot, class).into_owned();
        let row = self.named_row(rows, name, Some(place));
        self.placed.insert((class.0, place), row);
        row
    }

    fn named_row(
        &mut self,
        rows: &mut Vec<SummaryRow>,
        name: String,
        place: Option<Location>,
    ) -> u32 {
        let key = (name, place);
        if let Some(&row) = self.named.get(&key) {
            return row;
        }
        let row = new_row(rows, key.0.clone(), place);
        self.named.insert(key, row);
        row
    }
}

/// Properties named in a shape's row.
const PROPERTIES_SHOWN: usize = 8;

/// The hidden class that an object's internal edge `map` names.
fn hidden_class(node: NodeRef<'_>) -> Option<u32> {
    if !node.is(NodeType::Object) {
        return None;
    }
    Some(node.child(EdgeType::Internal, "map")?.ordinal().0)
}

/// `Class {a, b}`: small integers leave no edge in most snapshots, so that some may be missing.
fn shape_name(node: NodeRef<'_>) -> String {
    let mut names: Vec<String> = Vec::new();
    let mut more = "";
    let properties = node.edges().filter(|edge| edge.is(EdgeType::Property));
    for name in properties.map(|edge| edge.name().to_string()) {
        if name == "__proto__" || names.contains(&name) {
            continue;
        }
        if names.len() == PROPERTIES_SHOWN {
            more = ", …";
            break;
        }
        names.push(name);
    }
    // DevTools' name of a plain object is its properties already.
    let class = if &*node.name() == "Object" {
        node.name()
    } else {
        node.class_name()
    };
    format!("{class} {{{}{more}}}", names.join(", "))
}

fn new_row(rows: &mut Vec<SummaryRow>, name: String, location: Option<Location>) -> u32 {
    rows.push(SummaryRow {
        name,
        location,
        count: 0,
        shallow: 0,
        retained: 0,
        distance: i32::MAX,
        hidden_by_devtools: false,
    });
    rows.len() as u32 - 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::Builder;

    /// Two hidden classes of one class are two shapes; rows of each grouping hold all objects.
    #[test]
    fn shapes_follow_hidden_classes() {
        let mut graph = Builder::new();
        let maps = [5, 7].map(|id| graph.node("object shape", "system / Map", id, 40));
        let text = graph.node("string", "text", 9, 16);
        for at in 0..6 {
            let point = graph.node("object", "Point", 101 + 2 * at, 24);
            let wide = at % 3 == 0;
            graph.edge(0, "element", &at.to_string(), point);
            graph.edge(point, "internal", "map", maps[usize::from(wide)]);
            graph.edge(point, "property", "x", text);
            if wide {
                graph.edge(point, "property", "y", text);
            }
        }
        let snapshot = graph.read();
        let found = summary(&snapshot, GroupBy::Shape, None);
        let rows: Vec<_> = found
            .rows
            .iter()
            .map(|row| (row.name.as_str(), row.count))
            .collect();
        assert_eq!(
            rows,
            [
                ("Point {x}", 4),
                ("(object shape)", 2),
                ("Point {x, y}", 2),
                ("(string)", 1)
            ]
        );
        let all = [
            GroupBy::Class,
            GroupBy::Name,
            GroupBy::Type,
            GroupBy::Script,
            GroupBy::Location,
        ];
        for group_by in all {
            let expected = summary(&snapshot, group_by, None);
            assert_eq!(expected.count, found.count);
            assert_eq!(into_summary(graph.read(), group_by).rows, expected.rows);
        }
    }
}
