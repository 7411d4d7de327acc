//! Caches with limits against models and the `lru` crate, over collections at bad moments.

use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};
use std::num::{NonZeroU32, NonZeroU64, NonZeroUsize};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use heaplab_gc::{Heap, HeapOptions, Scope, Smi, Stress};
use heaplab_workloads::WorkloadError;
use heaplab_workloads::limiter::{Cause, FifoCache, Limiter, LruCache, LruCapacity, Put, TtlCache};
use proptest::prelude::*;

const MB: usize = 1 << 20;

/// What is done to a cache.
#[derive(Clone, Copy, Debug)]
enum Op {
    Get(u8),
    /// Key, declared bytes.
    Put(u8, u64),
    Remove(u8),
    /// So much time passes.
    Wait(u64),
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let op = prop_oneof![
        4 => any::<u8>().prop_map(|key| Op::Get(key % 24)),
        4 => (any::<u8>(), 0u64..40).prop_map(|(key, bytes)| Op::Put(key % 24, bytes)),
        1 => any::<u8>().prop_map(|key| Op::Remove(key % 24)),
        1 => (0u64..8).prop_map(Op::Wait),
    ];
    proptest::collection::vec(op, 1..300)
}

/// What a cache says of an op: a value read or removed, what a put did, and the evictions, in order.
#[derive(Debug, Default, PartialEq)]
struct Answer {
    value: Option<i32>,
    put: Option<Put>,
    evicted: Vec<(String, i32, u64, Cause)>,
    len: usize,
    bytes: u64,
}

fn key(key: u8) -> String {
    format!("key-{key}")
}

/// Runs ops on a cache in a heap that collects every few allocations; each put's value is its number.
fn run(
    ops: &[Op],
    make: impl FnOnce(&mut Scope<'_, '_>) -> Result<Box<dyn Limiter>, WorkloadError>,
) -> (Vec<Answer>, Box<dyn Limiter>) {
    let stress = Stress::every(NonZeroU32::new(5).expect("5"));
    let options = HeapOptions::with_limits(4 * MB, MB).with_stress(stress);
    let mut heap = Heap::new(options).expect("heap");
    let evicted = Rc::new(RefCell::new(Vec::new()));
    let told = Rc::clone(&evicted);
    let mut cache = heap.enter(make).expect("room");
    cache.on_evict(Box::new(move |s, e| {
        let key = s.as_str(e.key).expect("a key").to_owned();
        let value = s.as_number(e.value).expect("a number") as i32;
        told.borrow_mut().push((key, value, e.bytes, e.cause));
    }));
    let mut now = 0;
    let answers = ops
        .iter()
        .enumerate()
        .map(|(i, op)| {
            let mut answer = Answer::default();
            heap.enter(|s| match *op {
                Op::Get(k) => {
                    answer.value = cache
                        .get(s, &key(k))
                        .and_then(|v| s.as_number(v))
                        .map(|n| n as i32);
                }
                Op::Put(k, bytes) => {
                    let value = s.number(i as f64).expect("room");
                    let put = cache.put(s, &key(k), value.into(), bytes);
                    answer.put = Some(put.expect("room"));
                }
                Op::Remove(k) => {
                    answer.value = cache
                        .remove(s, &key(k))
                        .and_then(|v| s.as_number(v))
                        .map(|n| n as i32);
                }
                Op::Wait(time) => {
                    now += time;
                    cache.advance(s, now);
                }
            });
            answer.evicted = evicted.take();
            answer.len = cache.len();
            answer.bytes = cache.bytes();
            answer
        })
        .collect();
    (answers, cache)
}

/// What every cache is compared with: entries in order, the oldest first.
#[derive(Default)]
struct Model {
    entries: VecDeque<(u8, i32, u64, u64)>,
    answer: Answer,
    hits: u64,
    misses: u64,
}

impl Model {
    fn at(&self, k: u8) -> Option<usize> {
        self.entries.iter().position(|e| e.0 == k)
    }

    fn evict(&mut self, at: usize, cause: Cause) -> i32 {
        let (k, value, bytes, _) = self.entries.remove(at).expect("an entry");
        self.answer.evicted.push((key(k), value, bytes, cause));
        value
    }

    fn replace(&mut self, at: usize, entry: (u8, i32, u64, u64)) {
        let old = std::mem::replace(&mut self.entries[at], entry);
        let evicted = (key(old.0), old.1, old.2, Cause::Replaced);
        self.answer.evicted.push(evicted);
    }

    fn move_to_end(&mut self, at: usize) -> usize {
        let entry = self.entries.remove(at).expect("an entry");
        self.entries.push_back(entry);
        self.entries.len() - 1
    }

