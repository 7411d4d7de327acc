//! Reading and storing: what [`Scope`] does with objects that exist. Nothing here can collect.

use crate::allocate::ARRAY;
use crate::cage::Addr;
use crate::heap::Core;
use crate::object::{Descriptor, HEADER_BYTES, Kind, WIDE_BYTES, slot_bytes};
use crate::scavenger::slots_and_end;
use crate::scope::{Operand, Ref, Scope};
use crate::shape::ShapeInfo;
use crate::value::Value;
use std::rc::Rc;

/// What a value is.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
pub enum Type {
    /// A small integer.
    Integer(i32),
    /// `undefined`.
    Undefined,
    /// `null`.
    Null,
    /// `true` or `false`.
    Boolean(bool),
    /// An object of the heap.
    Object(Kind),
}

/// Kinds whose slots the embedder may read and write by index.
const INDEXED: u32 = 1 << Kind::Object as u32
    | 1 << Kind::Array as u32
    | 1 << Kind::Closure as u32
    | 1 << Kind::Context as u32;
/// Kinds whose raw bytes belong to the embedder.
const RAW: u32 = 1 << Kind::Object as u32 | 1 << Kind::Bytes as u32;

impl Core {
    /// Address of slot `index` of an object with indexed slots.
    #[inline(always)]
    fn indexed_slot(&self, host: Value, index: usize) -> Addr {
        if host.is_ref() {
            let at = self.cage.addr(host);
            let descriptor = Descriptor(at.load_u32());
            if descriptor.has_open_slot(index) {
                return at.add(HEADER_BYTES + 4 * index);
            }
            // Arrays are the only wide objects that are open by index, and share one descriptor.
            if descriptor == ARRAY && index < at.add(HEADER_BYTES).load_u32() as usize {
                return at.add(HEADER_BYTES + WIDE_BYTES + 4 * index);
            }
        }
        self.no_such_slot(host, index)
    }

    #[cold]
    #[inline(never)]
    fn no_such_slot(&self, host: Value, index: usize) -> ! {
        match self.type_of(host) {
            Type::Object(kind) => {
                let (_, slots, _) = self.slots_of(host);
                panic!(
                    "slot {index} of a {kind:?} with {slots} slots that are open to the embedder"
                )
            }
            other => panic!("slot {index} of {other:?}, which is no object"),
        }
    }

    pub(crate) fn type_of(&self, value: Value) -> Type {
        if let Some(n) = value.as_smi() {
            return Type::Integer(n);
        }
        match value {
            Value::UNDEFINED => Type::Undefined,
            Value::NULL => Type::Null,
            Value::TRUE => Type::Boolean(true),
            Value::FALSE => Type::Boolean(false),
            _ => Type::Object(self.descriptor(value).kind()),
        }
    }

    #[inline(always)]
    pub(crate) fn descriptor(&self, value: Value) -> Descriptor {
        Descriptor(self.cage.addr(value).load_u32())
    }

    /// First slot, slot count and end of the object that `value` refers to.
    #[inline(always)]
    pub(crate) fn slots_of(&self, value: Value) -> (Addr, usize, Addr) {
        let at = self.cage.addr(value);
        slots_and_end(at, Descriptor(at.load_u32()))
    }

    /// Address and length of an object's raw bytes.
    pub(crate) fn raw_of(&self, value: Value) -> (Addr, usize) {
        let at = self.cage.addr(value);
        let descriptor = Descriptor(at.load_u32());
        if descriptor.is_wide() {
            let word = at.add(HEADER_BYTES).load_u64();
            let slots = slot_bytes(word as u32 as usize);
            (
                at.add(HEADER_BYTES + WIDE_BYTES + slots),
                (word >> 32) as usize,
            )
        } else {
            let slots = slot_bytes(descriptor.narrow_slots());
            (at.add(HEADER_BYTES + slots), descriptor.narrow_raw_bytes())
        }
    }

    /// Whether `value` refers to an object of `kind`.
    #[inline(always)]
    pub(crate) fn is_kind(&self, value: Value, kind: Kind) -> bool {
        value.is_ref() && self.descriptor(value).kind() == kind
    }

    /// Panics unless `value` is an object of `kind`.
    #[inline(always)]
    pub(crate) fn expect_kind(&self, value: Value, kind: Kind) {
        if !self.is_kind(value, kind) {
            self.wrong_kind(value, kind);
        }
    }

    #[cold]
    #[inline(never)]
    fn wrong_kind(&self, value: Value, kind: Kind) -> ! {
        panic!("expected a {kind:?}, found {:?}", self.type_of(value));
    }

