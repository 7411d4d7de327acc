//! The figures that workloads report are those of the heap.

use heaplab_gc::{Heap, HeapOptions, HeapWalk, ObjectRef, VirtualClock};
use heaplab_workloads::driver::{self, NoObserver, Outcome, RunOptions, RunSummary};
use heaplab_workloads::{Parameters, registry};

/// Runs a workload for so many ticks; afterwards the heap holds what the workload does.
fn after<R>(
    workload: &str,
    cure: Option<&str>,
    ticks: u64,
    check: impl FnOnce(&RunSummary, &HeapWalk<'_>) -> R,
) -> R {
    let (workload, cure) = registry::find(workload, cure).expect("a workload");
    let parameters = Parameters::defaults(workload, cure);
    let mut built = workload.build(&parameters, cure);
    let options = HeapOptions::with_limits(64 << 20, 1 << 20);
    let mut heap = Heap::with_clock(options, Box::new(VirtualClock::new())).expect("heap");
    let options = RunOptions::ticks(ticks);
    let summary = driver::run(&mut heap, &mut *built, &options, &mut NoObserver);
    assert_eq!(summary.outcome, Outcome::Completed);
    heap.walk(|walk| check(&summary, walk)).expect("ids")
}

fn counter(summary: &RunSummary, name: &str) -> u64 {
    let found = summary.counters.iter().find(|c| c.name == name);
    found.unwrap_or_else(|| panic!("no counter {name}")).value as u64
}

fn class<'w>(walk: &'w HeapWalk<'_>, object: ObjectRef) -> &'w str {
    walk.shape_info(walk.shape(object))
        .map_or("", |info| &info.name)
}

fn instances(walk: &HeapWalk<'_>, name: &str) -> u64 {
    let objects = walk.objects();
    objects.filter(|&o| class(walk, o) == name).count() as u64
}

fn bytes(walk: &HeapWalk<'_>, counts: impl Fn(ObjectRef) -> bool) -> u64 {
    let objects = walk.objects().filter(|&o| counts(o));
    objects.map(|o| walk.size(o) as u64).sum()
}

#[test]
fn what_a_cache_retains_is_all_that_lives() {
    for cure in [None, Some("lru"), Some("fifo"), Some("ttl")] {
        after("cache", cure, 50_000, |summary, walk| {
            assert_eq!(
                counter(summary, "retained_bytes"),
                bytes(walk, |_| true),
                "{cure:?}"
            );
            let entries = counter(summary, "entries");
            assert_eq!(entries, instances(walk, "CacheEntry"), "{cure:?}");
            assert_eq!(entries, instances(walk, "Payload"), "{cure:?}");
            // Declared: the texts of the keys and the bodies, without headers and padding.
            let declared = counter(summary, "declared_bytes");
            let content = bytes(walk, |o| matches!(class(walk, o), "string" | "Bytes"));
            assert!(
                declared < content && content < declared + 40 * entries,
                "{cure:?}"
            );
            let reads = counter(summary, "hits") + counter(summary, "misses");
            assert_eq!(reads, 50_000, "{cure:?}");
        });
    }
}

#[test]
fn a_limit_in_bytes_is_kept_by_evictions_for_bytes() {
    let (cache, lru) = registry::find("cache", Some("lru")).expect("cache");
    let parameters = Parameters::parse(cache, lru, ["bytes=1MB", "entries=1M"]).expect("both");
    let mut built = cache.build(&parameters, lru);
    let mut heap = Heap::new(HeapOptions::with_limits(64 << 20, 1 << 20)).expect("heap");
    let options = RunOptions::ticks(20_000);
    let summary = driver::run(&mut heap, &mut *built, &options, &mut NoObserver);
    let declared = counter(&summary, "declared_bytes");
    // Full but for less than one answer.
    assert!(
        declared <= 1 << 20 && declared > (1 << 20) - 1000,
        "{declared}"
    );
    assert!(counter(&summary, "evicted_bytes") > 1000);
    assert_eq!(counter(&summary, "evicted_capacity"), 0);
}

#[test]
fn limits_cost_hits_and_recency_costs_fewest() {
    let hits = |cure| {
        after("cache", cure, 100_000, |summary, _| {
            counter(summary, "hits")
        })
    };
    let (lru, fifo) = (hits(Some("lru")), hits(Some("fifo")));
    let unbounded = hits(None);
    assert!(unbounded > lru && lru > fifo, "{unbounded} {lru} {fifo}");
}

#[test]
fn what_listeners_capture_is_counted() {
    for (cure, kept_each) in [
        (None, 500..800),
        (Some("release"), 300..1000),
        (Some("narrow"), 32..33),
    ] {
        after("closures", cure, 10_000, |summary, walk| {
            let captured = bytes(walk, |o| match class(walk, o) {
                "onShutdown" | "handleRequest" | "listen" | "Request" | "Bytes" => true,
                "string" => walk.text(o).starts_with("/profile"),
                _ => false,
            });
            assert_eq!(counter(summary, "captured_bytes"), captured, "{cure:?}");
            let listeners = counter(summary, "listeners");
            assert_eq!(listeners, instances(walk, "onShutdown"), "{cure:?}");
            assert!(kept_each.contains(&(captured / listeners)), "{cure:?}");
            // What was called at once or never is gone.
            assert_eq!(instances(walk, "logRequest"), 0, "{cure:?}");
            assert_eq!(instances(walk, "unused"), 0, "{cure:?}");
        });
    }
}

#[test]
fn things_keep_one_another_until_a_cure_cuts_them_loose() {
    for (cure, kept) in [(None, 100), (Some("release"), 1), (Some("narrow"), 1)] {
        after("closures", cure, 10_000, |summary, walk| {
            assert_eq!(counter(summary, "things"), kept, "{cure:?}");
            assert_eq!(instances(walk, "Thing"), kept, "{cure:?}");
        });
    }
}

#[test]
fn released_listeners_are_as_many_as_open_requests() {
    after("closures", Some("release"), 10_000, |summary, walk| {
        assert!(counter(summary, "listeners") <= 8);
        assert!(counter(summary, "most_listeners") <= 8);
        assert_eq!(instances(walk, "Request"), counter(summary, "listeners"));
    });
}

#[test]
fn what_tokens_retain_is_what_lives_in_the_heap_and_outside() {
    for cure in [None, Some("copy"), Some("text"), Some("bound")] {
        after("buffers", cure, 30_000, |summary, walk| {
            let is_slab = |bytes: usize| bytes == 8 << 10;
            let stores = walk.stores();
            let outside: u64 = stores.iter().map(|store| store.bytes as u64).sum();
            let slabs = stores.iter().filter(|store| is_slab(store.bytes)).count() as u64;
            // One slab is at hand; a session may keep it, too.
            let kept = counter(summary, "slabs_kept");
            assert!(
                (kept..=kept + 1).contains(&slabs),
                "{cure:?}: {kept} of {slabs}"
            );
            let sessions = instances(walk, "Session");
            assert_eq!(counter(summary, "sessions"), sessions, "{cure:?}");
            let tokens = match cure {
                Some("text") => instances(walk, "string"),
                _ => instances(walk, "Buffer") - instances_of_uploads(walk),
            };
            assert_eq!(tokens, sessions, "{cure:?}");
            assert_eq!(counter(summary, "declared_bytes"), 32 * sessions);
            // Apart from the tokens there are the module with its slab, and the uploads with their deque.
            let uploads = stores
                .iter()
                .filter(|store| store.bytes == 64 << 10)
                .count();
            let other_stores = (slabs - kept) * (8 << 10) + uploads as u64 * (64 << 10);
            let array_buffers = (slabs - kept) * 16;
            let others = bytes(walk, |o| {
                class(walk, o) == "buffer" || class(walk, o) == "Deque"
            }) + deque_buffers(walk)
                + instances_of_uploads(walk) * UPLOAD_BYTES
                + array_buffers;
            // Sessions of one slab share its ArrayBuffer, each counts it as its own.
            let shared = match cure {
                None | Some("bound") => 16 * (sessions - kept),
                _ => 0,
            };
            let lives = bytes(walk, |_| true) + outside;
            let retained = counter(summary, "retained_bytes") - shared;
            assert_eq!(retained + others + other_stores, lives, "{cure:?}");
        });
    }
}

/// A Buffer and its ArrayBuffer.
const UPLOAD_BYTES: u64 = 24 + 16;

/// Uploads: their memory is 64 KB, and theirs alone.
fn instances_of_uploads(walk: &HeapWalk<'_>) -> u64 {
    let stores = walk.stores().iter();
    stores.filter(|store| store.bytes == 64 << 10).count() as u64
}

/// Bytes of the arrays of deques: the only arrays of this workload.
fn deque_buffers(walk: &HeapWalk<'_>) -> u64 {
    bytes(walk, |o| class(walk, o) == "Array")
}
