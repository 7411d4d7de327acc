//! Records of numbers into columns.
//!
//! Real files have their fields in one order; their records are taken apart by loops that the compiler turns into vector
//! instructions (see [`Kernel`]). Records of any other form are put into that order first.

use super::meta::{EdgeLayout, Meta, NodeLayout};
use crate::format::{EdgeType, NodeType};
use crate::graph::{EdgeColumns, NodeColumns, Passage, Target};
use crate::memory;
use crate::scanner::{Kernel, Path, run};

/// Types looked up in a table; the others, which no real file has, are looked up one by one.
const TYPES: usize = 64;

/// A type's place in a table of [`TYPES`].
#[inline(always)]
fn place(kind: u32) -> usize {
    (kind as usize).min(TYPES - 1)
}

/// The code of each type of the file, and the names of those that are unknown.
fn codes(
    names: &[String],
    known: impl Fn(&str) -> Option<u8>,
    first_unknown: usize,
) -> (Vec<u8>, Vec<String>) {
    let mut unknown = Vec::new();
    let codes = names
        .iter()
        .map(|name| {
            known(name).unwrap_or_else(|| {
                let code = first_unknown + unknown.len();
                unknown.push(name.clone());
                u8::try_from(code).unwrap_or(u8::MAX)
            })
        })
        .collect();
    (codes, unknown)
}

/// The code of a type, whatever the file says.
fn code_of(codes: &[u8], kind: u32) -> u8 {
    codes.get(kind as usize).copied().unwrap_or(u8::MAX)
}

/// Node numbers into columns.
#[derive(Default)]
pub(super) struct Nodes {
    pub(super) layout: Option<NodeLayout>,
    path: Path,
    codes: Vec<u8>,
    pub(super) unknown: Vec<String>,
    /// The largest index of a name.
    pub(super) largest_name: u32,
    pub(super) columns: NodeColumns,
}

impl Nodes {
    /// For a file with this header: at most `room` nodes are announced.
    pub(super) fn new(meta: &Meta, room: usize, path: Path) -> Nodes {
        let known = |name: &str| NodeType::from_name(name).map(|kind| kind as u8);
        let (codes, unknown) = codes(&meta.node_types, known, NodeType::ALL.len());
        let mut columns = NodeColumns {
            kind: memory::with_capacity(room),
            name: memory::with_capacity(room),
            id: memory::with_capacity(room),
            self_size: memory::with_capacity(room),
            first_edge: memory::with_capacity(room + 1),
            ..NodeColumns::default()
        };
        columns.first_edge.push(0);
        Nodes {
            layout: Some(meta.node_layout()),
            path,
            codes,
            unknown,
            largest_name: 0,
            columns,
        }
    }

    /// Appends whole records.
    pub(super) fn take(&mut self, batch: &[u32]) {
        let Some(layout) = self.layout else { return };
        match layout.usual_stride() {
            Some(5) => self.take_usual::<5>(batch),
            Some(6) => self.take_usual::<6>(batch),
            Some(7) => self.take_usual::<7>(batch),
            _ => {
                let records = batch.chunks_exact(layout.stride).map(|record| {
                    let field = |at: Option<usize>| at.map_or(0, |at| record[at]);
                    let (kind, name) = (record[layout.kind], record[layout.name]);
                    let (id, size) = (field(layout.id), field(layout.self_size));
                    [kind, name, id, size, field(layout.edge_count)]
                });
                let usual: Vec<[u32; 5]> = records.collect();
                self.take_usual::<5>(usual.as_flattened());
            }
        }
        let extra = |at: usize| {
            batch
                .chunks_exact(layout.stride)
                .map(move |record| record[at])
        };
        let columns = &mut self.columns;
        let before = columns.kind.len() - batch.len() / layout.stride;
        if let Some(at) = layout.detachedness
            && (!columns.detachedness.is_empty() || extra(at).any(|state| state != 0))
        {
            if columns.detachedness.is_empty() {
                columns.detachedness = memory::with_capacity(columns.kind.capacity());
            }
            columns.detachedness.resize(before, 0);
            columns
                .detachedness
                .extend(extra(at).map(|state| (state & 3) as u8));
        }
        if let Some(at) = layout.trace_node_id
            && (!columns.trace_node_id.is_empty() || extra(at).any(|id| id != 0))
        {
            columns.trace_node_id.resize(before, 0);
            columns.trace_node_id.extend(extra(at));
        }
    }

