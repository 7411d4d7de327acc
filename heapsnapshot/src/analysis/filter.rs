//! Filters: DevTools' named parts of a snapshot, to be given to [`summary`].
//!
//! | filter | what it keeps |
//! |---|---|
//! | duplicated strings | strings whose text exists more than once |
//! | retained by detached nodes, contexts, the console, event handlers | what no path from the root reaches that avoids them |
//! | native context, shared, none | what one page's or realm's global context owns, several do, none does |
//! | ids | what was allocated after one snapshot and before another |
//!
//! The rules are those of `createNamedFilter`, `createNodeIdFilter` and
//! `calculateNativeContextAttribution` in DevTools' `HeapSnapshot.ts`, and `cargo xtask test`
//! compares the rows of every filter with DevTools' own worker.
//!
//! ```
//! use heapsnapshot::Snapshot;
//! use heapsnapshot::analysis::filter::{Filter, filter};
//! use heapsnapshot::analysis::summary::{GroupBy, summary};
//!
//! # let text = br#"{"snapshot":{"meta":{
//! #     "node_fields":["type","name","id","self_size","edge_count"],
//! #     "node_types":[["synthetic","object"]],
//! #     "edge_fields":["type","name_or_index","to_node"],
//! #     "edge_types":[["property"]]},"node_count":2,"edge_count":1},
//! #     "nodes":[0,0,1,0,1, 1,1,3,24,0], "edges":[0,2,5], "strings":["","Cache","entries"]}"#;
//! let snapshot = Snapshot::parse(&text[..])?;
//! let kept = filter(&snapshot, Filter::Contexts);
//! let rows = summary(&snapshot, GroupBy::Class, Some(&|node| kept.contains(node))).rows;
//! assert!(rows.is_empty()); // nothing is kept by a closure's variables alone
//! # Ok::<(), heapsnapshot::ReadError>(())
//! ```
//!
//! [`summary`]: super::summary::summary

use crate::bits::BitSet;
use crate::distances::NO_DISTANCE;
use crate::dom_state::DETACHED;
use crate::format::{EdgeType, NodeType};
use crate::graph::{EdgeName, EdgeRef, NodeId, NodeOrdinal, NodeRef, Snapshot};
use crate::memory;
use crate::strings::parse_int;

/// A part of a snapshot that DevTools has a name for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filter {
    /// Strings that exist more than once.
    DuplicatedStrings,
    /// What only detached DOM nodes keep.
    DetachedDomNodes,
    /// What only the variables of closures keep.
    Contexts,
    /// What only the DevTools console keeps.
    Console,
    /// What only event handlers keep.
    EventHandlers,
    /// What one global context owns: a page, a frame, a realm of `node:vm`.
    NativeContext(NodeOrdinal),
    /// What several global contexts reach.
    SharedNativeContext,
    /// What no global context reaches.
    NoNativeContext,
    /// Objects with ids above `after` and not above `up_to`: with the [`last_id`] of two snapshots,
    /// what was allocated between them and is still there.
    Ids {
        /// The last id that is too old.
        after: Option<NodeId>,
        /// The last id that is kept.
        up_to: NodeId,
    },
}

/// The nodes that a filter keeps.
#[derive(Clone, Debug)]
pub struct Kept(BitSet);

impl Kept {
    /// Whether the filter keeps a node.
    #[must_use]
    pub fn contains(&self, node: NodeOrdinal) -> bool {
        self.0.contains(node.index())
    }
}

/// The nodes that `filter` keeps. Complexity: one walk over the graph, or one pass over the nodes;
/// for duplicated strings also their texts.
#[must_use]
pub fn filter(snapshot: &Snapshot, filter: Filter) -> Kept {
    let count = snapshot.node_count();
    let kept = match filter {
        Filter::DuplicatedStrings => super::strings::duplicates(snapshot),
        Filter::DetachedDomNodes => {
            let state = snapshot.dom_state();
            // DevTools keeps two bits of it.
            not_reached(snapshot, |_, edge| {
                state.of(edge.to().ordinal()) & 3 != DETACHED
            })
        }
        Filter::Contexts => {
            let contexts = named(snapshot, "system / Context", false);
            not_reached(snapshot, |_, edge| !contexts.contains(index(edge.to())))
        }
        Filter::Console => not_reached(snapshot, |from, edge| {
            !(from.is(NodeType::Synthetic) && is_of_console(edge))
        }),
        Filter::EventHandlers => {
            let handlers = event_handlers(snapshot);
            not_reached(snapshot, |_, edge| !handlers.contains(index(edge.to())))
        }
        Filter::NativeContext(context) => owned(snapshot, context.0),
        Filter::SharedNativeContext => owned(snapshot, SHARED),
        Filter::NoNativeContext => owned(snapshot, NOBODY),
        Filter::Ids { after, up_to } => set(count, |node| {
            let id = NodeId(snapshot.nodes.id[node]);
            after.is_none_or(|after| id > after) && id <= up_to
        }),
    };
    Kept(kept)
}

