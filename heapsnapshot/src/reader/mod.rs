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
//! or stops making sense gives what came before.

mod error;
mod histogram;
mod input;
mod load;
mod meta;
mod sections;
mod window;

pub use error::{Damage, ReadError};
pub use histogram::{Histogram, HistogramRow, read_histogram};
pub use input::Input;
pub use load::ReadOptions;
pub(crate) use load::load;
pub use meta::Meta;
pub(crate) use sections::{Sections, Stop};
