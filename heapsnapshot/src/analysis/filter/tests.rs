use std::collections::HashSet;

use super::*;
use crate::tests::{Builder, Random, random_graph};

fn ids(snapshot: &Snapshot, what: Filter) -> Vec<u32> {
    let kept = filter(snapshot, what);
    let nodes = snapshot.nodes();
    let mut ids: Vec<u32> = nodes
        .filter(|node| kept.contains(node.ordinal()))
        .map(|node| node.id().0)
        .collect();
    ids.sort_unstable();
    ids
}

#[test]
fn what_only_contexts_or_the_console_keep() {
    let mut graph = Builder::new();
    let roots = graph.node("synthetic", "(GC roots)", 3, 0);
    let closure = graph.node("closure", "onTick", 5, 64);
    let context = graph.node("object", "system / Context / setup", 7, 32);
    let rows = graph.node("object", "Rows", 9, 16);
    let shared = graph.node("object", "Shared", 11, 16);
    let logged = graph.node("object", "Logged", 13, 16);
    let alone = graph.node("object", "Alone", 15, 16);
    graph
        .edge(0, "element", "1", roots)
        .edge(roots, "element", "1", closure)
        .edge(roots, "property", "shared", shared)
        .edge(roots, "property", "7 / DevTools console", logged)
        .edge(closure, "internal", "context", context)
        .edge(context, "context", "rows", rows)
        .edge(context, "context", "shared", shared)
        .edge(alone, "property", "rows", rows);
    let snapshot = graph.read();
    assert_eq!(ids(&snapshot, Filter::Contexts), [7, 9]);
    assert_eq!(ids(&snapshot, Filter::Console), [13]);
    let between = Filter::Ids {
        after: Some(NodeId(7)),
        up_to: NodeId(11),
    };
    assert_eq!(ids(&snapshot, between), [9, 11]);
    assert_eq!(last_id(&snapshot), NodeId(15));
}

#[test]
fn what_only_event_handlers_keep() {
    let mut graph = Builder::new();
    let direct = graph.node("native", "V8EventListener", 3, 8);
    let wrapped = graph.node("native", "V8EventListener", 5, 8);
    let handler = graph.node("closure", "onClick", 7, 64);
    let wrapper = graph.node("object", "Wrapper", 9, 16);
    let inner = graph.node("closure", "inner", 11, 64);
    let code = graph.node("code", "", 13, 0);
    let data = graph.node("object", "Data", 15, 16);
    graph
        .edge(0, "property", "a", direct)
        .edge(0, "property", "b", wrapped)
        .edge(direct, "internal", "1", handler)
        .edge(wrapped, "element", "1", wrapper)
        .edge(wrapper, "property", "f", inner)
        .edge(handler, "internal", "code", code)
        .edge(inner, "internal", "code", code)
        .edge(inner, "property", "data", data);
    assert_eq!(
        ids(&graph.read(), Filter::EventHandlers),
        [7, 11, 13, 15],
        "the wrapper itself is reached"
    );
}

#[test]
fn every_byte_has_an_owner_or_none() {
    let mut graph = Builder::new();
    let first = graph.node("hidden", "system / NativeContext / a", 3, 100);
    let second = graph.node("hidden", "system / NativeContext", 5, 200);
    let own = graph.node("object", "Own", 7, 10);
    let both = graph.node("object", "Both", 9, 20);
    let below = graph.node("object", "Below", 11, 40);
    let fixed = graph.node("object", "Fixed", 13, 80);
    let map = graph.node("object shape", "system / Map", 15, 0);
    let meta_map = graph.node("object shape", "system / Map", 17, 0);
    let nobody = graph.node("object", "Nobody", 19, 7);
    graph
        .edge(0, "element", "1", first)
        .edge(0, "element", "2", second)
        .edge(0, "element", "3", nobody)
        .edge(first, "property", "own", own)
        .edge(first, "property", "both", both)
        .edge(second, "property", "both", both)
        .edge(second, "weak", "own", own)
        .edge(both, "property", "below", below)
        // Its hidden class says that it belongs to the second, though the first points at it.
        .edge(first, "property", "fixed", fixed)
        .edge(fixed, "internal", "map", map)
        .edge(map, "internal", "map", meta_map)
        .edge(meta_map, "internal", "native_context", second);
    let snapshot = graph.read();
    let found = native_contexts(&snapshot);
    let attributed: Vec<u64> = found.contexts.iter().map(|row| row.attributed).collect();
    assert_eq!(attributed, [110, 280]);
    assert_eq!((found.shared, found.unattributed), (60, 7));
    let of = |node: usize| Filter::NativeContext(NodeOrdinal(node as u32));
    assert_eq!(ids(&snapshot, of(first)), [3, 7]);
    assert_eq!(ids(&snapshot, Filter::SharedNativeContext), [9, 11]);
    assert_eq!(ids(&snapshot, Filter::NoNativeContext), [1, 19]);
}

/// Against the definition: a node is kept if removing all contexts cuts it off from the root.
#[test]
fn random_graphs_agree_with_the_definition() {
    let mut random = Random(0xf117e5);
    for _ in 0..500 {
        let mut graph = random_graph(&mut random);
        for at in 0..random.below(4) {
            let context = graph.node("object", "system / Context", 1001 + 2 * at as u32, 8);
            graph.edge(random.below(context), "internal", "context", context);
            graph.edge(context, "context", "a", random.below(context));
        }
        let snapshot = graph.read();
        let is_context = |node: usize| &*snapshot.at(node).name() == "system / Context";
        let reach = |around: bool| {
            let mut reached = HashSet::from([0]);
            loop {
                let before = reached.len();
                for edge in (0..snapshot.edge_count()).map(|at| EdgeRef::new(&snapshot, at)) {
                    let (from, to) = (index(edge.from()), index(edge.to()));
                    if reached.contains(&from)
                        && !edge.is(EdgeType::Weak)
                        && !(around && is_context(to))
                    {
                        reached.insert(to);
                    }
                }
                if reached.len() == before {
                    return reached;
                }
            }
        };
        let around = reach(true);
        let kept = filter(&snapshot, Filter::Contexts);
        for node in snapshot.nodes() {
            let expected = !around.contains(&index(node))
                && snapshot.distances().raw(node.ordinal()) != NO_DISTANCE;
            assert_eq!(kept.contains(node.ordinal()), expected, "{node:?}");
        }
    }
}
