//! Node's pool of slabs, from which small buffers are cut.

use std::cell::Cell;
use std::fmt;
use std::rc::Rc;

use heaplab_gc::{Global, HeapLimitReached, Local, Operand, Scope, Shape};

use crate::error::WorkloadError;

/// Slot of the module's context that holds the slab at hand.
const ALLOC_POOL: usize = 1;
/// Slot of a Buffer.
const ARRAY_BUFFER: usize = 0;
/// Buffers begin at multiples of this many bytes of their slab.
const ALIGNMENT: usize = 8;

/// How much of a slab has been handed out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SlabState {
    /// Nothing.
    Empty,
    /// A part; the next small buffer comes from the rest if it fits.
    Partial,
    /// All of it, or so much that what was wanted next did not fit.
    Full,
}

/// What a [`BufferPool`] has made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BufferPoolStatistics {
    /// Slabs made.
    pub slabs: u64,
    /// Buffers cut from slabs.
    pub pooled: u64,
    /// Buffers with memory of their own.
    pub unpooled: u64,
    /// Bytes at the ends of full slabs that were never handed out, and those between buffers.
    pub unused_bytes: u64,
}

/// Buffers as Node makes them: small ones share slabs (`lib/buffer.js`, Node 20).
///
/// A `Buffer` on the heap has one slot, its `ArrayBuffer`, and two raw words, offset and length.
pub struct BufferPool {
    /// The module's context.
    module: Global,
    buffer: Shape,
    slab_bytes: usize,
    /// Bytes of the slab at hand that are handed out.
    used: usize,
    statistics: BufferPoolStatistics,
    alive: Rc<Alive>,
}

/// What has not been found dead yet.
#[derive(Default)]
struct Alive {
    slabs: Cell<u64>,
    slab_bytes: Cell<u64>,
    own_bytes: Cell<u64>,
}

/// The memory of an ArrayBuffer.
struct Memory {
    bytes: Box<[Cell<u8>]>,
    /// Number of the slab, from 1; 0 for memory of a single buffer.
    slab: u64,
    alive: Rc<Alive>,
}

impl Memory {
    fn new(bytes: usize, slab: u64, alive: &Rc<Alive>) -> Self {
        let (count, sum) = alive.sums(slab);
        count.set(count.get() + u64::from(slab > 0));
        sum.set(sum.get() + bytes as u64);
        Self {
            bytes: vec![Cell::new(0); bytes].into(),
            slab,
            alive: Rc::clone(alive),
        }
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        let (count, sum) = self.alive.sums(self.slab);
        count.set(count.get() - u64::from(self.slab > 0));
        sum.set(sum.get() - self.bytes.len() as u64);
    }
}

impl Alive {
    fn sums(&self, slab: u64) -> (&Cell<u64>, &Cell<u64>) {
        let sum = if slab > 0 {
            &self.slab_bytes
        } else {
            &self.own_bytes
        };
        (&self.slabs, sum)
    }
}

impl BufferPool {
    /// Bytes of a slab in Node: `Buffer.poolSize`.
    pub const NODE_SLAB_BYTES: usize = 8 << 10;

    /// A pool with its first slab, which is empty, of so many bytes.
    ///
    /// # Errors
    /// The heap has no room for it, or cannot have more classes.
    pub fn new(s: &mut Scope<'_, '_>, slab_bytes: usize) -> Result<Self, WorkloadError> {
        let module = s.context_shape("buffer", &["allocPool"])?;
        let buffer = s.shape_with_raw("Buffer", &["buffer"], 8)?;
        let module = s.scope(|s| {
            let module = s.object(module)?;
            Ok::<Global, HeapLimitReached>(s.global(module))
        })?;
        let mut pool = Self {
            module,
            buffer,
            slab_bytes,
            used: 0,
            statistics: BufferPoolStatistics::default(),
            alive: Rc::default(),
        };
        pool.create_pool(s)?;
        Ok(pool)
    }

    /// What it has made.
    pub fn statistics(&self) -> &BufferPoolStatistics {
        &self.statistics
    }

    /// Bytes of a slab.
    pub fn slab_bytes(&self) -> usize {
        self.slab_bytes
    }

    /// State of the slab at hand. All other slabs that are alive are full.
    pub fn state(&self) -> SlabState {
        match self.used {
            0 => SlabState::Empty,
            used if used < self.slab_bytes => SlabState::Partial,
            _ => SlabState::Full,
        }
    }

    /// Slabs that have not been found dead: reachable ones, and those that await a collection.
    pub fn slabs_alive(&self) -> u64 {
        self.alive.slabs.get()
    }

    /// Bytes of slabs, and of buffers with memory of their own, that have not been found dead.
    pub fn bytes_alive(&self) -> (u64, u64) {
        (self.alive.slab_bytes.get(), self.alive.own_bytes.get())
    }

