//! The `heaplab` binary.
//!
//! | file | what it does |
//! |---|---|
//! | `args/` | the command line as declared |
//! | `command/` | what each command does, one file each |
//! | `variant` | one variant of a workload, run from its heap to its closed record |
//! | `recorder` | joins the driver with the record, the trace, snapshots, signals and progress |
//! | `convert` | from the driver's types to the record's |
//! | `summary`, `text` | what standard output says of a run; columns |
//! | `folder`, `snapshots` | where a run's files go and what they are called |
//! | `snapshot/` | reading and analysing snapshots, a file per verb |
//! | `output`, `progress` | standard output and standard error; the line on a terminal |
//! | `signals` | Ctrl-C, snapshots on demand |
//! | `exit`, `failure` | exit codes and why |
#![forbid(unsafe_code)]

mod args;
mod command;
mod convert;
mod exit;
mod failure;
mod folder;
mod output;
mod progress;
mod recorder;
mod signals;
mod smallest;
mod snapshot;
mod snapshots;
mod summary;
mod text;
mod variant;

use std::process::ExitCode;

use args::Command;
use output::Output;

fn main() -> ExitCode {
    let cli = args::parse();
    let output = Output::new(cli.channels.color.into(), cli.channels.quiet);
    let result = match &cli.command {
        Command::Run(args) => command::run::run(args, output),
        Command::Compare(args) => command::compare::run(args, output),
        Command::List(args) => command::list::run(args, output),
        Command::Report(args) => command::report::run(args, output),
        Command::Snapshot(args) => snapshot::run(args, output),
        Command::Completions(args) => command::completions::run(args, output),
    };
    match result {
        Ok(exit) => exit.into(),
        Err(failure) => {
            output.fail(&failure);
            failure.exit.into()
        }
    }
}
