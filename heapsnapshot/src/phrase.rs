//! Edges and paths said in words: "captured variable `rows` of closure `onTick`".

use std::fmt;

use crate::format::{EdgeType, NodeType};
use crate::graph::{EdgeName, EdgeRef, NodeRef};

/// Longest piece of a name that is shown.
const LONGEST_NAME: usize = 60;

/// Whether a node is plumbing: V8's own tables and descriptions, which stand between what people name.
#[must_use]
pub fn is_plumbing(node: NodeRef<'_>) -> bool {
    match node.kind() {
        Some(NodeType::Array | NodeType::Hidden | NodeType::Code | NodeType::ObjectShape) => true,
        Some(NodeType::Object) => node.name().starts_with("system / ") && !is_context(node),
        _ => false,
    }
}

/// Whether a node is a context: the captured variables of a function.
#[must_use]
pub fn is_context(node: NodeRef<'_>) -> bool {
    matches!(node.kind(), Some(NodeType::Object | NodeType::Hidden))
        && node.name().starts_with("system / Context")
}

/// The text, shortened, with control characters made visible: safe for a terminal and for a page's text.
#[must_use]
pub fn shown(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        if out.chars().count() >= LONGEST_NAME {
            out.push('…');
            break;
        }
        if c.is_control()
            || ('\u{200b}'..='\u{200f}').contains(&c)
            || ('\u{202a}'..='\u{202e}').contains(&c)
        {
            out.extend(c.escape_unicode());
        } else {
            out.push(c);
        }
    }
    out
}

/// A node in words: "Map", "closure `onTick`", "string \"user:1\"".
#[must_use]
pub fn node_in_words(node: NodeRef<'_>) -> String {
    let name = node.name();
    match node.kind() {
        Some(NodeType::Closure) if name.is_empty() => "an unnamed closure".to_owned(),
        Some(NodeType::Closure) => format!("closure `{}`", shown(&name)),
        Some(NodeType::String | NodeType::ConcatenatedString | NodeType::SlicedString) => {
            format!("string \"{}\"", shown(&name))
        }
        Some(NodeType::Array) if name.is_empty() => "an internal array".to_owned(),
        Some(NodeType::Synthetic) if name.is_empty() => "the root".to_owned(),
        _ if is_context(node) => match name.strip_prefix("system / Context / ") {
            Some(function) => format!("the scope of `{}`", shown(function)),
            None => "a function's scope".to_owned(),
        },
        Some(NodeType::Number) => "a number".to_owned(),
        _ => shown(&name),
    }
}

/// How an edge holds its target, in words: "captured variable `rows`", "property `next`", "element 3".
#[must_use]
pub fn edge_in_words(edge: EdgeRef<'_>) -> String {
    match (edge.kind(), edge.name()) {
        (Some(EdgeType::Context), EdgeName::Text(name)) => {
            format!("captured variable `{}`", shown(&name))
        }
        (Some(EdgeType::Element), EdgeName::Index(index)) => format!("element {index}"),
        (Some(EdgeType::Property), EdgeName::Text(name)) => format!("property `{}`", shown(&name)),
        (Some(EdgeType::Shortcut), name) => format!("shortcut {}", Text(&name)),
        (Some(EdgeType::Weak), name) => format!("weak reference {}", Text(&name)),
        (_, EdgeName::Text(name)) => format!("internal `{}`", shown(&name)),
        (_, EdgeName::Index(index)) => format!("internal {index}"),
    }
}

struct Text<'a, 'b>(&'b EdgeName<'a>);

impl fmt::Display for Text<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            EdgeName::Text(name) => write!(f, "`{}`", shown(name)),
            EdgeName::Index(index) => write!(f, "{index}"),
        }
    }
}

/// A path in words, the root's end first: each edge with the node it leads to, plumbing left out.
#[must_use]
pub fn path_in_words<'a>(edges: impl IntoIterator<Item = EdgeRef<'a>>) -> String {
    let mut out = String::new();
    let mut run: Option<(String, usize)> = None;
    for edge in edges {
        if is_plumbing(edge.to())
            || edge.to().is(NodeType::Synthetic) && edge.to().name().is_empty()
        {
            continue;
        }
        let step = match edge.kind() {
            Some(EdgeType::Hidden | EdgeType::Internal) => node_in_words(edge.to()),
            _ => format!("{}: {}", edge_in_words(edge), node_in_words(edge.to())),
        };
        // A long list is one step said with its count.
        let same = run.as_ref().is_some_and(|(last, _)| *last == step);
        if same {
            if let Some((_, count)) = &mut run {
                *count += 1;
            }
        } else {
            flush(&mut out, run.take());
            run = Some((step, 1));
        }
    }
    flush(&mut out, run);
    out
}

fn flush(out: &mut String, run: Option<(String, usize)>) {
    let Some((step, count)) = run else { return };
    if !out.is_empty() {
        out.push_str(" → ");
    }
    out.push_str(&step);
    if count > 1 {
        out.push_str(&format!(" (× {count})"));
    }
}
