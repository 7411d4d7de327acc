//! Heap snapshots.
