//! Snapshots of heaplab's own heap: what is in them, and that their numbers are those of a naive computation.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use heaplab_gc::{
    Budget, CollectionKind, CollectionReason, Compaction, Heap, HeapOptions, Immediate, Policy, Smi,
};
use heapsnapshot::analysis::validate::validate;
use heapsnapshot::format::{EdgeType, NodeType};
use heapsnapshot::gc_source::{write_snapshot, write_snapshot_file};
use heapsnapshot::{EdgeName, NodeRef, Snapshot};

const MB: usize = 1 << 20;

fn heap() -> Heap {
    Heap::new(HeapOptions::with_limits(64 * MB, MB)).expect("a small heap")
}

fn snapshot(heap: &mut Heap) -> Snapshot {
    let mut bytes = Vec::new();
    let report = write_snapshot(heap, &mut bytes).expect("a snapshot in memory");
    assert_eq!(report.bytes, bytes.len() as u64);
    assert_eq!(report.string_cut, 1024);
    let snapshot = Snapshot::parse(bytes).expect("what was written can be read");
    assert_eq!(snapshot.node_count() as u64, report.nodes);
    assert_eq!(snapshot.edge_count() as u64, report.edges);
    check_against_naive(&snapshot);
    snapshot
}

/// The one node with this type and name.
fn only<'s>(snapshot: &'s Snapshot, kind: NodeType, name: &str) -> NodeRef<'s> {
    let mut found = snapshot
        .nodes()
        .filter(|node| node.is(kind) && node.name() == name);
    let node = found.next().unwrap_or_else(|| panic!("no {kind:?} {name}"));
    assert!(found.next().is_none(), "more than one {kind:?} {name}");
    node
}

/// Edges as (type, name, name of the target).
fn edges(node: NodeRef<'_>) -> Vec<(EdgeType, String, String)> {
    node.edges()
        .map(|edge| {
            let kind = edge.kind().expect("a known type");
            let to = edge.to().name().into_owned();
            (kind, edge.name().to_string(), to)
        })
        .collect()
}

fn edge(kind: EdgeType, name: &str, to: &str) -> (EdgeType, String, String) {
    (kind, name.to_owned(), to.to_owned())
}

/// Which nodes can be reached from the root if one of them is taken out.
fn reachable(targets: &[Vec<usize>], without: Option<usize>) -> Vec<bool> {
    let mut seen = vec![false; targets.len()];
    let mut stack = Vec::new();
    if without != Some(0) {
        seen[0] = true;
        stack.push(0);
    }
    while let Some(node) = stack.pop() {
        for &target in &targets[node] {
            if !seen[target] && without != Some(target) {
                seen[target] = true;
                stack.push(target);
            }
        }
    }
    seen
}

/// Retained sizes by their definition: what becomes unreachable without the node. Shares nothing with the analyses.
fn check_against_naive(snapshot: &Snapshot) {
    let nodes: Vec<NodeRef<'_>> = snapshot.nodes().collect();
    // The half of a WeakMap's pair that comes from the table does not retain the value.
    let retains = |node: &NodeRef<'_>, name: EdgeName<'_>| {
        !name
            .to_string()
            .ends_with(&format!("pair in WeakMap (table @{})", node.id().0))
    };
    let targets: Vec<Vec<usize>> = nodes
        .iter()
        .map(|node| {
            node.edges()
                .filter(|edge| !edge.is(EdgeType::Weak) && retains(node, edge.name()))
                .map(|edge| edge.to().ordinal().index())
                .collect()
        })
        .collect();
    assert!(
        reachable(&targets, None).iter().all(|&seen| seen),
        "every node is reachable over retaining edges"
    );
    let total: u64 = nodes.iter().map(|node| node.raw_self_size()).sum();
    // A few hundred nodes each time: the definition costs a whole search per node.
    for ordinal in (0..nodes.len()).step_by(nodes.len().div_ceil(300)) {
        let node = nodes[ordinal];
        let kept: u64 = reachable(&targets, Some(ordinal))
            .iter()
            .zip(&nodes)
            .filter(|(seen, _)| **seen)
            .map(|(_, node)| node.raw_self_size())
            .sum();
        let what = format!("{} @{}", node.name(), node.id().0);
        assert_eq!(
            node.retained_size(),
            total - kept,
            "retained size of {what}"
        );
        assert_eq!(
            node.self_size(),
            node.raw_self_size(),
            "{what}: nothing is folded without a user root"
        );
    }
    let ids: HashSet<u32> = nodes.iter().map(|node| node.id().0).collect();
    assert_eq!(ids.len(), nodes.len(), "ids are unique");
    assert!(ids.iter().all(|id| id % 2 == 1), "ids are odd");
}

