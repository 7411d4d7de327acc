//! The finder on graphs made by hand: what it names, and when it is silent.

mod large;
mod together;

use super::*;
use crate::Snapshot;
use crate::analysis::diff::Matching;
use crate::tests::Builder;

/// A heap with a scope, in whose variables everything hangs.
struct Heap {
    graph: Builder,
    scope: usize,
}

impl Heap {
    fn new() -> Heap {
        let mut graph = Builder::new();
        let roots = graph.node("synthetic", "(GC roots)", 3, 0);
        let handles = graph.node("synthetic", "(Global handles)", 5, 0);
        let function = graph.node("closure", "serve", 7, 32);
        let scope = graph.node("object", "system / Context", 9, 32);
        graph
            .edge(0, "element", "1", roots)
            .edge(roots, "element", "1", handles)
            .edge(handles, "element", "1", function)
            .edge(function, "internal", "context", scope);
        Heap { graph, scope }
    }

    /// A map in a variable or in another map, with its table.
    fn map(&mut self, holder: usize, variable: &str, id: u32) -> (usize, usize) {
        let map = self.graph.node("object", "Map", id, 32);
        let table = self.graph.node("array", "", id + 2, 512);
        let kind = if holder == self.scope {
            "context"
        } else {
            "internal"
        };
        self.graph
            .edge(holder, kind, variable, map)
            .edge(map, "internal", "table", table);
        (map, table)
    }

    /// Entries with these ids.
    fn fill(&mut self, table: usize, class: &str, ids: impl Iterator<Item = u32>) {
        for (slot, id) in ids.enumerate() {
            let entry = self.graph.node("object", class, id, 200);
            self.graph.edge(table, "internal", &slot.to_string(), entry);
        }
    }
}

fn entry(number: u32) -> u32 {
    10_001 + 2 * number
}

/// A map `sessions` with the sessions of these numbers.
fn sessions(numbers: std::ops::Range<u32>) -> Snapshot {
    let mut heap = Heap::new();
    let (_, table) = heap.map(heap.scope, "sessions", 11);
    heap.fill(table, "Session", numbers.map(entry));
    heap.graph.read()
}

fn report(snapshots: &[Snapshot]) -> LeakReport {
    find(
        snapshots,
        Some(Matching::Id),
        &Settings::default(),
        "2026-01-01",
    )
}

#[test]
fn a_growing_map_is_named_with_its_counts() {
    let found = report(&[sessions(0..100), sessions(0..200), sessions(0..300)]);
    assert_eq!(found.leaks.len(), 1, "{found:#?}");
    let leak = &found.leaks[0];
    assert_eq!(leak.class, "Session");
    assert_eq!(
        leak.owner,
        "Map in captured variable `sessions` of closure `serve`"
    );
    assert_eq!(leak.counts, [100, 200, 300]);
    assert_eq!(leak.growth_bytes, 200 * 200);
    assert_eq!(leak.item_path, "Session");
    assert!(leak.confidence > 0.8, "{leak:#?}");
    assert!(!leak.cures.is_empty());
}

#[test]
fn what_is_replaced_or_has_stopped_is_no_leak() {
    // At its bound, others every time.
    let full = report(&[sessions(0..100), sessions(100..200), sessions(200..300)]);
    assert!(
        full.leaks.is_empty() && full.cannot_tell.is_empty(),
        "{full:#?}"
    );
    // Filled, then level.
    let level = report(&[sessions(0..100), sessions(0..300), sessions(0..300)]);
    assert!(
        level.leaks.is_empty() && level.cannot_tell.is_empty(),
        "{level:#?}"
    );
    // Nearly level.
    let slowing = report(&[sessions(0..100), sessions(0..600), sessions(0..640)]);
    assert!(slowing.leaks.is_empty(), "{slowing:#?}");
}

#[test]
fn more_each_time_of_what_is_let_go_is_not_decided() {
    let found = report(&[sessions(0..100), sessions(1000..1200), sessions(2000..2300)]);
    assert!(found.leaks.is_empty(), "{found:#?}");
    let [unsure] = &found.cannot_tell[..] else {
        panic!("{found:#?}");
    };
    assert_eq!(unsure.counts, [100, 200, 300]);
    assert!(unsure.evidence.iter().any(|why| why.contains("let go")));
}

