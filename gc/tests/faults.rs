//! Faults from outside: the system refuses memory, a callback panics, the limit is hit in the middle of a
//! promotion. After each the verifier agrees, the error says what happened, and the heap goes on.

use heaplab_gc::testing::{Program, refuse, requests, run_on};
use heaplab_gc::{
    Budget, CollectionKind, CollectionReason, Compaction, GcEvent, Global, Heap, HeapError,
    HeapLimitReached, HeapOptions, Immediate, Limit, PAGE_SIZE, Policy, RootCell, RootProvider,
    RootVisitor, Smi,
};
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::Command;
use std::rc::Rc;

/// With tiny pages everything is as many times smaller.
const SCALE: usize = if cfg!(heaplab_tiny) { 32 } else { 1 };
const KB: usize = (1 << 10) / SCALE;
const MB: usize = (1 << 20) / SCALE;
/// Length of an array that owns its pages.
const LARGE: usize = 60_000 / SCALE;
const POLICIES: [Policy; 4] = [
    Policy::Generational,
    Policy::MarkSweep,
    Policy::MarkCompact,
    Policy::None,
];

/// A heap that commits what it needs bit by bit.
fn options(policy: Policy) -> HeapOptions {
    let mut options = HeapOptions::with_limits(24 * MB, 2 * MB).with_policy(policy);
    options.initial_semi_space_size = Some(PAGE_SIZE.min(512 * KB));
    options
}

/// Keeps lists of arrays until `bytes` are in use: names the error of the allocation that failed.
fn grow(heap: &mut Heap, kept: &Global, bytes: usize) -> Result<(), HeapLimitReached> {
    grow_with(heap, kept, bytes, 50)
}

/// The same; every how many arrays one owns its pages.
fn grow_with(
    heap: &mut Heap,
    kept: &Global,
    bytes: usize,
    large_every: i32,
) -> Result<(), HeapLimitReached> {
    heap.enter(|s| {
        let mut used = 0;
        let mut number = 0;
        while used < bytes {
            s.scope(|t| {
                let large = number % large_every == large_every - 1;
                let length = if large { LARGE } else { 200 };
                let array = t.array(length)?;
                t.set(array, 0, t.peek(kept));
                t.set(array, 1, Smi::wrapping(number));
                t.set_global(kept, array);
                used += 4 * length;
                number += 1;
                Ok(())
            })?;
        }
        Ok(())
    })
}

/// The lists are whole: numbers fall by one to zero. Returns how many arrays there are.
fn check(heap: &mut Heap, kept: &Global) -> i64 {
    heap.enter(|s| {
        let at = s.local(kept);
        let mut expected: Option<i32> = None;
        let mut count = 0;
        while s.as_integer(at).is_none() && s.slot_count(at) > 0 {
            let number = s.as_integer(s.get(at, 1)).expect("a number");
            if let Some(expected) = expected {
                assert_eq!(number, expected);
            }
            expected = Some(number - 1);
            count += 1;
            let next = s.root(s.get(at, 0));
            s.assign(at, next);
        }
        assert!(
            expected.is_none_or(|e| e == -1),
            "the list ends at {expected:?}"
        );
        count
    })
}

fn empty(heap: &mut Heap) -> Global {
    // An integer ends a list.
    heap.enter(|s| s.global(Smi::wrapping(0)))
}

fn collect(heap: &mut Heap, kind: CollectionKind) {
    heap.collect(kind, CollectionReason::Testing);
}

// --- the system refuses memory -----------------------------------------------------------------------------

#[test]
fn every_request_for_memory_may_be_refused_once_or_for_good() {
    let mut points = 0;
    for policy in POLICIES {
        for for_good in [false, true] {
            let mut number = 0;
            loop {
                refuse(number..if for_good { u64::MAX } else { number + 1 });
                let made = match Heap::new(options(policy)) {
                    Err(error @ (HeapError::Reserve { .. } | HeapError::Commit { .. })) => {
                        assert!(error.to_string().contains("the system"), "{error}");
                        requests()
                    }
                    Err(error) => panic!("{policy:?}, request {number}: {error}"),
                    Ok(mut heap) => grow_beyond_refusals(&mut heap, policy, number),
                };
                refuse(0..0);
                if made <= number {
                    break;
                }
                points += 1;
                number += 1;
            }
            println!("{policy:?}, for good: {for_good}: {number} requests");
        }
    }
    println!("{points} fault points");
    assert!(points > 80, "{points}");
}

