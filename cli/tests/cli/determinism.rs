//! The same seed on the virtual clock gives the same files, byte for byte.

use std::fs;

use crate::lab::Lab;

#[test]
fn two_runs_with_one_seed_write_the_same_bytes() {
    let lab = Lab::new();
    for workload in ["cache", "queue", "closures", "buffers"] {
        let flags = [
            "--ticks=2000000",
            "--snapshot-at=start,limit,300",
            "--heapsnapshot-near-heap-limit=1",
        ];
        for run in ["a", "b"] {
            lab.small(&format!("{workload}-{run}"), workload, &flags)
                .code(0);
        }
        let mut files = vec![
            "run.json".to_owned(),
            "events.jsonl".into(),
            "gc.log".into(),
        ];
        files.extend(lab.snapshots(&format!("{workload}-a")));
        // Memory outside the heap does not bring the heap near its limit.
        let snapshots = if workload == "buffers" { 3 } else { 4 };
        assert_eq!(files.len(), 3 + snapshots, "{files:?}");
        for file in files {
            let read = |run: &str| fs::read(lab.path().join(format!("{workload}-{run}/{file}")));
            assert!(
                read("a").unwrap() == read("b").unwrap(),
                "{workload}: {file} differs"
            );
        }
    }
}

#[test]
fn another_seed_is_another_run() {
    let lab = Lab::new();
    for seed in ["1", "2"] {
        lab.small(seed, "cache", &["--ticks=5000", "--seed", seed])
            .code(0);
    }
    assert_ne!(lab.text("1/events.jsonl"), lab.text("2/events.jsonl"));
}

#[test]
fn nothing_of_the_host_is_in_a_virtual_record() {
    let lab = Lab::new();
    lab.small("run", "cache", &["--ticks=3000"]).code(0);
    let run = lab.json("run/run.json");
    assert_eq!(run["clock"], "virtual");
    assert_eq!(run.get("started_at"), None);
    let usage = &run["statistics"]["memoryUsage"];
    assert!(
        usage.get("heapUsed").is_some() && usage.get("rss").is_none(),
        "{usage}"
    );
    assert_eq!(run["statistics"].get("system"), None);
    assert_eq!(run["totals"]["peak_resident_bytes"], 0);
    assert!(
        lab.text("run/gc.log")
            .lines()
            .all(|line| line.starts_with("[1:0x0] "))
    );
}