    /// The text of a string object.
    #[inline(always)]
    pub(crate) fn text<'a>(&self, value: Value) -> &'a [u8] {
        let (at, len) = self.raw_of(value);
        at.bytes(len)
    }

    pub(crate) fn number_of(&self, value: Value) -> f64 {
        f64::from_bits(self.raw_of(value).0.load_u64())
    }
}

impl<'h> Scope<'_, 'h> {
    /// Slot `index` of an object, array, closure or context: one bounds check and one load.
    ///
    /// # Panics
    /// If `host` has no such slot.
    #[inline(always)]
    pub fn get(&self, host: impl Operand<'h>, index: usize) -> Ref<'_, 'h> {
        self.lend(self.core().indexed_slot(host.value(), index).value())
    }

    /// Stores `value` into slot `index` of an object, array, closure or context, through the write barrier.
    ///
    /// # Panics
    /// If `host` has no such slot.
    #[inline(always)]
    pub fn set(&self, host: impl Operand<'h>, index: usize, value: impl Operand<'h>) {
        let core = self.core();
        let slot = core.indexed_slot(host.value(), index);
        core.write(slot, value.value());
    }

    /// Slots of an object, array, closure or context; elements of an array.
    ///
    /// # Panics
    /// If `host` is no such object.
    #[inline]
    pub fn slot_count(&self, host: impl Operand<'h>) -> usize {
        let (core, host) = (self.core(), host.value());
        if !host.is_ref() || !core.descriptor(host).is_one_of(INDEXED) {
            core.no_such_slot(host, 0);
        }
        core.slots_of(host).1
    }

    /// What `value` is.
    pub fn type_of(&self, value: impl Operand<'h>) -> Type {
        self.core().type_of(value.value())
    }

    /// Whether two operands are the same object, or equal small integers or constants.
    #[inline(always)]
    pub fn same(&self, a: impl Operand<'h>, b: impl Operand<'h>) -> bool {
        a.value() == b.value()
    }

    /// The small integer, if `value` is one.
    #[inline(always)]
    pub fn as_integer(&self, value: impl Operand<'h>) -> Option<i32> {
        value.value().as_smi()
    }

    /// The number, if `value` is a small integer or a boxed double.
    pub fn as_number(&self, value: impl Operand<'h>) -> Option<f64> {
        let value = value.value();
        match value.as_smi() {
            Some(n) => Some(f64::from(n)),
            None if self.core().is_kind(value, Kind::Number) => Some(self.core().number_of(value)),
            None => None,
        }
    }

    /// The text, if `value` is a string.
    pub fn as_str(&self, value: impl Operand<'h>) -> Option<&str> {
        let value = value.value();
        if !self.core().is_kind(value, Kind::String) {
            return None;
        }
        // Strings are made from `&str` only and never written again.
        std::str::from_utf8(self.core().text(value)).ok()
    }

    /// Whether `value` is `undefined`.
    #[inline(always)]
    pub fn is_undefined(&self, value: impl Operand<'h>) -> bool {
        value.value() == Value::UNDEFINED
    }

    /// The raw bytes of an object or bytes object.
    ///
    /// # Panics
    /// If `host` is neither.
    pub fn raw(&self, host: impl Operand<'h>) -> &[u8] {
        let (at, len) = self.embedder_raw(host.value());
        at.bytes(len)
    }

    /// The raw bytes of an object or bytes object, for writing.
    ///
    /// # Panics
    /// If `host` is neither.
    pub fn raw_mut(&mut self, host: impl Operand<'h>) -> &mut [u8] {
        let (at, len) = self.embedder_raw(host.value());
        at.bytes_mut(len)
    }

    fn embedder_raw(&self, host: Value) -> (Addr, usize) {
        let core = self.core();
        if !host.is_ref() || !core.descriptor(host).is_one_of(RAW) {
            panic!("raw bytes of {:?}, which has none", core.type_of(host));
        }
        core.raw_of(host)
    }

    /// Kind, name and slot names of an object; `None` for integers.
    pub fn shape_of(&self, value: impl Operand<'h>) -> Option<Rc<ShapeInfo>> {
        let value = value.value();
        if !value.is_ref() {
            return None;
        }
        let core = self.core();
        core.shapes.get(core.descriptor(value).shape()).cloned()
    }

    /// Size of an object in bytes, header included; 0 for small integers.
    pub fn size_of(&self, value: impl Operand<'h>) -> usize {
        let value = value.value();
        if !value.is_ref() {
            return 0;
        }
        self.core().slots_of(value).2.0 - self.core().cage.addr(value).0
    }
}
