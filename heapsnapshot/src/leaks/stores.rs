//! Collections whose own table grows in every step though nothing in it is a new node: numbers and booleans leave no
//! edge in a snapshot, and what was there before is nobody's growth.
//!
//! Tables grow by leaps, by half as much again or to twice their size: only one that is larger in every snapshot, and by
//! much, is told.

use hashbrown::HashMap;

use super::finding::Finding;
use super::ids::{IdSet, Persistent};
use super::judge::{Figures, judge};
use super::place::Place;
use super::rules::{LoadedModules, steps};
use super::settings::Thresholds;
use crate::analysis::collections::contents;
use crate::analysis::words::{self, is_plumbing};
use crate::format::{EdgeType, NodeType};
use crate::graph::{EdgeRef, NodeRef, Snapshot};
use crate::paths::Tree;

/// V8's names of the edges to an object's own tables, and heaplab's of a queue's.
const TABLES: [&str; 4] = ["elements", "table", "properties", "buffer"];
/// Bytes of a slot in a table whose room is not known.
const SLOT: u64 = 8;

/// A collection whose own tables grow.
#[derive(Debug)]
pub(super) struct Store {
    /// The collection, in the last snapshot.
    pub(super) owner: u32,
    /// Its largest table there.
    table: u32,
    /// Entries for which there was room, snapshot by snapshot.
    room: Vec<u64>,
    /// Bytes of the tables, snapshot by snapshot.
    bytes: Vec<u64>,
}

/// Those whose tables became larger by enough in every step.
///
/// Complexity: a pass over the last snapshot's nodes; if there is a table so large, one over the others' ids.
pub(super) fn growing(
    snapshots: &[Snapshot],
    tree: &Tree,
    persistent: &Persistent,
    thresholds: &Thresholds,
) -> Vec<Store> {
    let Some((last, before)) = snapshots.split_last() else {
        return Vec::new();
    };
    let mut stores: Vec<Store> = Vec::new();
    let mut of_id: HashMap<u32, usize> = HashMap::new();
    let large = |&node: &usize| {
        last.nodes.is(node, NodeType::Array)
            && u64::from(last.nodes.self_size[node]) >= thresholds.enough_bytes
    };
    for table in (0..last.node_count()).filter(large) {
        let edge = tree.edge(last, table as u32).filter(is_to_table);
        let Some(owner) = edge.map(|edge| edge.from()) else {
            continue;
        };
        let of_program = owner.is(NodeType::Object) && !is_plumbing(owner);
        if of_program && persistent.contains(owner.id().0) {
            of_id.entry(owner.id().0).or_insert_with(|| {
                stores.push(Store {
                    owner: owner.ordinal().0,
                    table: table as u32,
                    room: Vec::new(),
                    bytes: Vec::new(),
                });
                stores.len() - 1
            });
        }
    }
    if stores.is_empty() {
        return stores;
    }
    let ids: Vec<u32> = of_id.keys().copied().collect();
    let wanted = IdSet::new(&ids);
    for snapshot in before {
        for (node, &id) in snapshot.nodes.id.iter().enumerate() {
            if wanted.contains(id)
                && let Some(&store) = of_id.get(&id)
            {
                stores[store].add(snapshot.at(node));
            }
        }
    }
    for store in &mut stores {
        store.add(last.at(store.owner as usize));
    }
    stores.retain(|store| {
        store.bytes.len() == snapshots.len()
            && thresholds.enough(&steps(&store.room), &steps(&store.bytes))
    });
    stores
}

/// The edges from an object to its own tables.
pub(super) fn own_tables(owner: NodeRef<'_>) -> impl Iterator<Item = EdgeRef<'_>> {
    owner.edges().filter(is_to_table)
}

fn is_to_table(edge: &EdgeRef<'_>) -> bool {
    edge.is(EdgeType::Internal)
        && edge.to().is(NodeType::Array)
        && TABLES.iter().any(|&table| edge.name() == table)
}

impl Store {
    /// Adds what there is of the collection in the next snapshot.
    fn add(&mut self, owner: NodeRef<'_>) {
        let bytes = own_tables(owner)
            .map(|edge| edge.to().raw_self_size())
            .sum();
        let room = contents(owner).and_then(|contents| contents.capacity);
        self.room.push(room.unwrap_or(bytes / SLOT));
        self.bytes.push(bytes);
    }

    /// What the rules say of it.
    pub(super) fn finding(
        self,
        tree: &Tree,
        last: &Snapshot,
        modules: &LoadedModules<'_>,
        thresholds: &Thresholds,
    ) -> Option<Finding> {
        let place = Place::at(last, tree, self.owner, self.table, false);
        let tables: Vec<String> = self
            .bytes
            .iter()
            .map(|&bytes| words::bytes(bytes))
            .collect();
        let figures = Figures {
            class: "(entries)".to_owned(),
            counts: self.room,
            bytes: self.bytes,
            stayed: None,
            places: 1,
            known_until: None,
        };
        let table = last.at(self.table as usize);
        let mut finding = judge(&place, table, figures, modules, thresholds)?;
        finding.evidence.insert(
            0,
            format!(
                "its own table grows in every step, {}; what it holds are no new objects but numbers or the like, so that \
                 the entries counted are those there is room for",
                tables.join(" → ")
            ),
        );
        finding.item_path = place
            .below
            .last()
            .copied()
            .map(words::edge)
            .unwrap_or_default();
        Some(finding)
    }
}
