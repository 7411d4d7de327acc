//! Analyses: one file each, with its complexity and its source. The naive judges are in the files' own tests (retainers,
//! filters) and in `src/tests`: `naive.rs` (summary), `sentences.rs` (words), `rules.rs` (validate), `details.rs` (node),
//! `scopes.rs`, and `oracles.rs` (the others).
//!
//! Every analysis takes a [`Snapshot`](crate::Snapshot) and gives plain structs that serialise.
//!
//! ```
//! use heapsnapshot::Snapshot;
//! use heapsnapshot::analysis::find::{Query, find};
//! use heapsnapshot::analysis::retainers::node_retainers;
//! use heapsnapshot::analysis::statistics::statistics;
//! use heapsnapshot::analysis::validate::validate;
//!
//! let text = br#"{"snapshot":{"meta":{
//!     "node_fields":["type","name","id","self_size","edge_count"],
//!     "node_types":[["synthetic","object","string"]],
//!     "edge_fields":["type","name_or_index","to_node"],
//!     "edge_types":[["property"]]},"node_count":3,"edge_count":2},
//!     "nodes":[0,0,1,0,1, 1,1,3,24,1, 2,2,5,40,0],
//!     "edges":[0,3,5, 0,4,10],
//!     "strings":["","Cache","a page","cache","page"]}"#;
//! let snapshot = Snapshot::parse(&text[..])?;
//! assert!(validate(&snapshot).is_empty());
//! assert_eq!(statistics(&snapshot).strings, 40);
//!
//! let query = Query { contains: Some("page".into()), ..Query::default() };
//! let found = find(&snapshot, &query, 10);
//! assert_eq!((found.count, found.shallow), (1, 40));
//!
//! let page = snapshot.node_by_id(found.rows[0].id).expect("it was found");
//! let why = node_retainers(page, 1);
//! assert_eq!(why.paths[0].steps[0].words, "property `page` of `Cache`");
//! # Ok::<(), heapsnapshot::ReadError>(())
//! ```

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
