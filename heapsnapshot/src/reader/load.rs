//! From sections to columns.

use std::io::{ErrorKind, Read};

use super::error::{Damage, ReadError};
use super::input::Input;
use super::meta::Meta;
use super::records::{Edges, Nodes};
use super::sections::{Numbers, Sections, Stop};
use crate::graph::{
    EdgeColumns, Location, Locations, NodeColumns, ReadReport, Section, Snapshot, Target,
};
use crate::memory;
use crate::scanner::Path;
use crate::strings::StringTable;
use crate::weak_maps::WeakMapEdges;

/// How to read.
#[derive(Clone, Copy, Debug, Default)]
pub struct ReadOptions {
    /// Refuse a damaged file instead of giving what can be read.
    pub strict: bool,
    /// Leave self sizes as the file has them: no attribution to owners.
    pub raw: bool,
    /// Which scanner path to take; the fastest if not said.
    pub scanner: Option<Path>,
}

/// The `snapshot` object may be at most this long.
pub(super) const META_LIMIT: usize = 1 << 24;

/// Reads a snapshot.
pub(crate) fn load(input: Input, options: &ReadOptions) -> Result<Snapshot, ReadError> {
    let path = options.scanner.unwrap_or_else(Path::detect);
    let mut loader = Loader {
        path,
        length: input.length,
        sections: Sections::new(input.bytes, path),
        meta: None,
        nodes: Nodes::default(),
        edges: Edges::default(),
        strings: StringTable::default(),
        early: Vec::new(),
        locations: Vec::new(),
        arrays: Vec::new(),
        report: ReadReport::default(),
    };
    let name = input.name;
    let mut read = loader.run();
    loader.report.bytes = loader.sections.offset();
    if input.compressed && read.is_ok() {
        read = loader.sections.rest().map_err(|stop| (String::new(), stop));
    }
    if let Err((section, stop)) = read {
        let offset = loader.sections.offset();
        let reason = reason(stop, &name, offset)?;
        let damage = Damage {
            section: if section.is_empty() {
                loader.awaited().to_owned()
            } else {
                section.clone()
            },
            offset,
            reason,
        };
        if loader.meta.is_none() {
            let reason = match section.as_str() {
                "" => format!("not a heap snapshot: {}", damage.reason),
                _ => format!("in \"{section}\": {}", damage.reason),
            };
            return Err(ReadError::NotASnapshot {
                name,
                offset,
                reason,
            });
        }
        if options.strict {
            return Err(ReadError::Damaged { name, damage });
        }
        loader.report.damage = Some(damage);
    }
    loader.finish(&name, options)
}

/// Why reading stopped, in words; an error if the system or a limit stopped it, and not the file.
pub(super) fn reason(stop: Stop, name: &str, offset: u64) -> Result<String, ReadError> {
    let name = name.to_owned();
    match stop {
        Stop::Io(source) if source.kind() == ErrorKind::FileTooLarge => {
            let reason = format!("after {offset} bytes it is {source}");
            Err(ReadError::TooLarge { name, reason })
        }
        Stop::Io(source) => Err(ReadError::Io { name, source }),
        Stop::End => Ok("the file ends here".to_owned()),
        Stop::Syntax(reason) => Ok(reason),
    }
}

struct Loader<R> {
    path: Path,
    sections: Sections<R>,
    length: Option<u64>,
    meta: Option<Meta>,
    nodes: Nodes,
    edges: Edges,
    strings: StringTable,
    /// `nodes` and `edges` that came before `snapshot`, which says how to take them apart.
    early: Vec<(String, Vec<u32>)>,
    locations: Vec<u32>,
    arrays: Vec<(String, Vec<u32>)>,
    report: ReadReport,
}

