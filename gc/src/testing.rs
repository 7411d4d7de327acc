//! Op programs: what a mutator does, as data, run on a real heap beside a model of it (feature `testing`).
//!
//! A [`Program`] is a list of [`Op`]s over 24 registers. [`run`] interprets it through the public API and
//! keeps a *shadow model*, a plain Rust graph that knows nothing of collections. After each op the touched
//! values are compared, and after each collection the whole reachable graph: same objects, same contents,
//! same sharing. At the end every root is dropped, and nothing may be left.
//!
//! The same programs serve unit tests, property tests and fuzzers: [`Program::random`] makes one from a
//! seed, [`Program::from_bytes`] from any bytes, six per op, so that a fuzzer or a shrinking property test can
//! remove ops one by one. A program that found a bug is printed as Rust and can be pasted as a unit test.
//!
//! ```
//! use heaplab_gc::HeapOptions;
//! use heaplab_gc::testing::{Program, run};
//!
//! let program = Program::random(7, 500);
//! let outcome = run(&program, HeapOptions::with_limits(4 << 20, 1 << 20)).expect("heap and model agree");
//! assert_eq!(outcome.ops, 500);
//! ```

mod compare;
mod machine;
mod model;
mod steps;

pub use crate::refusal::{refuse, requests};
pub use machine::{Failure, Outcome, run, run_on};

use crate::stress::SplitMix64;
use std::fmt;

/// Registers of a program: the first eight are handles of a scope, the next eight slots of a root table, the
/// last eight globals.
pub const REGISTERS: usize = 24;
/// Bytes that encode one op.
pub const OP_BYTES: usize = 6;

/// A register.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Reg(pub u8);

impl fmt::Debug for Reg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Reg({})", self.0)
    }
}

#[allow(missing_docs, reason = "fields are operands named in each op's line")]
/// One step of a mutator. An op whose operands have the wrong type does nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// `dst` = a new object of one of four classes.
    Object { dst: Reg, class: u8 },
    /// `dst` = a new node that refers to two registers.
    Node { dst: Reg, left: Reg, right: Reg },
    /// `dst` = a new array.
    Array { dst: Reg, length: u16 },
    /// `dst` = a new array that owns its pages.
    LargeArray { dst: Reg, extra: u16 },
    /// `dst` = a new string.
    Text { dst: Reg, length: u16 },
    /// `dst` = a new boxed double.
    Number { dst: Reg, bits: u16 },
    /// `dst` = a new bytes object.
    Bytes { dst: Reg, length: u16 },
    /// `dst` = an empty map.
    Map { dst: Reg },
    /// `dst` = an empty deque.
    Deque { dst: Reg },
    /// `dst` = a context inside that of `previous`, which captures `value`.
    Context { dst: Reg, previous: Reg, value: Reg },
    /// `dst` = a closure over `context`.
    Closure { dst: Reg, context: Reg },
    /// `dst` = an owner of bytes outside the heap.
    External { dst: Reg, bytes: u16 },
    /// `dst` = a list of that many nodes in front of what `dst` was.
    List { dst: Reg, length: u8 },
    /// That many objects that nothing refers to.
    Garbage { count: u8 },
    /// `dst` = slot `index` of `host`.
    Load { dst: Reg, host: Reg, index: u16 },
    /// Slot `index` of `host` = `value`.
    Store { host: Reg, index: u16, value: Reg },
    /// Slot `index` of `host` = a small integer.
    StoreInteger { host: Reg, index: u16, value: u8 },
    /// Every slot of `host` = `value`.
    Fill { host: Reg, value: Reg },
    /// `dst` = `src`.
    Copy { dst: Reg, src: Reg },
    /// `dst` = `undefined`.
    Drop { dst: Reg },
    /// A raw byte of `host` = `value`.
    WriteRaw { host: Reg, index: u16, value: u8 },
    /// Sets an entry whose key is a register.
    MapSet { map: Reg, key: Reg, value: Reg },
    /// Sets that many entries with integer keys from `first` on.
    MapFill { map: Reg, first: u8, count: u8 },
    /// `dst` = the value of `key`.
    MapGet { dst: Reg, map: Reg, key: Reg },
    /// Removes `key`.
    MapRemove { map: Reg, key: Reg },
    /// Removes the integer keys from `first` on.
    MapDrain { map: Reg, first: u8, count: u8 },
    /// Empties a map.
    MapClear { map: Reg },
    /// Appends to a deque.
    PushBack { deque: Reg, value: Reg },
    /// Puts before the front of a deque.
    PushFront { deque: Reg, value: Reg },
    /// `dst` = the front of a deque, taken off.
    PopFront { dst: Reg, deque: Reg },
    /// `dst` = the back of a deque, taken off.
    PopBack { dst: Reg, deque: Reg },
    /// `dst` = a weak reference to `target`.
    WeakRef { dst: Reg, target: Reg },
    /// `dst` = what a weak reference refers to, if that is alive.
    WeakTarget { dst: Reg, weak: Reg },
    /// `dst` = an empty ephemeron table.
    WeakMap { dst: Reg },
    /// Sets an entry of an ephemeron table.
    WeakMapSet { map: Reg, key: Reg, value: Reg },
    /// `dst` = the value of `key` in an ephemeron table.
    WeakMapGet { dst: Reg, map: Reg, key: Reg },
    /// Removes `key` from an ephemeron table.
    WeakMapRemove { map: Reg, key: Reg },
    /// Asks to be told of an object's death.
    Finalizer { target: Reg },
    /// Takes the next finaliser whose target has died.
    NextFinalizer,
    /// Asks for the id of an object.
    Identify { object: Reg },
    /// Runs the next ops in an inner scope.
    Nest { ops: u8 },
    /// Leaves the heap and enters it again: the handles are gone.
    Leave,
    /// A scavenge.
    CollectMinor,
    /// A major collection.
    CollectMajor,
    /// Starts a cycle of incremental marking.
    StartMarking,
    /// Marks about that many bytes of a cycle in progress.
    Step { bytes: u16 },
    /// Walks the heap as a snapshot does, and counts.
    Walk,
}

