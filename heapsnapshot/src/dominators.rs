//! Dominators and retained sizes.
//!
//! A node's *immediate dominator* is the last node that every path from the root to it passes; its
//! *retained size* is the sum of the self sizes of everything it dominates. Only *essential* edges
//! count as paths (see `Essential` below).
//!
//! The algorithm is Semi-NCA: Loukas Georgiadis, *Linear-Time Algorithms for Dominators and Related
//! Problems* (Princeton, 2005), chapter 2. Depth-first numbers and semidominators are those of
//! Lengauer and Tarjan (1979); the dominator is then the nearest ancestor in the tree built so far
//! whose number does not exceed the semidominator's. Complexity: O(edges · log nodes), near linear
//! in practice; 28 bytes a node and 4 an edge that leads backwards while it works, no recursion.

use crate::bits::BitSet;
use crate::format::EdgeType;
use crate::graph::{EdgeColumns, NodeColumns, NodeOrdinal, Snapshot};
use crate::memory;
use crate::roots::UserRoots;
use crate::weak_maps::WeakMapEdges;

/// Dominators and retained sizes of all nodes.
#[derive(Debug)]
pub struct Dominators {
    dominator: Vec<u32>,
    retained: Vec<u64>,
    /// All nodes, each before the nodes it dominates, subtree by subtree.
    tree_order: Vec<u32>,
    /// By position in `tree_order`: nodes in the subtree that begins there.
    subtree: Vec<u32>,
    unreachable: usize,
}

const NONE: u32 = u32::MAX;
/// How many edges ahead a target is fetched.
const AHEAD: usize = 24;

impl Dominators {
    /// Complexity: see the module.
    pub(crate) fn compute(snapshot: &Snapshot) -> Dominators {
        let edges = Essential::new(snapshot);
        let Search {
            vertex,
            parent,
            visits,
            reached,
        } = Search::run(&edges);
        let nodes = vertex.len();
        let idom = semi_nca(&edges, &vertex, parent, visits);

        // Dominators come before what they dominate in depth-first order: one sweep each way.
        let sizes = snapshot.shallow_sizes();
        let mut sums: Vec<u64> = memory::with_capacity(nodes);
        sums.extend(vertex.iter().map(|&node| u64::from(sizes[node as usize])));
        let mut below = memory::filled(nodes, 1_u32);
        for w in (1..nodes).rev() {
            let above = idom[w] as usize;
            sums[above] += sums[w];
            below[above] += below[w];
        }
        let mut retained = memory::filled(nodes, 0_u64);
        let mut dominator = memory::filled(nodes, 0_u32);
        for (w, &node) in vertex.iter().enumerate() {
            retained[node as usize] = sums[w];
            dominator[node as usize] = vertex[idom[w] as usize];
        }
        drop(sums);
        // `next[w]`: where the next subtree below w goes.
        let mut next = memory::filled(nodes, 0_u32);
        let mut tree_order = memory::filled(nodes, 0_u32);
        let mut subtree = memory::filled(nodes, 0_u32);
        for w in 0..nodes {
            let place = if w == 0 { 0 } else { next[idom[w] as usize] };
            if w > 0 {
                next[idom[w] as usize] += below[w];
            }
            next[w] = place + 1;
            tree_order[place as usize] = vertex[w];
            subtree[place as usize] = below[w];
        }
        Dominators {
            dominator,
            retained,
            tree_order,
            subtree,
            unreachable: nodes - reached,
        }
    }

    /// The immediate dominator; the root's is the root.
    #[must_use]
    pub fn dominator(&self, node: NodeOrdinal) -> NodeOrdinal {
        NodeOrdinal(self.dominator[node.index()])
    }

    /// Bytes that would be freed with the node, its own included.
    #[must_use]
    pub fn retained_size(&self, node: NodeOrdinal) -> u64 {
        self.retained[node.index()]
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

/// The essential edges: those that retain their target. An edge is none if it is weak, a self edge,
/// a shortcut (except from the root), the table's half of a WeakMap entry, or leads into the page
/// from outside.
pub(crate) struct Essential<'a> {
    nodes: &'a NodeColumns,
    edges: &'a EdgeColumns,
    weak_maps: &'a WeakMapEdges,
    roots: &'a UserRoots,
    root: usize,
}

impl<'a> Essential<'a> {
    pub(crate) fn new(snapshot: &'a Snapshot) -> Essential<'a> {
        Essential {
            nodes: &snapshot.nodes,
            edges: &snapshot.edges,
            weak_maps: snapshot.weak_maps(),
            roots: snapshot.user_roots(),
            root: snapshot.root,
        }
    }

    /// The edges of one node.
    #[inline(always)]
    fn of(&self, from: usize) -> EssentialOf<'a> {
        let into_page = match self.roots.page() {
            Some(page) if from != self.root && !page.contains(from) => Some(page),
            _ => None,
        };
        EssentialOf {
            edges: self.edges,
            weak_maps: self.weak_maps,
            from: from as u32,
            id: self.nodes.id[from],
            is_root: from == self.root,
            into_page,
        }
    }