#[test]
fn growth_that_slows_down_is_not_decided() {
    let found = report(&[sessions(0..100), sessions(0..600), sessions(0..700)]);
    assert!(found.leaks.is_empty(), "{found:#?}");
    assert_eq!(found.cannot_tell.len(), 1, "{found:#?}");
    // Load that comes unevenly does not slow down.
    let found = report(&[sessions(0..100), sessions(0..200), sessions(0..700)]);
    assert_eq!(found.leaks.len(), 1, "{found:#?}");
}

#[test]
fn two_snapshots_do_not_say_that_it_goes_on() {
    let found = report(&[sessions(0..100), sessions(0..200)]);
    assert!(found.leaks.is_empty(), "{found:#?}");
    assert_eq!(found.cannot_tell.len(), 1, "{found:#?}");
    assert!(found.notes[0].contains("take a third"));
}

#[test]
fn one_snapshot_lists_what_is_large() {
    let found = report(&[sessions(0..700)]);
    assert_eq!(found.matched, Matched::Alone);
    let [large] = &found.cannot_tell[..] else {
        panic!("{found:#?}");
    };
    assert!(large.owner.contains("`sessions`") && large.counts == [700]);
    // What it holds, not what it is.
    assert_eq!(large.class, "Session");
}

/// What Node keeps in variables of its own functions is no suspect; the same in a program's, or under a name that is not
/// one of Node's, is.
#[test]
fn one_snapshot_does_not_list_what_is_nodes_own() {
    let listed = |script: &str, variable: &str| {
        let mut heap = Heap::new();
        // An inner function's context refers to the one around it, where the variable is.
        let function = heap.graph.node("closure", "resolve", 7001, 32);
        let shared = heap.graph.node("code", "resolve", 7003, 32);
        let script = heap.graph.node("code", script, 7005, 32);
        let inner = heap.graph.node("object", "system / Context", 7007, 32);
        let outer = heap.graph.node("object", "system / Context", 7009, 32);
        let map = heap.graph.node("object", "Map", 7011, 32);
        let table = heap.graph.node("array", "", 7013, 512);
        heap.graph
            .edge(heap.scope, "context", "resolve", function)
            .edge(function, "internal", "shared", shared)
            .edge(shared, "internal", "script", script)
            .edge(function, "internal", "context", inner)
            .edge(inner, "internal", "previous", outer)
            .edge(outer, "context", variable, map)
            .edge(map, "internal", "table", table);
        heap.fill(table, "Entry", (0..600).map(entry));
        report(&[heap.graph.read()]).cannot_tell.len()
    };
    assert_eq!(listed("node:internal/modules", "statCache"), 0);
    assert_eq!(listed("/srv/app/server.js", "statCache"), 1);
    assert_eq!(listed("node:internal/modules", "anyOtherName"), 1);
}

#[test]
fn one_snapshot_does_not_list_what_the_loader_writes_down() {
    let listed = |property: &str| {
        let mut heap = Heap::new();
        let graph = &mut heap.graph;
        let module = graph.node("object", "Module", 7001, 64);
        let array = graph.node("object", "Array", 7003, 32);
        let store = graph.node("array", "(object elements)", 7005, 9616);
        graph
            .edge(heap.scope, "context", "module", module)
            .edge(module, "property", property, array)
            .edge(array, "internal", "elements", store);
        for at in 0..1200 {
            // Half of them are the beginning of a longer text.
            let text = graph.node("string", "/srv/app/node_modules", 8001 + 4 * at, 120);
            if at % 2 == 0 {
                graph.edge(array, "element", &at.to_string(), text);
                continue;
            }
            let whole = graph.node("concatenated string", "", 8003 + 4 * at, 32);
            let rest = graph.node("string", &format!("/{at}"), 20_001 + 2 * at, 16);
            graph
                .edge(array, "element", &at.to_string(), whole)
                .edge(whole, "internal", "first", text)
                .edge(whole, "internal", "second", rest);
        }
        let found = report(&[graph.read()]).cannot_tell;
        found
            .into_iter()
            .map(|finding| finding.owner)
            .collect::<Vec<_>>()
    };
    assert!(listed("paths").is_empty(), "{:?}", listed("paths"));
    // The array is large, and its texts are copies.
    let exported = listed("exports");
    assert_eq!(exported.len(), 2, "{exported:?}");
    assert!(
        exported.iter().all(|owner| owner.contains("`exports`")),
        "{exported:?}"
    );
}

