//! Jobs that wait, jobs that run, and what becomes of them.

use std::collections::VecDeque;
use std::fmt;

use heaplab_gc::{Global, HeapLimitReached, Immediate, Local, Operand, Ref, Scope, Shape, Smi};

use crate::error::WorkloadError;
use crate::parameter::Span;
use crate::workload::WorkloadContext;

// Slots of the JobQueue.
const WAITING: usize = 0;
const RUNNING: usize = 1;
const ABANDONED: usize = 2;
// Slots of a Job.
const ID: usize = 0;
const REQUEST: usize = 1;
const CALLBACK: usize = 2;
// Words of a Job's raw bytes.
const ARRIVED_TICK: usize = 0;
const ARRIVED: usize = 1;

/// How a [`JobQueue`] works. The names are Bagpipe's where it has the thing.
#[derive(Clone, Copy, Debug)]
pub struct JobQueueOptions {
    /// Jobs that run at the same time: Bagpipe's `limit`.
    pub workers: usize,
    /// Most waiting jobs before new ones are refused; Bagpipe's `refuse` with `ratio`. `None`: never refuses.
    pub most_waiting: Option<usize>,
    /// Age at which a job fails. `None`: never.
    pub timeout: Option<Span>,
    /// Mean ticks that a job takes; single ones take half of it to one and a half.
    pub service: u64,
    /// Share of the jobs that end in an error.
    pub errors: f64,
}

/// What has become of the jobs. `done + rejected + timed_out + waiting + running = produced`, always.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct JobQueueCounts {
    /// Jobs that were pushed.
    pub produced: u64,
    /// Jobs that were answered.
    pub done: u64,
    /// Of those, with an error.
    pub failed: u64,
    /// Jobs refused because too many were waiting.
    pub rejected: u64,
    /// Jobs that failed because they had become too old.
    pub timed_out: u64,
    /// Of those, after a worker had begun with them.
    pub timed_out_running: u64,
    /// Abandoned jobs whose worker came to an error after all.
    pub outdated: u64,
    /// Pushes that found more than one job waiting.
    pub full: u64,
    /// Most jobs that ever waited.
    pub longest: u64,
    /// Ticks from arrival to answer of all done jobs together.
    pub answer_ticks: u64,
    /// Most ticks from arrival to answer of a done job.
    pub slowest_answer: u64,
}

/// What [`JobQueue::push`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pushed {
    /// The job waits or runs.
    Accepted,
    /// Too many were waiting.
    Rejected,
}

/// A job that a worker is busy with.
#[derive(Clone, Copy, Debug)]
struct Call {
    /// Tick at whose beginning it ends.
    ends: u64,
    fails: bool,
    arrived_tick: u64,
    /// Reading of the timeout's clock when it arrived.
    arrived: u64,
}

/// A queue of jobs on the heap with its workers.
pub struct JobQueue {
    queue: Global,
    shapes: Shapes,
    options: JobQueueOptions,
    /// What each worker does; the jobs themselves are in the heap's array, at the same places.
    workers: Vec<Option<Call>>,
    /// Parallel to the heap's deque: the call, and whether it has ended.
    abandoned: VecDeque<(Call, bool)>,
    counts: JobQueueCounts,
    /// Bytes of the jobs on the heap that wait, run or were abandoned.
    held: u64,
    next_id: i32,
}

#[derive(Clone, Copy)]
struct Shapes {
    job: Shape,
    request: Shape,
    context: Shape,
    callback: Shape,
}

impl JobQueue {
    /// An empty queue with idle workers.
    ///
    /// # Errors
    /// The heap has no room for it, or cannot have more classes.
    pub fn new(s: &mut Scope<'_, '_>, options: JobQueueOptions) -> Result<Self, WorkloadError> {
        let queue = s.shape("JobQueue", &["waiting", "running", "abandoned"])?;
        let shapes = Shapes {
            job: s.shape_with_raw("Job", &["id", "request", "callback"], 16)?,
            request: s.shape("Request", &["url", "body"])?,
            context: s.context_shape("handleRequest", &["request"])?,
            callback: s.closure_shape("respond", &[])?,
        };
        let queue = s.scope(|s| {
            let (waiting, abandoned) = (s.deque()?, s.deque()?);
            let running = s.array(options.workers)?;
            let slots = [waiting.into(), running.into(), abandoned.into()];
            let queue = s.object_with(queue, slots)?;
            Ok::<Global, HeapLimitReached>(s.global(queue))
        })?;
        Ok(Self {
            queue,
            shapes,
            options,
            workers: vec![None; options.workers],
            abandoned: VecDeque::new(),
            counts: JobQueueCounts::default(),
            held: 0,
            next_id: 0,
        })
    }

    /// What has become of the jobs.
    pub fn counts(&self) -> &JobQueueCounts {
        &self.counts
    }

