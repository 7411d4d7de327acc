//! What `heaplab snapshot` says it will need, beside what it needs.

use std::fmt;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::output_folder;
use crate::measured::measure_accepting;
use crate::process;

/// What a verb may announce at most, as a multiple of its peak.
const GENEROUS: f64 = 1.75;

/// The verbs that stand for all: each of another kind, or the one of its kind that takes most.
const VERBS: [&str; 17] = [
    "summary FILE",
    "summary FILE --group-by shape",
    "summary FILE --native-contexts",
    "dominators FILE",
    "statistics FILE",
    "strings FILE",
    "find FILE text",
    "retainers FILE --class Object",
    "node FILE @1",
    "collections FILE",
    "closures FILE",
    "diff FILE FILE",
    "growth FILE FILE FILE",
    "gate FILE FILE FILE --budgets BUDGETS",
    "leaks FILE",
    "leaks FILE FILE FILE",
    "export FILE --out FOLDER",
];

/// Budgets that need everything.
const BUDGETS: &str =
    "[total]\nmax_bytes_per_round = 1\n[[class]]\nname = \"Object\"\nmax_retained = 1\n";

/// Exit codes of heaplab: a check found something; a limit is in the way.
const FOUND: i32 = 1;
const LIMIT: i32 = 4;

/// Runs every verb on every file, some of them with an index, too, and prints what it took.
///
/// # Errors
///
/// The first verb that took more than it announces, or much less.
pub(crate) fn run(files: &[PathBuf]) -> Result<(), String> {
    let build = ["build", "--release", "--package", "heaplab"];
    process::run(&mut process::cargo(&build))?;
    fs::create_dir_all(output_folder())
        .and_then(|()| fs::write(budgets(), BUDGETS))
        .map_err(|error| format!("{}: {error}", budgets().display()))?;
    println!(
        "peaks as shares of the file; each is announced, and at most {GENEROUS} times as much"
    );
    for file in files {
        let length = fs::metadata(file)
            .map_err(|error| format!("{}: {error}", file.display()))?
            .len();
        let mut shares = Vec::new();
        for verb in VERBS {
            let verb = Verb { verb, file };
            let peak = verb.peak()?;
            verb.announces(peak)?;
            shares.push(format!("{verb} {:.2}", peak as f64 / length as f64));
        }
        for verb in ["dominators FILE --index", "leaks FILE --index"] {
            let verb = Verb { verb, file };
            verb.announces_with_index()?;
        }
        println!("{}: {}", file.display(), shares.join(", "));
    }
    Ok(())
}

fn budgets() -> PathBuf {
    output_folder().join("budgets.toml")
}

/// A command on a file.
struct Verb<'a> {
    verb: &'a str,
    file: &'a Path,
}

impl fmt::Display for Verb<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.verb)
    }
}

impl Verb<'_> {
    fn command(&self) -> Vec<String> {
        let program = process::target_folder().join("release").join("heaplab");
        let folder = output_folder().join("exported");
        let words = self.verb.split(' ').map(|word| match word {
            "FILE" => self.file.display().to_string(),
            "FOLDER" => folder.display().to_string(),
            "BUDGETS" => budgets().display().to_string(),
            word => word.to_owned(),
        });
        [program.display().to_string(), "snapshot".to_owned()]
            .into_iter()
            .chain(words)
            .collect()
    }

    fn peak(&self) -> Result<u64, String> {
        measure_accepting(&self.command(), FOUND).map(|cost| cost.peak_bytes)
    }

    /// Checks that it refuses to work with a little less than its peak, and works with a good deal more.
    fn announces(&self, peak: u64) -> Result<(), String> {
        if !self.is_refused(peak / 1000 - 1)? {
            return Err(format!(
                "`{self}` of {} takes {peak} bytes, and does not refuse to work with less",
                self.file.display()
            ));
        }
        if self.is_refused((peak as f64 * GENEROUS / 1e3) as u64)? {
            return Err(format!(
                "`{self}` of {} takes {peak} bytes, and does not work with {GENEROUS} times as much",
                self.file.display()
            ));
        }
        Ok(())
    }

    /// The same for a run that makes the index, and for one that reads it.
    fn announces_with_index(&self) -> Result<(), String> {
        let mut index = self.file.as_os_str().to_owned();
        index.push(".graph-index");
        let index = PathBuf::from(index);
        let removed = |index: &Path| match fs::remove_file(index) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(format!("{}: {error}", index.display()))
            }
            _ => Ok(()),
        };
        removed(&index)?;
        let making = self.peak()?;
        let reading = self.peak()?;
        let result = self.announces(reading);
        removed(&index)?;
        result?;
        self.announces(making)?;
        removed(&index)
    }

    fn is_refused(&self, kilobytes: u64) -> Result<bool, String> {
        let command = self.command();
        let status = Command::new(&command[0])
            .args(&command[1..])
            .args(["--max-memory", &format!("{kilobytes}kB")])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .map_err(|error| format!("`{self}` did not start: {error}"))?;
        match status.code() {
            Some(0 | FOUND) => Ok(false),
            Some(LIMIT) => Ok(true),
            _ => Err(format!("`{self}` ended with {status}")),
        }
    }
}
