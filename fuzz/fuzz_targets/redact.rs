//! Any bytes are a file to redact; the copy of a readable one is as large a graph with the same numbers.

#![no_main]

use std::io::Cursor;

use heaplab_fuzz::text;
use heapsnapshot::redact::redact;
use heapsnapshot::{Input, Snapshot};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let text = text(bytes);
    let Ok(input) = Input::from_reader("fuzz", Cursor::new(text.clone())) else {
        return;
    };
    let mut copy = Vec::new();
    if redact(input.limit(1 << 20), &mut copy).is_err() {
        return;
    }
    // Compressed files are checked by the target `reader`.
    if let (Ok(before), Ok(after)) = (Snapshot::parse(text), Snapshot::parse(copy)) {
        assert_eq!(before.node_count(), after.node_count());
        assert_eq!(before.edge_count(), after.edge_count());
        assert_eq!(before.root().retained_size(), after.root().retained_size());
    }
});
