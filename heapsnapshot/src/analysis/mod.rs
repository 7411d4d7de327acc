//! Analyses: one file each, with its complexity, its source and a naive judge in its tests.
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