    /// Whether an edge of `from` is essential.
    #[cfg(test)]
    pub(crate) fn contains(&self, from: usize, edge: usize) -> bool {
        self.of(from).target(edge).is_some()
    }
}

/// What decides about the edges of one node.
struct EssentialOf<'a> {
    edges: &'a EdgeColumns,
    weak_maps: &'a WeakMapEdges,
    from: u32,
    id: u32,
    is_root: bool,
    /// Set if the node is outside the page: then targets in it do not count.
    into_page: Option<&'a BitSet>,
}

impl EssentialOf<'_> {
    /// The target of an edge, if the edge is essential.
    #[inline(always)]
    fn target(&self, edge: usize) -> Option<usize> {
        let (kind, name) = self.edges.label(edge);
        let to = self.edges.to[edge];
        if to == self.from || kind == EdgeType::Weak as u8 {
            return None;
        }
        if kind == EdgeType::Shortcut as u8 && !self.is_root {
            return None;
        }
        if kind == EdgeType::Internal as u8
            && let Some(entry) = self.weak_maps.entry(name)
            && entry.table == u64::from(self.id)
        {
            return None;
        }
        if let Some(page) = self.into_page
            && page.contains(to as usize)
        {
            return None;
        }
        Some(to as usize)
    }
}

/// What the search knows of a node; side by side, because they are read together.
#[derive(Clone, Copy)]
struct Visit {
    /// Its depth-first number.
    number: u32,
    /// Edges to it from nodes numbered higher.
    backward: u32,
}

/// The depth-first search: numbers and tree.
struct Search {
    /// Number to ordinal.
    vertex: Vec<u32>,
    /// In numbers.
    parent: Vec<u32>,
    /// By ordinal.
    visits: Vec<Visit>,
    /// Nodes reached from the root itself.
    reached: usize,
}

impl Search {
    fn run(edges: &Essential<'_>) -> Search {
        let count = edges.nodes.len();
        let mut search = Search {
            vertex: memory::with_capacity(count),
            parent: memory::with_capacity(count),
            visits: memory::filled(
                count,
                Visit {
                    number: NONE,
                    backward: 0,
                },
            ),
            reached: 0,
        };
        search.from(edges, edges.root);
        search.reached = search.vertex.len();
        if search.reached < count {
            search.orphans(edges);
        }
        search
    }

    /// Nodes the root does not reach. Those without an essential retainer hang on the root, with
    /// what they reach; what is left (cycles) hangs on the root node by node, and, as in DevTools,
    /// the edges of these last do not count.
    fn orphans(&mut self, edges: &Essential<'_>) {
        let count = edges.nodes.len();
        let mut has_retainer = BitSet::new(count);
        for node in 0..count {
            let from = edges.of(node);
            for to in edges
                .nodes
                .edges_of(node)
                .filter_map(|edge| from.target(edge))
            {
                has_retainer.insert(to);
            }
        }
        for node in 0..count {
            if self.visits[node].number == NONE && !has_retainer.contains(node) {
                self.from(edges, node);
            }
        }
        for node in 0..count {
            if self.visits[node].number == NONE {
                // No number: neither its edges nor those to it take part.
                self.vertex.push(node as u32);
                self.parent.push(0);
            }
        }
    }

    fn visit(&mut self, node: usize, parent: u32) -> u32 {
        let number = self.vertex.len() as u32;
        self.visits[node].number = number;
        self.vertex.push(node as u32);
        self.parent.push(parent);
        number
    }

