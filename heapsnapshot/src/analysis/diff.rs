//! Differences between two snapshots: what is new, what is gone, what has grown.
//!
//! Within one process an object keeps its id, so objects are compared one by one, as DevTools'
//! Comparison does. Between processes ids mean nothing: classes are compared, and what hangs on paths
//! of one shape. Which of the two was done is part of the result.
//!
//! Source: `calculateSnapshotDiff` in DevTools' `HeapSnapshot.ts` for the comparison by id.
//!
//! ```no_run
//! use heapsnapshot::Snapshot;
//! use heapsnapshot::analysis::diff::{Matching, diff};
//!
//! let before = Snapshot::open("before.heapsnapshot")?;
//! let after = Snapshot::open("after.heapsnapshot")?;
//! let found = diff(&before, &after, None, 10);
//! let one_process = found.matching == Matching::Id;
//! println!("{} -> {} bytes; one process: {one_process}", found.total_before, found.total_after);
//! for row in found.classes {
//!     println!("{:+} bytes, {:+} objects of {}", row.bytes_delta, row.count_delta, row.class);
//! }
//! # Ok::<(), heapsnapshot::ReadError>(())
//! ```

use std::cmp::Reverse;

use hashbrown::HashMap;

use super::words;
use crate::graph::{NodeId, NodeOrdinal, Snapshot};
use crate::paths::{Shape, ShapeCensus, Shapes, Tree};

/// How objects of the two snapshots are matched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Matching {
    /// By id: both come from one process.
    Id,
    /// By class: they come from two processes.
    Class,
}

/// What happened to a class.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct ClassDiff {
    /// The class.
    pub class: String,
    /// Objects there are now and were not before.
    pub new_count: u64,
    /// Their bytes.
    pub new_bytes: u64,
    /// Objects there were and are no more.
    pub deleted_count: u64,
    /// Their bytes.
    pub deleted_bytes: u64,
    /// Growth of objects in both, in bytes.
    pub grown_bytes: i64,
    /// Change of the count.
    pub count_delta: i64,
    /// Change of the bytes.
    pub bytes_delta: i64,
}

/// An object in both snapshots that has become larger.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct GrownObject {
    /// Its identity.
    pub id: NodeId,
    /// The object as a cell shows it.
    pub node: String,
    /// Own bytes before.
    pub before: u64,
    /// Own bytes now.
    pub after: u64,
    /// Edges before.
    pub edges_before: u64,
    /// Edges now.
    pub edges_after: u64,
}

/// What hangs on paths of one shape, in snapshots of two processes.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct ShapeDiff {
    /// The path to one of the objects, in words.
    pub path: String,
    /// The class of that object.
    pub class: String,
    /// Objects before.
    pub count_before: u64,
    /// Objects now.
    pub count_after: u64,
    /// Change of the bytes of these objects with all that hangs on them.
    pub bytes_delta: i64,
}

/// The differences.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Diff {
    /// How objects were matched.
    pub matching: Matching,
    /// Classes that changed, the largest change of bytes first, whether they have grown or shrunk; then those whose count
    /// alone has changed, and those whose new objects only replace others.
    pub classes: Vec<ClassDiff>,
    /// Objects that have grown most; only when matched by id.
    pub grown: Vec<GrownObject>,
    /// Places where there is more than before, most bytes first; only when compared by class. Places whose holders
    /// have become more themselves are left out.
    pub shapes: Vec<ShapeDiff>,
    /// All bytes before.
    pub total_before: u64,
    /// All bytes now.
    pub total_after: u64,
}

