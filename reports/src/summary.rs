//! A run in the few numbers that people compare: for the head of a page, a table, or `--format json`.

use serde::Serialize;

use crate::record::{Event, GcKind, GcTotals, Outcome, RunRecord};
use crate::stats::{PauseSummary, Trend, Utilisation, Verdict, trend};

/// A run in a few numbers.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RunSummary {
    /// The workload's name.
    pub workload: String,
    /// The cure's name, or `leak`.
    pub variant: String,
    /// How it ended: `completed`, `heap_limit`, `interrupted`, `failed` or `running`.
    pub outcome: &'static str,
    /// Ticks that were run.
    pub ticks: u64,
    /// Time they took, µs on the policy clock.
    pub time_us: u64,
    /// Limit on the old generation.
    pub max_old_space_bytes: u64,
    /// Limit on what objects hold outside the heap, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_external_bytes: Option<u64>,
    /// The most the old generation held, large objects included.
    pub peak_old_bytes: u64,
    /// The most that was used inside the heap.
    pub peak_used_bytes: u64,
    /// The most that was committed for it.
    pub peak_committed_bytes: u64,
    /// The most that was held outside it.
    pub peak_external_bytes: u64,
    /// The largest resident size of the process; 0 if never measured.
    pub peak_resident_bytes: u64,
    /// Bytes allocated in the heap.
    pub allocated_bytes: u64,
    /// Where the live heap was heading; absent when there is too little to go by, as with growth that may be
    /// garbage because too few major collections took place.
    pub trend: Option<Trend>,
    /// Minor collections.
    pub minor: GcTotals,
    /// Major collections.
    pub major: GcTotals,
    /// All pauses.
    pub pauses: PauseSummary,
    /// Share of the time that was left to the program, 0 to 1; incremental steps count as collecting.
    pub utilisation: f64,
}

/// Where memory is that has a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In the old generation, large objects included.
    OldGeneration,
    /// Outside the heap, held by objects in it.
    Outside,
}

impl Place {
    /// After a size: `5 MB of old generation`.
    pub fn after_of(self) -> &'static str {
        match self {
            Self::OldGeneration => "of old generation",
            Self::Outside => "outside the heap",
        }
    }

    /// Before the size of a limit.
    pub fn limit_label(self) -> &'static str {
        match self {
            Self::OldGeneration => "old-generation limit",
            Self::Outside => "limit outside the heap",
        }
    }

    /// Before a verb: `the old generation held 5 MB`.
    pub fn holder(self) -> &'static str {
        match self {
            Self::OldGeneration => "the old generation",
            Self::Outside => "memory outside the heap",
        }
    }

    /// Before a verb, what a trend is about where this is the place to watch: `the live heap grew by 300 bytes per tick`.
    pub fn live(self) -> &'static str {
        match self {
            Self::OldGeneration => "the live heap",
            Self::Outside => "live memory in and outside the heap",
        }
    }
}

/// How near a run came to a limit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pressure {
    /// What the limit is about.
    pub place: Place,
    /// The most that was there.
    pub peak_bytes: u64,
    /// The limit; 0: none.
    pub limit_bytes: u64,
}

impl Pressure {
    /// The share of the limit that was used; 0 without a limit.
    pub fn share(&self) -> f64 {
        match self.limit_bytes {
            0 => 0.0,
            limit => self.peak_bytes as f64 / limit as f64,
        }
    }
}

impl RunSummary {
    /// The most that was at `place`.
    pub fn peak_bytes_at(&self, place: Place) -> u64 {
        match place {
            Place::OldGeneration => self.peak_old_bytes,
            Place::Outside => self.peak_external_bytes,
        }
    }

    /// The summary of `run`.
    pub fn of(run: &RunRecord) -> Self {
        let (info, totals) = (&run.info, &run.info.totals);
        let last = run.collections().map(|gc| gc.end_us()).max().unwrap_or(0);
        let span_ns = info.end.time_us.max(last).saturating_mul(1000);
        let steps = totals
            .minor
            .incremental_ns
            .saturating_add(totals.major.incremental_ns);
        let pauses = Utilisation::of(run.collections(), span_ns).overall();
        let utilisation = if span_ns == 0 {
            1.0
        } else {
            pauses - steps as f64 / span_ns as f64
        };
        let old = run.events.iter().map(|event| match event {
            Event::Gc(gc) => gc
                .before
                .old_generation_bytes()
                .max(gc.after.old_generation_bytes()),
            Event::Sample(sample) => sample.heap.old_generation_bytes(),
            Event::Snapshot(_) | Event::Note(_) => 0,
        });
        Self {
            workload: info.workload.name.clone(),
            variant: info.variant().to_owned(),
            outcome: info.end.outcome.name(),
            ticks: info.end.ticks,
            time_us: info.end.time_us,
            max_old_space_bytes: info.limits.max_old_space_bytes,
            max_external_bytes: info.limits.max_external_bytes,
            peak_old_bytes: old.max().unwrap_or(0),
            peak_used_bytes: totals.peak_used_bytes,
            peak_committed_bytes: totals.peak_committed_bytes,
            peak_external_bytes: totals.peak_external_bytes,
            peak_resident_bytes: totals.peak_resident_bytes,
            allocated_bytes: totals.allocated_bytes,
            trend: trend(
                &run.events,
                info.limits.max_old_space_bytes,
                info.limits.max_external_bytes,
            )
            .filter(|trend| trend.certain || trend.verdict != Verdict::Growing),
            minor: totals.minor,
            major: totals.major,
            pauses: PauseSummary::of(run.collections().map(|gc| gc.total_ns)),
            utilisation: utilisation.clamp(0.0, 1.0),
        }
    }

    /// What came nearest to its limit: the old generation, or memory outside the heap.
    pub fn pressure(&self) -> Pressure {
        let old = Pressure {
            place: Place::OldGeneration,
            peak_bytes: self.peak_old_bytes,
            limit_bytes: self.max_old_space_bytes,
        };
        let outside = Pressure {
            place: Place::Outside,
            peak_bytes: self.peak_external_bytes,
            limit_bytes: self.max_external_bytes.unwrap_or(0),
        };
        if outside.share() > old.share() {
            outside
        } else {
            old
        }
    }

    /// Every tick was run.
    pub fn completed(&self) -> bool {
        self.outcome == Outcome::Completed.name()
    }

    /// The heap became full.
    pub fn limit_reached(&self) -> bool {
        self.outcome == "heap_limit"
    }

    /// The totals of one kind.
    pub fn of_kind(&self, kind: GcKind) -> &GcTotals {
        match kind {
            GcKind::Minor => &self.minor,
            GcKind::Major => &self.major,
        }
    }
}
