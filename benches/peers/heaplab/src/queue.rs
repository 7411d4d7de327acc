//! `queue` and `closure`: what keeps growing.

use heaplab_gc::{Heap, HeapLimitReached, Immediate, Local, Scope, Shape};
use peers_rust::random::{Random, mix};
use peers_rust::report::Outcome;

use crate::BenchResult;
use crate::sizes::{Integers, Sizes, int, integer_at};

const ID: usize = 0;
const BODY: usize = 1;
const NEXT: usize = 2;
const HEAD: usize = 0;
const TAIL: usize = 1;

/// A million ticks: four messages pushed, three popped in each.
pub(crate) fn queue(heap: &mut Heap, sizes: Sizes) -> BenchResult {
    const TICKS: u32 = 1_000_000;
    let mut checksum = 0;
    let mut integers = None;
    heap.enter(|s| {
        let message_shape = sizes.shape(s, "Message", &["id", "body", "next"], [24, 32, 48])?;
        let pair_shape = sizes.shape(s, "Pair", &["a", "b"], [16, 24, 40])?;
        let queue_shape = s.shape("Queue", &["head", "tail", "length"])?;
        let arrays = Integers::new(s, sizes)?;
        integers = Some(arrays);
        let sink = s.array(8)?;
        let null = Immediate::Null;
        let queue = s.object_with(queue_shape, [null.into(), null.into(), int(0)])?;
        let mut length = 0;
        let mut id = 0;
        for tick in 0..TICKS {
            for k in 0..4 {
                s.scope(|t| {
                    let pair = t.object_with(pair_shape, [int(id), int(tick)])?;
                    t.set(sink, k, pair);
                    let body = arrays.four(t, [id, id + 1, id + 2, id + 3])?;
                    let message =
                        t.object_with(message_shape, [int(id), body.into(), null.into()])?;
                    let tail = t.get(queue, TAIL);
                    if t.same(tail, null) {
                        t.set(queue, HEAD, message);
                    } else {
                        t.set(tail, NEXT, message);
                    }
                    t.set(queue, TAIL, message);
                    Ok::<_, HeapLimitReached>(())
                })?;
                length += 1;
                id += 1;
            }
            for k in 0..3 {
                let message = s.get(queue, HEAD);
                s.set(queue, HEAD, s.get(message, NEXT));
                length -= 1;
                let body = s.get(message, BODY);
                let message_id = integer_at(s, message, ID);
                let second = integer_at(s, body, 1);
                checksum = mix(checksum, message_id + integer_at(s, body, 3));
                s.scope(|t| {
                    let popped = arrays.four(t, [message_id, second, tick, length])?;
                    t.set(sink, 4 + k, popped);
                    Ok::<_, HeapLimitReached>(())
                })?;
            }
        }
        checksum = mix(checksum, length);
        let mut message = s.get(queue, HEAD);
        while !s.same(message, null) {
            checksum = mix(checksum, integer_at(s, s.get(message, BODY), 2));
            message = s.get(message, NEXT);
        }
        Ok::<_, crate::BenchError>(())
    })?;
    let four = integers.map_or(0, |arrays| arrays.bytes().0);
    let message = sizes.bytes(24, 32, 48);
    let ticks = u64::from(TICKS);
    let bytes = ticks * (4 * (message + four + sizes.bytes(16, 24, 40)) + 3 * four) as u64;
    Ok(Outcome {
        checksum,
        objects: 15 * ticks,
        bytes,
        ..Outcome::default()
    }
    .with("peak_live", ticks * (message + four) as u64))
}

/// How a closure holds what it captured.
#[derive(Clone, Copy)]
enum Capture {
    /// In slots of its own: 24 bytes, as HotSpot's lambdas.
    Flat(Shape),
    /// In a context: function of 56 bytes and context of 48, as in V8.
    Context { function: Shape, context: Shape },
}