/// A list of ops.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Program {
    /// The ops, in order.
    pub ops: Vec<Op>,
}

impl Program {
    /// `ops` random ops from a seed.
    pub fn random(seed: u64, ops: usize) -> Self {
        let mut random = SplitMix64(seed);
        Self {
            ops: (0..ops)
                .map(|_| {
                    let bytes = random.next().to_le_bytes();
                    Op::decode([bytes[0], bytes[1], bytes[2], bytes[3], bytes[4], bytes[5]])
                })
                .collect(),
        }
    }

    /// One op for each six bytes; every sequence is a program.
    pub fn from_bytes(bytes: &[u8]) -> Self {
        Self {
            ops: bytes
                .as_chunks::<OP_BYTES>()
                .0
                .iter()
                .map(|&chunk| Op::decode(chunk))
                .collect(),
        }
    }
}

impl fmt::Debug for Program {
    /// As Rust that can be pasted into a test.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("vec![\n")?;
        for op in &self.ops {
            writeln!(f, "    Op::{op:?},")?;
        }
        f.write_str("]")
    }
}

/// How often each op occurs among 256 codes, in the order of [`Op::decode`].
const WEIGHTS: [u8; 46] = [
    8, 20, 8, 2, 6, 4, 4, 4, 4, 6, 4, 4, 8, 4, // allocations
    14, 24, 4, 3, 8, 8, 4, // loads, stores, registers, raw bytes
    8, 5, 6, 5, 3, 1, 8, 6, 6, 4, // maps and deques
    3, 4, 2, 4, 3, // ids, scopes, leaving, collections
    3, 4, 2, 6, 3, 1, 2, 2, // weak things
    3, 8, // incremental marking
];
/// What is left of the 256 codes walks the heap.
const WALKS: u8 = {
    let (mut sum, mut i) = (0u32, 0);
    while i < WEIGHTS.len() {
        sum += WEIGHTS[i] as u32;
        i += 1;
    }
    assert!(sum < 256);
    (256 - sum) as u8
};

