//! What the heap tells of each collection: one typed [`GcEvent`] to one [`Observer`].
//!
//! Reasons and collector reasons have V8's texts, so that a log made from events reads as Node's does.

use std::fmt;
use std::ops::{AddAssign, Index};

/// Which generation a collection was about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum CollectionKind {
    /// The young generation: a scavenge.
    #[default]
    Minor,
    /// The whole heap: mark and sweep, perhaps compact.
    Major,
}

/// Why a collection was started: V8's reasons that this heap can have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CollectionReason {
    /// The young generation was full.
    #[default]
    AllocationFailure,
    /// The old generation reached its current limit.
    AllocationLimit,
    /// The embedder asked for it in its own words (V8: external request).
    ExternalFinalize,
    /// Objects own too much memory outside the heap.
    ExternalMemoryPressure,
    /// Marking was complete when an allocation looked.
    FinalizeMarkingViaStackGuard,
    /// Marking was complete when a step of the embedder looked.
    FinalizeMarkingViaTask,
    /// Heap and external memory together reached their current limit.
    GlobalAllocationLimit,
    /// A snapshot is about to be taken.
    HeapProfiler,
    /// All else failed to make room.
    LastResort,
    /// The embedder says that memory is low.
    LowMemoryNotification,
    /// The heap is about to be walked.
    MakeHeapIterable,
    /// The system is short of memory.
    MemoryPressure,
    /// The heap was idle and holds more than it needs.
    MemoryReducer,
    /// The embedder's idle time.
    Task,
    /// A test or the stress mode asked for it; `gc()` in Node.
    Testing,
}

impl CollectionReason {
    /// V8's text, as in `--trace-gc`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AllocationFailure => "allocation failure",
            Self::AllocationLimit => "allocation limit",
            Self::ExternalFinalize => "external finalize",
            Self::ExternalMemoryPressure => "external memory pressure",
            Self::FinalizeMarkingViaStackGuard => "finalize incremental marking via stack guard",
            Self::FinalizeMarkingViaTask => "finalize incremental marking via task",
            Self::GlobalAllocationLimit => "global allocation limit",
            Self::HeapProfiler => "heap profiler",
            Self::LastResort => "last resort",
            Self::LowMemoryNotification => "low memory notification",
            Self::MakeHeapIterable => "make heap iterable",
            Self::MemoryPressure => "memory pressure",
            Self::MemoryReducer => "memory reducer",
            Self::Task => "task",
            Self::Testing => "testing",
        }
    }
}

impl fmt::Display for CollectionReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why this collector was chosen; V8 prints it after the reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CollectorReason {
    /// The usual one for its reason.
    #[default]
    None,
    /// A major collection was asked for.
    OldSpaceRequested,
    /// The stress mode or an option asks for major collections.
    ForcedByFlags,
    /// Marking in steps had to be finished at once.
    MarkingForcedFinalization,
    /// The old generation may lack room for the survivors of a scavenge.
    ScavengeMightNotSucceed,
}

impl CollectorReason {
    /// V8's text; empty for [`CollectorReason::None`].
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "",
            Self::OldSpaceRequested => "GC in old space requested",
            Self::ForcedByFlags => "GC in old space forced by flags",
            Self::MarkingForcedFinalization => "Incremental marking forced finalization",
            Self::ScavengeMightNotSucceed => "scavenge might not succeed",
        }
    }
}

impl fmt::Display for CollectorReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A part of a pause, in the order in which the parts run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Phase {
    /// Scavenge: handles, globals and other roots.
    ScavengeRoots,
    /// Scavenge: slots of the remembered set.
    ScavengeRemembered,
    /// Scavenge: copying what those reach.
    ScavengeCopy,
    /// Scavenge: weak references, ephemerons and finalisers.
    ScavengeWeak,
    /// Scavenge: owners of external memory.
    ScavengeExternal,
    /// Scavenge: resizing the semi-spaces, poisoning from-space.
    ScavengeFinish,
    /// Before marking: sweeping that was put off by the last collection.
    CompleteSweep,
    /// Marking: roots.
    MarkRoots,
    /// Marking: the closure over all references.
    MarkClosure,
    /// Marking: ephemerons.
    MarkEphemerons,
    /// Weak references, weak collections, finalisers, owners of external memory.
    Clear,
    /// Evacuation: copying objects out of fragmented pages.
    EvacuateCopy,
    /// Evacuation: rewriting the references to them.
    EvacuateUpdate,
    /// Deciding what each page keeps; sweeping that was not put off.
    Sweep,
    /// Limits, free lists, returning memory.
    Finish,
}

