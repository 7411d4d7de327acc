//! Rows and columns, shown as text, CSV or Markdown.

use std::cmp::Ordering;
use std::fmt::Write as _;

use heapsnapshot::analysis::words;
use serde::Serialize;
use serde_json::json;

use super::args::{Form, ViewArgs};
use crate::failure::Failure;
use crate::output::{HEADING, LABEL, Output, escaped};
use crate::text::WIDTH;

/// One cell.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Cell {
    /// Words.
    Text(String),
    /// A number of things.
    Count(u64),
    /// A number of bytes.
    Bytes(u64),
    /// A change of a number of things.
    Change(i64),
    /// A change of a number of bytes.
    ByteChange(i64),
    /// A share of the whole, 0 to 100.
    Percent(f64),
    /// A number that may be missing.
    Number(Option<f64>),
}

/// A table with a title per column, in lower case; they are also the names for `--sort`.
#[derive(Debug)]
pub(super) struct Table {
    columns: Vec<&'static str>,
    rows: Vec<Vec<Cell>>,
    /// A line above the table, for people.
    title: Option<String>,
    /// A line below the table, for people.
    note: Option<String>,
}

impl Table {
    pub(super) fn new(columns: impl Into<Vec<&'static str>>) -> Table {
        Table {
            columns: columns.into(),
            rows: Vec::new(),
            title: None,
            note: None,
        }
    }

    pub(super) fn title(mut self, title: impl Into<String>) -> Table {
        self.title = Some(title.into());
        self
    }

    pub(super) fn note(mut self, note: impl Into<String>) -> Table {
        self.note = Some(note.into());
        self
    }

    pub(super) fn row(&mut self, cells: impl Into<Vec<Cell>>) {
        let cells = cells.into();
        debug_assert_eq!(cells.len(), self.columns.len());
        self.rows.push(cells);
    }

    /// Prints the table as asked for; as JSON, `value` is printed instead, under its verb.
    pub(super) fn print(
        mut self,
        view: &ViewArgs,
        output: Output,
        verb: &str,
        value: &impl Serialize,
    ) -> Result<(), Failure> {
        let mut data = output.data();
        if view.format == Form::Json {
            return data
                .json(&json!({ "schema": format!("heaplab snapshot {verb} 1"), verb: value }));
        }
        self.arrange(view)?;
        let text = match view.format {
            Form::Csv => self.csv(),
            Form::Md => self.markdown(),
            Form::Text | Form::Json => self.text(),
        };
        data.text(&text)
    }

    /// Filters, sorts and cuts the rows.
    fn arrange(&mut self, view: &ViewArgs) -> Result<(), Failure> {
        if let Some(wanted) = &view.filter {
            let wanted = wanted.to_lowercase();
            self.rows.retain(|row| {
                row.iter().any(|cell| matches!(cell, Cell::Text(text) if text.to_lowercase().contains(&wanted)))
            });
        }
        if let Some(column) = &view.sort {
            let at = self
                .columns
                .iter()
                .position(|title| title == column)
                .ok_or_else(|| {
                    Failure::usage(format!("no column `{column}`"))
                        .hint(format!("columns: {}", self.columns.join(", ")))
                })?;
            self.rows.sort_by(|a, b| compare(&a[at], &b[at]));
        }
        let all = self.rows.len();
        if view.top > 0 && all > view.top {
            self.rows.truncate(view.top);
            let more = format!(
                "{} of {} rows; --top 0 shows all",
                words::count(view.top as u64),
                words::count(all as u64)
            );
            self.note = Some(
                self.note
                    .take()
                    .map_or(more.clone(), |note| format!("{note}; {more}")),
            );
        }
        Ok(())
    }

    fn text(&self) -> String {
        let shown: Vec<Vec<String>> = self
            .rows
            .iter()
            .map(|row| row.iter().map(Cell::shown).collect())
            .collect();
        let widths = self.widths(&shown);
        let mut page = String::new();
        if let Some(title) = &self.title {
            let _ = writeln!(page, "{HEADING}{title}{HEADING:#}");
        }
        let heads: Vec<String> = self
            .columns
            .iter()
            .map(|title| (*title).to_owned())
            .collect();
        let _ = writeln!(page, "{LABEL}{}{LABEL:#}", self.line(&heads, &widths));
        for row in &shown {
            let _ = writeln!(page, "{}", self.line(row, &widths));
        }
        if let Some(note) = &self.note {
            let _ = writeln!(page, "{LABEL}{note}{LABEL:#}");
        }
        page
    }

