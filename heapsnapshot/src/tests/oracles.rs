//! The analyses that list things, against the plainest way to find the same: every node and every edge looked at by
//! its names, nothing sorted, sieved or counted beforehand. Collections are built by a model of the engine's tables,
//! which knows what it put in.

use std::collections::{HashMap, HashSet};

use super::{Builder, Random, random_graph};
use crate::analysis::closures::closures;
use crate::analysis::collections::{CollectionKind, collections};
use crate::analysis::diff::{Matching, diff};
use crate::analysis::dominators::{dominated_classes, top_consumers};
use crate::analysis::find::{Query, find};
use crate::analysis::growth::GrowthSeries;
use crate::analysis::statistics::statistics;
use crate::analysis::strings::duplicated_strings;
use crate::analysis::words;
use crate::format::{EdgeType, NodeType};
use crate::{EdgeRef, NodeId, NodeRef, Snapshot};

pub(super) const GRAPHS: usize = 500;

/// A random graph with what these analyses look for: ropes, contexts, closures, arrays with their elements.
pub(super) fn rich_graph(random: &mut Random) -> Builder {
    let mut graph = random_graph(random);
    for at in 0..random.below(12) {
        let id = 1001 + 4 * at as u32;
        let any = random.below(graph.nodes.len());
        let other = random.below(graph.nodes.len());
        match random.below(4) {
            0 => {
                let rope = graph.node("concatenated string", "(concatenated string)", id, 32);
                graph
                    .edge(rope, "internal", "first", any)
                    .edge(rope, "internal", "second", other);
                graph.edge(other, "property", "rope", rope);
            }
            1 => {
                let name = [
                    "system / Context",
                    "system / Context / A",
                    "system / Contexts",
                ];
                let context = graph.node("object", name[random.below(3)], id, 40);
                let closure = graph.node("closure", ["A", "", "b"][random.below(3)], id + 2, 64);
                graph
                    .edge(closure, "internal", "context", context)
                    .edge(any, "property", "b", closure)
                    .edge(context, "context", "a", other)
                    .edge(context, "context", "b", any);
            }
            2 => {
                let array = graph.node("object", "Array", id, 16);
                let store = graph.node("array", "(object elements)", id + 2, 80);
                graph
                    .edge(any, "property", "a", array)
                    .edge(array, "internal", "elements", store);
                if random.below(3) == 0 {
                    graph.edge(other, "internal", "elements", store);
                }
            }
            _ => {
                let text = ["A", "once and again", "é \" \\"][random.below(3)];
                let string = graph.node("string", text, id, 8 * random.below(5) as u32);
                graph.edge(any, "property", "text", string);
            }
        }
    }
    graph
}

/// What the file says of nodes and documents: of some that they are attached, of some that they are not.
pub(super) fn random_states(random: &mut Random, graph: &Builder) -> Vec<u8> {
    let mut state = |_: &_| random.below(5).saturating_sub(2) as u8;
    graph.nodes.iter().map(&mut state).collect()
}

pub(super) fn all_edges(snapshot: &Snapshot) -> impl Iterator<Item = EdgeRef<'_>> {
    snapshot.nodes().flat_map(NodeRef::edges)
}

/// Largest first, and in file order.
fn by_retained<'a>(nodes: impl Iterator<Item = NodeRef<'a>>) -> Vec<NodeRef<'a>> {
    let mut nodes: Vec<_> = nodes.collect();
    nodes.sort_by_key(|node| node.ordinal());
    nodes.sort_by_key(|node| std::cmp::Reverse(node.retained_size()));
    nodes
}

/// A text by its parts, from left to right, as long as they are few.
pub(super) fn text(node: NodeRef<'_>, depth: usize) -> String {
    if !node.is(NodeType::ConcatenatedString) {
        // A part is what the file says.
        let prefix = if depth > 0 { "Detached " } else { "" };
        return node.name().trim_start_matches(prefix).to_owned();
    }
    let part = |name: &str| {
        let mut edges = node.edges();
        let edge = edges.find(|edge| edge.is(EdgeType::Internal) && edge.name() == name);
        edge.filter(|_| depth < 8)
            .map_or(String::new(), |edge| text(edge.to(), depth + 1))
    };
    part("first") + &part("second")
}

