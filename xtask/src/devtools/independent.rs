//! A second computation of what DevTools shows, from the JSON text alone: no line of it is shared with the `heapsnapshot`
//! crate, and its algorithms are others (Cooper, Harvey and Kennedy's iteration for dominators).
//!
//! It knows the form that heaplab writes: no user root, so nothing is folded and the distance of the root is 0.

use std::collections::HashMap;
use std::path::Path;

use serde::Deserialize;

/// One row of Summary.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) count: u64,
    pub(crate) distance: i32,
    pub(crate) shallow: u64,
    pub(crate) retained: u64,
}

/// What a snapshot's nodes come to.
#[derive(Debug)]
pub(crate) struct Numbers {
    pub(crate) self_sizes: Vec<u64>,
    pub(crate) retained: Vec<u64>,
    pub(crate) distances: Vec<i32>,
    pub(crate) dominators: Vec<u32>,
    /// By name.
    pub(crate) rows: Vec<Row>,
}

#[derive(Deserialize)]
struct File {
    snapshot: Header,
    nodes: Vec<u32>,
    edges: Vec<u32>,
    strings: Vec<String>,
}

#[derive(Deserialize)]
struct Header {
    meta: Meta,
    node_count: usize,
    edge_count: usize,
}

#[derive(Deserialize)]
struct Meta {
    node_fields: Vec<String>,
    node_types: Vec<serde_json::Value>,
    edge_fields: Vec<String>,
    edge_types: Vec<serde_json::Value>,
}

/// Where a field is, and the names of its types if it has any.
fn field(fields: &[String], name: &str) -> Result<usize, String> {
    fields
        .iter()
        .position(|field| field == name)
        .ok_or_else(|| format!("no field {name}"))
}

fn types(list: &[serde_json::Value], at: usize) -> Result<Vec<String>, String> {
    let names = list.get(at).and_then(|names| names.as_array());
    let names = names.ok_or("no list of types")?;
    Ok(names
        .iter()
        .filter_map(|name| name.as_str().map(str::to_owned))
        .collect())
}

/// Nodes and their retaining edges, as lists of targets.
struct Graph {
    targets: Vec<Vec<u32>>,
    self_sizes: Vec<u64>,
    classes: Vec<u32>,
    class_names: Vec<String>,
}

impl Numbers {
    /// Reads a file and computes everything.
    ///
    /// # Errors
    ///
    /// One line: what is wrong with the file, or which rule of DevTools this does not know.
    pub(crate) fn of(path: &Path) -> Result<Numbers, String> {
        let text = std::fs::read(path).map_err(|error| error.to_string())?;
        Self::of_text(&text)
    }

    fn of_text(text: &[u8]) -> Result<Numbers, String> {
        let file: File = serde_json::from_slice(text).map_err(|error| error.to_string())?;
        let graph = Graph::new(&file)?;
        let dominators = graph.dominators()?;
        let retained = graph.retained(&dominators);
        let distances = graph.distances();
        let rows = graph.rows(&dominators, &retained, &distances);
        Ok(Numbers {
            self_sizes: graph.self_sizes,
            retained,
            distances,
            dominators,
            rows,
        })
    }
}

