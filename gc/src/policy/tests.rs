//! The rules by their numbers.

use super::growth::*;
use super::marking::*;
use super::memory::*;
use super::utilisation::*;
use super::*;
use crate::options::{HeapOptions, KB, MB, PAGE_SIZE};

fn limits(old: usize, semi: usize) -> HeapLimits {
    HeapOptions::with_limits(old, semi)
        .validate()
        .expect("valid")
}

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() < 0.001
}

mod tables {
    use super::*;

    /// The pairs of speeds of V8's own unit test, with its factor of at most 4.
    #[test]
    fn dynamic_growing_factor_has_v8s_numbers() {
        for (gc, mutator, factor) in [
            (34.0, 1.0, 4.0),
            (45.0, 1.0, 3.553),
            (50.0, 1.0, 2.830),
            (100.0, 1.0, 1.478),
            (200.0, 1.0, 1.193),
            (700.0, 1.0, MIN_FACTOR),
        ] {
            let got = dynamic_growing_factor(Some(gc), Some(mutator), 4.0);
            assert!(close(got, factor), "{gc}/{mutator}: {got}, not {factor}");
        }
        for unknown in [(None, Some(1.0)), (Some(1.0), None), (Some(1.0), Some(0.0))] {
            assert_eq!(dynamic_growing_factor(unknown.0, unknown.1, 4.0), 4.0);
        }
    }

    #[test]
    fn growing_modes_cap_the_factor() {
        let factor = |gc, mode| growing_factor(Some(gc), Some(1.0), mode);
        assert_eq!(factor(40.0, GrowingMode::Default), MAX_FACTOR);
        assert!(close(factor(100.0, GrowingMode::Default), 1.478));
        assert_eq!(factor(40.0, GrowingMode::Minimal), MIN_FACTOR);
    }

    #[test]
    fn old_generation_limit_grows_by_factor_and_semi_space() {
        // V8's own case: 128 MB live, at most 512 MB, semi-space 16 MB, speeds 100 to 1.
        let factor = dynamic_growing_factor(Some(100.0), Some(1.0), 4.0);
        let limit = old_generation_limit(128 * MB, 512 * MB, 16 * MB, factor);
        assert_eq!(
            limit,
            (128.0 * MB as f64 * factor) as usize + 16 * MB,
            "below the half-way of 320 MB"
        );
        for (live, max, semi, factor, expected) in [
            // At least 8 MB more.
            (10, 1000, 1, 1.1, 19),
            // Half-way between live and maximum.
            (100, 140, 16, 2.0, 120),
            (139, 141, 16, 1.1, 140),
            // Full, and more than full.
            (140, 140, 16, 2.0, 140),
            (150, 140, 16, 2.0, 150),
        ] {
            assert_eq!(
                old_generation_limit(live * MB, max * MB, semi * MB, factor),
                expected * MB,
                "{live} of {max}"
            );
        }
    }

    #[test]
    fn first_limit_is_that_of_an_empty_heap() {
        assert_eq!(
            initial_old_generation_limit(&limits(1000 * MB, 16 * MB)),
            9 * MB
        );
        assert_eq!(initial_old_generation_limit(&limits(10 * MB, MB)), 5 * MB);
        let mut options = HeapOptions::with_limits(100 * MB, MB);
        options.initial_old_space_size = Some(77 * MB);
        let limits = options.validate().expect("valid");
        assert_eq!(initial_old_generation_limit(&limits), 77 * MB);
        assert_eq!(
            initial_old_generation_limit(&super::limits(PAGE_SIZE, PAGE_SIZE)),
            PAGE_SIZE
        );
    }

