//! `cargo xtask compare reading`: a class table with exact retained sizes from snapshots of real programs, beside Chrome
//! DevTools' worker, memlab and v8-heap-parser.
//!
//! In each round every system reads every file once, one after the other on one core, so that a round's ratio compares what
//! ran on the same machine at nearly the same time.

use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use super::measures::median;
use crate::measured::{self, Cost};
use crate::{Outcome, process};

/// Goals: DevTools' CPU time as a multiple of ours, for files of 50 MB and more and for small ones.
const GOAL_RATIO: f64 = 20.0;
const GOAL_RATIO_SMALL: f64 = 35.0;
/// The same for the histogram.
const GOAL_HISTOGRAM_RATIO: f64 = 100.0;
/// Goals: peak memory as a multiple of the file, for the table and for the histogram.
const GOAL_MEMORY: f64 = 1.0;
const GOAL_HISTOGRAM_MEMORY: f64 = 0.15;
/// From this size on a file is not small: below it the program itself is most of the memory.
const LARGE: u64 = 40_000_000;

/// Arguments of `cargo xtask compare reading`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The snapshots to read; by default those of heapsnapshot/devtools/programs, made when missing.
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Sizes to make: small (5 MB), medium (50 MB), large (250 MB), huge (over 1 GB).
    #[arg(long, value_delimiter = ',', default_value = "small,medium,large")]
    sizes: Vec<String>,
    /// The Node that runs the programs.
    #[arg(long, value_name = "PATH", default_value = "node")]
    node: String,
    /// How often every system reads every file.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=99))]
    rounds: u32,
    /// Only these systems: table, histogram, devtools, memlab, v8-heap-parser.
    #[arg(long, value_delimiter = ',', value_name = "SYSTEM")]
    systems: Vec<String>,
    /// Write every measurement here.
    #[arg(
        long,
        value_name = "FILE",
        default_value = "target/compare/reading.json"
    )]
    json: PathBuf,
}

/// One program that reads snapshots.
struct System {
    name: &'static str,
    /// Its command; the file comes last.
    command: Vec<String>,
}

