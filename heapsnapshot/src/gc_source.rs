//! Snapshots of a [`heaplab_gc::Heap`] (feature `gc`).
//!
//! ```text
//!   ordinal 0        1           2 … 2+G           … + objects                     … + stores
//!   root ──► (GC roots) ──► named root groups ──► objects in address order ──► bytes outside the heap
//! ```
//!
//! | object | node type, name | edges |
//! |---|---|---|
//! | object | `object`, its constructor | `property` by field name |
//! | array | `object`, `Array` | `element` |
//! | string, number | `string`, `number`, their text | |
//! | closure | `closure`, its function | `internal context`, `property` for further slots |
//! | context | `object`, `system / Context / FUNCTION` | `internal previous`, `context` by variable name |
//! | map, its table | `object Map`, `array (map table)` | `internal table`; per entry `internal key` and `element` (the value) |
//! | deque | `object`, `Deque` | `internal buffer` |
//! | bytes | `object`, `Bytes` | |
//! | owner of outside bytes | `object`, `ArrayBuffer` | `internal backing_store` to a `native`, `system / JSArrayBufferData` |
//! | weak reference | `object`, `WeakRef` | `weak target` |
//! | ephemeron table | `object`, `WeakMap` | `weak` to keys; to values as V8 does it, from the table and from the key |
//!
//! The heap is marked afresh and stands still while it is written ([`Heap::walk`]); nothing is allocated in it, so this works
//! at the heap's limit, also inside the near-limit callback.
//!
//! ```
//! use heaplab_gc::{Heap, HeapOptions};
//! use heapsnapshot::gc_source::write_snapshot_file;
//!
//! let mut heap = Heap::new(HeapOptions::with_limits(4 << 20, 1 << 20))?;
//! let path = std::env::temp_dir().join(format!("near-limit-{}.heapsnapshot", std::process::id()));
//! let file = path.clone();
//! heap.set_near_limit_callback(move |near| {
//!     // Errors cannot leave the callback; a program would log them.
//!     write_snapshot_file(near, &file).expect("a snapshot of what fills the heap");
//! });
//! heap.enter(|s| {
//!     let list = s.array(1 << 20)?; // 4 MB and a header
//!     s.set(list, 0, list);
//!     Ok::<(), heaplab_gc::HeapLimitReached>(())
//! })
//! .expect_err("more than the limit");
//! let snapshot = heapsnapshot::Snapshot::open(&path)?;
//! assert!(snapshot.node_count() > 0);
//! # std::fs::remove_file(&path)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::fmt::Write as _;
use std::io::Write;
use std::path::Path;

use heaplab_gc::{
    Heap, HeapLimitReached, HeapWalk, Kind, NearLimit, ObjectRef, ShapeInfo, SlotContent,
};

use crate::format::{EdgeType, NodeType};
use crate::source::{Counts, GraphSource, SourceError};
use crate::writer::{
    EdgeLabel, EdgeSink, Name, NameTable, NodeLabel, NodeSink, Stopped, TextSink, WriteError,
    WriteReport,
};

/// Root and `(GC roots)`.
const FIXED_NODES: usize = 2;

/// The text of a double is no longer than this.
const LONGEST_NUMBER: u64 = 32;

