//! The writer over random graphs, parsed back with a JSON library; its limits; its refusal of contradictory sources.

mod files;

use std::io;

use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::format::{EDGE_FIELDS, EdgeType, NODE_FIELDS, NodeType};
use crate::source::SourceError;

/// What a synthetic node is called.
#[derive(Debug, Clone)]
enum Title {
    Name(String),
    Text(String),
    /// Latin-1 bytes and UTF-16 units, as heaps of other languages hold them.
    Latin1(Vec<u8>),
    Utf16(Vec<u16>),
}

#[derive(Debug, Clone)]
enum Label {
    Name(EdgeType, String),
    Element(u32),
    Hidden(u32),
}

#[derive(Debug, Clone)]
struct Node {
    kind: NodeType,
    title: Title,
    id: u32,
    self_size: u32,
    edges: Vec<(Label, usize)>,
}

/// A graph that was simply written down. Node `n` is targeted by `n + OFFSET`, so that a target is no ordinal.
#[derive(Debug, Clone, Default)]
struct Synthetic {
    nodes: Vec<Node>,
    /// Deviations from the truth, to be caught.
    lie: Lie,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Lie {
    #[default]
    None,
    OneNodeTooMany,
    OneEdgeTooMany,
    OneTextTooMany,
    EdgeOfTheNeighbour,
    TargetOutOfRange,
    MissingText,
    HugeCounts(Counts),
}

const OFFSET: u64 = 1 << 40;

impl Synthetic {
    fn with_root(mut nodes: Vec<Node>) -> Synthetic {
        let count = nodes.len();
        nodes.insert(
            0,
            Node {
                kind: NodeType::Synthetic,
                title: Title::Name(String::new()),
                id: 1,
                self_size: 0,
                edges: (1..=count).map(|n| (Label::Element(n as u32), n)).collect(),
            },
        );
        Synthetic {
            nodes,
            lie: Lie::None,
        }
    }
}

impl GraphSource for Synthetic {
    type Target = u64;

    fn count(&mut self, names: &mut NameTable<'_>) -> Result<Counts, SourceError> {
        let mut counts = Counts::default();
        for node in &self.nodes {
            counts.nodes += 1;
            counts.edges += node.edges.len() as u64;
            counts.largest_self_size = counts.largest_self_size.max(u64::from(node.self_size));
            let units = match &node.title {
                Title::Name(name) => {
                    names.intern(name);
                    None
                }
                Title::Text(text) => Some(text.len()),
                Title::Latin1(text) => Some(text.len()),
                Title::Utf16(text) => Some(text.len()),
            };
            counts.texts += u64::from(units.is_some());
            counts.text_units += units.unwrap_or(0) as u64;
            for (label, _) in &node.edges {
                if let Label::Name(_, name) = label {
                    names.intern(name);
                }
            }
        }
        match self.lie {
            Lie::OneNodeTooMany => counts.nodes += 1,
            Lie::OneEdgeTooMany => counts.edges += 1,
            Lie::OneTextTooMany => counts.texts += 1,
            Lie::HugeCounts(huge) => counts = huge,
            _ => {}
        }
        Ok(counts)
    }

    fn nodes(&self, sink: &mut NodeSink<'_, '_>) -> Result<(), Stopped> {
        for node in &self.nodes {
            let edges = node.edges.len() as u32;
            match &node.title {
                Title::Name(name) => {
                    let name = sink.names().get(name).expect("counted");
                    sink.node(
                        NodeLabel::new(node.kind, name),
                        node.id,
                        node.self_size,
                        edges,
                    )?;
                }
                _ => sink.text_node(node.kind, node.id, node.self_size, edges)?,
            }
        }
        Ok(())
    }

    fn edges(&self, sink: &mut EdgeSink<'_, '_, Self>) -> Result<(), Stopped> {
        let mut early = self.lie == Lie::EdgeOfTheNeighbour;
        for node in &self.nodes {
            for (at, (label, target)) in node.edges.iter().enumerate() {
                if early && at == 1 {
                    // One edge fewer here, one more for the next node: the totals stay right.
                    sink.end_node()?;
                }
                let label = match label {
                    Label::Name(kind, name) => {
                        EdgeLabel::named(*kind, sink.names().get(name).expect("counted"))
                    }
                    Label::Element(index) => EdgeLabel::element(*index),
                    Label::Hidden(index) => EdgeLabel::hidden(*index),
                };
                let target = if self.lie == Lie::TargetOutOfRange {
                    self.nodes.len()
                } else {
                    *target
                };
                sink.edge(label, target as u64 + OFFSET)?;
            }
            if early && node.edges.len() > 1 {
                early = false;
            } else {
                sink.end_node()?;
            }
        }
        Ok(())
    }

