//! The mark stack is bounded: what does not fit may be dropped only if a marked object leads to it.
//!
//! Built with `--cfg heaplab_tiny` the stack holds 64 references, so each of these overflows it; with the
//! usual stack they show what must be true either way.

use heaplab_gc::{
    Budget, CollectionKind, CollectionReason, Global, Heap, HeapLimitReached, HeapOptions,
    Immediate, Local, Scope, Smi,
};

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

/// A tree of that many levels, fifteen children each: marking it fills a small stack.
fn tree<'s, 'h>(s: &mut Scope<'s, 'h>, levels: u32) -> Local<'s, 'h> {
    const CHILDREN: [&str; 15] = [
        "a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o",
    ];
    s.escape(|t| {
        let shape = t.shape("Node", &CHILDREN).expect("shape");
        let node = t.object(shape)?;
        for child in 0..if levels > 0 { CHILDREN.len() } else { 1 } {
            t.scope(|u| {
                let value = match levels {
                    0 => u.number(0.25)?,
                    _ => tree(u, levels - 1),
                };
                u.set(node, child, value);
                Ok::<_, HeapLimitReached>(())
            })?;
        }
        Ok::<_, HeapLimitReached>(node)
    })
    .expect("room")
}

/// The scan of young survivors begins with a stack that steps have left full: the first reference must not be dropped,
/// since no marked object leads to what only young objects refer to.
#[test]
fn a_full_stack_loses_nothing_that_only_young_survivors_refer_to() {
    for marked in [100, 500, 1_000, 2_000, 5_000, 20_000] {
        let mut heap = heap();
        let root = heap.enter(|s| {
            let root = tree(s, 3);
            s.global(root)
        });
        promote(&mut heap);
        heap.start_incremental_marking();
        // Only the root is grey. A leaf of it moves into a young object: initialising is no store with a barrier.
        let young = heap.enter(|s| {
            let node = s.local(&root);
            let shape = s.shape("Holder", &["value"]).expect("shape");
            let child = s.root(s.get(node, 0));
            s.set(node, 0, Immediate::Undefined);
            let young = s.object_with(shape, [child.into()]).expect("room");
            s.global(young)
        });
        heap.step(Budget {
            bytes: marked,
            ns: u64::MAX,
        });
        major(&mut heap);
        heap.verify().expect("sound");
        heap.enter(|s| {
            // Down to the number at the end of its first branch.
            let mut value = s.get(s.peek(&young), 0);
            while s.as_number(value).is_none() {
                value = s.get(value, 0);
            }
            assert_eq!(s.as_number(value), Some(0.25), "after {marked} bytes");
        });
    }
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
