//! The heap.

pub mod clock;
pub mod event;
pub mod options;
pub mod stats;
pub mod stress;

pub use clock::{Clock, RealClock, VirtualClock, Work};
pub use event::{
    CollectionKind, CollectionReason, CollectorReason, GcEvent, HeapSizes, IncrementalSteps,
    Observer, Phase, PhaseTimes,
};
pub use options::{HeapLimits, HeapOptions, OptionsError, PAGE_SIZE};
pub use stats::{HeapSpaceStatistics, HeapStatistics, MemoryUsage, SpaceName, SystemMemory};
pub use stress::{Stress, StressSchedule};
