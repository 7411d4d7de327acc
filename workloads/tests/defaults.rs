//! At the limits that the command line has by default, every leak ends at its limit about halfway through
//! its ticks, and every cure gets to the end of them.

use heaplab_gc::{Heap, HeapOptions, Limit, VirtualClock};
use heaplab_workloads::driver::{self, NoObserver, Outcome, RunOptions};
use heaplab_workloads::{Parameters, registry};

const MB: usize = 1 << 20;

fn heap() -> Heap {
    let options = HeapOptions::with_limits(64 * MB, 4 * MB);
    Heap::with_clock(options, Box::new(VirtualClock::new())).expect("heap")
}

#[test]
fn every_leak_reaches_the_limit_halfway() {
    for workload in registry::WORKLOADS {
        let parameters = Parameters::defaults(workload, None);
        let mut leak = workload.build(&parameters, None);
        let options = RunOptions::ticks(workload.ticks);
        let mut heap = heap();
        let summary = driver::run(&mut heap, &mut *leak, &options, &mut NoObserver);
        let Outcome::HeapLimit(details) = &summary.outcome else {
            panic!("{}: {summary:?}", workload.name);
        };
        assert_eq!(details.limit, Limit::OldSpace, "{}", workload.name);
        let share = summary.ticks as f64 / workload.ticks as f64;
        assert!(
            (0.4..0.6).contains(&share),
            "{}: at {share} of the ticks",
            workload.name
        );
        let objects = heap.walk(|walk| walk.object_count()).expect("ids");
        assert!(
            (300_000..600_000).contains(&objects),
            "{}: {objects} objects",
            workload.name
        );
    }
}

#[test]
fn every_cure_gets_to_the_end() {
    for workload in registry::WORKLOADS {
        for cure in workload.cures {
            let parameters = Parameters::defaults(workload, Some(cure));
            let mut cured = workload.build(&parameters, Some(cure));
            let options = RunOptions::ticks(workload.ticks);
            let summary = driver::run(&mut heap(), &mut *cured, &options, &mut NoObserver);
            let name = format!("{} --cure {}", workload.name, cure.name);
            assert_eq!(summary.outcome, Outcome::Completed, "{name}");
            assert_eq!(summary.ticks, workload.ticks, "{name}");
        }
    }
}
