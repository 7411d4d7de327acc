//! The scavenger: Cheney's copying collector for the young generation (CACM 13(11), 1970).
//!
//! ```text
//! flip ─► roots ─► remembered slots ─► scan copied and promoted objects until none is left ─► owners, weak
//!           └──────── forward(value): copy below the age mark to old space, else to to-space ──┘
//! ```
//!
//! What remembered slots refer to is copied to old space whatever its age, if samples say that it nearly always gets there
//! in the end (`pretenure.rs`).
//!
//! Grey objects are `scan..top` of to-space plus the ranges of old buffers that promotion has filled. An
//! object whose promotion fails (old limit reached, or the system refuses) is copied to to-space, which
//! always has room: survivors never exceed what from-space held. So a scavenge cannot fail.

use crate::cage::Addr;
use crate::clock::Work;
use crate::event::Phase;
use crate::heap::Core;
use crate::object::{Descriptor, FORWARDED, HEADER_BYTES, WIDE_BYTES, slot_bytes};
use crate::page::{PAGE_SIZE, SLOTS_PER_BUCKET, bucket_addr};
use crate::pretenure::Targets;
use crate::seeded::{self, Bug};
use crate::value::Value;

/// Remembered slots that are visited together.
const BATCH: usize = if cfg!(heaplab_tiny) { 8 } else { 256 };
/// How many bytes ahead of the scan references are prefetched: so far that a header has time to come from beyond the
/// caches, and that what has come is not evicted before its turn.
const LOOKAHEAD: usize = 1024;

/// What one scavenge did, in bytes.
#[derive(Copy, Clone, Debug, Default)]
pub(crate) struct Scavenged {
    /// Copied to to-space.
    pub(crate) copied: usize,
    /// Copied to the old generation.
    pub(crate) promoted: usize,
    /// Due for promotion but copied to to-space, because the old generation had no room.
    pub(crate) promotion_failed: usize,
    /// Slots that the remembered set held, and kept.
    pub(crate) slots_visited: usize,
    pub(crate) slots_kept: usize,
}

struct Scavenger<'c> {
    core: &'c mut Core,
    /// Reference to the first granule of from-space, and how many granules it holds.
    from_first: u32,
    from_span: u32,
    age_mark: Addr,
    /// Next byte of to-space to scan.
    scan: Addr,
    /// Start of the promoted objects in the open old buffer that are not scanned yet.
    promoted_scan: Addr,
    /// Start of the promoted objects in the open old buffer that are not counted yet.
    promoted_from: Addr,
    /// Closed buffer ranges that are not scanned yet.
    promoted_ranges: Vec<(Addr, Addr)>,
    promotion_possible: bool,
    /// Remembered slots to visit before what the others refer to is promoted at once, whatever its age.
    targets_to_sample: Option<usize>,
    /// End of what was copied for the slots that were visited before.
    targets_end: Option<Addr>,
    done: Scavenged,
}

impl Core {
    /// Collects the young generation.
    pub(crate) fn scavenge(&mut self) -> Scavenged {
        let age_mark = self.young.age_mark;
        let (from, from_bytes) = self.young.flip();
        let from_first = self.cage.value(from).0;
        let scan = self.young.top;
        let promoted_scan = self.old.top;
        let targets_to_sample = self.pretenuring.targets_to_sample();
        let mut scavenger = Scavenger {
            core: self,
            from_first,
            from_span: (from_bytes / 8) as u32,
            age_mark,
            scan,
            promoted_scan,
            promoted_from: promoted_scan,
            promoted_ranges: Vec::new(),
            promotion_possible: true,
            targets_to_sample,
            targets_end: None,
            done: Scavenged::default(),
        };
        scavenger.core.phase(Phase::ScavengeRoots);
        scavenger.process_roots();
        scavenger.core.phase(Phase::ScavengeRemembered);
        let targets = scavenger.process_remembered_slots();
        scavenger.core.phase(Phase::ScavengeCopy);
        scavenger.drain();
        scavenger.core.phase(Phase::ScavengeWeak);
        scavenger.process_ephemerons();
        scavenger.count_promoted();
        let mut done = scavenger.done;
        done.copied = self.young.top.0 - scan.0;
        self.clock
            .charge(Work::Copied, (done.copied + done.promoted) as u64);
        self.clock.charge(Work::Slots, done.slots_visited as u64);
        self.phase(Phase::ScavengeExternal);
        self.update_young_weak((from_first, (from_bytes / 8) as u32));
        self.update_young_externals(from_first, (from_bytes / 8) as u32);
        self.phase(Phase::ScavengeFinish);
        self.judge_samples(age_mark, from.add(from_bytes), targets);
        self.young.age_mark = self.young.top;
        self.poison(from, from_bytes);
        from.forbid(self.young.capacity);
        done
    }