/// No rope is part of itself: the cut of an endless text is another test's matter.
pub(super) fn has_endless_ropes(snapshot: &Snapshot) -> bool {
    fn deep(node: NodeRef<'_>, depth: usize) -> bool {
        node.is(NodeType::ConcatenatedString)
            && (depth > 7 || node.edges().any(|edge| deep(edge.to(), depth + 1)))
    }
    snapshot.nodes().any(|node| deep(node, 0))
}

#[test]
fn find_is_a_look_at_every_node() {
    let mut random = Random(0xf19d);
    let mut hits = 0;
    for _ in 0..GRAPHS {
        let mut graph = rich_graph(&mut random);
        if random.below(2) == 0 {
            graph.detachedness = random_states(&mut random, &graph);
        }
        let snapshot = graph.read();
        if has_endless_ropes(&snapshot) {
            continue;
        }
        let mut maybe = |words: &[&str]| {
            (random.below(3) == 0).then(|| words[random.below(words.len())].to_owned())
        };
        let contains = maybe(&["a", "B", "array", "MAP", "É", "x", "ACHED "]);
        let class = maybe(&[
            "A", "Array", "Function", "(string)", "(array)", "Object", "Nobody",
        ]);
        let node_type = maybe(&[
            "object",
            "array",
            "string",
            "closure",
            "concatenated string",
        ]);
        let query = Query {
            contains,
            class,
            node_type,
            id: (random.below(8) == 0).then(|| NodeId(2 * random.below(30) as u32 + 1)),
            min_self_size: random.below(60) as u64,
            min_retained: [0, random.below(200) as u64][random.below(2)],
        };
        let fits = |node: &NodeRef<'_>| {
            let part = |part: &String| text(*node, 0).to_lowercase().contains(&part.to_lowercase());
            query.contains.as_ref().is_none_or(part)
                && query
                    .class
                    .as_ref()
                    .is_none_or(|class| node.class_name() == *class)
                && query
                    .node_type
                    .as_ref()
                    .is_none_or(|name| node.type_name() == name)
                && query.id.is_none_or(|id| node.id() == id)
                && node.self_size() >= query.min_self_size
                && node.retained_size() >= query.min_retained
        };
        let expected = by_retained(snapshot.nodes().filter(fits));
        let limit = random.below(6);
        let found = find(&snapshot, &query, limit);
        assert_eq!(
            found.count,
            expected.len() as u64,
            "{query:?} in {snapshot:?}"
        );
        let shallow: u64 = expected.iter().map(|node| node.self_size()).sum();
        assert_eq!(found.shallow, shallow);
        let ids: Vec<_> = expected.iter().take(limit).map(|node| node.id()).collect();
        assert_eq!(found.rows.iter().map(|row| row.id).collect::<Vec<_>>(), ids);
        hits += expected.len();
    }
    assert!(hits > GRAPHS, "{hits} nodes in all");
}

