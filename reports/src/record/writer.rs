//! Writes a run into its folder while it happens.

use std::fs::{self, File, OpenOptions};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::event::{Event, GcKind};
use super::run::{RunEnd, RunInfo};
use super::totals::Tally;
use super::{EVENTS_FILE, FORMAT_VERSION, GC_LOG_FILE, RUN_FILE, RecordError};
use crate::gc_log;

pub use crate::gc_log::GcLogPrefix;

/// How many events may wait in memory before they are handed to the system.
const EVENTS_PER_FLUSH: u32 = 32;

/// The first line of `events.jsonl`.
#[derive(Debug, Serialize, serde::Deserialize)]
pub(super) struct Header {
    /// Always [`Header::FORMAT`].
    pub(super) format: String,
    /// Version of the format.
    pub(super) version: u32,
}

impl Header {
    pub(super) const FORMAT: &'static str = "heaplab-events";
}

/// Streams a run into a folder.
///
/// `run.json` is there from the start, with the outcome `running`; [`finish`](Self::finish) replaces it.
/// Events reach the system every few lines, and at once when they matter (a major collection, a snapshot, a
/// note): a process that is killed leaves a folder that [`RunRecord::open`](super::RunRecord::open) reads
/// and that can be reported.
#[derive(Debug)]
pub struct RecordWriter {
    dir: PathBuf,
    info: RunInfo,
    log_prefix: GcLogPrefix,
    events: BufWriter<File>,
    gc_log: BufWriter<File>,
    tally: Tally,
    unflushed: u32,
}

impl RecordWriter {
    /// Opens `dir` for a run, creating it if need be, and writes `run.json` as far as it is known.
    ///
    /// # Errors
    /// [`RecordError::Occupied`] if the folder holds a run already (nothing is overwritten), or
    /// [`RecordError::Io`].
    pub fn create(
        dir: impl Into<PathBuf>,
        info: RunInfo,
        log_prefix: GcLogPrefix,
    ) -> Result<Self, RecordError> {
        let dir = dir.into();
        fs::create_dir_all(&dir).map_err(RecordError::io(&dir, "create"))?;
        if dir.join(RUN_FILE).exists() || dir.join(EVENTS_FILE).exists() {
            return Err(RecordError::Occupied { path: dir });
        }
        write_whole(&dir.join(RUN_FILE), &info_text(&info))?;
        let open = |name: &str| {
            let path = dir.join(name);
            let file = OpenOptions::new().write(true).create_new(true).open(&path);
            file.map(BufWriter::new)
                .map_err(RecordError::io(path, "create"))
        };
        let (mut events, gc_log) = (open(EVENTS_FILE)?, open(GC_LOG_FILE)?);
        let header = Header {
            format: Header::FORMAT.into(),
            version: FORMAT_VERSION,
        };
        write_line(&mut events, &header)
            .map_err(RecordError::io(dir.join(EVENTS_FILE), "write"))?;
        let mut writer = Self {
            dir,
            info,
            log_prefix,
            events,
            gc_log,
            tally: Tally::default(),
            unflushed: 0,
        };
        writer.flush()?;
        Ok(writer)
    }

    /// The run's folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// What will be in `run.json`: counters and statistics are filled in here before [`finish`](Self::finish).
    pub fn info_mut(&mut self) -> &mut RunInfo {
        &mut self.info
    }

    /// Appends an event; a collection also gets its line in `gc.log`, a snapshot its entry in `run.json`.
    ///
    /// # Errors
    /// [`RecordError::Io`].
    pub fn record(&mut self, event: &Event) -> Result<(), RecordError> {
        self.tally.add(event);
        write_line(&mut self.events, event)
            .map_err(RecordError::io(self.dir.join(EVENTS_FILE), "write"))?;
        let matters = match event {
            Event::Gc(gc) => {
                writeln!(self.gc_log, "{}", gc_log::Line::new(gc, self.log_prefix))
                    .map_err(RecordError::io(self.dir.join(GC_LOG_FILE), "write"))?;
                gc.kind == GcKind::Major
            }
            Event::Snapshot(snapshot) => {
                self.info.snapshots.push(snapshot.clone());
                true
            }
            Event::Note(_) => true,
            Event::Sample(_) => false,
        };
        self.unflushed += 1;
        if matters || self.unflushed >= EVENTS_PER_FLUSH {
            self.flush()?;
        }
        Ok(())
    }

    /// Hands everything recorded so far to the system.
    ///
    /// # Errors
    /// [`RecordError::Io`].
    pub fn flush(&mut self) -> Result<(), RecordError> {
        self.unflushed = 0;
        self.events
            .flush()
            .map_err(RecordError::io(self.dir.join(EVENTS_FILE), "write"))?;
        self.gc_log
            .flush()
            .map_err(RecordError::io(self.dir.join(GC_LOG_FILE), "write"))
    }

    /// Closes the record: events are on disk, and `run.json` has the end of the run and the totals.
    ///
    /// # Errors
    /// [`RecordError::Io`].
    pub fn finish(mut self, end: RunEnd) -> Result<RunInfo, RecordError> {
        self.flush()?;
        for (file, name) in [(&self.events, EVENTS_FILE), (&self.gc_log, GC_LOG_FILE)] {
            file.get_ref()
                .sync_all()
                .map_err(RecordError::io(self.dir.join(name), "write"))?;
        }
        self.info.totals = self.tally.totals();
        self.info.end = end;
        write_whole(&self.dir.join(RUN_FILE), &info_text(&self.info))?;
        Ok(self.info)
    }
}

/// `run.json` as text, with a final newline.
fn info_text(info: &RunInfo) -> Vec<u8> {
    let mut text =
        serde_json::to_vec_pretty(info).expect("records have string keys and finite numbers");
    text.push(b'\n');
    text
}

fn write_line(out: &mut impl Write, value: &impl Serialize) -> std::io::Result<()> {
    serde_json::to_writer(&mut *out, value)?;
    out.write_all(b"\n")
}

/// Puts a file in place whole or not at all: a temporary file beside it, fsync, rename, fsync of the folder.
///
/// # Errors
/// [`RecordError::Io`] that names the file; the temporary file is removed.
pub(crate) fn write_whole(path: &Path, content: &[u8]) -> Result<(), RecordError> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.tmp", std::process::id()));
    let temporary = path.with_file_name(name);
    let written = File::create(&temporary).and_then(|mut file| {
        file.write_all(content)?;
        file.sync_all()
    });
    if let Err(error) = written.and_then(|()| fs::rename(&temporary, path)) {
        let _ = fs::remove_file(&temporary);
        return Err(RecordError::io(path, "write")(error));
    }
    // Makes the new name itself durable; not every file system can, and the content is safe without it.
    if let Some(folder) = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
    {
        let _ = File::open(folder).and_then(|folder| folder.sync_all());
    }
    Ok(())
}
