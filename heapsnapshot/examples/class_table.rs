//! Prints the class table with exact retained sizes, and where the time and memory went.
//!
//! `cargo run --release -p heapsnapshot --example class_table FILE`

use std::time::Instant;

use heapsnapshot::Snapshot;
use heapsnapshot::analysis::summary::{GroupBy, summary};

fn main() {
    let file = std::env::args().nth(1).expect("a file");
    let started = Instant::now();
    let mut last = started;
    let mut step = |what: &str| {
        let now = Instant::now();
        eprintln!("{what:12} {:7.1} ms", (now - last).as_secs_f64() * 1e3);
        last = now;
    };
    let snapshot = Snapshot::open(&file).expect("a snapshot");
    step("read");
    let _ = snapshot.shallow_sizes();
    step("shallow");
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
        started.elapsed().as_secs_f64() * 1e3,
        peak * 1024.0 / size as f64
    );
}
