//! `bt18` and `gcb18`.

use heaplab_gc::{Heap, HeapLimitReached, Immediate, Init, Local, Operand, Scope, Shape};
use peers_rust::random::mix;
use peers_rust::report::Outcome;

use crate::BenchResult;
use crate::sizes::{Sizes, int};

const LEFT: usize = 0;
const RIGHT: usize = 1;

fn null<'s, 'h>() -> Init<'s, 'h> {
    Init::Constant(Immediate::Null)
}

fn bottom_up<'s, 'h>(
    s: &mut Scope<'s, 'h>,
    shape: Shape,
    depth: u32,
) -> Result<Local<'s, 'h>, HeapLimitReached> {
    if depth == 0 {
        return s.object_with(shape, [null(), null()]);
    }
    s.escape(|t| {
        let left = bottom_up(t, shape, depth - 1)?;
        let right = bottom_up(t, shape, depth - 1)?;
        t.object_with(shape, [left.into(), right.into()])
    })
}

fn check<'h>(s: &Scope<'_, 'h>, tree: impl Operand<'h>) -> u32 {
    let left = s.get(tree, LEFT);
    if s.same(left, Immediate::Null) {
        return 1;
    }
    1 + check(s, left) + check(s, s.get(tree, RIGHT))
}

/// Builds a tree, counts its nodes, and lets it go.
fn build_and_check(
    s: &mut Scope<'_, '_>,
    shape: Shape,
    depth: u32,
) -> Result<u32, HeapLimitReached> {
    s.scope(|t| {
        let tree = bottom_up(t, shape, depth)?;
        Ok(check(t, tree))
    })
}

/// binary-trees of the benchmarks game.
pub(crate) fn binary_trees(heap: &mut Heap, sizes: Sizes) -> BenchResult {
    const MIN_DEPTH: u32 = 4;
    const MAX_DEPTH: u32 = 18;
    let mut checksum = 0;
    let mut objects = 0;
    heap.enter(|s| {
        let shape = sizes.shape(s, "Tree", &["left", "right"], [16, 32, 40])?;
        let mut line = |nodes: u32| {
            checksum = mix(checksum, nodes);
            objects += u64::from(nodes);
        };
        line(build_and_check(s, shape, MAX_DEPTH + 1)?);
        let long_lived = bottom_up(s, shape, MAX_DEPTH)?;
        for depth in (MIN_DEPTH..=MAX_DEPTH).step_by(2) {
            let trees = 1 << (MAX_DEPTH - depth + MIN_DEPTH);
            let mut nodes = 0;
            for _ in 0..trees {
                nodes += build_and_check(s, shape, depth)?;
            }
            line(nodes);
        }
        line(check(s, long_lived));
        Ok::<_, crate::BenchError>(())
    })?;
    let object_bytes = sizes.bytes(16, 32, 40) as u64;
    Ok(Outcome {
        checksum,
        objects,
        bytes: objects * object_bytes,
        ..Outcome::default()
    }
    // The stretch tree; later the long-lived tree and one as large.
    .with("peak_live", ((1 << (MAX_DEPTH + 2)) - 1) * object_bytes))
}

fn leaf<'s, 'h>(s: &mut Scope<'s, 'h>, shape: Shape) -> Result<Local<'s, 'h>, HeapLimitReached> {
    s.object_with(shape, [null(), null(), int(0), int(0)])
}

/// Top-down: each node's children are stored into it.
fn populate<'h>(
    s: &mut Scope<'_, 'h>,
    shape: Shape,
    depth: u32,
    node: Local<'_, 'h>,
) -> Result<(), HeapLimitReached> {
    if depth == 0 {
        return Ok(());
    }
    s.scope(|t| {
        let left = leaf(t, shape)?;
        t.set(node, LEFT, left);
        let right = leaf(t, shape)?;
        t.set(node, RIGHT, right);
        populate(t, shape, depth - 1, left)?;
        populate(t, shape, depth - 1, right)
    })
}

fn make_tree<'s, 'h>(
    s: &mut Scope<'s, 'h>,
    shape: Shape,
    depth: u32,
) -> Result<Local<'s, 'h>, HeapLimitReached> {
    if depth == 0 {
        return leaf(s, shape);
    }
    s.escape(|t| {
        let left = make_tree(t, shape, depth - 1)?;
        let right = make_tree(t, shape, depth - 1)?;
        t.object_with(shape, [left.into(), right.into(), int(0), int(0)])
    })
}

const fn tree_size(depth: u32) -> u32 {
    (1 << (depth + 1)) - 1
}

/// Boehm's GCBench.
pub(crate) fn gc_bench(heap: &mut Heap, sizes: Sizes) -> BenchResult {
    const D: u32 = 18;
    const STRETCH: u32 = D + 2;
    const ARRAY: usize = 500_000 << (D - 16);
    let mut checksum = 0;
    let mut objects = 0;
    heap.enter(|s| {
        let shape = sizes.shape(s, "Node", &["left", "right", "i", "j"], [24, 40, 56])?;
        let sink = s.array(8)?;
        s.scope(|t| {
            let stretch = make_tree(t, shape, STRETCH)?;
            let inner = t.get(t.get(stretch, LEFT), RIGHT);
            checksum = mix(checksum, crate::sizes::integer_at(t, inner, 2));
            Ok::<_, HeapLimitReached>(())
        })?;
        objects += u64::from(tree_size(STRETCH));

        let long_lived = leaf(s, shape)?;
        populate(s, shape, D, long_lived)?;
        objects += u64::from(tree_size(D));
        let array = s.bytes(ARRAY * 8)?;
        for (i, bytes) in s.raw_mut(array).chunks_exact_mut(8).enumerate() {
            if i > 0 && i < ARRAY / 2 {
                bytes.copy_from_slice(&(1.0 / i as f64).to_le_bytes());
            }
        }

        for depth in (4..=D).step_by(2) {
            let trees = 2 * tree_size(STRETCH) / tree_size(depth);
            for i in 0..trees as usize {
                s.scope(|t| {
                    let root = leaf(t, shape)?;
                    populate(t, shape, depth, root)?;
                    t.set(sink, i & 7, root);
                    Ok::<_, HeapLimitReached>(())
                })?;
            }
            for i in 0..trees as usize {
                s.scope(|t| {
                    let root = make_tree(t, shape, depth)?;
                    t.set(sink, i & 7, root);
                    Ok::<_, HeapLimitReached>(())
                })?;
            }
            objects += 2 * u64::from(trees) * u64::from(tree_size(depth));
            let last = s.get(sink, (trees as usize - 1) & 7);
            checksum = mix(checksum, check(s, last));
        }
        checksum = mix(checksum, check(s, long_lived));
        let mut thousandth = [0; 8];
        thousandth.copy_from_slice(&s.raw(array)[8000..8008]);
        checksum = mix(
            checksum,
            (f64::from_le_bytes(thousandth) * 1e9).floor() as u32,
        );
        Ok::<_, crate::BenchError>(())
    })?;
    Ok(Outcome {
        checksum,
        objects,
        bytes: objects * sizes.bytes(24, 40, 56) as u64 + ARRAY as u64 * 8,
        ..Outcome::default()
    })
}
