//! The façade [`Heap`] and the state behind it.

use crate::cage::{Addr, Cage, GROUP_BYTES};
use crate::clock::{Clock, RealClock};
use crate::error::{HeapError, HeapLimitReached, Limit, LimitDetails};
use crate::event::{CollectionKind, CollectionReason, Observer};
use crate::external::Externals;
use crate::incremental::{Cycle, Steps};
use crate::large::LargeSpace;
use crate::near_limit::Callback;
use crate::object::{Descriptor, Kind, MAX_SHAPES};
use crate::old::OldSpace;
use crate::options::{HeapLimits, HeapOptions, Policy};
use crate::page::{MAX_REGULAR_OBJECT, PAGE_SIZE, PageTable};
use crate::policy::HeapController;
use crate::pretenure::Pretenuring;
use crate::roots::{HandleStack, RootProvider, RootSet, Roots};
use crate::scope::{Scope, with_scope};
use crate::seeded::{self, Bug};
use crate::shape::{ShapeTable, builtin, heap_tag};
use crate::stress::StressSchedule;
use crate::tracer::GcTracer;
use crate::value::{GRANULE, Value};
use crate::weak::Weak;
use crate::young::Young;
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::atomic::{AtomicU32, Ordering};

/// Ids below this one belong to the synthetic nodes of snapshots and the permanent objects.
pub const FIRST_OBJECT_ID: u32 = 1001;
/// Ids of the permanent objects in snapshots.
const FIRST_PERMANENT_ID: u32 = 901;
/// Distinguishes heaps, so that a root or shape of one is not taken for another's.
static NEXT_HEAP: AtomicU32 = AtomicU32::new(1);

/// A garbage-collected heap.
///
/// It belongs to the thread that made it; a process may have several.
pub struct Heap {
    pub(crate) core: Box<Core>,
}

/// Everything a heap is made of.
///
/// What allocation, handles and the write barrier use comes first: the cursors that they move share one line of the
/// cache, because processors retire stores to one line in pairs.
#[repr(C, align(64))]
pub(crate) struct Core {
    pub(crate) handles: HandleStack,
    pub(crate) young: Young,
    pub(crate) cage: Cage,
    pub(crate) old: OldSpace,
    pub(crate) id: u32,
    /// [`heap_tag`] of `id`.
    pub(crate) heap_tag: u64,
    /// Larger objects own their pages.
    pub(crate) max_young_object: usize,
    pub(crate) pages: PageTable,
    pub(crate) large: LargeSpace,
    /// `None` only while the roots are being visited.
    pub(crate) roots: Option<Roots>,
    pub(crate) shapes: ShapeTable,
    pub(crate) externals: Externals,
    next_identity: u32,
    /// A page whose remembered slots are in hand.
    pub(crate) page_not_to_sweep: Option<usize>,
    pub(crate) limits: HeapLimits,
    pub(crate) options: HeapOptions,
    pub(crate) stress: Option<StressSchedule>,
    /// How often the stress mode has run the verifier.
    pub(crate) verifications: u64,
    /// Allocations until the stress mode collects.
    pub(crate) allocations_to_collection: u32,
    /// Whether every allocation takes the slow path: under stress, and without a young generation.
    pub(crate) every_allocation_asks: bool,
    /// The cycle of incremental marking in progress, and whether there is one.
    pub(crate) cycle: Option<Cycle>,
    pub(crate) marking: bool,
    /// A cycle is due; before it, steps sweep what the last one left.
    pub(crate) sweeping_for_marking: bool,
    pub(crate) steps: Steps,
    pub(crate) controller: HeapController,
    pub(crate) weak: Weak,
    /// Bytes promoted since the heap was made.
    pub(crate) promoted_bytes: u64,
    /// Whether the last scavenge had to keep objects young for want of room in the old generation.
    pub(crate) promotion_failed: bool,
    /// Collections have not helped for long: the next failure is final.
    pub(crate) ineffective: bool,
    /// Bytes born old since the last step of marking.
    pub(crate) old_since_step: usize,
    pub(crate) pretenuring: Pretenuring,
    pub(crate) near_limit_callback: Option<Callback>,
    /// Bytes allocated up to the last collection, and those in to-space just after it.
    pub(crate) allocated_before: u64,
    pub(crate) young_after_collection: usize,
    /// Most bytes of metadata that a look at the statistics or a collection has found.
    pub(crate) peak_metadata: std::cell::Cell<usize>,
    pub(crate) tracer: GcTracer,
    pub(crate) clock: Box<dyn Clock>,
    pub(crate) observer: Option<Box<dyn Observer>>,
}

