//! What can go wrong in a workload while it runs.

use heaplab_gc::{HeapLimitReached, ShapeError};

/// Why a tick did not end.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WorkloadError {
    /// An allocation found no room after everything was tried: how a leak ends.
    #[error(transparent)]
    HeapLimit(#[from] HeapLimitReached),
    /// The heap refuses a class.
    #[error("a class of the workload is impossible: {0}")]
    Shape(#[from] ShapeError),
    /// The workload found itself in a state that cannot be, such as a cached value that is not its key's.
    #[error("{0}")]
    Failed(String),
}
