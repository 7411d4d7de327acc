//! A map whose entries are linked in an order: what all caches with limits are made of.

use heaplab_gc::{Global, HeapLimitReached, Immediate, Init, Local, Operand, Ref, Scope, Shape};

use super::statistics::{Cause, LimiterStatistics};
use super::{Evicted, EvictionListener};
use crate::error::WorkloadError;

// Slots of the cache object.
const ENTRIES: usize = 0;
const NEWEST: usize = 1;
const OLDEST: usize = 2;
// Slots of an entry.
const KEY: usize = 0;
const VALUE: usize = 1;
const NEWER: usize = 2;
const OLDER: usize = 3;
// Words of an entry's raw bytes.
const BYTES: usize = 0;
const STAMP: usize = 1;
/// Class of the entries, whatever the cache.
const ENTRY_CLASS: &str = "CacheEntry";

/// The heap side of a cache, with its counts.
pub(super) struct LinkedMap {
    cache: Global,
    entry_shape: Shape,
    len: usize,
    bytes: u64,
    /// Bytes of entries and keys.
    entry_bytes: u64,
    pub(super) statistics: LimiterStatistics,
    listener: Option<EvictionListener>,
}

impl LinkedMap {
    /// An empty one whose cache object has this class.
    pub(super) fn new(scope: &mut Scope<'_, '_>, class: &str) -> Result<Self, WorkloadError> {
        let shape = scope.shape(class, &["entries", "newest", "oldest"])?;
        let entry_shape =
            scope.shape_with_raw(ENTRY_CLASS, &["key", "value", "newer", "older"], 16)?;
        let cache = scope.scope(|s| {
            let entries = s.map()?;
            let none = Immediate::Undefined.into();
            let cache = s.object_with(shape, [entries.into(), none, none])?;
            Ok::<Global, HeapLimitReached>(s.global(cache))
        })?;
        Ok(Self {
            cache,
            entry_shape,
            len: 0,
            bytes: 0,
            entry_bytes: 0,
            statistics: LimiterStatistics::default(),
            listener: None,
        })
    }

    /// The cache object.
    pub(super) fn global(&self) -> &Global {
        &self.cache
    }

    pub(super) fn listen(&mut self, listener: EvictionListener) {
        self.listener = Some(listener);
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(super) fn own_bytes(&self, s: &Scope<'_, '_>) -> u64 {
        let cache = s.peek(&self.cache);
        let fixed = s.size_of(cache) + s.map_bytes(s.get(cache, ENTRIES));
        fixed as u64 + self.entry_bytes
    }

    /// The entry of `key`.
    pub(super) fn find<'r, 'h>(&self, s: &'r Scope<'_, 'h>, key: &str) -> Option<Ref<'r, 'h>> {
        s.map_get_str(s.get(s.peek(&self.cache), ENTRIES), key)
    }

    /// The entry at the old end of the list.
    pub(super) fn oldest<'r, 'h>(&self, s: &'r Scope<'_, 'h>) -> Option<Ref<'r, 'h>> {
        let oldest = s.get(s.peek(&self.cache), OLDEST);
        (!s.is_undefined(oldest)).then_some(oldest)
    }

    pub(super) fn value<'r, 'h>(&self, s: &'r Scope<'_, 'h>, entry: Ref<'r, 'h>) -> Ref<'r, 'h> {
        s.get(entry, VALUE)
    }

    /// What the inserter wrote beside an entry's size: when its time ends, for instance.
    pub(super) fn stamp<'h>(&self, s: &Scope<'_, 'h>, entry: Ref<'_, 'h>) -> u64 {
        raw_word(s, entry, STAMP)
    }

