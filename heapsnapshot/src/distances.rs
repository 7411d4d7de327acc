//! Distances: edges from the roots, breadth first, with DevTools' exceptions.

use crate::bits::BitSet;
use crate::format::{EdgeType, NodeType};
use crate::graph::{NodeOrdinal, Snapshot};
use crate::memory;
use crate::strings::parse_int;

/// Distances of nodes that only internal roots reach start here when there are user roots.
pub const SYSTEM_DISTANCE: i32 = 100_000_000;
/// The distance of a node that nothing reaches.
pub const NO_DISTANCE: i32 = -5;

/// The distance of every node.
#[derive(Debug)]
pub struct Distances(Vec<i32>);

impl Distances {
    /// Complexity: one pass over nodes and edges.
    pub(crate) fn compute(snapshot: &Snapshot) -> Distances {
        let roots = &snapshot.user_roots().nodes;
        let mut search = Search::new(snapshot);
        search.from(roots, 1);
        let base = if roots.is_empty() { 0 } else { SYSTEM_DISTANCE };
        // The root starts over even if a user root's edges led to it.
        search.from(&[snapshot.root as u32], base);
        Distances(search.distances)
    }

    /// The number as DevTools computes it: [`NO_DISTANCE`] if nothing reaches the node,
    /// [`SYSTEM_DISTANCE`] and more if only internal roots do.
    #[must_use]
    pub fn raw(&self, node: NodeOrdinal) -> i32 {
        self.0[node.index()]
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

struct Search<'a> {
    snapshot: &'a Snapshot,
    distances: Vec<i32>,
    /// Entries of WeakMaps of which one edge has been met.
    half_met: BitSet,
    native_context: Vec<u32>,
    map_descriptors: Vec<u32>,
    sloppy_function_map: Vec<u32>,
}

impl<'a> Search<'a> {
    fn new(snapshot: &'a Snapshot) -> Search<'a> {
        let [native_context, map_descriptors, sloppy_function_map] = snapshot.strings.find_all([
            "system / NativeContext",
            "(map descriptors)",
            "sloppy_function_map",
        ]);
        Search {
            snapshot,
            distances: memory::filled(snapshot.nodes.len(), NO_DISTANCE),
            half_met: BitSet::new(snapshot.strings.len()),
            native_context,
            map_descriptors,
            sloppy_function_map,
        }
    }

    /// Breadth first from `roots`, which are at `distance`, over what has none yet.
    fn from(&mut self, roots: &[u32], distance: i32) {
        let (nodes, edges) = (&self.snapshot.nodes, &self.snapshot.edges);
        let weak_maps = self.snapshot.weak_maps();
        for &root in roots {
            self.distances[root as usize] = distance;
        }
        // One generation at a time: the queue never holds more than two.
        let (mut current, mut next) = (roots.to_vec(), Vec::new());
        let mut distance = distance;
        while !current.is_empty() {
            distance = distance.saturating_add(1);
            for &node in &current {
                let node = node as usize;
                let is_context = nodes.is(node, NodeType::Hidden)
                    && self.native_context.contains(&nodes.name[node]);
                let is_descriptors = nodes.is(node, NodeType::Array)
                    && self.map_descriptors.contains(&nodes.name[node]);
                for edge in nodes.edges_of(node) {
                    let to = edges.to[edge];
                    if self.distances[to as usize] != NO_DISTANCE {
                        continue;
                    }
                    let (kind, name) = edges.label(edge);
                    if kind == EdgeType::Weak as u8 {
                        continue;
                    }
                    let numbered =
                        kind == EdgeType::Element as u8 || kind == EdgeType::Hidden as u8;
                    if is_context && !numbered && self.sloppy_function_map.contains(&name) {
                        continue;
                    }
                    if is_descriptors {
                        let index = if numbered {
                            Some(i64::from(name))
                        } else {
                            parse_int(&self.snapshot.strings.get(name))
                        };
                        if index.is_some_and(|index| index >= 2 && index % 3 == 1) {
                            continue;
                        }
                    } else if kind == EdgeType::Internal as u8
                        && let Some(entry) = weak_maps.entry(name)
                        && self.half_met.insert(entry.pair as usize)
                    {
                        continue;
                    }
                    self.distances[to as usize] = distance;
                    next.push(to);
                }
            }
            std::mem::swap(&mut current, &mut next);
            next.clear();
        }
    }
}
