//! Two snapshots compared both ways, on any snapshot: see `fuzz/src/lib.rs`.

#![no_main]

use heaplab_fuzz::snapshot;
use heapsnapshot::analysis::diff::{Matching, diff};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let half = bytes.len() / 2;
    let (Some(before), Some(after)) = (snapshot(&bytes[..half]), snapshot(&bytes[half..])) else {
        return;
    };
    for matching in [None, Some(Matching::Id), Some(Matching::Class)] {
        let _ = diff(&before, &after, matching, 5);
    }
});
