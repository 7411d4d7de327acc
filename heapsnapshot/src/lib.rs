//! Heap snapshots: writing, reading and analysing `.heapsnapshot` files as Chrome DevTools does.
//!
//! ```no_run
//! use heapsnapshot::Snapshot;
//! use heapsnapshot::analysis::summary::{GroupBy, summary};
//!
//! let snapshot = Snapshot::open("app.heapsnapshot")?;
//! for class in summary(&snapshot, GroupBy::Class, None).rows.iter().take(10) {
//!     println!("{:>12} bytes kept by {} × {}", class.retained, class.count, class.name);
//! }
//! # Ok::<(), heapsnapshot::ReadError>(())
//! ```
#![deny(unsafe_code)]

pub mod analysis;
mod bits;
pub mod classes;
pub mod distances;
pub mod dom_state;
pub mod dominators;
pub mod export;
pub mod format;
pub mod gate;
#[cfg(feature = "gc")]
pub mod gc_source;
pub mod graph;
pub mod index;
pub mod leaks;
mod memory;
mod paths;
pub mod reader;
pub mod redact;
mod roots;
pub mod scanner;
mod shallow;
pub mod source;
pub mod strings;
#[cfg(test)]
mod tests;
mod toml_file;
mod weak_maps;
pub mod writer;

pub use graph::{EdgeName, EdgeOrdinal, EdgeRef, NodeId, NodeOrdinal, NodeRef, Snapshot};
pub use reader::{Input, ReadError, ReadOptions};
