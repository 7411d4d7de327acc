//! A histogram without a graph: classes by count and size, in memory that does not grow with the file.
//!
//! Reads the nodes, skips the edges, and picks from the strings only the names it needs. Sizes are
//! those of the file; there are no retained sizes, no interfaces and no corrections.

use hashbrown::HashMap;

use super::error::ReadError;
use super::input::Input;
use super::load::META_LIMIT;
use super::meta::Meta;
use super::sections::{Numbers, Sections, Stop};
use crate::format::NodeType;
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
}

/// Reads a histogram. Complexity: one pass over the text.
///
/// # Errors
/// If the input cannot be read, is no snapshot, is damaged, or has its strings before its nodes.
pub fn read_histogram(input: Input) -> Result<Histogram, ReadError> {
    let name = input.name;
    let mut sections = Sections::new(input.bytes, Path::detect());
    match scan(&mut sections) {
        Ok(histogram) => Ok(histogram),
        Err(Stop::Io(source)) => Err(ReadError::Io { name, source }),
        Err(stop) => {
            let reason = match stop {
                Stop::Syntax(reason) => reason,
                Stop::End | Stop::Io(_) => "the file ends here".to_owned(),
            };
            Err(ReadError::NotASnapshot {
                name,
                offset: sections.offset(),
                reason,
            })
        }
    }
}

fn scan<R: std::io::Read>(sections: &mut Sections<R>) -> Result<Histogram, Stop> {
    let mut meta: Option<Meta> = None;
    let mut sums: Option<Sums> = None;
    sections.skip_mark()?;
    sections.expect(b'{')?;
    loop {
        let key = sections.key()?;
        sections.expect(b':')?;
        match (key.as_str(), &meta, &mut sums) {
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
                meta = Some(Meta::parse(&json).map_err(Stop::Syntax)?);
            }
            ("nodes", Some(meta), None) => {
                let mut new = Sums::new(meta);
                let mut numbers = Numbers::default();
                sections.numbers(meta.node_fields.len(), &mut numbers, |batch| {
                    new.take(batch);
                    Ok(())
                })?;
                sums = Some(new);
            }
            ("strings", _, Some(sums)) => {
                let wanted = sums.wanted();
                let mut names: HashMap<u32, String> = HashMap::with_capacity(wanted.len());
                sections.pick_strings(&wanted, |index, escaped| {
                    names.insert(index, lossy(unescape(escaped)).into_owned());
                })?;
                return Ok(sums.rows(&names));
            }
            ("strings", ..) => {
                return Err(Stop::Syntax(
                    "the strings come before the nodes; read the whole file instead".to_owned(),
                ));
            }
            (
                "edges" | "samples" | "locations" | "scopes" | "scope_context_vars" | "scope_uses",
                ..,
            ) => {
                sections.skip_numbers()?;
            }
            _ => sections.value(|_| Ok(()))?,
        }
        if sections.peek()? == b'}' {
            return Err(Stop::Syntax(
                "a section is missing: snapshot, nodes or strings".to_owned(),
            ));
        }
        sections.expect(b',')?;
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

    fn rows(&self, names: &HashMap<u32, String>) -> Histogram {
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
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;
    use crate::Snapshot;
    use crate::tests::{Random, random_graph};

    #[test]
    fn it_counts_what_the_graph_counts() {
        let mut random = Random(31);
        for _ in 0..200 {
            let text = random_graph(&mut random).text();
            let input =
                Input::from_reader("memory", Cursor::new(text.clone().into_bytes())).unwrap();
            let histogram = read_histogram(input).unwrap();
            let snapshot = Snapshot::parse(text).unwrap();
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
    }

    #[test]
    fn damaged_files_are_refused() {
        let text = random_graph(&mut Random(8)).text();
        for cut in 0..text.trim_end().len() - 2 {
            let input =
                Input::from_reader("memory", Cursor::new(text.as_bytes()[..cut].to_vec())).unwrap();
            let _ = read_histogram(input).map(|histogram| assert!(histogram.count > 0));
        }
    }
}
