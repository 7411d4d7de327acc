//! A read-only walk of every live object with its names and references: what a snapshot is made from.
//!
//! No second graph is built. Sweeping is finished, then everything reachable is marked afresh, young
//! objects included, so that exactly the live are seen. An object's *ordinal* is the rank of its mark bit: a
//! base per 512 bits, the counts of the words before in it, and one popcount (Vigna's rank9). The tables cost
//! 1/64 of the heap for the bitmap, which is reserved anyway, and 1/256 for the ranks.
//!
//! Ids come from the objects' headers; those without one get theirs during the walk.

use crate::cage::Addr;
use crate::error::{HeapLimitReached, Limit};
use crate::external::Store;
use crate::heap::{Core, Heap};
use crate::marker::{Marker, mark_bit, marked_granules};
use crate::object::{Descriptor, Kind};
use crate::page::PAGE_SIZE;
use crate::scavenger::{object_bytes, slots_and_end};
use crate::shape::ShapeInfo;
use crate::value::{GRANULE, Value};
use crate::young::Young;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// Bits per rank base: one cache line of the bitmap.
const BITS_PER_BASE: usize = 512;
const WORDS_PER_BASE: usize = BITS_PER_BASE / 64;

/// The ranks of one line of the bitmap.
#[derive(Copy, Clone, Debug, Default)]
struct LineRank {
    /// Marked bits before the line.
    base: u32,
    /// Marked bits of the line before word `w`, in the nine bits from `9 * (w - 1)` on; none before word 0.
    before: u64,
}

impl LineRank {
    /// Marked bits before word `w` of the line.
    #[inline(always)]
    fn before_word(self, w: usize) -> u32 {
        // Word 0 shifts by 63: bit 63 is never set, as seven counts take bits 0 to 62.
        let shift = (9 * w).wrapping_sub(9) & 63;
        let shift = if w == 0 { 63 } else { shift };
        self.base + (self.before >> shift & 0x1ff) as u32
    }
}

/// An object of the heap that is being walked.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
pub struct ObjectRef(Value);

/// What a slot holds.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum SlotContent {
    /// An object.
    Object(ObjectRef),
    /// A small integer.
    Integer(i32),
    /// `undefined`, `null`, `true`, `false`, or a removed entry of a table.
    Constant,
}

/// A named group of roots.
#[derive(Clone, Debug)]
pub struct RootGroup {
    /// Such as `(Handle scope)` or `(Global handles)`.
    pub name: String,
    /// Objects that its roots refer to, in root order; an object may occur more than once.
    pub objects: Vec<ObjectRef>,
}

/// Bytes outside the heap that a live object owns.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct StoreRef {
    /// The owner.
    pub owner: ObjectRef,
    /// How many bytes.
    pub bytes: usize,
    /// Id, odd, for life.
    pub id: u32,
}

/// The live objects of a heap, frozen for the length of a borrow.
pub struct HeapWalk<'w> {
    core: &'w Core,
    /// Ranks of the lines of the bitmap, from the young generation on.
    ranks: Vec<LineRank>,
    first_granule: usize,
    objects: usize,
    roots: Vec<RootGroup>,
    stores: Vec<StoreRef>,
    /// Position in `stores` of each store by its number in the heap.
    store_positions: Vec<u32>,
    next_identity: &'w Cell<u32>,
}

