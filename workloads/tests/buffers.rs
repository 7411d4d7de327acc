//! The pool cuts buffers as Node does, and memory goes when, and only when, the last slice of it has gone.

use std::num::NonZeroU32;

use heaplab_gc::{
    CollectionKind, CollectionReason, Global, Heap, HeapOptions, Limit, Stress, VirtualClock,
};
use heaplab_workloads::buffers::{BufferPool, SlabState};
use heaplab_workloads::driver::{self, NoObserver, Outcome, RunObserver, RunOptions, Sample};
use heaplab_workloads::{Parameters, registry};
use proptest::prelude::*;

const MB: usize = 1 << 20;
const SLAB: usize = BufferPool::NODE_SLAB_BYTES;

fn heap() -> Heap {
    Heap::new(HeapOptions::with_limits(16 * MB, MB)).expect("heap")
}

fn collect(heap: &mut Heap) {
    for _ in 0..2 {
        heap.collect(CollectionKind::Major, CollectionReason::Testing);
    }
}

#[test]
fn a_pool_begins_empty_and_goes_on_when_something_does_not_fit() {
    let mut heap = heap();
    heap.enter(|s| {
        let mut pool = BufferPool::new(s, SLAB).expect("room");
        assert_eq!(pool.state(), SlabState::Empty);
        pool.alloc(s, 1).expect("room");
        assert_eq!(pool.state(), SlabState::Partial);
        // The next one begins at a multiple of 8, so these two fill the slab.
        pool.alloc(s, SLAB / 2 - 8).expect("room");
        pool.alloc(s, SLAB / 2 - 8).expect("room");
        pool.alloc(s, 8).expect("room");
        assert_eq!(pool.state(), SlabState::Full);
        let statistics = *pool.statistics();
        assert_eq!((statistics.slabs, statistics.unused_bytes), (1, 7));
        pool.alloc(s, 4000).expect("room");
        pool.alloc(s, 4000).expect("room");
        assert_eq!(pool.state(), SlabState::Partial);
        // 192 bytes are left: not enough.
        pool.alloc(s, 193).expect("room");
        let statistics = *pool.statistics();
        assert_eq!((statistics.slabs, statistics.pooled), (3, 7));
        assert_eq!(statistics.unused_bytes, 7 + 192 + 7);
    });
}

#[test]
fn half_a_slab_gets_memory_of_its_own() {
    let mut heap = heap();
    heap.enter(|s| {
        let mut pool = BufferPool::new(s, SLAB).expect("room");
        pool.alloc(s, SLAB / 2 - 1).expect("room");
        assert_eq!(pool.statistics().unpooled, 0);
        pool.alloc(s, SLAB / 2).expect("room");
        pool.alloc_slow(s, 10).expect("room");
        assert_eq!(pool.statistics().unpooled, 2);
        assert_eq!(pool.bytes_alive(), (SLAB as u64, SLAB as u64 / 2 + 10));
    });
}

#[test]
fn one_small_slice_keeps_a_whole_slab() {
    let mut heap = heap();
    let (mut pool, slice) = heap.enter(|s| {
        let mut pool = BufferPool::new(s, SLAB).expect("room");
        let slice = s.scope(|s| {
            let request = pool.alloc(s, 1000).expect("room");
            let slice = pool.subarray(s, request, 16, 32).expect("room");
            s.global(slice)
        });
        (pool, slice)
    });
    // The pool has moved on: nothing but the slice refers to the first slab.
    heap.enter(|s| {
        for _ in 0..9 {
            s.scope(|s| pool.alloc(s, 1000).map(|_| ())).expect("room");
        }
    });
    collect(&mut heap);
    assert_eq!(pool.slabs_alive(), 2);
    assert_eq!(heap.sizes().external, 2 * SLAB as u64);
    drop(slice);
    collect(&mut heap);
    assert_eq!(pool.slabs_alive(), 1);
    assert_eq!(heap.sizes().external, SLAB as u64);
}

#[test]
fn a_refused_slab_leaves_the_pool_as_it_was() {
    let mut options = HeapOptions::with_limits(16 * MB, MB);
    options.max_external_memory = Some(SLAB + 100);
    let mut heap = Heap::new(options).expect("heap");
    heap.enter(|s| {
        let mut pool = BufferPool::new(s, SLAB).expect("room");
        let kept: Vec<Global> = (0..2)
            .map(|_| pool.alloc(s, 4000).map(|b| s.global(b)).expect("room"))
            .collect();
        let before = *pool.statistics();
        for bytes in [4000, 5000] {
            let reached = pool.alloc(s, bytes).expect_err("no second slab");
            assert_eq!(reached.details().limit, Limit::External);
        }
        assert_eq!(*pool.statistics(), before);
        assert_eq!(pool.slabs_alive(), 1);
        // What is left of the first one can still be used.
        pool.alloc(s, 100).expect("room");
        drop(kept);
    });
}

