use std::collections::HashMap;
use std::fs;

use super::tables::{Cell, Rows};
use super::{ColumnType, FileFormat, Table, export, write_csv};
use crate::Snapshot;
use crate::tests::{Builder, Random, random_graph};
use crate::writer::Readers;

/// A graph with texts that need care in CSV.
fn graph() -> Snapshot {
    let mut graph = Builder::new();
    let cache = graph.node("object", "Cache", 3, 16);
    let text = graph.node("string", "a, \"b\"\nc", 5, 24);
    let empty = graph.node("string", "", 7, 8);
    graph.edge(0, "property", "cache", cache);
    graph.edge(cache, "element", "7", text);
    graph.edge(cache, "property", " spaced ", empty);
    graph.read()
}

fn csv(snapshot: &Snapshot, table: Table) -> String {
    let mut out = Vec::new();
    let mut seen = 0;
    let rows = write_csv(snapshot, table, &mut out, &mut |rows| seen = rows).unwrap();
    assert_eq!(rows, seen);
    String::from_utf8(out).unwrap()
}

#[test]
fn csv_is_quoted_where_it_must_be() {
    let snapshot = graph();
    assert_eq!(
        csv(&snapshot, Table::Edges),
        "from_node,to_node,type,name,index\n0,1,property,cache,\n1,2,element,,7\n1,3,property,\" spaced \",\n"
    );
    let nodes = csv(&snapshot, Table::Nodes);
    assert!(
        nodes.contains("\n2,5,string,\"a, \"\"b\"\"\nc\",(string),24,24,24,2,,,,\n"),
        "{nodes}"
    );
    assert!(
        nodes.contains("\n3,7,string,\"\",(string),8,8,8,2,"),
        "{nodes}"
    );
}

#[test]
fn the_tables_say_what_the_handles_say() {
    let mut random = Random(0x7ab1e5);
    for _ in 0..200 {
        let snapshot = random_graph(&mut random).read();
        let mut edges = Rows::new(&snapshot, Table::Edges);
        // Downwards and then from the start again, as a Parquet file is written.
        for _ in 0..2 {
            for row in 0..edges.len() {
                let edge = snapshot
                    .edge(crate::EdgeOrdinal(row as u32))
                    .expect("an edge");
                let from = u64::from(edge.from().ordinal().0);
                assert_eq!(edges.cell(row, 0), Cell::Number(from));
            }
        }
        let mut tree = Rows::new(&snapshot, Table::Dominators);
        let mut places = HashMap::new();
        for row in 0..tree.len() {
            let numbers: Vec<u64> = (0..7)
                .map(|column| match tree.cell(row, column) {
                    Cell::Number(number) => number,
                    other => panic!("{other:?}"),
                })
                .collect();
            places.insert(numbers[1], numbers);
        }
        assert_eq!(places.len(), snapshot.node_count());
        for place in places.values() {
            let above = &places[&place[3]];
            if place[1] != place[3] {
                assert_eq!(place[4], above[4] + 1, "depth");
                assert!(
                    above[0] < place[0] && place[0] + place[5] <= above[0] + above[5],
                    "subtree of {place:?} in that of {above:?}"
                );
            }
        }
    }
}

#[test]
fn files_appear_whole_and_are_counted() {
    let snapshot = graph();
    let folder = std::env::temp_dir().join(format!("heapsnapshot-export-{}", std::process::id()));
    let _ = fs::remove_dir_all(&folder);
    let mut last = (0, 0);
    let files = export(
        &snapshot,
        &folder,
        &Table::ALL,
        FileFormat::Csv,
        Readers::Owner,
        &mut |done, all| last = (done, all),
    )
    .unwrap();
    assert_eq!(files.len(), 4);
    for file in &files {
        let text = fs::read_to_string(&file.path).unwrap();
        assert_eq!(text.len() as u64, file.bytes);
        let line_breaks_in_texts = usize::from(file.table == Table::Nodes);
        assert_eq!(
            text.lines().count() as u64,
            file.rows + 1 + line_breaks_in_texts as u64
        );
    }
    assert!(last.0 <= last.1);
    assert_eq!(
        fs::read_dir(&folder).unwrap().count(),
        4,
        "nothing else is left"
    );
    fs::remove_dir_all(&folder).unwrap();
    let taken = folder.with_extension("file");
    fs::write(&taken, "").unwrap();
    let error = export(
        &snapshot,
        &taken,
        &Table::ALL,
        FileFormat::Csv,
        Readers::Owner,
        &mut |_, _| {},
    )
    .unwrap_err();
    assert!(error.to_string().contains("cannot write"), "{error}");
    fs::remove_file(&taken).unwrap();
}

#[test]
fn columns_are_documented_and_unique() {
    for table in Table::ALL {
        let mut names: Vec<&str> = table.columns().iter().map(|column| column.name).collect();
        assert!(
            table
                .columns()
                .iter()
                .all(|column| !column.meaning.is_empty())
        );
        let all = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all);
    }
}

/// What is read back from a Parquet file, cell by cell, is what the table says.
#[cfg(feature = "parquet")]
#[test]
fn parquet_reads_back() {
    use parquet::file::reader::{FileReader, SerializedFileReader};
    use parquet::record::Field;

    let mut random = Random(0xf11e);
    let mut snapshots = vec![graph()];
    snapshots.extend((0..20).map(|_| random_graph(&mut random).read()));
    for snapshot in &snapshots {
        for table in Table::ALL {
            let mut out = Vec::new();
            let rows = super::write_parquet(snapshot, table, &mut out, &mut |_| {}).unwrap();
            let file = SerializedFileReader::new(bytes::Bytes::from(out)).unwrap();
            let schema = file.metadata().file_metadata().schema_descr();
            for (column, described) in table.columns().iter().zip(schema.columns()) {
                assert_eq!(column.name, described.name());
                let is_text = described.logical_type_ref().is_some();
                assert_eq!(is_text, column.holds == ColumnType::Text);
            }
            let mut expected = Rows::new(snapshot, table);
            let mut read = 0;
            for (row, record) in file.get_row_iter(None).unwrap().enumerate() {
                for (column, (_, field)) in record.unwrap().get_column_iter().enumerate() {
                    let found = match field {
                        Field::Null => Cell::Unknown,
                        Field::Long(number) => Cell::Number(number.cast_unsigned()),
                        Field::Str(text) => Cell::Text(text.as_str().into()),
                        other => panic!("{other:?}"),
                    };
                    assert_eq!(
                        found,
                        expected.cell(row, column),
                        "{table:?} {row} {column}"
                    );
                }
                read += 1;
            }
            assert_eq!(read, rows);
            assert_eq!(read, expected.len() as u64);
        }
    }
}
