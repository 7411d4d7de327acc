//! The server that keeps a token of each session.

use std::collections::{HashMap, VecDeque};

use heaplab_gc::{Global, HeapLimitReached, Local, Operand, Ref, Scope, Shape, Smi};

use super::pool::{self, BufferPool, SlabState};
use crate::error::WorkloadError;
use crate::parameter::{Parameters, Span, Unit};
use crate::random::Random;
use crate::workload::{Counter, SampleValues, Workload, WorkloadContext};

// Slots of the SessionStore.
const SESSIONS: usize = 0;
const UPLOADS: usize = 1;
/// Slot of a Session.
const TOKEN: usize = 0;
/// Where the token lies in a request: a header comes before it.
const TOKEN_AT: usize = 16;

/// What is done against the leak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cure {
    Copy,
    Text,
    /// At most so many sessions.
    Bound(usize),
}

/// The workload `buffers`.
pub(super) struct BufferServer {
    cure: Option<Cure>,
    request: u64,
    new: f64,
    life: Span,
    token: usize,
    slab: usize,
    uploads: f64,
    upload: usize,
    upload_time: Span,
    running: Option<Running>,
}

/// What there is from the set-up on.
struct Running {
    pool: BufferPool,
    store: Global,
    session: Shape,
    /// When each live session ends, and its id; the oldest first, which are those that end first.
    live: VecDeque<(u64, i32)>,
    /// When the body of each upload is done with.
    uploading: VecDeque<u64>,
    /// Sessions that keep a slab, by its number.
    kept: HashMap<u64, u32>,
    /// Bytes of the sessions with their tokens, slabs not counted: on the heap, and outside.
    held: u64,
    counts: Counts,
    next_id: i32,
}

#[derive(Clone, Copy, Default)]
struct Counts {
    requests: u64,
    begun: u64,
    ended: u64,
    ended_early: u64,
    uploads: u64,
}

impl BufferServer {
    pub(super) fn new(parameters: &Parameters, cure: Option<&str>) -> Self {
        Self {
            cure: match cure {
                Some("copy") => Some(Cure::Copy),
                Some("text") => Some(Cure::Text),
                Some("bound") => Some(Cure::Bound(parameters.count("sessions") as usize)),
                _ => None,
            },
            request: parameters.count("request"),
            new: parameters.number("new"),
            life: parameters.span("life"),
            token: parameters.count("token") as usize,
            slab: parameters.count("slab") as usize,
            uploads: parameters.number("uploads"),
            upload: parameters.count("upload") as usize,
            upload_time: parameters.span("upload-time"),
            running: None,
        }
    }

    /// Bytes of the next request: a header and a token fit in any case.
    fn request_bytes(&self, random: &mut Random) -> usize {
        let bytes = random.between(self.request / 2, self.request + self.request / 2);
        (bytes as usize).max(TOKEN_AT + self.token)
    }
}

impl Running {
    fn new(s: &mut Scope<'_, '_>, slab: usize) -> Result<Self, WorkloadError> {
        let pool = BufferPool::new(s, slab)?;
        let store = s.shape("SessionStore", &["sessions", "uploads"])?;
        let session = s.shape("Session", &["token"])?;
        let store = s.scope(|s| {
            let (sessions, uploads) = (s.map()?, s.deque()?);
            let store = s.object_with(store, [sessions.into(), uploads.into()])?;
            Ok::<Global, HeapLimitReached>(s.global(store))
        })?;
        Ok(Self {
            pool,
            store,
            session,
            live: VecDeque::new(),
            uploading: VecDeque::new(),
            kept: HashMap::new(),
            held: 0,
            counts: Counts::default(),
            next_id: 0,
        })
    }

    fn slot<'r, 'h>(&self, s: &'r Scope<'_, 'h>, slot: usize) -> Ref<'r, 'h> {
        s.get(s.peek(&self.store), slot)
    }

    /// Reads a request of session `id` into a buffer.
    fn read<'s, 'h>(
        &mut self,
        s: &mut Scope<'s, 'h>,
        id: i32,
        bytes: usize,
        token: usize,
    ) -> Result<Local<'s, 'h>, HeapLimitReached> {
        let request = self.pool.alloc(s, bytes)?;
        let contents = &pool::contents(s, request)[TOKEN_AT..TOKEN_AT + token];
        for (byte, sign) in contents.iter().zip(token_of(id)) {
            byte.set(sign);
        }
        Ok(request)
    }

