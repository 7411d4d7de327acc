//! Ctrl-C once and twice, and snapshots on demand.

use std::io::Write as _;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::lab::{Ended, Lab};

/// A run that goes on until it is told to stop.
const ENDLESS: [&str; 7] = [
    "run",
    "cache",
    "--cure=lru",
    "--duration=1h",
    "--out=run",
    "--snapshot-at=end",
    "--max-old-space-size=64",
];

fn send(signal: &str, child: &Child) {
    let status = Command::new("kill")
        .args(["-s", signal, &child.id().to_string()])
        .status()
        .expect("kill is there");
    assert!(status.success());
}

/// Waits until `done`; ends the child and fails if that never comes.
fn wait_until(child: &mut Child, what: &str, done: impl Fn() -> bool) {
    let begin = Instant::now();
    while !done() {
        if begin.elapsed() > Duration::from_secs(120) {
            let _ = child.kill();
            panic!("{what} did not come");
        }
        thread::sleep(Duration::from_millis(10));
    }
}

/// Starts the endless run and waits until it is under way.
fn endless(lab: &Lab, more: &[&str]) -> Child {
    let mut child = lab.start(ENDLESS.iter().chain(more));
    let events = lab.path().join("run/events.jsonl");
    wait_until(&mut child, "the first events", || {
        std::fs::metadata(&events).is_ok_and(|file| file.len() > 2000)
    });
    child
}

#[test]
fn ctrl_c_ends_a_run_with_its_report() {
    let lab = Lab::new();
    let child = endless(&lab, &[]);
    send("INT", &child);
    let ended = Ended::of(child.wait_with_output().unwrap()).code(130);
    assert!(ended.stdout.contains("interrupted"), "{ended:#?}");
    assert!(ended.stderr.contains("run/report.html"), "{ended:#?}");
    assert_eq!(lab.json("run/run.json")["end"]["outcome"], "interrupted");
    assert!(lab.text("run/report.html").contains("interrupted"));
    assert_eq!(lab.snapshots("run"), ["end.heapsnapshot"]);
}

#[test]
fn a_run_whose_snapshot_fails_tells_what_it_recorded() {
    let lab = Lab::new();
    let child = endless(&lab, &[]);
    std::fs::create_dir(lab.path().join("run/end.heapsnapshot")).unwrap();
    send("INT", &child);
    let ended = Ended::of(child.wait_with_output().unwrap()).code(3);
    assert!(ended.stdout.contains("old space"), "{ended:#?}");
    assert!(ended.stderr.contains("end.heapsnapshot"), "{ended:#?}");
    assert!(
        ended.stderr.contains("hint: run/report.html has"),
        "{ended:#?}"
    );
    assert!(lab.text("run/report.html").contains("end.heapsnapshot"));
}

#[test]
fn ctrl_c_takes_an_unfinished_copy_with_it() {
    let lab = Lab::new();
    let mut child = lab
        .command(["snapshot", "redact", "-", "--out=copy"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary starts");
    let mut open = child.stdin.take().expect("a pipe");
    // Enough to be seen as neither gzip nor zstd; more is to come.
    open.write_all(&[b' '; 1 << 12]).expect("it is read");
    wait_until(&mut child, "the unfinished copy", || {
        lab.names(".").iter().any(|name| name.ends_with(".tmp"))
    });
    send("INT", &child);
    let ended = Ended::of(child.wait_with_output().unwrap()).code(130);
    assert!(
        ended
            .stderr
            .contains("interrupted; what was being written is removed"),
        "{ended:#?}"
    );
    assert_eq!(lab.names("."), Vec::<String>::new());
}

#[test]
fn sigterm_ends_a_run_too() {
    let lab = Lab::new();
    let child = endless(&lab, &["--quiet"]);
    send("TERM", &child);
    let ended = Ended::of(child.wait_with_output().unwrap()).code(130);
    assert_eq!(ended.stderr, "");
}

#[test]
fn a_second_ctrl_c_quits_and_leaves_no_halves() {
    let lab = Lab::new();
    let mut child = endless(&lab, &[]);
    send("INT", &child);
    // The first may be done before the second comes; the code is the same, and no half file is left.
    let _ = Command::new("kill")
        .args(["-s", "INT", &child.id().to_string()])
        .status();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let names = lab.names("run");
    assert!(
        !names.iter().any(|name| name.ends_with(".tmp")),
        "{names:?}"
    );
}

#[test]
fn a_comparison_that_is_interrupted_reports_what_there_is() {
    let lab = Lab::new();
    let mut child = lab.start([
        "compare",
        "queue",
        "--duration=1h",
        "--out=all",
        "--snapshot-at=none",
        "--max-old-space-size=512",
    ]);
    let events = lab.path().join("all/leak/events.jsonl");
    wait_until(&mut child, "the first events", || {
        std::fs::metadata(&events).is_ok_and(|file| file.len() > 500)
    });
    send("INT", &child);
    Ended::of(child.wait_with_output().unwrap()).code(130);
    assert!(lab.names("all").contains(&"report.html".to_owned()));
}

#[test]
fn signals_ask_for_snapshots_with_nodes_names() {
    let lab = Lab::new();
    let mut child = endless(&lab, &["--heapsnapshot-signal=SIGUSR2"]);
    let process = child.id();
    for number in 1..=2 {
        send("USR2", &child);
        wait_until(&mut child, "the snapshot", || {
            lab.snapshots("run").len() == number
        });
    }
    send("INT", &child);
    Ended::of(child.wait_with_output().unwrap()).code(130);
    let names = lab.snapshots("run");
    for number in 1..=2 {
        let end = format!(".{process}.0.00{number}.heapsnapshot");
        let named = names
            .iter()
            .filter(|name| name.starts_with("Heap.") && name.ends_with(&end));
        assert_eq!(named.count(), 1, "{names:?}");
    }
    let taken = lab.json("run/run.json")["snapshots"].clone();
    assert_eq!(taken[0]["why"], "signal");
    assert_eq!(taken[2]["why"], "end");
}