impl<R: Read> Loader<R> {
    /// Reads the whole text; on failure says in which section.
    fn run(&mut self) -> Result<(), (String, Stop)> {
        let outside = |stop| (String::new(), stop);
        self.sections.skip_mark().map_err(outside)?;
        self.sections.expect(b'{').map_err(outside)?;
        loop {
            if self.sections.peek().map_err(outside)? == b'}' {
                self.sections.expect(b'}').map_err(outside)?;
                break;
            }
            let key = self.sections.key().map_err(outside)?;
            self.sections
                .expect(b':')
                .map_err(|stop| (key.clone(), stop))?;
            self.sections.peek().map_err(|stop| (key.clone(), stop))?;
            let start = self.sections.offset();
            let read = self.section(&key);
            let bytes = start..self.sections.offset();
            self.report.sections.push(Section {
                name: key.clone(),
                bytes,
            });
            read.map_err(|stop| (key.clone(), stop))?;
            // DevTools reads no further than the strings; a missing brace is no damage to it.
            match self.sections.peek() {
                Err(Stop::End) if self.whole() => return Ok(()),
                Err(stop) => return Err((key, stop)),
                Ok(b',') => self.sections.expect(b',').map_err(|stop| (key, stop))?,
                Ok(b'}') => {}
                Ok(other) => {
                    let other = other.escape_ascii();
                    return Err((
                        key,
                        Stop::Syntax(format!("found `{other}` after the section")),
                    ));
                }
            }
        }
        if self.meta.is_none() {
            return Err(outside(Stop::Syntax(
                "there is no section \"snapshot\"".to_owned(),
            )));
        }
        for name in ["nodes", "edges", "strings"] {
            if !self
                .report
                .sections
                .iter()
                .any(|section| section.name == name)
            {
                let missing = format!("there is no section \"{name}\"");
                return Err((name.to_owned(), Stop::Syntax(missing)));
            }
        }
        Ok(())
    }

