//! The place that grows, named: who owns it, on what path, and what hangs on it.

use hashbrown::HashSet;

use super::candidates::{Cluster, common_holder};
use super::class::ItemClass;
use crate::analysis::words::{self, is_context, is_plumbing};
use crate::format::{EdgeType, NodeType};
use crate::graph::{EdgeOrdinal, EdgeRef, NodeOrdinal, NodeRef, Snapshot};
use crate::paths::Tree;

/// A place that grows.
#[derive(Debug)]
pub(super) struct Place<'s> {
    /// The owner: a collection, or the holder of the variable that grows.
    pub(super) owner: NodeRef<'s>,
    /// The owner in words.
    pub(super) text: String,
    /// From the root to the owner.
    pub(super) path: Vec<EdgeRef<'s>>,
    /// From the owner to the sample.
    pub(super) below: Vec<EdgeRef<'s>>,
}

impl<'s> Place<'s> {
    /// The place of a cluster in the last snapshot.
    pub(super) fn of(last: &'s Snapshot, tree: &Tree, cluster: &Cluster) -> Place<'s> {
        let first = cluster.owners[0];
        let single = cluster.owners.len() == 1;
        let mut owner = if single {
            first
        } else {
            common_holder(tree, &cluster.owners).unwrap_or(first)
        };
        // A table's holder is the owner, not the table.
        while is_plumbing(last.at(owner as usize)) {
            match tree.parent(owner) {
                Some(parent) => owner = parent,
                None => break,
            }
        }
        let slot = cluster.slot.filter(|_| single);
        if let Some(slot) = slot {
            owner = head_of_list(last, tree, cluster, owner, slot);
            let holds_other = ItemClass::of(last, cluster.sample_item as usize) != cluster.class;
            if holds_other && !cluster.counts_items {
                // The variable holds a collection that is younger than the first snapshot.
                owner = cluster.sample_item;
            }
        }
        Place::at(last, tree, owner, cluster.sample, slot.is_some())
    }

    /// The place at an owner, of whose items `sample` is one; with `behind_slot` it grows behind one variable or
    /// property of the owner.
    pub(super) fn at(
        last: &'s Snapshot,
        tree: &Tree,
        owner: u32,
        sample: u32,
        behind_slot: bool,
    ) -> Place<'s> {
        let below = tree.path_below(last, owner, sample);
        let node = last.at(owner as usize);
        let named_slot = below.first().filter(|edge| {
            behind_slot && matches!(edge.kind(), Some(EdgeType::Context | EdgeType::Property))
        });
        let list = named_slot.filter(|edge| {
            ItemClass::of(last, edge.to().ordinal().index()) == ItemClass::of(last, sample as usize)
        });
        let text = match list {
            Some(&edge) if is_context(node) => words::edge(edge),
            Some(&edge) => {
                let label = words::label(edge).unwrap_or_default();
                format!("{label} of {}", in_words(last, tree, node))
            }
            None => in_words(last, tree, node),
        };
        Place {
            owner: node,
            text,
            path: tree.path(last, owner),
            below,
        }
    }
}

/// A list that grows at its end hangs on its last old node: the owner is who holds the first.
fn head_of_list(last: &Snapshot, tree: &Tree, cluster: &Cluster, owner: u32, slot: u32) -> u32 {
    let link = last.edges.label(slot as usize);
    let mut at = owner;
    loop {
        let is_node = ItemClass::of(last, at as usize) == cluster.class;
        let same_link = tree
            .edge_ordinal(at)
            .is_some_and(|edge| last.edges.label(edge as usize) == link);
        if !is_node || !same_link {
            return at;
        }
        match tree.parent(at) {
            Some(parent) => at = parent,
            None => return at,
        }
    }
}

/// Whether an edge is a variable or a property of the program's.
fn named(edge: &EdgeRef<'_>) -> bool {
    matches!(edge.kind(), Some(EdgeType::Context | EdgeType::Property))
        && !edge.from().is(NodeType::Synthetic)
        && !is_plumbing(edge.from())
}

/// The variables and properties that hold a node. Complexity: one pass over all edges.
fn named_edges(node: NodeRef<'_>) -> impl Iterator<Item = EdgeRef<'_>> {
    let snapshot = node.snapshot();
    let targets = snapshot.edges.all_targets().iter().enumerate();
    targets
        .filter(move |(_, to)| to.node() == node.ordinal().index())
        .filter_map(|(edge, _)| snapshot.edge(EdgeOrdinal(edge as u32)))
        .filter(named)
}

/// The variable or property that holds a node, of the oldest holder. Complexity: one pass over all edges.
pub(super) fn named_edge(node: NodeRef<'_>) -> Option<EdgeRef<'_>> {
    named_edges(node).min_by_key(age)
}

fn age(edge: &EdgeRef<'_>) -> (u32, u32) {
    (edge.from().id().0, edge.ordinal().0)
}

/// The same, leaving out what hangs on the node itself and refers back to it, as an item to its list.
///
/// Complexity: one pass over all edges, and the paths of the holders.
fn named_from_outside<'s>(tree: &Tree, node: NodeRef<'s>) -> Option<EdgeRef<'s>> {
    let mut edges: Vec<EdgeRef<'s>> = named_edges(node).collect();
    edges.sort_by_key(age);
    let mut inside: HashSet<u32> = HashSet::from([node.ordinal().0]);
    let mut way = Vec::new();
    edges.into_iter().find(|edge| {
        let mut at = Some(edge.from().ordinal().0);
        way.clear();
        while let Some(place) = at.filter(|place| !inside.contains(place)) {
            way.push(place);
            at = tree.parent(place);
        }
        if at.is_some() {
            // What lies between is not asked again.
            inside.extend(&way);
        }
        at.is_none()
    })
}

/// An owner with the variable or property that holds it.
fn in_words<'s>(last: &'s Snapshot, tree: &Tree, owner: NodeRef<'s>) -> String {
    let what = if is_context(owner) {
        "a scope".to_owned()
    } else {
        words::node(owner)
    };
    // The cheapest path may lead through a handle; a name is worth a look at the other holders.
    let by_tree = tree.edge(last, owner.ordinal().0);
    let holder = by_tree
        .filter(named)
        .or_else(|| named_from_outside(tree, owner));
    if let Some(edge) = holder {
        return format!("{what} in {}", words::edge(edge));
    }
    // A map's map has no name of its own: the nearest name on its path says where it is.
    let mut at = owner.ordinal().0;
    while let Some(edge) = tree.edge(last, at) {
        let from = edge.from();
        if named(&edge) {
            let holder = words::node(edge.to());
            return format!("{what} held by {holder} in {}", words::edge(edge));
        }
        if from.is(NodeType::Synthetic) {
            return format!("{what} held by {}", words::edge(edge));
        }
        at = from.ordinal().0;
    }
    what
}

/// The newest node of a cluster.
pub(super) fn sample<'s>(last: &'s Snapshot, cluster: &Cluster) -> Option<NodeRef<'s>> {
    last.node(NodeOrdinal(cluster.sample))
}
