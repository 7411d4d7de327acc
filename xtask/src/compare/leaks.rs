//! `cargo xtask compare leaks`: precision and recall of the leak finder on programs whose truth is known, run by several
//! Node versions, and its speed beside memlab.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;

use super::measures::median;
use crate::devtools::real;
use crate::leaks::{self, Judged, Score};
use crate::{Outcome, measured, prerequisites, process};

/// memlab's CPU time as a multiple of ours that is to be reached: on three files of 5 MB each, on 250 MB in all.
const GOAL_SMALL: f64 = 40.0;
const GOAL_LARGE: f64 = 25.0;
/// Runs of a small triple that are measured together: one is over before the clock has ticked often.
const SMALL_RUNS: usize = 10;

/// Arguments of `cargo xtask compare leaks`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The Node versions that run the programs: 20, 22, 24, 26.
    #[arg(long, value_delimiter = ',', value_name = "MAJOR", default_values = real::NODES)]
    nodes: Vec<String>,
    /// Seeds of the programs' names, from 1.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(0..=99))]
    seeds: u32,
    /// Only these programs, or sets by number, with commas.
    #[arg(long, value_name = "LIST", default_value = "")]
    programs: String,
    /// How often heaplab and memlab look at the same three files; 0 leaves the speed out.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(0..=99))]
    rounds: u32,
    /// Write every verdict and measurement here.
    #[arg(long, value_name = "FILE", default_value = "target/compare/leaks.json")]
    json: PathBuf,
}

/// Runs the programs, prints the tables.
pub(crate) fn run(options: &Options) -> Outcome {
    match compare(options) {
        Ok(true) => Outcome::Done,
        Ok(false) => Outcome::Failed,
        Err(reason) => {
            eprintln!("{reason}");
            Outcome::NotStarted
        }
    }
}

fn compare(options: &Options) -> Result<bool, String> {
    prerequisites::node()?;
    let mut judged = Vec::new();
    if options.seeds > 0 {
        for node in real::nodes(&options.nodes)? {
            let before = judged.len();
            for seed in 1..=options.seeds {
                judged.extend(leaks::run(&node, seed, &options.programs)?);
                eprintln!("{}, seed {seed}: judged", node.display());
            }
            // All Nodes together take long: what one has shown is said, and kept, before the next begins.
            print!("{}", leaks::table(&judged[before..]));
            save(options, &judged, &[])?;
        }
    }
    let mut met = Score::of(&judged).is_perfect();
    let mut speeds = Vec::new();
    if options.rounds > 0 {
        for (name, goal) in [("small", GOAL_SMALL), ("large", GOAL_LARGE)] {
            let speed = speed(name, options.rounds)?;
            let ratio = median(
                &speed
                    .iter()
                    .map(|(ours, theirs)| theirs / ours)
                    .collect::<Vec<_>>(),
            );
            met &= ratio >= goal;
            for (ours, theirs) in &speed {
                let ratio = theirs / ours;
                println!(
                    "{name}: heaplab {ours:.4} s, memlab {theirs:.2} s of CPU, {ratio:.1} times"
                );
            }
            println!("{name}: median {ratio:.1} times, goal {goal}");
            speeds.push((name, speed));
        }
    }
    save(options, &judged, &speeds)?;
    println!("every verdict: {}", options.json.display());
    Ok(met)
}

/// CPU seconds of heaplab and memlab, round by round.
type Speed = Vec<(f64, f64)>;

/// Writes every verdict and measurement there is so far.
fn save(options: &Options, judged: &[Judged], speeds: &[(&str, Speed)]) -> Result<(), String> {
    let json = serde_json::json!({ "programs": judged, "speed": speeds });
    let text = serde_json::to_string_pretty(&json).map_err(|error| error.to_string())?;
    super::write(&options.json, &text)
}

/// Both on the same three files.
fn speed(name: &str, rounds: u32) -> Result<Speed, String> {
    let root = process::workspace_root();
    let benches = root.join("benches");
    // The memlab that `compare reading` runs, too.
    let peers = benches.join("peers").join("reading");
    super::reading::install(&peers)?;
    process::run(&mut process::cargo(&[
        "build",
        "--release",
        "--package",
        "heaplab",
    ]))?;
    let target = process::target_folder();
    let text = |path: &Path| path.to_string_lossy().into_owned();
    let folder = target.join("compare").join("leaks").join(name);
    fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let files = ["1", "2", "3"].map(|n| text(&folder.join(format!("{n}.heapsnapshot"))));
    if !Path::new(&files[2]).exists() {
        let script = text(&benches.join("leaks").join("make.cjs"));
        let mut make = process::command("node", &["--expose-gc", &script, name]);
        process::run(make.current_dir(&folder))?;
    }
    let heaplab = text(&target.join("release").join("heaplab"));
    let runs = if name == "small" { SMALL_RUNS } else { 1 };
    // heaplab ends with 1 when it finds something, which is no failure here.
    let script = "i=0; while [ $i -lt $0 ]; do \"$@\" || [ $? -eq 1 ] || exit 2; i=$((i+1)); done";
    let ours = [
        "sh",
        "-c",
        script,
        &runs.to_string(),
        &heaplab,
        "snapshot",
        "leaks",
        "--format",
        "json",
    ];
    let ours: Vec<String> = ours
        .into_iter()
        .map(ToOwned::to_owned)
        .chain(files.clone())
        .collect();
    let memlab = text(&peers.join("node_modules/memlab/bin/memlab"));
    let work = text(&folder.join("memlab"));
    let theirs = [
        "node",
        &memlab,
        "find-leaks",
        "--baseline",
        &files[0],
        "--target",
        &files[1],
        "--final",
        &files[2],
        "--work-dir",
        &work,
    ]
    .map(ToOwned::to_owned);
    let cost = |command: &[String]| measured::measure_again(command).map(|cost| cost.cpu_seconds);
    (0..rounds)
        .map(|_| Ok((cost(&ours)? / runs as f64, cost(&theirs)?)))
        .collect()
}
