//! The interpreter, and what ties it to the heap.

use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;

use heaplab_gc::{
    Heap, HeapLimitReached, Immediate, Kind, Operand, Ref, RootCell, RootProvider, RootTable,
    RootVisitor, Scope, Shape, ShapeError, Smi,
};

use crate::code::{Code, Op};

/// Calls within calls.
const MAX_FRAMES: usize = 10_000;
// Slots of a closure.
const CONTEXT: usize = 0;
const FUNCTION: usize = 1;
/// Slot of a context that holds the enclosing one; its variables follow.
const PREVIOUS: usize = 0;

/// The values that the machine works with: of each frame its closure, its context, then what is being computed.
#[derive(Default)]
struct Stack {
    cells: Vec<RootCell>,
}

// SAFETY: `visit` shows every cell that there is; the cells are made and opened in the machine's heap only.
unsafe impl RootProvider for Stack {
    fn name(&self) -> &str {
        "(VM stack)"
    }

    fn visit(&mut self, visitor: &mut RootVisitor<'_>) {
        for cell in &mut self.cells {
            visitor.cell(cell);
        }
    }
}

/// A call in progress.
#[derive(Clone, Copy)]
struct Frame {
    function: usize,
    /// Number of its next instruction.
    next: usize,
    /// Place of its closure on the stack.
    base: usize,
}

/// Why a program has stopped before its end.
#[derive(Debug)]
pub(crate) enum VmError {
    /// The heap is full. The machine stands still where it was, and its heap can be looked at.
    HeapLimit(HeapLimitReached),
    /// The program makes no sense.
    Program(String),
}

impl fmt::Display for VmError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            VmError::HeapLimit(reached) => write!(f, "{reached}"),
            VmError::Program(what) => f.write_str(what),
        }
    }
}

impl std::error::Error for VmError {}

impl From<HeapLimitReached> for VmError {
    fn from(reached: HeapLimitReached) -> Self {
        VmError::HeapLimit(reached)
    }
}

impl From<ShapeError> for VmError {
    fn from(error: ShapeError) -> Self {
        VmError::Program(error.to_string())
    }
}

fn wrong<T>(what: impl Into<String>) -> Result<T, VmError> {
    Err(VmError::Program(what.into()))
}

/// The shapes of a function's contexts and closures: with them come the names in snapshots.
struct FunctionShapes {
    context: Shape,
    closure: Shape,
}

/// A machine with its program; its values are in a heap.
pub(crate) struct Machine {
    code: Code,
    functions: Vec<FunctionShapes>,
    classes: Vec<Shape>,
    /// The program's texts, made once: strings are values like others.
    constants: RootTable,
    stack: Rc<RefCell<Stack>>,
    frames: Vec<Frame>,
    printed: Vec<String>,
    instructions: u64,
}

impl Machine {
    /// Puts a program on a heap.
    pub(crate) fn new(heap: &mut Heap, code: Code) -> Result<Self, VmError> {
        let stack = Rc::new(RefCell::new(Stack::default()));
        heap.add_root_provider(stack.clone());
        let (functions, classes, constants) = heap.enter(|s| {
            let names = |list: &[String]| {
                list.iter()
                    .map(String::as_str)
                    .collect::<Vec<_>>()
                    .join(" ")
            };
            let mut functions = Vec::new();
            for function in &code.functions {
                let variables: Vec<&str> = function.variables.iter().map(String::as_str).collect();
                functions.push(FunctionShapes {
                    context: s.context_shape(&function.name, &variables)?,
                    closure: s.closure_shape(&function.name, &["function"])?,
                });
            }
            let mut classes = Vec::new();
            for class in &code.classes {
                let fields: Vec<&str> = class.fields.iter().map(String::as_str).collect();
                if (1..fields.len()).any(|i| fields[..i].contains(&fields[i])) {
                    return wrong(format!(
                        "{} has a field twice: {}",
                        class.name,
                        names(&class.fields)
                    ));
                }
                classes.push(s.shape(&class.name, &fields)?);
            }
            let constants = s.root_table("(VM constants)");
            for text in &code.texts {
                s.scope(|t| {
                    let text = t.string(text)?;
                    t.push_root(&constants, text);
                    Ok::<_, VmError>(())
                })?;
            }
            Ok((functions, classes, constants))
        })?;
        Ok(Machine {
            code,
            functions,
            classes,
            constants,
            stack,
            frames: Vec::new(),
            printed: Vec::new(),
            instructions: 0,
        })
    }

