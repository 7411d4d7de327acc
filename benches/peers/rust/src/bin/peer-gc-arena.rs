//! gc-arena: an incremental mark-sweep collector over `malloc`. Collection happens between `mutate` calls, where
//! `collect_debt` does a slice of work; its whole time counts as GC time, each call as a pause.
//!
//! A `Gc` box has a header of 16 bytes and `malloc` puts 8 before it, so a node of 40 bytes takes a chunk of 64.
#![forbid(unsafe_code)]

use std::time::{Duration, Instant};

use gc_arena::{Arena, Collect, Gc, Lock, Mutation, RefLock, Rootable};
use peers_rust::random::{Random, mix};
use peers_rust::report::{Outcome, main_with};

const BENCHES: &[&str] = &[
    "empty",
    "alloc",
    "surv20",
    "surv50",
    "surv80",
    "bt18",
    "gcb18",
    "queue",
    "mutate",
    "mark-seq",
    "mark-rand",
    "mark-root",
    "mark16-seq",
    "mark16-rand",
    "mark16-root",
];

fn main() {
    main_with(BENCHES, |bench| {
        Some(match bench {
            "empty" => Outcome::default(),
            "alloc" => alloc(),
            "surv20" => surv(20),
            "surv50" => surv(50),
            "surv80" => surv(80),
            "bt18" => binary_trees(),
            "gcb18" => gc_bench(),
            "queue" => queue(),
            "mutate" => mutate(),
            "mark-seq" => mark(Shape::Sequential, 1 << 22),
            "mark-rand" => mark(Shape::Random, 1 << 22),
            "mark-root" => mark(Shape::SingleRoot, 1 << 22),
            "mark16-seq" => mark(Shape::Sequential, 1 << 24),
            "mark16-rand" => mark(Shape::Random, 1 << 24),
            "mark16-root" => mark(Shape::SingleRoot, 1 << 24),
            _ => return None,
        })
    });
}

/// Times the slices of collection.
#[derive(Default)]
struct Clock {
    total: Duration,
    pauses: Vec<u64>,
}

impl Clock {
    fn time(&mut self, collect: impl FnOnce()) {
        let start = Instant::now();
        collect();
        let took = start.elapsed();
        self.total += took;
        self.pauses.push(took.as_nanos() as u64);
    }
}

/// Bytes of a box: gc-arena's header and malloc's word, in chunks of 16.
const fn chunk(size: usize) -> u64 {
    ((size + 16 + 8).next_multiple_of(16)) as u64
}

#[derive(Collect)]
#[collect(no_drop)]
struct Item {
    a: u64,
}

#[derive(Collect)]
#[collect(no_drop)]
struct Sink<'gc, T: Collect<'gc> + 'gc> {
    slots: [Option<Gc<'gc, T>>; 8],
}

impl<'gc, T: Collect<'gc>> Default for Sink<'gc, T> {
    fn default() -> Self {
        Self { slots: [None; 8] }
    }
}

fn alloc() -> Outcome {
    const COUNT: u32 = 100_000_000;
    const BATCH: u32 = 1000;
    let mut arena = Arena::<Rootable![Sink<'_, Item>]>::new(|_| Sink::default());
    let mut clock = Clock::default();
    let mut checksum = 0;
    for batch in 0..COUNT / BATCH {
        arena.mutate_root(|mc, root| {
            for i in batch * BATCH..(batch + 1) * BATCH {
                root.slots[i as usize & 7] = Some(Gc::new(mc, Item { a: u64::from(i) }));
            }
        });
        clock.time(|| arena.collect_debt());
    }
    arena.mutate(|_, root| {
        for item in root.slots.iter().flatten() {
            checksum = mix(checksum, item.a as u32);
        }
    });
    let objects = u64::from(COUNT);
    Outcome {
        checksum,
        objects,
        bytes: objects * chunk(size_of::<Item>()),
        gc: Some(clock.total),
        pauses: clock.pauses,
        ..Outcome::default()
    }
}

#[derive(Collect)]
#[collect(no_drop)]
struct Tree<'gc> {
    l: Option<Gc<'gc, Tree<'gc>>>,
    r: Option<Gc<'gc, Tree<'gc>>>,
    v: u32,
}

fn make<'gc>(mc: &Mutation<'gc>, depth: u32, v: u32) -> Gc<'gc, Tree<'gc>> {
    if depth == 0 {
        return Gc::new(
            mc,
            Tree {
                l: None,
                r: None,
                v,
            },
        );
    }
    let l = Some(make(mc, depth - 1, v));
    let r = Some(make(mc, depth - 1, v));
    Gc::new(mc, Tree { l, r, v })
}

