//! The streaming writer: a [`GraphSource`] in, the text of a `.heapsnapshot` file out, no second graph in between.
//!
//! ```text
//!   count ──► limits checked, header ──► nodes ──► edges ──► strings: class and field names, then every text node's text
//! ```
//!
//! Class and field names are interned while counting and have the low string indexes. The texts of strings are not interned:
//! the name of the k-th text node is simply the k-th string behind the names, and its text is streamed in the last pass.
//! Memory used: the name table, the labels a source renders from it, and two output buffers.

mod atomic_file;
mod digits;
mod error;
mod escape;
mod label;
mod names;
mod output;
mod sinks;

pub use atomic_file::{AtomicFile, Readers};
pub use error::WriteError;
pub use label::{EdgeLabel, NodeLabel};
pub use names::{Name, NameTable};
pub use output::Stopped;
pub use sinks::{EdgeSink, NodeSink, TextSink};

use std::io::Write;
use std::path::Path;

use bumpalo::Bump;

use crate::format::{MAX_EDGES, MAX_NODES, MAX_SELF_SIZE, MAX_STRING_UNITS, META_JSON};
use crate::source::{Counts, GraphSource};
use output::Output;

/// The most characters of JSON that `strings` may have: a margin under what DevTools can load
/// ([`DEVTOOLS_MAX_STRINGS_TEXT`](crate::format::DEVTOOLS_MAX_STRINGS_TEXT)).
const MAX_STRINGS_TEXT: u64 = 500_000_000;

/// What a UTF-16 unit becomes at worst: `\u1234`.
const LONGEST_ESCAPE: u64 = 6;

/// What surrounds a text: two quotes, comma, newline.
const QUOTES_AND_SEPARATOR: u64 = 4;

/// What was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WriteReport {
    /// Nodes, the root and its groups included.
    pub nodes: u64,
    /// Edges.
    pub edges: u64,
    /// Entries of `strings`: names and texts.
    pub strings: u64,
    /// Bytes of the file.
    pub bytes: u64,
    /// UTF-16 units after which texts were cut: 1024 as in V8, or less (even 0) where they would not have fitted.
    pub string_cut: usize,
}

impl WriteReport {
    /// A sentence for the user if texts had to be cut shorter than V8 cuts them.
    #[must_use]
    pub fn warning(&self) -> Option<String> {
        (self.string_cut < MAX_STRING_UNITS).then(|| {
            format!(
                "strings are cut after {} characters instead of {MAX_STRING_UNITS}, because DevTools cannot load more than \
                 {MAX_STRINGS_TEXT} characters of them in all",
                self.string_cut
            )
        })
    }
}

/// Writes a snapshot of `source` to `writer`, which needs no buffer of its own.
///
/// # Errors
///
/// [`WriteError`]: a limit of the format (before anything is written), a source that contradicts itself, or a failure of
/// `writer` (`writer` then has part of a snapshot; [`write_file`] avoids that).
pub fn write<S: GraphSource>(
    source: &mut S,
    writer: &mut dyn Write,
) -> Result<WriteReport, WriteError> {
    write_limited(source, writer, MAX_STRINGS_TEXT)
}

/// Writes a snapshot of `source` to a file that appears whole or not at all, and that its owner only may read: it holds the
/// program's texts. Node does the same.
///
/// # Errors
///
/// [`WriteError`], naming the file; nothing is left behind.
pub fn write_file<S: GraphSource>(source: &mut S, path: &Path) -> Result<WriteReport, WriteError> {
    let at = |error| WriteError::from_io(error, Some(path.to_path_buf()));
    let mut file = AtomicFile::create(path, Readers::Owner).map_err(at)?;
    let report = write(source, &mut file).map_err(|error| error.at(path))?;
    file.commit().map_err(at)?;
    Ok(report)
}

/// [`write`] with another limit for `strings`, which tests can reach.
fn write_limited<S: GraphSource>(
    source: &mut S,
    writer: &mut dyn Write,
    max_strings_text: u64,
) -> Result<WriteReport, WriteError> {
    let arena = Bump::new();
    let mut names = NameTable::new(&arena);
    let counts = source.count(&mut names).map_err(WriteError::Source)?;
    check_limits(&counts)?;
    let source = &*source;
    let string_cut = choose_cut(source, &names, &counts, max_strings_text)?;

    let mut output = Output::new(Some(writer));
    let written = write_sections(source, &mut output, &names, &counts, string_cut);
    let strings = names.texts().len() as u64 + if string_cut > 0 { counts.texts } else { 0 };
    match written {
        Ok(()) => Ok(WriteReport {
            nodes: counts.nodes,
            edges: counts.edges,
            strings,
            bytes: output.position(),
            string_cut,
        }),
        Err(Failure::Inconsistent(error)) => Err(error),
        Err(Failure::Stopped) => {
            let error = output
                .take_failure()
                .unwrap_or_else(|| std::io::Error::other("the source stopped by itself"));
            Err(WriteError::from_io(error, None))
        }
    }
}

