//! An index beside a snapshot: what takes seconds to find out, kept for the next time.
//!
//! [`Index::load`] answers what [`summary`] and [`statistics`] say of the whole snapshot. It takes as
//! long as the index is large, which is a matter of how many groups there are: a millisecond or two
//! per megabyte, and one megabyte for a heap of 250 MB with 5000 shapes of objects, but 41 for one of
//! 1.35 GB with 205,000. Everything else still reads the snapshot itself.
//!
//! The index of `a.heapsnapshot` is `a.heapsnapshot.index`:
//!
//! ```text
//! heaplab snapshot index 1 <crate version> <identity> <bytes of what follows> <checksum>\n
//! JSON
//! ```
//!
//! The *identity* is the snapshot's length, the time it was changed, and a hash over samples of its
//! content, its beginning and end among them. An index counts only if all of that agrees, it was
//! written by this version of the crate, and its own length and checksum are right; else it is as
//! if there were none. The checksum finds damage, not malice: who may write the index may write the
//! snapshot, too. Nothing in an index is used as a position or a size of anything, so the worst that
//! a false one can do is to be wrong.
//!
//! ```no_run
//! use heapsnapshot::index::Index;
//! use heapsnapshot::analysis::summary::GroupBy;
//!
//! let file = "large.heapsnapshot".as_ref();
//! let index = match Index::load(file, false) {
//!     Ok(index) => index,
//!     Err(_) => Index::build_and_store(file, Default::default())?.0,
//! };
//! println!("{} classes", index.summary(GroupBy::Class).rows.len());
//! # Ok::<(), heapsnapshot::ReadError>(())
//! ```

use std::fmt;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use serde::{Deserialize, Serialize};

use crate::analysis::statistics::{Statistics, statistics};
use crate::analysis::summary::{GroupBy, Summary, summary};
use crate::graph::Snapshot;
use crate::reader::{Input, ReadError, ReadOptions};
use crate::writer::AtomicFile;

/// The first words of an index: what it is, and the version of its form.
const MAGIC: &str = "heaplab snapshot index 1";
/// No index is longer: its size follows the number of classes, not that of the snapshot.
const LIMIT: u64 = 64 << 20;
/// The header is shorter than this.
const HEADER_LIMIT: usize = 256;
/// How many pieces of the snapshot the identity looks at, and how long they are.
const SAMPLES: u64 = 64;
const SAMPLE_BYTES: u64 = 4096;

/// Which file an index belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity(String);

impl Identity {
    /// Of a file as it is now. Complexity: 64 short reads.
    ///
    /// # Errors
    /// Those of opening and reading the file; [`io::ErrorKind::InvalidInput`] if it is no regular
    /// file.
    pub fn of(file: &Path) -> io::Result<Identity> {
        let mut content = File::open(file)?;
        let metadata = content.metadata()?;
        if !metadata.is_file() {
            return Err(io::Error::from(io::ErrorKind::InvalidInput));
        }
        let length = metadata.len();
        let changed = metadata.modified()?.duration_since(UNIX_EPOCH);
        let changed = changed.unwrap_or_default().as_nanos();
        let mut hash = Fnv::default();
        let mut sample = Vec::new();
        let last = length.saturating_sub(SAMPLE_BYTES);
        for at in 0..SAMPLES {
            // Spread evenly; the last one is the file's end.
            let start = u128::from(last) * u128::from(at) / u128::from(SAMPLES - 1);
            content.seek(SeekFrom::Start(start as u64))?;
            sample.clear();
            (&mut content).take(SAMPLE_BYTES).read_to_end(&mut sample)?;
            hash.add(&sample);
        }
        Ok(Identity(format!("{length}-{changed}-{:016x}", hash.0)))
    }
}

/// The hash of Fowler, Noll and Vo (1a, 64 bits).
struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Fnv {
        Fnv(0xcbf2_9ce4_8422_2325)
    }
}

impl Fnv {
    fn add(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
}

/// Why an index cannot be used.
#[derive(Debug)]
pub enum Unusable {
    /// There is none, or it or its snapshot cannot be read.
    Io(io::Error),
    /// It is of another snapshot, another version of this crate, or sizes that were not wanted.
    Stale,
    /// It is no index, or not what was written.
    Damaged,
}

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unusable::Io(error) => write!(f, "{error}"),
            Unusable::Stale => f.write_str("it was made of another file or by another version"),
            Unusable::Damaged => f.write_str("it is damaged"),
        }
    }
}

impl std::error::Error for Unusable {}

impl From<io::Error> for Unusable {
    fn from(error: io::Error) -> Unusable {
        Unusable::Io(error)
    }
}

