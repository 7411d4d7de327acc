//! Pages of simulated runs.
#![allow(missing_docs, reason = "a test")]

mod simulation;

use std::path::{Path, PathBuf};

use heaplab_reports::page::{write_comparison, write_report};
use simulation::Simulation;

/// Pages are written into `HEAPLAB_KEEP_PAGES` if that is set, for a person to look at, else into a folder that goes away.
fn folder() -> (Option<tempfile::TempDir>, PathBuf) {
    match std::env::var_os("HEAPLAB_KEEP_PAGES") {
        Some(dir) => (None, Path::new(&dir).to_owned()),
        None => {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().to_owned();
            (Some(dir), path)
        }
    }
}

#[test]
fn pages_of_a_leak_and_its_cures() {
    let (_guard, dir) = folder();
    let dir = dir.join("compare-cache");
    let dirs: Vec<PathBuf> = [None, Some(("lru", 5_000)), Some(("ttl", 9_000))]
        .into_iter()
        .map(|cure| {
            let simulation = Simulation {
                cure,
                ..Simulation::default()
            };
            let dir = dir.join(cure.map_or("leak", |(name, _)| name));
            simulation.record(&dir);
            write_report(&dir).unwrap();
            dir
        })
        .collect();
    write_comparison(&dirs, &dir).unwrap();
}
