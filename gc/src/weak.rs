//! Weak things: references, ephemeron tables (JavaScript's `WeakMap`), finalisers.
//!
//! Their entries lie beside the heap, owned by an object in it, and are written by their own entry points:
//! slot sets and markers never see them. Order of clearing in a major collection, as in V8: marking closure,
//! ephemerons, then tables, references and finalisers of what is dead. A scavenge does the same for entries
//! that involve young objects: an old table's young key is weak, and its value lives iff the key does.
//!
//! Ephemerons of a major collection are resolved by the linear algorithm: values of keys that are not marked
//! yet wait in a map by key; each object that becomes marked releases what waits for it.
//!
//! A finaliser becomes ready in the collection that finds its target dead and is run by the embedder, who
//! polls [`Scope::next_finalizer`]: in order of registration within one collection. Its held value is kept
//! alive until then; the target itself is gone.

use crate::error::HeapLimitReached;
use crate::heap::Core;
use crate::marker::{Marker, mark_bit};
use crate::object::{Descriptor, HEADER_BYTES, Kind};
use crate::scope::{Init, Local, Operand, Ref, Scope, Sealed};
use crate::seeded::{self, Bug};
use crate::shape::builtin;
use crate::value::Value;
use hashbrown::HashMap;

const WEAK_REF: Descriptor = Descriptor::narrow(Kind::WeakRef, builtin::WEAK_REF, 0, 1);
const TABLE: Descriptor = Descriptor::narrow(Kind::EphemeronTable, builtin::EPHEMERON_TABLE, 0, 1);

#[derive(Copy, Clone)]
struct WeakEntry {
    owner: Value,
    target: Value,
}

/// The entries of one ephemeron table.
struct Table {
    owner: Value,
    /// Key and value; a removed entry has the key `HOLE`.
    entries: Vec<(Value, Value)>,
    free: Vec<u32>,
    /// Entry by the identity of its key.
    by_identity: HashMap<u32, u32>,
}

struct Finalizer {
    target: Value,
    held: Value,
}

/// All weak things of one heap.
#[derive(Default)]
pub(crate) struct Weak {
    refs: Vec<Option<WeakEntry>>,
    free_refs: Vec<u32>,
    /// References whose owner or target is young.
    young_refs: Vec<u32>,
    tables: Vec<Option<Table>>,
    free_tables: Vec<u32>,
    /// Tables whose owner is young.
    young_tables: Vec<u32>,
    /// Entries whose key or value is young, or whose table is: table and entry.
    young_entries: Vec<(u32, u32)>,
    finalizers: Vec<Finalizer>,
    /// Finalisers before this one have old targets and held values.
    first_young_finalizer: usize,
    ready: std::collections::VecDeque<Value>,
}

impl Weak {
    /// Whether nothing is weak, so that collections need not look.
    pub(crate) fn is_empty(&self) -> bool {
        self.refs.is_empty()
            && self.tables.is_empty()
            && self.finalizers.is_empty()
            && self.ready.is_empty()
    }

    /// Shows the values that finalisers hold: strong roots.
    pub(crate) fn visit_held(&mut self, mut visit: impl FnMut(Value) -> Value) {
        for finalizer in &mut self.finalizers {
            finalizer.held = visit(finalizer.held);
        }
        for held in &mut self.ready {
            *held = visit(*held);
        }
    }

