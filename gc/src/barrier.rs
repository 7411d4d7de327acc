//! The write barrier: every store of a tagged value into an object goes through [`Core::write`].
//!
//! It decides by the value and the slot's address alone. Loading the host's header would cost a cache miss
//! at each store into a large heap; the side tables are dense and mostly cached.
//!
//! * **Generational half**: a young value stored outside the young generation puts the *slot* into the
//!   slot set, so that the next scavenge treats it as a root (invariant I1).
//! * **Marking half** (insertion): while a cycle is in progress, a reference to a white old object makes that
//!   object grey, whatever the host (invariant I2). It filters by the value only.

use crate::cage::Addr;
use crate::heap::Core;
use crate::seeded::{self, Bug};
use crate::value::Value;

impl Core {
    /// Stores `value` into `slot` of an object and does what the collector needs to know of it.
    #[inline(always)]
    pub(crate) fn write(&mut self, slot: Addr, value: Value) {
        slot.store_u32(value.0);
        if self.is_young(value) {
            if !self.young.contains(slot)
                && !seeded::active_every(Bug::GenerationalBarrierDropped, 13)
            {
                self.record(slot);
            }
        } else if self.marking && value.0 >= self.first_old_value() {
            self.marking_barrier(slot, value);
        }
    }

    #[inline(always)]
    pub(crate) fn is_young(&self, value: Value) -> bool {
        self.young.holds(value)
    }

    /// Records an old slot that holds a young reference.
    #[inline(always)]
    pub(crate) fn record(&mut self, slot: Addr) {
        self.pages.record_slot(&self.cage, slot);
    }

    /// [`Core::record`] where the slot is mostly not recorded yet.
    #[inline(always)]
    pub(crate) fn record_new(&mut self, slot: Addr) {
        self.pages.record_new_slot(&self.cage, slot);
    }

    /// The barrier for `count` slots that were filled by a bulk copy.
    pub(crate) fn write_range(&mut self, first: Addr, count: usize) {
        let young_host = self.young.contains(first);
        if young_host && !self.marking || seeded::active(Bug::RangeBarrierDropped) {
            return;
        }
        for i in 0..count {
            let slot = first.add(4 * i);
            let value = slot.value();
            if self.is_young(value) {
                if !young_host {
                    self.record(slot);
                }
            } else if self.marking && value.0 >= self.first_old_value() {
                self.marking_barrier(slot, value);
            }
        }
    }
}
