//! The comparison benches on Rust allocators and collectors.
//!
//! One binary per system, each called with the name of a bench and a number of iterations: `peer-malloc` and
//! `peer-mimalloc` (the same owned-value programs over two allocators), `peer-bumpalo`, `peer-gc-arena`, and
//! `peer-limits`, which holds what the hardware allows. What the benches do is in `benches/peers/README.md`.
#![forbid(unsafe_code)]

pub mod cache_keys;
pub mod owned;
pub mod random;
pub mod report;