    /// The values that finalisers hold, for markers and the verifier.
    pub(crate) fn held(&self) -> impl Iterator<Item = Value> + '_ {
        self.finalizers
            .iter()
            .map(|f| f.held)
            .chain(self.ready.iter().copied())
    }

    /// Key and value of each entry of table `index`.
    pub(crate) fn entries(&self, index: u32) -> impl Iterator<Item = (Value, Value)> + '_ {
        let table = self.tables.get(index as usize).and_then(Option::as_ref);
        table
            .into_iter()
            .flat_map(|t| t.entries.iter().copied())
            .filter(|e| e.0 != Value::HOLE)
    }

    /// Target of reference `index`; `UNDEFINED` once it is dead.
    pub(crate) fn target(&self, index: u32) -> Value {
        self.refs
            .get(index as usize)
            .copied()
            .flatten()
            .map_or(Value::UNDEFINED, |r| r.target)
    }

    /// Every value that an entry holds, with what it is, for the verifier.
    pub(crate) fn all_values(&self) -> Vec<(&'static str, Value)> {
        let mut values = Vec::new();
        for entry in self.refs.iter().flatten() {
            values.push(("the owner of a weak reference", entry.owner));
            values.push(("the target of a weak reference", entry.target));
        }
        for table in self.tables.iter().flatten() {
            values.push(("the owner of an ephemeron table", table.owner));
            for &(key, value) in table.entries.iter().filter(|e| e.0 != Value::HOLE) {
                values.push(("the key of an ephemeron", key));
                values.push(("the value of an ephemeron", value));
            }
        }
        values.extend(
            self.finalizers
                .iter()
                .map(|f| ("the target of a finaliser", f.target)),
        );
        values.extend(
            self.held()
                .map(|held| ("the held value of a finaliser", held)),
        );
        values
    }

    fn remove_entry(&mut self, table: u32, entry: u32, identity: u32) {
        if let Some(Some(t)) = self.tables.get_mut(table as usize) {
            t.entries[entry as usize] = (Value::HOLE, Value::UNDEFINED);
            t.free.push(entry);
            t.by_identity.remove(&identity);
        }
    }
}

impl Core {
    /// Number of the weak reference or table behind an object.
    pub(crate) fn weak_index(&self, owner: Value) -> u32 {
        self.cage.addr(owner).add(HEADER_BYTES).load_u32()
    }

    // --- scavenges ---------------------------------------------------------------------------------------

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

    /// Values of young ephemerons whose table and key have been found alive since the last call.
    ///
    /// The scavenger forwards them and calls again until there are none.
    pub(crate) fn live_ephemeron_values(
        &mut self,
        from: (u32, u32),
        resolved: &mut [bool],
    ) -> Vec<Value> {
        let mut values = Vec::new();
        for (n, &(table, entry)) in self.weak.young_entries.iter().enumerate() {
            if resolved[n] {
                continue;
            }
            let Some(Some(t)) = self.weak.tables.get(table as usize) else {
                continue;
            };
            let Some(&(key, value)) = t.entries.get(entry as usize) else {
                continue;
            };
            if key != Value::HOLE && self.survives(t.owner, from) && self.survives(key, from) {
                resolved[n] = true;
                values.push(value);
            }
        }
        values
    }

    pub(crate) fn young_ephemeron_count(&self) -> usize {
        self.weak.young_entries.len()
    }

