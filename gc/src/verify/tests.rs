//! A checker that finds nothing proves nothing: each kind of damage must be found and named.

use super::*;
use crate::cage::Addr;
use crate::options::HeapOptions;
use crate::page::{Owner, PAGE_SIZE};
use crate::value::Value;
use crate::{CollectionKind::*, CollectionReason::Testing, Global, Local, Scope};

const MB: usize = 1 << 20;

/// A heap with a list of 100 old nodes, some garbage between them, a large array, a young object in an old
/// slot, and external stores in both generations.
fn heap() -> (Heap, Global) {
    let mut heap = Heap::new(HeapOptions::with_limits(16 * MB, MB)).expect("heap");
    let list = heap.enter(|s| {
        let shape = s.shape("Node", &["next", "value"]).expect("shape");
        let list = s.root(crate::Immediate::Undefined);
        for i in 0..200 {
            s.scope(|t| {
                let node = t
                    .object_with(shape, [list.into(), crate::Smi::wrapping(i).into()])
                    .expect("room");
                if i % 2 == 0 {
                    t.assign(list, node);
                }
            });
        }
        let large = s.array(PAGE_SIZE).expect("room");
        s.set(large, 0, list);
        let owner = s.external(100, None).expect("room");
        s.set(large, 1, owner);
        s.global(large)
    });
    // Twice: promoted by the second.
    heap.collect(Minor, Testing);
    heap.collect(Minor, Testing);
    heap.enter(|s| {
        let large = s.local(&list);
        let young = s.array(3).expect("room");
        s.set(large, 2, young);
        let owner = s.external(50, None).expect("room");
        s.set(large, 3, owner);
        let first = s.root(s.get(large, 0));
        s.set(first, 1, young);
    });
    heap.verify().expect("a sound heap");
    (heap, list)
}

fn with<R>(
    heap: &mut Heap,
    large: &Global,
    body: impl for<'s, 'h> FnOnce(&mut Scope<'s, 'h>, Local<'s, 'h>) -> R,
) -> R {
    heap.enter(|s| {
        let large = s.local(large);
        body(s, large)
    })
}

/// Address of the object in slot `slot` of the large array.
fn address(heap: &mut Heap, large: &Global, slot: usize) -> Addr {
    with(heap, large, |s, large| {
        let value = crate::scope::Sealed::value(s.get(large, slot));
        s.core().cage.addr(value)
    })
}

#[track_caller]
fn finds(heap: &Heap, invariant: Invariant, text: &str) {
    let error = heap.verify().expect_err("the damage must be found");
    assert_eq!(error.invariant, invariant, "{error}");
    assert!(error.to_string().contains(text), "{error}");
}

#[test]
fn a_sound_heap_is_counted() {
    let (mut heap, large) = heap();
    let seen = heap.verify().expect("sound");
    assert!(seen.recorded_slots >= 3, "{seen:?}");
    // 100 nodes, the large array, the young one, two owners.
    assert_eq!(seen.reachable_objects, 104);
    drop(large);
    heap.collect(Major, Testing);
    let seen = heap.verify().expect("sound");
    assert_eq!((seen.reachable_objects, seen.old_objects), (0, 0));
}

#[test]
fn a_lost_remembered_slot_is_found() {
    let (mut heap, large) = heap();
    let slot = address(&mut heap, &large, 0).add(8 + 4);
    let core = &mut heap.core;
    let offset = core.cage.offset(slot);
    core.pages.clear_slot_range(&core.cage, offset & !7, 8);
    finds(&heap, Invariant::RememberedSet, "'Node' at");
    finds(&heap, Invariant::RememberedSet, "slot 1");
}

#[test]
fn a_recorded_slot_outside_every_object_is_found() {
    let (mut heap, _large) = heap();
    let core = &mut heap.core;
    let page = core.pages.old_pages().next().expect("an old page");
    let header = core.cage.at(page * PAGE_SIZE);
    core.pages.record_slot(&core.cage, header);
    finds(&heap, Invariant::RememberedSet, "no slot of an object");
}

#[test]
fn a_stale_reference_is_found() {
    let (mut heap, large) = heap();
    let node = address(&mut heap, &large, 0);
    let inside = heap.core.cage.value(node.add(8));
    node.add(8).store_u32(inside.0);
    finds(&heap, Invariant::StaleReference, "where no object starts");
}

#[test]
fn a_reference_into_from_space_is_found() {
    let (mut heap, large) = heap();
    let node = address(&mut heap, &large, 0);
    let from = heap.core.cage.value(heap.core.young.from_space_start());
    node.add(8).store_u32(from.0);
    finds(&heap, Invariant::FromSpaceEmpty, "slot 0");
}

#[test]
fn a_stale_root_is_found() {
    let (mut heap, large) = heap();
    let from = heap.core.cage.value(heap.core.young.from_space_start());
    heap.enter(|s| {
        let handle = s.root(crate::Immediate::Null);
        s.assign(handle, s.peek(&large));
        s.root_value(from);
        let error = s.verify().expect_err("the damage must be found");
        assert_eq!(error.invariant, Invariant::FromSpaceEmpty);
        assert!(
            error.to_string().contains("root 1 of '(Handle scope)'"),
            "{error}"
        );
    });
}

