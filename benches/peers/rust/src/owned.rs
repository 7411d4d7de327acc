//! The benches with owned values (`Box`, `Vec`, `Rc`): what a Rust program without a collector does. Which allocator
//! serves them is the binary's choice.

use std::collections::{HashMap, VecDeque};
use std::rc::Rc;

use crate::cache_keys::{CAPACITY, PUTS, earlier};
use crate::random::{Random, mix};
use crate::report::Outcome;

/// The benches this module has.
pub const BENCHES: &[&str] = &[
    "empty", "alloc", "surv20", "surv50", "surv80", "bt18", "gcb18", "queue", "closure", "cacheu",
    "cachel", "cachel1m",
];

/// Runs one of [`BENCHES`].
#[must_use]
pub fn run(bench: &str) -> Option<Outcome> {
    Some(match bench {
        "empty" => Outcome::default(),
        "alloc" => alloc(),
        "surv20" => surv(20),
        "surv50" => surv(50),
        "surv80" => surv(80),
        "bt18" => binary_trees(),
        "gcb18" => gc_bench(),
        "queue" => queue(),
        "closure" => closure(),
        "cacheu" => unbounded(PUTS),
        "cachel" => lru(PUTS),
        "cachel1m" => lru(PUTS / 2),
        _ => return None,
    })
}

/// 32 bytes.
struct Item {
    a: u64,
    _rest: [u64; 3],
}

fn alloc() -> Outcome {
    const COUNT: u32 = 100_000_000;
    let mut sink: [Option<Box<Item>>; 8] = Default::default();
    let mut checksum = 0;
    for i in 0..COUNT {
        sink[i as usize & 7] = Some(Box::new(Item {
            a: u64::from(i),
            _rest: [0; 3],
        }));
    }
    for item in sink.iter().flatten() {
        checksum = mix(checksum, item.a as u32);
    }
    let objects = u64::from(COUNT);
    Outcome {
        checksum,
        objects,
        bytes: objects * size_of::<Item>() as u64,
        ..Outcome::default()
    }
}

struct Tree {
    l: Option<Box<Tree>>,
    r: Option<Box<Tree>>,
    v: u32,
}

fn make(depth: u32, v: u32) -> Box<Tree> {
    if depth == 0 {
        return Box::new(Tree {
            l: None,
            r: None,
            v,
        });
    }
    let l = Some(make(depth - 1, v));
    let r = Some(make(depth - 1, v));
    Box::new(Tree { l, r, v })
}

fn sum(tree: Option<&Tree>, checksum: u32) -> u32 {
    tree.map_or(checksum, |tree| {
        mix(
            sum(tree.r.as_deref(), sum(tree.l.as_deref(), checksum)),
            tree.v,
        )
    })
}

fn surv(percent: u32) -> Outcome {
    const TREES: u32 = 500_000;
    const NODES: u32 = 63;
    let share = f64::from(percent) / 100.0;
    let ring_size = (f64::from(16 * 1024 * 1024) * share / f64::from(NODES * 32)).floor() as usize;
    let mut ring: Vec<Option<Box<Tree>>> = Vec::new();
    ring.resize_with(ring_size, || None);
    let mut sink: [Option<Box<Tree>>; 8] = Default::default();
    let mut random = Random::default();
    let mut checksum = 0;
    let mut kept = 0;
    for t in 0..TREES {
        let tree = Some(make(5, t));
        if random.unit() < share {
            ring[kept % ring_size] = tree;
            kept += 1;
        } else {
            sink[t as usize & 7] = tree;
        }
    }
    for tree in ring.iter().chain(&sink) {
        checksum = sum(tree.as_deref(), checksum);
    }
    let objects = u64::from(TREES * NODES);
    Outcome {
        checksum,
        objects,
        bytes: objects * size_of::<Tree>() as u64,
        ..Outcome::default()
    }
}

struct Pair {
    left: Option<Box<Pair>>,
    right: Option<Box<Pair>>,
}

fn bottom_up(depth: u32) -> Box<Pair> {
    if depth == 0 {
        return Box::new(Pair {
            left: None,
            right: None,
        });
    }
    let left = Some(bottom_up(depth - 1));
    let right = Some(bottom_up(depth - 1));
    Box::new(Pair { left, right })
}

fn check(tree: &Pair) -> u32 {
    1 + tree.left.as_deref().map_or(0, check) + tree.right.as_deref().map_or(0, check)
}

fn binary_trees() -> Outcome {
    const MIN_DEPTH: u32 = 4;
    const MAX_DEPTH: u32 = 18;
    let mut checksum = 0;
    let mut objects = 0;
    let stretch = check(&bottom_up(MAX_DEPTH + 1));
    checksum = mix(checksum, stretch);
    objects += u64::from(stretch);
    let long_lived = bottom_up(MAX_DEPTH);
    for depth in (MIN_DEPTH..=MAX_DEPTH).step_by(2) {
        let trees = 1 << (MAX_DEPTH - depth + MIN_DEPTH);
        let nodes: u32 = (0..trees).map(|_| check(&bottom_up(depth))).sum();
        checksum = mix(checksum, nodes);
        objects += u64::from(nodes);
    }
    let lived = check(&long_lived);
    checksum = mix(checksum, lived);
    objects += u64::from(lived);
    Outcome {
        checksum,
        objects,
        bytes: objects * size_of::<Pair>() as u64,
        ..Outcome::default()
    }
}

