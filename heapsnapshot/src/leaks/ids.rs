//! Sets of object ids.

use hashbrown::HashSet;

use crate::bits::BitSet;
use crate::graph::Snapshot;

/// Bits that a set may have for each id, so that a file with wild ids costs no more than its size.
const MOST_BITS_PER_ID: usize = 64;
/// Ids for which there is room in any case: 8 KB of bits.
const FREE: usize = 1 << 16;

/// Ids of objects: engines count them up, so that a bit for each does; embedders make theirs of addresses.
#[derive(Debug)]
pub(super) struct IdSet {
    low: BitSet,
    /// The first id that has no bit.
    limit: u32,
    high: HashSet<u32>,
}

impl IdSet {
    /// A set of these. Complexity: two passes over the ids.
    pub(super) fn new(ids: &[u32]) -> IdSet {
        let room = (ids.len() * MOST_BITS_PER_ID).max(FREE);
        let room = u32::try_from(room).unwrap_or(u32::MAX);
        let highest = ids.iter().copied().filter(|&id| id < room).max();
        let limit = highest.map_or(0, |id| id + 1);
        let mut set = IdSet {
            low: BitSet::new(limit as usize),
            limit,
            high: HashSet::new(),
        };
        for &id in ids {
            if id < limit {
                set.low.insert(id as usize);
            } else {
                set.high.insert(id);
            }
        }
        set
    }

    #[inline]
    pub(super) fn contains(&self, id: u32) -> bool {
        if id < self.limit {
            self.low.contains(id as usize)
        } else {
            !self.high.is_empty() && self.high.contains(&id)
        }
    }
}

/// The objects that are there all the time. An id is given once, so what the first and the last snapshot have is in
/// all between.
#[derive(Debug)]
pub(super) struct Persistent {
    first: IdSet,
    last: IdSet,
}

impl Persistent {
    pub(super) fn of(snapshots: &[Snapshot]) -> Option<Persistent> {
        Some(Persistent {
            first: IdSet::new(&snapshots.first()?.nodes.id),
            last: IdSet::new(&snapshots.last()?.nodes.id),
        })
    }

    pub(super) fn contains(&self, id: u32) -> bool {
        self.first.contains(id) && self.last.contains(id)
    }

    /// Whether an object is in the first snapshot.
    pub(super) fn in_first(&self, id: u32) -> bool {
        self.first.contains(id)
    }

    /// Whether an object is in the last snapshot.
    pub(super) fn in_last(&self, id: u32) -> bool {
        self.last.contains(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::Builder;

    #[test]
    fn wild_ids_are_found_too() {
        for ids in [[3, 5, 7], [3, 500_001, 4_000_000_001]] {
            let mut graph = Builder::new();
            for id in ids {
                let node = graph.node("object", "Item", id, 16);
                graph.edge(0, "property", "item", node);
            }
            let set = IdSet::new(&graph.read().nodes.id);
            assert!(ids.iter().all(|&id| set.contains(id)));
            assert!(!set.contains(9) && !set.contains(u32::MAX));
        }
    }
}
