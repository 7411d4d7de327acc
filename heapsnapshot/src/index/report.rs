//! The small index: what [`summary`] and [`statistics`] say of the whole snapshot.

use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::container::{Container, Writer};
use super::{Identity, Unusable, beside, check, sizes};
use crate::analysis::statistics::{Statistics, statistics};
use crate::analysis::summary::{GroupBy, Summary, summary};
use crate::graph::Snapshot;
use crate::writer::Readers;

/// The groupings that an index has, and the names of their sections.
const GROUPS: [(GroupBy, &str); 6] = [
    (GroupBy::Class, "class"),
    (GroupBy::Name, "name"),
    (GroupBy::Type, "type"),
    (GroupBy::Script, "script"),
    (GroupBy::Location, "location"),
    (GroupBy::Shape, "shape"),
];
/// A grouping with more rows has a section of its first ones, too: most questions are about those.
const FIRST: usize = 1000;
/// A section that would be longer is left out.
const LIMIT: usize = 64 << 20;

/// What [`summary`] and [`statistics`] say of a whole snapshot, from an index.
#[derive(Debug)]
pub struct ReportIndex {
    container: Container,
    head: Head,
}

/// What is read at once.
#[derive(Debug, Serialize, Deserialize)]
struct Head {
    nodes: u64,
    edges: u64,
    retained: u64,
    oddities: Vec<String>,
    statistics: Statistics,
}

/// A grouping, or its first rows.
#[derive(Serialize, Deserialize)]
struct Rows {
    summary: Summary,
    /// Rows there are in all.
    all: u64,
}

impl ReportIndex {
    /// Where the index of a snapshot lies.
    #[must_use]
    pub fn path(snapshot: &Path) -> PathBuf {
        beside(snapshot, ".index")
    }

    /// Computes what the index of `snapshot` says and writes it beside `file`, as a whole or not at all. `identity`
    /// is that of the file before it was read: if it has changed since, nothing is written. Complexity: that of
    /// [`summary`], six times.
    ///
    /// # Errors
    /// Those of writing; [`io::ErrorKind::Other`] if the file has changed, or is damaged.
    pub fn store(snapshot: &Snapshot, file: &Path, identity: &Identity) -> io::Result<()> {
        check(snapshot, file, identity)?;
        let oddities = snapshot.report().oddities.iter();
        let head = Head {
            nodes: snapshot.node_count() as u64,
            edges: snapshot.edge_count() as u64,
            retained: snapshot.root().retained_size(),
            oddities: oddities.map(|oddity| oddity.message.clone()).collect(),
            statistics: statistics(snapshot),
        };
        let what = what(snapshot.raw);
        let mut writer =
            Writer::create(&ReportIndex::path(file), Readers::Of(file), &what, identity)?;
        writer.bytes("head", &serde_json::to_vec(&head)?)?;
        for (group_by, name) in GROUPS {
            let found = summary(snapshot, group_by, None);
            let all = found.rows.len() as u64;
            let mut rows = Rows {
                summary: found,
                all,
            };
            let text = serde_json::to_vec(&rows)?;
            if text.len() <= LIMIT {
                writer.bytes(name, &text)?;
            }
            if rows.summary.rows.len() > FIRST {
                rows.summary.rows.truncate(FIRST);
                writer.bytes(&first(name), &serde_json::to_vec(&rows)?)?;
            }
        }
        writer.finish()
    }

    /// Opens the index of the snapshot in `file`, if it has one that can be used; `raw` is whether sizes are wanted
    /// as in the file ([`ReadOptions::raw`]). Complexity: 64 short reads of the snapshot, and a kilobyte.
    ///
    /// # Errors
    /// Why there is nothing to be used.
    ///
    /// [`ReadOptions::raw`]: crate::ReadOptions::raw
    pub fn load(file: &Path, raw: bool) -> Result<ReportIndex, Unusable> {
        let path = ReportIndex::path(file);
        // Most snapshots have no index.
        std::fs::metadata(&path)?;
        let container = Container::open(&path, &what(raw), &Identity::of(file)?)?;
        let head = container.bytes("head")?;
        let head = serde_json::from_slice(&head).map_err(|_| Unusable::Damaged)?;
        Ok(ReportIndex { container, head })
    }

    /// The first `most` groups of the whole snapshot, or more, and how many there are in all. Complexity: about a
    /// microsecond a row, of a thousand rows if those are enough, else of all.
    ///
    /// # Errors
    /// That the section is damaged, or was too long to be kept.
    pub fn summary(&self, group_by: GroupBy, most: usize) -> Result<(Summary, u64), Unusable> {
        let name = GROUPS.iter().find(|(group, _)| *group == group_by);
        let (_, name) = name.ok_or(Unusable::LeftOut)?;
        let short = first(name);
        let section = if most <= FIRST && self.container.has(&short) {
            &short
        } else if self.container.has(name) {
            *name
        } else {
            return Err(Unusable::LeftOut);
        };
        let text = self.container.bytes(section)?;
        let rows: Rows = serde_json::from_slice(&text).map_err(|_| Unusable::Damaged)?;
        Ok((rows.summary, rows.all))
    }

    /// What [`statistics`] says.
    #[must_use]
    pub fn statistics(&self) -> Statistics {
        self.head.statistics
    }

    /// Number of nodes.
    #[must_use]
    pub fn node_count(&self) -> u64 {
        self.head.nodes
    }

    /// Number of edges.
    #[must_use]
    pub fn edge_count(&self) -> u64 {
        self.head.edges
    }

    /// The root's retained size in bytes: all there is.
    #[must_use]
    pub fn retained(&self) -> u64 {
        self.head.retained
    }

    /// What was odd about the file, as sentences: see [`ReadReport::oddities`].
    ///
    /// [`ReadReport::oddities`]: crate::graph::ReadReport::oddities
    #[must_use]
    pub fn oddities(&self) -> &[String] {
        &self.head.oddities
    }
}

fn what(raw: bool) -> String {
    format!("reports-{}", sizes(raw))
}

/// The section of a grouping's first rows.
fn first(name: &str) -> String {
    format!("{name}-first")
}
