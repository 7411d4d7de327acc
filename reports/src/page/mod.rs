//! The report: one HTML file that needs no script, no network and no other file to be read.
//!
//! [`write_report`] makes it from a run's folder, [`write_comparison`] from several; beside it they put every
//! chart as SVG and PNG into `charts/`. The words of the page ([`run_words`], [`comparison_words`]) and its
//! table of variants ([`comparison_table`]) can be had as plain text too, for a terminal.

mod comparison;
mod document;
mod files;
mod run;
mod table;
mod words;

pub use comparison::{comparison_page, comparison_table, run_names};
pub use files::{ReportError, write_comparison, write_report};
pub use run::run_page;
pub use table::Table;
pub use words::{Paragraph, comparison_words, run_words, smallest_heap_words};

/// The name of the page's file.
pub const REPORT_FILE: &str = "report.html";
/// The name of the folder of charts beside it.
pub const CHARTS_DIR: &str = "charts";