    /// The section that should come next.
    fn awaited(&self) -> &'static str {
        let missing = |name: &&str| {
            !self
                .report
                .sections
                .iter()
                .any(|section| section.name == *name)
        };
        ["snapshot", "nodes", "edges", "strings"]
            .into_iter()
            .find(missing)
            .unwrap_or("strings")
    }

    /// All sections that matter have been read.
    fn whole(&self) -> bool {
        let has = |name| {
            self.report
                .sections
                .iter()
                .any(|section| section.name == name)
        };
        self.meta.is_some() && ["nodes", "edges", "strings"].into_iter().all(has)
    }

    fn section(&mut self, key: &str) -> Result<(), Stop> {
        let repeated = self
            .report
            .sections
            .iter()
            .any(|section| section.name == key);
        match key {
            _ if repeated => {
                self.report.note(
                    "section-twice",
                    format!("section \"{key}\" comes twice; the first one counts"),
                );
                self.sections.value(|_| Ok(()))
            }
            "snapshot" => self.header(),
            "nodes" | "edges" if self.meta.is_none() => {
                let mut numbers = Vec::new();
                let read = self.numbers(key, 1, |batch| numbers.extend_from_slice(batch));
                self.early.push((key.to_owned(), numbers));
                read
            }
            "nodes" => {
                let mut nodes = std::mem::take(&mut self.nodes);
                let stride = nodes.layout.map_or(1, |layout| layout.stride);
                let read = self.numbers(key, stride, |batch| nodes.take(batch));
                self.nodes = nodes;
                read
            }
            "edges" => {
                let mut edges = std::mem::take(&mut self.edges);
                let stride = edges.layout.map_or(1, |layout| layout.stride);
                let read = self.numbers(key, stride, |batch| edges.take(batch));
                self.edges = edges;
                read
            }
            "strings" => {
                if let Some(length) = self.length {
                    let rest = length.saturating_sub(self.sections.offset());
                    self.strings.reserve(usize::try_from(rest).unwrap_or(0));
                }
                self.sections.strings(&mut self.strings)
            }
            "locations" => {
                let mut numbers = self.column();
                let read = self.numbers(key, 1, |batch| numbers.extend_from_slice(batch));
                self.locations = numbers;
                read
            }
            "samples" | "scopes" | "scope_context_vars" | "scope_uses" | "trace_function_infos" => {
                let mut numbers = Vec::new();
                let read = self.numbers(key, 1, |batch| numbers.extend_from_slice(batch));
                self.arrays.push((key.to_owned(), numbers));
                read
            }
            _ => self.sections.value(|_| Ok(())),
        }
    }

    /// An empty column for the numbers of the section that begins here: the rest of the file may belong to it. What is not
    /// used costs no memory.
    fn column(&self) -> Vec<u32> {
        let rest = self
            .length
            .map_or(0, |length| length.saturating_sub(self.sections.offset()));
        memory::with_capacity(usize::try_from(rest / 2).unwrap_or(0))
    }

    fn header(&mut self) -> Result<(), Stop> {
        let mut json = Vec::new();
        self.sections.value(|text| {
            json.extend_from_slice(text);
            if json.len() > META_LIMIT {
                Err(Stop::Syntax("over 16 MiB of meta".to_owned()))
            } else {
                Ok(())
            }
        })?;
        let meta = Meta::parse(&json).map_err(Stop::Syntax)?;
        // Room for what is announced, but never more than a file of this size can hold: two bytes
        // a number. Unknown lengths (compressed, standard input) grow as they come.
        let most = |count: u64, stride: usize| match self.length {
            Some(length) => count.min(length / (2 * stride as u64)) as usize,
            None => count.min(1 << 16) as usize,
        };
        self.nodes = Nodes::new(
            &meta,
            most(meta.node_count, meta.node_fields.len()),
            self.path,
        );
        self.edges = Edges::new(
            &meta,
            most(meta.edge_count, meta.edge_fields.len()),
            self.path,
        );
        for (key, numbers) in std::mem::take(&mut self.early) {
            match key.as_str() {
                "nodes" => {
                    let whole = numbers.len() - numbers.len() % meta.node_fields.len().max(1);
                    self.nodes.take(&numbers[..whole]);
                }
                _ => {
                    let whole = numbers.len() - numbers.len() % meta.edge_fields.len().max(1);
                    self.edges.take(&numbers[..whole]);
                }
            }
        }
        self.meta = Some(meta);
        Ok(())
    }

    fn numbers(
        &mut self,
        key: &str,
        stride: usize,
        mut take: impl FnMut(&[u32]),
    ) -> Result<(), Stop> {
        let mut numbers = Numbers::default();
        let read = self.sections.numbers(stride, &mut numbers, |batch| {
            take(batch);
            Ok(())
        });
        let report = &mut self.report;
        // Chromium writes -2 for the scope of a script.
        let may_be_negative = key.starts_with("scope");
        if let Some(at) = numbers.odd.filter(|_| !may_be_negative) {
            report.note(
                "number-form",
                format!(
                    "\"{key}\", byte {at}: not an unsigned integer; DevTools reads only the digits"
                ),
            );
        }
        if let Some(at) = numbers.wrapped {
            report.note("number-size", format!(
                "\"{key}\", byte {at}: a number of 2^32 or more; kept modulo 2^32, as DevTools does"
            ));
        }
        if numbers.remainder != 0 && read.is_ok() {
            report.note(
                "record-cut",
                format!(
                    "\"{key}\" ends with {} numbers that make no whole record",
                    numbers.remainder
                ),
            );
        }
        read
    }

    fn finish(mut self, name: &str, options: &ReadOptions) -> Result<Snapshot, ReadError> {
        let too_large = |reason: &str| ReadError::TooLarge {
            name: name.to_owned(),
            reason: reason.to_owned(),
        };
        let Some(meta) = self.meta.take() else {
            return Err(too_large("no header"));
        };
        if self.nodes.columns.len() >= Target::NOWHERE as usize
            || self.edges.columns.len() >= u32::MAX as usize
        {
            return Err(too_large("over 2^29 nodes or 2^32 edges"));
        }
        if self.nodes.columns.len() == 0 {
            let reason = "there are no nodes".to_owned();
            let offset = self.report.bytes;
            return Err(ReadError::NotASnapshot {
                name: name.to_owned(),
                offset,
                reason,
            });
        }
        let node_stride = meta.node_fields.len() as u64;
        let (unknown_node_types, unknown_edge_types) = (self.nodes.unknown, self.edges.unknown);
        let (mut nodes, mut edges) = (self.nodes.columns, self.edges.columns);
        let report = &mut self.report;
        let whole = report.damage.is_none();
        if whole && nodes.len() as u64 != meta.node_count {
            report.note(
                "node-count",
                format!("{} nodes announced, {} found", meta.node_count, nodes.len()),
            );
        }
        if whole && edges.len() as u64 + self.edges.lost != meta.edge_count {
            let found = edges.len() as u64 + self.edges.lost;
            report.note(
                "edge-count",
                format!("{} edges announced, {found} found", meta.edge_count),
            );
        }
        close_edges(
            &mut nodes,
            &mut edges,
            self.edges.misplaced,
            self.edges.largest,
            report,
        );
        let root = meta.root_index / node_stride;
        let root = if root < nodes.len() as u64 && meta.root_index % node_stride == 0 {
            root as usize
        } else {
            report.note(
                "root-index",
                format!(
                    "root_index {} is no node; the first one is taken",
                    meta.root_index
                ),
            );
            0
        };
        self.strings.shrink();
        let weak_maps = WeakMapEdges::find(&self.strings);
        edges.mark_entries(&nodes, &weak_maps);
        Ok(Snapshot {
            locations: locations(&meta, &self.locations, nodes.len()),
            nodes,
            edges,
            strings: self.strings,
            arrays: self.arrays,
            root,
            report: self.report,
            raw: options.raw,
            unknown_node_types,
            unknown_edge_types,
            meta,
            user_roots: Default::default(),
            dom_state: Default::default(),
            weak_maps: weak_maps.into(),
            shallow: Default::default(),
            dominators: Default::default(),
            distances: Default::default(),
            classes: Default::default(),
            retainers: Default::default(),
        })
    }
}

