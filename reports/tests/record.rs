//! A record is read back as it was written, also after an interruption, and bad folders are refused clearly.
#![allow(missing_docs, reason = "a test")]

use std::fs;
use std::path::Path;

use heaplab_reports::record::{
    Counter, Event, GcEvent, GcKind, GcLogPrefix, HeapSizes, IncrementalMarking, Limits, Note,
    Outcome, RecordError, RecordWriter, RunEnd, RunInfo, RunRecord, Sample, SnapshotTaken,
    SnapshotWhy, Totals, Unit, Workload,
};

const MB: u64 = 1 << 20;

fn info() -> RunInfo {
    let workload = Workload {
        name: "cache".into(),
        title: "A cache".into(),
        summary: "Keeps <everything>.".into(),
    };
    let limits = Limits {
        max_old_space_bytes: 64 * MB,
        max_semi_space_bytes: 4 * MB,
        initial_semi_space_bytes: MB,
        max_external_bytes: None,
    };
    RunInfo::new(workload, limits)
}

fn sample(tick: u64, used: u64) -> Event {
    let heap = HeapSizes {
        old_bytes: used,
        committed_bytes: used + MB,
        ..HeapSizes::default()
    };
    let values = [
        ("entries".to_owned(), tick as f64),
        ("hit_rate".to_owned(), 0.25),
    ]
    .into();
    Event::Sample(Sample {
        tick,
        time_us: tick * 1000,
        heap,
        values,
        ..Sample::default()
    })
}

fn collection(sequence: u64, kind: GcKind, ms: u64) -> Event {
    let sizes = |old_bytes| HeapSizes {
        old_bytes,
        committed_bytes: 12 * MB,
        ..HeapSizes::default()
    };
    Event::Gc(Box::new(GcEvent {
        sequence,
        kind,
        reason: "allocation failure".into(),
        start_us: sequence * 1000,
        total_ns: ms * 1_000_000,
        before: sizes(10 * MB),
        after: sizes(4 * MB),
        average_mu: 1.0,
        current_mu: 0.75,
        ..GcEvent::default()
    }))
}

fn events() -> Vec<Event> {
    vec![
        sample(1, 2 * MB),
        collection(1, GcKind::Minor, 1),
        sample(2, 5 * MB),
        collection(2, GcKind::Major, 7),
        Event::Snapshot(SnapshotTaken {
            file: "a.heapsnapshot".into(),
            tick: 2,
            time_us: 2500,
            why: SnapshotWhy::End,
            file_bytes: 1234,
            nodes: Some(7),
            edges: None,
        }),
        Event::Note(Note {
            tick: 3,
            time_us: 3000,
            name: "queue_full".into(),
            text: "17 \"jobs\"\n".into(),
        }),
    ]
}

#[test]
fn steps_of_abandoned_cycles_count_as_incremental_work() {
    let Event::Gc(mut gc) = collection(1, GcKind::Major, 2) else {
        panic!("a collection");
    };
    let steps = |total_ns| {
        Some(IncrementalMarking {
            steps: 3,
            total_ns,
            longest_ns: total_ns,
            wall_us: 9,
        })
    };
    gc.incremental_marking = steps(500);
    gc.abandoned_marking = steps(70);
    assert_eq!(Totals::of([&Event::Gc(gc)]).major.incremental_ns, 570);
}

fn write(dir: &Path) -> RunInfo {
    let mut writer = RecordWriter::create(dir, info(), GcLogPrefix::VIRTUAL).unwrap();
    for event in events() {
        writer.record(&event).unwrap();
    }
    writer.info_mut().counters.push(Counter {
        name: "hits".into(),
        title: String::new(),
        unit: Unit::Count,
        value: 12.0,
    });
    writer
        .finish(RunEnd {
            ticks: 3,
            time_us: 3000,
            outcome: Outcome::Completed,
        })
        .unwrap()
}

#[test]
fn a_record_is_read_back_as_written() {
    let dir = tempfile::tempdir().unwrap();
    let written = write(dir.path());
    let read = RunRecord::open(dir.path()).unwrap();
    assert_eq!(read.info, written);
    assert_eq!(read.events, events());
    assert!(read.remarks.is_empty(), "{:?}", read.remarks);
    assert_eq!(read.info.totals.minor.count, 1);
    assert_eq!(read.info.totals.major.longest_ns, 7_000_000);
    assert_eq!(read.info.totals.major.reclaimed_bytes, 6 * MB);
    assert_eq!(
        read.info.totals.allocated_bytes,
        2 * MB + 8 * MB + MB + 5 * MB
    );
    assert_eq!(
        read,
        RunRecord {
            dir: read.dir.clone(),
            ..RunRecord::open(dir.path().join("run.json")).unwrap()
        }
    );
    assert!(
        fs::read_dir(dir.path()).unwrap().count() == 3,
        "no temporary file is left"
    );
}

#[test]
fn the_same_run_writes_the_same_bytes() {
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    write(one.path());
    write(two.path());
    for name in ["run.json", "events.jsonl", "gc.log"] {
        let bytes = |dir: &Path| fs::read(dir.join(name)).unwrap();
        assert_eq!(bytes(one.path()), bytes(two.path()), "{name}");
    }
}

