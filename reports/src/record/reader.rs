//! Reads a run's folder back, also one whose process was killed.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, ErrorKind};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::event::{Event, GcEvent, Sample, SnapshotTaken};
use super::run::{Outcome, RunInfo};
use super::totals::Totals;
use super::writer::Header;
use super::{EVENTS_FILE, FORMAT_VERSION, RUN_FILE, RecordError};

/// A run as its folder tells it.
#[derive(Clone, Debug, PartialEq)]
pub struct RunRecord {
    /// The folder.
    pub dir: PathBuf,
    /// `run.json`. Totals and snapshots are those of the events; so is the end, if the run never wrote one.
    pub info: RunInfo,
    /// The events in the order of the file.
    pub events: Vec<Event>,
    /// What was odd about the folder, one sentence each, for the reader of the report.
    pub remarks: Vec<String>,
    /// Collections and samples of which `run.json` knows and that are not among the events any more.
    pub lost: u64,
}

impl RunRecord {
    /// Reads the run in `dir` (or in the folder of the `run.json` given).
    ///
    /// A last line of `events.jsonl` that was cut off is left out, with a remark; so are events of kinds
    /// that this version does not know.
    ///
    /// # Errors
    /// [`RecordError`] with file, line and column.
    pub fn open(dir: impl AsRef<Path>) -> Result<Self, RecordError> {
        let mut dir = dir.as_ref();
        if dir.file_name().is_some_and(|name| name == RUN_FILE) && dir.is_file() {
            dir = dir
                .parent()
                .filter(|parent| !parent.as_os_str().is_empty())
                .unwrap_or(Path::new("."));
        }
        let info = read_info(dir)?;
        let mut record = Self {
            dir: dir.to_owned(),
            info,
            events: Vec::new(),
            remarks: Vec::new(),
            lost: 0,
        };
        record.read_events()?;
        record.complete();
        Ok(record)
    }

    /// The collections, in order.
    pub fn collections(&self) -> impl DoubleEndedIterator<Item = &GcEvent> + Clone {
        self.events.iter().filter_map(|event| {
            if let Event::Gc(gc) = event {
                Some(&**gc)
            } else {
                None
            }
        })
    }

    /// The samples, in order.
    pub fn samples(&self) -> impl DoubleEndedIterator<Item = &Sample> + Clone {
        self.events.iter().filter_map(|event| {
            if let Event::Sample(sample) = event {
                Some(sample)
            } else {
                None
            }
        })
    }

    /// Fills the page's needs from the events: totals, snapshots, and the end of a run that never wrote one.
    fn complete(&mut self) {
        let counted = |totals: &Totals| totals.minor.count + totals.major.count + totals.samples;
        let said = counted(&self.info.totals);
        self.info.totals = Totals::of(&self.events);
        self.lost = said.saturating_sub(counted(&self.info.totals));
        if self.lost > 0 && !self.events.is_empty() {
            self.remarks.push(format!(
                "{} of {said} collections and samples are missing in {EVENTS_FILE}.",
                self.lost
            ));
        }
        let snapshots = self.events.iter().filter_map(|event| match event {
            Event::Snapshot(snapshot) => Some(snapshot.clone()),
            _ => None,
        });
        let snapshots: Vec<SnapshotTaken> = snapshots.collect();
        if !snapshots.is_empty() {
            self.info.snapshots = snapshots;
        }
        if self.info.end.outcome == Outcome::Running {
            let (ticks, time_us) = self.events.iter().fold((0, 0), |(ticks, time_us), event| {
                let tick = match event {
                    Event::Sample(sample) => sample.tick,
                    Event::Snapshot(snapshot) => snapshot.tick,
                    Event::Note(note) => note.tick,
                    Event::Gc(gc) => gc.tick.unwrap_or(0),
                };
                (tick.max(ticks), event.time_us().max(time_us))
            });
            (self.info.end.ticks, self.info.end.time_us) = (ticks, time_us);
            self.remarks.push(
                "The record was never closed: the run goes on, or its process was killed.".into(),
            );
        }
    }

