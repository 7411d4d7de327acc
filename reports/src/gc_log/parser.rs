//! Reads `--trace-gc` lines in the variations of V8's versions.
//!
//! | version | what differs from Node 20's form |
//! |---|---|
//! | Node 8 to 16 | `Mark-sweep` for `Mark-Compact` |
//! | Node 22, 24 | `pooled: N MB,` after the sizes |
//! | later | decimals in `pooled`; `Incremental Mark-Compact`, `Minor Mark-Sweep`; `(during sweeping)` |

use super::line::GcLogPrefix;
use crate::record::{GcEvent, GcKind, HeapSizes, IncrementalMarking};

/// A collection as a line tells it.
#[derive(Clone, Debug, PartialEq)]
pub struct LogLine {
    /// The process and the heap.
    pub prefix: GcLogPrefix,
    /// The collection. A line tells only the sum of what is used: it is all in `old_bytes`.
    pub gc: GcEvent,
    /// V8's name of the collector: `Scavenge`, `Mark-Compact`, ...
    pub collector: String,
    /// Bytes in V8's page pool, if the line says.
    pub pooled_bytes: Option<u64>,
}

/// Why a line is no `--trace-gc` line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("column {column}: expected {expected}")]
pub struct LogLineError {
    /// Where reading stopped, from 1, in bytes.
    pub column: usize,
    /// What should stand there.
    pub expected: &'static str,
}

/// Reads one line, with or without its end.
///
/// # Errors
/// [`LogLineError`] with the place at which it stops being one.
pub fn parse_line(line: &str) -> Result<LogLine, LogLineError> {
    let line = line.trim_end_matches(['\r', '\n']);
    let mut cursor = Cursor { line, rest: line };
    let prefix = cursor.prefix()?;
    let end_ms = cursor.number("the time")?;
    cursor.skip(" ms: ")?;
    let (collector, reduce_memory) = cursor.collector()?;
    let mut gc = GcEvent {
        reduce_memory,
        average_mu: 1.0,
        current_mu: 1.0,
        ..GcEvent::default()
    };
    gc.kind = match collector {
        "Scavenge" | "Minor Mark-Sweep" | "Incremental Minor Mark-Sweep" => GcKind::Minor,
        "Mark-Compact" | "Mark-sweep" | "Mark-Sweep" | "Incremental Mark-Compact" => GcKind::Major,
        _ => return Err(cursor.expected("a collector's name before")),
    };
    gc.incremental = collector.starts_with("Incremental");
    gc.before = cursor.sizes()?;
    cursor.skip(" -> ")?;
    gc.after = cursor.sizes()?;
    cursor.skip(" MB, ")?;
    let pooled_bytes = match cursor.skip("pooled: ") {
        Ok(()) => {
            let pooled = cursor.megabytes()?;
            cursor.skip(" MB, ")?;
            Some(pooled)
        }
        Err(_) => None,
    };
    gc.total_ns = scaled(cursor.number("the pause")?, 1e6);
    cursor.skip(" / ")?;
    cursor.number("the time in callbacks")?;
    cursor.skip(" ms ")?;
    if cursor.skip(" (+ ").is_ok() || cursor.skip("(+ ").is_ok() {
        gc.incremental_marking = Some(cursor.marking()?);
        gc.incremental = true;
    }
    cursor.rest = cursor.rest.trim_start_matches(' ');
    if cursor.skip("(average mu = ").is_ok() {
        gc.average_mu = cursor.number("the average mutator utilisation")?;
        cursor.skip(", current mu = ")?;
        gc.current_mu = cursor.number("the current mutator utilisation")?;
        cursor.skip(") ")?;
    }
    // Old versions have a reason alone, newer ones the collector's reason after a semicolon.
    let (reason, collector_reason) = cursor.rest.split_once(';').unwrap_or((cursor.rest, ""));
    (gc.reason, gc.collector_reason) =
        (reason.trim().to_owned(), collector_reason.trim().to_owned());
    gc.start_us = scaled(end_ms, 1e3).saturating_sub(gc.total_ns.div_ceil(1000));
    Ok(LogLine {
        prefix,
        gc,
        collector: collector.to_owned(),
        pooled_bytes,
    })
}

