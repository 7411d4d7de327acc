//! Maps, Sets and arrays, on any snapshot: see `fuzz/src/lib.rs`.

#![no_main]

use heaplab_fuzz::snapshot;
use heapsnapshot::analysis::collections::collections;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Some(snapshot) = snapshot(bytes) else {
        return;
    };
    for collection in collections(&snapshot, 0, usize::MAX).rows {
        let _ = collection.fill();
    }
});
