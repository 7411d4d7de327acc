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

#[cfg(test)]
mod tests {
    use crate::heap::POISON;
    use crate::object::Descriptor;
    use crate::scavenger::slots_and_end;
    use crate::scope::Sealed;
    use crate::{CollectionKind::Major, CollectionReason::Testing, Heap, HeapOptions, PAGE_SIZE};

    /// Slot and value decide alone: under a header that is none, both halves do what they always do.
    #[test]
    fn a_ruined_header_of_the_host_changes_nothing() {
        let mut heap = Heap::new(HeapOptions::with_limits(16 << 20, 1 << 20)).expect("heap");
        let (small, large) = heap.enter(|s| {
            let small = s.array(8).expect("room");
            let large = s.array(PAGE_SIZE).expect("room");
            let target = s.array(3).expect("room");
            // Not a root, so that marking does not begin with it.
            s.set(small, 0, target);
            (s.global(small), s.global(large))
        });
        heap.collect(Major, Testing);
        heap.start_incremental_marking();
        heap.enter(|s| {
            let target = s.get(s.peek(&small), 0).value();
            let young = s.array(2).expect("room").value();
            for (host, far) in [(&small, 7), (&large, PAGE_SIZE - 1)] {
                let host = s.peek(host).value();
                let core = s.core();
                let at = core.cage.addr(host);
                let header = at.load_u64();
                let slot = slots_and_end(at, Descriptor(at.load_u32())).0.add(4 * far);
                let grey = |core: &mut crate::heap::Core| {
                    let (pending, _) = core.cycle.as_ref()?.marker.pending()?;
                    Some(pending.into_iter().filter(|&v| v == target.0).count())
                };
                let before = grey(core).expect("a cycle");
                at.store_u64(POISON);
                core.write(slot, young);
                assert!(core.pages.is_recorded(&core.cage, slot));
                core.write(slot, target);
                assert_eq!(grey(core), Some(before + 1));
                at.store_u64(header);
            }
        });
        heap.verify().expect("sound");
        heap.collect(Major, Testing);
        heap.verify().expect("sound");
    }
}
