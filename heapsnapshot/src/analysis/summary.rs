//! Summary: what there is, class by class.
//!
//! Counts and sizes leave out nodes without a self size, as DevTools does. A row's retained size
//! counts each node that no node of the same row dominates: a list of three counts once.

use hashbrown::HashMap;

use crate::bits::BitSet;
use crate::format::NodeType;
use crate::graph::{Location, NodeOrdinal, Snapshot};

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
}

/// A row of the summary.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
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
#[derive(Clone, Debug, serde::Serialize)]
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
    let nodes = &snapshot.nodes;
    // Before everything else: the dominators need the most room.
    let dominators = snapshot.dominators();
    let sizes = snapshot.shallow_sizes();
    let distances = snapshot.distances();
    let mut kept = None;
    if let Some(filter) = filter {
        let mut set = BitSet::new(nodes.len());
        for node in 0..nodes.len() {
            if filter(NodeOrdinal(node as u32)) {
                set.insert(node);
            }
        }
        kept = Some(set);
    }
    let counts =
        |node: usize| sizes[node] != 0 && kept.as_ref().is_none_or(|kept| kept.contains(node));

    let mut groups = Groups::new(snapshot, group_by);
    let mut rows: Vec<SummaryRow> = Vec::new();
    let mut group_of = vec![0_u32; nodes.len()];
    for (node, group) in group_of.iter_mut().enumerate() {
        if !counts(node) {
            continue;
        }
        *group = groups.of(node, &mut rows);
        let row = &mut rows[*group as usize];
        row.count += 1;
        row.shallow += u64::from(sizes[node]);
        row.distance = row.distance.min(distances.raw(NodeOrdinal(node as u32)));
    }
    // Down the dominator tree; a row is open while one of its nodes is on the way.
    let mut open = vec![false; rows.len()];
    let mut path: Vec<(u32, bool)> = Vec::new();
    for &node in dominators.tree_order() {
        let dominator = dominators.dominator(NodeOrdinal(node)).0;
        while let Some(&(above, opened)) = path.last() {
            if above == dominator {
                break;
            }
            path.pop();
            if opened {
                open[group_of[above as usize] as usize] = false;
            }
        }
        let group = group_of[node as usize] as usize;
        let opens = counts(node as usize) && !open[group];
        if opens {
            rows[group].retained += dominators.retained_size(NodeOrdinal(node));
            open[group] = true;
        }
        path.push((node, opens));
    }
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

/// Numbers the rows in order of first appearance.
struct Groups<'a> {
    snapshot: &'a Snapshot,
    group_by: GroupBy,
    /// Row by class or type.
    plain: Vec<u32>,
    placed: HashMap<(String, Location), u32>,
    named: HashMap<String, u32>,
}

const NONE: u32 = u32::MAX;

impl<'a> Groups<'a> {
    fn new(snapshot: &'a Snapshot, group_by: GroupBy) -> Groups<'a> {
        let plain = match group_by {
            GroupBy::Type => 256,
            GroupBy::Class | GroupBy::Name | GroupBy::Script => snapshot.classes().len(),
        };
        Groups {
            snapshot,
            group_by,
            plain: vec![NONE; plain],
            placed: HashMap::new(),
            named: HashMap::new(),
        }
    }

    fn location(&self, node: usize) -> Option<Location> {
        let is_object = self.snapshot.nodes.is(node, NodeType::Object);
        if is_object {
            self.snapshot.locations.get(&(node as u32)).copied()
        } else {
            None
        }
    }

    fn of(&mut self, node: usize, rows: &mut Vec<SummaryRow>) -> u32 {
        let snapshot = self.snapshot;
        if self.group_by == GroupBy::Type {
            let code = snapshot.nodes.kind[node];
            let known = &mut self.plain[usize::from(code)];
            if *known == NONE {
                *known = new_row(rows, snapshot.node_type_name(code).to_owned(), None);
            }
            return *known;
        }
        let class = snapshot.classes().class_of(NodeOrdinal(node as u32));
        let name = || snapshot.classes().name(snapshot, class).into_owned();
        match (self.group_by, self.location(node)) {
            (GroupBy::Class, Some(place)) => *self
                .placed
                .entry((name(), place))
                .or_insert_with(|| new_row(rows, name(), Some(place))),
            (GroupBy::Script, place) => {
                let script = match place {
                    Some(place) => format!("script {}", place.script_id),
                    None => "(no script)".to_owned(),
                };
                *self
                    .named
                    .entry_ref(&script)
                    .or_insert_with(|| new_row(rows, script.clone(), None))
            }
            (group_by, _) => {
                let known = self.plain[class.0 as usize];
                if known != NONE {
                    return known;
                }
                let row = if group_by == GroupBy::Name {
                    *self
                        .named
                        .entry(name())
                        .or_insert_with(|| new_row(rows, name(), None))
                } else {
                    new_row(rows, name(), None)
                };
                self.plain[class.0 as usize] = row;
                row
            }
        }
    }
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
