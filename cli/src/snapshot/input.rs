//! Opening a snapshot: what it needs is said, checked and shown while it is read.

use std::cell::Cell;
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use heaplab_gc::system::system_memory;
use heapsnapshot::analysis::words;
use heapsnapshot::graph::ReadReport;
use heapsnapshot::index::{GraphIndex, Identity, ReportIndex, Unusable};
use heapsnapshot::reader::Damage;
use heapsnapshot::{Input, NodeId, NodeRef, ReadError, Snapshot};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::args::{NodeIdArg, ReadArgs};
use crate::failure::Failure;
use crate::output::{Output, escaped};

/// Memory a snapshot needs with everything derived from it, per byte of file.
const MEMORY_PER_BYTE: f64 = 1.2;
/// Memory needed whatever the file's size: the program itself, buffers, tables of names.
const MEMORY_FIXED: f64 = 6e6;
/// Files above this size announce what they need.
const LARGE: u64 = 200_000_000;
/// The share of the available memory that may be used without being asked.
const SHARE: f64 = 0.8;
/// How often the progress line changes.
const INTERVAL: Duration = Duration::from_millis(100);

/// Opens `file`, or standard input for `-`; from its index if that is asked for.
pub(super) fn open(file: &Path, read: &ReadArgs, output: Output) -> Result<Snapshot, Failure> {
    if !read.index {
        return parse(file, read, output);
    }
    refuse_stdin(file)?;
    match GraphIndex::open(file, read.raw) {
        Ok(index) => {
            refuse_beyond(memory_limit(read), index.memory(), || {
                format!("{}: its index needs", file.display())
            })?;
            match index.read(read.raw) {
                Ok(snapshot) => {
                    warn_of_oddities(file, snapshot.report(), output);
                    return Ok(snapshot);
                }
                Err(reason) => say_unusable(&GraphIndex::path(file), &reason, output),
            }
        }
        Err(reason) => say_unusable(&GraphIndex::path(file), &reason, output),
    }
    let identity = Identity::of(file);
    let snapshot = parse(file, read, output)?;
    store(
        &snapshot,
        file,
        identity,
        output,
        GraphIndex::store,
        &GraphIndex::path(file),
    );
    Ok(snapshot)
}

/// Reads `file`, or standard input for `-`, whatever indexes there are.
fn parse(file: &Path, read: &ReadArgs, output: Output) -> Result<Snapshot, Failure> {
    let input = source(file, output)?;
    let limit = memory_limit(read);
    check_memory(&input, limit, output)?;
    let input = match limit {
        // What nobody can know beforehand is found out while it is read.
        Some(limit) if input.length().is_none() => {
            input.limit(((limit as f64 - MEMORY_FIXED) / MEMORY_PER_BYTE) as u64)
        }
        _ => input,
    };
    let snapshot = Snapshot::read(input, &read.options())?;
    if let Some(damage) = &snapshot.report().damage {
        warn_of_damage(file, damage, output);
    }
    warn_of_oddities(file, snapshot.report(), output);
    Ok(snapshot)
}

/// What the index of `file` says to a question about the whole; `None` if it says nothing. Then the snapshot has to be
/// read, and [`open_for_reports`] makes an index for the next time.
pub(super) fn reports<T>(
    file: &Path,
    read: &ReadArgs,
    output: Output,
    ask: impl FnOnce(&ReportIndex) -> Result<T, Unusable>,
) -> Result<Option<T>, Failure> {
    if !read.index {
        return Ok(None);
    }
    refuse_stdin(file)?;
    let found = ReportIndex::load(file, read.raw).and_then(|index| {
        let answer = ask(&index)?;
        say_oddities(file, index.oddities().iter().map(String::as_str), output);
        Ok(answer)
    });
    match found {
        Ok(answer) => Ok(Some(answer)),
        Err(reason) => {
            say_unusable(&ReportIndex::path(file), &reason, output);
            Ok(None)
        }
    }
}

/// Opens `file` for a question about the whole, and makes the index that answers it the next time.
pub(super) fn open_for_reports(
    file: &Path,
    read: &ReadArgs,
    output: Output,
) -> Result<Snapshot, Failure> {
    if !read.index {
        return parse(file, read, output);
    }
    let identity = Identity::of(file);
    // A graph is not kept for it, but one that is there is used.
    let known = GraphIndex::open(file, read.raw).and_then(|index| index.read(read.raw));
    let snapshot = match known {
        Ok(snapshot) => snapshot,
        Err(_) => parse(file, read, output)?,
    };
    store(
        &snapshot,
        file,
        identity,
        output,
        ReportIndex::store,
        &ReportIndex::path(file),
    );
    Ok(snapshot)
}

/// Writes an index of a whole snapshot beside it.
fn store(
    snapshot: &Snapshot,
    file: &Path,
    identity: io::Result<Identity>,
    output: Output,
    store: impl FnOnce(&Snapshot, &Path, &Identity) -> io::Result<()>,
    path: &Path,
) {
    if snapshot.report().damage.is_none()
        && let Err(error) = identity.and_then(|identity| store(snapshot, file, &identity))
    {
        output.warn(format!("{}: not written: {error}", path.display()));
    }
}

fn refuse_stdin(file: &Path) -> Result<(), Failure> {
    if file.as_os_str() == "-" {
        return Err(Failure::usage(
            "--index needs a file: standard input has no place for an index",
        ));
    }
    Ok(())
}

/// Says why an index is not used; that there is none needs no words.
fn say_unusable(index: &Path, reason: &Unusable, output: Output) {
    match reason {
        Unusable::Io(error) if error.kind() == io::ErrorKind::NotFound => {}
        Unusable::LeftOut => output.say(format!("{}: not used, {reason}", index.display())),
        _ => output.say(format!(
            "{}: not used, {reason}; it is made again",
            index.display()
        )),
    }
}

