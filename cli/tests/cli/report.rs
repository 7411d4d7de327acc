//! `heaplab report`.

use std::fs;

use crate::lab::{Lab, SMALL};

#[test]
fn a_page_is_made_again_from_its_folder() {
    let lab = Lab::new();
    lab.small("run", "cache", &["--ticks=3000"]).code(0);
    let page = lab.text("run/report.html");
    fs::remove_file(lab.path().join("run/report.html")).unwrap();
    let ended = lab.run(["report", "run"]).code(0);
    assert_eq!(ended.stdout, "run/report.html\n");
    assert_eq!(lab.text("run/report.html"), page);
}

#[test]
fn a_comparison_is_made_again_from_its_folder() {
    let lab = Lab::new();
    let args = ["compare", "cache", "--out=all", "--ticks=500"];
    lab.run(args.iter().chain(&SMALL)).code(0);
    let page = lab.text("all/report.html");
    let ended = lab.run(["report", "all"]).code(0);
    assert_eq!(ended.stdout, "all/report.html\n");
    assert_eq!(lab.text("all/report.html"), page);
}

#[test]
fn several_runs_are_compared() {
    let lab = Lab::new();
    lab.small("a", "cache", &["--ticks=500"]).code(0);
    lab.small("b", "queue", &["--ticks=500"]).code(0);
    lab.run(["report", "a", "b", "--out=both"]).code(0);
    let page = lab.text("both/report.html");
    assert!(page.contains("cache") && page.contains("queue"));
    let ended = lab.run(["report", "a", "b"]).code(0);
    assert!(
        ended.stdout.starts_with("heaplab-runs/report-"),
        "{ended:#?}"
    );
    lab.run(["report", "a", "b", "--out=both"]).code(3);
}

#[test]
fn folders_without_a_run_are_refused() {
    let lab = Lab::new();
    fs::create_dir(lab.path().join("empty")).unwrap();
    lab.run(["report", "empty"])
        .code(3)
        .says_only(&["empty", "run.json"]);
    lab.run(["report", "missing"])
        .code(3)
        .says_only(&["missing", "cannot read"]);
    lab.small("run", "cache", &["--ticks=500"]).code(0);
    lab.run(["report", "run", "empty"])
        .code(3)
        .says_only(&["empty"]);
    assert!(!lab.names(".").contains(&"heaplab-runs".to_owned()));
}

#[test]
fn damaged_records_are_refused_with_file_line_and_column() {
    let lab = Lab::new();
    lab.small("run", "cache", &["--ticks=500"]).code(0);
    let events = lab.text("run/events.jsonl");
    let damaged = events.replacen("\"tick\":", "\"tick\":x", 1);
    assert_ne!(events, damaged);
    fs::write(lab.path().join("run/events.jsonl"), damaged).unwrap();
    lab.run(["report", "run"])
        .code(3)
        .says_only(&["run/events.jsonl:"]);
    fs::write(lab.path().join("run/run.json"), "{").unwrap();
    lab.run(["report", "run"])
        .code(3)
        .says_only(&["run/run.json:1:"]);
}

#[test]
fn a_report_is_not_replaced_by_one_of_less() {
    let lab = Lab::new();
    lab.small("run", "cache", &["--ticks=500"]).code(0);
    let (events, page) = (lab.text("run/events.jsonl"), lab.text("run/report.html"));
    let cut: String = events
        .lines()
        .take(3)
        .map(|line| format!("{line}\n"))
        .collect();
    fs::write(lab.path().join("run/events.jsonl"), cut).unwrap();
    lab.run(["report", "run"]).code(3).says_only(&[
        "run/events.jsonl:",
        "missing",
        "kept",
        "remove run/report.html",
    ]);
    fs::remove_file(lab.path().join("run/events.jsonl")).unwrap();
    lab.run(["report", "run"]).code(3).says_only(&["kept"]);
    assert_eq!(lab.text("run/report.html"), page);
    // Whoever wants it can have it.
    fs::remove_file(lab.path().join("run/report.html")).unwrap();
    lab.run(["report", "run"]).code(0);
    assert!(
        lab.text("run/report.html")
            .contains("There is no events.jsonl")
    );
}
