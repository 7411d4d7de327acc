//! The cache that forgets what was not used for longest.

use std::fmt;
use std::num::{NonZeroU64, NonZeroUsize};

use heaplab_gc::{Global, HeapLimitReached, Init, Ref, Scope};

use super::linked_map::LinkedMap;
use super::{Cause, EvictionListener, Limiter, LimiterStatistics, Put};
use crate::error::WorkloadError;

/// How much an [`LruCache`] may hold: entries, declared bytes, or both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LruCapacity {
    /// Most entries.
    pub entries: Option<NonZeroUsize>,
    /// Most declared bytes.
    pub bytes: Option<NonZeroU64>,
}

impl LruCapacity {
    /// So many entries, whatever their size.
    pub fn entries(most: NonZeroUsize) -> Self {
        Self {
            entries: Some(most),
            bytes: None,
        }
    }

    /// So many declared bytes, in however many entries.
    pub fn bytes(most: NonZeroU64) -> Self {
        Self {
            entries: None,
            bytes: Some(most),
        }
    }
}

/// A cache with a limit that forgets the least recently used entries first.
///
/// A read and a write both count as use.
pub struct LruCache {
    map: LinkedMap,
    capacity: LruCapacity,
}

impl LruCache {
    /// An empty cache. With no capacity at all it never forgets.
    ///
    /// # Errors
    /// The heap has no room for it, or cannot have more classes.
    pub fn new(scope: &mut Scope<'_, '_>, capacity: LruCapacity) -> Result<Self, WorkloadError> {
        Ok(Self {
            map: LinkedMap::new(scope, "LruCache")?,
            capacity,
        })
    }

    /// How much it may hold.
    pub fn capacity(&self) -> LruCapacity {
        self.capacity
    }

    /// The cache object on the heap, of class `LruCache`.
    pub fn object(&self) -> &Global {
        self.map.global()
    }

    fn over_entries(&self, more: usize) -> bool {
        let most = self.capacity.entries;
        most.is_some_and(|most| self.map.len() + more > most.get())
    }

    fn over_bytes(&self, more: u64) -> bool {
        let most = self.capacity.bytes;
        most.is_some_and(|most| self.map.bytes().saturating_add(more) > most.get())
    }

    /// Evicts from the old end until `entries` more with `bytes` more fit.
    fn make_room(&mut self, s: &Scope<'_, '_>, entries: usize, bytes: u64) {
        loop {
            let cause = if self.over_entries(entries) {
                Cause::Capacity
            } else if self.over_bytes(bytes) {
                Cause::Bytes
            } else {
                return;
            };
            let Some(oldest) = self.map.oldest(s) else {
                return;
            };
            self.map.evict(s, oldest, cause);
        }
    }
}

impl Limiter for LruCache {
    fn get<'r, 'h>(&mut self, s: &'r Scope<'_, 'h>, key: &str) -> Option<Ref<'r, 'h>> {
        let entry = self.map.find(s, key);
        self.map.statistics.read(entry.is_some());
        let entry = entry?;
        self.map.touch(s, entry);
        Some(self.map.value(s, entry))
    }

    fn put<'h>(
        &mut self,
        s: &mut Scope<'_, 'h>,
        key: &str,
        value: Init<'_, 'h>,
        bytes: u64,
    ) -> Result<Put, HeapLimitReached> {
        if self.capacity.bytes.is_some_and(|most| bytes > most.get()) {
            self.map.statistics.too_large += 1;
            if let Some(entry) = self.map.find(s, key) {
                self.map.evict(s, entry, Cause::Bytes);
            }
            return Ok(Put::TooLarge);
        }
        if let Some(entry) = self.map.find(s, key) {
            self.map.touch(s, entry);
            self.map.replace(s, key, value, bytes, 0);
            // It is the newest now and fits alone, so it is not evicted itself.
            self.make_room(s, 0, 0);
            return Ok(Put::Replaced);
        }
        self.make_room(s, 1, bytes);
        self.map.insert(s, key, value, bytes, 0)?;
        Ok(Put::Inserted)
    }

    fn remove<'r, 'h>(&mut self, s: &'r Scope<'_, 'h>, key: &str) -> Option<Ref<'r, 'h>> {
        let entry = self.map.find(s, key)?;
        Some(self.map.evict(s, entry, Cause::Removed))
    }

    fn len(&self) -> usize {
        self.map.len()
    }

    fn bytes(&self) -> u64 {
        self.map.bytes()
    }

    fn own_bytes(&self, s: &Scope<'_, '_>) -> u64 {
        self.map.own_bytes(s)
    }

    fn statistics(&self) -> &LimiterStatistics {
        &self.map.statistics
    }

    fn on_evict(&mut self, listener: EvictionListener) {
        self.map.listen(listener);
    }
}

impl fmt::Debug for LruCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LruCache")
            .field("capacity", &self.capacity)
            .field("len", &self.len())
            .field("bytes", &self.bytes())
            .finish_non_exhaustive()
    }
}