#[test]
fn statistics_sort_every_byte() {
    let mut random = Random(0x57a7);
    for round in 0..GRAPHS {
        let extra = random.below(3) as u64 * 1000;
        let counts = format!("\"extra_native_bytes\":{extra},\"edge_count\":");
        let mut graph = rich_graph(&mut random);
        if round % 2 == 0 {
            let buffer = graph.node("native", "system / JSArrayBufferData", 9001, 4096);
            graph.edge(0, "property", "buffer", buffer);
        }
        let text = graph.text().replacen("\"edge_count\":", &counts, 1);
        let snapshot = Snapshot::parse(text).unwrap();
        let sum = |fits: &dyn Fn(&NodeRef<'_>) -> bool| -> u64 {
            let nodes = snapshot.nodes().filter(fits);
            nodes.map(|node| node.self_size()).sum()
        };
        let is = |node: &NodeRef<'_>, kinds: &[NodeType]| kinds.iter().any(|&kind| node.is(kind));
        let texts = [
            NodeType::String,
            NodeType::ConcatenatedString,
            NodeType::SlicedString,
        ];
        // What DevTools asks for before it looks at the name.
        let typed = [
            &texts[..],
            &[NodeType::Hidden, NodeType::Native, NodeType::Code],
        ]
        .concat();
        let is_array = |node: &NodeRef<'_>| node.name() == "Array" && !is(node, &typed);
        let is_store =
            |edge: &EdgeRef<'_>| edge.is(EdgeType::Internal) && edge.name() == "elements";
        let mut arrays = sum(&is_array);
        for array in snapshot.nodes().filter(is_array) {
            if let Some(edge) = array.edges().find(is_store) {
                let pointing = all_edges(&snapshot)
                    .filter(|other| other.to().ordinal() == edge.to().ordinal());
                if pointing.count() == 1 {
                    arrays += edge.to().self_size();
                }
            }
        }
        let found = statistics(&snapshot);
        assert_eq!(found.total, extra + sum(&|_| true));
        assert_eq!(found.native, extra + sum(&|node| node.is(NodeType::Native)));
        let buffers = |node: &NodeRef<'_>| {
            node.is(NodeType::Native) && node.name() == "system / JSArrayBufferData"
        };
        assert_eq!(found.typed_arrays, sum(&buffers));
        assert_eq!(found.code, sum(&|node| node.is(NodeType::Code)));
        assert_eq!(found.strings, sum(&|node| is(node, &texts)));
        assert_eq!(found.system, sum(&|node| node.is(NodeType::Hidden)));
        assert_eq!(found.js_arrays, arrays, "{snapshot:?}");
        assert_eq!(found.v8, found.total - found.native);
        let known = found.code + found.strings + found.system + found.js_arrays;
        assert_eq!(found.other_js, found.v8 as i64 - known as i64);
    }
}

#[test]
fn closures_are_found_edge_by_edge() {
    let mut random = Random(0xc105);
    let mut seen = 0;
    for _ in 0..GRAPHS {
        let snapshot = rich_graph(&mut random).read();
        let is_context = |node: &NodeRef<'_>| {
            let name = node.name();
            name == "system / Context" || name.starts_with("system / Context / ")
        };
        let expected = by_retained(snapshot.nodes().filter(is_context));
        let found = closures(&snapshot, usize::MAX);
        assert_eq!(found.contexts, expected.len() as u64);
        let ids: Vec<_> = expected.iter().map(|node| node.id()).collect();
        assert_eq!(found.rows.iter().map(|row| row.id).collect::<Vec<_>>(), ids);
        let mut variables = 0;
        for (row, context) in found.rows.iter().zip(&expected) {
            let refers = |edge: &EdgeRef<'_>| {
                edge.to().ordinal() == context.ordinal()
                    && edge.is(EdgeType::Internal)
                    && edge.name() == "context"
                    && edge.from().is(NodeType::Closure)
            };
            let users: Vec<_> = all_edges(&snapshot).filter(refers).collect();
            assert_eq!(row.closures, users.len() as u64);
            let names: HashSet<String> =
                users.iter().map(|edge| words::node(edge.from())).collect();
            assert_eq!(row.functions.iter().cloned().collect::<HashSet<_>>(), names);
            let mut held: Vec<_> = context
                .edges()
                .filter(|edge| edge.is(EdgeType::Context))
                .map(|edge| {
                    let value = edge.to();
                    let kept = value.dominator().ordinal() == context.ordinal();
                    (
                        edge.name().to_string(),
                        value.id(),
                        value.retained_size(),
                        kept,
                    )
                })
                .collect();
            variables += held.len() as u64;
            let mut listed: Vec<_> = row
                .variables
                .iter()
                .map(|known| {
                    (
                        known.name.clone(),
                        known.id,
                        known.retained,
                        known.kept_by_context,
                    )
                })
                .collect();
            assert!(listed.windows(2).all(|two| two[0].2 >= two[1].2));
            held.sort();
            listed.sort();
            assert_eq!(listed, held);
        }
        assert_eq!(found.variables, variables);
        seen += expected.len();
    }
    assert!(seen > GRAPHS / 2, "{seen} contexts in all");
}

