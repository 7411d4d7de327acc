//! Runs random op programs on stressed heaps for as long as one likes; `cargo xtask campaign` builds and calls it.
//!
//! ```text
//! cargo run --release -p heaplab-gc --features testing --example campaign -- --seconds 60 [--seed N] [--programs N]
//! ```
//!
//! Each program draws its own policy, limits, stress and refusals of the system from its seed. Progress and totals
//! go to standard error. The first failure is shrunk, printed as Rust on standard output, and ends the campaign
//! with exit code 1. `--running FILE` keeps the seed of the running program in a file, for a campaign that dies.
//! `--plant BUG` (feature `seeded-bugs`) plants a bug and uses an object that it frees: under AddressSanitizer
//! that must end the process.

use heaplab_gc::testing::{Outcome, Program, refuse, requests, run_on};
use heaplab_gc::{Compaction, Heap, HeapOptions, PAGE_SIZE, Policy, Stress};
#[cfg(feature = "seeded-bugs")]
use heaplab_gc::{GcEvent, HeapLimitReached};
use std::num::NonZeroU32;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::time::{Duration, Instant};
#[cfg(feature = "seeded-bugs")]
use std::{cell::Cell, rc::Rc};

/// A program, the heap that it runs on, and the requests for memory that the system refuses.
struct Case {
    program: Program,
    options: HeapOptions,
    refused: Range<u64>,
}

/// What a seed means.
fn case(seed: u64) -> Case {
    // The digits of the scattered seed in a mixed base, so that neighbours differ in everything.
    let mut rest = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 16;
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
        Policy::None,
    ][choose(6)];
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
    let first = [0, 1, 4][choose(3)];
    let refused = [0..0, 0..0, first..first + 1, first..u64::MAX][choose(4)].clone();
    if choose(2) == 0 {
        options.stress = options.stress.map(Stress::with_samples);
    }
    Case {
        program: Program::random(seed, ops),
        options,
        refused,
    }
}

/// Runs a program; what went wrong, if anything. Also says how many requests for memory were refused.
fn attempt(program: &Program, case: &Case) -> Result<(Outcome, u64), String> {
    let run = || {
        let mut heap = Heap::new(case.options.clone()).map_err(|e| e.to_string())?;
        refuse(case.refused.clone());
        let outcome = run_on(program, &mut heap).map_err(|failure| failure.to_string());
        let met = requests()
            .min(case.refused.end)
            .saturating_sub(case.refused.start);
        outcome.map(|outcome| (outcome, met))
    };
    let result = catch_unwind(AssertUnwindSafe(run));
    refuse(0..0);
    result.unwrap_or_else(|panic| {
        Err(panic
            .downcast_ref::<String>()
            .cloned()
            .or_else(|| panic.downcast_ref::<&str>().map(|s| (*s).to_owned()))
            .unwrap_or_else(|| "a panic without a message".to_owned()))
    })
}

/// Removes ops, in ever smaller pieces, as long as the program still fails.
fn shrink(case: &Case) -> Program {
    let mut program = case.program.clone();
    let mut piece = program.ops.len().div_ceil(2);
    while piece > 0 {
        let mut at = 0;
        while at < program.ops.len() {
            let mut shorter = program.clone();
            shorter.ops.drain(at..(at + piece).min(program.ops.len()));
            if attempt(&shorter, case).is_err() {
                program = shorter;
            } else {
                at += piece;
            }
        }
        piece /= 2;
    }
    program
}

/// Uses an object after a planted bug has freed it; returns only if nothing noticed.
#[cfg(feature = "seeded-bugs")]
fn use_after_free(name: &str) -> ExitCode {
    use heaplab_gc::seeded::{Bug, plant};
    let Some(&bug) = Bug::ALL.iter().find(|bug| bug.name() == name) else {
        eprintln!("no bug is named '{name}'");
        return ExitCode::from(2);
    };
    plant(Some(bug));
    let scavenges = Rc::new(Cell::new(0));
    let counter = Rc::clone(&scavenges);
    let mut heap = match Heap::new(HeapOptions::with_limits(64 << 20, 1 << 20)) {
        Ok(heap) => heap,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::from(3);
        }
    };
    heap.set_observer(Box::new(move |_: &GcEvent| counter.set(counter.get() + 1)));
    let read = heap.enter(|s| {
        let kept = s.string("kept by a handle")?;
        // One collection, so that what it freed is not in use again.
        while scavenges.get() == 0 {
            s.scope(|t| t.array(10).map(drop))?;
        }
        Ok::<_, HeapLimitReached>(s.as_str(kept).map(str::to_owned))
    });
    println!("nobody noticed: {read:?}");
    ExitCode::SUCCESS
}

/// Without the feature there is no bug to plant.
#[cfg(not(feature = "seeded-bugs"))]
fn use_after_free(_: &str) -> ExitCode {
    eprintln!("--plant needs the feature seeded-bugs");
    ExitCode::from(2)
}

fn main() -> ExitCode {
    let (mut seconds, mut seed, mut programs) = (60, 1, u64::MAX);
    let mut running = None;
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let text = arguments.next().unwrap_or_default();
        match (argument.as_str(), text.parse().ok()) {
            ("--seconds", Some(number)) => seconds = number,
            ("--seed", Some(number)) => seed = number,
            ("--programs", Some(number)) => programs = number,
            ("--running", _) if !text.is_empty() => running = Some(text),
            ("--plant", _) => return use_after_free(&text),
            _ => {
                eprintln!(
                    "usage: campaign [--seconds N] [--seed N] [--programs N] [--running FILE] [--plant BUG], not '{argument}'"
                );
                return ExitCode::from(2);
            }
        }
    }
    // A failing program is reported once, at the end; its panics while it is shrunk are not.
    std::panic::set_hook(Box::new(|_| {}));
    let end = Instant::now() + Duration::from_secs(seconds);
    let first = seed;
    let mut sum = Outcome::default();
    let mut fault_points = 0;
    while Instant::now() < end && seed - first < programs {
        let case = case(seed);
        if let Some(file) = &running
            && let Err(error) = std::fs::write(file, seed.to_string())
        {
            eprintln!("{file}: {error}");
            return ExitCode::from(3);
        }
        match attempt(&case.program, &case) {
            Ok((outcome, refused)) => {
                fault_points += refused;
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
                let (options, refused) = (&case.options, &case.refused);
                eprintln!("seed {seed} fails: {what}\non a heap with {options}\nshrinking ...");
                let small = shrink(&case);
                println!(
                    "// seed {seed}; {options}; requests {refused:?} refused\nlet ops = {small:?};"
                );
                if let Err(what) = attempt(&small, &case) {
                    println!("// {what}");
                }
                return ExitCode::from(1);
            }
        }
        seed += 1;
    }
    eprintln!(
        "{} programs (seeds {first} to {}), {} ops, {} objects, {} allocations refused, {fault_points} \
         requests for memory refused, {} minor and {} major collections, {} verifications, {} comparisons of {} objects: heap and model agree",
        seed - first,
        seed.max(first + 1) - 1,
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
