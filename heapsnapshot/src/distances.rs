//! Distances: edges from the roots, breadth first, with DevTools' exceptions.
//!
//! Source: `calculateDistances` in DevTools' `HeapSnapshot.ts`, with the filter of
//! `JSHeapSnapshot.calculateDistances`. Oracle: `check_distances` in `src/tests/naive.rs`.
//!
//! ```no_run
//! let snapshot = heapsnapshot::Snapshot::open("app.heapsnapshot")?;
//! let far = snapshot.nodes().filter_map(|node| snapshot.distances().shown(node.ordinal())).max();
//! println!("the longest way from a root has {far:?} edges");
//! # Ok::<(), heapsnapshot::ReadError>(())
//! ```

use crate::bits::BitSet;
use crate::format::{EdgeType, NodeType};
use crate::graph::{NodeOrdinal, Passage, Snapshot};
use crate::memory;
use crate::strings::parse_int;

/// Distances of nodes that only internal roots reach start here when there are user roots.
pub const SYSTEM_DISTANCE: i32 = 100_000_000;
/// The distance of a node that nothing reaches.
pub const NO_DISTANCE: i32 = -5;
const UNKNOWN: u32 = NO_DISTANCE.cast_unsigned();

/// The distance of every node, as the bits of an `i32`: so the column's room can come from others.
#[derive(Debug)]
pub struct Distances(Vec<u32>);

impl Distances {
    /// Complexity: one pass over nodes and edges.
    pub(crate) fn compute(snapshot: &Snapshot) -> Distances {
        let roots = &snapshot.user_roots().nodes;
        let mut search = Search::new(snapshot);
        search.from(roots, 1);
        let base = if roots.is_empty() { 0 } else { SYSTEM_DISTANCE };
        // The root starts over even if a user root's edges led to it.
        search.from(&[snapshot.root as u32], base);
        memory::recycle(search.current);
        memory::recycle(search.next);
        Distances(search.distances)
    }

    pub(crate) fn from_column(distances: Vec<u32>) -> Distances {
        Distances(distances)
    }

    /// The distance of every node, as the bits of an `i32`.
    pub(crate) fn column(&self) -> &[u32] {
        &self.0
    }

    /// The column, for its room.
    pub(crate) fn into_column(self) -> Vec<u32> {
        self.0
    }

    /// The number as DevTools computes it: [`NO_DISTANCE`] if nothing reaches the node,
    /// [`SYSTEM_DISTANCE`] and more if only internal roots do.
    #[must_use]
    pub fn raw(&self, node: NodeOrdinal) -> i32 {
        self.0[node.index()].cast_signed()
    }

    /// The number as DevTools shows it; `None` is shown as "−".
    #[must_use]
    pub fn shown(&self, node: NodeOrdinal) -> Option<u32> {
        let distance = self.raw(node);
        (0..SYSTEM_DISTANCE)
            .contains(&distance)
            .then_some(distance.unsigned_abs())
    }
}

/// How many nodes of the queue ahead their ranges and targets are fetched.
const RANGE_AHEAD: usize = 32;
const TARGETS_AHEAD: usize = 16;

struct Search<'a> {
    snapshot: &'a Snapshot,
    /// As in [`Distances`]: the bits of an `i32`.
    distances: Vec<u32>,
    /// Nodes that have one. Most edges lead to one of them, and the set is small enough for the cache.
    met: BitSet,
    /// The generation that is followed, and the one it leads to: the queue never holds more than two.
    current: Vec<u32>,
    next: Vec<u32>,
    /// Entries of WeakMaps of which one edge has been met.
    half_met: BitSet,
    /// Native contexts and descriptor arrays, whose edges' names matter.
    special: BitSet,
    sloppy_function_map: Vec<u32>,
}