#[test]
fn modules_that_were_loaded_are_no_suspects() {
    let listed = |class: &str| {
        let mut heap = Heap::new();
        let (_, table) = heap.map(heap.scope, "loaded", 11);
        heap.fill(table, class, (0..600).map(entry));
        report(&[heap.graph.read()]).cannot_tell.len()
    };
    assert_eq!((listed("Module"), listed("Plugin")), (0, 1));
}

#[test]
fn more_snapshots_are_more_evidence() {
    let of = |last: u32| -> Vec<Snapshot> { (1..=last).map(|n| sessions(0..100 * n)).collect() };
    let (three, five) = (report(&of(3)), report(&of(5)));
    assert!(five.leaks[0].confidence > three.leaks[0].confidence);
    assert_eq!(five.leaks[0].counts, [100, 200, 300, 400, 500]);
    // One quiet step among many is no end.
    let mut quiet = of(5);
    quiet[2] = sessions(0..200);
    assert_eq!(
        report(&quiet).leaks.len() + report(&quiet).cannot_tell.len(),
        1
    );
}

#[test]
fn inner_maps_are_one_finding_about_the_outer() {
    let tenants = |each: u32| {
        let mut heap = Heap::new();
        let (_, outer) = heap.map(heap.scope, "tenants", 11);
        for tenant in 0..8 {
            let (_, table) = heap.map(outer, &tenant.to_string(), 101 + 10 * tenant);
            heap.fill(table, "User", (0..each).map(|n| entry(1000 * tenant + n)));
        }
        heap.graph.read()
    };
    // Each inner map alone gains less than counts.
    let found = report(&[tenants(0), tenants(10), tenants(20)]);
    let [leak] = &found.leaks[..] else {
        panic!("{found:#?}");
    };
    assert_eq!(
        leak.owner,
        "Map in captured variable `tenants` of closure `serve`"
    );
    assert_eq!(
        (leak.counts.as_slice(), leak.places),
        (&[0, 80, 160][..], 8)
    );
    assert_eq!(leak.item_path, "Map → User");
}

#[test]
fn a_chain_is_named_by_its_variable() {
    let chain = |length: u32| {
        let mut heap = Heap::new();
        let mut before = heap.graph.node("closure", "wrapper", 101, 64);
        for number in 0..length {
            let scope = heap
                .graph
                .node("object", "system / Context", entry(2 * number), 64);
            let wrapper = heap
                .graph
                .node("closure", "wrapper", entry(2 * number + 1), 64);
            heap.graph
                .edge(wrapper, "internal", "context", scope)
                .edge(scope, "context", "before", before);
            before = wrapper;
        }
        let scope = heap.scope;
        heap.graph.edge(scope, "context", "current", before);
        heap.graph.read()
    };
    let found = report(&[chain(100), chain(200), chain(300)]);
    let [leak] = &found.leaks[..] else {
        panic!("{found:#?}");
    };
    assert_eq!(leak.owner, "captured variable `current` of closure `serve`");
    assert_eq!(leak.class, "function wrapper");
    assert_eq!(leak.counts, [0, 100, 200]);
}

#[test]
fn a_list_that_grows_at_its_end_is_named_by_its_head() {
    let list = |length: u32| {
        let mut heap = Heap::new();
        let queue = heap.graph.node("object", "Queue", 101, 64);
        let mut before = queue;
        for number in 0..length {
            let cell = heap.graph.node("object", "Cell", entry(number), 64);
            heap.graph.edge(before, "property", "next", cell);
            before = cell;
        }
        let scope = heap.scope;
        heap.graph.edge(scope, "context", "waiting", queue);
        heap.graph.read()
    };
    let found = report(&[list(100), list(200), list(300)]);
    let [leak] = &found.leaks[..] else {
        panic!("{found:#?}");
    };
    assert_eq!(
        leak.owner,
        "property `next` of Queue in captured variable `waiting` of closure `serve`"
    );
    assert_eq!(leak.class, "Cell");
}

