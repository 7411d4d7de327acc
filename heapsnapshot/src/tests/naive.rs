//! The definitions, computed word by word, against the fast algorithms.

use std::collections::{HashMap, HashSet};

use super::{Builder, Random, random_graph};
use crate::analysis::summary::{GroupBy, into_summary, summary};
use crate::format::{EdgeType, NodeType};
use crate::weak_maps::parse;
use crate::{NodeOrdinal, Snapshot};

/// What the page owns: reached over edges that are not weak from the targets of the root's shortcuts
/// and its elements that are documents. Nothing if there are none.
fn page(snapshot: &Snapshot) -> HashSet<usize> {
    let edges = &snapshot.edges;
    let mut pending: Vec<usize> = snapshot
        .nodes
        .edges_of(snapshot.root)
        .filter(|&edge| {
            let to = snapshot.at(edges.to(edge));
            edges.is(edge, EdgeType::Shortcut)
                || (edges.is(edge, EdgeType::Element)
                    && to.is(NodeType::Synthetic)
                    && to.name() == "(Document DOM trees)")
        })
        .map(|edge| edges.to(edge))
        .collect();
    let mut page = HashSet::new();
    while let Some(node) = pending.pop() {
        if page.insert(node) {
            let strong = snapshot
                .nodes
                .edges_of(node)
                .filter(|&edge| !edges.is(edge, EdgeType::Weak));
            pending.extend(strong.map(|edge| edges.to(edge)));
        }
    }
    page
}

/// The definition of essential edges, from types and names.
fn is_essential(snapshot: &Snapshot, page: &HashSet<usize>, from: usize, edge: usize) -> bool {
    let (to, is_root) = (snapshot.edges.to(edge), from == snapshot.root);
    let (_, name) = snapshot.edges.label(edge);
    let tables_half = snapshot.edges.is(edge, EdgeType::Internal)
        && parse(&snapshot.strings().wtf8(name))
            .is_some_and(|(_, table)| table == u64::from(snapshot.at(from).id().0));
    let into_page = !is_root && page.contains(&to) && !page.contains(&from);
    to != from
        && !snapshot.edges.is(edge, EdgeType::Weak)
        && (is_root || !snapshot.edges.is(edge, EdgeType::Shortcut))
        && !tables_half
        && !into_page
}

/// Successors over essential edges.
pub(super) fn retained_by(snapshot: &Snapshot) -> Vec<Vec<usize>> {
    let page = page(snapshot);
    let essential = |from| {
        let edges = snapshot.nodes.edges_of(from);
        let edges = edges.filter(|&edge| is_essential(snapshot, &page, from, edge));
        edges.map(|edge| snapshot.edges.to(edge)).collect()
    };
    (0..snapshot.node_count()).map(essential).collect()
}

/// The same; nodes without an essential retainer hang on the root.
fn successors(snapshot: &Snapshot) -> Vec<Vec<usize>> {
    let mut out = retained_by(snapshot);
    let (root, count) = (snapshot.root, out.len());
    let mut retained = vec![false; count];
    out.iter().flatten().for_each(|&to| retained[to] = true);
    out[root].extend((0..count).filter(|&node| node != root && !retained[node]));
    out
}

pub(super) fn reach(
    successors: &[Vec<usize>],
    root: usize,
    without: Option<usize>,
) -> HashSet<usize> {
    let mut reached = HashSet::new();
    let mut pending = vec![root];
    while let Some(node) = pending.pop() {
        if Some(node) != without && reached.insert(node) {
            pending.extend(&successors[node]);
        }
    }
    reached
}

