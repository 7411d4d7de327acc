//! Attribution of what comes and goes to what stays, over several snapshots of one process.

use hashbrown::HashMap;

use super::tree::Tree;
use crate::format::NodeType;
use crate::graph::{NodeId, NodeOrdinal, NodeRef, Snapshot};
use crate::phrase::is_plumbing;

/// What one snapshot holds of one class under one owner.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct ItemTally {
    /// Items: objects that the owner holds directly, or through its own tables.
    pub items: u64,
    /// Objects of the class anywhere below the owner: list nodes count here.
    pub members: u64,
    /// Own bytes of the items and of all that is attributed to them.
    pub bytes: u64,
}

/// What is held under one owner.
#[derive(Clone, Debug)]
pub struct Group {
    /// The owner's id.
    pub owner: NodeId,
    /// By class of item: a tally for each snapshot.
    pub classes: HashMap<String, Vec<ItemTally>>,
    /// An item of each class in the last snapshot, the newest.
    pub samples: HashMap<String, NodeOrdinal>,
}

impl Group {
    /// Own bytes of everything under the owner that is not persistent, for each snapshot.
    #[must_use]
    pub fn bytes(&self, snapshots: usize) -> Vec<u64> {
        (0..snapshots)
            .map(|s| self.classes.values().map(|tallies| tallies[s].bytes).sum())
            .collect()
    }
}

/// The growth of all owners.
pub(super) struct Growth {
    pub(super) groups: Vec<Group>,
    /// The path tree of the last snapshot.
    pub(super) last_tree: Tree,
}

/// Attributes every object that is not in all snapshots to its owner.
///
/// Complexity: a path tree and a pass over the nodes for each snapshot; ids are matched by sorting.
pub(super) fn measure(snapshots: &[Snapshot]) -> Growth {
    let persistent_ids = ids_in_all(snapshots);
    let mut groups: HashMap<u32, Group> = HashMap::new();
    let mut last_tree = None;
    for (number, snapshot) in snapshots.iter().enumerate() {
        let tree = Tree::build(snapshot);
        attribute(
            snapshot,
            number,
            snapshots.len(),
            &persistent_ids,
            &tree,
            &mut groups,
        );
        last_tree = Some(tree);
    }
    let mut groups: Vec<Group> = groups.into_values().collect();
    groups.sort_unstable_by_key(|g| g.owner.0);
    Growth {
        groups,
        last_tree: last_tree.unwrap_or_else(|| unreachable!("there is at least one snapshot")),
    }
}

/// Ids that every snapshot has, sorted.
fn ids_in_all(snapshots: &[Snapshot]) -> Vec<u32> {
    let ids = |snapshot: &Snapshot| {
        let mut ids: Vec<u32> = snapshot.nodes().map(|n| n.id().0).collect();
        ids.sort_unstable();
        ids
    };
    let Some((first, rest)) = snapshots.split_first() else {
        return Vec::new();
    };
    let mut common = ids(first);
    for snapshot in rest {
        let other = ids(snapshot);
        let mut at = 0;
        common.retain(|&id| {
            while at < other.len() && other[at] < id {
                at += 1;
            }
            other.get(at) == Some(&id)
        });
    }
    common
}

const NOBODY: u32 = u32::MAX;

fn attribute(
    snapshot: &Snapshot,
    number: usize,
    snapshots: usize,
    persistent_ids: &[u32],
    tree: &Tree,
    groups: &mut HashMap<u32, Group>,
) {
    let count = snapshot.node_count();
    // Owner and item of each node; a persistent node that is no plumbing is an owner itself.
    let mut owner = vec![NOBODY; count];
    let mut item = vec![NOBODY; count];
    let mut names: HashMap<(u32, u32), String> = HashMap::new();
    for &node in &tree.order {
        let Some(this) = snapshot.node(NodeOrdinal(node)) else {
            continue;
        };
        let plumbing = is_plumbing(this);
        let persistent = persistent_ids.binary_search(&this.id().0).is_ok();
        if persistent && !plumbing {
            owner[node as usize] = node;
            continue;
        }
        let Some(parent) = tree.parent(node) else {
            continue;
        };
        owner[node as usize] = owner[parent as usize];
        item[node as usize] = match item[parent as usize] {
            NOBODY if plumbing => NOBODY,
            NOBODY => node,
            above => above,
        };
        if persistent || owner[node as usize] == NOBODY {
            continue;
        }
        let Some(owner_node) = snapshot.node(NodeOrdinal(owner[node as usize])) else {
            continue;
        };
        let group = groups.entry(owner_node.id().0).or_insert_with(|| Group {
            owner: owner_node.id(),
            classes: HashMap::new(),
            samples: HashMap::new(),
        });
        let item = item[node as usize];
        let of_item = if item == NOBODY {
            None
        } else {
            snapshot.node(NodeOrdinal(item))
        };
        let mut tally = |class: &str, add: ItemTally| {
            let tallies = group
                .classes
                .entry_ref(class)
                .or_insert_with(|| vec![ItemTally::default(); snapshots]);
            tallies[number].items += add.items;
            tallies[number].members += add.members;
            tallies[number].bytes += add.bytes;
        };
        let bytes = this.raw_self_size();
        match of_item {
            Some(top) => {
                let class = class_label(top, &mut names);
                let is_item = u64::from(item == node);
                tally(
                    &class,
                    ItemTally {
                        items: is_item,
                        members: 0,
                        bytes,
                    },
                );
                if is_item == 1 {
                    let newest = group
                        .samples
                        .entry_ref(class.as_str())
                        .or_insert(NodeOrdinal(node));
                    if snapshot
                        .node(*newest)
                        .is_none_or(|n| n.id().0 < this.id().0)
                    {
                        *newest = NodeOrdinal(node);
                    }
                }
                if !plumbing {
                    let own = class_label(this, &mut names);
                    tally(
                        &own,
                        ItemTally {
                            items: 0,
                            members: 1,
                            bytes: 0,
                        },
                    );
                }
            }
            None => tally(
                "(internal tables)",
                ItemTally {
                    items: 0,
                    members: 0,
                    bytes,
                },
            ),
        }
    }
    // Samples are of the last snapshot only.
    if number + 1 < snapshots {
        for group in groups.values_mut() {
            group.samples.clear();
        }
    }
}

/// The class of a node for grouping: DevTools' class, with a closure's function, since listeners of one kind are
/// one function made again and again.
fn class_label(node: NodeRef<'_>, names: &mut HashMap<(u32, u32), String>) -> String {
    let kind = node.kind().map_or(u32::MAX, |k| k as u32);
    let by_name = matches!(
        node.kind(),
        Some(NodeType::Object | NodeType::Native | NodeType::Closure | NodeType::Regexp)
    );
    let key = (kind, if by_name { node.name_index() } else { 0 });
    if node.is(NodeType::Object) && node.name() == "Object" {
        return node.class_name().into_owned();
    }
    names
        .entry(key)
        .or_insert_with(|| match node.kind() {
            Some(NodeType::Closure) => format!("function {}", node.name()),
            _ => node.class_name().into_owned(),
        })
        .clone()
}
