//! Why a snapshot could not be written.

use std::io;
use std::path::PathBuf;

use crate::format::{MAX_EDGES, MAX_NODES, MAX_SELF_SIZE};
use crate::source::SourceError;

/// Why a snapshot could not be written. Nothing is left behind: neither part of a file nor a temporary one.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// More nodes than the format's 32-bit node indexes can address; found before anything was written.
    #[error("the heap has {0} nodes; a heap snapshot holds at most {MAX_NODES}")]
    TooManyNodes(u64),
    /// More edges than DevTools can address; found before anything was written.
    #[error("the heap has {0} edges; a heap snapshot holds at most {MAX_EDGES}")]
    TooManyEdges(u64),
    /// An object larger than the format's 32-bit sizes; found before anything was written.
    #[error(
        "the largest object has {0} bytes; a heap snapshot holds objects of at most {MAX_SELF_SIZE}"
    )]
    ObjectTooLarge(u64),
    /// The heap could not be counted; nothing was written.
    #[error("the heap cannot be walked: {0}")]
    Source(#[source] SourceError),
    /// The heap's passes disagree: an error in its [`GraphSource`](crate::source::GraphSource).
    #[error("the heap's walks disagree about {what}: {expected} expected, {found} found")]
    Inconsistent {
        /// What they disagree about.
        what: &'static str,
        /// The figure of the first pass.
        expected: u64,
        /// The figure of a later one.
        found: u64,
    },
    /// The reader of the output has gone away (a closed pipe or socket).
    #[error("the reader of the snapshot has closed its end")]
    Closed,
    /// The disk, or the quota on it, is full.
    #[error("no space left for the snapshot{}", of(path.as_ref()))]
    DiskFull {
        /// The file, if it was one.
        path: Option<PathBuf>,
    },
    /// Any other failure to write.
    #[error("the snapshot cannot be written{}: {error}", of(path.as_ref()))]
    Io {
        /// The file, if it was one.
        path: Option<PathBuf>,
        /// What the system says.
        #[source]
        error: io::Error,
    },
}

fn of(path: Option<&PathBuf>) -> String {
    path.map_or_else(String::new, |path| format!(" ({})", path.display()))
}

impl WriteError {
    /// The error for a failed write, to a file if there is a path.
    pub(super) fn from_io(error: io::Error, path: Option<PathBuf>) -> WriteError {
        match error.kind() {
            io::ErrorKind::BrokenPipe
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted => WriteError::Closed,
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                WriteError::DiskFull { path }
            }
            _ => WriteError::Io { path, error },
        }
    }

    /// The same error, naming the file.
    pub(super) fn at(self, at: &std::path::Path) -> WriteError {
        match self {
            WriteError::DiskFull { path: None } => WriteError::DiskFull {
                path: Some(at.to_path_buf()),
            },
            WriteError::Io { path: None, error } => WriteError::Io {
                path: Some(at.to_path_buf()),
                error,
            },
            other => other,
        }
    }
}
