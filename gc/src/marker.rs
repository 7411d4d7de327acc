//! The marker: finds everything reachable, with a bitmap beside the heap and a prefetching worklist.
//!
//! A plain depth-first stack waits for memory at every object. Here references leave the stack through a
//! short FIFO: header and mark word are prefetched when a reference enters it and are in cache when it
//! leaves. References are pushed without looking at their target; whether it is marked is decided when it
//! leaves the FIFO.
//!
//! Objects with many slots are scanned in slices. The stack is reserved up front and bounded; when it
//! overflows, references are dropped and the marked objects are rescanned until nothing new is found.

use crate::cage::{Addr, Cage};
use crate::object::{Descriptor, HEADER_BYTES};
use crate::page::{PAGE_SIZE, PageTable, mark_words};
use crate::scavenger::slots_and_end;
use crate::seeded::{self, Bug};
use crate::value::{GRANULE, Value};

/// References between the stack and the scan: enough that their cache misses overlap.
const FIFO: usize = 32;
/// Objects with more slots than this are scanned in slices of this many.
const SLICE: usize = if cfg!(heaplab_tiny) { 16 } else { 2048 };
/// The stack has one part in so many of the committed heap, but at least so many bytes. On 8 million objects linked at
/// random that costs one rescan, no time that could be measured, and a third of the memory of an unbounded stack.
const STACK_SHARE: usize = 64;
const MIN_STACK_BYTES: usize = 1 << 20;
const GRANULES_PER_PAGE: usize = PAGE_SIZE / GRANULE;

/// The mark bit of a reference: the address of its word and the bit in it.
#[inline(always)]
pub(crate) fn mark_bit(cage: &Cage, value: Value) -> (Addr, u64) {
    let granule = value.granule();
    (
        cage.mark_bits.base().add(granule / 64 * 8),
        1 << (granule % 64),
    )
}

/// Worklist and totals of one marking.
pub(crate) struct Marker {
    /// References below this one are not followed: permanent objects, and the young generation unless the
    /// whole heap is marked.
    first: u32,
    base: Addr,
    top: Addr,
    end: Addr,
    /// Large objects of which slices are left: reference and next slot.
    slices: Vec<(Value, u32)>,
    /// Roots for which the stack had no room: no marked object leads to them, so a rescan would not.
    roots: Vec<u32>,
    overflowed: bool,
    /// The page at which the rescan after an overflow goes on.
    rescan: Option<usize>,
    /// Whether slots that refer into evacuation candidates are recorded, and those that were.
    pub(crate) recording: bool,
    pub(crate) recorded: Vec<Addr>,
    /// While ephemerons are being resolved: what has been marked since they last looked.
    pub(crate) newly_marked: Option<Vec<Value>>,
    /// Bytes and objects marked so far.
    pub(crate) bytes: usize,
    pub(crate) objects: usize,
    /// Bytes of slices, of rescanned objects and of young ones: work that may mark nothing.
    pub(crate) scanned: usize,
    /// Bytes of the slots of large objects: counted as marked at once, looked at in slices.
    sliced: usize,
}

/// How far a bounded piece of marking came.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// The budget was used up; grey objects are left.
    More,
    /// No grey object is left.
    Done,
}

impl Marker {
    /// A marker that follows references from `first` upwards.
    pub(crate) fn new(cage: &Cage, first: u32) -> Marker {
        let base = cage.mark_stack.base();
        let bytes = if cfg!(heaplab_tiny) {
            256
        } else {
            (cage.committed_bytes() / STACK_SHARE)
                .max(MIN_STACK_BYTES)
                .min(cage.mark_stack.len())
        };
        Marker {
            first,
            base,
            top: base,
            end: base.add(bytes),
            slices: Vec::new(),
            roots: Vec::new(),
            overflowed: false,
            rescan: None,
            recording: false,
            recorded: Vec::new(),
            newly_marked: None,
            bytes: 0,
            objects: 0,
            scanned: 0,
            sliced: 0,
        }
    }

    /// Whether the marker follows `value`.
    #[inline(always)]
    pub(crate) fn follows(&self, value: Value) -> bool {
        value.0 >= self.first
    }

    /// The values on the stack, and the objects of which slices are left, for the verifier; `None` after an
    /// overflow, when grey objects are not known.
    pub(crate) fn pending(
        &self,
    ) -> Option<(
        impl Iterator<Item = u32> + '_,
        impl Iterator<Item = u32> + '_,
    )> {
        if self.overflowed || self.rescan.is_some() {
            return None;
        }
        let count = (self.top.0 - self.base.0) / 4;
        let stack = (0..count).map(|i| self.base.add(4 * i).load_u32());
        let stack = stack.chain(self.roots.iter().copied());
        Some((stack, self.slices.iter().map(|s| s.0.0)))
    }

    /// Makes the object that `value` refers to grey, if it is one that this marker follows.
    #[inline(always)]
    pub(crate) fn push(&mut self, value: Value) {
        if self.follows(value) {
            if self.top == self.end {
                self.overflowed = true;
            } else {
                self.top.store_u32(value.0);
                self.top = self.top.add(4);
            }
        }
    }