    #[test]
    fn semi_spaces_grow_by_survival_and_shrink_in_quiet() {
        let state = SemiSpaceState {
            capacity: 4 * MB,
            initial: MB,
            max: 16 * MB,
            survived_since_growth: 0,
            used: 100 * KB,
            throughput: Some(50_000.0),
            reduce_memory: false,
        };
        let survived = SemiSpaceState {
            survived_since_growth: 4 * MB + 1,
            ..state
        };
        let quiet = Some(999.0);
        let change = |state: SemiSpaceState| semi_space_change(&state);
        use SemiSpaceChange::*;
        assert_eq!(change(state), Keep);
        assert_eq!(change(survived), Grow(8 * MB));
        assert_eq!(
            change(SemiSpaceState {
                survived_since_growth: 4 * MB,
                ..state
            }),
            Keep,
            "must exceed the capacity"
        );
        assert_eq!(
            change(SemiSpaceState {
                capacity: 16 * MB,
                survived_since_growth: 99 * MB,
                ..state
            }),
            Keep,
            "at its maximum"
        );
        assert_eq!(
            change(SemiSpaceState {
                throughput: quiet,
                ..state
            }),
            Shrink(MB)
        );
        assert_eq!(
            change(SemiSpaceState {
                throughput: quiet,
                used: 900 * KB,
                ..state
            }),
            Shrink(2 * MB),
            "twice what is used"
        );
        assert_eq!(
            change(SemiSpaceState {
                throughput: quiet,
                used: 3 * MB,
                ..state
            }),
            Keep
        );
        assert_eq!(
            change(SemiSpaceState {
                throughput: Some(0.0),
                ..state
            }),
            Keep,
            "unknown, not quiet"
        );
        assert_eq!(
            change(SemiSpaceState {
                reduce_memory: true,
                ..state
            }),
            Shrink(MB)
        );
        assert_eq!(
            change(SemiSpaceState {
                throughput: quiet,
                ..survived
            }),
            Keep,
            "both apply"
        );
    }

    #[test]
    fn marking_starts_softly_within_a_semi_space_of_the_limit() {
        for (old, limit, semi, expected) in [
            (50, 100, 16, Trigger::None),
            (83, 100, 16, Trigger::None),
            (84, 100, 16, Trigger::Soft),
            (99, 100, 16, Trigger::Soft),
            (100, 100, 16, Trigger::Hard),
            (101, 100, 16, Trigger::Hard),
            // Small heaps are marked in one pause.
            (7, 8, 16, Trigger::None),
            (8, 9, 16, Trigger::Soft),
            (2, 2, 1, Trigger::Hard),
        ] {
            assert_eq!(
                trigger(old * MB, limit * MB, semi * MB),
                expected,
                "{old} of {limit}"
            );
        }
    }

    #[test]
    fn marking_is_finished_at_once_when_the_limit_is_far_behind() {
        for (old, limit, max, expected) in [
            (100, 100, 1000, false),
            (149, 100, 1000, false),
            (150, 100, 1000, true),
            // At least 32 MB ...
            (41, 10, 1000, false),
            (42, 10, 1000, true),
            // ... but no more than half of what is left.
            (109, 100, 120, false),
            (110, 100, 120, true),
        ] {
            assert_eq!(
                overshot_by_large_margin(old * MB, limit * MB, max * MB),
                expected,
                "{old} over {limit} of {max}"
            );
        }
    }

    #[test]
    fn external_growth_has_a_soft_and_a_hard_limit() {
        let pressure = |growth| external_pressure(growth * MB, 64 * MB, 128 * MB);
        assert_eq!(pressure(64), ExternalPressure::None);
        assert_eq!(pressure(65), ExternalPressure::Soft);
        assert_eq!(pressure(128), ExternalPressure::Soft);
        assert_eq!(pressure(129), ExternalPressure::Hard);
    }