#[test]
fn an_empty_heap_has_a_root_and_its_groups() {
    let snapshot = snapshot(&mut heap());
    let root = snapshot.root();
    assert_eq!((root.id().0, root.self_size()), (1, 0));
    assert!(root.is(NodeType::Synthetic));
    assert_eq!(root.name(), "");
    assert_eq!(edges(root), [edge(EdgeType::Element, "1", "(GC roots)")]);
    let groups: Vec<String> = edges(only(&snapshot, NodeType::Synthetic, "(GC roots)"))
        .into_iter()
        .map(|(_, _, name)| name)
        .collect();
    assert!(groups.contains(&"(Handle scope)".to_owned()), "{groups:?}");
    assert!(snapshot.nodes().all(|node| node.is(NodeType::Synthetic)));
}

#[test]
fn every_kind_of_object_has_its_type_name_and_edges() {
    use EdgeType::{Context, Element, Internal, Property};
    let mut heap = heap();
    let global = heap.enter(|s| {
        let fields = ["list", "map", "deque", "call", "small", "none"];
        let holder_shape = s.shape("Holder", &fields).expect("shape");
        let holder = s.object(holder_shape).expect("room");

        let list = s.array(4).expect("room");
        let text = s.string("a \"text\" with ümläuts").expect("room");
        let number = s.number(2.5).expect("room");
        let bytes = s.bytes(100).expect("room");
        s.set(list, 0, text);
        s.set(list, 2, number);
        s.set(list, 3, bytes);
        s.set(holder, 0, list);

        let map = s.map().expect("room");
        let key = s.string("key one").expect("room");
        s.map_set(map, key, text).expect("room");
        s.set(holder, 1, map);

        let deque = s.deque().expect("room");
        let store = s.external(5000, None).expect("room");
        s.deque_push_back(deque, store).expect("room");
        s.set(holder, 2, deque);

        let outer_shape = s.context_shape("main", &["config"]).expect("shape");
        let inner_shape = s
            .context_shape("handler", &["request", "unused"])
            .expect("shape");
        let closure_shape = s.closure_shape("onRequest", &["home"]).expect("shape");
        let outer = s.object(outer_shape).expect("room");
        s.set(outer, 1, key);
        let inner = s.object(inner_shape).expect("room");
        s.set(inner, 0, outer);
        s.set(inner, 1, text);
        let closure = s.closure(closure_shape, inner).expect("room");
        s.set(closure, 1, list);
        s.set(holder, 3, closure);

        s.set(holder, 4, Smi::wrapping(5));
        s.global(holder)
    });

    let written = snapshot(&mut heap);
    let text = "a \"text\" with ümläuts";
    let holder = only(&written, NodeType::Object, "Holder");
    assert_eq!(
        edges(holder),
        [
            edge(Property, "list", "Array"),
            edge(Property, "map", "Map"),
            edge(Property, "deque", "Deque"),
            edge(Property, "call", "onRequest"),
        ]
    );
    assert_eq!(
        edges(holder.child(Property, "list").expect("the list")),
        [
            edge(Element, "0", text),
            edge(Element, "2", "2.5"),
            edge(Element, "3", "Bytes"),
        ]
    );
    only(&written, NodeType::String, text);
    assert_eq!(
        only(&written, NodeType::Number, "2.5").self_size(),
        16,
        "header and double"
    );
    assert_eq!(
        only(&written, NodeType::Object, "Bytes").self_size(),
        8 + 8 + 104,
        "header, lengths, bytes rounded up"
    );

    assert_eq!(
        edges(only(&written, NodeType::Object, "Map")),
        [edge(Internal, "table", "(map table)")]
    );
    assert_eq!(
        edges(only(&written, NodeType::Array, "(map table)")),
        [edge(Internal, "key", "key one"), edge(Element, "0", text)]
    );
    assert_eq!(
        edges(only(&written, NodeType::Object, "Deque")),
        [edge(Internal, "buffer", "Array")]
    );
    let owner = only(&written, NodeType::Object, "ArrayBuffer");
    assert_eq!(
        edges(owner),
        [edge(
            Internal,
            "backing_store",
            "system / JSArrayBufferData"
        )]
    );
    let store = only(&written, NodeType::Native, "system / JSArrayBufferData");
    assert_eq!(store.self_size(), 5000);
    assert_eq!(owner.retained_size(), owner.self_size() + 5000);

    assert_eq!(
        edges(only(&written, NodeType::Closure, "onRequest")),
        [
            edge(Internal, "context", "system / Context / handler"),
            edge(Property, "home", "Array"),
        ]
    );
    assert_eq!(
        edges(only(
            &written,
            NodeType::Object,
            "system / Context / handler"
        )),
        [
            edge(Internal, "previous", "system / Context / main"),
            edge(Context, "request", text),
        ]
    );
    assert_eq!(
        edges(only(&written, NodeType::Object, "system / Context / main")),
        [edge(Context, "config", "key one")]
    );
    let total: u64 = written.nodes().map(|node| node.raw_self_size()).sum();
    assert_eq!(
        holder.retained_size(),
        total,
        "the global holds the holder, and the holder everything else"
    );

    drop(global);
    let emptied = snapshot(&mut heap);
    assert!(emptied.nodes().all(|node| node.is(NodeType::Synthetic)));
}

