//! Snapshots that the `heaplab` command took of its workloads, against Chrome DevTools: the numbers of its worker under Node,
//! and what its window shows in Chromium.

pub(crate) mod agreement;
mod independent;
pub(crate) mod memory;
mod oracle;
pub(crate) mod real;
mod window;

use std::fs;
use std::path::{Path, PathBuf};

use heaplab_workloads::registry::WORKLOADS;
use heapsnapshot::Snapshot;

use crate::process;
use crate::steps::Steps;
use independent::Numbers;

/// The heap's limits in the runs: enough for some hundred thousand objects, few enough to test in seconds.
const MAX_OLD_SPACE_MB: &str = "12";
const MAX_SEMI_SPACE_MB: &str = "1";

/// A snapshot to test.
#[derive(Debug)]
struct Taken {
    workload: &'static str,
    file: PathBuf,
    /// Constructors that leak, if the snapshot shows the leak.
    leaks: Vec<&'static str>,
}

/// Where test output goes, screenshots included.
pub(crate) fn output_folder() -> PathBuf {
    process::workspace_root()
        .join("target")
        .join("devtools-test")
}

/// Runs the steps that need Node, and those that need a browser if one is given.
pub(crate) fn run(steps: &mut Steps, browser: Option<&Path>) {
    if !steps.run("npm ci", install) {
        return;
    }
    let mut taken = Vec::new();
    if !steps.run("snapshots of all workloads", || {
        taken = take_snapshots()?;
        Ok(())
    }) {
        return;
    }
    steps.run("DevTools' numbers", || compare_numbers(&taken));
    steps.run("DevTools' numbers, snapshots of others", || {
        let others = real::small(browser)?;
        agreement::run(&others).map(|_| ())
    });
    match browser {
        Some(browser) => {
            steps.run("DevTools' window", || window::compare(&taken, browser));
        }
        None => steps.skip("DevTools' window", "--skip browser"),
    }
}

/// Installs the pinned packages inside the project.
pub(crate) fn install() -> Result<(), String> {
    let arguments = ["ci", "--ignore-scripts", "--no-audit", "--no-fund"];
    process::run(process::command("npm", &arguments).current_dir(process::devtools_folder()))
}

/// Runs every workload into its limit, with the command that users have.
fn take_snapshots() -> Result<Vec<Taken>, String> {
    let folder = output_folder();
    if folder.exists() {
        fs::remove_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    }
    let mut taken = Vec::new();
    for workload in WORKLOADS {
        let out = folder.join(workload.name);
        let out_text = out.to_string_lossy();
        // Its summary for people is not ours to repeat.
        process::output(&mut process::cargo(&[
            "run",
            "--quiet",
            "--package",
            "heaplab",
            "--",
            "run",
            workload.name,
            "--quiet",
            "--clock",
            "virtual",
            "--max-old-space-size",
            MAX_OLD_SPACE_MB,
            "--max-semi-space-size",
            MAX_SEMI_SPACE_MB,
            "--snapshot-at",
            "start,limit,end",
            "--out",
            &out_text,
        ]))?;
        let files = snapshots_in(&out)?;
        if !files.iter().any(|file| shows_leak(file)) {
            return Err(format!(
                "{out_text}: the run left no snapshot of its limit or end: {files:?}"
            ));
        }
        println!("{}: {} snapshots in {out_text}", workload.name, files.len());
        taken.extend(files.into_iter().map(|file| Taken {
            workload: workload.name,
            leaks: if shows_leak(&file) {
                workload.leaks.iter().map(|leak| leak.class).collect()
            } else {
                Vec::new()
            },
            file,
        }));
    }
    Ok(taken)
}

/// All snapshots of a run, by name.
fn snapshots_in(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let entries = fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut files: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| {
            path.extension()
                .is_some_and(|ending| ending == "heapsnapshot")
        })
        .collect();
    files.sort();
    Ok(files)
}

/// Whether a snapshot was taken when the workload had leaked for a while.
fn shows_leak(file: &Path) -> bool {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    name.starts_with("limit") || name.starts_with("end")
}

/// Three computations of every node's numbers: DevTools', ours from scratch, and the library's.
fn compare_numbers(taken: &[Taken]) -> Result<(), String> {
    let mut nodes = 0;
    let mut rows = 0;
    for taken in taken {
        let at = |reason: String| format!("{}: {reason}", taken.file.display());
        let ours = Numbers::of(&taken.file).map_err(at)?;
        let theirs = oracle::run(&taken.file, &[]).map_err(at)?;
        let library = Snapshot::open(&taken.file).map_err(|error| at(error.to_string()))?;
        theirs.compare(&ours).map_err(at)?;
        compare_library(&ours, &library).map_err(at)?;
        nodes += ours.retained.len();
        rows += ours.rows.len();
        println!(
            "{} {}: {} nodes and {} rows equal",
            taken.workload,
            taken.file.file_name().unwrap_or_default().to_string_lossy(),
            ours.retained.len(),
            ours.rows.len()
        );
    }
    println!(
        "{nodes} nodes (self size, retained size, distance, dominator) and {rows} rows in {} files: \
         DevTools, an independent computation and the library agree",
        taken.len()
    );
    Ok(())
}

/// The library's analyses against the independent computation.
fn compare_library(ours: &Numbers, library: &Snapshot) -> Result<(), String> {
    if library.node_count() != ours.retained.len() {
        return Err(format!("the library reads {} nodes", library.node_count()));
    }
    for (ordinal, node) in library.nodes().enumerate() {
        let theirs = (
            node.self_size(),
            node.retained_size(),
            node.distance().map_or(-1, i64::from),
            node.dominator().ordinal().0,
        );
        let expected = (
            ours.self_sizes[ordinal],
            ours.retained[ordinal],
            i64::from(ours.distances[ordinal]),
            ours.dominators[ordinal],
        );
        if theirs != expected {
            return Err(format!(
                "node {ordinal} (id {}): (self, retained, distance, dominator) is {expected:?}, the library says {theirs:?}",
                node.id().0
            ));
        }
    }
    Ok(())
}
