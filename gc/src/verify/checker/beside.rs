//! What lies beside the heap: weak entries, outside bytes, ids.

use super::super::Invariant;
use super::{Check, Checker};
use crate::heap::FIRST_OBJECT_ID;
use crate::object::Kind;

impl Checker<'_> {
    /// I6 for weak entries: owners, keys, values, targets and held values are there.
    pub(super) fn weak(&self) -> Check {
        for (what, value) in self.core.weak.all_values() {
            if let Some((invariant, fault)) = self.fault(value) {
                return self.broken(invariant, format!("{what} {fault}"));
            }
        }
        Ok(())
    }

    /// I7: ids are odd, unique, and none lies beyond those given out.
    pub(super) fn identities(&self) -> Check {
        let next = self.core.peek_next_identity();
        let mut ids: Vec<(u32, usize)> = self
            .young
            .iter()
            .chain(&self.old)
            .filter(|o| o.identity != 0)
            .map(|o| (o.identity, o.offset))
            .collect();
        let stores = self.core.externals.stores.iter().map(|(_, store)| store);
        ids.extend(stores.filter(|s| s.identity != 0).map(|s| {
            (
                s.identity,
                self.core.cage.offset(self.core.cage.addr(s.owner)),
            )
        }));
        ids.sort_unstable();
        for &(id, offset) in &ids {
            if id % 2 == 0 || id < FIRST_OBJECT_ID || id >= next {
                return self.broken_at(
                    Invariant::Identity,
                    format!("the id {id} was never given out (next: {next})"),
                    offset,
                    None,
                );
            }
        }
        match ids.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            Some(pair) => self.broken_at(
                Invariant::Identity,
                format!(
                    "the id {} belongs to what is at {:#x} too",
                    pair[0].0, pair[0].1
                ),
                pair[1].1,
                None,
            ),
            None => Ok(()),
        }
    }

    /// I6 for the owners of external memory, and the sums of their bytes.
    pub(super) fn externals(&self) -> Check {
        let externals = &self.core.externals;
        let mut listed = vec![0u32; externals.stores.indexes().len()];
        for (list, young) in [(&externals.young, true), (&externals.old, false)] {
            for &index in list {
                let Some(store) = externals.stores.get(index) else {
                    return self.broken(
                        Invariant::StaleReference,
                        format!("external store {index} is listed but not there"),
                    );
                };
                listed[index as usize] += 1;
                if let Some((invariant, what)) = self.fault(store.owner) {
                    return self.broken(invariant, format!("the owner of store {index} {what}"));
                }
                let offset = self.core.cage.offset(self.core.cage.addr(store.owner));
                let owner = self.read(offset, usize::MAX)?;
                let named = self.core.cage.at(offset + 8).load_u32();
                if owner.kind != Kind::External || named != index {
                    return self.broken_at(
                        Invariant::StaleReference,
                        format!("external store {index} is not this object's"),
                        offset,
                        Some(&owner),
                    );
                }
                if self.is_young(store.owner) != young {
                    return self.broken_at(
                        Invariant::StaleReference,
                        format!("external store {index} is on the list of the other generation"),
                        offset,
                        Some(&owner),
                    );
                }
            }
        }
        for (index, &times) in (0..).zip(&listed) {
            if times != u32::from(externals.stores.get(index).is_some()) {
                return self.broken(
                    Invariant::StaleReference,
                    format!("external store {index} is listed {times} times"),
                );
            }
        }
        let (mut bytes, mut young_bytes) = (0, 0);
        for (_, store) in externals.stores.iter() {
            bytes += store.bytes;
            if self.is_young(store.owner) {
                young_bytes += store.bytes;
            }
        }
        self.total("external bytes", bytes, externals.bytes)?;
        self.total(
            "external bytes of young owners",
            young_bytes,
            externals.young_bytes,
        )
    }
}
