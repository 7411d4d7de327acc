//! Lines of real Node processes (`data/node20.log`, `node22.log`, `node24.log`: what `node --trace-gc` printed)
//! are read, and those of Node 20 written again to the letter.
#![allow(missing_docs, reason = "a test")]

use heaplab_reports::chart::run_charts;
use heaplab_reports::gc_log::{GcLogPrefix, Line, parse_line, run_of_log};
use heaplab_reports::page::run_page;
use heaplab_reports::record::{GcEvent, GcKind, HeapSizes, IncrementalMarking};

const NODE_20: &str = include_str!("data/node20.log");
const NODE_22: &str = include_str!("data/node22.log");
const NODE_24: &str = include_str!("data/node24.log");

#[test]
fn node_20s_lines_are_written_to_the_letter() {
    let mut incremental = 0;
    for line in NODE_20.lines() {
        let parsed = parse_line(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        incremental += usize::from(parsed.gc.incremental_marking.is_some());
        // We have no embedder callbacks to time; Node's are a few hundredths of a millisecond.
        let (before, after) = line.split_once(" / ").unwrap();
        let expected = format!("{before} / 0.00{}", &after[4..]);
        assert_eq!(Line::new(&parsed.gc, parsed.prefix).to_string(), expected);
    }
    assert!(NODE_20.lines().count() > 30 && incremental > 5);
    assert!(NODE_20.contains("Mark-Compact (reduce)") && NODE_20.contains(") testing; "));
}

#[test]
fn later_versions_are_read() {
    for (log, count) in [(NODE_22, 28), (NODE_24, 12)] {
        let lines: Vec<_> = log
            .lines()
            .map(|line| parse_line(line).unwrap_or_else(|error| panic!("{error}: {line}")))
            .collect();
        assert_eq!(lines.len(), count);
        assert!(lines.iter().all(|line| line.pooled_bytes.is_some()));
        assert!(
            lines.iter().any(|line| line.gc.kind == GcKind::Minor)
                && lines.iter().any(|line| line.gc.kind == GcKind::Major)
        );
    }
    let line = "[1:0x2d5b9000:0]       50 ms: Incremental Mark-Compact (during sweeping) 5.7 (7.7) -> 5.4 (9.4) MB, \
                pooled: 0.5 MB, 1.51 / 0.00 ms  (average mu = 1.000, current mu = 1.000) task; \n";
    let parsed = parse_line(line).unwrap();
    assert!(parsed.gc.incremental && !parsed.gc.reduce_memory);
    assert_eq!(
        (parsed.pooled_bytes, parsed.gc.reason.as_str()),
        (Some(1 << 19), "task")
    );
    // Node 8: another name, no utilisation.
    let line = "[7:0x3b6f2a0]      812 ms: Mark-sweep 21.3 (40.1) -> 18.0 (41.6) MB, 12.4 / 0.1 ms  allocation failure GC in old space requested";
    let parsed = parse_line(line).unwrap();
    assert_eq!(
        (parsed.gc.kind, parsed.gc.total_ns),
        (GcKind::Major, 12_400_000)
    );
}

#[test]
fn a_virtual_run_has_no_process_in_its_lines() {
    let sizes = |old_bytes, committed_bytes| HeapSizes {
        old_bytes,
        committed_bytes,
        ..HeapSizes::default()
    };
    let gc = GcEvent {
        kind: GcKind::Major,
        reason: "last resort".into(),
        collector_reason: "GC in old space requested".into(),
        start_us: 1_234_000,
        total_ns: 5_500_000,
        before: sizes(50 << 20, 60 << 20),
        after: sizes(25 << 20, 60 << 20),
        average_mu: 0.5,
        current_mu: 0.25,
        incremental_marking: Some(IncrementalMarking {
            steps: 3,
            total_ns: 1_500_000,
            longest_ns: 700_000,
            wall_us: 9_000,
        }),
        ..GcEvent::default()
    };
    assert_eq!(
        Line::new(&gc, GcLogPrefix::VIRTUAL).to_string(),
        "[1:0x0]     1240 ms: Mark-Compact 50.0 (60.0) -> 25.0 (60.0) MB, 5.50 / 0.00 ms  (+ 1.5 ms in 3 steps since start of \
         marking, biggest step 0.7 ms, walltime since start of marking 9 ms) (average mu = 0.500, current mu = 0.250) last \
         resort; GC in old space requested"
    );
}

#[test]
fn what_is_no_line_is_refused_with_its_place() {
    let refusal = |line: &str| parse_line(line).unwrap_err().to_string();
    assert_eq!(refusal("hello"), "column 1: expected [");
    assert_eq!(
        refusal("[12:0x1]  oops ms: "),
        "column 11: expected the time"
    );
    assert_eq!(
        refusal("[12:0x1]  5 ms: Scavenge 1.0 (2.0) -> "),
        "column 39: expected a size in MB"
    );
    let line = NODE_20.lines().next().unwrap();
    for end in 0..line.find(" ms  (").unwrap() + 3 {
        assert!(parse_line(&line[..end]).is_err(), "{}", &line[..end]);
    }
}

#[test]
fn a_foreign_log_becomes_a_page() {
    let mixed = format!(
        "server listening on 8080\n{NODE_20}[1:0x5]  5 ms: Scavenge 1.0 (2.0) -> 1.0 (2.0) MB, 1.0 / 0.0 ms  x\n"
    );
    let run = run_of_log("node20.log", &mixed).unwrap();
    assert_eq!(run.collections().count(), NODE_20.lines().count());
    assert_eq!(run.remarks.len(), 3, "{:?}", run.remarks);
    let page = run_page(&run, &run_charts(&run));
    assert!(page.contains("node20.log") && page.contains("<svg"));
    assert!(run_of_log("x", "no collection\n").is_none());
}
