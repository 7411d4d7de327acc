//! A cache that never forgets, and three that do.
//!
//! Each request asks for a page. Some pages are asked for again and again, by Zipf's law; a share of the requests asks for
//! something that nobody will ask for again: a search, a session. The cache keeps both.
//!
//! ```text
//!  Cache ──entries──► Map ──table──► "/articles/17" ↦ CacheEntry ──value──► Payload ──body──► Bytes
//! ```

mod description;
mod server;
mod unbounded;

pub use description::DESCRIPTION;
pub use unbounded::UnboundedCache;
