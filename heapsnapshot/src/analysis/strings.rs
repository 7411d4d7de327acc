//! Duplicated strings: equal texts in several copies, what they waste and who holds them.
//!
//! Source: the filter `duplicatedStrings` of `createNamedFilter` in DevTools' `HeapSnapshot.ts`.
//!
//! ```no_run
//! use heapsnapshot::analysis::strings::duplicated_strings;
//!
//! let snapshot = heapsnapshot::Snapshot::open("app.heapsnapshot")?;
//! let found = duplicated_strings(&snapshot, 10);
//! println!("{} bytes would be saved by one copy of each text", found.wasted);
//! for text in found.rows {
//!     println!("{} x {:?}, held by {:?}", text.count, text.text, text.holders.first());
//! }
//! # Ok::<(), heapsnapshot::ReadError>(())
//! ```

use std::borrow::Cow;

use hashbrown::HashMap;

use super::words;
use crate::bits::BitSet;
use crate::format::{EdgeType, NodeType};
use crate::graph::{NodeId, NodeRef, Snapshot};
use crate::strings::utf16_length;

/// Parts of a concatenated string looked at: enough for any text V8 shows, a bound for cycles.
const PARTS_SEEN: usize = 4096;
/// The length, in UTF-16 units, after which a concatenated string's text is cut.
const TEXT_UNITS: usize = 1024;

/// A text that exists more than once.
#[derive(Clone, Debug, serde::Serialize)]
pub struct DuplicatedString {
    /// The text, possibly cut by the engine.
    pub text: String,
    /// Copies.
    pub count: u64,
    /// Bytes of all copies.
    pub shallow: u64,
    /// Bytes of all copies but one.
    pub wasted: u64,
    /// One copy.
    pub example: NodeId,
    /// How the copies are held, most frequent first: the edge in words and how many it holds.
    pub holders: Vec<(String, u64)>,
}

/// The result, most wasteful text first.
#[derive(Clone, Debug, serde::Serialize)]
pub struct DuplicatedStrings {
    /// Texts that exist more than once.
    pub texts: u64,
    /// Strings that are copies.
    pub count: u64,
    /// Bytes that one copy of each would save.
    pub wasted: u64,
    /// The most wasteful ones.
    pub rows: Vec<DuplicatedString>,
}

/// Finds duplicated strings as DevTools does: flat and concatenated strings with a self size; texts
/// cut by the engine must agree in length and hash, too. Keeps `limit` rows.
///
/// What is put together from a part of another text is left out, although DevTools compares it: the file does not say
/// which part that is, and all such parts look the same.
///
/// Complexity: one pass over the strings; the retainers of the copies in the rows kept.
#[must_use]
pub fn duplicated_strings(snapshot: &Snapshot, limit: usize) -> DuplicatedStrings {
    let sizes = snapshot.shallow_sizes();
    let is_known = |copies: &Vec<u32>| !has_sliced_part(snapshot.at(copies[0] as usize));
    let mut found: Vec<(u64, u64, Vec<u32>)> = groups(snapshot)
        .filter(is_known)
        .map(|copies| {
            let all = copies.iter().map(|&node| u64::from(sizes[node as usize]));
            let (shallow, largest) =
                all.fold((0, 0), |(sum, most), size| (sum + size, size.max(most)));
            (shallow - largest, shallow, copies)
        })
        .collect();
    found.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.2.cmp(&b.2)));
    let texts = found.len() as u64;
    let count = found.iter().map(|(_, _, copies)| copies.len() as u64).sum();
    let wasted = found.iter().map(|(wasted, _, _)| wasted).sum();
    found.truncate(limit);
    let rows = found
        .into_iter()
        .map(|(wasted, shallow, copies)| {
            let first = snapshot.at(copies[0] as usize);
            DuplicatedString {
                text: text(first).into_owned(),
                count: copies.len() as u64,
                shallow,
                wasted,
                example: first.id(),
                holders: holders(snapshot, &copies),
            }
        })
        .collect();
    DuplicatedStrings {
        texts,
        count,
        wasted,
        rows,
    }
}

/// The strings that have copies.
pub(crate) fn duplicates(snapshot: &Snapshot) -> BitSet {
    let mut set = BitSet::new(snapshot.node_count());
    for node in groups(snapshot).flatten() {
        set.insert(node as usize);
    }
    set
}