impl Graph {
    fn new(file: &File) -> Result<Graph, String> {
        let meta = &file.snapshot.meta;
        let [kind, name, self_size, edge_count] =
            ["type", "name", "self_size", "edge_count"].map(|name| field(&meta.node_fields, name));
        let (kind, name, self_size, edge_count) = (kind?, name?, self_size?, edge_count?);
        let node_types = types(&meta.node_types, kind)?;
        let [edge_kind, edge_name, to_node] =
            ["type", "name_or_index", "to_node"].map(|name| field(&meta.edge_fields, name));
        let (edge_kind, edge_name, to_node) = (edge_kind?, edge_name?, to_node?);
        let edge_types = types(&meta.edge_types, edge_kind)?;
        let (fields, edge_fields) = (meta.node_fields.len(), meta.edge_fields.len());
        if file.nodes.len() != file.snapshot.node_count * fields
            || file.edges.len() != file.snapshot.edge_count * edge_fields
        {
            return Err("the counts of the header are not those of the arrays".to_owned());
        }

        let mut graph = Graph {
            targets: Vec::new(),
            self_sizes: Vec::new(),
            classes: Vec::new(),
            class_names: Vec::new(),
        };
        let mut class_numbers = HashMap::new();
        let mut edges = file.edges.chunks_exact(edge_fields);
        for (ordinal, node) in file.nodes.chunks_exact(fields).enumerate() {
            let node_type = node_types[node[kind] as usize].as_str();
            let text = file.strings[node[name] as usize].as_str();
            let class = class_name(node_type, text)?;
            let next = graph.class_names.len() as u32;
            let class = *class_numbers.entry(class.clone()).or_insert_with(|| {
                graph.class_names.push(class);
                next
            });
            graph.classes.push(class);
            graph.self_sizes.push(u64::from(node[self_size]));
            let mut targets = Vec::new();
            for _ in 0..node[edge_count] {
                let edge = edges.next().ok_or("fewer edges than the nodes count")?;
                let edge_type = edge_types[edge[edge_kind] as usize].as_str();
                let target = edge[to_node];
                let index = target as usize;
                if !index.is_multiple_of(fields) || index >= file.nodes.len() {
                    return Err(format!("an edge of node {ordinal} leads to {target}"));
                }
                match edge_type {
                    "weak" => continue,
                    "shortcut" => return Err("a shortcut edge: a user root".to_owned()),
                    "internal"
                        if file.strings[edge[edge_name] as usize]
                            .contains(" pair in WeakMap (table @") =>
                    {
                        return Err(
                            "a WeakMap's entry, whose rules this computation does not know"
                                .to_owned(),
                        );
                    }
                    _ => {}
                }
                let target = target / fields as u32;
                if ordinal == 0
                    && node_types[file.nodes[target as usize * fields + kind] as usize]
                        != "synthetic"
                {
                    return Err("a user root".to_owned());
                }
                targets.push(target);
            }
            graph.targets.push(targets);
        }
        if edges.next().is_some() {
            return Err("more edges than the nodes count".to_owned());
        }
        Ok(graph)
    }

    /// Nodes in the order in which a depth-first search leaves them, and each one's place in it.
    fn postorder(&self) -> Result<(Vec<u32>, Vec<u32>), String> {
        const UNSEEN: u32 = u32::MAX;
        let mut places = vec![UNSEEN; self.targets.len()];
        let mut seen = vec![false; self.targets.len()];
        let mut order = Vec::with_capacity(self.targets.len());
        let mut stack = vec![(0_u32, 0_usize)];
        seen[0] = true;
        while let Some((node, next)) = stack.last_mut() {
            match self.targets[*node as usize].get(*next) {
                Some(&target) => {
                    *next += 1;
                    if !seen[target as usize] {
                        seen[target as usize] = true;
                        stack.push((target, 0));
                    }
                }
                None => {
                    places[*node as usize] = order.len() as u32;
                    order.push(*node);
                    stack.pop();
                }
            }
        }
        match places.iter().position(|&place| place == UNSEEN) {
            Some(node) => Err(format!("node {node} is not reachable over retaining edges")),
            None => Ok((order, places)),
        }
    }

    /// Immediate dominators by iteration until nothing changes (Cooper, Harvey, Kennedy 2001).
    fn dominators(&self) -> Result<Vec<u32>, String> {
        const UNKNOWN: u32 = u32::MAX;
        let (order, places) = self.postorder()?;
        let mut sources = vec![Vec::new(); self.targets.len()];
        for (source, targets) in self.targets.iter().enumerate() {
            for &target in targets {
                sources[target as usize].push(source as u32);
            }
        }
        let mut dominators = vec![UNKNOWN; self.targets.len()];
        dominators[0] = 0;
        let mut changed = true;
        while changed {
            changed = false;
            for &node in order.iter().rev().skip(1) {
                let mut found = UNKNOWN;
                for &source in &sources[node as usize] {
                    if dominators[source as usize] == UNKNOWN {
                        continue;
                    }
                    found = if found == UNKNOWN {
                        source
                    } else {
                        intersect(&dominators, &places, found, source)
                    };
                }
                if dominators[node as usize] != found {
                    dominators[node as usize] = found;
                    changed = true;
                }
            }
        }
        Ok(dominators)
    }

    /// Sums self sizes up the dominator tree, deepest nodes first.
    fn retained(&self, dominators: &[u32]) -> Vec<u64> {
        let mut retained = self.self_sizes.clone();
        for &node in children_after_parents(dominators).iter().rev() {
            if node != 0 {
                retained[dominators[node as usize] as usize] += retained[node as usize];
            }
        }
        retained
    }

    /// Breadth-first from the root.
    fn distances(&self) -> Vec<i32> {
        let mut distances = vec![-1; self.targets.len()];
        distances[0] = 0;
        let mut queue = std::collections::VecDeque::from([0_u32]);
        while let Some(node) = queue.pop_front() {
            for &target in &self.targets[node as usize] {
                if distances[target as usize] < 0 {
                    distances[target as usize] = distances[node as usize] + 1;
                    queue.push_back(target);
                }
            }
        }
        distances
    }