/// Compares `before` with `after`; `matching` as asked, or found out. Keeps `limit` grown objects.
///
/// Complexity: sorting both snapshots' ids.
#[must_use]
pub fn diff(before: &Snapshot, after: &Snapshot, matching: Option<Matching>, limit: usize) -> Diff {
    let matching = matching.unwrap_or_else(|| guess_matching(before, after));
    let mut rows: HashMap<String, ClassDiff> = HashMap::new();
    let mut grown = Vec::new();
    match matching {
        Matching::Id => by_id(before, after, &mut rows, &mut grown),
        Matching::Class => {
            by_class(before, &mut rows, |row, count, bytes| {
                (row.deleted_count, row.deleted_bytes) = (count, bytes)
            });
            by_class(after, &mut rows, |row, count, bytes| {
                (row.new_count, row.new_bytes) = (count, bytes)
            });
            for row in rows.values_mut() {
                let (both, bytes) = (
                    row.new_count.min(row.deleted_count),
                    row.new_bytes.min(row.deleted_bytes),
                );
                row.new_count -= both;
                row.deleted_count -= both;
                row.new_bytes -= bytes;
                row.deleted_bytes -= bytes;
            }
        }
    }
    let mut classes: Vec<ClassDiff> = rows
        .into_iter()
        .map(|(class, row)| ClassDiff {
            class,
            count_delta: signed(row.new_count) - signed(row.deleted_count),
            bytes_delta: signed(row.new_bytes) - signed(row.deleted_bytes) + row.grown_bytes,
            ..row
        })
        .filter(|row| {
            row.new_count + row.deleted_count + row.new_bytes + row.deleted_bytes > 0
                || row.grown_bytes != 0
        })
        .collect();
    // What has grown comes before what has shrunk as much.
    let order = |row: &ClassDiff| {
        let (bytes, count) = (row.bytes_delta, row.count_delta);
        Reverse((bytes.unsigned_abs(), bytes, count.unsigned_abs(), count))
    };
    classes.sort_by(|a, b| order(a).cmp(&order(b)).then_with(|| a.class.cmp(&b.class)));
    grown.sort_by_key(|object| Reverse((object.1, object.0)));
    grown.truncate(limit);
    let grown = grown
        .into_iter()
        .map(|(at, _, old)| describe_grown(before, after, at, old))
        .collect();
    let shapes = match matching {
        Matching::Id => Vec::new(),
        Matching::Class => by_shape(before, after, limit),
    };
    Diff {
        matching,
        classes,
        grown,
        shapes,
        total_before: before.root().retained_size(),
        total_after: after.root().retained_size(),
    }
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// Ordinals sorted by id.
fn sorted_ids(snapshot: &Snapshot) -> Vec<(u32, u32)> {
    let mut ids: Vec<(u32, u32)> = snapshot.nodes.id.iter().copied().zip(0..).collect();
    ids.sort_unstable();
    ids
}

/// Older objects that are looked up in the newer snapshot.
const LOOKED_UP: usize = 4096;

/// How objects of these two are best matched: see [`ProcessSample`].
pub(crate) fn guess_matching(before: &Snapshot, after: &Snapshot) -> Matching {
    ProcessSample::of(before).matching(after)
}

/// Some thousand objects of a snapshot, by which a later one of the same process is known, when it is in memory no more.
///
/// Two are of one process if most of the older objects that are still there by id are of the same type and name.
#[derive(Clone, Debug)]
pub struct ProcessSample {
    /// Type and escaped name by id.
    objects: HashMap<u32, (String, Option<Vec<u8>>)>,
}

impl ProcessSample {
    /// Complexity: two passes over the ids.
    #[must_use]
    pub fn of(snapshot: &Snapshot) -> ProcessSample {
        // Engines give objects odd ids; even ones are the embedder's.
        let own = || {
            let ids = snapshot.nodes.id.iter().copied().zip(0..);
            ids.filter(|(id, _)| id % 2 == 1)
        };
        let every = own().count().div_ceil(LOOKED_UP).max(1);
        let objects = own().step_by(every).map(|(id, node)| {
            let node = snapshot.at(node);
            let name = snapshot.strings().escaped(node.name_index());
            (id, (node.type_name().to_owned(), name.map(<[u8]>::to_vec)))
        });
        ProcessSample {
            objects: objects.collect(),
        }
    }

    /// Whether `after` is of the same process. Complexity: one pass over its ids.
    #[must_use]
    pub fn matching(&self, after: &Snapshot) -> Matching {
        self.compare(after, self.objects.len())
    }

    /// The same of a snapshot that may be the earlier one: objects it could not know are not missed.
    #[must_use]
    pub fn matching_any(&self, other: &Snapshot) -> Matching {
        let last = other.nodes.id.iter().copied().max().unwrap_or(0);
        let known = self.objects.keys().filter(|&&id| id <= last).count();
        self.compare(other, known)
    }

    /// Of `wanted` objects of the sample most must be the same.
    fn compare(&self, other: &Snapshot, wanted: usize) -> Matching {
        let highest = self.objects.keys().copied().max().unwrap_or(0);
        let (mut equal, mut different) = (0, 0);
        for (twin, &id) in other.nodes.id.iter().enumerate() {
            if id > highest {
                continue;
            }
            let Some((kind, name)) = self.objects.get(&id) else {
                continue;
            };
            let node = other.at(twin);
            let same = node.type_name() == kind
                && other.strings().escaped(node.name_index()) == name.as_deref();
            if same { equal += 1 } else { different += 1 }
        }
        // Objects change their names rarely, and ids are given in the order of first sight: two
        // processes agree on what exists at the start, and on little after it.
        if equal > 9 * different && equal * 2 > wanted {
            Matching::Id
        } else {
            Matching::Class
        }
    }
}

fn by_id(
    before: &Snapshot,
    after: &Snapshot,
    rows: &mut HashMap<String, ClassDiff>,
    grown: &mut Vec<(u32, i64, u32)>,
) {
    let (old, new) = (sorted_ids(before), sorted_ids(after));
    let mut old_rows = Rows::new(before);
    let mut new_rows = Rows::new(after);
    let (mut i, mut j) = (0, 0);
    while i < old.len() || j < new.len() {
        let (left, right) = (old.get(i), new.get(j));
        let gone = match (left, right) {
            (Some(left), Some(right)) => left.0 < right.0,
            (left, _) => left.is_some(),
        };
        let came = match (left, right) {
            (Some(left), Some(right)) => right.0 < left.0,
            (_, right) => right.is_some(),
        };
        if let (true, Some(&(_, node))) = (gone, left) {
            if let Some((row, bytes)) = old_rows.of(node, rows) {
                row.deleted_count += 1;
                row.deleted_bytes += bytes;
            }
            i += 1;
        } else if let (true, Some(&(_, node))) = (came, right) {
            if let Some((row, bytes)) = new_rows.of(node, rows) {
                row.new_count += 1;
                row.new_bytes += bytes;
            }
            j += 1;
        } else if let (Some(&(_, was)), Some(&(_, node))) = (left, right) {
            let old_size = i64::from(before.shallow_sizes()[was as usize]);
            let growth = i64::from(after.shallow_sizes()[node as usize]) - old_size;
            if growth != 0 {
                if let Some((row, _)) = new_rows.of(node, rows) {
                    row.grown_bytes += growth;
                }
                if growth > 0 {
                    grown.push((node, growth, was));
                }
            }
            i += 1;
            j += 1;
        }
    }
}

/// Rows by class, the name looked up once per class.
struct Rows<'a> {
    snapshot: &'a Snapshot,
    names: Vec<Option<String>>,
}