/// A number of a unit as a whole number of a smaller one.
fn scaled(value: f64, factor: f64) -> u64 {
    (value * factor).round() as u64
}

struct Cursor<'a> {
    line: &'a str,
    rest: &'a str,
}

impl<'a> Cursor<'a> {
    fn expected(&self, expected: &'static str) -> LogLineError {
        LogLineError {
            column: self.line.len() - self.rest.len() + 1,
            expected,
        }
    }

    /// Steps over `text`.
    fn skip(&mut self, text: &'static str) -> Result<(), LogLineError> {
        self.rest = self.rest.strip_prefix(text).ok_or(self.expected(text))?;
        Ok(())
    }

    /// Steps over what comes before `end`, and over `end`.
    fn until(&mut self, end: &'static str) -> Result<&'a str, LogLineError> {
        let (before, after) = self.rest.split_once(end).ok_or(self.expected(end))?;
        self.rest = after;
        Ok(before)
    }

    /// A decimal number, after any spaces.
    fn number(&mut self, what: &'static str) -> Result<f64, LogLineError> {
        self.rest = self.rest.trim_start_matches(' ');
        let end = self
            .rest
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(self.rest.len());
        let value = self.rest[..end].parse().map_err(|_| self.expected(what))?;
        self.rest = &self.rest[end..];
        Ok(value)
    }

    fn megabytes(&mut self) -> Result<u64, LogLineError> {
        Ok(scaled(self.number("a size in MB")?, f64::from(1 << 20)))
    }

    /// `[pid:0xaddress]`, perhaps with an isolate group behind.
    fn prefix(&mut self) -> Result<GcLogPrefix, LogLineError> {
        self.skip("[")?;
        let pid = self.until(":")?;
        let pid = pid
            .parse()
            .map_err(|_| self.expected("a process number before"))?;
        let address = self.until("]")?;
        let address = address.split(':').next().unwrap_or_default();
        let address = match address.strip_prefix("0x") {
            Some(digits) => {
                u64::from_str_radix(digits, 16).map_err(|_| self.expected("an address before"))?
            }
            // What C prints for a null pointer.
            None if address == "(nil)" => 0,
            None => return Err(self.expected("an address before")),
        };
        Ok(GcLogPrefix { pid, address })
    }

    /// The collector's name, its remarks in brackets, and the space before the sizes.
    fn collector(&mut self) -> Result<(&'a str, bool), LogLineError> {
        let end = self
            .rest
            .find(|c: char| c.is_ascii_digit() || c == '(')
            .ok_or(self.expected("a size in MB"))?;
        let name = self.rest[..end].trim_end();
        self.rest = &self.rest[end..];
        let mut reduce = false;
        while self.rest.starts_with('(') {
            reduce |= self.until(") ")? == "(reduce";
        }
        Ok((name, reduce))
    }

    /// `used (committed)`.
    fn sizes(&mut self) -> Result<HeapSizes, LogLineError> {
        let old_bytes = self.megabytes()?;
        self.skip(" (")?;
        let committed_bytes = self.megabytes()?;
        self.skip(")")?;
        Ok(HeapSizes {
            old_bytes,
            committed_bytes,
            ..HeapSizes::default()
        })
    }

    /// What is in the brackets of incremental marking, after `(+ `.
    fn marking(&mut self) -> Result<IncrementalMarking, LogLineError> {
        let total_ns = scaled(self.number("the time in steps")?, 1e6);
        self.skip(" ms in ")?;
        let steps = self.number("a number of steps")? as u32;
        self.skip(" steps since start of marking, biggest step ")?;
        let longest_ns = scaled(self.number("the longest step")?, 1e6);
        self.skip(" ms, walltime since start of marking ")?;
        let wall_us = scaled(self.number("the time since the start of marking")?, 1e3);
        self.skip(" ms)")?;
        Ok(IncrementalMarking {
            steps,
            total_ns,
            longest_ns,
            wall_us,
        })
    }
}