    /// Jobs that no worker has begun with.
    pub fn waiting(&self, s: &Scope<'_, '_>) -> usize {
        s.deque_len(self.slot(s, WAITING))
    }

    /// Jobs that workers are busy with.
    pub fn running(&self) -> usize {
        self.workers.iter().flatten().count()
    }

    /// Bytes of the heap that the queue holds: its jobs with their requests and callbacks, and its own.
    pub fn held_bytes(&self, s: &Scope<'_, '_>) -> u64 {
        let queue = s.peek(&self.queue);
        let own = s.size_of(queue)
            + s.deque_bytes(s.get(queue, WAITING))
            + s.size_of(s.get(queue, RUNNING))
            + s.deque_bytes(s.get(queue, ABANDONED));
        own as u64 + self.held
    }

    /// Age in ticks of the job that is older than `share` of those that wait; `None` if none waits.
    ///
    /// They wait in the order in which they came, so their places are their ranks.
    pub fn age(&self, s: &Scope<'_, '_>, tick: u64, share: f64) -> Option<u64> {
        let waiting = self.slot(s, WAITING);
        let last = s.deque_len(waiting).checked_sub(1)?;
        let younger = (share.clamp(0.0, 1.0) * last as f64).round() as usize;
        let job = s.deque_get(waiting, last - younger)?;
        Some(tick - raw_word(s, job, ARRIVED_TICK))
    }

