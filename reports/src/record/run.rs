//! `run.json`: what was run, under which limits, and how it ended.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::event::SnapshotTaken;
use super::totals::Totals;
use super::{FORMAT_VERSION, number};
use crate::format;

/// The content of `run.json`.
///
/// Build one with [`RunInfo::new`] and fill in the public fields that are known before the run starts;
/// [`RecordWriter`](super::RecordWriter) fills in `totals` and `snapshots`, and the end of the run gives
/// `end` and `counters`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunInfo {
    /// Version of the format, [`FORMAT_VERSION`] when written by this crate.
    pub version: u32,
    /// The program that made the record.
    pub generator: Generator,
    /// What ran on the heap.
    pub workload: Workload,
    /// The cure that was applied; absent when the leak was left to run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cure: Option<Cure>,
    /// The workload's parameters, defaults included, in the order in which the workload declares them.
    #[serde(default)]
    pub parameters: Vec<Parameter>,
    /// Seed of the workload's random numbers.
    pub seed: u64,
    /// Which clock times are read from.
    pub clock: Clock,
    /// When the run started, RFC 3339; absent on the virtual clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<String>,
    /// How many ticks were asked for; absent when the run was bounded by time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub planned_ticks: Option<u64>,
    /// The heap's limits.
    pub limits: Limits,
    /// Further heap options by their V8 names (without dashes), as text: `"policy": "generational"`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub options: BTreeMap<String, String>,
    /// What is known to leak, from the workload's author, the largest leak first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ground_truth: Vec<GroundTruth>,
    /// The workload's own curves, grouped into charts; their values are in each sample.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub charts: Vec<CurveChart>,
    /// Snapshots that were written, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub snapshots: Vec<SnapshotTaken>,
    /// The workload's own figures at the end (hits, rejected, ...), in the workload's order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub counters: Vec<Counter>,
    /// Sums over the events.
    #[serde(default)]
    pub totals: Totals,
    /// How far the run came and how it ended.
    #[serde(default)]
    pub end: RunEnd,
    /// The heap's statistics at the end with V8's keys (`getHeapStatistics`, `getHeapSpaceStatistics`,
    /// `memoryUsage`), for programs; the page shows a few of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub statistics: Option<serde_json::Value>,
    /// How little old generation the run needs; absent if that was not looked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub smallest_heap: Option<SmallestHeap>,
}

impl RunInfo {
    /// A record of `workload` that has not started yet: seed 1, real clock, no cure, status running.
    pub fn new(workload: Workload, limits: Limits) -> Self {
        Self {
            version: FORMAT_VERSION,
            generator: Generator::default(),
            workload,
            cure: None,
            parameters: Vec::new(),
            seed: 1,
            clock: Clock::Real,
            started_at: None,
            planned_ticks: None,
            limits,
            options: BTreeMap::new(),
            ground_truth: Vec::new(),
            charts: Vec::new(),
            snapshots: Vec::new(),
            counters: Vec::new(),
            totals: Totals::default(),
            end: RunEnd::default(),
            statistics: None,
            smallest_heap: None,
        }
    }

    /// The name of the variant: the cure's name, or `leak` for the workload without a cure.
    pub fn variant(&self) -> &str {
        self.cure.as_ref().map_or("leak", |cure| cure.name.as_str())
    }
}

/// The program that made a record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Generator {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
}

impl Default for Generator {
    /// heaplab, in the version of this crate.
    fn default() -> Self {
        Self {
            name: "heaplab".into(),
            version: env!("CARGO_PKG_VERSION").into(),
        }
    }
}

/// What ran on the heap.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Workload {
    /// Its name on the command line: `cache`.
    pub name: String,
    /// A few words for a heading: `An unbounded cache`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub title: String,
    /// One or two whole sentences: what it does and, if it leaks, why.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub summary: String,
}

/// The cure that was applied to a workload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cure {
    /// Its name on the command line: `lru`.
    pub name: String,
    /// One whole sentence: what it changes.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub summary: String,
}

/// One parameter of the workload with the value it ran with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Parameter {
    /// Its name on the command line.
    pub name: String,
    /// The value, in `unit`.
    pub value: ParameterValue,
    /// What the value counts.
    #[serde(default)]
    pub unit: Unit,
    /// What it means, in a few words.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub meaning: String,
}

/// The value of a [`Parameter`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ParameterValue {
    /// A number in the parameter's unit.
    Number(#[serde(serialize_with = "number::serialize")] f64),
    /// A word.
    Text(String),
}

/// What a number counts; decides how it is printed and scaled on axes.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum Unit {
    /// A plain count of things; also the unit of whatever has none.
    #[default]
    Count,
    /// Bytes.
    Bytes,
    /// A share from 0 to 1, shown as a percentage.
    Ratio,
    /// Ticks: requests of the simulated server.
    Ticks,
    /// Nanoseconds.
    Nanoseconds,
    /// Microseconds.
    Microseconds,
    /// Milliseconds.
    Milliseconds,
    /// Anything else, printed after the number as it stands: `jobs/tick`.
    Other(String),
}

impl Unit {
    /// The word in the record: `bytes`, `ratio`, ...
    pub fn as_str(&self) -> &str {
        match self {
            Self::Count => "count",
            Self::Bytes => "bytes",
            Self::Ratio => "ratio",
            Self::Ticks => "ticks",
            Self::Nanoseconds => "ns",
            Self::Microseconds => "us",
            Self::Milliseconds => "ms",
            Self::Other(unit) => unit,
        }
    }
}

