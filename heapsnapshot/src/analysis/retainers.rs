//! Retaining paths: why a node is still there, in words.
//!
//! A path follows, from the node back to a root, the retainer nearest to the roots. The shortest
//! path comes first; the next ones start with the node's other retainers. For a class, paths of the
//! same shape are counted together.
//!
//! Source: DevTools' Retainers view, which lists retainers by distance; the paths are its first branches.
//!
//! ```no_run
//! use heapsnapshot::analysis::retainers::class_retainers;
//!
//! let snapshot = heapsnapshot::Snapshot::open("app.heapsnapshot")?;
//! for group in class_retainers(&snapshot, "Session", 3).rows {
//!     let steps: Vec<String> = group.path.steps.into_iter().map(|step| step.words).collect();
//!     println!("{} sessions are held by {}", group.count, steps.join(", which is "));
//! }
//! # Ok::<(), heapsnapshot::ReadError>(())
//! ```

use hashbrown::HashMap;

use super::{Top, words};
use crate::format::EdgeType;
use crate::graph::{EdgeRef, NodeId, NodeOrdinal, NodeRef, Snapshot};

/// One edge of a path, from the retainer to what it retains.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct PathStep {
    /// The retainer's identity.
    pub id: NodeId,
    /// The retainer as a cell shows it.
    pub node: String,
    /// Type of the edge.
    pub edge_type: String,
    /// Name of the edge.
    pub edge: String,
    /// The edge in words.
    pub words: String,
    /// How many steps of the same kind follow each other here.
    pub repeated: u32,
}

/// A path from a root to a node.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct RetainingPath {
    /// From the node's direct retainer to the root.
    pub steps: Vec<PathStep>,
    /// Edges, before runs were put together.
    pub length: u32,
    /// Whether it ends at a root (not in a cycle that only weak edges reach).
    pub reaches_root: bool,
}

/// Why a node is there.
#[derive(Clone, Debug, serde::Serialize)]
pub struct NodeRetainers {
    /// The node.
    pub id: NodeId,
    /// The node as a cell shows it.
    pub node: String,
    /// Bytes that would go with it.
    pub retained: u64,
    /// Edges that retain it.
    pub retainers: u64,
    /// The shortest path, then paths through the other retainers, shorter first.
    pub paths: Vec<RetainingPath>,
}

/// Paths of the objects of a class that look the same.
#[derive(Clone, Debug, serde::Serialize)]
pub struct PathGroup {
    /// Objects held this way.
    pub count: u64,
    /// Their own bytes.
    pub shallow: u64,
    /// One of them.
    pub example: NodeId,
    /// Its path.
    pub path: RetainingPath,
}

/// Paths of `node`: at most `limit`.
///
/// Complexity: the retainers of the nodes on the paths; on first use in a snapshot the retainers of
/// all nodes and the distances are computed.
#[must_use]
pub fn node_retainers(node: NodeRef<'_>, limit: usize) -> NodeRetainers {
    let mut edges: Vec<EdgeRef<'_>> = retaining_edges(node).collect();
    let retainers = edges.len() as u64;
    edges.sort_by_key(|edge| (rank(edge.from()), edge.ordinal()));
    let paths = edges
        .into_iter()
        .take(limit)
        .map(|edge| path_through(node, edge))
        .collect();
    NodeRetainers {
        id: node.id(),
        node: words::node(node),
        retained: node.retained_size(),
        retainers,
        paths,
    }
}

/// The shortest path of `node`.
#[must_use]
pub fn shortest_path(node: NodeRef<'_>) -> RetainingPath {
    match retaining_edges(node).min_by_key(|edge| (rank(edge.from()), edge.ordinal())) {
        Some(edge) => path_through(node, edge),
        None => RetainingPath {
            steps: Vec::new(),
            length: 0,
            reaches_root: is_end(node),
        },
    }
}

/// How the objects of a class (by DevTools' name) are held: the largest groups first, at most `limit`.
///
/// Complexity: the retainers of every node on a path once, however many paths lead through it; the paths that
/// are returned.
#[must_use]
pub fn class_retainers(snapshot: &Snapshot, class: &str, limit: usize) -> Top<PathGroup> {
    struct Group<'a> {
        count: u64,
        shallow: u64,
        example: NodeRef<'a>,
    }
    let mut shapes = Shapes::default();
    let mut places: HashMap<ShapeId, usize> = HashMap::new();
    let mut groups: Vec<Group<'_>> = Vec::new();
    let classes = snapshot.classes();
    let sizes = snapshot.shallow_sizes();
    // Names are compared once per class, not once per node.
    let mut wanted: Vec<Option<bool>> = vec![None; classes.len()];
    for (index, &size) in sizes.iter().enumerate() {
        let id = classes.class_of(NodeOrdinal(index as u32));
        let wanted = &mut wanted[id.0 as usize];
        if size == 0 || !*wanted.get_or_insert_with(|| classes.name(snapshot, id) == class) {
            continue;
        }
        let node = snapshot.at(index);
        let place = *places.entry(shapes.of(node)).or_insert_with(|| {
            groups.push(Group {
                count: 0,
                shallow: 0,
                example: node,
            });
            groups.len() - 1
        });
        groups[place].count += 1;
        groups[place].shallow += u64::from(size);
    }
    groups.sort_by_key(|group| std::cmp::Reverse((group.count, group.shallow)));
    Top::of(groups, limit, |group| {
        let edges = shortest_edges(group.example);
        let end = edges.last().map_or(group.example, |edge| edge.from());
        PathGroup {
            count: group.count,
            shallow: group.shallow,
            example: group.example.id(),
            path: describe(&edges, end),
        }
    })
}

