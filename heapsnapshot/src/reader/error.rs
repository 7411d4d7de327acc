//! Why a snapshot could not be read.

use std::fmt;
use std::io;

/// A snapshot could not be read at all (or not whole, with [`ReadOptions::strict`]).
///
/// [`ReadOptions::strict`]: crate::reader::ReadOptions::strict
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The file could not be opened or read.
    #[error("{name}: {source}")]
    Io {
        /// The file, or `standard input`.
        name: String,
        /// What the system said.
        source: io::Error,
    },
    /// The text is no heap snapshot.
    #[error("{name}: byte {offset}: {reason}")]
    NotASnapshot {
        /// The file, or `standard input`.
        name: String,
        /// Where it went wrong, counted in uncompressed bytes.
        offset: u64,
        /// What was found.
        reason: String,
    },
    /// The file is damaged or cut short, and the options ask to refuse such files.
    #[error("{name}: {damage}; read it without the strict option to see what is there")]
    Damaged {
        /// The file, or `standard input`.
        name: String,
        /// Where and how.
        damage: Damage,
    },
    /// The file is larger than this reader's numbers can count.
    #[error("{name}: {reason}")]
    TooLarge {
        /// The file, or `standard input`.
        name: String,
        /// Which limit.
        reason: String,
    },
}

/// Where a file stopped making sense. What came before was read.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Damage {
    /// The section being read, such as `edges`.
    pub section: String,
    /// Byte offset in the uncompressed text.
    pub offset: u64,
    /// What is wrong there.
    pub reason: String,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "section \"{}\", byte {}: {}",
            self.section, self.offset, self.reason
        )
    }
}