impl Heap {
    /// A heap with these options, on the real clock.
    ///
    /// # Errors
    /// The options are impossible, or the system refuses address space or memory for them.
    pub fn new(options: HeapOptions) -> Result<Heap, HeapError> {
        Heap::with_clock(options, Box::new(RealClock::new()))
    }

    /// A heap whose decisions and durations come from `clock`.
    ///
    /// # Errors
    /// As for [`Heap::new`].
    pub fn with_clock(options: HeapOptions, clock: Box<dyn Clock>) -> Result<Heap, HeapError> {
        Ok(Heap {
            core: Box::new(Core::new(options, clock)?),
        })
    }

    /// Uses the heap: all handles live inside `body`.
    pub fn enter<R>(&mut self, body: impl for<'s, 'h> FnOnce(&mut Scope<'s, 'h>) -> R) -> R {
        with_scope(&mut self.core, body)
    }

    /// Collects now.
    pub fn collect(&mut self, kind: CollectionKind, reason: CollectionReason) {
        self.core.collect(kind, reason);
    }

    /// Sets who is told of each collection; the last one set.
    pub fn set_observer(&mut self, observer: Box<dyn Observer>) {
        self.core.observer = Some(observer);
    }

    /// Registers roots that the embedder keeps in tables of its own.
    pub fn add_root_provider(&mut self, provider: Rc<RefCell<dyn RootProvider>>) {
        if let Some(roots) = &mut self.core.roots {
            roots.providers.push(provider);
        }
    }

    /// The options that the heap was made with.
    pub fn options(&self) -> &HeapOptions {
        &self.core.options
    }

    /// The limits that follow from them.
    pub fn limits(&self) -> &HeapLimits {
        &self.core.limits
    }

    /// The heap's clock, for an embedder that charges its own work to it.
    pub fn clock(&mut self) -> &mut dyn Clock {
        &mut *self.core.clock
    }
}

impl std::fmt::Debug for Heap {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Heap")
            .field("young", &self.core.young.used())
            .field("old", &self.core.old.used())
            .field("large", &self.core.large.used)
            .finish_non_exhaustive()
    }
}

impl Core {
    fn new(options: HeapOptions, clock: Box<dyn Clock>) -> Result<Core, HeapError> {
        let limits = options.validate()?;
        let young_reserve = Young::reserve_bytes(limits.max_semi_space_size);
        let reserved = Young::OFFSET + young_reserve;
        // Twice the old limit: runs for large objects are found although pages are scattered.
        let needed = (reserved + limits.max_old_generation_size).next_multiple_of(GROUP_BYTES);
        let mut cage = Cage::reserve(needed).map_err(|refused| HeapError::Reserve {
            needed: refused.needed,
            smallest_tried: refused.smallest_tried,
            cause: refused.cause,
        })?;
        let commit = |bytes, cause| HeapError::Commit { bytes, cause };
        cage.commit(0, GROUP_BYTES)
            .map_err(|e| commit(GROUP_BYTES, e))?;
        let initial = limits.initial_semi_space_size;
        let young = Young::new(&mut cage, initial, limits.max_semi_space_size)
            .map_err(|e| commit(2 * initial, e))?;
        let id = NEXT_HEAP.fetch_add(1, Ordering::Relaxed);
        let handles = HandleStack::new().map_err(|cause| HeapError::Reserve {
            needed,
            smallest_tried: needed,
            cause,
        })?;
        let mut core = Core {
            max_young_object: MAX_REGULAR_OBJECT.min(initial / 4),
            pages: PageTable::new(cage.len(), reserved),
            old: OldSpace::new(limits.max_old_generation_size, &cage),
            large: LargeSpace::default(),
            handles,
            roots: Some(Roots::new(id)),
            shapes: ShapeTable::new(id),
            externals: Externals::default(),
            next_identity: FIRST_OBJECT_ID,
            page_not_to_sweep: None,
            stress: options.stress.as_ref().map(|s| s.schedule()),
            tracer: GcTracer::new(),
            every_allocation_asks: options.stress.is_some()
                || options.policy != Policy::Generational,
            cycle: None,
            marking: false,
            sweeping_for_marking: false,
            steps: Steps::default(),
            controller: HeapController::new(&limits),
            weak: Weak::default(),
            promoted_bytes: 0,
            promotion_failed: false,
            ineffective: false,
            old_since_step: 0,
            pretenuring: Pretenuring::default(),
            near_limit_callback: None,
            allocated_before: 0,
            young_after_collection: 0,
            peak_metadata: std::cell::Cell::new(0),
            verifications: 0,
            allocations_to_collection: 0,
            limits,
            options,
            clock,
            observer: None,
            young,
            cage,
            id,
            heap_tag: heap_tag(id),
        };
        core.make_permanent_objects();
        core.allocations_to_collection = core
            .stress
            .as_mut()
            .map_or(0, StressSchedule::next_distance);
        core.arm_limit();
        Ok(core)
    }

