//! Reading: a stream of bytes becomes a [`Snapshot`](crate::Snapshot).
//!
//! ```text
//! Input ──► Window ──► Sections ──► scanner ──► columns
//! file,     reused     keys,        numbers     nodes, edges,
//! gzip,     buffer     values                   strings
//! zstd
//! ```
//!
//! The text is read once, front to back, in pieces of 256 KiB. Sections may come in any order as
//! long as `snapshot` is valid JSON; what is unknown is skipped and listed. A file that ends early
//! or stops making sense gives what came before. Compressed text is read to the end of its last frame or member, whose
//! checksums are compared.
//!
//! A file whose numbers contradict each other is damaged, too: edges that lead to no node, counts that do not add up,
//! names beyond the strings, fractions, text behind the end. The contradictions are looked for where the numbers are at
//! hand anyway; which node or edge it is, is found out only if there is one. What DevTools takes rightly (blanks, unknown
//! sections and types, sizes of 2^32 and more, counts that are too low) is no damage.
//!
//! ```
//! use heapsnapshot::reader::{Input, ReadError, ReadOptions, read_histogram};
//!
//! let cut = br#"{"snapshot":{"meta":{
//!     "node_fields":["type","name","id","self_size","edge_count"],
//!     "node_types":[["synthetic","object","string"]],
//!     "edge_fields":["type","name_or_index","to_node"],
//!     "edge_types":[["property"]]},"node_count":3,"edge_count":0},
//!     "nodes":[0,0,1,0,0, 1,1,3,24,0, 2,2,5"#;
//! let read = |strict| {
//!     let options = ReadOptions { strict, ..ReadOptions::default() };
//!     read_histogram(Input::from_reader("a cut file", &cut[..])?, &options)
//! };
//! let histogram = read(false)?;
//! assert_eq!((histogram.nodes, histogram.shallow), (2, 24));
//! assert_eq!(histogram.damage.expect("it is cut").section, "nodes");
//! assert!(matches!(read(true), Err(ReadError::Damaged { .. })));
//! # Ok::<(), ReadError>(())
//! ```

mod checks;
mod error;
mod histogram;
mod input;
mod load;
mod meta;
mod records;
mod sections;
mod window;
mod zstd;

pub use error::{Damage, Position, ReadError};
pub use histogram::{Histogram, HistogramRow, read_histogram};
pub use input::Input;
pub use load::ReadOptions;
pub(crate) use load::load;
pub use meta::Meta;
pub(crate) use sections::{Sections, Stop};