    fn take_usual<const STRIDE: usize>(&mut self, batch: &[u32]) {
        let mut table = [u8::MAX; TYPES];
        for (entry, &code) in table.iter_mut().zip(&self.codes) {
            *entry = code;
        }
        let (records, _) = batch.as_chunks::<STRIDE>();
        let before = self.columns.kind.len();
        let columns = &mut self.columns;
        let largest_name = run(
            self.path,
            UsualNodes {
                records,
                columns,
                table: &table,
            },
        );
        self.largest_name = self.largest_name.max(largest_name);
        if self.codes.len() >= TYPES {
            let kinds = self.columns.kind[before..].iter_mut();
            for (kind, record) in kinds.zip(records) {
                *kind = code_of(&self.codes, record[0]);
            }
        }
    }
}

/// Records that begin with type, name, id, self size, and number of edges.
struct UsualNodes<'a, const STRIDE: usize> {
    records: &'a [[u32; STRIDE]],
    columns: &'a mut NodeColumns,
    table: &'a [u8; TYPES],
}

/// Gives the largest index of a name.
impl<const STRIDE: usize> Kernel<u32> for UsualNodes<'_, STRIDE> {
    #[inline(always)]
    fn run(self) -> u32 {
        let UsualNodes {
            records,
            columns,
            table,
        } = self;
        columns
            .kind
            .extend(records.iter().map(|record| table[place(record[0])]));
        let mut largest_name = 0;
        columns.name.extend(records.iter().map(|record| {
            largest_name = largest_name.max(record[1]);
            record[1]
        }));
        columns.id.extend(records.iter().map(|record| record[2]));
        columns
            .self_size
            .extend(records.iter().map(|record| record[3]));
        let mut last = columns.first_edge[columns.first_edge.len() - 1];
        columns.first_edge.extend(records.iter().map(|record| {
            last = last.saturating_add(record[4]);
            last
        }));
        largest_name
    }
}

/// Edge numbers into columns.
#[derive(Default)]
pub(super) struct Edges {
    pub(super) layout: Option<EdgeLayout>,
    path: Path,
    codes: Vec<u8>,
    pub(super) unknown: Vec<String>,
    node_stride: u32,
    /// Edges whose target is no node's position; kept with a target no file has.
    pub(super) misplaced: u64,
    /// The largest ordinal that an edge leads to.
    pub(super) largest: u32,
    /// The largest name or index.
    pub(super) largest_name: u32,
    /// Edges beyond what 32 bits count.
    pub(super) lost: u64,
    pub(super) columns: EdgeColumns,
}

impl Edges {
    /// For a file with this header: at most `room` edges are announced.
    pub(super) fn new(meta: &Meta, room: usize, path: Path) -> Edges {
        let known = |name: &str| EdgeType::from_name(name).map(|kind| kind as u8);
        let (codes, unknown) = codes(&meta.edge_types, known, EdgeType::ALL.len());
        let mut columns = EdgeColumns::default();
        columns.reserve(room);
        Edges {
            layout: Some(meta.edge_layout()),
            path,
            codes,
            unknown,
            node_stride: meta.node_fields.len() as u32,
            columns,
            ..Edges::default()
        }
    }

    /// Appends whole records.
    pub(super) fn take(&mut self, batch: &[u32]) {
        let Some(layout) = self.layout else { return };
        if self.columns.len() + batch.len() / layout.stride >= u32::MAX as usize {
            self.lost += (batch.len() / layout.stride) as u64;
            return;
        }
        if layout.is_usual() {
            self.take_usual(batch.as_chunks().0);
        } else {
            let records = batch.chunks_exact(layout.stride);
            let usual = records
                .map(|record| [record[layout.kind], record[layout.label], record[layout.to]]);
            self.take_usual(&usual.collect::<Vec<_>>());
        }
    }

    fn take_usual(&mut self, records: &[[u32; 3]]) {
        // What is not in the tables is wide.
        let mut labels = [EdgeColumns::WIDE_LABEL; TYPES];
        let mut passages = [0; TYPES];
        for ((label, passage), &code) in labels
            .iter_mut()
            .zip(&mut passages)
            .zip(&self.codes)
            .take(TYPES - 1)
        {
            *label = EdgeColumns::label_bits(code);
            *passage = Passage::of_kind(code).bits();
        }
        let first = self.columns.len();
        let kernel = UsualEdges {
            records,
            columns: &mut self.columns,
            labels: &labels,
            passages: &passages,
            node_stride: self.node_stride,
        };
        let found = run(self.path, kernel);
        self.misplaced += found.misplaced;
        self.largest = self.largest.max(found.largest);
        self.largest_name = self.largest_name.max(found.largest_name);
        if found.any_wide {
            for (edge, &[kind, name, _]) in (first..).zip(records) {
                self.columns.widen(edge, code_of(&self.codes, kind), name);
            }
        }
    }
}

