//! Prints the class table with exact retained sizes, and where the processor time and memory went.
//!
//! `cargo run --release -p heapsnapshot --example class_table FILE`

use heapsnapshot::Snapshot;
use heapsnapshot::analysis::summary::{GroupBy, summary};

/// Milliseconds this process spent on a processor: waiting for one on a busy machine is left out.
fn processor_ms() -> f64 {
    let schedule = std::fs::read_to_string("/proc/self/schedstat").unwrap_or_default();
    let nanoseconds = schedule
        .split(' ')
        .next()
        .and_then(|first| first.parse::<f64>().ok());
    nanoseconds.unwrap_or(0.0) / 1e6
}

fn main() {
    let file = std::env::args().nth(1).expect("a file");
    let mut last = processor_ms();
    let mut step = |what: &str| {
        let now = processor_ms();
        eprintln!("{what:12} {:7.1} ms", now - last);
        last = now;
    };
    let snapshot = Snapshot::open(&file).expect("a snapshot");
    step("read");
    // Shallow sizes are derived on the way: dominators first, as `summary` does it.
    let _ = snapshot.dominators();
    step("dominators");
    let _ = snapshot.distances();
    step("distances");
    let _ = snapshot.classes();
    step("classes");
    let table = summary(&snapshot, GroupBy::Class, None);
    step("rows");
    for row in table.rows.iter().take(15) {
        println!(
            "{:>10} {:>12} {:>12}  {}",
            row.count, row.shallow, row.retained, row.name
        );
    }
    let size = snapshot.report().bytes;
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .unwrap_or("0 kB");
    let peak: f64 = peak.trim().trim_end_matches(" kB").parse().unwrap_or(0.0);
    eprintln!(
        "total        {:7.1} ms; peak memory {:.2} x file",
        processor_ms(),
        peak * 1024.0 / size as f64
    );
}
