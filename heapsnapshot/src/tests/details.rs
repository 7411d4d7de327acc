//! What is said of one node, against the list that the file was written from.

use std::collections::HashSet;

use super::Random;
use super::naive::dom_states;
use super::oracles::{GRAPHS, all_edges, has_endless_ropes, random_states, rich_graph, text};
use crate::analysis::node::node_details;
use crate::analysis::words;
use crate::{EdgeRef, Snapshot};

/// The first of what comes first by `key`, then the first of the rest.
fn taken_one_by_one<'a, K: Ord>(
    mut edges: Vec<EdgeRef<'a>>,
    limit: usize,
    key: impl Fn(EdgeRef<'a>) -> K,
) -> Vec<EdgeRef<'a>> {
    let mut taken = Vec::new();
    while taken.len() < limit && !edges.is_empty() {
        let mut best = 0;
        for at in 1..edges.len() {
            if key(edges[at]) < key(edges[best]) {
                best = at;
            }
        }
        taken.push(edges.remove(best));
    }
    taken
}

/// What the list says that the file was written from; sizes, classes and sentences are judged elsewhere.
#[test]
fn a_node_is_what_the_list_says() {
    let mut random = Random(0x0dd5);
    let (mut states, mut places) = (HashSet::new(), 0);
    for _ in 0..GRAPHS / 2 {
        let mut graph = rich_graph(&mut random);
        graph.detachedness = random_states(&mut random, &graph);
        // Where every third node stands.
        let places_of: Vec<usize> = (0..graph.nodes.len()).step_by(3).collect();
        let stride = if graph.detachedness.is_empty() { 5 } else { 6 };
        let records: Vec<String> = places_of
            .iter()
            .map(|at| format!("{},7,{},{at}", at * stride, at + 1))
            .collect();
        let fields =
            r#""location_fields":["object_index","script_id","line","column"],"node_fields":"#;
        let section = format!("\"locations\":[{}],\"strings\":", records.join(","));
        let file = graph.text().replacen("\"node_fields\":", fields, 1);
        let file = file.replacen("\"strings\":", &section, 1);
        let snapshot = Snapshot::parse(file).expect("a snapshot");
        if has_endless_ropes(&snapshot) {
            continue;
        }
        let known = dom_states(&snapshot, &graph.detachedness);
        for (at, node) in snapshot.nodes().enumerate() {
            let limit = random.below(5);
            let details = node_details(node, limit);
            let (kind, name, id, size) = &graph.nodes[at];
            assert_eq!((details.id.0, details.ordinal.index()), (*id, at));
            assert_eq!(&details.node_type, kind);
            assert_eq!(details.raw_self_size, u64::from(*size));
            let detached = known[at] == 2 && kind == "native";
            let name = [if detached { "Detached " } else { "" }, name].concat();
            let rope = kind == "concatenated string";
            assert_eq!(details.name, if rope { text(node, 0) } else { name });
            let state = ["unknown", "attached", "detached"][usize::from(known[at])];
            assert_eq!(details.dom_state.unwrap_or("unknown"), state);
            states.insert(state);
            let place = details
                .location
                .map(|at| (at.script_id, at.line, at.column));
            let expected = (at % 3 == 0).then_some((7, at as u32 + 1, at as u32));
            assert_eq!(place, expected);
            places += usize::from(place.is_some());
            assert_eq!(details.class, node.class_name());
            assert_eq!(details.shallow, node.self_size());
            assert_eq!(details.retained, node.retained_size());
            assert_eq!(details.distance, node.distance());
            assert_eq!(details.dominator, node.dominator().id());
            assert_eq!(details.dominator_node, words::node(node.dominator()));

            let leaving: Vec<_> = all_edges(&snapshot)
                .filter(|edge| edge.from().ordinal() == node.ordinal())
                .collect();
            let pointing: Vec<_> = all_edges(&snapshot)
                .filter(|edge| edge.to().ordinal() == node.ordinal())
                .collect();
            let listed = |from: bool| {
                graph
                    .edges
                    .iter()
                    .filter(move |edge| [edge.3, edge.0][usize::from(from)] == at)
            };
            assert_eq!(details.edge_count, listed(true).count() as u64);
            assert_eq!(details.retainer_count, listed(false).count() as u64);
            let largest = |edge: EdgeRef<'_>| std::cmp::Reverse(edge.to().retained_size());
            let nearest = |edge: EdgeRef<'_>| edge.from().distance().unwrap_or(u32::MAX);
            for (rows, edges, outward) in [
                (
                    &details.edges,
                    taken_one_by_one(leaving, limit, largest),
                    true,
                ),
                (
                    &details.retainers,
                    taken_one_by_one(pointing, limit, nearest),
                    false,
                ),
            ] {
                assert_eq!(rows.len(), edges.len());
                for (row, edge) in rows.iter().zip(edges) {
                    let other = if outward { edge.to() } else { edge.from() };
                    assert_eq!(row.edge_type, edge.type_name());
                    assert_eq!(row.name, edge.name().to_string());
                    assert_eq!(row.words, words::edge(edge));
                    assert_eq!((row.id, row.retained), (other.id(), other.retained_size()));
                    assert_eq!(row.node, words::node(other));
                }
            }
        }
    }
    assert!(states.len() == 3 && places > GRAPHS, "{states:?} {places}");
}
