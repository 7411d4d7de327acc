//! The cache that forgets what has lived for its time.

use std::fmt;

use heaplab_gc::{Global, HeapLimitReached, Init, Ref, Scope};

use super::linked_map::LinkedMap;
use super::{Cause, EvictionListener, Limiter, LimiterStatistics, Put};
use crate::error::WorkloadError;

/// A cache whose entries live for a fixed time from when they were last written; a read does not lengthen it.
///
/// Time is what [`Limiter::advance`] says, in any unit. All live equally long, so the list of entries is in the
/// order of their ends and expiring costs nothing for what stays.
pub struct TtlCache {
    map: LinkedMap,
    time_to_live: u64,
    now: u64,
}

impl TtlCache {
    /// An empty cache at time 0 whose entries live for `time_to_live`.
    ///
    /// # Errors
    /// The heap has no room for it, or cannot have more classes.
    pub fn new(scope: &mut Scope<'_, '_>, time_to_live: u64) -> Result<Self, WorkloadError> {
        Ok(Self {
            map: LinkedMap::new(scope, "TtlCache")?,
            time_to_live,
            now: 0,
        })
    }

    /// How long an entry lives.
    pub fn time_to_live(&self) -> u64 {
        self.time_to_live
    }

    /// The cache object on the heap, of class `TtlCache`.
    pub fn object(&self) -> &Global {
        self.map.global()
    }
}

impl Limiter for TtlCache {
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
        let end = self.now.saturating_add(self.time_to_live);
        if let Some(entry) = self.map.find(s, key) {
            self.map.touch(s, entry);
            self.map.replace(s, key, value, bytes, end);
            return Ok(Put::Replaced);
        }
        self.map.insert(s, key, value, bytes, end)?;
        Ok(Put::Inserted)
    }

    fn remove<'r, 'h>(&mut self, s: &'r Scope<'_, 'h>, key: &str) -> Option<Ref<'r, 'h>> {
        let entry = self.map.find(s, key)?;
        Some(self.map.evict(s, entry, Cause::Removed))
    }

    /// Time does not go back: an earlier `now` than the last one changes nothing.
    fn advance(&mut self, s: &Scope<'_, '_>, now: u64) {
        self.now = self.now.max(now);
        while let Some(oldest) = self.map.oldest(s) {
            if self.map.stamp(s, oldest) > self.now {
                break;
            }
            self.map.evict(s, oldest, Cause::Expired);
        }
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

impl fmt::Debug for TtlCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TtlCache")
            .field("time_to_live", &self.time_to_live)
            .field("now", &self.now)
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}
