//! Looks for leaks in snapshots of one process: `cargo run --example leaks -- a.heapsnapshot b… c…`.

use heapsnapshot::Snapshot;
use heapsnapshot::leaks::{Settings, find};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let snapshots: Vec<Snapshot> = std::env::args()
        .skip(1)
        .map(Snapshot::open)
        .collect::<Result<_, _>>()?;
    let report = find(&snapshots, None, &Settings::default(), "2026-01-01");
    println!("{}", serde_json::to_string_pretty(&report)?);
    Ok(())
}
