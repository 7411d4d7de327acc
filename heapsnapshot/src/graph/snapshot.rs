//! A snapshot in memory, and what is known about how it was read.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::ops::Range;
use std::path::Path;

use super::columns::{FIRST_UNKNOWN_EDGE_TYPE, FIRST_UNKNOWN_NODE_TYPE};
use super::{
    EdgeColumns, EdgeOrdinal, EdgeRef, NodeColumns, NodeId, NodeOrdinal, NodeRef, Retainers,
};
use crate::bits::BitSet;
use crate::classes::Classes;
use crate::distances::Distances;
use crate::dom_state::DomState;
use crate::dominators::Dominators;
use crate::format::{EdgeType, NodeType};
use crate::memory;
use crate::reader::{Damage, Input, Meta, Position, ReadError, ReadOptions, load};
use crate::roots::UserRoots;
use crate::shallow::ShallowSizes;
use crate::strings::StringTable;
use crate::weak_maps::WeakMapEdges;

/// Where a class or function stands in its source.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
pub struct Location {
    /// V8's number of the script.
    pub script_id: u32,
    /// Line, from 0.
    pub line: u32,
    /// Column, from 0.
    pub column: u32,
}

/// The locations, by node.
#[derive(Debug, Default)]
pub(crate) struct Locations {
    /// The nodes that have one.
    located: BitSet,
    /// Of `located`.
    ranks: Vec<u32>,
    /// Of these nodes, in node order.
    places: Vec<Location>,
}

impl Locations {
    /// Those of the first `nodes` nodes; of several for one node the last one counts. V8 writes them in no order: their
    /// ranks are counted, not sorted. Complexity: two passes over the places.
    pub(crate) fn new(
        places: impl Iterator<Item = (usize, Location)> + Clone,
        nodes: usize,
    ) -> Locations {
        let mut located = BitSet::new(nodes);
        let mut count = 0;
        for (node, _) in places.clone() {
            count += usize::from(located.insert(node));
        }
        let ranks = located.ranks();
        let nowhere = Location {
            script_id: 0,
            line: 0,
            column: 0,
        };
        let mut of_node = memory::filled(count, nowhere);
        for (node, place) in places {
            if located.contains(node) {
                of_node[located.rank(node, &ranks)] = place;
            }
        }
        Locations {
            located,
            ranks,
            places: of_node,
        }
    }

    /// A node's location.
    #[inline(always)]
    pub(crate) fn get(&self, node: usize) -> Option<Location> {
        if !self.located.contains(node) {
            return None;
        }
        Some(self.places[self.located.rank(node, &self.ranks)])
    }

    /// All of them in node order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, Location)> {
        let nodes = self.located.iter().map(|node| node as u32);
        nodes.zip(self.places.iter().copied())
    }
}

/// One top-level section of the file.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Section {
    /// Its key.
    pub name: String,
    /// Bytes of its value in the uncompressed text.
    pub bytes: Range<u64>,
}

/// Something in the file that is not as it should be, though it could be read.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Oddity {
    /// A short name of the rule, for scripts.
    pub code: Cow<'static, str>,
    /// One sentence.
    pub message: String,
    /// Where, if it is damage: if something is missing or wrong because of it.
    #[serde(default)]
    pub damaged: Option<Position>,
}

/// How the reading went.
#[derive(Clone, Debug, Default, serde::Serialize, serde::Deserialize)]
pub struct ReadReport {
    /// Sections in file order.
    pub sections: Vec<Section>,
    /// Set if the file is cut short or damaged: what came before was read, or what could be made of the numbers.
    pub damage: Option<Damage>,
    /// Things DevTools would not notice: wrong counts, odd numbers, edges to nowhere; all of them, whether they are
    /// damage or not.
    pub oddities: Vec<Oddity>,
    /// Bytes of uncompressed text read.
    pub bytes: u64,
}

/// A heap snapshot: nodes, edges, strings, and everything DevTools derives from them.
///
/// Derived numbers are computed when first asked for and kept. A snapshot belongs to one thread.
#[derive(Debug)]
pub struct Snapshot {
    pub(crate) meta: Meta,
    pub(crate) nodes: NodeColumns,
    pub(crate) edges: EdgeColumns,
    pub(crate) strings: StringTable,
    pub(crate) locations: Locations,
    /// The other number arrays by name: `samples`, `scopes` and so on.
    pub(crate) arrays: Vec<(String, Vec<u32>)>,
    pub(crate) root: usize,
    pub(crate) report: ReadReport,
    pub(crate) raw: bool,
    pub(crate) unknown_node_types: Vec<String>,
    pub(crate) unknown_edge_types: Vec<String>,
    pub(crate) user_roots: OnceCell<UserRoots>,
    pub(crate) dom_state: OnceCell<DomState>,
    pub(crate) weak_maps: OnceCell<WeakMapEdges>,
    pub(crate) shallow: OnceCell<ShallowSizes>,
    pub(crate) dominators: OnceCell<Dominators>,
    pub(crate) distances: OnceCell<Distances>,
    pub(crate) classes: OnceCell<Classes>,
    pub(crate) retainers: OnceCell<Retainers>,
}

