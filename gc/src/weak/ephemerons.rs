//! Tables whose values live as long as the table and their key do: JavaScript's `WeakMap`.
//!
//! A major collection resolves them by the linear algorithm: values of keys that are not marked yet wait in a
//! map by key; each object that becomes marked releases what waits for it. A scavenge looks at its young
//! entries again until it finds no more live values.

use crate::error::HeapLimitReached;
use crate::heap::Core;
use crate::marker::Marker;
use crate::object::{Descriptor, HEADER_BYTES, Kind};
use crate::pool::Pool;
use crate::scope::{Init, Local, Operand, Ref, Scope};
use crate::seeded::{self, Bug};
use crate::shape::builtin;
use crate::value::Value;
use hashbrown::HashMap;

const TABLE: Descriptor = Descriptor::narrow(Kind::EphemeronTable, builtin::EPHEMERON_TABLE, 0, 1);

/// The ephemeron tables of one heap.
#[derive(Default)]
pub(super) struct Ephemerons {
    tables: Pool<Table>,
    /// Tables whose owner is young.
    young_tables: Vec<u32>,
    /// Entries whose key or value is young, or whose table is: table and entry. One may be here that is gone.
    young_entries: Vec<(u32, u32)>,
}

struct Table {
    owner: Value,
    entries: Pool<Entry>,
    /// Entry by the identity of its key.
    by_identity: HashMap<u32, u32>,
}

#[derive(Copy, Clone)]
struct Entry {
    key: Value,
    value: Value,
}

impl Table {
    fn remove(&mut self, entry: u32, identity: u32) {
        self.entries.remove(entry);
        self.by_identity.remove(&identity);
    }
}

impl Ephemerons {
    pub(super) fn is_empty(&self) -> bool {
        self.tables.is_empty()
    }

    /// Key and value of each entry of a table.
    pub(super) fn entries(&self, table: u32) -> impl Iterator<Item = (Value, Value)> + '_ {
        let table = self.tables.get(table).into_iter();
        table.flat_map(|t| t.entries.iter().map(|(_, entry)| (entry.key, entry.value)))
    }

    pub(super) fn all_values(&self) -> impl Iterator<Item = (&'static str, Value)> + '_ {
        self.tables.iter().flat_map(|(index, table)| {
            let entries = self.entries(index).flat_map(|(key, value)| {
                [
                    ("the key of an ephemeron", key),
                    ("the value of an ephemeron", value),
                ]
            });
            std::iter::once(("the owner of an ephemeron table", table.owner)).chain(entries)
        })
    }

    pub(super) fn after_scavenge(&mut self, core: &Core, from: (u32, u32)) {
        for index in std::mem::take(&mut self.young_tables) {
            let Some(table) = self.tables.get_mut(index) else {
                continue;
            };
            if !core.survives(table.owner, from) {
                self.tables.remove(index);
                continue;
            }
            table.owner = core.after_scavenge(table.owner, from);
            if core.is_young(table.owner) {
                self.young_tables.push(index);
            }
        }
        for (index, number) in std::mem::take(&mut self.young_entries) {
            // The table may have died, and its index been given to another that has no such entry.
            let Some(table) = self.tables.get_mut(index) else {
                continue;
            };
            let Some(entry) = table.entries.get_mut(number) else {
                continue;
            };
            if !core.survives(entry.key, from) {
                let identity = core.identity_if_any(entry.key);
                table.remove(number, identity);
                continue;
            }
            entry.key = core.after_scavenge(entry.key, from);
            entry.value = core.after_scavenge(entry.value, from);
            if [entry.key, entry.value, table.owner]
                .into_iter()
                .any(|value| core.is_young(value))
            {
                self.young_entries.push((index, number));
            }
        }
    }

    pub(super) fn clear(&mut self, core: &Core, marker: &Marker) {
        for index in self.tables.indexes() {
            let Some(table) = self.tables.get_mut(index) else {
                continue;
            };
            if !core.found_alive(marker, table.owner) {
                self.tables.remove(index);
                continue;
            }
            for number in table.entries.indexes() {
                if let Some(&Entry { key, .. }) = table.entries.get(number)
                    && !core.found_alive(marker, key)
                {
                    table.remove(number, core.identity_if_any(key));
                }
            }
        }
    }

    pub(super) fn after_evacuation(&mut self, moved: impl Fn(Value) -> Value) {
        for (_, table) in self.tables.iter_mut() {
            table.owner = moved(table.owner);
            for (_, entry) in table.entries.iter_mut() {
                entry.key = moved(entry.key);
                entry.value = moved(entry.value);
            }
        }
    }
}