    /// After a scavenge: entries follow what moved and forget what died.
    pub(crate) fn update_young_weak(&mut self, from: (u32, u32)) {
        if self.weak.is_empty() {
            return;
        }
        let mut weak = std::mem::take(&mut self.weak);
        for index in std::mem::take(&mut weak.young_tables) {
            let Some(owner) = weak.tables[index as usize].as_ref().map(|t| t.owner) else {
                continue;
            };
            if !self.survives(owner, from) {
                weak.tables[index as usize] = None;
                weak.free_tables.push(index);
                continue;
            }
            let owner = self.after_scavenge(owner, from);
            if let Some(table) = &mut weak.tables[index as usize] {
                table.owner = owner;
            }
            if self.is_young(owner) {
                weak.young_tables.push(index);
            }
        }
        for (table, entry) in std::mem::take(&mut weak.young_entries) {
            let Some(Some(t)) = weak.tables.get_mut(table as usize) else {
                continue;
            };
            // The table may have died and its number been given to another since.
            let Some(&(key, value)) = t.entries.get(entry as usize) else {
                continue;
            };
            if key == Value::HOLE {
                continue;
            }
            if !self.survives(key, from) {
                let identity = self.identity_if_any(key);
                weak.remove_entry(table, entry, identity);
                continue;
            }
            let (key, value) = (
                self.after_scavenge(key, from),
                self.after_scavenge(value, from),
            );
            t.entries[entry as usize] = (key, value);
            if self.is_young(key) || self.is_young(value) || self.is_young(t.owner) {
                weak.young_entries.push((table, entry));
            }
        }
        for index in std::mem::take(&mut weak.young_refs) {
            let Some(mut entry) = weak.refs[index as usize] else {
                continue;
            };
            if !self.survives(entry.owner, from) {
                weak.refs[index as usize] = None;
                weak.free_refs.push(index);
                continue;
            }
            entry.owner = self.after_scavenge(entry.owner, from);
            entry.target = if self.survives(entry.target, from) {
                self.after_scavenge(entry.target, from)
            } else {
                Value::UNDEFINED
            };
            weak.refs[index as usize] = Some(entry);
            if self.is_young(entry.owner) || self.is_young(entry.target) {
                weak.young_refs.push(index);
            }
        }
        let old = weak.first_young_finalizer;
        let young = weak.finalizers.split_off(old);
        for mut finalizer in young {
            if self.survives(finalizer.target, from) {
                finalizer.target = self.after_scavenge(finalizer.target, from);
                weak.finalizers.push(finalizer);
            } else {
                weak.ready.push_back(finalizer.held);
            }
        }
        while let Some(f) = weak.finalizers.get(weak.first_young_finalizer) {
            if self.is_young(f.target) || self.is_young(f.held) {
                break;
            }
            weak.first_young_finalizer += 1;
        }
        self.weak = weak;
    }

    // --- major collections -------------------------------------------------------------------------------

    /// Whether a marking has found an object alive; what it does not follow is alive.
    fn found_alive(&self, marker: &Marker, value: Value) -> bool {
        if !marker.follows(value) {
            return true;
        }
        let (word, bit) = mark_bit(&self.cage, value);
        word.load_u64() & bit != 0
    }

    /// Marks the values of ephemerons whose table and key are alive, and what those reach, to the end.
    pub(crate) fn resolve_ephemerons(&mut self, marker: &mut Marker) {
        if self.weak.tables.iter().all(Option::is_none) {
            return;
        }
        let mut waiting: HashMap<Value, Vec<Value>> = HashMap::new();
        marker.newly_marked = Some(Vec::new());
        for index in 0..self.weak.tables.len() as u32 {
            let owner = self.weak.tables[index as usize].as_ref().map(|t| t.owner);
            if owner.is_some_and(|owner| self.found_alive(marker, owner)) {
                self.visit_ephemerons(index, marker, &mut waiting);
            }
        }
        loop {
            marker.drain(&self.cage, &mut self.pages, usize::MAX);
            let marked = marker.newly_marked.replace(Vec::new()).unwrap_or_default();
            if marked.is_empty() {
                break;
            }
            for value in marked {
                for released in waiting.remove(&value).unwrap_or_default() {
                    if !seeded::active(Bug::EphemeronLost) {
                        marker.push_root(released);
                    }
                }
                if self.descriptor(value).kind() == Kind::EphemeronTable {
                    let index = self.weak_index(value);
                    self.visit_ephemerons(index, marker, &mut waiting);
                }
            }
        }
        marker.newly_marked = None;
    }

    fn visit_ephemerons(
        &self,
        table: u32,
        marker: &mut Marker,
        waiting: &mut HashMap<Value, Vec<Value>>,
    ) {
        for (key, value) in self.weak.entries(table) {
            if self.found_alive(marker, key) {
                marker.push_root(value);
            } else {
                waiting.entry(key).or_default().push(value);
            }
        }
    }

