//! Which DOM nodes are attached to a document, which are detached, and the names that follow.
//!
//! Engines mark only the nodes they know. *Attached* spreads first to the native nodes reachable
//! over edges that are neither hidden nor weak, then *detached* to those that are left. It stops at
//! JavaScript objects. A detached native node's name gets the prefix `Detached `.
//!
//! Source: `propagateDOMState` in DevTools' `HeapSnapshot.ts`. Oracle: `check_dom_state` in `src/tests/naive.rs`.
//!
//! ```no_run
//! use heapsnapshot::dom_state::DETACHED;
//!
//! let snapshot = heapsnapshot::Snapshot::open("app.heapsnapshot")?;
//! let detached = snapshot.nodes().filter(|node| snapshot.dom_state().of(node.ordinal()) == DETACHED);
//! println!("{} nodes were taken out of their document", detached.count());
//! # Ok::<(), heapsnapshot::ReadError>(())
//! ```

use crate::bits::BitSet;
use crate::format::{EdgeType, NodeType};
use crate::graph::{NodeOrdinal, Snapshot};
use crate::memory;

/// The node is attached to a document.
pub const ATTACHED: u8 = 1;
/// The node was part of a document and is no more.
pub const DETACHED: u8 = 2;

/// The state of every node.
#[derive(Debug, Default)]
pub struct DomState {
    /// Empty if no node has any.
    state: Vec<u8>,
    renamed: BitSet,
}

impl DomState {
    /// Complexity: the nodes, and the edges of native nodes reached.
    pub(crate) fn compute(snapshot: &Snapshot) -> DomState {
        let nodes = &snapshot.nodes;
        if !snapshot
            .meta
            .node_fields
            .iter()
            .any(|field| field == "detachedness")
        {
            return DomState::from_names(snapshot);
        }
        if nodes.detachedness.is_empty() {
            return DomState::default();
        }
        let mut state = memory::with_capacity(nodes.len());
        state.extend(&nodes.detachedness);
        state.resize(nodes.len(), 0);
        let mut visited = BitSet::new(nodes.len());
        let (mut attached, mut detached) = (Vec::new(), Vec::new());
        for (node, &known) in state.iter().enumerate() {
            if known == 0 {
                continue;
            }
            visited.insert(node);
            if nodes.is(node, NodeType::Native) {
                match known {
                    ATTACHED => attached.push(node),
                    DETACHED => detached.push(node),
                    _ => {}
                }
            }
        }
        spread(snapshot, ATTACHED, attached, &mut visited, &mut state);
        spread(snapshot, DETACHED, detached, &mut visited, &mut state);
        let mut renamed = BitSet::new(nodes.len());
        for node in (0..nodes.len())
            .filter(|&node| state[node] == DETACHED && nodes.is(node, NodeType::Native))
        {
            renamed.insert(node);
        }
        DomState { state, renamed }
    }

    /// Files without the field: native nodes that are already named `Detached …`.
    fn from_names(snapshot: &Snapshot) -> DomState {
        let mut starts = BitSet::new(snapshot.strings.len());
        let mut any = false;
        for index in snapshot.strings.containing("Detached ") {
            if snapshot.strings.wtf8(index).starts_with(b"Detached ") {
                any |= starts.insert(index as usize);
            }
        }
        if !any {
            return DomState::default();
        }
        let nodes = &snapshot.nodes;
        let detached = |node: usize| {
            nodes.is(node, NodeType::Native) && starts.contains(nodes.name[node] as usize)
        };
        let state = (0..nodes.len())
            .map(|node| if detached(node) { DETACHED } else { 0 })
            .collect();
        DomState {
            state,
            renamed: BitSet::default(),
        }
    }

    /// 0 unknown, [`ATTACHED`], [`DETACHED`], or what else the file says.
    #[must_use]
    pub fn of(&self, node: NodeOrdinal) -> u8 {
        self.state.get(node.index()).copied().unwrap_or(0)
    }

    /// Whether the node's name gets the prefix.
    #[inline(always)]
    pub(crate) fn is_renamed(&self, node: usize) -> bool {
        self.renamed.contains(node)
    }
}

fn spread(
    snapshot: &Snapshot,
    to_state: u8,
    seeds: Vec<usize>,
    visited: &mut BitSet,
    state: &mut [u8],
) {
    let (nodes, edges) = (&snapshot.nodes, &snapshot.edges);
    let mut pending = seeds;
    while let Some(node) = pending.pop() {
        for edge in nodes.edges_of(node) {
            let kind = edges.kind(edge);
            if kind == EdgeType::Hidden as u8 || kind == EdgeType::Weak as u8 {
                continue;
            }
            let to = edges.to(edge);
            if visited.insert(to) && nodes.is(to, NodeType::Native) {
                state[to] = to_state;
                pending.push(to);
            }
        }
    }
}
