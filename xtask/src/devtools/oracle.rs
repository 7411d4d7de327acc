//! DevTools' worker under Node: `heapsnapshot/devtools/oracle.mjs`.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde::Deserialize;

use super::independent::{Numbers, Row};
use crate::process;

/// What the worker computed.
#[derive(Debug)]
pub(crate) struct Oracle {
    pub(crate) summary: Summary,
    nodes: Vec<u8>,
}

/// What `oracle.mjs` prints.
#[derive(Debug, Deserialize)]
pub(crate) struct Summary {
    pub(crate) node_count: usize,
    pub(crate) total_size: u64,
    pub(crate) statistics: serde_json::Value,
    pub(crate) warnings: Vec<String>,
    pub(crate) classes: Vec<KeyedRow>,
    pub(crate) class_names: Vec<String>,
    /// Rows by filter, if they were asked for.
    #[serde(default)]
    pub(crate) filters: BTreeMap<String, Vec<KeyedRow>>,
    #[serde(default)]
    pub(crate) ids: IdRange,
    #[serde(default)]
    pub(crate) native_contexts: serde_json::Value,
}

/// The ids that the filter `ids` keeps: above the one, up to the other.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct IdRange {
    pub(crate) after: u32,
    pub(crate) up_to: u32,
}

/// A row of Summary with DevTools' key: `,name` or `script,line,column,name`.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct KeyedRow {
    pub(crate) key: String,
    #[serde(flatten)]
    pub(crate) row: Row,
}

/// A node as DevTools has it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Node {
    pub(crate) retained: f64,
    /// Self size in the file.
    pub(crate) raw: u32,
    /// Self size as shown.
    pub(crate) shown: u32,
    pub(crate) distance: i32,
    pub(crate) dominator: u32,
    /// Position in `class_names`.
    pub(crate) class: u32,
}

/// The file of columns starts with this, then the number of nodes in 8 bytes.
const MAGIC: &[u8] = b"HLORACL2";
const HEADER: usize = 16;
/// Bytes per node in all columns: retained 8, raw self 4, shown self 4, distance 4, dominator 4, class 4.
const NODE: usize = 28;

/// Runs the worker over a file; `more` are options of `oracle.mjs`.
///
/// # Errors
///
/// That DevTools refuses it, or that the output has another form than expected.
pub(crate) fn run(file: &Path, more: &[&str]) -> Result<Oracle, String> {
    let nodes_file = file.with_extension("nodes.bin");
    let (file, nodes_text) = (file.to_string_lossy(), nodes_file.to_string_lossy());
    let mut command = process::command("node", &["--max-old-space-size=16000", "oracle.mjs"]);
    command
        .args(["--nodes", &nodes_text])
        .args(more)
        .arg(&*file)
        .current_dir(process::devtools_folder());
    let text = process::output(&mut command)?;
    let summary: Summary =
        serde_json::from_str(&text).map_err(|error| format!("the oracle's summary: {error}"))?;
    let nodes = fs::read(&nodes_file).map_err(|error| format!("{nodes_text}: {error}"))?;
    fs::remove_file(&nodes_file).map_err(|error| format!("{nodes_text}: {error}"))?;
    if nodes.len() != HEADER + NODE * summary.node_count || !nodes.starts_with(MAGIC) {
        return Err(format!("{nodes_text}: not {} nodes", summary.node_count));
    }
    Ok(Oracle { summary, nodes })
}

impl Oracle {
    /// What the worker says of a node.
    pub(crate) fn node(&self, node: usize) -> Node {
        let count = self.summary.node_count;
        let four = |column: usize| {
            let at = HEADER + 8 * count + 4 * count * column + 4 * node;
            let bytes = self.nodes.get(at..at + 4).unwrap_or_default();
            bytes.try_into().map_or(0, u32::from_le_bytes)
        };
        let at = HEADER + 8 * node;
        let retained = self.nodes.get(at..at + 8).unwrap_or_default();
        Node {
            retained: retained.try_into().map_or(f64::NAN, f64::from_le_bytes),
            raw: four(0),
            shown: four(1),
            distance: four(2).cast_signed(),
            dominator: four(3),
            class: four(4),
        }
    }

    /// Compares every node and every row with the independent computation.
    ///
    /// # Errors
    ///
    /// The first difference, or a warning.
    pub(crate) fn compare(&self, ours: &Numbers) -> Result<(), String> {
        if let Some(warning) = self.summary.warnings.first() {
            return Err(format!("DevTools' worker warns: {warning}"));
        }
        let count = ours.retained.len();
        if self.summary.node_count != count {
            return Err(format!(
                "the oracle has {} nodes instead of {count}",
                self.summary.node_count
            ));
        }
        for node in 0..count {
            let theirs = self.node(node);
            let theirs = (
                u64::from(theirs.raw),
                u64::from(theirs.shown),
                theirs.retained,
                theirs.distance,
                theirs.dominator,
            );
            let expected = (
                ours.self_sizes[node],
                ours.self_sizes[node],
                // Exact: sizes of a snapshot sum up to far less than 2^53.
                ours.retained[node] as f64,
                ours.distances[node],
                ours.dominators[node],
            );
            if theirs != expected {
                return Err(format!(
                    "node {node}: (self in the file, self shown, retained, distance, dominator) is {expected:?}, \
                     DevTools says {theirs:?}"
                ));
            }
        }
        if self.summary.total_size != ours.retained[0] {
            return Err(format!(
                "the total is {}, DevTools says {}",
                ours.retained[0], self.summary.total_size
            ));
        }
        let rows = self.summary.classes.iter().map(|row| row.row.clone());
        compare_rows(&ours.rows, rows.collect())
    }
}

/// Compares rows of Summary, in any order.
///
/// # Errors
///
/// The first difference.
pub(crate) fn compare_rows(ours: &[Row], mut theirs: Vec<Row>) -> Result<(), String> {
    theirs.sort_by(|a, b| a.name.cmp(&b.name));
    for (ours, theirs) in ours.iter().zip(&theirs) {
        if ours != theirs {
            return Err(format!("row {ours:?} is {theirs:?} in DevTools"));
        }
    }
    if ours.len() != theirs.len() {
        return Err(format!("{} rows, {} in DevTools", ours.len(), theirs.len()));
    }
    Ok(())
}