#[test]
#[should_panic(expected = "33 bytes from 0 on of a buffer of 32")]
fn a_slice_lies_within_its_buffer() {
    heap().enter(|s| {
        let mut pool = BufferPool::new(s, SLAB).expect("room");
        let buffer = pool.alloc(s, 32).expect("room");
        pool.subarray(s, buffer, 0, 33).expect("room");
    });
}

/// The figures of a slab never exceed those of what is alive.
struct Checker;

impl RunObserver for Checker {
    fn on_sample(&mut self, sample: &Sample) {
        let value = |name: &str| sample.values.get(name).expect("a declared series");
        assert!(value("slabs_kept") <= value("slabs_alive"));
        let outside = value("slab_bytes") + value("own_bytes");
        assert_eq!(outside, sample.heap.external as f64, "tick {}", sample.tick);
        assert!(value("declared_bytes") <= value("retained_bytes"));
    }
}

fn run(
    cure: Option<&str>,
    assignments: &[&str],
    seed: u64,
    ticks: u64,
    options: HeapOptions,
) -> driver::RunSummary {
    let (workload, cure) = registry::find("buffers", cure).expect("a workload");
    let parameters = Parameters::parse_shared(workload, cure, assignments).expect("parameters");
    let mut built = workload.build(&parameters, cure);
    let mut heap = Heap::with_clock(options, Box::new(VirtualClock::new())).expect("heap");
    let options = RunOptions::ticks(ticks)
        .with_seed(seed)
        .with_sample_every(7);
    driver::run(&mut heap, &mut *built, &options, &mut Checker)
}

#[test]
fn a_life_in_time_reads_the_policy_clock() {
    // A tick costs 100 µs of virtual time: 50 ms are 500 ticks, of which a tenth begin a session.
    let options = HeapOptions::with_limits(16 * MB, MB);
    let summary = run(None, &["life=50ms", "upload-time=1ms"], 1, 5_000, options);
    let sessions = summary.counters.iter().find(|c| c.name == "sessions");
    let sessions = sessions.expect("a counter").value;
    assert!((30.0..=70.0).contains(&sessions), "{sessions}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Each request checks its session's token, so that a slab which was freed early would be noticed.
    #[test]
    fn tokens_stay_what_they_were_under_stress(
        seed: u64,
        cure in prop_oneof![Just(None), Just(Some("copy")), Just(Some("text")), Just(Some("bound"))],
        slab in 64usize..2000,
        request in 64usize..400,
        token in 8usize..200,
        life in 1u64..80,
        sessions in 1u64..20,
    ) {
        let assignments = [
            format!("slab={slab}"),
            format!("request={request}"),
            format!("token={token}"),
            format!("life={life}"),
            format!("sessions={sessions}"),
            "uploads=0.1".to_owned(),
            "upload=3KB".to_owned(),
            "upload-time=4".to_owned(),
        ];
        let assignments: Vec<&str> = assignments.iter().map(String::as_str).collect();
        let stress = Stress::random(NonZeroU32::new(9).expect("9"), seed);
        let options = HeapOptions::with_limits(4 * MB, MB).with_stress(stress);
        let summary = run(cure, &assignments, seed, 300, options);
        prop_assert_eq!(summary.outcome, Outcome::Completed);
    }
}

#[test]
fn the_same_seed_gives_the_same_run() {
    let digest = || {
        let mut options = HeapOptions::with_limits(16 * MB, MB);
        options.max_external_memory = Some(8 * MB);
        let (workload, _) = registry::find("buffers", None).expect("a workload");
        let mut built = workload.build(&Parameters::defaults(workload, None), None);
        let mut heap = Heap::with_clock(options, Box::new(VirtualClock::new())).expect("heap");
        let options = RunOptions::ticks(50_000);
        let summary = driver::run(&mut heap, &mut *built, &options, &mut NoObserver);
        assert!(
            matches!(summary.outcome, Outcome::HeapLimit(_)),
            "{summary:?}"
        );
        format!("{summary:?}")
    };
    assert_eq!(digest(), digest());
}
