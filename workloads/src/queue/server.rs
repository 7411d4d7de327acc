//! The server whose requests become jobs.

use std::fmt::Write;

use heaplab_gc::Scope;

use super::pool::{JobQueue, JobQueueOptions};
use crate::error::WorkloadError;
use crate::parameter::{Parameters, Unit};
use crate::workload::{Counter, SampleValues, Workload, WorkloadContext};

/// The workload `queue`.
pub(super) struct QueueServer {
    options: JobQueueOptions,
    backpressure: Option<Backpressure>,
    jobs: f64,
    body: u64,
    /// Jobs waiting at which the next note is due.
    next_note: u64,
    queue: Option<JobQueue>,
    tick: u64,
    /// The URL of the request at hand; kept for its memory.
    url: String,
}

/// A producer that stops while too many jobs wait.
#[derive(Clone, Copy, Debug)]
struct Backpressure {
    /// It stops at so many waiting jobs …
    high: usize,
    /// … and goes on at so many.
    low: usize,
    stopped: bool,
    /// Jobs that would have been made while it stood.
    held_back: u64,
    stops: u64,
}

impl QueueServer {
    pub(super) fn new(parameters: &Parameters, cure: Option<&str>) -> Self {
        let workers = parameters.count("workers") as usize;
        let most_waiting = (cure == Some("reject")).then(|| {
            // Bagpipe's: the product, rounded; an empty queue would refuse everything.
            ((workers as f64 * parameters.number("ratio")).round() as usize).max(1)
        });
        let backpressure = (cure == Some("backpressure")).then(|| {
            let high = parameters.count("high") as usize;
            Backpressure {
                high,
                low: high / 2,
                stopped: false,
                held_back: 0,
                stops: 0,
            }
        });
        Self {
            options: JobQueueOptions {
                workers,
                most_waiting,
                timeout: (cure == Some("timeout")).then(|| parameters.span("timeout")),
                service: parameters.count("service"),
                errors: parameters.number("errors"),
            },
            backpressure,
            jobs: parameters.number("jobs"),
            body: parameters.count("body"),
            next_note: parameters.count("long"),
            queue: None,
            tick: 0,
            url: String::new(),
        }
    }

    /// Jobs that this tick's requests make.
    fn arrivals(&self, cx: &mut WorkloadContext) -> u64 {
        self.jobs as u64 + u64::from(cx.random().chance(self.jobs.fract()))
    }
}

impl Backpressure {
    /// Whether the producer makes jobs now.
    fn lets_through(&mut self, waiting: usize) -> bool {
        if self.stopped {
            self.stopped = waiting > self.low;
        } else if waiting >= self.high {
            self.stopped = true;
            self.stops += 1;
        }
        !self.stopped
    }
}

impl Workload for QueueServer {
    fn set_up(
        &mut self,
        s: &mut Scope<'_, '_>,
        _: &mut WorkloadContext,
    ) -> Result<(), WorkloadError> {
        self.queue = Some(JobQueue::new(s, self.options)?);
        Ok(())
    }

    fn tick(
        &mut self,
        s: &mut Scope<'_, '_>,
        cx: &mut WorkloadContext,
    ) -> Result<(), WorkloadError> {
        let arrivals = self.arrivals(cx);
        let Some(queue) = &mut self.queue else {
            return Err(WorkloadError::Failed("a tick before the set-up".into()));
        };
        self.tick = cx.tick();
        queue.tick(s, cx)?;
        for _ in 0..arrivals {
            if let Some(backpressure) = &mut self.backpressure
                && !backpressure.lets_through(queue.waiting(s))
            {
                backpressure.held_back += 1;
                continue;
            }
            let body = cx
                .random()
                .between(self.body / 2, self.body + self.body / 2);
            self.url.clear();
            let user = cx.random().below(100_000);
            let written = write!(self.url, "/thumbnails?user={user:05}");
            debug_assert!(written.is_ok(), "writing to a string does not fail");
            queue.push(s, cx, &self.url, body as usize)?;
        }
        let waiting = queue.waiting(s) as u64;
        if waiting >= self.next_note {
            let oldest = queue.age(s, cx.tick(), 1.0).unwrap_or(0);
            cx.note(
                "queue_full",
                format!("the queue is long: {waiting} jobs wait, the oldest for {oldest} ticks"),
            );
            self.next_note = self.next_note.saturating_mul(2);
        }
        Ok(())
    }

    fn sample(&mut self, s: &Scope<'_, '_>, values: &mut SampleValues) {
        let Some(queue) = &self.queue else {
            return;
        };
        let (counts, waiting) = (queue.counts(), queue.waiting(s));
        values.set("queue_length", waiting as f64);
        // No job waits, no job has an age.
        for (series, share) in [("age_p50", 0.5), ("age_p95", 0.95), ("age_max", 1.0)] {
            if let Some(age) = queue.age(s, self.tick, share) {
                values.set(series, age as f64);
            }
        }
        values.set("held_bytes", queue.held_bytes(s) as f64);
        values.set("produced", counts.produced as f64);
        values.set("done", counts.done as f64);
        values.set("rejected", counts.rejected as f64);
        values.set("timed_out", counts.timed_out as f64);
        values.set("waiting", (waiting + queue.running()) as f64);
    }

    fn counters(&self, s: &Scope<'_, '_>) -> Vec<Counter> {
        let Some(queue) = &self.queue else {
            return Vec::new();
        };
        let counts = queue.counts();
        let unanswered = (queue.waiting(s) + queue.running()) as u64;
        let mut counters = vec![
            Counter::count("produced", "Jobs made", counts.produced),
            Counter::count("done", "Done", counts.done),
            Counter::count("failed", "of which with an error", counts.failed),
            Counter::count("rejected", "Refused, the queue being full", counts.rejected),
            Counter::count("timed_out", "Timed out", counts.timed_out),
            Counter::count(
                "timed_out_running",
                "of which while they ran",
                counts.timed_out_running,
            ),
            Counter::count("waiting", "Waiting or running at the end", unanswered),
            Counter::count("longest", "Longest queue", counts.longest),
            Counter::count(
                "full",
                "Pushes that found more than one waiting",
                counts.full,
            ),
            Counter::count(
                "outdated",
                "Errors of jobs that had timed out",
                counts.outdated,
            ),
            Counter::new(
                "mean_answer",
                "Mean time to an answer",
                Unit::Ticks,
                counts.answer_ticks as f64 / counts.done.max(1) as f64,
            ),
            Counter::new(
                "slowest_answer",
                "Longest time to an answer",
                Unit::Ticks,
                counts.slowest_answer as f64,
            ),
            Counter::bytes("held_bytes", "Bytes the queue holds", queue.held_bytes(s)),
        ];
        if let Some(backpressure) = &self.backpressure {
            counters.extend([
                Counter::count("stops", "Times the producer stopped", backpressure.stops),
                Counter::count(
                    "held_back",
                    "Jobs not made meanwhile",
                    backpressure.held_back,
                ),
            ]);
        }
        counters
    }
}