    #[test]
    fn evacuation_target_follows_the_measured_speed() {
        let page = 256 * KB;
        let target = |mode, speed| evacuation_target(mode, page, speed);
        assert_eq!(target(CompactionMode::Regular, None), 70);
        assert_eq!(target(CompactionMode::ReduceMemory, None), 20);
        assert_eq!(target(CompactionMode::ReduceMemory, Some(1.0)), 20);
        assert_eq!(max_evacuated_bytes(CompactionMode::Regular), 4 * MB);
        assert_eq!(max_evacuated_bytes(CompactionMode::ReduceMemory), 12 * MB);
        // 256 KB at 256 KB/ms: 2 ms with V8's constant of 1: 100 − 100 × 0.5 / 2.
        assert_eq!(target(CompactionMode::Regular, Some(page as f64)), 75);
        // A very fast one approaches 50, a very slow one 100.
        assert_eq!(target(CompactionMode::Regular, Some(1e12)), 50);
        assert_eq!(target(CompactionMode::Regular, Some(1.0)), 99);
    }

    fn candidates(live: &[usize]) -> Vec<Candidate> {
        live.iter()
            .enumerate()
            .map(|(page, &kb)| Candidate {
                page,
                live_bytes: kb * KB,
            })
            .collect()
    }

    fn chosen(live: &[usize], target: u32, most: usize) -> Vec<usize> {
        let mut pages = candidates(live);
        let count = choose_candidates(&mut pages, 256 * KB, target, most);
        pages[..count].iter().map(|c| c.page).collect()
    }

    #[test]
    fn emptiest_pages_are_evacuated_first_and_only_if_a_page_is_won() {
        // 70 % free means at most 76 KB live.
        assert_eq!(chosen(&[200, 30, 76, 77, 10], 70, 4 * MB), [4, 1, 2]);
        assert_eq!(chosen(&[70], 70, 4 * MB), [0usize; 0], "one page for one");
        assert_eq!(
            chosen(&[0, 0, 70], 70, 4 * MB),
            [0usize; 0],
            "the empty are swept"
        );
        assert_eq!(
            chosen(&[200, 200, 200], 20, 4 * MB),
            [0usize; 0],
            "600 KB need three pages again"
        );
        assert_eq!(chosen(&[100, 100, 50], 20, 4 * MB), [2, 0, 1]);
        assert_eq!(
            chosen(&[70, 70, 70, 70], 70, 150 * KB),
            [0, 1],
            "as many as the cap allows"
        );
    }

    #[test]
    fn choice_does_not_depend_on_the_order_given() {
        let live: Vec<usize> = (0..40).map(|i| 1 + i * 37 % 120).collect();
        let mut forward = candidates(&live);
        let mut backward = forward.clone();
        backward.reverse();
        let a = choose_candidates(&mut forward, 256 * KB, 60, MB);
        let b = choose_candidates(&mut backward, 256 * KB, 60, MB);
        assert!(a > 0);
        assert_eq!(forward[..a], backward[..b]);
    }

    #[test]
    fn fresh_pages_are_prepared_for_what_free_blocks_will_not_take() {
        assert_eq!(bytes_to_prepare(6 * MB, 0), 6 * MB);
        assert_eq!(bytes_to_prepare(6 * MB, 4 * MB), 4 * MB);
        assert_eq!(bytes_to_prepare(6 * MB, 12 * MB), 0);
        assert_eq!(bytes_to_prepare(0, 0), 0);
    }

    #[test]
    fn groups_needed_before_the_next_limit_are_kept() {
        let group = 2 * MB;
        assert_eq!(groups_to_return(10, group, 20 * MB, 30 * MB, false), 5);
        assert_eq!(groups_to_return(10, group, 20 * MB, 29 * MB, false), 5);
        assert_eq!(groups_to_return(3, group, 20 * MB, 40 * MB, false), 0);
        assert_eq!(groups_to_return(3, group, 20 * MB, 40 * MB, true), 3);
        assert_eq!(groups_to_return(3, group, 20 * MB, 10 * MB, false), 3);
    }

    #[test]
    fn speeds_forget_old_samples() {
        let mut speed = Speed::default();
        assert_eq!(speed.average(), None);
        speed.record(5, 0);
        assert_eq!(speed.average(), None, "no time, no speed");
        speed.record(1000, 1_000_000);
        assert_eq!(speed.average(), Some(1000.0));
        for _ in 0..10 {
            speed.record(4000, 2_000_000);
        }
        assert_eq!(speed.average(), Some(2000.0));
    }

