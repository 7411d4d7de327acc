//! Nodes, edges and paths in words: "captured variable `rows` of closure `onTick`".
//!
//! Complexity: the text; of a context without a name of its own, also the edges of all closures up to one that has it.
//!
//! Source: the columns of DevTools' Retainers view, said as a sentence; `V8HeapExplorer` in `heap-snapshot-generator.cc` for
//! what the types of edges mean. Oracle: the table of everything there is to say in `src/tests/sentences.rs`.
//!
//! ```no_run
//! use heapsnapshot::analysis::words;
//!
//! let snapshot = heapsnapshot::Snapshot::open("app.heapsnapshot")?;
//! let edge = snapshot.root().edges().next().expect("the root has edges");
//! println!("{} is held by {}", words::node(edge.to()), words::edge(edge));
//! assert_eq!(words::bytes(1_500_000), "1.5 MB");
//! # Ok::<(), heapsnapshot::ReadError>(())
//! ```

use std::borrow::Cow;

use crate::format::{EdgeType, NodeType};
use crate::graph::{EdgeName, EdgeRef, NodeRef};

/// The longest text of a string shown, in characters.
const TEXT_SHOWN: usize = 60;

/// A node as DevTools shows it in a cell, shortened: `Cache`, `onTick()`, `"text…"`, `(array)[]`.
#[must_use]
pub fn node(node: NodeRef<'_>) -> String {
    let name = node.name();
    match node.kind() {
        Some(NodeType::String | NodeType::ConcatenatedString | NodeType::SlicedString) => {
            format!("\"{}\"", shortened(&super::strings::text(node), TEXT_SHOWN))
        }
        Some(NodeType::Closure) if name.is_empty() => "(anonymous)()".to_owned(),
        Some(NodeType::Closure) => format!("{}()", shortened(&name, TEXT_SHOWN)),
        Some(NodeType::Regexp) => format!("/{}/", shortened(&name, TEXT_SHOWN)),
        Some(NodeType::Array) if name.is_empty() => "(internal array)[]".to_owned(),
        Some(NodeType::Array) => format!("{}[]", shortened(&name, TEXT_SHOWN)),
        // Only plain objects and elements have a class that is not their name.
        Some(NodeType::Object) if name == "Object" || name.contains('<') => {
            shortened(&node.class_name(), TEXT_SHOWN)
        }
        _ if name.is_empty() => format!("({})", node.type_name()),
        _ => shortened(&name, TEXT_SHOWN),
    }
}

/// `text` with at most `limit` characters, and `…` if some are missing.
#[must_use]
pub fn shortened(text: &str, limit: usize) -> String {
    match text.char_indices().nth(limit) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}

/// Whether a node is V8's record of captured variables.
#[must_use]
pub fn is_context(node: NodeRef<'_>) -> bool {
    let name = node.name();
    name == "system / Context" || name.starts_with("system / Context / ")
}

/// Whether a node is plumbing: the engine's own tables and descriptions, which stand between what people name.
#[must_use]
pub fn is_plumbing(node: NodeRef<'_>) -> bool {
    match node.kind() {
        Some(NodeType::Array | NodeType::Code | NodeType::ObjectShape) => true,
        Some(NodeType::Hidden) => !is_context(node),
        Some(NodeType::Object) => node.name().starts_with("system / ") && !is_context(node),
        _ => false,
    }
}

