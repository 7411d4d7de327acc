//! Where a source hands its nodes, edges and texts: one sink per section of the file.

use super::digits;
use super::escape;
use super::label::{EdgeLabel, NodeLabel};
use super::names::NameTable;
use super::output::{Output, RECORD, Stopped};
use crate::format::{NODE_FIELDS, NodeType, WRITTEN_NODE_TYPES};
use crate::source::GraphSource;

/// Edges collected before their targets' ordinals are looked up together, so that the cache misses overlap.
const BATCH: usize = 64;

/// A hash over the sequence of all nodes' edge counts: equal in both passes, or the edges would shift from one node to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct EdgeCountHash(u64);

impl EdgeCountHash {
    #[inline(always)]
    fn add(&mut self, edge_count: u32) {
        self.0 = (self.0 ^ u64::from(edge_count))
            .wrapping_mul(0x9e37_79b9_7f4a_7c15)
            .rotate_left(23);
    }

    pub(super) fn value(self) -> u64 {
        self.0
    }
}

/// Takes the nodes, the root first.
pub struct NodeSink<'s, 'w> {
    output: &'s mut Output<'w>,
    names: &'s NameTable<'s>,
    /// Whether text nodes have texts of their own; if not, all bear the empty name.
    with_texts: bool,
    text_index: u32,
    pub(super) nodes: u64,
    pub(super) edges: u64,
    pub(super) texts: u64,
    pub(super) edge_counts: EdgeCountHash,
    pub(super) starts_with_root: bool,
    root: NodeLabel,
}

impl<'s, 'w> NodeSink<'s, 'w> {
    pub(super) fn new(
        output: &'s mut Output<'w>,
        names: &'s NameTable<'s>,
        with_texts: bool,
    ) -> Self {
        NodeSink {
            output,
            names,
            with_texts,
            text_index: names.texts().len() as u32,
            nodes: 0,
            edges: 0,
            texts: 0,
            edge_counts: EdgeCountHash::default(),
            starts_with_root: false,
            root: NodeLabel::new(NodeType::Synthetic, super::names::Name::EMPTY),
        }
    }

    /// The names that were interned while counting.
    #[must_use]
    pub fn names(&self) -> &NameTable<'s> {
        self.names
    }

    /// A node whose type and name are in its label; `self_size` in bytes.
    ///
    /// # Errors
    ///
    /// [`Stopped`] if the output failed.
    #[inline]
    pub fn node(
        &mut self,
        label: NodeLabel,
        id: u32,
        self_size: u32,
        edge_count: u32,
    ) -> Result<(), Stopped> {
        if self.nodes == 0 {
            self.starts_with_root = label == self.root && id == 1 && self_size == 0;
        }
        self.tally(edge_count);
        self.output.record(|room| {
            let at = label.put(room);
            finish_node(room, at, id, self_size, edge_count)
        })
    }

    /// A node (a string, a number) whose name is its own text, which [`GraphSource::texts`] will hand over.
    ///
    /// # Errors
    ///
    /// [`Stopped`] if the output failed.
    #[inline]
    pub fn text_node(
        &mut self,
        kind: NodeType,
        id: u32,
        self_size: u32,
        edge_count: u32,
    ) -> Result<(), Stopped> {
        debug_assert!((kind as usize) < WRITTEN_NODE_TYPES);
        self.tally(edge_count);
        self.texts += 1;
        let name = if self.with_texts {
            let index = self.text_index;
            self.text_index = index.wrapping_add(1);
            index
        } else {
            super::names::Name::EMPTY.index()
        };
        self.output.record(|room| {
            let at = digits::put(room, 0, kind as u32);
            room[at] = b',';
            let at = digits::put(room, at + 1, name);
            room[at] = b',';
            finish_node(room, at + 1, id, self_size, edge_count)
        })
    }

    #[inline(always)]
    fn tally(&mut self, edge_count: u32) {
        self.nodes += 1;
        self.edges += u64::from(edge_count);
        self.edge_counts.add(edge_count);
    }
}

/// The part of a node's line behind its name: id, self size, edge count, detachedness (always 0: unknown).
#[inline(always)]
fn finish_node(
    room: &mut [u8; RECORD],
    at: usize,
    id: u32,
    self_size: u32,
    edge_count: u32,
) -> usize {
    let at = digits::put(room, at, id);
    room[at] = b',';
    let at = digits::put(room, at + 1, self_size);
    room[at] = b',';
    let at = digits::put(room, at + 1, edge_count);
    room[at..at + 4].copy_from_slice(b",0,\n");
    at + 4
}

impl std::fmt::Debug for NodeSink<'_, '_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NodeSink")
            .field("nodes", &self.nodes)
            .field("edges", &self.edges)
            .finish_non_exhaustive()
    }
}

