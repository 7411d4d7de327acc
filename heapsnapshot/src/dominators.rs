//! Dominators and retained sizes.
//!
//! A node's *immediate dominator* is the last node that every path from the root to it passes; its
//! *retained size* is the sum of the self sizes of everything it dominates. Only *essential* edges
//! count as paths: see `dominators/search.rs`.
//!
//! ```text
//! search ──► predecessors ──► Semi-NCA ──► the dominator tree in pre-order
//! numbers    numbered higher  dominators   what a node dominates follows it
//! ```
//!
//! In pre-order a node's subtree is a range, so a retained size is the difference of two running
//! sums of self sizes. At most 24 bytes a node and 8 an edge that leads to a lower
//! number at a time.
//!
//! Source: `calculateDominatorsAndRetainedSizes` in DevTools' `HeapSnapshot.ts` for which paths count; the
//! algorithm is Semi-NCA, see `dominators/semi_nca.rs`. Oracle: `check_dominators` in `src/tests/naive.rs`.
//!
//! ```no_run
//! let snapshot = heapsnapshot::Snapshot::open("app.heapsnapshot")?;
//! let largest = snapshot.nodes().max_by_key(|node| node.self_size()).expect("a snapshot has nodes");
//! let dominators = snapshot.dominators();
//! println!("{} keeps {} bytes", largest.name(), dominators.retained_size(largest.ordinal()));
//! let holder = snapshot.node(dominators.dominator(largest.ordinal()));
//! println!("and goes with {}", holder.map_or("nothing".into(), |node| node.name()));
//! # Ok::<(), heapsnapshot::ReadError>(())
//! ```

mod search;
mod semi_nca;

use std::cell::OnceCell;

use crate::graph::{NodeOrdinal, Snapshot};
use crate::memory;
use search::SearchTree;
use semi_nca::{AHEAD, Found, semi_nca};

/// Dominators and retained sizes of all nodes.
#[derive(Debug)]
pub struct Dominators {
    /// All nodes, each before the nodes it dominates, subtree by subtree.
    tree_order: Vec<u32>,
    /// By position in `tree_order`: nodes in the subtree that begins there.
    subtree: Vec<u32>,
    /// By position in `tree_order`: self sizes of all nodes before it; one more at the end.
    sums: Sums,
    /// By ordinal: position in `tree_order`.
    position: Vec<u32>,
    /// By position in `tree_order`: position of the dominator.
    above: OnceCell<Vec<u32>>,
    unreachable: usize,
}

/// Running sums: 64 bits each, in the room of a column of numbers.
#[derive(Debug)]
struct Sums(Vec<u32>);

impl Sums {
    fn with_room(mut room: Vec<u32>) -> Sums {
        room.clear();
        Sums(room)
    }

    #[inline(always)]
    fn push(&mut self, sum: u64) {
        self.0.extend([sum as u32, (sum >> 32) as u32]);
    }

    /// The sum at a position.
    #[inline(always)]
    fn before(&self, place: usize) -> u64 {
        let (sums, _) = self.0.as_chunks::<2>();
        let [low, high] = sums[place];
        u64::from(low) | u64::from(high) << 32
    }
}

impl Dominators {
    /// Complexity: see the module.
    pub(crate) fn compute(snapshot: &Snapshot) -> Dominators {
        Dominators::finish(SearchTree::of(snapshot), snapshot.shallow_sizes())
    }

    /// The same, as the last thing that is asked of a snapshot: its edges make room.
    pub(crate) fn compute_last(mut snapshot: Snapshot) -> Dominators {
        let tree = SearchTree::of(&snapshot);
        snapshot.forget_edges();
        Dominators::finish(tree, snapshot.shallow_sizes())
    }

