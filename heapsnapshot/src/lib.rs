//! Heap snapshots: writing, reading and analysing `.heapsnapshot` files as Chrome DevTools does.
#![deny(unsafe_code)]

pub mod format;
