//! The command line as declared: names, defaults, help. What it means is decided in `command`.
//!
//! Help, completions and parsing all come from these declarations. A new command is a variant of [`Command`]
//! with its `Args` in a file here and a file in `command`.

mod heap;
mod report;
mod run;
mod value;

use std::ffi::OsString;
use std::path::Path;

use anstream::ColorChoice;
use clap::builder::Styles;
use clap::builder::styling::AnsiColor;
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};

pub(crate) use heap::HeapArgs;
pub(crate) use report::{CompletionsArgs, ListArgs, ReportArgs};
pub(crate) use run::{CompareArgs, RunArgs, VariantArgs};
pub(crate) use value::{Clock, PolicyChoice, bytes, memory};

use crate::exit;
use crate::snapshot::SnapshotArgs;

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Green.on_default().bold())
    .usage(AnsiColor::Green.on_default().bold())
    .literal(AnsiColor::Cyan.on_default().bold())
    .placeholder(AnsiColor::Cyan.on_default());

/// A laboratory for memory and garbage collection.
///
/// Watch a managed heap leak until it hits its limit, read what happened, open its snapshot in
/// Chrome DevTools, and see what each cure changes.
#[derive(Debug, Parser)]
#[command(
    name = "heaplab",
    version,
    verbatim_doc_comment,
    styles = STYLES,
    after_help = "Start with:  heaplab run cache",
    after_long_help = exit::HELP,
    subcommand_required = true,
    arg_required_else_help = true,
    args_override_self = true
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) channels: ChannelArgs,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What heaplab can do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run a workload until it ends or the heap is full, and report what happened
    Run(RunArgs),
    /// Run a workload's leak and all its cures under the same conditions, into one report
    Compare(CompareArgs),
    /// List the workloads and their cures, or the parameters of one
    List(ListArgs),
    /// Make the report of one run, or one comparison of several, from their folders
    Report(ReportArgs),
    /// Read a heap snapshot: classes, retained sizes, paths, differences
    Snapshot(SnapshotArgs),
    /// Print the completions for a shell
    Completions(CompletionsArgs),
}

/// How a command talks.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct ChannelArgs {
    /// When to use colours: auto, always or never
    ///
    /// `auto` uses them on a terminal, unless NO_COLOR is set.
    #[arg(
        long,
        global = true,
        value_name = "WHEN",
        default_value = "auto",
        hide_possible_values = true,
        display_order = 900
    )]
    pub(crate) color: Color,
    /// Say nothing on standard error but warnings and errors
    #[arg(long, short, global = true, display_order = 901)]
    pub(crate) quiet: bool,
}

/// When to use colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    /// On a terminal, unless NO_COLOR is set
    Auto,
    /// Also into pipes and files
    Always,
    /// Nowhere
    Never,
}

impl From<Color> for ColorChoice {
    fn from(color: Color) -> Self {
        match color {
            Color::Auto => Self::Auto,
            Color::Always => Self::Always,
            Color::Never => Self::Never,
        }
    }
}

/// The form of what appears on standard output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people
    Text,
    /// One JSON document
    Json,
}

/// Reads the command line; prints help, version or what is wrong, and exits, if that is all there is to do.
pub(crate) fn parse() -> Cli {
    let arguments: Vec<OsString> = with_dashes(std::env::args_os()).collect();
    let arguments = with_summary(arguments);
    let command = Cli::command().color(help_color(&arguments));
    command
        .try_get_matches_from(arguments)
        .and_then(|matches| Cli::from_arg_matches(&matches))
        .unwrap_or_else(|error| error.exit())
}

/// V8 takes its flags with underscores, too: in the names of long flags they become dashes.
fn with_dashes(arguments: impl Iterator<Item = OsString>) -> impl Iterator<Item = OsString> {
    let mut flags = true;
    arguments.map(move |argument| {
        flags &= argument != "--";
        match argument.to_str() {
            Some(text) if flags && text.starts_with("--") => {
                let (name, value) = text.split_at(text.find('=').unwrap_or(text.len()));
                OsString::from(name.replace('_', "-") + value)
            }
            _ => argument,
        }
    })
}

/// A snapshot's name in the place of the command stands for its summary; so does that of any file that is there, if it
/// has a dot or a slash, as no command has.
fn with_summary(mut arguments: Vec<OsString>) -> Vec<OsString> {
    const ENDINGS: [&str; 3] = [".heapsnapshot", ".heapsnapshot.gz", ".heapsnapshot.zst"];
    let is_snapshot = |argument: &OsString| {
        let text = argument.to_string_lossy();
        text == "-"
            || ENDINGS.iter().any(|ending| text.ends_with(ending))
            || (text.contains(['.', '/']) && Path::new(argument).is_file())
    };
    let first = arguments.iter().skip(1).position(|argument| {
        argument
            .to_str()
            .is_none_or(|text| text == "-" || !text.starts_with('-'))
    });
    if let Some(at) = first.map(|at| at + 1)
        && is_snapshot(&arguments[at])
    {
        arguments.splice(at..at, ["snapshot".into(), "summary".into()]);
    }
    arguments
}

/// The colour choice for help and for errors of parsing, which appear before `--color` is parsed.
fn help_color(arguments: &[OsString]) -> clap::ColorChoice {
    let value =
        arguments
            .iter()
            .enumerate()
            .find_map(|(place, argument)| match argument.to_str()? {
                "--color" => arguments.get(place + 1)?.to_str(),
                text => text.strip_prefix("--color="),
            });
    match value {
        Some("always") => clap::ColorChoice::Always,
        Some("never") => clap::ColorChoice::Never,
        _ => clap::ColorChoice::Auto,
    }
}

/// The declarations, for completions.
pub(crate) fn command() -> clap::Command {
    Cli::command()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn declarations_are_consistent() {
        command().debug_assert();
    }

    #[test]
    fn a_snapshot_stands_for_its_summary() {
        let lines = |line: &str| -> Vec<String> {
            let given = line.split(' ').map(OsString::from).collect();
            with_summary(given)
                .into_iter()
                .map(|argument| argument.into_string().unwrap())
                .collect()
        };
        assert_eq!(
            lines("heaplab a.heapsnapshot --top 3").join(" "),
            "heaplab snapshot summary a.heapsnapshot --top 3"
        );
        assert_eq!(
            lines("heaplab -q a.heapsnapshot.gz").join(" "),
            "heaplab -q snapshot summary a.heapsnapshot.gz"
        );
        assert_eq!(lines("heaplab -").join(" "), "heaplab snapshot summary -");
        assert_eq!(
            lines("heaplab ./Cargo.toml").join(" "),
            "heaplab snapshot summary ./Cargo.toml",
            "any file that is there"
        );
        assert_eq!(lines("heaplab no.such").len(), 2);
        assert_eq!(lines("heaplab snapshot node a.heapsnapshot 1").len(), 5);
    }

    #[test]
    fn underscores_become_dashes_in_names_of_flags_only() {
        let given = [
            "heaplab",
            "run",
            "--max_old_space_size=64",
            "--trace_gc",
            "-p",
            "a_b=1",
            "--out",
            "my_dir",
            "--out=my_dir",
            "--",
            "--a_b",
        ];
        let seen: Vec<OsString> = with_dashes(given.iter().map(OsString::from)).collect();
        let expected = [
            "heaplab",
            "run",
            "--max-old-space-size=64",
            "--trace-gc",
            "-p",
            "a_b=1",
            "--out",
            "my_dir",
            "--out=my_dir",
            "--",
            "--a_b",
        ];
        assert_eq!(seen, expected.map(OsString::from));
    }
}
