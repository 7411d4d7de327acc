//! The dominator tree as people read it: the largest subtrees, level by level, and by class.
//!
//! Source: [`Dominators`](crate::dominators::Dominators), which has the tree and its sizes.
//!
//! ```no_run
//! use heapsnapshot::analysis::dominators::{TreeLimits, dominator_tree, top_consumers};
//!
//! let snapshot = heapsnapshot::Snapshot::open("app.heapsnapshot")?;
//! let limits = TreeLimits { depth: 2, breadth: 5, min_percent: 1.0 };
//! let tree = dominator_tree(&snapshot, snapshot.root().ordinal(), limits);
//! for child in &tree.children {
//!     println!("{:.1} % {}", child.percent, child.node);
//! }
//! println!("the largest object: {}", top_consumers(&snapshot, 1).rows[0].node);
//! # Ok::<(), heapsnapshot::ReadError>(())
//! ```

use hashbrown::HashMap;

use super::{Top, words};
use crate::graph::{NodeId, NodeOrdinal, Snapshot};

/// A node of the dominator tree.
#[derive(Clone, Debug, serde::Serialize)]
pub struct DominatorNode {
    /// Its identity.
    pub id: NodeId,
    /// The node as a cell shows it.
    pub node: String,
    /// Its own bytes.
    pub shallow: u64,
    /// Bytes that would go with it.
    pub retained: u64,
    /// Its share of all bytes, 0 to 100.
    pub percent: f64,
    /// Nodes it dominates, itself included.
    pub nodes: u64,
    /// The largest of the nodes it dominates at once.
    pub children: Vec<DominatorNode>,
}

/// What dominates the memory, by class.
#[derive(Clone, Debug, serde::Serialize)]
pub struct DominatorClass {
    /// Class of the nodes right below the start.
    pub class: String,
    /// How many there are.
    pub count: u64,
    /// Bytes they retain together.
    pub retained: u64,
    /// Their share of all bytes, 0 to 100.
    pub percent: f64,
}

/// How much of the tree to show.
#[derive(Clone, Copy, Debug)]
pub struct TreeLimits {
    /// Levels below the start.
    pub depth: usize,
    /// Children per node.
    pub breadth: usize,
    /// Smallest share shown, 0 to 100.
    pub min_percent: f64,
}

impl Default for TreeLimits {
    fn default() -> TreeLimits {
        TreeLimits {
            depth: 4,
            breadth: 5,
            min_percent: 1.0,
        }
    }
}

/// The nodes each node dominates at once, largest first.
struct Children<'a> {
    snapshot: &'a Snapshot,
    first: Vec<u32>,
    nodes: Vec<u32>,
    subtree: HashMap<u32, u32>,
}

impl<'a> Children<'a> {
    /// Complexity: a counting sort of the nodes.
    fn new(snapshot: &'a Snapshot) -> Children<'a> {
        let dominators = snapshot.dominators();
        let count = snapshot.node_count();
        let mut first = vec![0_u32; count + 1];
        let pairs = || {
            let all = dominators.tree_order().iter().skip(1);
            all.map(|&node| (dominators.dominator(NodeOrdinal(node)).index(), node))
        };
        for (above, _) in pairs() {
            first[above + 1] += 1;
        }
        for at in 1..first.len() {
            first[at] += first[at - 1];
        }
        let mut next = first.clone();
        let mut nodes = vec![0; count.saturating_sub(1)];
        for (above, node) in pairs() {
            nodes[next[above] as usize] = node;
            next[above] += 1;
        }
        Children {
            snapshot,
            first,
            nodes,
            subtree: HashMap::new(),
        }
    }

    fn of(&self, node: usize) -> &[u32] {
        &self.nodes[self.first[node] as usize..self.first[node + 1] as usize]
    }

    fn largest(&self, node: usize, count: usize) -> Vec<u32> {
        let retained = |&node: &u32| self.snapshot.dominators().retained_size(NodeOrdinal(node));
        let mut nodes = self.of(node).to_vec();
        nodes.sort_by_key(|node| (std::cmp::Reverse(retained(node)), *node));
        nodes.truncate(count);
        nodes
    }

    fn describe(&self, node: usize, limits: &TreeLimits, depth: usize) -> DominatorNode {
        let handle = self.snapshot.at(node);
        let percent = share(self.snapshot, handle.retained_size());
        let mut children = Vec::new();
        // The depth asked for bounds this recursion.
        if depth > 0 {
            for child in self.largest(node, limits.breadth) {
                let retained = self.snapshot.dominators().retained_size(NodeOrdinal(child));
                if share(self.snapshot, retained) >= limits.min_percent {
                    children.push(self.describe(child as usize, limits, depth - 1));
                }
            }
        }
        DominatorNode {
            id: handle.id(),
            node: words::node(handle),
            shallow: handle.self_size(),
            retained: handle.retained_size(),
            percent,
            nodes: u64::from(self.subtree.get(&(node as u32)).copied().unwrap_or(1)),
            children,
        }
    }

    fn with_subtrees(mut self) -> Children<'a> {
        let dominators = self.snapshot.dominators();
        let order = dominators.tree_order().iter().zip(dominators.subtree());
        self.subtree = order
            .filter(|&(_, &below)| below > 1)
            .map(|(&node, &below)| (node, below))
            .collect();
        self
    }
}

