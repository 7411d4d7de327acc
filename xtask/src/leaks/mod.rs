//! The leak finder on small Node programs whose truth is known: `heapsnapshot/devtools/leaks`.

mod score;

pub(crate) use score::{Score, table};

use std::fs;
use std::path::{Path, PathBuf};

use heapsnapshot::Snapshot;
use heapsnapshot::leaks::{Finding, Settings, find};
use serde::{Deserialize, Serialize};

use crate::process;

/// The programs of the small form: one of each kind, from all sets.
const SMALL: [&str; 14] = [
    "cache",
    "listeners",
    "timers",
    "detached",
    "strings",
    "chain",
    "nested",
    "devices",
    "lru",
    "bounded",
    "warmup",
    "modules",
    "batches",
    "linkedLru",
];

/// What a program's `truth.json` says.
#[derive(Debug, Deserialize)]
struct Truth {
    /// The set that the program belongs to, from 1.
    set: u32,
    /// Whether it leaks.
    leak: bool,
    /// A name that the finding must say in its owner or path, or one of `also`.
    #[serde(default)]
    owner: String,
    #[serde(default)]
    also: Vec<String>,
    /// The classes any of which is right.
    #[serde(default)]
    classes: Vec<String>,
}

/// What became of a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Verdict {
    /// The first leak reported has a right class and names a right owner.
    Found,
    /// The first leak reported is another.
    WrongFirst,
    /// It leaks, and nothing was reported.
    Missed,
    /// It is healthy, and something was reported.
    FalseAlarm,
    /// It is healthy, and nothing was reported.
    Silent,
}

/// One program, judged.
#[derive(Debug, Serialize)]
pub(crate) struct Judged {
    pub(crate) node: String,
    pub(crate) seed: u32,
    pub(crate) set: u32,
    pub(crate) program: String,
    pub(crate) verdict: Verdict,
    /// Leaks reported.
    pub(crate) reported: usize,
    /// Growth of which nothing could be told.
    pub(crate) cannot_tell: usize,
    /// The first leak reported.
    first: Option<Finding>,
}

impl Truth {
    fn is_met_by(&self, finding: &Finding) -> bool {
        let names = |name: &String| finding.owner.contains(name) || finding.path.contains(name);
        (names(&self.owner) || self.also.iter().any(names)) && self.classes.contains(&finding.class)
    }

    fn verdict(&self, first: Option<&Finding>) -> Verdict {
        match (self.leak, first) {
            (true, Some(first)) if self.is_met_by(first) => Verdict::Found,
            (true, Some(_)) => Verdict::WrongFirst,
            (true, None) => Verdict::Missed,
            (false, Some(_)) => Verdict::FalseAlarm,
            (false, None) => Verdict::Silent,
        }
    }
}

/// Runs programs (a list with commas, or a set's number; all if empty) by one Node, and judges what is found in their
/// snapshots, which are deleted afterwards.
///
/// # Errors
///
/// That a program failed, or wrote what cannot be read.
pub(crate) fn run(node: &Path, seed: u32, programs: &str) -> Result<Vec<Judged>, String> {
    let version = process::output(&mut process::command(
        &node.to_string_lossy(),
        &["--version"],
    ))?;
    let folder = process::workspace_root().join("target").join("leaks");
    remove(&folder)?;
    let mut make = process::command("node", &["heapsnapshot/devtools/leaks/make.mjs"]);
    make.arg(&folder).arg(seed.to_string()).arg(node);
    if !programs.is_empty() {
        make.arg(programs);
    }
    process::output(&mut make)?;
    let read = |error: std::io::Error| format!("{}: {error}", folder.display());
    let mut folders: Vec<PathBuf> = fs::read_dir(&folder)
        .map_err(read)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()
        .map_err(read)?;
    folders.sort();
    let mut judged = Vec::new();
    for program in &folders {
        judged.push(judge(program, version.trim(), seed)?);
    }
    remove(&folder)?;
    Ok(judged)
}

fn remove(folder: &Path) -> Result<(), String> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(format!("{}: {error}", folder.display()))
        }
        _ => Ok(()),
    }
}

fn judge(folder: &Path, node: &str, seed: u32) -> Result<Judged, String> {
    let fail = |error: &dyn std::fmt::Display| format!("{}: {error}", folder.display());
    let truth = fs::read_to_string(folder.join("truth.json")).map_err(|error| fail(&error))?;
    let truth: Truth = serde_json::from_str(&truth).map_err(|error| fail(&error))?;
    let snapshots: Vec<Snapshot> = ["1", "2", "3"]
        .iter()
        .map(|name| Snapshot::open(folder.join(format!("{name}.heapsnapshot"))))
        .collect::<Result<_, _>>()
        .map_err(|error| fail(&error))?;
    let report = find(&snapshots, None, &Settings::default(), "2026-01-01");
    let program = folder.file_name().unwrap_or_default().to_string_lossy();
    Ok(Judged {
        node: node.to_owned(),
        seed,
        set: truth.set,
        program: program.into_owned(),
        verdict: truth.verdict(report.leaks.first()),
        reported: report.leaks.len(),
        cannot_tell: report.cannot_tell.len(),
        first: report.leaks.into_iter().next(),
    })
}

/// The small form, with the installed Node: every leak is found, every healthy program passed in silence.
///
/// # Errors
///
/// The programs of which that is not so.
pub(crate) fn small() -> Result<(), String> {
    let judged = run(Path::new("node"), 1, &SMALL.join(","))?;
    print!("{}", table(&judged));
    let wrong: Vec<String> = judged
        .iter()
        .filter(|one| !matches!(one.verdict, Verdict::Found | Verdict::Silent))
        .map(|one| format!("{} ({:?})", one.program, one.verdict))
        .collect();
    if wrong.is_empty() {
        Ok(())
    } else {
        Err(format!("judged wrongly: {}", wrong.join(", ")))
    }
}
