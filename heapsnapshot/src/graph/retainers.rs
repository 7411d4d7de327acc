//! The edges by target: who points at a node.

use super::{EdgeColumns, NodeColumns};

/// For each node the edges that point at it, in DevTools' order reversed: by source.
#[derive(Debug)]
pub struct Retainers {
    first: Vec<u32>,
    edges: Vec<u32>,
}

impl Retainers {
    /// Counting sort by target. Complexity: two passes over the edges.
    pub(crate) fn build(nodes: &NodeColumns, edges: &EdgeColumns) -> Retainers {
        let mut first = vec![0_u32; nodes.len() + 1];
        for target in edges.all_targets() {
            first[target.node() + 1] += 1;
        }
        for i in 1..first.len() {
            first[i] += first[i - 1];
        }
        let mut next = first.clone();
        let mut sorted = vec![0_u32; edges.len()];
        for (edge, target) in edges.all_targets().iter().enumerate() {
            let place = &mut next[target.node()];
            sorted[*place as usize] = edge as u32;
            *place += 1;
        }
        Retainers {
            first,
            edges: sorted,
        }
    }

    /// Ordinals of the edges that point at a node.
    pub(crate) fn edges_to(&self, node: usize) -> &[u32] {
        &self.edges[self.first[node] as usize..self.first[node + 1] as usize]
    }
}
