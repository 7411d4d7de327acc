//! A cache that may not have reached its bound yet: it is built to let go of its oldest entries, or its room was made in
//! advance. As long as it fills, it grows as a leak does; only what it is built of tells that it may stop.

use super::super::place::named_edge;
use super::{Candidate, Vote};
use crate::analysis::collections::{CollectionKind, contents};
use crate::format::{EdgeType, NodeType};
use crate::graph::NodeRef;

/// Enough to make a sure leak one of which nothing can be told.
const WEIGHT: f64 = 0.5;
/// An array that grows by `push` gets half as much room again as it needs, and 16 (V8: `JSObject::NewElementsCapacity`).
const SPARE: u64 = 17;

pub(super) fn vote(candidate: &Candidate<'_>) -> Option<Vote> {
    // The cheapest path may come from the engine's roots: a name is worth a look at the other holders.
    let holder = candidate.path.last().map(|edge| edge.from());
    let holder = match holder.filter(|holder| !holder.is(NodeType::Synthetic)) {
        None => named_edge(candidate.owner).map(|edge| edge.from()),
        known => known,
    };
    let places = [Some(candidate.owner), holder];
    let mut places = places.into_iter().flatten();
    let why = places.find_map(|place| {
        if is_recency_list(candidate, place) {
            return Some(
                "its entries are linked in both directions beside a map, as those of a cache that lets go of the oldest"
                    .to_owned(),
            );
        }
        let room = room_made_before(candidate, place)?;
        Some(format!("there was room for {room} from the start, as in a cache of that size"))
    })?;
    Some(Vote::Doubt(
        WEIGHT,
        format!(
            "{why}: it may not have reached its bound; take a snapshot when more has come than it may hold"
        ),
    ))
}

/// What a place refers to by name.
fn named(place: NodeRef<'_>) -> impl Iterator<Item = NodeRef<'_>> {
    let is_name = |edge: &crate::EdgeRef<'_>| {
        matches!(edge.kind(), Some(EdgeType::Property | EdgeType::Context))
            && edge.name() != "__proto__"
    };
    place.edges().filter(is_name).map(|edge| edge.to())
}

/// Entries that know the one before and the one after, the ends known to a holder that has a map, too.
fn is_recency_list(candidate: &Candidate<'_>, place: NodeRef<'_>) -> bool {
    let entry = candidate.sample;
    let alike = |node: NodeRef<'_>| {
        node.is(NodeType::Object)
            && node.ordinal() != entry.ordinal()
            && node.class_name() == entry.class_name()
    };
    let links = |from: NodeRef<'_>, to: NodeRef<'_>| -> Vec<u32> {
        let edges = from.edges().filter(|edge| edge.is(EdgeType::Property));
        let edges = edges.filter(|edge| edge.to().ordinal() == to.ordinal());
        edges.map(|edge| edge.name_or_index()).collect()
    };
    let back = |next: NodeRef<'_>| {
        let there = links(entry, next);
        links(next, entry).iter().any(|name| !there.contains(name))
    };
    entry.is(NodeType::Object)
        && named(place).any(|node| alike(node) || node.ordinal() == entry.ordinal())
        && (candidate.owner.name() == "Map" || named(place).any(|node| node.name() == "Map"))
        && named(entry).any(|next| alike(next) && back(next))
}

/// The room of an array that keeps pace with what grows and had that room when there was much less in it.
fn room_made_before(candidate: &Candidate<'_>, place: NodeRef<'_>) -> Option<u64> {
    let known_until = candidate.known_until?;
    let (&first, &last) = (candidate.counts.first()?, candidate.counts.last()?);
    let grown = last.checked_sub(first)?;
    let room = |array: NodeRef<'_>| {
        let store = array.child(EdgeType::Internal, "elements")?;
        let found = contents(array).filter(|found| found.kind == CollectionKind::Array)?;
        let (entries, room) = (found.entries, found.capacity?);
        // One slot for each that came, in a store of the first snapshot.
        let before = entries.checked_sub(grown)?;
        let keeps_pace = entries.abs_diff(last) <= last / 10;
        let made_before = store.id() <= known_until && room > before + before / 2 + SPARE;
        (keeps_pace && made_before && entries < room).then_some(room)
    };
    let is_array = |node: &NodeRef<'_>| node.is(NodeType::Object) && node.name() == "Array";
    let arrays = std::iter::once(place).chain(named(place));
    arrays.filter(is_array).find_map(room)
}