/// Number of a path's shape: its steps from the node to its end, runs put together.
type ShapeId = u32;

/// The shapes of shortest paths. A node's is its first step before its retainer's shape, so each node is looked
/// at once: in a list of n objects the paths have n²/2 steps between them.
#[derive(Default)]
struct Shapes {
    /// The number of each (first step, shape of the rest), and the first step of each number.
    ids: HashMap<(u64, ShapeId), ShapeId>,
    first_steps: Vec<u64>,
    known: HashMap<NodeOrdinal, ShapeId>,
}

impl Shapes {
    /// The path without steps.
    const EMPTY: ShapeId = 0;

    fn of(&mut self, node: NodeRef<'_>) -> ShapeId {
        let mut above: Vec<(NodeOrdinal, u64)> = Vec::new();
        let mut at = node;
        let mut shape = loop {
            if let Some(&shape) = self.known.get(&at.ordinal()) {
                break shape;
            }
            let Some(edge) = nearest_retainer(at) else {
                self.known.insert(at.ordinal(), Shapes::EMPTY);
                break Shapes::EMPTY;
            };
            above.push((at.ordinal(), step_key(edge)));
            at = edge.from();
            if is_end(at) {
                break Shapes::EMPTY;
            }
        };
        while let Some((below, step)) = above.pop() {
            shape = self.prepend(step, shape);
            self.known.insert(below, shape);
        }
        shape
    }

    fn prepend(&mut self, step: u64, rest: ShapeId) -> ShapeId {
        if rest != Shapes::EMPTY && self.first_steps[rest as usize - 1] == step {
            return rest;
        }
        *self.ids.entry((step, rest)).or_insert_with(|| {
            self.first_steps.push(step);
            self.first_steps.len() as ShapeId
        })
    }
}

