//! The interpreter: runs a program on a heap and on its model.

use super::compare::compare_all;
use super::model::{CLASSES, Content, Id, Model, ModelMap, NODE, Val};
use super::{Op, Program, Reg};
use crate::error::HeapLimitReached;
use crate::event::{CollectionKind, CollectionReason};
use crate::heap::Heap;
use crate::object::Kind;
use crate::options::{HeapOptions, PAGE_SIZE};
use crate::policy::marking::StepBudget;
use crate::scope::{Immediate, Init, Local, Operand, Ref, Scope};
use crate::shape::Shape;
use crate::walk::SlotContent;
use crate::{Global, RootTable, Smi};
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::rc::Rc;

/// Registers that are handles, root-table slots, globals: eight of each.
const BANK: usize = 8;
/// Inner scopes of inner scopes.
const MAX_DEPTH: usize = 6;
/// A comparison after each collection would be quadratic on large graphs: they are compared less often.
const COMPARE_ALWAYS: usize = 2_000;

/// What a program did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Ops run.
    pub ops: usize,
    /// Objects allocated.
    pub objects: usize,
    /// Allocations that the heap's limit refused.
    pub refused: usize,
    /// Collections by kind.
    pub minor: u64,
    /// Major ones.
    pub major: u64,
    /// Runs of the verifier, by the stress mode and at the end.
    pub verified: u64,
    /// Comparisons of the whole graph.
    pub compared: usize,
    /// Objects compared in all.
    pub compared_objects: usize,
    /// Digest of every event in order, on the virtual clock; 0 on the real one, whose times differ.
    pub events: u64,
}

/// Where heap and model disagree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Number of the op, from 0; one past the last for what happens after it.
    pub op: usize,
    /// The op.
    pub what: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "op {}: {}", self.op, self.what)
    }
}

impl std::error::Error for Failure {}

/// Says when an external payload is dropped.
pub(super) struct Token {
    pub(super) id: Id,
    dropped: Rc<RefCell<Vec<Id>>>,
}

impl Drop for Token {
    fn drop(&mut self) {
        self.dropped.borrow_mut().push(self.id);
    }
}

/// Runs `program` on a fresh heap with `options`.
///
/// # Errors
/// Heap and model disagree.
///
/// # Panics
/// The options are refused, or the stress mode's verifier finds the heap broken.
pub fn run(program: &Program, options: HeapOptions) -> Result<Outcome, Failure> {
    let mut heap = match Heap::new(options) {
        Ok(heap) => heap,
        Err(error) => panic!("the options of a test are refused: {error}"),
    };
    run_on(program, &mut heap)
}

/// Runs `program` on a heap that holds nothing yet. Its observer is replaced.
///
/// # Errors
/// Heap and model disagree.
///
/// # Panics
/// The stress mode's verifier finds the heap broken.
pub fn run_on(program: &Program, heap: &mut Heap) -> Result<Outcome, Failure> {
    let events = Rc::new(RefCell::new((0u64, 0u64)));
    let digest = Rc::new(Cell::new(0u64));
    let (counter, digested) = (Rc::clone(&events), Rc::clone(&digest));
    let is_virtual = heap.clock().is_virtual();
    heap.set_observer(Box::new(move |event: &crate::GcEvent| {
        if is_virtual {
            let mut hasher = DefaultHasher::new();
            (digested.get(), format!("{event:?}")).hash(&mut hasher);
            digested.set(hasher.finish());
        }
        let mut counts = counter.borrow_mut();
        match event.kind {
            CollectionKind::Minor => counts.0 += 1,
            CollectionKind::Major => counts.1 += 1,
        }
    }));
    let mut machine = Machine {
        model: Model::default(),
        outcome: Outcome::default(),
        events,
        compared_at: (0, 0),
        next: 0,
        roots: None,
        dropped: Rc::default(),
        externals: Vec::new(),
        finalizers: Vec::new(),
        reachable: 0,
    };
    let result = machine
        .run(program, heap)
        .and_then(|()| machine.finish(heap));
    let (minor, major) = *machine.events.borrow();
    machine.outcome.minor = minor;
    machine.outcome.major = major;
    machine.outcome.verified += heap.verifications();
    machine.outcome.objects = machine.model.len();
    machine.outcome.events = digest.get();
    match result {
        Ok(()) => Ok(machine.outcome),
        Err(what) => Err(Failure {
            op: machine.next.saturating_sub(1),
            what: match program.ops.get(machine.next.saturating_sub(1)) {
                Some(op) => format!("{op:?}: {what}"),
                None => what,
            },
        }),
    }
}