/// The copies of each text that exists more than once.
fn groups(snapshot: &Snapshot) -> impl Iterator<Item = Vec<u32>> {
    let mut groups: HashMap<Key<'_>, Vec<u32>> = HashMap::new();
    for index in duplicate_candidates(snapshot) {
        groups
            .entry(key(snapshot.at(index)))
            .or_default()
            .push(index as u32);
    }
    groups.into_values().filter(|copies| copies.len() > 1)
}

/// What makes two strings copies.
#[derive(PartialEq, Eq, Hash)]
struct Key<'a> {
    text: Cow<'a, [u8]>,
    /// Of a cut text: its full length and hash, as the engine wrote them.
    cut: Option<(Option<i64>, Option<i64>)>,
}

fn key(node: NodeRef<'_>) -> Key<'_> {
    let number = |name: &str| {
        node.child(EdgeType::Internal, name)
            .and_then(|child| boxed(child, "int")?.parse().ok())
    };
    let is_cut = node
        .child(EdgeType::Internal, "truncated")
        .and_then(|child| boxed(child, "bool"));
    Key {
        text: text_wtf8(node),
        cut: (is_cut.as_deref() == Some("true")).then(|| (number("length"), number("hash"))),
    }
}

/// The text of a number node such as `int`, which hangs on it as a string.
pub(crate) fn boxed<'a>(node: NodeRef<'a>, kind: &str) -> Option<Cow<'a, str>> {
    let fits = node.is(NodeType::Number) && node.name() == kind;
    fits.then(|| node.child(EdgeType::Internal, "value"))?
        .map(NodeRef::name)
}

/// Strings that count as possible copies.
fn duplicate_candidates(snapshot: &Snapshot) -> impl Iterator<Item = usize> {
    let sizes = snapshot.shallow_sizes();
    (0..snapshot.node_count()).filter(move |&index| {
        let nodes = &snapshot.nodes;
        sizes[index] != 0
            && (nodes.is(index, NodeType::String)
                || (nodes.is(index, NodeType::ConcatenatedString) && !is_flat(snapshot.at(index))))
    })
}

/// A concatenated string that V8 has flattened: one part is empty, the other is the whole.
fn is_flat(node: NodeRef<'_>) -> bool {
    node.edges()
        .filter(|edge| edge.is(EdgeType::Internal))
        .any(|edge| {
            let name = edge.name();
            (name == "first" || name == "second") && text_wtf8(edge.to()).is_empty()
        })
}

