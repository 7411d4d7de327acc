//! Self sizes as DevTools shows them: internal arrays count for the object that owns them.
//!
//! Only with user roots. An `array`, a `hidden` node or an external string's data that is reached
//! (over edges that are not weak, through other such nodes) from exactly one owner gives its size
//! to it and has none itself. Synthetic owners and the root take nothing.
//!
//! Source: `JSHeapSnapshot.calculateShallowSizes` in DevTools' `HeapSnapshot.ts`. Oracle: `check_shallow` in
//! `src/tests/naive.rs`.
//!
//! ```no_run
//! let snapshot = heapsnapshot::Snapshot::open("app.heapsnapshot")?;
//! let moved = snapshot
//!     .nodes()
//!     .zip(snapshot.shallow_sizes())
//!     .filter(|(node, shallow)| node.raw_self_size() != u64::from(**shallow));
//! println!("{} nodes own more or less than the file says", moved.count());
//! # Ok::<(), heapsnapshot::ReadError>(())
//! ```

use crate::bits::BitSet;
use crate::format::NodeType;
use crate::graph::{NodeColumns, Snapshot, Target};
use crate::memory;

const NOT_VISITED: u32 = u32::MAX;
const SEVERAL: u32 = u32::MAX - 1;

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
        let mut sizes = memory::recycled(nodes.len(), 0);
        sizes.copy_from_slice(&nodes.self_size);
        for (node, &owner) in owners.iter().enumerate() {
            let owner = owner as usize;
            if owner >= nodes.len() {
                continue;
            }
            if nodes.is(owner, NodeType::Synthetic) || owner == snapshot.root {
                continue;
            }
            let size = std::mem::take(&mut sizes[node]);
            sizes[owner] = sizes[owner].wrapping_add(size);
        }
        memory::recycle(owners);
        ShallowSizes(Some(sizes))
    }

    /// Whether they differ from the file's.
    pub(crate) fn are_corrected(&self) -> bool {
        self.0.is_some()
    }

    /// The sizes in force.
    pub(crate) fn sizes<'a>(&'a self, nodes: &'a NodeColumns) -> &'a [u32] {
        self.0.as_deref().unwrap_or(&nodes.self_size)
    }

    /// From the size of every node; none if nothing is corrected.
    pub(crate) fn from_column(sizes: Vec<u32>) -> ShallowSizes {
        ShallowSizes(Some(sizes).filter(|sizes| !sizes.is_empty()))
    }

    /// The size of every node; empty if nothing is corrected.
    pub(crate) fn column(&self) -> &[u32] {
        self.0.as_deref().unwrap_or_default()
    }
}

/// The owner of each node that can be owned: another node, [`SEVERAL`] or [`NOT_VISITED`].
fn owners(snapshot: &Snapshot) -> Vec<u32> {
    let (nodes, edges) = (&snapshot.nodes, &snapshot.edges);
    let external = snapshot.strings.find("system / ExternalStringData");
    let mut owned = BitSet::new(nodes.len());
    for (node, &kind) in nodes.kind.iter().enumerate() {
        let is_owned = kind == NodeType::Hidden as u8
            || kind == NodeType::Array as u8
            || (kind == NodeType::Native as u8
                && external.contains(&nodes.name[node])
                && !snapshot.dom_state().is_renamed(node));
        if is_owned {
            owned.insert(node);
        }
    }
    // Nodes that may still get an owner, or a second one: few edges lead to one of them, and the
    // set is small enough for the cache.
    let mut open = owned.clone();
    let mut owners = memory::recycled(nodes.len(), NOT_VISITED);
    // Nodes whose owner changed; each at most twice: to one owner, then to several.
    let mut pending = Vec::new();
    let mut scan = |node: usize, owner: u32, pending: &mut Vec<(u32, u32)>| {
        let targets = edges.targets(nodes.edges_of(node));
        // Without a branch per edge: most nodes have none that matters.
        let leads_on = |any, target: &Target| any | open.contains(target.node());
        if !targets.iter().fold(false, leads_on) {
            return;
        }
        for &target in targets {
            let to = target.node();
            if !open.contains(to) || target.is_weak() {
                continue;
            }
            let known = &mut owners[to];
            if *known == owner {
                continue;
            }
            *known = if *known == NOT_VISITED {
                owner
            } else {
                SEVERAL
            };
            if *known == SEVERAL {
                open.remove(to);
            }
            pending.push((to as u32, *known));
        }
    };
    for node in 0..nodes.len() {
        if !owned.contains(node) {
            scan(node, node as u32, &mut pending);
            while let Some((owned, owner)) = pending.pop() {
                scan(owned as usize, owner, &mut pending);
            }
        }
    }
    owners
}
