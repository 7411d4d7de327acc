//! Limits: each is an error that says what it was, and leaves a heap that works.

use heaplab_gc::{
    CollectionKind, CollectionReason, GcEvent, Heap, HeapError, HeapLimitReached, HeapOptions,
    Limit, OptionsError, PAGE_SIZE, Policy, Scope,
};
use std::cell::RefCell;
use std::process::Command;
use std::rc::Rc;

const MB: usize = 1 << 20;

fn heap(options: HeapOptions) -> Heap {
    Heap::new(options).expect("heap")
}

/// Fills slots of an array with arrays of `length` until the heap refuses; returns how many, and why not more.
fn fill(s: &mut Scope<'_, '_>, length: usize) -> (usize, HeapLimitReached) {
    let keep = s.array(100_000).expect("room for the first");
    for n in 0..100_000 {
        let full = s.scope(|t| match t.array(length) {
            Ok(array) => {
                t.set(keep, n, array);
                None
            }
            Err(reached) => Some(reached),
        });
        if let Some(reached) = full {
            return (n, reached);
        }
    }
    panic!("100,000 arrays of {length} elements fit");
}

#[test]
fn the_old_limit_says_what_was_live_and_what_was_tried() {
    for policy in [Policy::Generational, Policy::MarkSweep, Policy::MarkCompact] {
        let mut heap = heap(HeapOptions::with_limits(8 * MB, MB).with_policy(policy));
        heap.enter(|s| {
            let (n, reached) = s.scope(|t| fill(t, 100));
            let details = reached.details();
            assert_eq!(details.limit, Limit::OldSpace, "{reached}");
            assert_eq!(details.limit_bytes, 8 * MB);
            assert!(
                details.live >= n * 400 && details.live <= 11 * MB,
                "{reached}"
            );
            assert!(details.major_collections >= 1, "{reached}");
            assert!(
                reached.to_string().contains("max old space size (8.0 MB)"),
                "{reached}"
            );
            // What was kept is garbage now: as much fits again.
            let (again, _) = s.scope(|t| fill(t, 100));
            assert!(again * 10 >= n * 9, "{policy:?}: {again} after {n}");
        });
        heap.verify().expect("sound");
    }
}

#[test]
fn large_objects_are_refused_by_the_old_limit_and_by_their_size() {
    let mut heap = heap(HeapOptions::with_limits(8 * MB, MB));
    heap.enter(|s| {
        let reached = s.array(4 * MB).expect_err("16 MB do not fit");
        assert_eq!(reached.details().limit, Limit::OldSpace);
        assert_eq!(reached.details().requested, 16 + 16 * MB);
        for reached in [
            s.bytes(usize::MAX).expect_err("no object is that large"),
            s.bytes(5 << 30).expect_err("no object is that large"),
            s.array(usize::MAX).expect_err("no object is that large"),
            s.array(1 << 30).expect_err("no object is that large"),
        ] {
            assert_eq!(reached.details().limit, Limit::ObjectSize, "{reached}");
        }
        let array = s.array(MB).expect("4 MB fit");
        assert_eq!(s.slot_count(array), MB);
    });
    heap.verify().expect("sound");
}

#[test]
fn fragments_of_the_old_space_are_no_room_for_large_objects_until_they_are_moved() {
    let mut heap = heap(HeapOptions::with_limits(16 * PAGE_SIZE, PAGE_SIZE));
    heap.enter(|s| {
        // Every second one of many objects survives: half of each page is free, no page is.
        let count = 12 * PAGE_SIZE / 416;
        let keep = s.array(count).expect("room");
        for n in 0..count {
            s.scope(|t| {
                let array = t.array(100).expect("room");
                t.set(keep, n, array);
            });
        }
        for n in (0..count).step_by(2) {
            s.set(keep, n, heaplab_gc::Immediate::Undefined);
        }
        let large = s.array(5 * PAGE_SIZE / 4).expect("compaction makes room");
        s.set(large, 0, keep);
        for n in (1..count).step_by(2) {
            assert_eq!(s.slot_count(s.get(keep, n)), 100);
        }
    });
    heap.verify().expect("sound");
}

