//! Memory outside the heap: what it starts and forces, and its own limit.

use heaplab_gc::{
    CollectionKind, CollectionReason, GcEvent, Heap, HeapOptions, Limit, Policy, Scope,
};
use std::cell::RefCell;
use std::rc::Rc;

const KB: usize = 1 << 10;
const MB: usize = 1 << 20;

fn heap(options: HeapOptions) -> Heap {
    Heap::new(options).expect("heap")
}

/// A heap that writes its collections down.
fn watched(options: HeapOptions) -> (Heap, Rc<RefCell<Vec<GcEvent>>>) {
    let events = Rc::new(RefCell::new(Vec::new()));
    let sink = Rc::clone(&events);
    let mut heap = heap(options);
    heap.set_observer(Box::new(move |event: &GcEvent| {
        sink.borrow_mut().push(*event);
    }));
    (heap, events)
}

/// Makes so many stores of so many bytes, one after the other, each garbage at once.
fn waste(s: &mut Scope<'_, '_>, stores: usize, bytes: usize) {
    for _ in 0..stores {
        s.scope(|t| t.external(bytes, None).map(drop))
            .expect("room");
    }
}

#[test]
fn external_bytes_have_a_limit_of_their_own() {
    let mut options = HeapOptions::with_limits(64 * MB, MB);
    options.max_external_memory = Some(10 * MB);
    let mut heap = heap(options);
    heap.enter(|s| {
        let kept = s.external(6 * MB, None).expect("room");
        // Garbage is collected for it.
        s.scope(|t| t.external(4 * MB, None).map(|_| ()))
            .expect("room");
        s.scope(|t| t.external(4 * MB, None).map(|_| ()))
            .expect("room after a collection");
        for bytes in [5 * MB, usize::MAX] {
            let reached = s.external(bytes, None).expect_err("over the limit");
            assert_eq!(reached.details().limit, Limit::External, "{reached}");
            assert_eq!(reached.details().limit_bytes, 10 * MB);
            assert!(reached.details().major_collections > 0, "{reached}");
        }
        assert_eq!(s.external_bytes(kept), 6 * MB);
    });
    assert_eq!(heap.sizes().external, 6 * MB as u64);
}

#[test]
fn more_external_bytes_than_can_be_counted_are_refused() {
    let mut heap = heap(HeapOptions::with_limits(64 * MB, MB));
    heap.enter(|s| {
        let held = s.external(usize::MAX / 2 - 1, None).expect("only a number");
        for _ in 0..2 {
            let reached = s
                .external(usize::MAX / 2, None)
                .expect_err("the sum overflows");
            assert_eq!(reached.details().limit, Limit::External, "{reached}");
        }
        assert_eq!(s.external_bytes(held), usize::MAX / 2 - 1);
    });
    heap.verify().expect("sound");
}

#[test]
fn young_owners_of_much_memory_are_scavenged_for_it() {
    let (mut heap, events) = watched(HeapOptions::with_limits(64 * MB, MB));
    for _ in 0..100 {
        heap.enter(|s| waste(s, 10, 64 * KB));
        assert!(heap.sizes().external <= 2 * MB as u64);
    }
    // 62.5 MB in all, of which two semi-spaces bring about one scavenge each, and nothing else does.
    let events = events.borrow();
    assert_eq!(events.len(), 31, "{events:#?}");
    for event in events.iter() {
        assert_eq!(event.kind, CollectionKind::Minor);
        assert_eq!(event.reason, CollectionReason::ExternalMemoryPressure);
        assert_eq!(event.after.external, 0);
    }
}

#[test]
fn a_store_larger_than_all_young_ones_is_not_worth_a_scavenge() {
    let (mut heap, events) = watched(HeapOptions::with_limits(64 * MB, MB));
    heap.enter(|s| {
        waste(s, 4, MB / 2);
        waste(s, 1, 3 * MB);
        assert_eq!(events.borrow().len(), 0);
        waste(s, 1, 3 * MB);
        assert_eq!(events.borrow().len(), 1);
    });
}