impl ReadReport {
    pub(crate) fn note(&mut self, code: &'static str, message: String) {
        self.oddities.push(Oddity {
            code: Cow::Borrowed(code),
            message,
            damaged: None,
        });
    }

    /// Notes what makes the file damaged, if it is not already.
    pub(crate) fn fault(
        &mut self,
        code: &'static str,
        section: &str,
        position: Position,
        message: String,
    ) {
        self.damage.get_or_insert_with(|| Damage {
            section: section.to_owned(),
            position,
            reason: message.clone(),
            cut: false,
        });
        self.oddities.push(Oddity {
            code: Cow::Borrowed(code),
            message,
            damaged: Some(position),
        });
    }

    /// Reading ended early: what is missing cannot be judged.
    pub(crate) fn is_cut(&self) -> bool {
        self.damage.as_ref().is_some_and(|damage| damage.cut)
    }
}

impl Snapshot {
    /// Reads a file, compressed or not. A damaged file gives what can be read: see
    /// [`Snapshot::report`].
    ///
    /// # Errors
    /// If the file cannot be read or is no snapshot.
    pub fn open(path: impl AsRef<Path>) -> Result<Snapshot, ReadError> {
        load(Input::open(path.as_ref())?, &ReadOptions::default())
    }

    /// Reads with options, from any input.
    ///
    /// # Errors
    /// If the input cannot be read or is no snapshot; with [`ReadOptions::strict`] also if it is damaged.
    pub fn read(input: Input, options: &ReadOptions) -> Result<Snapshot, ReadError> {
        load(input, options)
    }

    /// Reads text in memory.
    ///
    /// # Errors
    /// If it is no snapshot.
    pub fn parse(text: impl Into<Vec<u8>>) -> Result<Snapshot, ReadError> {
        let text = std::io::Cursor::new(text.into());
        load(
            Input::from_reader("text in memory", text)?,
            &ReadOptions::default(),
        )
    }

    /// The file's own description of itself.
    #[must_use]
    pub fn meta(&self) -> &Meta {
        &self.meta
    }

    /// How the reading went.
    #[must_use]
    pub fn report(&self) -> &ReadReport {
        &self.report
    }

    /// All strings.
    #[must_use]
    pub fn strings(&self) -> &StringTable {
        &self.strings
    }

    /// A number array of the file that is neither nodes nor edges nor locations, such as `samples`.
    #[must_use]
    pub fn array(&self, name: &str) -> Option<&[u32]> {
        let found = self.arrays.iter().find(|(key, _)| key == name);
        found.map(|(_, numbers)| numbers.as_slice())
    }

    /// Number of nodes.
    #[must_use]
    pub fn node_count(&self) -> usize {
        self.nodes.len()
    }

    /// Number of edges.
    #[must_use]
    pub fn edge_count(&self) -> usize {
        self.edges.len()
    }

