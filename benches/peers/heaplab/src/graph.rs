//! `mutate` and `mark`: a large graph of 64-byte nodes {id, a, b, c, d} (header 8, slots 24, raw 32).

use std::time::Instant;

use heaplab_gc::{
    CollectionKind, CollectionReason, Global, Heap, HeapLimitReached, Immediate, Local, Scope,
    Shape,
};
use peers_rust::random::{Random, mix};
use peers_rust::report::Outcome;

use crate::measure::Measured;
use crate::sizes::{int, integer_at};
use crate::{BenchError, BenchResult};

const ID: usize = 0;
/// Slot of the first of the four references.
const LINKS: usize = 1;

/// How the nodes refer to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum GraphShape {
    /// The next four.
    Sequential,
    /// At random, all in a root array.
    Random,
    /// At random, reachable from one of them.
    SingleRoot,
}

fn node_shape(s: &Scope<'_, '_>) -> Result<Shape, BenchError> {
    Ok(s.shape_with_raw("Node", &["id", "a", "b", "c", "d"], 32)?)
}

fn new_node<'s, 'h>(
    s: &mut Scope<'s, 'h>,
    shape: Shape,
    id: u32,
) -> Result<Local<'s, 'h>, HeapLimitReached> {
    let null = Immediate::Null.into();
    s.object_with(shape, [int(id), null, null, null, null])
}

/// `n` linked nodes in an array.
fn graph<'s, 'h>(
    s: &mut Scope<'s, 'h>,
    n: usize,
    how: GraphShape,
    random: &mut Random,
) -> Result<Local<'s, 'h>, BenchError> {
    let shape = node_shape(s)?;
    let nodes = s.array(n)?;
    for i in 0..n {
        s.scope(|t| {
            let node = new_node(t, shape, i as u32)?;
            t.set(nodes, i, node);
            Ok::<_, HeapLimitReached>(())
        })?;
    }
    for i in 0..n {
        let node = s.get(nodes, i);
        for k in 0..4 {
            let target = match how {
                GraphShape::Sequential => (i + k + 1) & (n - 1),
                GraphShape::Random | GraphShape::SingleRoot => random.index(n),
            };
            s.set(node, LINKS + k, s.get(nodes, target));
        }
    }
    Ok(nodes)
}

fn link_sum<'h>(s: &Scope<'_, 'h>, nodes: Local<'_, 'h>) -> u32 {
    (0..s.slot_count(nodes)).fold(0, |sum, i| {
        let node = s.get(nodes, i);
        let ids = (0..4).fold(0, |ids, k| ids ^ integer_at(s, s.get(node, LINKS + k), ID));
        mix(sum, ids)
    })
}

/// Five million stores into 512 MB of randomly linked nodes, with the latency of each thousand.
pub(crate) fn mutate(heap: &mut Heap) -> BenchResult {
    const GRAPH: usize = 1 << 23;
    const OPERATIONS: u32 = 5_000_000;
    const HOT: usize = 65_536;
    let mut random = Random::default();
    let kept = heap.enter(|s| {
        let nodes = graph(s, GRAPH, GraphShape::Random, &mut random)?;
        let hot = s.array(HOT)?;
        for i in 0..HOT {
            s.set(hot, i, s.get(nodes, random.index(GRAPH)));
        }
        Ok::<_, BenchError>((s.global(nodes), s.global(hot)))
    })?;
    heap.collect(CollectionKind::Major, CollectionReason::Testing);
    let mut latencies = Vec::with_capacity(OPERATIONS as usize / 1000);
    let (checksum, mutate_ns) = heap.enter(|s| {
        let (nodes, hot) = (s.local(&kept.0), s.local(&kept.1));
        let shape = node_shape(s)?;
        let sink = s.array(8)?;
        let start = Instant::now();
        let mut before = start;
        for op in 0..OPERATIONS {
            let k = LINKS + ((op as usize >> 1) & 3);
            s.scope(|t| {
                let temporary = new_node(t, shape, op)?;
                t.set(sink, op as usize & 7, temporary);
                if op & 1 == 0 {
                    let from = t.get(nodes, random.index(GRAPH));
                    let to = t.get(nodes, random.index(GRAPH));
                    t.set(from, k, to);
                } else {
                    let node = new_node(t, shape, op)?;
                    t.set(t.get(hot, random.index(HOT)), k, node);
                }
                Ok::<_, HeapLimitReached>(())
            })?;
            if op % 1000 == 999 {
                let now = Instant::now();
                latencies.push((now - before).as_nanos() as u64);
                before = now;
            }
        }
        let mutate_ns = start.elapsed().as_nanos() as u64;
        let checksum = mix(link_sum(s, nodes), integer_at(s, s.get(sink, 3), ID));
        Ok::<_, BenchError>((checksum, mutate_ns))
    })?;
    let objects = GRAPH as u64 + u64::from(OPERATIONS + OPERATIONS / 2);
    Ok(Outcome {
        checksum,
        objects,
        bytes: objects * 64,
        ..Outcome::default()
    }
    .with("mutate_ns", mutate_ns)
    .with_percentiles("latency", &latencies))
}

/// Full collections of `n` nodes.
pub(crate) fn mark(measured: &mut Measured, how: GraphShape, n: usize) -> BenchResult {
    let mut random = Random::default();
    let mut checksum = 0;
    let root: Global = measured.heap.enter(|s| {
        let nodes = graph(s, n, how, &mut random)?;
        checksum = link_sum(s, nodes);
        Ok::<_, BenchError>(match how {
            GraphShape::SingleRoot => s.global(s.get(nodes, 0)),
            GraphShape::Sequential | GraphShape::Random => s.global(nodes),
        })
    })?;
    // The first collection promotes and drops what cannot be reached; it is not counted.
    let heap = &mut measured.heap;
    heap.collect(CollectionKind::Major, CollectionReason::Testing);
    let before = measured.marks().len();
    let mut collections = Vec::new();
    for _ in 0..3 {
        let start = Instant::now();
        let heap = &mut measured.heap;
        heap.collect(CollectionKind::Major, CollectionReason::Testing);
        collections.push(start.elapsed().as_nanos() as u64);
    }
    let marks = measured.marks().split_off(before);
    let held = measured.heap.enter(|s| match how {
        GraphShape::SingleRoot => integer_at(s, s.peek(&root), ID),
        GraphShape::Sequential | GraphShape::Random => s.slot_count(s.peek(&root)) as u32,
    });
    Ok(Outcome {
        checksum: mix(checksum, held),
        objects: n as u64,
        bytes: n as u64 * 64,
        ..Outcome::default()
    }
    .with_list("collections_ns", &collections)
    .with_list("marks_ns", &marks))
}
