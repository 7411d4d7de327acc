//! What the collector reports of itself, gathered for one iteration at a time.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use heaplab_gc::{CollectionKind, GcEvent, Heap, HeapError, HeapOptions, Phase};
use peers_rust::report::Outcome;

/// A heap whose collections are recorded.
pub(crate) struct Measured {
    pub(crate) heap: Heap,
    events: Rc<RefCell<Vec<GcEvent>>>,
    step_longest_ns: u64,
    step_longest_cpu_ns: u64,
}

impl Measured {
    /// A heap with these options.
    pub(crate) fn new(options: HeapOptions) -> Result<Measured, HeapError> {
        let mut heap = Heap::new(options)?;
        let events = Rc::new(RefCell::new(Vec::with_capacity(4096)));
        let recorded = Rc::clone(&events);
        heap.set_observer(Box::new(move |event: &GcEvent| {
            recorded.borrow_mut().push(*event)
        }));
        Ok(Measured {
            heap,
            events,
            step_longest_ns: 0,
            step_longest_cpu_ns: 0,
        })
    }

    /// Nanoseconds of marking in each major collection so far in this iteration.
    pub(crate) fn marks(&self) -> Vec<u64> {
        self.events
            .borrow()
            .iter()
            .filter(|event| event.kind == CollectionKind::Major)
            .map(|event| {
                [Phase::MarkRoots, Phase::MarkClosure, Phase::MarkEphemerons]
                    .iter()
                    .map(|&phase| event.phases[phase])
                    .sum()
            })
            .collect()
    }

    /// Completes an outcome with the collections since the last call.
    pub(crate) fn complete(&mut self, mut outcome: Outcome) -> Outcome {
        let events = std::mem::take(&mut *self.events.borrow_mut());
        let mut gc_ns = 0;
        let mut copied = 0;
        let (mut promoted, mut majors, mut steps, mut steps_ns, mut between_ns) = (0, 0, 0, 0, 0);
        let mut phases = heaplab_gc::PhaseTimes::default();
        for event in &events {
            gc_ns += event.total_ns + event.between_ns;
            between_ns += event.between_ns;
            phases += event.phases;
            copied += event.copied_bytes + event.promoted_bytes;
            promoted += event.promoted_bytes;
            majors += u64::from(event.kind == CollectionKind::Major);
            outcome.pauses.push(event.total_ns);
            for incremental in [event.steps, event.abandoned_steps].into_iter().flatten() {
                gc_ns += incremental.total_ns;
                steps += u64::from(incremental.steps);
                steps_ns += incremental.total_ns;
                self.step_longest_ns = self.step_longest_ns.max(incremental.longest_ns);
                self.step_longest_cpu_ns =
                    self.step_longest_cpu_ns.max(incremental.longest_cpu_ns);
            }
        }
        outcome.gc = Some(Duration::from_nanos(gc_ns));
        outcome.copied_bytes = Some(copied);
        let listed: Vec<String> = phases
            .iter()
            .map(|(phase, ns)| format!("\"{phase}\":{ns}"))
            .collect();
        outcome
            .more
            .push(("phases", format!("{{{}}}", listed.join(","))));
        outcome
            .with("promoted_bytes", promoted)
            .with("collections", events.len() as u64)
            .with("major_collections", majors)
            .with("marking_steps", steps)
            .with("marking_steps_ns", steps_ns)
            .with("between_ns", between_ns)
            .with("longest_step_ns", self.step_longest_ns)
            .with("longest_step_cpu_ns", self.step_longest_cpu_ns)
    }
}
