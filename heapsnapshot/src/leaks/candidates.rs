//! Candidates: what the last snapshot holds that was not there all the time, by who holds it.

use hashbrown::HashMap;

use super::class::ItemClass;
use super::ids::Persistent;
use super::pattern::Patterns;
use super::settings::Thresholds;
use crate::analysis::words::is_plumbing;
use crate::format::{EdgeType, NodeType};
use crate::graph::Snapshot;
use crate::memory;
use crate::paths::{Shape, Shapes, Tree, is_dictionary};

/// Most clusters that are followed through all snapshots: those with most bytes.
const MOST_CLUSTERS: usize = 256;
/// Most clusters of few items and many bytes that are followed beside them.
const MOST_LARGE: usize = 64;
/// Most owners of one cluster that are followed.
const MOST_OWNERS: usize = 4096;

/// Items of one class that owners of one shape hold.
#[derive(Clone, Debug)]
pub(super) struct Cluster {
    /// The owners, in the last snapshot.
    pub(super) owners: Vec<u32>,
    /// The variable or property of the owner behind which they are: an edge of one of the owners. None if the owner
    /// is a collection, whose keys are data.
    pub(super) slot: Option<u32>,
    /// What is counted.
    pub(super) class: ItemClass,
    /// Whether items are counted, or objects anywhere below them: a list hangs on one item.
    pub(super) counts_items: bool,
    /// How the owners hold the items.
    pub(super) patterns: Patterns,
    /// So many came since the first snapshot, by the tree.
    pub(super) count: u64,
    /// Own bytes of the items and of all that hangs on them by the tree.
    pub(super) bytes: u64,
    /// The newest of them.
    pub(super) sample: u32,
    /// The item that the sample hangs on.
    pub(super) sample_item: u32,
    /// What tells places apart: the shape of the owners, the slot's name, and the owner if it stands alone.
    site: Site,
}

/// A place that can grow.
pub(super) type Site = (Shape, Option<u32>, Option<u32>);

impl Cluster {
    /// The place: clusters of one site are what its owners hold.
    pub(super) fn site(&self) -> Site {
        self.site
    }
}

const NOBODY: u32 = u32::MAX;

/// Finds out what came, and who holds it.
struct Attribution<'a> {
    last: &'a Snapshot,
    tree: &'a Tree,
    persistent: &'a Persistent,
    /// Of each node the persistent object that owns it; an owner is its own.
    owner: Vec<u32>,
    /// Of each node the first object below its owner.
    item: Vec<u32>,
    plumbing: Plumbing<'a>,
}

/// Attributes all objects that were not there all the time, and groups them; most bytes first.
///
/// Complexity: one pass over the nodes, and the paths of those that came.
pub(super) fn clusters(
    last: &Snapshot,
    tree: &Tree,
    persistent: &Persistent,
    thresholds: &Thresholds,
) -> Vec<Cluster> {
    let count = last.node_count();
    let mut attribution = Attribution {
        last,
        tree,
        persistent,
        owner: memory::filled(count, NOBODY),
        item: memory::filled(count, NOBODY),
        plumbing: Plumbing::new(last),
    };
    let mut groups: HashMap<(u32, Option<u32>, ItemClass, bool), Cluster> = HashMap::new();
    let mut slots: HashMap<(u32, u32), Option<u32>> = HashMap::new();
    for node in 0..count {
        if persistent.contains(last.nodes.id[node]) || attribution.plumbing.is(node) {
            continue;
        }
        let node = node as u32;
        attribution.resolve(node);
        let owner = attribution.owner[node as usize];
        let item = attribution.item[node as usize];
        if owner == NOBODY || item == NOBODY {
            continue;
        }
        let slot = *slots
            .entry((owner, item))
            .or_insert_with(|| attribution.slot(owner, item));
        let bytes = u64::from(last.nodes.self_size[node as usize]);
        let mut add = |class: ItemClass, counts_items: bool, count: u64, bytes: u64| {
            // An owner's edges of one name and type are one slot.
            let slot_name = slot.map(|edge| last.edges.label(edge as usize).1);
            let key = (owner, slot_name, class, counts_items);
            let group = groups.entry(key).or_insert_with(|| Cluster {
                owners: vec![owner],
                slot,
                class,
                counts_items,
                patterns: Patterns::default(),
                count: 0,
                bytes: 0,
                sample: node,
                sample_item: item,
                site: Site::default(),
            });
            group.count += count;
            group.bytes += bytes;
            if count > 0 {
                group.patterns.add(last, tree, owner, item);
                if last.nodes.id[group.sample as usize] <= last.nodes.id[node as usize] {
                    group.sample = node;
                    group.sample_item = item;
                }
            }
        };
        let of_item = ItemClass::of(last, item as usize);
        add(of_item, true, u64::from(item == node), bytes);
        add(ItemClass::of(last, node as usize), false, 1, bytes);
    }
    let groups = groups.into_values().filter(|group| group.count > 0);
    merge(last, tree, groups.collect(), thresholds)
}