#[test]
fn different_processes_are_compared_by_shape() {
    let other = |numbers: std::ops::Range<u32>, first_id: u32| {
        let mut heap = Heap::new();
        let (_, table) = heap.map(heap.scope, "sessions", first_id);
        let base = first_id + 1000;
        heap.fill(table, "Session", numbers.map(|n| base + 2 * n));
        let (_, table) = heap.map(heap.scope, "full", first_id + 10);
        let base = first_id + 100_000;
        heap.fill(table, "Page", (0..500).map(|n| base + 2 * n));
        heap.graph.read()
    };
    let snapshots = [
        other(0..100, 1_000_001),
        other(0..200, 2_000_001),
        other(0..300, 3_000_001),
    ];
    let found = find(&snapshots, None, &Settings::default(), "2026-01-01");
    assert_eq!(found.matched, Matched::Shape, "{found:#?}");
    let [leak] = &found.leaks[..] else {
        panic!("{found:#?}");
    };
    assert_eq!(
        leak.owner,
        "Map in captured variable `sessions` of closure `serve`"
    );
    assert_eq!(
        (leak.class.as_str(), leak.counts.as_slice()),
        ("Session", &[100, 200, 300][..])
    );
    assert!(
        found
            .notes
            .iter()
            .any(|note| note.contains("different processes"))
    );
}

#[test]
fn a_dictionary_of_functions_is_one_owner() {
    let handlers = |count: u32| {
        let mut heap = Heap::new();
        let dictionary = heap.graph.node("object", "Object", 101, 64);
        let scope = heap.scope;
        heap.graph.edge(scope, "context", "handlers", dictionary);
        for number in 0..count {
            let handler = heap.graph.node("closure", "handler", entry(number), 64);
            let key = format!("user {number}");
            heap.graph.edge(dictionary, "property", &key, handler);
        }
        heap.graph.read()
    };
    let found = report(&[handlers(100), handlers(200), handlers(300)]);
    let [leak] = &found.leaks[..] else {
        panic!("{found:#?}");
    };
    assert!(leak.owner.contains("`handlers`"), "{leak:#?}");
    assert_eq!(
        (leak.class.as_str(), leak.counts.as_slice()),
        ("function handler", &[100, 200, 300][..])
    );
}

#[test]
fn the_allow_list_holds_until_its_day() {
    let text = "[[allow]]\nowner = \"sessions\"\nclass = \"Session\"\nuntil = \"2026-06-01\"\nreason = \"known\"\n";
    let settings = Settings::parse(text).expect("settings");
    let snapshots = [sessions(0..100), sessions(0..200), sessions(0..300)];
    let on = |day: &str| {
        let found = find(&snapshots, Some(Matching::Id), &settings, day);
        (found.leaks.len(), found.allowed.len())
    };
    assert_eq!(on("2026-05-31"), (0, 1));
    assert_eq!(on("2026-06-01"), (1, 0));
}

/// A cache of cells that know their neighbours, with a map of them; so many of them leak that are not linked.
fn recency(cells: u32, linked: bool) -> Snapshot {
    let mut heap = Heap::new();
    let cache = heap.graph.node("object", "PageCache", 11, 40);
    heap.graph.edge(heap.scope, "context", "pages", cache);
    let (map, table) = heap.map(cache, "table", 13);
    heap.graph.edge(cache, "property", "byKey", map);
    let mut before = None;
    for number in 0..cells {
        let cell = heap.graph.node("object", "Cell", entry(number), 200);
        heap.graph
            .edge(table, "internal", &number.to_string(), cell);
        if let (Some(before), true) = (before, linked) {
            heap.graph
                .edge(before, "property", "newer", cell)
                .edge(cell, "property", "older", before);
        }
        before = Some(cell);
    }
    // A running function has the map, too: the shortest way to it says nothing of the cache.
    let stack = heap.graph.node("synthetic", "(Stack roots)", 9_001, 0);
    heap.graph
        .edge(0, "element", "2", stack)
        .edge(stack, "element", "1", map);
    for end in ["head", "tail"] {
        let cell = if end == "head" {
            before
        } else {
            Some(table + 1)
        };
        heap.graph
            .edge(cache, "property", end, cell.expect("cells"));
    }
    heap.graph.read()
}