/// The newest id that the engine has given to an object of its own: it grows with each allocation
/// that a snapshot or a tracker has seen. Complexity: one pass over the ids.
#[must_use]
pub fn last_id(snapshot: &Snapshot) -> NodeId {
    let ids = snapshot.nodes.id.iter().copied();
    NodeId(ids.filter(|id| id % 2 == 1).max().unwrap_or(0))
}

/// A global context and its bytes.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct NativeContext {
    /// Its node's position in the file.
    pub ordinal: NodeOrdinal,
    /// Its identity.
    pub id: NodeId,
    /// Its name, often with the page's address.
    pub name: String,
    /// Bytes of what it alone owns.
    pub attributed: u64,
    /// Bytes that would go with it.
    pub retained: u64,
}

/// Who owns the memory, by global context.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct NativeContexts {
    /// The contexts, in file order.
    pub contexts: Vec<NativeContext>,
    /// Bytes that several of them reach.
    pub shared: u64,
    /// Bytes that none of them reaches.
    pub unattributed: u64,
}

/// Attributes every byte to a global context, to several, or to none. Complexity: each node is
/// walked at most twice.
#[must_use]
pub fn native_contexts(snapshot: &Snapshot) -> NativeContexts {
    let owners = owners(snapshot);
    let sizes = snapshot.shallow_sizes();
    let contexts = named(snapshot, "system / NativeContext", true);
    let mut found = NativeContexts {
        contexts: Vec::new(),
        shared: 0,
        unattributed: 0,
    };
    let mut row_of = hashbrown::HashMap::new();
    for node in snapshot
        .nodes()
        .filter(|node| contexts.contains(index(*node)))
    {
        row_of.insert(node.ordinal().0, found.contexts.len());
        found.contexts.push(NativeContext {
            ordinal: node.ordinal(),
            id: node.id(),
            name: node.name().into_owned(),
            attributed: 0,
            retained: node.retained_size(),
        });
    }
    for (owner, &size) in owners.iter().zip(sizes) {
        let bytes = u64::from(size);
        match row_of.get(owner) {
            Some(&row) => found.contexts[row].attributed += bytes,
            None if *owner == SHARED => found.shared += bytes,
            None => found.unattributed += bytes,
        }
    }
    found
}

fn index(node: NodeRef<'_>) -> usize {
    node.ordinal().index()
}

fn set(count: usize, keep: impl Fn(usize) -> bool) -> BitSet {
    let mut set = BitSet::new(count);
    for node in (0..count).filter(|&node| keep(node)) {
        set.insert(node);
    }
    set
}

/// What no walk from the root reaches that takes only edges that are not weak and that `take` takes;
/// without what no such edge reaches at all.
fn not_reached(snapshot: &Snapshot, take: impl Fn(NodeRef<'_>, EdgeRef<'_>) -> bool) -> BitSet {
    let nodes = &snapshot.nodes;
    let mut reached = BitSet::new(nodes.len());
    reached.insert(snapshot.root);
    let mut pending = vec![snapshot.root as u32];
    while let Some(node) = pending.pop() {
        let from = snapshot.at(node as usize);
        for edge in nodes.edges_of(node as usize) {
            let to = snapshot.edges.to(edge) as u32;
            if reached.contains(to as usize) || snapshot.edges.is(edge, EdgeType::Weak) {
                continue;
            }
            if take(from, EdgeRef::new(snapshot, edge)) {
                reached.insert(to as usize);
                pending.push(to);
            }
        }
    }
    let distances = snapshot.distances();
    set(nodes.len(), |node| {
        !reached.contains(node) && distances.raw(NodeOrdinal(node as u32)) != NO_DISTANCE
    })
}

/// Nodes named `name` or `name / …`; with `detached` also `Detached name …`.
fn named(snapshot: &Snapshot, name: &str, detached: bool) -> BitSet {
    let mut names = BitSet::new(snapshot.strings.len());
    for index in snapshot.strings.containing(name) {
        let text = snapshot.strings.get(index);
        let text = match text.strip_prefix("Detached ") {
            Some(rest) if detached => rest,
            _ => &text,
        };
        let rest = text.strip_prefix(name);
        if rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(" / ")) {
            names.insert(index as usize);
        }
    }
    let nodes = &snapshot.nodes;
    set(nodes.len(), |node| {
        names.contains(nodes.name[node] as usize)
            && (detached || !snapshot.dom_state().is_renamed(node))
    })
}

