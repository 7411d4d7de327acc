//! Hash maps of the heap: insertion-ordered, in the heap, so that their tables show in snapshots.
//!
//! ```text
//! Map  ──table──►  Table: [key, value] × capacity │ (hash, next) × capacity │ bucket heads × capacity
//!  raw: used, deleted        slots                 └──────────── raw ───────────────────────────────┘
//! ```
//!
//! Entries are appended; a bucket chains entries by index. Removal leaves a hole, which the next rehash
//! drops (V8's OrderedHashMap works the same way). Hashes are kept in the table, so growing never looks at
//! a key. Keys are compared as JavaScript's `Map` does: strings by text, numbers by value (`NaN` equals
//! itself), everything else by identity.

use crate::cage::Addr;
use crate::error::HeapLimitReached;
use crate::heap::Core;
use crate::object::{Descriptor, HEADER_BYTES, Kind, WIDE_BYTES};
use crate::scope::{Init, Local, Operand, Ref, Scope};
use crate::shape::builtin;
use crate::value::Value;

const NONE: u32 = u32::MAX;
const MIN_CAPACITY: usize = 4;
const MAP: Descriptor = Descriptor::narrow(Kind::Map, builtin::MAP, 1, 1);

/// Where the parts of a table lie. Valid until the next allocation.
#[derive(Copy, Clone)]
struct Table {
    slots: Addr,
    raw: Addr,
    capacity: usize,
}

impl Table {
    fn key_slot(self, entry: u32) -> Addr {
        self.slots.add(8 * entry as usize)
    }

    fn value_slot(self, entry: u32) -> Addr {
        self.slots.add(8 * entry as usize + 4)
    }

    fn hash(self, entry: u32) -> Addr {
        self.raw.add(8 * entry as usize)
    }

    fn next(self, entry: u32) -> Addr {
        self.raw.add(8 * entry as usize + 4)
    }

    fn bucket(self, hash: u32) -> Addr {
        self.raw
            .add(8 * self.capacity + 4 * (hash as usize & (self.capacity - 1)))
    }
}

/// A key as the map looks it up.
#[derive(Copy, Clone)]
enum Key<'a> {
    Text(&'a [u8]),
    Number(f64),
    Identity(Value),
}

/// Folds a 64-bit product: mixes all bits of both factors into all bits of the result.
#[inline(always)]
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    product as u64 ^ (product >> 64) as u64
}

const SEED: u64 = 0x9e37_79b9_7f4a_7c15;
const MULTIPLIER: u64 = 0xd6e8_feb8_6659_fd93;

/// A hash that depends on nothing but the bytes: the same run gives the same tables everywhere.
#[inline]
fn hash_bytes(bytes: &[u8]) -> u32 {
    let mut state = SEED ^ bytes.len() as u64;
    let (words, rest) = bytes.as_chunks::<8>();
    for word in words {
        state = fold(state ^ u64::from_le_bytes(*word), MULTIPLIER);
    }
    let mut last = [0u8; 8];
    last[..rest.len()].copy_from_slice(rest);
    state = fold(state ^ u64::from_le_bytes(last), MULTIPLIER);
    (state ^ state >> 32) as u32
}

#[inline(always)]
fn hash_word(word: u64) -> u32 {
    let state = fold(word ^ SEED, MULTIPLIER);
    (state ^ state >> 32) as u32
}

impl Core {
    fn map_key<'a>(&self, value: Value) -> Key<'a> {
        if let Some(n) = value.as_smi() {
            return Key::Number(f64::from(n));
        }
        match self.descriptor(value).kind() {
            Kind::String => Key::Text(self.text(value)),
            Kind::Number => Key::Number(self.number_of(value)),
            _ => Key::Identity(value),
        }
    }

