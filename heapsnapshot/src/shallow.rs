//! Self sizes as DevTools shows them: internal arrays count for the object that owns them.
//!
//! Only with user roots. An `array`, a `hidden` node or an external string's data that is reached
//! (over edges that are not weak, through other such nodes) from exactly one owner gives its size
//! to it and has none itself. Synthetic owners and the root take nothing.

use crate::format::{EdgeType, NodeType};
use crate::graph::Snapshot;
use crate::memory;

const NOT_VISITED: u32 = u32::MAX;
const SEVERAL: u32 = u32::MAX - 1;
/// How many edges ahead a target is fetched.
const AHEAD: usize = 24;

/// Corrected sizes, if there is anything to correct.
#[derive(Debug)]
pub(crate) struct ShallowSizes(Option<Vec<u32>>);

impl ShallowSizes {
    /// Complexity: each node is scanned at most twice.
    pub(crate) fn compute(snapshot: &Snapshot) -> ShallowSizes {
        if snapshot.raw || !snapshot.user_roots().exist() {
            return ShallowSizes(None);
        }
        let owners = owners(snapshot);
        let nodes = &snapshot.nodes;
        let mut sizes = nodes.self_size.clone();
        for (node, &owner) in owners.iter().enumerate() {
            let owner = owner as usize;
            if owner >= nodes.len() || owner == node {
                continue;
            }
            if nodes.is(owner, NodeType::Synthetic) || owner == snapshot.root {
                continue;
            }
            let size = std::mem::take(&mut sizes[node]);
            sizes[owner] = sizes[owner].wrapping_add(size);
        }
        ShallowSizes(Some(sizes))
    }

    /// The sizes in force.
    pub(crate) fn sizes<'a>(&'a self, snapshot: &'a Snapshot) -> &'a [u32] {
        self.0.as_deref().unwrap_or(&snapshot.nodes.self_size)
    }
}

/// The owner of each node: itself, another node, [`SEVERAL`] or [`NOT_VISITED`].
fn owners(snapshot: &Snapshot) -> Vec<u32> {
    let (nodes, edges) = (&snapshot.nodes, &snapshot.edges);
    let external = snapshot.strings.find("system / ExternalStringData");
    let is_owned = |node: usize| {
        let kind = nodes.kind[node];
        kind == NodeType::Hidden as u8
            || kind == NodeType::Array as u8
            || (kind == NodeType::Native as u8
                && external.contains(&nodes.name[node])
                && !snapshot.dom_state().is_renamed(node))
    };
    let mut owners: Vec<u32> = (0..nodes.len())
        .map(|node| {
            if is_owned(node) {
                NOT_VISITED
            } else {
                node as u32
            }
        })
        .collect();
    // Nodes whose owner changed; each at most twice: to one owner, then to several.
    let mut pending = Vec::new();
    let scan = |node: usize, owners: &mut Vec<u32>, pending: &mut Vec<u32>| {
        let owner = owners[node];
        for edge in nodes.edges_of(node) {
            if let Some(&ahead) = edges.to.get(edge + AHEAD) {
                memory::prefetch(owners, ahead as usize);
            }
            let to = edges.to[edge];
            let known = owners[to as usize];
            if known == to || known == owner || known == SEVERAL || edges.is(edge, EdgeType::Weak) {
                continue;
            }
            owners[to as usize] = if known == NOT_VISITED { owner } else { SEVERAL };
            pending.push(to);
        }
    };
    for node in 0..nodes.len() {
        if owners[node] == node as u32 {
            scan(node, &mut owners, &mut pending);
            while let Some(owned) = pending.pop() {
                scan(owned as usize, &mut owners, &mut pending);
            }
        }
    }
    owners
}