/// The text of a string node; a concatenated string's is put together from its parts. Of other nodes the name.
#[must_use]
pub fn text(node: NodeRef<'_>) -> Cow<'_, str> {
    if !node.is(NodeType::ConcatenatedString) {
        return node.name();
    }
    crate::strings::lossy(text_wtf8(node))
}

fn text_wtf8(node: NodeRef<'_>) -> Cow<'_, [u8]> {
    let strings = &node.snapshot().strings;
    if !node.is(NodeType::ConcatenatedString) {
        return strings.wtf8(node.name_index());
    }
    let mut text = Vec::new();
    for part in parts(node) {
        text.extend_from_slice(&strings.wtf8(part.name_index()));
    }
    Cow::Owned(text)
}

/// Whether a string is put together from a part of another, of which the file does not say which.
fn has_sliced_part(node: NodeRef<'_>) -> bool {
    parts(node).any(|part| part.is(NodeType::SlicedString))
}

/// The flat strings that a string consists of, from left to right, as far as they are shown.
fn parts(node: NodeRef<'_>) -> impl Iterator<Item = NodeRef<'_>> {
    let mut pending = vec![node];
    let (mut seen, mut units) = (0, 0);
    std::iter::from_fn(move || {
        while let Some(part) = pending.pop() {
            seen += 1;
            if units >= TEXT_UNITS || seen > PARTS_SEEN {
                return None;
            }
            if !part.is(NodeType::ConcatenatedString) {
                units += utf16_length(&part.snapshot().strings.wtf8(part.name_index()));
                return Some(part);
            }
            pending.extend(part.child(EdgeType::Internal, "second"));
            pending.extend(part.child(EdgeType::Internal, "first"));
        }
        None
    })
}

/// The edges that hold the copies, by what they are.
fn holders(snapshot: &Snapshot, copies: &[u32]) -> Vec<(String, u64)> {
    let mut counts: HashMap<String, u64> = HashMap::new();
    // A sample is enough to say who holds them.
    for &copy in copies.iter().take(1000) {
        let edges = super::retainers::retaining_edges(snapshot.at(copy as usize));
        if let Some(edge) = edges
            .filter(|edge| !edge.is(EdgeType::Hidden))
            .min_by_key(|edge| edge.ordinal())
        {
            let words = match edge.kind() {
                Some(EdgeType::Element) => format!("element of `{}`", words::node(edge.from())),
                _ => words::edge(edge),
            };
            *counts.entry(words).or_default() += 1;
        }
    }
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    counts.truncate(3);
    counts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::Builder;

    #[test]
    fn copies_are_found_and_flat_ropes_are_not() {
        let mut graph = Builder::new();
        let holder = graph.node("object", "Row", 3, 16);
        graph.edge(0, "property", "row", holder);
        let copies: Vec<usize> = (0..3)
            .map(|at| graph.node("string", "hello world", 11 + 2 * at, 32))
            .collect();
        for &copy in &copies {
            graph.edge(holder, "property", "label", copy);
        }
        let (hello, world) = (
            graph.node("string", "hello ", 21, 16),
            graph.node("string", "world", 23, 16),
        );
        let empty = graph.node("string", "", 25, 16);
        let rope = graph.node("concatenated string", "", 27, 32);
        graph
            .edge(rope, "internal", "first", hello)
            .edge(rope, "internal", "second", world);
        let flat = graph.node("concatenated string", "", 29, 32);
        graph
            .edge(flat, "internal", "first", copies[0])
            .edge(flat, "internal", "second", empty);
        // A rope of itself, as no engine makes it.
        let cycle = graph.node("concatenated string", "", 31, 32);
        graph
            .edge(cycle, "internal", "first", cycle)
            .edge(cycle, "internal", "second", cycle);
        let snapshot = graph.read();
        let found = duplicated_strings(&snapshot, 10);
        assert_eq!((found.texts, found.count, found.wasted), (1, 4, 96));
        let row = &found.rows[0];
        assert_eq!(
            (row.text.as_str(), row.count, row.shallow),
            ("hello world", 4, 128)
        );
        assert_eq!(row.holders[0], ("property `label` of `Row`".to_owned(), 3));
        assert_eq!(text(snapshot.at(cycle)), "");
    }

    #[test]
    fn parts_that_the_file_does_not_tell_are_no_copies() {
        let mut graph = Builder::new();
        let rest = graph.node("string", "/node_modules", 3, 32);
        for at in 0..3 {
            let id = 11 + 4 * at;
            let slice = graph.node("sliced string", "(sliced string)", id, 32);
            let rope = graph.node("concatenated string", "", id + 2, 32);
            graph
                .edge(0, "property", "path", rope)
                .edge(rope, "internal", "first", slice)
                .edge(rope, "internal", "second", rest);
        }
        let snapshot = graph.read();
        assert_eq!(duplicated_strings(&snapshot, 10).texts, 0);
        let devtools = duplicates(&snapshot);
        let copies = snapshot
            .nodes()
            .filter(|node| devtools.contains(node.ordinal().index()));
        assert_eq!(copies.count(), 3, "DevTools' filter takes them for copies");
    }

    #[test]
    fn cut_texts_must_agree_in_length_and_hash() {
        let mut graph = Builder::new();
        let number = |graph: &mut Builder, kind: &str, text: &str, id: u32| {
            let value = graph.node("string", text, id, 0);
            let boxed = graph.node("number", kind, id + 2, 0);
            graph.edge(boxed, "internal", "value", value);
            boxed
        };
        let truncated = number(&mut graph, "bool", "true", 101);
        for (at, length) in ["5000", "5000", "6000"].into_iter().enumerate() {
            let id = 201 + 100 * at as u32;
            let string = graph.node("string", "same beginning", id, 5000);
            let length = number(&mut graph, "int", length, id + 10);
            let hash = number(&mut graph, "int", "77", id + 20);
            graph
                .edge(string, "internal", "truncated", truncated)
                .edge(string, "internal", "length", length);
            graph.edge(string, "internal", "hash", hash);
        }
        let found = duplicated_strings(&graph.read(), 10);
        assert_eq!((found.texts, found.count, found.wasted), (1, 2, 5000));
    }
}