    /// Adds an entry for a key that has none, at the new end of the list.
    pub(super) fn insert<'h>(
        &mut self,
        scope: &mut Scope<'_, 'h>,
        key: &str,
        value: Init<'_, 'h>,
        bytes: u64,
        stamp: u64,
    ) -> Result<(), HeapLimitReached> {
        self.entry_bytes += scope.scope(|s| {
            let cache = s.local(&self.cache);
            let key = s.string(key)?;
            let entry = s.object(self.entry_shape)?;
            let entries = s.root(s.get(cache, ENTRIES));
            s.map_set(entries, key, entry)?;
            // Nothing fails from here on.
            s.set(entry, KEY, key);
            set_init(s, entry, VALUE, value);
            write_raw(s, entry, bytes, stamp);
            self.link_newest(s, entry);
            Ok::<u64, HeapLimitReached>((s.size_of(key) + s.size_of(entry)) as u64)
        })?;
        self.len += 1;
        self.bytes += bytes;
        self.statistics.inserted();
        Ok(())
    }

    /// Gives the entry of `key`, if there is one, another value in its place.
    pub(super) fn replace<'h>(
        &mut self,
        scope: &mut Scope<'_, 'h>,
        key: &str,
        value: Init<'_, 'h>,
        bytes: u64,
        stamp: u64,
    ) {
        scope.scope(|s| {
            let Some(entry) = self.find(s, key).map(|entry| s.root(entry)) else {
                return;
            };
            let old_bytes = raw_word(s, entry, BYTES);
            write_raw(s, entry, bytes, stamp);
            self.bytes = self.bytes - old_bytes + bytes;
            let old = s.get(entry, VALUE);
            set_init(s, entry, VALUE, value);
            self.tell(s, s.get(entry, KEY), old, old_bytes, Cause::Replaced);
        });
    }

    /// Moves an entry to the new end of the list.
    pub(super) fn touch<'h>(&self, s: &Scope<'_, 'h>, entry: Ref<'_, 'h>) {
        if !s.same(entry, s.get(s.peek(&self.cache), NEWEST)) {
            self.unlink(s, entry);
            self.link_newest(s, entry);
        }
    }

    /// Takes an entry out of map and list, then tells the listener. Returns its value.
    pub(super) fn evict<'r, 'h>(
        &mut self,
        s: &'r Scope<'_, 'h>,
        entry: Ref<'r, 'h>,
        cause: Cause,
    ) -> Ref<'r, 'h> {
        let (key, value) = (s.get(entry, KEY), s.get(entry, VALUE));
        let bytes = raw_word(s, entry, BYTES);
        self.unlink(s, entry);
        s.map_remove(s.get(s.peek(&self.cache), ENTRIES), key);
        self.len -= 1;
        self.bytes -= bytes;
        self.entry_bytes -= (s.size_of(key) + s.size_of(entry)) as u64;
        self.tell(s, key, value, bytes, cause);
        value
    }

    fn tell<'r, 'h>(
        &mut self,
        s: &'r Scope<'_, 'h>,
        key: Ref<'r, 'h>,
        value: Ref<'r, 'h>,
        bytes: u64,
        cause: Cause,
    ) {
        self.statistics.evict(cause);
        if let Some(listener) = &mut self.listener {
            let evicted = Evicted {
                key,
                value,
                bytes,
                cause,
            };
            listener(s, &evicted);
        }
    }

    fn link_newest<'h>(&self, s: &Scope<'_, 'h>, entry: impl Operand<'h>) {
        let cache = s.peek(&self.cache);
        let second = s.get(cache, NEWEST);
        s.set(entry, NEWER, Immediate::Undefined);
        s.set(entry, OLDER, second);
        if s.is_undefined(second) {
            s.set(cache, OLDEST, entry);
        } else {
            s.set(second, NEWER, entry);
        }
        s.set(cache, NEWEST, entry);
    }

    fn unlink<'h>(&self, s: &Scope<'_, 'h>, entry: Ref<'_, 'h>) {
        let cache = s.peek(&self.cache);
        let (newer, older) = (s.get(entry, NEWER), s.get(entry, OLDER));
        if s.is_undefined(newer) {
            s.set(cache, NEWEST, older);
        } else {
            s.set(newer, OLDER, older);
        }
        if s.is_undefined(older) {
            s.set(cache, OLDEST, newer);
        } else {
            s.set(older, NEWER, newer);
        }
    }
}

fn set_init<'h>(s: &Scope<'_, 'h>, host: Local<'_, 'h>, slot: usize, value: Init<'_, 'h>) {
    match value {
        Init::Rooted(local) => s.set(host, slot, local),
        Init::Integer(smi) => s.set(host, slot, smi),
        Init::Constant(constant) => s.set(host, slot, constant),
    }
}

/// A word of an entry's raw bytes.
fn raw_word<'h>(s: &Scope<'_, 'h>, entry: impl Operand<'h>, index: usize) -> u64 {
    s.raw(entry)
        .as_chunks::<8>()
        .0
        .get(index)
        .map_or(0, |word| u64::from_le_bytes(*word))
}

fn write_raw<'h>(s: &mut Scope<'_, 'h>, entry: Local<'_, 'h>, bytes: u64, stamp: u64) {
    let raw = s.raw_mut(entry);
    for (word, value) in raw.as_chunks_mut::<8>().0.iter_mut().zip([bytes, stamp]) {
        *word = value.to_le_bytes();
    }
}
