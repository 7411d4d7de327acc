//! Listeners that capture more than they use.
//!
//! In JavaScript all closures made in one scope share one context, and the context holds every variable that *any* of
//! them uses. Two leaks follow, both here:
//!
//! * Each request registers a listener that needs the request's id only. Another closure of the same scope
//!   reads the request, so the context that they share holds the request with its body, for as long as the
//!   listener is registered; and nobody ever removes it.
//! * Now and then a thing takes the place of another. A closure that is never called uses the old thing; the
//!   new thing's method, made in the same scope, uses nothing, but keeps the context, so each thing keeps the
//!   one before it (the leak that Meteor's developers found in 2013).
//!
//! ```text
//!  server ──emitter──► EventEmitter ──listeners──► Map ──► onShutdown() ──context──► handleRequest ──request──► Request
//!     └────theThing──► Thing ──someMethod──► someMethod() ──context──► replaceThing ──originalThing──► Thing ──► …
//! ```

mod description;
mod emitter;
mod server;
mod things;

pub use description::DESCRIPTION;
