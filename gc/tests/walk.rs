//! The walk sees every live object once, with its rank as its place, and ids that stay.

use heaplab_gc::{CollectionKind, CollectionReason, Heap, HeapOptions, Kind, SlotContent};
use std::collections::HashMap;

const MB: usize = 1 << 20;

#[test]
fn ordinals_are_ranks_and_ids_survive_moves() {
    let mut heap = Heap::new(HeapOptions::with_limits(64 * MB, MB)).expect("heap");
    let global = heap.enter(|s| {
        let shape = s.shape("Holder", &["text", "next"]).expect("shape");
        let list = s.array(3000).expect("room");
        for i in 0..3000 {
            s.scope(|t| {
                let text = t.string(&format!("text {i}")).expect("room");
                let holder = t
                    .object_with(shape, [text.into(), list.into()])
                    .expect("room");
                t.set(list, i, holder);
                // Garbage that the walk must not see.
                t.string("garbage").expect("room");
            });
        }
        s.global(list)
    });
    let ids = |heap: &mut Heap| {
        heap.walk(|walk| {
            assert_eq!(walk.object_count(), 1 + 2 * 3000);
            let mut ids = HashMap::new();
            for (n, object) in walk.objects().enumerate() {
                assert_eq!(walk.ordinal(object) as usize, n);
                let id = walk.id(object);
                assert_eq!(id % 2, 1);
                let label = match walk.kind(object) {
                    Kind::String => walk.text(object).to_owned(),
                    Kind::Object => match walk.slots(object).next() {
                        Some(SlotContent::Object(text)) => format!("holder of {}", walk.text(text)),
                        other => panic!("slot 0 holds {other:?}"),
                    },
                    kind => format!("{kind:?}"),
                };
                assert!(ids.insert(label, id).is_none());
            }
            assert_eq!(
                walk.roots().iter().map(|g| g.objects.len()).sum::<usize>(),
                1
            );
            ids
        })
        .expect("ids")
    };
    let before = ids(&mut heap);
    let mut distinct: Vec<u32> = before.values().copied().collect();
    distinct.sort_unstable();
    distinct.dedup();
    assert_eq!(distinct.len(), before.len());
    heap.collect(CollectionKind::Minor, CollectionReason::Testing);
    heap.collect(CollectionKind::Minor, CollectionReason::Testing);
    heap.collect(CollectionKind::Major, CollectionReason::Testing);
    assert_eq!(ids(&mut heap), before);
    drop(global);
    assert_eq!(heap.walk(|walk| walk.object_count()).expect("ids"), 0);
}
