//! Snapshots of a program that never was, small enough to know every number of.

use std::fs;

use serde_json::{Value, json};

use crate::lab::Lab;

/// A graph that is written down node by node.
#[derive(Default)]
pub(crate) struct Graph {
    strings: Vec<String>,
    nodes: Vec<[usize; 4]>,
    edges: Vec<Vec<[usize; 3]>>,
    locations: Vec<[usize; 3]>,
    /// Nodes whose relation to a document is known, and the state; the field is left out if there are none.
    dom_states: Vec<(usize, usize)>,
    /// The sections are left out if there are none.
    scopes: Vec<Scope>,
}

/// A scope of a script, as newer engines write them.
struct Scope {
    /// The script's node.
    script: usize,
    number: i32,
    depth: usize,
    variables: Vec<usize>,
    /// Declaring scope and slot.
    uses: Vec<[usize; 2]>,
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
        self.edges[from].push([kind.expect("a type"), name, to]);
    }

    /// Where a node stands in the source.
    pub(crate) fn location(&mut self, node: usize, line: usize, column: usize) {
        self.locations.push([node, line, column]);
    }

    /// The file.
    pub(crate) fn text(&self) -> String {
        let mut node_fields = vec!["type", "name", "id", "self_size", "edge_count"];
        if !self.dom_states.is_empty() {
            node_fields.push("detachedness");
        }
        let stride = node_fields.len();
        let mut nodes = Vec::new();
        for (at, (node, edges)) in self.nodes.iter().zip(&self.edges).enumerate() {
            nodes.extend([&node[..], &[edges.len()]].concat());
            if !self.dom_states.is_empty() {
                let known = self.dom_states.iter().find(|(node, _)| *node == at);
                nodes.push(known.map_or(0, |(_, state)| *state));
            }
        }
        let edges: Vec<usize> = (self.edges.iter().flatten())
            .flat_map(|&[kind, name, to]| [kind, name, stride * to])
            .collect();
        let locations: Vec<usize> = (self.locations.iter())
            .flat_map(|&[node, line, column]| [stride * node, 7, line, column])
            .collect();
        let mut file = json!({
            "snapshot": {
                "meta": {
                    "node_fields": node_fields,
                    "node_types": [NODE_TYPES, "string", "number", "number", "number"],
                    "edge_fields": ["type", "name_or_index", "to_node"],
                    "edge_types": [EDGE_TYPES, "string_or_number", "node"],
                    "location_fields": ["object_index", "script_id", "line", "column"],
                },
                "node_count": self.nodes.len(),
                "edge_count": edges.len() / 3,
            },
            "nodes": nodes,
            "edges": edges,
            "locations": locations,
            "strings": self.strings,
        });
        if !self.scopes.is_empty() {
            self.add_scopes(&mut file, stride);
        }
        in_order(&file)
    }

    /// The sections that tell which function uses which variable, as newer engines write them.
    fn add_scopes(&self, file: &mut Value, stride: usize) {
        let mut records: Vec<Value> = Vec::new();
        let (mut variables, mut uses): (Vec<usize>, Vec<usize>) = Default::default();
        for scope in &self.scopes {
            let place = json!(scope.script * stride);
            records.extend([place, json!(scope.number), json!(scope.depth)]);
            records.extend([json!(scope.variables.len()), json!(scope.uses.len())]);
            variables.extend(&scope.variables);
            uses.extend(scope.uses.iter().flatten());
        }
        let meta = &mut file["snapshot"]["meta"];
        meta["scope_fields"] = json!([
            "script_node_index",
            "scope_id",
            "depth",
            "scope_context_vars_count",
            "scope_uses_count",
        ]);
        meta["scope_use_fields"] = json!(["declaring_scope_id", "slot_index"]);
        file["scopes"] = Value::Array(records);
        file["scope_context_vars"] = json!(variables);
        file["scope_uses"] = json!(uses);
    }
}

/// The text of a file, its sections in the order that readers want, with a line each.
fn in_order(file: &Value) -> String {
    let order = [
        "snapshot",
        "nodes",
        "edges",
        "locations",
        "scopes",
        "scope_context_vars",
        "scope_uses",
        "strings",
    ];
    let there = order.iter().filter(|name| !file[*name].is_null());
    let sections: Vec<String> = there
        .map(|name| format!("\"{name}\":{}", file[*name]))
        .collect();
    format!("{{{}}}\n", sections.join(",\n"))
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
    graph.location(handler, 11, 4);
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
        graph.location(session, 3, 4);
        graph.edge(elements, "internal", &at.to_string(), session);
        graph.edge(list, "element", &at.to_string(), session);
        graph.edge(session, "property", "agent", text);
    }
    graph
}

/// What only some files tell: nodes taken out of their document, what the page does not reach, a table whose room is
/// not known, and a variable that no living function uses.
pub(crate) fn page() -> Graph {
    let mut graph = Graph::default();
    let root = graph.node("synthetic", "", 1, 0);
    let roots = graph.node("synthetic", "(GC roots)", 3, 0);
    let window = graph.node("object", "Window / https://example.org", 5, 32);
    let button = graph.node("native", "<button>", 7, 64);
    let text = graph.node("native", "<text>", 9, 48);
    let engines = graph.node("object", "EnginesOwn", 11, 80);
    let map = graph.node("object", "Map", 13, 32);
    let table = graph.node("array", "", 15, 65);
    let closure = graph.node("closure", "onClick", 17, 64);
    let context = graph.node("object", "system / Context", 19, 40);
    let shared = graph.node("code", "onClick", 21, 56);
    let script = graph.node("code", "system / Script", 23, 96);
    graph.dom_states = vec![(button, 1), (text, 2)];
    graph.edge(root, "element", "1", roots);
    graph.edge(root, "shortcut", "window", window);
    graph.edge(roots, "element", "1", engines);
    graph.edge(window, "property", "button", button);
    graph.edge(window, "property", "removed", text);
    graph.edge(window, "property", "byName", map);
    graph.edge(window, "property", "onClick", closure);
    graph.edge(map, "internal", "table", table);
    graph.edge(table, "internal", "3", button);
    graph.edge(closure, "internal", "context", context);
    graph.edge(closure, "internal", "shared", shared);
    graph.edge(shared, "internal", "script", script);
    graph.edge(context, "context", "clicked", button);
    graph.edge(context, "context", "unused", text);
    // The function at column 100 uses the first variable of the one around it.
    graph.location(closure, 0, 100);
    let variables = ["clicked", "unused"].map(|name| graph.string(name));
    let scope = |number, depth| Scope {
        script,
        number,
        depth,
        variables: Vec::new(),
        uses: Vec::new(),
    };
    graph.scopes = vec![scope(-2, 0), scope(50, 1), scope(100, 2)];
    graph.scopes[1].variables = variables.to_vec();
    graph.scopes[2].uses = vec![[50, 0]];
    graph
}

/// A folder with snapshots: `a`, `b` and `c` of one server with more and more sessions, `other` of another process,
/// `page` of a browser, and `broken`, which breaks two rules.
pub(crate) fn snapshots() -> Lab {
    let lab = Lab::new();
    let write = |name: &str, text: &str| fs::write(lab.path().join(name), text).expect("written");
    for (name, sessions) in [("a", 200), ("b", 400), ("c", 600)] {
        write(name, &server(sessions, 5).text());
    }
    write("other", &server(500, 4001).text());
    write("page", &page().text());
    let mut broken = server(3, 5);
    broken.node("object", "Twin", 5, 16);
    let broken = broken.text();
    write(
        "broken",
        &broken.replace("\"node_count\":", "\"node_count\":1"),
    );
    lab
}
