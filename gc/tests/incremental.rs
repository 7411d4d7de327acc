//! Incremental marking, compaction and policies under a mutator that checks what it reads.

use heaplab_gc::{
    Budget, CollectionKind, CollectionReason, Compaction, GcEvent, Heap, HeapOptions, Immediate,
    Local, PAGE_SIZE, Policy, Scope, Smi, SpaceName, StepProgress, Stress, VirtualClock,
};
use std::cell::RefCell;
use std::num::NonZeroU32;
use std::rc::Rc;

const MB: usize = 1 << 20;

fn random(r: &mut u32) -> u32 {
    *r ^= *r << 13;
    *r ^= *r >> 17;
    *r ^= *r << 5;
    *r
}

/// A table of lists: each op replaces, extends, moves or drops one; every list names its own numbers.
fn churn<'s, 'h>(
    s: &mut Scope<'s, 'h>,
    table: Local<'s, 'h>,
    model: &mut [Vec<i32>],
    ops: usize,
    r: &mut u32,
) {
    let shape = s.shape("Node", &["value", "next"]).expect("shape");
    for op in 0..ops {
        let i = random(r) as usize % model.len();
        let j = random(r) as usize % model.len();
        s.scope(|t| match random(r) % 8 {
            0 => {
                t.set(table, i, Immediate::Undefined);
                model[i].clear();
            }
            1 => {
                let moved = t.root(t.get(table, j));
                t.set(table, j, Immediate::Undefined);
                t.set(table, i, moved);
                let list = std::mem::take(&mut model[j]);
                model[i] = list;
            }
            2 => {
                let wide = t.array(40).expect("room");
                t.set(wide, 7, t.get(table, i));
                t.set(table, i, t.get(wide, 7));
            }
            _ if model[i].len() < 20 => {
                let next = t.root(t.get(table, i));
                let node = t
                    .object_with(shape, [Smi::wrapping(op as i32).into(), next.into()])
                    .expect("room");
                t.set(table, i, node);
                model[i].push(op as i32);
            }
            _ => {}
        });
    }
}

fn check_lists<'h>(s: &Scope<'_, 'h>, table: Local<'_, 'h>, model: &[Vec<i32>]) {
    for (i, list) in model.iter().enumerate() {
        let mut at = s.get(table, i);
        for &value in list.iter().rev() {
            assert_eq!(s.as_integer(s.get(at, 0)), Some(value), "list {i}");
            at = s.get(at, 1);
        }
        assert!(s.is_undefined(at), "list {i} is longer than its model");
    }
}

fn run(options: HeapOptions, lists: usize, rounds: usize, ops: usize) -> (Heap, Vec<GcEvent>) {
    let events = Rc::new(RefCell::new(Vec::new()));
    let mut heap = Heap::new(options).expect("heap");
    let sink = Rc::clone(&events);
    heap.set_observer(Box::new(move |event: &GcEvent| {
        sink.borrow_mut().push(*event)
    }));
    let mut model = vec![Vec::new(); lists];
    let mut r = 0x9e37_79b9;
    let table = heap.enter(|s| {
        let table = s.array(lists).expect("room");
        s.global(table)
    });
    for _ in 0..rounds {
        heap.enter(|s| {
            let table = s.local(&table);
            churn(s, table, &mut model, ops, &mut r);
            check_lists(s, table, &model);
        });
        heap.verify().expect("verified");
    }
    heap.enter(|s| s.global(s.peek(&table)));
    (heap, events.take())
}

#[test]
fn every_policy_keeps_what_is_reachable() {
    for policy in [Policy::Generational, Policy::MarkSweep, Policy::MarkCompact] {
        for incremental in [false, true] {
            for compaction in Compaction::ALL {
                let mut options = HeapOptions::with_limits(64 * MB, MB).with_policy(policy);
                options.initial_old_space_size = Some(2 * MB);
                options.incremental_marking = incremental;
                options.compaction = compaction;
                let (_, events) = run(options, 20_000, 6, 100_000);
                let majors = events
                    .iter()
                    .filter(|e| e.kind == CollectionKind::Major)
                    .count();
                assert!(
                    majors > 0,
                    "{policy:?} incremental {incremental} {compaction:?}"
                );
                let name = format!("{policy:?} incremental {incremental} {compaction:?}");
                for event in &events {
                    let major = event.kind == CollectionKind::Major;
                    match compaction {
                        Compaction::Never => assert!(!event.compacted, "{name}: {event:?}"),
                        Compaction::Always => {
                            assert_eq!(event.compacted, major, "{name}: {event:?}");
                        }
                        Compaction::Auto => {}
                    }
                    if !incremental {
                        assert!(!event.incremental, "{name}: {event:?}");
                        assert_eq!(event.steps, None, "{name}: {event:?}");
                    }
                    assert!(major || policy == Policy::Generational, "{name}: {event:?}");
                }
                let any = |of: fn(&GcEvent) -> bool| events.iter().any(of);
                assert_eq!(any(|e| e.incremental), incremental, "{name}");
                let minor = any(|e| e.kind == CollectionKind::Minor);
                assert_eq!(minor, policy == Policy::Generational, "{name}");
            }
        }
    }
}

