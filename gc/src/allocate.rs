//! Allocation: what [`Scope`] makes. Everything here may collect, so it takes `&mut Scope`.
//!
//! The fast path is a bump and a compare in the young generation. What does not fit there goes through
//! [`Core::allocate_slow`], which collects, and ends in [`HeapLimitReached`] only after everything was tried.

use crate::cage::Addr;
use crate::error::HeapLimitReached;
use crate::heap::Core;
use crate::object::{Descriptor, HEADER_BYTES, Kind, WIDE_BYTES, slot_bytes, wide_size, wide_word};
use crate::pretenure::{array_class, shape_class};
use crate::scope::{Init, Local, Scope};
use crate::shape::{Shape, ShapeError, builtin};
use crate::value::Value;

/// Descriptor of every array.
pub(crate) const ARRAY: Descriptor = Descriptor::wide(Kind::Array, builtin::ARRAY);
/// Two slots that hold `undefined`.
pub(crate) const UNDEFINED_PAIR: u64 =
    (Value::UNDEFINED.0 as u64) << 32 | Value::UNDEFINED.0 as u64;
/// Most slots of an array: its size must stay below 4 GiB for snapshots, which hold sizes in 32 bits.
pub const MAX_ARRAY_LENGTH: usize = (1 << 30) - 16;
/// Most bytes of a string or bytes object, for the same reason.
pub const MAX_RAW_BYTES: usize = (4 << 30) - 64;

impl Core {
    /// Room for a narrow object.
    #[inline(always)]
    pub(crate) fn allocate(&mut self, bytes: usize) -> Result<Addr, HeapLimitReached> {
        match self.young.bump(bytes) {
            Some(at) => Ok(at),
            None => split(self.allocate_slow(bytes)),
        }
    }

    /// Room for an object of a class that may be born old.
    #[inline(always)]
    fn allocate_of_class(&mut self, class: u64, bytes: usize) -> Result<Addr, HeapLimitReached> {
        if self.young.born_old & class != 0
            && let Some(at) = self.allocate_born_old(bytes)
        {
            return Ok(at);
        }
        self.allocate(bytes)
    }

    #[inline(always)]
    pub(crate) fn new_narrow(&mut self, descriptor: Descriptor) -> Result<Addr, HeapLimitReached> {
        let at = self.allocate(descriptor.narrow_size())?;
        at.store_u64(descriptor.0 as u64);
        Ok(at)
    }

    /// A wide object with `slots` slots holding `undefined` and `raw` zero bytes.
    pub(crate) fn new_wide(
        &mut self,
        kind: Kind,
        shape: u32,
        slots: usize,
        raw: usize,
    ) -> Result<Addr, HeapLimitReached> {
        let at = self.new_wide_raw(kind, shape, slots, raw)?;
        let first = at.add(HEADER_BYTES + WIDE_BYTES);
        first.fill_u64(slot_bytes(slots), UNDEFINED_PAIR);
        first.add(slot_bytes(slots)).fill_u64((raw + 7) & !7, 0);
        Ok(at)
    }

    /// A wide object whose slots and raw bytes the caller fills before anything else happens.
    fn new_wide_raw(
        &mut self,
        kind: Kind,
        shape: u32,
        slots: usize,
        raw: usize,
    ) -> Result<Addr, HeapLimitReached> {
        if slots > MAX_ARRAY_LENGTH || raw > MAX_RAW_BYTES || wide_size(slots, raw) > MAX_RAW_BYTES
        {
            return Err(self.object_too_large(slots.saturating_mul(4).saturating_add(raw)));
        }
        let at = self.allocate_any(wide_size(slots, raw))?;
        at.store_u64(Descriptor::wide(kind, shape).0 as u64);
        at.add(HEADER_BYTES).store_u64(wide_word(slots, raw));
        Ok(at)
    }

    /// Room for an object of any size: in the young generation, or with pages of its own.
    #[inline(always)]
    fn allocate_any(&mut self, bytes: usize) -> Result<Addr, HeapLimitReached> {
        if bytes <= self.max_young_object {
            self.allocate(bytes)
        } else {
            self.allocate_large_slow(bytes)
        }
    }

    /// Header and elements of a new young array.
    #[inline(always)]
    fn init_array<const N: usize>(&mut self, at: Addr, elements: &[Init<'_, '_>; N]) {
        init_words(at, u64::from(ARRAY.0), Some(wide_word(N, 0)), elements);
    }

