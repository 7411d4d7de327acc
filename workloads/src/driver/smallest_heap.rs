//! The smallest heap in which a run completes: what a collector really needs, whatever it was given.

use std::ops::ControlFlow;

use heaplab_gc::{Heap, HeapError, HeapOptions, Limit, VirtualClock};

use super::observer::{Outcome, RunObserver};
use super::options::{Length, RunOptions, SnapshotSchedule};
use super::run::run;
use crate::workload::Workload;

/// Heaps are told apart by whole MB, as `--max-old-space-size` tells them.
const MB: usize = 1 << 20;

/// Is told of a search for the smallest heap, and may end it.
pub trait SearchObserver {
    /// The run starts again, in an old generation of at most so many bytes.
    fn on_attempt(&mut self, max_old_space_size: usize) {
        let _ = max_old_space_size;
    }

    /// Whether the search is to end now, without an answer; asked after every tick.
    fn should_stop(&mut self) -> bool {
        false
    }
}

/// An observer that looks away.
impl SearchObserver for super::observer::NoObserver {}

/// What a search for the smallest heap found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SmallestHeap {
    /// The heap, or why there is none.
    pub answer: HeapNeeded,
    /// The largest `max_old_space_size` that was tried, in bytes.
    pub largest_tried: usize,
    /// How often the workload was run.
    pub attempts: u32,
}

/// How much old generation a run needs to complete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HeapNeeded {
    /// `max_old_space_size` in bytes, whole MB: with it the run completes, with 1 MB less it does not (or
    /// this is 1 MB).
    Bytes(usize),
    /// No heap that may be tried is large enough.
    More,
    /// The run stops at a limit that a larger old generation does not move.
    OtherLimit(Limit),
    /// The workload failed for another reason: this is why.
    Failed(String),
    /// The observer ended the search.
    Stopped,
}

/// Finds the smallest `max_old_space_size`, in whole MB, in which a run completes.
///
/// Every attempt is the whole run on a new heap with all other options of `heap`: the workload that `build`
/// makes, with the length and seed of `run`, without samples or snapshots, on the virtual clock, so that the
/// answer is the same everywhere and each time. The first heap tried is that of `heap`; while the run does not
/// complete the next is larger, up to `most` bytes, and then between the largest heap that was too small and the
/// smallest that was not: in turns what the ticks that ran in the heaps so far let expect, and double or halfway.
/// So there are at most about 4·log₂ of the answer in MB attempts, and six or seven for a leak that grows evenly.
///
/// A larger heap collects at other moments, so in principle a run may complete in one heap and not in a
/// slightly larger one. Then the answer is one of the sizes where this changes.
///
/// # Errors
/// No heap can have such options, or the system refuses its address range.
pub fn smallest_heap(
    build: &dyn Fn() -> Box<dyn Workload>,
    heap: &HeapOptions,
    run: &RunOptions,
    most: usize,
    observer: &mut dyn SearchObserver,
) -> Result<SmallestHeap, HeapError> {
    let mut search = Search {
        build,
        heap: heap.clone(),
        run: run
            .clone()
            .with_sample_every(u64::MAX)
            .with_snapshots(SnapshotSchedule::none()),
        observer,
        largest_tried: 0,
        attempts: 0,
    };
    let first = (heap.max_old_space_size / MB).max(1);
    let answer = search.between(first, (most / MB).max(first))?;
    Ok(SmallestHeap {
        answer,
        largest_tried: search.largest_tried * MB,
        attempts: search.attempts,
    })
}

struct Search<'s> {
    build: &'s dyn Fn() -> Box<dyn Workload>,
    heap: HeapOptions,
    run: RunOptions,
    observer: &'s mut dyn SearchObserver,
    /// In MB.
    largest_tried: usize,
    attempts: u32,
}

impl Search<'_> {
    /// Starts with `first` MB and goes up to `most`.
    fn between(&mut self, first: usize, most: usize) -> Result<HeapNeeded, HeapError> {
        // The last two heaps that were too small, in MB, with the ticks that ran in them: in none, none run.
        let mut full = [(0, 0); 2];
        let mut enough = None;
        let mut estimates = false;
        let mut next = first;
        loop {
            match self.attempt(next)? {
                ControlFlow::Break(answer) => return Ok(answer),
                ControlFlow::Continue(None) => enough = Some(next),
                ControlFlow::Continue(Some(_)) if next == most => return Ok(HeapNeeded::More),
                ControlFlow::Continue(Some(ticks)) => full = [full[1], (next, ticks)],
            }
            let too_small = full[1].0;
            let (halfway, largest) = match enough {
                Some(enough) if enough - too_small == 1 => {
                    return Ok(HeapNeeded::Bytes(enough * MB));
                }
                Some(enough) => (too_small + (enough - too_small) / 2, enough - 1),
                None => (too_small * 2, most.min(too_small * 4)),
            };
            // An estimate may be wrong on the same side each time; halving cannot.
            estimates = !estimates;
            let estimate = self.estimate(full).filter(|_| estimates);
            next = estimate.unwrap_or(halfway).clamp(too_small + 1, largest);
        }
    }

    /// The heap in MB that has room for all ticks if each takes as much as those between two heaps that were too
    /// small, as with a leak.
    fn estimate(&self, full: [(usize, u64); 2]) -> Option<usize> {
        let Length::Ticks(planned) = self.run.length else {
            return None;
        };
        let [(smaller, fewer), (larger, more)] = full;
        let per_tick = larger.checked_sub(smaller)? as f64 / more.checked_sub(fewer)? as f64;
        let rest = per_tick * planned.saturating_sub(more) as f64;
        rest.is_finite()
            .then(|| larger.saturating_add(rest.ceil() as usize))
    }

    /// Runs in an old generation of so many MB: `None` if the run completes, else the ticks it came to; `Break` if
    /// the size decides nothing.
    fn attempt(
        &mut self,
        megabytes: usize,
    ) -> Result<ControlFlow<HeapNeeded, Option<u64>>, HeapError> {
        self.attempts += 1;
        self.largest_tried = self.largest_tried.max(megabytes);
        let mut options = self.heap.clone();
        options.max_old_space_size = megabytes * MB;
        if let Some(initial) = &mut options.initial_old_space_size {
            *initial = (*initial).min(options.max_old_space_size);
        }
        self.observer.on_attempt(options.max_old_space_size);
        let mut heap = Heap::with_clock(options, Box::new(VirtualClock::new()))?;
        let mut workload = (self.build)();
        let mut attempt = Attempt(&mut *self.observer);
        let summary = run(&mut heap, &mut *workload, &self.run, &mut attempt);
        Ok(match summary.outcome {
            Outcome::Completed => ControlFlow::Continue(None),
            Outcome::HeapLimit(details) => match details.limit {
                Limit::OldSpace | Limit::Cage => ControlFlow::Continue(Some(summary.ticks)),
                other => ControlFlow::Break(HeapNeeded::OtherLimit(other)),
            },
            Outcome::Interrupted => ControlFlow::Break(HeapNeeded::Stopped),
            Outcome::Failed(why) => ControlFlow::Break(HeapNeeded::Failed(why)),
        })
    }
}

/// Passes on the only question that a run has for the search's observer.
struct Attempt<'o>(&'o mut dyn SearchObserver);

impl RunObserver for Attempt<'_> {
    fn should_stop(&mut self) -> bool {
        self.0.should_stop()
    }
}
