//! The cache that forgets what was inserted first.

use std::fmt;
use std::num::NonZeroUsize;

use heaplab_gc::{Global, HeapLimitReached, Init, Ref, Scope};

use super::linked_map::LinkedMap;
use super::{Cause, EvictionListener, Limiter, LimiterStatistics, Put};
use crate::error::WorkloadError;

/// A cache with a limit that forgets the entries inserted first, as limitablemap does: neither a read nor
/// another value for a key moves it; at the limit the oldest entry goes before the new one comes.
pub struct FifoCache {
    map: LinkedMap,
    limit: NonZeroUsize,
}

impl FifoCache {
    /// limitablemap's default limit.
    pub const DEFAULT_LIMIT: NonZeroUsize = NonZeroUsize::new(10).unwrap();

    /// An empty cache of at most `limit` entries.
    ///
    /// # Errors
    /// The heap has no room for it, or cannot have more classes.
    pub fn new(scope: &mut Scope<'_, '_>, limit: NonZeroUsize) -> Result<Self, WorkloadError> {
        Ok(Self {
            map: LinkedMap::new(scope, "FifoCache")?,
            limit,
        })
    }

    /// Most entries.
    pub fn limit(&self) -> NonZeroUsize {
        self.limit
    }

    /// The cache object on the heap, of class `FifoCache`.
    pub fn object(&self) -> &Global {
        self.map.global()
    }
}

impl Limiter for FifoCache {
    fn get<'r, 'h>(&mut self, s: &'r Scope<'_, 'h>, key: &str) -> Option<Ref<'r, 'h>> {
        let entry = self.map.find(s, key);
        self.map.statistics.read(entry.is_some());
        Some(self.map.value(s, entry?))
    }

    fn put<'h>(
        &mut self,
        s: &mut Scope<'_, 'h>,
        key: &str,
        value: Init<'_, 'h>,
        bytes: u64,
    ) -> Result<Put, HeapLimitReached> {
        if self.map.find(s, key).is_some() {
            self.map.replace(s, key, value, bytes, 0);
            return Ok(Put::Replaced);
        }
        if self.map.len() >= self.limit.get()
            && let Some(oldest) = self.map.oldest(s)
        {
            self.map.evict(s, oldest, Cause::Capacity);
        }
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

impl fmt::Debug for FifoCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FifoCache")
            .field("limit", &self.limit)
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}