/// The edges that keep a node: not weak, not its own.
pub(crate) fn retaining_edges(node: NodeRef<'_>) -> impl Iterator<Item = EdgeRef<'_>> {
    let own = node.ordinal();
    node.retainers()
        .filter(move |edge| !edge.is(EdgeType::Weak) && edge.from().ordinal() != own)
}

/// Nearness to the roots: the distance; the root itself first, unreachable nodes last.
fn rank(node: NodeRef<'_>) -> i32 {
    if node.ordinal() == node.snapshot().root().ordinal() {
        return 0;
    }
    let distance = node.snapshot().distances().raw(node.ordinal());
    if distance < 0 { i32::MAX } else { distance }
}

/// Where a path ends: at the root or at a user root.
fn is_end(node: NodeRef<'_>) -> bool {
    let snapshot = node.snapshot();
    node.ordinal() == snapshot.root().ordinal()
        || snapshot.user_roots().nodes.contains(&node.ordinal().0)
}

/// The next edge of the shortest path. Distances fall strictly along one: what does not fall is a cycle.
pub(crate) fn nearest_retainer(node: NodeRef<'_>) -> Option<EdgeRef<'_>> {
    let here = rank(node);
    retaining_edges(node)
        .map(|edge| (rank(edge.from()), edge.ordinal(), edge))
        .min_by_key(|&(rank, ordinal, _)| (rank, ordinal))
        .filter(|&(rank, _, _)| rank < here)
        .map(|(_, _, edge)| edge)
}

/// The edges of the shortest path, nearest to the node first.
pub(crate) fn shortest_edges(node: NodeRef<'_>) -> Vec<EdgeRef<'_>> {
    let mut edges = Vec::new();
    let mut at = node;
    // A user root is an end, but its own path begins at the root.
    while at.ordinal() == node.ordinal() || !is_end(at) {
        let Some(edge) = nearest_retainer(at) else {
            break;
        };
        edges.push(edge);
        at = edge.from();
    }
    edges
}

fn path_through<'a>(node: NodeRef<'a>, first: EdgeRef<'a>) -> RetainingPath {
    let mut edges = vec![first];
    let from = first.from();
    let rest = if is_end(from) {
        Vec::new()
    } else {
        shortest_edges(from)
    };
    // A retainer that is itself only held through the node gives no path of its own.
    let through_itself = rest
        .iter()
        .any(|edge| edge.from().ordinal() == node.ordinal());
    edges.extend(rest);
    let end = edges.last().map_or(node, |edge| edge.from());
    let mut path = describe(&edges, end);
    path.reaches_root &= !through_itself;
    path
}

fn describe(edges: &[EdgeRef<'_>], end: NodeRef<'_>) -> RetainingPath {
    let mut steps: Vec<PathStep> = Vec::new();
    let mut last_key = None;
    for &edge in edges {
        let key = step_key(edge);
        if last_key == Some(key)
            && let Some(last) = steps.last_mut()
        {
            last.repeated += 1;
            continue;
        }
        last_key = Some(key);
        steps.push(PathStep {
            id: edge.from().id(),
            node: words::node(edge.from()),
            edge_type: edge.type_name().to_owned(),
            edge: edge.name().to_string(),
            words: words::edge(edge),
            repeated: 1,
        });
    }
    RetainingPath {
        steps,
        length: edges.len() as u32,
        reaches_root: is_end(end),
    }
}

/// What makes two steps alike: the retainer's class and the edge, whichever element it is.
fn step_key(edge: EdgeRef<'_>) -> u64 {
    let snapshot = edge.from().snapshot();
    let class = snapshot.classes().class_of(edge.from().ordinal()).0;
    let name = match edge.kind() {
        Some(EdgeType::Element | EdgeType::Hidden) | None => 0,
        Some(EdgeType::Internal)
            if edge
                .name()
                .to_string()
                .bytes()
                .all(|byte| byte.is_ascii_digit()) =>
        {
            0
        }
        Some(EdgeType::Internal) if snapshot.weak_maps().entry(edge.name_or_index()).is_some() => 0,
        Some(_) => edge.name_or_index().wrapping_add(1),
    };
    u64::from(class) << 32 | u64::from(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::classes::ClassId;
    use crate::tests::{Builder, Random, random_graph};

    #[test]
    fn a_long_list_is_one_step() {
        let mut graph = Builder::new();
        let list = graph.node("object", "List", 3, 16);
        graph.edge(0, "property", "list", list);
        let mut last = list;
        for at in 0..50 {
            let next = graph.node("object", "Cell", 5 + 2 * at, 16);
            graph.edge(last, "property", "next", next);
            last = next;
        }
        let snapshot = graph.read();
        let path = shortest_path(snapshot.at(last));
        let steps: Vec<_> = path
            .steps
            .iter()
            .map(|step| (step.words.as_str(), step.repeated))
            .collect();
        assert_eq!(
            steps,
            [
                ("property `next` of `Cell`", 49),
                ("property `next` of `List`", 1)
            ]
        );
        assert_eq!(path.length, 50);
        assert!(path.reaches_root);
        let groups = class_retainers(&snapshot, "Cell", 10).rows;
        assert_eq!(groups.iter().map(|group| group.count).sum::<u64>(), 50);
        assert_eq!(groups.len(), 2);
    }

    /// Against whole paths: objects are in one group exactly if their paths' steps agree once runs are put together.
    #[test]
    fn groups_of_a_class_are_its_paths_by_shape() {
        let mut random = Random(0x5eed);
        for _ in 0..500 {
            let snapshot = random_graph(&mut random).read();
            for class in 0..snapshot.classes().len() {
                let id = ClassId(class as u32);
                let mut naive: HashMap<Vec<u64>, u64> = HashMap::new();
                for node in snapshot.nodes() {
                    let at = node.ordinal();
                    if snapshot.classes().class_of(at) == id
                        && snapshot.shallow_sizes()[at.0 as usize] > 0
                    {
                        let edges = shortest_edges(node);
                        let mut steps: Vec<u64> =
                            edges.iter().map(|&edge| step_key(edge)).collect();
                        steps.dedup();
                        *naive.entry(steps).or_default() += 1;
                    }
                }
                let name = snapshot.classes().name(&snapshot, id).to_string();
                let same_name = (0..snapshot.classes().len())
                    .filter(|&other| {
                        let other = ClassId(other as u32);
                        snapshot.classes().name(&snapshot, other) == name.as_str()
                    })
                    .count();
                if same_name > 1 {
                    continue;
                }
                let mut expected: Vec<u64> = naive.into_values().collect();
                let mut counts: Vec<u64> = class_retainers(&snapshot, &name, usize::MAX)
                    .rows
                    .iter()
                    .map(|group| group.count)
                    .collect();
                expected.sort_unstable();
                counts.sort_unstable();
                assert_eq!(counts, expected, "{name}");
            }
        }
    }

    /// The shortest path has as many edges as the distance says.
    #[test]
    fn paths_are_as_long_as_distances() {
        let mut random = Random(0xabcdef);
        for _ in 0..500 {
            let snapshot = random_graph(&mut random).read();
            for node in snapshot.nodes() {
                let path = shortest_path(node);
                let paths = node_retainers(node, 100).paths;
                assert!(paths.len() <= 100);
                assert!(paths.first().is_none_or(|first| *first == path));
                // WeakMap entries take the longer of two ways.
                let plain = snapshot.strings().containing("WeakMap").is_empty();
                if let (Some(distance), true, true) = (node.distance(), path.reaches_root, plain)
                    && !is_end(node)
                {
                    assert!(path.length <= distance, "{node:?} {path:?}");
                }
            }
        }
    }
}
