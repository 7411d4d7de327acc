//! Every workload with every cure on a heap that collects all the time, moves everything, overwrites the
//! dead and checks itself.

use std::num::NonZeroU32;

use heaplab_gc::{CollectionReason, GcEvent, Heap, HeapOptions, Stress, VirtualClock};
use heaplab_workloads::driver::{self, Outcome, RunObserver, RunOptions};
use heaplab_workloads::{Parameters, registry};

#[derive(Default)]
struct Forced(u64);

impl RunObserver for Forced {
    fn on_gc(&mut self, _: u64, event: &GcEvent) {
        self.0 += u64::from(event.reason == CollectionReason::Testing);
    }
}

#[test]
fn workloads_stand_collections_at_any_moment() {
    let mean = NonZeroU32::new(64).expect("64");
    for workload in registry::WORKLOADS {
        for cure in std::iter::once(None).chain(workload.cures.iter().map(Some)) {
            // Small enough for the cures to have something to do.
            let small = match workload.name {
                "cache" => &["pages=50", "entries=40", "bytes=16KB", "ttl=60"][..],
                "queue" => &["ratio=4", "timeout=30", "high=20", "long=10"],
                "buffers" => &[
                    "request=100",
                    "slab=512",
                    "life=50",
                    "sessions=3",
                    "uploads=0.2",
                    "upload=1KB",
                    "upload-time=5",
                ],
                _ => &["replace-every=7", "thing=100"],
            };
            let parameters = Parameters::parse_shared(workload, cure, small).expect("parameters");
            let mut built = workload.build(&parameters, cure);
            let options =
                HeapOptions::with_limits(4 << 20, 256 << 10).with_stress(Stress::random(mean, 9));
            let clock = Box::new(VirtualClock::new());
            let mut heap = Heap::with_clock(options, clock).expect("heap");
            let mut forced = Forced::default();
            let options = RunOptions::ticks(1000);
            let summary = driver::run(&mut heap, &mut *built, &options, &mut forced);
            let name = format!("{} {cure:?}", workload.name);
            assert_eq!(summary.outcome, Outcome::Completed, "{name}");
            // At least two objects a tick.
            assert!(
                forced.0 > 2 * 1000 / 64 / 2,
                "{name}: {} collections",
                forced.0
            );
        }
    }
}
