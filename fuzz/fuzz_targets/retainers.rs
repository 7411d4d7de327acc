//! Paths of every node and every class, on any snapshot: see `fuzz/src/lib.rs`.

#![no_main]

use heaplab_fuzz::snapshot;
use heapsnapshot::analysis::retainers::{class_retainers, node_retainers};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Some(snapshot) = snapshot(bytes) else {
        return;
    };
    for node in snapshot.nodes() {
        let found = node_retainers(node, 3);
        assert!(found.paths.len() <= 3);
        let _ = class_retainers(&snapshot, &node.class_name(), 3);
    }
});