/// The function whose variables a context holds: the context's name may tell, or the first named closure, in file
/// order, that refers to it.
fn context_owner(context: NodeRef<'_>) -> Option<Cow<'_, str>> {
    if let Cow::Borrowed(name) = context.name()
        && let Some(function) = name.strip_prefix("system / Context / ")
    {
        return Some(Cow::Borrowed(function));
    }
    let refers = |edge: &EdgeRef<'_>| edge.is(EdgeType::Internal) && edge.name() == "context";
    let named = |node: &NodeRef<'_>| node.is(NodeType::Closure) && !node.name().is_empty();
    let snapshot = context.snapshot();
    // Sorting all edges by target pays for many questions, not for one.
    if snapshot.retainers.get().is_some() {
        let closures = context.retainers().filter(refers).map(EdgeRef::from);
        return closures.into_iter().find(named).map(NodeRef::name);
    }
    snapshot
        .nodes()
        .filter(|node| node.is(NodeType::Closure))
        .find(|node| {
            let mut edges = node.edges();
            edges.any(|edge| edge.to().ordinal() == context.ordinal() && refers(&edge))
                && named(node)
        })
        .map(NodeRef::name)
}

/// What an edge is, its source left out: "property `entries`"; `None` for the engine's own edges, which say nothing.
#[must_use]
pub fn label(edge: EdgeRef<'_>) -> Option<String> {
    if edge.from().is(NodeType::Synthetic) {
        return None;
    }
    let name = || match edge.name() {
        EdgeName::Index(index) => index.to_string(),
        EdgeName::Text(text) => shortened(&text, TEXT_SHOWN),
    };
    match edge.kind() {
        Some(EdgeType::Context) => Some(self::edge(edge)),
        Some(EdgeType::Property | EdgeType::Shortcut) => Some(format!("property `{}`", name())),
        Some(EdgeType::Element) => Some(format!("element {}", name())),
        _ => None,
    }
}

/// A path in words, the root's end first: each edge with the node it leads to. Plumbing and scopes are left out, and a
/// list is one step with its count.
#[must_use]
pub fn path<'a>(edges: impl IntoIterator<Item = EdgeRef<'a>>) -> String {
    let mut steps: Vec<(String, usize)> = Vec::new();
    for edge in edges {
        let (from, to) = (edge.from(), edge.to());
        if to.is(NodeType::Synthetic) {
            continue;
        }
        let root = from.is(NodeType::Synthetic) && from.name().starts_with('(');
        if root {
            steps.push((root_words(&from.name()), 1));
        }
        if is_plumbing(to) || is_context(to) {
            continue;
        }
        let step = match label(edge) {
            Some(label) => format!("{label}: {}", node(to)),
            None => node(to),
        };
        match steps.last_mut() {
            Some((last, count)) if *last == step => *count += 1,
            _ => steps.push((step, 1)),
        }
    }
    let steps: Vec<String> = steps
        .into_iter()
        .map(|(step, count)| match count {
            1 => step,
            _ => format!("{step} (× {count})"),
        })
        .collect();
    steps.join(" → ")
}

/// What an edge is, said of its source: "property `entries` of `Cache`".
#[must_use]
pub fn edge(edge: EdgeRef<'_>) -> String {
    let from = edge.from();
    let name = match edge.name() {
        EdgeName::Index(index) => index.to_string(),
        EdgeName::Text(text) => shortened(&text, TEXT_SHOWN),
    };
    let owner = node(from);
    match edge.kind() {
        Some(EdgeType::Context) => match context_owner(from) {
            Some(function) => format!("captured variable `{name}` of closure `{function}`"),
            None => format!("captured variable `{name}`"),
        },
        Some(EdgeType::Property) if name == "__proto__" => format!("prototype of `{owner}`"),
        Some(EdgeType::Property | EdgeType::Shortcut) if from.is(NodeType::Synthetic) => {
            format!("global object `{name}`")
        }
        Some(EdgeType::Property | EdgeType::Shortcut) => format!("property `{name}` of `{owner}`"),
        Some(EdgeType::Element) if from.is(NodeType::Synthetic) => root_words(&owner),
        Some(EdgeType::Element) => format!("element {name} of `{owner}`"),
        Some(EdgeType::Weak) => format!("weak reference `{name}` of `{owner}`"),
        Some(EdgeType::Hidden) => format!("internal reference of `{owner}`"),
        Some(EdgeType::Internal) => internal(from, &edge.name().to_string(), &owner),
        None => format!("{} `{name}` of `{owner}`", edge.type_name()),
    }
}

fn internal(from: NodeRef<'_>, name: &str, owner: &str) -> String {
    if let Some((_, table)) = crate::weak_maps::parse(name.as_bytes()) {
        if table == u64::from(from.id().0) {
            return format!("value of a WeakMap entry in `{owner}`, as long as its key lives");
        }
        return format!("value of a WeakMap entry (table @{table}), kept by its key `{owner}`");
    }
    if name.contains(" / part of key (") {
        return format!("value of a WeakMap entry, kept by its key `{owner}`");
    }
    let name = shortened(name, TEXT_SHOWN);
    if from.is(NodeType::Synthetic) {
        return format!("{} ({name})", root_words(owner));
    }
    let numbered = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_digit());
    match name.as_str() {
        "table" => format!("entries of `{owner}`"),
        "elements" => format!("elements of `{owner}`"),
        "properties" => format!("properties of `{owner}`"),
        "context" => format!("scope of `{owner}`"),
        "previous" => "outer scope".to_owned(),
        "map" => format!("hidden class of `{owner}`"),
        "code" | "shared" | "feedback_cell" => format!("code of `{owner}`"),
        "backing_store" => format!("memory of `{owner}`"),
        _ if numbered => format!("slot {name} of `{owner}`"),
        _ => format!("internal field `{name}` of `{owner}`"),
    }
}

