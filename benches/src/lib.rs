//! Benchmarks of heaplab.
#![forbid(unsafe_code)]