/// What an index holds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Index {
    /// Whether sizes are as in the file: see [`ReadOptions::raw`].
    pub raw: bool,
    /// Number of nodes.
    pub nodes: u64,
    /// Number of edges.
    pub edges: u64,
    /// The root's retained size: all there is.
    pub retained: u64,
    /// What was odd about the file, as sentences: see [`crate::graph::ReadReport::oddities`].
    pub oddities: Vec<String>,
    /// What [`statistics`] says.
    pub statistics: Statistics,
    /// What [`summary`] says, in the order of [`GROUPS`].
    summaries: [Summary; 6],
}

/// The groupings that an index has.
const GROUPS: [GroupBy; 6] = [
    GroupBy::Class,
    GroupBy::Name,
    GroupBy::Type,
    GroupBy::Script,
    GroupBy::Location,
    GroupBy::Shape,
];

impl Index {
    /// Where the index of a snapshot lies.
    #[must_use]
    pub fn path(snapshot: &Path) -> PathBuf {
        let mut name = snapshot.as_os_str().to_owned();
        name.push(".index");
        PathBuf::from(name)
    }

    /// Everything that an index of `snapshot` holds. Complexity: that of [`summary`].
    #[must_use]
    pub fn build(snapshot: &Snapshot) -> Index {
        let oddities = snapshot.report().oddities.iter();
        Index {
            raw: snapshot.raw,
            nodes: snapshot.node_count() as u64,
            edges: snapshot.edge_count() as u64,
            retained: snapshot.root().retained_size(),
            oddities: oddities.map(|oddity| oddity.message.clone()).collect(),
            summaries: GROUPS.map(|group_by| summary(snapshot, group_by, None)),
            statistics: statistics(snapshot),
        }
    }

    /// Reads a snapshot, builds its index and puts it beside it. The second value says why it could
    /// not be put there; a damaged snapshot gets none.
    ///
    /// # Errors
    /// Those of [`Snapshot::read`].
    pub fn build_and_store(
        file: &Path,
        options: ReadOptions,
    ) -> Result<(Index, Option<io::Error>), ReadError> {
        let before = Identity::of(file);
        let snapshot = Snapshot::read(Input::open(file)?, &options)?;
        let index = Index::build(&snapshot);
        if snapshot.report().damage.is_some() {
            return Ok((index, None));
        }
        let stored = before.and_then(|identity| index.store(file, &identity));
        Ok((index, stored.err()))
    }

    /// The classes or other groups of the whole snapshot.
    #[must_use]
    pub fn summary(&self, group_by: GroupBy) -> &Summary {
        let at = GROUPS.iter().position(|&group| group == group_by);
        &self.summaries[at.unwrap_or(0)]
    }

    /// Writes the index beside `snapshot`, as a whole or not at all. `identity` is that of the
    /// snapshot before it was read: if it has changed since, nothing is written.
    ///
    /// # Errors
    /// Those of writing; [`io::ErrorKind::Other`] if the snapshot has changed.
    pub fn store(&self, snapshot: &Path, identity: &Identity) -> io::Result<()> {
        if Identity::of(snapshot)? != *identity {
            return Err(io::Error::other("the snapshot changed while it was read"));
        }
        let body = serde_json::to_vec(self)?;
        let mut file = AtomicFile::create(&Index::path(snapshot))?;
        file.write_all(header(identity, &body).as_bytes())?;
        file.write_all(&body)?;
        file.commit()
    }

    /// Reads the index of `snapshot`, if it has one that can be used. Complexity: the number of
    /// classes, and 64 short reads of the snapshot.
    ///
    /// # Errors
    /// Why there is nothing to be used.
    pub fn load(snapshot: &Path, raw: bool) -> Result<Index, Unusable> {
        let mut text = Vec::new();
        File::open(Index::path(snapshot))?
            .take(LIMIT)
            .read_to_end(&mut text)?;
        let newline = text.iter().take(HEADER_LIMIT).position(|&b| b == b'\n');
        let (head, body) = text.split_at(newline.ok_or(Unusable::Damaged)? + 1);
        if !head.starts_with(MAGIC.as_bytes()) {
            return Err(Unusable::Damaged);
        }
        // The version and the identity come first: what another version wrote is not damage.
        let expected = header(&Identity::of(snapshot)?, body);
        let words = |text: &[u8]| text.split(|&b| b == b' ').count();
        if head != expected.as_bytes() {
            let same_start = expected.rmatch_indices(' ').nth(1);
            let start = same_start.map_or(0, |(at, _)| at);
            let foreign = words(head) == words(expected.as_bytes())
                && head.get(..start) != expected.as_bytes().get(..start);
            return Err(if foreign {
                Unusable::Stale
            } else {
                Unusable::Damaged
            });
        }
        let index: Index = serde_json::from_slice(body).map_err(|_| Unusable::Damaged)?;
        if index.raw != raw {
            return Err(Unusable::Stale);
        }
        Ok(index)
    }
}