/// Takes the edges of each node, in node order.
pub struct EdgeSink<'s, 'w, S: GraphSource> {
    output: &'s mut Output<'w>,
    names: &'s NameTable<'s>,
    source: &'s S,
    labels: [EdgeLabel; BATCH],
    targets: [S::Target; BATCH],
    pending: usize,
    edges_before_node: u64,
    pub(super) nodes: u64,
    pub(super) edges: u64,
    pub(super) edge_counts: EdgeCountHash,
    pub(super) largest_target: u32,
}

impl<'s, 'w, S: GraphSource> EdgeSink<'s, 'w, S> {
    pub(super) fn new(output: &'s mut Output<'w>, names: &'s NameTable<'s>, source: &'s S) -> Self {
        EdgeSink {
            output,
            names,
            source,
            labels: [EdgeLabel::UNUSED; BATCH],
            targets: [S::Target::default(); BATCH],
            pending: 0,
            edges_before_node: 0,
            nodes: 0,
            edges: 0,
            edge_counts: EdgeCountHash::default(),
            largest_target: 0,
        }
    }

    /// The names that were interned while counting.
    #[must_use]
    pub fn names(&self) -> &NameTable<'s> {
        self.names
    }

    /// An edge of the present node.
    ///
    /// # Errors
    ///
    /// [`Stopped`] if the output failed.
    #[inline]
    pub fn edge(&mut self, label: EdgeLabel, target: S::Target) -> Result<(), Stopped> {
        // `pending` is below `BATCH` here; the mask tells the compiler.
        let at = self.pending % BATCH;
        self.labels[at] = label;
        self.targets[at] = target;
        self.pending = at + 1;
        self.edges += 1;
        if self.pending == BATCH {
            self.drain()?;
        }
        Ok(())
    }

    /// Ends the present node; the next edges are the next node's.
    ///
    /// # Errors
    ///
    /// None today; the result is there so that every call of a sink reads the same.
    #[inline]
    pub fn end_node(&mut self) -> Result<(), Stopped> {
        self.edge_counts
            .add((self.edges - self.edges_before_node) as u32);
        self.edges_before_node = self.edges;
        self.nodes += 1;
        Ok(())
    }

    /// Writes what is pending.
    #[inline(never)]
    pub(super) fn drain(&mut self) -> Result<(), Stopped> {
        let pending = std::mem::take(&mut self.pending).min(BATCH);
        let mut ordinals = [0; BATCH];
        self.source
            .ordinals(&self.targets[..pending], &mut ordinals[..pending]);
        let mut largest = self.largest_target;
        for (label, &ordinal) in self.labels[..pending].iter().zip(&ordinals) {
            largest = largest.max(ordinal);
            self.output.record(|room| {
                let at = label.put(room);
                // Out-of-range ordinals may wrap here; `largest_target` then fails the pass.
                let at = digits::put(room, at, ordinal.wrapping_mul(NODE_FIELDS.len() as u32));
                room[at..at + 2].copy_from_slice(b",\n");
                at + 2
            })?;
        }
        self.largest_target = largest;
        Ok(())
    }
}

impl<S: GraphSource> std::fmt::Debug for EdgeSink<'_, '_, S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EdgeSink")
            .field("nodes", &self.nodes)
            .field("edges", &self.edges)
            .finish_non_exhaustive()
    }
}

/// Takes the texts of text nodes, in node order.
pub struct TextSink<'s, 'w> {
    output: &'s mut Output<'w>,
    most: usize,
    pub(super) texts: u64,
}

impl<'s, 'w> TextSink<'s, 'w> {
    /// `most`: UTF-16 units after which a text is cut.
    pub(super) fn new(output: &'s mut Output<'w>, most: usize) -> Self {
        TextSink {
            output,
            most,
            texts: 0,
        }
    }

    /// The number of UTF-16 units after which texts are cut; a source need not prepare more than that.
    #[must_use]
    pub fn cut(&self) -> usize {
        self.most
    }

    /// The next text node's text.
    ///
    /// # Errors
    ///
    /// [`Stopped`] if the output failed.
    #[inline]
    pub fn utf8(&mut self, text: &str) -> Result<(), Stopped> {
        self.texts += 1;
        escape::put_utf8(self.output, text, self.most)
    }

    /// The same as bytes that are the code points 0 to 255.
    ///
    /// # Errors
    ///
    /// [`Stopped`] if the output failed.
    #[inline]
    pub fn latin1(&mut self, text: &[u8]) -> Result<(), Stopped> {
        self.texts += 1;
        escape::put_latin1(self.output, text, self.most)
    }

    /// The same as UTF-16 units, which may be lone surrogates.
    ///
    /// # Errors
    ///
    /// [`Stopped`] if the output failed.
    #[inline]
    pub fn utf16(&mut self, text: &[u16]) -> Result<(), Stopped> {
        self.texts += 1;
        escape::put_utf16(self.output, text, self.most)
    }
}

impl std::fmt::Debug for TextSink<'_, '_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TextSink")
            .field("texts", &self.texts)
            .field("most", &self.most)
            .finish_non_exhaustive()
    }
}
