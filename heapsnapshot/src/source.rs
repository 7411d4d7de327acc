//! What a heap must be able to say about itself to become a snapshot.
//!
//! The writer keeps no copy of the graph: it asks the heap four times, in the order of the file's sections, and the heap walks
//! itself each time. A heap that cannot move or change between the passes (a stopped one) can implement this without building
//! anything but a way to number its objects.
//!
//! See `examples/arena.rs` for a complete implementation over a toy heap.

use crate::writer::{EdgeSink, NameTable, NodeSink, Stopped, TextSink};

/// Totals that a source finds in its first pass. The format's limits are checked against them before a byte is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Nodes, the root included.
    pub nodes: u64,
    /// Edges of all nodes.
    pub edges: u64,
    /// Nodes whose name is their own text ([`NodeSink::text_node`]).
    pub texts: u64,
    /// An upper bound of these texts' length, in UTF-16 units (the length in bytes is one, for UTF-8 and Latin-1).
    pub text_units: u64,
    /// The largest self size of a node, in bytes.
    pub largest_self_size: u64,
}

/// Why a source could not be counted, in its own words.
pub type SourceError = Box<dyn std::error::Error + Send + Sync>;

/// A graph that can be written as a heap snapshot.
///
/// # The graph
///
/// * Node 0 is the root: type `synthetic`, empty name, id 1, size 0. For DevTools to show the retained sizes of the plain
///   graph, all edges of the root go to `synthetic` nodes: root → `(GC roots)` → named groups such as `(Handle scope)` →
///   objects.
/// * Every node is reachable from the root over edges that are not `weak`; DevTools warns about others.
/// * Ids are unique and odd (even ones are for memory of an embedder), grow with allocation time, and stay with their object
///   from snapshot to snapshot: DevTools' Comparison view matches objects by them.
///
/// # The passes
///
/// [`count`](Self::count) comes first and may still change the source (number its objects, say); the others only read. Each
/// walks the nodes in the same order, and each must find what was counted: the writer checks the totals, the number of edges of
/// every node and the range of every target, and fails rather than finish a file that DevTools would silently show wrong.
pub trait GraphSource {
    /// A reference to a node as the heap holds it: an address, an index. Its node's ordinal need not be known yet when an edge
    /// is handed over.
    type Target: Copy + Default;

    /// Counts, and interns every class, field and group name that the passes will use.
    ///
    /// # Errors
    ///
    /// Whatever keeps the source from being walked, such as ids having run out.
    fn count(&mut self, names: &mut NameTable<'_>) -> Result<Counts, SourceError>;

    /// Hands over all nodes, the root first.
    ///
    /// # Errors
    ///
    /// Only those of the sink.
    fn nodes(&self, sink: &mut NodeSink<'_, '_>) -> Result<(), Stopped>;

    /// Hands over all edges: for each node, in order, its edges and then [`EdgeSink::end_node`].
    ///
    /// # Errors
    ///
    /// Only those of the sink.
    fn edges(&self, sink: &mut EdgeSink<'_, '_, Self>) -> Result<(), Stopped>
    where
        Self: Sized;

    /// Hands over the text of every text node, in node order. This pass may run more than once: first to measure.
    ///
    /// # Errors
    ///
    /// Only those of the sink.
    fn texts(&self, sink: &mut TextSink<'_, '_>) -> Result<(), Stopped>;

    /// The ordinal (place in node order) of a target.
    fn ordinal(&self, target: Self::Target) -> u32;

    /// The ordinals of several targets.
    ///
    /// Targets in a heap are scattered, so looking one up costs a cache miss. The default is a loop of independent look-ups,
    /// which lets the processor overlap them; a source with longer chains of loads can prefetch instead.
    #[inline]
    fn ordinals(&self, targets: &[Self::Target], ordinals: &mut [u32]) {
        for (ordinal, &target) in ordinals.iter_mut().zip(targets) {
            *ordinal = self.ordinal(target);
        }
    }
}
