//! Growth over a series of snapshots: what is larger every time, and how fast it grows.
//!
//! Snapshots are added one by one and need not stay in memory. Classes are followed by name,
//! collections by id (so the snapshots should come from one process), references by what they are called
//! and the classes at both ends.
//!
//! Source: the definition: larger in every snapshot than in the one before; slopes are least squares.
//!
//! ```no_run
//! use heapsnapshot::Snapshot;
//! use heapsnapshot::analysis::growth::GrowthSeries;
//!
//! let mut series = GrowthSeries::default();
//! for file in ["1.heapsnapshot", "2.heapsnapshot", "3.heapsnapshot"] {
//!     series.add(&Snapshot::open(file)?); // one at a time in memory
//! }
//! for map in series.finish().collections {
//!     println!("{} in {}: {:?}", map.class, map.held_by, map.entries);
//! }
//! # Ok::<(), heapsnapshot::ReadError>(())
//! ```

use hashbrown::HashMap;

use super::collections::{CollectionKind, contents};
use super::words;
use crate::format::{EdgeType, NodeType};
use crate::graph::{NodeId, NodeOrdinal, Snapshot};

/// A class that grows.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct GrowingClass {
    /// The class.
    pub class: String,
    /// Objects in each snapshot.
    pub counts: Vec<u64>,
    /// Their bytes in each snapshot.
    pub bytes: Vec<u64>,
    /// Objects more per snapshot (least squares).
    pub count_slope: f64,
    /// Bytes more per snapshot (least squares).
    pub bytes_slope: f64,
}

/// A collection that grows.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct GrowingCollection {
    /// Its identity.
    pub id: NodeId,
    /// Its class.
    pub class: String,
    /// Its kind.
    pub kind: CollectionKind,
    /// Entries seen in each snapshot.
    pub entries: Vec<u64>,
    /// Entries more per snapshot (least squares).
    pub entries_slope: f64,
    /// Bytes of the collection and its table in each snapshot.
    pub own_bytes: Vec<u64>,
    /// Bytes of its own more per snapshot (least squares).
    pub own_bytes_slope: f64,
    /// Bytes that would go with it in the last snapshot.
    pub retained: u64,
    /// The edge that holds it, in words.
    pub held_by: String,
}

impl GrowingCollection {
    /// Whether it gained entries in every step; if not, bytes.
    #[must_use]
    pub fn gains_entries(&self) -> bool {
        grows(&self.entries)
    }

    fn grows(&self) -> bool {
        self.gains_entries() || grows(&self.own_bytes)
    }
}

/// A kind of reference that becomes more.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct GrowingEdge {
    /// The reference in words: "element of `Array`", "property `next` of `Cell`".
    pub edge: String,
    /// The class it leads to.
    pub to: String,
    /// References in each snapshot.
    pub counts: Vec<u64>,
    /// References more per snapshot (least squares).
    pub slope: f64,
}

/// What grows in every step.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Growth {
    /// Number of snapshots.
    pub snapshots: usize,
    /// All bytes in each snapshot.
    pub total: Vec<u64>,
    /// Classes that gain objects in every step, most bytes per step first.
    pub classes: Vec<GrowingClass>,
    /// Collections that gain entries or bytes of their own in every step, most entries per step first, then most bytes.
    /// Entries that are no nodes, such as numbers, are not seen, but the table that holds them is.
    pub collections: Vec<GrowingCollection>,
    /// Kinds of references that become more in every step, most per step first.
    pub edges: Vec<GrowingEdge>,
}

/// Follows a series of snapshots.
#[derive(Debug, Default)]
pub struct GrowthSeries {
    total: Vec<u64>,
    /// Counts and bytes of the classes that have grown so far.
    classes: HashMap<String, (Vec<u64>, Vec<u64>)>,
    collections: HashMap<NodeId, GrowingCollection>,
    edges: HashMap<(String, String), Vec<u64>>,
}

/// A kind of reference within one snapshot: class of the source, type, name (none for elements), class of the target.
type EdgeKind = (u32, u8, u32, u32);