#[test]
fn every_policy_survives_stress_at_every_allocation() {
    for policy in [Policy::Generational, Policy::MarkSweep, Policy::MarkCompact] {
        for incremental in [false, true] {
            for (n, ops) in [(1, 1500), (7, 6000)] {
                let mut options = HeapOptions::with_limits(8 * MB, MB / 4).with_policy(policy);
                options.incremental_marking = incremental;
                let interval = NonZeroU32::new(n).expect("not zero");
                let (_, events) = run(options.with_stress(Stress::every(interval)), 300, 2, ops);
                assert!(
                    events.len() as u32 * n >= ops as u32 / 3,
                    "{policy:?}: only {} collections",
                    events.len()
                );
            }
        }
    }
}

#[test]
fn marking_interleaves_with_the_mutator_and_with_scavenges() {
    let mut options = HeapOptions::with_limits(256 * MB, MB);
    options.initial_old_space_size = Some(12 * MB);
    let (_, events) = run(options, 200_000, 4, 400_000);
    let incremental: Vec<_> = events.iter().filter(|e| e.incremental).collect();
    assert!(!incremental.is_empty());
    assert!(
        incremental
            .iter()
            .any(|e| e.steps.is_some_and(|s| s.steps > 3)),
        "{incremental:?}"
    );
}

#[test]
fn an_embedder_can_drive_a_cycle_in_its_idle_time() {
    let mut heap = Heap::new(HeapOptions::with_limits(64 * MB, MB)).expect("heap");
    let _kept = heap.enter(|s| {
        let array = s.array(100_000).expect("room");
        for i in 0..100_000 {
            s.scope(|t| {
                let n = t.number(i as f64).expect("room");
                t.set(array, i, n);
            });
        }
        s.global(array)
    });
    let budget = Budget {
        bytes: 64 * 1024,
        ns: u64::MAX,
    };
    let mut steps = 0;
    loop {
        match heap.step(budget) {
            StepProgress::Marking => steps += 1,
            StepProgress::Finished => assert!(heap.is_marking()),
            StepProgress::Complete => break,
        }
    }
    assert!(steps >= 10, "{steps} steps");
    assert!(!heap.is_marking());
    heap.verify().expect("verified");
}

#[test]
fn fragmented_pages_are_given_back_by_compaction() {
    for survivors in [10, 50, 90] {
        let mut heap = Heap::new(HeapOptions::with_limits(128 * MB, MB)).expect("heap");
        let kept = heap.enter(|s| {
            let array = s.array(400_000).expect("room");
            for i in 0..400_000 {
                s.scope(|t| {
                    let array_of_ten = t.array(10).expect("room");
                    t.set(array, i, array_of_ten);
                });
            }
            s.global(array)
        });
        heap.collect(CollectionKind::Major, CollectionReason::Testing);
        let full = heap.statistics().total_heap_size;
        heap.enter(|s| {
            let mut r = 7;
            for i in 0..400_000 {
                if random(&mut r) % 100 >= survivors {
                    s.set(s.peek(&kept), i, Immediate::Undefined);
                }
            }
        });
        heap.collect(
            CollectionKind::Major,
            CollectionReason::LowMemoryNotification,
        );
        heap.collect(
            CollectionKind::Major,
            CollectionReason::LowMemoryNotification,
        );
        heap.verify().expect("verified");
        let now = heap.statistics().total_heap_size;
        let share = now as f64 / full as f64;
        assert!(
            share < f64::from(survivors) / 100.0 + 0.15,
            "{survivors} % survivors hold {:.0} % of the pages",
            100.0 * share
        );
    }
}