    /// Numbers get what they need; the columns of words share what is left.
    fn widths(&self, shown: &[Vec<String>]) -> Vec<usize> {
        let longest = |at: usize| {
            shown
                .iter()
                .map(|row| row[at].chars().count())
                .max()
                .unwrap_or(0)
        };
        let mut widths: Vec<usize> = (0..self.columns.len())
            .map(|at| longest(at).max(self.columns[at].chars().count()))
            .collect();
        let gaps = 2 * widths.len().saturating_sub(1);
        let wordy: Vec<usize> = (0..widths.len()).filter(|&at| self.is_text(at)).collect();
        let numbers: usize = (0..widths.len())
            .filter(|at| !wordy.contains(at))
            .map(|at| widths[at])
            .sum();
        let mut left = WIDTH.saturating_sub(numbers + gaps);
        let mut waiting = wordy.len();
        let mut order = wordy;
        order.sort_by_key(|&at| widths[at]);
        for at in order {
            let fair = left / waiting.max(1);
            widths[at] = widths[at].min(fair.max(8));
            left = left.saturating_sub(widths[at]);
            waiting -= 1;
        }
        widths
    }

    fn is_text(&self, at: usize) -> bool {
        self.rows.iter().all(|row| matches!(row[at], Cell::Text(_)))
    }

    fn line(&self, cells: &[String], widths: &[usize]) -> String {
        let mut line = String::new();
        for (at, (cell, &width)) in cells.iter().zip(widths).enumerate() {
            let gap = if at == 0 { "" } else { "  " };
            let cell = if cell.chars().count() > width {
                words::shortened(cell, width.saturating_sub(1))
            } else {
                cell.clone()
            };
            let _ = if self.is_text(at) {
                write!(line, "{gap}{cell:<width$}")
            } else {
                write!(line, "{gap}{cell:>width$}")
            };
        }
        line.truncate(line.trim_end().len());
        line
    }

    fn csv(&self) -> String {
        let mut page = self.columns.join(",") + "\n";
        for row in &self.rows {
            let cells: Vec<String> = row.iter().map(|cell| quoted(&cell.plain())).collect();
            page += &cells.join(",");
            page.push('\n');
        }
        page
    }

    fn markdown(&self) -> String {
        let mut page = String::new();
        if let Some(title) = &self.title {
            let _ = writeln!(page, "**{}**\n", markdown_text(title));
        }
        let _ = writeln!(page, "| {} |", self.columns.join(" | "));
        let rules: Vec<&str> = (0..self.columns.len())
            .map(|at| if self.is_text(at) { "---" } else { "---:" })
            .collect();
        let _ = writeln!(page, "| {} |", rules.join(" | "));
        for row in &self.rows {
            let cells: Vec<String> = row
                .iter()
                .map(|cell| markdown_text(&cell.shown()))
                .collect();
            let _ = writeln!(page, "| {} |", cells.join(" | "));
        }
        page
    }
}

impl Cell {
    /// For people.
    fn shown(&self) -> String {
        match self {
            Cell::Text(text) => escaped(text).into_owned(),
            Cell::Count(count) => words::count(*count),
            Cell::Bytes(bytes) => words::bytes(*bytes),
            Cell::Change(change) => signed(*change, words::count),
            Cell::ByteChange(change) => signed(*change, words::bytes),
            Cell::Percent(percent) => format!("{percent:.1} %"),
            Cell::Number(Some(number)) => format!("{number:.1}"),
            Cell::Number(None) => "−".to_owned(),
        }
    }

    /// For programs.
    fn plain(&self) -> String {
        match self {
            Cell::Text(text) => text.clone(),
            Cell::Count(number) | Cell::Bytes(number) => number.to_string(),
            Cell::Change(change) | Cell::ByteChange(change) => change.to_string(),
            Cell::Percent(number) | Cell::Number(Some(number)) => number.to_string(),
            Cell::Number(None) => String::new(),
        }
    }
}

fn signed(change: i64, show: impl Fn(u64) -> String) -> String {
    let sign = match change.cmp(&0) {
        Ordering::Less => "−",
        Ordering::Equal => "",
        Ordering::Greater => "+",
    };
    format!("{sign}{}", show(change.unsigned_abs()))
}