    /// Like [`Marker::push`] for a root or the value of an ephemeron: no marked object leads to it, so it must
    /// not be dropped when the stack is full.
    #[inline(always)]
    pub(crate) fn push_root(&mut self, value: Value) {
        if self.follows(value) {
            if self.is_long() {
                self.roots.push(value.0);
            } else {
                self.push(value);
            }
        }
    }

    /// Whether the stack is more than half full.
    pub(crate) fn is_long(&self) -> bool {
        self.top.0 - self.base.0 > (self.end.0 - self.base.0) / 2
    }

    /// Work done so far, in bytes: what was marked, and what was only looked through.
    pub(crate) fn work(&self) -> usize {
        self.bytes - self.sliced + self.scanned
    }

    /// Marks until nothing is grey or about `budget` bytes of work have been done.
    pub(crate) fn drain(&mut self, cage: &Cage, pages: &mut PageTable, budget: usize) -> Progress {
        let budget_ends = self.work().saturating_add(budget);
        loop {
            // A stack of 64 entries overflows between any two steps: a rescan that stops would never come to its end.
            let stop_at = if cfg!(heaplab_tiny) && self.rescan.is_some() {
                usize::MAX
            } else {
                budget_ends
            };
            let marked_at_most = stop_at
                .saturating_sub(self.scanned)
                .saturating_add(self.sliced);
            // Recording and logging are rare and would slow down the common loop.
            let progress = if self.recording || self.newly_marked.is_some() {
                self.drain_stack::<true>(cage, pages, marked_at_most)
            } else {
                self.drain_stack::<false>(cage, pages, marked_at_most)
            };
            if progress == Progress::More {
                return Progress::More;
            }
            if let Some(root) = self.roots.pop() {
                self.push(Value(root));
            } else if let Some((value, next)) = self.slices.pop() {
                self.scan_slice(cage, pages, value, next);
            } else if let Some(page) = self.rescan {
                self.rescan_page(cage, pages, page);
            } else if std::mem::take(&mut self.overflowed) {
                // The semi-spaces lie below the old pages; in a marking of the whole heap they hold marked objects too.
                let first = Value(self.first).granule() / GRANULES_PER_PAGE;
                self.rescan = Some(first.min(pages.range().start));
            } else {
                return Progress::Done;
            }
            // An array whose elements are all marked, or a rescan that finds nothing, must end a step too.
            if self.work() >= stop_at {
                return Progress::More;
            }
        }
    }

    /// Marks what the stack leads to. What changes with every object is in registers: the top of the stack and the totals.
    fn drain_stack<const NOTING: bool>(
        &mut self,
        cage: &Cage,
        pages: &mut PageTable,
        stop_at: usize,
    ) -> Progress {
        let mut fifo = [0u32; FIFO];
        let mut oldest = 0;
        let mut waiting = 0;
        let (base, mut top) = (self.base, self.top);
        let mut bytes = self.bytes;
        loop {
            let due;
            if top > base {
                top = Addr(top.0 - 4);
                let value = top.load_u32();
                cage.addr(Value(value)).prefetch();
                mark_bit(cage, Value(value)).0.prefetch();
                if waiting < FIFO {
                    fifo[(oldest + waiting) % FIFO] = value;
                    waiting += 1;
                    continue;
                }
                due = std::mem::replace(&mut fifo[oldest], value);
            } else if waiting > 0 {
                // Nothing else to ask for: a list, whose next element is known only after this one.
                due = fifo[oldest];
                waiting -= 1;
            } else {
                self.top = top;
                self.bytes = bytes;
                return Progress::Done;
            }
            oldest = (oldest + 1) % FIFO;
            if !self.mark::<NOTING>(cage, pages, Value(due), &mut top, &mut bytes) {
                continue;
            }
            if bytes >= stop_at {
                self.top = top;
                self.bytes = bytes;
                for i in 0..waiting {
                    // It may be a root.
                    self.push_root(Value(fifo[(oldest + i) % FIFO]));
                }
                let empty = self.top == self.base
                    && self.roots.is_empty()
                    && self.slices.is_empty()
                    && self.rescan.is_none();
                return if empty && !self.overflowed {
                    Progress::Done
                } else {
                    Progress::More
                };
            }
        }
    }

    /// White → black: sets the mark bit, counts, pushes what the object refers to. `false` if it was black.
    #[inline(always)]
    fn mark<const NOTING: bool>(
        &mut self,
        cage: &Cage,
        pages: &mut PageTable,
        value: Value,
        top: &mut Addr,
        marked_bytes: &mut usize,
    ) -> bool {
        let (word, bit) = mark_bit(cage, value);
        let bits = word.load_u64();
        if bits & bit != 0 {
            return false;
        }
        word.store_u64(bits | bit);
        let at = cage.addr(value);
        let (first, mut slots, end) = slots_and_end(at, Descriptor(at.load_u32()));
        slots -= usize::from(slots > 2 && seeded::active(Bug::LastSlotNotMarked));
        let mut bytes = end.0 - at.0;
        bytes += 8 * usize::from(seeded::active_every(Bug::LiveBytesMiscounted, 11));
        *marked_bytes += bytes;
        self.objects += 1;
        let live = &mut pages.live_bytes[value.granule() / GRANULES_PER_PAGE];
        *live = live.wrapping_add(bytes as u32);
        if NOTING && let Some(log) = &mut self.newly_marked {
            log.push(value);
        }
        if slots > SLICE {
            self.sliced += 4 * slots;
            self.slices.push((value, 0));
            return true;
        }
        if NOTING {
            self.record_slots(pages, first, slots);
        }
        if self.end.0 - top.0 < 4 * slots {
            self.top = *top;
            self.push_one_by_one(first, slots);
            *top = self.top;
        } else {
            *top = push_followed(*top, first, slots, self.first);
        }
        true
    }

