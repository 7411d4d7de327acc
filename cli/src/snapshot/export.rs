//! `heaplab snapshot export FILE --out FOLDER`.

use heapsnapshot::analysis::words;
use heapsnapshot::export::{self, FileFormat};
use heapsnapshot::writer::Readers;
use serde_json::json;

use super::args::{ExportArgs, TableArg, TableForm};
use super::input;
use super::need::Need;
use crate::args::Format;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::{LABEL, Output, escaped};

/// Writes the tables, and prints which there are.
pub(super) fn run(args: &ExportArgs, output: Output) -> Result<Exit, Failure> {
    let snapshot = input::open(&args.file, &args.read, Need::EXPORT, output)?;
    let tables: Vec<export::Table> = if args.tables.is_empty() {
        export::Table::ALL.to_vec()
    } else {
        let mut tables: Vec<export::Table> =
            args.tables.iter().map(|&table| table.into()).collect();
        tables.sort();
        tables.dedup();
        tables
    };
    let format = match args.to {
        #[cfg(feature = "parquet")]
        TableForm::Parquet => FileFormat::Parquet,
        TableForm::Csv => FileFormat::Csv,
    };
    // The tables hold the snapshot's texts: whoever may read it may read them.
    let readers = Readers::Of(&args.file);
    let progress = input::Progress::rows("writing", output);
    let mut show = |done, all| progress.show(done, all);
    let files = export::export(&snapshot, &args.out, &tables, format, readers, &mut show)
        .map_err(|error| Failure::input(escaped(&error.to_string())))?;
    drop(progress);
    let mut data = output.data();
    if args.format == Format::Json {
        data.json(&json!({ "schema": "heaplab snapshot export 1", "export": { "files": files } }))?;
        return Ok(Exit::Done);
    }
    let mut page = String::new();
    for file in &files {
        page += &format!(
            "{:>13} rows  {:>9}  {}\n",
            words::count(file.rows),
            words::bytes(file.bytes),
            escaped(&file.path.display().to_string())
        );
    }
    if format != FileFormat::Csv {
        let first = &files[0].path.display().to_string();
        page += &format!(
            "{LABEL}duckdb -c \"SELECT * FROM '{}' LIMIT 5\"  (more in docs/queries.md){LABEL:#}\n",
            escaped(first)
        );
    }
    data.text(&page)?;
    Ok(Exit::Done)
}

impl From<TableArg> for export::Table {
    fn from(table: TableArg) -> export::Table {
        match table {
            TableArg::Nodes => export::Table::Nodes,
            TableArg::Edges => export::Table::Edges,
            TableArg::Classes => export::Table::Classes,
            TableArg::Dominators => export::Table::Dominators,
        }
    }
}
