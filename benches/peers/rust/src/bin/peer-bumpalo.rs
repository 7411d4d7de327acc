//! bumpalo: bump allocation, given back all at once. Only for work whose lifetimes allow it.
#![forbid(unsafe_code)]

use std::cell::Cell;

use bumpalo::Bump;
use peers_rust::random::mix;
use peers_rust::report::{Outcome, main_with};

const BENCHES: &[&str] = &["empty", "alloc", "bt18", "gcb18"];

fn main() {
    main_with(BENCHES, |bench| {
        Some(match bench {
            "empty" => Outcome::default(),
            "alloc" => alloc(),
            "bt18" => binary_trees(),
            "gcb18" => gc_bench(),
            _ => return None,
        })
    });
}

/// 32 bytes: a header word and six fields, all initialised.
struct Item {
    _header: u64,
    a: u32,
    _rest: [u32; 5],
}

/// The arena is reset each time a nursery of 16 MiB is full; what the sink holds is read before that.
fn alloc() -> Outcome {
    const COUNT: u32 = 100_000_000;
    const NURSERY: u32 = 16 * 1024 * 1024 / 32;
    let mut bump = Bump::with_capacity(16 * 1024 * 1024);
    let mut checksum = 0;
    let mut next = 0;
    let mut last = [0; 8];
    while next < COUNT {
        bump.reset();
        let sink: [Cell<Option<&Item>>; 8] = Default::default();
        let end = COUNT.min(next + NURSERY);
        for i in next..end {
            let item: &Item = bump.alloc(Item {
                _header: 0x2000_0001,
                a: i,
                _rest: [3; 5],
            });
            sink[i as usize & 7].set(Some(item));
            // Every object is observable: the compiler may not merge or drop the stores.
            std::hint::black_box(&sink);
        }
        for (value, item) in last.iter_mut().zip(&sink) {
            if let Some(item) = item.get() {
                *value = item.a;
            }
        }
        next = end;
    }
    for value in last {
        checksum = mix(checksum, value);
    }
    let objects = u64::from(COUNT);
    Outcome {
        checksum,
        objects,
        bytes: objects * size_of::<Item>() as u64,
        ..Outcome::default()
    }
}

struct Pair<'a> {
    left: Option<&'a Pair<'a>>,
    right: Option<&'a Pair<'a>>,
}

fn bottom_up(bump: &Bump, depth: u32) -> &Pair<'_> {
    if depth == 0 {
        return bump.alloc(Pair {
            left: None,
            right: None,
        });
    }
    let left = Some(bottom_up(bump, depth - 1));
    let right = Some(bottom_up(bump, depth - 1));
    bump.alloc(Pair { left, right })
}

fn check(tree: &Pair<'_>) -> u32 {
    1 + tree.left.map_or(0, check) + tree.right.map_or(0, check)
}

fn binary_trees() -> Outcome {
    const MIN_DEPTH: u32 = 4;
    const MAX_DEPTH: u32 = 18;
    let mut checksum = 0;
    let mut objects = 0;
    let mut bump = Bump::new();
    let stretch = check(bottom_up(&bump, MAX_DEPTH + 1));
    bump.reset();
    checksum = mix(checksum, stretch);
    objects += u64::from(stretch);
    let kept = Bump::new();
    let long_lived = bottom_up(&kept, MAX_DEPTH);
    for depth in (MIN_DEPTH..=MAX_DEPTH).step_by(2) {
        let trees = 1 << (MAX_DEPTH - depth + MIN_DEPTH);
        let mut nodes = 0;
        for _ in 0..trees {
            nodes += check(bottom_up(&bump, depth));
            bump.reset();
        }
        checksum = mix(checksum, nodes);
        objects += u64::from(nodes);
    }
    let lived = check(long_lived);
    checksum = mix(checksum, lived);
    objects += u64::from(lived);
    Outcome {
        checksum,
        objects,
        bytes: objects * size_of::<Pair<'_>>() as u64,
        ..Outcome::default()
    }
}

#[derive(Default)]
struct Node<'a> {
    left: Cell<Option<&'a Node<'a>>>,
    right: Cell<Option<&'a Node<'a>>>,
    i: u32,
    _j: u32,
}

fn populate<'a>(bump: &'a Bump, depth: u32, node: &Node<'a>) {
    if depth == 0 {
        return;
    }
    let (left, right): (&Node<'_>, &Node<'_>) =
        (bump.alloc(Node::default()), bump.alloc(Node::default()));
    node.left.set(Some(left));
    node.right.set(Some(right));
    populate(bump, depth - 1, left);
    populate(bump, depth - 1, right);
}

fn make_tree(bump: &Bump, depth: u32) -> &Node<'_> {
    if depth == 0 {
        return bump.alloc(Node::default());
    }
    let left = Some(make_tree(bump, depth - 1));
    let right = Some(make_tree(bump, depth - 1));
    bump.alloc(Node {
        left: Cell::new(left),
        right: Cell::new(right),
        i: 0,
        _j: 0,
    })
}

fn count(tree: Option<&Node<'_>>) -> u32 {
    tree.map_or(0, |tree| {
        1 + count(tree.left.get()) + count(tree.right.get())
    })
}

const fn tree_size(depth: u32) -> u32 {
    (1 << (depth + 1)) - 1
}

fn gc_bench() -> Outcome {
    const D: u32 = 18;
    const STRETCH: u32 = D + 2;
    const ARRAY: usize = 500_000 << (D - 16);
    let mut checksum = 0;
    let mut objects = 0;
    let mut bump = Bump::new();
    let stretch = make_tree(&bump, STRETCH);
    objects += u64::from(tree_size(STRETCH));
    let inner = stretch.left.get().and_then(|tree| tree.right.get());
    checksum = mix(checksum, inner.map_or(1, |node| node.i));
    bump.reset();

    let kept = Bump::new();
    let long_lived: &Node<'_> = kept.alloc(Node::default());
    populate(&kept, D, long_lived);
    objects += u64::from(tree_size(D));
    let array = kept.alloc_slice_fill_copy(ARRAY, 0.0_f64);
    for (i, element) in array.iter_mut().enumerate().take(ARRAY / 2).skip(1) {
        *element = 1.0 / i as f64;
    }

    for depth in (4..=D).step_by(2) {
        let trees = 2 * tree_size(STRETCH) / tree_size(depth);
        let mut last = 0;
        for _ in 0..trees {
            let root: &Node<'_> = bump.alloc(Node::default());
            populate(&bump, depth, root);
            std::hint::black_box(root);
            bump.reset();
        }
        for i in 0..trees {
            let root = std::hint::black_box(make_tree(&bump, depth));
            if i == trees - 1 {
                last = count(Some(root));
            }
            bump.reset();
        }
        objects += 2 * u64::from(trees) * u64::from(tree_size(depth));
        checksum = mix(checksum, last);
    }
    checksum = mix(checksum, count(Some(long_lived)));
    checksum = mix(checksum, (array[1000] * 1e9).floor() as u32);
    let array_bytes = (ARRAY * 8) as u64;
    Outcome {
        checksum,
        objects,
        bytes: objects * size_of::<Node<'_>>() as u64 + array_bytes,
        ..Outcome::default()
    }
}
