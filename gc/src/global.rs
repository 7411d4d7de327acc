//! Handles that outlive scopes: [`Global`], [`RootTable`], and cells for [`RootProvider`](crate::RootProvider)s.

use crate::roots::{RootCell, RootSet};
use crate::scope::{Local, Operand, Ref, Scope};
use crate::value::Value;
use std::fmt;
use std::rc::Rc;

/// A root that lives until it is dropped, independent of scopes (V8's `Global`).
///
/// It shares a table with its heap and may outlive it; it then roots nothing.
pub struct Global {
    set: Rc<RootSet>,
    index: u32,
}

impl Global {
    fn new(set: &Rc<RootSet>, value: Value) -> Global {
        let mut slots = set.slots.borrow_mut();
        let index = match slots.free.pop() {
            Some(index) => {
                slots.values[index as usize] = value.0;
                index
            }
            None => {
                slots.values.push(value.0);
                (slots.values.len() - 1) as u32
            }
        };
        Global {
            set: Rc::clone(set),
            index,
        }
    }

    fn value(&self) -> Value {
        Value(self.set.slots.borrow().values[self.index as usize])
    }
}

impl Drop for Global {
    fn drop(&mut self) {
        let mut slots = self.set.slots.borrow_mut();
        slots.values[self.index as usize] = Value::UNDEFINED.0;
        slots.free.push(self.index);
    }
}

impl fmt::Debug for Global {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Global({:?})", self.value())
    }
}

/// A growable table of roots with a name of its own in snapshots: an embedder's stack or register file.
///
/// The heap visits it as long as this handle (or a clone) lives.
#[derive(Clone)]
pub struct RootTable {
    pub(crate) set: Rc<RootSet>,
}

impl RootTable {
    /// Slots in use.
    pub fn len(&self) -> usize {
        self.set.slots.borrow().values.len()
    }

    /// Whether no slot is in use.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Drops all slots from `len` on: pops a frame.
    pub fn truncate(&self, len: usize) {
        self.set.slots.borrow_mut().values.truncate(len);
    }
}

impl fmt::Debug for RootTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RootTable({}, {} slots)", self.set.name, self.len())
    }
}

impl<'s, 'h> Scope<'s, 'h> {
    /// A root for `value` that lives until it is dropped.
    pub fn global(&self, value: impl Operand<'h>) -> Global {
        Global::new(&self.core().global_set(), value.value())
    }

    /// What `global` refers to, rooted in this scope.
    ///
    /// # Panics
    /// If `global` belongs to another heap.
    pub fn local(&self, global: &Global) -> Local<'s, 'h> {
        self.same_heap(&global.set);
        self.root_value(global.value())
    }

    /// What `global` refers to, until the next call that may collect.
    ///
    /// # Panics
    /// If `global` belongs to another heap.
    pub fn peek(&self, global: &Global) -> Ref<'_, 'h> {
        self.same_heap(&global.set);
        self.lend(global.value())
    }

    /// Makes `global` refer to `value`.
    ///
    /// # Panics
    /// If `global` belongs to another heap.
    pub fn set_global(&self, global: &Global, value: impl Operand<'h>) {
        self.same_heap(&global.set);
        global.set.slots.borrow_mut().values[global.index as usize] = value.value().0;
    }

    /// A new, empty root table; `name` is its group's name in snapshots, such as `(Interpreter stack)`.
    pub fn root_table(&self, name: &str) -> RootTable {
        let core = self.core();
        let set = RootSet::new(name, core.id);
        if let Some(roots) = &mut core.roots {
            roots.tables.push(Rc::clone(&set));
        }
        RootTable { set }
    }

    /// Appends a slot to `table`; returns its index.
    ///
    /// # Panics
    /// If `table` belongs to another heap.
    pub fn push_root(&self, table: &RootTable, value: impl Operand<'h>) -> usize {
        self.same_heap(&table.set);
        let values = &mut table.set.slots.borrow_mut().values;
        values.push(value.value().0);
        values.len() - 1
    }

    /// The content of slot `index` of `table`.
    ///
    /// # Panics
    /// If the table has no such slot or belongs to another heap.
    pub fn root_at(&self, table: &RootTable, index: usize) -> Ref<'_, 'h> {
        self.same_heap(&table.set);
        self.lend(Value(table.set.slots.borrow().values[index]))
    }

    /// Stores into slot `index` of `table`.
    ///
    /// # Panics
    /// If the table has no such slot or belongs to another heap.
    pub fn set_root(&self, table: &RootTable, index: usize, value: impl Operand<'h>) {
        self.same_heap(&table.set);
        table.set.slots.borrow_mut().values[index] = value.value().0;
    }

    /// A cell for a table of the embedder's own; see [`RootProvider`](crate::RootProvider).
    pub fn cell(&self, value: impl Operand<'h>) -> RootCell {
        RootCell(value.value().0)
    }

    /// What a cell holds.
    ///
    /// # Safety
    /// 1. The cell was made by this heap.
    /// 2. A registered provider has shown it in every collection since.
    pub unsafe fn open(&self, cell: &RootCell) -> Ref<'_, 'h> {
        self.lend(Value(cell.0))
    }

    fn same_heap(&self, set: &RootSet) {
        assert!(
            set.heap == self.core().id,
            "a root of another heap ({})",
            set.name
        );
    }
}