#[test]
fn the_near_limit_callback_may_raise_the_limit_and_walk() {
    let mut heap = Heap::new(HeapOptions::with_limits(4 * MB, MB)).expect("heap");
    let calls = Rc::new(RefCell::new(Vec::new()));
    let log = Rc::clone(&calls);
    heap.set_near_limit_callback(move |near| {
        let objects = near.walk(|w| w.object_count()).expect("ids");
        let limit = near.current_limit();
        log.borrow_mut().push((limit, objects));
        if log.borrow().len() < 3 {
            near.raise_to(2 * limit);
        }
    });
    heap.enter(|s| {
        let shape = s.shape("Link", &["next"]).expect("shape");
        let head = s.root(Immediate::Undefined);
        let mut links = 0;
        while s
            .scope(|t| {
                let link = t.object_with(shape, [head.into()])?;
                t.assign(head, link);
                Ok::<(), heaplab_gc::HeapLimitReached>(())
            })
            .is_ok()
        {
            links += 1;
        }
        let calls = calls.borrow();
        assert_eq!(
            calls.iter().map(|c| c.0 / MB).collect::<Vec<_>>(),
            [4, 8, 16]
        );
        assert!(
            calls[2].1 <= links && calls[2].1 > 900_000,
            "{calls:?} {links}"
        );
    });
}

#[test]
fn without_collection_a_heap_fills_to_its_limit() {
    let mut heap =
        Heap::new(HeapOptions::with_limits(4 * MB, MB).with_policy(Policy::None)).expect("heap");
    heap.enter(|s| {
        let mut bytes = 0;
        while let Ok(size) = s.scope(|t| t.array(10).map(|a| t.size_of(a))) {
            bytes += size;
        }
        assert!(bytes > 3 * MB && bytes <= 4 * MB, "{bytes}");
    });
}

/// A quarter survives, spread over all pages, twice what the evacuation reserve holds: one round is not enough.
#[test]
fn a_whole_heap_compaction_goes_on_with_the_pages_it_has_won() {
    const ARRAYS: usize = 40_000;
    let mut options = HeapOptions::with_limits(128 * MB, MB);
    options.incremental_marking = false;
    let mut heap = Heap::new(options).expect("heap");
    let table = heap.enter(|s| {
        let table = s.array(ARRAYS).expect("room");
        for i in 0..ARRAYS {
            s.scope(|t| {
                let array = t.array(200).expect("room");
                t.set(array, 0, Smi::wrapping(i as i32));
                t.set(table, i, array);
            });
        }
        for i in (0..ARRAYS).filter(|i| i % 4 != 0) {
            s.set(table, i, Immediate::Undefined);
        }
        s.global(table)
    });
    let pages = |heap: &Heap| -> u64 {
        let spaces = heap.space_statistics();
        spaces
            .iter()
            .filter(|space| space.space == SpaceName::Old)
            .map(|space| space.space_size)
            .sum()
    };
    let full = pages(&heap);
    heap.collect(
        CollectionKind::Major,
        CollectionReason::LowMemoryNotification,
    );
    heap.verify().expect("sound");
    let after = pages(&heap);
    assert!(full > 30 * MB as u64, "{full}");
    assert!(after < 10 * MB as u64, "{after}");
    heap.enter(|s| {
        for i in (0..ARRAYS).step_by(4) {
            let array = s.get(s.peek(&table), i);
            assert_eq!(s.as_integer(s.get(array, 0)), Some(i as i32));
        }
    });
}

/// Steps are bounded on the virtual clock, whatever they meet: an array whose elements are all marked, a young
/// generation full of survivors, pages that the last cycle left to sweep.
#[test]
#[cfg_attr(
    heaplab_tiny,
    ignore = "the tiny mark stack overflows between any two steps: rescans are not cut there"
)]
fn no_step_lasts_much_longer_than_its_budget() {
    const ELEMENTS: usize = 4 * MB;
    let options = HeapOptions::with_limits(512 * MB, 16 * MB);
    let events = Rc::new(RefCell::new(Vec::new()));
    let sink = Rc::clone(&events);
    let mut heap = Heap::with_clock(options, Box::new(VirtualClock::new())).expect("heap");
    heap.set_observer(Box::new(move |event: &GcEvent| {
        sink.borrow_mut().push(*event)
    }));
    heap.enter(|s| {
        let wide = s.array(ELEMENTS).expect("room");
        let shared = s.array(4).expect("room");
        for i in 0..ELEMENTS {
            s.set(wide, i, shared);
        }
        let ring = s.array(200_000).expect("room");
        for i in 0..1_500_000 {
            s.scope(|t| {
                let node = t.array(6).expect("room");
                t.set(node, 0, wide);
                t.set(ring, i * 7 % 200_000, node);
            });
        }
    });
    heap.verify().expect("sound");
    let events = events.borrow();
    let steps: Vec<_> = events.iter().filter_map(|e| e.steps).collect();
    assert!(steps.len() > 1, "{} collections", events.len());
    for step in steps {
        assert!(step.steps > 10, "{step:?}");
        assert!(step.longest_ns < 1_100_000, "{step:?}");
    }
}