impl Attribution<'_> {
    /// Finds a node's owner and item, and those of all nodes on the way to them.
    fn resolve(&mut self, node: u32) {
        let mut way = Vec::new();
        let mut at = node;
        let (owner, mut item) = loop {
            let known = self.owner[at as usize];
            if known != NOBODY {
                break (known, self.item[at as usize]);
            }
            let id = self.last.nodes.id[at as usize];
            if self.persistent.contains(id) && !self.plumbing.is(at as usize) {
                self.owner[at as usize] = at;
                break (at, NOBODY);
            }
            way.push(at);
            match self.tree.parent(at) {
                Some(parent) => at = parent,
                // Held by nobody, or by the root alone.
                None => return,
            }
        };
        while let Some(at) = way.pop() {
            if item == NOBODY && !self.plumbing.is(at as usize) {
                item = at;
            }
            self.owner[at as usize] = owner;
            self.item[at as usize] = item;
        }
    }

    /// The owner's edge on the way to an item, if a program's author named it.
    fn slot(&self, owner: u32, item: u32) -> Option<u32> {
        let mut at = item;
        while let Some(parent) = self.tree.parent(at) {
            if parent == owner {
                let edge = self.tree.edge(self.last, at)?;
                let from = edge.from();
                let named = match edge.kind() {
                    Some(EdgeType::Context) => true,
                    Some(EdgeType::Property) => !is_dictionary(from),
                    _ => false,
                };
                return named.then(|| edge.ordinal().0);
            }
            at = parent;
        }
        None
    }
}

/// Joins groups whose owners have paths of one shape: inner maps of one outer map. Too small ones are left out.
fn merge(
    last: &Snapshot,
    tree: &Tree,
    groups: Vec<Cluster>,
    thresholds: &Thresholds,
) -> Vec<Cluster> {
    let mut shapes = Shapes::default();
    let mut of_owner: HashMap<u32, Shape> = HashMap::new();
    let mut merged: HashMap<(Shape, Option<u32>, ItemClass, bool), Vec<Cluster>> = HashMap::new();
    for mut group in groups {
        let owner = group.owners[0];
        let shape = *of_owner
            .entry(owner)
            .or_insert_with(|| shapes.of_path(&tree.path(last, owner)));
        let slot = group.slot.map(|edge| last.edges.label(edge as usize).1);
        group.site = (shape, slot, Some(owner));
        let key = (shape, slot, group.class, group.counts_items);
        merged.entry(key).or_default().push(group);
    }
    let mut clusters = Vec::new();
    for (_, mut groups) in merged {
        groups.sort_unstable_by_key(|group| (std::cmp::Reverse(group.bytes), group.owners[0]));
        let owners: Vec<u32> = groups.iter().map(|group| group.owners[0]).collect();
        // What only the engine's roots have in common is no one thing.
        let related = owners.len() == 1
            || common_holder(tree, &owners)
                .is_some_and(|at| !last.nodes.is(at as usize, NodeType::Synthetic));
        if !related {
            clusters.extend(groups);
            continue;
        }
        let mut groups = groups.into_iter();
        let Some(mut all) = groups.next() else {
            continue;
        };
        for group in groups {
            all.count += group.count;
            all.bytes += group.bytes;
            all.patterns.merge(group.patterns);
        }
        if owners.len() > 1 {
            all.site.2 = None;
        }
        all.owners = owners;
        all.owners.truncate(MOST_OWNERS);
        clusters.push(all);
    }
    worth_following(last, clusters, thresholds)
}

/// The clusters of many items, and after them those at places that gained so much that few items matter.
fn worth_following(
    last: &Snapshot,
    mut clusters: Vec<Cluster>,
    thresholds: &Thresholds,
) -> Vec<Cluster> {
    let mut gained: HashMap<Site, u64> = HashMap::new();
    for cluster in clusters.iter().filter(|cluster| cluster.counts_items) {
        *gained.entry(cluster.site).or_default() += cluster.bytes;
    }
    clusters.sort_unstable_by_key(|cluster| {
        let name = cluster.slot.map(|edge| last.edges.label(edge as usize).1);
        let what = (cluster.class, cluster.counts_items, name);
        (std::cmp::Reverse(cluster.bytes), cluster.owners[0], what)
    });
    let (mut many, mut few): (Vec<Cluster>, Vec<Cluster>) = clusters
        .into_iter()
        .partition(|cluster| cluster.count >= thresholds.min_items);
    few.retain(|few| gained.get(&few.site) >= Some(&thresholds.enough_bytes));
    many.truncate(MOST_CLUSTERS);
    few.truncate(MOST_LARGE);
    many.append(&mut few);
    many
}

/// The lowest node on the paths of all; a single node's is itself.
pub(super) fn common_holder(tree: &Tree, nodes: &[u32]) -> Option<u32> {
    let ancestors = |node: u32| {
        let mut way: Vec<u32> = std::iter::successors(Some(node), |&at| tree.parent(at)).collect();
        way.reverse();
        way
    };
    let mut common = ancestors(*nodes.first()?);
    for &node in &nodes[1..] {
        let other = ancestors(node);
        let shared = common.iter().zip(&other).take_while(|(a, b)| a == b);
        common.truncate(shared.count());
    }
    common.last().copied()
}

/// Which nodes are plumbing: decided once for each type and name.
struct Plumbing<'a> {
    last: &'a Snapshot,
    /// By name, for objects; `None` if it was not asked yet.
    of_name: Vec<Option<bool>>,
}

impl<'a> Plumbing<'a> {
    fn new(last: &'a Snapshot) -> Plumbing<'a> {
        Plumbing {
            last,
            of_name: vec![None; last.strings().len()],
        }
    }

    fn is(&mut self, node: usize) -> bool {
        let nodes = &self.last.nodes;
        if !nodes.is(node, NodeType::Object) {
            return is_plumbing(self.last.at(node));
        }
        match self.of_name.get_mut(nodes.name[node] as usize) {
            Some(known) => *known.get_or_insert_with(|| is_plumbing(self.last.at(node))),
            None => false,
        }
    }
}
