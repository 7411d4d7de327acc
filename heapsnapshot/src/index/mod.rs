//! Indexes beside a snapshot: what takes seconds to find out, kept for the next time.
//!
//! | file | what it holds | size | opens in |
//! |---|---|---|---|
//! | `a.heapsnapshot.index` | [`ReportIndex`]: what [`summary`] and [`statistics`] say of the whole | that of their rows, kilobytes to some megabytes | milliseconds |
//! | `a.heapsnapshot.graph-index` | [`GraphIndex`]: the graph with dominators, retained sizes, distances and classes | about that of the snapshot | the time to read it: no text to parse, nothing to compute |
//!
//! An index belongs to one snapshot, by its *identity*: the snapshot's length, the time it was changed, and a hash over
//! samples of its content, its beginning and end among them. It counts only if that agrees, it was written by this
//! version of the crate, and the checksum of every section that is read is right; else it is as if there were none.
//! The form of the files is in `index/container.rs`.
//!
//! ```no_run
//! use heapsnapshot::analysis::summary::GroupBy;
//! use heapsnapshot::index::{GraphIndex, Identity, ReportIndex};
//! use heapsnapshot::Snapshot;
//!
//! let file = "large.heapsnapshot".as_ref();
//! let snapshot = match GraphIndex::open(file, false).and_then(|index| index.read(false)) {
//!     Ok(snapshot) => snapshot,
//!     Err(_) => {
//!         let identity = Identity::of(file)?;
//!         let snapshot = Snapshot::open(file)?;
//!         GraphIndex::store(&snapshot, file, &identity)?;
//!         ReportIndex::store(&snapshot, file, &identity)?;
//!         snapshot
//!     }
//! };
//! println!("{}", snapshot.root().retained_size());
//!
//! // The next time this takes a millisecond or two.
//! let (classes, all) = ReportIndex::load(file, false)?.summary(GroupBy::Class, 20)?;
//! println!("{all} classes, {} bytes", classes.shallow);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`summary`]: crate::analysis::summary::summary
//! [`statistics`]: crate::analysis::statistics::statistics

mod container;
#[cfg(any(test, fuzzing))]
mod forge;
mod graph;
mod report;
#[cfg(test)]
mod tests;

#[cfg(any(test, fuzzing))]
pub use forge::Forger;
pub use graph::GraphIndex;
pub use report::ReportIndex;

use std::ffi::OsStr;
use std::fmt;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use crate::graph::Snapshot;
use container::Checksum;

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
        let mut hash = Checksum::new();
        let mut sample = Vec::new();
        let last = length.saturating_sub(SAMPLE_BYTES);
        for at in 0..SAMPLES {
            // Spread evenly; the last one is the file's end.
            let start = u128::from(last) * u128::from(at) / u128::from(SAMPLES - 1);
            content.seek(SeekFrom::Start(start as u64))?;
            sample.clear();
            (&mut content).take(SAMPLE_BYTES).read_to_end(&mut sample)?;
            hash.block(&sample);
        }
        Ok(Identity(format!(
            "{length}-{changed}-{:016x}",
            hash.value()
        )))
    }
}

/// Why an index cannot be used.
#[derive(Debug)]
pub enum Unusable {
    /// There is none, or it or its snapshot cannot be read.
    Io(io::Error),
    /// It is of another snapshot, another version of this crate, or sizes that were not wanted.
    Stale,
    /// It leaves out what was asked for, because that is too much to be kept.
    LeftOut,
    /// It is no index, or not what was written.
    Damaged,
}

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unusable::Io(error) => write!(f, "{error}"),
            Unusable::Stale => f.write_str("it was made of another file or by another version"),
            Unusable::LeftOut => f.write_str("it leaves this out, which is too much to be kept"),
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

/// A file beside a snapshot.
fn beside(snapshot: &Path, extension: &str) -> PathBuf {
    let mut name = snapshot.as_os_str().to_owned();
    name.push(OsStr::new(extension));
    PathBuf::from(name)
}

/// How the sizes of a snapshot are, in the first line of an index.
fn sizes(raw: bool) -> &'static str {
    if raw { "raw" } else { "attributed" }
}

/// Refuses to keep what is only a part, or is not what lies in the file any more.
fn check(snapshot: &Snapshot, file: &Path, identity: &Identity) -> io::Result<()> {
    if snapshot.report().damage.is_some() {
        return Err(io::Error::other("the snapshot is damaged"));
    }
    if Identity::of(file)? != *identity {
        return Err(io::Error::other("the snapshot changed while it was read"));
    }
    Ok(())
}
