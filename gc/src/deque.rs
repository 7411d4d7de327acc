//! Double-ended queues of the heap: a ring in an array that doubles when it is full.
//!
//! ```text
//! Deque ──buffer──► Array: · · c d e · a b     raw: head (index of the front), length
//! ```

use crate::cage::Addr;
use crate::error::HeapLimitReached;
use crate::heap::Core;
use crate::object::{Descriptor, HEADER_BYTES, Kind, WIDE_BYTES};
use crate::scope::{Init, Local, Operand, Ref, Scope, Sealed};
use crate::shape::builtin;
use crate::value::Value;

const DEQUE: Descriptor = Descriptor::narrow(Kind::Deque, builtin::DEQUE, 1, 1);
const MIN_CAPACITY: usize = 8;

/// Where the parts of a deque lie. Valid until the next allocation.
#[derive(Copy, Clone)]
struct Ring {
    head: Addr,
    len: Addr,
    slots: Addr,
    capacity: usize,
}

impl Ring {
    fn length(self) -> usize {
        self.len.load_u32() as usize
    }

    fn slot(self, index: usize) -> Addr {
        self.slots
            .add(4 * ((self.head.load_u32() as usize + index) & (self.capacity - 1)))
    }
}

impl Core {
    fn ring(&self, deque: Value) -> Ring {
        self.expect_kind(deque, Kind::Deque);
        let at = self.cage.addr(deque);
        let (head, len) = (at.add(HEADER_BYTES + 8), at.add(HEADER_BYTES + 12));
        let buffer = at.add(HEADER_BYTES).value();
        if buffer == Value::UNDEFINED {
            return Ring {
                head,
                len,
                slots: at,
                capacity: 0,
            };
        }
        let buffer = self.cage.addr(buffer);
        let capacity = buffer.add(HEADER_BYTES).load_u32() as usize;
        Ring {
            head,
            len,
            slots: buffer.add(HEADER_BYTES + WIDE_BYTES),
            capacity,
        }
    }
}

impl<'s, 'h> Scope<'s, 'h> {
    /// An empty deque.
    ///
    /// # Errors
    /// The heap has no room and could not make any.
    pub fn deque(&mut self) -> Result<Local<'s, 'h>, HeapLimitReached> {
        let core = self.core();
        let at = core.new_narrow(DEQUE)?;
        at.add(HEADER_BYTES)
            .store_u64(crate::allocate::UNDEFINED_PAIR);
        at.add(HEADER_BYTES + 8).store_u64(0);
        Ok(self.root_value(core.cage.value(at)))
    }

    /// Elements of a deque.
    ///
    /// # Panics
    /// If `deque` is no deque; so do all methods on deques.
    pub fn deque_len(&self, deque: impl Operand<'h>) -> usize {
        self.core().ring(deque.value()).length()
    }

    /// Size of a deque in bytes, its buffer included.
    pub fn deque_bytes(&self, deque: impl Operand<'h>) -> usize {
        let (core, deque) = (self.core(), deque.value());
        core.expect_kind(deque, Kind::Deque);
        let buffer_bytes = match core.cage.addr(deque).add(HEADER_BYTES).value() {
            Value::UNDEFINED => 0,
            buffer => self.size_of(self.lend(buffer)),
        };
        self.size_of(self.lend(deque)) + buffer_bytes
    }

    /// Element `index` from the front.
    pub fn deque_get(&self, deque: impl Operand<'h>, index: usize) -> Option<Ref<'_, 'h>> {
        let ring = self.core().ring(deque.value());
        (index < ring.length()).then(|| self.lend(ring.slot(index).value()))
    }

    /// Appends at the back.
    ///
    /// # Errors
    /// The buffer had to grow and the heap has no room; the deque is as before.
    pub fn deque_push_back<'v>(
        &mut self,
        deque: Local<'_, 'h>,
        value: impl Into<Init<'v, 'h>>,
    ) -> Result<(), HeapLimitReached> {
        let value = value.into();
        self.deque_reserve(deque)?;
        let core = self.core();
        let ring = core.ring(deque.value());
        core.write(ring.slot(ring.length()), value.value());
        ring.len.store_u32(ring.length() as u32 + 1);
        Ok(())
    }

    /// Puts a value before the front.
    ///
    /// # Errors
    /// The buffer had to grow and the heap has no room; the deque is as before.
    pub fn deque_push_front<'v>(
        &mut self,
        deque: Local<'_, 'h>,
        value: impl Into<Init<'v, 'h>>,
    ) -> Result<(), HeapLimitReached> {
        let value = value.into();
        self.deque_reserve(deque)?;
        let core = self.core();
        let ring = core.ring(deque.value());
        ring.head
            .store_u32((ring.head.load_u32().wrapping_sub(1)) & (ring.capacity as u32 - 1));
        core.write(ring.slot(0), value.value());
        ring.len.store_u32(ring.length() as u32 + 1);
        Ok(())
    }

    /// Takes the front.
    pub fn deque_pop_front(&self, deque: impl Operand<'h>) -> Option<Ref<'_, 'h>> {
        let ring = self.core().ring(deque.value());
        if ring.length() == 0 {
            return None;
        }
        let slot = ring.slot(0);
        let value = slot.value();
        slot.store_u32(Value::UNDEFINED.0);
        ring.head
            .store_u32((ring.head.load_u32() + 1) & (ring.capacity as u32 - 1));
        ring.len.store_u32(ring.length() as u32 - 1);
        Some(self.lend(value))
    }

    /// Takes the back.
    pub fn deque_pop_back(&self, deque: impl Operand<'h>) -> Option<Ref<'_, 'h>> {
        let ring = self.core().ring(deque.value());
        if ring.length() == 0 {
            return None;
        }
        let slot = ring.slot(ring.length() - 1);
        let value = slot.value();
        slot.store_u32(Value::UNDEFINED.0);
        ring.len.store_u32(ring.length() as u32 - 1);
        Some(self.lend(value))
    }

    /// Makes room for one more element.
    fn deque_reserve(&mut self, deque: Local<'_, 'h>) -> Result<(), HeapLimitReached> {
        let core = self.core();
        let ring = core.ring(deque.value());
        if ring.length() < ring.capacity {
            return Ok(());
        }
        let capacity = (2 * ring.capacity).max(MIN_CAPACITY);
        let at = core.new_wide(Kind::Array, builtin::ARRAY, capacity, 0)?;
        // The allocation may have moved the deque and its buffer.
        let ring = core.ring(deque.value());
        let slots = at.add(HEADER_BYTES + WIDE_BYTES);
        for i in 0..ring.length() {
            slots.add(4 * i).store_u32(ring.slot(i).load_u32());
        }
        core.write_range(slots, ring.length());
        ring.head.store_u32(0);
        let slot = core.cage.addr(deque.value()).add(HEADER_BYTES);
        core.write(slot, core.cage.value(at));
        Ok(())
    }
}
