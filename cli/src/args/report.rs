//! Arguments of the commands that run nothing.

use std::path::PathBuf;

use super::Format;

/// What to list.
#[derive(Debug, clap::Args)]
pub(crate) struct ListArgs {
    /// The workload whose parameters and cures to list
    pub(crate) workload: Option<String>,
    /// The form of the list on standard output: text or json
    #[arg(
        long,
        value_name = "FORMAT",
        default_value = "text",
        hide_possible_values = true
    )]
    pub(crate) format: Format,
}

/// Which folders to report.
#[derive(Debug, clap::Args)]
pub(crate) struct ReportArgs {
    /// Folders that `run` or `compare` wrote; several are compared
    #[arg(required = true, value_name = "DIR")]
    pub(crate) folders: Vec<PathBuf>,
    /// Where to put the report [default: their folder, or a new one in heaplab-runs]
    #[arg(long, short, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
}

/// Whose completions to print.
#[derive(Debug, clap::Args)]
pub(crate) struct CompletionsArgs {
    /// The shell
    pub(crate) shell: clap_complete::Shell,
}
