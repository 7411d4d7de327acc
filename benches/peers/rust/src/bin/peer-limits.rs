//! What the hardware allows: bare kernels without headers to decode, barriers, handles or limits to check.
//!
//! `alloc` bumps a pointer through a 16 MiB nursery. `memcpy` moves 32 bytes at a time's worth in blocks of 16 MiB.
//! `surv20/50/80` is Cheney's copy of 32-byte tree nodes from an eden of 16 MiB into survivor spaces. `mark-*` sets
//! bits in a dense bitmap behind a prefetching queue of 32 entries.
#![deny(unsafe_code)]

use std::time::{Duration, Instant};

use peers_rust::random::{Random, mix};
use peers_rust::report::{Outcome, main_with};

const BENCHES: &[&str] = &[
    "empty",
    "memcpy",
    "alloc",
    "surv20",
    "surv50",
    "surv80",
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
            "memcpy" => memcpy(),
            "alloc" => kernels::bump(),
            "surv20" => kernels::cheney(20),
            "surv50" => kernels::cheney(50),
            "surv80" => kernels::cheney(80),
            "mark-seq" => mark(kernels::Shape::Sequential, 1 << 22),
            "mark-rand" => mark(kernels::Shape::Random, 1 << 22),
            "mark-root" => mark(kernels::Shape::SingleRoot, 1 << 22),
            "mark16-seq" => mark(kernels::Shape::Sequential, 1 << 24),
            "mark16-rand" => mark(kernels::Shape::Random, 1 << 24),
            "mark16-root" => mark(kernels::Shape::SingleRoot, 1 << 24),
            _ => return None,
        })
    });
}

/// Counts as objects of 32 bytes, to stand beside `surv`.
fn memcpy() -> Outcome {
    const BLOCK: usize = 16 * 1024 * 1024;
    const ROUNDS: u32 = 64;
    let source = vec![1_u8; BLOCK];
    let mut target = vec![2_u8; BLOCK];
    let mut copying = Duration::ZERO;
    for _ in 0..ROUNDS {
        let start = Instant::now();
        target.copy_from_slice(std::hint::black_box(&source));
        copying += start.elapsed();
        std::hint::black_box(&mut target);
    }
    let bytes = BLOCK as u64 * u64::from(ROUNDS);
    Outcome {
        checksum: 0,
        objects: bytes / 32,
        bytes,
        gc: Some(copying),
        copied_bytes: Some(bytes),
        ..Outcome::default()
    }
}

fn mark(shape: kernels::Shape, n: usize) -> Outcome {
    let mut random = Random::default();
    let mut graph = kernels::Graph::new(n, shape, &mut random);
    let checksum = graph.link_sum();
    graph.mark(shape);
    let mut marks = Vec::new();
    for _ in 0..3 {
        graph.clear_marks();
        let start = Instant::now();
        graph.mark(shape);
        marks.push(start.elapsed().as_nanos() as u64);
    }
    let held = if shape == kernels::Shape::SingleRoot {
        0
    } else {
        n as u32
    };
    Outcome {
        checksum: mix(checksum, held),
        objects: n as u64,
        bytes: n as u64 * 64,
        ..Outcome::default()
    }
    .with_list("collections_ns", &marks)
    .with_list("marks_ns", &marks)
}

/// The kernels over raw memory; nothing else in this workspace is unsafe.
#[allow(
    unsafe_code,
    reason = "the point is what the hardware does without any checks"
)]
mod kernels {
    use std::arch::asm;
    use std::time::{Duration, Instant};

    use memmap2::{Advice, MmapMut};
    use peers_rust::random::{Random, mix};
    use peers_rust::report::Outcome;

    /// Memory in huge pages where the system gives them, touched once, so that no kernel measures page faults.
    fn space(bytes: usize) -> MmapMut {
        let mut map =
            MmapMut::map_anon(bytes.max(1)).expect("the system refused the memory of a kernel");
        // Advice only: without huge pages the kernel is slower, not wrong.
        let _ = map.advise(Advice::HugePage);
        map.fill(0);
        map
    }

