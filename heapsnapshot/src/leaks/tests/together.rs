//! Findings about the same growth, and that they come in the same order and form every time.

use std::fs;

use super::*;
use crate::index::{GraphIndex, Identity};
use crate::{Input, ReadOptions};

/// Timers in Node's list, which knows both its ends, linked in both directions; a new one comes before the list.
fn timers(length: u32) -> Heap {
    let mut heap = Heap::new();
    let list = heap.graph.node("object", "TimersList", 11, 64);
    heap.graph.edge(heap.scope, "context", "list", list);
    let mut before = list;
    for number in 0..length {
        let timer = heap.graph.node("object", "Timeout", entry(number), 64);
        heap.graph
            .edge(before, "property", "_idlePrev", timer)
            .edge(timer, "property", "_idleNext", before);
        before = timer;
    }
    heap.graph.edge(before, "property", "_idlePrev", list).edge(
        list,
        "property",
        "_idleNext",
        before,
    );
    heap
}

/// Hash tables differ from run to run, and a snapshot from an index from one that was read.
#[test]
fn the_same_snapshots_give_the_same_report() {
    let name = format!("heapsnapshot-leaks-{}", std::process::id());
    let folder = std::env::temp_dir().join(name);
    fs::create_dir_all(&folder).expect("a folder");
    let files = [100, 200, 300].map(|length| {
        let file = folder.join(format!("{length}.heapsnapshot"));
        fs::write(&file, timers(length).graph.text()).expect("a file");
        file
    });
    let text =
        |snapshots: &[Snapshot]| serde_json::to_string_pretty(&report(snapshots)).expect("JSON");
    let read = || {
        files.each_ref().map(|file| {
            let input = Input::open(file).expect("an open file");
            Snapshot::read(input, &ReadOptions::default()).expect("a snapshot")
        })
    };
    let first = text(&read());
    assert!(first.contains("Timeout"), "{first}");
    for (file, snapshot) in files.iter().zip(read()) {
        let identity = Identity::of(file).expect("an identity");
        GraphIndex::store(&snapshot, file, &identity).expect("an index");
    }
    for _ in 0..16 {
        let indexed = files.each_ref().map(|file| {
            let index = GraphIndex::open(file, false).expect("an index");
            index.read(false).expect("a snapshot")
        });
        assert_eq!(text(&indexed), first);
        assert_eq!(text(&read()), first);
    }
    fs::remove_dir_all(&folder).expect("removed");
}

#[test]
fn a_list_is_not_said_to_be_held_by_its_items() {
    let found = report(&[100, 200, 300].map(|length| timers(length).graph.read()));
    let [leak] = &found.leaks[..] else {
        panic!("{found:#?}");
    };
    let owner = "of TimersList in captured variable `list` of closure `serve`";
    assert!(leak.owner.ends_with(owner), "{leak:#?}");
    let [cure] = &leak.cures[..] else {
        panic!("{leak:#?}");
    };
    assert!(cure.contains("clearTimeout"), "{cure}");
}

/// Listeners of an event target as Node keeps them: a list in a map behind a symbol.
fn listeners(class: &str, length: u32) -> Snapshot {
    let mut heap = Heap::new();
    let target = heap.graph.node("object", "EventTarget", 11, 64);
    let (map, table) = heap.map(target, "events", 13);
    let head = heap.graph.node("object", "Object", 101, 32);
    heap.graph
        .edge(heap.scope, "context", "signal", target)
        .edge(target, "property", "<symbol kEvents>", map)
        .edge(table, "internal", "4", head);
    let mut before = head;
    for number in 0..length {
        let listener = heap.graph.node("object", class, entry(number), 64);
        heap.graph
            .edge(before, "property", "next", listener)
            .edge(listener, "property", "previous", before);
        before = listener;
    }
    heap.graph.read()
}

#[test]
fn listeners_of_an_event_target_are_to_be_removed() {
    let of = |class| report(&[100, 200, 300].map(|length| listeners(class, length)));
    let found = of("Listener");
    let [leak] = &found.leaks[..] else {
        panic!("{found:#?}");
    };
    assert!(
        leak.owner
            .contains("Map in property `<symbol kEvents>` of `EventTarget`"),
        "{leak:#?}"
    );
    assert!(!leak.owner.contains("previous"), "{leak:#?}");
    let [cure] = &leak.cures[..] else {
        panic!("{leak:#?}");
    };
    assert!(cure.contains("removeEventListener"), "{cure}");
    // A list of anything else is a list.
    let found = of("Cell");
    assert!(
        found.leaks[0].cures[0].contains("out of the list"),
        "{found:#?}"
    );
}

/// Two maps of so many objects, which refer to the same requests or each to their own.
fn two_maps(count: u32, shared: bool) -> Snapshot {
    let mut heap = Heap::new();
    let (_, waiting) = heap.map(heap.scope, "waiting", 11);
    let (_, listening) = heap.map(heap.scope, "listening", 21);
    let object = |graph: &mut Builder, class: &str, id: u32, size: u32| {
        graph.node("object", class, id, size)
    };
    for number in 0..count {
        let graph = &mut heap.graph;
        let waiter = object(graph, "Waiter", entry(4 * number), 100);
        let listener = object(graph, "Listener", entry(4 * number + 1), 60);
        let request = object(graph, "Request", entry(4 * number + 2), 1000);
        let other = if shared {
            request
        } else {
            object(graph, "Request", entry(4 * number + 3), 1000)
        };
        let slot = number.to_string();
        graph
            .edge(waiting, "internal", &slot, waiter)
            .edge(listening, "internal", &slot, listener)
            .edge(waiter, "property", "request", request)
            .edge(listener, "property", "request", other);
    }
    heap.graph.read()
}

#[test]
fn findings_that_overlap_say_so() {
    let found = report(&[100, 200, 300].map(|count| two_maps(count, true)));
    let [first, second] = &found.leaks[..] else {
        panic!("{found:#?}");
    };
    assert_eq!(
        (first.class.as_str(), second.class.as_str()),
        ("Waiter", "Listener")
    );
    assert_eq!(
        (first.growth_bytes, second.growth_bytes),
        (220_000, 212_000)
    );
    assert_eq!((first.shared_bytes, second.shared_bytes), (0, 200_000));
    let told = second.evidence.last().expect("evidence");
    assert!(told.contains("200.0 kB") && told.contains("@11"), "{told}");
    assert_eq!(
        found.notes,
        ["findings overlap: together they grew by 232.0 kB, not by 432.0 kB, their sum"]
    );

    let apart = report(&[100, 200, 300].map(|count| two_maps(count, false)));
    assert_eq!(apart.leaks.len(), 2, "{apart:#?}");
    assert!(apart.leaks.iter().all(|leak| leak.shared_bytes == 0));
    assert!(apart.notes.is_empty(), "{apart:#?}");
}
