//! The queue: every job is accounted for at every tick, and Bagpipe's rules hold.

use std::num::NonZeroU32;

use heaplab_gc::{Heap, HeapOptions, Stress, VirtualClock};
use heaplab_workloads::driver::{self, RunObserver, RunOptions, Sample};
use heaplab_workloads::queue::{JobQueue, JobQueueOptions, Pushed};
use heaplab_workloads::{Note, Parameters, SampleValues, Span, WorkloadContext, registry};
use proptest::prelude::*;

const MB: usize = 1 << 20;

/// Checks each sample; keeps the last.
struct Checker<F> {
    check: F,
    last: SampleValues,
    notes: Vec<Note>,
}

impl<F: FnMut(&Sample)> RunObserver for Checker<F> {
    fn on_sample(&mut self, sample: &Sample) {
        let value = |name: &str| sample.values.get(name).expect("a declared series");
        let (produced, waiting) = (value("produced"), value("waiting"));
        let answered = value("done") + value("rejected") + value("timed_out");
        assert_eq!(answered + waiting, produced, "after tick {}", sample.tick);
        assert!(value("queue_length") <= waiting);
        if let Some(oldest) = sample.values.get("age_max") {
            assert!(value("age_p50") <= value("age_p95") && value("age_p95") <= oldest);
            assert!(oldest < sample.tick as f64);
        }
        (self.check)(sample);
        self.last = sample.values.clone();
    }

    fn on_note(&mut self, note: &Note) {
        self.notes.push(note.clone());
    }
}

/// Runs the workload with a sample after every tick.
fn run(
    cure: Option<&str>,
    assignments: &[&str],
    ticks: u64,
    seed: u64,
    check: impl FnMut(&Sample),
) -> (SampleValues, Vec<Note>, driver::RunSummary) {
    let (workload, cure) = registry::find("queue", cure).expect("a workload");
    let parameters = Parameters::parse(workload, cure, assignments).expect("parameters");
    let mut queue = workload.build(&parameters, cure);
    let options = HeapOptions::with_limits(32 * MB, MB);
    let mut heap = Heap::with_clock(options, Box::new(VirtualClock::new())).expect("heap");
    let mut checker = Checker {
        check,
        last: SampleValues::default(),
        notes: Vec::new(),
    };
    let options = RunOptions::ticks(ticks)
        .with_sample_every(1)
        .with_seed(seed);
    let summary = driver::run(&mut heap, &mut *queue, &options, &mut checker);
    assert_eq!(summary.ticks, ticks, "{:?}", summary.outcome);
    // All that lives is what the queue says that it holds.
    let live: usize = heap
        .walk(|walk| walk.objects().map(|object| walk.size(object)).sum())
        .expect("ids");
    assert_eq!(checker.last.get("held_bytes"), Some(live as f64));
    (checker.last, checker.notes, summary)
}

fn counter(summary: &driver::RunSummary, name: &str) -> f64 {
    let found = summary.counters.iter().find(|c| c.name == name);
    found.unwrap_or_else(|| panic!("no counter {name}")).value
}

#[test]
fn without_a_cure_the_queue_grows_by_what_the_workers_lack() {
    let (last, notes, summary) = run(None, &["body=16"], 10_000, 1, |_| {});
    let waiting = last.get("queue_length").expect("a length");
    assert!((3_700.0..4_300.0).contains(&waiting), "{waiting}");
    let noted: Vec<&str> = notes.iter().map(|note| note.name).collect();
    assert_eq!(noted, ["queue_full", "queue_full"], "at 1000 and 2000");
    assert!(
        notes[0]
            .text
            .starts_with("the queue is long: 1000 jobs wait")
    );
    assert_eq!(
        counter(&summary, "rejected") + counter(&summary, "timed_out"),
        0.0
    );
    assert!(counter(&summary, "full") > 9_000.0);
}

#[test]
fn reject_never_lets_more_wait_than_workers_times_ratio() {
    let check = |sample: &Sample| {
        assert!(sample.values.get("queue_length") <= Some(30.0));
    };
    let (last, _, summary) = run(Some("reject"), &["ratio=5"], 5_000, 1, check);
    assert!(last.get("rejected") > Some(1_500.0), "{last:?}");
    assert_eq!(counter(&summary, "longest"), 30.0);
    // Six workers, ten ticks a job: nothing else limits what gets done.
    assert!((2_850.0..3_150.0).contains(&counter(&summary, "done")));
}