    /// All nodes in file order.
    pub fn nodes(&self) -> impl ExactSizeIterator<Item = NodeRef<'_>> + DoubleEndedIterator {
        (0..self.nodes.len()).map(|index| self.at(index))
    }

    /// The root.
    #[must_use]
    pub fn root(&self) -> NodeRef<'_> {
        self.at(self.root)
    }

    /// The node with this ordinal.
    #[must_use]
    pub fn node(&self, ordinal: NodeOrdinal) -> Option<NodeRef<'_>> {
        (ordinal.index() < self.nodes.len()).then(|| self.at(ordinal.index()))
    }

    /// The first node with this id. Complexity: one pass over the ids.
    #[must_use]
    pub fn node_by_id(&self, id: NodeId) -> Option<NodeRef<'_>> {
        let index = self.nodes.id.iter().position(|&other| other == id.0)?;
        Some(self.at(index))
    }

    /// The edge with this ordinal.
    #[must_use]
    pub fn edge(&self, edge: EdgeOrdinal) -> Option<EdgeRef<'_>> {
        (edge.index() < self.edges.len()).then(|| EdgeRef::new(self, edge.index()))
    }

    pub(crate) fn at(&self, index: usize) -> NodeRef<'_> {
        NodeRef::new(self, index)
    }

    /// Edges pointing at each node. Computed on the first call: two passes over the edges.
    pub fn retainers(&self) -> &Retainers {
        self.retainers
            .get_or_init(|| Retainers::build(&self.nodes, &self.edges))
    }

    /// Dominators and retained sizes, as DevTools has them.
    pub fn dominators(&self) -> &Dominators {
        self.dominators.get_or_init(|| Dominators::compute(self))
    }

    /// Distances from the roots, as DevTools has them.
    pub fn distances(&self) -> &Distances {
        self.distances.get_or_init(|| Distances::compute(self))
    }

    /// Classes, as DevTools names them.
    pub fn classes(&self) -> &Classes {
        self.classes.get_or_init(|| Classes::compute(self))
    }

    /// Which nodes hang on a document, and which names that changes.
    pub fn dom_state(&self) -> &DomState {
        self.dom_state.get_or_init(|| DomState::compute(self))
    }

    /// Self sizes with DevTools' correction (or as in the file, with [`ReadOptions::raw`]).
    pub fn shallow_sizes(&self) -> &[u32] {
        self.shallow
            .get_or_init(|| ShallowSizes::compute(self))
            .sizes(&self.nodes)
    }

    /// Forgets what the dominators do not need, so that its room is there for them: only for who owns the snapshot and
    /// asks for nothing else afterwards.
    pub(crate) fn keep_only_graph(&mut self) {
        self.shallow_sizes();
        self.user_roots();
        self.edges.forget_labels();
        self.strings = StringTable::default();
        self.locations = Locations::default();
        self.arrays = Vec::new();
        self.weak_maps = OnceCell::new();
        self.dom_state = OnceCell::from(DomState::default());
        memory::recycle(std::mem::take(&mut self.nodes.name));
        if let Some(distances) = self.distances.take() {
            memory::recycle(distances.into_column());
        }
        if let Some(classes) = self.classes.take() {
            memory::recycle(classes.into_column());
        }
    }

    /// Forgets where edges begin and lead to.
    pub(crate) fn forget_edges(&mut self) {
        memory::recycle(self.edges.take_room());
        memory::recycle(std::mem::take(&mut self.nodes.first_edge));
    }

    /// Forgets columns of nodes that no derived number needs.
    pub(crate) fn forget_ids(&mut self) {
        self.dom_state();
        memory::recycle(std::mem::take(&mut self.nodes.id));
        self.nodes.trace_node_id = Vec::new();
        self.nodes.detachedness = Vec::new();
    }

    /// Forgets the self sizes of the file if others are in force.
    pub(crate) fn forget_uncorrected_sizes(&mut self) {
        self.shallow_sizes();
        if self.shallow.get().is_some_and(ShallowSizes::are_corrected) {
            memory::recycle(std::mem::take(&mut self.nodes.self_size));
        }
    }

    pub(crate) fn user_roots(&self) -> &UserRoots {
        self.user_roots.get_or_init(|| UserRoots::find(self))
    }

    pub(crate) fn weak_maps(&self) -> &WeakMapEdges {
        self.weak_maps
            .get_or_init(|| WeakMapEdges::find(&self.strings))
    }

    /// Name of a node type by its code.
    pub(crate) fn node_type_name(&self, code: u8) -> &str {
        match NodeType::ALL.get(usize::from(code)) {
            Some(known) => known.name(),
            None => name_at(&self.unknown_node_types, code - FIRST_UNKNOWN_NODE_TYPE),
        }
    }

    /// Name of an edge type by its code.
    pub(crate) fn edge_type_name(&self, code: u8) -> &str {
        match EdgeType::ALL.get(usize::from(code)) {
            Some(known) => known.name(),
            None => name_at(&self.unknown_edge_types, code - FIRST_UNKNOWN_EDGE_TYPE),
        }
    }

    /// A node's name as the file has it, or with DevTools' `Detached ` before it.
    pub(crate) fn raw_name(&self, index: usize) -> Cow<'_, str> {
        let name = self.strings.get(self.nodes.name[index]);
        if self.dom_state().is_renamed(index) {
            return Cow::Owned(format!("Detached {name}"));
        }
        name
    }
}

impl Drop for Snapshot {
    fn drop(&mut self) {
        // The next snapshot has another size.
        memory::release();
    }
}

fn name_at(names: &[String], code: u8) -> &str {
    names
        .get(usize::from(code))
        .map_or("undefined", String::as_str)
}