    /// Hash of a key; `None` for an object that has no identity yet, so can be in no map.
    fn map_hash(&self, key: Key<'_>) -> Option<u32> {
        match key {
            Key::Text(bytes) => Some(hash_bytes(bytes)),
            // −0 and 0 are one key, and so is every NaN.
            Key::Number(0.0) => Some(hash_word(0)),
            Key::Number(n) if n.is_nan() => Some(hash_word(f64::NAN.to_bits())),
            Key::Number(n) => Some(hash_word(n.to_bits())),
            Key::Identity(v) => match self.identity_if_any(v) {
                0 => None,
                id => Some(hash_word(u64::from(id))),
            },
        }
    }

    fn table_of(&self, map: Value) -> Option<Table> {
        self.expect_kind(map, Kind::Map);
        let table = self.cage.addr(map).add(HEADER_BYTES).value();
        if table == Value::UNDEFINED {
            return None;
        }
        Some(self.table_at(self.cage.addr(table)))
    }

    fn table_at(&self, at: Addr) -> Table {
        let slots = at.add(HEADER_BYTES + WIDE_BYTES);
        let capacity = at.add(HEADER_BYTES).load_u32() as usize / 2;
        Table {
            slots,
            raw: slots.add(8 * capacity),
            capacity,
        }
    }

    /// Where a map keeps its counts: entries used (holes included), holes.
    fn map_counts(&self, map: Value) -> (Addr, Addr) {
        let raw = self.cage.addr(map).add(HEADER_BYTES + 8);
        (raw, raw.add(4))
    }

    fn find(&self, map: Value, key: Key<'_>) -> Option<(Table, u32)> {
        let table = self.table_of(map)?;
        let hash = self.map_hash(key)?;
        let mut entry = table.bucket(hash).load_u32();
        while entry != NONE {
            if table.hash(entry).load_u32() == hash
                && self.key_equals(key, table.key_slot(entry).value())
            {
                return Some((table, entry));
            }
            entry = table.next(entry).load_u32();
        }
        None
    }

    fn key_equals(&self, key: Key<'_>, stored: Value) -> bool {
        match (key, stored) {
            (_, Value::HOLE) => false,
            (Key::Identity(v), stored) => v == stored,
            (Key::Text(text), stored) => {
                self.is_kind(stored, Kind::String) && self.text(stored) == text
            }
            (Key::Number(n), stored) => match self.map_key(stored) {
                Key::Number(m) => n == m || n.is_nan() && m.is_nan(),
                _ => false,
            },
        }
    }

    /// Appends an entry to a table that has room.
    fn append(&mut self, table: Table, entry: u32, hash: u32, key: Value, value: Value) {
        self.write(table.key_slot(entry), key);
        self.write(table.value_slot(entry), value);
        self.link(table, entry, hash);
    }

    fn link(&mut self, table: Table, entry: u32, hash: u32) {
        let bucket = table.bucket(hash);
        table.hash(entry).store_u32(hash);
        table.next(entry).store_u32(bucket.load_u32());
        bucket.store_u32(entry);
    }

    fn remove(&mut self, map: Value, key: Key<'_>) -> Option<Value> {
        let (table, entry) = self.find(map, key)?;
        let value = table.value_slot(entry).value();
        table.key_slot(entry).store_u32(Value::HOLE.0);
        table.value_slot(entry).store_u32(Value::UNDEFINED.0);
        let (_, deleted) = self.map_counts(map);
        deleted.store_u32(deleted.load_u32() + 1);
        Some(value)
    }

    /// Moves the entries of a map's table together, in their order, and links them anew. Takes no memory.
    fn close_holes(&mut self, map: Value, table: Table) {
        for bucket in 0..table.capacity {
            table
                .raw
                .add(8 * table.capacity + 4 * bucket)
                .store_u32(NONE);
        }
        let (used, deleted) = self.map_counts(map);
        let mut entry = 0;
        for i in 0..used.load_u32() {
            let key = table.key_slot(i).value();
            if key.0 == Value::HOLE.0 {
                continue;
            }
            if entry < i {
                // Each is a store like any other: the new slot may have to be remembered, and a marker may have passed it.
                self.write(table.key_slot(entry), key);
                self.write(table.value_slot(entry), table.value_slot(i).value());
            }
            let hash = table.hash(i).load_u32();
            self.link(table, entry, hash);
            entry += 1;
        }
        for i in entry..used.load_u32() {
            table.key_slot(i).store_u32(Value::UNDEFINED.0);
            table.value_slot(i).store_u32(Value::UNDEFINED.0);
        }
        used.store_u32(entry);
        deleted.store_u32(0);
    }
}

