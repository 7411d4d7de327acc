//! What a workload is: the trait, and what each declares of itself.
//!
//! A workload of your own needs a [`Workload`] and, if it is to be listed and reported, a [`Description`]:
//!
//! ```
//! use heaplab_gc::{Global, Heap, HeapOptions, Immediate, Scope, Shape};
//! use heaplab_workloads::driver::{self, NoObserver, Outcome, RunOptions};
//! use heaplab_workloads::{SampleValues, Workload, WorkloadContext, WorkloadError};
//!
//! /// A log that nobody trims: each request prepends an entry to a list.
//! #[derive(Default)]
//! struct Log {
//!     state: Option<(Global, Shape)>,
//!     entries: u64,
//! }
//!
//! impl Workload for Log {
//!     fn set_up(&mut self, s: &mut Scope<'_, '_>, _: &mut WorkloadContext) -> Result<(), WorkloadError> {
//!         let log = s.shape("Log", &["newest"])?;
//!         let log = s.object(log)?;
//!         self.state = Some((s.global(log), s.shape("LogEntry", &["text", "older"])?));
//!         Ok(())
//!     }
//!
//!     fn tick(&mut self, s: &mut Scope<'_, '_>, cx: &mut WorkloadContext) -> Result<(), WorkloadError> {
//!         let Some((log, shape)) = &self.state else { return Ok(()) };
//!         let user = cx.random().below(1000);
//!         let text = s.string(&format!("request {} of user {user}", cx.tick()))?;
//!         let older = s.root(s.get(s.peek(log), 0));
//!         let entry = s.object_with(*shape, [text.into(), older.into()])?;
//!         s.set(s.peek(log), 0, entry);
//!         self.entries += 1;
//!         Ok(())
//!     }
//!
//!     fn sample(&mut self, _: &Scope<'_, '_>, values: &mut SampleValues) {
//!         values.set("entries", self.entries as f64);
//!     }
//! }
//!
//! let mut heap = Heap::new(HeapOptions::with_limits(4 << 20, 1 << 20))?;
//! let summary = driver::run(&mut heap, &mut Log::default(), &RunOptions::ticks(1_000_000), &mut NoObserver);
//! assert!(matches!(summary.outcome, Outcome::HeapLimit(_)));
//! println!("the log held {} requests when the heap was full", summary.ticks);
//! # Ok::<(), heaplab_gc::HeapError>(())
//! ```

use std::fmt;

use heaplab_gc::Scope;

use crate::error::WorkloadError;
use crate::parameter::{Parameter, Parameters, Span, Unit};
use crate::random::Random;

/// What runs on a heap, tick by tick.
///
/// State that outlives a tick is held in [`heaplab_gc::Global`]s; everything else ends with the tick's scope.
pub trait Workload {
    /// Makes what the first tick needs.
    ///
    /// # Errors
    /// The heap has no room, or refuses a class.
    fn set_up(
        &mut self,
        scope: &mut Scope<'_, '_>,
        context: &mut WorkloadContext,
    ) -> Result<(), WorkloadError>;

    /// Serves one request of the simulated server.
    ///
    /// # Errors
    /// The heap has no room: the run ends, as a leak's should, and the workload is asked for its last figures.
    fn tick(
        &mut self,
        scope: &mut Scope<'_, '_>,
        context: &mut WorkloadContext,
    ) -> Result<(), WorkloadError>;

    /// Gives the present values of the declared series ([`Description::charts`]).
    fn sample(&mut self, scope: &Scope<'_, '_>, values: &mut SampleValues) {
        let _ = (scope, values);
    }

    /// Gives the figures of the whole run; called once, at its end.
    fn counters(&self, scope: &Scope<'_, '_>) -> Vec<Counter> {
        let _ = scope;
        Vec::new()
    }
}

/// What a tick knows of the run: its number, the time, random numbers; and where it leaves notes.
#[derive(Debug)]
pub struct WorkloadContext {
    pub(crate) tick: u64,
    pub(crate) now_ns: u64,
    pub(crate) random: Random,
    pub(crate) notes: Vec<Note>,
}

impl WorkloadContext {
    /// The context of a run before its first tick.
    pub fn new(seed: u64) -> Self {
        Self {
            tick: 0,
            now_ns: 0,
            random: Random::new(seed),
            notes: Vec::new(),
        }
    }

    /// Begins the next tick, at `now_ns` on the policy clock. The driver calls it; so does who ticks by hand.
    pub fn begin_tick(&mut self, now_ns: u64) {
        self.tick += 1;
        self.now_ns = now_ns;
    }

    /// The tick's number, from 1; 0 during [`Workload::set_up`].
    pub fn tick(&self) -> u64 {
        self.tick
    }

    /// When the tick began: nanoseconds on the heap's policy clock.
    pub fn now_ns(&self) -> u64 {
        self.now_ns
    }

    /// The present reading of what `span` is measured with: a tick number, or nanoseconds.
    pub fn reading(&self, span: Span) -> u64 {
        match span {
            Span::Ticks(_) => self.tick,
            Span::Nanoseconds(_) => self.now_ns,
        }
    }

    /// The run's random numbers: the same for the same seed.
    pub fn random(&mut self) -> &mut Random {
        &mut self.random
    }

