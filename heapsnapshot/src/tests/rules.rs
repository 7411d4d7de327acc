//! The rules of `validate` on files broken at random, against the file's own numbers: every record is compared with every
//! other, nothing is sorted, and no column of the reader is looked at.

use serde_json::{Value, json};

use super::naive::{reach, retained_by};
use super::{Random, random_graph};
use crate::Snapshot;
use crate::analysis::validate::{Severity, validate};
use crate::format::{EDGE_TYPE_NAMES, NODE_TYPE_NAMES};

const GRAPHS: usize = 4000;
const STRIDE: usize = 5;

/// A file's numbers, as whoever breaks it sees them.
struct File {
    nodes: Vec<[u64; STRIDE]>,
    edges: Vec<[u64; 3]>,
    strings: usize,
    root: u64,
    node_count: u64,
    edge_count: u64,
    sections: Vec<&'static str>,
    text: Value,
}

fn records<const N: usize>(section: &Value) -> Vec<[u64; N]> {
    let numbers: Vec<u64> = serde_json::from_value(section.clone()).expect("numbers");
    numbers.as_chunks().0.to_vec()
}

impl File {
    fn parse(text: &str) -> File {
        let text: Value = serde_json::from_str(text).expect("JSON");
        File {
            nodes: records(&text["nodes"]),
            edges: records(&text["edges"]),
            strings: text["strings"].as_array().expect("strings").len(),
            root: 0,
            node_count: text["snapshot"]["node_count"].as_u64().expect("a count"),
            edge_count: text["snapshot"]["edge_count"].as_u64().expect("a count"),
            sections: vec!["snapshot", "nodes", "edges", "strings"],
            text,
        }
    }

    fn text(&self) -> String {
        let mut header = self.text["snapshot"].clone();
        header["node_count"] = json!(self.node_count);
        header["edge_count"] = json!(self.edge_count);
        header["root_index"] = json!(self.root);
        let section = |name: &&str| match *name {
            "snapshot" => format!("\"snapshot\":{header}"),
            "nodes" => format!("\"nodes\":{}", json!(self.nodes.as_flattened())),
            "edges" => format!("\"edges\":{}", json!(self.edges.as_flattened())),
            name => format!("{name:?}:{}", self.text[name]),
        };
        let sections: Vec<String> = self.sections.iter().map(section).collect();
        format!("{{{}}}", sections.join(","))
    }

    /// Breaks one rule, perhaps.
    fn break_something(&mut self, random: &mut Random) {
        let node = random.below(self.nodes.len());
        let other = random.below(self.nodes.len());
        let edge = random.below(self.edges.len().max(1));
        let numbers = [3, 16, 50, 255, u32::MAX as usize];
        let number = numbers[random.below(5)] as u64;
        match random.below(13) {
            0 => self.nodes[node][2] = self.nodes[other][2],
            1 => self.nodes[node][2] = number & !1,
            2 => self.nodes[node][1] = number,
            3 => self.nodes[node][0] = number,
            4 => self.root = (STRIDE * node) as u64,
            5 => self.root = number,
            6 => self.node_count += number % 2,
            7 => self.edge_count += number % 2,
            8 => {
                let at = 1 + random.below(3);
                let section = self.sections.remove(at);
                self.sections.push(section);
            }
            9 if !self.edges.is_empty() => self.edges[edge][1] = number,
            10 if !self.edges.is_empty() => self.edges[edge][0] = number,
            11 if !self.edges.is_empty() => self.edges[edge][2] = number,
            12 if !self.edges.is_empty() => self.edges[edge][2] = (STRIDE * node) as u64 + 1,
            _ => {}
        }
    }