    #[test]
    fn recent_speed_looks_back_five_seconds() {
        let mut speed = Speed::default();
        speed.record(1_000_000_000, 1_000_000_000);
        speed.record(0, 4_000_000_000);
        assert_eq!(speed.recent(), Some(200_000.0));
        speed.record(0, 2_000_000_000);
        assert_eq!(speed.recent(), Some(0.0), "6 s back is enough");
        assert!(speed.average().is_some_and(|s| s > 0.0));
    }

    #[test]
    fn utilisation_has_v8s_recurrence() {
        let ms = 1_000_000;
        let mut mu = MutatorUtilisation::default();
        assert_eq!((mu.average(), mu.current()), (1.0, 1.0));
        mu.record(100 * ms, 50 * ms);
        assert_eq!(
            (mu.average(), mu.current()),
            (1.0, 1.0),
            "the first only starts it"
        );
        mu.record(200 * ms, 20 * ms);
        assert!(close(mu.current(), 0.8) && close(mu.average(), 0.8));
        mu.record(300 * ms, 60 * ms);
        // Collecting (20 + 60) / 2, running (80 + 40) / 2.
        assert!(close(mu.current(), 0.4) && close(mu.average(), 0.6));
        mu.record(300 * ms, 0);
        assert_eq!(mu.current(), 0.0, "no time passed");
        mu.record(310 * ms, 99 * ms);
        assert_eq!(
            mu.current(),
            0.0,
            "steps from before count no more than all"
        );
    }

    #[test]
    fn fourth_ineffective_collection_in_a_row_ends_it() {
        let mut rule = IneffectiveRule::default();
        let bad = |rule: &mut IneffectiveRule| rule.record(80, 100, 0.39);
        assert!(!bad(&mut rule) && !bad(&mut rule) && !bad(&mut rule));
        assert!(!rule.record(79, 100, 0.1), "room enough");
        assert!(!bad(&mut rule) && !bad(&mut rule) && !bad(&mut rule));
        assert!(!rule.record(99, 100, 0.4), "time enough");
        assert!(!bad(&mut rule) && !bad(&mut rule) && !bad(&mut rule));
        assert!(bad(&mut rule));
        // The count starts again.
        assert!(!bad(&mut rule) && !bad(&mut rule) && !bad(&mut rule));
        assert!(bad(&mut rule));
    }
}

mod schedule {
    use super::*;

    const MS: u64 = 1_000_000;

    #[test]
    fn half_of_the_time_means_half_of_the_bytes() {
        let schedule = MarkingSchedule::new(0, 100 * MB, 100 * MB);
        assert_eq!(
            schedule.expected_bytes(250 * MS, 80 * MB, 100 * MB),
            40 * MB
        );
        assert_eq!(
            schedule.expected_bytes(500 * MS, 80 * MB, 100 * MB),
            80 * MB
        );
        assert_eq!(
            schedule.expected_bytes(900 * MS, 80 * MB, 100 * MB),
            80 * MB
        );
    }

    #[test]
    fn allocation_that_uses_up_the_room_hurries_marking() {
        let schedule = MarkingSchedule::new(0, 100 * MB, 16 * MB);
        // 6 of 12 MB that may be allocated.
        assert_eq!(schedule.expected_bytes(0, 80 * MB, 106 * MB), 40 * MB);
        assert_eq!(schedule.expected_bytes(0, 80 * MB, 112 * MB), 80 * MB);
        let cramped = MarkingSchedule::new(0, 100 * MB, 0);
        assert_eq!(cramped.expected_bytes(0, 80 * MB, 100 * MB), 80 * MB);
    }

    #[test]
    fn steps_catch_up_and_never_stand_still() {
        let mut schedule = MarkingSchedule::new(0, 100 * MB, 100 * MB);
        let step = schedule.next_step(250 * MS, 80 * MB, 100 * MB);
        assert_eq!(step.bytes, 40 * MB);
        assert_eq!(step.ns, MAX_STEP_NS);
        schedule.record(50 * MB);
        assert_eq!(schedule.marked_bytes(), 50 * MB);
        let step = schedule.next_step(250 * MS, 80 * MB, 100 * MB);
        assert_eq!(step.bytes, MIN_STEP_BYTES, "ahead of the schedule");
    }
}

