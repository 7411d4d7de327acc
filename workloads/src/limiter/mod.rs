//! Caches with limits, on the managed heap: by recency, by age of insertion, by time.
//!
//! | type | forgets first | limited by |
//! |---|---|---|
//! | [`LruCache`] | what was not used for longest | entries, bytes |
//! | [`FifoCache`] | what was inserted first | entries |
//! | [`TtlCache`] | what has lived for its time | time |
//!
//! A cache is an object of the heap with a map and a doubly linked list of entries, so that a snapshot shows
//! it and dropping it frees everything:
//!
//! ```text
//!  LruCache ──entries──► Map ──table──► key ↦ CacheEntry { key, value, newer, older }
//!      ├── newest ─────► CacheEntry ──older──► CacheEntry ──older──► …
//!      └── oldest ─────► CacheEntry ──newer──► …
//! ```
//!
//! Keys are strings. An entry has a size in bytes that its user declares: what a program believes to hold,
//! beside which [`Limiter::own_bytes`] tells what the bookkeeping takes.
//!
//! ```
//! use std::{cell::Cell, num::NonZeroUsize, rc::Rc};
//! use heaplab_gc::{Heap, HeapOptions, Smi};
//! use heaplab_workloads::limiter::{Cause, Limiter, LruCache, LruCapacity};
//!
//! let mut heap = Heap::new(HeapOptions::with_limits(16 << 20, 1 << 20))?;
//! let evicted = Rc::new(Cell::new(0));
//! heap.enter(|s| {
//!     let mut cache = LruCache::new(s, LruCapacity::entries(NonZeroUsize::new(2).unwrap()))?;
//!     let counter = Rc::clone(&evicted);
//!     cache.on_evict(Box::new(move |s, evicted| {
//!         assert_eq!((s.as_str(evicted.key), evicted.cause), (Some("b"), Cause::Capacity));
//!         counter.set(counter.get() + 1);
//!     }));
//!     for (key, value) in [("a", 1), ("b", 2)] {
//!         cache.put(s, key, Smi::wrapping(value).into(), 8)?;
//!     }
//!     cache.get(s, "a"); // so "b" is the least recently used
//!     cache.put(s, "c", Smi::wrapping(3).into(), 8)?;
//!     let a = cache.get(s, "a").and_then(|value| s.as_integer(value));
//!     assert_eq!((a, cache.len(), cache.bytes()), (Some(1), 2, 16));
//!     Ok::<(), heaplab_workloads::WorkloadError>(())
//! })?;
//! assert_eq!(evicted.get(), 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod fifo;
mod linked_map;
mod lru;
mod statistics;
mod ttl;

use heaplab_gc::{HeapLimitReached, Init, Ref, Scope};

pub use fifo::FifoCache;
pub use lru::{LruCache, LruCapacity};
pub use statistics::{Cause, LimiterStatistics};
pub use ttl::TtlCache;

/// A string-keyed cache on the heap.
///
/// The heap that a cache was made in must be the one it is used with; all methods panic with another.
pub trait Limiter {
    /// The value of `key`; counts as a hit or a miss.
    fn get<'r, 'h>(&mut self, scope: &'r Scope<'_, 'h>, key: &str) -> Option<Ref<'r, 'h>>;

    /// Sets the value of `key`, of declared size `bytes`. Entries that have to go for it go first.
    ///
    /// # Errors
    /// The heap has no room for the entry. It is not in the cache then; what went for it is gone.
    fn put<'h>(
        &mut self,
        scope: &mut Scope<'_, 'h>,
        key: &str,
        value: Init<'_, 'h>,
        bytes: u64,
    ) -> Result<Put, HeapLimitReached>;

    /// Removes `key`; returns the value it had.
    fn remove<'r, 'h>(&mut self, scope: &'r Scope<'_, 'h>, key: &str) -> Option<Ref<'r, 'h>>;

    /// Tells what time it is, in a unit of the user's: what has lived for its time goes. Most caches ignore it.
    fn advance(&mut self, scope: &Scope<'_, '_>, now: u64) {
        let _ = (scope, now);
    }

    /// Entries.
    fn len(&self) -> usize;

    /// Whether there is no entry.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Declared sizes of all entries together.
    fn bytes(&self) -> u64;

    /// Bytes of the heap that the cache takes beside the values: its map, its entries, its keys.
    fn own_bytes(&self, scope: &Scope<'_, '_>) -> u64;

    /// Hits, misses, evictions by cause.
    fn statistics(&self) -> &LimiterStatistics;

    /// Sets who is told of each eviction; the last one set.
    fn on_evict(&mut self, listener: EvictionListener);
}

/// What [`Limiter::put`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Put {
    /// The key is new.
    Inserted,
    /// The key was there; it has a new value now.
    Replaced,
    /// The value alone is larger than the cache may be: it was not stored, and an older value of the key is
    /// gone.
    TooLarge,
}

/// An entry that has left a cache, or a value that has.
#[derive(Clone, Copy, Debug)]
pub struct Evicted<'r, 'h> {
    /// Its key, a string.
    pub key: Ref<'r, 'h>,
    /// Its value.
    pub value: Ref<'r, 'h>,
    /// Its declared size.
    pub bytes: u64,
    /// Why it left.
    pub cause: Cause,
}

/// Is told of each eviction, after the entry is out of the map and the list: whatever the listener does, a
/// panic included, the cache is whole. It may read and store, but not allocate.
pub type EvictionListener = Box<dyn for<'r, 's, 'h> FnMut(&'r Scope<'s, 'h>, &Evicted<'r, 'h>)>;
