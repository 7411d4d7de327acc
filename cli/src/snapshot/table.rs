//! Rows and columns, shown as text, CSV or Markdown.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::fmt::Write as _;

use heapsnapshot::analysis::words;
use serde::Serialize;
use serde_json::{Value, json};

use super::args::{Form, ROWS, ViewArgs};
use crate::failure::Failure;
use crate::output::{HEADING, LABEL, Output, escaped};
use crate::text::{WIDTH, beginning, ending, width};

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
    rows: Vec<Row>,
    /// Where the next row comes from: an array in the JSON document, and the item in it.
    source: (&'static str, usize),
    /// The arrays that rows come from.
    arrays: Vec<&'static str>,
    /// Rows there are in all, if an analysis has left some out.
    whole: usize,
    /// A line above the table, for people.
    title: Option<String>,
    /// A line below the table, for people.
    note: Option<String>,
    /// What is said if rows are left out.
    cut: Option<String>,
}

#[derive(Debug)]
struct Row {
    cells: Vec<Cell>,
    source: (&'static str, usize),
}

impl Table {
    pub(super) fn new(columns: impl Into<Vec<&'static str>>) -> Table {
        Table {
            columns: columns.into(),
            rows: Vec::new(),
            source: ("", 0),
            arrays: vec![""],
            whole: 0,
            title: None,
            note: None,
            cut: None,
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

    /// Rows there are in all, where an analysis gives only the first ones.
    pub(super) fn whole(mut self, rows: u64) -> Table {
        self.whole = usize::try_from(rows).unwrap_or(usize::MAX);
        self
    }

    /// The rows to come are the items of the array at this JSON pointer, from the first on; an empty pointer is
    /// the whole value.
    pub(super) fn rows_from(&mut self, array: &'static str) {
        self.source = (array, 0);
        self.arrays.push(array);
    }

    pub(super) fn row(&mut self, cells: impl Into<Vec<Cell>>) {
        self.row_of(self.source.1, cells);
        self.source.1 += 1;
    }

    /// A row of this item of the array; several rows may be of one.
    pub(super) fn row_of(&mut self, item: usize, cells: impl Into<Vec<Cell>>) {
        let cells = cells.into();
        debug_assert_eq!(cells.len(), self.columns.len());
        let source = (self.source.0, item);
        self.rows.push(Row { cells, source });
    }

    /// Prints the table as asked for; as JSON, `value` under its verb, with the items of the rows asked for.
    pub(super) fn print(
        mut self,
        view: &ViewArgs,
        output: Output,
        verb: &str,
        value: &impl Serialize,
    ) -> Result<(), Failure> {
        self.arrange(view)?;
        // Data for programs has no place for it.
        if let (Form::Csv | Form::Json, Some(cut)) = (view.format, &self.cut) {
            output.say(cut);
        }
        let mut data = output.data();
        if view.format == Form::Json {
            let schema = format!("heaplab snapshot {verb} 1");
            let mut value = serde_json::to_value(value)
                .map_err(|error| Failure::input(format!("standard output: {error}")))?;
            self.choose(&mut value);
            return data.json(&json!({ "schema": schema, verb: value }));
        }
        let text = match view.format {
            Form::Csv => self.csv(),
            Form::Md => self.markdown(),
            Form::Text | Form::Json => self.text(),
        };
        data.text(&text)
    }

    /// The arrays and items of the rows that are asked for, in their order, for a page of another form than a table; none is
    /// cut.
    pub(super) fn chosen(mut self, view: &ViewArgs) -> Result<Vec<(&'static str, usize)>, Failure> {
        self.filter_and_sort(view)?;
        Ok(self.rows.into_iter().map(|row| row.source).collect())
    }

    fn filter_and_sort(&mut self, view: &ViewArgs) -> Result<(), Failure> {
        if let Some(wanted) = &view.filter {
            let wanted = wanted.to_lowercase();
            self.rows.retain(|row| {
                row.cells.iter().any(|cell| matches!(cell, Cell::Text(text) if text.to_lowercase().contains(&wanted)))
            });
        }
        if let Some(column) = &view.sort {
            let at = self
                .columns
                .iter()
                .position(|title| key(title) == key(column))
                .ok_or_else(|| {
                    Failure::usage(format!("no column `{column}`"))
                        .hint(format!("columns: {}", self.keys().join(", ")))
                })?;
            self.rows
                .sort_by(|a, b| compare(&a.cells[at], &b.cells[at]));
        }
        Ok(())
    }

    /// Filters, sorts and cuts the rows.
    fn arrange(&mut self, view: &ViewArgs) -> Result<(), Failure> {
        self.filter_and_sort(view)?;
        // A filter has had all rows before it.
        let all = if view.filter.is_some() {
            self.rows.len()
        } else {
            self.rows.len().max(self.whole)
        };
        let most = view.rows(ROWS);
        if view.sort.is_some() {
            self.rows.truncate(most);
        } else {
            // Every list in the table shows its first ones.
            let mut seen: HashMap<&str, usize> = HashMap::new();
            self.rows.retain(|row| {
                let seen = seen.entry(row.source.0).or_default();
                *seen += 1;
                *seen <= most
            });
        }
        let shown = self.rows.len();
        if all > shown {
            let more = format!(
                "{} of {} rows; --top 0 shows all",
                words::count(shown as u64),
                words::count(all as u64)
            );
            self.cut = Some(more);
        }
        Ok(())
    }

    /// In the document, keeps the items of the rows that are left, in their order.
    fn choose(&self, value: &mut Value) {
        for &array in &self.arrays {
            let Some(items) = value.pointer_mut(array).and_then(Value::as_array_mut) else {
                continue;
            };
            let mut all: Vec<Option<Value>> = std::mem::take(items).into_iter().map(Some).collect();
            let rows = self.rows.iter().filter(|row| row.source.0 == array);
            items.extend(rows.filter_map(|row| all.get_mut(row.source.1)?.take()));
        }
    }

    /// The lines below the table.
    fn notes(&self) -> impl Iterator<Item = &String> {
        self.note.iter().chain(&self.cut)
    }

    /// The columns' names for programs.
    fn keys(&self) -> Vec<String> {
        self.columns.iter().map(|title| key(title)).collect()
    }

    fn text(&self) -> String {
        let shown: Vec<Vec<String>> = self
            .rows
            .iter()
            .map(|row| row.cells.iter().map(Cell::shown).collect())
            .collect();
        // Found out once: it is a look at every row.
        let texts = self.texts();
        let widths = self.widths(&shown, &texts);
        let mut page = String::new();
        if let Some(title) = &self.title {
            let _ = writeln!(page, "{HEADING}{title}{HEADING:#}");
        }
        let heads: Vec<String> = self
            .columns
            .iter()
            .map(|title| (*title).to_owned())
            .collect();
        let _ = writeln!(page, "{LABEL}{}{LABEL:#}", line(&heads, &widths, &texts));
        for row in &shown {
            let _ = writeln!(page, "{}", line(row, &widths, &texts));
        }
        for note in self.notes() {
            let _ = writeln!(page, "{LABEL}{note}{LABEL:#}");
        }
        page
    }

    /// Numbers get what they need; the columns of words share what is left.
    fn widths(&self, shown: &[Vec<String>], texts: &[bool]) -> Vec<usize> {
        let longest = |at: usize| shown.iter().map(|row| width(&row[at])).max().unwrap_or(0);
        let mut widths: Vec<usize> = (0..self.columns.len())
            .map(|at| longest(at).max(width(self.columns[at])))
            .collect();
        let gaps = 2 * widths.len().saturating_sub(1);
        let wordy: Vec<usize> = (0..widths.len()).filter(|&at| texts[at]).collect();
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

    /// Which columns have words only.
    fn texts(&self) -> Vec<bool> {
        let is_text = |at: usize| {
            let mut cells = self.rows.iter().map(|row| &row.cells[at]);
            cells.all(|cell| matches!(cell, Cell::Text(_)))
        };
        (0..self.columns.len()).map(is_text).collect()
    }

    fn csv(&self) -> String {
        let mut page = self.keys().join(",") + "\n";
        for row in &self.rows {
            let cells: Vec<String> = row.cells.iter().map(|cell| quoted(&cell.plain())).collect();
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
        let texts = self.texts();
        let rule = |&text: &bool| if text { "---" } else { "---:" };
        let rules: Vec<&str> = texts.iter().map(rule).collect();
        let _ = writeln!(page, "| {} |", rules.join(" | "));
        for row in &self.rows {
            let cells: Vec<String> = row
                .cells
                .iter()
                .map(|cell| markdown_text(&cell.shown()))
                .collect();
            let _ = writeln!(page, "| {} |", cells.join(" | "));
        }
        for note in self.notes() {
            let _ = writeln!(page, "\n{}", markdown_text(note));
        }
        page
    }
}

/// A line of the table: words to the left, numbers to the right.
fn line(cells: &[String], widths: &[usize], texts: &[bool]) -> String {
    let mut line = String::new();
    for (at, (cell, &columns)) in cells.iter().zip(widths).enumerate() {
        let gap = if at == 0 { "" } else { "  " };
        let cell = fitted(cell, columns);
        let room = columns.saturating_sub(width(&cell));
        let _ = if texts[at] {
            write!(line, "{gap}{cell}{:room$}", "")
        } else {
            write!(line, "{gap}{:room$}{cell}", "")
        };
    }
    line.truncate(line.trim_end().len());
    line
}

impl Cell {
    /// A share of a whole that may be nothing.
    pub(super) fn share(part: u64, whole: u64) -> Cell {
        Cell::Percent(if whole == 0 {
            0.0
        } else {
            part as f64 * 100.0 / whole as f64
        })
    }

    /// For people.
    fn shown(&self) -> String {
        match self {
            Cell::Text(text) => escaped(text).into_owned(),
            Cell::Count(count) => words::count(*count),
            Cell::Bytes(bytes) => words::bytes(*bytes),
            Cell::Change(change) => signed(*change, words::count),
            Cell::ByteChange(change) => signed(*change, words::bytes),
            Cell::Percent(percent) => format!("{percent:.1} %"),
            Cell::Number(Some(number)) => decimal(*number),
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

/// `text` in so many columns: its beginning, and of a path its end, too, which says most.
fn fitted(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let (begin, end) = if text.contains(" → ") {
        (columns / 3, columns.saturating_sub(columns / 3 + 1))
    } else {
        (columns.saturating_sub(1), 0)
    };
    format!("{}…{}", beginning(text, begin), ending(text, end))
}

/// `9,565.5`.
fn decimal(number: f64) -> String {
    let text = format!("{:.1}", number.abs());
    let (whole, tenths) = text.split_once('.').unwrap_or((&text, "0"));
    let sign = if number < 0.0 { "−" } else { "" };
    match whole.parse() {
        Ok(whole) => format!("{sign}{}.{tenths}", words::count(whole)),
        Err(_) => format!("{number:.1}"),
    }
}

/// A column's name for programs: `held by` is `held_by`.
fn key(title: &str) -> String {
    title.to_lowercase().replace([' ', '-'], "_")
}

fn signed(change: i64, show: impl Fn(u64) -> String) -> String {
    let sign = match change.cmp(&0) {
        Ordering::Less => "−",
        Ordering::Equal => "",
        Ordering::Greater => "+",
    };
    format!("{sign}{}", show(change.unsigned_abs()))
}

/// A text that is nothing but a number or an id, such as `@12`.
fn whole_number(text: &str) -> Option<u64> {
    text.strip_prefix('@').unwrap_or(text).parse().ok()
}

/// Numbers largest first, words in order; so are ids and indexes, which come before them.
fn compare(a: &Cell, b: &Cell) -> Ordering {
    let number = |cell: &Cell| match cell {
        Cell::Count(number) | Cell::Bytes(number) => *number as f64,
        Cell::Change(change) | Cell::ByteChange(change) => *change as f64,
        Cell::Percent(number) | Cell::Number(Some(number)) => *number,
        Cell::Number(None) | Cell::Text(_) => f64::NEG_INFINITY,
    };
    match (a, b) {
        (Cell::Text(a), Cell::Text(b)) => match (whole_number(a), whole_number(b)) {
            (Some(one), Some(two)) => one.cmp(&two).then_with(|| a.cmp(b)),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => a.cmp(b),
        },
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
    use super::super::args::ReadArgs;
    use super::*;

    fn view() -> ViewArgs {
        ViewArgs {
            format: Form::Text,
            top: Some(2),
            sort: None,
            filter: None,
            read: ReadArgs::default(),
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
        table
            .arrange(&ViewArgs {
                top: Some(0),
                ..view()
            })
            .unwrap();
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
                .map(|row| row.cells[0].clone())
                .collect::<Vec<_>>(),
            [Cell::Count(2), Cell::Count(1500)]
        );
        assert_eq!(
            sorted.cut.as_deref(),
            Some("2 of 3 rows; --top 0 shows all")
        );
        let mut first_ones = table().whole(1234);
        first_ones.arrange(&view()).unwrap();
        assert_eq!(
            first_ones.cut.as_deref(),
            Some("2 of 1,234 rows; --top 0 shows all")
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

    /// What a table shows of a document is what its JSON has.
    #[test]
    fn json_has_the_rows_that_are_left() {
        let mut table = Table::new(["per step", "name"]);
        table.rows_from("/classes");
        for (number, name) in [(1, "Map"), (5, "Set"), (3, "Mapper")] {
            table.row([Cell::Count(number), Cell::Text(name.into())]);
        }
        table.rows_from("/lists");
        for (item, name) in [(0, "a map"), (0, "map b"), (1, "c")] {
            table.row_of(item, [Cell::Count(9), Cell::Text(name.into())]);
        }
        table
            .arrange(&ViewArgs {
                top: Some(0),
                sort: Some("per-step".into()),
                filter: Some("map".into()),
                ..view()
            })
            .unwrap();
        let mut first_ones = Table::new(["name"]);
        for array in ["/classes", "/lists"] {
            first_ones.rows_from(array);
            for name in ["a", "b", "c"] {
                first_ones.row([Cell::Text(name.into())]);
            }
        }
        first_ones.arrange(&view()).unwrap();
        let mut lists = json!({ "classes": ["a", "b", "c"], "lists": ["a", "b", "c"] });
        first_ones.choose(&mut lists);
        assert_eq!(lists, json!({ "classes": ["a", "b"], "lists": ["a", "b"] }));
        assert_eq!(
            first_ones.cut.as_deref(),
            Some("4 of 6 rows; --top 0 shows all")
        );
        let mut value =
            json!({ "total": 9, "classes": ["Map", "Set", "Mapper"], "lists": ["ab", "c"] });
        table.choose(&mut value);
        assert_eq!(
            value,
            json!({ "total": 9, "classes": ["Mapper", "Map"], "lists": ["ab"] })
        );
    }

    #[test]
    fn what_is_too_long_keeps_what_says_most() {
        assert_eq!(fitted("short → path", 12), "short → path");
        assert_eq!(fitted("a very long word", 9), "a very l…");
        let path = fitted("Array at global → property `a` → element 7", 24);
        assert_eq!(path, "Array at…`a` → element 7");
        assert_eq!(decimal(9565.46), "9,565.5");
        assert_eq!(decimal(-0.5), "−0.5");
    }

    /// In a text of one column a character, and in one where each takes two.
    #[test]
    fn columns_line_up_whatever_the_characters_take() {
        let mut table = Table::new(["name", "class", "bytes"]);
        for name in ["plain", "缓存条目", "한국어 이름", "\u{1f600}\u{1f600}"] {
            for copies in [1, 40] {
                let text = format!("{} → end", name.repeat(copies));
                let name = Cell::Text(name.repeat(copies));
                table.row([name, Cell::Text(text), Cell::Bytes(7)]);
            }
        }
        let text = anstream::adapter::strip_str(&table.text()).to_string();
        let widths: Vec<usize> = text.lines().map(width).collect();
        assert!(widths.iter().all(|&columns| columns == widths[0]), "{text}");
        assert!(widths[0] <= WIDTH, "{text}");
        assert_eq!(text.matches("→ end").count(), 8, "{text}");
    }

    #[test]
    fn ids_and_indexes_are_sorted_as_numbers() {
        let mut table = Table::new(["id"]);
        for id in ["−", "@100001", "@9", "length", "10", "2", "@1"] {
            table.row([Cell::Text(id.into())]);
        }
        let sorted = ViewArgs {
            top: Some(0),
            sort: Some("id".into()),
            ..view()
        };
        table.arrange(&sorted).unwrap();
        let ids: Vec<String> = table.rows.iter().map(|row| row.cells[0].plain()).collect();
        assert_eq!(ids, ["@1", "2", "@9", "10", "@100001", "length", "−"]);
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