impl<'s, 'h> Scope<'s, 'h> {
    /// An empty map.
    ///
    /// # Errors
    /// The heap has no room and could not make any.
    pub fn map(&mut self) -> Result<Local<'s, 'h>, HeapLimitReached> {
        let core = self.core();
        let at = core.new_narrow(MAP)?;
        at.add(HEADER_BYTES)
            .store_u64(crate::allocate::UNDEFINED_PAIR);
        at.add(HEADER_BYTES + 8).store_u64(0);
        Ok(self.root_value(core.cage.value(at)))
    }

    /// Entries of a map.
    ///
    /// # Panics
    /// If `map` is no map; so do all methods on maps.
    pub fn map_len(&self, map: impl Operand<'h>) -> usize {
        let (core, map) = (self.core(), map.value());
        core.expect_kind(map, Kind::Map);
        let (used, deleted) = core.map_counts(map);
        (used.load_u32() - deleted.load_u32()) as usize
    }

    /// Size of a map in bytes, its table included.
    pub fn map_bytes(&self, map: impl Operand<'h>) -> usize {
        let (core, map) = (self.core(), map.value());
        core.expect_kind(map, Kind::Map);
        let table = core.cage.addr(map).add(HEADER_BYTES).value();
        let table_bytes = match table {
            Value::UNDEFINED => 0,
            table => self.size_of(self.lend(table)),
        };
        self.size_of(self.lend(map)) + table_bytes
    }

    /// The value of `key`.
    pub fn map_get(&self, map: impl Operand<'h>, key: impl Operand<'h>) -> Option<Ref<'_, 'h>> {
        let core = self.core();
        let key = core.map_key(key.value());
        core.find(map.value(), key)
            .map(|(table, entry)| self.lend(table.value_slot(entry).value()))
    }

    /// The value of the key with this text: no string object is made.
    pub fn map_get_str(&self, map: impl Operand<'h>, key: &str) -> Option<Ref<'_, 'h>> {
        self.core()
            .find(map.value(), Key::Text(key.as_bytes()))
            .map(|(table, entry)| self.lend(table.value_slot(entry).value()))
    }

    /// Sets the value of `key`; a key that is present keeps its place in the order.
    ///
    /// # Errors
    /// The table had to grow and the heap has no room; the map is as before. Or the key needed an identity
    /// and all are given out.
    pub fn map_set<'k, 'v>(
        &mut self,
        map: Local<'_, 'h>,
        key: impl Into<Init<'k, 'h>>,
        value: impl Into<Init<'v, 'h>>,
    ) -> Result<(), HeapLimitReached> {
        let (key, value) = (key.into(), value.into());
        let core = self.core();
        let map_value = crate::scope::Sealed::value(map);
        let lookup = core.map_key(key.value());
        if let Some((table, entry)) = core.find(map_value, lookup) {
            core.write(table.value_slot(entry), value.value());
            return Ok(());
        }
        if let Key::Identity(object) = lookup {
            core.identity(object)?;
        }
        let Some(hash) = core.map_hash(lookup) else {
            unreachable!("the key has an identity now")
        };
        let used = core.map_counts(map_value).0.load_u32();
        let full = core
            .table_of(map_value)
            .is_none_or(|t| used as usize == t.capacity);
        if full {
            self.map_rehash(map)?;
        }
        let core = self.core();
        let map_value = crate::scope::Sealed::value(map);
        let (used, _) = core.map_counts(map_value);
        let entry = used.load_u32();
        let Some(table) = core.table_of(map_value) else {
            unreachable!("rehashing made a table")
        };
        core.append(table, entry, hash, key.value(), value.value());
        used.store_u32(entry + 1);
        Ok(())
    }

