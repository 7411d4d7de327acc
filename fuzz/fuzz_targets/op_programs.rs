//! Any bytes are an op program: the heap must agree with its shadow model, whatever it does.
//!
//! The first four bytes choose the heap (policy, marking in steps, compaction, sizes, stress), each six
//! bytes after them are one op. See `fuzz/README.md` for how to run it.

#![no_main]

use heaplab_gc::testing::{Program, run};
use heaplab_gc::{Compaction, HeapOptions, PAGE_SIZE, Policy, Stress};
use libfuzzer_sys::fuzz_target;
use std::num::NonZeroU32;

const POLICIES: [Policy; 3] = [Policy::Generational, Policy::MarkSweep, Policy::MarkCompact];

fn options(bytes: [u8; 4]) -> HeapOptions {
    let [how, sizes, every, seed] = bytes;
    let old = 2 + usize::from(sizes % 16);
    let semi = 1 << (sizes / 16 % 3);
    let mut options = HeapOptions::with_limits(old * PAGE_SIZE, semi * PAGE_SIZE);
    options.policy = POLICIES[usize::from(how) % 3];
    options.incremental_marking = how & 0x40 == 0;
    options.compaction = Compaction::ALL[usize::from(how / 3) % 3];
    options.stress = NonZeroU32::new(every.into()).map(|every| match seed {
        0 => Stress::every(every),
        seed => Stress::random(every, seed.into()),
    });
    options
}

fuzz_target!(|bytes: &[u8]| {
    if let Some((head, ops)) = bytes.split_first_chunk::<4>() {
        let program = Program::from_bytes(ops);
        let options = options(*head);
        let shown = options.to_string();
        if let Err(failure) = run(&program, options) {
            panic!("{failure}\non {shown}\nlet ops = {program:?};");
        }
    }
});
