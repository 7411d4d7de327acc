//! Leaks on demand.
#![forbid(unsafe_code)]
