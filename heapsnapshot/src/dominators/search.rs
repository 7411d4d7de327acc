//! The depth-first search over essential edges: numbers, tree, and what the page owns.
//!
//! An edge is *essential* unless it is weak, a self edge, a shortcut (except from the root), the
//! table's half of a WeakMap entry, or leads into the page from outside. What the page owns is what
//! its roots reach over any edges that are not weak; the search starts with them, so that it finds
//! both at once: what is visited by then belongs to the page, and a few nodes that only edges
//! which are not essential reach are looked up apart.
//!
//! Nodes are numbered when they are taken off the stack, not when they are put on it: the edges of
//! a node are then looked at together, in one run. Of their targets the search only asks whether they
//! have been visited, which one bit says: all the bits fit the cache. Edges that are not the tree's are
//! written down as they are met, and numbered later.
//!
//! Source: `isEssentialEdge` and `markPageOwnedNodes` in DevTools' `HeapSnapshot.ts`.

use crate::bits::BitSet;
use crate::graph::{EdgeColumns, NodeColumns, Passage, Snapshot, Target};
use crate::memory;

/// Of how many nodes that were just put on the stack the edges are fetched.
const TOGETHER: usize = 8;

/// Marks a source among the [`SearchTree::backward`] edges: no ordinal and no number is as high.
pub(super) const SOURCE: u32 = 1 << 31;

/// Two numbers in one word: `low` in the lower half.
#[inline(always)]
fn pair(low: u32, high: u32) -> u64 {
    u64::from(low) | u64::from(high) << 32
}

/// The lower number of a word.
#[inline(always)]
fn low(word: u64) -> u32 {
    word as u32
}

/// The upper number of a word.
#[inline(always)]
fn high(word: u64) -> u32 {
    (word >> 32) as u32
}

/// The graph, and which of its edges are essential as far as their kind says.
#[derive(Clone, Copy)]
struct Graph<'a> {
    nodes: &'a NodeColumns,
    edges: &'a EdgeColumns,
    root: usize,
}

impl Graph<'_> {
    /// Whether an edge of `from` keeps its target, the page's rule and self edges aside.
    #[inline(always)]
    fn keeps(&self, from: usize, target: Target) -> bool {
        match target.passage() {
            Passage::Strong | Passage::EntryOfKey => true,
            Passage::Weak | Passage::EntryOfTable => false,
            Passage::Shortcut => from == self.root,
        }
    }
}

/// What the search has found.
pub(super) struct SearchTree {
    /// Ordinal to number; any number for nodes that take no part.
    pub(super) numbers: Vec<u32>,
    /// Number to ordinal.
    pub(super) vertex: Vec<u32>,
    /// In numbers.
    pub(super) parent: Vec<u32>,
    /// The edges that lead to lower numbers: the number of each source, marked with [`SOURCE`], and the ordinals of
    /// its targets.
    pub(super) backward: Vec<u32>,
    /// By ordinal: how many of these edges lead there.
    pub(super) from_higher: Vec<u32>,
    /// The edges that lead to higher numbers, the tree's aside: ordinal of the target and number of the source in turn.
    pub(super) forward: Vec<u32>,
    /// Nodes reached from the root itself.
    pub(super) reached: usize,
}

/// The search on its way.
struct Search<'a> {
    graph: Graph<'a>,
    visited: BitSet,
    tree: SearchTree,
    /// What the page owns, if there is a page.
    page: Option<BitSet>,
    /// Nodes to be numbered, each with the number of the node it was met from.
    stack: Vec<u64>,
}

/// What only matters while the page is searched.
#[derive(Default)]
struct Growth {
    /// Targets of edges that are neither weak nor essential.
    other_targets: Vec<usize>,
    /// An edge leads back to the root.
    meets_root: bool,
}

impl SearchTree {
    /// Searches. Complexity: the nodes and the edges.
    pub(super) fn of(snapshot: &Snapshot) -> SearchTree {
        let graph = Graph {
            nodes: &snapshot.nodes,
            edges: &snapshot.edges,
            root: snapshot.root,
        };
        let count = graph.nodes.len();
        let mut search = Search {
            graph,
            visited: BitSet::new(count),
            tree: SearchTree {
                numbers: memory::recycled(count, 0),
                vertex: memory::room(count),
                parent: memory::room(count),
                // An edge of the tree leads to each source but the root, which leaves room for its mark.
                backward: memory::any_room(graph.edges.len()),
                from_higher: memory::recycled(count, 0),
                forward: memory::any_room(count),
                reached: 0,
            },
            page: None,
            stack: Vec::new(),
        };
        search.visited.insert(graph.root);
        search.number(graph.root, 0);
        search.page_of(&snapshot.user_roots().entries);
        search.edges_of_root();
        search.walk(None);
        search.tree.reached = search.tree.vertex.len();
        if search.tree.reached < count {
            search.orphans();
        }
        search.tree
    }
}