    /// Says something about this moment: `name` for programs, `text` (one line) for people.
    pub fn note(&mut self, name: &'static str, text: impl Into<String>) {
        self.notes.push(Note {
            tick: self.tick,
            time_us: self.now_ns / 1000,
            name,
            text: text.into(),
        });
    }
}

/// Something worth saying at a moment of a run: the queue is long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// The tick.
    pub tick: u64,
    /// When the tick began, µs on the policy clock.
    pub time_us: u64,
    /// A short name that programs can test: `queue_full`.
    pub name: &'static str,
    /// One line for people.
    pub text: String,
}

/// Values of series at one moment, in the order in which they were set.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SampleValues(Vec<(&'static str, f64)>);

impl SampleValues {
    /// Sets the value of a series; one that is not finite is a gap in its curve.
    pub fn set(&mut self, series: &'static str, value: f64) {
        match self.0.iter_mut().find(|(name, _)| *name == series) {
            Some((_, slot)) => *slot = value,
            None => self.0.push((series, value)),
        }
    }

    /// Each series with its value.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&'static str, f64)> + '_ {
        self.0.iter().copied()
    }

    /// The value of one series.
    pub fn get(&self, series: &str) -> Option<f64> {
        let found = self.0.iter().find(|(name, _)| *name == series);
        found.map(|&(_, value)| value)
    }
}

/// A figure of the whole run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Counter {
    /// A short name for programs: `hits`.
    pub name: &'static str,
    /// What a table says.
    pub title: &'static str,
    /// What the value counts.
    pub unit: Unit,
    /// The value in that unit.
    pub value: f64,
}

impl Counter {
    /// A count of things.
    pub fn count(name: &'static str, title: &'static str, value: u64) -> Self {
        Self::new(name, title, Unit::Count, value as f64)
    }

    /// A size.
    pub fn bytes(name: &'static str, title: &'static str, value: u64) -> Self {
        Self::new(name, title, Unit::Bytes, value as f64)
    }

    /// A figure of any unit.
    pub fn new(name: &'static str, title: &'static str, unit: Unit, value: f64) -> Self {
        Self {
            name,
            title,
            unit,
            value,
        }
    }
}

/// What a workload declares of itself.
#[derive(Clone, Copy)]
pub struct Description {
    /// Its name on a command line.
    pub name: &'static str,
    /// A few words for a heading.
    pub title: &'static str,
    /// One or two sentences: what it does, and why it leaks.
    pub summary: &'static str,
    /// Its parameters, those of its cures included.
    pub parameters: &'static [Parameter],
    /// What stops the leak.
    pub cures: &'static [Cure],
    /// Its own curves.
    pub charts: &'static [Chart],
    /// What leaks; the class that matters most comes first.
    pub leaks: &'static [GroundTruth],
    /// Ticks of a run by default: at 64 MB of old space the leak reaches the limit about halfway.
    pub ticks: u64,
    /// Ticks after which the heap is warm: where a snapshot to compare later ones with is taken.
    pub warm_up: u64,
    /// Makes the workload with one of its cures (by name) or none.
    pub build: fn(&Parameters, Option<&'static str>) -> Box<dyn Workload>,
}

impl Description {
    /// The cure of this name.
    pub fn cure(&self, name: &str) -> Option<&'static Cure> {
        self.cures.iter().find(|cure| cure.name == name)
    }

    /// Makes the workload.
    ///
    /// # Panics
    /// If `parameters` were parsed for another workload or another cure.
    pub fn build(&self, parameters: &Parameters, cure: Option<&'static Cure>) -> Box<dyn Workload> {
        (self.build)(parameters, cure.map(|cure| cure.name))
    }
}

impl fmt::Debug for Description {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Description")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// A way to stop a leak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cure {
    /// Its name on a command line.
    pub name: &'static str,
    /// One sentence: what it changes.
    pub summary: &'static str,
}

/// What leaks and what keeps it, as the workload's author knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroundTruth {
    /// Constructor name of the objects that leak.
    pub class: &'static str,
    /// How a root retains each of them.
    pub path: &'static [Step],
    /// One sentence: why the path is not cut.
    pub why: &'static str,
}

/// One step of a retaining path: over the edge of this name to an object of this class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// The edge's name: a field, a captured variable, `[]` for any element. Empty for the first step, from a
    /// root.
    pub edge: &'static str,
    /// The object's name in a snapshot: its constructor, a closure's function, for a context
    /// `system / Context / ` and its function.
    pub class: &'static str,
}

impl fmt::Display for GroundTruth {
    /// The path as people write it: `Server.cache → Cache.entries → Map.table → …`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, step) in self.path.iter().enumerate() {
            match (i, step.edge) {
                (0, _) => write!(f, "{}", step.class)?,
                (_, "[]") => write!(f, "[…] → {}", step.class)?,
                (_, edge) => write!(f, ".{edge} → {}", step.class)?,
            }
        }
        Ok(())
    }
}

/// A chart of a workload's own curves: one unit, one vertical axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chart {
    /// A short name, usable in a file name.
    pub name: &'static str,
    /// The heading.
    pub title: &'static str,
    /// What the values count.
    pub unit: Unit,
    /// One sentence: what to look at.
    pub caption: &'static str,
    /// The curves, in the legend's order.
    pub series: &'static [Series],
}

/// One curve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Series {
    /// The name of its values in [`SampleValues`].
    pub name: &'static str,
    /// What the legend says.
    pub title: &'static str,
}