    /// Begins a session with its first request.
    fn begin(
        &mut self,
        scope: &mut Scope<'_, '_>,
        cure: Option<Cure>,
        id: i32,
        bytes: usize,
        token: usize,
        ends: u64,
    ) -> Result<(), HeapLimitReached> {
        let (slab, held) = scope.scope(|s| {
            let request = self.read(s, id, bytes, token)?;
            let slice = self.pool.subarray(s, request, TOKEN_AT, token)?;
            let kept = match cure {
                None | Some(Cure::Bound(_)) => slice,
                Some(Cure::Copy) => {
                    let copy = self.pool.alloc_slow(s, token)?;
                    let (from, to) = (pool::contents(s, slice), pool::contents(s, copy));
                    from.iter()
                        .zip(to)
                        .for_each(|(from, to)| to.set(from.get()));
                    copy
                }
                Some(Cure::Text) => {
                    let text: String = pool::contents(s, slice)
                        .iter()
                        .map(|byte| char::from(byte.get()))
                        .collect();
                    s.string(&text)?
                }
            };
            let session = s.object_with(self.session, [kept.into()])?;
            let sessions = s.root(self.slot(s, SESSIONS));
            s.map_set(sessions, Smi::wrapping(id), session)?;
            Ok::<_, HeapLimitReached>((slab_of(s, kept), held_bytes(s, session, token)))
        })?;
        if let Some(slab) = slab {
            *self.kept.entry(slab).or_default() += 1;
        }
        self.held += held;
        self.live.push_back((ends, id));
        self.counts.begun += 1;
        Ok(())
    }

    /// Serves a request of a session: its token must be the one that the session keeps.
    fn serve(
        &mut self,
        scope: &mut Scope<'_, '_>,
        id: i32,
        bytes: usize,
        token: usize,
    ) -> Result<(), WorkloadError> {
        scope.scope(|s| {
            let request = self.read(s, id, bytes, token)?;
            let Some(session) = s.map_get(self.slot(s, SESSIONS), Smi::wrapping(id)) else {
                return Err(WorkloadError::Failed(format!("session {id} is not there")));
            };
            let given = &pool::contents(s, request)[TOKEN_AT..TOKEN_AT + token];
            let kept = s.get(session, TOKEN);
            let same = match s.as_str(kept) {
                Some(text) => text.bytes().eq(given.iter().map(|byte| byte.get())),
                None => pool::contents(s, kept) == given,
            };
            if same {
                return Ok(());
            }
            Err(WorkloadError::Failed(format!(
                "session {id} keeps another session's token"
            )))
        })
    }

    /// Ends the oldest session.
    fn end_oldest(&mut self, s: &Scope<'_, '_>, token: usize) -> Result<(), WorkloadError> {
        let Some((_, id)) = self.live.pop_front() else {
            return Ok(());
        };
        let Some(session) = s.map_remove(self.slot(s, SESSIONS), Smi::wrapping(id)) else {
            return Err(WorkloadError::Failed(format!("session {id} is not there")));
        };
        self.held -= held_bytes(s, session, token);
        if let Some(slab) = slab_of(s, s.get(session, TOKEN))
            && let Some(slices) = self.kept.get_mut(&slab)
        {
            *slices -= 1;
            if *slices == 0 {
                self.kept.remove(&slab);
            }
        }
        self.counts.ended += 1;
        Ok(())
    }

    /// A large body comes in, and stays until it has been stored elsewhere.
    fn receive(
        &mut self,
        scope: &mut Scope<'_, '_>,
        bytes: usize,
        until: u64,
    ) -> Result<(), HeapLimitReached> {
        scope.scope(|s| {
            let body = self.pool.alloc(s, bytes)?;
            let uploads = s.root(self.slot(s, UPLOADS));
            s.deque_push_back(uploads, body)
        })?;
        self.uploading.push_back(until);
        self.counts.uploads += 1;
        Ok(())
    }

    /// Bytes of tokens that the sessions keep.
    fn declared(&self, token: usize) -> u64 {
        (self.live.len() * token) as u64
    }

    /// Bytes that live because of the sessions: on the heap and outside, slabs included.
    fn retained(&self, s: &Scope<'_, '_>) -> u64 {
        let store = s.size_of(s.peek(&self.store)) + s.map_bytes(self.slot(s, SESSIONS));
        store as u64 + self.held + (self.kept.len() * self.pool.slab_bytes()) as u64
    }
}

/// The token of a session: what a hash looks like in hexadecimal.
fn token_of(id: i32) -> impl Iterator<Item = u8> {
    let mut random = Random::new(id as u64);
    std::iter::from_fn(move || Some(b"0123456789abcdef"[random.below(16) as usize]))
}

/// The slab that a session's token keeps, if it is a slice of one.
fn slab_of<'h>(s: &Scope<'_, 'h>, token: impl Operand<'h>) -> Option<u64> {
    match s.as_str(token) {
        Some(_) => None,
        None => pool::slab(s, token),
    }
}