/// Returns how many requests were made while some were refused.
fn grow_beyond_refusals(heap: &mut Heap, policy: Policy, number: u64) -> u64 {
    let kept = empty(heap);
    let grown = grow(heap, &kept, 12 * MB);
    heap.verify()
        .unwrap_or_else(|e| panic!("{policy:?}, request {number}: {e}"));
    let count = check(heap, &kept);
    if let Err(reached) = grown {
        assert_eq!(
            reached.details().limit,
            Limit::System,
            "{policy:?}, request {number}: {reached}"
        );
        assert!(reached.to_string().contains("memory the system gives"));
    } else {
        assert!(count > 1000 / SCALE as i64);
    }
    let all = requests();
    // Once the system gives again, so does the heap.
    refuse(0..0);
    heap.enter(|s| s.set_global(&kept, Smi::wrapping(0)));
    collect(heap, CollectionKind::Major);
    collect(heap, CollectionKind::Major);
    heap.verify().expect("sound");
    let room = if policy == Policy::None {
        2 * MB
    } else {
        12 * MB
    };
    grow(heap, &kept, room).expect("room again");
    assert!(check(heap, &kept) > 100 / SCALE as i64);
    heap.verify().expect("sound");
    all
}

#[test]
fn a_refused_promotion_names_the_system() {
    for policy in POLICIES {
        let mut heap = Heap::new(options(policy)).expect("heap");
        let kept = empty(&mut heap);
        refuse(2..u64::MAX);
        let reached = grow_with(&mut heap, &kept, usize::MAX, i32::MAX).expect_err("no room");
        refuse(0..0);
        assert_eq!(
            reached.details().limit,
            Limit::System,
            "{policy:?}: {reached}"
        );
        heap.verify().expect("sound");
        check(&mut heap, &kept);
        grow_with(&mut heap, &kept, MB, i32::MAX).expect("room again");
        heap.verify().expect("sound");
    }
}

/// The page that an evacuation could not finish keeps what had not left it; those that had leave gaps, since
/// nothing could walk over their forwarded headers.
#[test]
fn an_evacuation_without_memory_leaves_a_page_that_can_be_walked() {
    let mut aborted = 0;
    // However full the last group is when memory ends, some of these stop in the middle of a page.
    for filler in 0..8 {
        let mut options = options(Policy::Generational);
        options.compaction = Compaction::Always;
        options.incremental_marking = false;
        let mut heap = Heap::new(options).expect("heap");
        let count = 2 * MB / 400 + filler * PAGE_SIZE / 400;
        let kept = heap.enter(|s| {
            let table = s.array(count).expect("room");
            for i in 0..count {
                s.scope(|t| {
                    let array = t.array(90 + i % 7).expect("room");
                    t.set(table, i, array);
                });
            }
            s.global(table)
        });
        collect(&mut heap, CollectionKind::Minor);
        collect(&mut heap, CollectionKind::Minor);
        heap.enter(|s| {
            let table = s.local(&kept);
            for i in (0..count).step_by(8) {
                s.set(table, i, Immediate::Null);
            }
        });
        refuse(0..u64::MAX);
        for _ in 0..3 {
            collect(&mut heap, CollectionKind::Major);
            heap.verify().expect("sound");
        }
        aborted += u64::from(requests() > 0);
        refuse(0..0);
        collect(&mut heap, CollectionKind::Major);
        heap.verify().expect("sound");
        heap.enter(|s| {
            let table = s.local(&kept);
            for i in (0..count).filter(|i| i % 8 != 0) {
                assert_eq!(s.slot_count(s.get(table, i)), 90 + i % 7);
            }
        });
    }
    assert!(aborted > 0, "no evacuation ran out of memory");
}

#[test]
fn op_programs_agree_with_their_model_while_the_system_refuses() {
    let mut points = 0;
    let mut refused = 0;
    for policy in POLICIES {
        for (seed, range) in [
            (1u64, 0..1),
            (2, 1..3),
            (3, 0..4),
            (4, 0..u64::MAX),
            (5, 2..u64::MAX),
        ] {
            let mut heap = Heap::new(options(policy)).expect("heap");
            let first = range.start;
            refuse(range);
            let outcome = run_on(&Program::random(seed, 3_000), &mut heap)
                .unwrap_or_else(|failure| panic!("{policy:?}, seed {seed}: {failure}"));
            points += requests().saturating_sub(first);
            refused += outcome.refused;
            refuse(0..0);
        }
    }
    println!("{points} requests refused, {refused} allocations failed");
    assert!(points > 0);
}