    /// Code, severity, the number that is told, and the node.
    fn findings(&self) -> Vec<(&'static str, Severity, Option<u64>, Option<u64>)> {
        use Severity::{Error, Notice, Warning};
        let mut found = Vec::new();
        let count = self.nodes.len() as u64;
        if self.node_count != count {
            found.push(("node-count", Error, Some(self.node_count), None));
        }
        if self.edge_count != self.edges.len() as u64 {
            found.push(("edge-count", Error, Some(self.edge_count), None));
        }
        let stride = STRIDE as u64;
        let between = |edge: &&[u64; 3]| !edge[2].is_multiple_of(stride);
        let outside =
            |edge: &&[u64; 3]| edge[2].is_multiple_of(stride) && edge[2] / stride >= count;
        for told in [
            self.edges.iter().filter(between).count(),
            self.edges.iter().filter(outside).count(),
        ] {
            if told > 0 {
                found.push(("edge-target", Error, Some(told as u64), None));
            }
        }
        let mut root = (self.root / stride) as usize;
        if !self.root.is_multiple_of(stride) || root as u64 >= count {
            found.push(("root-index", Error, Some(self.root), None));
            root = 0;
        }
        let order = ["snapshot", "nodes", "edges", "strings"];
        let place = |name: &str| order.iter().position(|known| *known == name);
        let mut last = Some(0);
        for name in &self.sections {
            if place(name) < last {
                found.push(("section-order", Error, None, None));
            } else {
                last = place(name);
            }
        }

        let id = |node: usize| Some(self.nodes[node][2]);
        if root != 0 && root != self.nodes.len() - 1 {
            found.push(("root-place", Error, None, id(root)));
        }
        let type_of = |node: &[u64; STRIDE]| NODE_TYPE_NAMES.get(node[0] as usize).copied();
        if type_of(&self.nodes[root]) != Some("synthetic") {
            found.push(("root-type", Warning, None, id(root)));
        }
        let mut told = |code, severity, nodes: Vec<usize>| {
            if let Some(&first) = nodes.first() {
                found.push((code, severity, Some(nodes.len() as u64), id(first)));
            }
        };
        let all = || 0..self.nodes.len();
        let mut twice: Vec<usize> = all()
            .filter(|&node| all().any(|other| other < node && id(other) == id(node)))
            .collect();
        let smallest = twice.iter().copied().min_by_key(|&node| id(node));
        if let Some(smallest) = smallest {
            twice.insert(0, smallest);
            twice.remove(
                1 + twice[1..]
                    .iter()
                    .position(|&node| node == smallest)
                    .expect("it"),
            );
        }
        told("id-twice", Warning, twice);
        let own = ["object", "string", "closure", "array"].map(Some);
        let even = all().filter(|&node| {
            self.nodes[node][2].is_multiple_of(2) && own.contains(&type_of(&self.nodes[node]))
        });
        told("id-even", Notice, even.collect());
        let unnamed = all().filter(|&node| self.nodes[node][1] >= self.strings as u64);
        told("node-name", Error, unnamed.collect());
        let untyped = all().filter(|&node| type_of(&self.nodes[node]).is_none());
        told("node-type", Notice, untyped.collect());
        // Whose the edges are; those that lead nowhere are left out.
        let owners = all().flat_map(|node| vec![node; self.nodes[node][4] as usize]);
        let edges: Vec<(usize, &[u64; 3])> = owners
            .zip(&self.edges)
            .filter(|(_, edge)| !between(edge) && !outside(edge))
            .collect();
        let edge_type = |edge: &[u64; 3]| EDGE_TYPE_NAMES.get(edge[0] as usize).copied();
        let named = |edge: &[u64; 3]| {
            edge_type(edge).is_some_and(|name| name != "element" && name != "hidden")
        };
        let bad = |fits: &dyn Fn(&[u64; 3]) -> bool| -> Vec<usize> {
            let bad = edges.iter().filter(|(_, edge)| fits(edge));
            bad.map(|(owner, _)| *owner).collect()
        };
        told(
            "edge-name",
            Error,
            bad(&|edge| named(edge) && edge[1] >= self.strings as u64),
        );
        told("edge-type", Notice, bad(&|edge| edge_type(edge).is_none()));
        found
    }
}

#[test]
fn every_rule_is_checked_by_comparing_numbers() {
    let mut random = Random(0x7a11d);
    let mut codes = std::collections::BTreeMap::new();
    for _ in 0..GRAPHS {
        let mut file = File::parse(&random_graph(&mut random).text());
        for _ in 0..random.below(4) {
            file.break_something(&mut random);
        }
        let text = file.text();
        let snapshot = Snapshot::parse(text.as_str()).expect("a snapshot");
        let mut expected = file.findings();
        let reached = reach(&retained_by(&snapshot), snapshot.root, None).len();
        let lost = (file.nodes.len() - reached) as u64;
        if lost > 0 {
            expected.push(("unreachable", Severity::Notice, Some(lost), None));
        }
        let findings = validate(&snapshot);
        assert!(
            findings.is_sorted_by(|one, next| one.severity >= next.severity),
            "{findings:?}"
        );
        let told: Vec<_> = findings
            .iter()
            .map(|finding| {
                let digits = finding
                    .message
                    .split(|letter: char| !letter.is_ascii_digit());
                let number = digits.filter_map(|number| number.parse().ok()).next();
                // What these say has no number.
                let silent = ["section-order", "root-place", "root-type"];
                let number = number.filter(|_| !silent.contains(&&*finding.code));
                let node = finding.node.map(|id| u64::from(id.0));
                (&*finding.code, finding.severity, number, node)
            })
            .collect();
        let key = |finding: &(&str, Severity, Option<u64>, Option<u64>)| {
            (finding.0.to_owned(), finding.2, finding.3)
        };
        let (mut told, mut expected) = (told, expected);
        told.sort_by_key(key);
        expected.sort_by_key(key);
        assert_eq!(told, expected, "{text}");
        for (code, ..) in expected {
            *codes.entry(code).or_insert(0) += 1;
        }
    }
    // All rules but those of damage and of sizes that no small file has.
    assert_eq!(codes.len(), 14, "{codes:?}");
    assert!(codes.values().all(|&count| count > 50), "{codes:?}");
}