    /// What the program has printed.
    pub(crate) fn printed(&self) -> &[String] {
        &self.printed
    }

    /// Instructions that were run.
    pub(crate) fn instructions(&self) -> u64 {
        self.instructions
    }

    /// Runs the program to its end.
    pub(crate) fn run(&mut self, heap: &mut Heap) -> Result<(), VmError> {
        heap.enter(|s| {
            s.scope(|t| {
                let context = t.object(self.functions[0].context)?;
                let closure = t.closure(self.functions[0].closure, context)?;
                self.push(t, closure);
                self.push(t, context);
                Ok::<_, VmError>(())
            })?;
            self.frames.push(Frame {
                function: 0,
                next: 0,
                base: 0,
            });
            while let Some(frame) = self.frames.last_mut() {
                let op = self.code.functions[frame.function].ops[frame.next];
                frame.next += 1;
                self.instructions += 1;
                // Handles of an instruction end with it; what lasts is on the stack.
                s.scope(|t| self.step(t, op))?;
            }
            Ok(())
        })
    }

    // --- the stack ---------------------------------------------------------------------------------------

    fn push<'h>(&self, s: &Scope<'_, 'h>, value: impl Operand<'h>) {
        self.stack.borrow_mut().cells.push(s.cell(value));
    }

    fn len(&self) -> usize {
        self.stack.borrow().cells.len()
    }

    fn truncate(&self, len: usize) {
        self.stack.borrow_mut().cells.truncate(len);
    }

    /// The value at a place.
    fn at<'r, 'h>(&self, s: &'r Scope<'_, 'h>, place: usize) -> Ref<'r, 'h> {
        // SAFETY: the cell was made by this machine's heap, and its provider is registered there.
        unsafe { s.open(&self.stack.borrow().cells[place]) }
    }

    /// Takes the top off. It stays usable until something may collect: then `Ref` ends.
    fn pop<'r, 'h>(&self, s: &'r Scope<'_, 'h>) -> Ref<'r, 'h> {
        let top = self.len() - 1;
        let value = self.at(s, top);
        self.truncate(top);
        value
    }

    /// The context of the call at hand, or one so many functions outwards.
    fn context<'r, 'h>(&self, s: &'r Scope<'_, 'h>, depth: usize) -> Ref<'r, 'h> {
        let base = self.frames.last().map_or(0, |frame| frame.base);
        let own = self.at(s, base + 1);
        (0..depth).fold(own, |context, _| s.get(context, PREVIOUS))
    }

    // --- instructions ------------------------------------------------------------------------------------

    fn step(&mut self, t: &mut Scope<'_, '_>, op: Op) -> Result<(), VmError> {
        match op {
            Op::Integer(integer) => match Smi::new(integer) {
                Some(smi) => self.push(t, smi),
                None => return wrong(format!("{integer} is too large")),
            },
            Op::Text(number) => self.push(t, t.root_at(&self.constants, number)),
            Op::Nil => self.push(t, Immediate::Null),
            Op::Bool(value) => self.push(t, truth(value)),
            Op::Load { depth, slot } => self.push(t, t.get(self.context(t, depth), slot + 1)),
            Op::Store { depth, slot } => {
                let value = self.at(t, self.len() - 1);
                t.set(self.context(t, depth), slot + 1, value);
            }
            Op::Closure(number) => {
                let context = t.root(self.context(t, 0));
                let closure = t.closure(self.functions[number].closure, context)?;
                t.set(closure, FUNCTION, Smi::wrapping(number as i32));
                self.push(t, closure);
            }
            Op::New(class) => {
                // Allocated while its fields are on the stack, where a collection finds them.
                let object = t.object(self.classes[class])?;
                let fields = self.code.classes[class].fields.len();
                let first = self.len() - fields;
                for field in 0..fields {
                    t.set(object, field, self.at(t, first + field));
                }
                self.truncate(first);
                self.push(t, object);
            }
            Op::Get(name) => {
                let object = self.pop(t);
                let slot = self.field(t, object, name)?;
                self.push(t, t.get(object, slot));
            }
            Op::Put(name) => {
                let value = self.pop(t);
                let object = self.pop(t);
                t.set(object, self.field(t, object, name)?, value);
                self.push(t, value);
            }
            Op::Add | Op::Subtract | Op::Less => {
                let (b, a) = (t.as_integer(self.pop(t)), t.as_integer(self.pop(t)));
                let (Some(a), Some(b)) = (a, b) else {
                    return wrong(format!("{op:?} of what is no integer"));
                };
                match op {
                    Op::Less => self.push(t, truth(a < b)),
                    _ => {
                        let sum = if op == Op::Add { a + b } else { a - b };
                        match Smi::new(sum) {
                            Some(smi) => self.push(t, smi),
                            None => return wrong(format!("{op:?} is {sum}: too large")),
                        }
                    }
                }
            }
            Op::Equal => {
                let (b, a) = (self.pop(t), self.pop(t));
                self.push(t, truth(t.same(a, b)));
            }
            Op::Concat => {
                let (b, a) = (text_of(t, self.pop(t)), text_of(t, self.pop(t)));
                let text = t.string(&(a + &b))?;
                self.push(t, text);
            }
            Op::Print => {
                let text = text_of(t, self.at(t, self.len() - 1));
                self.printed.push(text);
            }
            Op::Pop => self.truncate(self.len() - 1),
            Op::Jump(to) => self.jump(to),
            Op::JumpIfFalse(to) => {
                let condition = self.pop(t);
                let no = [Immediate::False, Immediate::Null, Immediate::Undefined];
                if no.into_iter().any(|no| t.same(condition, no)) {
                    self.jump(to);
                }
            }
            Op::Call(arguments) => self.call(t, arguments)?,
            Op::Return => {
                let result = self.pop(t);
                if let Some(frame) = self.frames.pop() {
                    self.truncate(frame.base);
                }
                self.push(t, result);
            }
        }
        Ok(())
    }

    fn jump(&mut self, to: usize) {
        if let Some(frame) = self.frames.last_mut() {
            frame.next = to;
        }
    }

    /// Begins a call: its frame takes the place of closure and arguments.
    fn call(&mut self, t: &mut Scope<'_, '_>, arguments: usize) -> Result<(), VmError> {
        let base = self.len() - arguments - 1;
        let closure = self.at(t, base);
        let is_closure = t.shape_of(closure).is_some_and(|s| s.kind == Kind::Closure);
        let number = if is_closure {
            t.as_integer(t.get(closure, FUNCTION)).unwrap_or(0) as usize
        } else {
            return wrong(format!("a call of {}", text_of(t, closure)));
        };
        let function = &self.code.functions[number];
        if function.parameters != arguments {
            return wrong(format!(
                "{} takes {} arguments, not {arguments}",
                function.name, function.parameters
            ));
        }
        if self.frames.len() >= MAX_FRAMES {
            return wrong(format!("{MAX_FRAMES} calls within calls"));
        }
        let context = t.object(self.functions[number].context)?;
        t.set(context, PREVIOUS, t.get(self.at(t, base), CONTEXT));
        for argument in 0..arguments {
            t.set(context, argument + 1, self.at(t, base + 1 + argument));
        }
        self.truncate(base + 1);
        self.push(t, context);
        self.frames.push(Frame {
            function: number,
            next: 0,
            base,
        });
        Ok(())
    }

    /// The slot of a field.
    fn field<'h>(
        &self,
        s: &Scope<'_, 'h>,
        object: Ref<'_, 'h>,
        name: usize,
    ) -> Result<usize, VmError> {
        let name = &self.code.names[name];
        let shape = s.shape_of(object).filter(|s| s.kind == Kind::Object);
        let slot = shape.and_then(|shape| shape.slots.iter().position(|slot| **slot == **name));
        match slot {
            Some(slot) => Ok(slot),
            None => wrong(format!("{} has no field {name}", text_of(s, object))),
        }
    }
}

fn truth(value: bool) -> Immediate {
    if value {
        Immediate::True
    } else {
        Immediate::False
    }
}

/// A value in letters.
fn text_of<'h>(s: &Scope<'_, 'h>, value: Ref<'_, 'h>) -> String {
    match (s.as_str(value), s.as_integer(value), s.shape_of(value)) {
        (Some(text), _, _) => text.to_owned(),
        (_, Some(integer), _) => integer.to_string(),
        (_, _, Some(shape)) => format!("a {}", shape.name),
        _ => "nil or a truth value".to_owned(),
    }
}
