//! Things that take one another's place, and the method that keeps them all.

use heaplab_gc::{Global, HeapLimitReached, Immediate, Local, Scope, Shape};

use super::server::Cure;
use crate::error::WorkloadError;

/// Slot of the server's context that holds the present thing.
pub(super) const THE_THING: usize = 2;
/// Slot of a Thing.
const SOME_METHOD: usize = 1;
/// Slot of a closure that holds its context.
const CONTEXT: usize = 0;
/// Slot of the context of `replaceThing`.
const ORIGINAL_THING: usize = 1;

/// Makes things.
pub(super) struct Things {
    thing: Shape,
    /// The scope of `replaceThing`, shared by both closures made in it.
    shared: Shape,
    /// A scope without variables of its own.
    own: Shape,
    unused: Shape,
    some_method: Shape,
    /// Text of a thing.
    long_text: String,
}

impl Things {
    /// Makes things whose text has `bytes` bytes.
    pub(super) fn new(s: &mut Scope<'_, '_>, bytes: usize) -> Result<Self, WorkloadError> {
        Ok(Self {
            thing: s.shape("Thing", &["longStr", "someMethod"])?,
            shared: s.context_shape("replaceThing", &["originalThing"])?,
            own: s.context_shape("makeThing", &[])?,
            unused: s.closure_shape("unused", &[])?,
            some_method: s.closure_shape("someMethod", &[])?,
            long_text: "*".repeat(bytes),
        })
    }

    /// Puts a new thing in the place of the one that `server`'s context holds.
    pub(super) fn replace(
        &self,
        scope: &mut Scope<'_, '_>,
        server: &Global,
        cure: Option<Cure>,
    ) -> Result<(), HeapLimitReached> {
        scope.scope(|s| {
            let server = s.local(server);
            let shared = s.object(self.shared)?;
            s.set(shared, ORIGINAL_THING, s.get(server, THE_THING));
            // Uses the original thing, which is why the shared context holds it; never called.
            s.closure(self.unused, shared)?;
            let context = match cure {
                Some(Cure::Narrow) => s.object(self.own)?,
                _ => shared,
            };
            let thing = self.thing(s, context)?;
            s.set(server, THE_THING, thing);
            if cure == Some(Cure::Release) {
                // The last line of the function: what is not needed any more is let go.
                s.set(shared, ORIGINAL_THING, Immediate::Null);
            }
            Ok(())
        })
    }

    fn thing<'s, 'h>(
        &self,
        s: &mut Scope<'s, 'h>,
        context: Local<'s, 'h>,
    ) -> Result<Local<'s, 'h>, HeapLimitReached> {
        let text = s.string(&self.long_text)?;
        let method = s.closure(self.some_method, context)?;
        s.object_with(self.thing, [text.into(), method.into()])
    }

    /// How many things the present one keeps, itself included.
    pub(super) fn kept(&self, s: &Scope<'_, '_>, server: &Global) -> u64 {
        let mut kept = 0;
        let mut thing = s.get(s.peek(server), THE_THING);
        while s
            .shape_of(thing)
            .is_some_and(|shape| &*shape.name == "Thing")
        {
            kept += 1;
            let context = s.get(s.get(thing, SOME_METHOD), CONTEXT);
            if s.slot_count(context) <= ORIGINAL_THING {
                break;
            }
            thing = s.get(context, ORIGINAL_THING);
        }
        kept
    }
}
