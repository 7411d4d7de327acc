//! User roots, and what a page owns.
//!
//! Node up to version 22 and old Chromium hang the global object right on the root, beside
//! `(GC roots)`: a *user root*. Then DevTools shows distances from there, gives the sizes of
//! internal arrays to their owners, and takes references from outside the page into it as not
//! retaining.

use crate::format::{EdgeType, NodeType};
use crate::graph::Snapshot;

const DOCUMENTS: &str = "(Document DOM trees)";

/// The targets of the root's edges that stand for user code.
#[derive(Debug)]
pub(crate) struct UserRoots {
    /// In edge order, a node once per edge.
    pub(crate) nodes: Vec<u32>,
    /// The page owns what these reach; none if there is no page.
    pub(crate) entries: Vec<u32>,
}

impl UserRoots {
    /// Complexity: the root's edges.
    pub(crate) fn find(snapshot: &Snapshot) -> UserRoots {
        let (nodes, edges) = (&snapshot.nodes, &snapshot.edges);
        let is_documents = |node: usize| {
            nodes.is(node, NodeType::Synthetic)
                && *snapshot.strings.wtf8(nodes.name[node]) == *DOCUMENTS.as_bytes()
        };
        let mut user_roots = Vec::new();
        let mut entries = Vec::new();
        for edge in nodes.edges_of(snapshot.root) {
            let to = edges.to(edge);
            let documents = is_documents(to);
            if documents || !nodes.is(to, NodeType::Synthetic) {
                user_roots.push(to as u32);
            }
            let kind = edges.kind(edge);
            if kind == EdgeType::Shortcut as u8 || (kind == EdgeType::Element as u8 && documents) {
                entries.push(to as u32);
            }
        }
        UserRoots {
            nodes: user_roots,
            entries,
        }
    }

    /// Whether there are any.
    pub(crate) fn exist(&self) -> bool {
        !self.nodes.is_empty()
    }
}
