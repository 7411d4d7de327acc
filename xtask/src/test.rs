//! `cargo xtask test`: every test of the project, those against the real Chrome DevTools included.

use clap::{Args, ValueEnum};

use crate::steps::Steps;
use crate::{Outcome, prerequisites, process};

/// A tool whose tests can be left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Tool {
    /// Everything that needs Chromium.
    Browser,
    /// Everything that needs Node (the browser tests are driven by it, too).
    Node,
}

/// Arguments of `cargo xtask test`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Leave out the tests that need these tools.
    #[arg(long, value_delimiter = ',', value_name = "TOOL")]
    skip: Vec<Tool>,
}

/// Checks the tools, then runs all steps.
pub(crate) fn run(options: &Options) -> Outcome {
    let with_node = !options.skip.contains(&Tool::Node);
    let with_browser = with_node && !options.skip.contains(&Tool::Browser);

    let mut steps = Steps::new("cargo xtask test");
    let mut found = prerequisites::rust();
    if with_node {
        found = found.and_then(|()| prerequisites::node());
    }
    if with_browser {
        found = found.and_then(|()| prerequisites::browser().map(drop));
    }
    if let Err(reason) = found {
        eprintln!("{reason}");
        return Outcome::NotStarted;
    }

    steps.run("cargo test", || {
        process::run(&mut process::cargo(&["test", "--workspace"]))
    });
    steps.run("seeded bugs", || {
        process::run(&mut process::cargo(&[
            "test",
            "-p",
            "heaplab-gc",
            "--features",
            "seeded-bugs,testing",
            "--test",
            "seeded_bugs",
        ]))
    });
    if with_node {
        steps.run("npm ci", || {
            process::run(
                process::command(
                    "npm",
                    &["ci", "--ignore-scripts", "--no-audit", "--no-fund"],
                )
                .current_dir(process::devtools_folder()),
            )
        });
    } else {
        steps.skip("npm ci", "--skip node");
    }
    steps.finish()
}
