//! `cargo xtask compare`: heaplab beside other systems on the same work.
//!
//! `compare heap` runs the benches of `benches/peers` in turns on one core: in each round every system runs once, so
//! that a round's ratios compare what ran within minutes of each other on the same machine.

mod goals;
mod leaks;
mod measures;
mod page;
mod reading;
mod rounds;
mod sample;
mod smallest;
mod snapshot;
mod snapshots;
mod systems;
mod table;
mod traces;

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use crate::{Outcome, process};

/// What is compared.
#[derive(Debug, Subcommand)]
pub(crate) enum Comparison {
    /// The collector beside V8, HotSpot Serial, gc-arena, malloc, mimalloc and bumpalo.
    Heap(HeapOptions),
    /// The leak finder on programs whose truth is known: precision, recall, and speed beside memlab.
    Leaks(leaks::Options),
    /// Reading snapshots of real programs, beside DevTools' worker, memlab and v8-heap-parser.
    Reading(reading::Options),
    /// Writing a heap snapshot, beside the newest Node from npm.
    Snapshot(snapshot::Options),
    /// Reading snapshots of Node 20 to 26 and Chromium: every number beside DevTools' own worker.
    Snapshots(snapshots::Options),
}

/// Arguments of `cargo xtask compare heap`.
#[derive(Debug, Args)]
pub(crate) struct HeapOptions {
    /// Only these benches; all by default.
    #[arg(long, value_delimiter = ',', value_name = "BENCH")]
    only: Vec<String>,
    /// Only these systems; all that are installed by default.
    #[arg(long, value_delimiter = ',', value_name = "SYSTEM")]
    systems: Vec<String>,
    /// How often every system runs every bench.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=99))]
    rounds: u32,
    /// Also find the smallest heap that completes the LRU, by bisection.
    #[arg(long)]
    smallest_heap: bool,
    /// Write every measurement here.
    #[arg(long, value_name = "FILE", default_value = "target/compare/heap.json")]
    json: PathBuf,
    /// Write a page with plots here.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
}

/// Runs a comparison.
pub(crate) fn run(comparison: &Comparison) -> Outcome {
    let options = match comparison {
        Comparison::Heap(options) => options,
        Comparison::Leaks(options) => return leaks::run(options),
        Comparison::Reading(options) => return reading::run(options),
        Comparison::Snapshot(options) => return snapshot::run(options),
        Comparison::Snapshots(options) => return snapshots::run(options),
    };
    match heap(options) {
        Ok(()) => Outcome::Done,
        Err(reason) => {
            eprintln!("{reason}");
            Outcome::NotStarted
        }
    }
}

fn heap(options: &HeapOptions) -> Result<(), String> {
    let benches = rounds::chosen(&options.only)?;
    let prepared = systems::prepare(&options.systems)?;
    let results = rounds::run(&benches, &prepared.systems, options.rounds)?;
    let rows = measures::rows(&results);
    print!(
        "{}",
        table::text(&prepared, &results, &rows, options.rounds)
    );
    print!("{}", table::shares(&results));
    let verdicts = goals::verdicts(&results);
    print!("{}", table::goals(&verdicts));
    let smallest = if options.smallest_heap {
        let found = smallest::find(&prepared.systems)?;
        print!("{}", table::smallest(&found));
        found
    } else {
        Vec::new()
    };
    let json = table::json(&prepared, &results, &rows, &verdicts, &smallest);
    write(&options.json, &json)?;
    println!("every measurement: {}", options.json.display());
    if let Some(html) = &options.html {
        write(html, &page::html(&prepared, &rows, &verdicts))?;
        println!("plots: {}", html.display());
    }
    Ok(())
}

/// Writes a file, relative to the workspace's root, as a whole or not at all.
fn write(path: &Path, text: &str) -> Result<(), String> {
    let path = process::workspace_root().join(path);
    let fail = |error: std::io::Error| format!("{}: {error}", path.display());
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(fail)?;
    }
    let temporary = path.with_extension("tmp");
    std::fs::write(&temporary, text).map_err(fail)?;
    std::fs::rename(&temporary, &path).map_err(fail)
}
