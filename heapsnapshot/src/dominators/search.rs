//! The depth-first search over essential edges: numbers, tree, and what the page owns.
//!
//! An edge is *essential* unless it is weak, a self edge, a shortcut (except from the root), the
//! table's half of a WeakMap entry, or leads into the page from outside. What the page owns is what
//! its roots reach over any edges that are not weak; the search starts with them, so that it finds
//! both at once: what is numbered by then belongs to the page, and a few nodes that only edges
//! which are not essential reach are looked up apart.
//!
//! Nodes are numbered when they are taken off the stack, not when they are put on it: the edges of
//! a node are then looked at together, in one run, with all their targets fetched at once.

use crate::bits::BitSet;
use crate::graph::{EdgeColumns, NodeColumns, Passage, Snapshot, Target};
use crate::memory;

/// The number of a node that is not numbered.
pub(super) const NONE: u32 = u32::MAX;
/// How many edges ahead a target is fetched.
pub(super) const AHEAD: usize = 24;

/// Two numbers in one word: `low` in the lower half.
#[inline(always)]
pub(super) fn pair(low: u32, high: u32) -> u64 {
    u64::from(low) | u64::from(high) << 32
}

/// The lower number of a word.
#[inline(always)]
pub(super) fn low(word: u64) -> u32 {
    word as u32
}

/// The upper number of a word.
#[inline(always)]
pub(super) fn high(word: u64) -> u32 {
    (word >> 32) as u32
}

/// The graph, and which of its edges are essential as far as their kind says.
#[derive(Clone, Copy)]
pub(super) struct Graph<'a> {
    pub(super) nodes: &'a NodeColumns,
    pub(super) edges: &'a EdgeColumns,
    pub(super) root: usize,
}

impl Graph<'_> {
    /// Whether an edge of `from` keeps its target, the page's rule and self edges aside.
    #[inline(always)]
    pub(super) fn keeps(&self, from: usize, target: Target) -> bool {
        match target.passage() {
            Passage::Strong | Passage::EntryOfKey => true,
            Passage::Weak | Passage::EntryOfTable => false,
            Passage::Shortcut => from == self.root,
        }
    }
}

/// What the page owns.
pub(super) struct Page {
    /// Numbers below this belong to it; all do if there is no page.
    numbered: u64,
    /// And these nodes, which have no number or a later one.
    rest: BitSet,
}

impl Page {
    /// Whether a node with this number belongs to the page.
    #[inline(always)]
    pub(super) fn contains(&self, node: usize, number: u32) -> bool {
        u64::from(number) < self.numbered || self.rest.contains(node)
    }
}

/// The search and what it has found.
pub(super) struct Search<'a> {
    pub(super) graph: Graph<'a>,
    /// By ordinal. The lower half is the number. The upper half is the first edge until a node is
    /// numbered, and then counts the edges to it from nodes numbered higher.
    pub(super) visits: Vec<u64>,
    /// Number to ordinal.
    pub(super) vertex: Vec<u32>,
    /// In numbers.
    pub(super) parent: Vec<u32>,
    /// The lowest-numbered predecessor among those numbered lower.
    pub(super) lowest: Vec<u32>,
    pub(super) page: Page,
    /// Nodes reached from the root itself.
    pub(super) reached: usize,
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