#[test]
fn impossible_options_are_refused_by_the_heap_too() {
    for (options, name) in [
        (HeapOptions::with_limits(8 * MB, 0), "max-semi-space-size"),
        (
            HeapOptions::with_limits(PAGE_SIZE - 1, MB),
            "max-old-space-size",
        ),
        (HeapOptions::with_limits(17 << 30, MB), "max-old-space-size"),
    ] {
        match Heap::new(options) {
            Err(HeapError::Options(
                OptionsError::TooSmall { option, .. } | OptionsError::TooLarge { option, .. },
            )) => assert_eq!(option, name),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn semi_spaces_grow_with_survivors_and_not_without() {
    let mut heap = heap(HeapOptions::with_limits(256 * MB, 8 * MB));
    let capacity = Rc::new(RefCell::new(0));
    let sink = Rc::clone(&capacity);
    heap.set_observer(Box::new(move |event: &GcEvent| {
        *sink.borrow_mut() = event.semi_space_capacity;
    }));
    heap.enter(|s| {
        for _ in 0..50_000 {
            s.scope(|t| t.array(100).map(|_| ())).expect("room");
        }
        assert_eq!(*capacity.borrow(), MB as u64, "20 MB of garbage");
        let keep = s.array(100_000).expect("room");
        for n in 0..100_000 {
            s.scope(|t| {
                let array = t.array(100).expect("room");
                t.set(keep, n, array);
            });
        }
    });
    assert_eq!(*capacity.borrow(), 8 * MB as u64, "40 MB of survivors");
}

// --- the system's own limits -----------------------------------------------------------------------------

/// Runs one ignored test of this file in a process of its own under `ulimit`.
fn under_ulimit(ulimit: &str, test: &str) {
    let program = std::env::current_exe().expect("this program");
    let output = Command::new("sh")
        .arg("-c")
        .arg(format!(
            "{ulimit} && exec \"$0\" --ignored --exact {test} --nocapture"
        ))
        .arg(program)
        .env("RUST_BACKTRACE", "0")
        .output()
        .expect("a shell");
    let text = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(
        output.status.success() && text.contains("1 passed"),
        "{text}"
    );
}

#[test]
#[cfg(target_os = "linux")]
fn less_address_space_gives_a_smaller_cage_or_an_error() {
    // 1 GB of addresses.
    under_ulimit("ulimit -v 1048576", "child_with_little_address_space");
}

#[test]
#[ignore = "needs a limit of its parent's"]
fn child_with_little_address_space() {
    let mut small = heap(HeapOptions::with_limits(64 * MB, MB));
    small.enter(|s| {
        let (n, reached) = s.scope(|t| fill(t, 1000));
        assert_eq!(reached.details().limit, Limit::OldSpace, "{reached}");
        assert!(n * 4000 > 50 * MB);
    });
    small.verify().expect("sound");
    match Heap::new(HeapOptions::with_limits(4 << 30, 16 * MB)) {
        Err(error @ HeapError::Reserve { .. }) => {
            assert!(error.to_string().contains("ulimit -v"), "{error}");
        }
        other => panic!("4 GB in 1 GB of addresses: {other:?}"),
    }
}

#[test]
#[cfg(target_os = "linux")]
fn memory_that_the_system_refuses_is_an_error_that_says_so() {
    // 2 GB of addresses, 200 MB of private writable memory, the tables of the cage included.
    under_ulimit(
        "ulimit -v 2097152 && ulimit -d 200000",
        "child_with_little_memory",
    );
}

#[test]
#[ignore = "needs a limit of its parent's"]
fn child_with_little_memory() {
    let mut heap = match Heap::new(HeapOptions::with_limits(512 * MB, MB)) {
        Ok(heap) => heap,
        Err(HeapError::Reserve { .. } | HeapError::Commit { .. }) => return,
        Err(error) => panic!("{error}"),
    };
    heap.enter(|s| {
        let (n, reached) = s.scope(|t| fill(t, 1000));
        assert_eq!(reached.details().limit, Limit::System, "{reached}");
        assert!(reached.details().major_collections > 0, "{reached}");
        // All of it is garbage now, and the heap still works.
        let (again, _) = s.scope(|t| fill(t, 1000));
        assert!(again * 10 >= n * 9, "{again} after {n}");
    });
    heap.collect(
        CollectionKind::Major,
        CollectionReason::LowMemoryNotification,
    );
    heap.verify().expect("sound");
}