/// Says that only a part of a file could be read.
pub(super) fn warn_of_damage(file: &Path, damage: &Damage, output: Output) {
    let place = escaped(&damage.to_string()).into_owned();
    output.warn(format!(
        "{}: the file is damaged or cut, and this is only what comes before: {place}",
        file.display()
    ));
}

fn warn_of_oddities(file: &Path, report: &ReadReport, output: Output) {
    let oddities = report.oddities.iter();
    say_oddities(file, oddities.map(|oddity| oddity.message.as_str()), output);
}

/// Says the first thing that is odd about a file, and how many more there are.
fn say_oddities<'a>(
    file: &Path,
    mut oddities: impl ExactSizeIterator<Item = &'a str>,
    output: Output,
) {
    let Some(first) = oddities.next() else { return };
    let more = match oddities.len() {
        0 => String::new(),
        more => format!(" (and {more} more: see `heaplab snapshot validate`)"),
    };
    output.warn(format!("{}: {}{more}", file.display(), escaped(first)));
}

/// The bytes of `file`, with a progress line while they are read.
pub(super) fn source(file: &Path, output: Output) -> Result<Input, Failure> {
    let input = if file.as_os_str() == "-" {
        Input::stdin()
    } else {
        Input::open(file)
    }?;
    let progress = Progress::bytes("reading", input.length(), output);
    if progress.bar.is_none() {
        return Ok(input);
    }
    Ok(input.observe(move |read| progress.show_bytes(read)))
}

/// A line on the terminal that says how far some work is, how fast it goes and how long it will
/// take; gone when the work is done. Nothing where there is no terminal.
#[derive(Debug)]
pub(super) struct Progress {
    bar: Option<ProgressBar>,
    due: Cell<Instant>,
}

impl Progress {
    /// Of bytes; `all` of them, if that is known.
    fn bytes(work: &'static str, all: Option<u64>, output: Output) -> Progress {
        let template = if all.is_some() {
            "{prefix} {bar:20.cyan/dim} {bytes} of {total_bytes}  {bytes_per_sec}  {eta} left"
        } else {
            "{prefix} {spinner} {bytes}  {bytes_per_sec}"
        };
        let progress = Progress::new(work, template, output);
        if let (Some(bar), Some(all)) = (&progress.bar, all) {
            bar.set_length(all);
        }
        progress
    }

    /// Of rows.
    pub(super) fn rows(work: &'static str, output: Output) -> Progress {
        let template =
            "{prefix} {bar:20.cyan/dim} {human_pos} of {human_len} rows  {per_sec}  {eta} left";
        Progress::new(work, template, output)
    }

    fn new(work: &'static str, template: &str, output: Output) -> Progress {
        let bar = output.shows_progress().then(|| {
            let style = ProgressStyle::with_template(template)
                .unwrap_or_else(|_| ProgressStyle::default_bar());
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            bar.set_style(style.progress_chars("━╸─"));
            bar.with_prefix(work)
        });
        Progress {
            bar,
            due: Cell::new(Instant::now() + INTERVAL),
        }
    }

    /// Shows that `done` of `all` are done.
    pub(super) fn show(&self, done: u64, all: u64) {
        if let Some(bar) = &self.bar {
            bar.set_length(all);
            self.show_bytes(done);
        }
    }

    fn show_bytes(&self, done: u64) {
        if let Some(bar) = &self.bar
            && Instant::now() >= self.due.get()
        {
            self.due.set(Instant::now() + INTERVAL);
            bar.set_position(done);
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// The most bytes of memory that may be used, if anything is known of it.
fn memory_limit(read: &ReadArgs) -> Option<u64> {
    match read.max_memory {
        Some(bytes) => Some(bytes),
        None => {
            let memory = system_memory();
            let available = memory
                .constrained
                .map_or(memory.free, |limit| limit.min(memory.free));
            (available > 0).then_some((available as f64 * SHARE) as u64)
        }
    }
}

/// Refuses what would not fit, and says what a large file will need.
fn check_memory(input: &Input, limit: Option<u64>, output: Output) -> Result<(), Failure> {
    let Some(length) = input.length() else {
        if let Some(limit) = limit {
            output.say(format!(
                "{}: its size is not known before it is read; at most {} of memory will be used",
                input.name(),
                words::bytes(limit)
            ));
        }
        return Ok(());
    };
    let needed = (MEMORY_FIXED + length as f64 * MEMORY_PER_BYTE) as u64;
    let (needed_text, length_text) = (words::bytes(needed), words::bytes(length));
    refuse_beyond(limit, needed, || {
        format!("{}: {length_text} of snapshot need", input.name())
    })?;
    if length >= LARGE {
        output.say(format!(
            "{}: {length_text}; reading it takes about {needed_text} of memory",
            input.name()
        ));
    }
    Ok(())
}

/// Refuses what needs more than the limit.
fn refuse_beyond(
    limit: Option<u64>,
    needed: u64,
    what: impl FnOnce() -> String,
) -> Result<(), Failure> {
    let Some(limit) = limit.filter(|&limit| needed > limit) else {
        return Ok(());
    };
    let (needed, limit, what) = (words::bytes(needed), words::bytes(limit), what());
    let message = format!("{what} about {needed} of memory, and {limit} may be used");
    Err(Failure::limit(message).hint(MEMORY_HINT))
}

/// What to do about too large a file.
const MEMORY_HINT: &str =
    "use `heaplab snapshot histogram`, which needs almost none, or raise --max-memory";

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
            ReadError::TooLarge { .. } => Failure::limit(message).hint(MEMORY_HINT),
            _ => Failure::input(message),
        }
    }
}
