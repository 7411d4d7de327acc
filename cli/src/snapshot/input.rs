//! Opening a snapshot: what it needs is checked, and how far it is shown.

use std::cell::Cell;
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use heapsnapshot::graph::ReadReport;
use heapsnapshot::index::{GraphIndex, Identity, ReportIndex, Unusable};
use heapsnapshot::reader::Damage;
use heapsnapshot::{Input, NodeId, NodeRef, ReadError, Snapshot};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::args::{NodeIdArg, ReadArgs};
use super::need::{self, Need};
use crate::failure::Failure;
use crate::output::{Output, escaped};

/// How often the progress line changes.
const INTERVAL: Duration = Duration::from_millis(100);

/// Opens `file`, or standard input for `-`; from its index if that is asked for, which is made if need be.
pub(super) fn open(
    file: &Path,
    read: &ReadArgs,
    need: Need,
    output: Output,
) -> Result<Snapshot, Failure> {
    if !read.index {
        return parse(file, read, need, output);
    }
    refuse_stdin(file)?;
    let path = GraphIndex::path(file);
    match open_index(file, read, need, output)? {
        Ok(snapshot) => return Ok(snapshot),
        Err(reason) => say_unusable(&path, &reason, output),
    }
    let identity = Identity::of(file);
    let snapshot = parse(file, read, need, output)?;
    store(&snapshot, file, identity, output, GraphIndex::store, &path);
    Ok(snapshot)
}

/// The snapshot that the graph index of `file` has, if it fits in the memory that may be used; or why it has none.
fn open_index(
    file: &Path,
    read: &ReadArgs,
    need: Need,
    output: Output,
) -> Result<Result<Snapshot, Unusable>, Failure> {
    let index = match GraphIndex::open(file, read.raw) {
        Ok(index) => index,
        Err(reason) => return Ok(Err(reason)),
    };
    need.check_index(&file.display().to_string(), &index, read)?;
    let snapshot = index.read(read.raw);
    if let Ok(snapshot) = &snapshot {
        warn_of_oddities(file, snapshot.report(), output);
    }
    Ok(snapshot)
}

/// Reads `file`, or standard input for `-`, whatever indexes there are.
fn parse(file: &Path, read: &ReadArgs, need: Need, output: Output) -> Result<Snapshot, Failure> {
    let input = need.check(source(file, output)?, read, output)?;
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
    need: Need,
    output: Output,
) -> Result<Snapshot, Failure> {
    if !read.index {
        return parse(file, read, need, output);
    }
    let identity = Identity::of(file);
    // A graph is not kept for it, but one that is there is used.
    let snapshot = match open_index(file, read, need, output)? {
        Ok(snapshot) => snapshot,
        Err(_) => parse(file, read, need, output)?,
    };
    let path = ReportIndex::path(file);
    store(&snapshot, file, identity, output, ReportIndex::store, &path);
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

/// Says that only a part of a file could be read, or that what was read contradicts itself.
pub(super) fn warn_of_damage(file: &Path, damage: &Damage, output: Output) {
    let place = escaped(&damage.to_string()).into_owned();
    let what = if damage.cut {
        "the file is damaged or cut, and this is only what comes before"
    } else {
        "the file is damaged, and what is shown may be wrong"
    };
    output.warn(format!("{}: {what}: {place}", file.display()));
}

fn warn_of_oddities(file: &Path, report: &ReadReport, output: Output) {
    // That a file is cut says more than what follows from it, and the first contradiction has been told.
    let untold = report.oddities.iter().filter(|oddity| {
        let damage = report.damage.as_ref().filter(|_| oddity.damaged.is_some());
        damage.is_none_or(|damage| !damage.cut && damage.reason != oddity.message)
    });
    let messages: Vec<&str> = untold.map(|oddity| oddity.message.as_str()).collect();
    say_oddities(file, messages.into_iter(), output);
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
            ReadError::TooLarge { .. } => Failure::limit(message).hint(need::HINT),
            ReadError::Damaged { name, damage } => {
                let place = format!("{name}: {damage}");
                Failure::input(format!(
                    "{}; take the snapshot again, or see what there is of it with `heaplab snapshot summary`",
                    escaped(&place)
                ))
            }
            _ => Failure::input(message),
        }
    }
}
