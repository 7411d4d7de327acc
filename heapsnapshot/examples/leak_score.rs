//! Judges `leaks` on programs whose truth is known: `cargo run --release --example leak_score -- FOLDER…`.
//!
//! Each FOLDER is one program's, as `devtools/leaks/make.mjs` makes it: `truth.json` and three snapshots. A leak
//! is found if the *first* leak reported has a right class and names a right owner, in its owner or its path; a
//! healthy program is passed if no leak is reported. Prints a JSON array with one object per program.

use std::path::Path;

use heapsnapshot::Snapshot;
use heapsnapshot::leaks::{Finding, Settings, find};
use serde_json::{Value, json};

/// What `truth.json` says.
#[derive(serde::Deserialize)]
struct Truth {
    /// 1 or 2: the set the program belongs to.
    set: u32,
    /// Whether it leaks.
    leak: bool,
    /// A name that the finding must say, or one of `also`.
    #[serde(default)]
    owner: String,
    #[serde(default)]
    also: Vec<String>,
    /// The classes any of which is right.
    #[serde(default)]
    classes: Vec<String>,
}

impl Truth {
    fn is_met_by(&self, finding: &Finding) -> bool {
        let names = |name: &String| finding.owner.contains(name) || finding.path.contains(name);
        (names(&self.owner) || self.also.iter().any(names)) && self.classes.contains(&finding.class)
    }
}

/// The verdict over one program, as JSON.
fn judge(folder: &Path) -> Result<Value, Box<dyn std::error::Error>> {
    let truth: Truth = serde_json::from_str(&std::fs::read_to_string(folder.join("truth.json"))?)?;
    let snapshots: Vec<Snapshot> = ["1", "2", "3"]
        .iter()
        .map(|name| Snapshot::open(folder.join(format!("{name}.heapsnapshot"))))
        .collect::<Result<_, _>>()?;
    let report = find(&snapshots, None, &Settings::default(), "2026-01-01");
    let first = report.leaks.first();
    let outcome = match (truth.leak, first) {
        (true, Some(first)) if truth.is_met_by(first) => "found",
        (true, Some(_)) => "wrong",
        (true, None) => "missed",
        (false, Some(_)) => "false alarm",
        (false, None) => "silent",
    };
    Ok(json!({
        "program": folder.file_name().map(|n| n.to_string_lossy()),
        "set": truth.set,
        "leak": truth.leak,
        "outcome": outcome,
        "reported": report.leaks.len(),
        "cannot_tell": report.cannot_tell.len(),
        "first": first,
        "expected": truth.leak.then(|| json!({"owner": truth.owner, "classes": truth.classes})),
    }))
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut verdicts = Vec::new();
    for folder in std::env::args().skip(1) {
        let verdict = judge(Path::new(&folder)).map_err(|error| format!("{folder}: {error}"))?;
        verdicts.push(verdict);
    }
    println!("{}", serde_json::to_string_pretty(&verdicts)?);
    Ok(())
}
