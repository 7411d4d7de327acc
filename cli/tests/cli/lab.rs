//! A folder of its own for each test, and the binary run in it.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// Limits under which runs are short: the smallest heap in which something can still happen.
pub(crate) const SMALL: [&str; 4] = [
    "--max-old-space-size=8",
    "--max-semi-space-size=1",
    "--snapshot-at=none",
    "--clock=virtual",
];

/// An empty folder to run in.
pub(crate) struct Lab(TempDir);

impl Lab {
    pub(crate) fn new() -> Self {
        Self(TempDir::new().expect("a temporary folder"))
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// The binary, to be run here, with no terminal and no colours asked for by the environment.
    pub(crate) fn command<I: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = I>) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_heaplab"));
        command
            .args(args)
            .current_dir(self.path())
            .stdin(Stdio::null())
            .env_remove("NO_COLOR")
            .env_remove("CLICOLOR_FORCE");
        command
    }

    /// Runs the binary to its end.
    pub(crate) fn run<I: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = I>) -> Ended {
        Ended::of(self.command(args).output().expect("the binary runs"))
    }

    /// Runs `run WORKLOAD` under [`SMALL`] limits into the folder `out`, with further arguments.
    pub(crate) fn small(&self, out: &str, workload: &str, more: &[&str]) -> Ended {
        let first = ["run", workload, "--out", out];
        self.run(first.iter().chain(&SMALL).chain(more))
    }

    /// Starts the binary with both channels in pipes.
    pub(crate) fn start<I: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = I>) -> Child {
        self.command(args)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary starts")
    }

    /// A JSON file below this folder.
    pub(crate) fn json(&self, file: &str) -> Value {
        let text = self.text(file);
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{file}: {error}"))
    }

    /// A text file below this folder.
    pub(crate) fn text(&self, file: &str) -> String {
        fs::read_to_string(self.path().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
    }

    /// The names in a folder below this one, sorted.
    pub(crate) fn names(&self, folder: &str) -> Vec<String> {
        let entries = fs::read_dir(self.path().join(folder))
            .unwrap_or_else(|error| panic!("{folder}: {error}"));
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    /// The names of the snapshots in a folder below this one.
    pub(crate) fn snapshots(&self, folder: &str) -> Vec<String> {
        let mut names = self.names(folder);
        names.retain(|name| name.ends_with(".heapsnapshot"));
        names
    }

    /// The only folder that a run without `--out` has made.
    pub(crate) fn only_run(&self) -> PathBuf {
        let names = self.names("heaplab-runs");
        let runs: Vec<&String> = names.iter().filter(|name| *name != ".gitignore").collect();
        assert_eq!(runs.len(), 1, "{names:?}");
        Path::new("heaplab-runs").join(runs[0])
    }
}

/// How the binary ended and what it said.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ended {
    pub(crate) fn of(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).expect("UTF-8 on standard output"),
            stderr: String::from_utf8(output.stderr).expect("UTF-8 on standard error"),
        }
    }

    /// Asserts the exit code.
    #[track_caller]
    pub(crate) fn code(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self:#?}");
        self
    }

    /// Asserts that nothing is on standard output and one line with all of `parts` on standard error, and
    /// perhaps a hint below it.
    #[track_caller]
    pub(crate) fn says_only(&self, parts: &[&str]) {
        assert_eq!(self.stdout, "", "{self:#?}");
        let lines: Vec<&str> = self.stderr.lines().collect();
        let hints = lines
            .iter()
            .filter(|line| line.starts_with("hint: "))
            .count();
        assert_eq!(lines.len() - hints, 1, "{self:#?}");
        for part in parts {
            assert!(self.stderr.contains(part), "no {part:?} in {self:#?}");
        }
    }

    /// Standard output as one JSON document.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:#?}"))
    }
}
