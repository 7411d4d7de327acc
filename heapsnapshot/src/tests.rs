//! Tests across modules: small graphs written out as text, read back, and judged by the plainest
//! algorithms there are.

mod compressed;
mod damage;
mod details;
pub(crate) mod hostile;
mod naive;
mod oracles;
mod rules;
mod scopes;
mod sentences;

use crate::Snapshot;

/// A snapshot text from nodes (type, name, id, self size) and edges (from, type, name, to).
///
/// Types and names are given as text; numbered edges take their name as a number.
#[derive(Debug, Default)]
pub(crate) struct Builder {
    nodes: Vec<(String, String, u32, u32)>,
    edges: Vec<(usize, String, String, usize)>,
    /// Per node; the file has no such field if there are none.
    detachedness: Vec<u8>,
}

/// A file's sections as they are to be written, right or wrong: all test files are put together here.
#[derive(Default)]
pub(crate) struct Sections<'a> {
    /// Lists of quoted names.
    pub(crate) node_fields: &'a str,
    pub(crate) node_types: &'a str,
    pub(crate) edge_types: &'a str,
    /// What stands behind them, each with a comma before it.
    pub(crate) more_meta: &'a str,
    /// What stands behind the meta, such as `"node_count":3`.
    pub(crate) counts: &'a str,
    pub(crate) nodes: &'a str,
    pub(crate) edges: &'a str,
    /// Other sections, each with a comma behind it.
    pub(crate) more: &'a str,
    pub(crate) strings: &'a str,
}

impl Sections<'_> {
    pub(crate) fn text(&self) -> String {
        let Sections {
            node_fields,
            node_types,
            edge_types,
            more_meta,
            counts,
            nodes,
            edges,
            more,
            strings,
        } = self;
        format!(
            r#"{{"snapshot":{{"meta":{{"node_fields":[{node_fields}],
"node_types":[[{node_types}],"string","number","number","number"],
"edge_fields":["type","name_or_index","to_node"],
"edge_types":[[{edge_types}],"string_or_number","node"]{more_meta}}},{counts}}},
"nodes":[{nodes}],
"edges":[{edges}],
{more}"strings":[{strings}]}}
"#
        )
    }
}

/// Names in quotation marks, with commas between them.
fn quoted(names: &[&str]) -> String {
    let list = serde_json::to_string(names).expect("JSON");
    list[1..list.len() - 1].to_owned()
}

impl Builder {
    /// A graph with its root in place.
    pub(crate) fn new() -> Builder {
        let mut builder = Builder::default();
        builder.node("synthetic", "", 1, 0);
        builder
    }

    pub(crate) fn node(&mut self, kind: &str, name: &str, id: u32, size: u32) -> usize {
        self.nodes
            .push((kind.to_owned(), name.to_owned(), id, size));
        self.nodes.len() - 1
    }

    pub(crate) fn edge(&mut self, from: usize, kind: &str, name: &str, to: usize) -> &mut Builder {
        self.edges
            .push((from, kind.to_owned(), name.to_owned(), to));
        self
    }

    pub(crate) fn text(&self) -> String {
        let node_types = crate::format::NODE_TYPE_NAMES;
        let edge_types = crate::format::EDGE_TYPE_NAMES;
        let mut strings: Vec<&str> = vec!["<dummy>"];
        let mut string = |text| {
            strings
                .iter()
                .position(|known| *known == text)
                .unwrap_or_else(|| {
                    strings.push(text);
                    strings.len() - 1
                })
        };
        let stride = if self.detachedness.is_empty() { 5 } else { 6 };
        let (mut nodes, mut edges) = (Vec::new(), Vec::new());
        for (at, (kind, name, id, size)) in self.nodes.iter().enumerate() {
            let kind = node_types
                .iter()
                .position(|known| known == kind)
                .expect("a type");
            let own: Vec<_> = self.edges.iter().filter(|edge| edge.0 == at).collect();
            let mut node = format!("{kind},{},{id},{size},{}", string(name), own.len());
            if !self.detachedness.is_empty() {
                let state = self.detachedness.get(at).copied().unwrap_or(0);
                node += &format!(",{state}");
            }
            nodes.push(node);
            for (_, kind, name, to) in own {
                let numbered = kind == "element" || kind == "hidden";
                let name = if numbered {
                    name.parse().expect("a number")
                } else {
                    string(name)
                };
                let kind = edge_types
                    .iter()
                    .position(|known| known == kind)
                    .expect("a type");
                edges.push(format!("{kind},{name},{}", to * stride));
            }
        }
        let mut fields = vec!["type", "name", "id", "self_size", "edge_count"];
        if !self.detachedness.is_empty() {
            fields.push("detachedness");
        }
        Sections {
            node_fields: &quoted(&fields),
            node_types: &quoted(&node_types),
            edge_types: &quoted(&edge_types),
            counts: &format!(
                r#""node_count":{},"edge_count":{}"#,
                self.nodes.len(),
                self.edges.len()
            ),
            nodes: &nodes.join("\n,"),
            edges: &edges.join("\n,"),
            strings: &quoted(&strings),
            ..Sections::default()
        }
        .text()
    }

    pub(crate) fn read(&self) -> Snapshot {
        let snapshot = Snapshot::parse(self.text()).expect("a snapshot");
        assert!(
            snapshot.report().damage.is_none(),
            "{:?}",
            snapshot.report()
        );
        assert!(
            snapshot.report().oddities.is_empty(),
            "{:?}",
            snapshot.report()
        );
        snapshot
    }
}

/// A small generator, so that failures repeat.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        ((self.0 >> 11) % limit as u64) as usize
    }
}

/// A random graph: some of it unreachable, some edges weak, shortcuts, to itself, into a page.
pub(crate) fn random_graph(random: &mut Random) -> Builder {
    let mut builder = Builder::new();
    let count = 1 + random.below(30);
    let node_types = [
        "object",
        "object",
        "array",
        "hidden",
        "native",
        "string",
        "closure",
        "synthetic",
    ];
    for at in 1..count {
        let kind = node_types[random.below(node_types.len())];
        let names = ["A", "B", "Object", "(map descriptors)", "Array"];
        builder.node(
            kind,
            names[random.below(names.len())],
            2 * at as u32 + 1,
            random.below(100) as u32,
        );
    }
    let edge_types = [
        "property", "internal", "context", "element", "element", "hidden", "weak", "shortcut",
    ];
    for _ in 0..random.below(3 * count) {
        let (from, to) = (random.below(count), random.below(count));
        let kind = edge_types[random.below(edge_types.len())];
        let pair = format!(
            "{} / part of key (K @{}) -> value (V @{}) pair in WeakMap (table @{})",
            random.below(9),
            2 * random.below(count) + 1,
            2 * to + 1,
            2 * random.below(count) + 1,
        );
        let number = random.below(20).to_string();
        let name = match kind {
            "element" | "hidden" => &number,
            "internal" if random.below(2) == 0 => &pair,
            _ => ["a", "b", "c", "elements", "first"][random.below(5)],
        };
        builder.edge(from, kind, name, to);
    }
    builder
}
