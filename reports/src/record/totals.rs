//! Sums over a run's events.

use serde::{Deserialize, Serialize};

use super::event::{Event, GcEvent, GcKind};

/// What the events of a run add up to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Totals {
    /// Minor collections.
    pub minor: GcTotals,
    /// Major collections.
    pub major: GcTotals,
    /// The most bytes used inside the heap that any event saw.
    pub peak_used_bytes: u64,
    /// The most bytes committed that any event saw.
    pub peak_committed_bytes: u64,
    /// The most external bytes that any event saw.
    pub peak_external_bytes: u64,
    /// The largest resident size of the process that any sample saw; 0 when never measured.
    pub peak_resident_bytes: u64,
    /// Bytes allocated in the heap over the run, as far as the events show.
    pub allocated_bytes: u64,
    /// Samples taken.
    pub samples: u64,
    /// Notes written.
    pub notes: u64,
}

/// What the collections of one kind add up to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct GcTotals {
    /// How many.
    pub count: u64,
    /// Time the mutator stood still in them.
    pub total_ns: u64,
    /// The longest of them.
    pub longest_ns: u64,
    /// Time in incremental steps outside the pauses, those of abandoned cycles included.
    pub incremental_ns: u64,
    /// Bytes they won back: used before less used after.
    pub reclaimed_bytes: u64,
    /// Bytes copied inside the young generation.
    pub copied_bytes: u64,
    /// Bytes promoted.
    pub promoted_bytes: u64,
    /// Bytes marked.
    pub marked_bytes: u64,
}

impl Totals {
    /// The sums over `events`.
    pub fn of<'a>(events: impl IntoIterator<Item = &'a Event>) -> Self {
        let mut tally = Tally::default();
        for event in events {
            tally.add(event);
        }
        tally.totals()
    }
}

impl GcTotals {
    fn add(&mut self, gc: &GcEvent) {
        // Saturating: a foreign record may hold any number.
        let add = |sum: &mut u64, part: u64| *sum = sum.saturating_add(part);
        self.count += 1;
        self.longest_ns = self.longest_ns.max(gc.total_ns);
        add(&mut self.total_ns, gc.total_ns);
        for marking in [gc.incremental_marking, gc.abandoned_marking] {
            add(
                &mut self.incremental_ns,
                marking.map_or(0, |marking| marking.total_ns),
            );
        }
        add(
            &mut self.reclaimed_bytes,
            gc.before.used_bytes().saturating_sub(gc.after.used_bytes()),
        );
        add(&mut self.copied_bytes, gc.copied_bytes);
        add(&mut self.promoted_bytes, gc.promoted_bytes);
        add(&mut self.marked_bytes, gc.marked_bytes);
    }
}

/// Adds events up one by one.
#[derive(Debug, Default)]
pub(super) struct Tally {
    totals: Totals,
    /// Used bytes at the last event, to see growth between events.
    used_bytes: u64,
    /// Growth seen between events.
    grown_bytes: u64,
}

impl Tally {
    /// Adds one event.
    pub(super) fn add(&mut self, event: &Event) {
        match event {
            Event::Gc(gc) => {
                self.grown(gc.before.used_bytes());
                self.used_bytes = gc.after.used_bytes();
                let totals = &mut self.totals;
                match gc.kind {
                    GcKind::Minor => totals.minor.add(gc),
                    GcKind::Major => totals.major.add(gc),
                }
                for sizes in [&gc.before, &gc.after] {
                    totals.peak_used_bytes = totals.peak_used_bytes.max(sizes.used_bytes());
                    totals.peak_committed_bytes =
                        totals.peak_committed_bytes.max(sizes.committed_bytes);
                    totals.peak_external_bytes =
                        totals.peak_external_bytes.max(sizes.external_bytes);
                }
            }
            Event::Sample(sample) => {
                let used = sample.heap.used_bytes();
                self.grown(used);
                let totals = &mut self.totals;
                totals.samples += 1;
                totals.peak_used_bytes = totals.peak_used_bytes.max(used);
                totals.peak_committed_bytes =
                    totals.peak_committed_bytes.max(sample.heap.committed_bytes);
                totals.peak_external_bytes =
                    totals.peak_external_bytes.max(sample.heap.external_bytes);
                totals.peak_resident_bytes = totals
                    .peak_resident_bytes
                    .max(sample.resident_bytes.unwrap_or(0));
                totals.allocated_bytes = totals
                    .allocated_bytes
                    .max(sample.allocated_bytes.unwrap_or(0));
            }
            Event::Note(_) => self.totals.notes += 1,
            Event::Snapshot(_) => {}
        }
    }

    /// Notes that `used` bytes are used now: what came on top since the last event was allocated.
    fn grown(&mut self, used: u64) {
        self.grown_bytes = self
            .grown_bytes
            .saturating_add(used.saturating_sub(self.used_bytes));
        self.used_bytes = used;
    }

    /// The sums so far. Allocation is the heap's own count where samples carry it, growth between events otherwise.
    pub(super) fn totals(&self) -> Totals {
        Totals {
            allocated_bytes: self.totals.allocated_bytes.max(self.grown_bytes),
            ..self.totals
        }
    }
}