impl Core {
    /// Values of young ephemerons whose table and key have been found alive since the last call.
    ///
    /// The scavenger forwards them and calls again until there are none.
    pub(crate) fn live_ephemeron_values(
        &mut self,
        from: (u32, u32),
        resolved: &mut [bool],
    ) -> Vec<Value> {
        let ephemerons = &self.weak.ephemerons;
        let mut values = Vec::new();
        for (&(table, entry), resolved) in ephemerons.young_entries.iter().zip(resolved) {
            if *resolved {
                continue;
            }
            let Some(table) = ephemerons.tables.get(table) else {
                continue;
            };
            if let Some(entry) = table.entries.get(entry)
                && self.survives(table.owner, from)
                && self.survives(entry.key, from)
            {
                *resolved = true;
                values.push(entry.value);
            }
        }
        values
    }

    pub(crate) fn young_ephemeron_count(&self) -> usize {
        self.weak.ephemerons.young_entries.len()
    }

    /// Marks the values of ephemerons whose table and key are alive, and what those reach, to the end.
    pub(crate) fn resolve_ephemerons(&mut self, marker: &mut Marker) {
        if self.weak.ephemerons.is_empty() {
            return;
        }
        let mut waiting: HashMap<Value, Vec<Value>> = HashMap::new();
        marker.newly_marked = Some(Vec::new());
        for (index, table) in self.weak.ephemerons.tables.iter() {
            if self.found_alive(marker, table.owner) {
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

    fn put_ephemeron(
        &mut self,
        index: u32,
        key: Value,
        value: Value,
    ) -> Result<(), HeapLimitReached> {
        let identity = self.identity(key)?;
        let young = self.is_young(key) || self.is_young(value);
        let ephemerons = &mut self.weak.ephemerons;
        let Some(table) = ephemerons.tables.get_mut(index) else {
            return Ok(());
        };
        let young = young || self.young.holds(table.owner);
        let known = table.by_identity.get(&identity).copied();
        let number = match known {
            Some(number) => {
                if let Some(entry) = table.entries.get_mut(number) {
                    entry.value = value;
                }
                number
            }
            None => {
                let number = table.entries.insert(Entry { key, value });
                table.by_identity.insert(identity, number);
                number
            }
        };
        if young {
            ephemerons.young_entries.push((index, number));
        }
        Ok(())
    }

    /// The table behind an object, and the number of the entry of `key` in it.
    fn ephemeron(&self, map: Value, key: Value) -> Option<(&Table, u32)> {
        if !self.is_heap_object(key) {
            return None;
        }
        let table = self.weak.ephemerons.tables.get(self.weak_index(map))?;
        let number = *table.by_identity.get(&self.identity_if_any(key))?;
        Some((table, number))
    }
}

impl<'s, 'h> Scope<'s, 'h> {
    /// An empty ephemeron table (`WeakMap`).
    ///
    /// # Errors
    /// The heap has no room for it and could not make any.
    pub fn weak_map(&mut self) -> Result<Local<'s, 'h>, HeapLimitReached> {
        let core = self.core();
        let at = core.new_narrow(TABLE)?;
        let owner = core.cage.value(at);
        let ephemerons = &mut core.weak.ephemerons;
        let index = ephemerons.tables.insert(Table {
            owner,
            entries: Pool::default(),
            by_identity: HashMap::new(),
        });
        ephemerons.young_tables.push(index);
        at.add(HEADER_BYTES).store_u64(u64::from(index));
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
        let (table, number) = core.ephemeron(map, key)?;
        Some(self.lend(table.entries.get(number)?.value))
    }

    /// Removes `key`; whether it was there.
    ///
    /// # Panics
    /// If `map` is no ephemeron table.
    pub fn weak_map_remove(&self, map: impl Operand<'h>, key: impl Operand<'h>) -> bool {
        let (core, map, key) = (self.core(), map.value(), key.value());
        core.expect_kind(map, Kind::EphemeronTable);
        let Some((_, number)) = core.ephemeron(map, key) else {
            return false;
        };
        let (index, identity) = (core.weak_index(map), core.identity_if_any(key));
        if let Some(table) = core.weak.ephemerons.tables.get_mut(index) {
            table.remove(number, identity);
        }
        true
    }

    /// Entries whose keys have not been found dead.
    ///
    /// # Panics
    /// If `map` is no ephemeron table.
    pub fn weak_map_len(&self, map: impl Operand<'h>) -> usize {
        let (core, map) = (self.core(), map.value());
        core.expect_kind(map, Kind::EphemeronTable);
        let table = core.weak.ephemerons.tables.get(core.weak_index(map));
        table.map_or(0, |t| t.entries.len())
    }
}
