//! The near-limit callback: the embedder's last word before allocation fails (V8's near-heap-limit callback).
//!
//! It is called where an allocation found no room after everything was tried: between pauses, with all objects whole and
//! perhaps pages left to sweep. A cycle of marking is in progress only if nothing may be collected (policy `none`) and
//! the embedder began one; a walk gives it up. What the callback is given can look at the heap and raise the limit,
//! nothing else: it cannot allocate, collect, or call itself.

use crate::clock::Clock;
use crate::error::HeapLimitReached;
use crate::heap::{Core, Heap};
use crate::page::PAGE_SIZE;
use crate::stats::{HeapSpaceStatistics, HeapStatistics};
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

    /// The most that a young generation may take: what a scavenge can promote is no more. Node raises the limit by this
    /// much after a snapshot.
    pub fn max_young_generation(&self) -> usize {
        self.core.limits.heap_size_limit() - self.core.limits.max_old_generation_size
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

    /// Takes a raised limit back by itself: after the first major collection that leaves less than `share` of the
    /// initial limit, in pages that fit into it, the initial limit holds again (V8's
    /// `AutomaticallyRestoreInitialHeapLimit`; Node's share is 0.95).
    pub fn restore_initial_limit_below(&mut self, share: f64) {
        let bytes = share.clamp(0.0, 1.0) * self.initial_limit() as f64;
        self.core
            .controller
            .restore_initial_limit_below(bytes as usize);
    }

    /// The heap's statistics.
    pub fn statistics(&self) -> HeapStatistics {
        self.core.statistics()
    }

    /// The statistics of each space.
    pub fn space_statistics(&self) -> [HeapSpaceStatistics; 4] {
        self.core.space_statistics()
    }

    /// The heap's clock.
    pub fn clock(&mut self) -> &mut dyn Clock {
        &mut *self.core.clock
    }

    /// Walks what is live, by name and reference: a snapshot at the limit.
    ///
    /// Finishes what is left to sweep and marks everything; the handles that are open count as roots. It needs no room
    /// in the heap, and about 1/1024 of it outside.
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
    /// Sets what is called when an allocation is about to fail; it may raise the limit, or look at what fills the heap.
    ///
    /// If it panics, the panic passes through the allocation, the heap stays consistent, and the callback is
    /// gone.
    ///
    /// ```
    /// use heaplab_gc::{Heap, HeapOptions, Kind};
    /// use std::{cell::RefCell, rc::Rc};
    ///
    /// let strings = Rc::new(RefCell::new(Vec::new()));
    /// let seen = Rc::clone(&strings);
    /// let mut heap = Heap::new(HeapOptions::with_limits(4 << 20, 1 << 20))?;
    /// heap.set_near_limit_callback(move |near| {
    ///     let count = near.walk(|walk| {
    ///         walk.objects().filter(|&object| walk.kind(object) == Kind::String).count()
    ///     });
    ///     seen.borrow_mut().push(count.expect("ids"));
    ///     // Once, there is more room; the second call leaves the limit, and the allocation fails.
    ///     let initial = near.initial_limit();
    ///     near.raise_to(2 * initial);
    /// });
    /// heap.enter(|s| {
    ///     let lines = s.array(400_000)?;
    ///     for i in 0..400_000 {
    ///         s.scope(|t| {
    ///             let line = t.string(&format!("GET /articles/{i}"))?;
    ///             t.set(lines, i, line);
    ///             Ok::<(), heaplab_gc::HeapLimitReached>(())
    ///         })?;
    ///     }
    ///     Ok::<(), heaplab_gc::HeapLimitReached>(())
    /// })
    /// .expect_err("8 MB are not enough");
    /// let strings = strings.borrow();
    /// assert_eq!(strings.len(), 2);
    /// assert!(strings[0] > 50_000 && strings[1] > strings[0]);
    /// # Ok::<(), heaplab_gc::HeapError>(())
    /// ```
    pub fn set_near_limit_callback(&mut self, callback: impl FnMut(&mut NearLimit<'_>) + 'static) {
        self.core.near_limit_callback = Some(Box::new(callback));
    }

    /// Takes the callback away; a limit that it raised stays.
    pub fn remove_near_limit_callback(&mut self) {
        self.core.near_limit_callback = None;
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

    /// After a major collection: a limit that was raised may go back to what it was.
    pub(crate) fn restore_initial_limit(&mut self) {
        let (live, pages) = (self.old_used(), self.old_pages_bytes());
        if self.controller.restore_initial_limit(live, pages) {
            self.old.max_pages = self.controller.max_old_generation() / PAGE_SIZE;
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::{Compaction, Heap, HeapOptions, Immediate, Limit, PAGE_SIZE, Policy};
    use std::cell::RefCell;
    use std::rc::Rc;

    /// A large object finds no room while half of every page is dead and not yet swept.
    #[test]
    fn the_callback_walks_a_heap_whose_sweeping_was_put_off() {
        for policy in [Policy::Generational, Policy::MarkSweep, Policy::MarkCompact] {
            let mut options = HeapOptions::with_limits(16 * PAGE_SIZE, PAGE_SIZE);
            options.policy = policy;
            options.compaction = Compaction::Never;
            let mut heap = Heap::new(options).expect("heap");
            let seen = Rc::new(RefCell::new(Vec::new()));
            let log = Rc::clone(&seen);
            heap.set_near_limit_callback(move |near| {
                let unswept = near.core.old.unswept.len();
                assert!(!near.core.marking);
                let live = near
                    .walk(|walk| {
                        let bytes: usize = walk.objects().map(|o| walk.size(o)).sum();
                        (walk.object_count(), bytes)
                    })
                    .expect("ids");
                assert!(near.core.old.unswept.is_empty());
                let statistics = near.statistics();
                assert!(statistics.used_heap_size as usize >= live.1);
                let spaces = near.space_statistics();
                let used: u64 = spaces[1..].iter().map(|s| s.space_used_size).sum();
                assert_eq!(used, statistics.used_heap_size);
                log.borrow_mut().push((unswept, live.0));
            });
            let bytes = 400;
            let count = 12 * PAGE_SIZE / bytes;
            heap.enter(|s| {
                let list = s.array(count).expect("room");
                for i in 0..count {
                    s.scope(|t| {
                        let array = t.array(bytes / 4 - 2).expect("room");
                        t.set(list, i, array);
                    });
                }
                for i in (0..count).step_by(2) {
                    s.set(list, i, Immediate::Undefined);
                }
                let reached = s
                    .array(8 * PAGE_SIZE / 4)
                    .map(|_| ())
                    .expect_err("no eight pages are free");
                assert_eq!(reached.details().limit, Limit::OldSpace);
            });
            let seen = seen.take();
            assert_eq!(seen.len(), 1, "{policy:?}");
            assert!(seen[0].0 > 4, "{policy:?}: {} pages to sweep", seen[0].0);
            assert_eq!(seen[0].1, 1 + count / 2, "{policy:?}");
            heap.verify().expect("sound");
        }
    }

    #[test]
    fn a_raised_limit_goes_back_when_the_heap_is_small_again() {
        let mut options = HeapOptions::with_limits(8 * PAGE_SIZE, PAGE_SIZE);
        options.incremental_marking = false;
        let mut heap = Heap::new(options).expect("heap");
        let initial = heap.statistics().heap_size_limit;
        heap.set_near_limit_callback(|near| {
            near.raise_to(near.initial_limit() + near.max_young_generation());
            near.restore_initial_limit_below(0.95);
        });
        heap.enter(|s| {
            let list = s.array(100).expect("room");
            for i in 0..10 {
                s.scope(|t| {
                    // A page each, so ten pages are in use.
                    let array = t.array((PAGE_SIZE - 64) / 4).expect("room");
                    t.set(list, i, array);
                });
            }
        });
        assert_eq!(heap.core.old.max_pages, 11);
        assert_eq!(
            heap.statistics().heap_size_limit - initial,
            3 * PAGE_SIZE as u64
        );
        heap.verify().expect("sound");
        for _ in 0..2 {
            heap.collect(
                crate::CollectionKind::Major,
                crate::CollectionReason::Testing,
            );
        }
        assert_eq!(heap.core.old.max_pages, 8);
        assert_eq!(heap.statistics().heap_size_limit, initial);
        heap.verify().expect("sound");
        // The next time it is asked again.
        heap.enter(|s| {
            let array = s.array(9 * PAGE_SIZE / 4).expect("the limit is raised");
            assert!(s.size_of(array) > 8 * PAGE_SIZE);
        });
    }

    #[test]
    fn without_its_callback_the_heap_fails_at_once() {
        let mut heap = Heap::new(HeapOptions::with_limits(4 * PAGE_SIZE, PAGE_SIZE)).expect("heap");
        heap.set_near_limit_callback(|_| panic!("it was taken away"));
        heap.remove_near_limit_callback();
        heap.enter(|s| {
            s.array(5 * PAGE_SIZE / 4).map(|_| ()).expect_err("full");
        });
    }
}
