//! Data on standard output, talk on standard error, and pipes that close.

use std::io::{BufRead, BufReader, Read};
use std::process::Stdio;

use crate::lab::{Ended, Lab, SMALL};

/// Whether a text has a control sequence of a terminal.
fn is_coloured(text: &str) -> bool {
    text.contains('\x1b')
}

#[test]
fn the_summary_is_data_and_the_rest_is_talk() {
    let lab = Lab::new();
    let ended = lab.small("run", "cache", &["--ticks=3000"]).code(0);
    assert!(ended.stdout.starts_with("cache: "), "{ended:#?}");
    let lines: Vec<&str> = ended.stderr.trim().lines().collect();
    assert!(
        lines[0].starts_with("folder") && lines[0].ends_with("run"),
        "{ended:#?}"
    );
    assert!(
        lines[1].starts_with("report") && lines[1].contains("run/report.html"),
        "{ended:#?}"
    );
    for text in [&ended.stdout, &ended.stderr] {
        assert!(!is_coloured(text), "{text}");
        assert!(
            text.lines().all(|line| line.chars().count() <= 100),
            "{text}"
        );
    }
    let with_snapshot = lab
        .small("snapshot", "cache", &["--ticks=30", "--snapshot-at=end"])
        .code(0);
    assert!(with_snapshot.stderr.contains("snapshot/end.heapsnapshot"));
    assert!(
        with_snapshot
            .stderr
            .contains("DevTools → Memory → Load profile")
    );
}

#[test]
fn quiet_runs_say_nothing_but_data() {
    let lab = Lab::new();
    let ended = lab
        .small("run", "cache", &["--ticks=50", "--quiet"])
        .code(0);
    assert_eq!(ended.stderr, "");
    assert!(!ended.stdout.is_empty());
}

#[test]
fn colours_come_when_asked_for() {
    let lab = Lab::new();
    let always = lab.run(["list", "--color=always"]).code(0);
    assert!(is_coloured(&always.stdout));
    for flag in ["--color=auto", "--color=never"] {
        assert!(!is_coloured(&lab.run(["list", flag]).stdout), "{flag}");
    }
    let wrong = lab.run(["run", "nothing", "--color=always"]).code(2);
    assert!(is_coloured(&wrong.stderr));
    let clap = lab.run(["--color=always", "dance"]).code(2);
    assert!(is_coloured(&clap.stderr));
    let environment = lab
        .command(["list"])
        .env("CLICOLOR_FORCE", "1")
        .env("NO_COLOR", "1")
        .output()
        .unwrap();
    assert!(
        !is_coloured(&Ended::of(environment).stdout),
        "NO_COLOR wins"
    );
}

#[test]
fn a_reader_who_leaves_is_no_error() {
    let lab = Lab::new();
    for args in [&["list"][..], &["completions", "bash"], &["--help"]] {
        let mut child = lab.start(args);
        drop(child.stdout.take());
        let mut talk = String::new();
        child
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut talk)
            .unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(0), "{args:?}: {talk}");
        assert_eq!(talk, "", "{args:?}");
    }
}

#[test]
fn a_run_goes_on_when_the_reader_of_its_trace_leaves() {
    let lab = Lab::new();
    let args = [
        "run",
        "cache",
        "--out=run",
        "--ticks=20000",
        "--trace-gc",
        "--quiet",
    ];
    let mut child = lab
        .command(args.iter().chain(&SMALL))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let mut reader = BufReader::new(child.stdout.take().unwrap());
    reader.read_line(&mut line).unwrap();
    drop(reader);
    assert!(line.starts_with("[1:0x0]"), "{line}");
    let ended = Ended::of(child.wait_with_output().unwrap()).code(0);
    assert_eq!(ended.stderr, "");
    let run = lab.json("run/run.json");
    assert_ne!(run["end"]["outcome"], "running");
    let collections = &run["totals"]["minor"]["count"];
    assert!(lab.text("run/gc.log").lines().count() as u64 >= collections.as_u64().unwrap());
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_standard_output_is_an_error() {
    let lab = Lab::new();
    let full = std::fs::OpenOptions::new()
        .write(true)
        .open("/dev/full")
        .unwrap();
    let output = lab.command(["list"]).stdout(full).output().unwrap();
    let ended = Ended::of(output).code(3);
    assert!(
        ended
            .stderr
            .starts_with("error: standard output: cannot write: "),
        "{ended:#?}"
    );
}
