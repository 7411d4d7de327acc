//! Immediate dominators in depth-first numbers.
//!
//! Semi-NCA: Loukas Georgiadis, *Linear-Time Algorithms for Dominators and Related Problems*
//! (Princeton, 2005), chapter 2. Depth-first numbers and semidominators are those of Lengauer and
//! Tarjan (1979); the dominator is then the nearest ancestor in the tree built so far whose number
//! does not exceed the semidominator's.

use super::search::{SOURCE, SearchTree};
use crate::memory;

/// How many edges ahead what they need is fetched.
pub(super) const AHEAD: usize = 24;
/// How many sources of a node are fetched together.
const SOURCES_AHEAD: usize = 8;

/// A node of the forest of those already processed, whose paths are compressed.
#[derive(Clone, Copy)]
struct Link {
    ancestor: u32,
    /// The lowest semidominator on the way to the ancestor: the way's start included, the ancestor not. As long as the
    /// node is not processed, its lowest-numbered predecessor among those numbered lower.
    lowest: u32,
}

/// The forest, as the pairs of [`Link`]'s numbers.
type Forest = [[u32; 2]];

#[inline(always)]
fn link(forest: &Forest, node: u32) -> Link {
    let [ancestor, lowest] = forest[node as usize];
    Link { ancestor, lowest }
}

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
    /// Room for at least that.
    pub(super) large_room: Vec<u32>,
    /// Room for at least two numbers per node.
    pub(super) wide_room: Vec<u32>,
}

/// Complexity: O(edges · log nodes), near linear in practice; no recursion.
#[inline(never)]
pub(super) fn semi_nca(mut tree: SearchTree) -> Found {
    let (first, sources) = predecessors(&mut tree);
    let mut wide_room = links(&tree);
    let count = tree.parent.len();
    let (forest, _) = wide_room.as_chunks_mut::<2>();
    let group = |node: u32| {
        let node = node as usize;
        let end = first.get(node + 1).copied().unwrap_or(sources.len() as u32);
        first[node] as usize..end as usize
    };
    let mut semi = tree.numbers;
    let mut path = Vec::new();
    for w in (1..count).rev() {
        if let Some(&ahead) = tree.vertex.get(w.wrapping_sub(3 * AHEAD)) {
            memory::prefetch(&first, ahead as usize);
        }
        if let Some(&ahead) = tree.vertex.get(w.wrapping_sub(2 * AHEAD)) {
            memory::prefetch(&sources, first[ahead as usize] as usize);
        }
        if let Some(&ahead) = tree.vertex.get(w.wrapping_sub(AHEAD)) {
            for &source in sources[group(ahead)].iter().take(SOURCES_AHEAD) {
                memory::prefetch(forest, source as usize);
            }
        }
        let mut lowest = forest[w][1];
        let group = &sources[group(tree.vertex[w])];
        for (at, &source) in group.iter().enumerate() {
            if let Some(&ahead) = group.get(at + SOURCES_AHEAD) {
                memory::prefetch(forest, ahead as usize);
            }
            lowest = lowest.min(evaluate(forest, &mut path, source, w as u32));
            // The highest sources, which come first, often have a way from the root that no other one can better.
            if lowest == 0 {
                break;
            }
        }
        forest[w][1] = lowest;
        semi[w] = lowest;
    }
    memory::recycle(first);
    let mut idom = tree.parent;
    for w in 1..count {
        let mut candidate = idom[w];
        while candidate > semi[w] {
            candidate = idom[candidate as usize];
        }
        idom[w] = candidate;
    }
    Found {
        vertex: tree.vertex,
        idom,
        reached: tree.reached,
        room: semi,
        large_room: sources,
        wide_room,
    }
}

/// The lowest semidominator on the path from `v` up to, not including, the tree's root, which is
/// numbered `w` or lower. Compresses the path.
#[inline(always)]
fn evaluate(forest: &mut Forest, path: &mut Vec<u32>, v: u32, w: u32) -> u32 {
    let mut top = link(forest, v);
    if top.ancestor <= w {
        return top.lowest;
    }
    let mut node = v;
    while top.ancestor > w {
        path.push(node);
        node = top.ancestor;
        top = link(forest, node);
    }
    let Link {
        ancestor,
        mut lowest,
    } = top;
    while let Some(node) = path.pop() {
        lowest = lowest.min(link(forest, node).lowest);
        forest[node as usize] = [ancestor, lowest];
    }
    lowest
}

/// The forest before the first node is processed, as numbers.
#[inline(never)]
fn links(tree: &SearchTree) -> Vec<u32> {
    let count = tree.parent.len();
    // One link more than needed: the room is used again for sums.
    let mut links = memory::any_room(2 * count + 2);
    links.extend(tree.parent.iter().flat_map(|&parent| [parent, parent]));
    let (forest, _) = links.as_chunks_mut::<2>();
    let (forward, _) = tree.forward.as_chunks::<2>();
    for (at, &[target, source]) in forward.iter().enumerate() {
        if let Some(&[ahead, _]) = forward.get(at + 2 * AHEAD) {
            memory::prefetch(&tree.numbers, ahead as usize);
        }
        if let Some(&[ahead, _]) = forward.get(at + AHEAD) {
            memory::prefetch(forest, tree.numbers[ahead as usize] as usize);
        }
        let [_, lowest] = &mut forest[tree.numbers[target as usize] as usize];
        *lowest = (*lowest).min(source);
    }
    links
}

/// All predecessors of each node that are numbered higher: in numbers, as ranges of one array in the order of the nodes;
/// where each range begins, and the array.
#[inline(never)]
fn predecessors(tree: &mut SearchTree) -> (Vec<u32>, Vec<u32>) {
    let backward = std::mem::take(&mut tree.backward);
    let mut first = std::mem::take(&mut tree.from_higher);
    let mut total = 0;
    for first in &mut first {
        total += *first;
        *first = total;
    }
    let mut sources = memory::any_room(total as usize);
    sources.resize(total as usize, 0);
    // Groups fill from their ends, so that `first` ends up at their starts, and the highest sources there.
    let mut source = 0;
    for (at, &target) in backward.iter().enumerate() {
        if let Some(&ahead) = backward.get(at + 2 * AHEAD) {
            memory::prefetch(&first, ahead as usize);
        }
        let ahead = backward
            .get(at + AHEAD)
            .and_then(|&ahead| first.get(ahead as usize));
        if let Some(&place) = ahead {
            memory::prefetch(&sources, (place as usize).wrapping_sub(1));
        }
        if target & SOURCE != 0 {
            source = target & !SOURCE;
            continue;
        }
        let place = &mut first[target as usize];
        *place -= 1;
        sources[*place as usize] = source;
    }
    memory::recycle(backward);
    (first, sources)
}
