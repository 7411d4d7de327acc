//! From growth to findings: the rules are asked, owners named, cures collected.

use super::growth::{Group, ItemTally, measure};
use super::rules::{self, Candidate, Vote};
use super::settings::{Settings, Thresholds};
use super::tree::Tree;
use crate::format::EdgeType;
use crate::graph::{EdgeRef, NodeOrdinal, NodeRef, Snapshot};
use crate::phrase::{edge_in_words, is_plumbing, node_in_words, path_in_words, shown};

/// What is thought of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// A leak.
    Leak,
    /// It grew, but the snapshots do not say whether it goes on.
    CannotTell,
}

/// Something that grows.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Finding {
    /// What is thought of it.
    pub verdict: Verdict,
    /// 0 to 1.
    pub confidence: f64,
    /// The owner in words: "Map in captured variable `sessions`".
    pub owner: String,
    /// The owner's id in the snapshots.
    pub owner_id: u32,
    /// The class that grows.
    pub class: String,
    /// How many there are, snapshot by snapshot, of those that are not in all snapshots.
    pub counts: Vec<u64>,
    /// Bytes under the owner that are not in all snapshots, snapshot by snapshot.
    pub bytes: Vec<u64>,
    /// Bytes more in the last snapshot than in the first.
    pub growth_bytes: i64,
    /// The path from a root to the owner, in words.
    pub path: String,
    /// The path from the owner to an item, in words.
    pub item_path: String,
    /// Id of an item in the last snapshot, to look at.
    pub sample_id: Option<u32>,
    /// Why it is thought to be a leak.
    pub evidence: Vec<String>,
    /// What would end it.
    pub cures: Vec<String>,
}

/// What was found.
#[derive(Clone, Debug, Default, serde::Serialize)]
pub struct LeakReport {
    /// Leaks, most growth first.
    pub leaks: Vec<Finding>,
    /// Growth of which the snapshots do not say enough, most growth first.
    pub cannot_tell: Vec<Finding>,
    /// Findings on the allow-list, and why they are.
    pub allowed: Vec<(Finding, String)>,
    /// What limits the report, in a sentence each.
    pub notes: Vec<String>,
}

/// Looks for leaks in snapshots of one process, oldest first.
///
/// Three or more show growth that goes on; two show growth; one shows nothing of growth, and its large
/// collections are listed as "cannot tell". `today` (`yyyy-mm-dd`) decides on the allow-list.
#[must_use]
pub fn find(snapshots: &[Snapshot], settings: &Settings, today: &str) -> LeakReport {
    let mut report = LeakReport::default();
    let Some(last) = snapshots.last() else {
        report.notes.push("no snapshot was given".to_owned());
        return report;
    };
    match snapshots.len() {
        1 => {
            report.notes.push("one snapshot shows no growth: its largest collections are listed; take three under equal load".to_owned());
            report.cannot_tell = large_collections(last);
            return report;
        }
        2 => report
            .notes
            .push("two snapshots show growth, not that it goes on: take a third".to_owned()),
        _ => {}
    }
    let growth = measure(snapshots);
    if growth.groups.is_empty() {
        report.notes.push(
            "nothing came or went between the snapshots: are they of one process?".to_owned(),
        );
    }
    let modules: Vec<u64> = snapshots.iter().map(rules::loaded_modules).collect();
    let mut findings: Vec<Finding> = growth
        .groups
        .iter()
        .filter_map(|group| judge(group, &modules, last, &growth.last_tree, settings))
        .collect();
    findings.sort_by(|a, b| {
        let key = |f: &Finding| (f.confidence * f.growth_bytes as f64) as i64;
        key(b).cmp(&key(a)).then(a.owner_id.cmp(&b.owner_id))
    });
    for finding in findings {
        let allowed = settings.allow.iter().find(|a| {
            a.holds_on(today)
                && (finding.owner.contains(&a.owner) || finding.path.contains(&a.owner))
                && a.class.as_ref().is_none_or(|class| *class == finding.class)
        });
        match (allowed, finding.verdict) {
            (Some(entry), _) => report.allowed.push((finding, entry.reason.clone())),
            (None, Verdict::Leak) => report.leaks.push(finding),
            (None, Verdict::CannotTell) => report.cannot_tell.push(finding),
        }
    }
    report
}