    fn read_events(&mut self) -> Result<(), RecordError> {
        let path = self.dir.join(EVENTS_FILE);
        let mut lines = match File::open(&path) {
            Ok(file) => BufReader::new(file),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                self.remarks.push(format!(
                    "There is no {EVENTS_FILE}: no collection or sample is known."
                ));
                return Ok(());
            }
            Err(error) => return Err(RecordError::io(path, "read")(error)),
        };
        let (mut line, mut number, mut unknown) = (Vec::new(), 0, 0_u64);
        loop {
            line.clear();
            if lines
                .read_until(b'\n', &mut line)
                .map_err(RecordError::io(&path, "read"))?
                == 0
            {
                break;
            }
            number += 1;
            let whole = line.last() == Some(&b'\n');
            if line.trim_ascii().is_empty() {
                continue;
            }
            let parsed = if number == 1 {
                parse_header(&line, &path)
            } else {
                parse_event(&line, &path, number)
            };
            match parsed {
                Ok(Parsed::Header) => {}
                Ok(Parsed::Event(event)) => self.events.push(*event),
                Ok(Parsed::Unknown) => unknown += 1,
                Err(RecordError::Syntax { .. }) if !whole => {
                    self.remarks.push(format!(
                        "Line {number} of {EVENTS_FILE} was cut off and is left out."
                    ));
                }
                Err(error) => return Err(error),
            }
        }
        if unknown > 0 {
            let things = if unknown == 1 {
                "event of a kind"
            } else {
                "events of kinds"
            };
            self.remarks.push(format!(
                "{unknown} {things} that this version does not know left out."
            ));
        }
        Ok(())
    }
}

/// What a line of events turned out to be.
enum Parsed {
    Header,
    Event(Box<Event>),
    /// A kind that a later version added.
    Unknown,
}

fn read_info(dir: &Path) -> Result<RunInfo, RecordError> {
    #[derive(Deserialize)]
    struct Version {
        version: u64,
    }
    let path = dir.join(RUN_FILE);
    let text = match fs::read(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return Err(RecordError::NotARun {
                path: dir.to_owned(),
            });
        }
        Err(error) => return Err(RecordError::io(path, "read")(error)),
    };
    let Version { version } =
        serde_json::from_slice(&text).map_err(|error| syntax(&path, 0, &error))?;
    if version > u64::from(FORMAT_VERSION) {
        return Err(RecordError::TooNew {
            path,
            found: version,
        });
    }
    serde_json::from_slice(&text).map_err(|error| syntax(&path, 0, &error))
}

fn parse_header(line: &[u8], path: &Path) -> Result<Parsed, RecordError> {
    let wrong = |message: &str| RecordError::Syntax {
        path: path.to_owned(),
        line: 1,
        column: 1,
        message: message.into(),
    };
    let header: Header = serde_json::from_slice(line)
        .map_err(|_| wrong("not a list of events; the first line should be {\"format\":\"heaplab-events\",\"version\":1}"))?;
    if header.format != Header::FORMAT {
        return Err(wrong("the first line's format is not heaplab-events"));
    }
    if header.version > FORMAT_VERSION {
        return Err(RecordError::TooNew {
            path: path.to_owned(),
            found: u64::from(header.version),
        });
    }
    Ok(Parsed::Header)
}

fn parse_event(line: &[u8], path: &Path, number: usize) -> Result<Parsed, RecordError> {
    #[derive(Deserialize)]
    struct Tag {
        r#type: String,
    }
    let error = match serde_json::from_slice(line) {
        Ok(event) => return Ok(Parsed::Event(Box::new(event))),
        Err(error) => error,
    };
    let tag: Tag = serde_json::from_slice(line).map_err(|error| syntax(path, number, &error))?;
    if matches!(tag.r#type.as_str(), "gc" | "sample" | "snapshot" | "note") {
        Err(syntax(path, number, &error))
    } else {
        Ok(Parsed::Unknown)
    }
}

/// The JSON reader's complaint with our place in front instead of its own behind. `line` 0: its own line.
fn syntax(path: &Path, line: usize, error: &serde_json::Error) -> RecordError {
    let text = error.to_string();
    let message = text
        .rsplit_once(" at line ")
        .map_or(text.as_str(), |(message, _)| message)
        .to_owned();
    let line = if line == 0 { error.line().max(1) } else { line };
    RecordError::Syntax {
        path: path.to_owned(),
        line,
        column: error.column().max(1),
        message,
    }
}