    /// Makes the compiler believe that the object is read: every object is observable.
    #[inline(always)]
    fn observe(object: *mut u64) {
        // SAFETY: the empty assembly neither reads nor writes; it only tells the compiler that it may.
        unsafe { asm!("/* {0} */", in(reg) object, options(nostack, preserves_flags)) }
    }

    /// Asks for the cache line at `address`, which need not be valid.
    #[inline(always)]
    fn prefetch(address: *const u8) {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: a prefetch never faults.
        unsafe {
            std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T0 }>(address.cast());
        }
        #[cfg(not(target_arch = "x86_64"))]
        let _ = address;
    }

    const NURSERY: usize = 16 * 1024 * 1024;

    /// 10^8 objects of 32 bytes, header and fields initialised, through a nursery of 16 MiB.
    pub(super) fn bump() -> Outcome {
        const COUNT: u32 = 100_000_000;
        let mut nursery = space(NURSERY);
        let start: *mut u64 = nursery.as_mut_ptr().cast();
        let words = NURSERY / 8;
        let mut sink = [start; 8];
        let mut checksum = 0;
        let mut at = 0;
        for i in 0..COUNT {
            if at == words {
                at = 0;
            }
            // SAFETY: `at` is a multiple of 4 below `words`, so the four words lie in the nursery.
            let object = unsafe {
                let object = start.add(at);
                object.write(0x2000_0001);
                object.add(1).write(u64::from(i));
                object.add(2).write(3);
                object.add(3).write(3);
                object
            };
            at += 4;
            sink[i as usize & 7] = object;
            observe(object);
        }
        for object in sink {
            // SAFETY: written above and not overwritten: the sink holds the last eight objects.
            checksum = mix(checksum, unsafe { object.add(1).read() } as u32);
        }
        let objects = u64::from(COUNT);
        Outcome {
            checksum,
            objects,
            bytes: objects * 32,
            ..Outcome::default()
        }
    }

    /// A tree node: header (1, or the new address), l, r, v.
    type Node = *mut u64;

    struct Cheney {
        eden: MmapMut,
        survivors: [MmapMut; 2],
        /// Which survivor space is to-space.
        to: usize,
        next: Node,
        end: Node,
        scavenges: Vec<u64>,
        copied: u64,
    }

    impl Cheney {
        fn new() -> Self {
            let mut eden = space(NURSERY);
            let next: Node = eden.as_mut_ptr().cast();
            // SAFETY: one past the end of the mapping.
            let end = unsafe { next.add(NURSERY / 8) };
            Self {
                eden,
                survivors: [space(NURSERY), space(NURSERY)],
                to: 0,
                next,
                end,
                scavenges: Vec::new(),
                copied: 0,
            }
        }

        /// A tree of depth 5 is 63 nodes: room for it is made before, so that no collection strikes within.
        fn reserve(&mut self, nodes: usize, ring: &mut [Node], sink: &mut [Node; 8]) {
            // SAFETY: both point into eden or one past its end.
            let left = unsafe { self.end.offset_from(self.next) } as usize;
            if left < nodes * 4 {
                self.scavenge(ring, sink);
            }
        }

        fn make(&mut self, depth: u32, v: u32) -> Node {
            let (l, r) = if depth == 0 {
                (std::ptr::null_mut(), std::ptr::null_mut())
            } else {
                (self.make(depth - 1, v), self.make(depth - 1, v))
            };
            let node = self.next;
            // SAFETY: `reserve` made room for the whole tree.
            unsafe {
                node.write(1);
                node.add(1).write(l as u64);
                node.add(2).write(r as u64);
                node.add(3).write(u64::from(v));
                self.next = node.add(4);
            }
            node
        }

        /// Copies one object, or finds where it went.
        ///
        /// # Safety
        ///
        /// `node` is null or a node in eden or from-space; `free` has room for it.
        #[inline(always)]
        unsafe fn forward(node: Node, free: &mut Node) -> Node {
            if node.is_null() {
                return node;
            }
            // SAFETY: as promised by the caller; a header other than 1 is the address of the copy.
            unsafe {
                let header = node.read();
                if header != 1 {
                    return header as Node;
                }
                let copy = *free;
                std::ptr::copy_nonoverlapping(node, copy, 4);
                *free = copy.add(4);
                node.write(copy as u64);
                copy
            }
        }

        fn scavenge(&mut self, ring: &mut [Node], sink: &mut [Node; 8]) {
            let start = Instant::now();
            let to: Node = self.survivors[self.to].as_mut_ptr().cast();
            let mut free = to;
            // SAFETY: every root and field is null or a node in eden or from-space. The ring is at most 80 % of
            // 16 MiB and the sink holds eight trees, so to-space has room for all that live.
            unsafe {
                for root in ring.iter_mut().chain(sink) {
                    *root = Self::forward(*root, &mut free);
                }
                let mut scan = to;
                while scan != free {
                    let l = Self::forward(scan.add(1).read() as Node, &mut free);
                    scan.add(1).write(l as u64);
                    let r = Self::forward(scan.add(2).read() as Node, &mut free);
                    scan.add(2).write(r as u64);
                    scan = scan.add(4);
                }
                self.copied += free.offset_from(to) as u64 / 4;
            }
            self.to = 1 - self.to;
            self.next = self.eden.as_mut_ptr().cast();
            self.scavenges.push(start.elapsed().as_nanos() as u64);
        }
    }

    fn sum(tree: Node, checksum: u32) -> u32 {
        if tree.is_null() {
            return checksum;
        }
        // SAFETY: a live node whose fields are null or live nodes.
        let (l, r, v) = unsafe { (tree.add(1).read(), tree.add(2).read(), tree.add(3).read()) };
        mix(sum(r as Node, sum(l as Node, checksum)), v as u32)
    }

    /// The work of `surv` with the bare copying kernel.
    pub(super) fn cheney(percent: u32) -> Outcome {
        const TREES: u32 = 500_000;
        const NODES: u32 = 63;
        let share = f64::from(percent) / 100.0;
        let ring_size =
            (f64::from(16 * 1024 * 1024) * share / f64::from(NODES * 32)).floor() as usize;
        let mut heap = Cheney::new();
        let mut ring: Vec<Node> = vec![std::ptr::null_mut(); ring_size];
        let mut sink: [Node; 8] = [std::ptr::null_mut(); 8];
        let mut random = Random::default();
        let mut checksum = 0;
        let mut kept = 0;
        for t in 0..TREES {
            heap.reserve(NODES as usize, &mut ring, &mut sink);
            let tree = heap.make(5, t);
            if random.unit() < share {
                ring[kept % ring_size] = tree;
                kept += 1;
            } else {
                sink[t as usize & 7] = tree;
            }
        }
        for tree in ring.iter().chain(&sink) {
            checksum = sum(*tree, checksum);
        }
        let objects = u64::from(TREES * NODES);
        let gc = Duration::from_nanos(heap.scavenges.iter().sum());
        Outcome {
            checksum,
            objects,
            bytes: objects * 32,
            gc: Some(gc),
            pauses: heap.scavenges,
            copied_bytes: Some(heap.copied * 32),
            ..Outcome::default()
        }
        .with("copied_objects", heap.copied)
        .with("copied_bytes", heap.copied * 32)
    }

    /// How the nodes of a [`Graph`] refer to each other.
    #[derive(Clone, Copy, PartialEq)]
    pub(super) enum Shape {
        Sequential,
        Random,
        SingleRoot,
    }

    /// Nodes of 64 bytes: a header word, four 32-bit references in granules of 8 bytes, the id.
    pub(super) struct Graph {
        memory: MmapMut,
        bitmap: MmapMut,
        roots: MmapMut,
        n: usize,
        stack: Vec<u32>,
    }

    const GRANULES: usize = 8;

    impl Graph {
        pub(super) fn new(n: usize, shape: Shape, random: &mut Random) -> Self {
            let mut graph = Self {
                memory: space(n * 64),
                bitmap: space(n * GRANULES / 8),
                roots: space(n * 4),
                n,
                stack: Vec::with_capacity(1 << 20),
            };
            let base = graph.memory.as_mut_ptr();
            let roots: *mut u32 = graph.roots.as_mut_ptr().cast();
            for i in 0..n {
                // SAFETY: node i and root i lie in their mappings.
                unsafe {
                    let node: *mut u32 = base.add(i * 64).cast();
                    node.cast::<u64>().write(0x4000_0001);
                    for k in 0..4 {
                        let target = match shape {
                            Shape::Sequential => (i + k + 1) & (n - 1),
                            _ => random.index(n),
                        };
                        node.add(2 + k).write((target * GRANULES) as u32);
                    }
                    node.add(6).write(i as u32);
                    roots.add(i).write((i * GRANULES) as u32);
                }
            }
            graph
        }

        pub(super) fn link_sum(&self) -> u32 {
            let base = self.memory.as_ptr();
            let mut checksum = 0;
            for i in 0..self.n {
                // SAFETY: node i lies in the mapping; each reference is the granule of a node.
                let value = unsafe {
                    let node: *const u32 = base.add(i * 64).cast();
                    (0..4).fold(0, |value, k| {
                        let target: *const u32 =
                            base.add(node.add(2 + k).read() as usize * 8).cast();
                        value ^ target.add(6).read()
                    })
                };
                checksum = mix(checksum, value);
            }
            checksum
        }

        pub(super) fn clear_marks(&mut self) {
            self.bitmap.fill(0);
        }

        /// Marks all that is reachable: edges are pushed unmarked, and on their way through the queue both the mark
        /// word and the body are asked for. Whether an object was marked before decides how far the stack moves, not a
        /// branch, which nobody could predict.
        pub(super) fn mark(&mut self, shape: Shape) {
            const QUEUE: usize = 32;
            const SLICE: usize = 64;
            const NONE: u32 = u32::MAX;
            let base = self.memory.as_ptr();
            let bitmap: *mut u64 = self.bitmap.as_mut_ptr().cast();
            let roots: *const u32 = self.roots.as_ptr().cast();
            let root_count = if shape == Shape::SingleRoot {
                1
            } else {
                self.n
            };
            let mut next_root = 0;
            let mut queue = [NONE; QUEUE];
            let mut turn = 0;
            let mut idle = 0;
            // Each object pushes its four edges once, and a slice of roots is pushed only onto an empty stack.
            self.stack.reserve(self.n * 4 + SLICE);
            let bottom = self.stack.as_mut_ptr();
            let mut top = 0;
            loop {
                if top == 0 && next_root < root_count {
                    let end = root_count.min(next_root + SLICE);
                    for i in (next_root..end).rev() {
                        // SAFETY: `i` is below the number of roots, and the stack has room for a slice.
                        unsafe { bottom.add(top).write(roots.add(i).read()) };
                        top += 1;
                    }
                    next_root = end;
                }
                let incoming = if top > 0 {
                    top -= 1;
                    idle = 0;
                    // SAFETY: below the top, written before.
                    let granule = unsafe { bottom.add(top).read() };
                    prefetch(bitmap.wrapping_add(granule as usize >> 6).cast());
                    prefetch(base.wrapping_add(granule as usize * 8));
                    granule
                } else {
                    idle += 1;
                    if idle > QUEUE {
                        return;
                    }
                    NONE
                };
                let granule = std::mem::replace(&mut queue[turn % QUEUE], incoming);
                turn += 1;
                if granule == NONE {
                    continue;
                }
                let granule = granule as usize;
                // SAFETY: every reference is the granule of a node, the bitmap has a bit for each granule, and the
                // stack has room for all edges.
                unsafe {
                    let word = bitmap.add(granule >> 6);
                    let bit = 1 << (granule & 63);
                    let marks = word.read();
                    word.write(marks | bit);
                    let edges: *const u32 = base.add(granule * 8 + 8).cast();
                    std::ptr::copy_nonoverlapping(edges, bottom.add(top), 4);
                    top += if marks & bit == 0 { 4 } else { 0 };
                }
            }
        }
    }
}