impl<'a> Rows<'a> {
    fn new(snapshot: &'a Snapshot) -> Rows<'a> {
        Rows {
            snapshot,
            names: vec![None; snapshot.classes().len()],
        }
    }

    /// The row of a node with a size, and the size.
    fn of<'r>(
        &mut self,
        node: u32,
        rows: &'r mut HashMap<String, ClassDiff>,
    ) -> Option<(&'r mut ClassDiff, u64)> {
        let bytes = u64::from(self.snapshot.shallow_sizes()[node as usize]);
        if bytes == 0 {
            return None;
        }
        let classes = self.snapshot.classes();
        let class = classes.class_of(NodeOrdinal(node));
        let name = self.names[class.0 as usize]
            .get_or_insert_with(|| classes.name(self.snapshot, class).into_owned());
        Some((rows.entry_ref(name.as_str()).or_default(), bytes))
    }
}

fn by_class(
    snapshot: &Snapshot,
    rows: &mut HashMap<String, ClassDiff>,
    put: impl Fn(&mut ClassDiff, u64, u64),
) {
    let mut sums: Vec<(u64, u64)> = vec![(0, 0); snapshot.classes().len()];
    for (node, &size) in snapshot
        .shallow_sizes()
        .iter()
        .enumerate()
        .filter(|(_, size)| **size > 0)
    {
        let class = snapshot.classes().class_of(NodeOrdinal(node as u32));
        let sum = &mut sums[class.0 as usize];
        *sum = (sum.0 + 1, sum.1 + u64::from(size));
    }
    let mut named: HashMap<String, (u64, u64)> = HashMap::new();
    for (class, (count, bytes)) in (0..).zip(sums).filter(|(_, (count, _))| *count > 0) {
        let name = snapshot
            .classes()
            .name(snapshot, crate::classes::ClassId(class))
            .into_owned();
        let sum = named.entry(name).or_default();
        *sum = (sum.0 + count, sum.1 + bytes);
    }
    for (name, (count, bytes)) in named {
        put(rows.entry(name).or_default(), count, bytes);
    }
}