impl Capture {
    fn listener<'s, 'h>(
        self,
        s: &mut Scope<'s, 'h>,
        id: u32,
        buffer: Local<'_, 'h>,
    ) -> Result<Local<'s, 'h>, HeapLimitReached> {
        let undefined = Immediate::Undefined.into();
        match self {
            Capture::Flat(shape) => s.object_with(shape, [undefined, int(id), buffer.into()]),
            Capture::Context { function, context } => {
                let rest = undefined;
                let captured = s.object_with::<10>(
                    context,
                    [
                        rest,
                        int(id),
                        buffer.into(),
                        rest,
                        rest,
                        rest,
                        rest,
                        rest,
                        rest,
                        rest,
                    ],
                )?;
                s.closure(function, captured)
            }
        }
    }

    #[inline]
    fn call<'h>(self, s: &Scope<'_, 'h>, listener: impl heaplab_gc::Operand<'h>, x: u32) -> u32 {
        let (id, buffer) = match self {
            Capture::Flat(_) => (integer_at(s, listener, 1), s.get(listener, 2)),
            Capture::Context { .. } => {
                let context = s.get(listener, 0);
                (integer_at(s, context, 1), s.get(context, 2))
            }
        };
        id.wrapping_add(integer_at(s, buffer, x as usize & 7))
    }
}

/// Appends to a growable array: a holder with one slot for the elements, which double when they are full.
fn push<'h>(
    s: &mut Scope<'_, 'h>,
    list: Local<'_, 'h>,
    length: usize,
    value: Local<'_, 'h>,
) -> Result<(), HeapLimitReached> {
    if s.slot_count(s.get(list, 0)) == length {
        s.scope(|t| {
            let grown = t.array((2 * length).max(8))?;
            let elements = t.get(list, 0);
            for i in 0..length {
                t.set(grown, i, t.get(elements, i));
            }
            t.set(list, 0, grown);
            Ok::<_, HeapLimitReached>(())
        })?;
    }
    s.set(s.get(list, 0), length, value);
    Ok(())
}

/// Two million listeners.
pub(crate) fn closure(heap: &mut Heap, sizes: Sizes) -> BenchResult {
    const LISTENERS: u32 = 2_000_000;
    let mut checksum = 0;
    let mut integers = None;
    heap.enter(|s| {
        let arrays = Integers::new(s, sizes)?;
        integers = Some(arrays);
        let capture = match sizes {
            Sizes::Own | Sizes::HotSpot => {
                Capture::Flat(s.closure_shape("listener", &["id", "buffer"])?)
            }
            Sizes::V8 => Capture::Context {
                function: s.closure_shape("listener", &[""; 11])?,
                context: s
                    .context_shape("listener", &["id", "buffer", "", "", "", "", "", "", ""])?,
            },
        };
        let list_shape = s.shape("Listeners", &["elements"])?;
        let list = s.object(list_shape)?;
        s.scope(|t| {
            let elements = t.array(8)?;
            t.set(list, 0, elements);
            Ok::<_, HeapLimitReached>(())
        })?;
        let mut random = Random::default();
        for i in 0..LISTENERS {
            s.scope(|t| {
                let buffer = arrays.eight_from(t, i)?;
                let listener = capture.listener(t, i, buffer)?;
                push(t, list, i as usize, listener)
            })?;
            if i % 1000 == 999 {
                let elements = s.get(list, 0);
                for k in i - 999..=i {
                    let listener = s.get(elements, k as usize);
                    checksum = mix(checksum, capture.call(s, listener, k));
                }
                for k in 0..100 {
                    let listener = s.get(elements, random.index(i as usize + 1));
                    checksum = mix(checksum, capture.call(s, listener, k));
                }
            }
        }
        Ok::<_, crate::BenchError>(())
    })?;
    let eight = integers.map_or(0, |arrays| arrays.bytes().1);
    let listeners = u64::from(LISTENERS);
    Ok(Outcome {
        checksum,
        objects: 2 * listeners,
        bytes: listeners * (eight + sizes.bytes(24, 24, 104)) as u64,
        ..Outcome::default()
    })
}
