//! Following a cluster through all snapshots.

use hashbrown::{HashMap, HashSet};

use super::candidates::Cluster;
use super::class::Matcher;
use super::ids::{IdSet, Persistent};
use super::pattern::below;
use super::stores::own_tables;
use crate::graph::Snapshot;

/// What the owners of a cluster hold in one snapshot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    /// Items of the class; for a list its nodes that are not in all snapshots.
    pub(super) count: u64,
    /// Own bytes of the owners' tables, and of all that is behind the same edges and not in all snapshots.
    pub(super) bytes: u64,
    /// Those counted that were not there in the first snapshot.
    pub(super) came: u64,
    /// Those of them that are there in the last.
    pub(super) stayed: u64,
}

/// Counts what clusters hold in one snapshot.
pub(super) struct Measure<'a> {
    last: &'a Snapshot,
    snapshot: &'a Snapshot,
    persistent: &'a Persistent,
    /// Ordinals by id, of the owners of all clusters.
    owners: HashMap<u32, usize>,
}

impl<'a> Measure<'a> {
    /// Finds the clusters' owners in `snapshot`. Complexity: one pass over the ids.
    pub(super) fn new(
        last: &'a Snapshot,
        snapshot: &'a Snapshot,
        persistent: &'a Persistent,
        clusters: &[Cluster],
    ) -> Measure<'a> {
        let mut owners: HashMap<u32, usize> = clusters
            .iter()
            .flat_map(|cluster| &cluster.owners)
            .map(|&owner| (last.nodes.id[owner as usize], usize::MAX))
            .collect();
        let ids: Vec<u32> = owners.keys().copied().collect();
        let wanted = IdSet::new(&ids);
        for (at, &id) in snapshot.nodes.id.iter().enumerate() {
            if wanted.contains(id)
                && let Some(owner) = owners.get_mut(&id)
            {
                *owner = at;
            }
        }
        owners.retain(|_, at| *at != usize::MAX);
        Measure {
            last,
            snapshot,
            persistent,
            owners,
        }
    }

    /// What a cluster's owners hold that is not in all snapshots, in no order.
    pub(super) fn held(&self, cluster: &Cluster) -> Vec<usize> {
        let (mut seen, mut tops, mut held) = (HashSet::new(), Vec::new(), Vec::new());
        for owner in &cluster.owners {
            let id = self.last.nodes.id[*owner as usize];
            let Some(&owner) = self.owners.get(&id) else {
                continue;
            };
            let tables = std::iter::empty();
            cluster
                .patterns
                .follow(self.snapshot, owner, tables, &mut seen, |node| {
                    if !self.persistent.contains(self.snapshot.nodes.id[node]) {
                        tops.push(node);
                    }
                });
        }
        below(self.snapshot, self.persistent, &tops, &mut seen, |node| {
            held.push(node)
        });
        held
    }

    /// Complexity: the edges of the owners, their tables, and what came below them.
    pub(super) fn tally(&self, cluster: &Cluster) -> Tally {
        let snapshot = self.snapshot;
        let ids = &snapshot.nodes.id;
        let mut matcher = Matcher::new(cluster.class, self.last, snapshot);
        let mut seen = HashSet::new();
        let mut tally = Tally::default();
        let mut tops: Vec<usize> = Vec::new();
        let count = |tally: &mut Tally, node: usize| {
            tally.count += 1;
            if !self.persistent.in_first(ids[node]) {
                tally.came += 1;
                tally.stayed += u64::from(self.persistent.in_last(ids[node]));
            }
        };
        for owner in &cluster.owners {
            let id = self.last.nodes.id[*owner as usize];
            let Some(&owner) = self.owners.get(&id) else {
                continue;
            };
            let own = own_tables(snapshot.at(owner)).filter(|_| cluster.slot.is_none());
            let own = own.map(|edge| edge.to().ordinal().index());
            let tables = cluster
                .patterns
                .follow(snapshot, owner, own, &mut seen, |node| {
                    if cluster.counts_items && matcher.matches(node) {
                        count(&mut tally, node);
                    }
                    // Keys belong to the place as values do.
                    if !self.persistent.contains(ids[node]) {
                        tops.push(node);
                    }
                });
            tally.bytes += tables;
        }
        below(snapshot, self.persistent, &tops, &mut seen, |node| {
            tally.bytes += u64::from(snapshot.nodes.self_size[node]);
            if !cluster.counts_items && matcher.matches(node) {
                count(&mut tally, node);
            }
        });
        tally
    }
}
