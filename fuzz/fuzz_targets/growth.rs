//! Series of snapshots, on any snapshot: see `fuzz/src/lib.rs`.

#![no_main]

use heaplab_fuzz::snapshot;
use heapsnapshot::analysis::growth::GrowthSeries;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let half = bytes.len() / 2;
    let (Some(before), Some(after)) = (snapshot(&bytes[..half]), snapshot(&bytes[half..])) else {
        return;
    };
    let mut series = GrowthSeries::default();
    for snapshot in [&before, &after, &before] {
        series.add(snapshot);
    }
    let _ = series.finish();
});