impl<'a> Search<'a> {
    /// Complexity: the nodes and the edges.
    pub(super) fn run(snapshot: &'a Snapshot) -> Search<'a> {
        let graph = Graph {
            nodes: &snapshot.nodes,
            edges: &snapshot.edges,
            root: snapshot.root,
        };
        let count = graph.nodes.len();
        // One more than needed: the room is used again for sums.
        let mut visits = memory::with_capacity(count + 1);
        let first_edges = graph.nodes.first_edge[..count].iter();
        visits.extend(first_edges.map(|&first| pair(NONE, first)));
        let mut search = Search {
            graph,
            visits,
            vertex: memory::room(count),
            parent: memory::room(count),
            lowest: memory::room(count),
            page: Page {
                numbered: u64::MAX,
                rest: BitSet::default(),
            },
            reached: 0,
            stack: Vec::new(),
        };
        search.number(graph.root, 0);
        search.page_of(&snapshot.user_roots().entries);
        search.edges_of_root();
        search.walk(None);
        search.reached = search.vertex.len();
        if search.reached < count {
            search.orphans();
        }
        search.stack = Vec::new();
        search
    }

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
        let mut rest = BitSet::default();
        while let Some(node) = pending.pop() {
            if low(self.visits[node]) != NONE && node != root {
                continue;
            }
            if rest.is_empty() {
                rest = BitSet::new(self.graph.nodes.len());
            }
            if rest.insert(node) {
                let targets = self.graph.edges.targets(self.graph.nodes.edges_of(node));
                let strong = targets.iter().filter(|target| !target.is_weak());
                pending.extend(strong.map(|target| target.node()));
            }
        }
        self.page = Page {
            numbered: self.vertex.len() as u64,
            rest,
        };
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
        for node in 0..count {
            let outside = node != self.graph.root && !self.owns(node);
            for edge in nodes.edges_of(node) {
                let target = edges.target(edge);
                let to = target.node();
                let counts = to != node && self.graph.keeps(node, target);
                if counts && !(outside && self.owns(to)) {
                    has_retainer.insert(to);
                }
            }
        }
        for node in 0..count {
            if low(self.visits[node]) == NONE && !has_retainer.contains(node) {
                self.stack.push(pair(node as u32, 0));
                self.walk(None);
            }
        }
        for node in 0..count {
            if low(self.visits[node]) == NONE {
                // No number: neither its edges nor those to it take part.
                self.visits[node] = pair(NONE, 0);
                self.vertex.push(node as u32);
                self.parent.push(0);
                self.lowest.push(0);
            }
        }
    }

    fn owns(&self, node: usize) -> bool {
        self.page.contains(node, low(self.visits[node]))
    }

    /// Gives a node the next number.
    #[inline(always)]
    fn number(&mut self, node: usize, parent: u32) -> u32 {
        let number = self.vertex.len() as u32;
        self.visits[node] = pair(number, 0);
        self.vertex.push(node as u32);
        self.parent.push(parent);
        self.lowest.push(parent);
        number
    }

    /// Numbers what is on the stack and everything reached from there.
    fn walk(&mut self, mut growth: Option<&mut Growth>) {
        while let Some(next) = self.stack.pop() {
            let (node, parent) = (low(next) as usize, high(next));
            let visit = self.visits[node];
            if low(visit) == NONE {
                let v = self.number(node, parent);
                self.look_at(node, v, high(visit) as usize, growth.as_deref_mut());
            } else {
                // Met on another way below `parent` in the meantime.
                let lowest = &mut self.lowest[low(visit) as usize];
                *lowest = (*lowest).min(parent);
            }
        }
    }

    /// Looks at the edges of `node`, which was just given the number `v`.
    #[inline(always)]
    fn look_at(&mut self, node: usize, v: u32, first: usize, mut growth: Option<&mut Growth>) {
        let graph = self.graph;
        let (visits, page) = (&mut self.visits[..], &self.page);
        let end = graph.nodes.first_edge[node + 1] as usize;
        let targets = graph.edges.targets(first..end);
        for target in targets.iter().take(AHEAD) {
            memory::prefetch(visits, target.node());
        }
        let outside = !page.contains(node, v);
        for (at, &target) in targets.iter().enumerate() {
            if let Some(ahead) = targets.get(at + AHEAD) {
                memory::prefetch(visits, ahead.node());
            }
            let to = target.node();
            if !graph.keeps(node, target) {
                if let Some(growth) = growth.as_deref_mut()
                    && !target.is_weak()
                {
                    growth.other_targets.push(to);
                }
                continue;
            }
            let visit = visits[to];
            if outside && page.contains(to, low(visit)) {
                continue;
            }
            if low(visit) == NONE {
                memory::prefetch(&graph.nodes.first_edge, to + 1);
                graph.edges.prefetch(high(visit) as usize);
                self.stack.push(pair(to as u32, v));
            } else {
                if low(visit) == 0
                    && let Some(growth) = growth.as_deref_mut()
                {
                    growth.meets_root = true;
                }
                visits[to] = visit + (u64::from(low(visit) < v) << 32);
            }
        }
    }
}
