//! Prints the histogram of a snapshot, and the processor time and memory it took.
//!
//! `cargo run --release -p heapsnapshot --example histogram FILE`

use heapsnapshot::reader::read_histogram;
use heapsnapshot::{Input, ReadOptions};

fn main() {
    let file = std::env::args().nth(1).expect("a file");
    let input = Input::open(file.as_ref()).expect("a file");
    let histogram = read_histogram(input, &ReadOptions::default()).expect("a snapshot");
    for row in histogram.rows.iter().take(15) {
        println!("{:>10} {:>12}  {}", row.count, row.shallow, row.class);
    }
    let read = |file: &str| std::fs::read_to_string(file).unwrap_or_default();
    let time = read("/proc/self/schedstat");
    let time: f64 = time
        .split(' ')
        .next()
        .and_then(|first| first.parse().ok())
        .unwrap_or(0.0);
    let status = read("/proc/self/status");
    let peak = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .unwrap_or("0 kB");
    eprintln!(
        "{:.1} ms of processor time, peak memory {}",
        time / 1e6,
        peak.trim()
    );
}