#[test]
fn weakness_does_not_retain() {
    let mut heap = heap();
    let _globals = heap.enter(|s| {
        let shape = s.shape("Key", &[]).expect("shape");
        let value_shape = s.shape("Value", &["back"]).expect("shape");
        let first = s.weak_map().expect("room");
        let second = s.weak_map().expect("room");
        let key = s.object(shape).expect("room");
        let value = s.object(value_shape).expect("room");
        s.set(value, 0, key);
        s.weak_map_set(first, key, value).expect("room");
        s.weak_map_set(second, key, value).expect("room");
        let weak = s.weak_ref(key).expect("room");
        [
            s.global(first),
            s.global(second),
            s.global(key),
            s.global(weak),
        ]
    });
    let written = snapshot(&mut heap);
    let key = only(&written, NodeType::Object, "Key");
    let value = only(&written, NodeType::Object, "Value");
    // The key has an edge for each table, and nothing else retains the value.
    assert_eq!(value.dominator().id(), key.id());
    assert_eq!(key.retained_size(), key.self_size() + value.self_size());
    assert_eq!(
        edges(only(&written, NodeType::Object, "WeakRef")),
        [edge(EdgeType::Weak, "target", "Key")]
    );
    let tables: Vec<NodeRef<'_>> = written
        .nodes()
        .filter(|node| node.name() == "WeakMap")
        .collect();
    assert_eq!(tables.len(), 2);
    for table in tables {
        let edges = edges(table);
        assert_eq!(edges[0], edge(EdgeType::Weak, "key", "Key"));
        let expected = format!(
            "part of key (Key @{}) -> value (Value @{}) pair in WeakMap (table @{})",
            key.id().0,
            value.id().0,
            table.id().0
        );
        assert_eq!(edges[1].0, EdgeType::Internal);
        assert!(edges[1].1.ends_with(&expected), "{edges:?}");
        assert_eq!(table.retained_size(), table.self_size());
    }
}