fn header(identity: &Identity, body: &[u8]) -> String {
    let mut hash = Fnv::default();
    hash.add(body);
    let version = env!("CARGO_PKG_VERSION");
    let (identity, length, checksum) = (&identity.0, body.len(), hash.0);
    format!("{MAGIC} {version} {identity} {length} {checksum:016x}\n")
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::tests::{Random, random_graph};

    /// A folder that goes with its owner.
    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Folder {
            let name = format!("heapsnapshot-index-{name}-{}", std::process::id());
            let path = std::env::temp_dir().join(name);
            fs::create_dir_all(&path).unwrap();
            Folder(path)
        }

        fn snapshot(&self, seed: u64) -> PathBuf {
            let path = self.0.join("a.heapsnapshot");
            fs::write(&path, random_graph(&mut Random(seed)).text()).unwrap();
            path
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn it_says_what_the_snapshot_says() {
        let folder = Folder::new("equal");
        for seed in 1..50 {
            let file = folder.snapshot(seed);
            let (_, failure) = Index::build_and_store(&file, ReadOptions::default()).unwrap();
            assert!(failure.is_none(), "{failure:?}");
            let index = Index::load(&file, false).unwrap();
            let snapshot = Snapshot::open(&file).unwrap();
            for group_by in GROUPS {
                let expected = summary(&snapshot, group_by, None);
                assert_eq!(index.summary(group_by).rows, expected.rows);
                assert_eq!(index.summary(group_by).count, expected.count);
            }
            assert_eq!(index.statistics, statistics(&snapshot));
            assert_eq!(index.nodes, snapshot.node_count() as u64);
            assert!(matches!(Index::load(&file, true), Err(Unusable::Stale)));
        }
    }

    #[test]
    fn another_snapshot_makes_it_stale() {
        let folder = Folder::new("stale");
        let file = folder.snapshot(7);
        Index::build_and_store(&file, ReadOptions::default()).unwrap();
        let (text, changed) = (
            fs::read(&file).unwrap(),
            fs::metadata(&file).unwrap().modified().unwrap(),
        );
        // Same length, same time, another byte anywhere: a file this small is sampled as a whole.
        for at in (0..text.len()).step_by(97) {
            let mut other = text.clone();
            other[at] ^= 1;
            fs::write(&file, other).unwrap();
            File::options()
                .write(true)
                .open(&file)
                .and_then(|file| file.set_modified(changed))
                .unwrap();
            assert!(
                matches!(Index::load(&file, false), Err(Unusable::Stale)),
                "{at}"
            );
        }
        // The same bytes, written again later.
        fs::write(&file, &text).unwrap();
        assert!(matches!(Index::load(&file, false), Err(Unusable::Stale)));
        fs::remove_file(&file).unwrap();
        assert!(matches!(Index::load(&file, false), Err(Unusable::Io(_))));
    }

    #[test]
    fn a_damaged_one_is_none() {
        let folder = Folder::new("damaged");
        let file = folder.snapshot(9);
        Index::build_and_store(&file, ReadOptions::default()).unwrap();
        let path = Index::path(&file);
        let text = fs::read(&path).unwrap();
        for cut in 0..text.len() {
            fs::write(&path, &text[..cut]).unwrap();
            assert!(Index::load(&file, false).is_err(), "cut at {cut}");
        }
        for at in 0..text.len() {
            for flip in [1, 0x20, 0x80] {
                let mut other = text.clone();
                other[at] ^= flip;
                fs::write(&path, other).unwrap();
                assert!(Index::load(&file, false).is_err(), "byte {at}");
            }
        }
        // A right checksum over something else.
        let identity = Identity::of(&file).unwrap();
        for body in ["", "{}", "[[[[[[", "{\"raw\":false,\"nodes\":-1}"] {
            let whole = header(&identity, body.as_bytes()) + body;
            fs::write(&path, whole).unwrap();
            assert!(matches!(Index::load(&file, false), Err(Unusable::Damaged)));
        }
        fs::write(&path, text).unwrap();
        assert!(Index::load(&file, false).is_ok());
    }

    #[test]
    fn a_damaged_snapshot_gets_none() {
        let folder = Folder::new("cut");
        let file = folder.snapshot(11);
        let text = fs::read(&file).unwrap();
        fs::write(&file, &text[..text.len() - 20]).unwrap();
        if let Ok((_, failure)) = Index::build_and_store(&file, ReadOptions::default()) {
            assert!(failure.is_none());
        }
        assert!(!Index::path(&file).exists());
    }
}
