//! The controller in simulated programs: steady, step, ramp, oscillating, jitter, near the limit.

use super::marking::*;
use super::*;
use crate::options::{HeapOptions, KB, MB};
use crate::stress::SplitMix64;

fn limits(old: usize, semi: usize) -> HeapLimits {
    HeapOptions::with_limits(old, semi)
        .validate()
        .expect("valid")
}

/// A program: how much is live after `ms` milliseconds, and how much is promoted in each.
struct Program<'a> {
    live: &'a dyn Fn(u64) -> usize,
    promoted_per_ms: usize,
    ms: u64,
}

/// What a simulated program went through.
#[derive(Debug, Default)]
struct Outcome {
    majors: usize,
    peak_old: usize,
    peak_live: usize,
    collecting_ns: u64,
    total_ns: u64,
    ineffective: usize,
    longest_gap_ms: u64,
}

impl Outcome {
    fn mutator_share(&self) -> f64 {
        1.0 - self.collecting_ns as f64 / self.total_ns as f64
    }
}

/// Runs a program over the controller with a collector that marks in one pause at 4 GB/s.
///
/// One step is a scavenge: 1 ms of the program, which promotes its bytes; garbage is what is no longer live.
fn simulate(limits: &HeapLimits, program: &Program<'_>) -> Outcome {
    const MARK_BYTES_PER_NS: usize = 4;
    let mut controller = HeapController::new(limits);
    let mut outcome = Outcome::default();
    let (mut now, mut old, mut promoted, mut last_major) = (0u64, 0usize, 0u64, 0u64);
    for ms in 0..program.ms {
        now += 1_000_000;
        let live = (program.live)(ms);
        old = (old + program.promoted_per_ms).max(live);
        promoted += program.promoted_per_ms as u64;
        outcome.peak_live = outcome.peak_live.max(live);
        outcome.peak_old = outcome.peak_old.max(old);
        assert!(
            old <= limits.max_old_generation_size + program.promoted_per_ms,
            "the maximum was passed: {old}"
        );
        if controller.trigger(old) != Trigger::Hard {
            continue;
        }
        controller.sample_allocation(now, promoted, promoted);
        let pause = (live / MARK_BYTES_PER_NS) as u64;
        let decision = controller.after_major(&MajorOutcome {
            start_ns: now,
            end_ns: now + pause,
            marked_bytes: live,
            old_generation_bytes: live,
            ..MajorOutcome::default()
        });
        assert!(decision.old_generation_limit >= live);
        assert!(decision.old_generation_limit <= limits.max_old_generation_size.max(live));
        now += pause;
        old = live;
        outcome.majors += 1;
        outcome.collecting_ns += pause;
        outcome.ineffective += usize::from(decision.ineffective);
        outcome.longest_gap_ms = outcome.longest_gap_ms.max(ms - last_major);
        last_major = ms;
    }
    outcome.total_ns = now;
    outcome
}

const OLD: usize = 2048 * MB;
const SEMI: usize = 16 * MB;

/// The bound that the departures from V8 exist for, without the young generation's two halves.
fn within_twice_live(outcome: &Outcome) {
    assert!(
        outcome.peak_old <= 2 * outcome.peak_live + SEMI + 9 * MB,
        "{outcome:?}"
    );
}

#[test]
fn steady() {
    let outcome = simulate(
        &limits(OLD, SEMI),
        &Program {
            live: &|_| 100 * MB,
            promoted_per_ms: 100 * KB,
            ms: 60_000,
        },
    );
    within_twice_live(&outcome);
    // 6 GB promoted at up to 100 MB each, at least the 10 MB of the smallest factor.
    assert!((55..=600).contains(&outcome.majors), "{outcome:?}");
    assert!(outcome.mutator_share() > 0.9, "{outcome:?}");
}

#[test]
fn step() {
    let outcome = simulate(
        &limits(OLD, SEMI),
        &Program {
            live: &|ms| if ms < 20_000 { 20 * MB } else { 400 * MB },
            promoted_per_ms: 200 * KB,
            ms: 60_000,
        },
    );
    within_twice_live(&outcome);
    assert!(outcome.mutator_share() > 0.85, "{outcome:?}");
}

#[test]
fn ramp() {
    // A leak of 10 MB/s; a third of what is promoted stays.
    let outcome = simulate(
        &limits(OLD, SEMI),
        &Program {
            live: &|ms| (ms as usize * 10 * MB) / 1000,
            promoted_per_ms: 30 * KB,
            ms: 60_000,
        },
    );
    within_twice_live(&outcome);
    assert!((5..=250).contains(&outcome.majors), "{outcome:?}");
}