#[test]
fn a_cache_that_fills_is_not_decided() {
    let filling = [100, 200, 300].map(|cells| recency(cells, true));
    let found = report(&filling);
    assert!(found.leaks.is_empty(), "{:#?}", found.leaks);
    assert!(!found.cannot_tell.is_empty());
    let told = &found.cannot_tell[0].evidence;
    assert!(
        told.iter()
            .any(|why| why.contains("may not have reached its bound")),
        "{told:#?}"
    );
    // The same without the links that letting go needs.
    let leaking = [100, 200, 300].map(|cells| recency(cells, false));
    assert_eq!(report(&leaking).leaks.len(), 1);
}

/// An array with so many entries in room for so many more.
fn slots(entries: u32, room: u32, store: u32) -> Snapshot {
    let mut heap = Heap::new();
    let array = heap.graph.node("object", "Array", 11, 32);
    let elements = heap
        .graph
        .node("array", "(object elements)", store, 16 + 8 * room);
    heap.graph
        .edge(heap.scope, "context", "rows", array)
        .edge(array, "internal", "elements", elements);
    for number in 0..entries {
        let row = heap.graph.node("object", "Row", entry(number), 200);
        heap.graph
            .edge(array, "element", &number.to_string(), row)
            .edge(elements, "internal", &number.to_string(), row);
    }
    heap.graph.read()
}

#[test]
fn room_that_was_made_before_may_be_a_bound() {
    let fixed = report(&[100, 200, 300].map(|entries| slots(entries, 1000, 13)));
    assert!(fixed.leaks.is_empty(), "{:#?}", fixed.leaks);
    assert!(
        fixed.cannot_tell[0]
            .evidence
            .iter()
            .any(|why| why.contains("room for 1000")),
        "{fixed:#?}"
    );
    // Room that is made as it is needed: other stores, and half as much again.
    let grows = [(100, 13), (200, 90_001), (300, 90_003)];
    let grows = grows.map(|(entries, store)| slots(entries, entries * 3 / 2 + 16, store));
    assert_eq!(report(&grows).leaks.len(), 1);
}

/// Functions of the engine and of Node, sources of scripts, and what stands behind Node's bindings are not the program's.
#[test]
fn one_snapshot_leaves_out_what_node_made() {
    let mut heap = Heap::new();
    let graph = &mut heap.graph;
    let code = |graph: &mut Builder, id: u32, script: Option<&str>| {
        let shared = graph.node("code", "f", id, 50);
        if let Some(name) = script {
            let script = graph.node("code", name, id + 2, 50);
            graph.edge(shared, "internal", "script", script);
        }
        shared
    };
    let built_in = code(graph, 101, None);
    let of_node = code(graph, 103, Some("node:internal/errors"));
    let own = code(graph, 107, Some("/app/index.js"));
    let mut table = |name: &str, shared: usize, bound: bool, id: u32| {
        let owner = graph.node("object", "Object", id, 32);
        graph.edge(heap.scope, "context", name, owner);
        for at in 0..600 {
            let mut function = graph.node("closure", "f", id + 4 * at + 2, 64);
            graph.edge(function, "internal", "shared", shared);
            if bound {
                let inner = function;
                function = graph.node("closure", "native_bind", id + 4 * at + 4, 64);
                graph.edge(function, "internal", "bound_function", inner);
            }
            graph.edge(owner, "property", &format!("p{at}"), function);
        }
    };
    table("engine", built_in, false, 10_001);
    table("bound", built_in, true, 20_001);
    table("node", of_node, true, 30_001);
    table("mine", own, true, 40_001);
    // The names of an object's many properties are no items of it.
    let owner = graph.node("object", "Object", 60_001, 32);
    let names = graph.node("array", "(object properties)", 60_003, 32);
    graph
        .edge(heap.scope, "context", "names", owner)
        .edge(owner, "internal", "properties", names);
    for at in 0..600 {
        let name = graph.node("string", "name", 60_005 + 2 * at, 32);
        graph.edge(names, "internal", &at.to_string(), name);
    }
    let binding = graph.node("native", "Detached Node / BindingData", 50_001, 64);
    graph.edge(heap.scope, "context", "binding", binding);
    let found = report(&[heap.graph.read()]);
    let owners: Vec<&str> = found.cannot_tell.iter().map(|f| f.owner.as_str()).collect();
    assert_eq!(owners.len(), 1, "{owners:?}");
    assert!(owners[0].contains("captured variable `mine`"), "{owners:?}");
}
