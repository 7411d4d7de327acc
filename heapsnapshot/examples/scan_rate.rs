//! Prints how fast each scanner path reads the number arrays of a snapshot.
//!
//! `cargo run --release -p heapsnapshot --example scan_rate FILE`

use heapsnapshot::scanner::{Path, scan};

fn main() {
    let file = std::env::args().nth(1).expect("a file");
    let bytes = std::fs::read(file).expect("readable");
    let find = |text: &[u8]| bytes.windows(text.len()).position(|at| at == text);
    let start = find(b"\"nodes\":[").expect("a section \"nodes\"");
    let end = find(b"\"edges\":[").map_or(bytes.len(), |at| {
        at + bytes[at..]
            .iter()
            .position(|&byte| byte == b']')
            .expect("an end")
    });
    let numbers = &bytes[start + 9..end];
    let mut out = vec![0; 1 << 14];
    for path in Path::available() {
        let mut best = f64::MAX;
        let mut sum = 0_u64;
        for _ in 0..5 {
            let started = std::time::Instant::now();
            let mut at = 0;
            sum = 0;
            while at < numbers.len() {
                // Chunks of 256 KiB, as the reader takes them.
                let chunk = &numbers[at..numbers.len().min(at + (1 << 18))];
                let done = scan(path, chunk, &mut out);
                sum += out[..done.written]
                    .iter()
                    .map(|&n| u64::from(n))
                    .sum::<u64>();
                at += done.consumed.max(1);
            }
            best = best.min(started.elapsed().as_secs_f64());
        }
        println!(
            "{path:?}: {:.2} GB/s (checksum {sum})",
            numbers.len() as f64 / best / 1e9
        );
    }
}