    /// A buffer of so many bytes: `Buffer.allocUnsafe`. Small ones come from the slab at hand, or the next one.
    ///
    /// # Errors
    /// The heap has no room for it, or objects may not own more memory.
    pub fn alloc<'s, 'h>(
        &mut self,
        scope: &mut Scope<'s, 'h>,
        bytes: usize,
    ) -> Result<Local<'s, 'h>, HeapLimitReached> {
        // Node's `size < (Buffer.poolSize >>> 1)`.
        if bytes >= self.slab_bytes / 2 {
            return self.alloc_slow(scope, bytes);
        }
        if bytes > self.slab_bytes - self.used {
            self.create_pool(scope)?;
        }
        let buffer = scope.escape(|s| {
            let slab = s.root(s.get(s.peek(&self.module), ALLOC_POOL));
            self.view(s, slab, self.used, bytes)
        })?;
        let used = (self.used + bytes).next_multiple_of(ALIGNMENT);
        self.statistics.unused_bytes += (used.min(self.slab_bytes) - self.used - bytes) as u64;
        self.used = used.min(self.slab_bytes);
        self.statistics.pooled += 1;
        Ok(buffer)
    }

    /// A buffer with memory of its own: `Buffer.allocUnsafeSlow`.
    ///
    /// # Errors
    /// As for [`BufferPool::alloc`].
    pub fn alloc_slow<'s, 'h>(
        &mut self,
        scope: &mut Scope<'s, 'h>,
        bytes: usize,
    ) -> Result<Local<'s, 'h>, HeapLimitReached> {
        let buffer = scope.escape(|s| {
            let memory = Memory::new(bytes, 0, &self.alive);
            let array_buffer = s.external(bytes, Some(Box::new(memory)))?;
            self.view(s, array_buffer, 0, bytes)
        })?;
        self.statistics.unpooled += 1;
        Ok(buffer)
    }

    /// A buffer over a part of another one's memory: `buffer.subarray`.
    ///
    /// # Errors
    /// The heap has no room for it.
    ///
    /// # Panics
    /// If the part is not within the buffer.
    pub fn subarray<'s, 'h>(
        &self,
        scope: &mut Scope<'s, 'h>,
        buffer: Local<'_, 'h>,
        first: usize,
        bytes: usize,
    ) -> Result<Local<'s, 'h>, HeapLimitReached> {
        let (offset, length) = place(scope, buffer);
        assert!(
            first <= length && bytes <= length - first,
            "{bytes} bytes from {first} on of a buffer of {length}"
        );
        scope.escape(|s| {
            let array_buffer = s.root(s.get(buffer, ARRAY_BUFFER));
            self.view(s, array_buffer, offset + first, bytes)
        })
    }

    fn create_pool(&mut self, scope: &mut Scope<'_, '_>) -> Result<(), HeapLimitReached> {
        scope.scope(|s| {
            let memory = Memory::new(self.slab_bytes, self.statistics.slabs + 1, &self.alive);
            let slab = s.external(self.slab_bytes, Some(Box::new(memory)))?;
            s.set(s.peek(&self.module), ALLOC_POOL, slab);
            Ok(())
        })?;
        if self.statistics.slabs > 0 {
            self.statistics.unused_bytes += (self.slab_bytes - self.used) as u64;
        }
        self.statistics.slabs += 1;
        self.used = 0;
        Ok(())
    }

    fn view<'s, 'h>(
        &self,
        s: &mut Scope<'s, 'h>,
        array_buffer: Local<'_, 'h>,
        offset: usize,
        bytes: usize,
    ) -> Result<Local<'s, 'h>, HeapLimitReached> {
        let view = s.object_with(self.buffer, [array_buffer.into()])?;
        let (words, _) = s.raw_mut(view).as_chunks_mut();
        for (word, number) in words.iter_mut().zip([offset, bytes]) {
            *word = (number as u32).to_le_bytes();
        }
        Ok(view)
    }
}

/// Where a buffer lies in its memory: offset and length.
fn place<'h>(s: &Scope<'_, 'h>, buffer: impl Operand<'h>) -> (usize, usize) {
    let (words, _) = s.raw(buffer).as_chunks();
    let word = |n: usize| words.get(n).map_or(0, |word| u32::from_le_bytes(*word));
    (word(0) as usize, word(1) as usize)
}

fn memory<'r, 'h>(s: &'r Scope<'_, 'h>, buffer: impl Operand<'h>) -> Option<&'r Memory> {
    s.external_payload(s.get(buffer, ARRAY_BUFFER))
}

/// The bytes of a buffer.
///
/// # Panics
/// If `buffer` is no buffer of a [`BufferPool`].
pub(super) fn contents<'r, 'h>(s: &'r Scope<'_, 'h>, buffer: impl Operand<'h>) -> &'r [Cell<u8>] {
    let (offset, length) = place(s, buffer);
    match memory(s, buffer) {
        Some(memory) => &memory.bytes[offset..offset + length],
        None => panic!("the buffer's memory was not made by a pool"),
    }
}

/// Number of the slab from which a buffer was cut, from 1; `None` if its memory is its own.
pub(super) fn slab<'h>(s: &Scope<'_, 'h>, buffer: impl Operand<'h>) -> Option<u64> {
    memory(s, buffer).map(|m| m.slab).filter(|&slab| slab > 0)
}

/// Bytes of the heap that a buffer takes: its own, and those of an ArrayBuffer that no other shares.
pub(super) fn heap_bytes<'h>(s: &Scope<'_, 'h>, buffer: impl Operand<'h>) -> u64 {
    (s.size_of(buffer) + s.size_of(s.get(buffer, ARRAY_BUFFER))) as u64
}

impl fmt::Debug for BufferPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BufferPool")
            .field("slab_bytes", &self.slab_bytes)
            .field("used", &self.used)
            .field("statistics", &self.statistics)
            .field("slabs_alive", &self.slabs_alive())
            .finish_non_exhaustive()
    }
}