/// What all systems needed for one file.
#[derive(Debug, Serialize)]
struct Reading {
    file: PathBuf,
    bytes: u64,
    /// By system: the costs round by round, or why there are none.
    systems: Vec<(&'static str, Result<Vec<Cost>, String>)>,
}

/// Measures, prints the tables and the goals, writes the figures.
pub(crate) fn run(options: &Options) -> Outcome {
    match measure(options) {
        Ok(true) => Outcome::Done,
        Ok(false) => Outcome::Failed,
        Err(reason) => {
            eprintln!("{reason}");
            Outcome::NotStarted
        }
    }
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// Installs what a package.json lists, without running its scripts.
///
/// # Errors
///
/// That npm failed.
pub(super) fn install(folder: &Path) -> Result<(), String> {
    let arguments = ["ci", "--ignore-scripts", "--no-audit", "--no-fund"];
    let mut npm = process::command("npm", &arguments);
    process::run(npm.current_dir(folder).env("PUPPETEER_SKIP_DOWNLOAD", "1"))
}

/// heaplab's commands.
fn heaplab() -> Result<Vec<System>, String> {
    process::run(&mut process::cargo(&[
        "build",
        "--release",
        "--package",
        "heaplab",
    ]))?;
    let program = text(&process::target_folder().join("release").join("heaplab"));
    let verb = |verb: &str| {
        let words = [&program, "snapshot", verb, "--format", "csv"];
        words.map(ToOwned::to_owned).to_vec()
    };
    Ok(vec![
        System {
            name: "table",
            command: verb("summary"),
        },
        System {
            name: "histogram",
            command: verb("histogram"),
        },
    ])
}

/// A peer that can be had, or the reason why not.
fn peer(name: &'static str) -> Result<System, String> {
    let peers = process::workspace_root().join("benches").join("peers");
    let node = |script: PathBuf| {
        vec![
            "node".to_owned(),
            "--max-old-space-size=16000".to_owned(),
            text(&script),
        ]
    };
    let command = match name {
        "devtools" => {
            install(&process::devtools_folder())?;
            node(process::devtools_folder().join("oracle.mjs"))
        }
        "memlab" => {
            install(&peers.join("reading"))?;
            node(peers.join("reading").join("memlab.mjs"))
        }
        _ => {
            let build = ["build", "--release", "--bin", "peer-v8-heap-parser"];
            let mut cargo = process::cargo(&build);
            process::run(cargo.current_dir(&peers).env_remove("CARGO_TARGET_DIR"))?;
            vec![text(
                &peers
                    .join("target")
                    .join("release")
                    .join("peer-v8-heap-parser"),
            )]
        }
    };
    Ok(System { name, command })
}

/// The files to read: those given, or real programs' snapshots.
fn files(options: &Options) -> Result<Vec<PathBuf>, String> {
    if !options.files.is_empty() {
        return Ok(options.files.clone());
    }
    let out = process::target_folder().join("compare").join("reading");
    let programs = process::devtools_folder().join("programs");
    install(&programs)?;
    let mut files = Vec::new();
    for size in &options.sizes {
        let made = |files: &mut Vec<PathBuf>| {
            let entries = std::fs::read_dir(&out).into_iter().flatten().flatten();
            let mut of_size: Vec<PathBuf> = entries
                .map(|entry| entry.path())
                .filter(|path| {
                    let name = path.file_name().unwrap_or_default().to_string_lossy();
                    name.starts_with(&format!("{size}-")) && name.ends_with(".heapsnapshot")
                })
                .collect();
            of_size.sort();
            let any = !of_size.is_empty();
            files.append(&mut of_size);
            any
        };
        if !made(&mut files) {
            let script = text(&programs.join("make.mjs"));
            let arguments = [
                &script,
                &text(&out),
                "--size",
                size,
                "--node",
                &options.node,
            ];
            process::run(&mut process::command("node", &arguments.map(|word| word)))?;
            made(&mut files);
        }
    }
    Ok(files)
}

fn measure(options: &Options) -> Result<bool, String> {
    let wanted = |name: &str| {
        options.systems.is_empty() || options.systems.iter().any(|system| system == name)
    };
    let files = files(options)?;
    let mut systems: Vec<System> = heaplab()?
        .into_iter()
        .filter(|system| wanted(system.name))
        .collect();
    for name in ["devtools", "memlab", "v8-heap-parser"] {
        if wanted(name) {
            match peer(name) {
                Ok(system) => systems.push(system),
                Err(reason) => eprintln!("{name} is left out: {reason}"),
            }
        }
    }
    let mut readings = Vec::new();
    for file in files {
        let length = std::fs::metadata(&file);
        let bytes = length
            .map_err(|error| format!("{}: {error}", file.display()))?
            .len();
        readings.push(read(file, bytes, &systems, options.rounds));
        print_reading(&readings[readings.len() - 1]);
    }
    let met = print_goals(&readings);
    let json = serde_json::to_string_pretty(&readings).map_err(|error| error.to_string())?;
    super::write(&options.json, &json)?;
    Ok(met)
}

/// All rounds of one file. Who fails once is not asked again.
fn read(file: PathBuf, bytes: u64, systems: &[System], rounds: u32) -> Reading {
    let mut costs: Vec<(&'static str, Result<Vec<Cost>, String>)> = systems
        .iter()
        .map(|system| (system.name, Ok(Vec::new())))
        .collect();
    for _ in 0..rounds {
        for (system, (_, costs)) in systems.iter().zip(&mut costs) {
            let Ok(so_far) = costs else { continue };
            let mut command = system.command.clone();
            command.push(text(&file));
            match measured::measure_again(&command) {
                Ok(cost) => so_far.push(cost),
                Err(reason) => *costs = Err(reason),
            }
        }
    }
    Reading {
        file,
        bytes,
        systems: costs,
    }
}

impl Reading {
    fn costs(&self, name: &str) -> &[Cost] {
        let found = self.systems.iter().find(|(system, _)| *system == name);
        found.map_or(&[], |(_, costs)| costs.as_deref().unwrap_or_default())
    }

    /// The median over the rounds of a peer's CPU time over that of one of ours.
    fn ratio(&self, ours: &str, theirs: &str) -> f64 {
        let pairs = self.costs(ours).iter().zip(self.costs(theirs));
        let ratios: Vec<f64> = pairs
            .map(|(ours, theirs)| theirs.cpu_seconds / ours.cpu_seconds)
            .collect();
        median(&ratios)
    }

    fn cpu(&self, name: &str) -> f64 {
        let seconds: Vec<f64> = self
            .costs(name)
            .iter()
            .map(|cost| cost.cpu_seconds)
            .collect();
        median(&seconds)
    }

    /// Peak memory as a multiple of the file.
    fn memory(&self, name: &str) -> f64 {
        let peaks: Vec<f64> = self
            .costs(name)
            .iter()
            .map(|cost| cost.peak_bytes as f64 / self.bytes as f64)
            .collect();
        median(&peaks)
    }
}

fn cell(figure: f64, decimals: usize) -> String {
    if figure.is_nan() {
        "-".to_owned()
    } else {
        format!("{figure:.decimals$}")
    }
}

fn print_reading(reading: &Reading) {
    let name = reading.file.file_stem().unwrap_or_default();
    println!(
        "{} ({:.1} MB)",
        name.to_string_lossy(),
        reading.bytes as f64 / 1e6
    );
    println!(
        "  {:<16} {:>10} {:>13} {:>13} {:>13}",
        "", "CPU s", "memory x file", "CPU / table", "CPU / hist."
    );
    for (name, costs) in &reading.systems {
        match costs {
            Ok(_) => println!(
                "  {name:<16} {:>10} {:>13} {:>13} {:>13}",
                cell(reading.cpu(name), 3),
                cell(reading.memory(name), 2),
                cell(reading.ratio("table", name), 1),
                cell(reading.ratio("histogram", name), 1),
            ),
            Err(reason) => println!("  {name:<16} failed: {reason}"),
        }
    }
}

/// Prints goal by goal and file by file what was reached; true if all were met.
fn print_goals(readings: &[Reading]) -> bool {
    println!("medians of the rounds; goals:");
    let mut met = true;
    let mut goal = |file: &Path, what: &str, figure: f64, goal: f64, at_least: bool| {
        if figure.is_nan() {
            return;
        }
        let holds = if at_least {
            figure >= goal
        } else {
            figure <= goal
        };
        met &= holds;
        println!(
            "  {:<34} {what:<28} {figure:>7.2} of {goal:>6.2}  {}",
            file.file_stem().unwrap_or_default().to_string_lossy(),
            if holds { "met" } else { "MISSED" }
        );
    };
    for reading in readings {
        let (file, large) = (&reading.file, reading.bytes >= LARGE);
        let ratio = if large { GOAL_RATIO } else { GOAL_RATIO_SMALL };
        goal(
            file,
            "DevTools' CPU / table's",
            reading.ratio("table", "devtools"),
            ratio,
            true,
        );
        if large {
            let memory = reading.memory("table");
            goal(file, "table's memory / file", memory, GOAL_MEMORY, false);
            goal(
                file,
                "DevTools' CPU / histogram's",
                reading.ratio("histogram", "devtools"),
                GOAL_HISTOGRAM_RATIO,
                true,
            );
            let memory = reading.memory("histogram");
            goal(
                file,
                "histogram's memory / file",
                memory,
                GOAL_HISTOGRAM_MEMORY,
                false,
            );
        }
    }
    met
}
