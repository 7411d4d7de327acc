//! The large index: the graph and what is derived from it, as columns.
//!
//! Of a node 33 to 37 bytes, of an edge 8, and all text: about the size of the snapshot itself. Reading columns is
//! copying; what is cheap to derive from others (running sums, positions) is derived again. Every number that is used
//! as a position is checked when it is read, so that not even a forged index leads out of the columns.

use std::cell::OnceCell;
use std::io;
use std::path::{Path, PathBuf};
use std::thread;

use serde::{Deserialize, Serialize};

use super::container::{Container, Writer};
use super::{Identity, Unusable, beside, check, sizes};
use crate::classes::{ClassName, Classes};
use crate::distances::Distances;
use crate::dominators::Dominators;
use crate::graph::{EdgeColumns, Location, Locations, NodeColumns, ReadReport, Snapshot, Target};
use crate::reader::Meta;
use crate::shallow::ShallowSizes;
use crate::strings::StringTable;
use crate::writer::Readers;

/// The graph of a snapshot, from an index: a [`Snapshot`] that need not be parsed, with dominators, distances, classes and
/// sizes that need not be computed.
#[derive(Debug)]
pub struct GraphIndex(Container);

/// What is not a column.
#[derive(Serialize, Deserialize)]
struct Head {
    meta: Meta,
    report: ReadReport,
    nodes: usize,
    edges: usize,
    strings: usize,
    root: usize,
    unreachable: usize,
    unknown_node_types: Vec<String>,
    unknown_edge_types: Vec<String>,
    arrays: Vec<String>,
    classes: Vec<ClassName>,
}

impl GraphIndex {
    /// Where the index of a snapshot lies.
    #[must_use]
    pub fn path(snapshot: &Path) -> PathBuf {
        beside(snapshot, ".graph-index")
    }

    /// Writes the graph of `snapshot`, and what is derived from it, beside `file`, as a whole or not at all. `identity`
    /// is that of the file before it was read: if it has changed since, nothing is written. Complexity: what is not
    /// derived yet, and about as many bytes as the snapshot has.
    ///
    /// # Errors
    /// Those of writing; [`io::ErrorKind::Other`] if the file has changed, or is damaged.
    pub fn store(snapshot: &Snapshot, file: &Path, identity: &Identity) -> io::Result<()> {
        check(snapshot, file, identity)?;
        let (nodes, edges) = (&snapshot.nodes, &snapshot.edges);
        let dominators = snapshot.dominators();
        let head = Head {
            meta: snapshot.meta.clone(),
            report: snapshot.report.clone(),
            nodes: nodes.len(),
            edges: edges.len(),
            strings: snapshot.strings.len(),
            root: snapshot.root,
            unreachable: dominators.unreachable(),
            unknown_node_types: snapshot.unknown_node_types.clone(),
            unknown_edge_types: snapshot.unknown_edge_types.clone(),
            arrays: snapshot.arrays.iter().map(|(key, _)| key.clone()).collect(),
            classes: snapshot.classes().names().to_vec(),
        };
        let what = what(snapshot.raw);
        let mut writer =
            Writer::create(&GraphIndex::path(file), Readers::Of(file), &what, identity)?;
        writer.bytes("head", &serde_json::to_vec(&head)?)?;
        writer.bytes("node-type", &nodes.kind)?;
        let mut numbers = |name: &str, column: &[u32]| writer.numbers(name, column.iter().copied());
        numbers("node-name", &nodes.name)?;
        numbers("node-id", &nodes.id)?;
        numbers("node-size", &nodes.self_size)?;
        numbers("first-edge", &nodes.first_edge)?;
        numbers("trace", &nodes.trace_node_id)?;
        numbers("edge-label", edges.labels())?;
        numbers("tree-order", dominators.tree_order())?;
        numbers("subtree", dominators.subtree())?;
        numbers("distance", snapshot.distances().column())?;
        numbers("class", snapshot.classes().column())?;
        numbers(
            "shallow",
            snapshot.shallow.get().map_or(&[], ShallowSizes::column),
        )?;
        numbers("string-end", snapshot.strings.ends())?;
        for (at, (_, array)) in snapshot.arrays.iter().enumerate() {
            numbers(&array_section(at), array)?;
        }
        let targets = edges.all_targets().iter().map(|target| target.bits());
        writer.numbers("edge-target", targets)?;
        let places = snapshot.locations.iter();
        writer.numbers(
            "location",
            places.flat_map(|(node, at)| [node, at.script_id, at.line, at.column]),
        )?;
        writer.numbers("wide-label", edges.wide_labels().flatten())?;
        writer.bytes("detachedness", &nodes.detachedness)?;
        writer.bytes("text", snapshot.strings.text())?;
        writer.finish()
    }

