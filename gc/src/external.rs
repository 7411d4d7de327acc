//! Bytes outside the heap that objects of the heap own, as Node's `ArrayBuffer`s own their backing stores.
//!
//! Owners stand on two lists, young and old. A scavenge walks the young one (forwarded: keep; else free),
//! because it never visits the dead; a major collection walks the old one.

use crate::error::HeapLimitReached;
use crate::heap::Core;
use crate::object::{Descriptor, HEADER_BYTES, Kind};
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
    pub(crate) stores: Vec<Option<Store>>,
    free: Vec<u32>,
    /// Indexes of stores whose owner is young, and of the others.
    pub(crate) young: Vec<u32>,
    pub(crate) old: Vec<u32>,
    pub(crate) bytes: usize,
    /// Payloads of dead owners: dropped when the collection is over, since dropping runs foreign code.
    dead: Vec<Box<dyn Any>>,
}

impl Externals {
    fn release(&mut self, index: u32) -> usize {
        let Some(store) = self.stores[index as usize].take() else {
            return 0;
        };
        self.free.push(index);
        self.bytes -= store.bytes;
        self.dead.extend(store.payload);
        store.bytes
    }

    /// Bytes that no Rust value is behind.
    pub(crate) fn raw_bytes(&self) -> usize {
        self.stores
            .iter()
            .flatten()
            .filter(|s| s.payload.is_none())
            .map(|s| s.bytes)
            .sum()
    }

    /// Payloads whose owners have died.
    pub(crate) fn take_dead(&mut self) -> Vec<Box<dyn Any>> {
        std::mem::take(&mut self.dead)
    }
}

impl Core {
    /// After a scavenge: stores follow their young owners or die with them.
    pub(crate) fn update_young_externals(&mut self, from_first: u32, from_span: u32) {
        for index in std::mem::take(&mut self.externals.young) {
            let Some(owner) = self.externals.stores[index as usize]
                .as_ref()
                .map(|s| s.owner)
            else {
                continue;
            };
            debug_assert!(owner.0.wrapping_sub(from_first) < from_span);
            let alive = !seeded::active(Bug::ExternalFreedEarly);
            match self.forwarded(owner).filter(|_| alive) {
                Some(new) => {
                    if let Some(store) = &mut self.externals.stores[index as usize] {
                        store.owner = new;
                    }
                    let young = self.is_young(new);
                    let list = if young {
                        &mut self.externals.young
                    } else {
                        &mut self.externals.old
                    };
                    list.push(index);
                }
                None => {
                    self.externals.release(index);
                }
            }
        }
    }

    /// After marking: frees the stores of unmarked old owners. Returns their bytes.
    pub(crate) fn sweep_old_externals(&mut self) -> usize {
        let mut freed = 0;
        for index in std::mem::take(&mut self.externals.old) {
            let Some(owner) = self.externals.stores[index as usize]
                .as_ref()
                .map(|s| s.owner)
            else {
                continue;
            };
            if self.is_marked(owner) {
                self.externals.old.push(index);
            } else {
                freed += self.externals.release(index);
            }
        }
        freed
    }

    /// Index of the store that an external object owns.
    pub(crate) fn store_index(&self, owner: Value) -> u32 {
        self.cage.addr(owner).add(HEADER_BYTES).load_u32()
    }
}

impl<'s, 'h> Scope<'s, 'h> {
    /// An object that owns `bytes` bytes outside the heap.
    ///
    /// `payload` is the Rust value that holds them, if there is one: it is dropped after the object has died,
    /// at the end of the collection that finds out. The bytes count as external memory and start collections.
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
        let store = Some(Store {
            owner,
            bytes,
            identity: 0,
            payload,
        });
        let index = match core.externals.free.pop() {
            Some(index) => {
                core.externals.stores[index as usize] = store;
                index
            }
            None => {
                core.externals.stores.push(store);
                (core.externals.stores.len() - 1) as u32
            }
        };
        at.add(HEADER_BYTES).store_u64(u64::from(index));
        core.externals.bytes += bytes;
        // Without a young generation the owner is born old.
        let list = if core.is_young(owner) {
            &mut core.externals.young
        } else {
            &mut core.externals.old
        };
        list.push(index);
        Ok(self.root_value(owner))
    }

    /// Bytes outside the heap that `owner` owns.
    ///
    /// # Panics
    /// If `owner` is no external object.
    pub fn external_bytes(&self, owner: impl Operand<'h>) -> usize {
        let (core, owner) = (self.core(), owner.value());
        core.expect_kind(owner, Kind::External);
        core.externals.stores[core.store_index(owner) as usize]
            .as_ref()
            .map_or(0, |s| s.bytes)
    }

    /// The Rust value that `owner` owns.
    ///
    /// # Panics
    /// If `owner` is no external object.
    pub fn external_payload<T: 'static>(&self, owner: impl Operand<'h>) -> Option<&T> {
        let (core, owner) = (self.core(), owner.value());
        core.expect_kind(owner, Kind::External);
        let store = core.externals.stores[core.store_index(owner) as usize].as_ref()?;
        store.payload.as_ref()?.downcast_ref()
    }
}
