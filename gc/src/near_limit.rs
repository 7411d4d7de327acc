//! The near-limit callback: the embedder's last word before allocation fails (V8's near-heap-limit callback).

use crate::error::HeapLimitReached;
use crate::heap::{Core, Heap};
use crate::page::PAGE_SIZE;
use crate::stats::HeapStatistics;
use crate::walk::HeapWalk;

/// The heap as the callback sees it, after the last collection's pause.
pub struct NearLimit<'c> {
    core: &'c mut Core,
}

/// The embedder's callback.
pub(crate) type Callback = Box<dyn FnMut(&mut NearLimit<'_>)>;

impl NearLimit<'_> {
    /// Most bytes of the old generation now.
    pub fn current_limit(&self) -> usize {
        self.core.controller.max_old_generation()
    }

    /// What it was when the heap was made.
    pub fn initial_limit(&self) -> usize {
        self.core.limits.max_old_generation_size
    }

    /// Raises the old limit to `bytes`, rounded down to whole pages and to what the cage holds; lower values
    /// are ignored. Returns the limit that holds now.
    pub fn raise_to(&mut self, bytes: usize) -> usize {
        let room = self.core.pages.most_pages() * PAGE_SIZE;
        let bytes = bytes.min(room) / PAGE_SIZE * PAGE_SIZE;
        self.core.controller.raise_max_old_generation(bytes);
        let max = self.core.controller.max_old_generation();
        self.core.old.max_pages = max / PAGE_SIZE;
        max
    }

    /// The heap's statistics.
    pub fn statistics(&self) -> HeapStatistics {
        self.core.statistics()
    }

    /// Walks what is live: a snapshot at the limit.
    ///
    /// # Errors
    /// As for [`Heap::walk`].
    pub fn walk<R>(
        &mut self,
        body: impl FnOnce(&HeapWalk<'_>) -> R,
    ) -> Result<R, HeapLimitReached> {
        self.core.walk(body)
    }
}

impl std::fmt::Debug for NearLimit<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "NearLimit(limit {})", self.current_limit())
    }
}

impl Heap {
    /// Sets what is called when an allocation is about to fail; it may raise the limit or take a snapshot.
    ///
    /// If it panics, the panic passes through the allocation, the heap stays consistent, and the callback is
    /// gone.
    pub fn set_near_limit_callback(&mut self, callback: impl FnMut(&mut NearLimit<'_>) + 'static) {
        self.core.near_limit_callback = Some(Box::new(callback));
    }
}

impl Core {
    /// Asks the callback; whether it raised the limit.
    pub(crate) fn near_limit(&mut self) -> bool {
        let Some(mut callback) = self.near_limit_callback.take() else {
            return false;
        };
        let before = self.controller.max_old_generation();
        callback(&mut NearLimit { core: self });
        self.near_limit_callback = Some(callback);
        self.controller.max_old_generation() > before
    }
}
