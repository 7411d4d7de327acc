//! Random op programs, each beside its shadow model: property tests that shrink, and regressions.

use heaplab_gc::testing::{OP_BYTES, Op, Outcome, Program, Reg, run, run_on};
use heaplab_gc::{Compaction, Heap, HeapOptions, PAGE_SIZE, Policy, Stress, VirtualClock};
use proptest::collection::vec;
use proptest::prelude::*;
use std::num::NonZeroU32;

fn policies() -> impl Strategy<Value = Policy> {
    prop_oneof![
        3 => Just(Policy::Generational),
        1 => Just(Policy::MarkSweep),
        1 => Just(Policy::MarkCompact),
        1 => Just(Policy::None),
    ]
}

fn stresses() -> impl Strategy<Value = Option<Stress>> {
    let interval = (1u32..200).prop_map(|n| NonZeroU32::new(n).unwrap_or(NonZeroU32::MIN));
    prop_oneof![
        Just(None),
        (interval, any::<u64>(), any::<bool>(), any::<bool>()).prop_map(
            |(every, seed, random, samples)| {
                let stress = if random {
                    Stress::random(every, seed)
                } else {
                    Stress::every(every)
                };
                Some(Stress { samples, ..stress })
            }
        ),
    ]
}

prop_compose! {
    fn heaps()(
        policy in policies(),
        stress in stresses(),
        incremental in any::<bool>(),
        compaction in prop::sample::select(&Compaction::ALL[..]),
        old_pages in 4usize..40,
        semi in prop::sample::select(&[1, 2, 4][..]),
    ) -> HeapOptions {
        let mut options = HeapOptions::with_limits(old_pages * PAGE_SIZE, semi * PAGE_SIZE);
        options.policy = policy;
        options.stress = stress;
        options.incremental_marking = incremental;
        options.compaction = compaction;
        options
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, max_shrink_iters: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    /// Heap and model agree, whatever the program and the heap; nothing is left when the roots are gone.
    #[test]
    fn programs_agree_with_their_model(
        chunks in vec(any::<[u8; OP_BYTES]>(), 0..400),
        options in heaps(),
    ) {
        let program = Program { ops: chunks.into_iter().map(Op::decode).collect() };
        let shown = options.to_string();
        if let Err(failure) = run(&program, options) {
            prop_assert!(false, "{failure}\non {shown}\nlet ops = {program:?};");
        }
    }

    /// On the virtual clock a program does exactly the same twice, event by event.
    #[test]
    fn virtual_time_repeats(seed in any::<u64>(), options in heaps()) {
        let program = Program::random(seed, 300);
        prop_assert_eq!(everything(&program, &options), everything(&program, &options));
    }
}

/// Everything that can be told of a run: counts, a digest of its events, sizes and statistics at its end.
fn everything(program: &Program, options: &HeapOptions) -> (Outcome, String) {
    let mut heap = Heap::with_clock(options.clone(), Box::new(VirtualClock::new())).expect("heap");
    let outcome = run_on(program, &mut heap).unwrap_or_else(|failure| panic!("{failure}"));
    assert_ne!(outcome.events, 0, "no collection took place");
    let end = format!("{:?} {:?}", heap.sizes(), heap.statistics());
    (outcome, end)
}

#[track_caller]
fn agrees(ops: Vec<Op>, options: HeapOptions) {
    let program = Program { ops };
    if let Err(failure) = run(&program, options) {
        panic!("{failure}");
    }
}

/// Lists behind full registers on a heap of four pages: the mark stack overflowed with roots on it, which
/// were lost (seed 3 of the campaign with small pages, shrunk).
#[test]
fn roots_that_overflow_the_mark_stack_stay() {
    agrees(
        vec![
            Op::LargeArray {
                dst: Reg(1),
                extra: 82,
            },
            Op::LargeArray {
                dst: Reg(12),
                extra: 2,
            },
            Op::LargeArray {
                dst: Reg(18),
                extra: 6,
            },
            Op::Array {
                dst: Reg(16),
                length: 798,
            },
            Op::List {
                dst: Reg(16),
                length: 90,
            },
            Op::Object {
                dst: Reg(1),
                class: 0,
            },
            Op::Array {
                dst: Reg(3),
                length: 461,
            },
            Op::List {
                dst: Reg(15),
                length: 166,
            },
            Op::List {
                dst: Reg(13),
                length: 145,
            },
        ],
        HeapOptions::with_limits(4 * PAGE_SIZE, PAGE_SIZE),
    );
}
