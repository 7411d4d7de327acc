//! One node: everything known about it.
//!
//! Complexity: its edges and retainers, sorted.
//!
//! Source: what the graph and its derived columns say of it. Oracle: the list that a file was written from, in
//! `src/tests/details.rs`.
//!
//! ```no_run
//! use heapsnapshot::NodeId;
//! use heapsnapshot::analysis::node::node_details;
//!
//! let snapshot = heapsnapshot::Snapshot::open("app.heapsnapshot")?;
//! let node = snapshot.node_by_id(NodeId(4711)).expect("it has this id");
//! let details = node_details(node, 5);
//! println!("{} {}: {} bytes", details.class, details.name, details.retained);
//! for edge in details.retainers {
//!     println!("  kept by {} of {}", edge.words, edge.node);
//! }
//! # Ok::<(), heapsnapshot::ReadError>(())
//! ```

use super::words;
use crate::dom_state::{ATTACHED, DETACHED};
use crate::graph::{EdgeRef, Location, NodeId, NodeOrdinal, NodeRef};

/// An edge of the node, seen from it.
#[derive(Clone, Debug, serde::Serialize)]
pub struct NodeEdge {
    /// Type of the edge.
    pub edge_type: String,
    /// Name of the edge.
    pub name: String,
    /// The edge in words.
    pub words: String,
    /// The node at its other end.
    pub id: NodeId,
    /// That node as a cell shows it.
    pub node: String,
    /// That node's retained size in bytes.
    pub retained: u64,
}

/// All about a node.
#[derive(Clone, Debug, serde::Serialize)]
pub struct NodeDetails {
    /// Its identity.
    pub id: NodeId,
    /// Its position in the file.
    pub ordinal: NodeOrdinal,
    /// Its type.
    pub node_type: String,
    /// Its class.
    pub class: String,
    /// Its name, whole.
    pub name: String,
    /// Its own bytes, with DevTools' correction.
    pub shallow: u64,
    /// Its own bytes in the file.
    pub raw_self_size: u64,
    /// Bytes that would go with it.
    pub retained: u64,
    /// Edges from the roots; nothing if only internal roots reach it.
    pub distance: Option<u32>,
    /// Its immediate dominator.
    pub dominator: NodeId,
    /// The dominator as a cell shows it.
    pub dominator_node: String,
    /// Where its class or function stands in the source.
    pub location: Option<Location>,
    /// `attached` to a document, `detached` from it, or unknown.
    pub dom_state: Option<&'static str>,
    /// Edges that leave it.
    pub edge_count: u64,
    /// Those with the largest targets.
    pub edges: Vec<NodeEdge>,
    /// Edges that point at it.
    pub retainer_count: u64,
    /// The first of them, nearest to the roots first.
    pub retainers: Vec<NodeEdge>,
}

/// Describes a node with at most `limit` edges each way.
#[must_use]
pub fn node_details(node: NodeRef<'_>, limit: usize) -> NodeDetails {
    let snapshot = node.snapshot();
    let mut edges: Vec<EdgeRef<'_>> = node.edges().collect();
    edges.sort_by_key(|edge| std::cmp::Reverse(edge.to().retained_size()));
    let mut retainers: Vec<EdgeRef<'_>> = node.retainers().collect();
    let nearness = |edge: &EdgeRef<'_>| edge.from().distance().unwrap_or(u32::MAX);
    retainers.sort_by_key(nearness);
    let dominator = node.dominator();
    NodeDetails {
        id: node.id(),
        ordinal: node.ordinal(),
        node_type: node.type_name().to_owned(),
        class: node.class_name().into_owned(),
        name: super::strings::text(node).into_owned(),
        shallow: node.self_size(),
        raw_self_size: node.raw_self_size(),
        retained: node.retained_size(),
        distance: node.distance(),
        dominator: dominator.id(),
        dominator_node: words::node(dominator),
        location: node.location(),
        dom_state: match snapshot.dom_state().of(node.ordinal()) {
            ATTACHED => Some("attached"),
            DETACHED => Some("detached"),
            _ => None,
        },
        edge_count: edges.len() as u64,
        edges: edges
            .into_iter()
            .take(limit)
            .map(|edge| describe(edge, edge.to()))
            .collect(),
        retainer_count: retainers.len() as u64,
        retainers: retainers
            .into_iter()
            .take(limit)
            .map(|edge| describe(edge, edge.from()))
            .collect(),
    }
}

fn describe(edge: EdgeRef<'_>, other: NodeRef<'_>) -> NodeEdge {
    NodeEdge {
        edge_type: edge.type_name().to_owned(),
        name: edge.name().to_string(),
        words: words::edge(edge),
        id: other.id(),
        node: words::node(other),
        retained: other.retained_size(),
    }
}
