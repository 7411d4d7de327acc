//! Tables, for a page and for a terminal.

use crate::escape::{escape, plain};

/// Tables with more columns than this are set narrower.
const WIDE: usize = 9;

/// A table of texts. The first column is a heading of its row; columns of figures are set flush right.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    /// Headings of the columns.
    pub headings: Vec<String>,
    /// Rows, each with one text per heading.
    pub rows: Vec<Vec<String>>,
    /// How many columns at the left are words rather than figures.
    pub word_columns: usize,
}

impl Table {
    /// A table with these headings, the first of them over words.
    pub fn new<const N: usize>(headings: [&str; N]) -> Self {
        Self {
            headings: headings.map(String::from).into(),
            rows: Vec::new(),
            word_columns: 1,
        }
    }

    /// Adds a row.
    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// Puts a column before the column `place`, with a cell for each row.
    pub(super) fn insert_column(
        &mut self,
        place: usize,
        heading: &str,
        cells: impl Iterator<Item = String>,
    ) {
        self.headings.insert(place, heading.to_owned());
        for (row, cell) in self.rows.iter_mut().zip(cells) {
            row.insert(place, cell);
        }
    }

    /// Leaves out columns in which no row has a figure, such as what lies outside the heap where nothing does.
    pub(super) fn drop_empty_columns(&mut self) {
        for column in (1..self.headings.len()).rev() {
            if self.rows.iter().all(|row| row[column] == "–") {
                self.headings.remove(column);
                self.rows
                    .iter_mut()
                    .for_each(|row| drop(row.remove(column)));
            }
        }
    }

    /// The table with spaces between its columns, one line per row, without control characters.
    pub fn text(&self) -> String {
        let lines: Vec<Vec<String>> = [&self.headings]
            .into_iter()
            .chain(&self.rows)
            .map(|row| row.iter().map(|cell| plain(cell)).collect())
            .collect();
        let width = |column: usize| {
            lines
                .iter()
                .filter_map(|row| row.get(column))
                .map(|cell| cell.chars().count())
                .max()
                .unwrap_or(0)
        };
        let widths: Vec<usize> = (0..self.headings.len()).map(width).collect();
        let mut text = String::new();
        for row in &lines {
            let mut line = String::new();
            for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
                let gap = if column > 0 { "  " } else { "" };
                line += &if column < self.word_columns {
                    format!("{gap}{cell:<width$}")
                } else {
                    format!("{gap}{cell:>width$}")
                };
            }
            text += line.trim_end();
            text.push('\n');
        }
        text
    }

    /// The table as HTML.
    pub(super) fn html(&self) -> String {
        let class = |column: usize| {
            if column < self.word_columns {
                ""
            } else {
                " class=\"figure\""
            }
        };
        let wide = if self.headings.len() > WIDE {
            " class=\"wide\""
        } else {
            ""
        };
        let mut html = format!("<div class=\"scroll\"><table{wide}>\n<thead><tr>");
        for (column, heading) in self.headings.iter().enumerate() {
            html += &format!(
                "<th scope=\"col\"{}>{}</th>",
                class(column),
                escape(heading)
            );
        }
        html += "</tr></thead>\n<tbody>\n";
        for row in &self.rows {
            html += "<tr>";
            for (column, cell) in row.iter().enumerate() {
                let cell = escape(cell);
                html += &match column {
                    0 => format!("<th scope=\"row\">{cell}</th>"),
                    _ => format!("<td{}>{cell}</td>", class(column)),
                };
            }
            html += "</tr>\n";
        }
        html + "</tbody>\n</table></div>\n"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up() {
        let mut table = Table::new(["variant", "peak", "pauses"]);
        table.row(["leak", "64.6 MB", "9"].map(String::from));
        table.row(["größe\u{1b}", "1 MB", "1,234"].map(String::from));
        let expected =
            "variant     peak  pauses\nleak     64.6 MB       9\ngröße\u{fffd}      1 MB   1,234\n";
        assert_eq!(table.text(), expected);
        assert!(
            table
                .html()
                .contains("<th scope=\"row\">größe\u{fffd}</th><td class=\"figure\">1 MB</td>")
        );
    }
}
