//! An event emitter, and the listeners that requests register with it.

use heaplab_gc::{Global, HeapLimitReached, Local, Operand, Ref, Scope, Shape, Smi};

use super::server::Cure;
use crate::error::WorkloadError;

/// Slot of the EventEmitter.
const LISTENERS: usize = 0;
/// Slot of a closure that holds its context.
const CONTEXT: usize = 0;
// Slots of a context: the first is the enclosing one.
const ID: usize = 1;
const REQUEST: usize = 2;

/// Listeners by the id of the request that registered them.
pub(super) struct Emitter {
    emitter: Global,
    shapes: Shapes,
    /// Bytes of the listeners with all that only they keep.
    captured: u64,
    listeners: usize,
}

#[derive(Clone, Copy)]
struct Shapes {
    request: Shape,
    /// The scope of `handleRequest`, shared by all closures made in it.
    wide: Shape,
    /// A scope that has what the listener uses.
    narrow: Shape,
    log_request: Shape,
    on_shutdown: Shape,
}

impl Emitter {
    pub(super) fn new(s: &mut Scope<'_, '_>) -> Result<Self, WorkloadError> {
        let emitter = s.shape("EventEmitter", &["listeners"])?;
        let shapes = Shapes {
            request: s.shape("Request", &["url", "body"])?,
            wide: s.context_shape("handleRequest", &["id", "request"])?,
            narrow: s.context_shape("listen", &["id"])?,
            log_request: s.closure_shape("logRequest", &[])?,
            on_shutdown: s.closure_shape("onShutdown", &[])?,
        };
        let emitter = s.scope(|s| {
            let listeners = s.map()?;
            let emitter = s.object_with(emitter, [listeners.into()])?;
            Ok::<Global, HeapLimitReached>(s.global(emitter))
        })?;
        Ok(Self {
            emitter,
            shapes,
            captured: 0,
            listeners: 0,
        })
    }

    /// The EventEmitter on the heap.
    pub(super) fn object(&self) -> &Global {
        &self.emitter
    }

    pub(super) fn listeners(&self) -> usize {
        self.listeners
    }

    /// Bytes that the listeners keep.
    pub(super) fn captured(&self) -> u64 {
        self.captured
    }

    /// Handles a request: logs it, and registers a listener for the server's shutdown.
    pub(super) fn handle_request(
        &mut self,
        scope: &mut Scope<'_, '_>,
        cure: Option<Cure>,
        id: i32,
        url: &str,
        body: usize,
    ) -> Result<(), HeapLimitReached> {
        let bytes = scope.scope(|s| {
            let request = self.request(s, url, body)?;
            let id = Smi::wrapping(id);
            let context = s.object(self.shapes.wide)?;
            s.set(context, ID, id);
            s.set(context, REQUEST, request);
            // Called at once and forgotten; but it is what puts the request into the context.
            let log_request = s.closure(self.shapes.log_request, context)?;
            debug_assert!(logged_url(s, log_request).is_some());
            let scope_of_listener = match cure {
                Some(Cure::Narrow) => {
                    let narrow = s.object(self.shapes.narrow)?;
                    s.set(narrow, ID, id);
                    narrow
                }
                _ => context,
            };
            let on_shutdown = s.closure(self.shapes.on_shutdown, scope_of_listener)?;
            let listeners = s.root(s.get(s.peek(&self.emitter), LISTENERS));
            s.map_set(listeners, id, on_shutdown)?;
            Ok::<u64, HeapLimitReached>(captured_bytes(s, on_shutdown))
        })?;
        self.captured += bytes;
        self.listeners += 1;
        Ok(())
    }

    /// Removes the listener of request `id`.
    pub(super) fn release(&mut self, s: &Scope<'_, '_>, id: i32) -> Result<(), WorkloadError> {
        let listeners = s.get(s.peek(&self.emitter), LISTENERS);
        let Some(listener) = s.map_remove(listeners, Smi::wrapping(id)) else {
            return Err(WorkloadError::Failed(format!(
                "request {id} has no listener"
            )));
        };
        let captured = s.as_integer(s.get(s.get(listener, CONTEXT), ID));
        if captured != Some(id) {
            return Err(WorkloadError::Failed(format!(
                "the listener of request {id} captured the id {captured:?}"
            )));
        }
        self.captured -= captured_bytes(s, listener);
        self.listeners -= 1;
        Ok(())
    }

    fn request<'s, 'h>(
        &self,
        s: &mut Scope<'s, 'h>,
        url: &str,
        body: usize,
    ) -> Result<Local<'s, 'h>, HeapLimitReached> {
        let (url, body) = (s.string(url)?, s.bytes(body)?);
        s.object_with(self.shapes.request, [url.into(), body.into()])
    }
}

/// What `logRequest` reads: the captured request's URL.
fn logged_url<'r, 'h>(s: &'r Scope<'_, 'h>, log_request: impl Operand<'h>) -> Option<&'r str> {
    let request = s.get(s.get(log_request, CONTEXT), REQUEST);
    s.as_str(s.get(request, 0))
}

/// Bytes of a listener with all that only it keeps.
fn captured_bytes<'h>(s: &Scope<'_, 'h>, listener: impl Operand<'h>) -> u64 {
    let context = s.get(listener, CONTEXT);
    let mut bytes = s.size_of(listener) + s.size_of(context);
    if s.slot_count(context) > REQUEST {
        let request: Ref<'_, 'h> = s.get(context, REQUEST);
        bytes += s.size_of(request) + s.size_of(s.get(request, 0)) + s.size_of(s.get(request, 1));
    }
    bytes as u64
}
