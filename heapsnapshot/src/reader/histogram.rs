//! A histogram without a graph: classes by count and size, in memory that does not grow with the file.
//!
//! Reads the nodes, skips the edges, and picks from the strings only the names it needs. Sizes are
//! those of the file; there are no retained sizes, no interfaces and no corrections. A file that is cut or damaged
//! gives the nodes that come before, and the names. What is wrong with edges is not seen.

use hashbrown::HashMap;

use super::checks::{note_numbers, note_surplus};
use super::error::{Damage, Position, ReadError};
use super::input::Input;
use super::load::{META_LIMIT, NAMELESS, ReadOptions, reason};
use super::meta::Meta;
use super::sections::{Numbers, Sections, Stop};
use crate::format::NodeType;
use crate::graph::ReadReport;
use crate::scanner::Path;
use crate::strings::{lossy, unescape};

/// A row of the histogram.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct HistogramRow {
    /// The class as DevTools names it, plain objects together as `Object`.
    pub class: String,
    /// Objects with a self size.
    pub count: u64,
    /// Their own bytes in the file.
    pub shallow: u64,
}

/// The histogram of a file.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Histogram {
    /// Largest size first.
    pub rows: Vec<HistogramRow>,
    /// Nodes in the file.
    pub nodes: u64,
    /// Objects in all rows.
    pub count: u64,
    /// Bytes in all rows.
    pub shallow: u64,
    /// Where the file is cut or damaged; all that comes before is counted. Nothing after the last name is looked at,
    /// unless the file must be whole, and the edges never are.
    #[serde(skip)]
    pub damage: Option<Damage>,
}

/// Reads a histogram; of the options, strictness and the scanner count. Complexity: one pass over the text.
///
/// # Errors
/// If the input cannot be read, is no snapshot, has no nodes before its damage, is damaged and must not be
/// ([`ReadOptions::strict`]), or has its strings before its nodes.
pub fn read_histogram(input: Input, options: &ReadOptions) -> Result<Histogram, ReadError> {
    let name = input.name;
    let path = options.scanner.unwrap_or_else(Path::detect);
    let mut sections = Sections::new(input.bytes, path);
    let mut found = Found::default();
    let damage = match scan(&mut sections, &mut found, options.strict) {
        Ok(()) => found.report.damage.take(),
        Err(stop) => {
            let offset = sections.offset();
            Some(Damage {
                section: found.awaited().to_owned(),
                position: Position::Byte(offset),
                reason: reason(stop, &name, offset)?,
                cut: true,
            })
        }
    };
    match (found.sums, damage) {
        (Some(sums), mut damage) if damage.is_none() || sums.nodes > 0 => {
            if let Some(damage) = damage.as_mut().filter(|it| it.cut && !found.strings) {
                damage.reason += NAMELESS;
            }
            match damage {
                Some(damage) if options.strict => Err(ReadError::Damaged { name, damage }),
                damage => Ok(sums.rows(&found.names, damage)),
            }
        }
        (_, damage) => Err(ReadError::NotASnapshot {
            name,
            offset: sections.offset(),
            reason: damage.map_or_else(|| "there are no nodes".to_owned(), |damage| damage.reason),
        }),
    }
}

/// What has been read so far.
#[derive(Default)]
struct Found {
    meta: Option<Meta>,
    sums: Option<Sums>,
    names: HashMap<u32, String>,
    /// The section being read; empty between two.
    section: String,
    edges: bool,
    /// The names have been read.
    strings: bool,
    report: ReadReport,
}

impl Found {
    /// The section being read, or the one that should come next.
    fn awaited(&self) -> &str {
        match (&self.meta, &self.sums) {
            _ if !self.section.is_empty() => &self.section,
            (None, _) => "snapshot",
            (_, None) => "nodes",
            _ if !self.edges => "edges",
            _ => "strings",
        }
    }
}

