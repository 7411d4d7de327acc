//! Tests across modules: small graphs written out as text, read back, and judged by the plainest
//! algorithms there are.

mod compressed;
mod damage;
pub(crate) mod hostile;
mod naive;
mod oracles;

use crate::Snapshot;

/// A snapshot text from nodes (type, name, id, self size) and edges (from, type, name, to).
///
/// Types and names are given as text; numbered edges take their name as a number.
#[derive(Default)]
pub(crate) struct Builder {
    nodes: Vec<(String, String, u32, u32)>,
    edges: Vec<(usize, String, String, usize)>,
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
        let (mut nodes, mut edges) = (Vec::new(), Vec::new());
        for (at, (kind, name, id, size)) in self.nodes.iter().enumerate() {
            let kind = node_types
                .iter()
                .position(|known| known == kind)
                .expect("a type");
            let own: Vec<_> = self.edges.iter().filter(|edge| edge.0 == at).collect();
            nodes.push(format!("{kind},{},{id},{size},{}", string(name), own.len()));
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
                edges.push(format!("{kind},{name},{}", to * 5));
            }
        }
        let header = serde_json::json!({
            "meta": {
                "node_fields": ["type", "name", "id", "self_size", "edge_count"],
                "node_types": [node_types, "string", "number", "number", "number"],
                "edge_fields": ["type", "name_or_index", "to_node"],
                "edge_types": [edge_types, "string_or_number", "node"],
            },
            "node_count": self.nodes.len(),
            "edge_count": self.edges.len(),
        });
        let strings = serde_json::to_string(&strings).expect("JSON");
        format!(
            "{{\"snapshot\":{header},\n\"nodes\":[{}],\n\"edges\":[{}],\n\"strings\":{strings}}}\n",
            nodes.join("\n,"),
            edges.join("\n,"),
        )
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
