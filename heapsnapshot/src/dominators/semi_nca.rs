//! Immediate dominators in depth-first numbers.
//!
//! Semi-NCA: Loukas Georgiadis, *Linear-Time Algorithms for Dominators and Related Problems*
//! (Princeton, 2005), chapter 2. Depth-first numbers and semidominators are those of Lengauer and
//! Tarjan (1979); the dominator is then the nearest ancestor in the tree built so far whose number
//! does not exceed the semidominator's.

use super::search::{AHEAD, NONE, Search, high, low, pair};
use crate::memory;

/// How many edges wait between being met and being filed, so that their place is fetched.
const WAITING: usize = 32;

/// What the search and the dominators leave: columns whose room is used again.
pub(super) struct Found {
    /// Number to ordinal.
    pub(super) vertex: Vec<u32>,
    /// In numbers.
    pub(super) idom: Vec<u32>,
    /// Nodes reached from the root itself.
    pub(super) reached: usize,
    /// Room for a number per node.
    pub(super) room: Vec<u32>,
    /// The same, once it is cut down to that.
    pub(super) large_room: Vec<u32>,
    /// Room for a sum per node, and one more.
    pub(super) wide_room: Vec<u64>,
}

/// Complexity: O(edges · log nodes), near linear in practice; no recursion.
#[inline(never)]
pub(super) fn semi_nca(mut search: Search<'_>) -> Found {
    let (mut first, sources) = predecessors(&mut search);
    let Search {
        mut visits,
        parent,
        mut lowest,
        reached,
        ..
    } = search;
    let count = parent.len();
    // The forest of nodes already processed, with compressed paths: ancestor (the lower half), and
    // the lowest semidominator on the way to it (the way's start included, the ancestor not).
    for ((visit, lowest), &up) in visits.iter_mut().zip(&mut lowest).zip(&parent) {
        let node = high(*visit);
        *visit = pair(up, *lowest);
        *lowest = node;
    }
    let (mut forest, vertex) = (visits, lowest);
    let mut path = Vec::new();
    let mut end = sources.len();
    for w in (1..count).rev() {
        let mut semi = high(forest[w]);
        let start = first[w] as usize;
        for at in (start..end).rev() {
            if let Some(&ahead) = sources.get(at.wrapping_sub(AHEAD)) {
                memory::prefetch(&forest, ahead as usize);
            }
            semi = semi.min(evaluate(&mut forest, &mut path, sources[at], w as u32));
        }
        end = start;
        forest[w] = pair(low(forest[w]), semi);
        // Its range is not needed any more.
        first[w] = semi;
    }
    let semi = first;
    let mut idom = parent;
    for w in 1..count {
        let mut candidate = idom[w];
        while candidate > semi[w] {
            candidate = idom[candidate as usize];
        }
        idom[w] = candidate;
    }
    Found {
        vertex,
        idom,
        reached,
        room: semi,
        large_room: sources,
        wide_room: forest,
    }
}

/// The lowest semidominator on the path from `v` up to, not including, the tree's root, which is
/// numbered `w` or lower. Compresses the path.
#[inline(always)]
fn evaluate(forest: &mut [u64], path: &mut Vec<u32>, v: u32, w: u32) -> u32 {
    let mut top = forest[v as usize];
    if low(top) <= w {
        return high(top);
    }
    let mut node = v;
    while low(top) > w {
        path.push(node);
        node = low(top);
        top = forest[node as usize];
    }
    let (root, mut lowest) = (low(top), high(top));
    while let Some(node) = path.pop() {
        let entry = &mut forest[node as usize];
        lowest = lowest.min(high(*entry));
        *entry = pair(root, lowest);
    }
    lowest
}

/// In depth-first numbers: all predecessors of each node that are numbered higher, as ranges of one
/// array; where each range begins, and the array.
///
/// The counts in the upper halves of the visits are not needed then: `vertex` moves there, which
/// makes room for the array.
#[inline(never)]
fn predecessors(search: &mut Search<'_>) -> (Vec<u32>, Vec<u32>) {
    let count = search.parent.len();
    let vertex = std::mem::take(&mut search.vertex);
    let visits = &mut search.visits;
    let mut first = memory::room(count);
    let mut total = 0_u32;
    for (at, &node) in vertex.iter().enumerate() {
        if let Some(&ahead) = vertex.get(at + AHEAD) {
            memory::prefetch(visits, ahead as usize);
        }
        total += high(visits[node as usize]);
        first.push(total);
    }
    for (visit, node) in visits.iter_mut().zip(vertex) {
        *visit = pair(low(*visit), node);
    }
    let (graph, visits, page) = (search.graph, &search.visits, &search.page);
    let mut sources = memory::zeros_in_any_room(total as usize);
    let mut waiting = [0_u64; WAITING];
    let mut met = 0;
    // In file order, so that the edges stream by; only the targets are scattered.
    for node in 0..count {
        let v = low(visits[node]);
        if v == NONE || v == 0 {
            continue;
        }
        let outside = !page.contains(node, v);
        let range = graph.nodes.edges_of(node);
        for (edge, &target) in range.clone().zip(graph.edges.targets(range)) {
            graph.edges.prefetch_target(edge + AHEAD, visits);
            let visit = visits[target.node()];
            let w = low(visit);
            if w >= v || !graph.keeps(node, target) {
                continue;
            }
            if outside && page.contains(target.node(), w) {
                continue;
            }
            let slot = &mut waiting[met % WAITING];
            let due = std::mem::replace(slot, pair(w, v));
            memory::prefetch(&first, w as usize);
            if met >= WAITING {
                file(&mut first, &mut sources, due);
            }
            met += 1;
        }
    }
    for &due in &waiting[..met.min(WAITING)] {
        file(&mut first, &mut sources, due);
    }
    (first, sources)
}

/// Puts an edge's source into its target's group. Groups fill from their ends, so that `first` ends
/// up at their starts.
#[inline(always)]
fn file(first: &mut [u32], sources: &mut [u32], edge: u64) {
    let place = &mut first[low(edge) as usize];
    *place -= 1;
    sources[*place as usize] = high(edge);
}
