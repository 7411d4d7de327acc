//! Nodes and edges in words: "captured variable `rows` of closure `onTick`".

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
            let text = if node.is(NodeType::ConcatenatedString) {
                super::strings::text(node)
            } else {
                name
            };
            format!("\"{}\"", shortened(&text, TEXT_SHOWN))
        }
        Some(NodeType::Closure) if name.is_empty() => "(anonymous)()".to_owned(),
        Some(NodeType::Closure) => format!("{}()", shortened(&name, TEXT_SHOWN)),
        Some(NodeType::Regexp) => format!("/{}/", shortened(&name, TEXT_SHOWN)),
        Some(NodeType::Array) if name.is_empty() => "(internal array)[]".to_owned(),
        Some(NodeType::Array) => format!("{}[]", shortened(&name, TEXT_SHOWN)),
        Some(NodeType::Object) => shortened(&node.class_name(), TEXT_SHOWN),
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

/// The function whose variables a context holds, if one closure tells: the first that refers to it.
fn context_owner(context: NodeRef<'_>) -> Option<Cow<'_, str>> {
    let closures = context
        .retainers()
        .filter(|edge| edge.is(EdgeType::Internal) && edge.name() == "context");
    closures
        .map(|edge| edge.from())
        .find(|node| node.is(NodeType::Closure) && !node.name().is_empty())
        .map(NodeRef::name)
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
        Some(EdgeType::Internal) => internal(from, &name, &owner),
        None => format!("{} `{name}` of `{owner}`", edge.type_name()),
    }
}

fn internal(from: NodeRef<'_>, name: &str, owner: &str) -> String {
    if let Some((_, table)) = crate::weak_maps::parse(name.as_bytes()) {
        return format!("value of a WeakMap entry (table @{table}), kept by its key `{owner}`");
    }
    if name.contains(" / part of key (") {
        return format!("value of a WeakMap entry, kept by its key `{owner}`");
    }
    if from.is(NodeType::Synthetic) {
        return format!("{} ({name})", root_words(owner));
    }
    let numbered = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_digit());
    match name {
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
}
