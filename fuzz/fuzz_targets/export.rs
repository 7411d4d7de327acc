//! The tables as CSV and Parquet, read back by their own reader, on any snapshot: see `fuzz/src/lib.rs`.

#![no_main]

use heaplab_fuzz::snapshot;
use heapsnapshot::export::{Table, write_csv, write_parquet};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Some(snapshot) = snapshot(bytes) else {
        return;
    };
    for table in Table::ALL {
        let mut csv = Vec::new();
        let rows = write_csv(&snapshot, table, &mut csv, &mut |_| {}).expect("memory is written");
        let mut parquet = Vec::new();
        let same =
            write_parquet(&snapshot, table, &mut parquet, &mut |_| {}).expect("memory is written");
        assert_eq!(rows, same);
    }
});