/// Reads up to the last name that is needed, or to the end of the strings if the file must be `whole`.
fn scan<R: std::io::Read>(
    sections: &mut Sections<R>,
    found: &mut Found,
    whole: bool,
) -> Result<(), Stop> {
    sections.skip_mark()?;
    sections.expect(b'{')?;
    loop {
        let key = sections.key()?;
        found.section.clone_from(&key);
        sections.expect(b':')?;
        match (key.as_str(), &found.meta, &mut found.sums) {
            ("snapshot", None, _) => {
                let mut json = Vec::new();
                sections.value(|text| {
                    json.extend_from_slice(text);
                    if json.len() > META_LIMIT {
                        Err(Stop::Syntax("over 16 MiB of meta".to_owned()))
                    } else {
                        Ok(())
                    }
                })?;
                found.meta = Some(Meta::parse(&json).map_err(Stop::Syntax)?);
            }
            ("nodes", Some(meta), None) => {
                let sums = found.sums.insert(Sums::new(meta));
                let mut numbers = Numbers::default();
                let read = sections.numbers(meta.node_fields.len(), &mut numbers, |batch| {
                    sums.take(batch);
                    Ok(())
                });
                note_numbers(&mut found.report, &key, &numbers, read.is_ok());
                read?;
            }
            ("strings", _, Some(sums)) if !found.strings => {
                let mut wanted = sums.wanted();
                found.names.reserve(wanted.len());
                if whole {
                    // No table has as many: the search ends where the strings do.
                    wanted.push(u32::MAX);
                }
                let names = &mut found.names;
                sections.pick_strings(&wanted, |index, escaped| {
                    names.insert(index, lossy(unescape(escaped)).into_owned());
                })?;
                found.strings = true;
                let missing = wanted.len() - usize::from(whole) - found.names.len();
                if missing > 0 {
                    let end = Position::Byte(sections.offset());
                    let message = format!("{missing} names of nodes are beyond the strings");
                    found.report.fault("node-name", &key, end, message);
                }
                if !whole {
                    return Ok(());
                }
                sections.expect(b']')?;
            }
            ("strings", ..) if !found.strings => {
                return Err(Stop::Syntax(
                    "the strings come before the nodes; read the whole file instead".to_owned(),
                ));
            }
            (
                "edges" | "samples" | "locations" | "scopes" | "scope_context_vars" | "scope_uses",
                ..,
            ) => {
                sections.skip_numbers()?;
                found.edges |= key == "edges";
            }
            _ => sections.value(|_| Ok(()))?,
        }
        let next = match sections.peek() {
            // As in DevTools the last brace may be missing.
            Err(Stop::End) if found.strings => return Ok(()),
            next => next?,
        };
        if next == b'}' {
            found.section.clear();
            if found.strings {
                sections.expect(b'}')?;
                return note_surplus(&mut found.report, sections);
            }
            let missing = found.awaited().to_owned();
            return Err(Stop::Syntax(format!("there is no section \"{missing}\"")));
        }
        sections.expect(b',')?;
        found.section.clear();
    }
}

/// Counts and bytes by type, and by name for the types whose name is the class.
struct Sums {
    kind_at: usize,
    name_at: usize,
    size_at: Option<usize>,
    stride: usize,
    /// Per type of the file: whether the name decides.
    by_name: Vec<bool>,
    classes: Vec<String>,
    of_type: Vec<(u64, u64)>,
    of_name: HashMap<u32, (u64, u64)>,
    nodes: u64,
}

impl Sums {
    fn new(meta: &Meta) -> Sums {
        let layout = meta.node_layout();
        let kinds: Vec<_> = meta.known_node_types();
        let class = |(kind, name): (&Option<NodeType>, &String)| match kind {
            Some(NodeType::Hidden) => "(system)".to_owned(),
            Some(NodeType::Code) => "(compiled code)".to_owned(),
            Some(NodeType::Closure) => "Function".to_owned(),
            Some(NodeType::Regexp) => "RegExp".to_owned(),
            _ => format!("({name})"),
        };
        Sums {
            kind_at: layout.kind,
            name_at: layout.name,
            size_at: layout.self_size,
            stride: layout.stride,
            by_name: kinds
                .iter()
                .map(|kind| matches!(kind, Some(NodeType::Object | NodeType::Native)))
                .collect(),
            classes: kinds.iter().zip(&meta.node_types).map(class).collect(),
            of_type: vec![(0, 0); kinds.len()],
            of_name: HashMap::new(),
            nodes: 0,
        }
    }

    fn take(&mut self, batch: &[u32]) {
        for record in batch.chunks_exact(self.stride) {
            self.nodes += 1;
            let size = self.size_at.map_or(0, |at| record[at]);
            let kind = record[self.kind_at] as usize;
            if size == 0 || kind >= self.of_type.len() {
                continue;
            }
            let sum = if self.by_name[kind] {
                self.of_name.entry(record[self.name_at]).or_default()
            } else {
                &mut self.of_type[kind]
            };
            sum.0 += 1;
            sum.1 += u64::from(size);
        }
    }