pub(super) struct Machine {
    pub(super) model: Model,
    outcome: Outcome,
    events: Rc<RefCell<(u64, u64)>>,
    /// Collections when the graph was last compared.
    compared_at: (u64, u64),
    /// Number of the next op.
    next: usize,
    /// Made when the heap is entered for the first time.
    roots: Option<Rc<LastingRoots>>,
    /// Objects whose payload has been dropped.
    dropped: Rc<RefCell<Vec<Id>>>,
    externals: Vec<Id>,
    /// Targets of the finalisers, by held value; `None` when it was taken.
    pub(super) finalizers: Vec<Option<Id>>,
    /// Objects at the last comparison.
    reachable: usize,
}

/// What outlives a stay in the heap.
struct LastingRoots {
    table: RootTable,
    globals: Vec<Global>,
    classes: Vec<Shape>,
    context: Shape,
    closure: Shape,
}

impl LastingRoots {
    fn new(s: &Scope<'_, '_>) -> Result<Self, crate::ShapeError> {
        let table = s.root_table("(Registers)");
        for _ in 0..BANK {
            s.push_root(&table, Immediate::Undefined);
        }
        let classes = CLASSES
            .iter()
            .map(|&(name, slots, raw)| s.shape_with_raw(name, slots, raw))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            table,
            globals: (0..BANK).map(|_| s.global(Immediate::Undefined)).collect(),
            classes,
            context: s.context_shape("program", &["captured"])?,
            closure: s.closure_shape("listener", &[])?,
        })
    }
}

/// The registers of the real heap.
pub(super) struct Registers<'s, 'h> {
    locals: [Local<'s, 'h>; BANK],
    roots: Rc<LastingRoots>,
}

impl<'h> Registers<'_, 'h> {
    pub(super) fn read<'r>(&self, s: &'r Scope<'_, 'h>, reg: Reg) -> Ref<'r, 'h> {
        let index = reg.0 as usize % super::REGISTERS;
        match index / BANK {
            0 => s.lend(crate::scope::Sealed::value(self.locals[index])),
            1 => s.root_at(&self.roots.table, index - BANK),
            _ => s.peek(&self.roots.globals[index - 2 * BANK]),
        }
    }

    pub(super) fn root<'t>(&self, t: &Scope<'t, 'h>, reg: Reg) -> Local<'t, 'h> {
        t.root(self.read(t, reg))
    }

    pub(super) fn write(&self, s: &Scope<'_, 'h>, reg: Reg, value: impl Operand<'h>) {
        let index = reg.0 as usize % super::REGISTERS;
        match index / BANK {
            0 => s.assign(self.locals[index], value),
            1 => s.set_root(&self.roots.table, index - BANK, value),
            _ => s.set_global(&self.roots.globals[index - 2 * BANK], value),
        }
    }
}

/// Why an op ended early.
pub(super) enum Stop {
    /// The heap had no room: nothing has changed.
    Refused,
    /// Heap and model disagree.
    Disagree(String),
}

impl From<HeapLimitReached> for Stop {
    fn from(_: HeapLimitReached) -> Self {
        Self::Refused
    }
}

impl From<String> for Stop {
    fn from(what: String) -> Self {
        Self::Disagree(what)
    }
}

pub(super) fn equal<T: PartialEq + fmt::Debug>(
    what: &str,
    expected: T,
    found: T,
) -> Result<(), Stop> {
    if expected == found {
        return Ok(());
    }
    Err(Stop::Disagree(format!(
        "{what}: expected {expected:?}, found {found:?}"
    )))
}

