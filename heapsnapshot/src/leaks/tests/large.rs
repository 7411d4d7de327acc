//! Much growth of few items, or of none that a snapshot shows.

use super::*;

const MB: u32 = 1_000_000;

/// An array `uploads` of buffers of a megabyte each.
fn buffers(numbers: std::ops::Range<u32>) -> Snapshot {
    let mut heap = Heap::new();
    let array = heap.graph.node("object", "Array", 11, 32);
    let store = heap.graph.node("array", "(object elements)", 13, 152);
    heap.graph
        .edge(heap.scope, "context", "uploads", array)
        .edge(array, "internal", "elements", store);
    for number in numbers {
        let buffer = heap.graph.node("object", "Buffer", entry(2 * number), 96);
        let memory = heap.graph.node(
            "native",
            "system / JSArrayBufferData",
            entry(2 * number + 1),
            MB,
        );
        heap.graph
            .edge(array, "element", &number.to_string(), buffer)
            .edge(store, "internal", &number.to_string(), buffer)
            .edge(buffer, "internal", "backing_store", memory);
    }
    heap.graph.read()
}

/// A heap whose scope has an array in variable `name`, with a store of this id and so many bytes; and the two.
fn array_with_store(name: &str, store: u32, bytes: u32) -> (Heap, usize, usize) {
    let mut heap = Heap::new();
    let array = heap.graph.node("object", "Array", 11, 32);
    let store = heap.graph.node("array", "(object elements)", store, bytes);
    heap.graph
        .edge(heap.scope, "context", name, array)
        .edge(array, "internal", "elements", store);
    (heap, array, store)
}

/// An array `samples` that shows nothing but its store.
fn numbers(store: u32, bytes: u32) -> Snapshot {
    array_with_store("samples", store, bytes).0.graph.read()
}

#[test]
fn few_items_of_many_bytes_are_a_leak() {
    let found = report(&[buffers(0..5), buffers(0..10), buffers(0..15)]);
    let [leak] = &found.leaks[..] else {
        panic!("{found:#?}");
    };
    assert_eq!(
        (leak.class.as_str(), leak.counts.as_slice()),
        ("Buffer", &[5, 10, 15][..])
    );
    assert!(leak.owner.contains("`uploads`"), "{leak:#?}");
    assert_eq!(leak.growth_bytes, i64::from(10 * (MB + 96)));
    assert_eq!((found.unexplained_bytes, found.notes.len()), (0, 0));
}

#[test]
fn few_items_that_are_replaced_or_stop_are_no_leak() {
    // Ten at a time, others every time.
    let full = report(&[buffers(0..10), buffers(10..20), buffers(20..30)]);
    let level = report(&[buffers(0..5), buffers(0..10), buffers(0..10)]);
    for healthy in [full, level] {
        assert!(
            healthy.leaks.is_empty() && healthy.cannot_tell.is_empty(),
            "{healthy:#?}"
        );
        assert_eq!(healthy.unexplained_bytes, 0);
    }
    // With a threshold above what each step adds.
    let text = "[thresholds]\nenough_bytes = 6_000_000\n";
    let settings = Settings::parse(text).expect("settings");
    let snapshots = [buffers(0..5), buffers(0..10), buffers(0..15)];
    let found = find(&snapshots, Some(Matching::Id), &settings, "2026-01-01");
    assert!(found.leaks.is_empty(), "{found:#?}");
}

#[test]
fn numbers_in_an_array_leak_by_its_store() {
    let found = report(&[
        numbers(13, 2 * MB),
        numbers(90_001, 4 * MB),
        numbers(90_003, 6 * MB),
    ]);
    let [leak] = &found.leaks[..] else {
        panic!("{found:#?}");
    };
    assert_eq!(
        leak.owner,
        "Array in captured variable `samples` of closure `serve`"
    );
    assert_eq!(leak.class, "(entries)");
    assert_eq!(leak.bytes, [2, 4, 6].map(|mb| mb * u64::from(MB)));
    // 16 bytes are the store's header.
    assert_eq!(leak.counts, [249_998, 499_998, 749_998]);
    assert_eq!(leak.item_path, "elements of `Array`");
    assert!(
        leak.evidence[0].contains("2.0 MB → 4.0 MB → 6.0 MB"),
        "{leak:#?}"
    );
    assert_eq!(leak.cures.len(), 1, "{leak:#?}");
    assert_eq!(found.unexplained_bytes, 0);
}

#[test]
fn a_store_that_grows_once_is_no_leak() {
    for last in [4 * MB, 4 * MB + 100_000] {
        let found = report(&[
            numbers(13, 2 * MB),
            numbers(90_001, 4 * MB),
            numbers(90_003, last),
        ]);
        assert!(
            found.leaks.is_empty() && found.cannot_tell.is_empty() && found.notes.is_empty(),
            "{found:#?}"
        );
    }
}

#[test]
fn a_store_of_items_is_told_with_them() {
    // The items' own finding counts the store.
    let with_items = |items: u32, store: u32, bytes: u32| {
        let (mut heap, array, store) = array_with_store("rows", store, bytes);
        for number in 0..items {
            let row = heap.graph.node("object", "Row", entry(number), 200);
            heap.graph
                .edge(array, "element", &number.to_string(), row)
                .edge(store, "internal", &number.to_string(), row);
        }
        heap.graph.read()
    };
    let found = report(&[
        with_items(100, 13, 2 * MB),
        with_items(200, 90_001, 4 * MB),
        with_items(300, 90_003, 6 * MB),
    ]);
    let [leak] = &found.leaks[..] else {
        panic!("{found:#?}");
    };
    assert_eq!(leak.class, "Row");
    assert_eq!(leak.growth_bytes, i64::from(4 * MB + 200 * 200));
}

/// A text that is replaced by a longer one every time: no place has more items.
#[test]
fn growth_that_no_finding_explains_is_noted() {
    let text = |id: u32, bytes: u32| {
        let mut heap = Heap::new();
        let text = heap.graph.node("string", "line", id, bytes);
        heap.graph.edge(heap.scope, "context", "log", text);
        heap.graph.read()
    };
    let grows = [text(101, 2 * MB), text(103, 4 * MB), text(105, 6 * MB)];
    let found = report(&grows);
    assert!(found.leaks.is_empty(), "{found:#?}");
    assert_eq!(found.unexplained_bytes, u64::from(4 * MB));
    assert!(
        found.notes[0].contains("4.0 MB of that growth is not explained"),
        "{found:#?}"
    );
    // Not in every step, or not by much.
    let once = report(&[text(101, 2 * MB), text(103, 6 * MB), text(105, 6 * MB)]);
    let little = report(&[text(101, 80 * MB), text(103, 82 * MB), text(105, 84 * MB)]);
    for quiet in [once, little] {
        assert_eq!((quiet.unexplained_bytes, quiet.notes.len()), (0, 0));
        assert_eq!(quiet.total.len(), 3);
    }
}
