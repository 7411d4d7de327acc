//! The leak finder on heaplab's own workloads, whose truth is known: it names what leaks and who owns it first, and is
//! silent under every cure once the cure's bound is reached. The cure `narrow` of `closures` has no bound: its listeners
//! still pile up, but hold nothing.

use std::collections::BTreeSet;

use heaplab_gc::{Heap, HeapOptions, VirtualClock};
use heaplab_workloads::driver::{self, RunObserver, RunOptions, SnapshotPoint, SnapshotSchedule};
use heaplab_workloads::{Description, GroundTruth, Parameters, registry};
use heapsnapshot::Snapshot;
use heapsnapshot::gc_source::write_snapshot;
use heapsnapshot::leaks::{Finding, LeakReport, Settings, find};

const MB: usize = 1 << 20;
/// Bounds that are reached within a few thousand ticks.
const SMALL: [(&str, &str, &[&str]); 10] = [
    ("cache", "lru", &["entries=300"]),
    ("cache", "fifo", &["entries=300"]),
    ("cache", "ttl", &["ttl=500"]),
    ("queue", "reject", &["ratio=20"]),
    ("queue", "timeout", &["timeout=400"]),
    ("queue", "backpressure", &["high=100"]),
    ("closures", "release", &[]),
    ("buffers", "copy", &["life=1000"]),
    ("buffers", "text", &["life=1000"]),
    ("buffers", "bound", &["sessions=100"]),
];

/// Keeps the snapshots of a run.
#[derive(Default)]
struct Keep(Vec<Snapshot>);

impl RunObserver for Keep {
    fn on_snapshot_point(&mut self, heap: &mut Heap, _: &SnapshotPoint) {
        let mut bytes = Vec::new();
        write_snapshot(heap, &mut bytes).expect("a snapshot in memory");
        self.0.push(Snapshot::parse(bytes).expect("it can be read"));
    }
}

/// Runs a workload with a cure or none, and looks for leaks in snapshots after these ticks.
fn report(
    workload: &'static Description,
    cure: Option<&str>,
    parameters: &[&str],
    seed: u64,
    ticks: [u64; 3],
) -> LeakReport {
    let cure = cure.map(|name| workload.cure(name).expect("a cure"));
    let parameters =
        Parameters::parse(workload, cure, parameters.iter().copied()).expect("parameters");
    let mut server = workload.build(&parameters, cure);
    let mut snapshots = SnapshotSchedule::none();
    snapshots.ticks = BTreeSet::from(ticks);
    let options = RunOptions::ticks(ticks[2])
        .with_seed(seed)
        .with_snapshots(snapshots);
    let heap = HeapOptions::with_limits(64 * MB, 2 * MB);
    let mut heap = Heap::with_clock(heap, Box::new(VirtualClock::new())).expect("heap");
    let mut kept = Keep::default();
    driver::run(&mut heap, &mut *server, &options, &mut kept);
    assert_eq!(kept.0.len(), 3);
    find(&kept.0, None, &Settings::default(), "2026-01-01")
}

/// Whether a finding names the class of a truth (or an object of its path by which that is held), and in its owner a
/// field or variable of the path.
fn names(finding: &Finding, truth: &GroundTruth) -> bool {
    let class = finding.class.trim_start_matches("function ");
    let right_class = class == truth.class || truth.path.iter().any(|step| step.class == class);
    let mut named = truth.path.iter().filter(|step| !step.edge.is_empty());
    let right_owner = named.any(|step| finding.owner.contains(&format!("`{}`", step.edge)));
    right_class && right_owner
}

#[test]
fn every_leak_is_named_first() {
    for workload in registry::WORKLOADS {
        for seed in [1, 2] {
            let found = report(workload, None, &[], seed, [2000, 4000, 6000]);
            let first = found.leaks.first().unwrap_or_else(|| {
                panic!("{} seed {seed}: nothing found: {found:#?}", workload.name)
            });
            let truth = &workload.leaks[0];
            assert!(
                names(first, truth),
                "{} seed {seed}: {truth}: {first:#?}",
                workload.name
            );
        }
    }
}

#[test]
fn the_queue_is_said_to_be_one_of_jobs() {
    let queue = registry::find("queue", None).expect("a workload").0;
    let found = report(queue, None, &[], 3, [2000, 4000, 6000]);
    assert_eq!(found.leaks[0].class, "Job", "{found:#?}");
    assert!(found.leaks[0].owner.contains("`waiting`"), "{found:#?}");
}

#[test]
fn every_cure_is_silent_at_its_bound() {
    for workload in registry::WORKLOADS {
        for cure in workload.cures.iter().filter(|cure| cure.name != "narrow") {
            let (_, _, parameters) = SMALL
                .iter()
                .find(|(name, of, _)| *name == workload.name && *of == cure.name)
                .unwrap_or_else(|| panic!("{} has no bound for {}", workload.name, cure.name));
            for seed in [1, 2] {
                let found = report(
                    workload,
                    Some(cure.name),
                    parameters,
                    seed,
                    [4000, 6000, 8000],
                );
                assert!(
                    found.leaks.is_empty(),
                    "{} --cure {} seed {seed}: {:#?}",
                    workload.name,
                    cure.name,
                    found.leaks
                );
            }
        }
    }
}

#[test]
fn narrow_listeners_pile_up_and_hold_nothing() {
    let closures = registry::find("closures", None).expect("a workload").0;
    let leaking = report(closures, None, &[], 1, [2000, 4000, 6000]);
    let cured = report(closures, Some("narrow"), &[], 1, [2000, 4000, 6000]);
    let [only] = &cured.leaks[..] else {
        panic!("{cured:#?}");
    };
    assert_eq!(only.class, "function onShutdown");
    assert_eq!(only.counts, leaking.leaks[0].counts);
    assert!(
        only.growth_bytes * 10 < leaking.leaks[0].growth_bytes,
        "{only:#?}"
    );
}