    fn read(&mut self, at: Option<usize>) -> Option<i32> {
        match at {
            Some(_) => self.hits += 1,
            None => self.misses += 1,
        }
        at.map(|at| self.entries[at].1)
    }

    fn bytes(&self) -> u64 {
        self.entries.iter().map(|e| e.2).sum()
    }

    fn finish(&mut self) -> Answer {
        self.answer.len = self.entries.len();
        self.answer.bytes = self.bytes();
        std::mem::take(&mut self.answer)
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn lru_by_entries_and_bytes_is_the_model(ops in ops(), most in 1usize..16, most_bytes in 1u64..200) {
        let capacity = LruCapacity {
            entries: NonZeroUsize::new(most),
            bytes: NonZeroU64::new(most_bytes),
        };
        let (answers, cache) = run(&ops, |s| Ok(Box::new(LruCache::new(s, capacity)?)));
        let mut model = Model::default();
        for (i, (op, answer)) in ops.iter().zip(answers).enumerate() {
            match *op {
                Op::Get(k) => {
                    let at = model.at(k).map(|at| model.move_to_end(at));
                    model.answer.value = model.read(at);
                }
                Op::Put(k, bytes) if bytes > most_bytes => {
                    if let Some(at) = model.at(k) {
                        model.evict(at, Cause::Bytes);
                    }
                    model.answer.put = Some(Put::TooLarge);
                }
                Op::Put(k, bytes) => {
                    let entry = (k, i as i32, bytes, 0);
                    if let Some(at) = model.at(k) {
                        let at = model.move_to_end(at);
                        model.replace(at, entry);
                        model.answer.put = Some(Put::Replaced);
                        while model.bytes() > most_bytes {
                            model.evict(0, Cause::Bytes);
                        }
                    } else {
                        loop {
                            if model.entries.len() + 1 > most {
                                model.evict(0, Cause::Capacity);
                            } else if model.bytes() + bytes > most_bytes {
                                model.evict(0, Cause::Bytes);
                            } else {
                                break;
                            }
                        }
                        model.entries.push_back(entry);
                        model.answer.put = Some(Put::Inserted);
                    }
                }
                Op::Remove(k) => {
                    model.answer.value = model.at(k).map(|at| model.evict(at, Cause::Removed));
                }
                Op::Wait(_) => {}
            }
            prop_assert_eq!(answer, model.finish(), "op {} {:?}", i, op);
        }
        prop_assert_eq!(cache.statistics().hits, model.hits);
        prop_assert_eq!(cache.statistics().misses, model.misses);
    }

    /// limitablemap: an array of keys in order of insertion beside a map of values.
    #[test]
    fn fifo_is_limitablemap(ops in ops(), limit in 1usize..16) {
        let bound = NonZeroUsize::new(limit).expect("at least 1");
        let (answers, cache) = run(&ops, |s| Ok(Box::new(FifoCache::new(s, bound)?)));
        let mut model = Model::default();
        for (i, (op, answer)) in ops.iter().zip(answers).enumerate() {
            match *op {
                Op::Get(k) => {
                    let at = model.at(k);
                    model.answer.value = model.read(at);
                }
                Op::Put(k, bytes) => {
                    let entry = (k, i as i32, bytes, 0);
                    if let Some(at) = model.at(k) {
                        model.replace(at, entry);
                        model.answer.put = Some(Put::Replaced);
                    } else {
                        if model.entries.len() == limit {
                            model.evict(0, Cause::Capacity);
                        }
                        model.entries.push_back(entry);
                        model.answer.put = Some(Put::Inserted);
                    }
                }
                Op::Remove(k) => {
                    model.answer.value = model.at(k).map(|at| model.evict(at, Cause::Removed));
                }
                Op::Wait(_) => {}
            }
            prop_assert_eq!(answer, model.finish(), "op {} {:?}", i, op);
        }
        prop_assert_eq!(cache.statistics().hits, model.hits);
        prop_assert_eq!(cache.statistics().misses, model.misses);
    }

    #[test]
    fn ttl_forgets_what_has_lived_for_its_time(ops in ops(), time_to_live in 1u64..40) {
        let (answers, cache) = run(&ops, |s| Ok(Box::new(TtlCache::new(s, time_to_live)?)));
        let (mut model, mut now) = (Model::default(), 0);
        for (i, (op, answer)) in ops.iter().zip(answers).enumerate() {
            match *op {
                Op::Get(k) => {
                    let at = model.at(k);
                    model.answer.value = model.read(at);
                }
                Op::Put(k, bytes) => {
                    let entry = (k, i as i32, bytes, now + time_to_live);
                    if let Some(at) = model.at(k) {
                        let at = model.move_to_end(at);
                        model.replace(at, entry);
                        model.answer.put = Some(Put::Replaced);
                    } else {
                        model.entries.push_back(entry);
                        model.answer.put = Some(Put::Inserted);
                    }
                }
                Op::Remove(k) => {
                    model.answer.value = model.at(k).map(|at| model.evict(at, Cause::Removed));
                }
                Op::Wait(time) => {
                    now += time;
                    // Whatever its place: the order of the list must not hide one that is due.
                    while let Some(at) = model.entries.iter().position(|e| e.3 <= now) {
                        model.evict(at, Cause::Expired);
                    }
                }
            }
            prop_assert_eq!(answer, model.finish(), "op {} {:?}", i, op);
        }
        prop_assert_eq!(cache.statistics().hits, model.hits);
        prop_assert_eq!(cache.statistics().misses, model.misses);
    }

    /// At equal capacity and trace, hits, misses and evictions are those of the `lru` crate.
    #[test]
    fn lru_is_the_lru_crate(seed: u64, most in 1usize..200, keys in 1u64..400) {
        let bound = NonZeroUsize::new(most).expect("at least 1");
        let mut oracle = lru::LruCache::new(bound);
        let mut random = heaplab_workloads::random::Random::new(seed);
        let mut heap = Heap::new(HeapOptions::with_limits(8 * MB, MB)).expect("heap");
        let mut cache = heap
            .enter(|s| LruCache::new(s, LruCapacity::entries(bound)))
            .expect("room");
        let evicted = Rc::new(RefCell::new(Vec::new()));
        let told = Rc::clone(&evicted);
        cache.on_evict(Box::new(move |s, e| {
            let key = s.as_str(e.key).expect("a key").to_owned();
            told.borrow_mut().push((key, s.as_integer(e.value)));
        }));
        let (mut hits, mut misses, mut oracle_evicted) = (0, 0, Vec::new());
        for i in 0..3000 {
            let key = format!("{}", random.below(keys));
            heap.enter(|s| {
                let mine = cache.get(s, &key).and_then(|v| s.as_integer(v));
                let theirs = oracle.get(&key).copied();
                assert_eq!(mine, theirs, "{key}");
                if theirs.is_some() {
                    hits += 1;
                } else {
                    misses += 1;
                }
                // A hit is sometimes written again: `push` gives the old value back then too.
                if theirs.is_none() || i % 7 == 0 {
                    let value = Smi::wrapping(i);
                    cache.put(s, &key, value.into(), 1).expect("room");
                    oracle_evicted.extend(oracle.push(key, i).map(|(k, v)| (k, Some(v))));
                }
            });
        }
        let statistics = cache.statistics();
        prop_assert_eq!((statistics.hits, statistics.misses), (hits, misses));
        prop_assert_eq!(&*evicted.borrow(), &oracle_evicted);
        let replaced = statistics.evictions(Cause::Replaced);
        prop_assert_eq!(statistics.evicted() + replaced, oracle_evicted.len() as u64);
        prop_assert_eq!(cache.len(), oracle.len());
    }
}

/// A trace of the size of real ones, against the `lru` crate.
#[test]
fn a_long_skewed_trace_has_the_lru_crates_figures() {
    let bound = NonZeroUsize::new(1000).expect("1000");
    let mut oracle = lru::LruCache::new(bound);
    let mut heap = Heap::new(HeapOptions::with_limits(16 * MB, MB)).expect("heap");
    let mut cache = heap
        .enter(|s| LruCache::new(s, LruCapacity::entries(bound)))
        .expect("room");
    let mut random = heaplab_workloads::random::Random::new(11);
    let zipf = heaplab_workloads::random::Zipf::new(20_000, 0.9);
    let (mut hits, mut misses, mut evictions) = (0, 0, 0);
    for _ in 0..200_000 {
        let key = format!("/{}", zipf.draw(&mut random));
        if oracle.get(&key).is_some() {
            hits += 1;
        } else {
            misses += 1;
            evictions += u64::from(oracle.push(key.clone(), ()).is_some());
        }
        heap.enter(|s| {
            if cache.get(s, &key).is_none() {
                let value = s.bytes(40).expect("room");
                cache.put(s, &key, value.into(), 40).expect("room");
            }
        });
    }
    let statistics = cache.statistics();
    assert!(hits > 50_000 && evictions > 50_000, "{hits} {evictions}");
    assert_eq!((statistics.hits, statistics.misses), (hits, misses));
    assert_eq!(statistics.evictions(Cause::Capacity), evictions);
    assert_eq!(cache.bytes(), 40 * 1000);
}

#[test]
fn own_bytes_are_what_the_heap_holds() {
    let mut heap = Heap::new(HeapOptions::with_limits(16 * MB, MB)).expect("heap");
    let mut cache = heap.enter(|s| TtlCache::new(s, 300)).expect("room");
    for i in 0..2000u64 {
        heap.enter(|s| {
            cache.advance(s, i);
            let key = "k".repeat(1 + i as usize % 40);
            let key = format!("{key}{i}");
            cache
                .put(s, &key, Smi::wrapping(1).into(), 1)
                .expect("room");
            if i % 5 == 0 {
                cache.remove(s, &key);
            }
        });
    }
    let live: usize = heap
        .walk(|walk| walk.objects().map(|object| walk.size(object)).sum())
        .expect("ids");
    // The values are small integers: all that lives is the cache's own.
    assert_eq!(heap.enter(|s| cache.own_bytes(s)), live as u64);
    drop(cache);
    assert_eq!(heap.walk(|walk| walk.object_count()).expect("ids"), 0);
}

#[test]
fn a_listener_that_panics_leaves_the_cache_whole() {
    let mut heap = Heap::new(HeapOptions::with_limits(16 * MB, MB)).expect("heap");
    let one = NonZeroUsize::new(2).expect("2");
    heap.enter(|s| {
        let mut cache = LruCache::new(s, LruCapacity::entries(one)).expect("room");
        cache.on_evict(Box::new(|_, _| panic!("the listener's own trouble")));
        for key in ["a", "b"] {
            cache
                .put(s, key, Smi::wrapping(1).into(), 10)
                .expect("room");
        }
        let caught = catch_unwind(AssertUnwindSafe(|| {
            let _ = cache.put(s, "c", Smi::wrapping(1).into(), 10);
        }));
        assert!(caught.is_err());
        assert_eq!((cache.len(), cache.bytes()), (1, 10));
        cache.on_evict(Box::new(|_, _| {}));
        assert!(cache.get(s, "a").is_none());
        assert!(cache.get(s, "b").is_some());
        for key in ["d", "e"] {
            cache
                .put(s, key, Smi::wrapping(1).into(), 10)
                .expect("room");
        }
        assert_eq!((cache.len(), cache.bytes()), (2, 20));
        assert!(cache.get(s, "d").is_some() && cache.get(s, "e").is_some());
    });
}

#[test]
fn a_put_that_finds_no_room_leaves_the_cache_whole() {
    let mut heap = Heap::new(HeapOptions::with_limits(MB, 256 << 10)).expect("heap");
    heap.enter(|s| {
        let mut cache = LruCache::new(s, LruCapacity::default()).expect("room");
        let mut stored = 0u32;
        loop {
            let key = format!("key-{stored}");
            let done = s.scope(|t| {
                let value = t.bytes(500)?;
                cache.put(t, &key, value.into(), 500)
            });
            match done {
                Ok(_) => stored += 1,
                Err(_) => break,
            }
        }
        assert!(stored > 500, "{stored}");
        assert_eq!(
            (cache.len(), cache.bytes()),
            (stored as usize, u64::from(stored) * 500)
        );
        for i in 0..stored {
            let key = format!("key-{i}");
            assert!(cache.remove(s, &key).is_some(), "{key}");
        }
        assert!(cache.is_empty());
        assert_eq!(cache.bytes(), 0);
        // What was removed makes room again.
        for i in 0..stored / 2 {
            s.scope(|t| {
                let value = t.bytes(500)?;
                cache.put(t, &i.to_string(), value.into(), 500)
            })
            .expect("room again");
        }
    });
}

#[test]
fn limitablemaps_default_limit_is_ten() {
    let mut heap = Heap::new(HeapOptions::with_limits(MB, 256 << 10)).expect("heap");
    heap.enter(|s| {
        let mut cache = FifoCache::new(s, FifoCache::DEFAULT_LIMIT).expect("room");
        let mut values = HashMap::new();
        for i in 0..11 {
            let key = i.to_string();
            cache
                .put(s, &key, Smi::wrapping(i).into(), 0)
                .expect("room");
            values.insert(key, i);
        }
        values.remove("0");
        for (key, value) in values {
            let found = cache.get(s, &key).and_then(|v| s.as_integer(v));
            assert_eq!(found, Some(value), "{key}");
        }
        assert!(cache.get(s, "0").is_none());
    });
}
