//! Bytes outside the heap that objects of the heap own, as Node's `ArrayBuffer`s own their backing stores.
//!
//! Owners stand on two lists, young and old. A scavenge walks the young one (forwarded: keep; else free),
//! because it never visits the dead; a major collection walks the old one.
//!
//! The bytes are no part of the heap's size and of its limits, but they start and force collections, as in
//! V8 11.3, before each new store ([`Core::account_external`]):
//!
//! | what has grown | what follows |
//! |---|---|
//! | stores of young owners: two semi-spaces of the largest size, and no less than the new store | a scavenge |
//! | all stores, since their least after the last major collection: `external_soft_growth` | marking starts; steps of 1 ms with each further store; then the final pause. Without incremental marking a major collection |
//! | the same: `external_hard_growth` | a major collection that gives memory back |
//! | all stores: `max_external_memory`, which V8 does not have | a major collection, then the error |

use crate::error::{HeapLimitReached, Limit};
use crate::event::{CollectionReason, CollectorReason};
use crate::heap::Core;
use crate::object::{Descriptor, HEADER_BYTES, Kind};
use crate::options::Policy;
use crate::policy::marking::{MAX_STEP_NS, StepBudget};
use crate::policy::memory::ExternalPressure;
use crate::pool::Pool;
use crate::scope::{Local, Operand, Scope};
use crate::seeded::{self, Bug};
use crate::shape::builtin;
use crate::value::Value;
use std::any::Any;

const EXTERNAL: Descriptor = Descriptor::narrow(Kind::External, builtin::EXTERNAL, 0, 1);

/// One store outside the heap.
pub(crate) struct Store {
    pub(crate) owner: Value,
    pub(crate) bytes: usize,
    /// Id in snapshots; 0 until asked for.
    pub(crate) identity: u32,
    payload: Option<Box<dyn Any>>,
}

/// The stores of one heap.
#[derive(Default)]
pub(crate) struct Externals {
    pub(crate) stores: Pool<Store>,
    /// Indexes of stores whose owner is young, and of the others.
    pub(crate) young: Vec<u32>,
    pub(crate) old: Vec<u32>,
    pub(crate) bytes: usize,
    /// Bytes of those whose owner is young.
    pub(crate) young_bytes: usize,
    /// Payloads of dead owners: dropped when the collection is over, since dropping runs foreign code.
    dead: Vec<Box<dyn Any>>,
}

impl Externals {
    fn add(&mut self, store: Store, young: bool) -> u32 {
        let bytes = store.bytes;
        let index = self.stores.insert(store);
        self.bytes += bytes;
        self.list(index, bytes, young);
        index
    }

    fn list(&mut self, index: u32, bytes: usize, young: bool) {
        if young {
            self.young.push(index);
            self.young_bytes += bytes;
        } else {
            self.old.push(index);
        }
    }

    fn release(&mut self, index: u32) {
        if let Some(store) = self.stores.remove(index) {
            self.bytes -= store.bytes;
            self.dead.extend(store.payload);
        }
    }

    /// Bytes that no Rust value is behind.
    pub(crate) fn raw_bytes(&self) -> usize {
        let raw = self.stores.iter().filter(|(_, s)| s.payload.is_none());
        raw.map(|(_, s)| s.bytes).sum()
    }

    /// Payloads whose owners have died.
    pub(crate) fn take_dead(&mut self) -> Vec<Box<dyn Any>> {
        std::mem::take(&mut self.dead)
    }
}

impl Core {
    /// After a scavenge: stores follow their young owners or die with them.
    pub(crate) fn update_young_externals(&mut self, from_first: u32, from_span: u32) {
        self.externals.young_bytes = 0;
        for index in std::mem::take(&mut self.externals.young) {
            let Some(&Store { owner, bytes, .. }) = self.externals.stores.get(index) else {
                continue;
            };
            debug_assert!(owner.0.wrapping_sub(from_first) < from_span);
            let alive = !seeded::active(Bug::ExternalFreedEarly);
            match self.forwarded(owner).filter(|_| alive) {
                Some(new) => {
                    if let Some(store) = self.externals.stores.get_mut(index) {
                        store.owner = new;
                    }
                    let young = self.is_young(new);
                    self.externals.list(index, bytes, young);
                }
                None => self.externals.release(index),
            }
        }
    }

    /// After marking: frees the stores of unmarked old owners.
    pub(crate) fn sweep_old_externals(&mut self) {
        for index in std::mem::take(&mut self.externals.old) {
            let Some(owner) = self.externals.stores.get(index).map(|s| s.owner) else {
                continue;
            };
            if self.is_marked(owner) {
                self.externals.old.push(index);
            } else {
                self.externals.release(index);
            }
        }
    }

