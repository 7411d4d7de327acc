//! Where runs go, that nothing is overwritten, and folders that cannot be written.

use std::fs;

use crate::lab::{Ended, Lab, SMALL};

fn digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

#[test]
fn runs_have_folders_with_workload_cure_and_date() {
    for (args, stem) in [
        (&["run", "cache"][..], "cache"),
        (&["run", "cache", "--cure=fifo"], "cache-fifo"),
    ] {
        let lab = Lab::new();
        lab.run(args.iter().chain(&SMALL).chain(&["--ticks=5"]))
            .code(0);
        let run = lab.only_run();
        let name = run.file_name().unwrap().to_str().unwrap();
        let date = name
            .strip_prefix(stem)
            .and_then(|rest| rest.strip_prefix('-'));
        let (day, time) = date.and_then(|date| date.split_once('-')).expect(name);
        assert!(
            day.len() == 8 && digits(day) && time.len() == 6 && digits(time),
            "{name}"
        );
        assert_eq!(lab.text("heaplab-runs/.gitignore"), "*\n");
    }
}

#[test]
fn runs_in_one_second_do_not_share_a_folder() {
    let lab = Lab::new();
    let args = ["run", "cache", "--ticks=2"];
    let children: Vec<_> = (0..4)
        .map(|_| lab.start(args.iter().chain(&SMALL)))
        .collect();
    for child in children {
        Ended::of(child.wait_with_output().unwrap()).code(0);
    }
    let runs = lab.names("heaplab-runs");
    assert_eq!(runs.len(), 4 + 1, "{runs:?}");
}

#[test]
fn a_folder_that_holds_something_is_not_written() {
    let lab = Lab::new();
    lab.small("out", "cache", &["--ticks=5"]).code(0);
    let before = lab.text("out/run.json");
    let again = lab.small("out", "cache", &["--ticks=6"]).code(3);
    again.says_only(&["error: out:", "not empty", "--out"]);
    assert_eq!(lab.text("out/run.json"), before);
    fs::create_dir(lab.path().join("mine")).unwrap();
    fs::write(lab.path().join("mine/letter.txt"), "dear").unwrap();
    lab.small("mine", "cache", &["--ticks=5"]).code(3);
    assert_eq!(lab.names("mine"), ["letter.txt"]);
    // An empty one is as good as none.
    fs::create_dir(lab.path().join("empty")).unwrap();
    lab.small("empty", "cache", &["--ticks=5"]).code(0);
}

#[test]
fn folders_that_cannot_be_made_end_with_one_line() {
    let lab = Lab::new();
    fs::write(lab.path().join("file"), "").unwrap();
    let ended = lab.small("file/run", "cache", &["--ticks=5"]).code(3);
    ended.says_only(&["file/run", "cannot create"]);
    fs::write(lab.path().join("heaplab-runs"), "").unwrap();
    let ended = lab
        .run(["run", "cache"].iter().chain(&SMALL).chain(&["--ticks=5"]))
        .code(3);
    ended.says_only(&["heaplab-runs", "cannot create"]);
}

#[test]
fn a_disk_that_fills_up_ends_with_what_was_recorded_and_no_halves() {
    let lab = Lab::new();
    // Files may have 64 blocks; the signal that would end the process is ignored, so writes fail.
    let line = format!(
        "trap '' XFSZ; ulimit -f 64; exec '{}' run cache --out=run --ticks=2000000 {} --snapshot-at=limit",
        env!("CARGO_BIN_EXE_heaplab"),
        SMALL.join(" ")
    );
    let output = std::process::Command::new("sh")
        .args(["-c", &line])
        .current_dir(lab.path())
        .output()
        .unwrap();
    let mut ended = Ended::of(output).code(3);
    let summary = std::mem::take(&mut ended.stdout);
    assert!(summary.contains("The run failed"), "{summary}");
    assert!(summary.contains("old space"), "{summary}");
    ended.says_only(&["error: ", "run/", "hint: "]);
    let names = lab.names("run");
    assert!(!names.iter().any(|name| name.contains(".tmp")), "{names:?}");
    assert!(
        !names.iter().any(|name| name.ends_with(".heapsnapshot")),
        "{names:?}"
    );
    // What could be written says what happened.
    assert_eq!(lab.json("run/run.json")["end"]["outcome"], "failed");
}
