//! What can go wrong with a run's folder, said with the file, the line, and what to do.

use std::io;
use std::path::PathBuf;

/// A run's folder could not be written or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecordError {
    /// The operating system refused something.
    #[error("{}: cannot {action}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What was tried: `create`, `read`, `write`.
        action: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// The folder holds no run.
    #[error("{}: no {} here; give a folder that `heaplab run` wrote", path.display(), super::RUN_FILE)]
    NotARun {
        /// The folder.
        path: PathBuf,
    },
    /// The folder holds a run already.
    #[error("{}: there is a run in this folder already; choose another", path.display())]
    Occupied {
        /// The folder.
        path: PathBuf,
    },
    /// A file is not what the format says.
    #[error("{}:{line}:{column}: {message}", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
        /// What is wrong.
        message: String,
    },
    /// The record was made by a newer heaplab.
    #[error(
        "{}:1: the record has format version {found}, this heaplab reads up to {}; use a newer heaplab",
        path.display(),
        super::FORMAT_VERSION
    )]
    TooNew {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u64,
    },
}

impl RecordError {
    /// An I/O error at `path` while doing `action`.
    pub(crate) fn io(
        path: impl Into<PathBuf>,
        action: &'static str,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io {
            path,
            action,
            source,
        }
    }
}
