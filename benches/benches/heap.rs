//! Allocation beside bumpalo, scavenges, marking, and the write barrier.
#![forbid(unsafe_code)]
#![allow(
    missing_docs,
    reason = "criterion's macros make undocumented functions"
)]

use std::hint::black_box;
use std::time::{Duration, Instant};

use bumpalo::Bump;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use heaplab_benches::{graph, heap, tree};
use heaplab_gc::{CollectionKind, CollectionReason, HeapLimitReached, Immediate, Smi};

/// Objects of 32 bytes, header and all fields initialised, each in a scope of its own.
fn allocation(c: &mut Criterion) {
    const OBJECTS: u32 = 100_000;
    let mut group = c.benchmark_group("allocation of 32-byte objects");
    group.throughput(Throughput::Elements(u64::from(OBJECTS)));

    let mut heap = heap();
    group.bench_function("heaplab", |b| {
        heap.enter(|s| {
            let fields = ["a", "b", "c", "d", "e", "f"];
            let shape = s.shape("Item", &fields).expect("a shape");
            let sink = s.array(8).expect("room for the sink");
            b.iter(|| {
                for i in 0..OBJECTS {
                    s.scope(|t| {
                        let (a, null) = (Smi::wrapping(i as i32).into(), Immediate::Null.into());
                        let item = t.object_with(shape, [a, null, null, null, null, null])?;
                        t.set(sink, i as usize & 7, item);
                        Ok::<_, HeapLimitReached>(())
                    })
                    .expect("room for temporaries");
                }
            });
        });
    });

    let mut bump = Bump::with_capacity(16 << 20);
    group.bench_function("bumpalo, reset at 16 MB", |b| {
        b.iter(|| {
            if bump.allocated_bytes() > (16 << 20) - 32 * OBJECTS as usize {
                bump.reset();
            }
            let mut sink = [None; 8];
            for i in 0..OBJECTS {
                sink[i as usize & 7] = Some(&*bump.alloc([u64::from(i), 3, 3, 3]));
                black_box(&sink);
            }
        });
    });
    group.finish();
}

/// Minor collections in which a tree of 2 MB (131,071 nodes of 16 bytes) survives for the first time.
fn scavenge(c: &mut Criterion) {
    const DEPTH: u32 = 16;
    const NODES: u64 = (1 << (DEPTH + 1)) - 1;
    let mut group = c.benchmark_group("scavenge");
    group.throughput(Throughput::Bytes(NODES * 16));
    let mut heap = heap();
    group.bench_function("tree of 2 MB survives", |b| {
        b.iter_custom(|rounds| {
            let mut collecting = Duration::ZERO;
            for _ in 0..rounds {
                // Two empty collections: nothing of the last round is left in the young generation.
                for _ in 0..2 {
                    heap.collect(CollectionKind::Minor, CollectionReason::Testing);
                }
                let kept = heap.enter(|s| {
                    let shape = s.shape("Tree", &["left", "right"]).expect("a shape");
                    let tree = tree(s, shape, DEPTH).expect("room for the tree");
                    s.global(tree)
                });
                let start = Instant::now();
                heap.collect(CollectionKind::Minor, CollectionReason::Testing);
                collecting += start.elapsed();
                drop(kept);
            }
            collecting
        });
    });
    group.finish();
}

/// Full collections of a million nodes of 64 bytes with four references each.
fn mark(c: &mut Criterion) {
    const NODES: usize = 1 << 20;
    let mut group = c.benchmark_group("full collection of 64 MB");
    group.sample_size(20);
    group.throughput(Throughput::Elements(NODES as u64));
    for (name, random) in [("neighbours", false), ("random", true)] {
        let mut heap = heap();
        let kept = graph(&mut heap, NODES, random).expect("room for the graph");
        group.bench_function(BenchmarkId::from_parameter(name), |b| {
            b.iter(|| heap.collect(CollectionKind::Major, CollectionReason::Testing));
        });
        drop(kept);
    }
    group.finish();
}

/// Stores into an old array: of an integer, of an old object, of a young one; and into a young array.
fn barrier(c: &mut Criterion) {
    const STORES: usize = 1000;
    let mut group = c.benchmark_group("store through the barrier");
    group.throughput(Throughput::Elements(STORES as u64));
    let mut heap = heap();
    let kept = graph(&mut heap, STORES, false).expect("room for the array");
    for _ in 0..2 {
        heap.collect(CollectionKind::Minor, CollectionReason::Testing);
    }
    heap.enter(|s| {
        let old = s.local(&kept);
        let old_value = s.root(s.get(old, 0));
        let young = s.array(STORES).expect("room for an array");
        let young_value = s.array(1).expect("room for an array");
        let integer = Smi::wrapping(7);
        group.bench_function("old array, integer", |b| {
            b.iter(|| (0..STORES).for_each(|i| s.set(old, black_box(i), integer)));
        });
        group.bench_function("old array, old object", |b| {
            b.iter(|| (0..STORES).for_each(|i| s.set(old, black_box(i), old_value)));
        });
        group.bench_function("old array, young object", |b| {
            b.iter(|| (0..STORES).for_each(|i| s.set(old, black_box(i), young_value)));
        });
        group.bench_function("young array, young object", |b| {
            b.iter(|| (0..STORES).for_each(|i| s.set(young, black_box(i), young_value)));
        });
    });
    group.finish();
}

criterion_group!(groups, allocation, scavenge, mark, barrier);
criterion_main!(groups);
