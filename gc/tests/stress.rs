//! Op programs under stress: a collection every 64 allocations over every configuration, and at every
//! allocation on small heaps, with the verifier before and after each.
//!
//! Seeds are printed (`cargo test -- --nocapture`, or by a failure); each test says how many collections its
//! runs must have had at least, so that a stress mode that does nothing cannot pass.

use heaplab_gc::testing::{Outcome, Program, run};
use heaplab_gc::{Compaction, HeapOptions, PAGE_SIZE, Policy, Stress};
use std::num::NonZeroU32;

/// Under stress the policy `none`, too, collects: only where it is forced to.
const POLICIES: [Policy; 4] = [
    Policy::Generational,
    Policy::MarkSweep,
    Policy::MarkCompact,
    Policy::None,
];

fn options(policy: Policy, incremental: bool, compaction: Compaction) -> HeapOptions {
    let mut options = HeapOptions::with_limits(32 * PAGE_SIZE, 2 * PAGE_SIZE);
    options.policy = policy;
    options.incremental_marking = incremental;
    options.compaction = compaction;
    options
}

/// Every configuration with its own seed.
fn configurations() -> impl Iterator<Item = (u64, HeapOptions)> {
    POLICIES
        .into_iter()
        .flat_map(|policy| [true, false].map(|incremental| (policy, incremental)))
        .flat_map(|(policy, incremental)| {
            Compaction::ALL.map(|compaction| options(policy, incremental, compaction))
        })
        .enumerate()
        .map(|(n, options)| (n as u64, options))
}

fn go(seed: u64, ops: usize, options: HeapOptions) -> Outcome {
    println!("seed {seed}, {ops} ops: {options}");
    match run(&Program::random(seed, ops), options) {
        Ok(outcome) => outcome,
        Err(failure) => panic!("seed {seed}: {failure}"),
    }
}

/// Collections that the stress mode forces at least: without a young generation only the major ones.
fn least(objects: usize, interval: u64, policy: Policy) -> u64 {
    let forced = objects as u64 / interval;
    if policy == Policy::Generational {
        forced
    } else {
        forced / 4
    }
}

fn every(interval: u32) -> Stress {
    Stress::every(NonZeroU32::new(interval).unwrap_or(NonZeroU32::MIN))
}

#[test]
fn every_64_allocations_over_every_configuration() {
    let (mut objects, mut collections, mut verified) = (0, 0, 0);
    for (seed, options) in configurations() {
        let policy = options.policy;
        let outcome = go(1000 + seed, 1_000, options.with_stress(every(64)));
        let run = outcome.minor + outcome.major;
        assert!(
            run >= least(outcome.objects, 64, policy),
            "seed {seed}: {outcome:?}"
        );
        assert!(outcome.verified >= 2 * run, "seed {seed}: {outcome:?}");
        objects += outcome.objects;
        collections += run;
        verified += outcome.verified;
    }
    println!("{objects} objects, {collections} collections, {verified} verifications");
    assert!(objects > 24 * 3_000 && collections > 24 * 30);
}

#[test]
fn random_distances_over_every_configuration() {
    let mut collections = 0;
    for (seed, options) in configurations() {
        let mean = NonZeroU32::new(20).unwrap_or(NonZeroU32::MIN);
        let outcome = go(
            2000 + seed,
            400,
            options.with_stress(Stress::random(mean, seed)),
        );
        collections += outcome.minor + outcome.major;
    }
    println!("{collections} collections");
    assert!(collections > 24 * 60);
}

/// At most 1 MiB of heap and 10,000 allocations per run.
#[test]
fn every_allocation_on_small_heaps() {
    let (mut objects, mut collections, mut verified) = (0, 0, 0);
    for policy in POLICIES {
        for seed in 3000..3004 {
            let mut options =
                HeapOptions::with_limits((1 << 20) - 2 * PAGE_SIZE.min(1 << 18), PAGE_SIZE);
            options.policy = policy;
            options.incremental_marking = seed % 2 == 0;
            let outcome = go(seed, 250, options.with_stress(every(1)));
            assert!(outcome.objects <= 10_000, "seed {seed}: {outcome:?}");
            let run = outcome.minor + outcome.major;
            assert!(
                run >= least(outcome.objects, 1, policy),
                "seed {seed}: {outcome:?}"
            );
            objects += outcome.objects;
            collections += run;
            verified += outcome.verified;
        }
    }
    println!("{objects} objects, {collections} collections, {verified} verifications");
    assert!(collections > 5_000 && verified > 10_000);
}

/// Heaps that are full most of the time: promotion fails, allocations are refused, and all stays in order.
#[test]
fn full_heaps_under_stress() {
    let mut refused = 0;
    for (seed, mut options) in configurations() {
        options.max_old_space_size = 2 * PAGE_SIZE;
        options.max_semi_space_size = PAGE_SIZE;
        refused += go(4000 + seed, 800, options.with_stress(every(64))).refused;
    }
    println!("{refused} allocations refused");
    assert!(refused > 0);
}
