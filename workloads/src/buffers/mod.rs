//! Small slices that keep whole slabs alive.
//!
//! Node cuts small buffers out of slabs of 8 KB (`Buffer.poolSize`), so that not each of them needs memory of its own
//! from the system; what is half a slab or larger gets its own. A slab is free again when the last buffer that was cut
//! from it is gone. The server keeps a token of a few bytes from the first request of each session, and takes it as a
//! slice of the request's buffer: so it keeps the slab, 8 KB for 32 bytes. The heap itself stays small; what grows is
//! memory outside it.
//!
//! ```text
//!  SessionStore ──sessions──► Map ──► Session ──token──► Buffer ──buffer──► ArrayBuffer ──backing_store──► 8 KB
//!  buffer (module) ──allocPool──► the slab at hand                              ▲
//!                                          other requests' buffers, long gone ──┘
//! ```

mod description;
mod pool;
mod server;

pub use description::DESCRIPTION;
pub use pool::{BufferPool, BufferPoolStatistics, SlabState};