/// A table as V8 lays it out: three numbers, the buckets, and the entries of `slots` slots each, deleted ones with
/// holes. Small integers leave no edge. Returns what an observer of edges can count.
fn ordered_table(
    graph: &mut Builder,
    random: &mut Random,
    table: usize,
    buckets: usize,
    slots: usize,
    values: &[usize],
) -> u64 {
    let capacity = 2 * buckets;
    let mut seen = 0;
    for entry in 0..random.below(capacity + 1) {
        let start = 3 + buckets + entry * slots;
        let mut visible = false;
        // Key, and value if there is one; the last slot is the chain, a number.
        for slot in 0..slots - 1 {
            if random.below(3) > 0 {
                let value = values[random.below(values.len())];
                graph.edge(table, "internal", &(start + slot).to_string(), value);
                visible = true;
            }
        }
        seen += u64::from(visible);
    }
    seen
}

#[test]
fn collections_hold_what_the_model_put_in() {
    let mut random = Random(0xc011);
    for _ in 0..GRAPHS {
        let mut graph = Builder::new();
        let roots = graph.node("synthetic", "(GC roots)", 3, 0);
        let hidden = graph.node("object shape", "system / Map", 5, 40);
        graph.edge(0, "element", "1", roots);
        let values: Vec<usize> = (0..5)
            .map(|at| graph.node("object", "Row", 7 + 2 * at, 16))
            .collect();
        let mut expected: HashMap<u32, (CollectionKind, u64, Option<u64>)> = HashMap::new();
        for at in 0..random.below(8) as u32 {
            let id = 101 + 4 * at;
            let word = [4, 8][random.below(2)];
            let buckets = 1 << random.below(4);
            match random.below(4) {
                kind @ (0 | 1) => {
                    let (class, slots, kind) = [
                        ("Map", 3, CollectionKind::Map),
                        ("Set", 2, CollectionKind::Set),
                    ][kind];
                    let map = graph.node("object", class, id, 32);
                    let size = 2 * word + word * (3 + buckets + 2 * buckets * slots);
                    let table = graph.node("array", "", id + 2, size as u32);
                    graph
                        .edge(roots, "property", "collection", map)
                        .edge(map, "internal", "table", table)
                        .edge(table, "internal", "map", hidden);
                    let seen =
                        ordered_table(&mut graph, &mut random, table, buckets, slots, &values);
                    expected.insert(id, (kind, seen, Some(2 * buckets as u64)));
                }
                2 => {
                    let array = graph.node("object", "Array", id, 32);
                    let room = random.below(12);
                    let mut seen = 0;
                    graph.edge(roots, "property", "collection", array);
                    if room > 0 {
                        let size = 16 + 8 * room as u32;
                        let store = graph.node("array", "(object elements)", id + 2, size);
                        graph.edge(array, "internal", "elements", store);
                        // Some are holes or numbers.
                        for slot in 0..room {
                            if random.below(2) == 0 {
                                let value = values[random.below(5)];
                                graph.edge(array, "element", &slot.to_string(), value);
                                seen += 1;
                            }
                        }
                    }
                    let room = (room > 0).then_some(room as u64);
                    expected.insert(id, (CollectionKind::Array, seen, room));
                }
                _ => {
                    // What is no collection.
                    let other = graph.node("object", "Record", id, 24);
                    let store = graph.node("array", "(object properties)", id + 2, 64);
                    graph
                        .edge(roots, "property", "record", other)
                        .edge(other, "internal", "properties", store)
                        .edge(other, "property", "row", values[random.below(5)]);
                }
            }
        }
        let snapshot = graph.read();
        let least = random.below(4) as u64;
        let found = collections(&snapshot, least, usize::MAX);
        expected.retain(|_, (_, seen, _)| *seen >= least);
        assert_eq!(found.count, expected.len() as u64, "{snapshot:?}");
        for row in &found.rows {
            let told = (row.kind, row.entries, row.capacity);
            assert_eq!(Some(&told), expected.get(&row.id.0), "{row:?}");
            let node = snapshot.node_by_id(row.id).unwrap();
            let table = node.edges().find(|edge| edge.is(EdgeType::Internal));
            let table = table.map_or(0, |edge| edge.to().raw_self_size());
            assert_eq!(row.own_bytes, node.raw_self_size() + table);
        }
        let ids: Vec<NodeId> = found.rows.iter().map(|row| row.id).collect();
        let nodes = ids.iter().filter_map(|&id| snapshot.node_by_id(id));
        assert_eq!(
            by_retained(nodes)
                .iter()
                .map(|node| node.id())
                .collect::<Vec<_>>(),
            ids
        );
    }
}