impl Phase {
    /// All phases, in order.
    pub const ALL: [Self; 15] = [
        Self::ScavengeRoots,
        Self::ScavengeRemembered,
        Self::ScavengeCopy,
        Self::ScavengeWeak,
        Self::ScavengeExternal,
        Self::ScavengeFinish,
        Self::CompleteSweep,
        Self::MarkRoots,
        Self::MarkClosure,
        Self::MarkEphemerons,
        Self::Clear,
        Self::EvacuateCopy,
        Self::EvacuateUpdate,
        Self::Sweep,
        Self::Finish,
    ];

    /// Name in the style of `--trace-gc-nvp`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ScavengeRoots => "scavenge.roots",
            Self::ScavengeRemembered => "scavenge.remembered",
            Self::ScavengeCopy => "scavenge.copy",
            Self::ScavengeWeak => "scavenge.weak",
            Self::ScavengeExternal => "scavenge.external",
            Self::ScavengeFinish => "scavenge.finish",
            Self::CompleteSweep => "complete.sweep",
            Self::MarkRoots => "mark.roots",
            Self::MarkClosure => "mark.closure",
            Self::MarkEphemerons => "mark.ephemerons",
            Self::Clear => "clear",
            Self::EvacuateCopy => "evacuate.copy",
            Self::EvacuateUpdate => "evacuate.update",
            Self::Sweep => "sweep",
            Self::Finish => "finish",
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Nanoseconds spent in each phase of a pause.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PhaseTimes([u64; Phase::ALL.len()]);

impl PhaseTimes {
    /// Adds time to a phase.
    pub fn add(&mut self, phase: Phase, ns: u64) {
        self.0[phase as usize] += ns;
    }

    /// The phases that took any time, in order.
    pub fn iter(&self) -> impl Iterator<Item = (Phase, u64)> + '_ {
        Phase::ALL.into_iter().zip(self.0).filter(|&(_, ns)| ns > 0)
    }

    /// All phases together.
    pub fn sum(&self) -> u64 {
        self.0.iter().sum()
    }
}

impl Index<Phase> for PhaseTimes {
    type Output = u64;

    fn index(&self, phase: Phase) -> &u64 {
        &self.0[phase as usize]
    }
}

impl AddAssign for PhaseTimes {
    fn add_assign(&mut self, other: Self) {
        for (mine, theirs) in self.0.iter_mut().zip(other.0) {
            *mine += theirs;
        }
    }
}

/// How much each part of the heap holds, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HeapSizes {
    /// Objects of the young generation.
    pub young: u64,
    /// Objects in pages of the old space; the dead of pages not yet swept are not counted.
    pub old: u64,
    /// Large objects.
    pub large: u64,
    /// Memory outside the heap owned by objects in it.
    pub external: u64,
    /// Memory committed for the heap by the system; external memory is not counted.
    pub committed: u64,
}

impl HeapSizes {
    /// Bytes of objects inside the heap.
    pub fn used(&self) -> u64 {
        self.young + self.old + self.large
    }

    /// What counts against `--max-old-space-size`.
    pub fn old_generation(&self) -> u64 {
        self.old + self.large
    }
}

/// The steps of marking that led to a collection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct IncrementalSteps {
    /// How many.
    pub steps: u32,
    /// Their durations together, in ns.
    pub total_ns: u64,
    /// The longest of them, in ns.
    pub longest_ns: u64,
    /// The most processor time that one of them took, in ns. Where the longest took longer, it waited for its turn on a
    /// shared core.
    pub longest_cpu_ns: u64,
    /// Time from the start of marking to the collection, in ns.
    pub wall_ns: u64,
}

