//! Weak things: references, ephemeron tables (JavaScript's `WeakMap`), finalisers.
//!
//! | file | role |
//! |---|---|
//! | `references` | a reference that does not keep its target |
//! | `ephemerons` | tables whose values live as long as table and key do |
//! | `finalizers` | word of an object's death |
//!
//! Their entries lie beside the heap, owned by an object in it, and are written by their own entry points:
//! slot sets and markers never see them.
//!
//! # Order of clearing
//!
//! The same in both kinds of collection, and V8's:
//!
//! 1. Everything that is strongly reachable is found. The held values of finalisers are roots.
//! 2. Ephemerons: values of live keys in live tables, and what those reach, until no more turn up.
//! 3. What is dead now stays dead: entries of dead keys leave their tables, references to dead targets are
//!    cleared, finalisers of dead targets become ready. No step of these brings anything back, so that nobody
//!    can tell in which order they happen: a finaliser that runs finds every reference to its target cleared.
//!
//! A scavenge decides over young objects only: to it the old ones are alive. An old table's young key is weak
//! in it all the same, and its value lives iff the key does.
//!
//! # Finalisers
//!
//! A finaliser becomes ready in the collection that finds its target dead, and is run by the embedder, who
//! polls [`Scope::next_finalizer`] when it suits: never inside a collection. Those of one collection come in
//! the order in which they were registered; those of an earlier collection come first. The held value is kept
//! alive until the embedder has taken it; the target itself is gone, and cannot be brought back. A held value
//! that reaches its own target keeps it alive for ever, as in JavaScript's `FinalizationRegistry`.

mod ephemerons;
mod finalizers;
mod references;

use crate::heap::Core;
use crate::marker::{Marker, mark_bit};
use crate::object::HEADER_BYTES;
#[cfg(doc)]
use crate::scope::Scope;
use crate::seeded::{self, Bug};
use crate::value::Value;
use ephemerons::Ephemerons;
use finalizers::Finalizers;
use references::References;

/// All weak things of one heap.
#[derive(Default)]
pub(crate) struct Weak {
    references: References,
    ephemerons: Ephemerons,
    finalizers: Finalizers,
}

impl Weak {
    /// Whether nothing is weak, so that collections need not look.
    fn is_empty(&self) -> bool {
        self.references.is_empty() && self.ephemerons.is_empty() && self.finalizers.is_empty()
    }

    /// Shows the values that finalisers hold: strong roots.
    pub(crate) fn visit_held(&mut self, visit: impl FnMut(Value) -> Value) {
        self.finalizers.visit_held(visit);
    }

    /// The values that finalisers hold, for markers and the verifier.
    pub(crate) fn held(&self) -> impl Iterator<Item = Value> + '_ {
        self.finalizers.held()
    }

    /// Key and value of each entry of table `index`.
    pub(crate) fn entries(&self, index: u32) -> impl Iterator<Item = (Value, Value)> + '_ {
        self.ephemerons.entries(index)
    }

    /// Target of reference `index`; `UNDEFINED` once it is dead.
    pub(crate) fn target(&self, index: u32) -> Value {
        self.references.target(index)
    }

    /// Every value that an entry holds, with what it is, for the verifier.
    pub(crate) fn all_values(&self) -> Vec<(&'static str, Value)> {
        let mut values = Vec::new();
        values.extend(self.references.all_values());
        values.extend(self.ephemerons.all_values());
        values.extend(self.finalizers.all_values());
        values
    }
}

impl Core {
    /// Number of the weak reference or table behind an object.
    pub(crate) fn weak_index(&self, owner: Value) -> u32 {
        self.cage.addr(owner).add(HEADER_BYTES).load_u32()
    }

    /// Whether an object survives the scavenge in progress, as far as is known: not in from-space, or copied.
    fn survives(&self, value: Value, from: (u32, u32)) -> bool {
        value.0.wrapping_sub(from.0) >= from.1 || self.forwarded(value).is_some()
    }

    fn after_scavenge(&self, value: Value, from: (u32, u32)) -> Value {
        if value.0.wrapping_sub(from.0) < from.1 {
            self.forwarded(value).unwrap_or(value)
        } else {
            value
        }
    }

    /// After a scavenge: entries follow what moved and forget what died.
    pub(crate) fn update_young_weak(&mut self, from: (u32, u32)) {
        if self.weak.is_empty() {
            return;
        }
        let mut weak = std::mem::take(&mut self.weak);
        weak.ephemerons.after_scavenge(self, from);
        weak.references.after_scavenge(self, from);
        weak.finalizers.after_scavenge(self, from);
        self.weak = weak;
    }

    /// Whether a marking has found an object alive; what it does not follow is alive.
    fn found_alive(&self, marker: &Marker, value: Value) -> bool {
        if !marker.follows(value) {
            return true;
        }
        let (word, bit) = mark_bit(&self.cage, value);
        word.load_u64() & bit != 0
    }

    /// After marking: forgets dead tables, entries of dead keys and dead targets; readies finalisers.
    pub(crate) fn clear_weak(&mut self, marker: &Marker) {
        if self.weak.is_empty() {
            return;
        }
        let mut weak = std::mem::take(&mut self.weak);
        weak.ephemerons.clear(self, marker);
        weak.references.clear(self, marker);
        weak.finalizers.clear(self, marker);
        self.weak = weak;
    }

    /// After an evacuation: entries follow what moved.
    pub(crate) fn update_weak(&mut self) {
        if seeded::active(Bug::WeakNotUpdated) {
            return;
        }
        let mut weak = std::mem::take(&mut self.weak);
        let moved = |value| self.evacuated(value);
        weak.references.after_evacuation(moved);
        weak.ephemerons.after_evacuation(moved);
        weak.finalizers.after_evacuation(moved);
        self.weak = weak;
    }
}
