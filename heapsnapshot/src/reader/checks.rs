//! What numbers must be, beside what the columns need of them.

use std::io::Read;

use super::error::Position;
use super::sections::{Numbers, Sections, Stop};
use crate::format::EdgeType;
use crate::graph::{EdgeColumns, NodeColumns, ReadReport};
use crate::scanner::{Kernel, Path, run};

/// Notes what was odd about an array of numbers; `closed` says that it was read to its end.
pub(super) fn note_numbers(report: &mut ReadReport, key: &str, numbers: &Numbers, closed: bool) {
    // The other arrays say nothing about the graph, and Chromium writes -2 for the scope of a script.
    let of_graph = matches!(key, "nodes" | "edges");
    let odd = "not an unsigned integer; DevTools reads only the digits";
    match numbers.odd {
        Some(at) if of_graph => {
            report.fault("number-form", key, Position::Byte(at), odd.to_owned());
        }
        Some(at) if !key.starts_with("scope") => {
            report.note("number-form", format!("\"{key}\", byte {at}: {odd}"));
        }
        _ => {}
    }
    // Sizes of 2^32 and more exist.
    if let Some(at) = numbers.wrapped {
        report.note(
            "number-size",
            format!(
                "\"{key}\", byte {at}: a number of 2^32 or more; kept modulo 2^32, as DevTools does"
            ),
        );
    }
    if closed {
        note_remainder(report, key, numbers.remainder, numbers.end);
    }
}

/// Notes numbers at the `end` of an array that make no record.
pub(super) fn note_remainder(report: &mut ReadReport, key: &str, remainder: usize, end: u64) {
    if remainder != 0 {
        let message = format!("{remainder} numbers at the end make no whole record");
        report.fault("record-cut", key, Position::Byte(end), message);
    }
}

/// Notes text behind the end of the document, which the next byte that is no blank begins.
pub(super) fn note_surplus<R: Read>(
    report: &mut ReadReport,
    sections: &mut Sections<R>,
) -> Result<(), Stop> {
    match sections.peek() {
        Err(Stop::End) => Ok(()),
        Err(stop) => Err(stop),
        Ok(byte) => {
            let position = Position::Byte(sections.offset());
            let byte = byte.escape_ascii();
            let message = format!("the file goes on behind the end of the snapshot, with `{byte}`");
            report.fault("surplus", "", position, message);
            Ok(())
        }
    }
}

/// What is known about the names once everything is read.
pub(super) struct Names {
    pub(super) strings: usize,
    /// The largest index of a node's name.
    pub(super) largest_of_nodes: u32,
    /// The largest name or index of an edge.
    pub(super) largest_of_edges: u32,
    pub(super) path: Path,
}

impl Names {
    /// Notes names that are no string. Complexity: nothing, if all numbers are strings; else a pass over the labels of the
    /// edges, since indexes may be larger.
    pub(super) fn check(&self, nodes: &NodeColumns, edges: &EdgeColumns, report: &mut ReadReport) {
        let strings = self.strings;
        let is_beyond = |name: u32| name as usize >= strings;
        if is_beyond(self.largest_of_nodes) && nodes.len() > 0 {
            let beyond = || {
                let names = nodes.name.iter().enumerate();
                names.filter(|&(_, &name)| is_beyond(name))
            };
            if let Some((first, _)) = beyond().next() {
                let count = beyond().count();
                let message = format!("{count} nodes have a name beyond the {strings} strings");
                report.fault("node-name", "nodes", Position::Node(first as u64), message);
            }
        }
        if !is_beyond(self.largest_of_edges) || !is_beyond(self.largest_of_named(edges)) {
            return;
        }
        let beyond = || {
            (0..edges.len()).filter(|&edge| {
                let (kind, name) = edges.label(edge);
                is_named(kind) && is_beyond(name)
            })
        };
        if let Some(first) = beyond().next() {
            let count = beyond().count();
            let message = format!("{count} edges have a name beyond the {strings} strings");
            // The node that it leaves is what other tools can show.
            let ends = nodes.first_edge[1..].iter();
            let from = ends.take_while(|&&end| end as usize <= first).count();
            report.fault("edge-name", "edges", Position::Node(from as u64), message);
        }
    }

    /// The largest name of an edge that has one, or more if there are types and names that do not fit a label.
    fn largest_of_named(&self, edges: &EdgeColumns) -> u32 {
        run(self.path, LargestName(edges.labels()))
    }
}

/// Edges of this type have a name, and no index.
fn is_named(kind: u8) -> bool {
    usize::from(kind) < EdgeType::ALL.len()
        && kind != EdgeType::Element as u8
        && kind != EdgeType::Hidden as u8
}

/// The largest name of these labels; the largest number there is if one does not say it.
struct LargestName<'a>(&'a [u32]);

impl Kernel<u32> for LargestName<'_> {
    #[inline(always)]
    fn run(self) -> u32 {
        const ELEMENT: u32 = (EdgeType::Element as u32) << EdgeColumns::NAME_BITS;
        const HIDDEN: u32 = (EdgeType::Hidden as u32) << EdgeColumns::NAME_BITS;
        let mut largest = 0;
        for &label in self.0 {
            let kind = label & !EdgeColumns::NAME_MASK;
            let name = match kind {
                ELEMENT | HIDDEN => 0,
                EdgeColumns::WIDE_LABEL => u32::MAX,
                _ => label & EdgeColumns::NAME_MASK,
            };
            largest = largest.max(name);
        }
        largest
    }
}