/// The format's limits, and DevTools', against what the source counted.
fn check_limits(counts: &Counts) -> Result<(), WriteError> {
    if counts.nodes > MAX_NODES {
        return Err(WriteError::TooManyNodes(counts.nodes));
    }
    if counts.edges > MAX_EDGES {
        return Err(WriteError::TooManyEdges(counts.edges));
    }
    if counts.largest_self_size > MAX_SELF_SIZE {
        return Err(WriteError::ObjectTooLarge(counts.largest_self_size));
    }
    Ok(())
}

/// The longest cut with which all texts fit, found by measuring; 0 if texts do not fit at any length.
fn choose_cut<S: GraphSource>(
    source: &S,
    names: &NameTable<'_>,
    counts: &Counts,
    max_strings_text: u64,
) -> Result<usize, WriteError> {
    let quotes = QUOTES_AND_SEPARATOR * (counts.texts + names.texts().len() as u64);
    let name_units: u64 = names.texts().iter().map(|name| name.len() as u64).sum();
    let at_worst = LONGEST_ESCAPE
        .saturating_mul(counts.text_units.saturating_add(name_units))
        .saturating_add(quotes);
    if at_worst <= max_strings_text {
        return Ok(MAX_STRING_UNITS);
    }
    let mut cut = MAX_STRING_UNITS;
    while cut > 0 {
        let mut measure = Output::new(None);
        // An output without a writer cannot fail, so only the source can have stopped.
        if write_strings(source, &mut measure, names, counts.texts, cut).is_err() {
            return Err(WriteError::Inconsistent {
                what: "texts",
                expected: counts.texts,
                found: 0,
            });
        }
        if measure.position() <= max_strings_text {
            break;
        }
        cut /= 2;
    }
    Ok(cut)
}

/// Why the sections were not finished.
enum Failure {
    Stopped,
    Inconsistent(WriteError),
}

impl From<Stopped> for Failure {
    fn from(_: Stopped) -> Failure {
        Failure::Stopped
    }
}

/// Fails if two passes disagree.
fn agree(what: &'static str, expected: u64, found: u64) -> Result<(), Failure> {
    if expected == found {
        Ok(())
    } else {
        Err(Failure::Inconsistent(WriteError::Inconsistent {
            what,
            expected,
            found,
        }))
    }
}

/// The whole file. Trace, sample and location sections are empty but there, as in V8's files: their fields are in the meta.
fn write_sections<S: GraphSource>(
    source: &S,
    output: &mut Output<'_>,
    names: &NameTable<'_>,
    counts: &Counts,
    string_cut: usize,
) -> Result<(), Failure> {
    let header = format!(
        "{{\"snapshot\":{{\"meta\":{META_JSON},\"node_count\":{},\"edge_count\":{},\"trace_function_count\":0,\
         \"extra_native_bytes\":0}},\n\"nodes\":[",
        counts.nodes, counts.edges
    );
    output.bytes(header.as_bytes())?;

    let mut nodes = NodeSink::new(output, names, string_cut > 0);
    source.nodes(&mut nodes)?;
    agree("the number of nodes", counts.nodes, nodes.nodes)?;
    agree("the number of edges", counts.edges, nodes.edges)?;
    agree("the number of texts", counts.texts, nodes.texts)?;
    agree(
        "node 0 being the root",
        1,
        u64::from(nodes.starts_with_root),
    )?;
    let edge_counts = nodes.edge_counts;
    output.take_back_separator();

    output.bytes(b"],\n\"edges\":[")?;
    let mut edges = EdgeSink::new(output, names, source);
    source.edges(&mut edges)?;
    edges.drain()?;
    agree("the number of edges", counts.edges, edges.edges)?;
    agree("the number of nodes", counts.nodes, edges.nodes)?;
    agree(
        "the number of edges of each node (a hash)",
        edge_counts.value(),
        edges.edge_counts.value(),
    )?;
    if u64::from(edges.largest_target) >= counts.nodes {
        agree(
            "the largest ordinal",
            counts.nodes - 1,
            u64::from(edges.largest_target),
        )?;
    }
    if counts.edges > 0 {
        output.take_back_separator();
    }

    output.bytes(b"],\n\"trace_function_infos\":[],\n\"trace_tree\":[],\n\"samples\":[],\n\"locations\":[],\n\"strings\":[")?;
    let texts = write_strings(source, output, names, counts.texts, string_cut)?;
    if string_cut > 0 {
        agree("the number of texts", counts.texts, texts)?;
    }
    output.take_back_separator();
    output.bytes(b"]}\n")?;
    output.finish()?;
    Ok(())
}

/// The names, then (unless the cut is 0) all texts; returns how many texts there were.
fn write_strings<S: GraphSource>(
    source: &S,
    output: &mut Output<'_>,
    names: &NameTable<'_>,
    expected: u64,
    string_cut: usize,
) -> Result<u64, Stopped> {
    for name in names.texts() {
        escape::put_utf8(output, name, MAX_STRING_UNITS)?;
    }
    if string_cut == 0 {
        return Ok(0);
    }
    let mut texts = TextSink::new(output, string_cut);
    // A heap without texts need not be walked for them.
    if expected > 0 {
        source.texts(&mut texts)?;
    }
    Ok(texts.texts)
}

#[cfg(test)]
mod tests;