impl From<String> for Unit {
    fn from(word: String) -> Self {
        match word.as_str() {
            "" | "count" => Self::Count,
            "bytes" => Self::Bytes,
            "ratio" => Self::Ratio,
            "ticks" => Self::Ticks,
            "ns" => Self::Nanoseconds,
            "us" => Self::Microseconds,
            "ms" => Self::Milliseconds,
            _ => Self::Other(word),
        }
    }
}

impl From<Unit> for String {
    fn from(unit: Unit) -> Self {
        unit.as_str().to_owned()
    }
}

/// Which clock times are read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Clock {
    /// Wall time.
    Real,
    /// A documented cost per tick and per byte; the same seed gives the same times.
    Virtual,
}

/// The limits a heap ran under, in bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// `--max-old-space-size`: the most the old generation may hold (V8 counts in MB on its command line).
    pub max_old_space_bytes: u64,
    /// `--max-semi-space-size`: the most one half of the young generation may grow to.
    pub max_semi_space_bytes: u64,
    /// The size each half of the young generation starts with.
    pub initial_semi_space_bytes: u64,
    /// The most bytes that external buffers may hold; absent when they only count towards starting collections.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_external_bytes: Option<u64>,
}

/// How little old generation a run needs to complete, found by running it again and again on the virtual clock.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SmallestHeap {
    /// The smallest `--max-old-space-size`, in whole MB, in which all of the run completes; absent if it does
    /// in none that was tried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_old_space_bytes: Option<u64>,
    /// The largest that was tried.
    pub largest_tried_bytes: u64,
    /// The limit, in V8's words, that stops the run however large the old generation may be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub other_limit: Option<String>,
    /// How often the run was repeated.
    pub attempts: u32,
}

impl SmallestHeap {
    /// For a cell of a table: `126 MB`, `> 512 MB`, or `none` where another limit stops the run.
    pub fn cell(&self) -> String {
        match (self.max_old_space_bytes, &self.other_limit) {
            (Some(bytes), _) => format::bytes(bytes as f64),
            (None, None) => format!("> {}", format::bytes(self.largest_tried_bytes as f64)),
            (None, Some(_)) => "none".into(),
        }
    }
}

/// What leaks and what keeps it, as the workload's author knows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroundTruth {
    /// Constructor name of the objects that leak.
    pub class: String,
    /// The path that retains them, from the object that a root holds to one of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub path: Vec<PathStep>,
    /// One whole sentence: why the path is not cut.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub why: String,
}

impl GroundTruth {
    /// The path on one line, as a programmer would write it: `Cache.entries → Map.table → (map table)[…]`.
    pub fn path_text(&self) -> String {
        let steps = self.path.iter().enumerate().map(|(place, step)| {
            let next = self
                .path
                .get(place + 1)
                .map_or("", |next| next.edge.as_str());
            match next {
                "" => step.class.clone(),
                "[]" => format!("{}[…]", step.class),
                edge => format!("{}.{edge}", step.class),
            }
        });
        steps.collect::<Vec<_>>().join(" → ")
    }
}

/// One object on a path of [`GroundTruth`], and how it is reached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PathStep {
    /// Name of the edge from the step before; `[]` for any element, empty on the first step.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub edge: String,
    /// Class of the object, as snapshots name it.
    pub class: String,
}

/// A chart of the workload's own curves: one unit, one vertical axis.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CurveChart {
    /// A short name, used for the chart's file: `hit-rate`.
    pub name: String,
    /// The heading.
    pub title: String,
    /// What the values count.
    pub unit: Unit,
    /// One whole sentence under the heading: what to look at.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub caption: String,
    /// The curves, in the order of the legend.
    pub curves: Vec<Curve>,
}

/// One curve of a [`CurveChart`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Curve {
    /// The key of its values in [`Sample::values`](super::Sample::values).
    pub name: String,
    /// What the legend says.
    pub title: String,
}

/// A figure of the workload's own at the end of the run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Counter {
    /// A short name: `hits`.
    pub name: String,
    /// What the table says; the name when empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub title: String,
    /// What the value counts.
    #[serde(default)]
    pub unit: Unit,
    /// The value in that unit.
    #[serde(serialize_with = "number::serialize")]
    pub value: f64,
}

/// How far a run came and how it ended.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunEnd {
    /// Ticks that were run to their end.
    pub ticks: u64,
    /// When the last of them ended, on the policy clock.
    pub time_us: u64,
    /// Why the run stopped there.
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// Why a run stopped.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// The record was never closed: the run goes on, or its process was killed.
    #[default]
    Running,
    /// Every tick asked for was run.
    Completed,
    /// An allocation found no room after everything was tried.
    HeapLimit {
        /// Which limit, in V8's words: `old generation`.
        which: String,
        /// That limit in bytes.
        limit_bytes: u64,
        /// Bytes that were live under it.
        live_bytes: u64,
        /// Bytes the allocation asked for.
        requested_bytes: u64,
        /// Collections that were tried before giving up.
        collections_tried: u32,
    },
    /// The user stopped it; everything up to then is in the record.
    Interrupted,
    /// The workload failed; the text says why.
    Failed {
        /// The error's text.
        message: String,
    },
}

impl Outcome {
    /// The word in the record: `completed`, `heap_limit`, ...
    pub fn name(&self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Completed => "completed",
            Self::HeapLimit { .. } => "heap_limit",
            Self::Interrupted => "interrupted",
            Self::Failed { .. } => "failed",
        }
    }
}
