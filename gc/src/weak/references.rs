//! References that do not keep their targets: JavaScript's `WeakRef`.

use crate::error::HeapLimitReached;
use crate::heap::Core;
use crate::marker::Marker;
use crate::object::{Descriptor, HEADER_BYTES, Kind};
use crate::pool::Pool;
use crate::scope::{Local, Operand, Ref, Scope, Sealed};
use crate::seeded::{self, Bug};
use crate::shape::builtin;
use crate::value::Value;

const WEAK_REF: Descriptor = Descriptor::narrow(Kind::WeakRef, builtin::WEAK_REF, 0, 1);

/// The weak references of one heap.
#[derive(Default)]
pub(super) struct References {
    entries: Pool<Reference>,
    /// Those whose owner or target is young.
    young: Vec<u32>,
}

struct Reference {
    owner: Value,
    /// `UNDEFINED` once it is dead.
    target: Value,
}

impl References {
    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(super) fn target(&self, index: u32) -> Value {
        self.entries
            .get(index)
            .map_or(Value::UNDEFINED, |r| r.target)
    }

    pub(super) fn all_values(&self) -> impl Iterator<Item = (&'static str, Value)> + '_ {
        self.entries.iter().flat_map(|(_, reference)| {
            [
                ("the owner of a weak reference", reference.owner),
                ("the target of a weak reference", reference.target),
            ]
        })
    }

    pub(super) fn after_scavenge(&mut self, core: &Core, from: (u32, u32)) {
        for index in std::mem::take(&mut self.young) {
            let Some(reference) = self.entries.get_mut(index) else {
                continue;
            };
            if !core.survives(reference.owner, from) {
                self.entries.remove(index);
                continue;
            }
            reference.owner = core.after_scavenge(reference.owner, from);
            reference.target = if core.survives(reference.target, from) {
                core.after_scavenge(reference.target, from)
            } else {
                Value::UNDEFINED
            };
            if core.is_young(reference.owner) || core.is_young(reference.target) {
                self.young.push(index);
            }
        }
    }

    pub(super) fn clear(&mut self, core: &Core, marker: &Marker) {
        for index in self.entries.indexes() {
            let Some(reference) = self.entries.get_mut(index) else {
                continue;
            };
            if !core.found_alive(marker, reference.owner) {
                self.entries.remove(index);
            } else if !core.found_alive(marker, reference.target)
                && !seeded::active(Bug::WeakReferenceNotCleared)
            {
                reference.target = Value::UNDEFINED;
            }
        }
    }

    pub(super) fn after_evacuation(&mut self, moved: impl Fn(Value) -> Value) {
        for (_, reference) in self.entries.iter_mut() {
            reference.owner = moved(reference.owner);
            reference.target = moved(reference.target);
        }
    }
}

impl<'s, 'h> Scope<'s, 'h> {
    /// A weak reference to `target`, itself an object of the heap.
    ///
    /// # Errors
    /// The heap has no room for it and could not make any.
    ///
    /// # Panics
    /// If `target` is no object.
    pub fn weak_ref(&mut self, target: Local<'_, 'h>) -> Result<Local<'s, 'h>, HeapLimitReached> {
        let core = self.core();
        assert!(
            core.is_heap_object(target.value()),
            "a weak reference to {:?}",
            core.type_of(target.value())
        );
        let at = core.new_narrow(WEAK_REF)?;
        let owner = core.cage.value(at);
        let references = &mut core.weak.references;
        let index = references.entries.insert(Reference {
            owner,
            target: target.value(),
        });
        references.young.push(index);
        at.add(HEADER_BYTES).store_u64(u64::from(index));
        Ok(self.root_value(owner))
    }

    /// What a weak reference refers to; `None` once that has died.
    ///
    /// # Panics
    /// If `weak` is no weak reference.
    pub fn weak_target(&self, weak: impl Operand<'h>) -> Option<Ref<'_, 'h>> {
        let (core, weak) = (self.core(), weak.value());
        core.expect_kind(weak, Kind::WeakRef);
        match core.weak.target(core.weak_index(weak)) {
            Value::UNDEFINED => None,
            target => Some(self.lend(target)),
        }
    }
}
