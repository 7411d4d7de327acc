//! What refers to what: nothing stale, young references recorded, nothing that marking lost.

use super::super::Invariant;
use super::{Check, Checker, GRANULE, Granules, PERMANENT};
use crate::options::PAGE_SIZE;
use crate::page::Owner;
use crate::value::Value;
use std::collections::HashSet;

impl Checker<'_> {
    /// What is wrong with a value, if anything: it must be an integer or refer to an object that is there.
    pub(super) fn fault(&self, value: Value) -> Option<(Invariant, String)> {
        if value.0 >> 31 == 0 {
            return None;
        }
        let granule = (value.0 & 0x7fff_ffff) as usize;
        if PERMANENT.contains(&granule) || self.live.contains(granule) {
            return None;
        }
        let offset = granule * GRANULE;
        if self.dead.contains(granule) {
            return Some((
                Invariant::Tricolour,
                format!("refers to {offset:#x}, which marking found dead"),
            ));
        }
        let young = &self.core.young;
        let from = self.core.cage.offset(young.from_space_start());
        if (from..from + young.max_capacity).contains(&offset) {
            return Some((
                Invariant::FromSpaceEmpty,
                format!("refers to {offset:#x} in from-space"),
            ));
        }
        Some((
            Invariant::StaleReference,
            format!("refers to {offset:#x}, where no object starts"),
        ))
    }

    pub(super) fn is_young(&self, value: Value) -> bool {
        if value.0 >> 31 == 0 {
            return false;
        }
        let offset = (value.0 & 0x7fff_ffff) as usize * GRANULE;
        let young = &self.core.young;
        let start = self.core.cage.offset(young.to_space_start());
        (start..start + young.max_capacity).contains(&offset)
    }

    /// I2, I3 and I6 for every slot of every object that is not known dead; I1 for those of old ones.
    pub(super) fn references(&mut self) -> Check {
        for object in &self.young {
            for slot in object.slot_offsets() {
                let value = self.core.cage.at(slot).value();
                if let Some((invariant, what)) = self.fault(value) {
                    return self.broken_slot(invariant, what, object, slot);
                }
            }
            self.seen.slots += object.slots;
        }
        for object in &self.old {
            for slot in object.slot_offsets() {
                let value = self.core.cage.at(slot).value();
                if let Some((invariant, what)) = self.fault(value) {
                    return self.broken_slot(invariant, what, object, slot);
                }
                if self.is_young(value) && !self.is_recorded(slot) {
                    return self.broken_slot(
                        Invariant::RememberedSet,
                        format!("the young reference {value:?} is not recorded"),
                        object,
                        slot,
                    );
                }
            }
            self.seen.slots += object.slots;
        }
        Ok(())
    }

    pub(super) fn is_recorded(&self, offset: usize) -> bool {
        let slot = offset / 4;
        let word = self.core.cage.slot_bits.base().add(slot / 64 * 8);
        word.load_u64() >> (slot % 64) & 1 == 1
    }

    /// I1, the other half: every recorded slot lies among the slots of an object, live or not swept yet;
    /// and the summary of its page knows of it.
    pub(super) fn recorded_slots(&mut self) -> Check {
        const SLOTS_PER_PAGE: usize = PAGE_SIZE / 4;
        const SLOTS_PER_BUCKET: usize = 512;
        let core = self.core;
        for page in core.pages.range() {
            let words = core.cage.slot_bits.base().add(page * SLOTS_PER_PAGE / 8);
            for w in 0..SLOTS_PER_PAGE / 64 {
                let mut bits = words.add(8 * w).load_u64();
                if bits == 0 {
                    continue;
                }
                let bucket = w * 64 / SLOTS_PER_BUCKET;
                if core.pages.summary[page] >> bucket & 1 == 0 {
                    return self.broken(
                        Invariant::RememberedSet,
                        format!(
                            "page {page}, bucket {bucket} has recorded slots that its summary lacks"
                        ),
                    );
                }
                while bits != 0 {
                    let slot = page * PAGE_SIZE + 4 * (w * 64 + bits.trailing_zeros() as usize);
                    bits &= bits - 1;
                    self.recorded_slot(page, slot)?;
                    self.seen.recorded_slots += 1;
                }
            }
        }
        Ok(())
    }

    /// The last granule of `lowest..=granule` where an object starts, live or dead.
    pub(super) fn last_start(&self, lowest: usize, granule: usize) -> Option<usize> {
        let mut mask = u64::MAX >> (63 - granule % 64);
        for word in (lowest / 64..=granule / 64).rev() {
            let bits = (self.live.0[word] | self.dead.0[word]) & mask;
            if bits != 0 {
                let found = word * 64 + bits.ilog2() as usize;
                return (found >= lowest).then_some(found);
            }
            mask = u64::MAX;
        }
        None
    }

    pub(super) fn recorded_slot(&self, page: usize, slot: usize) -> Check {
        let core = self.core;
        let nowhere = |what: &str| {
            self.broken_at(
                Invariant::RememberedSet,
                format!("a recorded slot lies in {what}"),
                slot,
                None,
            )
        };
        // Walks back to the object's start: the last start at or before the slot.
        let first_page = match core.pages.owner(page) {
            Owner::Unused => return nowhere("an unused page"),
            Owner::Reserved => return nowhere("a page that is not old"),
            Owner::Old | Owner::LargeHead => page,
            Owner::LargeTail => match (0..page)
                .rev()
                .find(|&p| core.pages.owner(p) != Owner::LargeTail)
            {
                Some(head) => head,
                None => return nowhere("a large object without a head"),
            },
        };
        let Some(start) = self.last_start(first_page * PAGE_SIZE / GRANULE, slot / GRANULE) else {
            return nowhere("no object");
        };
        let object = self.read(start * GRANULE, usize::MAX)?;
        if slot < object.first_slot || slot >= object.first_slot + 4 * object.slots {
            return nowhere("a place that is no slot of an object");
        }
        // The dead of unswept pages count as roots: what they refer to must be there if it is young.
        let value = core.cage.at(slot).value();
        let young_fault = self
            .fault(value)
            .filter(|(invariant, _)| *invariant == Invariant::FromSpaceEmpty);
        match young_fault {
            Some((invariant, what)) => self.broken_slot(invariant, what, &object, slot),
            None if self.is_young(value) && self.fault(value).is_some() => self.broken_slot(
                Invariant::StaleReference,
                format!("the recorded reference {value:?} names no young object"),
                &object,
                slot,
            ),
            None => Ok(()),
        }
    }

    /// I2 and I6 once more, from the roots: all that is reachable is there, and nothing of it is white.
    pub(super) fn second_marker(&mut self) -> Check {
        let granules = self.live.0.len() * 64;
        let mut reached = Granules::new(granules);
        let mut stack: Vec<usize> = Vec::new();
        for (group, values) in self.core.root_groups() {
            for (index, value) in values.into_iter().enumerate() {
                if let Some((invariant, what)) = self.fault(value) {
                    return self.broken(invariant, format!("root {index} of '{group}' {what}"));
                }
                push(value, &mut reached, &mut stack);
            }
        }
        while let Some(granule) = stack.pop() {
            let object = self.read(granule * GRANULE, usize::MAX)?;
            self.seen.reachable_objects += 1;
            self.seen.reachable_bytes += object.bytes;
            for slot in object.slot_offsets() {
                let value = self.core.cage.at(slot).value();
                if let Some((invariant, what)) = self.fault(value) {
                    return self.broken_slot(invariant, what, &object, slot);
                }
                push(value, &mut reached, &mut stack);
            }
        }
        Ok(())
    }

    /// I2 while marking is in progress: what a black old object refers to is marked or on the worklist.
    pub(super) fn tricolour(&mut self) -> Check {
        let Some(cycle) = &self.core.cycle else {
            return Ok(());
        };
        let Some((pending, partly_scanned)) = cycle.marker.pending() else {
            return Ok(());
        };
        let grey: HashSet<u32> = pending.collect();
        let partly: HashSet<u32> = partly_scanned.collect();
        for object in &self.old {
            let own = self.core.cage.value(self.core.cage.at(object.offset)).0;
            if !self.is_marked(object.offset) || partly.contains(&own) {
                continue;
            }
            for slot in object.slot_offsets() {
                let value = self.core.cage.at(slot).value();
                let granule = (value.0 & 0x7fff_ffff) as usize;
                if value.0 >> 31 == 0 || PERMANENT.contains(&granule) || self.is_young(value) {
                    continue;
                }
                if !self.is_marked(granule * GRANULE) && !grey.contains(&value.0) {
                    return self.broken_slot(
                        Invariant::Tricolour,
                        format!("the black object refers to {value:?}, which is white"),
                        object,
                        slot,
                    );
                }
            }
        }
        Ok(())
    }
}

/// Adds what `value` refers to to the worklist, once.
fn push(value: Value, reached: &mut Granules, stack: &mut Vec<usize>) {
    let granule = (value.0 & 0x7fff_ffff) as usize;
    if value.0 >> 31 == 1 && !PERMANENT.contains(&granule) && reached.insert(granule) {
        stack.push(granule);
    }
}
