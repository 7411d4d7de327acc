//! The language: parentheses, read and compiled into instructions for a stack machine.
//!
//! ```text
//! 42  "text"  nil  true  false  name
//! (let NAME X)  (set NAME X)            variables of the enclosing function; all of them live in its context
//! (fn NAME (PARAMETER …) X …)           a closure
//! (new CLASS FIELD X …)  (get X FIELD)  (put X FIELD X)
//! (if X X X)  (while X X …)  (print X)
//! (+ X X)  (- X X)  (< X X)  (= X X)  (concat X X)  (X X …)   arithmetic, text, calls
//! ```

use std::fmt;

/// One step of the machine. What it pops and pushes is said as `before → after`, the top at the right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Op {
    /// → the integer
    Integer(i32),
    /// → the text of this number
    Text(usize),
    /// → nil
    Nil,
    /// → true or false
    Bool(bool),
    /// → the variable so many contexts outwards
    Load {
        depth: usize,
        slot: usize,
    },
    /// value → value, which the variable has now
    Store {
        depth: usize,
        slot: usize,
    },
    /// → a closure of the function over the context at hand
    Closure(usize),
    /// as many values as the class has fields → the object
    New(usize),
    /// object → the field of this name
    Get(usize),
    /// object, value → value, which the field has now
    Put(usize),
    /// a, b → a + b, and so on
    Add,
    Subtract,
    Less,
    Equal,
    Concat,
    /// value → value
    Print,
    /// value →
    Pop,
    Jump(usize),
    /// value →
    JumpIfFalse(usize),
    /// closure, so many arguments → its result
    Call(usize),
    /// result →
    Return,
}

/// A function before it has met a heap.
#[derive(Clone, Debug, Default)]
pub(crate) struct Function {
    pub(crate) name: String,
    pub(crate) parameters: usize,
    /// Names of all variables; the parameters come first.
    pub(crate) variables: Vec<String>,
    pub(crate) ops: Vec<Op>,
}

/// A class: its constructor and fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Class {
    pub(crate) name: String,
    pub(crate) fields: Vec<String>,
}

/// A compiled program. Function 0 is its outermost code.
#[derive(Clone, Debug, Default)]
pub(crate) struct Code {
    pub(crate) functions: Vec<Function>,
    pub(crate) classes: Vec<Class>,
    pub(crate) texts: Vec<String>,
    /// Names of fields that are read and written.
    pub(crate) names: Vec<String>,
}

/// Why a program cannot be compiled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CodeError(String);

impl fmt::Display for CodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for CodeError {}

fn wrong<T>(what: impl Into<String>) -> Result<T, CodeError> {
    Err(CodeError(what.into()))
}

/// Compiles a program.
pub(crate) fn compile(text: &str) -> Result<Code, CodeError> {
    let mut tokens = tokens(text)?;
    tokens.reverse();
    let mut body = Vec::new();
    while !tokens.is_empty() {
        body.push(read(&mut tokens, 0)?);
    }
    let mut compiler = Compiler {
        code: Code::default(),
        open: Vec::new(),
    };
    compiler.function("program", &[], &body)?;
    Ok(compiler.code)
}

// --- reading -------------------------------------------------------------------------------------------

#[derive(Clone, Debug, PartialEq)]
enum Form {
    Symbol(String),
    Text(String),
    List(Vec<Form>),
}

/// Lists of lists deeper than this are refused: reading and compiling recurse.
const MAX_NESTING: usize = 200;

fn tokens(text: &str) -> Result<Vec<Form>, CodeError> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '(' | ')' => {
                tokens.push(Form::Symbol(first.into()));
                1
            }
            '"' => match rest[1..].find('"') {
                Some(end) => {
                    tokens.push(Form::Text(rest[1..=end].to_owned()));
                    end + 2
                }
                None => return wrong("a text without its closing quotation mark"),
            },
            _ => {
                let end = rest
                    .find(|c: char| c.is_whitespace() || "()\"".contains(c))
                    .unwrap_or(rest.len());
                tokens.push(Form::Symbol(rest[..end].to_owned()));
                end
            }
        };
        rest = rest[length..].trim_start();
    }
    Ok(tokens)
}

