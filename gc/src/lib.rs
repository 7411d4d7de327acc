//! A garbage-collected heap.
#![deny(unsafe_code)]

#[cfg(not(all(
    any(target_os = "linux", target_os = "macos"),
    any(target_arch = "x86_64", target_arch = "aarch64"),
    target_endian = "little"
)))]
compile_error!("heaplab-gc runs on Linux and macOS, on x86-64 and aarch64 only");

mod access;
mod allocate;
mod barrier;
#[allow(unsafe_code, reason = "all raw memory access of the heap")]
mod cage;
pub mod clock;
mod collection;
mod compactor;
mod deque;
mod error;
pub mod event;
mod external;
mod free_list;
#[allow(
    unsafe_code,
    reason = "opening an embedder's root cell is a promise of the embedder"
)]
mod global;
mod heap;
mod incremental;
mod large;
mod map;
mod marker;
mod near_limit;
mod object;
mod old;
pub mod options;
mod page;
pub mod policy;
#[allow(unsafe_code, reason = "a root provider promises to show all its cells")]
mod roots;
mod scavenger;
#[allow(
    unsafe_code,
    reason = "handles point to the core of the heap that lent them"
)]
mod scope;
mod shape;
mod slow_path;
mod statistics;
pub mod stats;
pub mod stress;
mod sweeper;
#[allow(unsafe_code, reason = "calls of the C library that read numbers")]
pub mod system;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
mod tracer;
mod value;
pub mod verify;
mod walk;
mod weak;
mod young;

pub use access::Type;
pub use allocate::{MAX_ARRAY_LENGTH, MAX_RAW_BYTES};
pub use clock::{Clock, RealClock, VirtualClock, Work};
pub use error::{HeapError, HeapLimitReached, Limit, LimitDetails};
pub use event::{
    CollectionKind, CollectionReason, CollectorReason, GcEvent, HeapSizes, IncrementalSteps,
    Observer, Phase, PhaseTimes,
};
pub use global::{Global, RootTable};
pub use heap::{FIRST_OBJECT_ID, Heap};
pub use incremental::{Budget, StepProgress};
pub use near_limit::NearLimit;
pub use object::Kind;
pub use options::{Compaction, HeapLimits, HeapOptions, OptionsError, PAGE_SIZE, Policy};
pub use roots::{MAX_HANDLES, RootCell, RootProvider, RootVisitor};
pub use scope::{Immediate, Init, Local, Operand, Ref, Scope, Smi};
pub use shape::{Shape, ShapeError, ShapeInfo};
pub use stats::{HeapSpaceStatistics, HeapStatistics, MemoryUsage, SpaceName, SystemMemory};
pub use stress::{Stress, StressSchedule};
pub use verify::{Invariant, Verified, VerifyError};
pub use walk::{HeapWalk, ObjectRef, RootGroup, SlotContent, StoreRef};