fn share(snapshot: &Snapshot, bytes: u64) -> f64 {
    let total = snapshot.root().retained_size();
    if total == 0 {
        0.0
    } else {
        bytes as f64 * 100.0 / total as f64
    }
}

/// The tree from `start` down. Complexity: the nodes, and the children of the nodes shown.
#[must_use]
pub fn dominator_tree(
    snapshot: &Snapshot,
    start: NodeOrdinal,
    limits: TreeLimits,
) -> DominatorNode {
    let limits = TreeLimits {
        depth: limits.depth.min(64),
        ..limits
    };
    Children::new(snapshot)
        .with_subtrees()
        .describe(start.index(), &limits, limits.depth)
}

/// The largest nodes that are no groups of the engine, wherever they are in the tree: each is listed
/// once, without the nodes it dominates. Complexity: the nodes.
#[must_use]
pub fn top_consumers(snapshot: &Snapshot, limit: usize) -> Top<DominatorNode> {
    use crate::format::NodeType;
    let children = Children::new(snapshot).with_subtrees();
    let mut found: Vec<u32> = Vec::new();
    let mut pending = vec![snapshot.root as u32];
    while let Some(node) = pending.pop() {
        if snapshot.nodes.is(node as usize, NodeType::Synthetic) {
            pending.extend(children.of(node as usize));
        } else {
            found.push(node);
        }
    }
    found.sort_by_key(|&node| {
        (
            std::cmp::Reverse(snapshot.dominators().retained_size(NodeOrdinal(node))),
            node,
        )
    });
    let limits = TreeLimits::default();
    Top::of(found, limit, |node| {
        children.describe(node as usize, &limits, 0)
    })
}

/// The nodes right below `start`, by class; largest first. Complexity: the children.
#[must_use]
pub fn dominated_classes(
    snapshot: &Snapshot,
    start: NodeOrdinal,
    limit: usize,
) -> Top<DominatorClass> {
    let mut sums: HashMap<String, (u64, u64)> = HashMap::new();
    for &child in Children::new(snapshot).of(start.index()) {
        let node = snapshot.at(child as usize);
        let sum = sums.entry(node.class_name().into_owned()).or_default();
        *sum = (sum.0 + 1, sum.1 + node.retained_size());
    }
    let mut rows: Vec<DominatorClass> = sums
        .into_iter()
        .map(|(class, (count, retained))| DominatorClass {
            class,
            count,
            retained,
            percent: share(snapshot, retained),
        })
        .collect();
    rows.sort_by(|a, b| {
        b.retained
            .cmp(&a.retained)
            .then_with(|| a.class.cmp(&b.class))
    });
    Top::of(rows, limit, |row| row)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::{Random, random_graph};

    /// Every node is below its dominator, and a node's bytes are its own and its children's.
    #[test]
    fn the_tree_adds_up() {
        let mut random = Random(99);
        let limits = TreeLimits {
            depth: 64,
            breadth: usize::MAX,
            min_percent: 0.0,
        };
        fn check(node: &DominatorNode) -> u64 {
            assert_eq!(
                node.retained,
                node.shallow
                    + node
                        .children
                        .iter()
                        .map(|child| child.retained)
                        .sum::<u64>()
            );
            let below: u64 = node.children.iter().map(check).sum();
            assert_eq!(node.nodes, 1 + below);
            1 + below
        }
        for _ in 0..300 {
            let snapshot = random_graph(&mut random).read();
            let tree = dominator_tree(&snapshot, snapshot.root().ordinal(), limits);
            assert_eq!(check(&tree), snapshot.node_count() as u64);
            let classes = dominated_classes(&snapshot, snapshot.root().ordinal(), usize::MAX).rows;
            let sum: u64 = classes.iter().map(|row| row.retained).sum();
            assert_eq!(sum + tree.shallow, tree.retained);
            let top = top_consumers(&snapshot, usize::MAX).rows;
            let cut = top_consumers(&snapshot, 1);
            assert_eq!(cut.count, top.len() as u64);
            assert_eq!(cut.rows.len(), top.len().min(1));
            assert!(top.windows(2).all(|two| two[0].retained >= two[1].retained));
        }
    }
}
