//! How long a run is, how often it is sampled, when snapshots are due.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// Samples that a run is to have, about.
const SAMPLES: u64 = 500;
/// Ticks after which a heap is warm, if the workload does not say.
const WARM_UP: u64 = 1000;

/// When a run is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Length {
    /// After so many ticks.
    Ticks(u64),
    /// After so much time on the policy clock.
    Time(Duration),
}

/// How a workload is run.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RunOptions {
    /// When the run is over.
    pub length: Length,
    /// Seed of the workload's random numbers.
    pub seed: u64,
    /// Ticks from one sample to the next. `None`: so many that a run of full length has about 500 samples.
    pub sample_every: Option<u64>,
    /// When snapshots are due.
    pub snapshots: SnapshotSchedule,
    /// Ticks after which the snapshot `start` is due.
    pub warm_up: u64,
}

impl RunOptions {
    /// A run of so many ticks: seed 1, no snapshots.
    pub fn ticks(ticks: u64) -> Self {
        Self::new(Length::Ticks(ticks))
    }

    /// A run of so much time on the policy clock: seed 1, no snapshots.
    pub fn time(time: Duration) -> Self {
        Self::new(Length::Time(time))
    }

    /// A run of some length: seed 1, no snapshots.
    pub fn new(length: Length) -> Self {
        Self {
            length,
            seed: 1,
            sample_every: None,
            snapshots: SnapshotSchedule::default(),
            warm_up: WARM_UP,
        }
    }

    /// The same run with another seed.
    #[must_use]
    pub fn with_seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// The same run with a sample every so many ticks (at least one).
    #[must_use]
    pub fn with_sample_every(mut self, ticks: u64) -> Self {
        self.sample_every = Some(ticks.max(1));
        self
    }

    /// The same run with snapshots.
    #[must_use]
    pub fn with_snapshots(mut self, snapshots: SnapshotSchedule) -> Self {
        self.snapshots = snapshots;
        self
    }

    /// The same run with the snapshot `start` after so many ticks.
    #[must_use]
    pub fn with_warm_up(mut self, ticks: u64) -> Self {
        self.warm_up = ticks;
        self
    }

    /// How far apart samples are.
    pub(super) fn sampling(&self) -> Sampling {
        match (self.sample_every, self.length) {
            (Some(ticks), _) => Sampling::Ticks(ticks.max(1)),
            (None, Length::Ticks(ticks)) => Sampling::Ticks((ticks / SAMPLES).max(1)),
            (None, Length::Time(time)) => {
                Sampling::Nanoseconds((nanoseconds(time) / SAMPLES).max(1))
            }
        }
    }

    /// The tick after which the snapshot `start` is due: a run shorter than its warm-up has one too.
    pub(super) fn start_tick(&self) -> u64 {
        match self.length {
            Length::Ticks(ticks) => self.warm_up.min(ticks),
            Length::Time(_) => self.warm_up,
        }
    }
}

/// Nanoseconds of a duration; 584 years are long enough.
pub(super) fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// How far apart samples are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sampling {
    Ticks(u64),
    Nanoseconds(u64),
}

/// Why a snapshot is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SnapshotReason {
    /// The heap is warm: something to compare later snapshots with.
    Start,
    /// A tick that the schedule names.
    Tick,
    /// An allocation was about to fail: taken inside the heap's near-limit callback, in the middle of a tick.
    NearHeapLimit,
    /// The heap's limit was reached.
    Limit,
    /// The observer asked for it ([`RunObserver::snapshot_wanted`](super::RunObserver::snapshot_wanted)).
    Requested,
    /// The run is over.
    End,
}

impl SnapshotReason {
    /// A word for file names: `start`, `tick`, `near-heap-limit`, `limit`, `requested`, `end`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Tick => "tick",
            Self::NearHeapLimit => "near-heap-limit",
            Self::Limit => "limit",
            Self::Requested => "requested",
            Self::End => "end",
        }
    }
}