    fn texts(&self, sink: &mut TextSink<'_, '_>) -> Result<(), Stopped> {
        for node in &self.nodes {
            if self.lie == Lie::MissingText && sink.texts == 1 {
                break;
            }
            match &node.title {
                Title::Name(_) => {}
                Title::Text(text) => sink.utf8(text)?,
                Title::Latin1(text) => sink.latin1(text)?,
                Title::Utf16(text) => sink.utf16(text)?,
            }
        }
        Ok(())
    }

    fn ordinal(&self, target: u64) -> u32 {
        (target - OFFSET) as u32
    }
}

fn written(source: &mut Synthetic) -> (WriteReport, Vec<u8>) {
    let mut bytes = Vec::new();
    let report = write(source, &mut bytes).expect("a sound source into memory");
    assert_eq!(report.bytes, bytes.len() as u64);
    (report, bytes)
}

fn number(value: &Value) -> usize {
    usize::try_from(value.as_u64().expect("an unsigned integer")).expect("64 bits")
}

/// Compares a written snapshot with its source, field by field.
fn check(source: &Synthetic, report: &WriteReport, bytes: &[u8]) {
    let json: Value = serde_json::from_slice(bytes).expect("valid JSON");
    let snapshot = &json["snapshot"];
    assert_eq!(number(&snapshot["node_count"]), source.nodes.len());
    assert_eq!(
        snapshot["meta"]["node_fields"].as_array().unwrap().len(),
        NODE_FIELDS.len()
    );
    let [nodes, edges, strings] =
        ["nodes", "edges", "strings"].map(|name| json[name].as_array().expect("a list"));
    assert_eq!(nodes.len(), source.nodes.len() * NODE_FIELDS.len());
    assert_eq!(
        edges.len(),
        number(&snapshot["edge_count"]) * EDGE_FIELDS.len()
    );
    assert_eq!(strings.len() as u64, report.strings);
    assert_eq!(report.nodes, source.nodes.len() as u64);
    assert_eq!(report.edges * EDGE_FIELDS.len() as u64, edges.len() as u64);

    let string = |index: &Value| strings[number(index)].as_str().expect("a string");
    let mut next_edge = edges.chunks_exact(EDGE_FIELDS.len());
    for (fields, node) in nodes.chunks_exact(NODE_FIELDS.len()).zip(&source.nodes) {
        assert_eq!(number(&fields[0]), node.kind as usize);
        let title = match &node.title {
            Title::Name(text) | Title::Text(text) => text.clone(),
            Title::Latin1(bytes) => bytes.iter().map(|&byte| char::from(byte)).collect(),
            Title::Utf16(units) => {
                String::from_utf16(units).expect("no lone surrogates in this test")
            }
        };
        assert_eq!(string(&fields[1]), title);
        assert_eq!(number(&fields[2]), node.id as usize);
        assert_eq!(number(&fields[3]), node.self_size as usize);
        assert_eq!(number(&fields[4]), node.edges.len());
        assert_eq!(number(&fields[5]), 0);
        for (label, target) in &node.edges {
            let edge = next_edge.next().expect("as many edges as counted");
            match label {
                Label::Name(kind, name) => {
                    assert_eq!(number(&edge[0]), *kind as usize);
                    assert_eq!(string(&edge[1]), name);
                }
                Label::Element(index) => {
                    assert_eq!(number(&edge[0]), EdgeType::Element as usize);
                    assert_eq!(number(&edge[1]), *index as usize);
                }
                Label::Hidden(index) => {
                    assert_eq!(number(&edge[0]), EdgeType::Hidden as usize);
                    assert_eq!(number(&edge[1]), *index as usize);
                }
            }
            assert_eq!(number(&edge[2]), target * NODE_FIELDS.len());
        }
    }
    assert!(next_edge.next().is_none());
}

fn any_label() -> impl Strategy<Value = Label> {
    prop_oneof![
        (0..EdgeType::ALL.len(), ".{0,12}").prop_map(|(kind, name)| match EdgeType::ALL[kind] {
            EdgeType::Element => Label::Element(name.len() as u32),
            EdgeType::Hidden => Label::Hidden(name.len() as u32),
            kind => Label::Name(kind, name),
        }),
        any::<u32>().prop_map(Label::Element),
    ]
}

fn any_title() -> impl Strategy<Value = Title> {
    prop_oneof![
        "[a-zA-Z ()/]{0,20}".prop_map(Title::Name),
        ".{0,40}".prop_map(Title::Text),
        prop::collection::vec(any::<u8>(), 0..30).prop_map(Title::Latin1),
        ".{0,20}".prop_map(|text| Title::Utf16(text.encode_utf16().collect())),
    ]
}

fn any_graph() -> impl Strategy<Value = Synthetic> {
    (1_usize..60).prop_flat_map(|count| {
        let edge = (any_label(), 0..=count);
        let node = (
            0..crate::format::WRITTEN_NODE_TYPES,
            any_title(),
            any::<u32>(),
            any::<u32>(),
            prop::collection::vec(edge, 0..8),
        )
            .prop_map(|(kind, title, id, self_size, edges)| Node {
                kind: NodeType::ALL[kind],
                title,
                id,
                self_size,
                edges,
            });
        prop::collection::vec(node, count).prop_map(Synthetic::with_root)
    })
}

proptest! {
    #[test]
    fn a_random_graph_comes_back(graph in any_graph()) {
        let mut source = graph.clone();
        let (report, bytes) = written(&mut source);
        prop_assert_eq!(report.string_cut, 1024);
        check(&graph, &report, &bytes);
    }
}

/// Nodes that hold `count` strings of `length` characters.
fn strings(count: usize, length: usize) -> Synthetic {
    let node = |n: usize| Node {
        kind: NodeType::String,
        title: Title::Text(format!("{n:0>length$}")),
        id: 2 * n as u32 + 3,
        self_size: 16,
        edges: Vec::new(),
    };
    Synthetic::with_root((0..count).map(node).collect())
}

#[test]
fn a_graph_of_many_buffers_comes_back() {
    let mut source = strings(30_000, 20);
    for n in 1..source.nodes.len() {
        let target = n * 7919 % source.nodes.len();
        source.nodes[n].edges = vec![(Label::Name(EdgeType::Property, "next".to_owned()), target)];
    }
    let graph = source.clone();
    let (report, bytes) = written(&mut source);
    assert!(bytes.len() > 1_000_000, "{} bytes", bytes.len());
    check(&graph, &report, &bytes);
}

#[test]
fn the_root_alone_is_a_snapshot() {
    let mut source = Synthetic::with_root(Vec::new());
    let (report, bytes) = written(&mut source);
    assert_eq!((report.nodes, report.edges, report.strings), (1, 0, 2));
    check(&source, &report, &bytes);
}

#[test]
fn sections_come_in_the_order_that_devtools_searches_them() {
    let (_, bytes) = written(&mut strings(3, 5));
    let text = String::from_utf8(bytes).unwrap();
    let places = crate::format::SECTIONS.map(|name| {
        text.find(&format!("\"{name}\":"))
            .expect("every section is there")
    });
    assert!(places.is_sorted());
}

#[test]
fn texts_are_cut_as_v8_does() {
    let (report, bytes) = written(&mut strings(2, 3000));
    assert_eq!(report.string_cut, MAX_STRING_UNITS);
    assert_eq!(report.warning(), None);
    let json: Value = serde_json::from_slice(&bytes).unwrap();
    let lengths: Vec<usize> = json["strings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|s| s.as_str().unwrap().len())
        .collect();
    assert_eq!(lengths, [7, 0, 1024, 1024]);
}

#[test]
fn the_cut_falls_until_all_texts_fit() {
    // 100 texts of 1000 characters, each with quotes and separator, and 15 characters of names: `"<dummy>",` and `"",`.
    let section = |cut: u64| 100 * (cut + 4) + 15;
    for (limit, expected) in [
        (section(1000), 1024),
        (section(1000) - 1, 512),
        (section(512), 512),
        (section(512) - 1, 256),
        (section(3), 2),
        (section(1), 1),
        (section(1) - 1, 0),
    ] {
        let mut source = strings(100, 1000);
        let mut bytes = Vec::new();
        let report = write_limited(&mut source, &mut bytes, limit).unwrap();
        assert_eq!(report.string_cut, expected, "limit {limit}");
        assert_eq!(report.warning().is_some(), expected < 1024);
        let json: Value = serde_json::from_slice(&bytes).unwrap();
        let texts = &json["strings"].as_array().unwrap()[2..];
        if expected == 0 {
            assert!(texts.is_empty());
            let name = number(&json["nodes"][NODE_FIELDS.len() + 1]);
            assert_eq!(json["strings"][name], "");
        } else {
            assert!(
                texts
                    .iter()
                    .all(|text| text.as_str().unwrap().len() == expected.min(1000))
            );
        }
        let start = bytes
            .windows(11)
            .position(|part| part == b"\"strings\":[")
            .unwrap();
        assert!(expected == 0 || (bytes.len() - start) as u64 <= limit + 20);
    }
}

#[test]
fn limits_are_checked_before_anything_is_written() {
    let sound = Counts {
        nodes: MAX_NODES,
        edges: MAX_EDGES,
        largest_self_size: MAX_SELF_SIZE,
        ..Counts::default()
    };
    for (counts, expected) in [
        (
            Counts {
                nodes: MAX_NODES + 1,
                ..sound
            },
            "the heap has 715827883 nodes; a heap snapshot holds at most 715827882",
        ),
        (
            Counts {
                edges: MAX_EDGES + 1,
                ..sound
            },
            "the heap has 1431655766 edges; a heap snapshot holds at most 1431655765",
        ),
        (
            Counts {
                largest_self_size: MAX_SELF_SIZE + 1,
                ..sound
            },
            "the largest object has 4294967296 bytes; a heap snapshot holds objects of at most 4294967295",
        ),
    ] {
        let mut source = strings(1, 1);
        source.lie = Lie::HugeCounts(counts);
        let mut bytes = Vec::new();
        let error = write(&mut source, &mut bytes).unwrap_err();
        assert_eq!(error.to_string(), expected);
        assert!(bytes.is_empty());
    }
}

#[test]
fn contradictions_are_errors_and_not_files() {
    for (lie, expected) in [
        (
            Lie::OneNodeTooMany,
            "the number of nodes: 6 expected, 5 found",
        ),
        (
            Lie::OneEdgeTooMany,
            "the number of edges: 9 expected, 8 found",
        ),
        (
            Lie::OneTextTooMany,
            "the number of texts: 5 expected, 4 found",
        ),
        (Lie::MissingText, "the number of texts: 4 expected, 1 found"),
        (
            Lie::TargetOutOfRange,
            "the largest ordinal: 4 expected, 5 found",
        ),
        (
            Lie::EdgeOfTheNeighbour,
            "the number of edges of each node (a hash)",
        ),
    ] {
        let mut source = strings(4, 3);
        for n in 1..5 {
            source.nodes[n].edges = vec![(Label::Hidden(0), 0)];
        }
        source.lie = lie;
        let error = write(&mut source, &mut Vec::new()).unwrap_err().to_string();
        assert!(error.contains(expected), "{lie:?}: {error}");
    }
    let mut rootless = strings(4, 3);
    rootless.nodes[0].id = 5;
    assert!(
        write(&mut rootless, &mut Vec::new())
            .unwrap_err()
            .to_string()
            .contains("root")
    );
}

/// A writer that takes so many bytes, then fails.
struct Full {
    left: usize,
    kind: io::ErrorKind,
}

impl Write for Full {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.len() > self.left {
            return Err(self.kind.into());
        }
        self.left -= bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn failures_of_the_writer_have_their_types() {
    for left in [0, 300_000, 800_000] {
        let write_to =
            |kind| write(&mut strings(30_000, 30), &mut Full { left, kind }).unwrap_err();
        assert!(matches!(
            write_to(io::ErrorKind::BrokenPipe),
            WriteError::Closed
        ));
        assert!(matches!(
            write_to(io::ErrorKind::StorageFull),
            WriteError::DiskFull { path: None }
        ));
        assert!(matches!(
            write_to(io::ErrorKind::PermissionDenied),
            WriteError::Io { path: None, .. }
        ));
    }
}