impl Search<'_> {
    /// Numbers everything the page owns that essential edges reach, and finds the rest of it.
    fn page_of(&mut self, entries: &[u32]) {
        if entries.is_empty() {
            return;
        }
        let root = self.graph.root;
        let mut growth = Growth::default();
        for &entry in entries {
            if entry as usize == root {
                growth.meets_root = true;
            } else {
                self.stack.push(pair(entry, 0));
                self.walk(Some(&mut growth));
            }
        }
        let mut pending = growth.other_targets;
        if growth.meets_root {
            pending.push(root);
        }
        let mut page = self.visited.clone();
        let mut root_followed = false;
        while let Some(node) = pending.pop() {
            // The root was visited first, but its edges were not followed.
            let is_new = match node == root {
                true => !std::mem::replace(&mut root_followed, true),
                false => page.insert(node),
            };
            if is_new {
                let targets = self.graph.edges.targets(self.graph.nodes.edges_of(node));
                let strong = targets.iter().filter(|target| !target.is_weak());
                pending.extend(strong.map(|target| target.node()));
            }
        }
        self.page = Some(page);
    }

    /// The root's edges, after the page: what they lead to may have been met.
    fn edges_of_root(&mut self) {
        let Graph {
            nodes, edges, root, ..
        } = self.graph;
        // The first of them ends up on top.
        for edge in nodes.edges_of(root).rev() {
            let target = edges.target(edge);
            if target.node() != root && self.graph.keeps(root, target) {
                self.stack.push(pair(target.node() as u32, 0));
            }
        }
    }

    /// Nodes the root does not reach. Those without an essential retainer hang on the root, with
    /// what they reach; what is left (cycles) hangs on the root node by node, and, as in DevTools,
    /// the edges of these last do not count.
    fn orphans(&mut self) {
        let Graph { nodes, edges, .. } = self.graph;
        let count = nodes.len();
        let mut has_retainer = BitSet::new(count);
        // What is visited has been followed: it retains none of the others.
        let unvisited = |&node: &usize| !self.visited.contains(node);
        for node in (0..count).filter(unvisited) {
            let outside = !self.owns(node);
            for &target in edges.targets(nodes.edges_of(node)) {
                let to = target.node();
                let counts = to != node && self.graph.keeps(node, target);
                if counts && !(outside && self.owns(to)) {
                    has_retainer.insert(to);
                }
            }
        }
        for node in 0..count {
            if !self.visited.contains(node) && !has_retainer.contains(node) {
                self.stack.push(pair(node as u32, 0));
                self.walk(None);
            }
        }
        for node in 0..count {
            if !self.visited.contains(node) {
                // Neither its edges nor those to it take part.
                self.tree.vertex.push(node as u32);
                self.tree.parent.push(0);
            }
        }
    }

    /// Whether a node belongs to the page; all do if there is none.
    #[inline(always)]
    fn owns(&self, node: usize) -> bool {
        self.page.as_ref().is_none_or(|page| page.contains(node))
    }

    /// Gives a node the next number.
    #[inline(always)]
    fn number(&mut self, node: usize, parent: u32) -> u32 {
        let tree = &mut self.tree;
        let number = tree.vertex.len() as u32;
        tree.numbers[node] = number;
        tree.vertex.push(node as u32);
        tree.parent.push(parent);
        number
    }

    /// Numbers what is on the stack and everything reached from there.
    fn walk(&mut self, mut growth: Option<&mut Growth>) {
        while let Some(next) = self.stack.pop() {
            let (node, parent) = (low(next) as usize, high(next));
            if let Some(&next) = self.stack.last() {
                self.prefetch_edges(next);
            }
            if self.visited.insert(node) {
                let v = self.number(node, parent);
                self.look_at(node, v, growth.as_deref_mut());
            } else {
                // Met on another way below `parent` in the meantime.
                self.tree.forward.extend([node as u32, parent]);
            }
        }
    }

    /// Fetches the edges of a node on the stack: its range was fetched when it came there.
    #[inline(always)]
    fn prefetch_edges(&self, next: u64) {
        let first = self.graph.nodes.first_edge[low(next) as usize];
        self.graph.edges.prefetch(first as usize);
    }

    /// Looks at the edges of `node`, which was just given the number `v`.
    #[inline(always)]
    fn look_at(&mut self, node: usize, v: u32, mut growth: Option<&mut Growth>) {
        let graph = self.graph;
        let SearchTree {
            backward,
            from_higher,
            ..
        } = &mut self.tree;
        let outside = self.page.as_ref().filter(|page| !page.contains(node));
        let mark = backward.len();
        let above = self.stack.len();
        backward.push(v | SOURCE);
        for &target in graph.edges.targets(graph.nodes.edges_of(node)) {
            let to = target.node();
            if !graph.keeps(node, target) {
                if let Some(growth) = growth.as_deref_mut()
                    && !target.is_weak()
                {
                    growth.other_targets.push(to);
                }
                continue;
            }
            if outside.is_some_and(|page| page.contains(to)) {
                continue;
            }
            if !self.visited.contains(to) {
                memory::prefetch(&graph.nodes.first_edge, to);
                self.stack.push(pair(to as u32, v));
            } else if to != node {
                if to == graph.root
                    && let Some(growth) = growth.as_deref_mut()
                {
                    growth.meets_root = true;
                }
                backward.push(to as u32);
                from_higher[to] += 1;
            }
        }
        if backward.len() == mark + 1 {
            backward.truncate(mark);
        }
        // Together: one after the other, as each comes off the stack, they would all be waited for.
        for &next in self.stack[above..].iter().rev().take(TOGETHER) {
            self.prefetch_edges(next);
        }
    }
}
