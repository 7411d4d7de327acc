//! Nodes and edges as columns: 17 bytes a node, 8 bytes an edge.

use hashbrown::HashMap;

use crate::format::{EdgeType, NodeType};
use crate::memory;
use crate::weak_maps::WeakMapEdges;

/// The dense number of a node: its position in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
pub struct NodeOrdinal(pub u32);

/// The dense number of an edge: its position among the edges kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
pub struct EdgeOrdinal(pub u32);

/// The identity of an object, the same in every snapshot of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
pub struct NodeId(pub u32);

impl NodeOrdinal {
    /// As an index into a column.
    #[must_use]
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

impl EdgeOrdinal {
    /// As an index into a column.
    #[must_use]
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// Type codes above the known types stand for names this crate does not know.
pub(crate) const FIRST_UNKNOWN_NODE_TYPE: u8 = NodeType::ALL.len() as u8;
pub(crate) const FIRST_UNKNOWN_EDGE_TYPE: u8 = EdgeType::ALL.len() as u8;

/// The nodes.
#[derive(Debug, Default)]
pub(crate) struct NodeColumns {
    /// A [`NodeType`], or [`FIRST_UNKNOWN_NODE_TYPE`] and up.
    pub(crate) kind: Vec<u8>,
    /// Index into the strings.
    pub(crate) name: Vec<u32>,
    pub(crate) id: Vec<u32>,
    /// Bytes, modulo 2^32.
    pub(crate) self_size: Vec<u32>,
    /// The first edge of each node, and the end of the last one's.
    pub(crate) first_edge: Vec<u32>,
    /// As in the file; empty if no node says anything.
    pub(crate) detachedness: Vec<u8>,
    /// As in the file; empty if no node says anything.
    pub(crate) trace_node_id: Vec<u32>,
}

impl NodeColumns {
    pub(crate) fn len(&self) -> usize {
        self.kind.len()
    }

    pub(crate) fn edges_of(&self, node: usize) -> std::ops::Range<usize> {
        self.first_edge[node] as usize..self.first_edge[node + 1] as usize
    }

    pub(crate) fn is(&self, node: usize, kind: NodeType) -> bool {
        self.kind[node] == kind as u8
    }
}

/// Bits of a label that hold the name; the type is above them.
const NAME_BITS: u32 = 29;
const NAME_MASK: u32 = (1 << NAME_BITS) - 1;
/// Type bits of a label whose type or name does not fit: both are in the side table.
const WIDE: u8 = 7;

/// Labels that are looked through together for WeakMap entries.
const LABELS_AT_ONCE: usize = 64;

/// How an edge counts for the walks over the graph: its type and name as far as they matter there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Passage {
    /// It keeps its target alive.
    Strong = 0,
    /// It does not.
    Weak = 1,
    /// A second name for something: it keeps its target only from the root.
    Shortcut = 2,
    /// The key's half of a WeakMap's entry: it keeps the value.
    EntryOfKey = 3,
    /// The table's half of a WeakMap's entry: it does not keep the value, the key's does.
    EntryOfTable = 4,
}

impl Passage {
    /// What the type's code alone says.
    pub(crate) fn of_kind(kind: u8) -> Passage {
        match kind {
            _ if kind == EdgeType::Weak as u8 => Passage::Weak,
            _ if kind == EdgeType::Shortcut as u8 => Passage::Shortcut,
            _ => Passage::Strong,
        }
    }

    /// The top bits of a target.
    pub(crate) fn bits(self) -> u32 {
        (self as u32) << TARGET_BITS
    }
}

/// Bits of a target that hold the ordinal.
const TARGET_BITS: u32 = 29;
const TARGET_MASK: u32 = (1 << TARGET_BITS) - 1;

/// Where an edge leads, and how: side by side, so that a walk needs nothing else of most edges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Target(u32);

impl Target {
    /// Ordinal that no node of a file has: the target of an edge that points at no node.
    pub(crate) const NOWHERE: u32 = TARGET_MASK;

    /// From an ordinal of at most [`Target::NOWHERE`], and the bits of a passage.
    #[inline(always)]
    pub(crate) fn new(node: u32, passage_bits: u32) -> Target {
        Target(node | passage_bits)
    }