impl GrowthSeries {
    /// Adds the next snapshot. Complexity: its nodes, and the edges of its collections.
    pub fn add(&mut self, snapshot: &Snapshot) {
        let first = self.total.is_empty();
        self.total.push(snapshot.root().retained_size());
        let mut sums: HashMap<String, (u64, u64)> = HashMap::new();
        let mut by_class = vec![(0, 0); snapshot.classes().len()];
        for (node, &size) in snapshot
            .shallow_sizes()
            .iter()
            .enumerate()
            .filter(|(_, size)| **size > 0)
        {
            let sum =
                &mut by_class[snapshot.classes().class_of(NodeOrdinal(node as u32)).0 as usize];
            *sum = (sum.0 + 1, sum.1 + u64::from(size));
        }
        for (class, sum) in (0..).zip(by_class).filter(|(_, sum)| sum.0 > 0) {
            let name = snapshot
                .classes()
                .name(snapshot, crate::classes::ClassId(class))
                .into_owned();
            let known = sums.entry(name).or_default();
            *known = (known.0 + sum.0, known.1 + sum.1);
        }
        if first {
            self.classes = sums
                .into_iter()
                .map(|(name, (n, b))| (name, (vec![n], vec![b])))
                .collect();
        } else {
            // A class may be new in any snapshot but the last: before, there were none of it.
            let steps = self.total.len() - 1;
            for (name, (count, bytes)) in sums {
                let row = self
                    .classes
                    .entry(name)
                    .or_insert_with(|| (vec![0; steps], vec![0; steps]));
                row.0.push(count);
                row.1.push(bytes);
            }
            let steps = self.total.len();
            self.classes
                .retain(|_, (counts, _)| counts.len() == steps && grows(counts));
        }
        self.add_collections(snapshot, first);
        self.add_edges(snapshot, first);
    }

    /// Counts variables, properties and elements by the classes they lead from and to. Complexity: the edges.
    fn add_edges(&mut self, snapshot: &Snapshot, first: bool) {
        let classes = snapshot.classes();
        let class_of = |node: usize| classes.class_of(NodeOrdinal(node as u32)).0;
        let name_of = |class: u32| classes.name(snapshot, crate::classes::ClassId(class));
        let mut counts: HashMap<EdgeKind, u64> = HashMap::new();
        for node in 0..snapshot.node_count() {
            let from = class_of(node);
            for edge in snapshot.nodes.edges_of(node) {
                let (kind, name) = snapshot.edges.label(edge);
                let name = match EdgeType::ALL.get(usize::from(kind)) {
                    Some(EdgeType::Context | EdgeType::Property) => name,
                    Some(EdgeType::Element) => 0,
                    _ => continue,
                };
                let to = class_of(snapshot.edges.to(edge));
                *counts.entry((from, kind, name, to)).or_default() += 1;
            }
        }
        let steps = self.total.len() - 1;
        for ((from, kind, name, to), count) in counts {
            let name = snapshot.strings().get(name);
            let from = name_of(from);
            let edge = match EdgeType::ALL.get(usize::from(kind)) {
                Some(EdgeType::Context) => format!("captured variable `{name}`"),
                Some(EdgeType::Element) => format!("element of `{from}`"),
                _ => format!("property `{name}` of `{from}`"),
            };
            let key = (edge, name_of(to).into_owned());
            let row = self.edges.entry(key).or_insert_with(|| vec![0; steps]);
            // Two classes of one name are one row.
            if row.len() > steps {
                row[steps] += count;
            } else {
                row.push(count);
            }
        }
        self.edges
            .retain(|_, counts| counts.len() == steps + 1 && (first || grows(counts)));
    }

    fn add_collections(&mut self, snapshot: &Snapshot, first: bool) {
        let steps = self.total.len();
        for node in snapshot.nodes().filter(|node| node.is(NodeType::Object)) {
            if !first && !self.collections.contains_key(&node.id()) {
                continue;
            }
            let Some(contents) = contents(node) else {
                continue;
            };
            let row = self
                .collections
                .entry(node.id())
                .or_insert_with(|| GrowingCollection {
                    id: node.id(),
                    class: String::new(),
                    kind: contents.kind,
                    entries: Vec::new(),
                    entries_slope: 0.0,
                    own_bytes: Vec::new(),
                    own_bytes_slope: 0.0,
                    retained: 0,
                    held_by: String::new(),
                });
            row.entries.push(contents.entries);
            row.own_bytes
                .push(node.raw_self_size() + contents.table_bytes);
            row.retained = node.retained_size();
            if !first && row.entries.len() == steps && row.grows() {
                let holder = super::retainers::nearest_retainer(node).map(words::edge);
                row.held_by = holder.unwrap_or_default();
                row.class = node.class_name().into_owned();
            }
        }
        self.collections
            .retain(|_, row| row.entries.len() == steps && (first || row.grows()));
    }

    /// What has grown in every step so far. With fewer than two snapshots: nothing.
    #[must_use]
    pub fn finish(self) -> Growth {
        let snapshots = self.total.len();
        if snapshots < 2 {
            return Growth {
                snapshots,
                total: self.total,
                classes: Vec::new(),
                collections: Vec::new(),
                edges: Vec::new(),
            };
        }
        let mut classes: Vec<GrowingClass> = self
            .classes
            .into_iter()
            .map(|(class, (counts, bytes))| GrowingClass {
                class,
                count_slope: slope(&counts),
                bytes_slope: slope(&bytes),
                counts,
                bytes,
            })
            .collect();
        classes.sort_by(|a, b| {
            b.bytes_slope
                .total_cmp(&a.bytes_slope)
                .then_with(|| a.class.cmp(&b.class))
        });
        let mut collections: Vec<GrowingCollection> = self.collections.into_values().collect();
        for row in &mut collections {
            row.entries_slope = slope(&row.entries);
            row.own_bytes_slope = slope(&row.own_bytes);
        }
        collections.sort_by(|a, b| {
            b.entries_slope
                .total_cmp(&a.entries_slope)
                .then_with(|| b.own_bytes_slope.total_cmp(&a.own_bytes_slope))
                .then_with(|| a.id.cmp(&b.id))
        });
        let mut edges: Vec<GrowingEdge> = self
            .edges
            .into_iter()
            .map(|((edge, to), counts)| GrowingEdge {
                edge,
                to,
                slope: slope(&counts),
                counts,
            })
            .collect();
        edges.sort_by(|a, b| {
            let names = (&a.edge, &a.to).cmp(&(&b.edge, &b.to));
            b.slope.total_cmp(&a.slope).then(names)
        });
        Growth {
            snapshots,
            total: self.total,
            classes,
            collections,
            edges,
        }
    }
}

