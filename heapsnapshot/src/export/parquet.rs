//! Tables as Parquet, by the crate `parquet` without its parts for Arrow.
//!
//! A row group holds [`GROUP`] rows; its columns are encoded one after the other, each in memory until it is
//! whole, so that the widest column of one group is all that an export keeps.

use std::io::{self, Write};
use std::sync::Arc;

use parquet::basic::{ConvertedType, Encoding, LogicalType, Repetition, Type as PhysicalType};
use parquet::data_type::{ByteArray, ByteArrayType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterVersion};
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use parquet::schema::types::{ColumnPath, Type, TypePtr};

use super::tables::{Cell, Column, ColumnType, Rows, Table};
use crate::graph::Snapshot;

/// Rows of a row group.
const GROUP: usize = 1 << 18;
/// Rows handed to the encoder at once.
const BATCH: usize = 1 << 12;
/// Bytes of text handed to the encoder at once: a batch ends early at this size.
const BATCH_TEXT: usize = 1 << 20;

/// Writes a table as one Parquet file; returns its rows. `progress` hears the rows written so far.
///
/// Numbers are `INT64`, texts UTF-8 strings. Complexity: the cells.
///
/// # Errors
/// Those of `out`, and what the encoder says.
pub fn write_parquet(
    snapshot: &Snapshot,
    table: Table,
    out: &mut (dyn Write + Send),
    progress: &mut dyn FnMut(u64),
) -> io::Result<u64> {
    write(snapshot, table, out, progress).map_err(|error| match error {
        ParquetError::External(error) => match error.downcast::<io::Error>() {
            Ok(error) => *error,
            Err(error) => io::Error::other(error),
        },
        error => io::Error::other(error),
    })
}

fn write(
    snapshot: &Snapshot,
    table: Table,
    out: &mut (dyn Write + Send),
    progress: &mut dyn FnMut(u64),
) -> Result<u64, ParquetError> {
    let mut rows = Rows::new(snapshot, table);
    let mut file = SerializedFileWriter::new(out, schema(table)?, Arc::new(properties(table)))?;
    let all = rows.len();
    for start in (0..all).step_by(GROUP) {
        let group_rows = start..all.min(start + GROUP);
        let mut group = file.next_row_group()?;
        for (at, column) in table.columns().iter().enumerate() {
            let Some(mut writer) = group.next_column()? else {
                return Err(ParquetError::General(format!(
                    "the schema has no column {}",
                    column.name
                )));
            };
            match column.holds {
                ColumnType::Number => numbers(&mut rows, at, group_rows.clone(), &mut writer)?,
                ColumnType::Text => texts(&mut rows, at, group_rows.clone(), &mut writer)?,
            }
            writer.close()?;
        }
        group.close()?;
        progress(group_rows.end as u64);
    }
    file.close()?;
    Ok(all as u64)
}

fn schema(table: Table) -> Result<TypePtr, ParquetError> {
    let fields = table
        .columns()
        .iter()
        .map(field)
        .collect::<Result<_, _>>()?;
    let schema = Type::group_type_builder(table.name())
        .with_fields(fields)
        .build()?;
    Ok(Arc::new(schema))
}

fn field(column: &Column) -> Result<TypePtr, ParquetError> {
    let physical = match column.holds {
        ColumnType::Number => PhysicalType::INT64,
        ColumnType::Text => PhysicalType::BYTE_ARRAY,
    };
    let repetition = if column.optional {
        Repetition::OPTIONAL
    } else {
        Repetition::REQUIRED
    };
    let field = Type::primitive_type_builder(column.name, physical).with_repetition(repetition);
    let field = match column.holds {
        ColumnType::Number => field,
        ColumnType::Text => field
            .with_logical_type(Some(LogicalType::String))
            .with_converted_type(ConvertedType::UTF8),
    };
    Ok(Arc::new(field.build()?))
}

fn properties(table: Table) -> WriterProperties {
    let mut properties = WriterProperties::builder()
        .set_writer_version(WriterVersion::PARQUET_1_0)
        .set_created_by(concat!("heapsnapshot ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_max_row_group_row_count(Some(GROUP))
        .set_statistics_enabled(EnabledStatistics::Chunk);
    for column in table.columns().iter().filter(|column| column.rising) {
        let path = ColumnPath::from(column.name);
        properties = properties
            .set_column_dictionary_enabled(path.clone(), false)
            .set_column_encoding(path, Encoding::DELTA_BINARY_PACKED);
    }
    properties.build()
}

/// Encodes a column of numbers.
fn numbers(
    rows: &mut Rows<'_>,
    column: usize,
    range: std::ops::Range<usize>,
    writer: &mut SerializedColumnWriter<'_>,
) -> Result<(), ParquetError> {
    let mut batch = Batch::default();
    for row in range {
        let value = match rows.cell(row, column) {
            // Sums of 32-bit sizes stay far below 2^63.
            Cell::Number(number) => Some(number.cast_signed()),
            Cell::Text(_) | Cell::Unknown => None,
        };
        batch.push(value);
        if batch.known.len() == BATCH {
            let encoder = writer.typed::<Int64Type>();
            encoder.write_batch(&batch.values, Some(&batch.known), None)?;
            batch.clear();
        }
    }
    let encoder = writer.typed::<Int64Type>();
    encoder.write_batch(&batch.values, Some(&batch.known), None)?;
    Ok(())
}

/// Encodes a column of texts.
fn texts(
    rows: &mut Rows<'_>,
    column: usize,
    range: std::ops::Range<usize>,
    writer: &mut SerializedColumnWriter<'_>,
) -> Result<(), ParquetError> {
    let mut batch = Batch::default();
    let mut bytes = 0;
    for row in range {
        let value = match rows.cell(row, column) {
            Cell::Text(text) => Some(text.into_owned().into_bytes()),
            Cell::Number(_) | Cell::Unknown => None,
        };
        bytes += value.as_ref().map_or(0, Vec::len);
        batch.push(value.map(ByteArray::from));
        if batch.known.len() == BATCH || bytes >= BATCH_TEXT {
            let encoder = writer.typed::<ByteArrayType>();
            encoder.write_batch(&batch.values, Some(&batch.known), None)?;
            batch.clear();
            bytes = 0;
        }
    }
    let encoder = writer.typed::<ByteArrayType>();
    encoder.write_batch(&batch.values, Some(&batch.known), None)?;
    Ok(())
}

/// Values, and for each row whether there is one (Parquet's definition level).
struct Batch<T> {
    values: Vec<T>,
    known: Vec<i16>,
}

impl<T> Default for Batch<T> {
    fn default() -> Batch<T> {
        Batch {
            values: Vec::with_capacity(BATCH),
            known: Vec::with_capacity(BATCH),
        }
    }
}

impl<T> Batch<T> {
    fn push(&mut self, value: Option<T>) {
        self.known.push(value.is_some().into());
        self.values.extend(value);
    }

    fn clear(&mut self) {
        self.values.clear();
        self.known.clear();
    }
}
