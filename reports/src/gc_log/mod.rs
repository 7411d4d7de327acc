//! V8's `--trace-gc` lines: written exactly as Node 20 prints them, and read as Node 8 to 24 print them.
//!
//! [`Line`] writes a collection of ours. [`parse_line`] reads one, and [`run_of_log`] makes a whole log, of
//! heaplab or of a Node process, into a record that charts and pages can be made from.

mod line;
mod log;
mod parser;

pub use line::{GcLogPrefix, Line};
pub use log::run_of_log;
pub use parser::{LogLine, LogLineError, parse_line};
