//! Duplicated strings, on any snapshot: see `fuzz/src/lib.rs`.

#![no_main]

use heaplab_fuzz::snapshot;
use heapsnapshot::analysis::strings::{duplicated_strings, text};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Some(snapshot) = snapshot(bytes) else {
        return;
    };
    let found = duplicated_strings(&snapshot, usize::MAX);
    assert_eq!(found.texts, found.rows.len() as u64);
    for node in snapshot.nodes() {
        let _ = text(node);
    }
});