    /// White → black for an object of `bytes` bytes that is scanned elsewhere.
    #[inline(always)]
    pub(crate) fn mark_promoted(
        &mut self,
        cage: &Cage,
        pages: &mut PageTable,
        value: Value,
        bytes: usize,
    ) {
        let (word, bit) = mark_bit(cage, value);
        word.store_u64(word.load_u64() | bit);
        self.bytes += bytes;
        self.objects += 1;
        let live = &mut pages.live_bytes[value.granule() / GRANULES_PER_PAGE];
        *live = live.wrapping_add(bytes as u32);
    }

    /// Records the slots that refer to objects on evacuation candidates.
    fn record_slots(&mut self, pages: &PageTable, first: Addr, slots: usize) {
        if !self.recording {
            return;
        }
        for i in 0..slots {
            let slot = first.add(4 * i);
            let value = slot.value();
            if self.follows(value)
                && pages.is_candidate(value.granule() / GRANULES_PER_PAGE)
                && !seeded::active(Bug::EvacuationSlotMissed)
            {
                self.recorded.push(slot);
            }
        }
    }

    /// Pushes slots as far as there is room.
    #[cold]
    #[inline(never)]
    fn push_one_by_one(&mut self, first: Addr, slots: usize) {
        for i in 0..slots {
            self.push(first.add(4 * i).value());
        }
    }

    fn scan_slice(&mut self, cage: &Cage, pages: &PageTable, value: Value, next: u32) {
        let at = cage.addr(value);
        let (first, slots, _) = slots_and_end(at, Descriptor(at.load_u32()));
        let next = next as usize;
        let until = slots.min(next + SLICE);
        if until < slots {
            self.slices.push((value, until as u32));
        }
        self.scanned += 4 * (until - next);
        self.record_slots(pages, first.add(4 * next), until - next);
        let (first, slots) = (first.add(4 * next), until - next);
        if self.end.0 - self.top.0 < 4 * slots {
            self.push_one_by_one(first, slots);
        } else {
            // Backwards, so that they are marked in the order of the array, which is mostly that of their addresses.
            for i in (0..slots).rev() {
                let value = first.add(4 * i).load_u32();
                self.top.store_u32(value);
                self.top = self.top.add(4 * self.follows(Value(value)) as usize);
            }
        }
    }

    /// After an overflow: pushes the unmarked targets of the marked objects of a page, and goes on to the next one.
    ///
    /// When the stack is full, the page is looked through again after what is on the stack has been marked. What is
    /// marked meanwhile pushes its own targets; if those do not fit, another rescan follows this one.
    fn rescan_page(&mut self, cage: &Cage, pages: &PageTable, page: usize) {
        for granule in marked_granules(cage, page) {
            let at = cage.addr(Value::from_granule(granule));
            let (first, slots, _) = slots_and_end(at, Descriptor(at.load_u32()));
            self.scanned += HEADER_BYTES + 4 * slots;
            for i in 0..slots {
                let value = first.add(4 * i).value();
                if self.follows(value) {
                    let (word, bit) = mark_bit(cage, value);
                    if word.load_u64() & bit == 0 {
                        if self.top == self.end {
                            return;
                        }
                        self.push(value);
                    }
                }
            }
        }
        self.rescan = Some(page + 1).filter(|&next| next < pages.range().end);
    }
}

/// Pushes the slots that refer to `followed` or above onto a stack that has room for all of them; returns its new top.
///
/// Branch-free: every value is written, the top moves only over those that are followed.
#[inline(always)]
fn push_followed(mut top: Addr, first: Addr, slots: usize, followed: u32) -> Addr {
    for i in 0..slots {
        let value = first.add(4 * i).load_u32();
        top.store_u32(value);
        top = top.add(4 * (value >= followed) as usize);
    }
    top
}

/// Granule numbers of the marked objects that start in a page, in address order.
pub(crate) fn marked_granules(cage: &Cage, page: usize) -> impl Iterator<Item = usize> + '_ {
    let (words, count) = mark_words(cage, page);
    (0..count).flat_map(move |w| {
        let mut bits = words.add(8 * w).load_u64();
        std::iter::from_fn(move || {
            if bits == 0 {
                return None;
            }
            let bit = bits.trailing_zeros() as usize;
            bits &= bits - 1;
            Some(page * GRANULES_PER_PAGE + w * 64 + bit)
        })
    })
}