    /// After an evacuation: owners that moved.
    pub(crate) fn update_external_owners(&mut self) {
        if seeded::active(Bug::ExternalOwnerNotUpdated) {
            return;
        }
        let mut stores = std::mem::take(&mut self.externals.stores);
        for (_, store) in stores.iter_mut() {
            store.owner = self.evacuated(store.owner);
        }
        self.externals.stores = stores;
    }

    /// Index of the store that an external object owns.
    pub(crate) fn store_index(&self, owner: Value) -> u32 {
        self.cage.addr(owner).add(HEADER_BYTES).load_u32()
    }

    /// External bytes that are about to be added start and force collections.
    ///
    /// # Errors
    /// They would pass `max_external_memory`, also after a major collection.
    fn account_external(&mut self, bytes: usize) -> Result<(), HeapLimitReached> {
        let before = self.tracer.counts();
        // Without a limit, still no more than can be counted.
        let max = self
            .limits
            .max_external_memory
            .unwrap_or(isize::MAX as usize);
        let over = |core: &Core| core.externals.bytes.saturating_add(bytes) > max;
        if self.options.policy != Policy::None {
            self.external_collections(bytes);
            if over(self) {
                self.external_collection();
            }
        }
        if over(self) {
            let mut reached = self.limit_reached(Limit::External, max, bytes);
            let after = self.tracer.counts();
            reached.0.minor_collections = after.0 - before.0;
            reached.0.major_collections = after.1 - before.1;
            return Err(reached);
        }
        Ok(())
    }

    fn external_collections(&mut self, bytes: usize) {
        if self
            .controller
            .young_external_is_due(self.externals.young_bytes, bytes)
        {
            self.minor(CollectionReason::ExternalMemoryPressure);
        }
        let after = self.externals.bytes.saturating_add(bytes);
        match self.controller.external_pressure(after) {
            ExternalPressure::None => {}
            ExternalPressure::Soft if self.options.incremental_marking => match &self.cycle {
                None => self.start_marking_after(MAX_STEP_NS),
                Some(cycle) if cycle.finished => self.major(
                    CollectionReason::FinalizeMarkingViaStackGuard,
                    CollectorReason::None,
                ),
                // Hurried: the schedule knows of the old generation only.
                Some(_) => {
                    self.marking_step(StepBudget {
                        bytes: usize::MAX,
                        ns: MAX_STEP_NS,
                    });
                }
            },
            ExternalPressure::Soft | ExternalPressure::Hard => self.external_collection(),
        }
    }

    fn external_collection(&mut self) {
        self.major(
            CollectionReason::ExternalMemoryPressure,
            CollectorReason::None,
        );
    }
}

impl<'s, 'h> Scope<'s, 'h> {
    /// An object that owns `bytes` bytes outside the heap.
    ///
    /// `payload` is the Rust value that holds them, if there is one: it is dropped after the object has died,
    /// at the end of the collection that finds out. The bytes count as external memory, which starts collections: a
    /// scavenge when much belongs to young owners, marking and major collections when much has come since the last one.
    ///
    /// # Errors
    /// The heap has no room for the owner and could not make any, or `max_external_memory` would be passed.
    pub fn external(
        &mut self,
        bytes: usize,
        payload: Option<Box<dyn Any>>,
    ) -> Result<Local<'s, 'h>, HeapLimitReached> {
        let core = self.core();
        core.account_external(bytes)?;
        let at = core.new_narrow(EXTERNAL)?;
        let owner = core.cage.value(at);
        // Without a young generation the owner is born old.
        let young = core.is_young(owner);
        let index = core.externals.add(
            Store {
                owner,
                bytes,
                identity: 0,
                payload,
            },
            young,
        );
        at.add(HEADER_BYTES).store_u64(u64::from(index));
        Ok(self.root_value(owner))
    }

    /// Bytes outside the heap that `owner` owns.
    ///
    /// # Panics
    /// If `owner` is no external object.
    pub fn external_bytes(&self, owner: impl Operand<'h>) -> usize {
        let (core, owner) = (self.core(), owner.value());
        core.expect_kind(owner, Kind::External);
        core.externals
            .stores
            .get(core.store_index(owner))
            .map_or(0, |s| s.bytes)
    }

    /// The Rust value that `owner` owns.
    ///
    /// # Panics
    /// If `owner` is no external object.
    pub fn external_payload<T: 'static>(&self, owner: impl Operand<'h>) -> Option<&T> {
        let (core, owner) = (self.core(), owner.value());
        core.expect_kind(owner, Kind::External);
        let store = core.externals.stores.get(core.store_index(owner))?;
        store.payload.as_ref()?.downcast_ref()
    }
}
