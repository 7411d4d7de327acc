//! Statistics: DevTools' pie, in bytes.
//!
//! Source: `calculateStatistics` in DevTools' `HeapSnapshot.ts`; `cargo xtask test` compares with DevTools' own worker.
//!
//! ```no_run
//! use heapsnapshot::analysis::statistics::statistics;
//!
//! let snapshot = heapsnapshot::Snapshot::open("app.heapsnapshot")?;
//! let pie = statistics(&snapshot);
//! println!("{} bytes, of which strings {} and code {}", pie.total, pie.strings, pie.code);
//! assert_eq!(pie.total, pie.native + pie.v8);
//! # Ok::<(), heapsnapshot::ReadError>(())
//! ```

use crate::format::{EdgeType, NodeType};
use crate::graph::{NodeOrdinal, Snapshot};

/// What the memory is used for, on self sizes as DevTools corrects them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Statistics {
    /// Everything, the bytes outside the heap that the header states included.
    pub total: u64,
    /// Outside the JavaScript heap.
    pub native: u64,
    /// Of that, array buffers.
    pub typed_arrays: u64,
    /// The JavaScript heap: total − native.
    pub v8: u64,
    /// Compiled code.
    pub code: u64,
    /// Strings of all kinds.
    pub strings: u64,
    /// Arrays with their elements.
    pub js_arrays: u64,
    /// The engine's own data.
    pub system: u64,
    /// The rest of the JavaScript heap.
    pub other_js: i64,
}

/// Computes the statistics. Complexity: one pass over the nodes, and the retainers of arrays' elements.
#[must_use]
pub fn statistics(snapshot: &Snapshot) -> Statistics {
    let nodes = &snapshot.nodes;
    let sizes = snapshot.shallow_sizes();
    let total = snapshot
        .dominators()
        .retained_size(NodeOrdinal(snapshot.root as u32));
    let extra = snapshot.meta.extra_native_bytes;
    let [array, elements, buffer] =
        snapshot
            .strings
            .find_all(["Array", "elements", "system / JSArrayBufferData"]);
    let mut sums = Statistics {
        total: total + extra,
        native: extra,
        ..Statistics::default()
    };
    let mut with_elements = Vec::new();
    for (node, &size) in sizes.iter().enumerate() {
        let size = u64::from(size);
        match NodeType::ALL.get(usize::from(nodes.kind[node])) {
            Some(NodeType::Hidden) => sums.system += size,
            Some(NodeType::Native) => {
                sums.native += size;
                if buffer.contains(&nodes.name[node]) && !snapshot.dom_state().is_renamed(node) {
                    sums.typed_arrays += size;
                }
            }
            Some(NodeType::Code) => sums.code += size,
            Some(NodeType::String | NodeType::ConcatenatedString | NodeType::SlicedString) => {
                sums.strings += size
            }
            _ if array.contains(&nodes.name[node]) => {
                sums.js_arrays += size;
                let mut edges = nodes.edges_of(node);
                let found = edges.find(|&edge| {
                    let (kind, name) = snapshot.edges.label(edge);
                    kind == EdgeType::Internal as u8 && elements.contains(&name)
                });
                with_elements.extend(found.map(|edge| snapshot.edges.to(edge) as u32));
            }
            _ => {}
        }
    }
    sums.js_arrays += unshared(snapshot, &with_elements);
    sums.v8 = sums.total.saturating_sub(sums.native);
    let others = sums.code + sums.strings + sums.js_arrays + sums.system;
    sums.other_js =
        i64::try_from(sums.v8).unwrap_or(i64::MAX) - i64::try_from(others).unwrap_or(i64::MAX);
    sums
}

/// Sizes of the elements that exactly one edge points at, once per array that has them.
fn unshared(snapshot: &Snapshot, elements: &[u32]) -> u64 {
    // Counting the few targets is cheaper than building all retainers.
    let mut count = vec![0_u8; snapshot.nodes.len()];
    for target in snapshot.edges.all_targets() {
        let count = &mut count[target.node()];
        *count = count.saturating_add(1);
    }
    let sizes = snapshot.shallow_sizes();
    let single = elements.iter().filter(|&&node| count[node as usize] == 1);
    single.map(|&node| u64::from(sizes[node as usize])).sum()
}
