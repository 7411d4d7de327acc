//! The tree of cheapest paths from the root: who holds what, for people.
//!
//! Cheapest, not shortest: an edge that a program's author would name costs 1, V8's own edges more, and what
//! only internal roots hold is reached last, so that paths go through variables and properties where there
//! are any. Costs are small integers, so the search is Dijkstra's with a ring of buckets (Dial, CACM 12(11),
//! 1969): one pass over the edges.

use crate::bits::BitSet;
use crate::format::{EdgeType, NodeType};
use crate::graph::{EdgeOrdinal, EdgeRef, Snapshot};
use crate::memory;

const NAMED: u8 = 1;
const INTERNAL: u8 = 2;
const HIDDEN: u8 = 4;
/// Into V8's descriptions and code: no way to a program's data if there is any other.
const THROUGH_CODE: u8 = 12;
/// From the root to anything but a user root.
const GC_ROOTS: u8 = 48;
const BUCKETS: usize = 64;
/// No edge: nothing is held.
const NEVER: u8 = u8::MAX;
const NONE: u32 = u32::MAX;

/// For each node the edge by which its cheapest path reaches it.
pub(crate) struct Tree {
    parent_edge: Vec<u32>,
    parent: Vec<u32>,
}

impl Tree {
    /// Complexity: one pass over the edges.
    pub(crate) fn build(snapshot: &Snapshot) -> Tree {
        let (nodes, edges) = (&snapshot.nodes, &snapshot.edges);
        let count = nodes.len();
        let mut tree = Tree {
            parent_edge: memory::filled(count, NONE),
            parent: memory::filled(count, NONE),
        };
        if count == 0 {
            return tree;
        }
        let prices = Prices::new();
        let mut best: Vec<u32> = memory::filled(count, u32::MAX);
        let mut buckets: Vec<Vec<u32>> = vec![Vec::new(); BUCKETS];
        let mut reach = |tree: &mut Tree, buckets: &mut Vec<Vec<u32>>, from, edge: usize, total| {
            let to = edges.to(edge) as u32;
            let known = &mut best[to as usize];
            if total < *known {
                *known = total;
                tree.parent_edge[to as usize] = edge as u32;
                tree.parent[to as usize] = from;
                buckets[total as usize % BUCKETS].push(to);
            }
        };
        // The root's edges first: their price depends on what else the root holds.
        let root = snapshot.root().ordinal().0;
        let to_synthetic = |edge: usize| nodes.is(edges.to(edge), NodeType::Synthetic);
        let user_roots = nodes
            .edges_of(root as usize)
            .any(|edge| !to_synthetic(edge));
        for edge in nodes.edges_of(root as usize) {
            let internal = user_roots && to_synthetic(edge);
            let price = if internal { GC_ROOTS } else { NAMED };
            reach(&mut tree, &mut buckets, root, edge, u32::from(price));
        }
        let mut done = BitSet::new(count);
        done.insert(root as usize);
        let (mut cost, mut empty) = (0_u32, 0);
        while empty < BUCKETS {
            let Some(node) = buckets[cost as usize % BUCKETS].pop() else {
                cost += 1;
                empty += 1;
                continue;
            };
            empty = 0;
            if !done.insert(node as usize) {
                continue;
            }
            for edge in nodes.edges_of(node as usize) {
                let to_kind = nodes.kind[edges.to(edge)];
                let price = prices.of(edges.kind(edge), to_kind);
                if price != NEVER {
                    let total = cost + u32::from(price);
                    reach(&mut tree, &mut buckets, node, edge, total);
                }
            }
        }
        // A way back to the root is no way to it.
        tree.parent[root as usize] = NONE;
        tree.parent_edge[root as usize] = NONE;
        tree
    }

    /// The node before this one on its path.
    pub(crate) fn parent(&self, node: u32) -> Option<u32> {
        Some(self.parent[node as usize]).filter(|&p| p != NONE)
    }

    /// The ordinal of the edge by which a node is reached.
    pub(crate) fn edge_ordinal(&self, node: u32) -> Option<u32> {
        Some(self.parent_edge[node as usize]).filter(|&e| e != NONE)
    }