/// What can be walked: a heap, or one that its near-limit callback sees.
pub trait Walkable {
    /// Marks everything that is live and lets `body` walk it.
    ///
    /// # Errors
    ///
    /// As for [`Heap::walk`].
    fn walk<R>(&mut self, body: impl FnOnce(&HeapWalk<'_>) -> R) -> Result<R, HeapLimitReached>;
}

impl Walkable for Heap {
    fn walk<R>(&mut self, body: impl FnOnce(&HeapWalk<'_>) -> R) -> Result<R, HeapLimitReached> {
        Heap::walk(self, body)
    }
}

impl Walkable for NearLimit<'_> {
    fn walk<R>(&mut self, body: impl FnOnce(&HeapWalk<'_>) -> R) -> Result<R, HeapLimitReached> {
        NearLimit::walk(self, body)
    }
}

/// Writes a snapshot of a heap to a writer, which needs no buffer of its own.
///
/// # Errors
///
/// [`WriteError`]; [`WriteError::Source`] if the heap has no more ids to give.
pub fn write_snapshot(
    heap: &mut impl Walkable,
    writer: &mut dyn Write,
) -> Result<WriteReport, WriteError> {
    heap.walk(|walk| crate::writer::write(&mut GcSource::new(walk), writer))
        .map_err(|error| WriteError::Source(error.into()))?
}

/// Writes a snapshot of a heap to a file that appears whole or not at all.
///
/// # Errors
///
/// As for [`write_snapshot`], naming the file.
pub fn write_snapshot_file(
    heap: &mut impl Walkable,
    path: &Path,
) -> Result<WriteReport, WriteError> {
    heap.walk(|walk| crate::writer::write_file(&mut GcSource::new(walk), path))
        .map_err(|error| WriteError::Source(error.into()))?
}

/// A node as the heap refers to it.
#[derive(Debug, Clone, Copy)]
pub enum Target {
    /// A node that is no object of the heap.
    Ordinal(u32),
    /// An object.
    Object(ObjectRef),
}

impl Default for Target {
    fn default() -> Self {
        Target::Ordinal(0)
    }
}

/// A stopped heap as a graph to write.
#[derive(Debug)]
pub struct GcSource<'w, 'h> {
    walk: &'w HeapWalk<'h>,
    labels: Labels,
    /// Ephemerons by the ordinal of their key.
    ephemerons: Vec<Ephemeron>,
}

/// One live entry of an ephemeron table.
#[derive(Debug, Clone, Copy)]
struct Ephemeron {
    key: u32,
    table: ObjectRef,
    label: EdgeLabel,
    value: ObjectRef,
}

/// What repeats, rendered once.
#[derive(Debug, Default)]
struct Labels {
    shapes: Vec<ShapeLabels>,
    /// The slots' labels of all shapes, one shape after the other.
    slots: Vec<EdgeLabel>,
    groups: Vec<NodeLabel>,
    fixed: Option<FixedLabels>,
}

#[derive(Debug, Clone, Copy)]
struct ShapeLabels {
    node: NodeLabel,
    first_slot: u32,
}

#[derive(Debug, Clone, Copy)]
struct FixedLabels {
    root: NodeLabel,
    gc_roots: NodeLabel,
    store: NodeLabel,
    backing_store: EdgeLabel,
    key: EdgeLabel,
    weak_target: EdgeLabel,
    weak_key: EdgeLabel,
}

impl<'w, 'h> GcSource<'w, 'h> {
    /// The heap that `walk` shows.
    #[must_use]
    pub fn new(walk: &'w HeapWalk<'h>) -> Self {
        GcSource {
            walk,
            labels: Labels::default(),
            ephemerons: Vec::new(),
        }
    }

    fn first_object(&self) -> usize {
        FIXED_NODES + self.walk.roots().len()
    }

    fn first_store(&self) -> usize {
        self.first_object() + self.walk.object_count()
    }

    fn fixed(&self) -> &FixedLabels {
        let Some(fixed) = &self.labels.fixed else {
            unreachable!("the writer counts first")
        };
        fixed
    }

    /// The objects with their ordinals and the ephemerons whose key they are.
    fn objects(&self) -> impl Iterator<Item = (ObjectRef, &[Ephemeron])> + '_ {
        let mut left = &self.ephemerons[..];
        self.walk
            .objects()
            .zip(self.first_object() as u32..)
            .map(move |(object, ordinal)| {
                if left.is_empty() {
                    return (object, left);
                }
                let own = left.iter().take_while(|e| e.key == ordinal).count();
                let (own, rest) = left.split_at(own);
                left = rest;
                (object, own)
            })
    }

    /// Edges of an object, those of ephemerons whose key it is left out.
    #[inline]
    fn edge_count(&self, object: ObjectRef, kind: Kind) -> u64 {
        match kind {
            Kind::External => u64::from(self.walk.store_of(object).is_some()),
            Kind::WeakRef => u64::from(self.walk.weak_target(object).is_some()),
            Kind::EphemeronTable => {
                let entries = self.walk.ephemerons(object);
                let values = entries.iter().filter(|(_, value)| value.is_some()).count();
                (entries.len() + values) as u64
            }
            _ => self
                .walk
                .slots(object)
                .map(|slot| u64::from(matches!(slot, SlotContent::Object(_))))
                .sum(),
        }
    }

    /// A node's name as it appears in an ephemeron's edge.
    fn name(&self, object: ObjectRef) -> &str {
        self.walk
            .shape_info(self.walk.shape(object))
            .map_or("", |info| &info.name)
    }

    /// Finds all ephemerons and names their edges as V8 does: DevTools takes table and key to retain a value together.
    fn find_ephemerons(&mut self, names: &mut NameTable<'_>) {
        let walk = self.walk;
        let first = self.first_object() as u32;
        let mut number = 0;
        for table in walk.objects() {
            if walk.kind(table) != Kind::EphemeronTable {
                continue;
            }
            for (key, value) in walk.ephemerons(table) {
                let Some(value) = value else { continue };
                number += 1;
                let name = names.intern(&format!(
                    "{number} / part of key ({} @{}) -> value ({} @{}) pair in WeakMap (table @{})",
                    self.name(key),
                    walk.id(key),
                    self.name(value),
                    walk.id(value),
                    walk.id(table)
                ));
                self.ephemerons.push(Ephemeron {
                    key: first + walk.ordinal(key),
                    table,
                    label: EdgeLabel::named(EdgeType::Internal, name),
                    value,
                });
            }
        }
        self.ephemerons.sort_by_key(|ephemeron| ephemeron.key);
    }
}

impl Labels {
    /// Renders the labels of one shape's nodes and slots.
    fn add_shape(&mut self, info: &ShapeInfo, names: &mut NameTable<'_>) {
        let first_slot = self.slots.len() as u32;
        let (kind, name) = match info.kind {
            Kind::Closure => (NodeType::Closure, names.intern(&info.name)),
            Kind::Context if info.name.is_empty() => {
                (NodeType::Object, names.intern("system / Context"))
            }
            Kind::Context => {
                let name = format!("system / Context / {}", info.name);
                (NodeType::Object, names.intern(&name))
            }
            Kind::Table => (NodeType::Array, names.intern(&info.name)),
            Kind::String => (NodeType::String, Name::EMPTY),
            Kind::Number => (NodeType::Number, Name::EMPTY),
            Kind::Free | Kind::Oddball | Kind::Forwarded => {
                (NodeType::Hidden, names.intern(&info.name))
            }
            _ => (NodeType::Object, names.intern(&info.name)),
        };
        for (at, slot) in info.slots.iter().enumerate() {
            let kind = match info.kind {
                Kind::Map | Kind::Deque => EdgeType::Internal,
                Kind::Closure | Kind::Context if at == 0 => EdgeType::Internal,
                Kind::Context => EdgeType::Context,
                _ => EdgeType::Property,
            };
            self.slots.push(EdgeLabel::named(kind, names.intern(slot)));
        }
        self.shapes.push(ShapeLabels {
            node: NodeLabel::new(kind, name),
            first_slot,
        });
    }
}

impl GraphSource for GcSource<'_, '_> {
    type Target = Target;

    fn count(&mut self, names: &mut NameTable<'_>) -> Result<Counts, SourceError> {
        let walk = self.walk;
        let edge = |kind, name: &str, names: &mut NameTable<'_>| {
            EdgeLabel::named(kind, names.intern(name))
        };
        self.labels = Labels {
            fixed: Some(FixedLabels {
                root: NodeLabel::new(NodeType::Synthetic, Name::EMPTY),
                gc_roots: NodeLabel::new(NodeType::Synthetic, names.intern("(GC roots)")),
                store: NodeLabel::new(NodeType::Native, names.intern("system / JSArrayBufferData")),
                backing_store: edge(EdgeType::Internal, "backing_store", names),
                key: edge(EdgeType::Internal, "key", names),
                weak_target: edge(EdgeType::Weak, "target", names),
                weak_key: edge(EdgeType::Weak, "key", names),
            }),
            ..Labels::default()
        };
        for group in walk.roots() {
            let name = names.intern(&group.name);
            self.labels
                .groups
                .push(NodeLabel::new(NodeType::Synthetic, name));
        }
        for shape in 0..walk.shape_count() {
            if let Some(info) = walk.shape_info(shape) {
                self.labels.add_shape(info, names);
            }
        }

        let roots: usize = walk.roots().iter().map(|group| group.objects.len()).sum();
        let mut counts = Counts {
            nodes: (self.first_store() + walk.stores().len()) as u64,
            edges: (1 + walk.roots().len() + roots) as u64,
            ..Counts::default()
        };
        let mut ephemeron_tables = 0_u64;
        for object in walk.objects() {
            let kind = walk.kind(object);
            let size = walk.size(object) as u64;
            counts.edges += self.edge_count(object, kind);
            counts.largest_self_size = counts.largest_self_size.max(size);
            match kind {
                Kind::String => {
                    counts.texts += 1;
                    counts.text_units += size.min(crate::format::MAX_STRING_UNITS as u64);
                }
                Kind::Number => {
                    counts.texts += 1;
                    counts.text_units += LONGEST_NUMBER;
                }
                Kind::EphemeronTable => ephemeron_tables += 1,
                _ => {}
            }
        }
        if ephemeron_tables > 0 {
            self.find_ephemerons(names);
            counts.edges += self.ephemerons.len() as u64;
        }
        for store in walk.stores() {
            counts.largest_self_size = counts.largest_self_size.max(store.bytes as u64);
        }
        Ok(counts)
    }

    fn nodes(&self, sink: &mut NodeSink<'_, '_>) -> Result<(), Stopped> {
        let (walk, fixed) = (self.walk, self.fixed());
        // The synthetic nodes' ids are the lowest odd ones; objects' are larger.
        sink.node(fixed.root, 1, 0, 1)?;
        sink.node(fixed.gc_roots, 3, 0, walk.roots().len() as u32)?;
        for (at, (group, &label)) in walk.roots().iter().zip(&self.labels.groups).enumerate() {
            sink.node(label, 5 + 2 * at as u32, 0, group.objects.len() as u32)?;
        }
        for (object, own_ephemerons) in self.objects() {
            let kind = walk.kind(object);
            // `count` has seen that sizes fit, and an object has fewer than 2^30 slots.
            let (id, size) = (walk.id(object), walk.size(object) as u32);
            let edges = self.edge_count(object, kind) as u32 + own_ephemerons.len() as u32;
            match kind {
                Kind::String => sink.text_node(NodeType::String, id, size, edges)?,
                Kind::Number => sink.text_node(NodeType::Number, id, size, edges)?,
                _ => {
                    let labels = &self.labels.shapes[walk.shape(object) as usize];
                    sink.node(labels.node, id, size, edges)?;
                }
            }
        }
        for store in walk.stores() {
            sink.node(fixed.store, store.id, store.bytes as u32, 0)?;
        }
        Ok(())
    }

    fn edges(&self, sink: &mut EdgeSink<'_, '_, Self>) -> Result<(), Stopped> {
        let (walk, fixed) = (self.walk, self.fixed());
        sink.edge(EdgeLabel::element(1), Target::Ordinal(1))?;
        sink.end_node()?;
        for at in 0..walk.roots().len() {
            sink.edge(
                EdgeLabel::element(at as u32),
                Target::Ordinal((FIXED_NODES + at) as u32),
            )?;
        }
        sink.end_node()?;
        for group in walk.roots() {
            for (at, &object) in group.objects.iter().enumerate() {
                sink.edge(EdgeLabel::element(at as u32), Target::Object(object))?;
            }
            sink.end_node()?;
        }
        for (object, own_ephemerons) in self.objects() {
            match walk.kind(object) {
                Kind::String | Kind::Number | Kind::Bytes => {}
                Kind::Array => {
                    for (at, slot) in walk.slots(object).enumerate() {
                        if let SlotContent::Object(target) = slot {
                            sink.edge(EdgeLabel::element(at as u32), Target::Object(target))?;
                        }
                    }
                }
                Kind::Table => {
                    for (at, slot) in walk.slots(object).enumerate() {
                        if let SlotContent::Object(target) = slot {
                            let label = if at % 2 == 0 {
                                fixed.key
                            } else {
                                EdgeLabel::element(at as u32 / 2)
                            };
                            sink.edge(label, Target::Object(target))?;
                        }
                    }
                }
                Kind::External => {
                    if let Some(store) = walk.store_of(object) {
                        let ordinal = (self.first_store() + store) as u32;
                        sink.edge(fixed.backing_store, Target::Ordinal(ordinal))?;
                    }
                }
                Kind::WeakRef => {
                    if let Some(target) = walk.weak_target(object) {
                        sink.edge(fixed.weak_target, Target::Object(target))?;
                    }
                }
                Kind::EphemeronTable => self.edges_of_table(object, sink)?,
                _ => {
                    let first = self.labels.shapes[walk.shape(object) as usize].first_slot;
                    let labels = &self.labels.slots[first as usize..];
                    for (slot, &label) in walk.slots(object).zip(labels) {
                        if let SlotContent::Object(target) = slot {
                            sink.edge(label, Target::Object(target))?;
                        }
                    }
                }
            }
            for ephemeron in own_ephemerons {
                sink.edge(ephemeron.label, Target::Object(ephemeron.value))?;
            }
            sink.end_node()?;
        }
        for _ in walk.stores() {
            sink.end_node()?;
        }
        Ok(())
    }

    fn texts(&self, sink: &mut TextSink<'_, '_>) -> Result<(), Stopped> {
        let walk = self.walk;
        let mut digits = String::new();
        for object in walk.objects() {
            match walk.kind(object) {
                Kind::String => sink.utf8(walk.text(object))?,
                Kind::Number => {
                    digits.clear();
                    put_number(&mut digits, walk.number(object).unwrap_or_default());
                    sink.utf8(&digits)?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    #[inline(always)]
    fn ordinal(&self, target: Target) -> u32 {
        match target {
            Target::Ordinal(ordinal) => ordinal,
            Target::Object(object) => self.first_object() as u32 + self.walk.ordinal(object),
        }
    }

    #[inline]
    fn ordinals(&self, targets: &[Target], ordinals: &mut [u32]) {
        for target in targets {
            if let Target::Object(object) = target {
                self.walk.prefetch_ordinal(*object);
            }
        }
        for (ordinal, &target) in ordinals.iter_mut().zip(targets) {
            *ordinal = self.ordinal(target);
        }
    }
}

impl GcSource<'_, '_> {
    /// The edges of an ephemeron table: weak ones to its keys, V8's half of a pair to its values.
    fn edges_of_table(
        &self,
        table: ObjectRef,
        sink: &mut EdgeSink<'_, '_, Self>,
    ) -> Result<(), Stopped> {
        let first = self.first_object() as u32;
        for (key, value) in self.walk.ephemerons(table) {
            sink.edge(self.fixed().weak_key, Target::Object(key))?;
            let Some(value) = value else { continue };
            let ordinal = first + self.walk.ordinal(key);
            let from = self.ephemerons.partition_point(|e| e.key < ordinal);
            let label = self.ephemerons[from..]
                .iter()
                .take_while(|e| e.key == ordinal)
                .find(|e| e.table == table)
                .map_or(self.fixed().key, |e| e.label);
            sink.edge(label, Target::Object(value))?;
        }
        Ok(())
    }
}

/// A number as JavaScript prints it, or nearly so (the exponent has no plus sign).
fn put_number(out: &mut String, number: f64) {
    let size = number.abs();
    // Writing to a string cannot fail.
    let _ = if number.is_nan() {
        out.write_str("NaN")
    } else if number.is_infinite() {
        out.write_str(if number > 0.0 {
            "Infinity"
        } else {
            "-Infinity"
        })
    } else if number == 0.0 {
        out.write_str("0")
    } else if (1e-6..1e21).contains(&size) {
        write!(out, "{number}")
    } else {
        write!(out, "{number:e}")
    };
}

#[cfg(test)]
mod tests {
    use super::put_number;

    #[test]
    fn numbers_read_as_in_javascript() {
        for (number, text) in [
            (0.0, "0"),
            (-0.0, "0"),
            (3.0, "3"),
            (-1.5, "-1.5"),
            (1e20, "100000000000000000000"),
            (1e21, "1e21"),
            (1.25e-7, "1.25e-7"),
            (f64::NAN, "NaN"),
            (f64::NEG_INFINITY, "-Infinity"),
        ] {
            let mut out = String::new();
            put_number(&mut out, number);
            assert_eq!(out, text);
        }
        let mut out = String::new();
        put_number(&mut out, -f64::MIN_POSITIVE * 1.234_567_890_123_45);
        assert!(out.len() as u64 <= super::LONGEST_NUMBER);
    }
}
