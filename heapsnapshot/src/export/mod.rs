//! Export: a snapshot as four plain tables, for engines that know tables.
//!
//! | table | a row is | key |
//! |---|---|---|
//! | `nodes` | a node: class, sizes, distance, place in the source | `node` |
//! | `edges` | an edge between two nodes | none |
//! | `classes` | a row of DevTools' Summary | `class` and its place |
//! | `dominators` | a node's place in the dominator tree | `node` |
//!
//! `node` is the node's position in the file, `id` its identity in all snapshots of a process. The
//! columns are listed in [`Table::columns`]. Tables are written row by row (Parquet: group by
//! group), so that an export takes a few megabytes beside the snapshot itself; each file appears
//! whole or not at all.
//!
//! CSV is written with this crate alone, Parquet with the feature `parquet`.
//!
//! ```
//! use heapsnapshot::Snapshot;
//! use heapsnapshot::export::{Table, write_csv};
//!
//! # let text = br#"{"snapshot":{"meta":{
//! #     "node_fields":["type","name","id","self_size","edge_count"],
//! #     "node_types":[["synthetic","object"]],
//! #     "edge_fields":["type","name_or_index","to_node"],
//! #     "edge_types":[["property"]]},"node_count":2,"edge_count":1},
//! #     "nodes":[0,0,1,0,1, 1,1,3,24,0], "edges":[0,2,5], "strings":["","Cache","entries"]}"#;
//! let snapshot = Snapshot::parse(&text[..])?;
//! let mut csv = Vec::new();
//! write_csv(&snapshot, Table::Edges, &mut csv, &mut |_| {})?;
//! assert_eq!(String::from_utf8(csv)?, "from_node,to_node,type,name,index\n0,1,property,entries,\n");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod csv;
#[cfg(feature = "parquet")]
mod parquet;
mod tables;

use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

pub use csv::write_csv;
pub use tables::{Column, ColumnType, Table};

#[cfg(feature = "parquet")]
pub use parquet::write_parquet;

use crate::graph::Snapshot;
use crate::writer::{AtomicFile, Readers};

/// The form of the files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileFormat {
    /// Text, a header line first; what is unknown is an empty field.
    Csv,
    /// Apache Parquet, uncompressed: numbers packed by differences, repeated texts by dictionary.
    #[cfg(feature = "parquet")]
    Parquet,
}

impl FileFormat {
    /// The ending of file names.
    #[must_use]
    pub fn extension(self) -> &'static str {
        match self {
            FileFormat::Csv => "csv",
            #[cfg(feature = "parquet")]
            FileFormat::Parquet => "parquet",
        }
    }
}

/// A file that was written.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct ExportedFile {
    /// The table in it.
    pub table: Table,
    /// Where it is.
    pub path: PathBuf,
    /// Its rows.
    pub rows: u64,
    /// Its bytes.
    pub bytes: u64,
}

/// A file could not be written.
#[derive(Debug, thiserror::Error)]
#[error("{path}: cannot write: {source}")]
pub struct ExportError {
    /// Which file.
    pub path: PathBuf,
    /// What the system said.
    pub source: io::Error,
}

/// Writes `tables` into `folder` (made if need be) as `nodes.parquet` and so on, over files of the
/// same names; `readers` says who may read them, `progress` hears the rows written so far of all the rows there are.
///
/// Complexity: the rows of the tables.
///
/// # Errors
/// If the folder or a file cannot be written. Files that were finished before stay.
pub fn export(
    snapshot: &Snapshot,
    folder: &Path,
    tables: &[Table],
    format: FileFormat,
    readers: Readers<'_>,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Vec<ExportedFile>, ExportError> {
    let fail = |path: &Path| {
        let path = path.to_path_buf();
        move |source| ExportError { path, source }
    };
    fs::create_dir_all(folder).map_err(fail(folder))?;
    let all: u64 = tables.iter().map(|table| table.rows(snapshot)).sum();
    let mut before = 0;
    let mut files = Vec::new();
    for &table in tables {
        let path = folder.join(format!("{}.{}", table.name(), format.extension()));
        let mut file = Counted {
            file: AtomicFile::create(&path, readers).map_err(fail(&path))?,
            bytes: 0,
        };
        let mut out = BufWriter::with_capacity(1 << 18, &mut file);
        let mut count = |rows| progress(before + rows, all);
        let rows = match format {
            FileFormat::Csv => write_csv(snapshot, table, &mut out, &mut count),
            #[cfg(feature = "parquet")]
            FileFormat::Parquet => write_parquet(snapshot, table, &mut out, &mut count),
        }
        .and_then(|rows| out.flush().map(|()| rows))
        .map_err(fail(&path))?;
        drop(out);
        let bytes = file.bytes;
        file.file.commit().map_err(fail(&path))?;
        before += rows;
        files.push(ExportedFile {
            table,
            path,
            rows,
            bytes,
        });
    }
    Ok(files)
}

/// A file that knows its length.
struct Counted {
    file: AtomicFile,
    bytes: u64,
}

impl Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

#[cfg(test)]
mod tests;
