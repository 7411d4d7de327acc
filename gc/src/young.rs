//! The young generation: two equal semi-spaces side by side, so that "is it young?" is one compare.
//!
//! Objects are born in to-space by bumping `top`. A scavenge flips the halves and copies survivors into the
//! new to-space; what lay below the *age mark* has then survived twice and is promoted instead (V8's rule).
//! The halves stay mapped and touched: page faults cost more than copying.

use crate::cage::{Addr, Cage, GROUP_BYTES};
use crate::value::{GRANULE, Value};
use std::io;

/// The semi-spaces. The first fields are those of [`Core`](crate::heap::Core)'s first line.
#[repr(C)]
pub(crate) struct Young {
    /// Next free byte of to-space, and where allocation must stop to ask (less than its end under stress).
    pub(crate) top: Addr,
    pub(crate) limit: Addr,
    /// End of the upper half with what it may still grow into.
    end: Addr,
    /// Granules in both halves with what they may still grow into: `value - FIRST < span` is "young".
    pub(crate) span: u32,
    /// Reference to the first granule behind them, where old and large pages begin.
    pub(crate) first_old: u32,
    /// Classes of objects that are born old: one bit each, see [`crate::pretenure`].
    pub(crate) born_old: u64,
    /// Start of the lower half; the upper one starts `reserve` bytes later.
    base: Addr,
    reserve: usize,
    upper_is_to: bool,
    /// Bytes of each half that are in use.
    pub(crate) capacity: usize,
    pub(crate) max_capacity: usize,
    /// Objects below it have survived a scavenge.
    pub(crate) age_mark: Addr,
    committed: [usize; 2],
    /// Bytes of to-space that may not be used, because as much was born old since the last scavenge.
    given_up: usize,
    /// The same, between the two scavenges before.
    pub(crate) last_given_up: usize,
}

impl Young {
    /// Where the semi-spaces start in the cage: behind the permanent objects.
    pub(crate) const OFFSET: usize = GROUP_BYTES;
    /// Reference to the first young granule: a constant, because the write barrier compares with it.
    pub(crate) const FIRST: u32 = Value::from_granule(Young::OFFSET / GRANULE).0;

    /// Bytes of address space for two halves of at most `max_capacity`.
    pub(crate) fn reserve_bytes(max_capacity: usize) -> usize {
        2 * max_capacity.next_multiple_of(GROUP_BYTES)
    }

    pub(crate) fn new(cage: &mut Cage, initial: usize, max: usize) -> io::Result<Young> {
        let reserve = max.next_multiple_of(GROUP_BYTES);
        let base = cage.at(Young::OFFSET);
        let mut young = Young {
            top: base,
            limit: base,
            base,
            reserve,
            end: base.add(2 * reserve),
            upper_is_to: false,
            capacity: initial,
            max_capacity: max,
            age_mark: base,
            first_old: Young::FIRST + (2 * reserve / GRANULE) as u32,
            span: (2 * reserve / GRANULE) as u32,
            committed: [0; 2],
            born_old: 0,
            given_up: 0,
            last_given_up: 0,
        };
        young.commit(cage, initial)?;
        young.limit = young.to_space_start().add(initial);
        Ok(young)
    }

    /// Room for `bytes` where allocation need not ask.
    #[inline(always)]
    pub(crate) fn bump(&mut self, bytes: usize) -> Option<Addr> {
        let at = self.top;
        let end = at.add(bytes);
        if end > self.limit {
            return None;
        }
        self.top = end;
        Some(at)
    }

    fn half(&self, upper: bool) -> Addr {
        if upper {
            self.base.add(self.reserve)
        } else {
            self.base
        }
    }

    pub(crate) fn to_space_start(&self) -> Addr {
        self.half(self.upper_is_to)
    }

    #[allow(
        clippy::wrong_self_convention,
        reason = "from-space is the literature's word, no conversion"
    )]
    pub(crate) fn from_space_start(&self) -> Addr {
        self.half(!self.upper_is_to)
    }

    pub(crate) fn to_end(&self) -> Addr {
        self.to_space_start().add(self.capacity)
    }

    /// Where allocation must stop until the next scavenge.
    pub(crate) fn room_end(&self) -> Addr {
        Addr(self.to_end().0 - self.given_up).max(self.top)
    }

    /// Whether allocation need not ask before `bytes` more.
    #[inline(always)]
    pub(crate) fn has_room(&self, bytes: usize) -> bool {
        self.top.add(bytes) <= self.limit
    }

    /// Gives up `bytes` of the room, for an object that was born old instead: collections and steps of marking come as
    /// often as if it were young.
    #[inline(always)]
    pub(crate) fn give_up(&mut self, bytes: usize) {
        self.limit = Addr(self.limit.0 - bytes);
        self.given_up += bytes;
    }

    /// Bytes that were born old since the last scavenge.
    pub(crate) fn given_up(&self) -> usize {
        self.given_up
    }

    /// Bytes allocated in to-space.
    pub(crate) fn used(&self) -> usize {
        self.top.0 - self.to_space_start().0
    }

    pub(crate) fn committed_bytes(&self) -> usize {
        self.committed[0] + self.committed[1]
    }

    /// Whether `value` refers into either half.
    #[inline(always)]
    pub(crate) fn holds(&self, value: Value) -> bool {
        value.0.wrapping_sub(Young::FIRST) < self.span
    }

    /// Whether the slot at `addr` lies in either half. Old and large pages come after them; the permanent objects,
    /// which come before, have no slots.
    #[inline(always)]
    pub(crate) fn contains(&self, addr: Addr) -> bool {
        addr < self.end
    }

    /// Exchanges the halves; returns the extent of what is now from-space.
    pub(crate) fn flip(&mut self) -> (Addr, usize) {
        let used = self.used();
        self.upper_is_to = !self.upper_is_to;
        self.top = self.to_space_start();
        self.last_given_up = std::mem::take(&mut self.given_up);
        self.limit = self.to_end();
        self.top.permit(self.capacity);
        (self.from_space_start(), used)
    }

    fn commit(&mut self, cage: &mut Cage, capacity: usize) -> io::Result<()> {
        for upper in [false, true] {
            let start = cage.offset(self.half(upper));
            cage.commit(start, capacity)?;
            self.committed[upper as usize] = capacity.next_multiple_of(GROUP_BYTES);
        }
        Ok(())
    }

    /// Makes both halves `capacity` bytes; to-space must fit. Keeps the old size if the system refuses.
    pub(crate) fn resize(&mut self, cage: &mut Cage, capacity: usize) -> bool {
        debug_assert!(capacity <= self.max_capacity && self.used() <= capacity);
        if capacity > self.capacity && self.commit(cage, capacity).is_err() {
            return false;
        }
        if capacity < self.capacity {
            for upper in [false, true] {
                let keep = capacity.next_multiple_of(GROUP_BYTES);
                let committed = self.committed[upper as usize];
                if keep < committed {
                    cage.decommit(cage.offset(self.half(upper)) + keep, committed - keep);
                    self.committed[upper as usize] = keep;
                }
            }
        }
        self.capacity = capacity;
        self.limit = self.room_end();
        self.to_space_start().permit(capacity);
        self.from_space_start().forbid(capacity);
        true
    }
}
