//! The object graph in memory: flat columns, and small handles to walk them.
//!
//! ```
//! use heapsnapshot::Snapshot;
//!
//! let text = br#"{"snapshot":{"meta":{
//!     "node_fields":["type","name","id","self_size","edge_count"],
//!     "node_types":[["synthetic","object"]],
//!     "edge_fields":["type","name_or_index","to_node"],
//!     "edge_types":[["property"]]},"node_count":2,"edge_count":1},
//!     "nodes":[0,0,1,0,1, 1,1,3,24,0],
//!     "edges":[0,2,5],
//!     "strings":["","Cache","entries"]}"#;
//! let snapshot = Snapshot::parse(&text[..]).unwrap();
//! let edge = snapshot.root().edges().next().unwrap();
//! assert_eq!(edge.name(), "entries");
//! assert_eq!(edge.to().name(), "Cache");
//! assert_eq!(snapshot.dominators().retained_size(snapshot.root().ordinal()), 24);
//! ```

mod columns;
mod handles;
mod retainers;
mod snapshot;

pub(crate) use columns::{EdgeColumns, NodeColumns, Passage, Target};
pub use columns::{EdgeOrdinal, NodeId, NodeOrdinal};
pub use handles::{EdgeName, EdgeRef, NodeRef};
pub use retainers::Retainers;
pub(crate) use snapshot::Locations;
pub use snapshot::{Location, Oddity, ReadReport, Section, Snapshot};
