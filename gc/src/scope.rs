//! Handles: the only ways to hold an object of the heap (design: V8's `HandleScope`, with brands).
//!
//! Goals, in order: no use of a moved or dead object can compile; allocation stays a bump and a compare;
//! opening a scope costs two stores; no macro.
//!
//! * [`Scope`] is the right to use a heap. Whatever may collect takes `&mut Scope`; reads and stores take
//!   `&Scope`.
//! * [`Local`] is rooted: a slot of the handle stack, read anew at each use, so it follows its object. It
//!   lives as long as its scope.
//! * [`Ref`] is not rooted: the value itself. It borrows its `Scope`, so the borrow checker ends it at the
//!   next call that may collect.
//!
//! Two lifetimes brand them, both invariant in `Scope`. `'h` names one [`Heap::enter`](crate::Heap::enter): handles of two
//! heaps have different types. `'s` names one scope: both are made fresh by a closure's higher-ranked bound,
//! so no handle can leave its scope, and two scopes can neither be exchanged nor forgotten.
//!
//! V8 makes the same distinction at run time (`Local` in a `HandleScope`) and cannot stop a raw pointer from
//! being kept over a collection; gc-arena brands like this, but cannot collect while a mutation is running.
//!
//! A handle of another heap does not compile:
//! ```compile_fail,E0521
//! # use heaplab_gc::{Heap, HeapOptions};
//! # let (mut a, mut b) = (Heap::new(HeapOptions::default()).unwrap(), Heap::new(HeapOptions::default()).unwrap());
//! a.enter(|s| {
//!     let array = s.array(1).unwrap();
//!     b.enter(|t| { t.set(array, 0, array); });
//! });
//! ```
//! Nor a handle that outlives its scope:
//! ```compile_fail
//! # use heaplab_gc::{Heap, HeapOptions};
//! # let mut heap = Heap::new(HeapOptions::default()).unwrap();
//! heap.enter(|s| {
//!     let kept = s.scope(|t| t.array(1).unwrap());
//!     s.get(kept, 0);
//! });
//! ```
//! Nor an unrooted reference kept over an allocation:
//! ```compile_fail,E0502
//! # use heaplab_gc::{Heap, HeapOptions};
//! # let mut heap = Heap::new(HeapOptions::default()).unwrap();
//! heap.enter(|s| {
//!     let array = s.array(1).unwrap();
//!     let first = s.get(array, 0);
//!     s.array(1).unwrap();
//!     s.set(array, 0, first);
//! });
//! ```
//! Nor exchanging two scopes, be they of one heap or of two:
//! ```compile_fail,E0521
//! # use heaplab_gc::{Heap, HeapOptions};
//! # let (mut a, mut b) = (Heap::new(HeapOptions::default()).unwrap(), Heap::new(HeapOptions::default()).unwrap());
//! a.enter(|s| b.enter(|t| std::mem::swap(s, t)));
//! ```
//! Nor forgetting one (a scope is only ever lent):
//! ```compile_fail,E0507
//! # use heaplab_gc::{Heap, HeapOptions};
//! # let mut heap = Heap::new(HeapOptions::default()).unwrap();
//! heap.enter(|s| std::mem::forget(*s));
//! ```

use crate::cage::Addr;
use crate::heap::Core;
use crate::value::{SMI_MAX, SMI_MIN, Value};
use std::fmt;
use std::marker::PhantomData;
use std::ptr::NonNull;

/// An invariant lifetime: neither a longer nor a shorter one can take its place.
pub(crate) type Brand<'a> = PhantomData<fn(&'a ()) -> &'a ()>;

/// The right to use a heap; handles made through it live until it ends.
pub struct Scope<'s, 'h> {
    core: NonNull<Core>,
    _brand: (Brand<'s>, Brand<'h>),
}

/// A rooted handle: follows its object when that moves, keeps it alive until the scope `'s` ends.
pub struct Local<'s, 'h> {
    slot: Addr,
    _brand: (PhantomData<&'s ()>, Brand<'h>),
}

/// An unrooted value, usable until the next call that may collect.
pub struct Ref<'r, 'h> {
    value: Value,
    _brand: (PhantomData<&'r ()>, Brand<'h>),
}

