//! Growth over snapshots of different processes: by class and by the shape of paths.
//!
//! Ids mean nothing from one process to the next, but programs are built alike: what hangs on `sessions` in one hangs on
//! `sessions` in the other. Nodes are counted by the shape of their path; a shape that has more nodes every time, while
//! the shape that holds it has not, is where the growth is.

use hashbrown::HashMap;

use super::class::ItemClass;
use super::finding::Finding;
use super::judge::{Figures, change, judge};
use super::place::Place;
use super::rules::LoadedModules;
use super::settings::Settings;
use crate::analysis::words::{is_context, is_plumbing};
use crate::format::NodeType;
use crate::graph::Snapshot;
use crate::paths::{Shape, ShapeCensus, Shapes, Tree};

/// Complexity: for each snapshot a path tree and a pass over the nodes.
pub(super) fn findings(snapshots: &[Snapshot], settings: &Settings) -> Vec<Finding> {
    let thresholds = &settings.thresholds;
    let mut shapes = Shapes::default();
    let mut last_tree = None;
    let mut censuses: Vec<ShapeCensus> = Vec::new();
    for snapshot in snapshots {
        let tree = Tree::build(snapshot);
        censuses.push(ShapeCensus::of(snapshot, &tree, &mut shapes));
        last_tree = Some(tree);
    }
    let (Some(last), Some(tree), Some(newest)) = (snapshots.last(), last_tree, censuses.last())
    else {
        return Vec::new();
    };
    let counts = |shape: Shape| -> Vec<u64> { censuses.iter().map(|c| c.count(shape)).collect() };
    let grows = |shape: Shape| change(&counts(shape)) >= thresholds.min_items as i64;
    // Bytes with all that hangs below: a shape's number is above that of the shape before it.
    let bytes: Vec<Vec<u64>> = censuses
        .iter()
        .map(|census| census.bytes_below(&shapes))
        .collect();
    let bytes = |shape: Shape| -> Vec<u64> { bytes.iter().map(|b| b[shape.0 as usize]).collect() };
    let mut leading: HashMap<Shape, Shape> = HashMap::new();
    for shape in (1..shapes.len() as u32).map(Shape) {
        let Some(sample) = newest.sample(shape) else {
            continue;
        };
        if !grows(shape) || grows(shapes.before(shape)) {
            continue;
        }
        let key = |shape: Shape, sample: u32| {
            let object = ItemClass::of(last, sample as usize).is_object();
            (object, change(&bytes(shape)), std::cmp::Reverse(shape))
        };
        let best = leading.entry(shapes.before(shape)).or_insert(shape);
        let known = newest.sample(*best).map(|sample| key(*best, sample));
        if known.is_none_or(|known| known < key(shape, sample)) {
            *best = shape;
        }
    }
    let modules = LoadedModules::of(snapshots);
    let mut found = Vec::new();
    for (holder, shape) in leading {
        let Some(sample) = newest.sample(shape) else {
            continue;
        };
        let Some((owner, behind_slot)) = owner_of(last, &tree, newest, shape, sample) else {
            continue;
        };
        let place = Place::at(last, &tree, owner, sample, behind_slot);
        let sample = last.at(sample as usize);
        let figures = Figures {
            class: ItemClass::text(sample),
            counts: counts(shape),
            bytes: bytes(shape),
            stayed: None,
            places: usize::try_from(newest.count(holder)).unwrap_or(1).max(1),
            known_until: None,
        };
        found.extend(judge(&place, sample, figures, &modules, thresholds));
    }
    found
}

/// The node that holds the first of the sample's kind on its path, and whether it does so behind a variable.
fn owner_of(
    last: &Snapshot,
    tree: &Tree,
    census: &ShapeCensus,
    shape: Shape,
    sample: u32,
) -> Option<(u32, bool)> {
    let mut at = tree.parent(sample)?;
    loop {
        let node = last.at(at as usize);
        let between = is_plumbing(node) || !is_context(node) && census.shape(at) == Some(shape);
        if !between {
            return Some((at, is_context(node)));
        }
        match tree.parent(at) {
            Some(parent) if !last.nodes.is(parent as usize, NodeType::Synthetic) => at = parent,
            _ => return Some((at, false)),
        }
    }
}