    /// Room for an object of `slots` slots with raw bytes, which are filled with zeros, if it is born young where there is
    /// room and the shape is as expected.
    #[inline(never)]
    fn bump_with_raw(&mut self, shape: Shape, slots: usize) -> Option<Addr> {
        let descriptor = shape.descriptor();
        if shape.heap() != self.id
            || descriptor.narrow_slots() != slots
            || self.young.born_old & shape_class(descriptor.shape()) != 0
        {
            return None;
        }
        let raw = descriptor.narrow_raw_bytes();
        let at = self.young.bump(descriptor.narrow_size())?;
        at.add(HEADER_BYTES + slot_bytes(slots)).fill_u64(raw, 0);
        Some(at)
    }

    #[inline(always)]
    fn check_shape(&self, shape: Shape) -> Descriptor {
        if shape.heap() != self.id {
            foreign_shape();
        }
        shape.descriptor()
    }
}

/// Fills a new object from its second word on, which is given or made of the first two slots; `header` comes before.
///
/// A new object is young: no barrier. The handles are read after the allocation, which may move objects. Words are
/// stored in pairs, because it is the number of stores that bounds allocation.
#[inline(always)]
fn init_words<const N: usize>(
    at: Addr,
    header: u64,
    second: Option<u64>,
    slots: &[Init<'_, '_>; N],
) {
    let (head, rest) = slots.split_at(if second.is_some() { 0 } else { N.min(2) });
    let second = match (second, head) {
        (Some(word), _) => word,
        (None, []) => return at.store_u64(header),
        (None, _) => slots_word(head),
    };
    at.store_u64_pair(header, second);
    for (i, four) in rest.chunks(4).enumerate() {
        let to = at.add(16 + 16 * i);
        if four.len() > 2 {
            to.store_u64_pair(slots_word(&four[..2]), slots_word(&four[2..]));
        } else {
            to.store_u64(slots_word(four));
        }
    }
}

/// The word that one or two slots make; padding holds `undefined`.
#[inline(always)]
fn slots_word(slots: &[Init<'_, '_>]) -> u64 {
    let high = slots.get(1).map_or(Value::UNDEFINED, |init| init.value());
    u64::from(slots[0].value().0) | u64::from(high.0) << 32
}

/// The same result, with success and failure as two paths.
///
/// Where a fast path, which cannot fail, meets a slow one, the compiler would test each result again; the call of
/// `failed`, which it cannot look into, keeps it from merging the paths.
#[inline(always)]
fn split<T>(result: Result<T, HeapLimitReached>) -> Result<T, HeapLimitReached> {
    match result {
        Ok(value) => Ok(value),
        Err(reached) => Err(failed(reached)),
    }
}

#[cold]
#[inline(never)]
fn failed(reached: HeapLimitReached) -> HeapLimitReached {
    reached
}

#[cold]
#[inline(never)]
fn foreign_shape() -> ! {
    panic!("a shape of another heap: shapes are made per heap with `Scope::shape`");
}

impl<'s, 'h> Scope<'s, 'h> {
    /// The shape of objects built by constructor `name` with these fields, made on first use.
    ///
    /// # Errors
    /// More than 126 fields, or more shapes than a heap can number.
    pub fn shape(&self, name: &str, fields: &[&str]) -> Result<Shape, ShapeError> {
        self.core().shapes.intern(Kind::Object, name, fields, 0)
    }

    /// Like [`Scope::shape`], with `raw_bytes` (at most 56) untagged bytes after the fields.
    ///
    /// # Errors
    /// As for [`Scope::shape`]; too many raw bytes.
    pub fn shape_with_raw(
        &self,
        name: &str,
        fields: &[&str],
        raw_bytes: usize,
    ) -> Result<Shape, ShapeError> {
        self.core()
            .shapes
            .intern(Kind::Object, name, fields, raw_bytes)
    }

    /// The shape of closures of function `name`. Slot 0 is the context; `extra` names further slots.
    ///
    /// # Errors
    /// As for [`Scope::shape`].
    pub fn closure_shape(&self, name: &str, extra: &[&str]) -> Result<Shape, ShapeError> {
        let slots: Vec<&str> = std::iter::once("context")
            .chain(extra.iter().copied())
            .collect();
        self.core().shapes.intern(Kind::Closure, name, &slots, 0)
    }