impl Heap {
    /// Marks everything that is live and lets `body` walk it.
    ///
    /// Works at the heap limit: it takes nothing from the heap itself.
    ///
    /// # Errors
    /// Too few ids are left to give one to every object.
    pub fn walk<R>(
        &mut self,
        body: impl FnOnce(&HeapWalk<'_>) -> R,
    ) -> Result<R, HeapLimitReached> {
        self.core.walk(body)
    }
}

impl Core {
    pub(crate) fn walk<R>(
        &mut self,
        body: impl FnOnce(&HeapWalk<'_>) -> R,
    ) -> Result<R, HeapLimitReached> {
        self.prepare_walk();
        let next_identity = Cell::new(self.peek_next_identity());
        // Foreign code may panic. The ids that it was shown are given all the same, and marks that were left
        // behind would make the next marking take the dead for marked and the marked for scanned.
        let result = catch_unwind(AssertUnwindSafe(|| {
            let objects = self.mark_everything();
            self.walk_marked(objects, &next_identity, body)
        }));
        self.set_next_identity(next_identity.get().max(self.peek_next_identity()));
        self.unmark_everything();
        result.unwrap_or_else(|panic| resume_unwind(panic))
    }

    /// Marks what is reachable in both generations, from clear bits. Returns how many objects that is.
    pub(crate) fn mark_everything(&mut self) -> usize {
        let mut marker = Marker::new(&self.cage, Young::FIRST);
        self.for_each_root(|value| marker.push_root(value));
        marker.drain(&self.cage, &mut self.pages, usize::MAX);
        self.resolve_ephemerons(&mut marker);
        marker.objects
    }

    /// Clears the marks of [`Core::mark_everything`].
    pub(crate) fn unmark_everything(&mut self) {
        for page in self.marked_pages() {
            self.clear_marks(page);
            self.pages.live_bytes[page] = 0;
        }
    }

    fn walk_marked<R>(
        &mut self,
        objects: usize,
        next_identity: &Cell<u32>,
        body: impl FnOnce(&HeapWalk<'_>) -> R,
    ) -> Result<R, HeapLimitReached> {
        let (stores, store_positions) = self.live_stores()?;
        let next = self.peek_next_identity();
        next_identity.set(next);
        if (u32::MAX as usize - next as usize) / 2 < objects {
            return Err(self.limit_reached(Limit::Identities, u32::MAX as usize, 0));
        }
        let roots = self
            .root_groups()
            .into_iter()
            .map(|(name, values)| RootGroup {
                name,
                objects: values
                    .into_iter()
                    .filter(|&v| self.is_heap_object(v))
                    .map(ObjectRef)
                    .collect(),
            })
            .collect();
        let first_granule = Value(Young::FIRST).granule();
        let ranks = self.line_ranks(first_granule);
        let walk = HeapWalk {
            core: self,
            ranks,
            first_granule,
            objects,
            roots,
            stores,
            store_positions,
            next_identity,
        };
        Ok(body(&walk))
    }

    /// Whether `value` refers to an object that is no permanent constant.
    pub(crate) fn is_heap_object(&self, value: Value) -> bool {
        value.0 >= Young::FIRST
    }

    /// Pages whose mark bits a marking of the whole heap may set.
    fn marked_pages(&self) -> std::ops::Range<usize> {
        Value(Young::FIRST).granule() * GRANULE / PAGE_SIZE..self.pages.range().end
    }

    fn line_ranks(&self, first_granule: usize) -> Vec<LineRank> {
        let granules = self.pages.range().end * PAGE_SIZE / GRANULE - first_granule;
        let mut word = self.cage.mark_bits.base().add(first_granule / 8);
        let mut rank = 0;
        (0..granules.div_ceil(BITS_PER_BASE))
            .map(|_| {
                let mut line = LineRank {
                    base: rank,
                    before: 0,
                };
                for w in 0..WORDS_PER_BASE {
                    if w > 0 {
                        line.before |= u64::from(rank - line.base) << (9 * (w - 1));
                    }
                    rank += word.load_u64().count_ones();
                    word = word.add(8);
                }
                line
            })
            .collect()
    }

    fn live_stores(&mut self) -> Result<(Vec<StoreRef>, Vec<u32>), HeapLimitReached> {
        let mut stores = Vec::new();
        let indexes = self.externals.stores.indexes();
        let mut positions = vec![u32::MAX; indexes.len()];
        for (index, position) in indexes.zip(&mut positions) {
            let Some(&Store {
                owner,
                bytes,
                identity,
                ..
            }) = self.externals.stores.get(index)
            else {
                continue;
            };
            if !self.is_marked(owner) {
                continue;
            }
            let id = if identity != 0 {
                identity
            } else {
                self.next_identity()?
            };
            if let Some(store) = self.externals.stores.get_mut(index) {
                store.identity = id;
            }
            *position = stores.len() as u32;
            stores.push(StoreRef {
                owner: ObjectRef(owner),
                bytes,
                id,
            });
        }
        Ok((stores, positions))
    }

    fn prepare_walk(&mut self) {
        self.abandon_marking();
        self.complete_sweep();
    }
}

impl HeapWalk<'_> {
    /// Live objects.
    pub fn object_count(&self) -> usize {
        self.objects
    }

    /// The live objects in address order: the n-th has ordinal n.
    pub fn objects(&self) -> impl Iterator<Item = ObjectRef> + '_ {
        self.core
            .marked_pages()
            .flat_map(move |page| marked_granules(&self.core.cage, page))
            .map(|granule| ObjectRef(Value::from_granule(granule)))
    }

    /// Rank of an object among the live ones.
    #[inline(always)]
    pub fn ordinal(&self, object: ObjectRef) -> u32 {
        let relative = object.0.granule() - self.first_granule;
        let (word, bit) = mark_bit(&self.core.cage, object.0);
        let rank = self.ranks[relative / BITS_PER_BASE].before_word(relative / 64 % WORDS_PER_BASE);
        rank + (word.load_u64() & (bit - 1)).count_ones()
    }

    /// Fetches what [`HeapWalk::ordinal`] will read.
    #[inline(always)]
    pub fn prefetch_ordinal(&self, object: ObjectRef) {
        mark_bit(&self.core.cage, object.0).0.prefetch();
        let line = (object.0.granule() - self.first_granule) / BITS_PER_BASE;
        if let Some(rank) = self.ranks.get(line) {
            Addr(std::ptr::from_ref(rank) as usize).prefetch();
        }
    }