/// Makes the edge ranges and targets consistent, so that no walk can leave the columns.
fn close_edges(
    nodes: &mut NodeColumns,
    edges: &mut EdgeColumns,
    misplaced: u64,
    largest: u32,
    report: &mut ReadReport,
) {
    let found = edges.len() as u64;
    let counted = u64::from(nodes.first_edge.last().copied().unwrap_or(0));
    if counted != found && report.damage.is_none() {
        report.note(
            "edge-sum",
            format!("the nodes count {counted} edges, the file has {found}"),
        );
    }
    if counted < found {
        edges.truncate(counted as usize);
    } else if counted > found {
        for first in &mut nodes.first_edge {
            *first = (*first).min(found as u32);
        }
    }
    if misplaced > 0 {
        report.note(
            "edge-target",
            format!("{misplaced} edges point between two nodes; they are left out"),
        );
    }
    let count = nodes.len();
    if misplaced == 0 && (largest as usize) < count {
        return;
    }
    let targets = edges.all_targets().iter();
    let nowhere = targets.filter(|target| target.node() >= count).count() as u64;
    if nowhere == 0 {
        return;
    }
    // Misplaced ones may have been cut off with the edges that no node counts.
    let outside = nowhere.saturating_sub(misplaced);
    if outside > 0 {
        report.note(
            "edge-target",
            format!("{outside} edges point at no node; they are left out"),
        );
    }
    // Shift the ranges by the edges left out before each.
    let (mut kept, mut edge) = (0_u32, 0);
    for first in &mut nodes.first_edge {
        while edge < *first as usize {
            kept += u32::from(edges.to(edge) < count);
            edge += 1;
        }
        *first = kept;
    }
    edges.retain_targets_below(count);
}

fn locations(meta: &Meta, numbers: &[u32], nodes: usize) -> Locations {
    let at = |name: &str| meta.location_fields.iter().position(|field| field == name);
    let (Some(object), Some(script), Some(line), Some(column)) = (
        at("object_index"),
        at("script_id"),
        at("line"),
        at("column"),
    ) else {
        return Locations::default();
    };
    if numbers.is_empty() {
        return Locations::default();
    }
    let stride = meta.node_fields.len() as u32;
    let records = numbers.chunks_exact(meta.location_fields.len());
    let places = records.map(|record| {
        let place = Location {
            script_id: record[script],
            line: record[line],
            column: record[column],
        };
        ((record[object] / stride) as usize, place)
    });
    Locations::new(places, nodes)
}
