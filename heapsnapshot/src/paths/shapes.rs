//! Shapes of paths: what is left of a path when elements lose their numbers and lists their length.

use std::hash::{DefaultHasher, Hash, Hasher};

use hashbrown::HashMap;

use crate::analysis::words::{is_context, is_plumbing};
use crate::format::{EdgeType, NodeType};
use crate::graph::{EdgeRef, NodeRef, Snapshot};
use crate::memory;
use crate::paths::Tree;

/// Longer paths end here: structures that alternate would have a shape for every length.
const DEEPEST: u16 = 48;
/// An object with so many properties that lead to objects of one class, or to one function made again and again, is a
/// dictionary: its keys are data.
const DICTIONARY: usize = 6;

/// The dense number of a shape; 0 is the root's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Shape(pub(crate) u32);

/// All shapes seen so far, in any number of snapshots.
#[derive(Debug)]
pub(crate) struct Shapes {
    known: HashMap<(Shape, u64), Shape>,
    /// The step that ends each shape, the shape before it, and its length.
    steps: Vec<(u64, Shape, u16)>,
}

impl Default for Shapes {
    fn default() -> Shapes {
        Shapes {
            known: HashMap::new(),
            steps: vec![(0, Shape(0), 0)],
        }
    }
}

impl Shapes {
    /// Number of shapes.
    pub(crate) fn len(&self) -> usize {
        self.steps.len()
    }

    /// The shape without its last step.
    pub(crate) fn before(&self, shape: Shape) -> Shape {
        self.steps[shape.0 as usize].1
    }

    /// The shape of a path of which `edge` is the last edge and the rest has shape `before`.
    ///
    /// Plumbing and scopes are no steps; a step that repeats is a list's and makes no new shape.
    pub(crate) fn extend(
        &mut self,
        before: Shape,
        edge: EdgeRef<'_>,
        from: NodeRef<'_>,
        from_dictionary: bool,
    ) -> Shape {
        let to = edge.to();
        if is_plumbing(to) || is_context(to) {
            return before;
        }
        let step = step(edge, from, to, from_dictionary);
        let (last, _, length) = self.steps[before.0 as usize];
        if step == last || length >= DEEPEST {
            return before;
        }
        let next = Shape(self.steps.len() as u32);
        let steps = &mut self.steps;
        *self.known.entry((before, step)).or_insert_with(|| {
            steps.push((step, before, length + 1));
            next
        })
    }

    /// The shape of a whole path.
    pub(crate) fn of_path(&mut self, path: &[EdgeRef<'_>]) -> Shape {
        path.iter().fold(Shape(0), |shape, &edge| {
            let from = edge.from();
            self.extend(shape, edge, from, is_dictionary(from))
        })
    }
}

/// The nodes of one snapshot by the shape of their path.
pub(crate) struct ShapeCensus {
    of_node: Vec<Shape>,
    /// By shape: nodes, their own bytes, and the newest node.
    rows: Vec<(u64, u64, u32)>,
}

/// The shape of nodes to which no path leads.
const UNREACHED: Shape = Shape(u32::MAX);

impl ShapeCensus {
    /// Complexity: one pass over the nodes.
    pub(crate) fn of(snapshot: &Snapshot, tree: &Tree, shapes: &mut Shapes) -> ShapeCensus {
        let count = snapshot.node_count();
        let root = snapshot.root().ordinal().0;
        let mut of_node = memory::filled(count, UNREACHED);
        if count > 0 {
            of_node[root as usize] = Shape(0);
        }
        let mut dictionaries: HashMap<u32, bool> = HashMap::new();
        let mut way = Vec::new();
        for node in 0..count as u32 {
            let mut at = node;
            let mut shape = loop {
                if of_node[at as usize] != UNREACHED {
                    break of_node[at as usize];
                }
                match tree.parent(at) {
                    Some(parent) => way.push((at, parent)),
                    None => break UNREACHED,
                }
                at = way[way.len() - 1].1;
            };
            while let Some((at, parent)) = way.pop() {
                if let (true, Some(edge)) = (shape != UNREACHED, tree.edge(snapshot, at)) {
                    let from = snapshot.at(parent as usize);
                    let dictionary = edge.is(EdgeType::Property)
                        && *dictionaries
                            .entry(parent)
                            .or_insert_with(|| is_dictionary(from));
                    shape = shapes.extend(shape, edge, from, dictionary);
                }
                of_node[at as usize] = shape;
            }
        }
        let mut rows = vec![(0, 0, u32::MAX); shapes.len()];
        for (node, &shape) in of_node.iter().enumerate() {
            if shape == UNREACHED {
                continue;
            }
            let row = &mut rows[shape.0 as usize];
            row.1 += u64::from(snapshot.nodes.self_size[node]);
            let this = snapshot.at(node);
            if is_plumbing(this) || is_context(this) {
                continue;
            }
            row.0 += 1;
            let newest =
                row.2 == u32::MAX || snapshot.nodes.id[row.2 as usize] <= snapshot.nodes.id[node];
            if newest {
                row.2 = node as u32;
            }
        }
        ShapeCensus { of_node, rows }
    }

