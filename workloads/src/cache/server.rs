//! The server whose answers are cached.

use std::cell::Cell;
use std::fmt::Write;
use std::num::{NonZeroU64, NonZeroUsize};
use std::rc::Rc;

use heaplab_gc::{HeapLimitReached, Init, Local, Operand, Scope, Shape, Smi};

use super::unbounded::UnboundedCache;
use crate::error::WorkloadError;
use crate::limiter::{Cause, FifoCache, Limiter, LruCache, LruCapacity, TtlCache};
use crate::parameter::{Parameters, Span, Unit};
use crate::random::{Zipf, mix};
use crate::workload::{Counter, SampleValues, Workload, WorkloadContext};

// Slots of a Payload.
const STATUS: usize = 0;
const BODY: usize = 1;

/// How the cache is limited.
#[derive(Clone, Copy, Debug)]
enum Policy {
    Unbounded,
    Lru(LruCapacity),
    Fifo(NonZeroUsize),
    Ttl(Span),
}

/// The workload `cache`.
pub(super) struct CacheServer {
    policy: Policy,
    unique: f64,
    payload: u64,
    pages: Zipf,
    running: Option<Running>,
    /// The key of the request at hand; kept for its memory.
    key: String,
    /// Hits and reads at the last sample.
    sampled: (u64, u64),
}

/// What there is from the set-up on.
struct Running {
    cache: Box<dyn Limiter>,
    request: Shape,
    payload: Shape,
    /// Bytes of the answers that the cache holds; what it evicts is taken off by its listener.
    answers: Rc<Cell<u64>>,
}

impl CacheServer {
    pub(super) fn new(parameters: &Parameters, cure: Option<&str>) -> Self {
        // The ranges of the parameters begin at 1.
        let entries = || NonZeroUsize::new(parameters.count("entries") as usize);
        let policy = match cure {
            Some("lru") => Policy::Lru(LruCapacity {
                entries: entries(),
                bytes: NonZeroU64::new(parameters.count("bytes")),
            }),
            Some("fifo") => Policy::Fifo(entries().unwrap_or(FifoCache::DEFAULT_LIMIT)),
            Some("ttl") => Policy::Ttl(parameters.span("ttl")),
            _ => Policy::Unbounded,
        };
        let pages = parameters.count("pages") as usize;
        Self {
            policy,
            unique: parameters.number("unique"),
            payload: parameters.count("payload"),
            pages: Zipf::new(pages, parameters.number("skew")),
            running: None,
            key: String::new(),
            sampled: (0, 0),
        }
    }

    /// Writes the key of the next request; returns a number that stands for it.
    fn next_key(&mut self, cx: &mut WorkloadContext) -> u64 {
        let tick = cx.tick();
        self.key.clear();
        let (written, number) = if cx.random().chance(self.unique) {
            (write!(self.key, "/search?session={tick:08}"), tick << 1 | 1)
        } else {
            let page = self.pages.draw(cx.random()) as u64;
            (
                write!(self.key, "/articles/{page:06}/index.html"),
                page << 1,
            )
        };
        debug_assert!(written.is_ok(), "writing to a string does not fail");
        mix(number)
    }

    /// Bytes of the answer to the request of this number: the same each time.
    fn answer_bytes(&self, number: u64) -> usize {
        (self.payload / 2 + number % self.payload.max(1)).max(8) as usize
    }
}

impl Running {
    fn new(policy: Policy, s: &mut Scope<'_, '_>) -> Result<Self, WorkloadError> {
        let mut cache: Box<dyn Limiter> = match policy {
            Policy::Unbounded => Box::new(UnboundedCache::new(s)?),
            Policy::Lru(capacity) => Box::new(LruCache::new(s, capacity)?),
            Policy::Fifo(limit) => Box::new(FifoCache::new(s, limit)?),
            Policy::Ttl(span) => Box::new(TtlCache::new(s, span.length())?),
        };
        let answers = Rc::new(Cell::new(0));
        let counter = Rc::clone(&answers);
        cache.on_evict(Box::new(move |s, evicted| {
            counter.set(counter.get() - answer_size(s, evicted.value));
        }));
        Ok(Self {
            cache,
            request: s.shape("Request", &["url", "id"])?,
            payload: s.shape("Payload", &["status", "body"])?,
            answers,
        })
    }

    /// Makes the answer to a request.
    fn answer<'s, 'h>(
        &self,
        s: &mut Scope<'s, 'h>,
        number: u64,
        bytes: usize,
    ) -> Result<Local<'s, 'h>, HeapLimitReached> {
        s.escape(|t| {
            let body = t.bytes(bytes)?;
            if let Some((mark, _)) = t.raw_mut(body).split_first_chunk_mut() {
                *mark = number.to_le_bytes();
            }
            t.object_with(self.payload, [Smi::wrapping(200).into(), body.into()])
        })
    }
}