#[test]
fn the_limit_in_the_middle_of_a_promotion_keeps_survivors_young() {
    let mut options = HeapOptions::with_limits(4 * PAGE_SIZE, 2 * MB);
    options.incremental_marking = false;
    let mut heap = Heap::new(options).expect("heap");
    let failed = Rc::new(Cell::new(0));
    let counter = Rc::clone(&failed);
    heap.set_observer(Box::new(move |event: &GcEvent| {
        counter.set(counter.get() + event.promotion_failed_bytes);
    }));
    let kept = empty(&mut heap);
    let reached = heap
        .enter(|s| {
            for number in 0.. {
                s.scope(|t| {
                    let array = t.array(200)?;
                    t.set(array, 0, t.peek(&kept));
                    t.set(array, 1, Smi::wrapping(number));
                    t.set_global(&kept, array);
                    Ok(())
                })?;
            }
            Ok::<(), HeapLimitReached>(())
        })
        .expect_err("no room for ever");
    assert!(failed.get() > 0, "no promotion failed");
    assert_eq!(reached.details().limit, Limit::OldSpace);
    assert!(reached.details().major_collections > 0);
    heap.verify().expect("sound");
    assert!(check(&mut heap, &kept) > 1000 / SCALE as i64);
    heap.enter(|s| s.set_global(&kept, Smi::wrapping(0)));
    grow(&mut heap, &kept, 2 * PAGE_SIZE).expect("room again");
    check(&mut heap, &kept);
    heap.verify().expect("sound");
}

// --- foreign code panics -----------------------------------------------------------------------------------

/// What a panic is recognised by.
const MESSAGE: &str = "thrown by the test";

fn is_ours(panic: &(dyn std::any::Any + Send)) -> bool {
    panic.downcast_ref::<&str>() == Some(&MESSAGE)
}

/// Runs `work` and says whether it ended by a panic of ours.
fn panics(heap: &mut Heap, work: impl FnOnce(&mut Heap)) -> bool {
    match catch_unwind(AssertUnwindSafe(|| work(heap))) {
        Ok(()) => false,
        Err(panic) if is_ours(&*panic) => true,
        Err(panic) => std::panic::resume_unwind(panic),
    }
}

/// Collections of all kinds in allocations, in steps and on demand.
fn churn(heap: &mut Heap, kept: &Global) {
    for round in 0..6 {
        heap.enter(|s| s.set_global(kept, Smi::wrapping(0)));
        grow(heap, kept, 3 * MB).expect("room");
        if round % 2 == 0 {
            collect(heap, CollectionKind::Minor);
            collect(heap, CollectionKind::Major);
        } else {
            let budget = Budget {
                bytes: 64 * KB,
                ns: u64::MAX,
            };
            for _ in 0..30 {
                heap.step(budget);
            }
        }
    }
}

#[test]
fn an_observer_may_panic_at_every_event() {
    let mut points = 0;
    for policy in [Policy::Generational, Policy::MarkSweep, Policy::MarkCompact] {
        for number in 0.. {
            let mut heap = Heap::new(options(policy)).expect("heap");
            let events = Rc::new(Cell::new(0));
            let seen = Rc::clone(&events);
            heap.set_observer(Box::new(move |_: &GcEvent| {
                seen.set(seen.get() + 1);
                if seen.get() == number + 1 {
                    std::panic::panic_any(MESSAGE);
                }
            }));
            let kept = empty(&mut heap);
            let panicked = panics(&mut heap, |heap| churn(heap, &kept));
            heap.verify()
                .unwrap_or_else(|e| panic!("{policy:?}, event {number}: {e}"));
            if !panicked {
                break;
            }
            points += 1;
            check(&mut heap, &kept);
            churn(&mut heap, &kept);
            check(&mut heap, &kept);
            heap.verify().expect("sound");
        }
    }
    println!("{points} fault points");
    assert!(points > 20, "{points}");
}

struct Explosive(Rc<Cell<bool>>);

impl Drop for Explosive {
    fn drop(&mut self) {
        if self.0.replace(false) {
            std::panic::panic_any(MESSAGE);
        }
    }
}

#[test]
fn a_payload_may_panic_when_it_is_dropped() {
    for policy in [Policy::Generational, Policy::MarkSweep, Policy::MarkCompact] {
        for kind in [CollectionKind::Minor, CollectionKind::Major] {
            let mut heap = Heap::new(options(policy)).expect("heap");
            let fuses: Vec<_> = (0..10).map(|_| Rc::new(Cell::new(false))).collect();
            let survivor = heap.enter(|s| {
                for fuse in &fuses {
                    let payload = Box::new(Explosive(Rc::clone(fuse)));
                    s.scope(|t| t.external(100, Some(payload)).map(drop))
                        .expect("room");
                }
                let survivor = s.external(100, Some(Box::new(1u8))).expect("room");
                s.global(survivor)
            });
            fuses[4].set(true);
            let kind = match policy {
                Policy::Generational => kind,
                _ => CollectionKind::Major,
            };
            assert!(panics(&mut heap, |heap| collect(heap, kind)));
            heap.verify().expect("sound");
            // The others were dropped all the same.
            assert!(fuses.iter().all(|fuse| Rc::strong_count(fuse) == 1));
            assert_eq!(heap.sizes().external, 100);
            let kept = empty(&mut heap);
            churn(&mut heap, &kept);
            heap.enter(|s| assert!(s.external_payload::<u8>(s.peek(&survivor)).is_some()));
        }
    }
}

