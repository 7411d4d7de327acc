//! The mark stack is bounded: what does not fit may be dropped only if a marked object leads to it.
//!
//! Built with `--cfg heaplab_tiny` the stack holds 64 references, so each of these overflows it; with the
//! usual stack they show what must be true either way.

use heaplab_gc::{Budget, CollectionKind, CollectionReason, Global, Heap, HeapOptions, Scope, Smi};

const COUNT: usize = 1_000;

fn heap() -> Heap {
    Heap::new(HeapOptions::with_limits(16 << 20, 1 << 20)).expect("heap")
}

fn major(heap: &mut Heap) {
    heap.collect(CollectionKind::Major, CollectionReason::Testing);
}

fn promote(heap: &mut Heap) {
    for _ in 0..2 {
        heap.collect(CollectionKind::Minor, CollectionReason::Testing);
    }
}

/// That many numbers, each in a global of its own.
fn many(s: &mut Scope<'_, '_>) -> Vec<Global> {
    (0..COUNT)
        .map(|i| {
            s.scope(|t| {
                let number = t.number(i as f64 + 0.5).expect("room");
                t.global(number)
            })
        })
        .collect()
}

#[test]
fn more_roots_than_the_stack_holds_are_all_marked() {
    let mut heap = heap();
    let globals = heap.enter(many);
    promote(&mut heap);
    major(&mut heap);
    assert_eq!(heap.verify().expect("sound").reachable_objects, COUNT);
    heap.enter(|s| {
        for (i, global) in globals.iter().enumerate() {
            assert_eq!(s.as_number(s.peek(global)), Some(i as f64 + 0.5));
        }
    });
    let walked = heap.walk(|walk| walk.object_count()).expect("ids");
    assert_eq!(walked, COUNT);
}

#[test]
fn old_objects_that_only_young_ones_refer_to_are_marked_in_the_final_pause() {
    let mut heap = heap();
    let globals = heap.enter(many);
    promote(&mut heap);
    heap.start_incremental_marking();
    let holder = heap.enter(|s| {
        // A wide old object fills the stack in one step; its targets are white.
        let array = s.array(COUNT).expect("room");
        s.scope(|t| {
            let shape = t.shape("Holder", &["value"]).expect("shape");
            for (i, global) in globals.iter().enumerate() {
                let value = t.local(global);
                let holder = t.object_with(shape, [value.into()]).expect("room");
                t.set(array, i, holder);
            }
        });
        s.global(array)
    });
    drop(globals);
    heap.step(Budget {
        bytes: 1,
        ns: u64::MAX,
    });
    major(&mut heap);
    heap.verify().expect("sound");
    heap.enter(|s| {
        for i in 0..COUNT {
            let value = s.get(s.get(s.peek(&holder), i), 0);
            assert_eq!(s.as_number(value), Some(i as f64 + 0.5));
        }
    });
}

#[test]
fn more_ephemeron_values_than_the_stack_holds_are_all_marked() {
    let mut heap = heap();
    let (map, keys) = heap.enter(|s| {
        let map = s.weak_map().expect("room");
        let keys = s.array(COUNT).expect("room");
        for i in 0..COUNT {
            s.scope(|t| {
                let key = t.array(0).expect("room");
                t.set(keys, i, key);
                let value = t.number(i as f64 + 0.5).expect("room");
                t.weak_map_set(map, key, value).expect("room");
            });
        }
        (s.global(map), s.global(keys))
    });
    promote(&mut heap);
    major(&mut heap);
    heap.verify().expect("sound");
    heap.enter(|s| {
        for i in 0..COUNT {
            let key = s.get(s.peek(&keys), i);
            let value = s.weak_map_get(s.peek(&map), key).expect("the key is alive");
            assert_eq!(s.as_number(value), Some(i as f64 + 0.5));
        }
        let last = Smi::wrapping(0);
        s.set(s.peek(&keys), 0, last);
    });
    major(&mut heap);
    heap.enter(|s| assert_eq!(s.weak_map_len(s.peek(&map)), COUNT - 1));
}
