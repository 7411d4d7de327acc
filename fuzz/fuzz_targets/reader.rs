//! Any bytes are a file: every scanner path and the histogram read it, strictly and not, and nothing panics.

#![no_main]

use std::io::Cursor;

use heapsnapshot::reader::read_histogram;
use heapsnapshot::scanner::Path;
use heapsnapshot::{Input, ReadOptions, Snapshot};
use libfuzzer_sys::fuzz_target;

/// Compressed input may become this large.
const TEXT: u64 = 1 << 20;

fuzz_target!(|bytes: &[u8]| {
    let input = || {
        let input = Input::from_reader("fuzz", Cursor::new(bytes.to_vec()));
        input.map(|input| input.limit(TEXT))
    };
    let mut counts = Vec::new();
    for scanner in Path::available() {
        let Ok(input) = input() else {
            return;
        };
        let options = ReadOptions {
            scanner: Some(scanner),
            ..ReadOptions::default()
        };
        counts.push(Snapshot::read(input, &options).ok().map(|snapshot| {
            let names: usize = snapshot.nodes().map(|node| node.name().len()).sum();
            let ends: usize = snapshot
                .nodes()
                .flat_map(|node| node.edges())
                .map(|edge| edge.to().ordinal().index())
                .sum();
            let retained = snapshot.root().retained_size();
            (
                snapshot.node_count(),
                snapshot.edge_count(),
                names,
                ends,
                retained,
            )
        }));
    }
    assert!(counts.windows(2).all(|two| two[0] == two[1]), "{counts:?}");
    if let Ok(input) = input() {
        let options = ReadOptions {
            strict: true,
            raw: true,
            ..ReadOptions::default()
        };
        let _ = Snapshot::read(input, &options);
    }
    for strict in [false, true] {
        if let Ok(input) = input() {
            let options = ReadOptions {
                strict,
                ..ReadOptions::default()
            };
            let _ = read_histogram(input, &options);
        }
    }
});