#[test]
fn a_near_limit_callback_may_panic() {
    for policy in POLICIES {
        let mut heap = Heap::new(options(policy)).expect("heap");
        heap.set_near_limit_callback(|near| {
            near.walk(|walk| assert!(walk.object_count() > 0))
                .expect("ids");
            std::panic::panic_any(MESSAGE);
        });
        let kept = empty(&mut heap);
        assert!(panics(&mut heap, |heap| {
            grow(heap, &kept, usize::MAX).expect("never returns");
        }));
        heap.verify().expect("sound");
        assert!(check(&mut heap, &kept) > 1000 / SCALE as i64);
        // The callback is gone; the next failure is an error, after collections were tried.
        let reached = grow(&mut heap, &kept, usize::MAX).expect_err("full");
        assert_eq!(reached.details().limit, Limit::OldSpace);
        if policy != Policy::None {
            assert!(reached.details().major_collections > 0, "{reached}");
        }
        heap.verify().expect("sound");
        if policy != Policy::None {
            heap.enter(|s| s.set_global(&kept, Smi::wrapping(0)));
            churn(&mut heap, &kept);
            heap.verify().expect("sound");
        }
    }
}

#[test]
fn the_body_of_a_walk_may_panic() {
    for policy in POLICIES {
        let mut heap = Heap::new(options(policy)).expect("heap");
        let kept = empty(&mut heap);
        grow(&mut heap, &kept, 2 * MB).expect("room");
        let mut ids = Vec::new();
        assert!(panics(&mut heap, |heap| {
            heap.walk(|walk| {
                ids.extend(walk.objects().map(|object| walk.id(object)));
                std::panic::panic_any(MESSAGE);
            })
            .expect("ids");
        }));
        heap.verify().expect("sound");
        grow(&mut heap, &kept, 2 * MB).expect("room");
        // Ids given before the panic stay with their objects, and are not given again.
        let again: Vec<u32> = heap
            .walk(|walk| walk.objects().map(|object| walk.id(object)).collect())
            .expect("ids");
        let unique: std::collections::HashSet<u32> = again.iter().copied().collect();
        assert_eq!(unique.len(), again.len());
        assert!(ids.iter().all(|id| unique.contains(id)));
        heap.verify().expect("sound");
        collect(&mut heap, CollectionKind::Major);
        heap.verify().expect("sound");
    }
}

// --- what cannot be survived -------------------------------------------------------------------------------

struct BadProvider {
    cell: RootCell,
    armed: bool,
}

// SAFETY: the one cell is shown until the provider panics, which ends the process.
unsafe impl RootProvider for BadProvider {
    fn name(&self) -> &str {
        "(Bad provider)"
    }

    fn visit(&mut self, visitor: &mut RootVisitor<'_>) {
        visitor.cell(&mut self.cell);
        assert!(!self.armed, "{MESSAGE}");
    }
}

/// Runs in a child process: a root provider panics in the middle of a collection.
#[test]
#[ignore = "the child process of the next test"]
fn child_whose_provider_panics() {
    let mut heap = Heap::new(options(Policy::Generational)).expect("heap");
    let cell = heap.enter(|s| s.cell(Immediate::Null));
    let provider = Rc::new(RefCell::new(BadProvider { cell, armed: false }));
    heap.add_root_provider(provider.clone());
    collect(&mut heap, CollectionKind::Minor);
    provider.borrow_mut().armed = true;
    let _ = catch_unwind(AssertUnwindSafe(|| {
        collect(&mut heap, CollectionKind::Minor);
    }));
    println!("SURVIVED");
}

#[test]
#[cfg_attr(
    feature = "seeded-bugs",
    ignore = "with seeded bugs the panic of a broken collector is shown instead"
)]
fn a_panic_inside_a_pause_ends_the_process() {
    let output = Command::new(std::env::current_exe().expect("the test's own path"))
        .args([
            "--ignored",
            "--exact",
            "child_whose_provider_panics",
            "--nocapture",
        ])
        .output()
        .expect("the child starts");
    let (out, err) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(!output.status.success());
    assert!(!out.contains("SURVIVED"), "{out}");
    assert!(err.contains(MESSAGE), "{err}");
    assert!(err.contains("inside a garbage collection"), "{err}");
}
