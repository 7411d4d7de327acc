//! Right checksums over wrong content, for tests and fuzzing: what comes after the checksums has to hold, too.

use std::io;
use std::path::{Path, PathBuf};

use super::container::{Container, Writer};
use super::{GraphIndex, Identity, Unusable};
use crate::writer::Readers;

/// What the first line of a graph's index says of it.
const WHAT: &str = "graph-attributed";

/// Writes a graph index again and again, each time with one section changed.
#[derive(Debug)]
pub struct Forger {
    path: PathBuf,
    identity: Identity,
    sections: Vec<(String, Vec<u8>)>,
}

impl Forger {
    /// Of the index that `file` has.
    ///
    /// # Errors
    /// That it has none.
    pub fn of(file: &Path) -> Result<Forger, Unusable> {
        let (path, identity) = (GraphIndex::path(file), Identity::of(file)?);
        let container = Container::open(&path, WHAT, &identity)?;
        let section = |name: &str| Ok((name.to_owned(), container.bytes(name)?));
        let sections: Result<_, Unusable> = container.names().map(section).collect();
        Ok(Forger {
            sections: sections?,
            path,
            identity,
        })
    }

    /// How many sections there are.
    #[must_use]
    pub fn sections(&self) -> usize {
        self.sections.len()
    }

    /// Writes the index with one section changed.
    ///
    /// # Errors
    /// Those of writing.
    pub fn forge(&self, section: usize, change: impl FnOnce(&mut Vec<u8>)) -> io::Result<()> {
        let mut writer = Writer::create(&self.path, Readers::Of(&self.path), WHAT, &self.identity)?;
        let mut change = Some(change);
        for (at, (name, bytes)) in self.sections.iter().enumerate() {
            let mut bytes = bytes.clone();
            if let Some(change) = change.take_if(|_| at == section) {
                change(&mut bytes);
            }
            writer.bytes(name, &bytes)?;
        }
        writer.finish()
    }
}