    /// From what [`Target::bits`] gave.
    #[inline(always)]
    pub(crate) fn from_bits(bits: u32) -> Target {
        Target(bits)
    }

    /// Node and passage in one number.
    #[inline(always)]
    pub(crate) fn bits(self) -> u32 {
        self.0
    }

    /// Ordinal of the node.
    #[inline(always)]
    pub(crate) fn node(self) -> usize {
        (self.0 & TARGET_MASK) as usize
    }

    /// What is on the way.
    #[inline(always)]
    pub(crate) fn passage(self) -> Passage {
        match self.0 >> TARGET_BITS {
            0 => Passage::Strong,
            1 => Passage::Weak,
            2 => Passage::Shortcut,
            3 => Passage::EntryOfKey,
            _ => Passage::EntryOfTable,
        }
    }

    #[inline(always)]
    pub(crate) fn is_weak(self) -> bool {
        self.passage() == Passage::Weak
    }
}

/// The edges, grouped by the node they leave.
#[derive(Debug, Default)]
pub(crate) struct EdgeColumns {
    /// Type (3 bits) and name (29 bits).
    label: Vec<u32>,
    target: Vec<Target>,
    /// Types and names that do not fit a label: unknown types, sparse indexes above 2^29.
    wide: HashMap<u32, (u8, u32)>,
}

impl EdgeColumns {
    /// From as many labels as targets, and what [`EdgeColumns::wide_labels`] gave.
    pub(crate) fn from_parts(
        label: Vec<u32>,
        target: Vec<Target>,
        wide: &[[u32; 3]],
    ) -> Option<EdgeColumns> {
        let wide = wide
            .iter()
            .map(|&[edge, kind, name]| (edge, (kind as u8, name)));
        let fits = label.len() == target.len();
        fits.then(|| EdgeColumns {
            label,
            target,
            wide: wide.collect(),
        })
    }

    /// Types and names of all edges in one number each, as far as they fit.
    pub(crate) fn labels(&self) -> &[u32] {
        &self.label
    }

    /// Edge, type and name where they do not, in no order.
    pub(crate) fn wide_labels(&self) -> impl Iterator<Item = [u32; 3]> {
        let wide = self.wide.iter();
        wide.map(|(&edge, &(kind, name))| [edge, u32::from(kind), name])
    }

    pub(crate) fn len(&self) -> usize {
        self.target.len()
    }

    /// Makes room, before the first edge.
    pub(crate) fn reserve(&mut self, edges: usize) {
        self.label = memory::with_capacity(edges);
        self.target = memory::with_capacity(edges);
    }

    /// How many of a label's bits hold the name.
    pub(crate) const NAME_BITS: u32 = NAME_BITS;
    /// Bits of a label that hold the name.
    pub(crate) const NAME_MASK: u32 = NAME_MASK;
    /// The label of an edge whose type or name does not fit: see [`EdgeColumns::widen`].
    pub(crate) const WIDE_LABEL: u32 = (WIDE as u32) << NAME_BITS;

    /// The type's part of a label.
    pub(crate) fn label_bits(kind: u8) -> u32 {
        u32::from(kind.min(WIDE)) << NAME_BITS
    }

    /// Appends edges: labels, and as many targets.
    #[inline(always)]
    pub(crate) fn extend(
        &mut self,
        labels: impl Iterator<Item = u32>,
        targets: impl Iterator<Item = Target>,
    ) {
        self.label.extend(labels);
        self.target.extend(targets);
    }

    /// Says the whole type and name of an edge, in case its label has no room for them or a table did not know its type.
    #[cold]
    pub(crate) fn widen(&mut self, edge: usize, kind: u8, name: u32) {
        if kind < WIDE && name <= NAME_MASK {
            self.label[edge] = EdgeColumns::label_bits(kind) | name;
        } else {
            self.label[edge] = EdgeColumns::WIDE_LABEL;
            self.wide.insert(edge as u32, (kind, name));
        }
        let target = &mut self.target[edge];
        *target = Target::new(target.0 & TARGET_MASK, Passage::of_kind(kind).bits());
    }

