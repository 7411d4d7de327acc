//! When incremental marking starts, how much each step marks, and when it must end.

use crate::options::{KB, MB};

/// Old generations below this are marked in one pause (V8).
pub const ACTIVATION_THRESHOLD: usize = 8 * MB;
/// Young allocation between two steps, in bytes (V8).
pub const YOUNG_STEP_INTERVAL: usize = 64 * KB;
/// Old allocation between two steps, in bytes (V8).
pub const OLD_STEP_INTERVAL: usize = 256 * KB;
/// When a step ends, in ns: the clock is looked at after each piece of work, which may take a tenth of a millisecond, and
/// no step shall last longer than a whole one. V8 allows 5 ms to steps on allocation and 1 ms to those of tasks.
pub const MAX_STEP_NS: u64 = 900_000;
/// Time in which marking should be done, in ns (V8).
pub const MARKING_TIME_NS: u64 = 500_000_000;
/// Least bytes of a step, so that marking ends even when it is ahead of its schedule (V8).
pub const MIN_STEP_BYTES: usize = 64 * KB;
/// Share of the room left at the start that may be allocated while marking: the rest is a reserve.
const ROOM_SHARE: f64 = 0.75;

/// How urgently the old generation needs a major collection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Trigger {
    /// Not at all.
    None,
    /// Soon: start marking in steps.
    Soft,
    /// At once: the limit is reached.
    Hard,
}

/// V8's rule: nothing while more than a semi-space of room is left before the limit; a soft start within it;
/// a hard one at the limit. An old generation below [`ACTIVATION_THRESHOLD`] has no soft start.
pub fn trigger(old_generation_bytes: usize, limit: usize, semi_space_capacity: usize) -> Trigger {
    let room = limit.saturating_sub(old_generation_bytes);
    if room == 0 {
        Trigger::Hard
    } else if room <= semi_space_capacity && old_generation_bytes >= ACTIVATION_THRESHOLD {
        Trigger::Soft
    } else {
        Trigger::None
    }
}

/// V8's rule for giving up on steps: the limit is passed by half of it (at least 32 MB), or by half of what
/// is left up to the maximum, whichever is less.
pub fn overshot_by_large_margin(old_generation_bytes: usize, limit: usize, max: usize) -> bool {
    let overshoot = old_generation_bytes.saturating_sub(limit);
    if overshoot == 0 {
        return false;
    }
    overshoot >= (limit / 2).max(32 * MB).min(max.saturating_sub(limit) / 2)
}

/// How much one step may do: whichever comes first ends it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StepBudget {
    /// Bytes of objects to mark.
    pub bytes: usize,
    /// Longest duration, in ns of the policy clock.
    pub ns: u64,
}

/// The schedule of one cycle of marking.
///
/// Two lines say how much should be marked by now; a step marks up to the higher one.
///
/// * By time (V8): all of the live estimate in [`MARKING_TIME_NS`].
/// * By allocation: all of it before three quarters of the room that was left at the start are used up. A
///   mutator that allocates quickly then pays in proportion, instead of passing the limit.
#[derive(Clone, Copy, Debug)]
pub struct MarkingSchedule {
    start_ns: u64,
    start_bytes: usize,
    room: usize,
    marked_bytes: usize,
}

impl MarkingSchedule {
    /// A cycle that starts at `now_ns` with `old_generation_bytes` allocated and `room` bytes left before
    /// the limit.
    pub fn new(now_ns: u64, old_generation_bytes: usize, room: usize) -> Self {
        Self {
            start_ns: now_ns,
            start_bytes: old_generation_bytes,
            room,
            marked_bytes: 0,
        }
    }

    /// Bytes marked so far.
    pub fn marked_bytes(&self) -> usize {
        self.marked_bytes
    }

    /// Time since the start, in ns.
    pub fn elapsed_ns(&self, now_ns: u64) -> u64 {
        now_ns.saturating_sub(self.start_ns)
    }

    /// Takes note of marked bytes.
    pub fn record(&mut self, bytes: usize) {
        self.marked_bytes += bytes;
    }

    /// Bytes that should be marked by now if `live_estimate` bytes are live.
    pub fn expected_bytes(
        &self,
        now_ns: u64,
        live_estimate: usize,
        old_generation_bytes: usize,
    ) -> usize {
        let by_time = self.elapsed_ns(now_ns) as f64 / MARKING_TIME_NS as f64;
        let allocated = old_generation_bytes.saturating_sub(self.start_bytes) as f64;
        let room = self.room as f64 * ROOM_SHARE;
        let by_allocation = if room > 0.0 { allocated / room } else { 1.0 };
        (live_estimate as f64 * by_time.max(by_allocation).min(1.0)) as usize
    }

    /// What the next step may do.
    ///
    /// `live_estimate` is what the cycle is expected to mark in all: the live bytes that the last major
    /// collection found and what was promoted since.
    pub fn next_step(
        &self,
        now_ns: u64,
        live_estimate: usize,
        old_generation_bytes: usize,
    ) -> StepBudget {
        let expected = self.expected_bytes(now_ns, live_estimate, old_generation_bytes);
        StepBudget {
            bytes: expected
                .saturating_sub(self.marked_bytes)
                .max(MIN_STEP_BYTES),
            ns: MAX_STEP_NS,
        }
    }
}
