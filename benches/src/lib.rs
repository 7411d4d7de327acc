//! Benchmarks of heaplab: `cargo bench` measures its parts with criterion and plots them into `target/criterion`.
//!
//! What stands here is what the measurements share. The comparison with V8, HotSpot and other Rust crates on whole
//! programs is `cargo xtask compare heap`; its programs lie in `benches/peers`.
#![forbid(unsafe_code)]

use heaplab_gc::{
    CollectionKind, CollectionReason, Global, Heap, HeapLimitReached, HeapOptions, Immediate,
    Local, Scope, Shape, Smi,
};

/// A heap for measurements: semi-spaces of 16 MB from the start, an old generation of up to 2 GB.
///
/// # Panics
/// If the system has no address space for it.
#[must_use]
pub fn heap() -> Heap {
    let mut options = HeapOptions::with_limits(2 << 30, 16 << 20);
    options.initial_semi_space_size = Some(16 << 20);
    match Heap::new(options) {
        Ok(heap) => heap,
        Err(refused) => panic!("no heap to measure: {refused}"),
    }
}

/// A binary tree {left, right} of `depth`, children allocated before their parent.
///
/// # Errors
/// The heap has no room.
pub fn tree<'s, 'h>(
    scope: &mut Scope<'s, 'h>,
    shape: Shape,
    depth: u32,
) -> Result<Local<'s, 'h>, HeapLimitReached> {
    if depth == 0 {
        let null = Immediate::Null.into();
        return scope.object_with(shape, [null, null]);
    }
    scope.escape(|t| {
        let left = tree(t, shape, depth - 1)?;
        let right = tree(t, shape, depth - 1)?;
        t.object_with(shape, [left.into(), right.into()])
    })
}

/// `nodes` objects of 64 bytes with four references each, in the old generation: at random, or to the next four.
///
/// # Errors
/// The heap has no room.
///
/// # Panics
/// If the heap has too many shapes.
pub fn graph(heap: &mut Heap, nodes: usize, random: bool) -> Result<Global, HeapLimitReached> {
    let kept = heap.enter(|s| {
        let shape = match s.shape_with_raw("Node", &["id", "a", "b", "c", "d"], 32) {
            Ok(shape) => shape,
            Err(refused) => panic!("{refused}"),
        };
        let all = s.array(nodes)?;
        for i in 0..nodes {
            s.scope(|t| {
                let null = Immediate::Null.into();
                let id = Smi::wrapping(i as i32).into();
                let node = t.object_with(shape, [id, null, null, null, null])?;
                t.set(all, i, node);
                Ok::<_, HeapLimitReached>(())
            })?;
        }
        let mut state = 0x9e37_79b9_u32;
        for i in 0..nodes {
            for k in 0..4 {
                let target = if random {
                    state ^= state << 13;
                    state ^= state >> 17;
                    state ^= state << 5;
                    ((u64::from(state) * nodes as u64) >> 32) as usize
                } else {
                    (i + k + 1) % nodes
                };
                s.set(s.get(all, i), 1 + k, s.get(all, target));
            }
        }
        Ok(s.global(all))
    })?;
    heap.collect(CollectionKind::Major, CollectionReason::Testing);
    Ok(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_graph_is_old_and_whole() {
        let mut heap = heap();
        let all = graph(&mut heap, 1000, true).expect("room for a small graph");
        let ids: i32 = heap.enter(|s| {
            let all = s.local(&all);
            (0..1000)
                .filter_map(|i| s.as_integer(s.get(s.get(all, i), 0)))
                .sum()
        });
        assert_eq!(ids, 499_500);
        // The survivors of the scavenge inside the first collection are promoted by the next one.
        heap.collect(CollectionKind::Major, CollectionReason::Testing);
        assert!(heap.sizes().old >= 64_000);
    }

    #[test]
    fn a_tree_has_its_nodes() {
        fn count<'h>(s: &Scope<'_, 'h>, tree: impl heaplab_gc::Operand<'h>) -> u32 {
            let left = s.get(tree, 0);
            if s.same(left, Immediate::Null) {
                return 1;
            }
            1 + count(s, left) + count(s, s.get(tree, 1))
        }
        let nodes = heap().enter(|s| {
            let shape = s.shape("Tree", &["left", "right"]).expect("a shape");
            let tree = tree(s, shape, 6).expect("room for a small tree");
            count(s, tree)
        });
        assert_eq!(nodes, 127);
    }
}