    /// The new reference of an object that was in from-space, or `None` if it died.
    pub(crate) fn forwarded(&self, value: Value) -> Option<Value> {
        let header = self.cage.addr(value).load_u64();
        (header as u32 == FORWARDED).then_some(Value((header >> 32) as u32))
    }
}

impl Scavenger<'_> {
    #[inline(always)]
    fn in_from_space(&self, value: Value) -> bool {
        value.0.wrapping_sub(self.from_first) < self.from_span
    }

    fn process_roots(&mut self) {
        let (first, mut count) = self.core.handles.slots();
        count -= usize::from(count > 0 && seeded::active(Bug::ScavengeHandleSkipped));
        for i in 0..count {
            let slot = first.add(4 * i);
            let value = slot.value();
            if self.in_from_space(value) {
                slot.store_u32(self.forward(value).0);
            }
        }
        // Out of the heap while they are visited: forwarding needs the heap.
        if let Some(mut roots) = self.core.roots.take() {
            roots.visit(|slot| {
                if self.in_from_space(Value(*slot)) {
                    *slot = self.forward(Value(*slot)).0;
                }
            });
            self.core.roots = Some(roots);
        }
        let mut weak = std::mem::take(&mut self.core.weak);
        weak.visit_held(|held| {
            if self.in_from_space(held) && !seeded::active(Bug::FinalizerHeldLost) {
                self.forward(held)
            } else {
                held
            }
        });
        self.core.weak = weak;
    }

    /// Forwards the values of ephemerons whose table and key live, and what they reach, until no more do.
    fn process_ephemerons(&mut self) {
        let mut resolved = vec![false; self.core.young_ephemeron_count()];
        let from = (self.from_first, self.from_span);
        loop {
            let values = self.core.live_ephemeron_values(from, &mut resolved);
            if values.is_empty() {
                break;
            }
            for value in values {
                if self.in_from_space(value) {
                    self.forward(value);
                }
            }
            self.drain();
        }
    }

    /// Visits the slot set: each slot that still refers to the young generation afterwards goes into it again.
    ///
    /// Slots and the objects they refer to are scattered, so they are taken in batches and three passes: find and
    /// prefetch slots, load them and prefetch headers, forward. A batch does not leave its page: promotion sweeps
    /// on demand, and a page must not turn into free blocks while its slots are in hand.
    fn process_remembered_slots(&mut self) -> Targets {
        self.count_promoted();
        let (first, promoted, age_mark) = (self.core.young.top, self.done.promoted, self.age_mark);
        let dirty = std::mem::take(&mut self.core.pages.dirty);
        let mut batch = [(Addr(0), Value(0)); BATCH];
        let mut count = 0;
        for (i, &page) in dirty.iter().enumerate() {
            let page = page as usize;
            if let Some(&next) = dirty.get(i + 1) {
                self.core
                    .pages
                    .prefetch_slots(&self.core.cage, next as usize);
            }
            let mut summary = std::mem::take(&mut self.core.pages.summary[page]);
            self.core.page_not_to_sweep = Some(page);
            while summary != 0 {
                let bucket = summary.trailing_zeros() as usize;
                summary &= summary - 1;
                let words = bucket_addr(&self.core.cage, page, bucket);
                let first_slot = page * PAGE_SIZE + bucket * SLOTS_PER_BUCKET * 4;
                for w in 0..SLOTS_PER_BUCKET / 64 {
                    let word = words.add(8 * w);
                    let mut bits = word.load_u64();
                    if bits == 0 {
                        continue;
                    }
                    word.store_u64(0);
                    let base = self.core.cage.at(first_slot + 64 * 4 * w);
                    while bits != 0 {
                        let slot = base.add(4 * bits.trailing_zeros() as usize);
                        bits &= bits - 1;
                        slot.prefetch();
                        batch[count].0 = slot;
                        count += 1;
                        if count == BATCH {
                            self.process_slots(&mut batch);
                            count = 0;
                        }
                    }
                }
            }
            self.process_slots(&mut batch[..count]);
            count = 0;
        }
        self.core.page_not_to_sweep = None;
        self.age_mark = age_mark;
        self.count_promoted();
        let at_once = self.targets_end.is_some();
        Targets {
            first,
            end: self.targets_end.unwrap_or(self.core.young.top),
            promoted: if at_once {
                self.done.promoted - promoted
            } else {
                0
            },
        }
    }

    /// Forwards what a batch of slots refers to; their values are filled in on the way.
    fn process_slots(&mut self, batch: &mut [(Addr, Value)]) {
        if let Some(slots) = self.targets_to_sample
            && self.done.slots_kept >= slots
        {
            self.targets_to_sample = None;
            self.targets_end = Some(self.core.young.top);
            self.age_mark = Addr(usize::MAX);
        }
        for (slot, value) in batch.iter_mut() {
            *value = slot.value();
            if self.in_from_space(*value) {
                self.core.cage.addr(*value).prefetch();
            }
        }
        let mut free = self.free_ends();
        for &(slot, value) in batch.iter() {
            let mut value = value;
            if self.in_from_space(value) {
                value = self.forward_in(&mut free, value);
                if !seeded::active(Bug::RememberedSlotNotUpdated) {
                    slot.store_u32(value.0);
                }
            }
            if self.core.is_young(value) {
                self.core.record_new(slot);
                self.done.slots_kept += 1;
            }
        }
        self.set_free_ends(free);
        self.done.slots_visited += batch.len();
    }

    /// Scans grey objects until there are none: copied ones first, they are in cache.
    fn drain(&mut self) {
        if self.core.marking {
            self.drain_while::<true>();
        } else {
            self.drain_while::<false>();
        }
    }

    fn drain_while<const MARKING: bool>(&mut self) {
        let mut free = self.free_ends();
        loop {
            let mut scan = self.scan;
            while scan < free.young {
                scan = self.scan_object::<false, false>(&mut free, scan);
            }
            self.scan = scan;
            if self.promoted_scan < free.old {
                let at = self.promoted_scan;
                // The end is known before the scan, which may switch to another buffer.
                self.promoted_scan = object_end(at);
                self.scan_object::<true, MARKING>(&mut free, at);
                continue;
            }
            let Some((mut at, end)) = self.promoted_ranges.pop() else {
                break;
            };
            while at < end {
                at = self.scan_object::<true, MARKING>(&mut free, at);
            }
        }
        self.set_free_ends(free);
    }

    #[inline(always)]
    fn free_ends(&self) -> FreeEnds {
        FreeEnds {
            young: self.core.young.top,
            old: self.core.old.top,
            old_limit: self.core.old.limit,
        }
    }

    #[inline(always)]
    fn set_free_ends(&mut self, free: FreeEnds) {
        self.core.young.top = free.young;
        self.core.old.top = free.old;
    }

    /// Forwards the young references of the object at `at`; returns its end. If it was promoted while marking, it is
    /// black, and the old objects that it refers to become grey.
    #[inline(always)]
    fn scan_object<const PROMOTED: bool, const MARKING: bool>(
        &mut self,
        free: &mut FreeEnds,
        at: Addr,
    ) -> Addr {
        let descriptor = Descriptor(at.load_u32());
        let (first, slots, end) = slots_and_end(at, descriptor);
        let mut slot = first;
        let slots_end = first.add(4 * slots);
        // Objects further on are about to be scanned: whatever their words refer to is asked for now. A word that
        // is no slot costs a useless prefetch at worst.
        let may_look_ahead = may_look_ahead::<PROMOTED>(at, slots_end, free.young);
        // AddressSanitizer would take a look at a free block for a use of it.
        if may_look_ahead && !cfg!(heaplab_asan) {
            while slot < slots_end {
                let ahead = slot.add(LOOKAHEAD).value();
                if self.in_from_space(ahead) {
                    self.core.cage.addr(ahead).prefetch();
                }
                self.scan_slot::<PROMOTED, MARKING>(free, slot);
                slot = slot.add(4);
            }
        } else {
            while slot < slots_end {
                self.scan_slot::<PROMOTED, MARKING>(free, slot);
                slot = slot.add(4);
            }
        }
        end
    }

    #[inline(always)]
    fn scan_slot<const PROMOTED: bool, const MARKING: bool>(
        &mut self,
        free: &mut FreeEnds,
        slot: Addr,
    ) {
        let value = slot.value();
        if self.in_from_space(value) {
            let new = self.forward_in(free, value);
            slot.store_u32(new.0);
            if PROMOTED && self.core.is_young(new) && !seeded::active(Bug::PromotedSlotNotRecorded)
            {
                self.core.record_new(slot);
            }
        } else if PROMOTED && self.core.is_young(value) {
            self.core.record_new(slot);
        } else if MARKING
            && value.0 >= self.core.first_old_value()
            && !seeded::active(Bug::PromotedReferencesNotGrey)
        {
            self.core.marking_barrier(slot, value);
        }
    }

    /// The new place of an object of from-space, copied there on the first visit.
    fn forward(&mut self, value: Value) -> Value {
        let mut free = self.free_ends();
        let new = self.forward_in(&mut free, value);
        self.set_free_ends(free);
        new
    }

    /// [`Scavenger::forward`] with the ends of free room in registers.
    #[inline(always)]
    fn forward_in(&mut self, free: &mut FreeEnds, value: Value) -> Value {
        let from = self.core.cage.addr(value);
        let header = from.load_u64();
        if header as u32 == FORWARDED {
            return Value((header >> 32) as u32);
        }
        let bytes = object_bytes(from, Descriptor(header as u32));
        let to;
        let new;
        if from >= self.age_mark {
            to = free.young;
            free.young = to.add(bytes);
            from.copy_to(to, bytes);
            new = self.core.cage.value(to);
        } else {
            if bytes <= free.old_limit.0 - free.old.0 {
                to = free.old;
                free.old = to.add(bytes);
            } else {
                self.set_free_ends(*free);
                to = self.promote_slow(bytes);
                *free = self.free_ends();
            }
            from.copy_to(to, bytes);
            new = self.core.cage.value(to);
            if self.core.marking && !self.core.is_young(new) {
                self.core.promoted(new, bytes);
            }
        }
        if !seeded::active_every(Bug::ForwardingLost, 9) {
            from.store_u64(FORWARDED as u64 | (new.0 as u64) << 32);
        }
        new
    }

    /// Room in another buffer of the old generation, or in to-space where that has none.
    #[cold]
    #[inline(never)]
    fn promote_slow(&mut self, bytes: usize) -> Addr {
        // The system may refuse room for one more range, too.
        if self.promotion_possible && self.promoted_ranges.try_reserve(1).is_ok() {
            self.count_promoted();
            if self.promoted_scan < self.core.old.top && !seeded::active(Bug::PromotedRangeLost) {
                self.promoted_ranges
                    .push((self.promoted_scan, self.core.old.top));
            }
            let to = self.core.allocate_old(bytes);
            self.promoted_from = to.unwrap_or(self.core.old.top);
            self.promoted_scan = self.promoted_from;
            if let Some(to) = to {
                return to;
            }
        }
        self.promotion_possible = false;
        self.done.promotion_failed += bytes;
        let to = self.core.young.top;
        self.core.young.top = to.add(bytes);
        to
    }

    /// Adds what was promoted into the open buffer since it was opened or last counted.
    fn count_promoted(&mut self) {
        self.done.promoted += self.core.old.top.0 - self.promoted_from.0;
        self.promoted_from = self.core.old.top;
    }
}

