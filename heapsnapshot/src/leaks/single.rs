//! One snapshot: it shows no growth, only where a leak would be seen. Everything here is "cannot tell".
//!
//! What the engine and Node made for themselves is not listed: their functions (of which Node's `primordials` and its
//! tables of errors consist), the variables of Node's own functions, the modules that were loaded with what Node writes
//! down of each, the caches of its loader, the sources of scripts, and the objects behind Node's bindings.

use hashbrown::HashMap;

use super::class::ItemClass;
use super::finding::{Finding, Verdict};
use super::place::Place;
use super::rules::is_module;
use crate::analysis::collections::contents;
use crate::analysis::strings::{DuplicatedString, duplicated_strings};
use crate::analysis::words::{self, is_plumbing};
use crate::dom_state::DETACHED;
use crate::format::{EdgeType, NodeType};
use crate::graph::{NodeOrdinal, NodeRef, Snapshot};
use crate::memory;
use crate::paths::Tree;
use crate::redact::is_known_name;

/// Most suspects of a kind.
const MOST: usize = 5;
/// Items from which a collection is large.
const LARGE: u64 = 500;
/// Bytes that equal texts must waste.
const WASTE: u64 = 100_000;

/// Large collections, detached nodes, and texts that are kept many times.
pub(super) fn suspects(snapshot: &Snapshot) -> Vec<Finding> {
    let tree = Tree::build(snapshot);
    let mut found = large_collections(snapshot, &tree);
    found.extend(detached(snapshot, &tree));
    found.extend(repeated_texts(snapshot, &tree));
    found
}

/// A suspect: `owner` holds `sample` and others.
fn suspect(
    place: &Place<'_>,
    sample: NodeRef<'_>,
    class: String,
    count: u64,
    bytes: u64,
    evidence: String,
) -> Finding {
    Finding {
        verdict: Verdict::CannotTell,
        confidence: 0.1,
        owner: place.text.clone(),
        owner_id: place.owner.id().0,
        places: 1,
        class,
        counts: vec![count],
        bytes: vec![bytes],
        growth_bytes: 0,
        shared_bytes: 0,
        path: words::path(place.path.iter().copied()),
        item_path: words::path(place.below.iter().copied()),
        sample_id: sample.id().0,
        evidence: vec![evidence],
        cures: Vec::new(),
    }
}

/// A function of the engine (it has no script) or of Node (its script is `node:…`), also one that is bound. Files that do
/// not say where a function comes from have none.
fn is_engines(function: NodeRef<'_>) -> bool {
    let mut function = function;
    // A function can be bound again and again; nobody binds it often.
    for _ in 0..8 {
        match function.child(EdgeType::Internal, "bound_function") {
            Some(inner) => function = inner,
            None => break,
        }
    }
    if !function.is(NodeType::Closure) {
        return false;
    }
    let Some(shared) = function.child(EdgeType::Internal, "shared") else {
        return false;
    };
    let script = |name| shared.child(EdgeType::Internal, name);
    let script = script("script").or_else(|| script("script_or_debug_info"));
    script.is_none_or(|script| script.name().starts_with("node:"))
}

/// Whether a node is the value of a variable of Node's own: the function whose variable it is, or one inside it, is one
/// of Node's, and the list of Node's names has the variable's.
fn is_nodes_variable(snapshot: &Snapshot, tree: &Tree, node: u32) -> bool {
    let edge_to = |node: u32| tree.edge(snapshot, node);
    let Some(variable) = edge_to(node).filter(|edge| edge.is(EdgeType::Context)) else {
        return false;
    };
    if !is_known_name(&variable.name().to_string()) {
        return false;
    }
    // Contexts of inner functions refer to those around them.
    let mut context = variable.from();
    while let Some(edge) = edge_to(context.ordinal().0).filter(|edge| edge.is(EdgeType::Internal)) {
        if edge.name() == "context" {
            return is_engines(edge.from());
        }
        if edge.name() != "previous" {
            return false;
        }
        context = edge.from();
    }
    false
}

fn is_text(node: NodeRef<'_>) -> bool {
    matches!(
        node.kind(),
        Some(NodeType::String | NodeType::ConcatenatedString | NodeType::SlicedString)
    )
}

