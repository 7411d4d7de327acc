//! The allocation slow path: what happens when the fast path has no room.
//!
//! ```text
//! young: room after all (stress, pacing) ─► step ─► done
//!        marking finished, or far over the limit ─► major (final pause)
//!        else minor; at the soft trigger a cycle of marking starts after it
//!        still no room ─► major ─► major (last resort, compacts) ─► near-limit callback ─► HeapLimitReached
//! ```
//!
//! Without a young generation (policies mark-sweep, mark-compact, none) objects are born in old pages, and
//! the same ladder is climbed from its second rung.

use crate::cage::Addr;
use crate::error::{HeapLimitReached, Limit};
use crate::event::{CollectionReason, CollectorReason};
use crate::heap::Core;
use crate::options::Policy;
use crate::page::PAGE_SIZE;
use crate::policy::marking::{OLD_STEP_INTERVAL, StepBudget, Trigger};

/// After a major collection at the limit, at least this share of the semi-space must be free, or allocation
/// gives up: otherwise ever smaller steps would be bought with whole collections.
const MIN_YOUNG_FREE_AT_LIMIT: usize = 8;

impl Core {
    /// Makes room for an object that is no large one.
    #[cold]
    #[inline(never)]
    pub(crate) fn allocate_slow(&mut self, bytes: usize) -> Result<Addr, HeapLimitReached> {
        self.stress_collect();
        if self.options.policy != Policy::Generational {
            return self.allocate_in_old(bytes);
        }
        let before = self.tracer.counts();
        let steps_are_due = self.marking || self.sweeping_for_marking;
        if self.every_allocation_asks || steps_are_due || self.end_of_sample().is_some() {
            // The limit was only a reminder: there may be room.
            if steps_are_due {
                self.paced_step();
            }
            self.end_sample_before(bytes);
            if let Some(at) = self.bump(bytes) {
                return Ok(at);
            }
        }
        self.collect_for_young();
        if let Some(at) = self.bump_if_worth_it(bytes) {
            return Ok(at);
        }
        self.climb(|core| core.bump_if_worth_it(bytes))
            .ok_or_else(|| self.out_of_room(bytes, before))
    }

    /// The collection that a full to-space asks for.
    fn collect_for_young(&mut self) {
        let old = self.old_used();
        if self.marking {
            let finished = self.cycle.as_ref().is_some_and(|c| c.finished);
            if finished {
                self.major(
                    CollectionReason::FinalizeMarkingViaStackGuard,
                    CollectorReason::None,
                );
            } else if self.controller.must_finish_marking(old) {
                self.major(
                    CollectionReason::AllocationLimit,
                    CollectorReason::MarkingForcedFinalization,
                );
            } else {
                self.minor(CollectionReason::AllocationFailure);
            }
            return;
        }
        match self.controller.trigger(old) {
            Trigger::None => self.minor(CollectionReason::AllocationFailure),
            _ if self.options.incremental_marking && !self.controller.must_finish_marking(old) => {
                self.minor(CollectionReason::AllocationFailure);
                self.start_marking_soon();
            }
            Trigger::Soft => self.minor(CollectionReason::AllocationFailure),
            Trigger::Hard => {
                self.major(
                    CollectionReason::AllocationLimit,
                    CollectorReason::OldSpaceRequested,
                );
            }
        }
    }

    /// Major collections until `fits` succeeds or everything was tried.
    fn climb(&mut self, mut fits: impl FnMut(&mut Core) -> Option<Addr>) -> Option<Addr> {
        if self.options.policy != Policy::None {
            // The rule spoke in an earlier collection: the program may have dropped much since.
            let at = if self.ineffective {
                self.last_resort(&mut fits)
            } else {
                self.collect_until(&mut fits)
            };
            if at.is_some() {
                return at;
            }
        }
        self.ineffective = false;
        if self.near_limit() {
            // There is room in the old generation now; a scavenge makes it in the young one.
            if self.options.policy == Policy::Generational {
                self.minor(CollectionReason::AllocationFailure);
            }
            return fits(self);
        }
        None
    }

    /// Two major collections, the second of which compacts.
    fn collect_until(&mut self, fits: &mut impl FnMut(&mut Core) -> Option<Addr>) -> Option<Addr> {
        self.major(
            CollectionReason::AllocationFailure,
            CollectorReason::OldSpaceRequested,
        );
        if !self.ineffective
            && let Some(at) = fits(self)
        {
            return Some(at);
        }
        self.last_resort(fits)
    }

    /// A major collection that keeps nothing dead: what died during a cycle of marking, or is held by a dead object of
    /// the other generation, is a reason for any other to find the heap full.
    ///
    /// If the ineffective rule has spoken, collecting on would take all the time and free little, unless this one frees
    /// much.
    fn last_resort(&mut self, fits: &mut impl FnMut(&mut Core) -> Option<Addr>) -> Option<Addr> {
        self.major(
            CollectionReason::LastResort,
            CollectorReason::OldSpaceRequested,
        );
        if self.ineffective && self.controller.is_nearly_full(self.old_used()) {
            return None;
        }
        let at = fits(self)?;
        self.ineffective = false;
        Some(at)
    }