/// Node d dominates node n iff n cannot be reached without d.
fn check_dominators(snapshot: &Snapshot) {
    let successors = successors(snapshot);
    let (root, count) = (snapshot.root, snapshot.node_count());
    let all = reach(&successors, root, None);
    let sizes = snapshot.shallow_sizes();
    let total: u64 = sizes.iter().map(|&size| u64::from(size)).sum();
    let mut dominators: Vec<HashSet<usize>> = vec![HashSet::new(); count];
    for candidate in (0..count).filter(|&node| node != root) {
        let without = reach(&successors, root, Some(candidate));
        let lost: Vec<usize> = all.difference(&without).copied().collect();
        // Cycles the root does not reach hang on the root one by one.
        let lost = if all.contains(&candidate) {
            lost
        } else {
            vec![candidate]
        };
        let retained: u64 = lost.iter().map(|&node| u64::from(sizes[node])).sum();
        let ordinal = NodeOrdinal(candidate as u32);
        assert_eq!(
            snapshot.dominators().retained_size(ordinal),
            retained,
            "{snapshot:?}"
        );
        for node in lost.into_iter().filter(|&node| node != candidate) {
            dominators[node].insert(candidate);
        }
    }
    assert_eq!(snapshot.root().retained_size(), total);
    for node in (0..count).filter(|&node| node != root) {
        // The immediate dominator is the one that all the others dominate.
        let others = dominators[node].iter().copied();
        let immediate = others
            .max_by_key(|&at| dominators[at].len())
            .unwrap_or(root);
        let ours = snapshot.dominators().dominator(NodeOrdinal(node as u32));
        assert_eq!(ours.index(), immediate, "node {node} of {snapshot:?}");
    }
}

/// A row's retained size: its nodes that no other node of the row dominates.
fn check_rows(snapshot: &Snapshot) {
    let table = summary(snapshot, GroupBy::Class, None);
    let sizes = snapshot.shallow_sizes();
    let class = |node: usize| snapshot.classes().class_of(NodeOrdinal(node as u32));
    let mut expected: HashMap<_, (u64, u64, u64)> = HashMap::new();
    for node in (0..snapshot.node_count()).filter(|&node| sizes[node] > 0) {
        let ordinal = NodeOrdinal(node as u32);
        let row = expected.entry(class(node)).or_default();
        row.0 += 1;
        row.1 += u64::from(sizes[node]);
        let mut above = ordinal;
        let nested = loop {
            let next = snapshot.dominators().dominator(above);
            if next == above {
                break false;
            }
            above = next;
            if sizes[above.index()] > 0 && class(above.index()) == class(node) {
                break true;
            }
        };
        if !nested {
            row.2 += snapshot.dominators().retained_size(ordinal);
        }
    }
    let mut ours: Vec<_> = table
        .rows
        .iter()
        .map(|row| (row.count, row.shallow, row.retained))
        .collect();
    let mut expected: Vec<_> = expected.into_values().collect();
    ours.sort_unstable();
    expected.sort_unstable();
    assert_eq!(ours, expected, "{snapshot:?}");
}

/// Owned sizes by following every path.
fn check_shallow(snapshot: &Snapshot) {
    let has_user_roots = snapshot
        .root()
        .edges()
        .any(|edge| !edge.to().is(NodeType::Synthetic));
    let owned = |node: usize| {
        snapshot.nodes.is(node, NodeType::Array) || snapshot.nodes.is(node, NodeType::Hidden)
    };
    let count = snapshot.node_count();
    let mut owners = vec![HashSet::new(); count];
    for start in (0..count).filter(|&node| !owned(node)) {
        let mut pending = vec![start];
        let mut seen = HashSet::new();
        while let Some(node) = pending.pop() {
            for edge in snapshot.nodes.edges_of(node) {
                let to = snapshot.edges.to(edge);
                if owned(to) && !snapshot.edges.is(edge, EdgeType::Weak) && seen.insert(to) {
                    owners[to].insert(start);
                    pending.push(to);
                }
            }
        }
    }
    let mut expected = snapshot.nodes.self_size.clone();
    for node in 0..count {
        let owner = owners[node].iter().next().copied();
        if let (true, 1, Some(owner)) = (has_user_roots, owners[node].len(), owner)
            && !snapshot.nodes.is(owner, NodeType::Synthetic)
        {
            expected[owner] += std::mem::take(&mut expected[node]);
        }
    }
    assert_eq!(snapshot.shallow_sizes(), expected, "{snapshot:?}");
}

/// Distances generation by generation, each a look at every edge of the nodes found last, by types and names.
fn check_distances(snapshot: &Snapshot) {
    let mut expected: Vec<Option<i32>> = vec![None; snapshot.node_count()];
    let mut pairs = HashSet::new();
    let users: Vec<usize> = snapshot
        .root()
        .edges()
        .map(|edge| edge.to())
        .filter(|to| !to.is(NodeType::Synthetic) || to.name() == "(Document DOM trees)")
        .map(|to| to.ordinal().index())
        .collect();
    let base = if users.is_empty() { 0 } else { 100_000_000 };
    for (start, distance) in [(users, 1), (vec![snapshot.root], base)] {
        for &node in &start {
            expected[node] = Some(distance);
        }
        let (mut found, mut distance) = (start, distance);
        while !found.is_empty() {
            distance += 1;
            for node in std::mem::take(&mut found) {
                for edge in snapshot.at(node).edges() {
                    let to = edge.to().ordinal().index();
                    if expected[to].is_none() && leads_on(edge, &mut pairs) {
                        expected[to] = Some(distance);
                        found.push(to);
                    }
                }
            }
        }
    }
    for (node, &distance) in snapshot.nodes().zip(&expected) {
        let raw = snapshot.distances().raw(node.ordinal());
        assert_eq!(raw, distance.unwrap_or(-5), "{snapshot:?}");
    }
}