#[test]
fn an_object_that_marking_missed_is_found() {
    let (mut heap, large) = heap();
    heap.collect(Major, Testing);
    let node = address(&mut heap, &large, 0);
    heap.verify().expect("sound");
    let value = heap.core.cage.value(node);
    let page = heap.core.cage.offset(node) / PAGE_SIZE;
    let (word, bit) = crate::marker::mark_bit(&heap.core.cage, value);
    word.store_u64(word.load_u64() & !bit);
    finds(&heap, Invariant::LiveBytes, "marked bytes");
    heap.core.pages.live_bytes[page] -= 16;
    let used = heap.core.old.used();
    heap.core.old.set_used(used - 16);
    finds(&heap, Invariant::Tricolour, "which marking found dead");
}

#[test]
fn wrong_live_bytes_are_found() {
    let (mut heap, _large) = heap();
    heap.collect(Major, Testing);
    let page = heap.core.pages.old_pages().next().expect("an old page");
    heap.core.pages.live_bytes[page] += 8;
    finds(&heap, Invariant::LiveBytes, "the heap counts");
}

#[test]
fn a_hole_between_objects_is_found() {
    let (mut heap, large) = heap();
    let node = address(&mut heap, &large, 0);
    node.store_u32(0);
    // A free header of 8 bytes; what follows is the node's first slot, no header.
    let error = heap.verify().expect_err("the damage must be found");
    assert!(
        matches!(error.invariant, Invariant::Layout | Invariant::Tiling),
        "{error}"
    );
}

#[test]
fn a_changed_layout_is_found() {
    let (mut heap, large) = heap();
    let node = address(&mut heap, &large, 0);
    // One slot more than the shape has.
    node.store_u32(node.load_u32() + (1 << 4));
    finds(&heap, Invariant::Layout, "but its shape has 2");
    node.store_u32(node.load_u32() | 0xffff_c000);
    finds(&heap, Invariant::Layout, "does not exist");
}

#[test]
fn a_block_lost_from_the_free_list_is_found() {
    let (mut heap, _large) = heap();
    heap.collect(Major, Testing);
    heap.core.complete_sweep();
    let seen = heap.verify().expect("sound");
    assert!(seen.free_blocks > 0, "{seen:?}");
    let taken = heap.core.old.free.take(&heap.core.cage, 16);
    assert!(taken.is_some());
    finds(&heap, Invariant::Tiling, "free");
}

#[test]
fn overlapping_free_blocks_are_found() {
    let (mut heap, large) = heap();
    heap.collect(Major, Testing);
    heap.core.complete_sweep();
    // Frees a node that is still in use.
    let node = address(&mut heap, &large, 0);
    heap.core.old.free.add(&heap.core.cage, node, 16);
    assert!(heap.verify().is_err());
}

#[test]
fn an_id_given_twice_is_found() {
    let (mut heap, large) = heap();
    let (first, second) = with(&mut heap, &large, |s, large| {
        let core = s.core();
        let first = crate::scope::Sealed::value(s.get(large, 0));
        let second = crate::scope::Sealed::value(s.get(large, 2));
        core.identity(first).expect("an id");
        core.identity(second).expect("an id");
        (core.cage.addr(first), core.cage.addr(second))
    });
    heap.verify().expect("sound");
    second.add(4).store_u32(first.add(4).load_u32());
    finds(&heap, Invariant::Identity, "belongs to");
    second.add(4).store_u32(1_000_001);
    finds(&heap, Invariant::Identity, "never given out");
}

#[test]
fn a_passed_limit_is_found() {
    let (mut heap, _large) = heap();
    heap.core.old.max_pages = 1;
    finds(&heap, Invariant::Limit, "the old limit allows 1");
}

#[test]
fn wrong_page_counts_are_found() {
    let (mut heap, _large) = heap();
    let core = &mut heap.core;
    core.pages
        .take(&mut core.cage, 1, Owner::LargeHead)
        .expect("memory")
        .expect("room");
    finds(&heap, Invariant::Tiling, "pages of large objects");
}

#[test]
fn external_stores_on_the_wrong_list_are_found() {
    let (mut heap, _large) = heap();
    let index = heap.core.externals.young.pop().expect("a young store");
    finds(&heap, Invariant::StaleReference, "listed 0 times");
    heap.core.externals.old.push(index);
    finds(&heap, Invariant::StaleReference, "the other generation");
    heap.core.externals.old.pop();
    heap.core.externals.young.extend([index, index]);
    finds(&heap, Invariant::StaleReference, "listed 2 times");
}

#[test]
fn wrong_external_bytes_are_found() {
    let (mut heap, _large) = heap();
    heap.core.externals.bytes += 1;
    finds(&heap, Invariant::Tiling, "external bytes");
}

#[test]
fn damaged_constants_are_found() {
    let (heap, _large) = heap();
    heap.core.cage.addr(Value::NULL).store_u32(0);
    finds(&heap, Invariant::Layout, "permanent object 2");
}