#[test]
fn random_links_have_naive_retained_sizes() {
    let mut heap = heap();
    let _globals = heap.enter(|s| {
        let shapes =
            ["Tree", "List", "Cell"].map(|name| s.shape(name, &["a", "b", "c"]).expect("shape"));
        let all = s.array(3000).expect("room");
        let mut state = 0x9E37_79B9_u32;
        let mut random = |below: usize| {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            ((u64::from(state) * below as u64) >> 32) as usize
        };
        for n in 0..3000 {
            s.scope(|t| {
                let object = t.object(shapes[n % 3]).expect("room");
                t.set(all, n, object);
                for slot in 0..3 {
                    // Mostly near neighbours, so that there are deep dominator trees.
                    let reach = if random(8) == 0 {
                        n + 1
                    } else {
                        (n + 1).min(6)
                    };
                    let target = t.root(t.get(all, n - random(reach)));
                    t.set(object, slot, target);
                }
            });
        }
        let last = s.root(s.get(all, 2999));
        let middle = s.root(s.get(all, 1500));
        [s.global(last), s.global(middle)]
    });
    let written = snapshot(&mut heap);
    assert!(
        written.node_count() > 1000,
        "{} nodes are too few to be interesting",
        written.node_count()
    );
}

#[test]
fn ids_stay_with_their_objects() {
    let mut heap = heap();
    let global = heap.enter(|s| {
        let list = s.array(500).expect("room");
        for n in 0..500 {
            s.scope(|t| {
                let text = t.string(&format!("text {n}")).expect("room");
                t.set(list, n, text);
                t.string("garbage").expect("room");
            });
        }
        s.global(list)
    });
    let ids = |heap: &mut Heap| -> HashMap<String, u32> {
        snapshot(heap)
            .nodes()
            .map(|node| (node.name().into_owned(), node.id().0))
            .collect()
    };
    let before = ids(&mut heap);
    let newest = *before.values().max().expect("nodes");
    for kind in [
        CollectionKind::Minor,
        CollectionKind::Minor,
        CollectionKind::Major,
    ] {
        heap.collect(kind, CollectionReason::Testing);
        assert_eq!(ids(&mut heap), before, "after {kind:?}");
    }
    heap.enter(|s| {
        let list = s.local(&global);
        let text = s.string("a later one").expect("room");
        s.set(list, 0, text);
    });
    let after = ids(&mut heap);
    assert!(!after.contains_key("text 0"));
    assert!(after["a later one"] > newest, "ids grow");
    assert!(
        after
            .iter()
            .all(|(name, id)| name == "a later one" || before[name] == *id)
    );
}

#[test]
fn a_snapshot_leaves_the_heap_as_it_was() {
    let mut heap = heap();
    let global = heap.enter(|s| {
        let list = s.array(200).expect("room");
        s.global(list)
    });
    for round in 0..5 {
        heap.enter(|s| {
            let list = s.local(&global);
            for n in 0..20_000 {
                s.scope(|t| {
                    let text = t.string(&format!("round {round} item {n}")).expect("room");
                    t.set(list, n % 200, text);
                });
            }
        });
        let written = snapshot(&mut heap);
        let texts: Vec<String> = written
            .nodes()
            .filter(|node| node.is(NodeType::String))
            .map(|node| node.name().into_owned())
            .collect();
        assert_eq!(texts.len(), 200);
        assert!(
            texts
                .iter()
                .all(|text| text.starts_with(&format!("round {round} ")))
        );
    }
    heap.verify().expect("all invariants hold");
}

