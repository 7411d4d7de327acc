//! `cargo xtask measured PROGRAM ARGUMENTS…`: runs one program and prints what it cost.
//!
//! A process of its own per program, because the system keeps the largest size of *all* children of a process, not that
//! of each.

use std::process::{Command, Stdio};

use clap::Args;
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use serde::{Deserialize, Serialize};

use crate::{Outcome, process};

/// Arguments of `cargo xtask measured`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// An exit code beside 0 that is no failure.
    #[arg(long, value_name = "CODE", default_value_t = 0)]
    accept: i32,
    /// The program and what it is given.
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    command: Vec<String>,
}

/// What a program cost.
#[derive(Debug, Clone, Copy, Deserialize, Serialize)]
pub(crate) struct Cost {
    /// User and system time of all its threads.
    pub(crate) cpu_seconds: f64,
    /// The most resident memory it had (`VmHWM`, mapped file pages included).
    pub(crate) peak_bytes: u64,
}

/// Runs the program; its output goes nowhere, ours is one line of JSON.
pub(crate) fn run(options: &Options) -> Outcome {
    let mut command = Command::new(&options.command[0]);
    command
        .args(&options.command[1..])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    match command.status() {
        Ok(status) if status.success() || status.code() == Some(options.accept) => {}
        Ok(status) => {
            eprintln!("`{}` ended with {status}", options.command.join(" "));
            return Outcome::Failed;
        }
        Err(error) => {
            eprintln!("`{}` did not start: {error}", options.command[0]);
            return Outcome::NotStarted;
        }
    }
    match cost() {
        Ok(cost) => {
            println!("{}", serde_json::json!(cost));
            Outcome::Done
        }
        Err(reason) => {
            eprintln!("{reason}");
            Outcome::NotStarted
        }
    }
}

fn cost() -> Result<Cost, String> {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).map_err(|error| error.to_string())?;
    let cpu = usage.user_time().num_microseconds() + usage.system_time().num_microseconds();
    Ok(Cost {
        cpu_seconds: cpu as f64 / 1e6,
        peak_bytes: usage.max_rss().unsigned_abs() * 1024,
    })
}

/// Runs a program on one core in a process of its own and returns what it cost.
///
/// # Errors
///
/// One line: that it did not start, or how it ended.
pub(crate) fn measure(command: &[String]) -> Result<Cost, String> {
    measure_accepting(command, 0)
}

/// The same, of the second of two runs: under a hypervisor the first pays for memory that the host has taken back.
///
/// # Errors
///
/// As of [`measure`].
pub(crate) fn measure_again(command: &[String]) -> Result<Cost, String> {
    measure(command)?;
    measure(command)
}

/// The same for a program that may end with another exit code than 0.
///
/// # Errors
///
/// As of [`measure`].
pub(crate) fn measure_accepting(command: &[String], code: i32) -> Result<Cost, String> {
    let own = std::env::current_exe().map_err(|error| error.to_string())?;
    let mut outer = process::command("taskset", &["-c", "0"]);
    outer.arg(own).arg("measured");
    outer
        .arg(format!("--accept={code}"))
        .arg("--")
        .args(command);
    let line = process::output(&mut outer)?;
    serde_json::from_str(&line).map_err(|error| format!("{error}: {line}"))
}
