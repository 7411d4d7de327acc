//! How fast a snapshot of a heap of objects linked at random is written, and how much memory that takes.
//!
//! ```text
//! cargo run --release --example snapshot_speed -- OBJECTS [FILE]
//! ```
//!
//! Fills a heap with that many objects of 64 bytes with four references each to any of the others, all held by one array, and
//! writes one snapshot: into a sink that only counts, or to a file. Prints one line of JSON: bytes of live heap and of the
//! snapshot, CPU seconds and wall seconds from the call to the last byte (marking included), and by how much the resident
//! size rose meanwhile. `cargo xtask compare snapshot` runs this beside Node.
//!
//! Linux only: times and sizes come from `/proc`.

use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use heaplab_gc::{Heap, HeapOptions};
use heapsnapshot::gc_source::{write_snapshot, write_snapshot_file};

const MB: usize = 1 << 20;

/// References per object, and raw bytes that fill it up to 64: 8 header + 4 × 4 + 40.
const FIELDS: [&str; 4] = ["a", "b", "c", "d"];
const RAW_BYTES: usize = 40;
const OBJECT_BYTES: usize = 64;

/// Counts what is written.
struct Counting(u64);

impl Write for Counting {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Nanoseconds that this process' main thread, its only one, has spent on a processor.
fn cpu_nanoseconds() -> io::Result<u64> {
    let text = std::fs::read_to_string("/proc/self/schedstat")?;
    let first = text.split_whitespace().next().unwrap_or_default();
    first
        .parse()
        .map_err(|_| io::Error::other("/proc/self/schedstat has another form"))
}

/// A field of `/proc/self/status`, in bytes.
fn status_bytes(field: &str) -> io::Result<u64> {
    let text = std::fs::read_to_string("/proc/self/status")?;
    text.lines()
        .find_map(|line| line.strip_prefix(field)?.strip_prefix(':'))
        .and_then(|rest| rest.trim().strip_suffix(" kB")?.parse::<u64>().ok())
        .map(|kilobytes| kilobytes * 1024)
        .ok_or_else(|| io::Error::other(format!("/proc/self/status has no {field}")))
}

fn measure(objects: usize, file: Option<&Path>) -> Result<String, Box<dyn std::error::Error>> {
    let live = objects * (OBJECT_BYTES + 4);
    let mut heap = Heap::new(HeapOptions::with_limits(live + live / 4 + 64 * MB, 16 * MB))?;
    let _all = heap.enter(|s| -> Result<_, Box<dyn std::error::Error>> {
        let shape = s.shape_with_raw("Node", &FIELDS, RAW_BYTES)?;
        let all = s.array(objects)?;
        for n in 0..objects {
            s.scope(|t| -> Result<_, Box<dyn std::error::Error>> {
                let node = t.object(shape)?;
                t.set(all, n, node);
                Ok(())
            })?;
        }
        let mut state = 0x9E37_79B9_u32;
        let mut random = || {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            ((u64::from(state) * objects as u64) >> 32) as usize
        };
        for n in 0..objects {
            for field in 0..FIELDS.len() {
                let target = random();
                s.set(s.get(all, n), field, s.get(all, target));
            }
        }
        Ok(s.global(all))
    })?;

    // From here on `VmHWM` is the peak since now.
    std::fs::write("/proc/self/clear_refs", "5")?;
    let resident = status_bytes("VmRSS")?;
    let (cpu, wall) = (cpu_nanoseconds()?, Instant::now());
    let report = match file {
        Some(path) => write_snapshot_file(&mut heap, path)?,
        None => {
            let mut sink = Counting(0);
            let report = write_snapshot(&mut heap, &mut sink)?;
            assert_eq!(sink.0, report.bytes);
            report
        }
    };
    let wall_seconds = wall.elapsed().as_secs_f64();
    let cpu_seconds = (cpu_nanoseconds()? - cpu) as f64 / 1e9;
    let extra = status_bytes("VmHWM")?.saturating_sub(resident);
    Ok(format!(
        "{{\"objects\":{objects},\"live_bytes\":{live},\"file_bytes\":{},\"cpu_seconds\":{cpu_seconds:.4},\
         \"wall_seconds\":{wall_seconds:.4},\"mb_per_cpu_second\":{:.1},\"extra_resident_bytes\":{extra}}}",
        report.bytes,
        report.bytes as f64 / 1e6 / cpu_seconds,
    ))
}

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let objects = arguments.next().and_then(|text| text.parse().ok());
    let file = arguments.next();
    let Some(objects) = objects else {
        eprintln!("usage: snapshot_speed OBJECTS [FILE]");
        return ExitCode::from(2);
    };
    match measure(objects, file.as_deref().map(Path::new)) {
        Ok(line) => {
            println!("{line}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(3)
        }
    }
}
