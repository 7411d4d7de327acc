//! The server whose requests register listeners.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fmt::Write;

use heaplab_gc::{Global, HeapLimitReached, Scope, Smi};

use super::emitter::Emitter;
use super::things::Things;
use crate::error::WorkloadError;
use crate::parameter::Parameters;
use crate::workload::{Counter, SampleValues, Workload, WorkloadContext};

/// Slot of the server's context that holds the emitter.
const EMITTER: usize = 1;

/// What is done against the leaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cure {
    /// What is done with is let go.
    Release,
    /// Closures capture what they use.
    Narrow,
}

/// The workload `closures`.
pub(super) struct ClosureServer {
    cure: Option<Cure>,
    body: u64,
    open: u64,
    replace_every: u64,
    thing_bytes: u64,
    max_listeners: usize,
    warned: bool,
    running: Option<Running>,
    /// Tick in which each open request ends, and its id: the soonest first.
    ends: BinaryHeap<Reverse<(u64, i32)>>,
    /// The URL of the request at hand; kept for its memory.
    url: String,
}

/// What there is from the set-up on.
struct Running {
    /// The context of the server's module.
    server: Global,
    emitter: Emitter,
    things: Things,
    requests: u64,
    most_listeners: usize,
}

impl ClosureServer {
    pub(super) fn new(parameters: &Parameters, cure: Option<&str>) -> Self {
        Self {
            cure: match cure {
                Some("release") => Some(Cure::Release),
                Some("narrow") => Some(Cure::Narrow),
                _ => None,
            },
            body: parameters.count("body"),
            // Without the cure no request ends.
            open: if cure == Some("release") {
                parameters.count("open")
            } else {
                u64::MAX
            },
            replace_every: parameters.count("replace-every"),
            thing_bytes: parameters.count("thing"),
            max_listeners: parameters.count("max-listeners") as usize,
            warned: false,
            running: None,
            ends: BinaryHeap::new(),
            url: String::new(),
        }
    }
}

impl Running {
    fn new(s: &mut Scope<'_, '_>, thing_bytes: usize) -> Result<Self, WorkloadError> {
        let emitter = Emitter::new(s)?;
        let things = Things::new(s, thing_bytes)?;
        let module = s.context_shape("server", &["emitter", "theThing"])?;
        let server = s.scope(|s| {
            let server = s.object(module)?;
            s.set(server, EMITTER, s.peek(emitter.object()));
            Ok::<Global, HeapLimitReached>(s.global(server))
        })?;
        Ok(Self {
            server,
            emitter,
            things,
            requests: 0,
            most_listeners: 0,
        })
    }
}

impl Workload for ClosureServer {
    fn set_up(
        &mut self,
        s: &mut Scope<'_, '_>,
        _: &mut WorkloadContext,
    ) -> Result<(), WorkloadError> {
        self.running = Some(Running::new(s, self.thing_bytes as usize)?);
        Ok(())
    }

    fn tick(
        &mut self,
        s: &mut Scope<'_, '_>,
        cx: &mut WorkloadContext,
    ) -> Result<(), WorkloadError> {
        let Some(running) = &mut self.running else {
            return Err(WorkloadError::Failed("a tick before the set-up".into()));
        };
        // Ids begin again after 2³⁰ requests; by then the first ones have ended.
        let id = (cx.tick() % Smi::MAX as u64) as i32;
        let body = cx
            .random()
            .between(self.body / 2, self.body + self.body / 2);
        self.url.clear();
        let user = cx.random().below(100_000);
        let written = write!(self.url, "/profile?user={user:05}");
        debug_assert!(written.is_ok(), "writing to a string does not fail");
        running
            .emitter
            .handle_request(s, self.cure, id, &self.url, body as usize)?;
        running.requests += 1;
        let listeners = running.emitter.listeners();
        running.most_listeners = running.most_listeners.max(listeners);
        if self.cure == Some(Cure::Release) {
            let open = cx.random().between(1, 2 * self.open - 1);
            self.ends.push(Reverse((cx.tick() + open, id)));
            while let Some(&Reverse((end, id))) = self.ends.peek()
                && end <= cx.tick()
            {
                running.emitter.release(s, id)?;
                self.ends.pop();
            }
        }
        if cx.tick().is_multiple_of(self.replace_every) {
            running.things.replace(s, &running.server, self.cure)?;
        }
        if listeners > self.max_listeners && !self.warned {
            self.warned = true;
            cx.note(
                "max_listeners_exceeded",
                format!(
                    "possible leak: the emitter has {listeners} listeners for 'shutdown', more than {}",
                    self.max_listeners
                ),
            );
        }
        Ok(())
    }

    fn sample(&mut self, s: &Scope<'_, '_>, values: &mut SampleValues) {
        let Some(running) = &self.running else {
            return;
        };
        values.set("listeners", running.emitter.listeners() as f64);
        values.set("captured_bytes", running.emitter.captured() as f64);
        values.set("things", running.things.kept(s, &running.server) as f64);
    }

    fn counters(&self, s: &Scope<'_, '_>) -> Vec<Counter> {
        let Some(running) = &self.running else {
            return Vec::new();
        };
        let emitter = &running.emitter;
        vec![
            Counter::count("requests", "Requests handled", running.requests),
            Counter::count(
                "listeners",
                "Listeners at the end",
                emitter.listeners() as u64,
            ),
            Counter::count(
                "most_listeners",
                "Most listeners at a time",
                running.most_listeners as u64,
            ),
            Counter::bytes(
                "captured_bytes",
                "Bytes that the listeners keep",
                emitter.captured(),
            ),
            Counter::bytes(
                "bytes_per_listener",
                "of which each, on average",
                emitter.captured() / (emitter.listeners() as u64).max(1),
            ),
            Counter::count(
                "things",
                "Things that the present one keeps, with itself",
                running.things.kept(s, &running.server),
            ),
        ]
    }
}
