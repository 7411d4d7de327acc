//! The leak finder on one, two and three snapshots, on any snapshot: see `fuzz/src/lib.rs`.

#![no_main]

use heaplab_fuzz::snapshot;
use heapsnapshot::analysis::diff::Matching;
use heapsnapshot::leaks::{Settings, find};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let half = bytes.len() / 2;
    let (Some(before), Some(after)) = (snapshot(&bytes[..half]), snapshot(&bytes[half..])) else {
        return;
    };
    let mut snapshots = vec![before, after];
    for matching in [None, Some(Matching::Id), Some(Matching::Class)] {
        let _ = find(&snapshots, matching, &Settings::default(), "2026-01-01");
    }
    snapshots.truncate(1);
    let _ = find(&snapshots, None, &Settings::default(), "2026-01-01");
});
