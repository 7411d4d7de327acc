//! `NodeRef` and `EdgeRef`: a snapshot and a number, made to be passed around.

use std::borrow::Cow;
use std::fmt;

use super::{EdgeOrdinal, Location, NodeId, NodeOrdinal, Snapshot};
use crate::format::{EdgeType, NodeType};

/// A node of a snapshot.
#[derive(Clone, Copy)]
pub struct NodeRef<'a> {
    snapshot: &'a Snapshot,
    index: usize,
}

/// An edge of a snapshot.
#[derive(Clone, Copy)]
pub struct EdgeRef<'a> {
    snapshot: &'a Snapshot,
    index: usize,
}

/// What an edge is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EdgeName<'a> {
    /// An element's or a hidden edge's number.
    Index(u32),
    /// A property's, variable's or internal field's name.
    Text(Cow<'a, str>),
}

impl fmt::Display for EdgeName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            EdgeName::Index(index) => write!(f, "{index}"),
            EdgeName::Text(text) => f.write_str(text),
        }
    }
}

impl PartialEq<str> for EdgeName<'_> {
    fn eq(&self, other: &str) -> bool {
        matches!(self, EdgeName::Text(text) if text == other)
    }
}

impl PartialEq<&str> for EdgeName<'_> {
    fn eq(&self, other: &&str) -> bool {
        self == *other
    }
}

impl<'a> NodeRef<'a> {
    pub(crate) fn new(snapshot: &'a Snapshot, index: usize) -> NodeRef<'a> {
        NodeRef { snapshot, index }
    }

    /// The snapshot it belongs to.
    #[must_use]
    pub fn snapshot(self) -> &'a Snapshot {
        self.snapshot
    }

    /// Its position in the file.
    #[must_use]
    pub fn ordinal(self) -> NodeOrdinal {
        NodeOrdinal(self.index as u32)
    }

    /// Its identity.
    #[must_use]
    pub fn id(self) -> NodeId {
        NodeId(self.snapshot.nodes.id[self.index])
    }

    /// What it is; `None` for a type this crate does not know.
    #[must_use]
    pub fn kind(self) -> Option<NodeType> {
        NodeType::ALL
            .get(usize::from(self.snapshot.nodes.kind[self.index]))
            .copied()
    }

    /// Whether it is of this type.
    #[must_use]
    pub fn is(self, kind: NodeType) -> bool {
        self.snapshot.nodes.is(self.index, kind)
    }