/// DevTools' filter of edges: not weak, not a native context's `sloppy_function_map`, of descriptors only every third
/// from the second on, and of the two edges to a WeakMap's value the second that is met.
fn leads_on(edge: crate::EdgeRef<'_>, pairs: &mut HashSet<Vec<u8>>) -> bool {
    let (from, name) = (edge.from(), edge.name().to_string());
    if edge.is(EdgeType::Weak) {
        return false;
    }
    if from.is(NodeType::Hidden) && from.name() == "system / NativeContext" {
        return name != "sloppy_function_map";
    }
    if from.is(NodeType::Array) && from.name() == "(map descriptors)" {
        let digits = name.strip_prefix('-').unwrap_or(&name);
        let digits: String = digits.chars().take_while(char::is_ascii_digit).collect();
        let index = digits.parse().unwrap_or(0_u64);
        return name.starts_with('-') || index < 2 || index % 3 != 1;
    }
    match parse(name.as_bytes()).filter(|_| edge.is(EdgeType::Internal)) {
        Some((pair, _)) => !pairs.insert(pair.to_vec()),
        None => true,
    }
}

/// States spread from node to node until nothing changes: attached first, then detached, over native nodes of which the
/// file says nothing.
pub(super) fn dom_states(snapshot: &Snapshot, known: &[u8]) -> Vec<u8> {
    let mut states = known.to_vec();
    states.resize(snapshot.node_count(), 0);
    for state in [1, 2] {
        loop {
            let before = states.clone();
            for node in snapshot.nodes().filter(|node| node.is(NodeType::Native)) {
                for edge in node.edges() {
                    let to = edge.to().ordinal().index();
                    let passes = !edge.is(EdgeType::Hidden) && !edge.is(EdgeType::Weak);
                    let is_open = edge.to().is(NodeType::Native) && states[to] == 0;
                    if states[node.ordinal().index()] == state && passes && is_open {
                        states[to] = state;
                    }
                }
            }
            if states == before {
                break;
            }
        }
    }
    states
}

fn check_dom_state(snapshot: &Snapshot, known: &[u8]) {
    let expected = dom_states(snapshot, known);
    for (node, &state) in snapshot.nodes().zip(&expected) {
        assert_eq!(
            snapshot.dom_state().of(node.ordinal()),
            state,
            "{snapshot:?}"
        );
        let renamed = state == 2 && node.is(NodeType::Native);
        assert_eq!(node.name().starts_with("Detached "), renamed);
    }
}

/// Interfaces by comparing every plain object with every list of properties that at least two of them share.
#[test]
fn interfaces_are_those_that_objects_share() {
    let mut random = Random(7);
    let mut told_apart = 0;
    for _ in 0..500 {
        let mut graph = Builder::new();
        let value = graph.node("object", "Value", 3, 8);
        graph.edge(0, "property", "value", value);
        let mut objects: Vec<Vec<&str>> = Vec::new();
        for at in 0..2 + random.below(12) {
            let object = graph.node("object", "Object", 5 + 2 * at as u32, 24);
            graph.edge(0, "element", &at.to_string(), object);
            let mut names = vec!["a", "b", "c", "d", "e"];
            let properties: Vec<&str> = (0..random.below(4))
                .map(|_| names.remove(random.below(names.len())))
                .collect();
            for name in &properties {
                graph.edge(object, "property", name, value);
            }
            objects.push(properties);
        }
        // Each list once, in order of first appearance; then the most frequent first.
        let mut lists: Vec<(usize, &Vec<&str>)> = Vec::new();
        for list in objects.iter().filter(|list| !list.is_empty()) {
            match lists.iter_mut().find(|(_, known)| *known == list) {
                Some((count, _)) => *count += 1,
                None => lists.push((1, list)),
            }
        }
        lists.sort_by_key(|&(count, _)| std::cmp::Reverse(count));
        lists.retain(|&(count, _)| count >= 2);
        let snapshot = graph.read();
        for (object, node) in objects.iter().zip(snapshot.nodes().skip(2)) {
            let fits = |list: &&Vec<&str>| list.iter().all(|name| object.contains(name));
            let mut best: Option<&Vec<&str>> = None;
            for list in lists.iter().map(|(_, list)| *list).filter(fits) {
                if best.is_none_or(|best| list.len() > best.len()) {
                    best = Some(list);
                }
            }
            told_apart += usize::from(best.is_some());
            let class = best.map_or("Object".to_owned(), |list| {
                format!("{{{}}}", list.join(", "))
            });
            assert_eq!(node.class_name(), class, "{objects:?}");
        }
    }
    assert!(told_apart > 500, "{told_apart}");
}