    fn make_permanent_objects(&mut self) {
        const { assert!(MAX_SHAPES > builtin::ODDBALL as usize) };
        for (i, value) in [
            Value::UNDEFINED,
            Value::NULL,
            Value::TRUE,
            Value::FALSE,
            Value::HOLE,
        ]
        .iter()
        .enumerate()
        {
            let descriptor = Descriptor::narrow(Kind::Oddball, builtin::ODDBALL, 0, 0);
            let id = FIRST_PERMANENT_ID + 2 * i as u32;
            let at = self.cage.at(value.granule() * GRANULE);
            at.store_u64(u64::from(descriptor.0) | u64::from(id) << 32);
        }
    }

    /// The table behind [`crate::Global`]s.
    pub(crate) fn global_set(&self) -> Rc<RootSet> {
        match &self.roots {
            Some(roots) => Rc::clone(&roots.globals),
            // Roots are out only while a collector visits them, and then no scope method runs.
            None => unreachable!("a global made during a root visit"),
        }
    }

    /// The id of an object: given on first demand, odd, for life (invariant I7).
    pub(crate) fn identity(&mut self, value: Value) -> Result<u32, HeapLimitReached> {
        let id = self.identity_if_any(value);
        if id != 0 {
            return Ok(id);
        }
        let id = self.next_identity()?;
        self.cage.addr(value).add(4).store_u32(id);
        Ok(id)
    }

    pub(crate) fn next_identity(&mut self) -> Result<u32, HeapLimitReached> {
        let id = self.next_identity;
        match id.checked_add(2) {
            Some(_) if seeded::active_every(Bug::IdentityReused, 6) => {}
            Some(next) => self.next_identity = next,
            None => return Err(self.limit_reached(Limit::Identities, u32::MAX as usize, 0)),
        }
        Ok(id)
    }

    pub(crate) fn peek_next_identity(&self) -> u32 {
        self.next_identity
    }

    pub(crate) fn set_next_identity(&mut self, next: u32) {
        debug_assert!(next >= self.next_identity);
        self.next_identity = next;
    }

    #[inline(always)]
    pub(crate) fn identity_if_any(&self, value: Value) -> u32 {
        self.cage.addr(value).add(4).load_u32()
    }

    /// Bytes of objects in old and large space, and bytes of their pages.
    pub(crate) fn old_used(&self) -> usize {
        self.old.used() + self.large.used
    }

    pub(crate) fn old_pages_bytes(&self) -> usize {
        self.pages.in_use() * PAGE_SIZE
    }

    /// Bytes of objects in all spaces.
    pub(crate) fn used(&self) -> usize {
        self.young.used() + self.old_used()
    }

    /// Overwrites dead memory under stress, so that a use of it cannot go unnoticed.
    #[inline]
    pub(crate) fn poison(&self, at: Addr, bytes: usize) {
        at.permit(bytes);
        if self.options.stress.as_ref().is_some_and(|s| s.poison) {
            at.fill_u64(bytes & !7, POISON);
        }
    }

    pub(crate) fn limit_reached(
        &self,
        limit: Limit,
        limit_bytes: usize,
        requested: usize,
    ) -> HeapLimitReached {
        HeapLimitReached(Box::new(LimitDetails {
            limit,
            limit_bytes,
            requested,
            live: self.used(),
            minor_collections: 0,
            major_collections: 0,
        }))
    }
}

/// What dead memory is filled with under stress: a forwarded header to an odd place, no valid descriptor.
pub(crate) const POISON: u64 = 0x1bee_fdad_0bee_fdaf;