/// Whether a node is what Node writes down of a module (the folders that it searches, its path, but not what it exports),
/// or a table that hangs on one of Node's functions (as its loader keeps what it has found). Both have names that are on
/// the list of Node's; in between are arrays and parts of texts.
fn is_loaders(snapshot: &Snapshot, tree: &Tree, node: u32) -> bool {
    let mut at = node;
    while let Some(edge) = tree.edge(snapshot, at) {
        let from = edge.from();
        let name = edge.name().to_string();
        if is_module(from) {
            return name != "exports" && is_known_name(&name);
        }
        if from.is(NodeType::Closure) {
            return edge.is(EdgeType::Property) && is_known_name(&name) && is_engines(from);
        }
        if !is_plumbing(from) && !is_text(from) && from.name() != "Array" {
            return false;
        }
        at = from.ordinal().0;
    }
    false
}

/// The nearest node on the path that is no plumbing.
fn holder(snapshot: &Snapshot, tree: &Tree, node: u32) -> Option<u32> {
    let mut at = tree.parent(node)?;
    while is_plumbing(snapshot.at(at as usize)) {
        at = tree.parent(at)?;
    }
    Some(at)
}

/// A text that is the name of a property: an object with many properties keeps their names in a table.
fn is_property_name(snapshot: &Snapshot, tree: &Tree, node: NodeRef<'_>) -> bool {
    let is_text = matches!(node.kind(), Some(NodeType::String | NodeType::Symbol));
    let table = tree.parent(node.ordinal().0).filter(|_| is_text);
    let edge = table.and_then(|table| tree.edge(snapshot, table));
    edge.is_some_and(|edge| edge.is(EdgeType::Internal) && edge.name() == "properties")
}

/// The objects that hold most others, directly or over their tables; of a collection its entries count.
fn large_collections(snapshot: &Snapshot, tree: &Tree) -> Vec<Finding> {
    let mut items: Vec<(u64, u32)> = memory::filled(snapshot.node_count(), (0, 0));
    let is_item = |&node: &NodeRef<'_>| {
        let own = node.is(NodeType::Closure) && is_engines(node);
        !own && !is_plumbing(node) && !is_property_name(snapshot, tree, node)
    };
    for node in snapshot.nodes().filter(is_item) {
        if let Some(holder) = holder(snapshot, tree, node.ordinal().0) {
            let (count, sample) = &mut items[holder as usize];
            *count += 1;
            *sample = node.ordinal().0;
        }
    }
    let mut largest: Vec<(u64, u32, u32)> = items
        .into_iter()
        .zip(0..)
        .filter(|&((count, _), node)| {
            count >= LARGE && !snapshot.nodes.is(node as usize, NodeType::Synthetic)
        })
        .filter(|&((_, sample), node)| {
            !is_module(snapshot.at(sample as usize))
                && !is_nodes_variable(snapshot, tree, node)
                && !is_loaders(snapshot, tree, node)
        })
        .map(|((count, sample), node)| {
            // A map holds its keys, too; where its table tells, its entries count.
            let found = contents(snapshot.at(node as usize));
            let entries = found.and_then(|found| found.capacity.map(|_| found.entries));
            (
                entries.map_or(count, |entries| entries.min(count)),
                node,
                sample,
            )
        })
        .filter(|&(count, _, _)| count >= LARGE)
        .collect();
    largest.sort_unstable_by_key(|&(count, node, _)| (std::cmp::Reverse(count), node));
    largest.truncate(MOST);
    let owners: Vec<u32> = largest.iter().map(|&(_, node, _)| node).collect();
    let leading = leading_items(snapshot, tree, &owners, is_item);
    let describe = |((count, node, sample), leading): ((u64, u32, u32), Option<u32>)| {
        let sample = leading.unwrap_or(sample);
        let place = Place::at(snapshot, tree, node, sample, false);
        let (owner, sample) = (place.owner, snapshot.at(sample as usize));
        let class = ItemClass::text(sample);
        let evidence = format!("{} items", words::count(count));
        suspect(
            &place,
            sample,
            class,
            count,
            owner.retained_size(),
            evidence,
        )
    };
    largest.into_iter().zip(leading).map(describe).collect()
}

