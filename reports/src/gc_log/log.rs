//! A whole log as a record.

use std::path::PathBuf;

use super::parser::parse_line;
use crate::record::{
    Event, Generator, Limits, Outcome, RunEnd, RunInfo, RunRecord, Totals, Workload,
};

/// A record of the collections in `log`, the output of `node --trace-gc` or our `gc.log`; `name` is what the
/// page calls it. Lines that are not about collections, which a program prints among them, are passed over.
/// `None` if there is no collection at all.
///
/// Only the heap that collected first is told of, if the log is of several. What a log does not say (limits,
/// spaces, samples) is empty in the record.
pub fn run_of_log(name: &str, log: &str) -> Option<RunRecord> {
    let mut events = Vec::new();
    let (mut first, mut others, mut passed_over) = (None, 0_u64, 0_u64);
    for line in log.lines().filter(|line| !line.trim().is_empty()) {
        match parse_line(line) {
            Ok(line) if *first.get_or_insert(line.prefix) == line.prefix => {
                let mut gc = line.gc;
                gc.sequence = events.len() as u64 + 1;
                events.push(Event::Gc(Box::new(gc)));
            }
            Ok(_) => others += 1,
            Err(_) => passed_over += 1,
        }
    }
    first?;
    let mut info = RunInfo::new(
        Workload {
            name: name.to_owned(),
            title: String::new(),
            summary: String::new(),
        },
        Limits::default(),
    );
    info.generator = Generator {
        name: "--trace-gc".into(),
        version: String::new(),
    };
    info.totals = Totals::of(&events);
    let time_us = events.iter().filter_map(|event| match event {
        Event::Gc(gc) => Some(gc.end_us()),
        _ => None,
    });
    info.end = RunEnd {
        ticks: 0,
        time_us: time_us.max().unwrap_or(0),
        outcome: Outcome::Completed,
    };
    let mut remarks =
        vec!["Made from a GC log: it tells of collections only, not of what was run.".to_owned()];
    if passed_over > 0 {
        remarks.push(format!(
            "{passed_over} lines that are not about collections were passed over."
        ));
    }
    if others > 0 {
        remarks.push(format!(
            "{others} collections of other heaps in the same log were left out."
        ));
    }
    Some(RunRecord {
        dir: PathBuf::new(),
        info,
        events,
        remarks,
        lost: 0,
    })
}
