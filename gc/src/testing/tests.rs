//! The machinery itself: programs decode, agree with their model, and stress finds more places to collect.

use super::*;
use crate::options::{HeapOptions, KB, MB, PAGE_SIZE};
use crate::stress::Stress;
use std::collections::HashSet;
use std::num::NonZeroU32;

fn agree(program: &Program, options: HeapOptions) -> Outcome {
    match run(program, options) {
        Ok(outcome) => outcome,
        Err(failure) => panic!("{failure}\n{program:?}"),
    }
}

#[test]
fn every_op_can_be_decoded() {
    let names: HashSet<String> = (0..=255u8)
        .map(|code| {
            let op = format!("{:?}", Op::decode([code, 1, 2, 3, 4, 5]));
            op.split([' ', '{']).next().unwrap_or_default().to_owned()
        })
        .collect();
    assert_eq!(names.len(), WEIGHTS.len() + 1, "{names:?}");
}

#[test]
fn programs_repeat_with_their_seed() {
    assert_eq!(Program::random(3, 100), Program::random(3, 100));
    assert_ne!(Program::random(3, 100), Program::random(4, 100));
    assert_eq!(Program::from_bytes(&[0; 17]).ops.len(), 2);
}

#[test]
fn random_programs_agree_with_their_model() {
    let mut ops = 0;
    for seed in 0..60 {
        let options = HeapOptions::with_limits(8 * MB, PAGE_SIZE);
        ops += agree(&Program::random(seed, 500), options).ops;
    }
    assert_eq!(ops, 60 * 500);
}

#[test]
fn stress_collects_at_every_allocation() {
    let one = NonZeroU32::MIN;
    let options = HeapOptions::with_limits(MB, PAGE_SIZE).with_stress(Stress::every(one));
    let outcome = agree(&Program::random(1, 200), options);
    let collections = outcome.minor + outcome.major;
    assert!(collections >= 200, "{outcome:?}");
    assert!(outcome.verified >= 2 * collections, "{outcome:?}");
}

#[test]
fn full_heaps_refuse_and_stay_usable() {
    // Lists in all registers until one page of old space is full, then everything else.
    let mut program = Program::default();
    for round in 0..60u8 {
        for reg in 0..REGISTERS as u8 {
            program.ops.push(Op::List {
                dst: Reg(reg),
                length: 99,
            });
        }
        program.ops.push(Op::Drop {
            dst: Reg(round % REGISTERS as u8),
        });
    }
    program.ops.extend(Program::random(5, 300).ops);
    let outcome = agree(
        &program,
        HeapOptions::with_limits(PAGE_SIZE.max(64 * KB), PAGE_SIZE),
    );
    assert!(outcome.refused > 0, "{outcome:?}");
}

#[test]
fn programs_are_printed_as_rust() {
    let program = Program {
        ops: vec![
            Op::Copy {
                dst: Reg(1),
                src: Reg(2),
            },
            Op::Leave,
        ],
    };
    assert_eq!(
        format!("{program:?}"),
        "vec![\n    Op::Copy { dst: Reg(1), src: Reg(2) },\n    Op::Leave,\n]"
    );
}
