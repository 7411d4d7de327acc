//! Collections: how full Maps, Sets and arrays are, and what they hold.
//!
//! V8 writes no sizes, but its tables show them: an ordered hash table of `b` buckets has
//! `3 + b + 2b·(entry size)` slots, and its entries are the numbered edges behind the buckets. Small
//! integers leave no edge, so counts of entries are lower bounds. heaplab's own tables name their
//! edges.
//!
//! Source: `OrderedHashTable` in V8's `src/objects/ordered-hash-table.h`, and what
//! `V8HeapExplorer::ExtractReferences` in `heap-snapshot-generator.cc` writes of arrays and their elements.
//!
//! ```no_run
//! use heapsnapshot::analysis::collections::collections;
//!
//! let snapshot = heapsnapshot::Snapshot::open("app.heapsnapshot")?;
//! for map in collections(&snapshot, 1000, 10).rows {
//!     let fill = map.fill().map_or("?".into(), |share| format!("{:.0} %", 100.0 * share));
//!     println!("{} in {}: {} entries, {fill} full", map.class, map.held_by, map.entries);
//! }
//! # Ok::<(), heapsnapshot::ReadError>(())
//! ```

use hashbrown::HashSet;

use super::{Top, words};
use crate::format::{EdgeType, NodeType};
use crate::graph::{EdgeName, NodeId, NodeRef, Snapshot};

/// What kind of collection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CollectionKind {
    /// Keys and values.
    Map,
    /// Keys.
    Set,
    /// Weak keys with values.
    WeakMap,
    /// Elements by number.
    Array,
    /// Elements in a ring.
    Queue,
}

/// A collection and its contents.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Collection {
    /// Its identity.
    pub id: NodeId,
    /// Its class.
    pub class: String,
    /// Its kind.
    pub kind: CollectionKind,
    /// Entries seen; small integers cannot be seen.
    pub entries: u64,
    /// Entries it has room for, if the size of the table tells.
    pub capacity: Option<u64>,
    /// Bytes of the collection and its table.
    pub own_bytes: u64,
    /// Bytes that would go with it.
    pub retained: u64,
    /// The edge that holds it, in words.
    pub held_by: String,
}

impl Collection {
    /// Share of the room that is used, 0 to 1.
    #[must_use]
    pub fn fill(&self) -> Option<f64> {
        self.capacity
            .filter(|&room| room > 0)
            .map(|room| self.entries as f64 / room as f64)
    }
}

/// The collections with the largest retained sizes, at most `limit`, of at least `min_entries`.
///
/// Complexity: the nodes and the edges of collections and their tables.
#[must_use]
pub fn collections(snapshot: &Snapshot, min_entries: u64, limit: usize) -> Top<Collection> {
    let mut found: Vec<(NodeRef<'_>, Contents)> = Vec::new();
    for node in snapshot.nodes().filter(|node| node.is(NodeType::Object)) {
        if let Some(contents) = contents(node)
            && contents.entries >= min_entries
        {
            found.push((node, contents));
        }
    }
    found.sort_by_key(|(node, _)| (std::cmp::Reverse(node.retained_size()), node.ordinal()));
    Top::of(found, limit, |(node, contents)| describe(node, contents))
}

fn describe(node: NodeRef<'_>, contents: Contents) -> Collection {
    let holder = super::retainers::nearest_retainer(node).map(words::edge);
    Collection {
        id: node.id(),
        class: node.class_name().into_owned(),
        kind: contents.kind,
        entries: contents.entries,
        capacity: contents.capacity,
        own_bytes: node.raw_self_size() + contents.table_bytes,
        retained: node.retained_size(),
        held_by: holder.unwrap_or_else(|| "nothing but weak references".to_owned()),
    }
}

/// What a collection's table shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Contents {
    pub(crate) kind: CollectionKind,
    pub(crate) entries: u64,
    pub(crate) capacity: Option<u64>,
    pub(crate) table_bytes: u64,
}

/// The contents of a node, if it is a collection.
pub(crate) fn contents(node: NodeRef<'_>) -> Option<Contents> {
    let class = node.name();
    let mut table = None;
    let mut elements = 0;
    for edge in node.edges() {
        match edge.kind() {
            Some(EdgeType::Element) => elements += 1,
            Some(EdgeType::Internal) => {
                let name = edge.name();
                for known in ["table", "elements", "buffer"] {
                    if name == known {
                        table = Some((known, edge.to()));
                    }
                }
            }
            _ => {}
        }
    }
    let bytes = table.map_or(0, |(_, table)| table.raw_self_size());
    match table {
        Some(("table", table)) => Some(table_contents(&class, table)),
        Some(("buffer", buffer)) => {
            let entries = buffer
                .edges()
                .filter(|edge| edge.is(EdgeType::Element))
                .count() as u64;
            Some(Contents {
                kind: CollectionKind::Queue,
                entries,
                capacity: None,
                table_bytes: bytes,
            })
        }
        Some((_, store)) if class == "Array" => {
            let capacity = (store.raw_self_size().saturating_sub(HEADER) / WORD).max(elements);
            Some(Contents {
                kind: CollectionKind::Array,
                entries: elements,
                capacity: Some(capacity),
                table_bytes: bytes,
            })
        }
        None if class == "Array" => Some(Contents {
            kind: CollectionKind::Array,
            entries: elements,
            capacity: None,
            table_bytes: 0,
        }),
        _ => None,
    }
}

