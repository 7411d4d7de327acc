//! Reads, analyses and writes `.heapsnapshot` files as Chrome DevTools does.

pub mod scanner;