/// Numbers largest first, words in order.
fn compare(a: &Cell, b: &Cell) -> Ordering {
    let number = |cell: &Cell| match cell {
        Cell::Count(number) | Cell::Bytes(number) => *number as f64,
        Cell::Change(change) | Cell::ByteChange(change) => *change as f64,
        Cell::Percent(number) | Cell::Number(Some(number)) => *number,
        Cell::Number(None) | Cell::Text(_) => f64::NEG_INFINITY,
    };
    match (a, b) {
        (Cell::Text(a), Cell::Text(b)) => a.cmp(b),
        _ => number(b).total_cmp(&number(a)),
    }
}

/// A CSV field: quoted if need be; formulas are kept from spreadsheets.
fn quoted(field: &str) -> String {
    let formula = field.starts_with(['=', '+', '@', '\t', '\r'])
        || (field.starts_with('-') && field.parse::<f64>().is_err());
    let field = if formula {
        format!("'{field}")
    } else {
        field.to_owned()
    };
    if field.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", field.replace('"', "\"\""))
    } else {
        field
    }
}

/// Text in a Markdown cell: nothing in it is markup.
pub(super) fn markdown_text(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '|' | '*' | '_' | '`' | '<' | '>' | '[' | ']' | '\\' | '~' | '#' => {
                out.push('\\');
                out.push(character);
            }
            '\n' | '\r' => out.push(' '),
            _ => out.push(character),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view() -> ViewArgs {
        ViewArgs {
            format: Form::Text,
            top: 2,
            sort: None,
            filter: None,
            strict: false,
            raw: false,
            max_memory: None,
        }
    }

    fn table() -> Table {
        let mut table = Table::new(["count", "bytes", "class"]);
        table.row([Cell::Count(1500), Cell::Bytes(20), Cell::Text("Map".into())]);
        table.row([
            Cell::Count(2),
            Cell::Bytes(3_000_000),
            Cell::Text(format!("{{{}}}", "name, ".repeat(40))),
        ]);
        table.row([
            Cell::Count(3),
            Cell::Bytes(0),
            Cell::Text("=cmd|\x1b[31m\"x\"".into()),
        ]);
        table
    }

    #[test]
    fn text_fits_and_numbers_line_up() {
        let mut table = table();
        table.arrange(&ViewArgs { top: 0, ..view() }).unwrap();
        let text = anstream::adapter::strip_str(&table.text()).to_string();
        assert!(
            text.lines().all(|line| line.chars().count() <= WIDTH),
            "{text}"
        );
        assert!(text.contains("1,500"), "{text}");
        assert!(text.contains("3.0 MB"), "{text}");
        assert!(!text.contains('\x1b'), "{text}");
    }

    #[test]
    fn rows_are_sorted_filtered_and_cut() {
        let mut sorted = table();
        sorted
            .arrange(&ViewArgs {
                sort: Some("bytes".into()),
                ..view()
            })
            .unwrap();
        assert_eq!(
            sorted
                .rows
                .iter()
                .map(|row| row[0].clone())
                .collect::<Vec<_>>(),
            [Cell::Count(2), Cell::Count(1500)]
        );
        assert_eq!(
            sorted.note.as_deref(),
            Some("2 of 3 rows; --top 0 shows all")
        );
        let mut filtered = table();
        filtered
            .arrange(&ViewArgs {
                filter: Some("MAP".into()),
                ..view()
            })
            .unwrap();
        assert_eq!(filtered.rows.len(), 1);
        assert!(
            table()
                .arrange(&ViewArgs {
                    sort: Some("weight".into()),
                    ..view()
                })
                .is_err()
        );
    }

    #[test]
    fn csv_is_quoted_and_harmless() {
        let csv = table().csv();
        let last = csv.lines().last().unwrap();
        assert_eq!(last, "3,0,\"'=cmd|\x1b[31m\"\"x\"\"\"");
        assert_eq!(quoted("-5"), "-5");
        assert_eq!(quoted("-cmd"), "'-cmd");
    }

    #[test]
    fn markdown_holds_no_markup_of_others() {
        assert_eq!(markdown_text("<b>|x|</b>\n"), "\\<b\\>\\|x\\|\\</b\\> ");
    }
}
