//! The driver: what observers are told, when, and that the same seed tells the same.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use heaplab_gc::{
    CollectionKind, CollectionReason, GcEvent, Global, Heap, HeapOptions, NearLimit, RealClock,
    Scope, VirtualClock,
};
use heaplab_workloads::driver::{
    self, NearLimitObserver, Outcome, RunObserver, RunOptions, RunStart, RunSummary, Sample,
    SnapshotPoint, SnapshotReason, SnapshotSchedule,
};
use heaplab_workloads::{
    Note, Parameters, SampleValues, Workload, WorkloadContext, WorkloadError, registry,
};

const MB: usize = 1 << 20;

fn virtual_heap(old: usize) -> Heap {
    let options = HeapOptions::with_limits(old, MB);
    Heap::with_clock(options, Box::new(VirtualClock::new())).expect("heap")
}

/// Writes down everything that it is told.
#[derive(Default)]
struct Trace {
    lines: Vec<String>,
    snapshots: Vec<(SnapshotReason, u64)>,
    samples: Vec<u64>,
    stop_after: Option<u64>,
    want_at: Option<u64>,
    asked: u64,
}

impl RunObserver for Trace {
    fn on_start(&mut self, start: &RunStart<'_>) {
        self.lines.push(format!("{start:?}"));
    }
    fn on_gc(&mut self, tick: u64, event: &GcEvent) {
        self.lines.push(format!("{tick} {event:?}"));
    }
    fn on_sample(&mut self, sample: &Sample) {
        self.samples.push(sample.tick);
        self.lines.push(format!("{sample:?}"));
    }
    fn on_note(&mut self, note: &Note) {
        self.lines.push(format!("{note:?}"));
    }
    fn snapshot_wanted(&mut self) -> bool {
        self.asked += 1;
        // The first question comes before the first tick.
        self.want_at == Some(self.asked - 1)
    }
    fn on_snapshot_point(&mut self, heap: &mut Heap, point: &SnapshotPoint) {
        let objects = heap.walk(|walk| walk.object_count()).expect("ids");
        self.snapshots.push((point.reason, point.tick));
        self.lines.push(format!("{point:?} {objects}"));
    }
    fn should_stop(&mut self) -> bool {
        self.stop_after == Some(self.asked - 1)
    }
    fn on_end(&mut self, summary: &RunSummary) {
        self.lines.push(format!("{summary:?}"));
    }
}

/// Keeps so many bytes of each tick.
#[derive(Default)]
struct Keep {
    bytes: usize,
    list: Option<Global>,
    ticks: u64,
    fail_at: Option<u64>,
}

impl Workload for Keep {
    fn set_up(
        &mut self,
        s: &mut Scope<'_, '_>,
        cx: &mut WorkloadContext,
    ) -> Result<(), WorkloadError> {
        assert_eq!(cx.tick(), 0);
        let list = s.deque()?;
        self.list = Some(s.global(list));
        Ok(())
    }

    fn tick(
        &mut self,
        s: &mut Scope<'_, '_>,
        cx: &mut WorkloadContext,
    ) -> Result<(), WorkloadError> {
        self.ticks += 1;
        assert_eq!(cx.tick(), self.ticks);
        if self.fail_at == Some(self.ticks) {
            return Err(WorkloadError::Failed("as it was told to".into()));
        }
        if let Some(list) = &self.list {
            let bytes = s.bytes(self.bytes)?;
            let list = s.local(list);
            s.deque_push_back(list, bytes)?;
        }
        Ok(())
    }

    fn sample(&mut self, _: &Scope<'_, '_>, values: &mut SampleValues) {
        values.set("kept", self.ticks as f64);
    }
}

fn keep(bytes: usize) -> Keep {
    Keep {
        bytes,
        ..Keep::default()
    }
}

#[test]
fn the_same_seed_tells_the_same_and_another_does_not() {
    for workload in registry::WORKLOADS {
        for cure in std::iter::once(None).chain(workload.cures.iter().map(Some)) {
            let trace = |seed: u64| {
                let parameters = Parameters::defaults(workload, cure);
                let mut built = workload.build(&parameters, cure);
                let options = RunOptions::ticks(30_000)
                    .with_seed(seed)
                    .with_snapshots("start,limit,end,7000".parse().expect("a schedule"));
                let mut trace = Trace::default();
                driver::run(&mut virtual_heap(8 * MB), &mut *built, &options, &mut trace);
                trace.lines
            };
            let (first, second, other) = (trace(1), trace(1), trace(2));
            let name = (workload.name, cure.map(|cure| cure.name));
            assert!(first.len() > 100, "{name:?}: {} lines", first.len());
            for (a, b) in first.iter().zip(&second) {
                assert_eq!(a, b, "{name:?}");
            }
            assert_eq!(first.len(), second.len(), "{name:?}");
            assert_ne!(first, other, "{name:?}");
        }
    }
}