    /// The name of its type, as the file has it.
    #[must_use]
    pub fn type_name(self) -> &'a str {
        self.snapshot
            .node_type_name(self.snapshot.nodes.kind[self.index])
    }

    /// Its name: a class, a function, the text of a string. A detached DOM node's begins with `Detached `.
    #[must_use]
    pub fn name(self) -> Cow<'a, str> {
        self.snapshot.raw_name(self.index)
    }

    /// The index of its name in the string table.
    #[must_use]
    pub fn name_index(self) -> u32 {
        self.snapshot.nodes.name[self.index]
    }

    /// Its class, as DevTools names it.
    #[must_use]
    pub fn class_name(self) -> Cow<'a, str> {
        let classes = self.snapshot.classes();
        classes.name(self.snapshot, classes.class_of(self.ordinal()))
    }

    /// Bytes of the object itself, with DevTools' correction.
    #[must_use]
    pub fn self_size(self) -> u64 {
        u64::from(self.snapshot.shallow_sizes()[self.index])
    }

    /// Bytes of the object itself as the file has them.
    #[must_use]
    pub fn raw_self_size(self) -> u64 {
        u64::from(self.snapshot.nodes.self_size[self.index])
    }

    /// Bytes that would go with it.
    #[must_use]
    pub fn retained_size(self) -> u64 {
        self.snapshot.dominators().retained_size(self.ordinal())
    }

    /// Its immediate dominator; the root's is the root.
    #[must_use]
    pub fn dominator(self) -> NodeRef<'a> {
        let dominator = self.snapshot.dominators().dominator(self.ordinal());
        NodeRef::new(self.snapshot, dominator.index())
    }

    /// Edges from the roots, or `None` if DevTools shows "−".
    #[must_use]
    pub fn distance(self) -> Option<u32> {
        self.snapshot.distances().shown(self.ordinal())
    }

    /// Where its class or function stands in the source, if the file says so.
    #[must_use]
    pub fn location(self) -> Option<Location> {
        self.snapshot.locations.get(self.index)
    }

    /// Number of edges leaving it.
    #[must_use]
    pub fn edge_count(self) -> usize {
        self.snapshot.nodes.edges_of(self.index).len()
    }

    /// The edges leaving it.
    pub fn edges(self) -> impl ExactSizeIterator<Item = EdgeRef<'a>> + DoubleEndedIterator {
        let snapshot = self.snapshot;
        snapshot
            .nodes
            .edges_of(self.index)
            .map(move |index| EdgeRef { snapshot, index })
    }

    /// The edges pointing at it.
    pub fn retainers(self) -> impl ExactSizeIterator<Item = EdgeRef<'a>> {
        let snapshot = self.snapshot;
        let edges = snapshot.retainers().edges_to(self.index);
        edges.iter().map(move |&index| EdgeRef {
            snapshot,
            index: index as usize,
        })
    }

    /// The target of the first edge of this type and name.
    #[must_use]
    pub fn child(self, kind: EdgeType, name: &str) -> Option<NodeRef<'a>> {
        self.edges()
            .find(|edge| edge.is(kind) && edge.name() == name)
            .map(EdgeRef::to)
    }
}

impl fmt::Debug for NodeRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} @{}", self.name(), self.id().0)
    }
}

impl<'a> EdgeRef<'a> {
    pub(crate) fn new(snapshot: &'a Snapshot, index: usize) -> EdgeRef<'a> {
        EdgeRef { snapshot, index }
    }

    /// Its position among the edges.
    #[must_use]
    pub fn ordinal(self) -> EdgeOrdinal {
        EdgeOrdinal(self.index as u32)
    }

    /// What it is; `None` for a type this crate does not know.
    #[must_use]
    pub fn kind(self) -> Option<EdgeType> {
        EdgeType::ALL
            .get(usize::from(self.snapshot.edges.kind(self.index)))
            .copied()
    }

    /// Whether it is of this type.
    #[must_use]
    pub fn is(self, kind: EdgeType) -> bool {
        self.snapshot.edges.is(self.index, kind)
    }

    /// The name of its type, as the file has it.
    #[must_use]
    pub fn type_name(self) -> &'a str {
        self.snapshot
            .edge_type_name(self.snapshot.edges.kind(self.index))
    }

    /// The number in the file: a string index or a plain number.
    #[must_use]
    pub fn name_or_index(self) -> u32 {
        self.snapshot.edges.label(self.index).1
    }

    /// Its name.
    #[must_use]
    pub fn name(self) -> EdgeName<'a> {
        let number = self.name_or_index();
        if self.kind().is_some_and(EdgeType::is_numbered) {
            EdgeName::Index(number)
        } else {
            EdgeName::Text(self.snapshot.strings.get(number))
        }
    }

    /// The node it points at.
    #[must_use]
    pub fn to(self) -> NodeRef<'a> {
        NodeRef::new(self.snapshot, self.snapshot.edges.to(self.index))
    }

    /// The node it leaves. Complexity: a binary search.
    #[must_use]
    pub fn from(self) -> NodeRef<'a> {
        let first_edge = &self.snapshot.nodes.first_edge;
        let after = first_edge.partition_point(|&first| first as usize <= self.index);
        NodeRef::new(self.snapshot, after - 1)
    }
}

impl fmt::Debug for EdgeRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:?} --{} {}--> {:?}",
            self.from(),
            self.type_name(),
            self.name(),
            self.to()
        )
    }
}
