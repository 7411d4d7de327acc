//! Patterns: how an owner holds its items, step by step, in a form that can be followed in every snapshot.
//!
//! A Map holds its values over its table, and the table is another object each time the map has grown; but the way is
//! the same: `table`, then any numbered slot.

use hashbrown::HashSet;

use super::ids::Persistent;
use crate::format::EdgeType;
use crate::graph::{EdgeRef, Snapshot};
use crate::paths::Tree;

/// Longest way from an owner to an item: there is only plumbing between.
const LONGEST: usize = 12;
/// So many ways that differ in names only: the names are data, as in a dictionary.
const MOST_ALIKE: usize = 4;

/// One step: an edge's type, and its name where that is no data.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Step {
    kind: Option<EdgeType>,
    name: Option<Box<[u8]>>,
}

impl Step {
    fn of(edge: EdgeRef<'_>) -> Step {
        let named = matches!(
            edge.kind(),
            Some(EdgeType::Context | EdgeType::Property | EdgeType::Internal)
        );
        let name = named
            .then(|| edge.to().snapshot().strings().escaped(edge.name_or_index()))
            .flatten();
        Step {
            kind: edge.kind(),
            name: name.filter(|name| !is_data(name)).map(Into::into),
        }
    }

    fn fits(&self, edge: EdgeRef<'_>) -> bool {
        edge.kind() == self.kind
            && self.name.as_ref().is_none_or(|name| {
                let strings = edge.to().snapshot().strings();
                strings.escaped(edge.name_or_index()) == Some(name)
            })
    }
}

/// Slots' numbers, and V8's names of WeakMap entries, which have ids in them.
fn is_data(name: &[u8]) -> bool {
    name.iter().all(u8::is_ascii_digit) || memchr::memmem::find(name, b" / part of key (").is_some()
}

/// The ways from an owner to its items.
#[derive(Clone, Debug, Default)]
pub(super) struct Patterns {
    ways: Vec<Vec<Step>>,
    /// Ways by the edges that are theirs in the last snapshot, so that most items cost no comparison.
    seen: HashSet<Vec<(u8, u32)>>,
}

impl Patterns {
    /// Adds the way from `owner` to `item` in the last snapshot's tree.
    pub(super) fn add(&mut self, last: &Snapshot, tree: &Tree, owner: u32, item: u32) {
        let mut key = Vec::new();
        let mut at = item;
        while at != owner && key.len() < LONGEST {
            let (Some(edge), Some(parent)) = (tree.edge_ordinal(at), tree.parent(at)) else {
                return;
            };
            let (kind, name) = last.edges.label(edge as usize);
            let numbered = kind == EdgeType::Element as u8 || kind == EdgeType::Hidden as u8;
            key.push((kind, if numbered { 0 } else { name }));
            at = parent;
        }
        if self.seen.len() > 1000 || !self.seen.insert(key) {
            return;
        }
        let way: Vec<Step> = tree
            .path_below(last, owner, item)
            .into_iter()
            .map(Step::of)
            .collect();
        self.add_way(way);
    }

    fn add_way(&mut self, way: Vec<Step>) {
        if way.len() > LONGEST || self.ways.iter().any(|known| covers(known, &way)) {
            return;
        }
        let alike: Vec<usize> = (0..self.ways.len())
            .filter(|&at| same_kinds(&self.ways[at], &way))
            .collect();
        if alike.len() < MOST_ALIKE {
            self.ways.push(way);
            return;
        }
        let mut merged = way;
        for &at in alike.iter().rev() {
            for (step, other) in merged.iter_mut().zip(self.ways.swap_remove(at)) {
                if step.name != other.name {
                    step.name = None;
                }
            }
        }
        self.ways.push(merged);
    }

    /// Takes the ways of another owner of the same shape.
    pub(super) fn merge(&mut self, other: Patterns) {
        for way in other.ways {
            self.add_way(way);
        }
    }

    /// Calls `found` for each node at the end of a way from `owner`, once for all that share `seen`; returns own bytes
    /// of what lies between and of `tables`, the owner's own: an array's elements hang on the array, too, and past its
    /// table.
    pub(super) fn follow(
        &self,
        snapshot: &Snapshot,
        owner: usize,
        tables: impl Iterator<Item = usize>,
        seen: &mut HashSet<usize>,
        mut found: impl FnMut(usize),
    ) -> u64 {
        // What lies between is counted once, and followed once on each way.
        let mut between: HashSet<usize> = tables.collect();
        for way in &self.ways {
            let Some((final_step, steps)) = way.split_last() else {
                continue;
            };
            let mut front = vec![owner];
            for step in steps {
                let fitting = |&node: &usize| {
                    let edges = snapshot.at(node).edges().filter(|&edge| step.fits(edge));
                    edges
                        .map(|edge| edge.to().ordinal().index())
                        .collect::<Vec<_>>()
                };
                front = front.iter().flat_map(fitting).collect();
                front.sort_unstable();
                front.dedup();
                between.extend(&front);
            }
            for node in front {
                for edge in snapshot
                    .at(node)
                    .edges()
                    .filter(|&edge| final_step.fits(edge))
                {
                    let to = edge.to().ordinal().index();
                    if seen.insert(to) {
                        found(to);
                    }
                }
            }
        }
        let size = |node: usize| u64::from(snapshot.nodes.self_size[node]);
        between.into_iter().map(size).sum()
    }
}

fn same_kinds(a: &[Step], b: &[Step]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.kind == b.kind)
}

fn covers(known: &[Step], way: &[Step]) -> bool {
    same_kinds(known, way)
        && known
            .iter()
            .zip(way)
            .all(|(known, way)| known.name.is_none() || known.name == way.name)
}

/// What comes and goes below some objects: the non-persistent objects that they reach over each other.
///
/// Calls `visit` for each, the objects themselves included; those of `seen` are left out.
pub(super) fn below(
    snapshot: &Snapshot,
    persistent: &Persistent,
    tops: &[usize],
    seen: &mut HashSet<usize>,
    mut visit: impl FnMut(usize),
) {
    use crate::format::NodeType;
    let nodes = &snapshot.nodes;
    let mut stack = tops.to_vec();
    while let Some(node) = stack.pop() {
        visit(node);
        for edge in nodes.edges_of(node) {
            let to = snapshot.edges.to(edge);
            let holds = !snapshot.edges.is(edge, EdgeType::Weak)
                && !nodes.is(to, NodeType::Code)
                && !nodes.is(to, NodeType::ObjectShape);
            if holds && !persistent.contains(nodes.id[to]) && seen.insert(to) {
                stack.push(to);
            }
        }
    }
}