impl<'a> Search<'a> {
    fn new(snapshot: &'a Snapshot) -> Search<'a> {
        let [native_context, map_descriptors, sloppy_function_map] = snapshot.strings.find_all([
            "system / NativeContext",
            "(map descriptors)",
            "sloppy_function_map",
        ]);
        let nodes = &snapshot.nodes;
        let mut special = BitSet::new(nodes.len());
        for (node, (&kind, name)) in nodes.kind.iter().zip(&nodes.name).enumerate() {
            if (kind == NodeType::Hidden as u8 && native_context.contains(name))
                || (kind == NodeType::Array as u8 && map_descriptors.contains(name))
            {
                special.insert(node);
            }
        }
        Search {
            snapshot,
            distances: memory::recycled(nodes.len(), UNKNOWN),
            met: BitSet::new(nodes.len()),
            current: memory::any_room(nodes.len()),
            next: memory::any_room(nodes.len()),
            half_met: BitSet::new(snapshot.strings.len()),
            special,
            sloppy_function_map,
        }
    }

    /// Breadth first from `roots`, which are at `distance`, over what has none yet.
    fn from(&mut self, roots: &[u32], distance: i32) {
        let (nodes, edges) = (&self.snapshot.nodes, &self.snapshot.edges);
        for &root in roots {
            self.met.insert(root as usize);
            self.distances[root as usize] = distance.cast_unsigned();
        }
        let mut current = std::mem::take(&mut self.current);
        let mut next = std::mem::take(&mut self.next);
        current.extend(roots);
        let mut distance = distance;
        while !current.is_empty() {
            distance = distance.saturating_add(1);
            for (at, &node) in current.iter().enumerate() {
                self.fetch_ahead(&current, at);
                let node = node as usize;
                let is_special = self.special.contains(node);
                let range = nodes.edges_of(node);
                for (edge, &target) in range.clone().zip(edges.targets(range)) {
                    let to = target.node();
                    if self.met.contains(to) || target.is_weak() {
                        continue;
                    }
                    let is_entry = matches!(
                        target.passage(),
                        Passage::EntryOfKey | Passage::EntryOfTable
                    );
                    if (is_special || is_entry) && !self.passes(node, edge, is_special) {
                        continue;
                    }
                    self.met.insert(to);
                    self.distances[to] = distance.cast_unsigned();
                    next.push(to as u32);
                }
            }
            std::mem::swap(&mut current, &mut next);
            next.clear();
        }
        self.current = current;
        self.next = next;
    }

    /// Fetches what the nodes behind position `at` of the queue will need.
    #[inline(always)]
    fn fetch_ahead(&self, queue: &[u32], at: usize) {
        let (nodes, edges) = (&self.snapshot.nodes, &self.snapshot.edges);
        if let Some(&node) = queue.get(at + RANGE_AHEAD) {
            memory::prefetch(&nodes.first_edge, node as usize);
        }
        if let Some(&node) = queue.get(at + TARGETS_AHEAD) {
            edges.prefetch(nodes.first_edge[node as usize] as usize);
        }
    }

    /// Whether an edge whose name matters leads on: one of a special node, or a WeakMap's half.
    #[cold]
    fn passes(&mut self, node: usize, edge: usize, is_special: bool) -> bool {
        let (nodes, edges) = (&self.snapshot.nodes, &self.snapshot.edges);
        let (kind, name) = edges.label(edge);
        let numbered = kind == EdgeType::Element as u8 || kind == EdgeType::Hidden as u8;
        let is_context = is_special && nodes.is(node, NodeType::Hidden);
        if is_context && !numbered && self.sloppy_function_map.contains(&name) {
            return false;
        }
        if is_special && !is_context {
            let index = if numbered {
                Some(i64::from(name))
            } else {
                parse_int(&self.snapshot.strings.get(name))
            };
            return !index.is_some_and(|index| index >= 2 && index % 3 == 1);
        }
        let entry = match kind == EdgeType::Internal as u8 {
            true => self.snapshot.weak_maps().entry(name),
            false => None,
        };
        !entry.is_some_and(|entry| self.half_met.insert(entry.pair as usize))
    }
}