    fn finish(tree: SearchTree, sizes: &[u32]) -> Dominators {
        let count = sizes.len();
        let Found {
            vertex,
            idom,
            reached,
            room: mut below,
            large_room: mut subtree,
            wide_room,
        } = semi_nca(tree);

        below.clear();
        below.resize(count, 1);
        // Dominators come before what they dominate in depth-first order: one sweep each way.
        for w in (1..count).rev() {
            below[idom[w] as usize] += below[w];
        }
        subtree.clear();
        subtree.resize(count, 0);
        subtree.shrink_to_fit();
        let mut tree_order = memory::recycled(count, 0);
        // From here on `below` says where the next subtree below a node goes.
        for w in 0..count {
            let size = below[w];
            let place = if w == 0 {
                0
            } else {
                let next = &mut below[idom[w] as usize];
                std::mem::replace(next, *next + size)
            };
            below[w] = place + 1;
            tree_order[place as usize] = vertex[w];
            subtree[place as usize] = size;
        }
        memory::recycle(vertex);
        memory::recycle(below);

        let mut position = idom;
        let mut sums = Sums::with_room(wide_room);
        let mut sum = 0;
        for (place, &node) in tree_order.iter().enumerate() {
            if let Some(&ahead) = tree_order.get(place + AHEAD) {
                memory::prefetch(sizes, ahead as usize);
                memory::prefetch(&position, ahead as usize);
            }
            sums.push(sum);
            sum += u64::from(sizes[node as usize]);
            position[node as usize] = place as u32;
        }
        sums.push(sum);
        sums.0.shrink_to_fit();
        Dominators {
            tree_order,
            subtree,
            sums,
            position,
            above: OnceCell::new(),
            unreachable: count - reached,
        }
    }

    /// From the tree in pre-order: all nodes, and how many nodes the subtree of each has. `None` if that is no tree of
    /// the nodes that have these self sizes. Complexity: one pass over the nodes.
    pub(crate) fn from_tree(
        tree_order: Vec<u32>,
        subtree: Vec<u32>,
        sizes: &[u32],
        unreachable: usize,
    ) -> Option<Dominators> {
        const NOWHERE: u32 = u32::MAX;
        let count = sizes.len();
        if tree_order.len() != count || subtree.first().copied() != Some(count as u32) {
            return None;
        }
        let mut position = memory::filled(count, NOWHERE);
        let mut sums = Sums::with_room(memory::with_capacity(2 * count + 2));
        let mut sum = 0;
        for (place, (&node, &below)) in tree_order.iter().zip(&subtree).enumerate() {
            if let Some(&ahead) = tree_order.get(place + AHEAD) {
                memory::prefetch(sizes, ahead as usize);
                memory::prefetch(&position, ahead as usize);
            }
            let position = position.get_mut(node as usize)?;
            if *position != NOWHERE || below == 0 || below as usize > count - place {
                return None;
            }
            *position = place as u32;
            sums.push(sum);
            sum += u64::from(sizes[node as usize]);
        }
        sums.push(sum);
        Some(Dominators {
            tree_order,
            subtree,
            sums,
            position,
            above: OnceCell::new(),
            unreachable,
        })
    }

    /// The immediate dominator; the root's is the root. Computed on the first call: one pass over
    /// the nodes.
    #[must_use]
    pub fn dominator(&self, node: NodeOrdinal) -> NodeOrdinal {
        let above = self.above.get_or_init(|| self.find_above());
        let place = above[self.position[node.index()] as usize];
        NodeOrdinal(self.tree_order[place as usize])
    }

    /// By position: the position of the node whose subtree is the smallest that holds it.
    fn find_above(&self) -> Vec<u32> {
        let mut open: Vec<(u32, u32)> = Vec::new();
        let place = |(place, &below): (u32, &u32)| {
            while open.last().is_some_and(|&(_, end)| end <= place) {
                open.pop();
            }
            let above = open.last().map_or(place, |&(above, _)| above);
            open.push((place, place + below));
            above
        };
        (0..).zip(&self.subtree).map(place).collect()
    }

    /// Bytes that would be freed with the node, its own included.
    #[must_use]
    pub fn retained_size(&self, node: NodeOrdinal) -> u64 {
        self.retained_at(self.position[node.index()] as usize)
    }

    /// The retained size of the node at a position in the tree order.
    pub(crate) fn retained_at(&self, place: usize) -> u64 {
        self.sums.before(place + self.subtree[place] as usize) - self.sums.before(place)
    }

    /// Nodes that no essential path from the root reaches; the root dominates them.
    #[must_use]
    pub fn unreachable(&self) -> usize {
        self.unreachable
    }

    /// All nodes, each after its dominator, and every dominator's whole subtree together.
    pub(crate) fn tree_order(&self) -> &[u32] {
        &self.tree_order
    }

    /// By position in the tree order: how many nodes the subtree that begins there has.
    pub(crate) fn subtree(&self) -> &[u32] {
        &self.subtree
    }
}
