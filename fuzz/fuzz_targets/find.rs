//! Searches by text, type, class and size, on any snapshot: see `fuzz/src/lib.rs`.

#![no_main]

use heaplab_fuzz::snapshot;
use heapsnapshot::analysis::find::{Query, find};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Some(snapshot) = snapshot(bytes) else {
        return;
    };
    for text in ["", "a", "\u{130}", "system / ", "Array"] {
        let query = Query {
            contains: Some(text.to_owned()),
            min_retained: 1,
            ..Query::default()
        };
        let all = find(&snapshot, &query, usize::MAX);
        assert_eq!(all.rows.len() as u64, all.count);
    }
});