/// Larger every time.
fn grows(values: &[u64]) -> bool {
    values.windows(2).all(|two| two[0] < two[1])
}

/// The slope of the least-squares line through the values at 0, 1, 2, …
#[must_use]
pub fn slope(values: &[u64]) -> f64 {
    let n = values.len() as f64;
    let mean_x = (n - 1.0) / 2.0;
    let mean_y = values.iter().sum::<u64>() as f64 / n;
    let (mut above, mut below) = (0.0, 0.0);
    for (x, &y) in values.iter().enumerate() {
        above += (x as f64 - mean_x) * (y as f64 - mean_y);
        below += (x as f64 - mean_x).powi(2);
    }
    if below == 0.0 { 0.0 } else { above / below }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::Builder;

    fn snapshot(items: u32, others: u32) -> Snapshot {
        let mut graph = Builder::new();
        let list = graph.node("object", "Array", 3, 32);
        graph.edge(0, "property", "log", list);
        for at in 0..items {
            let item = graph.node("object", "Item", 101 + 2 * at, 16);
            graph.edge(list, "element", &at.to_string(), item);
        }
        for at in 0..others {
            let other = graph.node("object", "Other", 1001 + 2 * at, 16);
            graph.edge(0, "property", "other", other);
        }
        graph.read()
    }

    #[test]
    fn what_grows_every_time_is_found() {
        let mut series = GrowthSeries::default();
        for (items, others) in [(10, 5), (20, 9), (30, 7)] {
            series.add(&snapshot(items, others));
        }
        let growth = series.finish();
        assert_eq!(growth.classes.len(), 1);
        let class = &growth.classes[0];
        assert_eq!(
            (class.class.as_str(), class.count_slope, class.bytes_slope),
            ("Item", 10.0, 160.0)
        );
        assert_eq!(growth.collections.len(), 1);
        assert_eq!(growth.collections[0].entries, [10, 20, 30]);
        assert_eq!(growth.collections[0].held_by, "global object `log`");
        assert_eq!(growth.edges.len(), 1, "{:?}", growth.edges);
        let edge = &growth.edges[0];
        assert_eq!(
            (edge.edge.as_str(), edge.to.as_str()),
            ("element of `Array`", "Item")
        );
        assert_eq!(
            (edge.counts.as_slice(), edge.slope),
            (&[10, 20, 30][..], 10.0)
        );
    }

    /// Numbers are no nodes: an array of them shows its store alone.
    #[test]
    fn a_collection_of_numbers_grows_by_its_own_bytes() {
        let numbers = |room: u32, store: u32| {
            let mut graph = Builder::new();
            let list = graph.node("object", "Array", 3, 32);
            let elements = graph.node("array", "(object elements)", store, 16 + 8 * room);
            graph
                .edge(0, "property", "samples", list)
                .edge(list, "internal", "elements", elements);
            graph.read()
        };
        let mut series = GrowthSeries::default();
        for (room, store) in [(100, 5), (200, 7), (300, 9)] {
            series.add(&numbers(room, store));
        }
        let growth = series.finish();
        let [row] = &growth.collections[..] else {
            panic!("{growth:#?}");
        };
        assert_eq!(row.own_bytes, [848, 1648, 2448]);
        assert_eq!((row.own_bytes_slope, row.entries_slope), (800.0, 0.0));
        assert!(!row.gains_entries());
        assert_eq!(row.held_by, "global object `samples`");
    }

    #[test]
    fn a_class_may_appear_later() {
        let mut series = GrowthSeries::default();
        series.add(&snapshot(0, 1));
        series.add(&snapshot(3, 1));
        assert_eq!(series.finish().classes[0].counts, [0, 3]);
        assert_eq!(GrowthSeries::default().finish().snapshots, 0);
    }

    #[test]
    fn the_slope_is_that_of_the_line() {
        assert_eq!(slope(&[1, 3, 5, 7]), 2.0);
        assert_eq!(slope(&[4]), 0.0);
        assert!((slope(&[0, 10, 0]) - 0.0).abs() < 1e-9);
    }
}