    /// After marking: forgets dead tables, entries of dead keys and dead targets; readies finalisers.
    pub(crate) fn clear_weak(&mut self, marker: &Marker) {
        if self.weak.is_empty() {
            return;
        }
        let mut weak = std::mem::take(&mut self.weak);
        for index in 0..weak.tables.len() {
            let Some(table) = &weak.tables[index] else {
                continue;
            };
            if !self.found_alive(marker, table.owner) {
                weak.tables[index] = None;
                weak.free_tables.push(index as u32);
                continue;
            }
            let dead: Vec<(u32, u32)> = table
                .entries
                .iter()
                .enumerate()
                .filter(|(_, e)| e.0 != Value::HOLE && !self.found_alive(marker, e.0))
                .map(|(n, e)| (n as u32, self.identity_if_any(e.0)))
                .collect();
            for (entry, identity) in dead {
                weak.remove_entry(index as u32, entry, identity);
            }
        }
        for index in 0..weak.refs.len() {
            let Some(entry) = &mut weak.refs[index] else {
                continue;
            };
            if !self.found_alive(marker, entry.owner) {
                weak.refs[index] = None;
                weak.free_refs.push(index as u32);
            } else if !self.found_alive(marker, entry.target)
                && !seeded::active(Bug::WeakReferenceNotCleared)
            {
                entry.target = Value::UNDEFINED;
            }
        }
        let mut kept = Vec::with_capacity(weak.finalizers.len());
        for finalizer in weak.finalizers.drain(..) {
            if self.found_alive(marker, finalizer.target) {
                kept.push(finalizer);
            } else {
                weak.ready.push_back(finalizer.held);
            }
        }
        weak.finalizers = kept;
        weak.first_young_finalizer = weak
            .finalizers
            .iter()
            .take_while(|f| !self.is_young(f.target) && !self.is_young(f.held))
            .count();
        self.weak = weak;
    }

    /// After an evacuation: entries follow what moved.
    pub(crate) fn update_weak(&mut self) {
        if seeded::active(Bug::WeakNotUpdated) {
            return;
        }
        let mut weak = std::mem::take(&mut self.weak);
        for entry in weak.refs.iter_mut().flatten() {
            entry.owner = self.evacuated(entry.owner);
            entry.target = self.evacuated(entry.target);
        }
        for table in weak.tables.iter_mut().flatten() {
            table.owner = self.evacuated(table.owner);
            for entry in &mut table.entries {
                *entry = (self.evacuated(entry.0), self.evacuated(entry.1));
            }
        }
        for finalizer in &mut weak.finalizers {
            finalizer.target = self.evacuated(finalizer.target);
        }
        weak.visit_held(|held| self.evacuated(held));
        self.weak = weak;
    }

    fn put_ephemeron(
        &mut self,
        table: u32,
        key: Value,
        value: Value,
    ) -> Result<(), HeapLimitReached> {
        let identity = self.identity(key)?;
        let young = self.is_young(key) || self.is_young(value);
        let Some(Some(t)) = self.weak.tables.get_mut(table as usize) else {
            return Ok(());
        };
        let young = young || value.0.wrapping_sub(self.young.first) < self.young.span;
        let young = young || t.owner.0.wrapping_sub(self.young.first) < self.young.span;
        let entry = match t.by_identity.get(&identity) {
            Some(&entry) => {
                t.entries[entry as usize].1 = value;
                entry
            }
            None => {
                let entry = t.free.pop().unwrap_or_else(|| {
                    t.entries.push((Value::HOLE, Value::UNDEFINED));
                    (t.entries.len() - 1) as u32
                });
                t.entries[entry as usize] = (key, value);
                t.by_identity.insert(identity, entry);
                entry
            }
        };
        if young {
            self.weak.young_entries.push((table, entry));
        }
        Ok(())
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
        let entry = Some(WeakEntry {
            owner,
            target: target.value(),
        });
        let index = match core.weak.free_refs.pop() {
            Some(index) => {
                core.weak.refs[index as usize] = entry;
                index
            }
            None => {
                core.weak.refs.push(entry);
                (core.weak.refs.len() - 1) as u32
            }
        };
        at.add(HEADER_BYTES).store_u64(u64::from(index));
        core.weak.young_refs.push(index);
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

    /// An empty ephemeron table (`WeakMap`).
    ///
    /// # Errors
    /// The heap has no room for it and could not make any.
    pub fn weak_map(&mut self) -> Result<Local<'s, 'h>, HeapLimitReached> {
        let core = self.core();
        let at = core.new_narrow(TABLE)?;
        let owner = core.cage.value(at);
        let table = Some(Table {
            owner,
            entries: Vec::new(),
            free: Vec::new(),
            by_identity: HashMap::new(),
        });
        let index = match core.weak.free_tables.pop() {
            Some(index) => {
                core.weak.tables[index as usize] = table;
                index
            }
            None => {
                core.weak.tables.push(table);
                (core.weak.tables.len() - 1) as u32
            }
        };
        at.add(HEADER_BYTES).store_u64(u64::from(index));
        core.weak.young_tables.push(index);
        Ok(self.root_value(owner))
    }

    /// Sets the value of `key`, which stays weak; the value lives as long as both table and key do.
    ///
    /// # Errors
    /// The key needed an identity and all are given out.
    ///
    /// # Panics
    /// If `map` is no ephemeron table or `key` no object.
    pub fn weak_map_set<'v>(
        &self,
        map: impl Operand<'h>,
        key: impl Operand<'h>,
        value: impl Into<Init<'v, 'h>>,
    ) -> Result<(), HeapLimitReached> {
        let (core, map, key) = (self.core(), map.value(), key.value());
        core.expect_kind(map, Kind::EphemeronTable);
        assert!(
            core.is_heap_object(key),
            "a weak key that is {:?}",
            core.type_of(key)
        );
        let index = core.weak_index(map);
        core.put_ephemeron(index, key, value.into().value())
    }

