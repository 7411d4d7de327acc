//! The search for the smallest heap.

use heaplab_gc::{Heap, HeapOptions, Limit, Policy, VirtualClock};
use heaplab_workloads::driver::{
    self, HeapNeeded, NoObserver, Outcome, RunOptions, SearchObserver, smallest_heap,
};
use heaplab_workloads::{Parameters, Workload, registry};

const MB: usize = 1 << 20;

fn maker(name: &str, cure: Option<&str>) -> impl Fn() -> Box<dyn Workload> {
    let (workload, cure) = registry::find(name, cure).expect("a workload");
    move || workload.build(&Parameters::defaults(workload, cure), cure)
}

fn outcome(
    build: &dyn Fn() -> Box<dyn Workload>,
    options: &HeapOptions,
    run: &RunOptions,
) -> Outcome {
    let clock = Box::new(VirtualClock::new());
    let mut heap = Heap::with_clock(options.clone(), clock).expect("heap");
    driver::run(&mut heap, &mut *build(), run, &mut NoObserver).outcome
}

#[test]
fn the_run_completes_in_the_answer_and_not_in_one_step_less() {
    let run = RunOptions::ticks(15_000).with_seed(3);
    for policy in Policy::ALL {
        let build = maker("cache", None);
        // From below and from above: both ways to the answer.
        for first in [2 * MB, 32 * MB] {
            let mut options = HeapOptions::with_limits(first, MB).with_policy(policy);
            let found =
                smallest_heap(&build, &options, &run, 64 * MB, &mut NoObserver).expect("heaps");
            let HeapNeeded::Bytes(bytes) = found.answer else {
                panic!("{policy:?}: {found:?}");
            };
            assert!(
                bytes > MB && bytes.is_multiple_of(MB),
                "{policy:?}: {found:?}"
            );
            assert!((2..=12).contains(&found.attempts), "{policy:?}: {found:?}");
            options.max_old_space_size = bytes;
            assert_eq!(
                outcome(&build, &options, &run),
                Outcome::Completed,
                "{policy:?}"
            );
            options.max_old_space_size = bytes - MB;
            assert!(
                matches!(outcome(&build, &options, &run), Outcome::HeapLimit(_)),
                "{policy:?} in {bytes} bytes less 1 MB"
            );
        }
    }
}

#[test]
fn a_heap_that_may_not_be_tried_is_no_answer() {
    let options = HeapOptions::with_limits(MB, MB);
    let run = RunOptions::ticks(40_000);
    let build = maker("cache", None);
    let found = smallest_heap(&build, &options, &run, 3 * MB, &mut NoObserver).expect("heaps");
    assert_eq!(found.answer, HeapNeeded::More);
    assert_eq!((found.largest_tried, found.attempts), (3 * MB, 2));
}

#[test]
fn another_limit_ends_the_search_at_once() {
    let mut options = HeapOptions::with_limits(32 * MB, MB);
    options.max_external_memory = Some(MB);
    let run = RunOptions::ticks(50_000);
    let build = maker("buffers", None);
    let found = smallest_heap(&build, &options, &run, 64 * MB, &mut NoObserver).expect("heaps");
    assert_eq!(found.answer, HeapNeeded::OtherLimit(Limit::External));
    assert_eq!(found.attempts, 1);
}

#[test]
fn the_observer_is_told_of_each_attempt_and_can_end_the_search() {
    #[derive(Default)]
    struct Second(Vec<usize>);
    impl SearchObserver for Second {
        fn on_attempt(&mut self, max_old_space_size: usize) {
            self.0.push(max_old_space_size);
        }
        fn should_stop(&mut self) -> bool {
            self.0.len() == 2
        }
    }
    let options = HeapOptions::with_limits(16 * MB, MB);
    let build = maker("cache", Some("lru"));
    let mut second = Second::default();
    let run = RunOptions::ticks(500);
    let found = smallest_heap(&build, &options, &run, 16 * MB, &mut second).expect("heaps");
    assert_eq!(found.answer, HeapNeeded::Stopped);
    assert_eq!(second.0, [16 * MB, 8 * MB]);
}
