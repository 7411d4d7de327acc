//! The workshop of heaplab: everything that is done *to* the project rather than *with* it. `cargo xtask help` lists it.
//!
//! To add a command: one file with a `#[derive(clap::Args)] struct Options` and `fn run(Options) -> Outcome`, and one variant
//! of [`Command`]. [`steps::Steps`] runs, times and sums up whatever consists of steps.
#![forbid(unsafe_code)]

mod campaign;
mod compare;
mod devtools;
mod fuzz;
mod leaks;
mod measured;
mod prerequisites;
mod process;
mod steps;
mod test;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// How a command ended; each has its exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// All went well (0).
    Done,
    /// Something that was checked does not hold (1).
    Failed,
    /// It could not start: wrong arguments or a missing tool (2).
    NotStarted,
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> ExitCode {
        ExitCode::from(match outcome {
            Outcome::Done => 0,
            Outcome::Failed => 1,
            Outcome::NotStarted => 2,
        })
    }
}

/// The workshop of heaplab.
#[derive(Debug, Parser)]
#[command(
    name = "cargo xtask",
    bin_name = "cargo xtask",
    disable_version_flag = true
)]
struct Workshop {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run all tests, those against the real Chrome DevTools included.
    Test(test::Options),
    /// Run op programs, stress and faults on the heap for as long as one likes.
    Campaign(campaign::Options),
    /// Fuzz the heap with op programs; needs cargo-fuzz.
    Fuzz(fuzz::Options),
    /// Compare heaplab with other systems on the same work.
    #[command(subcommand)]
    Compare(compare::Comparison),
    /// Run one program and print what it cost; `compare reading` uses it.
    #[command(hide = true)]
    Measured(measured::Options),
}

fn main() -> ExitCode {
    match Workshop::parse().command {
        Command::Test(options) => test::run(&options),
        Command::Campaign(options) => campaign::run(&options),
        Command::Fuzz(options) => fuzz::run(&options),
        Command::Compare(comparison) => compare::run(&comparison),
        Command::Measured(options) => measured::run(&options),
    }
    .into()
}