fn sum(tree: Option<Gc<'_, Tree<'_>>>, checksum: u32) -> u32 {
    tree.map_or(checksum, |tree| {
        mix(sum(tree.r, sum(tree.l, checksum)), tree.v)
    })
}

#[derive(Collect)]
#[collect(no_drop)]
struct Ring<'gc> {
    ring: Vec<Option<Gc<'gc, Tree<'gc>>>>,
    sink: [Option<Gc<'gc, Tree<'gc>>>; 8],
}

fn surv(percent: u32) -> Outcome {
    const TREES: u32 = 500_000;
    const NODES: u32 = 63;
    let share = f64::from(percent) / 100.0;
    let ring_size = (f64::from(16 * 1024 * 1024) * share / f64::from(NODES * 32)).floor() as usize;
    let mut arena = Arena::<Rootable![Ring<'_>]>::new(|_| Ring {
        ring: vec![None; ring_size],
        sink: [None; 8],
    });
    let mut clock = Clock::default();
    let mut random = Random::default();
    let mut checksum = 0;
    let mut kept = 0;
    for t in 0..TREES {
        arena.mutate_root(|mc, root| {
            let tree = Some(make(mc, 5, t));
            if random.unit() < share {
                root.ring[kept % ring_size] = tree;
                kept += 1;
            } else {
                root.sink[t as usize & 7] = tree;
            }
        });
        clock.time(|| arena.collect_debt());
    }
    arena.mutate(|_, root| {
        for tree in root.ring.iter().chain(&root.sink) {
            checksum = sum(*tree, checksum);
        }
    });
    let objects = u64::from(TREES * NODES);
    Outcome {
        checksum,
        objects,
        bytes: objects * chunk(size_of::<Tree<'_>>()),
        gc: Some(clock.total),
        pauses: clock.pauses,
        ..Outcome::default()
    }
}

#[derive(Collect)]
#[collect(no_drop)]
struct Pair<'gc> {
    left: Option<Gc<'gc, Pair<'gc>>>,
    right: Option<Gc<'gc, Pair<'gc>>>,
}

fn bottom_up<'gc>(mc: &Mutation<'gc>, depth: u32) -> Gc<'gc, Pair<'gc>> {
    if depth == 0 {
        return Gc::new(
            mc,
            Pair {
                left: None,
                right: None,
            },
        );
    }
    let left = Some(bottom_up(mc, depth - 1));
    let right = Some(bottom_up(mc, depth - 1));
    Gc::new(mc, Pair { left, right })
}

fn check(tree: Gc<'_, Pair<'_>>) -> u32 {
    1 + tree.left.map_or(0, check) + tree.right.map_or(0, check)
}

fn binary_trees() -> Outcome {
    const MIN_DEPTH: u32 = 4;
    const MAX_DEPTH: u32 = 18;
    let mut clock = Clock::default();
    let mut checksum = 0;
    let mut objects = 0;
    let mut arena = Arena::<Rootable![Option<Gc<'_, Pair<'_>>>]>::new(|_| None);
    let stretch = arena.mutate(|mc, _| check(bottom_up(mc, MAX_DEPTH + 1)));
    clock.time(|| arena.collect_debt());
    checksum = mix(checksum, stretch);
    objects += u64::from(stretch);
    arena.mutate_root(|mc, root| *root = Some(bottom_up(mc, MAX_DEPTH)));
    clock.time(|| arena.collect_debt());
    for depth in (MIN_DEPTH..=MAX_DEPTH).step_by(2) {
        let trees = 1 << (MAX_DEPTH - depth + MIN_DEPTH);
        let mut nodes = 0;
        for _ in 0..trees {
            nodes += arena.mutate(|mc, _| check(bottom_up(mc, depth)));
            clock.time(|| arena.collect_debt());
        }
        checksum = mix(checksum, nodes);
        objects += u64::from(nodes);
    }
    let lived = arena.mutate(|_, root| root.map_or(0, check));
    checksum = mix(checksum, lived);
    objects += u64::from(lived);
    Outcome {
        checksum,
        objects,
        bytes: objects * chunk(size_of::<Pair<'_>>()),
        gc: Some(clock.total),
        pauses: clock.pauses,
        ..Outcome::default()
    }
}

#[derive(Collect)]
#[collect(no_drop)]
struct Node<'gc> {
    left: Lock<Option<Gc<'gc, Node<'gc>>>>,
    right: Lock<Option<Gc<'gc, Node<'gc>>>>,
    i: u32,
    j: u32,
}

