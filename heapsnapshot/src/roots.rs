//! User roots, and what a page owns.
//!
//! Node up to version 22 and old Chromium hang the global object right on the root, beside
//! `(GC roots)`: a *user root*. Then DevTools shows distances from there, gives the sizes of
//! internal arrays to their owners, and takes references from outside the page into it as not
//! retaining.

use crate::bits::BitSet;
use crate::format::{EdgeType, NodeType};
use crate::graph::Snapshot;

const DOCUMENTS: &str = "(Document DOM trees)";

/// The targets of the root's edges that stand for user code.
#[derive(Debug)]
pub(crate) struct UserRoots {
    /// In edge order, a node once per edge.
    pub(crate) nodes: Vec<u32>,
    /// Nodes the page owns; `None` if there is no page.
    page: Option<BitSet>,
}

impl UserRoots {
    /// Complexity: the root's edges, and one walk over what the page reaches.
    pub(crate) fn find(snapshot: &Snapshot) -> UserRoots {
        let (nodes, edges) = (&snapshot.nodes, &snapshot.edges);
        let is_documents = |node: usize| {
            nodes.is(node, NodeType::Synthetic)
                && *snapshot.strings.wtf8(nodes.name[node]) == *DOCUMENTS.as_bytes()
        };
        let mut user_roots = Vec::new();
        let mut entries = Vec::new();
        for edge in nodes.edges_of(snapshot.root) {
            let to = edges.to[edge] as usize;
            let documents = is_documents(to);
            if documents || !nodes.is(to, NodeType::Synthetic) {
                user_roots.push(to as u32);
            }
            let kind = edges.kind(edge);
            if kind == EdgeType::Shortcut as u8 || (kind == EdgeType::Element as u8 && documents) {
                entries.push(to as u32);
            }
        }
        let page = (!entries.is_empty()).then(|| reach(snapshot, entries));
        UserRoots {
            nodes: user_roots,
            page,
        }
    }

    /// Whether there are any.
    pub(crate) fn exist(&self) -> bool {
        !self.nodes.is_empty()
    }

    /// The nodes the page owns, if there is a page.
    #[inline(always)]
    pub(crate) fn page(&self) -> Option<&BitSet> {
        self.page.as_ref()
    }
}

/// Everything reachable from `entries` over edges that are not weak.
fn reach(snapshot: &Snapshot, entries: Vec<u32>) -> BitSet {
    let (nodes, edges) = (&snapshot.nodes, &snapshot.edges);
    let mut reached = BitSet::new(nodes.len());
    let mut pending = entries;
    pending.retain(|&node| reached.insert(node as usize));
    while let Some(node) = pending.pop() {
        for edge in nodes.edges_of(node as usize) {
            let to = edges.to[edge];
            if !reached.contains(to as usize) && !edges.is(edge, EdgeType::Weak) {
                reached.insert(to as usize);
                pending.push(to);
            }
        }
    }
    reached
}