    #[inline(always)]
    fn descriptor(&self, object: ObjectRef) -> Descriptor {
        self.core.descriptor(object.0)
    }

    /// What kind of object it is.
    #[inline(always)]
    pub fn kind(&self, object: ObjectRef) -> Kind {
        self.descriptor(object).kind()
    }

    /// Number of its shape.
    #[inline(always)]
    pub fn shape(&self, object: ObjectRef) -> u32 {
        self.descriptor(object).shape()
    }

    /// Names and layout of a shape.
    pub fn shape_info(&self, shape: u32) -> Option<&ShapeInfo> {
        self.core.shapes.get(shape).map(|info| &**info)
    }

    /// Shapes of the heap: numbers `0..shape_count()`.
    pub fn shape_count(&self) -> u32 {
        self.core.shapes.len() as u32
    }

    /// Size in bytes, header included.
    #[inline(always)]
    pub fn size(&self, object: ObjectRef) -> usize {
        object_bytes(self.core.cage.addr(object.0), self.descriptor(object))
    }

    /// Id: odd, given once, for life.
    #[inline(always)]
    pub fn id(&self, object: ObjectRef) -> u32 {
        let id = self.core.identity_if_any(object.0);
        if id != 0 {
            return id;
        }
        let id = self.next_identity.get();
        self.next_identity.set(id + 2);
        self.core.cage.addr(object.0).add(4).store_u32(id);
        id
    }

    /// Slots of an object, of any kind: fields, elements, a map's table, a table's keys and values in turn.
    #[inline(always)]
    pub fn slot_count(&self, object: ObjectRef) -> usize {
        slots_and_end(self.core.cage.addr(object.0), self.descriptor(object)).1
    }

    /// What the slots of an object hold, in slot order.
    #[inline(always)]
    pub fn slots(&self, object: ObjectRef) -> impl ExactSizeIterator<Item = SlotContent> + '_ {
        let (first, count, _) =
            slots_and_end(self.core.cage.addr(object.0), self.descriptor(object));
        let heap_first = Young::FIRST;
        (0..count).map(move |i| {
            let value = first.add(4 * i).value();
            if value.0 >= heap_first {
                SlotContent::Object(ObjectRef(value))
            } else {
                match value.as_smi() {
                    Some(n) => SlotContent::Integer(n),
                    None => SlotContent::Constant,
                }
            }
        })
    }

    /// Text of a string object; empty for any other.
    pub fn text(&self, object: ObjectRef) -> &str {
        if self.kind(object) != Kind::String {
            return "";
        }
        // Strings are made from `&str` only and never written again.
        std::str::from_utf8(self.core.text(object.0)).unwrap_or("")
    }

    /// The double of a number object; `None` for any other.
    pub fn number(&self, object: ObjectRef) -> Option<f64> {
        (self.kind(object) == Kind::Number).then(|| self.core.number_of(object.0))
    }

    /// What a weak reference refers to, if that is alive by strong references too.
    pub fn weak_target(&self, object: ObjectRef) -> Option<ObjectRef> {
        if self.kind(object) != Kind::WeakRef {
            return None;
        }
        self.live_object(self.core.weak.target(self.core.weak_index(object.0)))
    }

    /// Key and value of each live entry of an ephemeron table; the value is `None` if it is no object.
    pub fn ephemerons(&self, table: ObjectRef) -> Vec<(ObjectRef, Option<ObjectRef>)> {
        if self.kind(table) != Kind::EphemeronTable {
            return Vec::new();
        }
        self.core
            .weak
            .entries(self.core.weak_index(table.0))
            .filter_map(|(key, value)| Some((self.live_object(key)?, self.live_object(value))))
            .collect()
    }

    fn live_object(&self, value: Value) -> Option<ObjectRef> {
        (self.core.is_heap_object(value) && self.core.is_marked(value)).then_some(ObjectRef(value))
    }

    /// The root groups, in a fixed order.
    pub fn roots(&self) -> &[RootGroup] {
        &self.roots
    }

    /// Stores outside the heap whose owners are live.
    pub fn stores(&self) -> &[StoreRef] {
        &self.stores
    }

    /// Position in [`HeapWalk::stores`] of the store that an external object owns.
    pub fn store_of(&self, object: ObjectRef) -> Option<usize> {
        if self.kind(object) != Kind::External {
            return None;
        }
        let index = self.core.store_index(object.0) as usize;
        self.store_positions
            .get(index)
            .filter(|&&p| p != u32::MAX)
            .map(|&p| p as usize)
    }
}

impl std::fmt::Debug for HeapWalk<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "HeapWalk({} objects, {} stores)",
            self.objects,
            self.stores.len()
        )
    }
}