    /// Summary: nodes without a self size are left out; a node below another of its class is not counted as retained again.
    fn rows(&self, dominators: &[u32], retained: &[u64], distances: &[i32]) -> Vec<Row> {
        let mut rows: Vec<Row> = self
            .class_names
            .iter()
            .map(|name| Row {
                name: name.clone(),
                distance: i32::MAX,
                ..Row::default()
            })
            .collect();
        for (node, &class) in self.classes.iter().enumerate() {
            if self.self_sizes[node] == 0 {
                continue;
            }
            let row = &mut rows[class as usize];
            row.count += 1;
            row.shallow += self.self_sizes[node];
            row.distance = row.distance.min(distances[node]);
            if !self.is_below_its_class(dominators, node) {
                row.retained += retained[node];
            }
        }
        rows.retain(|row| row.count > 0);
        rows.sort_by(|a, b| a.name.cmp(&b.name));
        rows
    }

    /// Whether a dominator of the node has its class and a size.
    fn is_below_its_class(&self, dominators: &[u32], node: usize) -> bool {
        let mut above = node;
        while above != 0 {
            above = dominators[above] as usize;
            if self.classes[above] == self.classes[node] && self.self_sizes[above] > 0 {
                return true;
            }
        }
        false
    }
}

/// The nearest common dominator of two nodes.
fn intersect(dominators: &[u32], places: &[u32], mut a: u32, mut b: u32) -> u32 {
    while a != b {
        while places[a as usize] < places[b as usize] {
            a = dominators[a as usize];
        }
        while places[b as usize] < places[a as usize] {
            b = dominators[b as usize];
        }
    }
    a
}

/// All nodes, each after its dominator.
fn children_after_parents(dominators: &[u32]) -> Vec<u32> {
    let mut children = vec![Vec::new(); dominators.len()];
    for (node, &dominator) in dominators.iter().enumerate().skip(1) {
        children[dominator as usize].push(node as u32);
    }
    let mut order = vec![0];
    let mut at = 0;
    while at < order.len() {
        order.extend_from_slice(&children[order[at] as usize]);
        at += 1;
    }
    order
}

/// DevTools' name for the class of a node.
fn class_name(node_type: &str, name: &str) -> Result<String, String> {
    Ok(match node_type {
        "object" if name == "Object" => {
            return Err(
                "an object named Object, whose class DevTools infers from its fields".to_owned(),
            );
        }
        "native" if name.starts_with('<') => {
            return Err("a native node named like a DOM element".to_owned());
        }
        "object" | "native" => name.to_owned(),
        "closure" => "Function".to_owned(),
        "regexp" => "RegExp".to_owned(),
        "hidden" => "(system)".to_owned(),
        "code" => "(compiled code)".to_owned(),
        other => format!("({other})"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// root → groups → a, b; a → c, b → c, c → d.
    fn diamond(last_edge_type: u32) -> String {
        let nodes = [
            [1, 0, 0, 1],
            [1, 0, 0, 2],
            [0, 1, 10, 1],
            [0, 2, 20, 1],
            [0, 3, 30, 1],
            [0, 3, 40, 0],
        ];
        let edges = [
            [0, 1, 4],
            [0, 1, 8],
            [0, 2, 12],
            [0, 1, 16],
            [0, 1, 16],
            [last_edge_type, 1, 20],
        ];
        format!(
            r#"{{"snapshot":{{"meta":{{"node_fields":["type","name","self_size","edge_count"],
            "node_types":[["object","synthetic"]],"edge_fields":["type","name_or_index","to_node"],
            "edge_types":[["element","weak"]]}},"node_count":6,"edge_count":6}},
            "nodes":{:?},"edges":{:?},"strings":["","A","B","C"]}}"#,
            nodes.concat(),
            edges.concat()
        )
    }

    #[test]
    fn a_diamond() {
        let numbers = Numbers::of_text(diamond(0).as_bytes()).expect("a sound file");
        assert_eq!(numbers.dominators, [0, 0, 1, 1, 1, 4]);
        assert_eq!(numbers.retained, [100, 100, 10, 20, 70, 40]);
        assert_eq!(numbers.distances, [0, 1, 2, 2, 3, 4]);
        let row = numbers
            .rows
            .iter()
            .find(|row| row.name == "C")
            .expect("a row");
        assert_eq!(
            (row.count, row.shallow, row.retained, row.distance),
            (2, 70, 70, 3)
        );
    }

    #[test]
    fn what_only_a_weak_edge_reaches_is_an_error() {
        let error = Numbers::of_text(diamond(1).as_bytes()).expect_err("node 5 is held weakly");
        assert!(error.contains("node 5"), "{error}");
    }
}