    fn wanted(&self) -> Vec<u32> {
        let mut wanted: Vec<u32> = self.of_name.keys().copied().collect();
        wanted.sort_unstable();
        wanted
    }

    fn rows(&self, names: &HashMap<u32, String>, damage: Option<Damage>) -> Histogram {
        let mut sums: HashMap<&str, (u64, u64)> = HashMap::new();
        let named = self
            .of_name
            .iter()
            .map(|(index, sum)| (names.get(index).map_or("", String::as_str), sum));
        let typed = self.classes.iter().map(String::as_str).zip(&self.of_type);
        for (class, (count, bytes)) in named.chain(typed) {
            let sum = sums.entry(class).or_default();
            *sum = (sum.0 + count, sum.1 + bytes);
        }
        let mut rows: Vec<HistogramRow> = sums
            .into_iter()
            .filter(|(_, (count, _))| *count > 0)
            .map(|(class, (count, shallow))| HistogramRow {
                class: class.to_owned(),
                count,
                shallow,
            })
            .collect();
        rows.sort_by(|a, b| {
            b.shallow
                .cmp(&a.shallow)
                .then_with(|| a.class.cmp(&b.class))
        });
        let (count, shallow) = rows
            .iter()
            .fold((0, 0), |(n, s), row| (n + row.count, s + row.shallow));
        Histogram {
            rows,
            nodes: self.nodes,
            count,
            shallow,
            damage,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;
    use crate::Snapshot;
    use crate::tests::{Random, random_graph};

    fn read(text: &[u8], strict: bool) -> Result<Histogram, ReadError> {
        let input = Input::from_reader("memory", Cursor::new(text.to_vec())).unwrap();
        let options = ReadOptions {
            strict,
            ..ReadOptions::default()
        };
        read_histogram(input, &options)
    }

    /// The rows are those that the nodes of the graph make.
    fn assert_counts(histogram: &Histogram, snapshot: &Snapshot) {
        assert_eq!(histogram.nodes, snapshot.node_count() as u64);
        let sizes = snapshot.nodes().map(|node| node.raw_self_size());
        let sizes: Vec<u64> = sizes.filter(|&size| size > 0).collect();
        assert_eq!(histogram.count, sizes.len() as u64);
        assert_eq!(histogram.shallow, sizes.iter().sum::<u64>());
        for row in &histogram.rows {
            let members = snapshot.nodes().filter(|node| {
                node.raw_self_size() > 0
                    && (if node.name() == "Object" && node.is(NodeType::Object) {
                        "Object".into()
                    } else {
                        node.class_name()
                    }) == row.class
            });
            assert_eq!(row.count, members.count() as u64, "{row:?}");
        }
    }

    #[test]
    fn it_counts_what_the_graph_counts() {
        let mut random = Random(31);
        for _ in 0..200 {
            let text = random_graph(&mut random).text();
            let histogram = read(text.as_bytes(), true).unwrap();
            assert_eq!(histogram.damage, None);
            assert_counts(&histogram, &Snapshot::parse(text).unwrap());
        }
    }

    #[test]
    fn a_cut_file_gives_what_the_graph_gives_or_is_refused() {
        let text = random_graph(&mut Random(8)).text();
        let mut seen = std::collections::BTreeSet::new();
        for cut in 0..text.trim_end().len() - 2 {
            let text = &text.as_bytes()[..cut];
            let Ok(snapshot) = Snapshot::parse(text) else {
                let error = read(text, false).unwrap_err();
                assert!(matches!(error, ReadError::NotASnapshot { .. }), "{error}");
                continue;
            };
            let histogram = read(text, false).unwrap();
            assert_counts(&histogram, &snapshot);
            match histogram.damage {
                Some(damage) => {
                    assert_eq!(Some(&damage), snapshot.report().damage.as_ref());
                    seen.insert(damage.section);
                }
                // Behind the last name that is needed.
                None => assert_eq!(
                    snapshot.report().damage.as_ref().unwrap().section,
                    "strings"
                ),
            }
            assert!(matches!(read(text, true), Err(ReadError::Damaged { .. })));
        }
        assert!(
            ["nodes", "edges", "strings"]
                .into_iter()
                .all(|name| seen.contains(name))
        );
    }
}