mod controller {
    use super::*;

    fn minor(survived: usize) -> MinorOutcome {
        MinorOutcome {
            start_ns: 0,
            end_ns: 1000,
            copied_bytes: survived / 2,
            promoted_bytes: survived - survived / 2,
            ..MinorOutcome::default()
        }
    }

    #[test]
    fn semi_spaces_double_up_to_their_maximum() {
        let mut controller = HeapController::new(&limits(100 * MB, 4 * MB));
        assert_eq!(controller.semi_space_capacity(), MB);
        assert_eq!(controller.after_minor(&minor(MB)), SemiSpaceChange::Keep);
        assert_eq!(
            controller.after_minor(&minor(1)),
            SemiSpaceChange::Grow(2 * MB)
        );
        assert_eq!(
            controller.after_minor(&minor(2 * MB)),
            SemiSpaceChange::Keep
        );
        assert_eq!(
            controller.after_minor(&minor(MB)),
            SemiSpaceChange::Grow(4 * MB)
        );
        assert_eq!(
            controller.after_minor(&minor(40 * MB)),
            SemiSpaceChange::Keep
        );
        // 44 MB and a byte in five pauses of 1 µs.
        assert_eq!(
            controller.scavenge_speed(),
            Some((44 * MB + 1) as f64 / 0.005)
        );
    }

    #[test]
    fn refused_growth_is_taken_back() {
        let mut controller = HeapController::new(&limits(100 * MB, 4 * MB));
        assert_eq!(
            controller.after_minor(&minor(2 * MB)),
            SemiSpaceChange::Grow(2 * MB)
        );
        controller.semi_space_change_failed(MB);
        assert_eq!(controller.semi_space_capacity(), MB);
    }

    #[test]
    fn quiet_programs_shrink_their_semi_spaces() {
        let mut controller = HeapController::new(&limits(100 * MB, 4 * MB));
        controller.after_minor(&minor(2 * MB));
        // 100 bytes in each of ten seconds.
        for second in 1..=10u64 {
            controller.sample_allocation(second * 1_000_000_000, second * 100, 0);
        }
        assert_eq!(
            controller.after_minor(&minor(0)),
            SemiSpaceChange::Shrink(MB)
        );
    }

    #[test]
    fn raising_the_maximum_makes_room_at_once() {
        let mut controller = HeapController::new(&limits(100 * MB, MB));
        controller.after_major(&MajorOutcome {
            old_generation_bytes: 100 * MB,
            ..MajorOutcome::default()
        });
        assert_eq!(controller.trigger(100 * MB), Trigger::Hard);
        controller.raise_max_old_generation(90 * MB);
        assert_eq!(controller.max_old_generation(), 100 * MB, "never lower");
        controller.raise_max_old_generation(200 * MB);
        assert_eq!(controller.max_old_generation(), 200 * MB);
        assert_eq!(controller.old_generation_limit(), 150 * MB);
        assert_eq!(controller.trigger(100 * MB), Trigger::None);
    }

    #[test]
    fn a_raised_limit_is_taken_back_when_the_old_generation_fits_again() {
        let mut controller = HeapController::new(&limits(100 * MB, MB));
        controller.raise_max_old_generation(150 * MB);
        assert!(!controller.restore_initial_limit(MB, MB), "nobody asked");
        controller.restore_initial_limit_below(95 * MB);
        assert!(!controller.restore_initial_limit(95 * MB, 96 * MB));
        assert!(
            !controller.restore_initial_limit(94 * MB, 101 * MB),
            "pages"
        );
        assert_eq!(controller.max_old_generation(), 150 * MB);
        assert!(controller.restore_initial_limit(94 * MB, 100 * MB));
        assert_eq!(controller.max_old_generation(), 100 * MB);
        // Once only: the next raise has to ask again.
        controller.raise_max_old_generation(150 * MB);
        assert!(!controller.restore_initial_limit(MB, MB));
    }