#[test]
fn equal_texts_are_found_by_comparing_all_with_all() {
    let mut random = Random(0x57216);
    let mut seen = 0;
    for _ in 0..GRAPHS {
        let snapshot = rich_graph(&mut random).read();
        if has_endless_ropes(&snapshot) {
            continue;
        }
        let is_flat = |node: &NodeRef<'_>| {
            let mut parts = node.edges().filter(|edge| {
                edge.is(EdgeType::Internal) && (edge.name() == "first" || edge.name() == "second")
            });
            parts.any(|edge| text(edge.to(), 0).is_empty())
        };
        let counts = |node: &NodeRef<'_>| {
            node.self_size() > 0
                && (node.is(NodeType::String)
                    || (node.is(NodeType::ConcatenatedString) && !is_flat(node)))
        };
        let strings: Vec<NodeRef<'_>> = snapshot.nodes().filter(counts).collect();
        let copies_of = |node: &NodeRef<'_>| -> Vec<NodeRef<'_>> {
            let same = |other: &&NodeRef<'_>| text(**other, 0) == text(*node, 0);
            strings.iter().filter(same).copied().collect()
        };
        let found = duplicated_strings(&snapshot, usize::MAX);
        let mut wasted = 0;
        for row in &found.rows {
            let copies = copies_of(&snapshot.node_by_id(row.example).unwrap());
            let sizes: Vec<u64> = copies.iter().map(|node| node.self_size()).collect();
            let (sum, most): (u64, u64) = (sizes.iter().sum(), *sizes.iter().max().unwrap());
            let told = (row.count, row.shallow, row.wasted);
            assert_eq!(told, (sizes.len() as u64, sum, sum - most));
            wasted += sum - most;
        }
        let with_copies = strings
            .iter()
            .filter(|node| copies_of(node).len() > 1)
            .count();
        assert_eq!((found.count, found.wasted), (with_copies as u64, wasted));
        assert_eq!(found.texts, found.rows.len() as u64);
        seen += with_copies;
    }
    assert!(seen > 100, "{seen} copies in all");
}

