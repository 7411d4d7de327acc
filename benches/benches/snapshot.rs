//! Writing a heap snapshot: bytes of file per second.
#![forbid(unsafe_code)]
#![allow(
    missing_docs,
    reason = "criterion's macros make undocumented functions"
)]

use std::io::{self, Write};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use heaplab_benches::{graph, heap};
use heapsnapshot::gc_source::write_snapshot;

/// Counts what is written to it.
#[derive(Default)]
struct Counted(u64);

impl Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// 200,000 nodes of 64 bytes with four references each.
fn writing(c: &mut Criterion) {
    const NODES: usize = 200_000;
    let mut group = c.benchmark_group("snapshot writing");
    group.sample_size(20);
    for (name, random) in [("neighbours", false), ("random", true)] {
        let mut heap = heap();
        let kept = graph(&mut heap, NODES, random).expect("room for the graph");
        let mut file = Counted::default();
        write_snapshot(&mut heap, &mut file).expect("a snapshot");
        group.throughput(Throughput::Bytes(file.0));
        group.bench_function(BenchmarkId::from_parameter(name), |b| {
            b.iter(|| write_snapshot(&mut heap, &mut Counted::default()).expect("a snapshot"));
        });
        drop(kept);
    }
    group.finish();
}

criterion_group!(groups, writing);
criterion_main!(groups);
