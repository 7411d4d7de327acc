//! Any bytes are an op program: the heap must agree with its shadow model, whatever it does.
//!
//! The first four bytes choose the heap (policy, marking in steps, compaction, sizes, stress), each six
//! bytes after them are one op. See `fuzz/README.md` for how to run it.

#![no_main]

use heaplab_gc::testing::{OP_BYTES, Program, run};
use heaplab_gc::{Compaction, HeapOptions, PAGE_SIZE, Policy, Stress};
use libfuzzer_sys::{fuzz_mutator, fuzz_target, fuzzer_mutate};
use std::num::NonZeroU32;

const POLICIES: [Policy; 4] = [
    Policy::Generational,
    Policy::MarkSweep,
    Policy::MarkCompact,
    Policy::None,
];
/// Bytes that choose the heap.
const HEAD: usize = 4;
/// Most ops that one mutation copies or removes.
const LONGEST_RUN: usize = 64;

/// About how many collections are forced at most: with more, a long program takes seconds.
const COLLECTIONS_PER_PROGRAM: usize = 64;

fn options(bytes: [u8; HEAD], ops: usize) -> HeapOptions {
    let [how, sizes, every, seed] = bytes;
    let old = 2 + usize::from(sizes % 16);
    let semi = 1 << (sizes / 16 % 3);
    let mut options = HeapOptions::with_limits(old * PAGE_SIZE, semi * PAGE_SIZE);
    options.policy = POLICIES[usize::from(how) % 4];
    options.incremental_marking = how & 0x40 == 0;
    options.compaction = Compaction::ALL[usize::from(how / 4) % 3];
    // An op makes ten objects on average: lists and garbage make many.
    let least = 10 * ops / COLLECTIONS_PER_PROGRAM;
    let every = if every == 0 {
        0
    } else {
        usize::from(every).max(least) as u32
    };
    options.stress = NonZeroU32::new(every).map(|every| match seed {
        0 => Stress::every(every),
        seed => Stress::random(every, seed.into()),
    });
    if how & 0x80 != 0 {
        options.stress = options.stress.map(Stress::with_samples);
    }
    options
}

fuzz_target!(|bytes: &[u8]| {
    if let Some((head, ops)) = bytes.split_first_chunk::<HEAD>() {
        let program = Program::from_bytes(ops);
        let options = options(*head, program.ops.len());
        let shown = options.to_string();
        if let Err(failure) = run(&program, options) {
            panic!("{failure}\non {shown}\nlet ops = {program:?};");
        }
    }
});

// A byte put in or taken out would turn every later op into another one: programs are changed op by op.
fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    let mut random = Random(seed);
    let ops = size.saturating_sub(HEAD) / OP_BYTES;
    if ops == 0 || random.below(16) == 0 {
        return fuzzer_mutate(data, size, max_size);
    }
    let size = HEAD + ops * OP_BYTES;
    let most = (max_size.max(HEAD) - HEAD) / OP_BYTES;
    let at = |op: usize| HEAD + op * OP_BYTES;
    match random.below(8) {
        // A run of ops, said again somewhere else.
        0 | 1 => {
            let first = random.below(ops);
            let run = (1 + random.below(LONGEST_RUN))
                .min(ops - first)
                .min(most.saturating_sub(ops));
            let place = at(random.below(ops + 1));
            let copy = data[at(first)..at(first + run)].to_vec();
            data.copy_within(place..size, place + copy.len());
            data[place..place + copy.len()].copy_from_slice(&copy);
            size + copy.len()
        }
        2 => {
            let first = random.below(ops);
            let run = (1 + random.below(LONGEST_RUN)).min(ops - first);
            data.copy_within(at(first + run)..size, at(first));
            size - run * OP_BYTES
        }
        3 => {
            fuzzer_mutate(&mut data[..HEAD], HEAD, HEAD);
            size
        }
        // New ops at the end.
        4 => {
            let new = (1 + random.below(LONGEST_RUN)).min(most.saturating_sub(ops));
            data[size..at(ops + new)].fill_with(|| random.next() as u8);
            at(ops + new)
        }
        _ => {
            let op = at(random.below(ops));
            let mut bytes = [0; OP_BYTES];
            bytes.copy_from_slice(&data[op..op + OP_BYTES]);
            fuzzer_mutate(&mut bytes, OP_BYTES, OP_BYTES);
            data[op..op + OP_BYTES].copy_from_slice(&bytes);
            size
        }
    }
});

/// Xorshift (Marsaglia, 2003), from libFuzzer's seed.
struct Random(u32);

impl Random {
    fn next(&mut self) -> u32 {
        self.0 = self.0.max(1);
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        self.0 >> 8
    }

    fn below(&mut self, bound: usize) -> usize {
        self.next() as usize % bound.max(1)
    }
}
