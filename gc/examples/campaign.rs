//! Runs random op programs on stressed heaps for as long as one likes.
//!
//! ```text
//! cargo run --release -p heaplab-gc --features testing --example campaign -- --seconds 60 [--seed N]
//! ```
//!
//! Each program draws its own limits and stress from its seed. Progress and totals go to standard error. The
//! first failure is shrunk, printed as Rust on standard output, and ends the campaign with exit code 1.

use heaplab_gc::testing::{Outcome, Program, run};
use heaplab_gc::{Compaction, HeapOptions, PAGE_SIZE, Policy, Stress};
use std::num::NonZeroU32;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// What a seed means: a program and the heap that it runs on.
fn case(seed: u64) -> (Program, HeapOptions) {
    // The digits of the seed in a mixed base, so that neighbours differ in everything in time.
    let mut rest = seed;
    let mut choose = |choices: usize| {
        let choice = rest % choices as u64;
        rest /= choices as u64;
        choice as usize
    };
    let ops = [200, 500, 2_000, 10_000][choose(4)];
    let policy = [
        Policy::Generational,
        Policy::MarkSweep,
        Policy::Generational,
        Policy::MarkCompact,
        Policy::Generational,
    ][choose(5)];
    let every = [1, 64, 7, 0, 500][choose(5)];
    let incremental = choose(2) == 0;
    let compaction = Compaction::ALL[choose(3)];
    let old = [4, 8, 16, 64][choose(4)] * PAGE_SIZE;
    let semi = [1, 2, 4][choose(3)] * PAGE_SIZE;
    let mut options = HeapOptions::with_limits(old, semi);
    options.policy = policy;
    options.incremental_marking = incremental;
    options.compaction = compaction;
    // A collection at each allocation of a long program takes too long to be worth it.
    if let Some(every) = NonZeroU32::new(every).filter(|e| e.get() * 300 >= ops as u32) {
        options.stress = Some(if seed.is_multiple_of(2) {
            Stress::every(every)
        } else {
            Stress::random(every, seed)
        });
    }
    (Program::random(seed, ops), options)
}

/// Runs a program; what went wrong, if anything.
fn attempt(program: &Program, options: &HeapOptions) -> Result<Outcome, String> {
    match catch_unwind(AssertUnwindSafe(|| run(program, options.clone()))) {
        Ok(Ok(outcome)) => Ok(outcome),
        Ok(Err(failure)) => Err(failure.to_string()),
        Err(panic) => Err(panic
            .downcast_ref::<String>()
            .cloned()
            .or_else(|| panic.downcast_ref::<&str>().map(|s| (*s).to_owned()))
            .unwrap_or_else(|| "a panic without a message".to_owned())),
    }
}

/// Removes ops, in ever smaller pieces, as long as the program still fails.
fn shrink(mut program: Program, options: &HeapOptions) -> Program {
    let mut piece = program.ops.len().div_ceil(2);
    while piece > 0 {
        let mut at = 0;
        while at < program.ops.len() {
            let mut shorter = program.clone();
            shorter.ops.drain(at..(at + piece).min(program.ops.len()));
            if attempt(&shorter, options).is_err() {
                program = shorter;
            } else {
                at += piece;
            }
        }
        piece /= 2;
    }
    program
}

fn main() -> ExitCode {
    let (mut seconds, mut seed) = (60, 1);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let number = arguments.next().and_then(|text| text.parse().ok());
        match (argument.as_str(), number) {
            ("--seconds", Some(number)) => seconds = number,
            ("--seed", Some(number)) => seed = number,
            _ => {
                eprintln!("usage: campaign [--seconds N] [--seed N], not '{argument}'");
                return ExitCode::from(2);
            }
        }
    }
    // A failing program is reported once, at the end; its panics while it is shrunk are not.
    std::panic::set_hook(Box::new(|_| {}));
    let end = Instant::now() + Duration::from_secs(seconds);
    let first = seed;
    let mut sum = Outcome::default();
    while Instant::now() < end {
        let (program, options) = case(seed);
        match attempt(&program, &options) {
            Ok(outcome) => {
                sum.ops += outcome.ops;
                sum.objects += outcome.objects;
                sum.refused += outcome.refused;
                sum.minor += outcome.minor;
                sum.major += outcome.major;
                sum.verified += outcome.verified;
                sum.compared += outcome.compared;
                sum.compared_objects += outcome.compared_objects;
            }
            Err(what) => {
                eprintln!("seed {seed} fails: {what}\non a heap with {options}\nshrinking ...");
                let small = shrink(program, &options);
                println!("// seed {seed}; {options}\nlet ops = {small:?};");
                if let Err(what) = attempt(&small, &options) {
                    println!("// {what}");
                }
                return ExitCode::from(1);
            }
        }
        seed += 1;
    }
    eprintln!(
        "{} programs (seeds {first} to {}), {} ops, {} objects, {} allocations refused, {} minor and {} major \
         collections, {} verifications, {} comparisons of {} objects: heap and model agree",
        seed - first,
        seed - 1,
        sum.ops,
        sum.objects,
        sum.refused,
        sum.minor,
        sum.major,
        sum.verified,
        sum.compared,
        sum.compared_objects
    );
    ExitCode::SUCCESS
}