/// Where copies go next: kept apart from the heap, so that the copying loop has it in registers.
#[derive(Copy, Clone)]
struct FreeEnds {
    young: Addr,
    old: Addr,
    old_limit: Addr,
}

/// Size in bytes of the object at `at`, whose descriptor is known.
#[inline(always)]
pub(crate) fn object_bytes(at: Addr, descriptor: Descriptor) -> usize {
    if descriptor.is_wide() {
        let word = at.add(HEADER_BYTES).load_u64();
        crate::object::wide_size(word as u32 as usize, (word >> 32) as usize)
    } else {
        descriptor.narrow_size()
    }
}

/// First slot, slot count and end of the object at `at`.
#[inline(always)]
pub(crate) fn slots_and_end(at: Addr, descriptor: Descriptor) -> (Addr, usize, Addr) {
    if descriptor.is_wide() {
        let word = at.add(HEADER_BYTES).load_u64();
        let slots = word as u32 as usize;
        let first = at.add(HEADER_BYTES + WIDE_BYTES);
        let raw = ((word >> 32) as usize + 7) & !7;
        (first, slots, first.add(slot_bytes(slots) + raw))
    } else {
        (
            at.add(HEADER_BYTES),
            descriptor.narrow_slots(),
            at.add(descriptor.narrow_size()),
        )
    }
}