/// One page, a tenth of it live: what is moved would fill a page again.
#[test]
fn a_compaction_that_wins_no_page_is_abandoned() {
    let compacted = |arrays: usize, compaction, reason| {
        let mut options = HeapOptions::with_limits(64 * MB, MB);
        options.compaction = compaction;
        let events = Rc::new(RefCell::new(Vec::new()));
        let mut heap = Heap::new(options).expect("heap");
        let log = Rc::clone(&events);
        heap.set_observer(Box::new(move |e: &GcEvent| {
            log.borrow_mut().push(e.compacted)
        }));
        let table = heap.enter(|s| {
            let table = s.array(arrays).expect("room");
            for i in 0..arrays {
                s.scope(|t| {
                    let array = t.array(60).expect("room");
                    t.set(table, i, array);
                });
            }
            s.global(table)
        });
        // Promotes all.
        heap.collect(CollectionKind::Major, CollectionReason::Testing);
        heap.enter(|s| {
            for i in (0..arrays).filter(|i| i % 10 != 0) {
                s.set(s.peek(&table), i, Immediate::Undefined);
            }
        });
        heap.collect(CollectionKind::Major, reason);
        heap.verify().expect("sound");
        events.take().last().copied()
    };
    let one_page = PAGE_SIZE / 2 / 256;
    for reason in [
        CollectionReason::Testing,
        CollectionReason::ExternalMemoryPressure,
        CollectionReason::LowMemoryNotification,
    ] {
        assert_eq!(compacted(one_page, Compaction::Auto, reason), Some(false));
        assert_eq!(compacted(one_page, Compaction::Always, reason), Some(true));
        assert_eq!(compacted(one_page, Compaction::Never, reason), Some(false));
        // Eight pages make one.
        let eight = 16 * one_page;
        assert_eq!(compacted(eight, Compaction::Auto, reason), Some(true));
        assert_eq!(compacted(eight, Compaction::Never, reason), Some(false));
    }
}

/// Marking in vain is work all the same: for a snapshot, and in a collection that begins afresh.
#[test]
fn the_next_collection_tells_of_the_steps_of_abandoned_cycles() {
    let events = Rc::new(RefCell::new(Vec::<GcEvent>::new()));
    let log = Rc::clone(&events);
    let options = HeapOptions::with_limits(64 * MB, MB);
    let mut heap = Heap::with_clock(options, Box::new(VirtualClock::new())).expect("heap");
    heap.set_observer(Box::new(move |e: &GcEvent| log.borrow_mut().push(*e)));
    let _list = heap.enter(|s| {
        let list = s.array(50_000).expect("room");
        for i in 0..50_000 {
            s.scope(|t| {
                let array = t.array(20).expect("room");
                t.set(list, i, array);
            });
        }
        s.global(list)
    });
    heap.collect(CollectionKind::Major, CollectionReason::Testing);
    let last = || *events.borrow().last().expect("an event");
    assert_eq!(last().abandoned_steps, None);
    let begin = |heap: &mut Heap| {
        for _ in 0..5 {
            let budget = Budget {
                bytes: 100_000,
                ns: u64::MAX,
            };
            assert_eq!(heap.step(budget), StepProgress::Marking);
        }
        assert!(heap.is_marking());
    };
    // Two cycles end in snapshots: a minor collection tells of both.
    begin(&mut heap);
    heap.walk(|walk| walk.object_count()).expect("ids");
    assert!(!heap.is_marking());
    begin(&mut heap);
    heap.walk(|walk| walk.object_count()).expect("ids");
    heap.collect(CollectionKind::Minor, CollectionReason::Testing);
    let steps = last().abandoned_steps.expect("steps");
    // Of each cycle five, and those that swept and began.
    assert!(steps.steps >= 10, "{steps:?}");
    assert!(
        steps.longest_ns > 0 && steps.total_ns > 2 * steps.longest_ns,
        "{steps:?}"
    );
    assert!(steps.wall_ns >= steps.total_ns / 2, "{steps:?}");
    assert_eq!(last().steps, None);
    // A compaction of the whole heap begins afresh.
    begin(&mut heap);
    heap.collect(
        CollectionKind::Major,
        CollectionReason::LowMemoryNotification,
    );
    assert!(!last().incremental);
    assert!(last().abandoned_steps.is_some_and(|s| s.steps >= 5));
    // The final pause of a cycle has its own steps only.
    begin(&mut heap);
    heap.collect(CollectionKind::Major, CollectionReason::Testing);
    assert!(last().incremental && last().steps.is_some());
    assert_eq!(last().abandoned_steps, None);
    heap.verify().expect("sound");
}