/// Lists of the dominator tree, by asking every node for its dominator.
#[test]
fn what_dominates_is_asked_of_every_node() {
    let mut random = Random(0xd0a1);
    for _ in 0..GRAPHS {
        let snapshot = rich_graph(&mut random).read();
        let groups_above = |node: NodeRef<'_>| {
            let mut at = node;
            while at.ordinal() != snapshot.root().ordinal() {
                at = at.dominator();
                if !at.is(NodeType::Synthetic) {
                    return false;
                }
            }
            true
        };
        let top = snapshot
            .nodes()
            .filter(|node| !node.is(NodeType::Synthetic) && groups_above(*node));
        let expected: Vec<_> = by_retained(top).iter().map(|node| node.id()).collect();
        let found = top_consumers(&snapshot, usize::MAX);
        assert_eq!(
            found.rows.iter().map(|row| row.id).collect::<Vec<_>>(),
            expected
        );
        let start = snapshot.at(random.below(snapshot.node_count()));
        let mut sums: HashMap<String, (u64, u64)> = HashMap::new();
        for node in snapshot.nodes() {
            if node.ordinal() != start.ordinal()
                && node.ordinal() != snapshot.root().ordinal()
                && node.dominator().ordinal() == start.ordinal()
            {
                let sum = sums.entry(node.class_name().into_owned()).or_default();
                *sum = (sum.0 + 1, sum.1 + node.retained_size());
            }
        }
        let found = dominated_classes(&snapshot, start.ordinal(), usize::MAX);
        assert_eq!(found.count, sums.len() as u64);
        for row in found.rows {
            assert_eq!(
                sums.get(&row.class),
                Some(&(row.count, row.retained)),
                "{}",
                row.class
            );
        }
    }
}

/// Objects of two snapshots compared pair by pair, and classes counted one by one.
#[test]
fn differences_are_those_of_all_pairs() {
    let mut random = Random(0xd1ff);
    for _ in 0..GRAPHS {
        let before = random_graph(&mut random).read();
        let after = random_graph(&mut random).read();
        let there = |other: &Snapshot, node: &NodeRef<'_>| other.node_by_id(node.id()).is_some();
        let found = diff(&before, &after, Some(Matching::Id), 5);
        let sum = |of: &Snapshot, other: &Snapshot, class: &str| {
            let own = of.nodes().filter(|node| {
                node.self_size() > 0 && node.class_name() == class && !there(other, node)
            });
            own.fold((0, 0), |(n, bytes), node| (n + 1, bytes + node.self_size()))
        };
        for row in &found.classes {
            let new = sum(&after, &before, &row.class);
            let deleted = sum(&before, &after, &row.class);
            assert_eq!((row.new_count, row.new_bytes), new, "{row:?}");
            assert_eq!((row.deleted_count, row.deleted_bytes), deleted, "{row:?}");
        }
        let changed: HashSet<&str> = found.classes.iter().map(|row| row.class.as_str()).collect();
        for (of, other) in [(&before, &after), (&after, &before)] {
            for node in of
                .nodes()
                .filter(|node| node.self_size() > 0 && !there(other, node))
            {
                assert!(changed.contains(&*node.class_name()), "{node:?}");
            }
        }
    }
}

/// Classes that gain objects in every step, by counting every class in every snapshot.
#[test]
fn growth_is_that_of_every_class() {
    let mut random = Random(0x9209);
    let mut grown = 0;
    for _ in 0..GRAPHS {
        let mut snapshots: Vec<Snapshot> = (0..2 + random.below(2))
            .map(|_| random_graph(&mut random).read())
            .collect();
        snapshots.sort_by_key(Snapshot::node_count);
        let mut series = GrowthSeries::default();
        snapshots.iter().for_each(|snapshot| series.add(snapshot));
        let found = series.finish();
        let count = |snapshot: &Snapshot, class: &str| {
            let own = snapshot
                .nodes()
                .filter(|node| node.self_size() > 0 && node.class_name() == class);
            own.count() as u64
        };
        let mut classes: HashSet<String> = HashSet::new();
        for snapshot in &snapshots {
            classes.extend(snapshot.nodes().map(|node| node.class_name().into_owned()));
        }
        for class in classes {
            let counts: Vec<u64> = snapshots
                .iter()
                .map(|snapshot| count(snapshot, &class))
                .collect();
            let grows = counts.windows(2).all(|two| two[0] < two[1]);
            let row = found.classes.iter().find(|row| row.class == class);
            assert_eq!(
                row.map(|row| &row.counts),
                grows.then_some(&counts),
                "{class}"
            );
            grown += usize::from(grows);
        }
    }
    assert!(grown > 100, "{grown}");
}