    /// Marks the halves of WeakMaps' entries, once the strings are known.
    pub(crate) fn mark_entries(&mut self, nodes: &NodeColumns, weak_maps: &WeakMapEdges) {
        let Some(names) = weak_maps.range() else {
            return;
        };
        let internal = (EdgeType::Internal as u32) << NAME_BITS;
        let labels = (internal | names.start)..=(internal | (names.end - 1));
        let mut from = 0;
        for (block, run) in self.label.chunks(LABELS_AT_ONCE).enumerate() {
            // Without a branch per label: most blocks hold none.
            let any = run
                .iter()
                .fold(false, |any, label| any | labels.contains(label));
            if !any {
                continue;
            }
            for (edge, label) in (block * LABELS_AT_ONCE..).zip(run) {
                if !labels.contains(label) {
                    continue;
                }
                let Some(entry) = weak_maps.entry(label & NAME_MASK) else {
                    continue;
                };
                // The node that the edge leaves: edges and nodes are in the same order.
                while nodes.first_edge[from + 1] as usize <= edge {
                    from += 1;
                }
                let half = if entry.table == u64::from(nodes.id[from]) {
                    Passage::EntryOfTable
                } else {
                    Passage::EntryOfKey
                };
                let target = &mut self.target[edge];
                *target = Target::new(target.0 & TARGET_MASK, half.bits());
            }
        }
    }

    /// Gives the labels' room back: for walks that only follow the targets.
    pub(crate) fn forget_labels(&mut self) {
        memory::recycle(std::mem::take(&mut self.label));
        self.wide = HashMap::new();
    }

    /// The targets' room, without them.
    pub(crate) fn take_room(&mut self) -> Vec<u32> {
        let mut targets = std::mem::take(&mut self.target);
        targets.clear();
        // Of nothing: the new column has the room of the old one.
        targets.into_iter().map(Target::bits).collect()
    }

    /// Where an edge leads.
    #[inline(always)]
    pub(crate) fn target(&self, edge: usize) -> Target {
        self.target[edge]
    }

    /// Ordinal of the node an edge leads to.
    #[inline(always)]
    pub(crate) fn to(&self, edge: usize) -> usize {
        self.target[edge].node()
    }

    /// Where some edges lead.
    #[inline(always)]
    pub(crate) fn targets(&self, edges: std::ops::Range<usize>) -> &[Target] {
        &self.target[edges]
    }

    /// Where all edges lead.
    pub(crate) fn all_targets(&self) -> &[Target] {
        &self.target
    }

    /// Fetches an edge's target.
    #[inline(always)]
    pub(crate) fn prefetch(&self, edge: usize) {
        memory::prefetch(&self.target, edge);
    }

    /// The type's code and the name or index.
    #[inline(always)]
    pub(crate) fn label(&self, edge: usize) -> (u8, u32) {
        let label = self.label[edge];
        let kind = (label >> NAME_BITS) as u8;
        if kind == WIDE {
            self.wide_label(edge)
        } else {
            (kind, label & NAME_MASK)
        }
    }

    #[cold]
    fn wide_label(&self, edge: usize) -> (u8, u32) {
        self.wide
            .get(&(edge as u32))
            .copied()
            .unwrap_or((FIRST_UNKNOWN_EDGE_TYPE, 0))
    }

    /// The type's code: a known type's, or something of [`FIRST_UNKNOWN_EDGE_TYPE`] and up.
    #[inline(always)]
    pub(crate) fn kind(&self, edge: usize) -> u8 {
        self.label(edge).0
    }

    /// Whether `edge` is of this type.
    #[inline(always)]
    pub(crate) fn is(&self, edge: usize, kind: EdgeType) -> bool {
        self.kind(edge) == kind as u8
    }

    /// Keeps the edges that lead to one of the first `nodes` nodes, in order.
    pub(crate) fn retain_targets_below(&mut self, nodes: usize) {
        let mut kept = 0;
        let wide = std::mem::take(&mut self.wide);
        for edge in 0..self.len() {
            if self.to(edge) < nodes {
                if let Some(&label) = wide.get(&(edge as u32)) {
                    self.wide.insert(kept as u32, label);
                }
                self.label[kept] = self.label[edge];
                self.target[kept] = self.target[edge];
                kept += 1;
            }
        }
        self.truncate(kept);
    }

    pub(crate) fn truncate(&mut self, edges: usize) {
        self.label.truncate(edges);
        self.target.truncate(edges);
    }
}
