//! The heaplab binary.
#![forbid(unsafe_code)]

fn main() {}