    /// Opens the index of the snapshot in `file`, if it has one that fits; `raw` is whether sizes are wanted as in the
    /// file ([`ReadOptions::raw`]).
    ///
    /// # Errors
    /// Why there is nothing to be used.
    ///
    /// [`ReadOptions::raw`]: crate::ReadOptions::raw
    pub fn open(file: &Path, raw: bool) -> Result<GraphIndex, Unusable> {
        let path = GraphIndex::path(file);
        // Most snapshots have no index.
        std::fs::metadata(&path)?;
        Container::open(&path, &what(raw), &Identity::of(file)?).map(GraphIndex)
    }

    /// Bytes of memory that [`GraphIndex::read`] will take, about.
    #[must_use]
    pub fn memory(&self) -> u64 {
        self.0.length() + self.0.length() / 4
    }

    /// Reads the snapshot. Complexity: the bytes of the index, by two threads.
    ///
    /// # Errors
    /// That the index is damaged.
    pub fn read(&self, raw: bool) -> Result<Snapshot, Unusable> {
        let head: Head =
            serde_json::from_slice(&self.0.bytes("head")?).map_err(|_| Unusable::Damaged)?;
        if head.nodes == 0
            || head.nodes >= Target::NOWHERE as usize
            || head.edges >= u32::MAX as usize
            || head.root >= head.nodes
        {
            return Err(Unusable::Damaged);
        }
        let (first, second) = thread::scope(|scope| {
            let first = scope.spawn(|| self.labels_and_strings(&head));
            let second = self.graph(&head);
            // A panic is ours, too.
            (first.join().unwrap_or(Err(Unusable::Damaged)), second)
        });
        let (labels, strings) = first?;
        let (nodes, targets, derived) = second?;
        let wide = self.numbers("wide-label")?;
        let (wide, rest) = wide.as_chunks::<3>();
        let edges = EdgeColumns::from_parts(labels, targets, wide);
        let edges = edges.filter(|_| rest.is_empty()).ok_or(Unusable::Damaged)?;
        let arrays = head.arrays.iter().enumerate().map(|(at, key)| {
            let numbers = self.numbers(&array_section(at))?;
            Ok((key.clone(), numbers))
        });
        let arrays = arrays.collect::<Result<_, Unusable>>()?;
        Ok(Snapshot {
            locations: self.locations(head.nodes)?,
            nodes,
            edges,
            strings,
            arrays,
            root: head.root,
            report: head.report,
            raw,
            unknown_node_types: head.unknown_node_types,
            unknown_edge_types: head.unknown_edge_types,
            meta: head.meta,
            user_roots: OnceCell::new(),
            dom_state: OnceCell::new(),
            weak_maps: OnceCell::new(),
            shallow: OnceCell::from(derived.shallow),
            dominators: OnceCell::from(derived.dominators),
            distances: OnceCell::from(derived.distances),
            classes: OnceCell::from(Classes::from_parts(derived.class_of, head.classes)),
            retainers: OnceCell::new(),
        })
    }

