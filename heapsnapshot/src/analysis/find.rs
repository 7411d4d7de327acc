//! Finding nodes: by name, class, text, id, type and size.
//!
//! Source: a look at every node. What is searched as text is sieved once per string of the file, not once per node.
//!
//! ```no_run
//! use heapsnapshot::analysis::find::{Query, find};
//!
//! let snapshot = heapsnapshot::Snapshot::open("app.heapsnapshot")?;
//! let query = Query {
//!     class: Some("Session".into()),
//!     min_retained: 1 << 20,
//!     ..Query::default()
//! };
//! let found = find(&snapshot, &query, 10);
//! println!("{} sessions of a megabyte and more, {} bytes", found.count, found.shallow);
//! # Ok::<(), heapsnapshot::ReadError>(())
//! ```

use super::words;
use crate::bits::BitSet;
use crate::format::NodeType;
use crate::graph::{NodeId, NodeRef, Snapshot};

/// What to look for; every condition that is set must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    /// A part of the name (of a string: of its text), in any case of letters.
    pub contains: Option<String>,
    /// The exact class, as DevTools names it.
    pub class: Option<String>,
    /// The type of node, as the file names it.
    pub node_type: Option<String>,
    /// The identity.
    pub id: Option<NodeId>,
    /// The smallest self size in bytes.
    pub min_self_size: u64,
    /// The smallest retained size in bytes.
    pub min_retained: u64,
}

/// A node found.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Found {
    /// Its identity.
    pub id: NodeId,
    /// Its type.
    pub node_type: String,
    /// Its class.
    pub class: String,
    /// The node as a cell shows it.
    pub node: String,
    /// Its own bytes.
    pub shallow: u64,
    /// Bytes that would go with it.
    pub retained: u64,
    /// Edges from the roots.
    pub distance: Option<u32>,
}

/// What was found.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Findings {
    /// How many nodes.
    pub count: u64,
    /// Their own bytes.
    pub shallow: u64,
    /// The largest by retained size.
    pub rows: Vec<Found>,
}

/// Finds nodes; keeps the `limit` largest. Complexity: the nodes, and the strings once.
#[must_use]
pub fn find(snapshot: &Snapshot, query: &Query, limit: usize) -> Findings {
    let names = query
        .contains
        .as_deref()
        .map(|part| names_containing(snapshot, part));
    let mut class_fits: Vec<Option<bool>> = vec![None; snapshot.classes().len()];
    let mut found: Vec<NodeRef<'_>> = Vec::new();
    for node in snapshot.nodes() {
        if query.id.is_some_and(|id| id != node.id())
            || query
                .node_type
                .as_deref()
                .is_some_and(|name| name != node.type_name())
            || node.self_size() < query.min_self_size
            || (query.min_retained > 0 && node.retained_size() < query.min_retained)
        {
            continue;
        }
        if let Some(class) = query.class.as_deref() {
            let own = snapshot.classes().class_of(node.ordinal());
            let fits = &mut class_fits[own.0 as usize];
            if !*fits.get_or_insert_with(|| snapshot.classes().name(snapshot, own) == class) {
                continue;
            }
        }
        if let (Some(names), Some(part)) = (&names, query.contains.as_deref()) {
            // What is put together, and what is renamed, is no string of the file.
            let own_text = node.is(NodeType::ConcatenatedString)
                || snapshot.dom_state().is_renamed(node.ordinal().index());
            let fits = if own_text {
                super::strings::text(node)
                    .to_lowercase()
                    .contains(&part.to_lowercase())
            } else {
                names.contains(node.name_index() as usize)
            };
            if !fits {
                continue;
            }
        }
        found.push(node);
    }
    let shallow = found.iter().map(|node| node.self_size()).sum();
    let count = found.len() as u64;
    found.sort_by_key(|node| (std::cmp::Reverse(node.retained_size()), node.ordinal()));
    let rows = found.into_iter().take(limit).map(describe).collect();
    Findings {
        count,
        shallow,
        rows,
    }
}

fn describe(node: NodeRef<'_>) -> Found {
    Found {
        id: node.id(),
        node_type: node.type_name().to_owned(),
        class: node.class_name().into_owned(),
        node: words::node(node),
        shallow: node.self_size(),
        retained: node.retained_size(),
        distance: node.distance(),
    }
}

/// The strings that contain `part`, whatever the case.
fn names_containing(snapshot: &Snapshot, part: &str) -> BitSet {
    let part = part.to_lowercase();
    let mut names = BitSet::new(snapshot.strings().len());
    for index in 0..snapshot.strings().len() as u32 {
        if snapshot.strings().get(index).to_lowercase().contains(&part) {
            names.insert(index as usize);
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::Builder;

    #[test]
    fn conditions_are_joined() {
        let mut graph = Builder::new();
        let cache = graph.node("object", "LruCache", 3, 16);
        let text = graph.node("string", "a Cached page", 5, 24);
        let first = graph.node("string", "ca", 7, 8);
        let second = graph.node("string", "ched twice", 9, 8);
        let rope = graph.node("concatenated string", "", 11, 32);
        graph
            .edge(0, "property", "cache", cache)
            .edge(cache, "property", "page", text);
        graph
            .edge(rope, "internal", "first", first)
            .edge(rope, "internal", "second", second);
        let snapshot = graph.read();
        let ids = |query: &Query| -> Vec<u32> {
            find(&snapshot, query, 9)
                .rows
                .iter()
                .map(|row| row.id.0)
                .collect()
        };
        let contains = Query {
            contains: Some("cACHe".into()),
            ..Query::default()
        };
        assert_eq!(ids(&contains), [11, 3, 5]);
        assert_eq!(
            ids(&Query {
                node_type: Some("string".into()),
                ..contains.clone()
            }),
            [5]
        );
        assert_eq!(
            ids(&Query {
                class: Some("LruCache".into()),
                ..Query::default()
            }),
            [3]
        );
        assert_eq!(
            ids(&Query {
                min_self_size: 24,
                ..contains
            }),
            [11, 5]
        );
        assert_eq!(
            ids(&Query {
                id: Some(NodeId(7)),
                ..Query::default()
            }),
            [7]
        );
        assert_eq!(
            find(
                &snapshot,
                &Query {
                    min_retained: 40,
                    ..Query::default()
                },
                1
            )
            .count,
            3
        );
    }
}