#[test]
fn whole_numbers_have_no_point_and_infinite_ones_are_left_out() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = RecordWriter::create(dir.path(), info(), GcLogPrefix::VIRTUAL).unwrap();
    let values = [
        ("age".to_owned(), f64::NAN),
        ("n".to_owned(), 1000.0),
        ("rate".to_owned(), 0.1),
    ]
    .into();
    writer
        .record(&Event::Sample(Sample {
            values,
            ..Sample::default()
        }))
        .unwrap();
    writer.finish(RunEnd::default()).unwrap();
    let text = fs::read_to_string(dir.path().join("events.jsonl")).unwrap();
    assert!(text.contains(r#""values":{"n":1000,"rate":0.1}"#), "{text}");
}

#[test]
fn a_killed_run_can_be_read() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = RecordWriter::create(dir.path(), info(), GcLogPrefix::VIRTUAL).unwrap();
    for event in events() {
        writer.record(&event).unwrap();
    }
    // What a kill leaves: no end in run.json, no destructors, and perhaps half a line.
    std::mem::forget(writer);
    let path = dir.path().join("events.jsonl");
    let mut text = fs::read(&path).unwrap();
    text.extend_from_slice(br#"{"type":"sample","tick":4,"ti"#);
    fs::write(&path, text).unwrap();

    let read = RunRecord::open(dir.path()).unwrap();
    assert_eq!(read.events, events());
    assert_eq!(read.info.end.outcome, Outcome::Running);
    assert_eq!((read.info.end.ticks, read.info.end.time_us), (3, 3000));
    assert_eq!(read.info.snapshots.len(), 1);
    assert_eq!(read.remarks.len(), 2, "{:?}", read.remarks);
}

#[test]
fn a_folder_with_a_run_is_not_overwritten() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path());
    let error = RecordWriter::create(dir.path(), info(), GcLogPrefix::VIRTUAL).unwrap_err();
    assert!(matches!(error, RecordError::Occupied { .. }), "{error}");
}

#[test]
fn unknown_events_are_left_out_with_a_remark() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path());
    let path = dir.path().join("events.jsonl");
    let text = fs::read_to_string(&path).unwrap() + "{\"type\":\"gc_step\",\"ns\":7}\n";
    fs::write(&path, text).unwrap();
    let read = RunRecord::open(dir.path()).unwrap();
    assert_eq!(read.events, events());
    assert_eq!(read.remarks.len(), 1, "{:?}", read.remarks);
}

/// Opens a good record with one file replaced; the error's text without the folder.
fn refusal(name: &str, content: &str) -> String {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path());
    fs::write(dir.path().join(name), content).unwrap();
    let text = RunRecord::open(dir.path()).unwrap_err().to_string();
    assert_eq!(text.lines().count(), 1, "{text}");
    text.replace(&format!("{}/", dir.path().display()), "")
}

#[test]
fn bad_files_are_refused_with_their_place() {
    assert_eq!(
        refusal("run.json", "{\n  \"version\": 99\n}"),
        "run.json:1: the record has format version 99, this heaplab reads up to 1; use a newer heaplab"
    );
    let text = refusal("run.json", "{\n  \"version\": 1,\n");
    assert!(text.starts_with("run.json:3:1: EOF"), "{text}");
    let text = refusal("run.json", "[]");
    assert!(text.starts_with("run.json:1:"), "{text}");
    let text = refusal("events.jsonl", "{\"type\":\"gc\"}\n");
    assert!(
        text.starts_with("events.jsonl:1:1: not a list of events"),
        "{text}"
    );
    let header = "{\"format\":\"heaplab-events\",\"version\":1}\n";
    let text = refusal(
        "events.jsonl",
        &format!("{header}{{\"type\":\"gc\",\"total_ns\":-1}}\n"),
    );
    assert!(
        text.starts_with("events.jsonl:2:") && text.contains("-1"),
        "{text}"
    );
    let text = refusal("events.jsonl", &format!("{header}\n\u{0}\u{7}\n"));
    assert!(text.starts_with("events.jsonl:3:"), "{text}");

    let empty = tempfile::tempdir().unwrap();
    let error = RunRecord::open(empty.path()).unwrap_err();
    assert!(matches!(error, RecordError::NotARun { .. }), "{error}");
}

#[test]
fn the_documented_examples_are_records() {
    let document = include_str!("../FORMAT.md");
    let examples: Vec<&str> = document
        .split("```json\n")
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap())
        .collect();
    let [run, header, events @ ..] = &examples[..] else {
        panic!("the first examples are run.json and the header");
    };
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("run.json"), run).unwrap();
    fs::write(
        dir.path().join("events.jsonl"),
        [header, events.concat().as_str()].concat(),
    )
    .unwrap();
    let record = RunRecord::open(dir.path()).unwrap();
    assert_eq!(record.events.len(), 4);
    // The totals of the example are those of a whole run, of which it shows four events.
    let [remark] = &record.remarks[..] else {
        panic!("{:?}", record.remarks);
    };
    assert!(remark.contains("are missing in events.jsonl"), "{remark}");
    assert!(record.lost > 0);
    assert_eq!(record.info.version, heaplab_reports::record::FORMAT_VERSION);
    assert_eq!(record.info.variant(), "lru");
    // Every field of the examples is one of ours: written again, none is lost.
    for (example, event) in events.iter().zip(&record.events) {
        let again: serde_json::Value = serde_json::to_value(event).unwrap();
        let example: serde_json::Value = serde_json::from_str(example).unwrap();
        for field in example.as_object().unwrap().keys() {
            assert!(again.get(field).is_some(), "{field}");
        }
    }
}