/// Bytes of an answer with its body.
fn answer_size<'h>(s: &Scope<'_, 'h>, payload: impl Operand<'h>) -> u64 {
    (s.size_of(payload) + s.size_of(s.get(payload, BODY))) as u64
}

impl Workload for CacheServer {
    fn set_up(
        &mut self,
        s: &mut Scope<'_, '_>,
        _: &mut WorkloadContext,
    ) -> Result<(), WorkloadError> {
        self.running = Some(Running::new(self.policy, s)?);
        Ok(())
    }

    fn tick(
        &mut self,
        s: &mut Scope<'_, '_>,
        cx: &mut WorkloadContext,
    ) -> Result<(), WorkloadError> {
        let number = self.next_key(cx);
        let bytes = self.answer_bytes(number);
        let Some(running) = &mut self.running else {
            return Err(WorkloadError::Failed("a tick before the set-up".into()));
        };
        // The request itself lives for a tick, as most objects do.
        let url = s.string(&self.key)?;
        let id = Smi::wrapping(cx.tick() as i32);
        s.object_with(running.request, [url.into(), id.into()])?;
        if let Policy::Ttl(span) = self.policy {
            running.cache.advance(s, cx.reading(span));
        }
        if let Some(payload) = running.cache.get(s, &self.key) {
            let status = s.as_integer(s.get(payload, STATUS));
            let body = s.raw(s.get(payload, BODY));
            if status != Some(200) || body.first_chunk() != Some(&number.to_le_bytes()) {
                let key = &self.key;
                return Err(WorkloadError::Failed(format!(
                    "the cache answered {key} with another key's payload"
                )));
            }
            return Ok(());
        }
        let payload = running.answer(s, number, bytes)?;
        let declared = (self.key.len() + bytes) as u64;
        let size = answer_size(s, payload);
        // Counted first: a payload too large for the cache is not told to the listener.
        match running
            .cache
            .put(s, &self.key, Init::Rooted(payload), declared)?
        {
            crate::limiter::Put::TooLarge => {}
            _ => running.answers.set(running.answers.get() + size),
        }
        Ok(())
    }

    fn sample(&mut self, s: &Scope<'_, '_>, values: &mut SampleValues) {
        let Some(running) = &self.running else {
            return;
        };
        let statistics = running.cache.statistics();
        let (hits, reads) = (statistics.hits, statistics.hits + statistics.misses);
        let (hits_before, reads_before) = std::mem::replace(&mut self.sampled, (hits, reads));
        values.set("entries", running.cache.len() as f64);
        if reads > reads_before {
            let share = (hits - hits_before) as f64 / (reads - reads_before) as f64;
            values.set("hit_rate", share);
        }
        let retained = running.cache.own_bytes(s) + running.answers.get();
        values.set("retained_bytes", retained as f64);
        values.set("declared_bytes", running.cache.bytes() as f64);
    }

    fn counters(&self, s: &Scope<'_, '_>) -> Vec<Counter> {
        let Some(running) = &self.running else {
            return Vec::new();
        };
        let (cache, statistics) = (&running.cache, running.cache.statistics());
        let declared = cache.bytes();
        let retained = cache.own_bytes(s) + running.answers.get();
        let mut counters = vec![
            Counter::count("hits", "Reads that found their key", statistics.hits),
            Counter::count("misses", "Reads that did not", statistics.misses),
            Counter::new("hit_rate", "Hit rate", Unit::Ratio, statistics.hit_rate()),
            Counter::count("entries", "Entries at the end", cache.len() as u64),
            Counter::bytes("declared_bytes", "Their declared bytes", declared),
            Counter::bytes("retained_bytes", "Bytes they really retain", retained),
            Counter::new(
                "retained_to_declared",
                "Retained for each declared byte",
                Unit::Number,
                retained as f64 / declared.max(1) as f64,
            ),
        ];
        let causes = match self.policy {
            Policy::Unbounded => &[][..],
            Policy::Lru(_) => &[Cause::Capacity, Cause::Bytes],
            Policy::Fifo(_) => &[Cause::Capacity],
            Policy::Ttl(_) => &[Cause::Expired],
        };
        counters.extend(causes.iter().map(|&cause| {
            let (name, title) = match cause {
                Cause::Capacity => ("evicted_capacity", "Evicted for want of places"),
                Cause::Bytes => ("evicted_bytes", "Evicted for want of bytes"),
                Cause::Expired => ("evicted_expired", "Evicted when their time was over"),
                Cause::Removed => ("removed", "Removed on request"),
                Cause::Replaced => ("replaced", "Replaced"),
            };
            Counter::count(name, title, statistics.evictions(cause))
        }));
        counters
    }
}