/// Complexity: a path tree and a pass over the nodes of each.
fn by_shape(before: &Snapshot, after: &Snapshot, limit: usize) -> Vec<ShapeDiff> {
    let mut shapes = Shapes::default();
    let old = ShapeCensus::of(before, &Tree::build(before), &mut shapes);
    let tree = Tree::build(after);
    let new = ShapeCensus::of(after, &tree, &mut shapes);
    let (old_bytes, new_bytes) = (old.bytes_below(&shapes), new.bytes_below(&shapes));
    let more = |shape: Shape| new.count(shape) > old.count(shape);
    let mut rows: Vec<(i64, Shape, u32)> = (1..shapes.len() as u32)
        .map(Shape)
        .filter(|&shape| more(shape) && !more(shapes.before(shape)))
        .filter_map(|shape| {
            let at = shape.0 as usize;
            let delta = signed(new_bytes[at]) - signed(old_bytes[at]);
            Some((delta, shape, new.sample(shape)?))
        })
        .collect();
    rows.sort_unstable_by_key(|&(delta, shape, _)| (Reverse(delta), shape));
    rows.truncate(limit);
    rows.into_iter()
        .map(|(bytes_delta, shape, sample)| ShapeDiff {
            path: words::path(tree.path(after, sample)),
            class: after.at(sample as usize).class_name().into_owned(),
            count_before: old.count(shape),
            count_after: new.count(shape),
            bytes_delta,
        })
        .collect()
}