#[test]
fn timeout_lets_no_job_become_older() {
    let check = |sample: &Sample| {
        if let Some(oldest) = sample.values.get("age_max") {
            assert!(oldest < 200.0, "{oldest} after tick {}", sample.tick);
        }
    };
    let assignments = ["timeout=200", "errors=50%"];
    let (last, _, summary) = run(Some("timeout"), &assignments, 5_000, 1, check);
    assert!(last.get("timed_out") > Some(1_000.0));
    assert!(counter(&summary, "timed_out_running") > 0.0);
    // About half of the abandoned jobs end in an error, and only those are heard of.
    let (outdated, abandoned) = (
        counter(&summary, "outdated"),
        counter(&summary, "timed_out_running"),
    );
    assert!(outdated > 0.4 * abandoned && outdated < 0.6 * abandoned);
    assert!(counter(&summary, "slowest_answer") <= 200.0);
}

#[test]
fn a_timeout_in_time_reads_the_policy_clock() {
    // A tick costs 100 µs of virtual time, collections come on top.
    let (last, _, _) = run(Some("timeout"), &["timeout=20ms"], 5_000, 1, |sample| {
        if let Some(oldest) = sample.values.get("age_max") {
            assert!(oldest <= 200.0, "{oldest} ticks");
        }
    });
    assert!(last.get("timed_out") > Some(1_000.0));
}

#[test]
fn backpressure_stops_the_producer_between_two_marks() {
    let check = |sample: &Sample| {
        assert!(sample.values.get("queue_length") <= Some(50.0));
    };
    let (last, _, summary) = run(Some("backpressure"), &["high=50"], 5_000, 1, check);
    assert_eq!(last.get("rejected"), Some(0.0));
    assert!(counter(&summary, "stops") > 10.0);
    let (held_back, produced) = (
        counter(&summary, "held_back"),
        counter(&summary, "produced"),
    );
    assert_eq!(held_back + produced, 5_000.0);
    assert!((2_850.0..3_150.0).contains(&counter(&summary, "done")));
}

#[test]
fn a_full_queue_refuses_before_a_worker_takes_the_next() {
    // Bagpipe: limit 1, ratio 1. The first call starts at once, the second waits, the third is refused.
    let mut heap = Heap::new(HeapOptions::with_limits(4 * MB, MB)).expect("heap");
    let options = JobQueueOptions {
        workers: 1,
        most_waiting: Some(1),
        timeout: None,
        service: 10,
        errors: 0.0,
    };
    heap.enter(|s| {
        let mut cx = WorkloadContext::new(1);
        let mut queue = JobQueue::new(s, options).expect("room");
        let pushed: Vec<Pushed> = (0..3)
            .map(|_| queue.push(s, &mut cx, "/", 8).expect("room"))
            .collect();
        assert_eq!(
            pushed,
            [Pushed::Accepted, Pushed::Accepted, Pushed::Rejected]
        );
        assert_eq!((queue.running(), queue.waiting(s)), (1, 1));
        // 'full' is emitted when more than one waits, which a bound of 1 never lets happen.
        assert_eq!(queue.counts().full, 0);
    });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn every_job_is_accounted_for(
        seed: u64,
        cure in prop_oneof![Just(None), Just(Some("reject")), Just(Some("timeout")), Just(Some("backpressure"))],
        jobs in 0.0f64..4.0,
        workers in 1u64..8,
        service in 1u64..20,
        bound in 1u64..60,
    ) {
        let mut assignments = vec![
            format!("jobs={jobs:.2}"),
            format!("workers={workers}"),
            format!("service={service}"),
            "body=32".to_owned(),
            "errors=0.3".to_owned(),
        ];
        match cure {
            Some("reject") => assignments.push(format!("ratio={bound}")),
            Some("timeout") => assignments.push(format!("timeout={bound}")),
            Some("backpressure") => assignments.push(format!("high={bound}")),
            _ => {}
        }
        let assignments: Vec<&str> = assignments.iter().map(String::as_str).collect();
        run(cure, &assignments, 400, seed, |_| {});
    }

    /// The same rules on a heap that collects every few allocations and checks itself.
    #[test]
    fn every_job_is_accounted_for_under_stress(seed: u64, timeout in 1u64..30) {
        let stress = Stress::random(NonZeroU32::new(7).expect("7"), seed);
        let options = HeapOptions::with_limits(4 * MB, MB).with_stress(stress);
        let mut heap = Heap::new(options).expect("heap");
        let options = JobQueueOptions {
            workers: 2,
            most_waiting: Some(20),
            timeout: Some(Span::Ticks(timeout)),
            service: 6,
            errors: 0.5,
        };
        let mut queue = heap.enter(|s| JobQueue::new(s, options)).expect("room");
        let mut cx = WorkloadContext::new(seed);
        for tick in 0..150 {
            cx.begin_tick(tick * 1000);
            heap.enter(|s| {
                queue.tick(s, &mut cx).expect("room");
                queue.push(s, &mut cx, "/job", 40).expect("room");
                let c = *queue.counts();
                let unanswered = (queue.waiting(s) + queue.running()) as u64;
                assert_eq!(c.done + c.rejected + c.timed_out + unanswered, c.produced);
            });
        }
        prop_assert!(queue.counts().done + queue.counts().timed_out > 20);
    }
}