#[test]
fn a_full_heap_can_still_be_written() {
    let mut heap = Heap::new(HeapOptions::with_limits(4 * MB, MB)).expect("a tiny heap");
    let global = heap.enter(|s| {
        let list = s.array(100_000).expect("room");
        s.global(list)
    });
    let limit = heap.enter(|s| {
        let list = s.local(&global);
        (0..100_000).find_map(|n| {
            s.scope(|t| match t.string(&"x".repeat(200)) {
                Ok(text) => {
                    t.set(list, n, text);
                    None
                }
                Err(limit) => Some(limit),
            })
        })
    });
    assert!(limit.is_some(), "4 MB do not hold 20 MB");

    let folder = std::env::temp_dir().join(format!("heapsnapshot-gc-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a temporary folder");
    let path = folder.join("full.heapsnapshot");
    let report = write_snapshot_file(&mut heap, &path).expect("a snapshot at the limit");
    let read = Snapshot::open(&path).expect("it can be read");
    assert_eq!(read.node_count() as u64, report.nodes);
    let texts = read.nodes().filter(|node| node.is(NodeType::String));
    assert!(texts.count() > 10_000);
    std::fs::remove_dir_all(&folder).expect("our folder");
    let error = write_snapshot_file(&mut heap, &path).expect_err("the folder is gone");
    assert!(error.to_string().contains("full.heapsnapshot"), "{error}");
}

/// With marking begun before and half of every page dead and unswept: each live object is in the file, and nothing else.
#[test]
fn the_near_limit_callback_writes_what_is_live() {
    for (policy, marking) in [
        (Policy::Generational, false),
        (Policy::Generational, true),
        (Policy::MarkSweep, true),
        (Policy::MarkCompact, false),
        (Policy::None, false),
        (Policy::None, true),
    ] {
        let mut options = HeapOptions::with_limits(8 * MB, MB);
        options.policy = policy;
        options.compaction = Compaction::Never;
        let mut heap = Heap::new(options).expect("heap");
        let written = Rc::new(RefCell::new(Vec::new()));
        let files = Rc::clone(&written);
        heap.set_near_limit_callback(move |near| {
            let mut bytes = Vec::new();
            let report = write_snapshot(near, &mut bytes).expect("a snapshot at the limit");
            assert_eq!(report.bytes, bytes.len() as u64);
            files.borrow_mut().push(bytes);
            if files.borrow().len() == 1 {
                let (limit, more) = (near.current_limit(), near.max_young_generation());
                near.raise_to(limit + more);
            }
        });
        let list = heap.enter(|s| {
            let list = s.array(120_000).expect("room");
            s.global(list)
        });
        let keep = |heap: &mut Heap, from: usize| {
            heap.enter(|s| {
                (from..120_000).find(|&n| {
                    s.scope(|t| match t.string(&format!("{n:0>160}")) {
                        Ok(text) => {
                            t.set(t.peek(&list), n, text);
                            false
                        }
                        Err(_) => true,
                    })
                })
            })
        };
        let half = 20_000;
        heap.enter(|s| {
            for n in 0..half {
                s.scope(|t| {
                    let text = t.string(&format!("{n:0>160}")).expect("room");
                    t.set(t.peek(&list), n, text);
                });
            }
            for n in (0..half).step_by(2) {
                s.set(s.peek(&list), n, Immediate::Undefined);
            }
        });
        if marking {
            heap.start_incremental_marking();
            let budget = Budget {
                bytes: 100_000,
                ns: u64::MAX,
            };
            heap.step(budget);
            assert!(heap.is_marking(), "{policy:?}");
        }
        let full = keep(&mut heap, half).expect("120,000 strings are more than the limit");
        assert!(!heap.is_marking());
        heap.verify().expect("sound");
        let files = written.take();
        assert_eq!(files.len(), 2, "{policy:?}");
        let mut before = 0;
        for (n, bytes) in files.into_iter().enumerate() {
            let snapshot = Snapshot::parse(bytes).expect("what was written can be read");
            assert_eq!(validate(&snapshot), [], "{policy:?}");
            check_against_naive(&snapshot);
            let list = snapshot
                .nodes()
                .find(|node| node.name() == "Array")
                .expect("the list");
            let texts: Vec<usize> = edges(list)
                .iter()
                .map(|(_, name, text)| {
                    assert_eq!(name.parse::<usize>().ok(), text.parse().ok());
                    name.parse().expect("an index")
                })
                .collect();
            let strings = snapshot.nodes().filter(|node| node.is(NodeType::String));
            assert_eq!(strings.count(), texts.len(), "{policy:?}: no dead string");
            let expected = (1..half).step_by(2).chain(half..);
            assert!(texts.iter().copied().eq(expected.take(texts.len())));
            assert!(texts.len() > before, "{policy:?}");
            before = texts.len();
            if n == 1 {
                // The one that did not fit was not stored.
                assert_eq!(texts.len(), half / 2 + full - half, "{policy:?}");
            }
        }
    }
}