fn new_node<'gc>(
    mc: &Mutation<'gc>,
    left: Option<Gc<'gc, Node<'gc>>>,
    right: Option<Gc<'gc, Node<'gc>>>,
) -> Gc<'gc, Node<'gc>> {
    Gc::new(
        mc,
        Node {
            left: Lock::new(left),
            right: Lock::new(right),
            i: 0,
            j: 0,
        },
    )
}

fn populate<'gc>(mc: &Mutation<'gc>, depth: u32, node: Gc<'gc, Node<'gc>>) {
    if depth == 0 {
        return;
    }
    let left = new_node(mc, None, None);
    let right = new_node(mc, None, None);
    let fields = Gc::write(mc, node);
    gc_arena::barrier::field!(fields, Node, left)
        .unlock()
        .set(Some(left));
    gc_arena::barrier::field!(fields, Node, right)
        .unlock()
        .set(Some(right));
    populate(mc, depth - 1, left);
    populate(mc, depth - 1, right);
}

fn make_tree<'gc>(mc: &Mutation<'gc>, depth: u32) -> Gc<'gc, Node<'gc>> {
    if depth == 0 {
        return new_node(mc, None, None);
    }
    let left = Some(make_tree(mc, depth - 1));
    let right = Some(make_tree(mc, depth - 1));
    new_node(mc, left, right)
}

fn count(tree: Option<Gc<'_, Node<'_>>>) -> u32 {
    tree.map_or(0, |tree| {
        1 + count(tree.left.get()) + count(tree.right.get())
    })
}

const fn tree_size(depth: u32) -> u32 {
    (1 << (depth + 1)) - 1
}

#[derive(Collect)]
#[collect(no_drop)]
struct Bench<'gc> {
    long_lived: Option<Gc<'gc, Node<'gc>>>,
    array: Option<Gc<'gc, RefLock<Vec<f64>>>>,
    sink: [Option<Gc<'gc, Node<'gc>>>; 8],
}

fn gc_bench() -> Outcome {
    const D: u32 = 18;
    const STRETCH: u32 = D + 2;
    const ARRAY: usize = 500_000 << (D - 16);
    let mut clock = Clock::default();
    let mut checksum = 0;
    let mut objects = 0;
    let mut arena = Arena::<Rootable![Bench<'_>]>::new(|_| Bench {
        long_lived: None,
        array: None,
        sink: [None; 8],
    });
    arena.mutate_root(|mc, root| {
        let stretch = make_tree(mc, STRETCH);
        let inner = stretch.left.get().and_then(|tree| tree.right.get());
        checksum = mix(checksum, inner.map_or(1, |node| node.i + node.j));
        root.long_lived = None;
    });
    objects += u64::from(tree_size(STRETCH));
    clock.time(|| arena.collect_debt());
    arena.mutate_root(|mc, root| {
        let tree = new_node(mc, None, None);
        populate(mc, D, tree);
        root.long_lived = Some(tree);
        let mut array = vec![0.0_f64; ARRAY];
        for (i, element) in array.iter_mut().enumerate().take(ARRAY / 2).skip(1) {
            *element = 1.0 / i as f64;
        }
        root.array = Some(Gc::new(mc, RefLock::new(array)));
    });
    objects += u64::from(tree_size(D));
    clock.time(|| arena.collect_debt());
    for depth in (4..=D).step_by(2) {
        let trees = 2 * tree_size(STRETCH) / tree_size(depth);
        for i in 0..trees {
            arena.mutate_root(|mc, root| {
                let tree = new_node(mc, None, None);
                populate(mc, depth, tree);
                root.sink[i as usize & 7] = Some(tree);
            });
            clock.time(|| arena.collect_debt());
        }
        for i in 0..trees {
            arena.mutate_root(|mc, root| root.sink[i as usize & 7] = Some(make_tree(mc, depth)));
            clock.time(|| arena.collect_debt());
        }
        objects += 2 * u64::from(trees) * u64::from(tree_size(depth));
        checksum = mix(
            checksum,
            arena.mutate(|_, root| count(root.sink[(trees as usize - 1) & 7])),
        );
    }
    arena.mutate_root(|_, root| {
        root.sink = [None; 8];
        checksum = mix(checksum, count(root.long_lived));
        let thousandth = root.array.map_or(0.0, |array| array.borrow()[1000]);
        checksum = mix(checksum, (thousandth * 1e9).floor() as u32);
    });
    let array_bytes = (ARRAY * 8) as u64;
    Outcome {
        checksum,
        objects,
        bytes: objects * chunk(size_of::<Node<'_>>()) + array_bytes,
        gc: Some(clock.total),
        pauses: clock.pauses,
        ..Outcome::default()
    }
}