impl Clone for Local<'_, '_> {
    fn clone(&self) -> Self {
        *self
    }
}
impl Copy for Local<'_, '_> {}
impl Clone for Ref<'_, '_> {
    fn clone(&self) -> Self {
        *self
    }
}
impl Copy for Ref<'_, '_> {}

impl fmt::Debug for Scope<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Scope")
    }
}

impl fmt::Debug for Local<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Local({:?})", self.slot.value())
    }
}

impl fmt::Debug for Ref<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Ref({:?})", self.value)
    }
}

mod sealed {
    use crate::value::Value;

    #[allow(
        unreachable_pub,
        reason = "public in private: no other crate can implement it"
    )]
    pub trait Sealed: Copy {
        fn value(self) -> Value;
    }
}
pub(crate) use sealed::Sealed;

/// Whatever can be stored into a slot of the heap `'h`: a [`Local`], a [`Ref`], a [`Smi`], an [`Immediate`].
pub trait Operand<'h>: Sealed {}

impl Sealed for Local<'_, '_> {
    #[inline(always)]
    fn value(self) -> Value {
        self.slot.value()
    }
}
impl<'h> Operand<'h> for Local<'_, 'h> {}

impl Sealed for Ref<'_, '_> {
    #[inline(always)]
    fn value(self) -> Value {
        self.value
    }
}
impl<'h> Operand<'h> for Ref<'_, 'h> {}

/// A small integer: 31 bits, stored in the slot itself.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Smi(i32);

impl Smi {
    /// Smallest small integer, −2³⁰.
    pub const MIN: i32 = SMI_MIN;
    /// Largest small integer, 2³⁰ − 1.
    pub const MAX: i32 = SMI_MAX;

    /// The small integer `n`; `None` if it needs more than 31 bits (box it as a number then).
    #[inline(always)]
    pub const fn new(n: i32) -> Option<Smi> {
        if n >= SMI_MIN && n <= SMI_MAX {
            Some(Smi(n))
        } else {
            None
        }
    }

    /// The low 31 bits of `n`, sign-extended: for counters and hashes where wrapping is meant.
    #[inline(always)]
    pub const fn wrapping(n: i32) -> Smi {
        Smi((n << 1) >> 1)
    }

    /// The integer.
    #[inline(always)]
    pub const fn get(self) -> i32 {
        self.0
    }
}

impl Sealed for Smi {
    #[inline(always)]
    fn value(self) -> Value {
        Value(self.0 as u32 & !crate::value::REF_TAG)
    }
}
impl<'h> Operand<'h> for Smi {}

/// The values that are neither integers nor objects.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
pub enum Immediate {
    /// What slots hold before anything is stored.
    Undefined,
    /// JavaScript's `null`.
    Null,
    /// `true`.
    True,
    /// `false`.
    False,
}

impl Sealed for Immediate {
    #[inline(always)]
    fn value(self) -> Value {
        match self {
            Immediate::Undefined => Value::UNDEFINED,
            Immediate::Null => Value::NULL,
            Immediate::True => Value::TRUE,
            Immediate::False => Value::FALSE,
        }
    }
}
impl<'h> Operand<'h> for Immediate {}

/// The first content of a slot of an object that is being allocated.
///
/// Made from a [`Local`], a [`Smi`] or an [`Immediate`]; not from a [`Ref`], which the allocation may move.
#[derive(Copy, Clone, Debug)]
pub enum Init<'s, 'h> {
    /// An object that a handle roots.
    Rooted(Local<'s, 'h>),
    /// A small integer.
    Integer(Smi),
    /// `undefined`, `null`, `true`, `false`.
    Constant(Immediate),
}

impl Init<'_, '_> {
    #[inline(always)]
    pub(crate) fn value(self) -> Value {
        match self {
            Init::Rooted(local) => local.slot.value(),
            Init::Integer(smi) => smi.value(),
            Init::Constant(constant) => constant.value(),
        }
    }
}

impl<'s, 'h> From<Local<'s, 'h>> for Init<'s, 'h> {
    #[inline(always)]
    fn from(local: Local<'s, 'h>) -> Self {
        Init::Rooted(local)
    }
}

