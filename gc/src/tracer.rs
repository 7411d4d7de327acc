//! The tracer: turns what happens in a collection into one [`GcEvent`] and keeps the totals.

use crate::clock::Clock;
use crate::event::{
    CollectionKind, CollectionReason, CollectorReason, GcEvent, HeapSizes, IncrementalSteps, Phase,
};
use crate::scavenger::Scavenged;

/// Events, totals and the phase that is running.
pub(crate) struct GcTracer {
    event: GcEvent,
    sequence: u64,
    started_ns: u64,
    phase: Option<(Phase, u64)>,
    /// Whether a pause is in progress.
    pausing: bool,
    /// Work between pauses since the last one, in ns.
    between_ns: u64,
    /// Steps of cycles that were given up since the last pause.
    abandoned: Option<IncrementalSteps>,
    pub(crate) minor_count: u32,
    pub(crate) major_count: u32,
}

impl GcTracer {
    pub(crate) fn new() -> GcTracer {
        GcTracer {
            event: GcEvent::default(),
            sequence: 0,
            started_ns: 0,
            phase: None,
            pausing: false,
            between_ns: 0,
            abandoned: None,
            minor_count: 0,
            major_count: 0,
        }
    }

    /// A pause begins.
    pub(crate) fn begin(
        &mut self,
        clock: &dyn Clock,
        kind: CollectionKind,
        reason: CollectionReason,
        collector_reason: CollectorReason,
        before: HeapSizes,
    ) {
        self.event = GcEvent {
            sequence: self.sequence + 1,
            kind,
            reason,
            collector_reason,
            start_us: clock.policy_now() / 1000,
            before,
            ..GcEvent::default()
        };
        self.event.between_ns = std::mem::take(&mut self.between_ns);
        self.pausing = true;
        self.started_ns = clock.stopwatch_now();
    }

    /// The stopwatch at the start of a piece of work, if it is between pauses.
    pub(crate) fn start_between(&self, clock: &dyn Clock) -> Option<u64> {
        (!self.pausing).then(|| clock.stopwatch_now())
    }

    /// Ends what [`GcTracer::start_between`] began.
    pub(crate) fn end_between(&mut self, clock: &dyn Clock, started: Option<u64>) {
        if let Some(started) = started {
            self.between_ns += clock.stopwatch_now() - started;
        }
    }

    /// Adds work between pauses that was measured elsewhere.
    pub(crate) fn add_between(&mut self, ns: u64) {
        self.between_ns += ns;
    }

    /// A cycle of marking was given up after `steps`, by a pause in progress or between two: the next event has them.
    pub(crate) fn abandoned(&mut self, steps: &IncrementalSteps) {
        let all = self.abandoned.get_or_insert_default();
        all.steps += steps.steps;
        all.total_ns += steps.total_ns;
        all.longest_ns = all.longest_ns.max(steps.longest_ns);
        all.wall_ns += steps.wall_ns;
    }

    /// Ends the phase that is running, if any, and begins `phase`.
    pub(crate) fn enter(&mut self, clock: &dyn Clock, phase: Phase) {
        let now = clock.stopwatch_now();
        self.close_phase(now);
        self.phase = Some((phase, now));
    }

    fn close_phase(&mut self, now: u64) {
        if let Some((phase, since)) = self.phase.take() {
            self.event.phases.add(phase, now - since);
        }
    }

    /// Adds what a scavenge did.
    pub(crate) fn scavenged(&mut self, done: &Scavenged) {
        self.event.copied_bytes += done.copied as u64;
        self.event.promoted_bytes += done.promoted as u64;
        self.event.promotion_failed_bytes += done.promotion_failed as u64;
    }

    /// The event under construction.
    pub(crate) fn event(&mut self) -> &mut GcEvent {
        &mut self.event
    }

    /// The pause is over: completes the event and counts it.
    pub(crate) fn end(&mut self, clock: &dyn Clock, after: HeapSizes) -> GcEvent {
        let now = clock.stopwatch_now();
        self.close_phase(now);
        self.pausing = false;
        self.event.total_ns = now - self.started_ns;
        self.event.after = after;
        self.event.abandoned_steps = self.abandoned.take();
        self.sequence += 1;
        match self.event.kind {
            CollectionKind::Minor => self.minor_count += 1,
            CollectionKind::Major => self.major_count += 1,
        }
        self.event
    }

    /// Minor and major collections so far.
    pub(crate) fn counts(&self) -> (u32, u32) {
        (self.minor_count, self.major_count)
    }
}