impl Op {
    /// The op that six bytes encode.
    pub fn decode(bytes: [u8; OP_BYTES]) -> Self {
        const { assert!(WALKS >= 1 && WALKS < 8) };
        let [code, a, b, c, low, high] = bytes;
        let mut rest = code;
        let number = WEIGHTS.iter().position(|&weight| {
            let here = rest < weight;
            rest = rest.saturating_sub(weight);
            here
        });
        let reg = |byte: u8| Reg(byte % REGISTERS as u8);
        let (ra, rb, rc) = (reg(a), reg(b), reg(c));
        // The last four registers are rarely overwritten: what is put into them lives long.
        let dst = match a {
            0..252 => Reg(a % (REGISTERS as u8 - 4)),
            _ => Reg(REGISTERS as u8 - 1 - a % 4),
        };
        // Every other time a new node goes in front of what its register held: graphs grow.
        let kept = if b >= 128 { dst } else { rb };
        let wide = u16::from_le_bytes([low, high]);
        // Mostly short, sometimes a thousand: lengths grow as powers of two.
        let length = wide >> (6 + low % 10);
        match number {
            Some(0) => Op::Object { dst, class: b % 4 },
            Some(1) => Op::Node {
                dst,
                left: kept,
                right: rc,
            },
            Some(2) => Op::Array { dst, length },
            Some(3) => Op::LargeArray { dst, extra: length },
            Some(4) => Op::Text { dst, length },
            Some(5) => Op::Number { dst, bits: wide },
            Some(6) => Op::Bytes { dst, length },
            Some(7) => Op::Map { dst },
            Some(8) => Op::Deque { dst },
            Some(9) => Op::Context {
                dst,
                previous: kept,
                value: rc,
            },
            Some(10) => Op::Closure { dst, context: rb },
            Some(11) => Op::External { dst, bytes: wide },
            Some(12) => Op::List { dst: ra, length: b },
            Some(13) => Op::Garbage { count: b },
            Some(14) => Op::Load {
                dst,
                host: rb,
                index: wide,
            },
            Some(15) => Op::Store {
                host: ra,
                index: wide,
                value: rb,
            },
            Some(16) => Op::StoreInteger {
                host: ra,
                index: wide,
                value: b,
            },
            Some(17) => Op::Fill {
                host: ra,
                value: rb,
            },
            Some(18) => Op::Copy { dst, src: rb },
            Some(19) => Op::Drop { dst },
            Some(20) => Op::WriteRaw {
                host: ra,
                index: wide,
                value: b,
            },
            Some(21) => Op::MapSet {
                map: ra,
                key: rb,
                value: rc,
            },
            Some(22) => Op::MapFill {
                map: ra,
                first: b,
                count: c % 64,
            },
            Some(23) => Op::MapGet {
                dst,
                map: rb,
                key: rc,
            },
            Some(24) => Op::MapRemove { map: ra, key: rb },
            Some(25) => Op::MapDrain {
                map: ra,
                first: b,
                count: c % 64,
            },
            Some(26) => Op::MapClear { map: ra },
            Some(27) => Op::PushBack {
                deque: ra,
                value: rb,
            },
            Some(28) => Op::PushFront {
                deque: ra,
                value: rb,
            },
            Some(29) => Op::PopFront { dst, deque: rb },
            Some(30) => Op::PopBack { dst, deque: rb },
            Some(31) => Op::Identify { object: ra },
            Some(32) => Op::Nest { ops: b % 32 },
            Some(33) => Op::Leave,
            Some(34) => Op::CollectMinor,
            Some(35) => Op::CollectMajor,
            Some(36) => Op::WeakRef { dst, target: rb },
            Some(37) => Op::WeakTarget { dst, weak: rb },
            Some(38) => Op::WeakMap { dst },
            Some(39) => Op::WeakMapSet {
                map: ra,
                key: rb,
                value: rc,
            },
            Some(40) => Op::WeakMapGet {
                dst,
                map: rb,
                key: rc,
            },
            Some(41) => Op::WeakMapRemove { map: ra, key: rb },
            Some(42) => Op::Finalizer { target: ra },
            Some(43) => Op::NextFinalizer,
            Some(44) => Op::StartMarking,
            Some(45) => Op::Step { bytes: wide },
            _ => Op::Walk,
        }
    }
}

#[cfg(test)]
mod tests;