    /// The value of `key`.
    ///
    /// # Panics
    /// If `map` is no ephemeron table.
    pub fn weak_map_get(
        &self,
        map: impl Operand<'h>,
        key: impl Operand<'h>,
    ) -> Option<Ref<'_, 'h>> {
        let (core, map, key) = (self.core(), map.value(), key.value());
        core.expect_kind(map, Kind::EphemeronTable);
        if !core.is_heap_object(key) {
            return None;
        }
        let table = core.weak.tables[core.weak_index(map) as usize].as_ref()?;
        let entry = *table.by_identity.get(&core.identity_if_any(key))?;
        Some(self.lend(table.entries[entry as usize].1))
    }

    /// Removes `key`; whether it was there.
    ///
    /// # Panics
    /// If `map` is no ephemeron table.
    pub fn weak_map_remove(&self, map: impl Operand<'h>, key: impl Operand<'h>) -> bool {
        let (core, map, key) = (self.core(), map.value(), key.value());
        core.expect_kind(map, Kind::EphemeronTable);
        if !core.is_heap_object(key) {
            return false;
        }
        let (index, identity) = (core.weak_index(map), core.identity_if_any(key));
        let entry = core.weak.tables[index as usize]
            .as_ref()
            .and_then(|t| t.by_identity.get(&identity).copied());
        if let Some(entry) = entry {
            core.weak.remove_entry(index, entry, identity);
        }
        entry.is_some()
    }

    /// Entries whose keys have not been found dead.
    ///
    /// # Panics
    /// If `map` is no ephemeron table.
    pub fn weak_map_len(&self, map: impl Operand<'h>) -> usize {
        let (core, map) = (self.core(), map.value());
        core.expect_kind(map, Kind::EphemeronTable);
        core.weak.tables[core.weak_index(map) as usize]
            .as_ref()
            .map_or(0, |t| t.by_identity.len())
    }

    /// Asks to be told of `target`'s death: `held` becomes ready then.
    ///
    /// # Panics
    /// If `target` is no object.
    pub fn finalizer<'v>(&self, target: impl Operand<'h>, held: impl Into<Init<'v, 'h>>) {
        let (core, target) = (self.core(), target.value());
        assert!(
            core.is_heap_object(target),
            "a finaliser of {:?}",
            core.type_of(target)
        );
        core.weak.finalizers.push(Finalizer {
            target,
            held: held.into().value(),
        });
    }

    /// The held value of the next finaliser whose target has died, in order of death.
    pub fn next_finalizer(&mut self) -> Option<Local<'s, 'h>> {
        let held = self.core().weak.ready.pop_front()?;
        Some(self.root_value(held))
    }
}