    /// The edge by which a node is reached.
    pub(crate) fn edge<'s>(&self, snapshot: &'s Snapshot, node: u32) -> Option<EdgeRef<'s>> {
        snapshot.edge(EdgeOrdinal(self.edge_ordinal(node)?))
    }

    /// The edges from the root to a node.
    pub(crate) fn path<'s>(&self, snapshot: &'s Snapshot, node: u32) -> Vec<EdgeRef<'s>> {
        self.path_below(snapshot, NONE, node)
    }

    /// The edges of a node's path below `above`; all of them if it is not on the path.
    pub(crate) fn path_below<'s>(
        &self,
        snapshot: &'s Snapshot,
        above: u32,
        node: u32,
    ) -> Vec<EdgeRef<'s>> {
        let mut edges = Vec::new();
        let mut at = node;
        while at != above {
            let (Some(edge), Some(parent)) = (self.edge(snapshot, at), self.parent(at)) else {
                break;
            };
            edges.push(edge);
            at = parent;
        }
        edges.reverse();
        edges
    }
}

/// What an edge costs, by its type and its target's.
struct Prices([[u8; 256]; EdgeType::ALL.len()]);

impl Prices {
    fn new() -> Prices {
        let mut prices = [[NEVER; 256]; EdgeType::ALL.len()];
        for (edge, row) in EdgeType::ALL.iter().zip(&mut prices) {
            let own = match edge {
                EdgeType::Weak => continue,
                EdgeType::Context | EdgeType::Element | EdgeType::Property => NAMED,
                EdgeType::Internal => INTERNAL,
                EdgeType::Hidden | EdgeType::Shortcut => HIDDEN,
            };
            row.fill(own);
            row[NodeType::Code as usize] = own + THROUGH_CODE;
            row[NodeType::ObjectShape as usize] = own + THROUGH_CODE;
            row[NodeType::Hidden as usize] = own + HIDDEN;
        }
        Prices(prices)
    }

    /// The price, or [`NEVER`]; edges of types nobody knows hold nothing.
    fn of(&self, edge: u8, to: u8) -> u8 {
        self.0
            .get(usize::from(edge))
            .map_or(NEVER, |row| row[usize::from(to)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::{Random, random_graph};

    /// The cheapest costs by relaxing all edges until nothing changes.
    fn naive(snapshot: &Snapshot) -> Vec<u32> {
        let prices = Prices::new();
        let root = snapshot.root();
        let user_roots = root.edges().any(|e| !e.to().is(NodeType::Synthetic));
        let mut best = vec![u32::MAX; snapshot.node_count()];
        best[root.ordinal().index()] = 0;
        loop {
            let before = best.clone();
            for from in snapshot.nodes() {
                let known = best[from.ordinal().index()];
                if known == u32::MAX {
                    continue;
                }
                for edge in from.edges() {
                    let to = edge.to();
                    let price = if from.ordinal() == root.ordinal() {
                        let internal = user_roots && to.is(NodeType::Synthetic);
                        if internal { GC_ROOTS } else { NAMED }
                    } else {
                        let kind = snapshot.edges.kind(edge.ordinal().index());
                        prices.of(kind, snapshot.nodes.kind[to.ordinal().index()])
                    };
                    if price != NEVER {
                        let total = known + u32::from(price);
                        let to = &mut best[to.ordinal().index()];
                        *to = total.min(*to);
                    }
                }
            }
            if best == before {
                return best;
            }
        }
    }

    #[test]
    fn paths_are_as_cheap_as_relaxation_finds_them() {
        let mut random = Random(7);
        for _ in 0..200 {
            let snapshot = random_graph(&mut random).read();
            let (tree, best) = (Tree::build(&snapshot), naive(&snapshot));
            let root = snapshot.root().ordinal().0;
            for node in snapshot.nodes() {
                let at = node.ordinal().0;
                let reached = at == root || tree.parent(at).is_some();
                assert_eq!(reached, best[at as usize] != u32::MAX, "{node:?}");
                let (Some(edge), Some(parent)) = (tree.edge(&snapshot, at), tree.parent(at)) else {
                    continue;
                };
                assert_eq!(
                    (edge.from().ordinal().0, edge.to().ordinal().0),
                    (parent, at)
                );
                // Costs fall strictly towards the root, so a path ends there.
                assert!(best[parent as usize] < best[at as usize], "{node:?}");
                let path = tree.path(&snapshot, at);
                assert_eq!(path[0].from().ordinal().0, root);
            }
        }
    }
}
