//! Weak references, ephemeron tables and finalisers, over minor and major collections.

use heaplab_gc::{
    CollectionKind, CollectionReason, Global, Heap, HeapOptions, Immediate, Policy, Smi,
};

const MB: usize = 1 << 20;
const POLICIES: [Policy; 3] = [Policy::Generational, Policy::MarkSweep, Policy::MarkCompact];

fn heap(policy: Policy) -> Heap {
    Heap::new(HeapOptions::with_limits(64 * MB, MB).with_policy(policy)).expect("heap")
}

fn collect(heap: &mut Heap, kind: CollectionKind) {
    heap.collect(kind, CollectionReason::Testing);
}

#[test]
fn a_weak_reference_follows_its_target_and_is_cleared_when_it_dies() {
    for policy in POLICIES {
        for age in 0..3 {
            let mut heap = heap(policy);
            let (weak, strong) = heap.enter(|s| {
                let target = s.string("target").expect("room");
                let weak = s.weak_ref(target).expect("room");
                (s.global(weak), s.global(target))
            });
            for _ in 0..age {
                collect(&mut heap, CollectionKind::Minor);
            }
            collect(&mut heap, CollectionKind::Major);
            heap.enter(|s| {
                let text = s.weak_target(s.peek(&weak)).and_then(|t| s.as_str(t));
                assert_eq!(text, Some("target"), "{policy:?}");
            });
            drop(strong);
            collect(&mut heap, CollectionKind::Major);
            heap.enter(|s| {
                assert!(
                    s.weak_target(s.peek(&weak)).is_none(),
                    "{policy:?} age {age}"
                )
            });
        }
    }
}

#[test]
fn a_scavenge_clears_weak_references_to_the_young_dead() {
    let mut heap = heap(Policy::Generational);
    let weak = heap.enter(|s| {
        let weak = s.scope(|t| {
            let target = t.string("target").expect("room");
            let weak = t.weak_ref(target).expect("room");
            t.global(weak)
        });
        assert!(s.weak_target(s.peek(&weak)).is_some());
        weak
    });
    collect(&mut heap, CollectionKind::Minor);
    heap.enter(|s| assert!(s.weak_target(s.peek(&weak)).is_none()));
}

/// A chain k0 → v0 = k1 → v1 = k2 …: the values of a live key keep the next key alive.
#[test]
fn chains_of_ephemerons_live_and_die_as_one() {
    for policy in POLICIES {
        for kind in [CollectionKind::Minor, CollectionKind::Major] {
            if kind == CollectionKind::Minor && policy != Policy::Generational {
                continue;
            }
            let mut heap = heap(policy);
            let (map, first): (Global, Global) = heap.enter(|s| {
                let map = s.weak_map().expect("room");
                let keys = s.array(100).expect("room");
                for i in 0..100 {
                    s.scope(|t| {
                        let key = t.string(&format!("key {i}")).expect("room");
                        t.set(keys, i, key);
                    });
                }
                // The last link first: a single pass in order of insertion resolves nothing.
                for i in (0..99).rev() {
                    s.scope(|t| {
                        let value = t.root(t.get(keys, i + 1));
                        let key = t.root(t.get(keys, i));
                        t.weak_map_set(map, key, value).expect("id");
                    });
                }
                let first = s.root(s.get(keys, 0));
                (s.global(map), s.global(first))
            });
            collect(&mut heap, kind);
            heap.enter(|s| {
                assert_eq!(s.weak_map_len(s.peek(&map)), 99);
                let map = s.local(&map);
                let at = s.local(&first);
                for i in 0..100 {
                    assert_eq!(s.as_str(at), Some(format!("key {i}").as_str()));
                    if let Some(next) = s.weak_map_get(map, at) {
                        s.assign(at, next);
                    }
                }
            });
            drop(first);
            collect(&mut heap, kind);
            heap.enter(|s| assert_eq!(s.weak_map_len(s.peek(&map)), 0, "{policy:?} {kind:?}"));
        }
    }
}

#[test]
fn an_old_table_treats_a_young_key_weakly() {
    let mut heap = heap(Policy::Generational);
    let map = heap.enter(|s| {
        let map = s.weak_map().expect("room");
        s.global(map)
    });
    for _ in 0..3 {
        collect(&mut heap, CollectionKind::Minor);
    }
    let kept = heap.enter(|s| {
        let map = s.local(&map);
        for i in 0..10 {
            s.scope(|t| {
                let key = t.string("young").expect("room");
                let value = t.number(f64::from(i)).expect("room");
                t.weak_map_set(map, key, value).expect("id");
            });
        }
        let key = s.string("kept").expect("room");
        s.weak_map_set(map, key, Smi::wrapping(7)).expect("id");
        s.global(key)
    });
    collect(&mut heap, CollectionKind::Minor);
    heap.enter(|s| {
        assert_eq!(s.weak_map_len(s.peek(&map)), 1);
        let value = s
            .weak_map_get(s.peek(&map), s.peek(&kept))
            .and_then(|v| s.as_integer(v));
        assert_eq!(value, Some(7));
        assert!(s.weak_map_remove(s.peek(&map), s.peek(&kept)));
        assert_eq!(s.weak_map_len(s.peek(&map)), 0);
    });
}

#[test]
fn finalisers_become_ready_in_order_once_their_targets_are_dead() {
    for policy in POLICIES {
        let mut heap = heap(policy);
        let kept = heap.enter(|s| {
            for i in 0..5 {
                s.scope(|t| {
                    let target = t.string("target").expect("room");
                    let held = t.string(&format!("held {i}")).expect("room");
                    t.finalizer(target, held);
                });
            }
            let kept = s.string("kept").expect("room");
            s.finalizer(kept, Immediate::Null);
            assert!(s.next_finalizer().is_none());
            s.global(kept)
        });
        collect(&mut heap, CollectionKind::Major);
        // The held values must survive further collections until they are taken.
        collect(&mut heap, CollectionKind::Major);
        heap.enter(|s| {
            for i in 0..5 {
                let held = s.next_finalizer().expect("ready");
                assert_eq!(s.as_str(held), Some(format!("held {i}").as_str()));
            }
            assert!(s.next_finalizer().is_none());
        });
        drop(kept);
        collect(&mut heap, CollectionKind::Major);
        heap.enter(|s| assert!(s.next_finalizer().is_some()));
    }
}
