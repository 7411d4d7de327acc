//! `events.jsonl`: collections, samples, snapshots and notes, one JSON object per line in the order in
//! which they happened.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::number;

/// One line of `events.jsonl` after its header.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Event {
    /// A collection ended.
    Gc(Box<GcEvent>),
    /// The heap and the workload were sampled at the end of a tick.
    Sample(Sample),
    /// A heap snapshot was written.
    Snapshot(SnapshotTaken),
    /// The workload had something to say.
    Note(Note),
}

impl Event {
    /// When the event happened (for a collection: when it began), in µs on the policy clock.
    pub fn time_us(&self) -> u64 {
        match self {
            Self::Gc(gc) => gc.start_us,
            Self::Sample(sample) => sample.time_us,
            Self::Snapshot(snapshot) => snapshot.time_us,
            Self::Note(note) => note.time_us,
        }
    }
}

/// Which generation a collection was about.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum GcKind {
    /// The young generation: a scavenge.
    #[default]
    Minor,
    /// The whole heap: mark and sweep, perhaps compact.
    Major,
}

/// One collection.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct GcEvent {
    /// Running number of the collection, from 1.
    pub sequence: u64,
    /// Minor or major.
    pub kind: GcKind,
    /// For a major one: marking was done in steps beforehand, and the pause only finished it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub incremental: bool,
    /// For a major one: pages were evacuated.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub compacted: bool,
    /// For a major one: it was asked to give memory back (V8 prints `(reduce)`).
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub reduce_memory: bool,
    /// Why it was started, in V8's words: `allocation failure`, `testing`, `last resort`, ...
    pub reason: String,
    /// Why this collector was chosen, in V8's words; empty for most minor ones.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub collector_reason: String,
    /// When it began, µs since the heap was created, on the policy clock.
    pub start_us: u64,
    /// The tick in which it happened, when known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tick: Option<u64>,
    /// How long the mutator stood still, ns (virtual on the virtual clock).
    pub total_ns: u64,
    /// The parts of that time, in the order in which they ran.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub phases: Vec<Phase>,
    /// The heap just before.
    pub before: HeapSizes,
    /// The heap just after.
    pub after: HeapSizes,
    /// Size of one half of the young generation after the collection.
    pub semi_space_capacity_bytes: u64,
    /// Old-generation size at which the next major collection will start.
    pub old_generation_limit_bytes: u64,
    /// The most the old generation may hold.
    pub max_old_generation_bytes: u64,
    /// Bytes copied inside the young generation.
    #[serde(skip_serializing_if = "is_zero")]
    pub copied_bytes: u64,
    /// Bytes moved into the old generation.
    #[serde(skip_serializing_if = "is_zero")]
    pub promoted_bytes: u64,
    /// Bytes that were due for promotion and found no room.
    #[serde(skip_serializing_if = "is_zero")]
    pub promotion_failed_bytes: u64,
    /// Bytes of the objects marked.
    #[serde(skip_serializing_if = "is_zero")]
    pub marked_bytes: u64,
    /// Objects marked.
    #[serde(skip_serializing_if = "is_zero")]
    pub marked_objects: u64,
    /// Bytes given back to free lists and pages; with lazy sweeping, by the sweeping known at the pause's end.
    #[serde(skip_serializing_if = "is_zero")]
    pub freed_bytes: u64,
    /// The steps of incremental work since the last collection of this kind, if there were any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub incremental_marking: Option<IncrementalMarking>,
    /// The steps of marking since the last collection that were in vain: their cycle was given up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub abandoned_marking: Option<IncrementalMarking>,
    /// V8's average mutator utilisation, 0 to 1.
    #[serde(serialize_with = "number::serialize")]
    pub average_mu: f64,
    /// V8's mutator utilisation since the previous major collection's end, 0 to 1.
    #[serde(serialize_with = "number::serialize")]
    pub current_mu: f64,
}

fn is_zero(value: &u64) -> bool {
    *value == 0
}

impl GcEvent {
    /// When the pause ended, µs on the policy clock.
    pub fn end_us(&self) -> u64 {
        self.start_us.saturating_add(self.total_ns.div_ceil(1000))
    }
}

/// One part of a collection's time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Phase {
    /// Its name, e.g. `scavenge.roots`.
    pub name: String,
    /// Its length in ns.
    pub ns: u64,
}

/// How much each part of the heap holds, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct HeapSizes {
    /// Used in the young generation.
    pub young_bytes: u64,
    /// Used in pages of the old generation.
    pub old_bytes: u64,
    /// Used by large objects.
    pub large_bytes: u64,
    /// Held outside the heap by objects in it.
    pub external_bytes: u64,
    /// Committed from the system for the heap (external bytes not counted).
    pub committed_bytes: u64,
}

impl HeapSizes {
    /// Bytes used inside the heap: young, old and large.
    pub fn used_bytes(&self) -> u64 {
        self.young_bytes
            .saturating_add(self.old_bytes)
            .saturating_add(self.large_bytes)
    }

    /// Bytes that count against `--max-old-space-size`: old and large.
    pub fn old_generation_bytes(&self) -> u64 {
        self.old_bytes.saturating_add(self.large_bytes)
    }
}

/// Incremental steps that led to a collection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct IncrementalMarking {
    /// How many steps.
    pub steps: u32,
    /// Their time together.
    pub total_ns: u64,
    /// The longest of them.
    pub longest_ns: u64,
    /// Wall time from the start of marking to the collection.
    pub wall_us: u64,
}

/// The state of the heap and of the workload at the end of a tick.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Sample {
    /// Ticks done.
    pub tick: u64,
    /// When, µs on the policy clock.
    pub time_us: u64,
    /// The heap's parts.
    #[serde(flatten)]
    pub heap: HeapSizes,
    /// Old-generation size at which the next major collection will start.
    pub old_generation_limit_bytes: u64,
    /// Bytes allocated since the heap was created, dead ones included, when the heap counts them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allocated_bytes: Option<u64>,
    /// The process's resident size; absent on the virtual clock.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resident_bytes: Option<u64>,
    /// Values of the curves declared in `run.json`, by name. A value that is missing is a gap in the curve.
    #[serde(
        serialize_with = "number::serialize_map",
        skip_serializing_if = "BTreeMap::is_empty"
    )]
    pub values: BTreeMap<String, f64>,
}

/// Why a snapshot was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SnapshotWhy {
    /// After the first ticks, to compare with.
    Start,
    /// At a tick that was asked for.
    Tick,
    /// An allocation was about to fail, in the middle of a tick (`--heapsnapshot-near-heap-limit`).
    NearHeapLimit,
    /// The limit was reached.
    Limit,
    /// A signal asked for it (`--heapsnapshot-signal`).
    Signal,
    /// At the end.
    End,
}

/// A heap snapshot that was written into the run's folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotTaken {
    /// The file's name inside the folder.
    pub file: String,
    /// Ticks done when it was taken.
    pub tick: u64,
    /// When, µs on the policy clock.
    pub time_us: u64,
    /// Why.
    pub why: SnapshotWhy,
    /// Size of the file.
    pub file_bytes: u64,
    /// Nodes in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nodes: Option<u64>,
    /// Edges in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edges: Option<u64>,
}

/// Something worth saying at a moment of the run: the queue is long, the limit was raised.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// The tick.
    pub tick: u64,
    /// When, µs on the policy clock.
    pub time_us: u64,
    /// A short name that programs can test: `queue_full`.
    pub name: String,
    /// One line for people.
    pub text: String,
}