impl From<Smi> for Init<'_, '_> {
    #[inline(always)]
    fn from(smi: Smi) -> Self {
        Init::Integer(smi)
    }
}

impl From<Immediate> for Init<'_, '_> {
    #[inline(always)]
    fn from(constant: Immediate) -> Self {
        Init::Constant(constant)
    }
}

/// Restores the handle stack when a scope ends, also by a panic.
struct Unwind {
    core: NonNull<Core>,
    top: Addr,
}

impl Drop for Unwind {
    #[inline(always)]
    fn drop(&mut self) {
        // SAFETY: the heap outlives its scopes (`Heap::enter` borrows it for the outermost one), and no
        // reference to the core is live between calls of a scope's methods.
        unsafe { self.core.as_mut() }.handles.top = self.top;
    }
}

/// Runs `body` with a fresh scope on `core`.
#[inline(always)]
pub(crate) fn with_scope<R>(
    core: &mut Core,
    body: impl for<'s, 'h> FnOnce(&mut Scope<'s, 'h>) -> R,
) -> R {
    let top = core.handles.top;
    let core = NonNull::from(core);
    let _unwind = Unwind { core, top };
    body(&mut Scope {
        core,
        _brand: (PhantomData, PhantomData),
    })
}

impl<'s, 'h> Scope<'s, 'h> {
    /// The heap's core.
    ///
    /// Exclusive although `&self`: each method takes it once, uses it, and lets it go before it returns;
    /// nothing that a method returns borrows from the core itself (texts and bytes lie in the cage).
    #[inline(always)]
    #[allow(
        clippy::mut_from_ref,
        reason = "see above; the heap belongs to one thread and methods do not nest"
    )]
    pub(crate) fn core(&self) -> &mut Core {
        // SAFETY: the pointer comes from the exclusive borrow in `with_scope`, which lasts as long as this
        // scope; a scope is neither `Send` nor `Sync`, and no two references from here are live at once.
        unsafe { &mut *self.core.as_ptr() }
    }

    /// Runs `body` in an inner scope: the handles made in it end with it, those of `self` stay usable.
    #[inline(always)]
    pub fn scope<R>(&mut self, body: impl for<'t> FnOnce(&mut Scope<'t, 'h>) -> R) -> R {
        let _unwind = Unwind {
            core: self.core,
            top: self.core().handles.top,
        };
        body(&mut Scope {
            core: self.core,
            _brand: (PhantomData, PhantomData),
        })
    }

    /// Runs `body` in an inner scope and carries the handle it returns over into this one.
    #[inline]
    pub fn escape<E>(
        &mut self,
        body: impl for<'t> FnOnce(&mut Scope<'t, 'h>) -> Result<Local<'t, 'h>, E>,
    ) -> Result<Local<'s, 'h>, E> {
        let unwind = Unwind {
            core: self.core,
            top: self.core().handles.top,
        };
        let value = body(&mut Scope {
            core: self.core,
            _brand: (PhantomData, PhantomData),
        })?
        .slot
        .value();
        // The handle takes the place of the inner scope's first one.
        let slot = self.core().handles.push_at(unwind.top, value);
        std::mem::forget(unwind);
        Ok(Local {
            slot,
            _brand: (PhantomData, PhantomData),
        })
    }

    /// Roots a value in this scope.
    ///
    /// # Panics
    /// If [`MAX_HANDLES`](crate::MAX_HANDLES) handles are open.
    #[inline(always)]
    pub fn root(&self, value: impl Operand<'h>) -> Local<'s, 'h> {
        self.root_value(value.value())
    }

    #[inline(always)]
    pub(crate) fn root_value(&self, value: Value) -> Local<'s, 'h> {
        Local {
            slot: self.core().handles.push(value),
            _brand: (PhantomData, PhantomData),
        }
    }

    #[inline(always)]
    pub(crate) fn lend(&self, value: Value) -> Ref<'_, 'h> {
        Ref {
            value,
            _brand: (PhantomData, PhantomData),
        }
    }

    /// Makes `target` refer to `value` from now on: a handle as a variable.
    #[inline(always)]
    pub fn assign(&self, target: Local<'_, 'h>, value: impl Operand<'h>) {
        target.slot.store_u32(value.value().0);
    }
}
