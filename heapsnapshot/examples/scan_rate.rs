//! Prints how fast each scanner path reads the number arrays of a snapshot.
//!
//! `cargo run --release -p heapsnapshot --example scan_rate FILE`
//!
//! Each piece of 256 KiB is scanned from the cache, as the reader scans what it has just read; the
//! best of five rounds counts, so that a busy machine disturbs little.

use std::time::{Duration, Instant};

use heapsnapshot::scanner::{Path, scan};

fn main() {
    let file = std::env::args().nth(1).expect("a file");
    let bytes = std::fs::read(file).expect("readable");
    let find = |text: &[u8]| bytes.windows(text.len()).position(|at| at == text);
    let start = find(b"\"nodes\":[").expect("a section \"nodes\"") + 9;
    let end = find(b"\"edges\":[").map_or(bytes.len(), |at| {
        at + bytes[at..]
            .iter()
            .position(|&byte| byte == b']')
            .expect("an end")
    });
    let numbers = &bytes[start..end];
    let mut out = vec![0; 1 << 13];
    for path in Path::available() {
        let (mut time, mut found) = (Duration::ZERO, 0);
        for chunk in numbers.chunks(1 << 18) {
            let rounds = (0..5).map(|_| {
                let started = Instant::now();
                let (mut at, mut written) = (0, 0);
                while at < chunk.len() {
                    let done = scan(path, &chunk[at..], &mut out);
                    written += done.written;
                    if done.consumed == 0 {
                        break;
                    }
                    at += done.consumed;
                }
                (started.elapsed(), written)
            });
            let (best, written) = rounds.min().expect("five rounds");
            time += best;
            found += written;
        }
        let rate = numbers.len() as f64 / time.as_secs_f64() / 1e9;
        println!("{path:?}: {rate:.2} GB/s, {found} numbers");
    }
}
