//! All about every node, on any snapshot: see `fuzz/src/lib.rs`.

#![no_main]

use heaplab_fuzz::snapshot;
use heapsnapshot::analysis::node::node_details;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Some(snapshot) = snapshot(bytes) else {
        return;
    };
    for node in snapshot.nodes() {
        let found = node_details(node, 5);
        assert_eq!(found.edge_count, node.edge_count() as u64);
    }
});