/// Bytes of a session with its token, but for slabs.
fn held_bytes<'h>(s: &Scope<'_, 'h>, session: impl Operand<'h>, token: usize) -> u64 {
    let kept = s.get(session, TOKEN);
    let bytes = match s.as_str(kept) {
        Some(_) => s.size_of(kept) as u64,
        None if pool::slab(s, kept).is_some() => pool::heap_bytes(s, kept),
        None => pool::heap_bytes(s, kept) + token as u64,
    };
    s.size_of(session) as u64 + bytes
}

impl Workload for BufferServer {
    fn set_up(
        &mut self,
        s: &mut Scope<'_, '_>,
        _: &mut WorkloadContext,
    ) -> Result<(), WorkloadError> {
        self.running = Some(Running::new(s, self.slab)?);
        Ok(())
    }

    fn tick(
        &mut self,
        s: &mut Scope<'_, '_>,
        cx: &mut WorkloadContext,
    ) -> Result<(), WorkloadError> {
        let bytes = self.request_bytes(cx.random());
        let (begins, uploads) = (
            cx.random().chance(self.new),
            cx.random().chance(self.uploads),
        );
        let Some(running) = &mut self.running else {
            return Err(WorkloadError::Failed("a tick before the set-up".into()));
        };
        let now = cx.reading(self.life);
        while running.live.front().is_some_and(|&(ends, _)| ends <= now) {
            running.end_oldest(s, self.token)?;
        }
        if begins || running.live.is_empty() {
            if let Some(Cure::Bound(most)) = self.cure
                && running.live.len() >= most
            {
                running.end_oldest(s, self.token)?;
                running.counts.ended_early += 1;
            }
            // Ids begin again after 2³⁰ sessions; by then the first ones have ended.
            let id = running.next_id;
            let ends = now.saturating_add(self.life.length());
            running.begin(s, self.cure, id, bytes, self.token, ends)?;
            running.next_id = (id + 1) % Smi::MAX;
        } else {
            let place = cx.random().below(running.live.len() as u64) as usize;
            running.serve(s, running.live[place].1, bytes, self.token)?;
        }
        running.counts.requests += 1;
        let now = cx.reading(self.upload_time);
        while running.uploading.front().is_some_and(|&until| until <= now) {
            running.uploading.pop_front();
            s.deque_pop_front(running.slot(s, UPLOADS));
        }
        if uploads {
            let until = now.saturating_add(self.upload_time.length());
            running.receive(s, self.upload, until)?;
        }
        Ok(())
    }

    fn sample(&mut self, s: &Scope<'_, '_>, values: &mut SampleValues) {
        let Some(running) = &self.running else {
            return;
        };
        let (slab_bytes, own_bytes) = running.pool.bytes_alive();
        values.set("slabs_alive", running.pool.slabs_alive() as f64);
        values.set("slabs_kept", running.kept.len() as f64);
        values.set("slab_bytes", slab_bytes as f64);
        values.set("own_bytes", own_bytes as f64);
        values.set("retained_bytes", running.retained(s) as f64);
        values.set("declared_bytes", running.declared(self.token) as f64);
    }

    fn counters(&self, s: &Scope<'_, '_>) -> Vec<Counter> {
        let Some(running) = &self.running else {
            return Vec::new();
        };
        let (pool, counts) = (&running.pool, &running.counts);
        let (declared, retained) = (running.declared(self.token), running.retained(s));
        // All but the one at hand are full.
        let in_state = |state| u64::from(pool.state() == state);
        let full = pool.slabs_alive() - 1 + in_state(SlabState::Full);
        let mut counters = vec![
            Counter::count("requests", "Requests", counts.requests),
            Counter::count(
                "uploads",
                "Uploads, with memory of their own",
                counts.uploads,
            ),
            Counter::count("sessions", "Sessions at the end", running.live.len() as u64),
            Counter::count("slabs", "Slabs made", pool.statistics().slabs),
            Counter::count("slabs_full", "Full slabs at the end", full),
            Counter::count(
                "slabs_partial",
                "Partial slabs",
                in_state(SlabState::Partial),
            ),
            Counter::count("slabs_empty", "Empty slabs", in_state(SlabState::Empty)),
            Counter::count(
                "slabs_kept",
                "Slabs that a slice keeps",
                running.kept.len() as u64,
            ),
            Counter::bytes("declared_bytes", "Bytes of the sessions' tokens", declared),
            Counter::bytes("retained_bytes", "Bytes they really retain", retained),
            Counter::new(
                "retained_to_declared",
                "Retained for each declared byte",
                Unit::Number,
                retained as f64 / declared.max(1) as f64,
            ),
        ];
        if let Some(Cure::Bound(_)) = self.cure {
            counters.push(Counter::count(
                "ended_early",
                "Sessions ended for want of places",
                counts.ended_early,
            ));
        }
        counters
    }
}
