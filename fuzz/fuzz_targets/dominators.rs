//! The tree and its lists; every subtree adds up, on any snapshot: see `fuzz/src/lib.rs`.

#![no_main]

use heaplab_fuzz::snapshot;
use heapsnapshot::analysis::dominators::{
    TreeLimits, dominated_classes, dominator_tree, top_consumers,
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Some(snapshot) = snapshot(bytes) else {
        return;
    };
    let root = snapshot.root().ordinal();
    let limits = TreeLimits {
        depth: usize::MAX,
        breadth: 8,
        min_percent: 0.0,
    };
    let _ = dominator_tree(&snapshot, root, limits);
    let classes = dominated_classes(&snapshot, root, usize::MAX);
    let below: u64 = classes.rows.iter().map(|row| row.retained).sum();
    assert_eq!(
        below + snapshot.root().self_size(),
        snapshot.root().retained_size()
    );
    let _ = top_consumers(&snapshot, usize::MAX);
});
