//! Analyses: one file each, with its complexity and its source. The naive judges are in the file's own tests, in
//! `src/tests/naive.rs` (summary) and in `src/tests/oracles.rs` (the others that list things).
//!
//! Every analysis takes a [`Snapshot`](crate::Snapshot) and gives plain structs that serialise.

pub mod closures;
pub mod collections;
pub mod diff;
pub mod dominators;
pub mod filter;
pub mod find;
pub mod growth;
pub mod node;
pub mod retainers;
mod scopes;
pub mod statistics;
pub mod strings;
pub mod summary;
pub mod validate;
pub mod words;

/// The first rows of a list in order, and how many there are in all.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Top<T> {
    /// Rows in all, those left out included.
    pub count: u64,
    /// The first ones.
    pub rows: Vec<T>,
}

impl<T> Top<T> {
    /// Keeps the first `limit` of `all`, which are in order, and describes only those.
    fn of<A>(mut all: Vec<A>, limit: usize, describe: impl FnMut(A) -> T) -> Top<T> {
        let count = all.len() as u64;
        all.truncate(limit);
        Top {
            count,
            rows: all.into_iter().map(describe).collect(),
        }
    }
}