#[test]
fn oscillating() {
    let outcome = simulate(
        &limits(OLD, SEMI),
        &Program {
            live: &|ms| {
                let wave = (ms as f64 / 2000.0 * std::f64::consts::TAU).sin();
                ((150.0 + 100.0 * wave) * MB as f64) as usize
            },
            promoted_per_ms: 300 * KB,
            ms: 30_000,
        },
    );
    within_twice_live(&outcome);
    assert!(outcome.mutator_share() > 0.8, "{outcome:?}");
}

#[test]
fn jitter() {
    for seed in 0..20 {
        let noise = std::cell::RefCell::new(SplitMix64(seed));
        let outcome = simulate(
            &limits(OLD, SEMI),
            &Program {
                live: &|_| 50 * MB + noise.borrow_mut().next() as usize % (50 * MB),
                promoted_per_ms: 500 * KB,
                ms: 10_000,
            },
        );
        within_twice_live(&outcome);
        assert!(outcome.mutator_share() > 0.7, "seed {seed}: {outcome:?}");
    }
}

/// Near the maximum collections come more often, and never later than the maximum (half-way rule).
#[test]
fn near_the_limit() {
    let far = simulate(
        &limits(OLD, MB),
        &Program {
            live: &|_| 100 * MB,
            promoted_per_ms: 50 * KB,
            ms: 20_000,
        },
    );
    let near = simulate(
        &limits(120 * MB, MB),
        &Program {
            live: &|_| 100 * MB,
            promoted_per_ms: 50 * KB,
            ms: 20_000,
        },
    );
    assert!(near.majors > far.majors, "{near:?} {far:?}");
    assert!(near.longest_gap_ms < far.longest_gap_ms, "{near:?} {far:?}");
    assert!(near.peak_old <= 110 * MB + 50 * KB, "{near:?}");
}

/// A heap that is full but for a little, and spends its time collecting, is given up; one that is as
/// full but promotes little is not.
#[test]
fn thrashing_is_noticed_and_idling_is_not() {
    let program = |promoted_per_ms| Program {
        live: &|_| 990 * MB,
        promoted_per_ms,
        ms: 5_000,
    };
    let limits = limits(1000 * MB, MB);
    let thrashing = simulate(&limits, &program(MB));
    assert!(thrashing.ineffective > 0, "{thrashing:?}");
    let idling = simulate(&limits, &program(KB));
    assert_eq!(idling.ineffective, 0, "{idling:?}");
}

/// Incremental cycles end before the limit that started them is passed, however fast the program
/// promotes, and no step marks more than the collector can in its time.
#[test]
fn cycles_end_before_their_limit() {
    const MARK_BYTES_PER_MS: usize = 1_000_000;
    for promoted_per_ms in [10 * KB, 100 * KB, 400 * KB] {
        let mut controller = HeapController::new(&limits(OLD, SEMI));
        for _ in 0..4 {
            // Let the semi-spaces grow to their maximum: it sets how early marking starts.
            controller.after_minor(&MinorOutcome {
                end_ns: 1,
                copied_bytes: 17 * MB,
                ..MinorOutcome::default()
            });
        }
        assert_eq!(controller.semi_space_capacity(), SEMI);
        let live = 200 * MB;
        controller.after_major(&MajorOutcome {
            end_ns: 200_000_000,
            marked_bytes: live,
            old_generation_bytes: live,
            ..MajorOutcome::default()
        });
        let limit = controller.old_generation_limit();
        let (mut now, mut old, mut since_step, mut left) = (1_000_000_000u64, live, 0usize, live);
        while controller.trigger(old) == Trigger::None {
            old += promoted_per_ms;
            now += 1_000_000;
        }
        assert_eq!(controller.trigger(old), Trigger::Soft);
        controller.start_marking(now, old);
        while left > 0 {
            old += promoted_per_ms;
            since_step += promoted_per_ms;
            now += 1_000_000;
            if since_step < OLD_STEP_INTERVAL {
                continue;
            }
            // Every 256 KB promoted is one step, of as many slices as fit into its time.
            for _ in 0..since_step / OLD_STEP_INTERVAL {
                let schedule = controller.schedule().expect("marking");
                let budget = schedule.next_step(now, live, old);
                let possible = (budget.ns as usize * MARK_BYTES_PER_MS) / 1_000_000;
                let marked = budget.bytes.min(left).min(4 * possible);
                schedule.record(marked);
                left -= marked;
            }
            since_step %= OLD_STEP_INTERVAL;
        }
        assert!(
            old <= limit,
            "{promoted_per_ms} per ms: {old} passes {limit}"
        );
        assert!(!controller.must_finish_marking(old));
    }
}
