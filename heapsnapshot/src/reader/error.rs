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

/// Where in a file something is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Position {
    /// Byte offset in the uncompressed text.
    Byte(u64),
    /// Ordinal of a node in the file.
    Node(u64),
    /// Ordinal of an edge in the file.
    Edge(u64),
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Position::Byte(offset) => write!(f, "byte {offset}"),
            Position::Node(node) => write!(f, "node {node}"),
            Position::Edge(edge) => write!(f, "edge {edge}"),
        }
    }
}

/// What makes a file less than its writer had to say: where it stopped making sense, or the first of its numbers that
/// cannot be right.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Damage {
    /// The section concerned, such as `edges`; empty behind the end of the document.
    pub section: String,
    /// Where.
    pub position: Position,
    /// What is wrong there.
    pub reason: String,
    /// Reading ended there: only what came before was read. Else all was read, and numbers contradict each other.
    pub cut: bool,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.section.is_empty() {
            write!(f, "section \"{}\", ", self.section)?;
        }
        write!(f, "{}: {}", self.position, self.reason)
    }
}
