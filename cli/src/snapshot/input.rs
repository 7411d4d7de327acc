//! Opening a snapshot: what it needs is said, checked and shown while it is read.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use heapsnapshot::analysis::words;
use heapsnapshot::{Input, NodeId, NodeRef, ReadError, ReadOptions, Snapshot};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::args::{NodeIdArg, ViewArgs};
use crate::failure::Failure;
use crate::output::{Output, escaped};

/// Memory a snapshot needs with everything derived from it, per byte of file.
const MEMORY_PER_BYTE: f64 = 1.2;
/// Files above this size announce what they need.
const LARGE: u64 = 200_000_000;
/// The share of the available memory that may be used without being asked.
const SHARE: f64 = 0.8;
/// How often the progress line changes.
const INTERVAL: Duration = Duration::from_millis(100);

/// Opens `file`, or standard input for `-`.
pub(super) fn open(file: &Path, view: &ViewArgs, output: Output) -> Result<Snapshot, Failure> {
    let input = source(file, output)?;
    check_memory(&input, view, output)?;
    let options = ReadOptions {
        strict: view.strict,
        raw: view.raw,
        ..ReadOptions::default()
    };
    let snapshot = Snapshot::read(input, &options)?;
    if let Some(damage) = &snapshot.report().damage {
        let place = escaped(&damage.to_string()).into_owned();
        output.warn(format!(
            "{}: the file is damaged or cut, and this is only what comes before: {place}",
            file.display()
        ));
    }
    if let Some(oddity) = snapshot.report().oddities.first() {
        let more = snapshot.report().oddities.len() - 1;
        let more = if more > 0 {
            format!(" (and {more} more: see `heaplab snapshot validate`)")
        } else {
            String::new()
        };
        output.warn(format!(
            "{}: {}{more}",
            file.display(),
            escaped(&oddity.message)
        ));
    }
    Ok(snapshot)
}

/// The bytes of `file`, with a progress line while they are read.
pub(super) fn source(file: &Path, output: Output) -> Result<Input, Failure> {
    let input = if file.as_os_str() == "-" {
        Input::stdin()
    } else {
        Input::open(file)
    }?;
    if !output.shows_progress() {
        return Ok(input);
    }
    let bar = ProgressBar::with_draw_target(input.length(), ProgressDrawTarget::stderr());
    let template =
        "reading {bar:20.cyan/dim} {bytes} of {total_bytes}  {bytes_per_sec}  {eta} left";
    let style =
        ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    bar.set_style(style.progress_chars("━╸─"));
    let mut due = Instant::now() + INTERVAL;
    Ok(input.observe(move |read| {
        if bar.length() == Some(read) {
            bar.finish_and_clear();
        } else if Instant::now() >= due {
            due = Instant::now() + INTERVAL;
            bar.set_position(read);
        }
    }))
}

/// Refuses what would not fit, and says what a large file will need.
fn check_memory(input: &Input, view: &ViewArgs, output: Output) -> Result<(), Failure> {
    let Some(length) = input.length() else {
        return Ok(());
    };
    let needed = (length as f64 * MEMORY_PER_BYTE) as u64;
    let limit = match view.max_memory {
        Some(megabytes) => Some(megabytes.saturating_mul(1_000_000)),
        None => available_memory().map(|bytes| (bytes as f64 * SHARE) as u64),
    };
    let (needed_text, length_text) = (words::bytes(needed), words::bytes(length));
    if let Some(limit) = limit.filter(|&limit| needed > limit) {
        let limit = words::bytes(limit);
        let message = format!(
            "{}: {length_text} of snapshot need about {needed_text} of memory, and {limit} may be used",
            input.name()
        );
        return Err(Failure::limit(message).hint(
            "use `heaplab snapshot histogram`, which needs almost none, or raise --max-memory",
        ));
    }
    if length >= LARGE {
        output.say(format!(
            "{}: {length_text}; reading it takes about {needed_text} of memory",
            input.name()
        ));
    }
    Ok(())
}

/// Memory that can be had without swapping: the system's, or what the container has left.
fn available_memory() -> Option<u64> {
    let info = fs::read_to_string("/proc/meminfo").ok()?;
    let line = info
        .lines()
        .find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let system = line
        .trim()
        .trim_end_matches("kB")
        .trim()
        .parse::<u64>()
        .ok()?
        * 1024;
    let number = |file: &str| fs::read_to_string(file).ok()?.trim().parse::<u64>().ok();
    let container = number("/sys/fs/cgroup/memory.max")
        .map(|most| most.saturating_sub(number("/sys/fs/cgroup/memory.current").unwrap_or(0)));
    Some(container.map_or(system, |container| container.min(system)))
}

/// The node with an id.
pub(super) fn node(snapshot: &Snapshot, id: NodeIdArg) -> Result<NodeRef<'_>, Failure> {
    snapshot.node_by_id(NodeId(id.0)).ok_or_else(|| {
        Failure::usage(format!("the snapshot has no node @{}", id.0))
            .hint("`heaplab snapshot find` lists ids")
    })
}

impl From<ReadError> for Failure {
    fn from(error: ReadError) -> Failure {
        let message = escaped(&error.to_string()).into_owned();
        match error {
            ReadError::TooLarge { .. } => Failure::limit(message),
            _ => Failure::input(message),
        }
    }
}