/// When snapshots are due. Written `start,limit,end,5000`: words and tick numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SnapshotSchedule {
    /// When the heap is warm.
    pub start: bool,
    /// At the heap's limit.
    pub limit: bool,
    /// When the run is over, however it ended; but not after one at the limit.
    pub end: bool,
    /// After these ticks.
    pub ticks: BTreeSet<u64>,
    /// At most so many more, each when an allocation is about to fail, as with Node's `--heapsnapshot-near-heap-limit`.
    ///
    /// As in Node the run then goes on: each of them raises the heap's limit by the size of a full young generation (three
    /// semi-spaces), and the first limit holds again when a collection leaves less than 95 % of it. Node needs the room
    /// for the snapshot itself; here it is what makes the next snapshot another one. Taken only if the observer has a
    /// [`NearLimitObserver`](super::NearLimitObserver).
    pub near_heap_limit: u32,
}

impl SnapshotSchedule {
    /// No snapshots.
    pub fn none() -> Self {
        Self::default()
    }

    /// `start,limit,end`.
    pub fn usual() -> Self {
        Self {
            start: true,
            limit: true,
            end: true,
            ..Self::default()
        }
    }
}

impl FromStr for SnapshotSchedule {
    type Err = ScheduleError;

    /// Words and tick numbers, separated by commas; `none` for no snapshot.
    fn from_str(text: &str) -> Result<Self, ScheduleError> {
        let mut schedule = Self::default();
        if text.trim() == "none" {
            return Ok(schedule);
        }
        for moment in text.split(',').map(str::trim) {
            match moment {
                "start" => schedule.start = true,
                "limit" => schedule.limit = true,
                "end" => schedule.end = true,
                tick => {
                    let tick = tick.replace('_', "").parse().map_err(|_| ScheduleError {
                        given: moment.to_owned(),
                    })?;
                    schedule.ticks.insert(tick);
                }
            }
        }
        Ok(schedule)
    }
}

impl fmt::Display for SnapshotSchedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = [
            (self.start, "start"),
            (self.limit, "limit"),
            (self.end, "end"),
        ];
        let words = words.iter().filter(|(due, _)| *due);
        let moments: Vec<String> = words
            .map(|(_, word)| (*word).to_owned())
            .chain(self.ticks.iter().map(u64::to_string))
            .collect();
        if moments.is_empty() {
            f.write_str("none")
        } else {
            f.write_str(&moments.join(","))
        }
    }
}

/// A moment that is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "'{given}' is no moment for a snapshot: give start, limit, end or tick numbers, separated by commas, or none"
)]
pub struct ScheduleError {
    /// What was given.
    pub given: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schedules_are_read_and_printed() {
        let schedule: SnapshotSchedule = "start, limit,5_000,end,12".parse().expect("a schedule");
        assert!(schedule.start && schedule.limit && schedule.end);
        assert_eq!(schedule.ticks, BTreeSet::from([12, 5000]));
        assert_eq!(schedule.to_string(), "start,limit,end,12,5000");
        assert_eq!("none".parse(), Ok(SnapshotSchedule::none()));
        assert_eq!(SnapshotSchedule::none().to_string(), "none");
        assert_eq!(SnapshotSchedule::usual().to_string(), "start,limit,end");
        let error = "begin".parse::<SnapshotSchedule>().expect_err("no moment");
        assert!(error.to_string().starts_with("'begin' is no moment"));
        assert!("".parse::<SnapshotSchedule>().is_err());
    }

    #[test]
    fn a_run_has_about_five_hundred_samples() {
        assert_eq!(RunOptions::ticks(400_000).sampling(), Sampling::Ticks(800));
        assert_eq!(RunOptions::ticks(3).sampling(), Sampling::Ticks(1));
        let second = RunOptions::time(Duration::from_secs(1));
        assert_eq!(second.sampling(), Sampling::Nanoseconds(2_000_000));
        let chosen = second.with_sample_every(0);
        assert_eq!(chosen.sampling(), Sampling::Ticks(1));
    }

    #[test]
    fn a_short_run_starts_with_its_end() {
        assert_eq!(RunOptions::ticks(10).start_tick(), 10);
        assert_eq!(RunOptions::ticks(10_000).start_tick(), WARM_UP);
        assert_eq!(RunOptions::ticks(10_000).with_warm_up(5).start_tick(), 5);
    }
}