#[test]
fn states_spread_as_defined() {
    let mut random = Random(99);
    let mut spread = 0;
    for _ in 0..2000 {
        let mut graph = random_graph(&mut random);
        // Sparse, so that there is room to spread.
        graph.detachedness = (0..graph.nodes.len())
            .map(|_| random.below(5).saturating_sub(2) as u8)
            .collect();
        let snapshot = graph.read();
        check_dom_state(&snapshot, &graph.detachedness);
        let states = snapshot
            .nodes()
            .map(|node| snapshot.dom_state().of(node.ordinal()));
        spread += states
            .zip(&graph.detachedness)
            .filter(|(state, known)| state != *known)
            .count();
    }
    assert!(spread > 10, "{spread} states spread");
}

#[test]
fn random_graphs_agree_with_the_definitions() {
    let mut random = Random(0x2545_f491_4f6c_dd1d);
    for _ in 0..2000 {
        let graph = random_graph(&mut random);
        let snapshot = graph.read();
        check_dominators(&snapshot);
        check_rows(&snapshot);
        check_shallow(&snapshot);
        check_distances(&snapshot);
        for group_by in [GroupBy::Class, GroupBy::Shape, GroupBy::Location] {
            let kept = summary(&snapshot, group_by, None);
            assert_eq!(into_summary(graph.read(), group_by).rows, kept.rows);
        }
    }
}

#[test]
fn a_weak_map_entry_is_retained_by_its_key() {
    let mut graph = Builder::new();
    let key = graph.node("object", "Key", 3, 10);
    let table = graph.node("object", "Table", 5, 10);
    let value = graph.node("object", "Value", 7, 100);
    let tail = "/ part of key (Key @3) -> value (Value @7) pair in WeakMap (table @5)";
    graph
        .edge(0, "internal", "key", key)
        .edge(0, "internal", "table", table);
    graph.edge(table, "internal", &format!("1 {tail}"), value);
    graph.edge(key, "internal", &format!("2 {tail}"), value);
    let snapshot = graph.read();
    let at = |node: usize| snapshot.at(node);
    assert_eq!(at(value).dominator().ordinal().index(), key);
    assert_eq!(at(key).retained_size(), 110);
    assert_eq!(at(table).retained_size(), 10);
}

#[test]
fn a_long_list_needs_no_deep_stack() {
    let count = 200_000;
    let mut nodes = "9,0,1,0,1".to_owned();
    let mut edges = "2,1,5".to_owned();
    for at in 1..count {
        nodes += &format!(",3,1,{},8,1", 2 * at + 1);
        edges += &format!(",2,1,{}", 5 * ((at + 1) % count));
    }
    let text = Builder::new().text();
    let meta = &text[..text.find(",\n\"nodes\"").unwrap()];
    let meta = meta.replace("\"node_count\":1", &format!("\"node_count\":{count}"));
    let meta = meta.replace("\"edge_count\":0", &format!("\"edge_count\":{count}"));
    let text =
        format!("{meta},\"nodes\":[{nodes}],\"edges\":[{edges}],\"strings\":[\"\",\"next\"]}}");
    let snapshot = Snapshot::parse(text).unwrap();
    assert!(
        snapshot.report().oddities.is_empty(),
        "{:?}",
        snapshot.report()
    );
    assert_eq!(snapshot.at(1).retained_size(), 8 * (count as u64 - 1));
    assert_eq!(snapshot.at(count - 1).distance(), Some(count as u32 - 1));
}