/// Whether the run goes on in this stay in the heap.
#[derive(PartialEq)]
enum Flow {
    Stay,
    Leave,
}

impl Machine {
    fn run(&mut self, program: &Program, heap: &mut Heap) -> Result<(), String> {
        while self.next < program.ops.len() {
            heap.enter(|s| {
                let roots = match &self.roots {
                    Some(roots) => Rc::clone(roots),
                    None => {
                        let roots = Rc::new(LastingRoots::new(s).map_err(|e| e.to_string())?);
                        self.roots = Some(Rc::clone(&roots));
                        roots
                    }
                };
                let registers = Registers {
                    locals: std::array::from_fn(|_| s.root(Immediate::Undefined)),
                    roots,
                };
                self.run_ops(s, &registers, &program.ops, program.ops.len(), 0)?;
                self.compare(s, &registers)
            })?;
            for reg in 0..BANK as u8 {
                self.model.set(Reg(reg), Val::Undefined);
            }
        }
        self.next += 1;
        Ok(())
    }

    /// Runs ops up to number `until` or one that leaves the heap.
    fn run_ops<'h>(
        &mut self,
        s: &mut Scope<'_, 'h>,
        registers: &Registers<'_, 'h>,
        ops: &[Op],
        until: usize,
        depth: usize,
    ) -> Result<Flow, String> {
        while self.next < until.min(ops.len()) {
            let op = ops[self.next];
            self.next += 1;
            self.outcome.ops += 1;
            match op {
                Op::Leave => return Ok(Flow::Leave),
                Op::Nest { ops: count } if depth < MAX_DEPTH => {
                    let inner = until.min(self.next + usize::from(count));
                    let flow = s.scope(|t| self.run_ops(t, registers, ops, inner, depth + 1))?;
                    if flow == Flow::Leave {
                        return Ok(flow);
                    }
                }
                _ => match s.scope(|t| self.step(t, registers, op)) {
                    Ok(()) => {}
                    Err(Stop::Refused) => self.outcome.refused += 1,
                    Err(Stop::Disagree(what)) => return Err(what),
                },
            }
            let collections = *self.events.borrow();
            let asked = matches!(op, Op::CollectMinor | Op::CollectMajor);
            if asked || collections != self.compared_at && self.reachable <= COMPARE_ALWAYS {
                self.compare(s, registers)?;
            }
        }
        Ok(Flow::Stay)
    }

    fn compare<'h>(
        &mut self,
        s: &Scope<'_, 'h>,
        registers: &Registers<'_, 'h>,
    ) -> Result<(), String> {
        self.compared_at = *self.events.borrow();
        self.reachable = compare_all(s, registers, &mut self.model)?;
        self.outcome.compared += 1;
        self.outcome.compared_objects += self.reachable;
        for &id in self.dropped.borrow().iter() {
            if self.model.was_alive(id) {
                return Err(format!(
                    "the payload of object {id} was dropped, but the object is reachable"
                ));
            }
        }
        Ok(())
    }

    /// Drops every root and collects once, as a last resort does: nothing may be left.
    ///
    /// Other major collections may need three: survivors of their scavenge are roots of their marking, and slots of old
    /// objects are roots of the scavenge, so that a dead cycle through both generations lives until its young part
    /// has been promoted, and in a full heap even longer. A last resort forgets the slots of the dead first.
    fn finish(&mut self, heap: &mut Heap) -> Result<(), String> {
        self.roots = None;
        heap.collect(CollectionKind::Major, CollectionReason::LastResort);
        heap.enter(|s| {
            while let Some(held) = s.next_finalizer() {
                let held = s.as_integer(held);
                let taken = held.and_then(|n| self.finalizers.get_mut(n as usize));
                if taken.and_then(Option::take).is_none() {
                    return Err(format!("no finaliser holds {held:?}"));
                }
            }
            Ok(())
        })?;
        if let Some(n) = self.finalizers.iter().position(Option::is_some) {
            return Err(format!("finaliser {n} never became ready"));
        }
        let seen = heap.verify().map_err(|e| e.to_string())?;
        self.outcome.verified += 1;
        let sizes = heap.sizes();
        if seen.reachable_objects > 0 || sizes.used() > 0 || sizes.external > 0 {
            return Err(format!(
                "without roots {} objects are reachable and {sizes:?} in use",
                seen.reachable_objects
            ));
        }
        let mut dropped = std::mem::take(&mut *self.dropped.borrow_mut());
        dropped.sort_unstable();
        if dropped != self.externals {
            return Err(format!(
                "payloads {dropped:?} were dropped, {:?} were made",
                self.externals
            ));
        }
        Ok(())
    }

    /// Sets a register to a new object, in heap and model.
    pub(super) fn define<'h>(
        &mut self,
        t: &Scope<'_, 'h>,
        registers: &Registers<'_, 'h>,
        dst: Reg,
        object: Local<'_, 'h>,
        content: Content,
    ) {
        registers.write(t, dst, object);
        let value = self.model.add(content);
        self.model.set(dst, value);
    }

    fn step<'h>(
        &mut self,
        t: &mut Scope<'_, 'h>,
        regs: &Registers<'_, 'h>,
        op: Op,
    ) -> Result<(), Stop> {
        let roots = Rc::clone(&regs.roots);
        let undefined = |length: usize| vec![Val::Undefined; length];
        match op {
            Op::Object { dst, class } => {
                let class = usize::from(class) % CLASSES.len();
                let (_, slots, raw) = CLASSES[class];
                // Through an inner scope, as a function would return it.
                let object = t.escape(|u| {
                    u.array(1)?;
                    u.object(roots.classes[class])
                })?;
                let content = Content::Object {
                    class,
                    slots: undefined(slots.len()),
                    raw: vec![0; raw],
                };
                self.define(t, regs, dst, object, content);
            }
            Op::Node { dst, left, right } => {
                let values = [regs.root(t, left), regs.root(t, right)];
                let object = t.object_with(roots.classes[NODE], values.map(Init::from))?;
                let slots = vec![self.model.get(left), self.model.get(right)];
                self.define(t, regs, dst, object, node(slots));
            }
            Op::Array { dst, length } => {
                let object = t.array(length.into())?;
                self.define(
                    t,
                    regs,
                    dst,
                    object,
                    Content::Array(undefined(length.into())),
                );
            }
            Op::LargeArray { dst, extra } => {
                let length = PAGE_SIZE / 2 / 4 + usize::from(extra);
                let object = t.array(length)?;
                self.define(t, regs, dst, object, Content::Array(undefined(length)));
            }
            Op::Text { dst, length } => {
                // Two-byte letters: a wrong length would split one.
                let text =
                    "é".repeat(usize::from(length) / 2) + &"x".repeat(usize::from(length) % 2);
                let object = t.string(&text)?;
                self.define(t, regs, dst, object, Content::Text(text));
            }
            Op::Number { dst, bits } => {
                let number = f64::from(bits as i16) / 4.0;
                let object = t.number(number)?;
                self.define(t, regs, dst, object, Content::Number(number));
            }
            Op::Bytes { dst, length } => {
                let object = t.bytes(length.into())?;
                self.define(t, regs, dst, object, Content::Bytes(vec![0; length.into()]));
            }
            Op::Map { dst } => {
                let object = t.map()?;
                self.define(t, regs, dst, object, Content::Map(ModelMap::default()));
            }
            Op::Deque { dst } => {
                let object = t.deque()?;
                self.define(t, regs, dst, object, Content::Deque(VecDeque::new()));
            }
            Op::Context {
                dst,
                previous,
                value,
            } => {
                let values = [regs.root(t, previous), regs.root(t, value)];
                let object = t.object_with(roots.context, values.map(Init::from))?;
                let slots = vec![self.model.get(previous), self.model.get(value)];
                self.define(t, regs, dst, object, Content::Context(slots));
            }
            Op::Closure { dst, context } => {
                if let Some((_, Content::Context(_))) = self.model.object(context) {
                    let over = regs.root(t, context);
                    let object = t.closure(roots.closure, over)?;
                    let slots = vec![self.model.get(context)];
                    self.define(t, regs, dst, object, Content::Closure(slots));
                }
            }
            Op::External { dst, bytes } => {
                let id = self.model.len();
                let token = Token {
                    id,
                    dropped: Rc::clone(&self.dropped),
                };
                match t.external(bytes.into(), Some(Box::new(token))) {
                    Ok(object) => {
                        let bytes = bytes.into();
                        self.define(t, regs, dst, object, Content::External { bytes });
                        self.externals.push(id);
                    }
                    Err(refused) => {
                        // The payload was dropped with the refused call.
                        self.dropped.borrow_mut().retain(|&d| d != id);
                        return Err(refused.into());
                    }
                }
            }
            Op::List { dst, length } => {
                for n in 0..length {
                    let rest = regs.root(t, dst);
                    let slots = [rest.into(), Smi::wrapping(n.into()).into()];
                    let object = t.object_with(roots.classes[NODE], slots)?;
                    let slots = vec![self.model.get(dst), Val::Int(n.into())];
                    self.define(t, regs, dst, object, node(slots));
                }
            }
            Op::Garbage { count } => {
                for n in 0..count {
                    t.scope(|u| u.array(usize::from(n) % 16).map(|_| ()))?;
                }
            }
            Op::Load { dst, host, index } => {
                if let Some(slots) = self.model.slots(host).filter(|slots| !slots.is_empty()) {
                    let index = usize::from(index) % slots.len();
                    let value = slots[index];
                    regs.write(t, dst, t.get(regs.read(t, host), index));
                    self.model.set(dst, value);
                }
            }
            Op::Store { host, index, value } => {
                let stored = self.model.get(value);
                self.store(t, regs, host, index, regs.read(t, value), stored);
            }
            Op::StoreInteger { host, index, value } => {
                let n = i32::from(value) - 128;
                self.store(t, regs, host, index, Smi::wrapping(n), Val::Int(n));
            }
            Op::Fill { host, value } => {
                let stored = self.model.get(value);
                if let Some(slots) = self.model.slots_mut(host) {
                    slots.fill(stored);
                    let (host, value) = (regs.read(t, host), regs.read(t, value));
                    for i in 0..t.slot_count(host) {
                        t.set(host, i, value);
                    }
                }
            }
            Op::Copy { dst, src } => {
                regs.write(t, dst, regs.read(t, src));
                self.model.set(dst, self.model.get(src));
            }
            Op::Drop { dst } => {
                regs.write(t, dst, Immediate::Undefined);
                self.model.set(dst, Val::Undefined);
            }
            Op::WriteRaw { host, index, value } => {
                if let Some(Content::Object { raw, .. } | Content::Bytes(raw)) =
                    self.model.content_mut(host)
                    && !raw.is_empty()
                {
                    let index = usize::from(index) % raw.len();
                    raw[index] = value;
                    let host = regs.root(t, host);
                    t.raw_mut(host)[index] = value;
                }
            }
            Op::MapSet { .. }
            | Op::MapFill { .. }
            | Op::MapGet { .. }
            | Op::MapRemove { .. }
            | Op::MapDrain { .. }
            | Op::MapClear { .. } => self.map_step(t, regs, op)?,
            Op::PushBack { deque, value } => {
                if let Some((_, Content::Deque(_))) = self.model.object(deque) {
                    let (host, stored) = (regs.root(t, deque), regs.root(t, value));
                    t.deque_push_back(host, stored)?;
                    let stored = self.model.get(value);
                    self.model
                        .deque_mut(deque)
                        .into_iter()
                        .for_each(|d| d.push_back(stored));
                }
            }
            Op::PushFront { deque, value } => {
                if let Some((_, Content::Deque(_))) = self.model.object(deque) {
                    let (host, stored) = (regs.root(t, deque), regs.root(t, value));
                    t.deque_push_front(host, stored)?;
                    let stored = self.model.get(value);
                    self.model
                        .deque_mut(deque)
                        .into_iter()
                        .for_each(|d| d.push_front(stored));
                }
            }
            Op::PopFront { dst, deque } => {
                if let Some(values) = self.model.deque_mut(deque) {
                    let expected = values.pop_front();
                    self.popped(
                        t,
                        regs,
                        dst,
                        expected,
                        t.deque_pop_front(regs.read(t, deque)),
                    )?;
                }
            }
            Op::PopBack { dst, deque } => {
                if let Some(values) = self.model.deque_mut(deque) {
                    let expected = values.pop_back();
                    self.popped(
                        t,
                        regs,
                        dst,
                        expected,
                        t.deque_pop_back(regs.read(t, deque)),
                    )?;
                }
            }
            Op::WeakRef { .. }
            | Op::WeakTarget { .. }
            | Op::WeakMap { .. }
            | Op::WeakMapSet { .. }
            | Op::WeakMapGet { .. }
            | Op::WeakMapRemove { .. }
            | Op::Finalizer { .. }
            | Op::NextFinalizer => self.weak_step(t, regs, op)?,
            Op::StartMarking => {
                if !t.core().marking {
                    t.core().start_marking();
                }
            }
            Op::Step { bytes } => {
                t.core().marking_step(StepBudget {
                    bytes: bytes.into(),
                    ns: u64::MAX,
                });
            }
            Op::Identify { object } => {
                if let Val::Ref(id) = self.model.get(object) {
                    let value = crate::scope::Sealed::value(regs.read(t, object));
                    let identity = t.core().identity(value)?;
                    let known = *self.model.node_mut(id).identity.get_or_insert(identity);
                    equal("id", known, identity)?;
                }
            }
            Op::CollectMinor => t
                .core()
                .collect(CollectionKind::Minor, CollectionReason::Testing),
            Op::CollectMajor => t
                .core()
                .collect(CollectionKind::Major, CollectionReason::Testing),
            Op::Walk => self.walk(t)?,
            Op::Nest { .. } | Op::Leave => {}
        }
        Ok(())
    }

    fn store<'h>(
        &mut self,
        t: &Scope<'_, 'h>,
        regs: &Registers<'_, 'h>,
        host: Reg,
        index: u16,
        value: impl Operand<'h>,
        stored: Val,
    ) {
        if let Some(slots) = self.model.slots_mut(host).filter(|slots| !slots.is_empty()) {
            let index = usize::from(index) % slots.len();
            slots[index] = stored;
            t.set(regs.read(t, host), index, value);
        }
    }

    /// Sets a register to what was taken from a deque or looked up in a map.
    pub(super) fn popped<'h>(
        &mut self,
        t: &Scope<'_, 'h>,
        regs: &Registers<'_, 'h>,
        dst: Reg,
        expected: Option<Val>,
        found: Option<Ref<'_, 'h>>,
    ) -> Result<(), Stop> {
        equal("presence", expected.is_some(), found.is_some())?;
        if let (Some(expected), Some(found)) = (expected, found) {
            if let Val::Int(n) = expected {
                equal("integer", Some(n), t.as_integer(found))?;
            }
            regs.write(t, dst, found);
            self.model.set(dst, expected);
        }
        Ok(())
    }

    /// The walk sees as many objects as the model reaches, besides the tables of maps and deques.
    fn walk(&mut self, t: &mut Scope<'_, '_>) -> Result<(), Stop> {
        let counted = t.core().walk(|walk| {
            let mut inner = 0;
            for object in walk.objects() {
                let hidden = matches!(walk.kind(object), Kind::Map | Kind::Deque)
                    && matches!(walk.slots(object).next(), Some(SlotContent::Object(_)));
                inner += usize::from(hidden);
                walk.id(object);
            }
            walk.object_count() - inner
        })?;
        let expected = self.model.reachable().len();
        equal("objects seen by a walk", expected, counted)
    }
}

fn node(slots: Vec<Val>) -> Content {
    Content::Object {
        class: NODE,
        slots,
        raw: Vec::new(),
    }
}
