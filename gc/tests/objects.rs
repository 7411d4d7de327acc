//! Objects, maps and deques through the public API, over collections.

use heaplab_gc::{
    Budget, CollectionKind, CollectionReason, Heap, HeapLimitReached, HeapOptions, Immediate,
    Limit, Local, Policy, Scope, Shape, Smi,
};

const MB: usize = 1 << 20;

fn heap(old: usize, semi: usize) -> Heap {
    Heap::new(HeapOptions::with_limits(old, semi)).expect("heap")
}

fn tree<'s, 'h>(
    s: &mut Scope<'s, 'h>,
    shape: Shape,
    depth: i32,
) -> Result<Local<'s, 'h>, HeapLimitReached> {
    s.escape(|t| {
        if depth == 0 {
            return t.object(shape);
        }
        let left = tree(t, shape, depth - 1)?;
        let right = tree(t, shape, depth - 1)?;
        t.object_with(
            shape,
            [left.into(), right.into(), Smi::wrapping(depth).into()],
        )
    })
}

fn count<'h>(s: &Scope<'_, 'h>, node: impl heaplab_gc::Operand<'h>) -> usize {
    if s.is_undefined(node) {
        return 0;
    }
    1 + count(s, s.get(node, 0)) + count(s, s.get(node, 1))
}

#[test]
fn trees_survive_scavenges_and_major_collections() {
    let mut heap = heap(64 * MB, MB);
    let global = heap.enter(|s| {
        let shape = s.shape("Node", &["left", "right", "depth"]).expect("shape");
        let keep = tree(s, shape, 14).expect("room");
        for _ in 0..40 {
            s.scope(|t| tree(t, shape, 10).map(|_| ())).expect("room");
        }
        s.global(keep)
    });
    for _ in 0..3 {
        heap.collect(CollectionKind::Minor, CollectionReason::Testing);
        heap.collect(CollectionKind::Major, CollectionReason::Testing);
    }
    heap.enter(|s| {
        let root = s.local(&global);
        assert_eq!(count(s, root), (1 << 15) - 1);
    });
}

#[test]
fn old_objects_keep_young_ones_alive_through_the_remembered_set() {
    let mut heap = heap(64 * MB, MB);
    heap.enter(|s| {
        let array = s.array(100_000).expect("room");
        for i in 0..100_000 {
            s.scope(|t| {
                let text = t.string(&format!("text {i}")).expect("room");
                t.set(array, i, text);
            });
        }
        for i in 0..100_000 {
            assert_eq!(
                s.as_str(s.get(array, i)),
                Some(format!("text {i}").as_str())
            );
        }
    });
}

#[test]
fn maps_and_deques_behave_as_their_std_counterparts_over_collections() {
    let mut heap = heap(64 * MB, MB);
    heap.enter(|s| {
        let map = s.map().expect("room");
        let deque = s.deque().expect("room");
        let mut model = std::collections::BTreeMap::new();
        let mut queue = std::collections::VecDeque::new();
        let mut r = 0x9e37_79b9u32;
        for i in 0..60_000 {
            r ^= r << 13;
            r ^= r >> 17;
            r ^= r << 5;
            let key = format!("key-{}", r % 5000);
            s.scope(|t| {
                if r & 0x1_0000 == 0 {
                    let k = t.string(&key).expect("room");
                    let v = t.number(f64::from(i) + 0.5).expect("room");
                    t.map_set(map, k, v).expect("room");
                    model.insert(key.clone(), f64::from(i) + 0.5);
                    t.deque_push_back(deque, k).expect("room");
                    queue.push_back(key.clone());
                } else {
                    let removed = t.map_remove_str(map, &key).and_then(|v| t.as_number(v));
                    assert_eq!(removed, model.remove(&key));
                    let popped = t
                        .deque_pop_front(deque)
                        .and_then(|v| t.as_str(v))
                        .map(str::to_owned);
                    assert_eq!(popped, queue.pop_front());
                }
            });
        }
        assert_eq!(s.map_len(map), model.len());
        assert_eq!(s.deque_len(deque), queue.len());
        let (mut cursor, mut seen) = (0, 0);
        while let Some((next, k, v)) = s.map_next(map, cursor) {
            let key = s.as_str(k).expect("string");
            assert_eq!(s.as_number(v), model.get(key).copied());
            (cursor, seen) = (next, seen + 1);
        }
        assert_eq!(seen, model.len());
    });
}