/// End of the object at `at`.
#[inline(always)]
pub(crate) fn object_end(at: Addr) -> Addr {
    at.add(object_bytes(at, Descriptor(at.load_u32())))
}

/// Whether the words up to [`LOOKAHEAD`] beyond an object's slots may be read. Those of a promoted object must lie on
/// its page: the next one may not be committed, wherever the open buffer is. Those of a copied one must be copied, too.
#[inline(always)]
fn may_look_ahead<const PROMOTED: bool>(at: Addr, slots_end: Addr, young_top: Addr) -> bool {
    let ahead_end = slots_end.add(LOOKAHEAD);
    if PROMOTED {
        ahead_end.0 ^ at.0 < PAGE_SIZE
    } else {
        ahead_end <= young_top
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_page_is_left_to_look_ahead() {
        let page = Addr(64 * PAGE_SIZE);
        // The young generation's top says nothing of old pages.
        let top = Addr(128 * PAGE_SIZE);
        let last = page.add(PAGE_SIZE - LOOKAHEAD);
        let promoted = |at: Addr, slots_end: Addr| may_look_ahead::<true>(at, slots_end, top);
        assert!(promoted(page, page.add(16)));
        assert!(promoted(page, Addr(last.0 - 4)));
        assert!(!promoted(page, last));
        assert!(!promoted(last, last.add(LOOKAHEAD)));
        let copied = |slots_end: Addr| may_look_ahead::<false>(page, slots_end, top);
        assert!(copied(Addr(top.0 - LOOKAHEAD)));
        assert!(!copied(Addr(top.0 - LOOKAHEAD + 4)));
    }
}