    #[test]
    fn external_growth_counts_from_the_last_major_collection() {
        let mut controller = HeapController::new(&limits(100 * MB, MB));
        // Hard at half of the old limit, which also caps the soft one.
        assert_eq!(
            controller.external_pressure(50 * MB),
            ExternalPressure::None
        );
        assert_eq!(
            controller.external_pressure(51 * MB),
            ExternalPressure::Hard
        );
        controller.after_major(&MajorOutcome {
            external_bytes: 45 * MB,
            ..MajorOutcome::default()
        });
        assert_eq!(
            controller.external_pressure(90 * MB),
            ExternalPressure::None
        );
        assert_eq!(
            controller.external_pressure(96 * MB),
            ExternalPressure::Hard
        );
        assert_eq!(controller.external_pressure(0), ExternalPressure::None);
        // What scavenges free lowers the base, what survives them does not raise it.
        for external_bytes in [10 * MB, 40 * MB] {
            controller.after_minor(&MinorOutcome {
                external_bytes,
                ..MinorOutcome::default()
            });
        }
        assert_eq!(
            controller.external_pressure(60 * MB),
            ExternalPressure::None
        );
        assert_eq!(
            controller.external_pressure(61 * MB),
            ExternalPressure::Hard
        );
    }

    #[test]
    fn young_owners_of_two_semi_spaces_are_worth_a_scavenge() {
        let controller = HeapController::new(&limits(100 * MB, 4 * MB));
        assert!(!controller.young_external_is_due(8 * MB - 1, 1));
        assert!(controller.young_external_is_due(8 * MB, 8 * MB));
        assert!(!controller.young_external_is_due(8 * MB, 8 * MB + 1));
    }

    #[test]
    fn scavenges_give_way_when_the_old_generation_could_not_take_the_young() {
        let controller = HeapController::new(&limits(100 * MB, MB));
        assert!(!controller.scavenge_might_not_succeed(99 * MB, MB));
        assert!(controller.scavenge_might_not_succeed(99 * MB, MB + 1));
    }

    #[test]
    fn giving_memory_back_grows_least() {
        let outcome = MajorOutcome {
            old_generation_bytes: 100 * MB,
            ..MajorOutcome::default()
        };
        let mut controller = HeapController::new(&limits(1000 * MB, MB));
        let usual = controller.after_major(&outcome).old_generation_limit;
        let reduced = controller
            .after_major(&MajorOutcome {
                reduce_memory: true,
                ..outcome
            })
            .old_generation_limit;
        assert_eq!(usual, 201 * MB);
        assert_eq!(reduced, (110.0 * MB as f64) as usize + MB);
    }

    #[test]
    fn a_cycle_ends_with_its_collection_or_abandoned() {
        let mut controller = HeapController::new(&limits(100 * MB, MB));
        controller.start_marking(5, MB);
        assert!(controller.schedule().is_some());
        controller.abandon_marking(1);
        assert!(controller.schedule().is_none());
        controller.start_marking(5, MB);
        controller.after_major(&MajorOutcome::default());
        assert!(controller.schedule().is_none());
    }

    #[test]
    fn the_steps_of_an_abandoned_cycle_are_no_time_of_the_program() {
        let utilisation = |abandoned_ns| {
            let mut controller = HeapController::new(&limits(100 * MB, MB));
            for end_ns in [1_000, 2_000] {
                controller.start_marking(0, MB);
                controller.abandon_marking(abandoned_ns);
                controller.after_major(&MajorOutcome {
                    start_ns: end_ns - 100,
                    end_ns,
                    ..MajorOutcome::default()
                });
            }
            controller.current_mu()
        };
        assert_eq!(utilisation(0), 0.9);
        assert_eq!(utilisation(300), 0.6);
    }
}