/// Records of type, name or index, and target.
struct UsualEdges<'a> {
    records: &'a [[u32; 3]],
    columns: &'a mut EdgeColumns,
    /// The type's part of a label, by type.
    labels: &'a [u32; TYPES],
    /// The passage's part of a target, by type.
    passages: &'a [u32; TYPES],
    node_stride: u32,
}

/// What some edges were besides what the columns say.
struct Taken {
    any_wide: bool,
    misplaced: u64,
    largest: u32,
    largest_name: u32,
}

impl Kernel<Taken> for UsualEdges<'_> {
    #[inline(always)]
    fn run(self) -> Taken {
        // The strides of real files as constants: the division becomes vector multiplications.
        match self.node_stride {
            5 => self.take(|index| index / 5),
            6 => self.take(|index| index / 6),
            7 => self.take(|index| index / 7),
            stride => self.take(|index| index / stride),
        }
    }
}

impl UsualEdges<'_> {
    #[inline(always)]
    fn take(self, ordinal: impl Fn(u32) -> u32) -> Taken {
        let stride = self.node_stride;
        let (mut misplaced, mut largest, mut largest_name, mut wide) = (0_u32, 0, 0, 0);
        for &[kind, name, index] in self.records {
            misplaced += u32::from(ordinal(index) * stride != index);
            largest = largest.max(ordinal(index));
            largest_name = largest_name.max(name);
            let label = self.labels[place(kind)];
            wide |= u32::from(label == EdgeColumns::WIDE_LABEL) | (name & !EdgeColumns::NAME_MASK);
        }
        let labels = self
            .records
            .iter()
            .map(|&[kind, name, _]| self.labels[place(kind)] | (name & EdgeColumns::NAME_MASK));
        if misplaced == 0 && largest < Target::NOWHERE {
            let targets = self
                .records
                .iter()
                .map(|&[kind, _, index]| Target::new(ordinal(index), self.passages[place(kind)]));
            self.columns.extend(labels, targets);
        } else {
            let targets = self.records.iter().map(|&[kind, _, index]| {
                let is_node = ordinal(index) * stride == index;
                let to = if is_node {
                    ordinal(index).min(Target::NOWHERE)
                } else {
                    Target::NOWHERE
                };
                Target::new(to, self.passages[place(kind)])
            });
            self.columns.extend(labels, targets);
        }
        Taken {
            any_wide: wide != 0,
            misplaced: u64::from(misplaced),
            largest,
            largest_name,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A header whose records have these fields; the last type of each list is the one that matters.
    fn meta(node_fields: &[&str], edge_fields: &[&str], types: usize) -> Meta {
        let filled = |last: &str| {
            let unknown = (1..types).map(|at| format!("unknown {at}"));
            unknown.chain([last.to_owned()]).collect::<Vec<_>>()
        };
        let header = serde_json::json!({"meta": {
            "node_fields": node_fields,
            "node_types": vec![filled("closure"); node_fields.len()],
            "edge_fields": edge_fields,
            "edge_types": vec![filled("weak"); edge_fields.len()],
        }});
        Meta::parse(header.to_string().as_bytes()).expect("a header")
    }

    /// Numbers of one record, put in the order of its fields.
    fn record(fields: &[&str], values: &[(&str, u32)]) -> Vec<u32> {
        let value = |field: &&str| values.iter().find(|(name, _)| name == field);
        fields
            .iter()
            .map(|field| value(field).map_or(0, |&(_, value)| value))
            .collect()
    }

    const NODE_FIELDS: [&[&str]; 5] = [
        &["type", "name", "id", "self_size", "edge_count"],
        &[
            "type",
            "name",
            "id",
            "self_size",
            "edge_count",
            "detachedness",
        ],
        &[
            "type",
            "name",
            "id",
            "self_size",
            "edge_count",
            "trace_node_id",
            "detachedness",
        ],
        &[
            "detachedness",
            "edge_count",
            "self_size",
            "id",
            "name",
            "type",
            "else",
            "trace_node_id",
        ],
        &["name", "type", "edge_count"],
    ];
    const EDGE_FIELDS: [&[&str]; 3] = [
        &["type", "name_or_index", "to_node"],
        &["to_node", "type", "name_or_index"],
        &["type", "else", "name_or_index", "to_node"],
    ];

    #[test]
    fn all_forms_of_nodes_give_the_same_columns() {
        for path in Path::available() {
            for (fields, types) in NODE_FIELDS
                .iter()
                .flat_map(|fields| [1, 7, 63, 64, 65, 300].map(|types| (*fields, types)))
            {
                let meta = meta(fields, EDGE_FIELDS[0], types);
                let mut nodes = Nodes::new(&meta, 0, path);
                for batch in [0..1_u32, 1..40, 40..40, 40..140] {
                    let records = batch.map(|at| {
                        record(
                            fields,
                            &[
                                (
                                    "type",
                                    [0, types as u32 - 1, types as u32, u32::MAX][at as usize % 4],
                                ),
                                ("name", at),
                                ("id", 2 * at + 1),
                                ("self_size", 16 * at),
                                ("edge_count", at % 3),
                                ("detachedness", at / 50),
                                ("trace_node_id", at / 60),
                            ],
                        )
                    });
                    nodes.take(&records.collect::<Vec<_>>().concat());
                }
                let (columns, has) = (&nodes.columns, |field| fields.contains(&field));
                assert_eq!(columns.len(), 140);
                assert!(
                    columns.kind.chunks_exact(4).all(|kinds| {
                        let unknown = NodeType::ALL.len() as u8;
                        let first = if types == 1 {
                            NodeType::Closure as u8
                        } else {
                            unknown
                        };
                        *kinds == [first, NodeType::Closure as u8, u8::MAX, u8::MAX]
                    }),
                    "{fields:?}, {types} types"
                );
                let expected = |field, of: fn(u32) -> u32| {
                    (0..140)
                        .map(|at| if has(field) { of(at) } else { 0 })
                        .collect::<Vec<_>>()
                };
                assert_eq!(columns.name, expected("name", |at| at));
                assert_eq!(columns.id, expected("id", |at| 2 * at + 1));
                assert_eq!(columns.self_size, expected("self_size", |at| 16 * at));
                let mut end = 0;
                for at in 0..140 {
                    assert_eq!(columns.first_edge[at as usize], end);
                    end += at % 3;
                }
                if has("detachedness") {
                    assert_eq!(
                        columns
                            .detachedness
                            .iter()
                            .map(|&state| u32::from(state))
                            .collect::<Vec<_>>(),
                        expected("detachedness", |at| at / 50)
                    );
                }
                if has("trace_node_id") {
                    assert_eq!(
                        columns.trace_node_id,
                        expected("trace_node_id", |at| at / 60)
                    );
                }
            }
        }
    }

    #[test]
    fn all_forms_of_edges_give_the_same_columns() {
        for path in Path::available() {
            for (fields, types, node_fields) in EDGE_FIELDS.iter().flat_map(|fields| {
                [1, 7, 63, 64, 65, 300]
                    .into_iter()
                    .flat_map(move |types| NODE_FIELDS.map(|nodes| (*fields, types, nodes)))
            }) {
                let meta = meta(node_fields, fields, types);
                let stride = node_fields.len() as u32;
                let mut edges = Edges::new(&meta, 0, path);
                let name = |at: u32| if at % 10 == 9 { u32::MAX - at } else { at };
                let index = |at: u32| {
                    if at == 77 {
                        at * stride + 1
                    } else {
                        at * stride
                    }
                };
                for batch in [0..1_u32, 1..40, 40..40, 40..140] {
                    let records = batch.map(|at| {
                        record(
                            fields,
                            &[
                                (
                                    "type",
                                    [0, types as u32 - 1, types as u32, u32::MAX][at as usize % 4],
                                ),
                                ("name_or_index", name(at)),
                                ("to_node", index(at)),
                            ],
                        )
                    });
                    edges.take(&records.collect::<Vec<_>>().concat());
                }
                assert_eq!(
                    (edges.columns.len(), edges.misplaced, edges.largest),
                    (140, 1, 139)
                );
                for at in 0..140 {
                    let edge = at as usize;
                    let weak = EdgeType::Weak as u8;
                    let first = if types == 1 {
                        weak
                    } else {
                        EdgeType::ALL.len() as u8
                    };
                    let kind = [first, weak, u8::MAX, u8::MAX][edge % 4];
                    assert_eq!(
                        edges.columns.label(edge),
                        (kind, name(at)),
                        "{fields:?}, {types} types"
                    );
                    let to = if at == 77 { Target::NOWHERE } else { at };
                    let target = Target::new(to, Passage::of_kind(kind).bits());
                    assert_eq!(
                        edges.columns.target(edge),
                        target,
                        "{fields:?}, {types} types"
                    );
                }
            }
        }
    }
}
