//! Arguments of `run` and `compare`. What both take is declared once.

use std::path::PathBuf;
use std::time::Duration;

use heaplab_workloads::driver::{Length, RunOptions, SnapshotSchedule};

use super::value;
use super::{Format, HeapArgs};
use crate::signals::SnapshotSignal;

/// A run of one workload.
#[derive(Debug, clap::Args)]
#[command(after_long_help = crate::exit::HELP)]
pub(crate) struct RunArgs {
    /// The workload; `heaplab list` names them
    pub(crate) workload: String,
    /// The cure to apply; without one it leaks
    #[arg(long, value_name = "NAME")]
    pub(crate) cure: Option<String>,
    #[command(flatten)]
    pub(crate) variant: VariantArgs,
}

/// A run of one workload's leak and of each of its cures.
#[derive(Debug, clap::Args)]
#[command(after_long_help = crate::exit::HELP)]
pub(crate) struct CompareArgs {
    /// The workload; `heaplab list` names them
    pub(crate) workload: String,
    #[command(flatten)]
    pub(crate) variant: VariantArgs,
}

/// What every variant of a workload runs with.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct VariantArgs {
    #[command(flatten)]
    pub(crate) length: LengthArgs,
    /// Seed of all random numbers
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,
    /// Set a parameter, units allowed: -p entries=10000 -p bytes=8MB
    #[arg(long = "parameter", short, value_name = "NAME=VALUE")]
    pub(crate) parameters: Vec<String>,
    /// Exit with 4 when the heap limit is reached, also by a leak
    #[arg(long)]
    pub(crate) fail_at_limit: bool,
    #[command(flatten)]
    pub(crate) heap: HeapArgs,
    #[command(flatten)]
    pub(crate) snapshots: SnapshotArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

/// How long a run is.
#[derive(Clone, Copy, Debug, clap::Args)]
#[group(multiple = false)]
pub(crate) struct LengthArgs {
    /// How many ticks (requests) to run [default: the workload's]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    ticks: Option<u64>,
    /// How long to run on the run's clock, for example 30s or 5min
    #[arg(long, value_name = "TIME", value_parser = value::duration)]
    duration: Option<Duration>,
}

/// When heap snapshots are taken.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Snapshots")]
pub(crate) struct SnapshotArgs {
    /// When to take snapshots: start, limit, end, ticks, none
    ///
    /// `start` is when the heap is warm; `limit` replaces `end` when the limit was reached.
    #[arg(long, value_name = "WHEN,...", default_value = "start,limit,end")]
    snapshot_at: SnapshotSchedule,
    /// Take up to N snapshots when the heap's limit is reached, and go on
    ///
    /// Each raises the limit by the young generation's size, as in Node, until the heap shrinks.
    #[arg(long, value_name = "N", default_value_t = 0)]
    heapsnapshot_near_heap_limit: u32,
    /// Take a snapshot at each of these signals, for example SIGUSR2
    #[arg(long, value_name = "SIGNAL")]
    pub(crate) heapsnapshot_signal: Option<SnapshotSignal>,
}

/// What a run leaves and prints.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct OutputArgs {
    /// The folder to write, new or empty [default: a new one in heaplab-runs]
    #[arg(long, short, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// The form of the summary on standard output: text or json
    #[arg(
        long,
        value_name = "FORMAT",
        default_value = "text",
        hide_possible_values = true
    )]
    pub(crate) format: Format,
    /// Print each collection as Node does (on standard error with --format json)
    #[arg(long)]
    pub(crate) trace_gc: bool,
}

impl VariantArgs {
    /// How to run a workload that by default has `ticks` ticks and is warm after `warm_up`.
    pub(crate) fn run_options(&self, ticks: u64, warm_up: u64) -> RunOptions {
        let length = match (self.length.duration, self.length.ticks) {
            (Some(time), _) => Length::Time(time),
            (None, given) => Length::Ticks(given.unwrap_or(ticks)),
        };
        let mut snapshots = self.snapshots.snapshot_at.clone();
        snapshots.near_heap_limit = self.snapshots.heapsnapshot_near_heap_limit;
        RunOptions::new(length)
            .with_seed(self.seed)
            .with_warm_up(warm_up)
            .with_snapshots(snapshots)
    }
}