/// A global of the DevTools console.
fn is_of_console(edge: EdgeRef<'_>) -> bool {
    match edge.name() {
        EdgeName::Index(_) => false,
        EdgeName::Text(name) => {
            name.ends_with(" / DevTools console")
                && !(edge.is(EdgeType::Shortcut) && parse_int(&name).is_some())
        }
    }
}

/// The functions that `V8EventListener` nodes call, or what stands for them.
fn event_handlers(snapshot: &Snapshot) -> BitSet {
    let nodes = &snapshot.nodes;
    let listener = snapshot.strings.find("V8EventListener");
    let mut handlers = BitSet::new(nodes.len());
    if listener.is_empty() {
        return handlers;
    }
    for node in 0..nodes.len() {
        if !listener.contains(&nodes.name[node]) || snapshot.dom_state().is_renamed(node) {
            continue;
        }
        let Some(callback) = child(snapshot.at(node), "1") else {
            continue;
        };
        let is_function = |node: NodeRef<'_>| child(node, "code").is_some();
        let handler = if is_function(callback) {
            callback
        } else {
            // A framework's wrapper, which holds the handler.
            let mut children = callback.edges().map(EdgeRef::to);
            children
                .find(|&child| is_function(child))
                .unwrap_or(callback)
        };
        handlers.insert(index(handler));
    }
    handlers
}

/// The target of the first edge of this name, whatever its type.
fn child<'a>(node: NodeRef<'a>, name: &str) -> Option<NodeRef<'a>> {
    let named = |edge: &EdgeRef<'a>| match edge.name() {
        EdgeName::Index(number) => number.to_string() == name,
        EdgeName::Text(text) if edge.is(EdgeType::Shortcut) => {
            parse_int(&text).map_or(text == name, |number| number.to_string() == name)
        }
        EdgeName::Text(text) => text == name,
    };
    node.edges().find(named).map(EdgeRef::to)
}

/// Nobody, or several, own a node.
const NOBODY: u32 = u32::MAX;
const SHARED: u32 = u32::MAX - 1;

fn owned(snapshot: &Snapshot, owner: u32) -> BitSet {
    let owners = owners(snapshot);
    set(owners.len(), |node| owners[node] == owner)
}

/// The global context that owns each node.
///
/// Contexts own themselves, and objects whose hidden class says so (object → map → its map →
/// context). From there ownership follows every edge but weak ones and shortcuts; where two meet,
/// it is shared.
fn owners(snapshot: &Snapshot) -> Vec<u32> {
    let (nodes, edges) = (&snapshot.nodes, &snapshot.edges);
    let contexts = named(snapshot, "system / NativeContext", true);
    let [to_context, to_map] = snapshot.strings.find_all(["native_context", "map"]);
    // DevTools looks for the first of equal strings only.
    let (to_context, to_map) = (to_context.first().copied(), to_map.first().copied());
    let mut context_of = memory::filled(nodes.len(), NOBODY);
    let mut map_of = memory::filled(nodes.len(), NOBODY);
    for node in 0..nodes.len() {
        for edge in nodes.edges_of(node) {
            let (kind, name) = edges.label(edge);
            if kind != EdgeType::Internal as u8 {
                continue;
            }
            let to = edges.to(edge) as u32;
            if Some(name) == to_context
                && context_of[node] == NOBODY
                && contexts.contains(to as usize)
            {
                context_of[node] = to;
            } else if Some(name) == to_map && map_of[node] == NOBODY {
                map_of[node] = to;
            }
        }
    }
    let follow = |links: &[u32], node: u32| links.get(node as usize).copied().unwrap_or(NOBODY);
    let mut owners = memory::filled(nodes.len(), NOBODY);
    for node in 0..nodes.len() {
        owners[node] = if contexts.contains(node) {
            node as u32
        } else {
            follow(&context_of, follow(&map_of, map_of[node]))
        };
    }
    let fixed = set(nodes.len(), |node| owners[node] != NOBODY);
    // Only what has an owner spreads it: at most twice per node, to one and then to several.
    let mut pending: Vec<u32> = (0..nodes.len() as u32)
        .filter(|&node| fixed.contains(node as usize))
        .collect();
    while let Some(node) = pending.pop() {
        let owner = owners[node as usize];
        for edge in nodes.edges_of(node as usize) {
            let kind = edges.kind(edge);
            let to = edges.to(edge) as u32;
            if kind == EdgeType::Shortcut as u8
                || kind == EdgeType::Weak as u8
                || to == node
                || fixed.contains(to as usize)
            {
                continue;
            }
            let known = &mut owners[to as usize];
            let merged = match *known {
                NOBODY => owner,
                same if same == owner => continue,
                SHARED => continue,
                _ => SHARED,
            };
            *known = merged;
            pending.push(to);
        }
    }
    owners
}

#[cfg(test)]
mod tests;