/// The class of a group that accounts for most of its growth, with what is counted of it.
fn leading_class<'g>(
    group: &'g Group,
    thresholds: &Thresholds,
) -> Option<(&'g str, &'g [ItemTally], Vec<u64>)> {
    let grown = |values: &[u64]| values.last().copied().unwrap_or(0) as i64 - values[0] as i64;
    let bytes = |tallies: &[ItemTally]| grown(&tallies.iter().map(|t| t.bytes).collect::<Vec<_>>());
    let items = |tallies: &[ItemTally]| tallies.iter().map(|t| t.items).collect::<Vec<_>>();
    let members = |tallies: &[ItemTally]| tallies.iter().map(|t| t.members).collect::<Vec<_>>();
    let leading = group
        .classes
        .iter()
        .filter(|(_, tallies)| grown(&items(tallies)) >= thresholds.min_items as i64)
        .max_by_key(|(class, tallies)| (bytes(tallies), std::cmp::Reverse(class.as_str())));
    if let Some((class, tallies)) = leading {
        return Some((class, tallies, items(tallies)));
    }
    // A list hangs on one item: what grows is the number of its members. The class of that item is named before
    // what the members hold, and objects before texts and numbers.
    let is_value = |class: &str| class.starts_with('(');
    group
        .classes
        .iter()
        .filter(|(_, tallies)| grown(&members(tallies)) >= thresholds.min_items as i64)
        .max_by_key(|(class, tallies)| {
            let heads_list = tallies.last().is_some_and(|t| t.items > 0);
            let named_first = (heads_list, !is_value(class));
            (
                named_first,
                grown(&members(tallies)),
                std::cmp::Reverse(class.as_str()),
            )
        })
        .map(|(class, tallies)| (class.as_str(), tallies.as_slice(), members(tallies)))
}

fn judge(
    group: &Group,
    modules: &[u64],
    last: &Snapshot,
    tree: &Tree,
    settings: &Settings,
) -> Option<Finding> {
    let bytes = group.bytes(modules.len());
    let growth_bytes = *bytes.last()? as i64 - bytes[0] as i64;
    if growth_bytes <= 0 {
        return None;
    }
    let (class, tallies, counts) = leading_class(group, &settings.thresholds)?;
    let owner = last.node_by_id(group.owner)?;
    let path = tree.path(last, owner.ordinal().0);
    let sample = group.samples.get(class).and_then(|&n| last.node(n));
    let below = sample.map_or(Vec::new(), |s| {
        edges_between(last, tree, owner, s.ordinal())
    });
    let candidate = Candidate {
        owner,
        path: &path,
        below: &below,
        class,
        sample,
        tallies,
        counts: &counts,
        bytes: &bytes,
        modules,
        thresholds: &settings.thresholds,
    };
    let (mut confidence, mut evidence, mut cures) = (0.0, Vec::new(), Vec::new());
    for (_, rule) in rules::ALL {
        match rule(&candidate) {
            Some(Vote::Healthy(_)) => return None,
            Some(Vote::Leak(weight, why)) => {
                confidence += weight;
                evidence.push(why);
            }
            Some(Vote::Cure(cure)) => cures.push(cure),
            None => {}
        }
    }
    let confidence = f64::min(confidence, 1.0);
    if confidence == 0.0 {
        return None;
    }
    let verdict = if confidence >= settings.thresholds.min_confidence {
        Verdict::Leak
    } else {
        Verdict::CannotTell
    };
    Some(Finding {
        verdict,
        confidence,
        owner: owner_in_words(last, tree, owner),
        owner_id: group.owner.0,
        class: shown(class),
        counts,
        bytes,
        growth_bytes,
        path: path_in_words(path.iter().copied()),
        item_path: path_in_words(below.iter().copied()),
        sample_id: sample.map(|s| s.id().0),
        evidence,
        cures,
    })
}