    /// Half of the work: as much as the other half.
    fn labels_and_strings(&self, head: &Head) -> Result<(Vec<u32>, StringTable), Unusable> {
        let labels = self.0.numbers("edge-label", head.edges, |_| true)?;
        let text = self.0.bytes("text")?;
        let length = text.len() as u64;
        let ends = self
            .0
            .numbers("string-end", head.strings, ascending(length))?;
        let strings = StringTable::from_parts(text, ends).ok_or(Unusable::Damaged)?;
        Ok((labels, strings))
    }

    fn graph(&self, head: &Head) -> Result<(NodeColumns, Vec<Target>, Derived), Unusable> {
        let count = head.nodes;
        let any = |name: &str| self.0.numbers(name, count, |_| true);
        let below = |limit: usize| {
            move |numbers: &[u32]| {
                numbers.iter().fold(0, |most, &number| most.max(number)) < limit as u32
            }
        };
        let optional = |name: &str| match self.0.count(name)? {
            0 => Ok(Vec::new()),
            _ => any(name),
        };
        let nodes = NodeColumns {
            kind: self.0.bytes("node-type")?,
            name: any("node-name")?,
            id: any("node-id")?,
            self_size: any("node-size")?,
            first_edge: self
                .0
                .numbers("first-edge", count + 1, ascending(head.edges as u64))?,
            detachedness: self.0.bytes("detachedness")?,
            trace_node_id: optional("trace")?,
        };
        let fits = nodes.kind.len() == count
            && nodes.detachedness.len() <= count
            && nodes.first_edge[0] == 0
            && nodes.first_edge[count] as usize == head.edges;
        if !fits {
            return Err(Unusable::Damaged);
        }
        let targets = self.0.numbers("edge-target", head.edges, |targets| {
            let node = |&bits: &u32| Target::from_bits(bits).node();
            targets.iter().map(node).fold(0, usize::max) < count
        })?;
        let shallow = ShallowSizes::from_column(optional("shallow")?);
        let sizes = shallow.sizes(&nodes);
        let order = self.0.numbers("tree-order", count, below(count))?;
        let subtree = any("subtree")?;
        let dominators = Dominators::from_tree(order, subtree, sizes, head.unreachable);
        Ok((
            nodes,
            targets.into_iter().map(Target::from_bits).collect(),
            Derived {
                dominators: dominators.ok_or(Unusable::Damaged)?,
                shallow,
                distances: Distances::from_column(any("distance")?),
                class_of: self.0.numbers("class", count, below(head.classes.len()))?,
            },
        ))
    }

    fn locations(&self, nodes: usize) -> Result<Locations, Unusable> {
        let numbers = self.numbers("location")?;
        let (records, _) = numbers.as_chunks::<4>();
        let place = |&[node, script_id, line, column]: &[u32; 4]| {
            let place = Location {
                script_id,
                line,
                column,
            };
            (node as usize, place)
        };
        Ok(Locations::new(records.iter().map(place), nodes))
    }

    /// A section of any length.
    fn numbers(&self, name: &str) -> Result<Vec<u32>, Unusable> {
        self.0.numbers(name, self.0.count(name)?, |_| true)
    }
}

/// What is computed, of a snapshot that is read.
struct Derived {
    dominators: Dominators,
    shallow: ShallowSizes,
    distances: Distances,
    class_of: Vec<u32>,
}

/// Checks, part by part, that numbers never become smaller, and none is above `limit`.
fn ascending(limit: u64) -> impl FnMut(&[u32]) -> bool {
    let mut before = 0;
    move |numbers| {
        let starts = numbers.first().is_none_or(|&first| first >= before);
        before = numbers.last().copied().unwrap_or(before);
        starts && numbers.is_sorted() && u64::from(before) <= limit
    }
}

fn array_section(at: usize) -> String {
    format!("array-{at}")
}

fn what(raw: bool) -> String {
    format!("graph-{}", sizes(raw))
}
