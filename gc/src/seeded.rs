//! Seeded bugs: deliberate faults in the collectors that the tests must catch (feature `seeded-bugs`).
//!
//! A test suite that has never seen a broken collector proves little. Each [`Bug`] breaks one line that
//! correctness hangs on; `tests/seeded_bugs.rs` plants one at a time and asserts that it is caught, and
//! `docs/seeded-bugs.md` says by which check. Without the feature `active` is `false` at compile time, and
//! nothing of this is left in the machine code.

macro_rules! bugs {
    ($($(#[doc = $what:literal])+ $name:ident,)+) => {
        /// A deliberate fault.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[cfg_attr(not(feature = "seeded-bugs"), allow(unreachable_pub, reason = "only the collectors name them"))]
        pub enum Bug {
            $($(#[doc = $what])+ $name,)+
        }

        #[cfg(feature = "seeded-bugs")]
        impl Bug {
            /// All of them.
            pub const ALL: &[Bug] = &[$(Bug::$name,)+];

            /// Its name.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Bug::$name => stringify!($name),)+
                }
            }

            /// What is broken, in one line.
            pub fn what(self) -> &'static str {
                match self {
                    $(Bug::$name => concat!($($what),+).trim(),)+
                }
            }
        }
    };
}

bugs! {
    /// The generational barrier forgets every 13th slot.
    GenerationalBarrierDropped,
    /// The marking barrier forgets every 5th reference.
    MarkingBarrierDropped,
    /// Bulk copies of slots have no barrier at all.
    RangeBarrierDropped,
    /// A scavenge skips the last handle.
    ScavengeHandleSkipped,
    /// A marker skips the last handle.
    MarkHandleSkipped,
    /// A compaction does not update the first handle.
    CompactionHandleSkipped,
    /// A compaction does not update root tables, globals and the embedder's own roots.
    CompactionRootsSkipped,
    /// A scavenge leaves no forwarding address in every 9th object: it is copied again from its next slot.
    ForwardingLost,
    /// A remembered slot that was visited keeps the reference into from-space.
    RememberedSlotNotUpdated,
    /// A slot of a promoted object that still refers to the young generation is not recorded.
    PromotedSlotNotRecorded,
    /// The young references with which an object is born old are not recorded.
    BornOldSlotNotRecorded,
    /// The same, but only while samples say what is born old.
    SampledSlotNotRecorded,
    /// When promotion changes buffers, what it has put into the last one is not scanned.
    PromotedRangeLost,
    /// What an object that is promoted while marking refers to is not made grey.
    PromotedReferencesNotGrey,
    /// The final pause of a marking does not look at young survivors.
    YoungRootsSkipped,
    /// The marker scans all slots of an object but the last.
    LastSlotNotMarked,
    /// The marker counts one granule too many for every 11th object.
    LiveBytesMiscounted,
    /// The marker does not record slots that refer to pages about to be evacuated.
    EvacuationSlotMissed,
    /// A compaction does not update the slots of large objects.
    LargeSlotsNotUpdated,
    /// A moved object's young references are not recorded at its new place.
    EvacuatedSlotNotRecorded,
    /// A compaction leaves out the slots of young objects.
    YoungSlotsNotUpdated,
    /// Copies of more than 64 bytes lack their last granule.
    CopyTooShort,
    /// The sweeper takes the last granule of each object for free.
    SweeperOffByOne,
    /// The sweeper keeps the slot-set bits of a gap.
    GapSlotsKept,
    /// A page that is given back keeps its slot set.
    PageSlotsKept,
    /// A free block stays in the list when it is taken.
    FreeBlockTakenTwice,
    /// Values of ephemerons whose keys are found later are not marked.
    EphemeronLost,
    /// Weak references to the dead are not cleared by a major collection.
    WeakReferenceNotCleared,
    /// A compaction does not update weak references, ephemerons and finalisers.
    WeakNotUpdated,
    /// The values that finalisers hold do not survive a scavenge.
    FinalizerHeldLost,
    /// A compaction does not update the owners of external stores.
    ExternalOwnerNotUpdated,
    /// A scavenge takes every owner of an external store for dead.
    ExternalFreedEarly,
    /// Every 6th id is given to two objects.
    IdentityReused,
}

#[cfg(feature = "seeded-bugs")]
mod planted {
    use super::Bug;
    use std::cell::Cell;

    thread_local! {
        static PLANTED: Cell<Option<Bug>> = const { Cell::new(None) };
        static PASSED: Cell<u32> = const { Cell::new(0) };
    }

    /// Plants a bug in all heaps of this thread, or mends them.
    pub fn plant(bug: Option<Bug>) {
        PLANTED.set(bug);
        PASSED.set(0);
    }

    #[inline(always)]
    pub(crate) fn active(bug: Bug) -> bool {
        PLANTED.get() == Some(bug)
    }

    #[inline(always)]
    pub(crate) fn active_every(bug: Bug, n: u32) -> bool {
        active(bug) && {
            PASSED.set(PASSED.get().wrapping_add(1));
            PASSED.get().is_multiple_of(n)
        }
    }
}

#[cfg(feature = "seeded-bugs")]
pub use planted::plant;
#[cfg(feature = "seeded-bugs")]
pub(crate) use planted::{active, active_every};

/// Whether this bug is planted.
#[cfg(not(feature = "seeded-bugs"))]
#[inline(always)]
pub(crate) const fn active(_: Bug) -> bool {
    false
}

/// Whether this bug is planted, at every `n`th passage.
#[cfg(not(feature = "seeded-bugs"))]
#[inline(always)]
pub(crate) const fn active_every(_: Bug, _: u32) -> bool {
    false
}