#[test]
fn the_limit_is_an_error_and_the_heap_stays_usable() {
    let mut heap = heap(8 * MB, MB);
    heap.enter(|s| {
        let shape = s.shape("Link", &["next"]).expect("shape");
        let head = s.root(Immediate::Undefined);
        let mut links = 0usize;
        let error = loop {
            match s.scope(|t| {
                let link = t.object_with(shape, [head.into()])?;
                t.assign(head, link);
                Ok::<(), HeapLimitReached>(())
            }) {
                Ok(()) => links += 1,
                Err(e) => break e,
            }
        };
        assert_eq!(error.details().limit, Limit::OldSpace);
        assert!(error.details().live > 7 * MB, "{error}");
        assert!(error.details().major_collections >= 1);
        // Still readable, and usable again once something dies.
        let mut n = 0;
        let mut at = s.get(head, 0);
        while !s.is_undefined(at) {
            n += 1;
            at = s.get(at, 0);
        }
        assert_eq!(n + 1, links);
        s.assign(head, Immediate::Undefined);
        for _ in 0..100_000 {
            s.scope(|t| t.object(shape).map(|_| ()))
                .expect("room again");
        }
    });
}

#[test]
fn external_payloads_are_dropped_after_their_owner_died() {
    use std::cell::Cell;
    use std::rc::Rc;
    struct Payload(Rc<Cell<usize>>);
    impl Drop for Payload {
        fn drop(&mut self) {
            self.0.set(self.0.get() + 1);
        }
    }
    let dropped = Rc::new(Cell::new(0));
    let mut heap = heap(64 * MB, MB);
    let kept = heap.enter(|s| {
        for _ in 0..10 {
            s.scope(|t| {
                t.external(1000, Some(Box::new(Payload(dropped.clone()))))
                    .map(|_| ())
            })
            .expect("room");
        }
        let kept = s
            .external(1000, Some(Box::new(Payload(dropped.clone()))))
            .expect("room");
        s.global(kept)
    });
    heap.collect(CollectionKind::Minor, CollectionReason::Testing);
    assert_eq!(dropped.get(), 10);
    heap.collect(CollectionKind::Minor, CollectionReason::Testing);
    heap.collect(CollectionKind::Major, CollectionReason::Testing);
    assert_eq!(dropped.get(), 10);
    heap.enter(|s| assert!(s.external_payload::<Payload>(s.peek(&kept)).is_some()));
    drop(kept);
    heap.collect(CollectionKind::Major, CollectionReason::Testing);
    assert_eq!(dropped.get(), 11);
}

#[test]
fn externals_born_old_outlive_collections() {
    for policy in [Policy::MarkSweep, Policy::MarkCompact] {
        let options = HeapOptions::with_limits(16 * MB, MB).with_policy(policy);
        let mut heap = Heap::new(options).expect("heap");
        let kept = heap.enter(|s| {
            let kept = s.external(1000, Some(Box::new(7u32))).expect("room");
            s.global(kept)
        });
        for _ in 0..3 {
            heap.verify().expect("sound");
            heap.collect(CollectionKind::Major, CollectionReason::Testing);
        }
        heap.enter(|s| {
            assert_eq!(s.external_payload::<u32>(s.peek(&kept)), Some(&7));
            assert_eq!(s.external_bytes(s.peek(&kept)), 1000);
        });
    }
}

/// A table with a fifth of holes closes them in place, while young values and a marking in steps look on.
#[test]
fn a_map_that_turns_over_keeps_its_table() {
    let mut heap = heap(32 * MB, MB);
    let map = heap.enter(|s| {
        let map = s.map().expect("room");
        s.global(map)
    });
    let (live, rounds) = (1_600_i32, 40_000_i32);
    let mut bytes = 0;
    for i in 0..rounds {
        heap.enter(|s| {
            let map = s.local(&map);
            if i >= live {
                let oldest = s.string(&format!("key {}", i - live)).expect("room");
                assert!(s.map_remove(map, oldest).is_some(), "{i}");
            }
            let (key, value) = (
                s.string(&format!("key {i}")).expect("room"),
                s.array(3).expect("room"),
            );
            s.set(value, 0, Smi::wrapping(i));
            s.map_set(map, key, value).expect("room");
            if i == live {
                bytes = s.map_bytes(map);
            }
            assert!(i < live || s.map_bytes(map) == bytes, "{i}");
        });
        match i % 2_000 {
            500 => heap.collect(CollectionKind::Minor, CollectionReason::Testing),
            700 => heap.start_incremental_marking(),
            700..1_500 if heap.is_marking() => {
                let budget = Budget {
                    bytes: 256,
                    ns: u64::MAX,
                };
                heap.step(budget);
            }
            1_500 => {
                heap.verify().expect("sound");
                heap.collect(CollectionKind::Major, CollectionReason::Testing);
                heap.verify().expect("sound");
            }
            _ => {}
        }
    }
    heap.enter(|s| {
        let map = s.local(&map);
        assert_eq!(s.map_len(map), live as usize);
        for i in rounds - live..rounds {
            let value = s.map_get_str(map, &format!("key {i}")).expect("an entry");
            assert_eq!(s.as_integer(s.get(value, 0)), Some(i));
        }
    });
    heap.verify().expect("sound");
}