#[derive(Default)]
struct Node {
    left: Option<Box<Node>>,
    right: Option<Box<Node>>,
    i: u32,
    _j: u32,
}

fn populate(depth: u32, node: &mut Node) {
    if depth == 0 {
        return;
    }
    populate(depth - 1, node.left.insert(Box::default()));
    populate(depth - 1, node.right.insert(Box::default()));
}

fn make_tree(depth: u32) -> Box<Node> {
    if depth == 0 {
        return Box::default();
    }
    let left = Some(make_tree(depth - 1));
    let right = Some(make_tree(depth - 1));
    Box::new(Node {
        left,
        right,
        i: 0,
        _j: 0,
    })
}

fn count(tree: Option<&Node>) -> u32 {
    tree.map_or(0, |tree| {
        1 + count(tree.left.as_deref()) + count(tree.right.as_deref())
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
    let mut sink: [Option<Box<Node>>; 8] = Default::default();
    sink[0] = Some(make_tree(STRETCH));
    objects += u64::from(tree_size(STRETCH));
    let inner = sink[0]
        .as_ref()
        .and_then(|tree| tree.left.as_ref())
        .and_then(|tree| tree.right.as_ref());
    checksum = mix(checksum, inner.map_or(1, |node| node.i));
    sink[0] = None;

    let mut long_lived = Node::default();
    populate(D, &mut long_lived);
    objects += u64::from(tree_size(D));
    let mut array = vec![0.0_f64; ARRAY];
    for (i, element) in array.iter_mut().enumerate().take(ARRAY / 2).skip(1) {
        *element = 1.0 / i as f64;
    }

    for depth in (4..=D).step_by(2) {
        let trees = 2 * tree_size(STRETCH) / tree_size(depth);
        for i in 0..trees {
            let mut root = Box::<Node>::default();
            populate(depth, &mut root);
            sink[i as usize & 7] = Some(root);
        }
        for i in 0..trees {
            sink[i as usize & 7] = Some(make_tree(depth));
        }
        objects += 2 * u64::from(trees) * u64::from(tree_size(depth));
        checksum = mix(checksum, count(sink[(trees as usize - 1) & 7].as_deref()));
    }
    drop(sink);
    checksum = mix(checksum, count(Some(&long_lived)));
    checksum = mix(checksum, (array[1000] * 1e9).floor() as u32);
    let array_bytes = (ARRAY * 8) as u64;
    Outcome {
        checksum,
        objects,
        bytes: objects * size_of::<Node>() as u64 + array_bytes,
        ..Outcome::default()
    }
}

struct Message {
    id: u32,
    body: Box<[u32; 4]>,
}

struct Temporary {
    a: u32,
    b: u32,
}

enum Sunk {
    Pair(Box<Temporary>),
    Four(Box<[u32; 4]>),
}

impl Sunk {
    fn last(&self) -> u32 {
        match self {
            Sunk::Pair(pair) => pair.a ^ pair.b,
            Sunk::Four(four) => four[3],
        }
    }
}

fn queue() -> Outcome {
    const TICKS: u32 = 1_000_000;
    let mut sink: [Option<Sunk>; 8] = Default::default();
    let mut checksum = 0;
    let mut queue: VecDeque<Box<Message>> = VecDeque::new();
    let mut id = 0;
    for tick in 0..TICKS {
        for slot in &mut sink[..4] {
            *slot = Some(Sunk::Pair(Box::new(Temporary { a: id, b: tick })));
            queue.push_back(Box::new(Message {
                id,
                body: Box::new([id, id + 1, id + 2, id + 3]),
            }));
            id += 1;
        }
        for slot in &mut sink[4..7] {
            let Some(message) = queue.pop_front() else {
                continue;
            };
            *slot = Some(Sunk::Four(Box::new([
                message.id,
                message.body[1],
                tick,
                queue.len() as u32,
            ])));
            checksum = mix(checksum, message.id + message.body[3]);
        }
    }
    checksum = mix(checksum, queue.len() as u32);
    for message in &queue {
        checksum = mix(checksum, message.body[2]);
    }
    std::hint::black_box(sink.iter().flatten().map(Sunk::last).max());
    let ticks = u64::from(TICKS);
    let bytes =
        ticks * (4 * (size_of::<Message>() as u64 + 16 + size_of::<Temporary>() as u64) + 3 * 16);
    Outcome {
        checksum,
        objects: 15 * ticks,
        bytes,
        ..Outcome::default()
    }
}

fn listener(id: u32, buffer: Box<[u32; 8]>) -> Box<dyn Fn(u32) -> u32> {
    Box::new(move |x| id.wrapping_add(buffer[x as usize & 7]))
}

fn closure() -> Outcome {
    const LISTENERS: u32 = 2_000_000;
    let mut checksum = 0;
    let mut random = Random::default();
    let mut listeners = Vec::new();
    for i in 0..LISTENERS {
        listeners.push(listener(
            i,
            Box::new([i, i + 1, i + 2, i + 3, i + 4, i + 5, i + 6, i + 7]),
        ));
        if i % 1000 == 999 {
            for k in i - 999..=i {
                checksum = mix(checksum, listeners[k as usize](k));
            }
            for k in 0..100 {
                let chosen = random.index(listeners.len());
                checksum = mix(checksum, listeners[chosen](k));
            }
        }
    }
    let count = u64::from(LISTENERS);
    Outcome {
        checksum,
        objects: 2 * count,
        bytes: count * (16 + 32),
        ..Outcome::default()
    }
}

struct Entry {
    key: Rc<str>,
    payload: Box<[u32; 8]>,
}

fn payload(i: u32) -> Box<[u32; 8]> {
    Box::new([i, i + 1, i + 2, i + 3, i + 4, i + 5, i + 6, i + 7])
}

fn unbounded(puts: u32) -> Outcome {
    let mut checksum = 0;
    let mut random = Random::default();
    let mut cache: HashMap<Rc<str>, Box<Entry>> = HashMap::new();
    for i in 0..puts {
        let key: Rc<str> = format!("key-{i}").into();
        cache.insert(
            Rc::clone(&key),
            Box::new(Entry {
                key,
                payload: payload(i),
            }),
        );
        for _ in 0..2 {
            let j = earlier(i, &mut random);
            let found = cache.get(format!("key-{j}").as_str());
            let value = found.map_or(1, |entry| {
                entry.payload[j as usize & 7] + entry.key.len() as u32
            });
            checksum = mix(checksum, value);
        }
    }
    checksum = mix(checksum, cache.len() as u32);
    let operations = u64::from(puts);
    let bytes = operations * (32 + size_of::<Entry>() as u64 + 32 + 2 * 11);
    Outcome {
        checksum,
        objects: 5 * operations,
        bytes,
        ..Outcome::default()
    }
}

/// An entry of the LRU; the links are positions in the slab, as Rust programs write doubly linked lists.
struct Link {
    entry: Box<Entry>,
    previous: u32,
    next: u32,
}

const NONE: u32 = u32::MAX;

struct Lru {
    map: HashMap<Rc<str>, u32>,
    slab: Vec<Link>,
    first: u32,
    last: u32,
}

impl Lru {
    fn unlink(&mut self, at: u32) {
        let (previous, next) = (self.slab[at as usize].previous, self.slab[at as usize].next);
        match previous {
            NONE => self.first = next,
            _ => self.slab[previous as usize].next = next,
        }
        match next {
            NONE => self.last = previous,
            _ => self.slab[next as usize].previous = previous,
        }
    }

    fn push_front(&mut self, at: u32) {
        let first = self.first;
        self.slab[at as usize].previous = NONE;
        self.slab[at as usize].next = first;
        match first {
            NONE => self.last = at,
            _ => self.slab[first as usize].previous = at,
        }
        self.first = at;
    }

    fn put(&mut self, key: Rc<str>, payload: Box<[u32; 8]>) {
        let entry = Box::new(Entry {
            key: Rc::clone(&key),
            payload,
        });
        let at = if self.slab.len() == CAPACITY {
            let victim = self.last;
            self.unlink(victim);
            self.map.remove(&self.slab[victim as usize].entry.key);
            self.slab[victim as usize].entry = entry;
            victim
        } else {
            self.slab.push(Link {
                entry,
                previous: NONE,
                next: NONE,
            });
            self.slab.len() as u32 - 1
        };
        self.map.insert(key, at);
        self.push_front(at);
    }

    fn get(&mut self, key: &str) -> Option<&Entry> {
        let at = *self.map.get(key)?;
        if self.first != at {
            self.unlink(at);
            self.push_front(at);
        }
        Some(&self.slab[at as usize].entry)
    }
}

fn lru(puts: u32) -> Outcome {
    let mut checksum = 0;
    let mut random = Random::default();
    let mut cache = Lru {
        map: HashMap::new(),
        slab: Vec::new(),
        first: NONE,
        last: NONE,
    };
    for i in 0..puts {
        cache.put(format!("key-{i}").into(), payload(i));
        for _ in 0..2 {
            let j = earlier(i, &mut random);
            let found = cache.get(format!("key-{j}").as_str());
            let value = found.map_or(1, |entry| {
                entry.payload[j as usize & 7] + entry.key.len() as u32
            });
            checksum = mix(checksum, value);
        }
    }
    checksum = mix(checksum, cache.map.len() as u32);
    let operations = u64::from(puts);
    let bytes = operations * (32 + size_of::<Entry>() as u64 + 32 + 2 * 11);
    Outcome {
        checksum,
        objects: 5 * operations,
        bytes,
        ..Outcome::default()
    }
}
