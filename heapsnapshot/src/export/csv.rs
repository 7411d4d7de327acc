//! Tables as CSV (RFC 4180, with `\n` between rows).

use std::io::{self, Write};

use super::tables::{Cell, Rows, Table};
use crate::graph::Snapshot;

/// Rows between two calls of the progress function.
const STEP: usize = 1 << 16;

/// Writes a table as CSV; returns its rows. `progress` hears the rows written so far.
///
/// Texts are written as they are: what imports them into a spreadsheet has to know that they come
/// from a program. Complexity: the cells.
///
/// # Errors
/// Those of `out`.
pub fn write_csv(
    snapshot: &Snapshot,
    table: Table,
    out: &mut dyn Write,
    progress: &mut dyn FnMut(u64),
) -> io::Result<u64> {
    let columns = table.columns();
    let mut rows = Rows::new(snapshot, table);
    let names: Vec<&str> = columns.iter().map(|column| column.name).collect();
    writeln!(out, "{}", names.join(","))?;
    let mut line = String::new();
    for row in 0..rows.len() {
        line.clear();
        for column in 0..columns.len() {
            if column > 0 {
                line.push(',');
            }
            match rows.cell(row, column) {
                Cell::Unknown => {}
                Cell::Number(number) => line.push_str(itoa(number, &mut [0; 20])),
                Cell::Text(text) => push_field(&mut line, &text),
            }
        }
        line.push('\n');
        out.write_all(line.as_bytes())?;
        if row % STEP == STEP - 1 {
            progress(row as u64 + 1);
        }
    }
    progress(rows.len() as u64);
    Ok(rows.len() as u64)
}

/// A field, in quotation marks if it needs them; an empty text is `""`, an unknown one nothing.
fn push_field(line: &mut String, text: &str) {
    let plain = !text.is_empty()
        && !text
            .bytes()
            .any(|byte| matches!(byte, b',' | b'"' | b'\n' | b'\r'))
        && !text.starts_with(' ')
        && !text.ends_with(' ');
    if plain {
        line.push_str(text);
    } else {
        line.push('"');
        line.push_str(&text.replace('"', "\"\""));
        line.push('"');
    }
}

fn itoa(mut number: u64, digits: &mut [u8; 20]) -> &str {
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    std::str::from_utf8(&digits[at..]).unwrap_or_default()
}
