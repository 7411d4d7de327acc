//! From sections to columns.

use std::cmp::Ordering;
use std::io::{ErrorKind, Read};

use super::checks::{Names, note_numbers, note_remainder, note_surplus};
use super::error::{Damage, Position, ReadError};
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
    /// Refuse a file that is cut or damaged ([`ReadReport::damage`]) instead of giving what can be read.
    pub strict: bool,
    /// Leave self sizes as the file has them: no attribution to owners.
    pub raw: bool,
    /// Which scanner path to take; the fastest if not said.
    pub scanner: Option<Path>,
}

/// The `snapshot` object may be at most this long.
pub(super) const META_LIMIT: usize = 1 << 24;

/// What it means that reading stopped before the end of the strings.
pub(super) const NAMELESS: &str = "; names are missing";

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
        has_strings: false,
        early: Vec::new(),
        locations: Vec::new(),
        arrays: Vec::new(),
        report: ReadReport::default(),
    };
    let name = input.name;
    let mut read = loader.run();
    loader.report.bytes = loader.sections.offset();
    if read.is_ok() {
        let behind = loader.behind(input.compressed);
        read = behind.map_err(|stop| (String::new(), stop));
    }
    if let Err((section, stop)) = read {
        let offset = loader.sections.offset();
        let reason = reason(stop, &name, offset)?;
        let mut damage = Damage {
            section: if section.is_empty() {
                loader.awaited().to_owned()
            } else {
                section.clone()
            },
            position: Position::Byte(offset),
            reason,
            cut: true,
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
        if !loader.has_strings {
            damage.reason += NAMELESS;
        }
        if options.strict {
            return Err(ReadError::Damaged { name, damage });
        }
        // More is missing than because of a number before it.
        loader.report.damage = Some(damage);
    }
    let snapshot = loader.finish(&name, options)?;
    match &snapshot.report.damage {
        Some(damage) if options.strict => {
            let damage = damage.clone();
            Err(ReadError::Damaged { name, damage })
        }
        _ => Ok(snapshot),
    }
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
    /// They were read to their end.
    has_strings: bool,
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

    /// Looks at what comes behind the document: blanks are all there should be, and compressed text has checksums.
    fn behind(&mut self, compressed: bool) -> Result<(), Stop> {
        note_surplus(&mut self.report, &mut self.sections)?;
        if compressed {
            self.sections.rest()?;
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
                let read = self.sections.strings(&mut self.strings);
                self.has_strings = read.is_ok();
                read
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
            let is_nodes = key == "nodes";
            let fields = if is_nodes {
                &meta.node_fields
            } else {
                &meta.edge_fields
            };
            let remainder = numbers.len() % fields.len().max(1);
            let whole = &numbers[..numbers.len() - remainder];
            if is_nodes {
                self.nodes.take(whole);
            } else {
                self.edges.take(whole);
            }
            let mut sections = self.report.sections.iter();
            let section = sections.find(|section| section.name == key);
            let end = section.map_or(0, |section| section.bytes.end);
            note_remainder(&mut self.report, &key, remainder, end);
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
        note_numbers(&mut self.report, key, &numbers, read.is_ok());
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
        let (node_count, edge_count) = (nodes.len() as u64, edges.len() as u64 + self.edges.lost);
        let counts = [
            (
                "node-count",
                "nodes",
                meta.node_count,
                node_count,
                Position::Node(node_count),
            ),
            (
                "edge-count",
                "edges",
                meta.edge_count,
                edge_count,
                Position::Edge(edge_count),
            ),
        ];
        for (code, section, announced, found, end) in counts {
            let message = format!("{announced} {section} announced, {found} found");
            match announced.cmp(&found) {
                _ if report.is_cut() => {}
                Ordering::Equal => {}
                // Some engines do not count before they write.
                Ordering::Less => report.note(code, message),
                Ordering::Greater => report.fault(code, section, end, message),
            }
        }
        close_edges(
            &mut nodes,
            &mut edges,
            self.edges.misplaced,
            self.edges.largest,
            report,
        );
        let names = Names {
            strings: self.strings.len(),
            largest_of_nodes: self.nodes.largest_name,
            largest_of_edges: self.edges.largest_name,
            path: self.path,
        };
        names.check(&nodes, &edges, report);
        let root = meta.root_index / node_stride;
        let root = if root < nodes.len() as u64 && meta.root_index % node_stride == 0 {
            root as usize
        } else {
            let message = format!(
                "root_index {} is no node; the first one is taken",
                meta.root_index
            );
            let header = report.sections.iter().find(|it| it.name == "snapshot");
            let position = Position::Byte(header.map_or(0, |header| header.bytes.start));
            report.fault("root-index", "snapshot", position, message);
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
    if counted != found && !report.is_cut() {
        // The node whose edges are not all there; or none, and edges that no node counts.
        let ends = nodes.first_edge.iter().skip(1);
        let short = ends.take_while(|&&end| u64::from(end) <= found).count();
        let (section, position) = if counted < found {
            ("edges", Position::Edge(counted))
        } else {
            ("nodes", Position::Node(short as u64))
        };
        let message = format!("the nodes count {counted} edges, the file has {found}");
        report.fault("edge-sum", section, position, message);
    }
    if counted < found {
        edges.truncate(counted as usize);
    } else if counted > found {
        for first in &mut nodes.first_edge {
            *first = (*first).min(found as u32);
        }
    }
    let count = nodes.len();
    if misplaced == 0 && (largest as usize) < count {
        return;
    }
    let first = |is_wrong: &dyn Fn(usize) -> bool| {
        let mut targets = edges.all_targets().iter();
        let at = targets.position(|target| is_wrong(target.node()));
        Position::Edge(at.unwrap_or(edges.len()) as u64)
    };
    if misplaced > 0 {
        let position = first(&|node| node == Target::NOWHERE as usize);
        let message = format!("{misplaced} edges point between two nodes; they are left out");
        report.fault("edge-target", "edges", position, message);
    }
    let targets = edges.all_targets().iter();
    let nowhere = targets.filter(|target| target.node() >= count).count() as u64;
    if nowhere == 0 {
        return;
    }
    // Misplaced ones may have been cut off with the edges that no node counts.
    let outside = nowhere.saturating_sub(misplaced);
    if outside > 0 {
        let is_outside =
            |node| node >= count && (misplaced == 0 || node != Target::NOWHERE as usize);
        let message = format!("{outside} edges point at no node; they are left out");
        report.fault("edge-target", "edges", first(&is_outside), message);
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