    /// Makes room for another entry: in a new table of twice the size, or by closing the holes of this one if they are a
    /// fifth of it. Then a fifth is free again, so an insertion moves four entries at most on average.
    fn map_rehash(&mut self, map: Local<'_, 'h>) -> Result<(), HeapLimitReached> {
        let core = self.core();
        let map_value = crate::scope::Sealed::value(map);
        let (used, deleted) = core.map_counts(map_value);
        let live = (used.load_u32() - deleted.load_u32()) as usize;
        let capacity = (live + live / 4 + 1).next_power_of_two().max(MIN_CAPACITY);
        if let Some(table) = core.table_of(map_value)
            && table.capacity == capacity
        {
            core.close_holes(map_value, table);
            return Ok(());
        }
        let at = core.new_wide(Kind::Table, builtin::TABLE, 2 * capacity, 12 * capacity)?;
        // The allocation may have moved the map and its table.
        let map_value = crate::scope::Sealed::value(map);
        let new = core.table_at(at);
        for bucket in 0..capacity {
            new.raw.add(8 * capacity + 4 * bucket).store_u32(NONE);
        }
        let (used, deleted) = core.map_counts(map_value);
        let mut entry = 0;
        if let Some(old) = core.table_of(map_value) {
            for i in 0..used.load_u32() {
                let key = old.key_slot(i).load_u32();
                if key == Value::HOLE.0 {
                    continue;
                }
                new.key_slot(entry).store_u32(key);
                new.value_slot(entry)
                    .store_u32(old.value_slot(i).load_u32());
                core.link(new, entry, old.hash(i).load_u32());
                entry += 1;
            }
            core.write_range(new.slots, 2 * entry as usize);
        }
        used.store_u32(entry);
        deleted.store_u32(0);
        let slot = core.cage.addr(map_value).add(HEADER_BYTES);
        core.write(slot, core.cage.value(at));
        Ok(())
    }

    /// Removes `key`; returns the value it had.
    pub fn map_remove(&self, map: impl Operand<'h>, key: impl Operand<'h>) -> Option<Ref<'_, 'h>> {
        let core = self.core();
        let key = core.map_key(key.value());
        core.remove(map.value(), key).map(|v| self.lend(v))
    }

    /// Removes the key with this text; returns the value it had.
    pub fn map_remove_str(&self, map: impl Operand<'h>, key: &str) -> Option<Ref<'_, 'h>> {
        self.core()
            .remove(map.value(), Key::Text(key.as_bytes()))
            .map(|v| self.lend(v))
    }

    /// The first entry at or after position `cursor` in insertion order: the position after it, key, value.
    ///
    /// Start with 0. Positions stay valid while nothing is inserted.
    pub fn map_next(
        &self,
        map: impl Operand<'h>,
        cursor: usize,
    ) -> Option<(usize, Ref<'_, 'h>, Ref<'_, 'h>)> {
        let (core, map) = (self.core(), map.value());
        let table = core.table_of(map)?;
        let used = core.map_counts(map).0.load_u32();
        (cursor as u32..used)
            .find(|&entry| table.key_slot(entry).value() != Value::HOLE)
            .map(|entry| {
                let (key, value) = (
                    table.key_slot(entry).value(),
                    table.value_slot(entry).value(),
                );
                (entry as usize + 1, self.lend(key), self.lend(value))
            })
    }

    /// Removes every entry and lets the table go.
    pub fn map_clear(&self, map: impl Operand<'h>) {
        let (core, map) = (self.core(), map.value());
        core.expect_kind(map, Kind::Map);
        let at = core.cage.addr(map);
        at.add(HEADER_BYTES).store_u32(Value::UNDEFINED.0);
        at.add(HEADER_BYTES + 8).store_u64(0);
    }
}
