//! `cacheu` and `cachel`: a cache without a bound, and an LRU.

use std::fmt::Write as _;

use heaplab_gc::{Heap, HeapLimitReached, Immediate, Local, Operand, Ref, Scope, Shape};
use peers_rust::cache_keys::{CAPACITY, earlier};
use peers_rust::random::{Random, mix};
use peers_rust::report::Outcome;

use crate::BenchResult;
use crate::sizes::{Integers, Sizes, integer_at};

const KEY: usize = 0;
const PAYLOAD: usize = 1;
const PREVIOUS: usize = 2;
const NEXT: usize = 3;

/// Makes the string object "key-i".
fn key<'s, 'h>(
    s: &mut Scope<'s, 'h>,
    text: &mut String,
    i: u32,
) -> Result<Local<'s, 'h>, HeapLimitReached> {
    text.clear();
    // Writing to a string cannot fail.
    let _ = write!(text, "key-{i}");
    s.string(text)
}

/// What a hit adds to the checksum.
fn found<'h>(s: &Scope<'_, 'h>, entry: Ref<'_, 'h>, j: u32) -> u32 {
    let payload = s.get(entry, PAYLOAD);
    let length = s.as_str(s.get(entry, KEY)).map_or(0, str::len);
    integer_at(s, payload, j as usize & 7) + length as u32
}

/// Bytes that the benches allocate per put, tables left out: three key texts, the entry, the payload.
fn bytes_per_put(sizes: Sizes, entry: [usize; 3]) -> u64 {
    let [own, hotspot, v8] = entry;
    (3 * 32 + sizes.bytes(own, hotspot, v8) + sizes.bytes(48, 48, 112)) as u64
}

/// "key-i" → {key, payload[8]}, two reads after each put; nothing is ever dropped.
pub(crate) fn unbounded(heap: &mut Heap, sizes: Sizes, puts: u32) -> BenchResult {
    const ENTRY: [usize; 3] = [16, 32, 40];
    let mut checksum = 0;
    heap.enter(|s| {
        let entry_shape = sizes.shape(s, "Entry", &["key", "payload"], ENTRY)?;
        let arrays = Integers::new(s, sizes)?;
        let cache = s.map()?;
        let mut random = Random::default();
        let mut text = String::new();
        for i in 0..puts {
            s.scope(|t| {
                let key = key(t, &mut text, i)?;
                let payload = arrays.eight_from(t, i)?;
                let entry = t.object_with(entry_shape, [key.into(), payload.into()])?;
                t.map_set(cache, key, entry)
            })?;
            for _ in 0..2 {
                let j = earlier(i, &mut random);
                let value = s.scope(|t| {
                    let key = key(t, &mut text, j)?;
                    let value = t.map_get(cache, key).map_or(1, |entry| found(t, entry, j));
                    Ok::<_, HeapLimitReached>(value)
                })?;
                checksum = mix(checksum, value);
            }
        }
        checksum = mix(checksum, s.map_len(cache) as u32);
        Ok::<_, crate::BenchError>(())
    })?;
    Ok(Outcome {
        checksum,
        objects: 5 * u64::from(puts),
        bytes: u64::from(puts) * bytes_per_put(sizes, ENTRY),
        ..Outcome::default()
    })
}

/// The LRU: a map from keys to nodes, and the nodes as a doubly linked list.
#[derive(Clone, Copy)]
struct Lru<'s, 'h> {
    map: Local<'s, 'h>,
    /// Two slots: first and last node.
    ends: Local<'s, 'h>,
    node_shape: Shape,
}

const FIRST: usize = 0;
const LAST: usize = 1;

impl<'h> Lru<'_, 'h> {
    fn unlink(self, s: &Scope<'_, 'h>, node: impl Operand<'h>) {
        let (previous, next) = (s.get(node, PREVIOUS), s.get(node, NEXT));
        if s.same(previous, Immediate::Null) {
            s.set(self.ends, FIRST, next);
        } else {
            s.set(previous, NEXT, next);
        }
        if s.same(next, Immediate::Null) {
            s.set(self.ends, LAST, previous);
        } else {
            s.set(next, PREVIOUS, previous);
        }
    }

    fn push_front(self, s: &Scope<'_, 'h>, node: impl Operand<'h>) {
        let first = s.get(self.ends, FIRST);
        s.set(node, PREVIOUS, Immediate::Null);
        s.set(node, NEXT, first);
        if s.same(first, Immediate::Null) {
            s.set(self.ends, LAST, node);
        } else {
            s.set(first, PREVIOUS, node);
        }
        s.set(self.ends, FIRST, node);
    }

    fn put<'a>(
        self,
        s: &mut Scope<'_, 'h>,
        key: Local<'a, 'h>,
        payload: Local<'a, 'h>,
    ) -> Result<(), HeapLimitReached> {
        if s.map_len(self.map) == CAPACITY {
            let victim = s.get(self.ends, LAST);
            self.unlink(s, victim);
            s.map_remove(self.map, s.get(victim, KEY));
        }
        let null = Immediate::Null.into();
        let node = s.object_with(self.node_shape, [key.into(), payload.into(), null, null])?;
        s.map_set(self.map, key, node)?;
        self.push_front(s, node);
        Ok(())
    }

    fn get<'r>(self, s: &'r Scope<'_, 'h>, key: Local<'_, 'h>) -> Option<Ref<'r, 'h>> {
        let node = s.map_get(self.map, key)?;
        if !s.same(s.get(self.ends, FIRST), node) {
            self.unlink(s, node);
            self.push_front(s, node);
        }
        Some(node)
    }
}

/// The same stream into an LRU of 100,000.
pub(crate) fn lru(heap: &mut Heap, sizes: Sizes, puts: u32) -> BenchResult {
    const NODE: [usize; 3] = [24, 48, 56];
    let mut checksum = 0;
    heap.enter(|s| {
        let fields = ["key", "payload", "previous", "next"];
        let node_shape = sizes.shape(s, "Node", &fields, NODE)?;
        let ends_shape = s.shape("Lru", &["first", "last"])?;
        let arrays = Integers::new(s, sizes)?;
        let null = Immediate::Null.into();
        let cache = Lru {
            map: s.map()?,
            ends: s.object_with(ends_shape, [null, null])?,
            node_shape,
        };
        let mut random = Random::default();
        let mut text = String::new();
        for i in 0..puts {
            s.scope(|t| {
                let key = key(t, &mut text, i)?;
                let payload = arrays.eight_from(t, i)?;
                cache.put(t, key, payload)
            })?;
            for _ in 0..2 {
                let j = earlier(i, &mut random);
                let value = s.scope(|t| {
                    let key = key(t, &mut text, j)?;
                    Ok::<_, HeapLimitReached>(cache.get(t, key).map_or(1, |node| found(t, node, j)))
                })?;
                checksum = mix(checksum, value);
            }
        }
        checksum = mix(checksum, s.map_len(cache.map) as u32);
        Ok::<_, crate::BenchError>(())
    })?;
    Ok(Outcome {
        checksum,
        objects: 5 * u64::from(puts),
        bytes: u64::from(puts) * bytes_per_put(sizes, NODE),
        ..Outcome::default()
    })
}