#[test]
fn soft_growth_marks_in_steps_and_finishes_although_nothing_else_is_allocated() {
    let mut options = HeapOptions::with_limits(512 * MB, MB);
    options.external_soft_growth = 16 * MB;
    options.external_hard_growth = Some(512 * MB);
    for incremental in [true, false] {
        options.incremental_marking = incremental;
        let (mut heap, events) = watched(options.clone());
        heap.enter(|s| {
            let kept = s.array(1000).expect("room");
            for n in 0..1000 {
                let store = s.external(100 * KB, None).expect("room");
                s.set(kept, n, store);
            }
        });
        let events = events.borrow();
        let majors: Vec<&GcEvent> = events
            .iter()
            .filter(|e| e.kind == CollectionKind::Major)
            .collect();
        // 98 MB in strides of 16 MB, and a few stores for the steps.
        assert!((4..=6).contains(&majors.len()), "{majors:#?}");
        for (n, event) in (1..).zip(&majors) {
            assert_eq!(event.incremental, incremental, "{event:?}");
            let expected = if incremental {
                CollectionReason::FinalizeMarkingViaStackGuard
            } else {
                CollectionReason::ExternalMemoryPressure
            };
            assert_eq!(event.reason, expected);
            // The store that passes the mark is not there yet.
            let (mark, store) = (n * 16 * MB as u64, 100 * KB as u64);
            let external = event.before.external;
            assert!((mark - n * store..mark + n * MB as u64).contains(&external));
        }
    }
}

#[test]
fn hard_growth_forces_a_collection_although_the_heap_is_nearly_empty() {
    for policy in [Policy::MarkSweep, Policy::MarkCompact] {
        let (mut heap, events) = watched(HeapOptions::with_limits(64 * MB, MB).with_policy(policy));
        heap.enter(|s| waste(s, 1000, MB));
        // Hard at 32 MB of growth: half the old limit.
        let events = events.borrow();
        assert_eq!(events.len(), 999 / 32);
        for event in events.iter() {
            assert_eq!(event.reason, CollectionReason::ExternalMemoryPressure);
            assert!(event.reduce_memory && !event.incremental);
            assert_eq!(
                (event.before.external, event.after.external),
                (32 * MB as u64, 0)
            );
        }
    }
}

#[test]
fn what_scavenges_free_counts_as_room_for_growth_no_longer() {
    let mut options = HeapOptions::with_limits(64 * MB, MB);
    options.external_hard_growth = Some(8 * MB);
    let (mut heap, events) = watched(options);
    // Alive in the major collection, a final pause, which copies its owner into to-space; dead in the scavenge.
    let store = heap.enter(|s| {
        let store = s.external(30 * MB, None).expect("room");
        s.global(store)
    });
    heap.start_incremental_marking();
    heap.collect(CollectionKind::Major, CollectionReason::Testing);
    drop(store);
    assert_eq!(heap.sizes().external, 30 * MB as u64);
    heap.collect(CollectionKind::Minor, CollectionReason::Testing);
    assert_eq!(heap.sizes().external, 0);
    events.borrow_mut().clear();
    heap.enter(|s| {
        let kept = s.array(20).expect("room");
        for n in 0..20 {
            let store = s.external(MB, None).expect("room");
            s.set(kept, n, store);
        }
    });
    // From zero, not from the 30 MB that the major collection left.
    let majors = events.borrow();
    let majors = majors.iter().filter(|e| e.kind == CollectionKind::Major);
    assert_eq!(majors.count(), 2);
}

#[test]
fn without_collection_nothing_is_collected_for_outside_memory_either() {
    let (mut heap, events) =
        watched(HeapOptions::with_limits(64 * MB, MB).with_policy(Policy::None));
    heap.enter(|s| waste(s, 200, MB));
    assert_eq!(events.borrow().len(), 0);
    assert_eq!(heap.sizes().external, 200 * MB as u64);
}