/// Reads one form off the end of the reversed tokens.
fn read(tokens: &mut Vec<Form>, nesting: usize) -> Result<Form, CodeError> {
    if nesting > MAX_NESTING {
        return wrong(format!("lists are nested more than {MAX_NESTING} deep"));
    }
    match tokens.pop() {
        None => wrong("a list without its closing parenthesis"),
        Some(Form::Symbol(s)) if s == ")" => wrong("a closing parenthesis too many"),
        Some(Form::Symbol(s)) if s == "(" => {
            let mut list = Vec::new();
            loop {
                match tokens.last() {
                    Some(Form::Symbol(s)) if s == ")" => {
                        tokens.pop();
                        return Ok(Form::List(list));
                    }
                    _ => list.push(read(tokens, nesting + 1)?),
                }
            }
        }
        Some(other) => Ok(other),
    }
}

// --- compiling -----------------------------------------------------------------------------------------

struct Compiler {
    code: Code,
    /// Functions whose text is being compiled: the innermost is the last.
    open: Vec<Function>,
}

impl Compiler {
    /// Compiles a function and returns its number; the outermost one gets number 0.
    fn function(
        &mut self,
        name: &str,
        parameters: &[String],
        body: &[Form],
    ) -> Result<usize, CodeError> {
        // Numbered before those within it.
        let number = self.code.functions.len();
        self.code.functions.push(Function::default());
        self.open.push(Function {
            name: name.to_owned(),
            parameters: parameters.len(),
            variables: parameters.to_vec(),
            ops: Vec::new(),
        });
        self.sequence(body)?;
        self.emit(Op::Return);
        if let Some(function) = self.open.pop() {
            self.code.functions[number] = function;
        }
        Ok(number)
    }

    fn innermost(&mut self) -> &mut Function {
        let last = self.open.len() - 1;
        &mut self.open[last]
    }

    /// Appends an instruction and returns its place.
    fn emit(&mut self, op: Op) -> usize {
        let ops = &mut self.innermost().ops;
        ops.push(op);
        ops.len() - 1
    }

    fn here(&mut self) -> usize {
        self.innermost().ops.len()
    }

    /// The value of a sequence is that of its last form; nil if there is none.
    fn sequence(&mut self, body: &[Form]) -> Result<(), CodeError> {
        let Some((last, others)) = body.split_last() else {
            self.emit(Op::Nil);
            return Ok(());
        };
        for form in others {
            self.form(form)?;
            self.emit(Op::Pop);
        }
        self.form(last)
    }

    fn form(&mut self, form: &Form) -> Result<(), CodeError> {
        match form {
            Form::Text(text) => {
                let number = index_of(&mut self.code.texts, text.clone());
                self.emit(Op::Text(number));
            }
            Form::Symbol(symbol) => {
                let op = match (symbol.as_str(), symbol.parse()) {
                    ("nil", _) => Op::Nil,
                    ("true", _) => Op::Bool(true),
                    ("false", _) => Op::Bool(false),
                    (_, Ok(integer)) => Op::Integer(integer),
                    _ => {
                        let (depth, slot) = self.variable(symbol)?;
                        Op::Load { depth, slot }
                    }
                };
                self.emit(op);
            }
            Form::List(list) => self.list(list)?,
        }
        Ok(())
    }

