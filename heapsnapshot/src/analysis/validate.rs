//! Validation: the rules of the format that a browser does not check.
//!
//! DevTools loads most broken files in silence and shows wrong tables. Each finding has a code for
//! scripts, a sentence, and where there is one, a node.
//!
//! Complexity: one pass over nodes, edges and ids (sorted), and the search of the dominators for what is not reachable.
//!
//! Source: `heap-snapshot-generator.cc` for what an engine writes, `HeapSnapshotLoader.ts` for what DevTools takes. Oracle:
//! the numbers of the file compared with each other, in `src/tests/rules.rs`.
//!
//! ```no_run
//! use heapsnapshot::analysis::validate::validate;
//!
//! let snapshot = heapsnapshot::Snapshot::open("app.heapsnapshot")?;
//! for finding in validate(&snapshot) {
//!     println!("{}: {}", finding.code, finding.message);
//! }
//! # Ok::<(), heapsnapshot::ReadError>(())
//! ```

use std::borrow::Cow;

use crate::format::{DEVTOOLS_MAX_STRINGS_TEXT, EdgeType, NodeType, SECTIONS};
use crate::graph::{NodeId, Oddity, Snapshot};
use crate::reader::Position;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Worth knowing; tools cope.
    Notice,
    /// Tools show wrong numbers or names.
    Warning,
    /// DevTools refuses the file, or a part of it is missing.
    Error,
}

/// A rule that the file breaks.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Finding {
    /// The rule.
    pub code: Cow<'static, str>,
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong, with numbers.
    pub message: String,
    /// The first node concerned.
    pub node: Option<NodeId>,
}

/// Checks the rules, worst findings first.
#[must_use]
pub fn validate(snapshot: &Snapshot) -> Vec<Finding> {
    let of_reading = |oddity: &Oddity| {
        let at = oddity.damaged;
        let (severity, message) = match at {
            None => (Severity::Warning, oddity.message.clone()),
            // The node has its own column.
            Some(Position::Node(_)) => (Severity::Error, oddity.message.clone()),
            Some(at) => (Severity::Error, format!("{} ({at})", oddity.message)),
        };
        let ids = &snapshot.nodes.id;
        let node = match at {
            Some(Position::Node(node)) => ids.get(node as usize).map(|&id| NodeId(id)),
            _ => None,
        };
        Finding {
            code: oddity.code.clone(),
            severity,
            message,
            node,
        }
    };
    let mut findings = Vec::new();
    if let Some(damage) = snapshot.report().damage.as_ref().filter(|it| it.cut) {
        findings.push(Finding {
            code: Cow::Borrowed("damaged"),
            severity: Severity::Error,
            message: damage.to_string(),
            node: None,
        });
    }
    findings.extend(snapshot.report().oddities.iter().map(of_reading));
    let mut found = |code: &'static str, severity, message, node: Option<usize>| {
        let node = node.map(|at| NodeId(snapshot.nodes.id[at]));
        findings.push(Finding {
            code: Cow::Borrowed(code),
            severity,
            message,
            node,
        });
    };
    sections(snapshot, &mut found);
    root(snapshot, &mut found);
    ids(snapshot, &mut found);
    types(snapshot, &mut found);
    let unreachable = snapshot.dominators().unreachable();
    if unreachable > 0 {
        let message =
            format!("{unreachable} nodes are not reachable from the root over edges that retain");
        found("unreachable", Severity::Notice, message, None);
    }
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    findings
}

type Found<'a> = dyn FnMut(&'static str, Severity, String, Option<usize>) + 'a;

fn sections(snapshot: &Snapshot, found: &mut Found<'_>) {
    let mut last = 0;
    for section in &snapshot.report().sections {
        match SECTIONS.iter().position(|name| *name == section.name) {
            Some(at) if at < last => {
                let message = format!(
                    "section \"{}\" comes after \"{}\"; DevTools does not find it",
                    section.name, SECTIONS[last]
                );
                found("section-order", Severity::Error, message, None);
            }
            Some(at) => last = at,
            None => {}
        }
    }
    let text = snapshot.strings().text_bytes() as u64;
    if text >= DEVTOOLS_MAX_STRINGS_TEXT {
        let message = format!(
            "{text} bytes of strings; DevTools refuses {DEVTOOLS_MAX_STRINGS_TEXT} characters and more"
        );
        found("strings-size", Severity::Error, message, None);
    }
}

fn root(snapshot: &Snapshot, found: &mut Found<'_>) {
    let root = snapshot.root;
    if root != 0 && root + 1 != snapshot.node_count() {
        found(
            "root-place",
            Severity::Error,
            "the root is neither the first nor the last node; DevTools refuses that".into(),
            Some(root),
        );
    }
    if !snapshot.nodes.is(root, NodeType::Synthetic) {
        let message = format!(
            "the root is of type {}, not synthetic",
            snapshot.root().type_name()
        );
        found("root-type", Severity::Warning, message, Some(root));
    }
}