/// The groups under `(GC roots)`.
fn root_words(group: &str) -> String {
    match group {
        "(Stack roots)" => "a variable of a running function (stack)".to_owned(),
        "(Handle scope)" => "a local handle of native code (handle scope)".to_owned(),
        "(Global handles)" => "a global handle of native code".to_owned(),
        "(Builtins)" | "(Strong root list)" | "(Strong roots)" => {
            format!("the engine itself {group}")
        }
        "(GC roots)" | "(synthetic)" => "the roots".to_owned(),
        other => format!("root group {other}"),
    }
}

/// A count with thousands separated by commas.
#[must_use]
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() * 4 / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Bytes as DevTools shows them, in units of 1000: `1.2 MB`.
#[must_use]
pub fn bytes(number: u64) -> String {
    let value = number as f64;
    match number {
        0..1_000 => format!("{number} B"),
        1_000..1_000_000 => format!("{:.1} kB", value / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} MB", value / 1e6),
        _ => format!("{:.2} GB", value / 1e9),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::Builder;

    #[test]
    fn numbers_read_easily() {
        assert_eq!(
            [count(0), count(999), count(1000), count(1_234_567)],
            ["0", "999", "1,000", "1,234,567"]
        );
        assert_eq!(
            [bytes(999), bytes(1500), bytes(2_500_000)],
            ["999 B", "1.5 kB", "2.5 MB"]
        );
        assert_eq!(shortened("naïve text", 5), "naïve…");
    }

    #[test]
    fn a_captured_variable_names_its_function() {
        let mut graph = Builder::new();
        let closure = graph.node("closure", "onTick", 3, 64);
        let context = graph.node("object", "system / Context", 5, 32);
        let rows = graph.node("object", "Rows", 7, 16);
        graph
            .edge(0, "property", "tick", closure)
            .edge(closure, "internal", "context", context);
        graph.edge(context, "context", "rows", rows);
        let snapshot = graph.read();
        let say = |at: usize| edge(snapshot.at(at).retainers().next().unwrap());
        assert_eq!(say(rows), "captured variable `rows` of closure `onTick`");
        assert_eq!(say(context), "scope of `onTick()`");
        assert_eq!(say(closure), "global object `tick`");
        assert!(is_context(snapshot.at(context)));
    }

    #[test]
    fn a_path_leaves_out_what_nobody_named() {
        let mut graph = Builder::new();
        let roots = graph.node("synthetic", "(GC roots)", 3, 0);
        let stack = graph.node("synthetic", "(Stack roots)", 5, 0);
        let context = graph.node("object", "system / Context", 7, 32);
        let closure = graph.node("closure", "onTick", 9, 32);
        let map = graph.node("object", "Map", 11, 32);
        let table = graph.node("array", "", 13, 64);
        graph
            .edge(0, "element", "1", roots)
            .edge(roots, "element", "7", stack)
            .edge(stack, "element", "0", context)
            .edge(context, "context", "rows", map)
            .edge(map, "internal", "table", table)
            .edge(closure, "internal", "context", context)
            .edge(stack, "element", "1", closure);
        let mut before = table;
        for id in 0..3 {
            let row = graph.node("object", "Row", 15 + 2 * id, 16);
            let kind = if id == 0 { "internal" } else { "property" };
            graph.edge(before, kind, "next", row);
            before = row;
        }
        let snapshot = graph.read();
        let mut edges = Vec::new();
        let mut at = before;
        while at != 0 {
            let edge = snapshot.at(at).retainers().next().expect("held");
            at = edge.from().ordinal().index();
            edges.push(edge);
        }
        edges.reverse();
        assert_eq!(
            path(edges),
            "a variable of a running function (stack) → captured variable `rows` of closure `onTick`: Map → Row → \
             property `next`: Row (× 2)"
        );
    }
}