#[derive(Collect)]
#[collect(no_drop)]
struct Message<'gc> {
    id: u32,
    body: Gc<'gc, [u32; 4]>,
    next: Lock<Option<Gc<'gc, Message<'gc>>>>,
}

#[derive(Collect)]
#[collect(no_drop)]
struct Queue<'gc> {
    head: Option<Gc<'gc, Message<'gc>>>,
    tail: Option<Gc<'gc, Message<'gc>>>,
    length: u32,
    pairs: [Option<Gc<'gc, (u32, u32)>>; 4],
    fours: [Option<Gc<'gc, [u32; 4]>>; 3],
}

fn queue() -> Outcome {
    const TICKS: u32 = 1_000_000;
    const BATCH: u32 = 100;
    let mut clock = Clock::default();
    let mut checksum = 0;
    let mut arena = Arena::<Rootable![Queue<'_>]>::new(|_| Queue {
        head: None,
        tail: None,
        length: 0,
        pairs: [None; 4],
        fours: [None; 3],
    });
    let mut id = 0;
    for batch in 0..TICKS / BATCH {
        arena.mutate_root(|mc, queue| {
            for tick in batch * BATCH..(batch + 1) * BATCH {
                for k in 0..4 {
                    queue.pairs[k] = Some(Gc::new(mc, (id, tick)));
                    let body = Gc::new(mc, [id, id + 1, id + 2, id + 3]);
                    let message = Gc::new(
                        mc,
                        Message {
                            id,
                            body,
                            next: Lock::new(None),
                        },
                    );
                    match queue.tail {
                        None => queue.head = Some(message),
                        Some(tail) => {
                            let tail = Gc::write(mc, tail);
                            gc_arena::barrier::field!(tail, Message, next)
                                .unlock()
                                .set(Some(message));
                        }
                    }
                    queue.tail = Some(message);
                    queue.length += 1;
                    id += 1;
                }
                for k in 0..3 {
                    let Some(message) = queue.head else { continue };
                    queue.head = message.next.get();
                    queue.length -= 1;
                    queue.fours[k] = Some(Gc::new(
                        mc,
                        [message.id, message.body[1], tick, queue.length],
                    ));
                    checksum = mix(checksum, message.id + message.body[3]);
                }
            }
        });
        clock.time(|| arena.collect_debt());
    }
    arena.mutate(|_, queue| {
        checksum = mix(checksum, queue.length);
        let mut message = queue.head;
        while let Some(current) = message {
            checksum = mix(checksum, current.body[2]);
            message = current.next.get();
        }
    });
    let ticks = u64::from(TICKS);
    let bytes =
        ticks * (4 * (chunk(size_of::<Message<'_>>()) + chunk(16) + chunk(8)) + 3 * chunk(16));
    Outcome {
        checksum,
        objects: 15 * ticks,
        bytes,
        gc: Some(clock.total),
        pauses: clock.pauses,
        ..Outcome::default()
    }
}

type Link<'gc> = Option<Gc<'gc, GraphNode<'gc>>>;

#[derive(Collect)]
#[collect(no_drop)]
struct GraphNode<'gc> {
    id: u32,
    links: [Lock<Link<'gc>>; 4],
}

impl<'gc> GraphNode<'gc> {
    fn link(&self, k: usize) -> u32 {
        self.links[k].get().map_or(0, |node| node.id)
    }
}

fn graph_node<'gc>(mc: &Mutation<'gc>, id: u32) -> Gc<'gc, GraphNode<'gc>> {
    Gc::new(
        mc,
        GraphNode {
            id,
            links: Default::default(),
        },
    )
}

fn set_link<'gc>(
    mc: &Mutation<'gc>,
    node: Gc<'gc, GraphNode<'gc>>,
    k: usize,
    value: Gc<'gc, GraphNode<'gc>>,
) {
    let links = gc_arena::barrier::field!(Gc::write(mc, node), GraphNode, links);
    links[k].unlock().set(Some(value));
}

#[derive(Clone, Copy, PartialEq)]
enum Shape {
    Sequential,
    Random,
    SingleRoot,
}

#[derive(Collect)]
#[collect(no_drop)]
struct Graph<'gc> {
    nodes: Vec<Gc<'gc, GraphNode<'gc>>>,
    hot: Vec<Gc<'gc, GraphNode<'gc>>>,
    root: Link<'gc>,
    sink: [Link<'gc>; 8],
}

type GraphArena = Arena<Rootable![Graph<'_>]>;

fn graph(n: usize, shape: Shape, random: &mut Random) -> GraphArena {
    let mut arena = GraphArena::new(|_| Graph {
        nodes: Vec::with_capacity(n),
        hot: Vec::new(),
        root: None,
        sink: [None; 8],
    });
    arena.mutate_root(|mc, root| {
        for id in 0..n {
            root.nodes.push(graph_node(mc, id as u32));
        }
        for i in 0..n {
            for k in 0..4 {
                let target = match shape {
                    Shape::Sequential => (i + k + 1) & (n - 1),
                    _ => random.index(n),
                };
                set_link(mc, root.nodes[i], k, root.nodes[target]);
            }
        }
    });
    arena
}

fn link_sum(arena: &GraphArena, checksum: u32) -> u32 {
    arena.mutate(|_, root| {
        root.nodes.iter().fold(checksum, |sum, node| {
            mix(
                sum,
                node.link(0) ^ node.link(1) ^ node.link(2) ^ node.link(3),
            )
        })
    })
}

fn mutate() -> Outcome {
    const GRAPH: usize = 1 << 23;
    const OPERATIONS: u32 = 5_000_000;
    const HOT: usize = 65_536;
    let mut random = Random::default();
    let mut arena = graph(GRAPH, Shape::Random, &mut random);
    arena.mutate_root(|_, root| {
        root.hot = (0..HOT).map(|_| root.nodes[random.index(GRAPH)]).collect()
    });
    arena.finish_cycle();
    arena.finish_cycle();
    let total = OPERATIONS;
    let mut clock = Clock::default();
    let mut latencies = Vec::with_capacity(total as usize / 1000);
    let start = Instant::now();
    let mut before = start;
    for chunk in 0..total / 1000 {
        // A slice of collection after each hundred operations.
        for part in 0..10 {
            arena.mutate_root(|mc, root| {
                for op in chunk * 1000 + part * 100..chunk * 1000 + (part + 1) * 100 {
                    let k = (op as usize >> 1) & 3;
                    root.sink[op as usize & 7] = Some(graph_node(mc, op));
                    if op & 1 == 0 {
                        let from = random.index(GRAPH);
                        let to = random.index(GRAPH);
                        set_link(mc, root.nodes[from], k, root.nodes[to]);
                    } else {
                        let node = graph_node(mc, op);
                        set_link(mc, root.hot[random.index(HOT)], k, node);
                    }
                }
            });
            clock.time(|| arena.collect_debt());
        }
        let now = Instant::now();
        latencies.push((now - before).as_nanos() as u64);
        before = now;
    }
    let mutate_ns = start.elapsed().as_nanos() as u64;
    let mut checksum = link_sum(&arena, 0);
    checksum = mix(
        checksum,
        arena.mutate(|_, root| root.sink[3].map_or(0, |node| node.id)),
    );
    let objects = GRAPH as u64 + u64::from(total) + u64::from(total / 2);
    Outcome {
        checksum,
        objects,
        bytes: objects * chunk(size_of::<GraphNode<'_>>()),
        gc: Some(clock.total),
        pauses: clock.pauses,
        ..Outcome::default()
    }
    .with("mutate_ns", mutate_ns)
    .with_percentiles("latency", &latencies)
}

fn mark(shape: Shape, n: usize) -> Outcome {
    let mut random = Random::default();
    let mut arena = graph(n, shape, &mut random);
    let checksum = link_sum(&arena, 0);
    arena.mutate_root(|_, root| {
        root.root = root.nodes.first().copied();
        if shape == Shape::SingleRoot {
            root.nodes = Vec::new();
        }
    });
    // The first collections finish the cycle begun while building and drop what cannot be reached; not counted.
    arena.finish_cycle();
    arena.finish_cycle();
    let mut collections = Vec::new();
    let mut marks = Vec::new();
    for _ in 0..3 {
        let start = Instant::now();
        arena.finish_marking();
        marks.push(start.elapsed().as_nanos() as u64);
        arena.finish_cycle();
        collections.push(start.elapsed().as_nanos() as u64);
    }
    let held =
        arena.mutate(|_, root| root.root.map_or(0, |node| node.id) + root.nodes.len() as u32);
    Outcome {
        checksum: mix(checksum, held),
        objects: n as u64,
        bytes: n as u64 * chunk(size_of::<GraphNode<'_>>()),
        ..Outcome::default()
    }
    .with_list("collections_ns", &collections)
    .with_list("marks_ns", &marks)
}
