//! `alloc` and `surv20/50/80`.

use heaplab_gc::{Heap, HeapLimitReached, Immediate, Init, Local, Ref, Scope, Shape};
use peers_rust::random::{Random, mix};
use peers_rust::report::Outcome;

use crate::BenchResult;
use crate::sizes::{Sizes, int, integer_at};

/// 10^8 objects of 32 bytes: a header of 8 and six slots, each in a scope of its own.
#[inline(never)]
pub(crate) fn alloc(heap: &mut Heap) -> BenchResult {
    const COUNT: u32 = 100_000_000;
    let checksum = heap.enter(|s| {
        let shape = s.shape("Item", &["a", "b", "c", "d", "e", "f"])?;
        let sink = s.array(8)?;
        for i in 0..COUNT {
            s.scope(|t| {
                let null = Init::Constant(Immediate::Null);
                let item = t.object_with(shape, [int(i), null, null, null, null, null])?;
                t.set(sink, i as usize & 7, item);
                Ok::<_, HeapLimitReached>(())
            })?;
        }
        let checksum = (0..8).fold(0, |sum, i| mix(sum, integer_at(s, s.get(sink, i), 0)));
        Ok::<_, crate::BenchError>(checksum)
    })?;
    Ok(Outcome {
        checksum,
        objects: u64::from(COUNT),
        bytes: u64::from(COUNT) * 32,
        ..Outcome::default()
    })
}

const L: usize = 0;
const R: usize = 1;
const V: usize = 2;

fn make<'s, 'h>(
    s: &mut Scope<'s, 'h>,
    shape: Shape,
    depth: u32,
    v: u32,
) -> Result<Local<'s, 'h>, HeapLimitReached> {
    if depth == 0 {
        let null = Immediate::Null.into();
        return s.object_with(shape, [null, null, int(v)]);
    }
    s.escape(|t| {
        let l = make(t, shape, depth - 1, v)?;
        let r = make(t, shape, depth - 1, v)?;
        t.object_with(shape, [l.into(), r.into(), int(v)])
    })
}

fn sum<'h>(s: &Scope<'_, 'h>, tree: Ref<'_, 'h>, checksum: u32) -> u32 {
    let (l, r) = (s.get(tree, L), s.get(tree, R));
    if s.same(l, Immediate::Null) {
        return mix(checksum, integer_at(s, tree, V));
    }
    let below = sum(s, r, sum(s, l, checksum));
    mix(below, integer_at(s, tree, V))
}

/// Trees of depth 5, `percent` of which survive a while.
pub(crate) fn surv(heap: &mut Heap, sizes: Sizes, percent: u32) -> BenchResult {
    const TREES: u32 = 500_000;
    const NODES: u32 = 63;
    let share = f64::from(percent) / 100.0;
    let ring_size = (f64::from(16 * 1024 * 1024) * share / f64::from(NODES * 32)).floor() as usize;
    let checksum = heap.enter(|s| {
        let shape = sizes.shape(s, "Tree", &["l", "r", "v"], [24, 32, 48])?;
        let ring = s.array(ring_size)?;
        let sink = s.array(8)?;
        let mut random = Random::default();
        let mut kept = 0;
        for t in 0..TREES {
            s.scope(|s| {
                let tree = make(s, shape, 5, t)?;
                if random.unit() < share {
                    s.set(ring, kept % ring_size, tree);
                    kept += 1;
                } else {
                    s.set(sink, t as usize & 7, tree);
                }
                Ok::<_, HeapLimitReached>(())
            })?;
        }
        let mut checksum = 0;
        for (array, length) in [(ring, ring_size), (sink, 8)] {
            for i in 0..length {
                checksum = sum(s, s.get(array, i), checksum);
            }
        }
        Ok::<_, crate::BenchError>(checksum)
    })?;
    let objects = u64::from(TREES * NODES);
    let object_bytes = sizes.bytes(24, 32, 48) as u64;
    Ok(Outcome {
        checksum,
        objects,
        bytes: objects * object_bytes,
        ..Outcome::default()
    }
    .with("object_bytes", object_bytes))
}
