//! What keeps objects alive: the handle stack, named root sets, and the embedder's own tables.
//!
//! Every root is a slot outside the cage that the collectors read and rewrite when an object moves. Each
//! group of roots has a name, which snapshots show as a child of `(GC roots)`.

use crate::cage::{Addr, SideTable};
use crate::heap::Core;
use crate::seeded::{self, Bug};
use crate::value::Value;
use std::cell::RefCell;
use std::io;
use std::rc::Rc;

/// Most handles that can be open at once in the scopes of one heap.
pub const MAX_HANDLES: usize = 1 << 24;

/// The slots behind [`crate::Local`] handles: scopes push and pop them in stack order.
#[repr(C)]
pub(crate) struct HandleStack {
    pub(crate) top: Addr,
    end: Addr,
    memory: SideTable,
}

impl HandleStack {
    pub(crate) fn new() -> io::Result<HandleStack> {
        let memory = SideTable::new(MAX_HANDLES * 4)?;
        Ok(HandleStack {
            top: memory.base(),
            end: memory.base().add(memory.len()),
            memory,
        })
    }

    /// Roots `value` until the scope that is open now ends.
    ///
    /// # Panics
    /// If [`MAX_HANDLES`] handles are open: a scope inside the loop that makes them is missing.
    #[inline(always)]
    pub(crate) fn push(&mut self, value: Value) -> Addr {
        self.push_at(self.top, value)
    }

    /// Pops the handles from `slot` on, and roots `value` instead.
    ///
    /// # Panics
    /// As [`HandleStack::push`]; nothing is popped then.
    #[inline(always)]
    pub(crate) fn push_at(&mut self, slot: Addr, value: Value) -> Addr {
        if slot == self.end {
            overflow();
        }
        slot.store_u32(value.0);
        self.top = slot.add(4);
        slot
    }

    /// The slots in use: first and count.
    pub(crate) fn slots(&self) -> (Addr, usize) {
        (self.memory.base(), (self.top.0 - self.memory.base().0) / 4)
    }
}

#[cold]
#[inline(never)]
fn overflow() -> ! {
    panic!(
        "{MAX_HANDLES} handles are open in the scopes of one heap; open a scope inside the loop that makes them"
    );
}

/// A named, growable set of root slots.
#[derive(Debug)]
pub(crate) struct RootSet {
    pub(crate) name: Box<str>,
    pub(crate) heap: u32,
    pub(crate) slots: RefCell<RootSlots>,
}

/// Slots of a root set; freed ones are linked through `free`.
#[derive(Debug, Default)]
pub(crate) struct RootSlots {
    pub(crate) values: Vec<u32>,
    pub(crate) free: Vec<u32>,
}

impl RootSet {
    pub(crate) fn new(name: &str, heap: u32) -> Rc<RootSet> {
        Rc::new(RootSet {
            name: name.into(),
            heap,
            slots: RefCell::default(),
        })
    }
}

/// A slot that an embedder keeps in a table of its own and shows to the collectors through a [`RootProvider`].
#[derive(Debug)]
#[repr(transparent)]
pub struct RootCell(pub(crate) u32);

/// An embedder's own stack or tables, registered with [`crate::Heap::add_root_provider`].
///
/// # Safety
/// 1. `visit` must show every [`RootCell`] that the embedder may still read, each time it is called: a cell
///    that is left out keeps a stale reference after the next collection.
/// 2. A cell must be read only in the heap that made it.
pub unsafe trait RootProvider {
    /// Name of the group in snapshots, such as `(Interpreter stack)`.
    fn name(&self) -> &str;
    /// Shows every cell to the visitor.
    fn visit(&mut self, visitor: &mut RootVisitor<'_>);
}

/// What a [`RootProvider`] shows its cells to.
pub struct RootVisitor<'v> {
    pub(crate) visit: &'v mut dyn FnMut(&mut u32),
}

impl RootVisitor<'_> {
    /// Shows one cell.
    pub fn cell(&mut self, cell: &mut RootCell) {
        (self.visit)(&mut cell.0);
    }
}

impl std::fmt::Debug for RootVisitor<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RootVisitor")
    }
}

/// The roots of one heap besides its handle stack.
pub(crate) struct Roots {
    pub(crate) globals: Rc<RootSet>,
    pub(crate) tables: Vec<Rc<RootSet>>,
    pub(crate) providers: Vec<Rc<RefCell<dyn RootProvider>>>,
}

impl Roots {
    pub(crate) fn new(heap: u32) -> Roots {
        Roots {
            globals: RootSet::new("(Global handles)", heap),
            tables: Vec::new(),
            providers: Vec::new(),
        }
    }

    /// Globals that are alive.
    pub(crate) fn globals_in_use(&self) -> usize {
        let slots = self.globals.slots.borrow();
        slots.values.len() - slots.free.len()
    }

    /// Shows every root slot to `visit`, which may rewrite it; group by group, in a fixed order.
    pub(crate) fn visit(&mut self, mut visit: impl FnMut(&mut u32)) {
        // A table whose last user handle is gone roots nothing any more.
        self.tables.retain(|table| Rc::strong_count(table) > 1);
        for set in std::iter::once(&self.globals).chain(&self.tables) {
            set.slots
                .borrow_mut()
                .values
                .iter_mut()
                .for_each(&mut visit);
        }
        for provider in &self.providers {
            provider
                .borrow_mut()
                .visit(&mut RootVisitor { visit: &mut visit });
        }
    }

    fn groups(&self) -> Vec<(String, Vec<Value>)> {
        let mut groups = Vec::new();
        for set in std::iter::once(&self.globals).chain(&self.tables) {
            let values = set
                .slots
                .borrow()
                .values
                .iter()
                .map(|&v| Value(v))
                .collect();
            groups.push((set.name.to_string(), values));
        }
        for provider in &self.providers {
            let mut provider = provider.borrow_mut();
            let mut values = Vec::new();
            provider.visit(&mut RootVisitor {
                visit: &mut |cell: &mut u32| values.push(Value(*cell)),
            });
            groups.push((provider.name().to_owned(), values));
        }
        groups
    }
}

impl Core {
    /// Every root value of the heap, for a marker.
    pub(crate) fn for_each_root(&mut self, mut each: impl FnMut(Value)) {
        let (first, mut count) = self.handles.slots();
        count -= usize::from(count > 0 && seeded::active(Bug::MarkHandleSkipped));
        for i in 0..count {
            each(first.add(4 * i).value());
        }
        if let Some(roots) = &mut self.roots {
            roots.visit(|slot| each(Value(*slot)));
        }
        self.weak.held().for_each(&mut each);
    }

    /// The root groups with their names and values, for snapshots and the verifier.
    pub(crate) fn root_groups(&self) -> Vec<(String, Vec<Value>)> {
        let (first, count) = self.handles.slots();
        let mut groups = vec![(
            "(Handle scope)".to_owned(),
            (0..count).map(|i| first.add(4 * i).value()).collect(),
        )];
        groups.extend(self.roots.iter().flat_map(Roots::groups));
        groups.push(("(Finalizers)".to_owned(), self.weak.held().collect()));
        groups
    }
}