fn describe_grown(before: &Snapshot, after: &Snapshot, node: u32, was: u32) -> GrownObject {
    let (old, new) = (before.at(was as usize), after.at(node as usize));
    GrownObject {
        id: new.id(),
        node: words::node(new),
        before: old.self_size(),
        after: new.self_size(),
        edges_before: old.edge_count() as u64,
        edges_after: new.edge_count() as u64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::Builder;

    fn graph(ids: &[u32], size: u32) -> Snapshot {
        let mut graph = Builder::new();
        let list = graph.node("object", "List", 3, size);
        graph.edge(0, "property", "list", list);
        for &id in ids {
            let item = graph.node("object", "Item", id, 16);
            graph.edge(list, "element", "0", item);
        }
        graph.read()
    }

    #[test]
    fn objects_are_matched_by_id_within_a_process() {
        let (before, after) = (graph(&[5, 7, 9], 32), graph(&[7, 9, 11, 13], 64));
        let found = diff(&before, &after, None, 10);
        assert_eq!(found.matching, Matching::Id);
        let item = found
            .classes
            .iter()
            .find(|row| row.class == "Item")
            .unwrap();
        assert_eq!(
            (
                item.new_count,
                item.deleted_count,
                item.count_delta,
                item.bytes_delta
            ),
            (2, 1, 1, 16)
        );
        let list = found
            .classes
            .iter()
            .find(|row| row.class == "List")
            .unwrap();
        assert_eq!(
            (list.new_count, list.grown_bytes, list.bytes_delta),
            (0, 32, 32)
        );
        assert_eq!(found.grown.len(), 1);
        assert_eq!(
            (found.grown[0].id, found.grown[0].edges_after),
            (NodeId(3), 4)
        );
        assert_eq!(found.total_after - found.total_before, 48);
    }

    /// What has become less is told as what has become more, and what is only replaced comes last.
    #[test]
    fn the_largest_change_comes_first_whichever_way_it_goes() {
        let graph = |classes: &[(&str, u32, u32, u32)]| {
            let mut graph = Builder::new();
            for &(class, first, count, size) in classes {
                for at in 0..count {
                    let item = graph.node("object", class, first + 2 * at, size);
                    graph.edge(0, "element", "0", item);
                }
            }
            graph.read()
        };
        let one = graph(&[
            ("Kept", 3, 9, 8),
            ("Few", 101, 2, 16),
            ("Replaced", 201, 50, 64),
            ("Flat", 601, 2, 32),
        ]);
        let two = graph(&[
            ("Kept", 3, 9, 8),
            ("Many", 301, 9, 16),
            ("Replaced", 401, 50, 64),
            ("Flat", 701, 4, 16),
        ]);
        let rows = |before, after| -> Vec<(String, i64)> {
            let rows = diff(before, after, Some(Matching::Id), 10).classes;
            rows.into_iter()
                .map(|row| (row.class, row.bytes_delta))
                .collect()
        };
        let row = |class: &str, bytes| (class.to_owned(), bytes);
        let last = [row("Flat", 0), row("Replaced", 0)];
        assert_eq!(
            rows(&one, &two),
            [&[row("Many", 144), row("Few", -32)], &last[..]].concat()
        );
        assert_eq!(
            rows(&two, &one),
            [&[row("Many", -144), row("Few", 32)], &last[..]].concat()
        );
    }

    #[test]
    fn a_sample_knows_its_process_either_way() {
        let (one, more) = (
            graph(&[5, 7, 9], 32),
            graph(&[5, 7, 9, 11, 13, 15, 17, 19], 32),
        );
        let mut stranger = Builder::new();
        for id in [3, 5, 7, 9] {
            let node = stranger.node("string", "else", id, 16);
            stranger.edge(0, "element", "0", node);
        }
        let stranger = stranger.read();
        assert_eq!(ProcessSample::of(&one).matching(&more), Matching::Id);
        assert_eq!(ProcessSample::of(&more).matching(&one), Matching::Class);
        assert_eq!(ProcessSample::of(&more).matching_any(&one), Matching::Id);
        let sample = ProcessSample::of(&stranger);
        assert_eq!(sample.matching(&more), Matching::Class);
        assert_eq!(sample.matching_any(&more), Matching::Class);
        assert_eq!(
            ProcessSample::of(&more).matching_any(&stranger),
            Matching::Class
        );
    }

    #[test]
    fn classes_are_matched_across_processes() {
        let found = diff(
            &graph(&[5, 7, 9], 32),
            &graph(&[105, 107, 109, 111], 32),
            Some(Matching::Class),
            10,
        );
        assert_eq!(found.classes.len(), 1);
        let item = &found.classes[0];
        assert_eq!(
            (item.new_count, item.deleted_count, item.bytes_delta),
            (1, 0, 16)
        );
        assert!(found.grown.is_empty());
        let [place] = &found.shapes[..] else {
            panic!("{:?}", found.shapes);
        };
        assert_eq!(place.path, "List → element 0: Item");
        assert_eq!(
            (place.count_before, place.count_after, place.bytes_delta),
            (3, 4, 16)
        );
    }

    #[test]
    fn a_snapshot_does_not_differ_from_itself() {
        let snapshot = graph(&[5, 7], 32);
        for matching in [None, Some(Matching::Class)] {
            assert!(diff(&snapshot, &snapshot, matching, 10).classes.is_empty());
        }
    }
}