#[test]
fn ticks_are_sampled_from_the_first_to_the_last() {
    let mut trace = Trace::default();
    let options = RunOptions::ticks(25).with_sample_every(10);
    let summary = driver::run(
        &mut virtual_heap(8 * MB),
        &mut keep(8),
        &options,
        &mut trace,
    );
    assert_eq!(summary.outcome, Outcome::Completed);
    assert_eq!(trace.samples, [0, 10, 20, 25]);
    // 100 µs of virtual time a tick; nothing was collected.
    assert!(summary.time_us >= 2_500, "{}", summary.time_us);
    assert!(trace.lines[0].starts_with("RunStart"));
    assert!(
        trace
            .lines
            .last()
            .is_some_and(|line| line.starts_with("RunSummary"))
    );
}

#[test]
fn snapshots_are_due_when_the_schedule_says() {
    let mut trace = Trace {
        want_at: Some(12),
        ..Trace::default()
    };
    let schedule: SnapshotSchedule = "start,limit,end,20,999".parse().expect("a schedule");
    let options = RunOptions::ticks(25)
        .with_snapshots(schedule)
        .with_warm_up(5);
    driver::run(
        &mut virtual_heap(8 * MB),
        &mut keep(8),
        &options,
        &mut trace,
    );
    assert_eq!(
        trace.snapshots,
        [
            (SnapshotReason::Start, 5),
            (SnapshotReason::Requested, 12),
            (SnapshotReason::Tick, 20),
            (SnapshotReason::End, 25)
        ]
    );
}

#[test]
fn at_the_limit_the_heap_is_whole_and_limit_takes_the_place_of_end() {
    let mut heap = virtual_heap(4 * MB);
    let mut workload = keep(1000);
    let options = RunOptions::ticks(100_000).with_snapshots(SnapshotSchedule::usual());
    let mut trace = Trace::default();
    let summary = driver::run(&mut heap, &mut workload, &options, &mut trace);
    let Outcome::HeapLimit(details) = &summary.outcome else {
        panic!("{summary:?}");
    };
    assert!(details.live > 3 * MB, "{details:?}");
    assert_eq!(
        trace.snapshots,
        [
            (SnapshotReason::Start, 1000),
            (SnapshotReason::Limit, summary.ticks)
        ]
    );
    assert_eq!(trace.samples.last(), Some(&summary.ticks));
    // What the workload keeps is there until it lets go.
    let list = workload.list.take().expect("a list");
    let kept = heap.enter(|s| s.deque_len(s.peek(&list)));
    assert_eq!(kept as u64, summary.ticks);
    drop(list);
    // The first collection finds old objects dead only after their young ones were kept for their sake.
    for _ in 0..2 {
        heap.collect(CollectionKind::Major, CollectionReason::Testing);
    }
    assert_eq!(heap.sizes().used(), 0);
}

#[test]
fn with_end_alone_the_end_at_the_limit_counts_too() {
    let options = RunOptions::ticks(100_000).with_snapshots("end".parse().expect("a schedule"));
    let mut trace = Trace::default();
    driver::run(
        &mut virtual_heap(2 * MB),
        &mut keep(1000),
        &options,
        &mut trace,
    );
    assert_eq!(trace.snapshots.len(), 1);
    assert_eq!(trace.snapshots[0].0, SnapshotReason::End);
}

/// Shares what it is told between the driver and the heap's callback.
#[derive(Clone, Default)]
struct AtTheLimit(Rc<RefCell<Vec<(String, u64)>>>);

impl AtTheLimit {
    fn push(&self, what: impl Into<String>, number: u64) {
        self.0.borrow_mut().push((what.into(), number));
    }
}

impl RunObserver for AtTheLimit {
    fn on_gc(&mut self, _: u64, event: &GcEvent) {
        self.push("gc", event.sequence);
    }
    fn on_snapshot_point(&mut self, heap: &mut Heap, point: &SnapshotPoint) {
        let objects = heap.walk(|walk| walk.object_count()).expect("ids");
        self.push(point.reason.as_str(), objects as u64);
    }
    fn near_limit_observer(&mut self) -> Option<Box<dyn NearLimitObserver>> {
        Some(Box::new(self.clone()))
    }
}

impl NearLimitObserver for AtTheLimit {
    fn on_gc(&mut self, _: u64, event: &GcEvent) {
        self.push("gc", event.sequence);
    }
    fn on_snapshot_point(&mut self, heap: &mut NearLimit<'_>, point: &SnapshotPoint) {
        let objects = heap.walk(|walk| walk.object_count()).expect("ids");
        // All that the ticks before kept.
        assert!(objects as u64 >= point.tick, "{objects} {point:?}");
        self.push(point.reason.as_str(), objects as u64);
    }
}

