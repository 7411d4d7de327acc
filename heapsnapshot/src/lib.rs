//! Reads, analyses and writes `.heapsnapshot` files as Chrome DevTools does.
#![deny(unsafe_code)]

pub mod format;
pub mod scanner;
pub mod source;
pub mod writer;
