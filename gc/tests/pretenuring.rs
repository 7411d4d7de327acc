//! Pretenuring: what is nearly always promoted is not copied, and what stops being so is born young again.

use heaplab_gc::{
    CollectionKind, CollectionReason, Global, Heap, HeapLimitReached, HeapOptions, Init, PAGE_SIZE,
    Scope, Shape, SpaceName, VirtualClock,
};
use std::cell::Cell;
use std::rc::Rc;

const SEMI_SPACE: usize = 1 << 20;

/// A heap whose semi-space is as large as it gets, and the bytes that its scavenges copy.
fn heap(pretenuring: bool) -> (Heap, Rc<Cell<u64>>) {
    let mut options = HeapOptions::with_limits(64 * SEMI_SPACE, SEMI_SPACE);
    options.initial_semi_space_size = Some(SEMI_SPACE);
    options.pretenuring = pretenuring;
    let mut heap = Heap::with_clock(options, Box::new(VirtualClock::new())).expect("heap");
    let copied = Rc::new(Cell::new(0));
    let total = Rc::clone(&copied);
    heap.set_observer(Box::new(move |event: &heaplab_gc::GcEvent| {
        // Survivors may fill to-space: no sample may reach beyond it.
        assert!(event.before.young <= SEMI_SPACE as u64);
        total.set(total.get() + event.copied_bytes + event.promoted_bytes);
    }));
    (heap, copied)
}

/// Puts a new pair of an object of `shape` and an array of three into slot `at` of `list`.
fn push(
    s: &mut Scope<'_, '_>,
    shape: Shape,
    list: &Global,
    at: usize,
) -> Result<(), HeapLimitReached> {
    s.scope(|t| {
        let text = t.string("born young")?;
        let n = Init::from(heaplab_gc::Smi::new(at as i32).expect("small"));
        let array = t.array_with([n, text.into(), n])?;
        let object = t.object_with(shape, [n, array.into(), n, n, n, n])?;
        let list = t.local(list);
        t.set(list, at, object);
        Ok(())
    })
}

/// Fills a list with `count` pairs; bytes copied meanwhile, and all of it is there.
fn grow(heap: &mut Heap, copied: &Cell<u64>, count: usize) -> (Global, u64) {
    let before = copied.get();
    let list = heap.enter(|s| {
        let shape = s
            .shape("Entry", &["n", "array", "a", "b", "c", "d"])
            .expect("shape");
        let list = s.array(count).expect("room");
        let list = s.global(list);
        for i in 0..count {
            push(s, shape, &list, i).expect("room");
        }
        for i in 0..count {
            let object = s.get(s.peek(&list), i);
            assert_eq!(s.as_integer(s.get(object, 0)), Some(i as i32));
            let array = s.get(object, 1);
            assert_eq!(s.as_integer(s.get(array, 2)), Some(i as i32));
            assert_eq!(s.as_str(s.get(array, 1)), Some("born young"));
        }
        list
    });
    (list, copied.get() - before)
}

/// How many pairs fill the semi-space so often: an object of 32 bytes, an array of 32, a text of 32.
fn pairs(semi_spaces: usize) -> usize {
    semi_spaces * SEMI_SPACE / 96
}

#[test]
fn what_lives_is_born_old_and_what_dies_again_is_not() {
    let (mut heap, copied) = heap(true);
    let (kept, grown) = grow(&mut heap, &copied, pairs(16));
    heap.verify().expect("sound");
    let (mut without, copied_without) = self::heap(false);
    let (_kept, grown_without) = grow(&mut without, &copied_without, pairs(16));
    // The texts are copied: they have no class.
    assert!(
        grown * 3 < grown_without * 2,
        "{grown} bytes copied, {grown_without} without pretenuring"
    );

    // The same shape, but now nothing lives.
    let old = |heap: &Heap| {
        let spaces = heap.space_statistics();
        let old = spaces.iter().filter(|s| s.space != SpaceName::New);
        old.map(|s| s.space_used_size).sum::<u64>()
    };
    // What is young and alive is promoted first.
    for _ in 0..2 {
        heap.collect(CollectionKind::Minor, CollectionReason::Testing);
    }
    let before = old(&heap);
    heap.enter(|s| {
        let shape = s
            .shape("Entry", &["n", "array", "a", "b", "c", "d"])
            .expect("shape");
        let sink = s.array(8).expect("room");
        let sink = s.global(sink);
        for i in 0..pairs(16) {
            push(s, shape, &sink, i % 8).expect("room");
        }
    });
    // Texts that dead old arrays refer to were promoted, too; they had their share of the same semi-space.
    let garbage = old(&heap).saturating_sub(before);
    assert!(
        garbage <= SEMI_SPACE as u64 + PAGE_SIZE as u64,
        "{garbage} bytes born old although they die"
    );
    heap.verify().expect("sound");
    drop(kept);
}

#[test]
fn marking_goes_on_while_objects_are_born_old() {
    let (mut heap, copied) = heap(true);
    let (first, _) = grow(&mut heap, &copied, pairs(8));
    heap.start_incremental_marking();
    let (second, grown) = grow(&mut heap, &copied, pairs(4));
    // Twice four semi-spaces, if all were born young. With tiny pages a quarter of them is: the samples.
    let most = if cfg!(heaplab_tiny) { 6 } else { 4 };
    assert!(
        grown < most * SEMI_SPACE as u64,
        "{grown} bytes copied: not born old"
    );
    heap.verify().expect("sound");
    drop(first);
    heap.collect(CollectionKind::Major, CollectionReason::Testing);
    heap.verify().expect("sound");
    heap.enter(|s| {
        let list = s.peek(&second);
        for i in 0..s.slot_count(list) {
            assert_eq!(s.as_integer(s.get(s.get(list, i), 0)), Some(i as i32));
        }
    });
}