    /// The shape of contexts that hold these captured variables. Slot 0 is the enclosing context, variable
    /// `i` is slot `i + 1`. `function` names the function whose variables they are.
    ///
    /// # Errors
    /// As for [`Scope::shape`].
    pub fn context_shape(&self, function: &str, variables: &[&str]) -> Result<Shape, ShapeError> {
        let slots: Vec<&str> = std::iter::once("previous")
            .chain(variables.iter().copied())
            .collect();
        self.core()
            .shapes
            .intern(Kind::Context, function, &slots, 0)
    }

    /// An object, closure or context of `shape`; its slots hold `undefined`, its raw bytes 0.
    ///
    /// # Errors
    /// The heap has no room and could not make any.
    ///
    /// # Panics
    /// If `shape` belongs to another heap.
    #[inline]
    pub fn object(&mut self, shape: Shape) -> Result<Local<'s, 'h>, HeapLimitReached> {
        let core = self.core();
        let descriptor = core.check_shape(shape);
        let class = shape_class(descriptor.shape());
        let at = core.allocate_of_class(class, descriptor.narrow_size())?;
        at.store_u64(u64::from(descriptor.0));
        let slots = slot_bytes(descriptor.narrow_slots());
        at.add(HEADER_BYTES).fill_u64(slots, UNDEFINED_PAIR);
        at.add(HEADER_BYTES + slots)
            .fill_u64(descriptor.narrow_raw_bytes(), 0);
        Ok(self.root_value(core.cage.value(at)))
    }

    /// An object, closure or context of `shape` with all its slots given.
    ///
    /// # Errors
    /// The heap has no room and could not make any.
    ///
    /// # Panics
    /// If `shape` belongs to another heap or has another number of slots.
    #[inline(always)]
    pub fn object_with<const N: usize>(
        &mut self,
        shape: Shape,
        slots: [Init<'_, 'h>; N],
    ) -> Result<Local<'s, 'h>, HeapLimitReached> {
        let core = self.core();
        // With raw bytes ruled out, the size is a constant of the call site. Whatever is unusual shares one call,
        // so that this is small enough to be part of the caller.
        if shape.heap_tag_if_narrow_of(N) == core.heap_tag {
            if core.young.born_old & shape_class(shape.descriptor().shape()) == 0
                && let Some(at) = core.young.bump(HEADER_BYTES + slot_bytes(N))
            {
                init_words(at, u64::from(shape.descriptor().0), None, &slots);
                return Ok(self.root_value(core.cage.value(at)));
            }
        } else if let Some(at) = core.bump_with_raw(shape, N) {
            init_words(at, u64::from(shape.descriptor().0), None, &slots);
            return Ok(self.root_value(core.cage.value(at)));
        }
        split(self.object_with_any(shape, slots))
    }

    /// [`Scope::object_with`] for all shapes, with and without room.
    #[inline(never)]
    fn object_with_any<const N: usize>(
        &mut self,
        shape: Shape,
        slots: [Init<'_, 'h>; N],
    ) -> Result<Local<'s, 'h>, HeapLimitReached> {
        let core = self.core();
        let descriptor = core.check_shape(shape);
        assert!(
            descriptor.narrow_slots() == N,
            "{N} values for another number of slots"
        );
        let raw = descriptor.narrow_raw_bytes();
        let class = shape_class(descriptor.shape());
        let at = core.allocate_of_class(class, HEADER_BYTES + slot_bytes(N) + raw)?;
        init_words(at, u64::from(descriptor.0), None, &slots);
        at.add(HEADER_BYTES + slot_bytes(N)).fill_u64(raw, 0);
        core.record_if_old(at, at.add(HEADER_BYTES), N);
        Ok(self.root_value(core.cage.value(at)))
    }

    /// A closure of `shape` over `context`.
    ///
    /// # Errors
    /// The heap has no room and could not make any.
    ///
    /// # Panics
    /// If `context` is no context.
    pub fn closure(
        &mut self,
        shape: Shape,
        context: Local<'_, 'h>,
    ) -> Result<Local<'s, 'h>, HeapLimitReached> {
        self.core()
            .expect_kind(crate::scope::Sealed::value(context), Kind::Context);
        let closure = self.object(shape)?;
        self.set(closure, 0, context);
        Ok(closure)
    }

