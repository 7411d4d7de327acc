//! The summary by every grouping, the statistics and the whole-graph numbers behind them, on any snapshot: see `fuzz/src/lib.rs`.

#![no_main]

use heaplab_fuzz::snapshot;
use heapsnapshot::NodeOrdinal;
use heapsnapshot::analysis::summary::{GroupBy, summary};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Some(snapshot) = snapshot(bytes) else {
        return;
    };
    for group_by in [
        GroupBy::Location,
        GroupBy::Shape,
        GroupBy::Class,
        GroupBy::Name,
        GroupBy::Type,
        GroupBy::Script,
    ] {
        let found = summary(&snapshot, group_by, None);
        assert_eq!(
            found.count,
            found.rows.iter().map(|row| row.count).sum::<u64>()
        );
    }
    let odd = |node: NodeOrdinal| node.0 % 2 == 1;
    let _ = summary(&snapshot, GroupBy::Class, Some(&odd));
});