/// Of each owner an item of the class that it holds most of; objects before the texts that are their keys.
fn leading_items<'s>(
    snapshot: &'s Snapshot,
    tree: &Tree,
    owners: &[u32],
    is_item: impl Fn(&NodeRef<'s>) -> bool,
) -> Vec<Option<u32>> {
    let mut classes: Vec<HashMap<ItemClass, (u64, u32)>> = vec![HashMap::new(); owners.len()];
    for node in snapshot.nodes() {
        let held = holder(snapshot, tree, node.ordinal().0)
            .and_then(|holder| owners.iter().position(|&owner| owner == holder))
            .filter(|_| is_item(&node));
        if let Some(at) = held {
            let class = ItemClass::of(snapshot, node.ordinal().index());
            let (count, sample) = classes[at].entry(class).or_default();
            *count += 1;
            *sample = node.ordinal().0;
        }
    }
    let leading = |classes: HashMap<ItemClass, (u64, u32)>| {
        let most = classes.values().map(|&(count, _)| count).max()?;
        let key = |(class, (count, _)): &(ItemClass, (u64, u32))| {
            let many = count * 2 >= most;
            (many && class.is_object(), *count, std::cmp::Reverse(*class))
        };
        let best = classes.into_iter().max_by_key(key)?;
        Some(best.1.1)
    };
    classes.into_iter().map(leading).collect()
}

/// Nodes that were taken out of their document and are still held, by holder.
fn detached(snapshot: &Snapshot, tree: &Tree) -> Vec<Finding> {
    let mut groups: HashMap<u32, (u64, u64, u32)> = HashMap::new();
    for node in snapshot.nodes() {
        // What stands behind Node's own bindings has no document to be detached from.
        let in_document = !node
            .name()
            .trim_start_matches("Detached ")
            .starts_with("Node / ");
        if snapshot.dom_state().of(node.ordinal()) != DETACHED || !in_document {
            continue;
        }
        let Some(holder) = holder(snapshot, tree, node.ordinal().0) else {
            continue;
        };
        // A node inside a detached tree is held by that tree.
        if snapshot.dom_state().of(NodeOrdinal(holder)) == DETACHED {
            continue;
        }
        let group = groups.entry(holder).or_insert((0, 0, node.ordinal().0));
        group.0 += 1;
        group.1 += node.retained_size();
    }
    let mut groups: Vec<_> = groups.into_iter().collect();
    groups.sort_unstable_by_key(|&(holder, (count, ..))| (std::cmp::Reverse(count), holder));
    groups.truncate(MOST);
    let describe = |(holder, (count, bytes, sample)): (u32, (u64, u64, u32))| {
        let place = Place::at(snapshot, tree, holder, sample, true);
        let sample = snapshot.at(sample as usize);
        let evidence = "detached from the document and still held".to_owned();
        let class = sample.class_name().into_owned();
        let mut finding = suspect(&place, sample, class, count, bytes, evidence);
        finding.confidence = 0.3;
        finding.cures = vec!["dropping the reference when the node is removed".to_owned()];
        finding
    };
    groups.into_iter().map(describe).collect()
}

/// Texts of which there are many copies.
fn repeated_texts(snapshot: &Snapshot, tree: &Tree) -> Vec<Finding> {
    // Some of them are Node's.
    let repeated = duplicated_strings(snapshot, 10 * MOST).rows;
    let wasteful = repeated.into_iter().filter(|text| text.wasted >= WASTE);
    let describe = |text: DuplicatedString| {
        let sample = snapshot.node_by_id(text.example)?;
        let is_source = |edge: crate::EdgeRef<'_>| {
            edge.is(EdgeType::Internal) && edge.from().is(NodeType::Code) && edge.name() == "source"
        };
        // Sources are cut alike: they begin with the same words.
        if sample.retainers().any(is_source) {
            return None;
        }
        let mut owner = holder(snapshot, tree, sample.ordinal().0)?;
        // A text that is a part of another belongs to whoever has the whole.
        while is_text(snapshot.at(owner as usize)) {
            owner = holder(snapshot, tree, owner)?;
        }
        if [sample.ordinal().0, owner]
            .iter()
            .any(|&node| is_loaders(snapshot, tree, node))
        {
            return None;
        }
        let place = Place::at(snapshot, tree, owner, sample.ordinal().0, false);
        let evidence = format!(
            "{} copies of one text waste {}",
            words::count(text.count),
            words::bytes(text.wasted)
        );
        let class = sample.class_name().into_owned();
        let mut finding = suspect(&place, sample, class, text.count, text.wasted, evidence);
        finding.cures = vec!["keeping one copy of equal texts".to_owned()];
        Some(finding)
    };
    wasteful.filter_map(describe).take(MOST).collect()
}
