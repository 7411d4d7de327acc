//! `cargo xtask compare snapshots`: every number of the library beside DevTools' own worker, on snapshots that others
//! wrote; and the memory that the verbs take of them beside what they announce.

use std::path::PathBuf;

use clap::Args;

use crate::devtools::{self, agreement, memory, real};
use crate::{Outcome, prerequisites, process};

/// Arguments of `cargo xtask compare snapshots`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Compare these files instead of making any.
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The Node versions that run the npm programs: 20, 22, 24, 26.
    #[arg(long, value_delimiter = ',', value_name = "MAJOR", default_values = real::NODES)]
    nodes: Vec<String>,
    /// The sizes of the programs: small (10 MB), medium (50 MB), large (250 MB), huge (over 1 GB).
    #[arg(
        long,
        value_delimiter = ',',
        value_name = "SIZE",
        default_value = "small,medium"
    )]
    sizes: Vec<String>,
    /// Leave Chromium's own snapshot out.
    #[arg(long)]
    without_chromium: bool,
}

/// Makes the snapshots, compares them, prints how many of everything are equal.
pub(crate) fn run(options: &Options) -> Outcome {
    let files = match prepare(options) {
        Ok(files) => files,
        Err(reason) => {
            eprintln!("{reason}");
            return Outcome::NotStarted;
        }
    };
    let compared = agreement::run(&files).and_then(|()| {
        if cfg!(target_os = "linux") {
            memory::run(&files)?;
        }
        Ok(())
    });
    match compared {
        Ok(()) => Outcome::Done,
        Err(reason) => {
            eprintln!("{reason}");
            Outcome::Failed
        }
    }
}

fn prepare(options: &Options) -> Result<Vec<PathBuf>, String> {
    prerequisites::node()?;
    devtools::install()?;
    if !options.files.is_empty() {
        let absolute = |file: &PathBuf| {
            std::path::absolute(file).map_err(|error| format!("{}: {error}", file.display()))
        };
        return options.files.iter().map(absolute).collect();
    }
    let folder = process::workspace_root().join("target/compare/snapshots");
    let mut files = Vec::new();
    if !options.without_chromium {
        files.push(real::chromium(&prerequisites::browser()?, &folder)?);
    }
    for node in real::nodes(&options.nodes)? {
        for size in &options.sizes {
            files.extend(real::programs(&node, size, &folder)?);
        }
    }
    Ok(files)
}