/// Bytes before the slots of a V8 array, and of a slot, without pointer compression.
const HEADER: u64 = 16;
const WORD: u64 = 8;

fn table_contents(class: &str, table: NodeRef<'_>) -> Contents {
    let bytes = table.raw_self_size();
    let weak = table.edges().any(|edge| edge.is(EdgeType::Weak));
    let mut numbers: Vec<u64> = Vec::new();
    let (mut keys, mut values, mut pairs) = (0, 0, 0);
    for edge in table.edges() {
        match (edge.kind(), edge.name()) {
            (Some(EdgeType::Element), _) => values += 1,
            (Some(EdgeType::Internal), EdgeName::Text(name)) if name == "key" => keys += 1,
            (Some(EdgeType::Internal), EdgeName::Text(name)) => match name.parse() {
                Ok(number) => numbers.push(number),
                Err(_) => pairs += u64::from(name.contains("in WeakMap (table @")),
            },
            _ => {}
        }
    }
    let kind = match class {
        _ if weak || class.contains("Weak") => CollectionKind::WeakMap,
        _ if class.contains("Set") => CollectionKind::Set,
        _ => CollectionKind::Map,
    };
    if keys + values > 0 && numbers.is_empty() {
        return Contents {
            kind,
            entries: values.max(keys),
            capacity: None,
            table_bytes: bytes,
        };
    }
    if kind == CollectionKind::WeakMap {
        return Contents {
            kind,
            entries: pairs,
            capacity: None,
            table_bytes: bytes,
        };
    }
    let entry = if kind == CollectionKind::Set { 2 } else { 3 };
    // 3 + b + 2b·entry slots, of 8 bytes, or of 4 with pointer compression.
    let buckets = [(HEADER, WORD), (HEADER / 2, WORD / 2)]
        .into_iter()
        .find_map(|(header, word)| {
            let slots = bytes.checked_sub(header)? / word;
            let buckets = slots.checked_sub(3)? / (1 + 2 * entry);
            (buckets.is_power_of_two() && 3 + buckets * (1 + 2 * entry) == slots).then_some(buckets)
        });
    let first = buckets.map_or(3, |buckets| 3 + buckets);
    let entries: HashSet<u64> = numbers
        .iter()
        .filter(|&&at| at >= first)
        .map(|at| (at - first) / entry)
        .collect();
    Contents {
        kind,
        entries: entries.len() as u64,
        capacity: buckets.map(|buckets| 2 * buckets),
        table_bytes: bytes,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::Builder;

    /// V8's layout: 4 buckets, room for 8 entries of 3 slots: 3 + 4 + 24 slots.
    #[test]
    fn a_map_shows_its_entries_and_room() {
        let mut graph = Builder::new();
        let map = graph.node("object", "Map", 3, 32);
        let table = graph.node("array", "", 5, 16 + 8 * 31);
        let value = graph.node("object", "Row", 7, 8);
        let meta = graph.node("hidden", "system / Map", 9, 8);
        graph
            .edge(0, "property", "rows", map)
            .edge(map, "internal", "table", table);
        graph.edge(table, "internal", "map", meta);
        // Keys and values of entries 0 and 2, the value of entry 5 with a small integer as its key.
        for slot in ["7", "8", "13", "14", "23"] {
            graph.edge(table, "internal", slot, value);
        }
        let found = collections(&graph.read(), 1, 10).rows;
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].entries, found[0].capacity), (3, Some(8)));
        assert_eq!(found[0].held_by, "global object `rows`");
        assert_eq!(found[0].fill(), Some(0.375));
    }

    #[test]
    fn arrays_count_their_elements() {
        let mut graph = Builder::new();
        let array = graph.node("object", "Array", 3, 32);
        let store = graph.node("array", "(object elements)", 5, 16 + 8 * 10);
        let item = graph.node("object", "Item", 7, 8);
        graph
            .edge(0, "property", "items", array)
            .edge(array, "internal", "elements", store);
        for at in 0..4 {
            graph.edge(array, "element", &at.to_string(), item);
            graph.edge(store, "internal", &at.to_string(), item);
        }
        let found = collections(&graph.read(), 0, 10).rows;
        assert_eq!(
            (found[0].kind, found[0].entries, found[0].capacity),
            (CollectionKind::Array, 4, Some(10))
        );
    }
}
