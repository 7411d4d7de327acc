//! The tree of cheapest paths from the root: who holds what, for people.
//!
//! Cheapest, not shortest: an edge that a program's author would name costs 1, V8's own edges more, and what
//! only internal roots hold is reached last, so that paths go through variables and properties where there
//! are any. Costs are small integers, so the search is Dijkstra's with a ring of buckets (Dial, CACM 12(11),
//! 1969): one pass over the edges.

use crate::format::{EdgeType, NodeType};
use crate::graph::{EdgeOrdinal, EdgeRef, NodeOrdinal, Snapshot};

const NAMED: usize = 1;
const INTERNAL: usize = 2;
const HIDDEN: usize = 4;
/// Into V8's descriptions and code: no way to a program's data if there is any other.
const THROUGH_CODE: usize = 12;
/// From the root to anything but a user root.
const GC_ROOTS: usize = 48;
const BUCKETS: usize = 64;
const NONE: u32 = u32::MAX;

/// For each node the edge by which its cheapest path reaches it.
pub(super) struct Tree {
    parent_edge: Vec<u32>,
    parent: Vec<u32>,
    /// Nodes in the order in which they were reached; unreachable ones are not in it.
    pub(super) order: Vec<u32>,
}

impl Tree {
    pub(super) fn build(snapshot: &Snapshot) -> Tree {
        let count = snapshot.node_count();
        let costs = Costs::new(snapshot);
        let mut tree = Tree {
            parent_edge: vec![NONE; count],
            parent: vec![NONE; count],
            order: Vec::with_capacity(count),
        };
        let mut best = vec![u32::MAX; count];
        let mut done = vec![false; count];
        let mut buckets: Vec<Vec<u32>> = vec![Vec::new(); BUCKETS];
        let root = snapshot.root().ordinal().0;
        best[root as usize] = 0;
        buckets[0].push(root);
        let (mut cost, mut empty) = (0usize, 0);
        while empty < BUCKETS {
            let Some(node) = buckets[cost % BUCKETS].pop() else {
                cost += 1;
                empty += 1;
                continue;
            };
            empty = 0;
            if std::mem::replace(&mut done[node as usize], true) {
                continue;
            }
            tree.order.push(node);
            let Some(from) = snapshot.node(NodeOrdinal(node)) else {
                continue;
            };
            for edge in from.edges() {
                let to = edge.to().ordinal().0 as usize;
                if done[to] {
                    continue;
                }
                let Some(price) = costs.of(edge, node == root) else {
                    continue;
                };
                let total = (cost + price) as u32;
                if total < best[to] {
                    best[to] = total;
                    tree.parent_edge[to] = edge.ordinal().0;
                    tree.parent[to] = node;
                    buckets[total as usize % BUCKETS].push(to as u32);
                }
            }
        }
        tree
    }

    /// The node before this one on its path.
    pub(super) fn parent(&self, node: u32) -> Option<u32> {
        Some(self.parent[node as usize]).filter(|&p| p != NONE)
    }

    /// The edges from the root to a node.
    pub(super) fn path<'s>(&self, snapshot: &'s Snapshot, node: u32) -> Vec<EdgeRef<'s>> {
        let mut edges = Vec::new();
        let mut at = node;
        while let Some(parent) = self.parent(at) {
            edges.extend(snapshot.edge(EdgeOrdinal(self.parent_edge[at as usize])));
            at = parent;
        }
        edges.reverse();
        edges
    }

    /// The edge by which a node is reached.
    pub(super) fn edge<'s>(&self, snapshot: &'s Snapshot, node: u32) -> Option<EdgeRef<'s>> {
        snapshot.edge(EdgeOrdinal(self.parent_edge[node as usize]))
    }
}

struct Costs {
    /// Whether the root refers to an object of the program itself, so that internal roots come last.
    snapshot_has_user_roots: bool,
}

impl Costs {
    fn new(snapshot: &Snapshot) -> Costs {
        let user_root = |edge: EdgeRef<'_>| !edge.to().is(NodeType::Synthetic);
        Costs {
            snapshot_has_user_roots: snapshot.root().edges().any(user_root),
        }
    }

    /// What an edge costs; `None` if it holds nothing.
    fn of(&self, edge: EdgeRef<'_>, from_root: bool) -> Option<usize> {
        let to = edge.to();
        if from_root {
            let internal = to.is(NodeType::Synthetic) && self.snapshot_has_user_roots;
            return Some(if internal { GC_ROOTS } else { NAMED });
        }
        let through = match to.kind() {
            Some(NodeType::Code | NodeType::ObjectShape) => THROUGH_CODE,
            Some(NodeType::Hidden) => HIDDEN,
            _ => 0,
        };
        let own = match edge.kind()? {
            EdgeType::Weak => return None,
            EdgeType::Context | EdgeType::Element | EdgeType::Property => NAMED,
            EdgeType::Internal => INTERNAL,
            EdgeType::Hidden | EdgeType::Shortcut => HIDDEN,
        };
        Some(own + through)
    }
}
