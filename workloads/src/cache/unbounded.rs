//! The cache that never forgets.

use std::fmt;

use heaplab_gc::{Global, HeapLimitReached, Init, Ref, Scope, Shape};

use crate::error::WorkloadError;
use crate::limiter::{Cause, Evicted, EvictionListener, Limiter, LimiterStatistics, Put};

const ENTRIES: usize = 0;
const KEY: usize = 0;
const VALUE: usize = 1;

/// A cache without any limit: what a plain map in a long-lived object is.
///
/// It has the interface of the caches with limits, so that one can take its place.
pub struct UnboundedCache {
    cache: Global,
    entry_shape: Shape,
    len: usize,
    bytes: u64,
    entry_bytes: u64,
    statistics: LimiterStatistics,
    listener: Option<EvictionListener>,
}

impl UnboundedCache {
    /// An empty cache.
    ///
    /// # Errors
    /// The heap has no room for it, or cannot have more classes.
    pub fn new(scope: &mut Scope<'_, '_>) -> Result<Self, WorkloadError> {
        let shape = scope.shape("Cache", &["entries"])?;
        let entry_shape = scope.shape_with_raw("CacheEntry", &["key", "value"], 8)?;
        let cache = scope.scope(|s| {
            let entries = s.map()?;
            let cache = s.object_with(shape, [entries.into()])?;
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

    fn entries<'r, 'h>(&self, s: &'r Scope<'_, 'h>) -> Ref<'r, 'h> {
        s.get(s.peek(&self.cache), ENTRIES)
    }

    /// Takes the entry of `key` out of the map, then tells the listener. Returns its value.
    fn evict<'r, 'h>(
        &mut self,
        s: &'r Scope<'_, 'h>,
        key: &str,
        cause: Cause,
    ) -> Option<Ref<'r, 'h>> {
        let entry = s.map_remove_str(self.entries(s), key)?;
        let evicted = Evicted {
            key: s.get(entry, KEY),
            value: s.get(entry, VALUE),
            bytes: declared_bytes(s, entry),
            cause,
        };
        self.len -= 1;
        self.bytes -= evicted.bytes;
        self.entry_bytes -= (s.size_of(entry) + s.size_of(evicted.key)) as u64;
        self.statistics.evict(cause);
        if let Some(listener) = &mut self.listener {
            listener(s, &evicted);
        }
        Some(evicted.value)
    }
}

impl Limiter for UnboundedCache {
    fn get<'r, 'h>(&mut self, s: &'r Scope<'_, 'h>, key: &str) -> Option<Ref<'r, 'h>> {
        let entry = s.map_get_str(self.entries(s), key);
        self.statistics.read(entry.is_some());
        Some(s.get(entry?, VALUE))
    }

    fn put<'h>(
        &mut self,
        scope: &mut Scope<'_, 'h>,
        key: &str,
        value: Init<'_, 'h>,
        bytes: u64,
    ) -> Result<Put, HeapLimitReached> {
        let replaced = self.evict(scope, key, Cause::Replaced).is_some();
        self.entry_bytes += scope.scope(|s| {
            let key = s.string(key)?;
            let value = match value {
                Init::Rooted(local) => s.root(local),
                Init::Integer(smi) => s.root(smi),
                Init::Constant(constant) => s.root(constant),
            };
            let entry = s.object_with(self.entry_shape, [key.into(), value.into()])?;
            if let Some((word, _)) = s.raw_mut(entry).split_first_chunk_mut() {
                *word = bytes.to_le_bytes();
            }
            let entries = s.root(self.entries(s));
            s.map_set(entries, key, entry)?;
            Ok::<u64, HeapLimitReached>((s.size_of(key) + s.size_of(entry)) as u64)
        })?;
        self.len += 1;
        self.bytes += bytes;
        if replaced {
            return Ok(Put::Replaced);
        }
        self.statistics.inserted();
        Ok(Put::Inserted)
    }

    fn remove<'r, 'h>(&mut self, s: &'r Scope<'_, 'h>, key: &str) -> Option<Ref<'r, 'h>> {
        self.evict(s, key, Cause::Removed)
    }

    fn len(&self) -> usize {
        self.len
    }

    fn bytes(&self) -> u64 {
        self.bytes
    }

    fn own_bytes(&self, s: &Scope<'_, '_>) -> u64 {
        let fixed = s.size_of(s.peek(&self.cache)) + s.map_bytes(self.entries(s));
        fixed as u64 + self.entry_bytes
    }

    fn statistics(&self) -> &LimiterStatistics {
        &self.statistics
    }

    fn on_evict(&mut self, listener: EvictionListener) {
        self.listener = Some(listener);
    }
}

fn declared_bytes<'h>(s: &Scope<'_, 'h>, entry: Ref<'_, 'h>) -> u64 {
    s.raw(entry)
        .first_chunk()
        .map_or(0, |word| u64::from_le_bytes(*word))
}

impl fmt::Debug for UnboundedCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UnboundedCache")
            .field("len", &self.len)
            .field("bytes", &self.bytes)
            .finish_non_exhaustive()
    }
}