    /// A node's shape, if a path leads to it.
    pub(crate) fn shape(&self, node: u32) -> Option<Shape> {
        Some(self.of_node[node as usize]).filter(|&shape| shape != UNREACHED)
    }

    /// How many nodes have a shape; plumbing and scopes are not counted.
    pub(crate) fn count(&self, shape: Shape) -> u64 {
        self.rows.get(shape.0 as usize).map_or(0, |row| row.0)
    }

    /// The newest node of a shape.
    pub(crate) fn sample(&self, shape: Shape) -> Option<u32> {
        let row = self.rows.get(shape.0 as usize)?;
        Some(row.2).filter(|&node| node != u32::MAX)
    }

    /// Own bytes of the nodes of each shape and of all shapes below it.
    pub(crate) fn bytes_below(&self, shapes: &Shapes) -> Vec<u64> {
        let mut bytes = vec![0; shapes.len()];
        for (sum, row) in bytes.iter_mut().zip(&self.rows) {
            *sum = row.1;
        }
        // A shape's number is above that of the shape before it.
        for shape in (1..bytes.len()).rev() {
            bytes[shapes.before(Shape(shape as u32)).0 as usize] += bytes[shape];
        }
        bytes
    }
}

/// What a step looks like, as a number: the same for the same texts in every snapshot.
fn step(edge: EdgeRef<'_>, from: NodeRef<'_>, to: NodeRef<'_>, from_dictionary: bool) -> u64 {
    let mut hasher = DefaultHasher::new();
    let snapshot = to.snapshot();
    let named = match edge.kind() {
        Some(EdgeType::Context) => true,
        Some(EdgeType::Property) => !from_dictionary && !from.is(NodeType::Synthetic),
        _ => false,
    };
    if named {
        snapshot
            .strings()
            .escaped(edge.name_or_index())
            .hash(&mut hasher);
    }
    let kind = to.kind();
    kind.map(|kind| kind as u8).hash(&mut hasher);
    // A text's or number's name is its content.
    if matches!(
        kind,
        Some(NodeType::Object | NodeType::Native | NodeType::Closure | NodeType::Synthetic)
    ) {
        snapshot
            .strings()
            .escaped(to.name_index())
            .hash(&mut hasher);
    }
    // 0 is the root's.
    hasher.finish().max(1)
}

/// Whether an object's properties are data rather than fields. Complexity: its edges.
pub(crate) fn is_dictionary(node: NodeRef<'_>) -> bool {
    if !node.is(NodeType::Object) || node.edge_count() < DICTIONARY {
        return false;
    }
    let mut counts: HashMap<u32, usize> = HashMap::new();
    node.edges()
        .filter(|edge| edge.is(EdgeType::Property))
        .filter(|edge| edge.to().is(NodeType::Object) || edge.to().is(NodeType::Closure))
        .any(|edge| {
            let count = counts.entry(edge.to().name_index()).or_default();
            *count += 1;
            *count >= DICTIONARY
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::Builder;

    #[test]
    fn elements_keys_and_list_nodes_have_one_shape() {
        let mut graph = Builder::new();
        let list = graph.node("object", "List", 3, 16);
        let index = graph.node("object", "Object", 5, 16);
        graph
            .edge(0, "property", "list", list)
            .edge(0, "property", "index", index);
        let mut before = list;
        let (mut cells, mut entries) = (Vec::new(), Vec::new());
        for at in 0..8_u32 {
            let cell = graph.node("object", "Cell", 101 + 2 * at, 16);
            graph.edge(before, "property", "next", cell);
            before = cell;
            cells.push(cell);
            let entry = graph.node("object", "Entry", 201 + 2 * at, 16);
            graph.edge(index, "property", &format!("key {at}"), entry);
            entries.push(entry);
        }
        let other = graph.node("object", "Entry", 301, 16);
        graph.edge(list, "property", "spare", other);
        let snapshot = graph.read();
        let tree = Tree::build(&snapshot);
        let mut shapes = Shapes::default();
        let mut of = |node: usize| shapes.of_path(&tree.path(&snapshot, node as u32));
        let (cell, entry) = (of(cells[0]), of(entries[0]));
        assert!(cells.iter().all(|&at| of(at) == cell));
        assert!(entries.iter().all(|&at| of(at) == entry));
        assert_ne!(of(other), entry);
        assert_ne!(shapes.before(cell), cell);
    }
}
