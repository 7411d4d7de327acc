//! A standalone, generational, garbage-collected heap modelled on V8's.
//!
//! It is a library: no threads, no files, no terminal. It allocates JavaScript-like objects (objects with
//! constructor and field names, arrays, strings, boxed doubles, closures over contexts, maps, deques, bytes,
//! owners of memory outside the heap, weak things), collects them, tells what it did, and lets itself be
//! walked, so that a snapshot can show every object by name.
//!
//! ```
//! use heaplab_gc::{Heap, HeapOptions, Smi};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mut heap = Heap::new(HeapOptions::default())?;
//! let point = heap.enter(|s| -> Result<_, Box<dyn std::error::Error>> {
//!     let shape = s.shape("Point", &["x", "y"])?;
//!     for i in 0..1_000_000 {
//!         // A scope per object: what no handle or object refers to any more is garbage.
//!         s.scope(|t| t.object_with(shape, [Smi::wrapping(i).into(), Smi::wrapping(0).into()]).map(|_| ()))?;
//!     }
//!     let kept = s.object(shape)?;
//!     s.set(kept, 1, Smi::wrapping(7));
//!     Ok(s.global(kept))
//! })?;
//! heap.enter(|s| assert_eq!(s.as_integer(s.get(s.peek(&point), 1)), Some(7)));
//! assert!(heap.statistics().used_heap_size < 2 << 20);
//! # Ok(())
//! # }
//! ```
//!
//! # The heap
//!
//! ```text
//!            one reserved range of addresses, the cage: a slot is 4 bytes, a reference a 31-bit granule number
//!  ┌───────┬───────────┬────────────────────┬────────────────────┬──────────────────────────────────┬───────┐
//!  │ guard │ constants │     semi-space     │     semi-space     │ 256 KiB pages of the old space,  │ guard │
//!  │       │           │ to: ▓▓▓▓▓▓▓▓▓▓│top │ from: empty        │ runs of pages of large objects   │       │
//!  └───────┴───────────┴────────────────────┴────────────────────┴──────────────────────────────────┴───────┘
//!                        └───────── young generation ──────────┘   └──────── old generation ────────┘
//!   beside it, by address:  mark bitmap (1 bit per 8 bytes) · slot sets (1 bit per slot) · page table
//! ```
//!
//! # The life of an object
//!
//! 1. *Born* in to-space by a bump and a compare ([`Scope::object`]); objects over half a page (128 KiB) are
//!    born old, with pages of their own; so are those of a shape (or arrays of a length) of which samples show that
//!    nearly all are promoted ([`policy::pretenuring`]).
//! 2. A *minor* collection copies it to the other semi-space if anything reaches it. It has survived once.
//! 3. The next one *promotes* it: it lies below the age mark, so it is copied to an old page.
//! 4. *Major* collections mark it, in steps between allocations or in one pause. On a fragmented page it is
//!    evacuated once more.
//! 5. Dead, it becomes part of a gap, and the lazy sweeper makes a free block of that when room is needed; or
//!    its page is given back whole.
//!
//! # Phases
//!
//! ```text
//!  minor   flip ─► roots ─► remembered slots ─► copy and promote ─► ephemerons ─► weak, external ─► resize
//!
//!  major   ┌ start (candidates, roots) ─► step ─► step ─► … ─┐           incremental: steps that aim at 1 ms
//!          └ complete sweep ─────────────────────────────────┤           between allocations
//!                                                            ▼
//!          scavenge ─► mark roots ─► mark closure ─► ephemerons ─► clear weak ─► evacuate ─► sweep ─► finish
//! ```
//!
//! # What is guaranteed to embedders
//!
//! * Safe Rust cannot make a dangling, stale or foreign handle: see [`Scope`], with the programs that do not
//!   compile.
//! * Reads and stores never collect; only calls that take `&mut Scope` do.
//! * Running out is a value, [`HeapLimitReached`], after everything was tried; the heap stays usable, and can
//!   still be walked.
//! * An object's id ([`HeapWalk::id`]) is odd, its own for life, and never given again.
//! * With [`VirtualClock`] the same program takes the same decisions on every machine.
//! * Old and large pages stay within `max_old_space_size`; in a pause an evacuation may take 4 MB more.
//! * Payloads are dropped, finalisers readied, and observers told after a pause, when the heap is in order.
//!
//! # What calls cost
//!
//! | call | cost |
//! |---|---|
//! | [`Heap::enter`], [`Scope::scope`] | two stores |
//! | [`Scope::object_with`], [`Scope::string`] | a bump, a compare, the stores of header and slots, one store for the handle |
//! | [`Scope::get`] | the host's header (bounds check) and the slot |
//! | [`Scope::set`] | the same, and the barrier: compares of the value; for a young value in an old object one bit |
//! | [`Scope::map_get`] | a hash, a bucket, the entries of its chain |
//! | a minor collection | proportional to survivors and remembered slots, not to garbage |
//! | a major collection | proportional to live objects; sweeping is paid for by later allocations |
//! | [`Heap::walk`] | a marking of the live, and 1/1024 of the heap for ranks |
//! | [`Scope::weak_ref`], [`Scope::weak_map_set`] | an entry beside the heap, looked at in each major collection |
//!
//! # Put your VM on it
//!
//! `heapsnapshot/examples/vm` is a small virtual machine on this heap: a compiler for a language of parentheses, and
//! an interpreter with closures, records and strings. It runs until its heap is full and then writes a snapshot of
//! itself (`cargo run -p heapsnapshot --example vm -- vm.heapsnapshot`). What it has to do for that, in the order in
//! which a machine of your own would:
//!
//! 1. **Values.** A slot is a [`Smi`], a constant ([`Immediate`]) or a reference; your integers of more than 31 bits
//!    and your floats are boxed ([`Scope::number`]). Nothing is tagged by hand.
//! 2. **Shapes, once per class or function.** [`Scope::shape`] for records, [`Scope::context_shape`] for the variables
//!    of a function, [`Scope::closure_shape`] for the function itself. They decide the layout, and their names are what
//!    a snapshot shows: the edges of a context are named after its variables.
//! 3. **Constants** live in a [`RootTable`] (`(VM constants)`): roots by number, in safe code.
//! 4. **The value stack** is the machine's own vector of [`RootCell`]s. A [`RootProvider`] shows every cell to the
//!    collectors, which rewrite those whose objects move; its name is the group's in snapshots (`(VM stack)`).
//!    This takes two `unsafe` blocks, the promise that all cells are shown and the opening of a cell; a `RootTable`
//!    takes none and costs a borrow check per access.
//! 5. **An instruction runs in a [`Scope::scope`] of its own.** Handles that it makes end with it, so the handle stack
//!    stays short; what must last is pushed onto the value stack. A [`Ref`] read from the stack is good until the next
//!    call that may collect: the compiler sees to that.
//! 6. **Allocate first, then take operands off.** While an object is allocated, its future fields must still be on the
//!    stack, where a collection finds them; then [`Scope::set`] fills them in, and only then the stack is truncated.
//! 7. **Full heaps are errors**, [`HeapLimitReached`], which the interpreter hands on with its frames as they were:
//!    the machine stands still, can be shown ([`Heap::walk`]), and could go on with a higher limit
//!    ([`Heap::set_near_limit_callback`]).
//! 8. **Idle time** is given to [`Heap::step`], and what is known of dead resources is asked for with
//!    [`Scope::next_finalizer`].
//!
//! Run it under [`HeapOptions::with_stress`] with an interval of 1 before anything else: it collects at every
//! allocation, verifies the heap and overwrites the dead, so that a value missing from the stack is found at once.
//! The example's test does that under every policy.
//!
//! # Map of the files
//!
//! | files | role |
//! |---|---|
//! | `heap`, `scope`, `global`, `roots` | the façade, handles, what keeps objects alive |
//! | `allocate`, `access`, `map`, `deque`, `external`, `weak` | what a scope makes, reads and stores |
//! | `pool` | what objects own beside the heap, by index |
//! | `value`, `object`, `shape` | layout: tagged values, headers, hidden classes |
//! | `cage`, `page`, `free_list`, `populate` | memory: the reserved range, pages and their metadata, gaps; touching it ahead |
//! | `young`, `old`, `large` | the three spaces |
//! | `barrier` | what a store tells the collectors |
//! | `scavenger`, `marker`, `incremental`, `sweeper`, `compactor` | the collectors, a phase each |
//! | `collection`, `slow_path`, `near_limit` | which collection runs when, and what happens at the limit |
//! | `policy`, `options`, `stress` | arithmetic behind decisions; limits; collections where no heap would |
//! | `clock`, `tracer`, `event`, `stats`, `statistics`, `system` | time and numbers |
//! | `walk`, `verify` | everything live by name; the independent checker |
//!
//! # Literature
//!
//! Cheney, *A nonrecursive list compacting algorithm* (CACM 13(11), 1970): `scavenger`. Ungar, *Generation
//! scavenging* (SDE 1984): age and promotion. Dijkstra et al., *On-the-fly garbage collection* (CACM 21(11),
//! 1978): the insertion barrier of `incremental`. Hayes, *Ephemerons* (OOPSLA 1997): `weak`. Jones, Hosking
//! and Moss, *The Garbage Collection Handbook* (2nd ed., 2023): the vocabulary. V8's sources and blog: sizes,
//! limits and heuristics, named where they are used.
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
mod pool;
mod populate;
mod pretenure;
mod refusal;
#[allow(unsafe_code, reason = "a root provider promises to show all its cells")]
mod roots;
mod scavenger;
#[allow(
    unsafe_code,
    reason = "handles point to the core of the heap that lent them"
)]
mod scope;
#[cfg(feature = "seeded-bugs")]
pub mod seeded;
#[cfg(not(feature = "seeded-bugs"))]
mod seeded;
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