    fn from(&mut self, edges: &Essential<'_>, start: usize) {
        // Per node on the path: its number, the next edge and the end of its edges.
        let mut path: Vec<(u32, u32, u32)> = Vec::new();
        let mut v = self.visit(start, 0);
        let mut range = edges.nodes.edges_of(start);
        let mut from = edges.of(start);
        loop {
            let mut child = None;
            for edge in range.by_ref() {
                let Some(to) = from.target(edge) else {
                    continue;
                };
                let visit = &mut self.visits[to];
                if visit.number == NONE {
                    child = Some(to);
                    break;
                }
                visit.backward += u32::from(visit.number < v);
            }
            if let Some(to) = child {
                if !range.is_empty() {
                    path.push((v, range.start as u32, range.end as u32));
                }
                v = self.visit(to, v);
                range = edges.nodes.edges_of(to);
                from = edges.of(to);
            } else {
                let Some((number, next, end)) = path.pop() else {
                    return;
                };
                v = number;
                range = next as usize..end as usize;
                from = edges.of(self.vertex[v as usize] as usize);
            }
        }
    }
}

/// Immediate dominators, in depth-first numbers.
#[inline(never)]
fn semi_nca(
    edges: &Essential<'_>,
    vertex: &[u32],
    parent: Vec<u32>,
    visits: Vec<Visit>,
) -> Vec<u32> {
    let count = parent.len();
    let (mut semi, first, sources) = predecessors(edges, vertex, &parent, visits);
    // The forest of nodes already processed, with compressed paths: ancestor, and the lowest
    // semidominator on the way to it (the way's start included, the ancestor not).
    let mut forest: Vec<(u32, u32)> = memory::with_capacity(count);
    forest.extend(parent.iter().zip(&semi).map(|(&up, &low)| (up, low)));
    let mut path = Vec::new();
    for w in (1..count as u32).rev() {
        let mut lowest = semi[w as usize];
        for &source in &sources[first[w as usize] as usize..first[w as usize + 1] as usize] {
            if lowest == 0 {
                break;
            }
            lowest = lowest.min(evaluate(&mut forest, &mut path, source, w));
        }
        semi[w as usize] = lowest;
        forest[w as usize].1 = lowest;
    }
    let mut idom = parent;
    for w in 1..count {
        let mut candidate = idom[w];
        while candidate > semi[w] {
            candidate = idom[candidate as usize];
        }
        idom[w] = candidate;
    }
    idom
}

/// The lowest semidominator on the path from `v` up to, not including, the tree's root, which is
/// numbered `w` or lower. Compresses the path.
#[inline(always)]
fn evaluate(forest: &mut [(u32, u32)], path: &mut Vec<u32>, v: u32, w: u32) -> u32 {
    let mut top = v;
    while forest[top as usize].0 > w {
        path.push(top);
        top = forest[top as usize].0;
    }
    let (root, mut lowest) = forest[top as usize];
    while let Some(node) = path.pop() {
        let entry = &mut forest[node as usize];
        lowest = lowest.min(entry.1);
        *entry = (root, lowest);
    }
    lowest
}

/// In depth-first numbers: of every node the lowest-numbered predecessor among those numbered lower
/// than it, and all predecessors numbered higher, as ranges of one array.
#[inline(never)]
fn predecessors(
    edges: &Essential<'_>,
    vertex: &[u32],
    parent: &[u32],
    visits: Vec<Visit>,
) -> (Vec<u32>, Vec<u32>, Vec<u32>) {
    let count = parent.len();
    let mut first = memory::with_capacity(count + 1);
    let mut total = 0_u32;
    for &node in vertex {
        total += visits[node as usize].backward;
        first.push(total);
    }
    first.push(total);
    let mut semi = memory::with_capacity(count);
    semi.extend_from_slice(parent);
    let mut sources = memory::filled(total as usize, 0_u32);
    // In file order, so that the edges stream by; only the targets are scattered.
    for node in 0..count {
        let v = visits[node].number;
        if v == NONE {
            continue;
        }
        let from = edges.of(node);
        for edge in edges.nodes.edges_of(node) {
            if let Some(&ahead) = edges.edges.to.get(edge + AHEAD) {
                memory::prefetch(&visits, ahead as usize);
            }
            let Some(to) = from.target(edge) else {
                continue;
            };
            let w = visits[to].number;
            if w < v {
                // Groups fill from their ends; `first` ends up at their starts.
                let place = &mut first[w as usize];
                *place -= 1;
                sources[*place as usize] = v;
            } else {
                let lowest = &mut semi[w as usize];
                *lowest = (*lowest).min(v);
            }
        }
    }
    (semi, first, sources)
}