    /// An object without a young generation: in an old page.
    fn allocate_in_old(&mut self, bytes: usize) -> Result<Addr, HeapLimitReached> {
        let before = self.tracer.counts();
        if self.options.policy != Policy::None {
            self.advance_old_collection(bytes);
        }
        if let Some(at) = self.bump_old(bytes) {
            return Ok(at);
        }
        self.climb(|core| core.bump_old(bytes))
            .ok_or_else(|| self.out_of_room(bytes, before))
    }

    fn bump_old(&mut self, bytes: usize) -> Option<Addr> {
        let at = self.allocate_old(bytes)?;
        self.allocated_before += bytes as u64;
        // Grey: its slots are filled without the barrier before the marker can look at it.
        self.born_old(self.cage.value(at));
        Some(at)
    }

    /// Starts, advances or finishes marking, as the growth of the old generation by `bytes` asks for.
    fn advance_old_collection(&mut self, bytes: usize) {
        let old = self.old_used() + bytes;
        if self.marking {
            let finished = self.cycle.as_ref().is_some_and(|c| c.finished);
            self.old_since_step += bytes;
            if finished {
                self.major(
                    CollectionReason::FinalizeMarkingViaStackGuard,
                    CollectorReason::None,
                );
            } else if self.controller.must_finish_marking(old) {
                self.major(
                    CollectionReason::AllocationLimit,
                    CollectorReason::MarkingForcedFinalization,
                );
            } else if self.old_since_step >= OLD_STEP_INTERVAL {
                self.old_since_step = 0;
                self.paced_step();
            }
            return;
        }
        if self.sweeping_for_marking {
            self.old_since_step += bytes;
            if self.old_since_step >= OLD_STEP_INTERVAL {
                self.old_since_step = 0;
                self.paced_step();
                return;
            }
        }
        match self.controller.trigger(old) {
            Trigger::None => {}
            _ if self.options.incremental_marking && !self.controller.must_finish_marking(old) => {
                self.start_marking_soon();
            }
            Trigger::Soft => {}
            Trigger::Hard => {
                self.major(
                    CollectionReason::AllocationLimit,
                    CollectorReason::OldSpaceRequested,
                );
            }
        }
    }

    /// Makes room for a large object: it counts towards the trigger at once.
    #[cold]
    #[inline(never)]
    pub(crate) fn allocate_large_slow(&mut self, bytes: usize) -> Result<Addr, HeapLimitReached> {
        self.stress_collect();
        let before = self.tracer.counts();
        if self.options.policy != Policy::None {
            self.advance_old_collection(bytes);
        }
        let at = match self.allocate_large(bytes) {
            Some(at) => at,
            None => self
                .climb(|core| core.allocate_large(bytes))
                .ok_or_else(|| self.out_of_room(bytes, before))?,
        };
        self.born_old(self.cage.value(at));
        Ok(at)
    }

    /// The young fast path, for callers that have just made room.
    fn bump(&mut self, bytes: usize) -> Option<Addr> {
        let at = self.young.top;
        if bytes > self.young.room_end().0 - at.0 {
            return None;
        }
        self.young.top = at.add(bytes);
        self.arm_limit();
        Some(at)
    }

    /// The same, but at the limit only if enough is free that collecting was worth it.
    fn bump_if_worth_it(&mut self, bytes: usize) -> Option<Addr> {
        let free = self.young.capacity - self.young.used();
        if self.promotion_failed && free < self.young.capacity / MIN_YOUNG_FREE_AT_LIMIT {
            return None;
        }
        self.bump(bytes)
    }

    fn out_of_room(&self, bytes: usize, before: (u32, u32)) -> HeapLimitReached {
        let max_old = self.old.max_pages * PAGE_SIZE;
        let wanted = bytes.next_multiple_of(PAGE_SIZE);
        let (limit, limit_bytes) = if self.old.refused_by_system > 0 {
            (Limit::System, 0)
        } else if self.old_pages_bytes() + wanted > max_old
            || bytes <= self.max_young_object
            || self.pages.has_run(wanted / PAGE_SIZE)
        {
            // Also when there is room after all, but collecting again and again would be needed to use it.
            (Limit::OldSpace, max_old)
        } else {
            (Limit::Cage, self.cage.len())
        };
        let mut reached = self.limit_reached(limit, limit_bytes, bytes);
        let after = self.tracer.counts();
        reached.0.minor_collections = after.0 - before.0;
        reached.0.major_collections = after.1 - before.1;
        reached
    }

    pub(crate) fn object_too_large(&self, bytes: usize) -> HeapLimitReached {
        self.limit_reached(Limit::ObjectSize, crate::allocate::MAX_RAW_BYTES, bytes)
    }

    // --- stress ----------------------------------------------------------------------------------------

    /// Counts an allocation; collects, starts or advances marking when the schedule says so.
    pub(crate) fn stress_collect(&mut self) {
        let Some(schedule) = &mut self.stress else {
            return;
        };
        if self.allocations_to_collection > 0 {
            self.allocations_to_collection -= 1;
            return;
        }
        self.allocations_to_collection = schedule.next_distance();
        if schedule.next_is_major() {
            self.major(CollectionReason::Testing, CollectorReason::ForcedByFlags);
            return;
        }
        if self.options.incremental_marking {
            if self.marking {
                self.marking_step(StepBudget {
                    bytes: 1024,
                    ns: u64::MAX,
                });
            } else {
                self.start_marking();
            }
        }
        if self.options.policy == Policy::Generational {
            self.minor(CollectionReason::Testing);
        }
    }
}