#[test]
fn near_the_limit_there_are_as_many_snapshots_as_were_asked_for() {
    let run = |near_heap_limit, limit| {
        let mut schedule = SnapshotSchedule::none();
        schedule.near_heap_limit = near_heap_limit;
        schedule.limit = limit;
        let options = RunOptions::ticks(100_000).with_snapshots(schedule);
        let told = AtTheLimit::default();
        let mut heap = virtual_heap(16 * MB);
        let summary = driver::run(&mut heap, &mut keep(1000), &options, &mut told.clone());
        let Outcome::HeapLimit(details) = summary.outcome else {
            panic!("{summary:?}");
        };
        // The driver and the heap have let go of it.
        let told = Rc::into_inner(told.0).expect("the last owner").into_inner();
        // Collections are told once, in order, those that led to a snapshot before it.
        let collections: Vec<u64> = told.iter().filter(|t| t.0 == "gc").map(|t| t.1).collect();
        assert!(collections.iter().copied().eq(1..=collections.len() as u64));
        let snapshots: Vec<(String, u64)> = told.into_iter().filter(|t| t.0 != "gc").collect();
        (snapshots, details.limit_bytes)
    };
    let (none, first_limit) = run(0, false);
    assert_eq!((none.len(), first_limit), (0, 16 * MB));
    let (two, limit) = run(2, false);
    assert!(two.iter().all(|(reason, _)| reason == "near-heap-limit"));
    assert_eq!(two.len(), 2);
    // Each has given as much room as a young generation takes: three semi-spaces of 1 MB.
    assert_eq!(limit, 22 * MB);
    assert!(two[0].1 > 15_000 && two[1].1 > two[0].1 + 2_500, "{two:?}");
    // The last of all is that of the limit.
    let (three, limit) = run(2, true);
    assert_eq!(three[..2], two[..]);
    assert_eq!(three[2].0, "limit");
    assert!(three[2].1 > two[1].1 + 2_500, "{three:?}");
    assert_eq!(limit, 22 * MB);
}

#[test]
fn an_observer_can_end_the_run() {
    let options = RunOptions::ticks(100).with_snapshots(SnapshotSchedule::usual());
    let mut trace = Trace {
        stop_after: Some(40),
        ..Trace::default()
    };
    let summary = driver::run(
        &mut virtual_heap(8 * MB),
        &mut keep(8),
        &options,
        &mut trace,
    );
    assert_eq!(summary.outcome, Outcome::Interrupted);
    assert_eq!(summary.ticks, 40);
    assert_eq!(trace.snapshots, [(SnapshotReason::End, 40)]);
}

#[test]
fn a_run_can_have_a_length_in_time() {
    let mut trace = Trace::default();
    let options = RunOptions::time(Duration::from_millis(50));
    let summary = driver::run(
        &mut virtual_heap(8 * MB),
        &mut keep(8),
        &options,
        &mut trace,
    );
    assert_eq!(summary.outcome, Outcome::Completed);
    // 50 ms of virtual time at 100 µs a tick, less what the heap's own work took.
    assert!((400..=500).contains(&summary.ticks), "{}", summary.ticks);
    assert!(summary.time_us >= 50_000);
    assert!(trace.samples.len() > 300, "{} samples", trace.samples.len());
}

#[test]
fn the_resident_size_is_sampled_on_the_real_clock_only() {
    struct Resident(Vec<bool>);
    impl RunObserver for Resident {
        fn on_sample(&mut self, sample: &Sample) {
            self.0
                .push(sample.resident_bytes.is_some_and(|bytes| bytes > 0));
        }
    }
    for is_virtual in [true, false] {
        let options = HeapOptions::with_limits(8 * MB, MB);
        let mut heap = if is_virtual {
            virtual_heap(8 * MB)
        } else {
            Heap::with_clock(options, Box::new(RealClock::new())).expect("heap")
        };
        let mut resident = Resident(Vec::new());
        driver::run(
            &mut heap,
            &mut keep(8),
            &RunOptions::ticks(5),
            &mut resident,
        );
        assert_eq!(resident.0, [!is_virtual; 6]);
    }
}

#[test]
fn a_workload_that_fails_says_why() {
    let mut workload = keep(8);
    workload.fail_at = Some(7);
    let mut trace = Trace::default();
    let options = RunOptions::ticks(100);
    let summary = driver::run(
        &mut virtual_heap(8 * MB),
        &mut workload,
        &options,
        &mut trace,
    );
    assert_eq!(summary.outcome, Outcome::Failed("as it was told to".into()));
    assert_eq!(summary.ticks, 6);
    assert_eq!(trace.samples.last(), Some(&6));
}

#[test]
fn a_run_without_ticks_is_a_set_up() {
    let mut trace = Trace::default();
    let options = RunOptions::ticks(0).with_snapshots(SnapshotSchedule::usual());
    let summary = driver::run(
        &mut virtual_heap(8 * MB),
        &mut keep(8),
        &options,
        &mut trace,
    );
    assert_eq!((summary.outcome, summary.ticks), (Outcome::Completed, 0));
    assert_eq!(trace.samples, [0]);
    assert_eq!(
        trace.snapshots,
        [(SnapshotReason::Start, 0), (SnapshotReason::End, 0)]
    );
}
