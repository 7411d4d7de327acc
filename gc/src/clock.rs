//! Two clocks: one that decisions read, one that only fills duration fields.
//!
//! Pacing, growth and ages read the *policy clock*. With [`RealClock`] it is the time of day; with
//! [`VirtualClock`] it advances by a documented cost per unit of work, so that the same program on the same
//! seed takes the same decisions on every machine, byte for byte. The *stopwatch* measures how long
//! something took; no decision depends on it. On the virtual clock both are the same.
//!
//! The heap reads its clock at the ends of pauses, phases and steps and charges it in slow paths only: never
//! once per object.

use crate::system::thread_cpu_ns;
use std::fmt;
use std::time::Instant;

/// What a [`VirtualClock`] is charged for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Work {
    /// Ticks of the embedder: the time it spends outside the heap.
    Tick,
    /// Bytes allocated.
    Allocated,
    /// Bytes copied or promoted by a scavenge, or evacuated by a compaction.
    Copied,
    /// Bytes of objects marked.
    Marked,
    /// Bytes of pages swept.
    Swept,
    /// Pauses: what each costs whatever it finds (roots, flipping, bookkeeping).
    Pause,
    /// Slots of the remembered set or of evacuation visited.
    Slots,
}

/// Where the heap gets its time from. Times are nanoseconds since the clock was made and never go back.
pub trait Clock {
    /// The time that decisions read.
    fn policy_now(&self) -> u64;

    /// The time that only fills duration fields.
    fn stopwatch_now(&self) -> u64;

    /// Processor time of the calling thread, for duration fields too: on a shared core it does not count the time in
    /// which others had their turn. The stopwatch, where it is not known.
    fn thread_cpu_now(&self) -> u64 {
        self.stopwatch_now()
    }

    /// Tells the clock that work was done: `amount` in the unit of `work`. A real clock ignores it.
    fn charge(&mut self, work: Work, amount: u64);

    /// Whether time is virtual, so that durations are not measurements.
    fn is_virtual(&self) -> bool;
}

/// The machine's monotonic clock.
#[derive(Clone, Copy, Debug)]
pub struct RealClock {
    start: Instant,
}

impl RealClock {
    /// A clock that starts now.
    pub fn new() -> Self {
        Self {
            start: Instant::now(),
        }
    }
}

impl Default for RealClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for RealClock {
    fn policy_now(&self) -> u64 {
        // 2⁶⁴ ns are 584 years.
        self.start.elapsed().as_nanos() as u64
    }

    fn stopwatch_now(&self) -> u64 {
        self.policy_now()
    }

    fn thread_cpu_now(&self) -> u64 {
        match thread_cpu_ns() {
            0 => self.stopwatch_now(),
            ns => ns,
        }
    }

    fn charge(&mut self, _work: Work, _amount: u64) {}

    fn is_virtual(&self) -> bool {
        false
    }
}

/// What each unit of work costs on a [`VirtualClock`], in picoseconds.
///
/// The defaults are round numbers near what a 2020s server core reaches; their ratios matter, not their size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Costs {
    /// Per tick: 100 µs.
    pub tick: u64,
    /// Per byte allocated: 0.1 ns (10 GB/s).
    pub allocated_byte: u64,
    /// Per byte copied: 0.5 ns (2 GB/s).
    pub copied_byte: u64,
    /// Per byte of marked objects: 0.3 ns (17 to 20 ns for an object of 64 bytes).
    pub marked_byte: u64,
    /// Per byte of pages swept: 0.02 ns (50 GB/s).
    pub swept_byte: u64,
    /// Per pause: 20 µs.
    pub pause: u64,
    /// Per slot visited: 5 ns.
    pub slot: u64,
}

impl Default for Costs {
    fn default() -> Self {
        Self {
            tick: 100_000_000,
            allocated_byte: 100,
            copied_byte: 500,
            marked_byte: 300,
            swept_byte: 20,
            pause: 20_000_000,
            slot: 5_000,
        }
    }
}

impl Costs {
    /// Picoseconds per unit of `work`.
    pub fn of(&self, work: Work) -> u64 {
        match work {
            Work::Tick => self.tick,
            Work::Allocated => self.allocated_byte,
            Work::Copied => self.copied_byte,
            Work::Marked => self.marked_byte,
            Work::Swept => self.swept_byte,
            Work::Pause => self.pause,
            Work::Slots => self.slot,
        }
    }
}

/// A clock that advances by work, not by time.
#[derive(Clone, Copy, Debug, Default)]
pub struct VirtualClock {
    costs: Costs,
    /// Picoseconds: 2⁶⁴ of them are 213 days of virtual time; the clock stops there.
    now: u64,
}

impl VirtualClock {
    /// A clock at zero with the default [`Costs`].
    pub fn new() -> Self {
        Self::default()
    }

    /// A clock at zero with other costs.
    pub fn with_costs(costs: Costs) -> Self {
        Self { costs, now: 0 }
    }
}

impl Clock for VirtualClock {
    fn policy_now(&self) -> u64 {
        self.now / 1000
    }

    fn stopwatch_now(&self) -> u64 {
        self.policy_now()
    }

    fn charge(&mut self, work: Work, amount: u64) {
        self.now = self
            .now
            .saturating_add(self.costs.of(work).saturating_mul(amount));
    }

    fn is_virtual(&self) -> bool {
        true
    }
}

impl fmt::Debug for dyn Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.is_virtual() { "virtual" } else { "real" };
        write!(f, "{kind} clock at {} ns", self.policy_now())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn virtual_time_is_the_sum_of_charges() {
        let mut clock = VirtualClock::new();
        assert_eq!(clock.policy_now(), 0);
        clock.charge(Work::Tick, 2);
        assert_eq!(clock.policy_now(), 200_000);
        clock.charge(Work::Copied, 1 << 20);
        assert_eq!(clock.policy_now(), 200_000 + (1 << 19));
        assert_eq!(clock.stopwatch_now(), clock.policy_now());
        assert_eq!(clock.thread_cpu_now(), clock.policy_now());
    }

    #[test]
    fn small_charges_add_up() {
        let mut clock = VirtualClock::new();
        for _ in 0..1000 {
            clock.charge(Work::Swept, 1);
        }
        assert_eq!(clock.policy_now(), 20);
    }

    #[test]
    fn virtual_time_stops_at_its_end_instead_of_going_back() {
        let mut clock = VirtualClock::new();
        clock.charge(Work::Tick, u64::MAX);
        let end = clock.policy_now();
        clock.charge(Work::Marked, u64::MAX);
        assert_eq!(clock.policy_now(), end);
    }

    #[test]
    fn real_time_does_not_go_back_and_is_not_charged() {
        let mut clock = RealClock::new();
        let before = clock.policy_now();
        clock.charge(Work::Tick, u64::MAX);
        let after = clock.stopwatch_now();
        assert!(after >= before);
        assert!(clock.thread_cpu_now() > 0);
        assert!(!clock.is_virtual());
    }
}
