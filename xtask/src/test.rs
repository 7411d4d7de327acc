//! `cargo xtask test`: every test of the project, those against the real Chrome DevTools included.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::steps::Steps;
use crate::{Outcome, campaign, devtools, leaks, prerequisites, process};

/// A tool whose tests can be left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Tool {
    /// Everything that needs Chromium.
    Browser,
    /// Everything that needs Node (the browser tests are driven by it, too).
    Node,
    /// The tests that need only Rust, to repeat the others.
    Rust,
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
    let browser = match check_tools(with_node, with_browser) {
        Ok(browser) => browser,
        Err(reason) => {
            eprintln!("{reason}");
            return Outcome::NotStarted;
        }
    };

    let mut steps = Steps::new("cargo xtask test");
    if options.skip.contains(&Tool::Rust) {
        steps.skip("cargo test", "--skip rust");
        steps.skip("cargo test, tiny pages", "--skip rust");
        steps.skip("seeded bugs", "--skip rust");
        steps.skip("campaign", "--skip rust");
    } else {
        steps.run("cargo test", || {
            process::run(&mut process::cargo(&["test", "--workspace"]))
        });
        steps.run("cargo test, tiny pages", tiny);
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
        campaign::add_slice(&mut steps);
    }
    if with_node {
        devtools::run(&mut steps, browser.as_deref());
        steps.run("leaks of Node programs", leaks::small);
    } else {
        steps.skip("npm ci", "--skip node");
        steps.skip("DevTools' numbers", "--skip node");
        steps.skip("DevTools' numbers, snapshots of others", "--skip node");
        steps.skip("DevTools' window", "--skip node");
        steps.skip("leaks of Node programs", "--skip node");
    }
    steps.finish()
}

/// Finds every tool, or says which is missing.
fn check_tools(with_node: bool, with_browser: bool) -> Result<Option<PathBuf>, String> {
    prerequisites::rust()?;
    if with_node {
        prerequisites::node()?;
    }
    if with_browser {
        return prerequisites::browser().map(Some);
    }
    Ok(None)
}

/// The heap with small pages and buffers, so that boundary paths are taken often. It has build products of its own.
fn tiny() -> Result<(), String> {
    let mut command = process::cargo(&["test", "--package", "heaplab-gc", "--lib", "--tests"]);
    campaign::tiny_pages(&mut command);
    process::run(&mut command)
}