/// One collection.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct GcEvent {
    /// Running number of the collection in its heap, from 1.
    pub sequence: u64,
    /// Minor or major.
    pub kind: CollectionKind,
    /// A major one that finished marking done in steps.
    pub incremental: bool,
    /// A major one that evacuated pages.
    pub compacted: bool,
    /// A major one that was asked to give memory back (V8 prints `(reduce)`).
    pub reduce_memory: bool,
    /// Why it was started.
    pub reason: CollectionReason,
    /// Why this collector was chosen.
    pub collector_reason: CollectorReason,
    /// When it began: µs on the policy clock since the heap was made.
    pub start_us: u64,
    /// How long the mutator stood still: ns on the stopwatch.
    pub total_ns: u64,
    /// The parts of that time.
    pub phases: PhaseTimes,
    /// The heap just before.
    pub before: HeapSizes,
    /// The heap just after.
    pub after: HeapSizes,
    /// Bytes of one semi-space afterwards.
    pub semi_space_capacity: u64,
    /// Old-generation bytes at which the next major collection starts.
    pub old_generation_limit: u64,
    /// Most bytes of the old generation.
    pub max_old_generation: u64,
    /// Bytes copied within the young generation.
    pub copied_bytes: u64,
    /// Bytes moved into the old generation.
    pub promoted_bytes: u64,
    /// Bytes due for promotion that found no room in the old generation.
    pub promotion_failed_bytes: u64,
    /// Bytes of marked objects.
    pub marked_bytes: u64,
    /// Number of marked objects.
    pub marked_objects: u64,
    /// Bytes of objects found dead, whether or not their pages are swept yet.
    pub freed_bytes: u64,
    /// Work for the heap between the last collection and this one that was neither a pause nor a step of
    /// marking: refilling allocation buffers, lazy sweeping, committing pages. In ns.
    pub between_ns: u64,
    /// Steps of marking before it, for an incremental one.
    pub steps: Option<IncrementalSteps>,
    /// Steps of cycles of marking that were given up since the last collection: for a snapshot, or because this
    /// collection compacts the whole heap. They count as time spent on collecting.
    pub abandoned_steps: Option<IncrementalSteps>,
    /// Mutator utilisation averaged over major collections, 0 to 1.
    pub average_mu: f64,
    /// Mutator utilisation since the end of the major collection before this one, 0 to 1.
    pub current_mu: f64,
}

/// Is told of every collection, after its pause.
///
/// It gets the event only: from inside a pause's end no heap is at hand, so it cannot disturb one.
pub trait Observer {
    /// A collection has ended.
    fn on_gc(&mut self, event: &GcEvent);
}

impl<F: FnMut(&GcEvent)> Observer for F {
    fn on_gc(&mut self, event: &GcEvent) {
        self(event);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phases_are_numbered_in_the_order_of_their_list() {
        for (number, phase) in Phase::ALL.into_iter().enumerate() {
            assert_eq!(phase as usize, number, "{phase}");
        }
    }

    #[test]
    fn phase_times_list_only_what_ran() {
        let mut times = PhaseTimes::default();
        times.add(Phase::Sweep, 7);
        times.add(Phase::MarkRoots, 3);
        times.add(Phase::MarkRoots, 2);
        let listed: Vec<_> = times.iter().collect();
        assert_eq!(listed, [(Phase::MarkRoots, 5), (Phase::Sweep, 7)]);
        let mut twice = times;
        twice += times;
        assert_eq!(twice.sum(), 24);
        assert_eq!(twice[Phase::Sweep], 14);
    }

    #[test]
    fn closures_observe() {
        let mut seen = Vec::new();
        let mut observer = |event: &GcEvent| seen.push(event.sequence);
        let observer: &mut dyn Observer = &mut observer;
        observer.on_gc(&GcEvent {
            sequence: 3,
            ..GcEvent::default()
        });
        assert_eq!(seen, [3]);
    }
}