    fn list(&mut self, list: &[Form]) -> Result<(), CodeError> {
        use Form::{List, Symbol};
        let head = match list.first() {
            Some(Symbol(head)) => head.as_str(),
            _ => "",
        };
        match (head, list.get(1..).unwrap_or_default()) {
            ("let", [Symbol(name), value]) => {
                index_of(&mut self.innermost().variables, name.clone());
                self.assign(name, value)?;
            }
            ("set", [Symbol(name), value]) => self.assign(name, value)?,
            ("fn", [Symbol(name), List(parameters), body @ ..]) => {
                let mut names = Vec::new();
                for parameter in parameters {
                    match parameter {
                        Symbol(name) if !names.contains(name) => names.push(name.clone()),
                        other => return wrong(format!("a parameter of {name} is {other:?}")),
                    }
                }
                let number = self.function(name, &names, body)?;
                self.emit(Op::Closure(number));
            }
            ("new", [Symbol(class), fields @ ..]) => {
                let (pairs, rest) = fields.as_chunks();
                let mut names = Vec::new();
                for [field, value] in pairs {
                    let Symbol(field) = field else {
                        return wrong(format!("a field of {class} is {field:?}"));
                    };
                    names.push(field.clone());
                    self.form(value)?;
                }
                if !rest.is_empty() {
                    return wrong(format!("a field of {class} has no value"));
                }
                let class = Class {
                    name: class.clone(),
                    fields: names,
                };
                let number = index_of(&mut self.code.classes, class);
                self.emit(Op::New(number));
            }
            ("get", [object, Symbol(field)]) => {
                self.form(object)?;
                let number = index_of(&mut self.code.names, field.clone());
                self.emit(Op::Get(number));
            }
            ("put", [object, Symbol(field), value]) => {
                self.form(object)?;
                self.form(value)?;
                let number = index_of(&mut self.code.names, field.clone());
                self.emit(Op::Put(number));
            }
            ("if", [condition, then, otherwise]) => {
                self.form(condition)?;
                let to_else = self.emit(Op::JumpIfFalse(0));
                self.form(then)?;
                let to_end = self.emit(Op::Jump(0));
                let at = self.here();
                self.innermost().ops[to_else] = Op::JumpIfFalse(at);
                self.form(otherwise)?;
                let at = self.here();
                self.innermost().ops[to_end] = Op::Jump(at);
            }
            ("while", [condition, body @ ..]) => {
                let start = self.here();
                self.form(condition)?;
                let to_end = self.emit(Op::JumpIfFalse(0));
                self.sequence(body)?;
                self.emit(Op::Pop);
                self.emit(Op::Jump(start));
                let at = self.here();
                self.innermost().ops[to_end] = Op::JumpIfFalse(at);
                self.emit(Op::Nil);
            }
            ("print", [value]) => {
                self.form(value)?;
                self.emit(Op::Print);
            }
            ("+" | "-" | "<" | "=" | "concat", [a, b]) => {
                self.form(a)?;
                self.form(b)?;
                self.emit(match head {
                    "+" => Op::Add,
                    "-" => Op::Subtract,
                    "<" => Op::Less,
                    "=" => Op::Equal,
                    _ => Op::Concat,
                });
            }
            _ if list.is_empty() => return wrong("an empty list"),
            _ => {
                for form in list {
                    self.form(form)?;
                }
                self.emit(Op::Call(list.len() - 1));
            }
        }
        Ok(())
    }

    fn assign(&mut self, name: &str, value: &Form) -> Result<(), CodeError> {
        self.form(value)?;
        let (depth, slot) = self.variable(name)?;
        self.emit(Op::Store { depth, slot });
        Ok(())
    }

    /// How many functions outwards a variable is, and its number there.
    fn variable(&self, name: &str) -> Result<(usize, usize), CodeError> {
        for (depth, function) in self.open.iter().rev().enumerate() {
            if let Some(slot) = function.variables.iter().position(|v| v == name) {
                return Ok((depth, slot));
            }
        }
        wrong(format!("there is no variable '{name}'"))
    }
}

/// The place of an item in a list, to which it is added if it is new.
fn index_of<T: PartialEq>(list: &mut Vec<T>, item: T) -> usize {
    match list.iter().position(|other| *other == item) {
        Some(at) => at,
        None => {
            list.push(item);
            list.len() - 1
        }
    }
}
