//! DevTools' worker under Node: `heapsnapshot/devtools/oracle.mjs`.

use std::fs;
use std::path::Path;

use serde::Deserialize;

use super::independent::{Numbers, Row};
use crate::process;

/// What the worker computed.
#[derive(Debug)]
pub(crate) struct Oracle {
    summary: Summary,
    nodes: Vec<u8>,
}

#[derive(Debug, Deserialize)]
struct Summary {
    node_count: usize,
    total_size: u64,
    warnings: Vec<String>,
    classes: Vec<Row>,
}

/// The file of columns starts with this, then the number of nodes in 8 bytes.
const MAGIC: &[u8] = b"HLORACL1";
const HEADER: usize = 16;
/// Bytes per node in all columns: retained 8, raw self 4, shown self 4, distance 4, dominator 4.
const NODE: usize = 24;

/// Runs the worker over a file.
///
/// # Errors
///
/// That DevTools refuses it, or that the output has another form than expected.
pub(crate) fn run(file: &Path) -> Result<Oracle, String> {
    let nodes_file = file.with_extension("nodes.bin");
    let (file, nodes_text) = (file.to_string_lossy(), nodes_file.to_string_lossy());
    let text = process::output(
        process::command(
            "node",
            &[
                "--max-old-space-size=8000",
                "oracle.mjs",
                "--nodes",
                &nodes_text,
                &file,
            ],
        )
        .current_dir(process::devtools_folder()),
    )?;
    let summary =
        serde_json::from_str(&text).map_err(|error| format!("the oracle's summary: {error}"))?;
    let nodes = fs::read(&nodes_file).map_err(|error| format!("{nodes_text}: {error}"))?;
    fs::remove_file(&nodes_file).map_err(|error| format!("{nodes_text}: {error}"))?;
    Ok(Oracle { summary, nodes })
}

impl Oracle {
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
        if self.summary.node_count != count
            || self.nodes.len() != HEADER + NODE * count
            || !self.nodes.starts_with(MAGIC)
        {
            return Err(format!(
                "the oracle has {} nodes instead of {count}",
                self.summary.node_count
            ));
        }
        let mut columns = &self.nodes[HEADER..];
        let mut column = |width: usize| {
            let (column, rest) = columns.split_at(width * count);
            columns = rest;
            column
        };
        let retained: Vec<f64> = column(8)
            .as_chunks()
            .0
            .iter()
            .map(|b| f64::from_le_bytes(*b))
            .collect();
        let mut integers = || -> Vec<u32> {
            column(4)
                .as_chunks()
                .0
                .iter()
                .map(|b| u32::from_le_bytes(*b))
                .collect()
        };
        let [raw, shown, distances, dominators] = [integers(), integers(), integers(), integers()];
        for node in 0..count {
            let theirs = (
                u64::from(raw[node]),
                u64::from(shown[node]),
                retained[node],
                distances[node].cast_signed(),
                dominators[node],
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
        compare_rows(&ours.rows, self.summary.classes.clone())
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