    /// Makes a job of a request: `url`, and a body of so many bytes.
    ///
    /// # Errors
    /// The heap has no room for it; nothing was produced then.
    pub fn push<'h>(
        &mut self,
        scope: &mut Scope<'_, 'h>,
        cx: &mut WorkloadContext,
        url: &str,
        body: usize,
    ) -> Result<Pushed, HeapLimitReached> {
        // The request has come in when it is refused.
        let refused = {
            let waiting = self.waiting(scope);
            self.options
                .most_waiting
                .is_some_and(|most| waiting >= most)
        };
        let pushed = scope.scope(|s| {
            let request = self.request(s, url, body)?;
            if refused {
                return Ok(Pushed::Rejected);
            }
            let job = self.job(s, cx, request)?;
            let waiting = s.root(self.slot(s, WAITING));
            s.deque_push_back(waiting, job)?;
            self.held += job_bytes(s, job);
            Ok::<Pushed, HeapLimitReached>(Pushed::Accepted)
        })?;
        self.counts.produced += 1;
        match pushed {
            Pushed::Rejected => self.counts.rejected += 1,
            Pushed::Accepted => {
                self.next_id = (self.next_id + 1) % Smi::MAX;
                self.counts.longest = self.counts.longest.max(self.waiting(scope) as u64);
            }
        }
        if self.waiting(scope) > 1 {
            self.counts.full += 1;
        }
        self.start_next(scope, cx);
        Ok(pushed)
    }

    /// Lets a tick pass: jobs end, jobs become too old, and each worker that is free takes the next one.
    ///
    /// # Errors
    /// The heap has no room for noting an abandoned job; that job still runs then.
    pub fn tick(
        &mut self,
        scope: &mut Scope<'_, '_>,
        cx: &mut WorkloadContext,
    ) -> Result<(), HeapLimitReached> {
        self.end_calls(scope, cx);
        self.forget_abandoned(scope, cx.tick());
        if let Some(timeout) = self.options.timeout {
            let oldest = cx.reading(timeout).checked_sub(timeout.length());
            if let Some(oldest) = oldest {
                self.time_out_waiting(scope, oldest);
                self.time_out_running(scope, cx, oldest)?;
            }
        }
        Ok(())
    }

    /// Starts the next job if one waits and a worker is free: Bagpipe's `next`.
    fn start_next(&mut self, s: &Scope<'_, '_>, cx: &mut WorkloadContext) {
        let Some(worker) = self.workers.iter().position(Option::is_none) else {
            return;
        };
        let Some(job) = s.deque_pop_front(self.slot(s, WAITING)) else {
            return;
        };
        s.set(self.slot(s, RUNNING), worker, job);
        let mean = self.options.service;
        let ticks = cx.random().between(mean.div_ceil(2), mean + mean / 2);
        self.workers[worker] = Some(Call {
            ends: cx.tick() + ticks.max(1),
            fails: cx.random().chance(self.options.errors),
            arrived_tick: raw_word(s, job, ARRIVED_TICK),
            arrived: raw_word(s, job, ARRIVED),
        });
    }

    fn end_calls(&mut self, s: &Scope<'_, '_>, cx: &mut WorkloadContext) {
        for worker in 0..self.workers.len() {
            let Some(call) = self.workers[worker].filter(|call| call.ends <= cx.tick()) else {
                continue;
            };
            let running = self.slot(s, RUNNING);
            self.held -= job_bytes(s, s.get(running, worker));
            self.free(s, worker);
            self.counts.done += 1;
            self.counts.failed += u64::from(call.fails);
            let ticks = cx.tick() - call.arrived_tick;
            self.counts.answer_ticks += ticks;
            self.counts.slowest_answer = self.counts.slowest_answer.max(ticks);
            self.start_next(s, cx);
        }
    }

    fn free(&mut self, s: &Scope<'_, '_>, worker: usize) {
        self.workers[worker] = None;
        s.set(self.slot(s, RUNNING), worker, Immediate::Undefined);
    }

    /// Fails the waiting jobs that arrived at `oldest` or before: those at the front.
    fn time_out_waiting(&mut self, s: &Scope<'_, '_>, oldest: u64) {
        let waiting = self.slot(s, WAITING);
        while s
            .deque_get(waiting, 0)
            .is_some_and(|job| raw_word(s, job, ARRIVED) <= oldest)
        {
            if let Some(job) = s.deque_pop_front(waiting) {
                self.held -= job_bytes(s, job);
                self.counts.timed_out += 1;
            }
        }
    }

    /// Fails the running jobs that arrived at `oldest` or before. Their workers are free, but what they had
    /// begun goes on and holds the job until it ends.
    fn time_out_running(
        &mut self,
        scope: &mut Scope<'_, '_>,
        cx: &mut WorkloadContext,
        oldest: u64,
    ) -> Result<(), HeapLimitReached> {
        for worker in 0..self.workers.len() {
            let Some(call) = self.workers[worker].filter(|call| call.arrived <= oldest) else {
                continue;
            };
            scope.scope(|s| {
                let abandoned = s.root(self.slot(s, ABANDONED));
                let job = s.root(s.get(self.slot(s, RUNNING), worker));
                s.deque_push_back(abandoned, job)
            })?;
            self.abandoned.push_back((call, false));
            self.free(scope, worker);
            self.counts.timed_out += 1;
            self.counts.timed_out_running += 1;
            self.start_next(scope, cx);
        }
        Ok(())
    }

    /// Notes which abandoned calls have ended, and lets go of those at the front.
    fn forget_abandoned(&mut self, s: &Scope<'_, '_>, tick: u64) {
        for (call, ended) in &mut self.abandoned {
            if !*ended && call.ends <= tick {
                *ended = true;
                self.counts.outdated += u64::from(call.fails);
            }
        }
        while self.abandoned.front().is_some_and(|&(_, ended)| ended) {
            self.abandoned.pop_front();
            if let Some(job) = s.deque_pop_front(self.slot(s, ABANDONED)) {
                self.held -= job_bytes(s, job);
            }
        }
    }

    fn request<'s, 'h>(
        &self,
        s: &mut Scope<'s, 'h>,
        url: &str,
        body: usize,
    ) -> Result<Local<'s, 'h>, HeapLimitReached> {
        let (url, body) = (s.string(url)?, s.bytes(body)?);
        s.object_with(self.shapes.request, [url.into(), body.into()])
    }

    fn job<'s, 'h>(
        &self,
        s: &mut Scope<'s, 'h>,
        cx: &WorkloadContext,
        request: Local<'s, 'h>,
    ) -> Result<Local<'s, 'h>, HeapLimitReached> {
        let context = s.object(self.shapes.context)?;
        s.set(context, 1, request);
        let callback = s.closure(self.shapes.callback, context)?;
        let job = s.object(self.shapes.job)?;
        s.set(job, ID, Smi::wrapping(self.next_id));
        s.set(job, REQUEST, request);
        s.set(job, CALLBACK, callback);
        let arrived = self.options.timeout.map_or(0, |span| cx.reading(span));
        let words = s.raw_mut(job).as_chunks_mut::<8>().0;
        for (word, value) in words.iter_mut().zip([cx.tick(), arrived]) {
            *word = value.to_le_bytes();
        }
        Ok(job)
    }

    fn slot<'r, 'h>(&self, s: &'r Scope<'_, 'h>, slot: usize) -> Ref<'r, 'h> {
        s.get(s.peek(&self.queue), slot)
    }
}

/// Bytes of a job with all that is its own.
fn job_bytes<'h>(s: &Scope<'_, 'h>, job: impl Operand<'h>) -> u64 {
    let (request, callback) = (s.get(job, REQUEST), s.get(job, CALLBACK));
    let parts = [
        s.size_of(job),
        s.size_of(request),
        s.size_of(s.get(request, 0)),
        s.size_of(s.get(request, 1)),
        s.size_of(callback),
        s.size_of(s.get(callback, 0)),
    ];
    parts.iter().sum::<usize>() as u64
}

fn raw_word<'h>(s: &Scope<'_, 'h>, job: impl Operand<'h>, index: usize) -> u64 {
    let words = s.raw(job).as_chunks::<8>().0;
    words.get(index).map_or(0, |word| u64::from_le_bytes(*word))
}

impl fmt::Debug for JobQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JobQueue")
            .field("options", &self.options)
            .field("counts", &self.counts)
            .finish_non_exhaustive()
    }
}
