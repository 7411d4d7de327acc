//! Snapshots of a program that never was, small enough to know every number of.

use std::fmt::Write as _;

/// A graph that is written down node by node.
#[derive(Default)]
pub(crate) struct Graph {
    strings: Vec<String>,
    nodes: Vec<[usize; 4]>,
    edges: Vec<Vec<[usize; 3]>>,
    locations: String,
}

const NODE_TYPES: [&str; 10] = [
    "hidden",
    "array",
    "string",
    "object",
    "code",
    "closure",
    "regexp",
    "number",
    "native",
    "synthetic",
];
const EDGE_TYPES: [&str; 7] = [
    "context", "element", "property", "internal", "hidden", "shortcut", "weak",
];

impl Graph {
    fn string(&mut self, text: &str) -> usize {
        let known = self.strings.iter().position(|known| known == text);
        known.unwrap_or_else(|| {
            self.strings.push(text.to_owned());
            self.strings.len() - 1
        })
    }

    /// The number of a new node.
    pub(crate) fn node(&mut self, kind: &str, name: &str, id: usize, size: usize) -> usize {
        let kind = NODE_TYPES.iter().position(|&known| known == kind);
        let name = self.string(name);
        self.nodes.push([kind.expect("a type"), name, id, size]);
        self.edges.push(Vec::new());
        self.nodes.len() - 1
    }

    pub(crate) fn edge(&mut self, from: usize, kind: &str, name: &str, to: usize) {
        let name = match kind {
            "element" | "hidden" => name.parse().expect("a number"),
            _ => self.string(name),
        };
        let kind = EDGE_TYPES.iter().position(|&known| known == kind);
        self.edges[from].push([kind.expect("a type"), name, 5 * to]);
    }

    /// Where a node stands in the source.
    pub(crate) fn location(&mut self, node: usize, line: usize) {
        let comma = if self.locations.is_empty() { "" } else { "," };
        let _ = write!(self.locations, "{comma}{},7,{line},4", 5 * node);
    }

    /// The file.
    pub(crate) fn text(&self) -> String {
        let numbers = |numbers: Vec<usize>| {
            let texts: Vec<String> = numbers.iter().map(ToString::to_string).collect();
            texts.join(",")
        };
        let edges = |(node, edges): (&[usize; 4], &Vec<_>)| [&node[..], &[edges.len()]].concat();
        let nodes = self.nodes.iter().zip(&self.edges).flat_map(edges).collect();
        let all: Vec<usize> = self.edges.iter().flatten().flatten().copied().collect();
        let header = serde_json::json!({
            "meta": {
                "node_fields": ["type", "name", "id", "self_size", "edge_count"],
                "node_types": [NODE_TYPES, "string", "number", "number", "number"],
                "edge_fields": ["type", "name_or_index", "to_node"],
                "edge_types": [EDGE_TYPES, "string_or_number", "node"],
                "location_fields": ["object_index", "script_id", "line", "column"],
            },
            "node_count": self.nodes.len(),
            "edge_count": all.len() / 3,
        });
        format!(
            "{{\"snapshot\":{header},\n\"nodes\":[{}],\n\"edges\":[{}],\n\"locations\":[{}],\n\"strings\":{}}}\n",
            numbers(nodes),
            numbers(all),
            self.locations,
            serde_json::to_string(&self.strings).expect("JSON"),
        )
    }
}

/// A server with so many sessions in an array, which a function's variable holds: each an object of 100 bytes with the
/// same text of 40 bytes of its own. Ids from `first_id` on.
pub(crate) fn server(sessions: usize, first_id: usize) -> Graph {
    let mut graph = Graph::default();
    let root = graph.node("synthetic", "", 1, 0);
    let roots = graph.node("synthetic", "(GC roots)", 3, 0);
    let native = graph.node("object", "system / NativeContext", first_id, 400);
    let handler = graph.node("closure", "onRequest", first_id + 2, 64);
    let context = graph.node("object", "system / Context", first_id + 4, 48);
    let list = graph.node("object", "Array", first_id + 6, 32);
    let elements = graph.node("array", "", first_id + 8, 16 + 8 * sessions);
    graph.location(handler, 11);
    graph.edge(root, "element", "1", roots);
    graph.edge(roots, "element", "1", native);
    graph.edge(native, "internal", "handler", handler);
    graph.edge(handler, "internal", "context", context);
    graph.edge(context, "internal", "native_context", native);
    graph.edge(context, "context", "sessions", list);
    graph.edge(list, "internal", "elements", elements);
    for at in 0..sessions {
        let id = first_id + 10 + 4 * at;
        let session = graph.node("object", "Session", id, 100);
        let text = graph.node("string", "a user agent", id + 2, 40);
        graph.location(session, 3);
        graph.edge(elements, "internal", &at.to_string(), session);
        graph.edge(list, "element", &at.to_string(), session);
        graph.edge(session, "property", "agent", text);
    }
    graph
}