    /// An array of `length` slots that hold `undefined`.
    ///
    /// # Errors
    /// The heap has no room and could not make any; `length` is over [`MAX_ARRAY_LENGTH`].
    #[inline]
    pub fn array(&mut self, length: usize) -> Result<Local<'s, 'h>, HeapLimitReached> {
        let core = self.core();
        let at = core.new_wide(Kind::Array, builtin::ARRAY, length, 0)?;
        Ok(self.root_value(core.cage.value(at)))
    }

    /// An array with these elements.
    ///
    /// # Errors
    /// The heap has no room and could not make any.
    #[inline(always)]
    pub fn array_with<const N: usize>(
        &mut self,
        elements: [Init<'_, 'h>; N],
    ) -> Result<Local<'s, 'h>, HeapLimitReached> {
        let core = self.core();
        let bytes = wide_size(N, 0);
        if bytes <= core.max_young_object
            && core.young.born_old & array_class(N) == 0
            && let Some(at) = core.young.bump(bytes)
        {
            core.init_array(at, &elements);
            return Ok(self.root_value(core.cage.value(at)));
        }
        split(self.array_with_any(elements))
    }

    /// [`Scope::array_with`] for all lengths, with and without room.
    #[inline(never)]
    fn array_with_any<const N: usize>(
        &mut self,
        elements: [Init<'_, 'h>; N],
    ) -> Result<Local<'s, 'h>, HeapLimitReached> {
        let core = self.core();
        let bytes = wide_size(N, 0);
        if bytes > core.max_young_object {
            return self.long_array_with(&elements);
        }
        let at = core.allocate_of_class(array_class(N), bytes)?;
        core.init_array(at, &elements);
        core.record_if_old(at, at.add(HEADER_BYTES + WIDE_BYTES), N);
        Ok(self.root_value(core.cage.value(at)))
    }

    /// [`Scope::array_with`] for an array that is born old: through the barrier.
    #[cold]
    fn long_array_with(
        &mut self,
        elements: &[Init<'_, 'h>],
    ) -> Result<Local<'s, 'h>, HeapLimitReached> {
        let array = self.array(elements.len())?;
        let core = self.core();
        let (first, _, _) = core.slots_of(crate::scope::Sealed::value(array));
        for (i, init) in elements.iter().enumerate() {
            core.write(first.add(4 * i), init.value());
        }
        Ok(array)
    }

    /// A string.
    ///
    /// # Errors
    /// The heap has no room and could not make any; the text is over [`MAX_RAW_BYTES`].
    #[inline]
    pub fn string(&mut self, text: &str) -> Result<Local<'s, 'h>, HeapLimitReached> {
        let core = self.core();
        let at = core.new_wide_raw(Kind::String, builtin::STRING, 0, text.len())?;
        let body = at.add(HEADER_BYTES + WIDE_BYTES);
        if !text.is_empty() {
            // The last word first, so that the padding is zero.
            body.add((text.len() - 1) & !7).store_u64(0);
            body.bytes_mut(text.len()).copy_from_slice(text.as_bytes());
        }
        Ok(self.root_value(core.cage.value(at)))
    }

    /// A boxed double.
    ///
    /// # Errors
    /// The heap has no room and could not make any.
    #[inline]
    pub fn number(&mut self, number: f64) -> Result<Local<'s, 'h>, HeapLimitReached> {
        const NUMBER: Descriptor = Descriptor::narrow(Kind::Number, builtin::NUMBER, 0, 1);
        let core = self.core();
        let at = core.new_narrow(NUMBER)?;
        at.add(HEADER_BYTES).store_u64(number.to_bits());
        Ok(self.root_value(core.cage.value(at)))
    }

    /// A bytes object of `length` zero bytes.
    ///
    /// # Errors
    /// The heap has no room and could not make any; `length` is over [`MAX_RAW_BYTES`].
    pub fn bytes(&mut self, length: usize) -> Result<Local<'s, 'h>, HeapLimitReached> {
        let core = self.core();
        let at = core.new_wide(Kind::Bytes, builtin::BYTES, 0, length)?;
        Ok(self.root_value(core.cage.value(at)))
    }
}