fn ids(snapshot: &Snapshot, found: &mut Found<'_>) {
    let mut ids: Vec<(u32, u32)> = snapshot.nodes.id.iter().copied().zip(0..).collect();
    ids.sort_unstable();
    let twice = || ids.windows(2).filter(|two| two[0].0 == two[1].0);
    if let Some(first) = twice().next() {
        let message = format!(
            "{} nodes have the id of another; comparisons and WeakMaps go wrong",
            twice().count()
        );
        found(
            "id-twice",
            Severity::Warning,
            message,
            Some(first[1].1 as usize),
        );
    }
    let own_types = [
        NodeType::Object,
        NodeType::String,
        NodeType::Closure,
        NodeType::Array,
    ];
    let is_own = |node: usize| own_types.iter().any(|&kind| snapshot.nodes.is(node, kind));
    let even = || {
        (0..snapshot.node_count())
            .filter(|&node| snapshot.nodes.id[node].is_multiple_of(2) && is_own(node))
    };
    if let Some(first) = even().next() {
        let message = format!(
            "{} JavaScript objects have even ids, which belong to the embedder",
            even().count()
        );
        found("id-even", Severity::Notice, message, Some(first));
    }
}

fn types(snapshot: &Snapshot, found: &mut Found<'_>) {
    let (nodes, edges) = (&snapshot.nodes, &snapshot.edges);
    let known = |kind: u8| usize::from(kind) < NodeType::ALL.len();
    if let Some(first) = (0..nodes.len()).find(|&node| !known(nodes.kind[node])) {
        let count = nodes.kind.iter().filter(|&&kind| !known(kind)).count();
        let message = format!(
            "{count} nodes are of types this version does not know, such as \"{}\"",
            snapshot.at(first).type_name()
        );
        found("node-type", Severity::Notice, message, Some(first));
    }
    let (mut count, mut first) = (0_u64, None);
    for node in 0..nodes.len() {
        for edge in nodes.edges_of(node) {
            if usize::from(edges.kind(edge)) >= EdgeType::ALL.len() {
                count += 1;
                first.get_or_insert(node);
            }
        }
    }
    if count > 0 {
        let message = format!("{count} edges are of types this version does not know");
        found("edge-type", Severity::Notice, message, first);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::Builder;

    fn codes(text: &str) -> Vec<Cow<'static, str>> {
        validate(&Snapshot::parse(text).unwrap())
            .iter()
            .map(|finding| finding.code.clone())
            .collect()
    }

    #[test]
    fn each_rule_has_a_file_that_breaks_it() {
        let mut graph = Builder::new();
        let cache = graph.node("object", "Cache", 3, 16);
        let text = graph.node("string", "text", 5, 24);
        graph
            .edge(0, "property", "cache", cache)
            .edge(cache, "property", "text", text);
        let good = graph.text();
        assert_eq!(codes(&good), [""; 0]);
        let change = |from: &str, to: &str| {
            assert!(good.contains(from), "{from} in {good}");
            codes(&good.replace(from, to))
        };
        assert_eq!(change("\n,3,3,3,16,1", "\n,3,3,5,16,1"), ["id-twice"]);
        assert_eq!(change("\n,3,3,3,16,1", "\n,3,3,4,16,1"), ["id-even"]);
        assert_eq!(change("\n,3,3,3,16,1", "\n,3,99,3,16,1"), ["node-name"]);
        assert_eq!(change("\n,3,3,3,16,1", "\n,99,3,3,16,1"), ["node-type"]);
        assert_eq!(
            change("\"edges\":[2,2,5", "\"edges\":[2,77,5"),
            ["edge-name"]
        );
        assert_eq!(
            change("\"edges\":[2,2,5", "\"edges\":[9,2,5"),
            ["edge-type"]
        );
        assert_eq!(
            change("\"edges\":[2,2,5", "\"edges\":[6,2,5"),
            ["unreachable"]
        );
        assert_eq!(
            change("\"edges\":[2,2,5", "\"edges\":[2,2,6"),
            ["edge-target", "unreachable"]
        );
        assert_eq!(
            change("\"node_count\":3", "\"node_count\":3,\"root_index\":5"),
            ["root-place", "root-type", "unreachable"]
        );
        assert_eq!(
            change("\"node_count\":3", "\"node_count\":4"),
            ["node-count"]
        );
        assert_eq!(
            change("\"text\"]}", "\"te"),
            ["damaged", "node-name", "edge-name"]
        );
        let nodes = &good[good.find("\"nodes\"").unwrap()..good.find("\"edges\"").unwrap()];
        let moved = good
            .replace(nodes, "")
            .replacen('{', &format!("{{{nodes}"), 1);
        assert_eq!(codes(&moved), ["section-order"]);
    }
}