/// The edges of a node's path below the owner.
fn edges_between<'s>(
    snapshot: &'s Snapshot,
    tree: &Tree,
    owner: NodeRef<'s>,
    node: NodeOrdinal,
) -> Vec<EdgeRef<'s>> {
    let mut edges = Vec::new();
    let mut at = node.0;
    while at != owner.ordinal().0 {
        let (Some(edge), Some(parent)) = (tree.edge(snapshot, at), tree.parent(at)) else {
            break;
        };
        edges.push(edge);
        at = parent;
    }
    edges.reverse();
    edges
}

/// The owner with the variable or property that holds it.
fn owner_in_words<'s>(snapshot: &'s Snapshot, tree: &Tree, owner: NodeRef<'s>) -> String {
    let what = node_in_words(owner);
    // The cheapest path may lead through a handle; a name is worth a look at the other retainers.
    let by_tree = tree.edge(snapshot, owner.ordinal().0);
    let named = |edge: &EdgeRef<'_>| {
        matches!(edge.kind(), Some(EdgeType::Context | EdgeType::Property))
            && !is_plumbing(edge.from())
    };
    let holder = by_tree
        .filter(named)
        .or_else(|| {
            owner
                .retainers()
                .filter(named)
                .min_by_key(|e| (e.from().id().0, e.ordinal().0))
        })
        .or(by_tree);
    match holder {
        Some(edge) if named(&edge) => {
            format!(
                "{what} in {} of {}",
                edge_in_words(edge),
                node_in_words(edge.from())
            )
        }
        Some(edge) => format!("{what} held by {}", node_in_words(edge.from())),
        None => what,
    }
}

/// The objects with most children that are no plumbing: where a leak would show.
fn large_collections(snapshot: &Snapshot) -> Vec<Finding> {
    const MOST: usize = 5;
    const MIN_ITEMS: u64 = 500;
    let tree = Tree::build(snapshot);
    let mut items: hashbrown::HashMap<u32, u64> = hashbrown::HashMap::new();
    let mut holder = vec![u32::MAX; snapshot.node_count()];
    for &node in &tree.order {
        let Some(this) = snapshot.node(NodeOrdinal(node)) else {
            continue;
        };
        let Some(parent) = tree.parent(node) else {
            continue;
        };
        let parent_node = snapshot.node(NodeOrdinal(parent));
        holder[node as usize] = if parent_node.is_some_and(is_plumbing) {
            holder[parent as usize]
        } else {
            parent
        };
        if !is_plumbing(this) {
            *items.entry(holder[node as usize]).or_default() += 1;
        }
    }
    let mut largest: Vec<(u64, u32)> = items
        .into_iter()
        .filter(|&(node, count)| {
            count >= MIN_ITEMS
                && snapshot
                    .node(NodeOrdinal(node))
                    .is_some_and(|n| !n.is(crate::format::NodeType::Synthetic))
        })
        .map(|(node, count)| (count, node))
        .collect();
    largest.sort_unstable_by_key(|&(count, node)| (std::cmp::Reverse(count), node));
    largest
        .into_iter()
        .take(MOST)
        .filter_map(|(count, node)| {
            let owner = snapshot.node(NodeOrdinal(node))?;
            let path = tree.path(snapshot, node);
            Some(Finding {
                verdict: Verdict::CannotTell,
                confidence: 0.1,
                owner: owner_in_words(snapshot, &tree, owner),
                owner_id: owner.id().0,
                class: owner.class_name().into_owned(),
                counts: vec![count],
                bytes: vec![owner.retained_size()],
                growth_bytes: 0,
                path: path_in_words(path.iter().copied()),
                item_path: String::new(),
                sample_id: None,
                evidence: vec![format!("{count} items")],
                cures: Vec::new(),
            })
        })
        .collect()
}
