//! Joins the driver with everything that listens to a run: its record, the trace on a channel, snapshots,
//! signals and the progress line.

use std::cell::RefCell;
use std::path::PathBuf;
use std::rc::Rc;

use chrono::Local;
use heaplab_gc::{GcEvent, Heap, NearLimit};
use heaplab_reports::gc_log::{GcLogPrefix, Line};
use heaplab_reports::record::{Event, RecordError, RecordWriter, SnapshotTaken};
use heaplab_workloads::Note;
use heaplab_workloads::driver::{Length, NearLimitObserver, RunObserver, Sample, SnapshotPoint};
use heapsnapshot::gc_source::{Walkable, write_snapshot_file};

use crate::convert;
use crate::failure::Failure;
use crate::output::{Data, Output};
use crate::progress::{Figures, Progress};
use crate::signals::Signals;
use crate::snapshots::SnapshotNames;

/// Where the lines of `--trace-gc` go.
#[derive(Debug)]
pub(crate) enum Trace {
    /// Nowhere: they are in `gc.log` in any case.
    Off,
    /// Standard output, as Node does it.
    Data(Data),
    /// Standard error: standard output is for JSON.
    Talk,
}

/// What a recorder works with.
#[derive(Debug)]
pub(crate) struct Recorder {
    /// The run's folder.
    pub(crate) record: RecordWriter,
    /// The brackets of `--trace-gc`.
    pub(crate) prefix: GcLogPrefix,
    /// Names snapshots.
    pub(crate) names: SnapshotNames,
    /// How long the run is.
    pub(crate) length: Length,
    /// Where trace lines go.
    pub(crate) trace: Trace,
    /// The line on the terminal.
    pub(crate) progress: Progress,
    /// What it shows.
    pub(crate) figures: Figures,
    /// What the user wants meanwhile.
    pub(crate) signals: Signals,
    /// For warnings.
    pub(crate) output: Output,
    /// The first thing that went wrong; it ends the run.
    pub(crate) failure: Option<Failure>,
}

impl Recorder {
    fn append(&mut self, event: &Event) {
        let recorded = self.record.record(event);
        self.keep(recorded.map_err(|error: RecordError| error.into()));
    }

    /// Keeps the first failure.
    fn keep(&mut self, result: Result<(), Failure>) {
        if let (Err(failure), None) = (result, &self.failure) {
            self.failure = Some(failure);
        }
    }

    fn print_trace(&mut self, line: &Line<'_>) -> Result<(), Failure> {
        match &mut self.trace {
            Trace::Off => Ok(()),
            Trace::Talk => {
                self.progress.aside(|| self.output.talk_line(line));
                Ok(())
            }
            Trace::Data(data) => self.progress.aside(|| data.text(&format!("{line}\n"))),
        }
    }

    /// Takes a snapshot, unless something went wrong before.
    fn snapshot(&mut self, heap: &mut impl Walkable, point: &SnapshotPoint) {
        if self.failure.is_none() {
            let taken = self.take_snapshot(heap, point);
            self.keep(taken);
        }
    }

    fn take_snapshot(
        &mut self,
        heap: &mut impl Walkable,
        point: &SnapshotPoint,
    ) -> Result<(), Failure> {
        let why = convert::why(point.reason);
        let file = self.names.next(why, point.tick, Local::now());
        let path: PathBuf = self.record.dir().join(&file);
        self.progress.say(&format!("writing {file}"));
        let written =
            write_snapshot_file(heap, &path).map_err(|error| Failure::input(error.to_string()))?;
        if let Some(warning) = written.warning() {
            self.progress.aside(|| self.output.warn(warning));
        }
        self.append(&Event::Snapshot(SnapshotTaken {
            file,
            tick: point.tick,
            time_us: point.time_us,
            why,
            file_bytes: written.bytes,
            nodes: Some(written.nodes),
            edges: Some(written.edges),
        }));
        Ok(())
    }
}

impl Recorder {
    fn on_gc(&mut self, tick: u64, event: &GcEvent) {
        let event = convert::collection(event, tick);
        match event.kind {
            heaplab_reports::record::GcKind::Minor => self.figures.minor += 1,
            heaplab_reports::record::GcKind::Major => self.figures.major += 1,
        }
        let printed = self.print_trace(&Line::new(&event, self.prefix));
        self.keep(printed);
        self.append(&Event::Gc(Box::new(event)));
    }

    fn on_sample(&mut self, sample: &Sample) {
        self.append(&Event::Sample(convert::sample(sample)));
        if self.progress.is_due() {
            (self.figures.done, self.figures.all) = match self.length {
                Length::Ticks(ticks) => (sample.tick, ticks),
                Length::Time(time) => (
                    sample.time_us,
                    u64::try_from(time.as_micros()).unwrap_or(u64::MAX),
                ),
            };
            self.figures.old_bytes = sample.heap.old_generation();
            self.figures.external_bytes = sample.heap.external;
            self.progress.show(&self.figures);
        }
    }
}

/// The recorder as driver and heap share it: the driver between ticks, the heap's near-limit callback in the middle of one.
#[derive(Clone, Debug)]
pub(crate) struct SharedRecorder(Rc<RefCell<Recorder>>);

impl SharedRecorder {
    pub(crate) fn new(recorder: Recorder) -> Self {
        Self(Rc::new(RefCell::new(recorder)))
    }

    /// The recorder, if this is its last owner: when the run is over.
    pub(crate) fn into_inner(self) -> Option<Recorder> {
        Rc::into_inner(self.0).map(RefCell::into_inner)
    }
}

impl RunObserver for SharedRecorder {
    fn on_gc(&mut self, tick: u64, event: &GcEvent) {
        self.0.borrow_mut().on_gc(tick, event);
    }

    fn on_sample(&mut self, sample: &Sample) {
        self.0.borrow_mut().on_sample(sample);
    }

    fn on_note(&mut self, note: &Note) {
        let event = Event::Note(convert::note(note));
        self.0.borrow_mut().append(&event);
    }

    fn snapshot_wanted(&mut self) -> bool {
        self.0.borrow().signals.take_snapshot_request()
    }

    fn on_snapshot_point(&mut self, heap: &mut Heap, point: &SnapshotPoint) {
        self.0.borrow_mut().snapshot(heap, point);
    }

    fn near_limit_observer(&mut self) -> Option<Box<dyn NearLimitObserver>> {
        Some(Box::new(self.clone()))
    }

    fn should_stop(&mut self) -> bool {
        let recorder = self.0.borrow();
        recorder.failure.is_some() || recorder.signals.stop_requested()
    }
}

impl NearLimitObserver for SharedRecorder {
    fn on_gc(&mut self, tick: u64, event: &GcEvent) {
        self.0.borrow_mut().on_gc(tick, event);
    }

    fn on_snapshot_point(&mut self, heap: &mut NearLimit<'_>, point: &SnapshotPoint) {
        self.0.borrow_mut().snapshot(heap, point);
    }
}
