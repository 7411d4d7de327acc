//! Command lines that cannot be: exit code 2, one line, nothing made.

use crate::lab::{Lab, SMALL};

/// Asserts that these arguments are refused with all of `parts` and leave nothing behind.
#[track_caller]
fn refused(args: &[&str], parts: &[&str]) {
    let lab = Lab::new();
    let ended = lab.run(args).code(2);
    ended.says_only(parts);
    assert_eq!(lab.names("."), [""; 0], "{args:?}");
}

#[test]
fn names_that_do_not_exist_are_answered_with_those_that_do() {
    refused(&["run", "cahce"], &["cahce", "did you mean 'cache'?"]);
    refused(
        &["run", "cache", "--cure=lur"],
        &["lur", "did you mean 'lru'?", "fifo"],
    );
    refused(&["compare", "nothing"], &["nothing", "cache", "queue"]);
    refused(&["list", "nothing"], &["nothing", "closures"]);
    refused(
        &["run", "cache", "--cure=lru", "-p", "entires=5"],
        &["entires", "did you mean 'entries'?"],
    );
}

#[test]
fn values_that_do_not_fit_are_answered_with_what_does() {
    refused(
        &["run", "cache", "-p", "entries"],
        &["entries", "name=value"],
    );
    refused(
        &["run", "cache", "--cure=lru", "-p", "entries=many"],
        &["entries", "many", "a count"],
    );
    refused(
        &["run", "cache", "-p", "entries=5"],
        &["entries", "--cure lru"],
    );
}

#[test]
fn impossible_limits_are_refused_with_the_reason() {
    refused(
        &["run", "cache", "--max-old-space-size=0"],
        &["--max-old-space-size is 0 bytes", "at least"],
    );
    refused(
        &["run", "cache", "--max-semi-space-size=0"],
        &["--max-semi-space-size is 0 bytes"],
    );
    refused(
        &["compare", "cache", "--max-old-space-size=999999"],
        &["--max-old-space-size", "at most"],
    );
    refused(
        &[
            "run",
            "cache",
            "--min-semi-space-size=8",
            "--max-semi-space-size=4",
        ],
        &["--min-semi-space-size is 8 MB, more than max-semi-space-size"],
    );
}

#[test]
fn clap_refuses_with_2_too() {
    let lab = Lab::new();
    for args in [
        &["run"][..],
        &["run", "cache", "--max-old-space-size=many"],
        &["run", "cache", "--ticks=0"],
        &["run", "cache", "--ticks=5", "--duration=5s"],
        &["run", "cache", "--duration=soon"],
        &["run", "cache", "--snapshot-at=sometimes"],
        &["run", "cache", "--heapsnapshot-signal=SIGKILL"],
        &["run", "cache", "--clock=broken"],
        &["run", "cache", "--color=pink"],
        &["run", "cache", "--no-such-flag"],
        &["report"],
        &["completions", "tcsh"],
        &["dance"],
    ] {
        let ended = lab.run(args).code(2);
        assert_eq!(ended.stdout, "", "{args:?}");
        assert!(ended.stderr.starts_with("error: "), "{ended:#?}");
    }
    assert_eq!(lab.names("."), [""; 0]);
}

#[test]
fn help_and_version_are_data() {
    let lab = Lab::new();
    let version = lab.run(["--version"]).code(0);
    assert_eq!(
        version.stdout,
        format!("heaplab {}\n", env!("CARGO_PKG_VERSION"))
    );
    for args in [
        &["--help"][..],
        &["help"],
        &["run", "--help"],
        &["help", "compare"],
    ] {
        let help = lab.run(args).code(0);
        assert_eq!(help.stderr, "");
        assert!(
            help.stdout.contains("Exit codes:") && help.stdout.contains("130"),
            "{help:#?}"
        );
    }
    for command in ["", "run", "compare", "list", "report", "completions"] {
        for flag in ["-h", "--help"] {
            let help = lab.run([command, flag].iter().filter(|arg| !arg.is_empty()));
            let wide = help.stdout.lines().find(|line| line.chars().count() > 100);
            assert_eq!(wide, None, "{command} {flag}");
            assert!(!help.stdout.is_empty(), "{help:#?}");
        }
    }
    // Without arguments the help is an answer to a mistake.
    let nothing = lab.run([""; 0]).code(2);
    assert!(nothing.stderr.contains("Usage: heaplab"), "{nothing:#?}");
}

#[test]
fn v8s_flags_are_listed_under_their_names() {
    let help = Lab::new().run(["run", "--help"]).stdout;
    for flag in [
        "--max-old-space-size",
        "--max-semi-space-size",
        "--trace-gc",
        "--heapsnapshot-near-heap-limit",
        "--heapsnapshot-signal",
    ] {
        assert!(help.contains(flag), "{flag}");
    }
}

#[test]
fn completions_exist_for_each_shell() {
    let lab = Lab::new();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let ended = lab.run(["completions", shell]).code(0);
        assert!(ended.stdout.contains("max-old-space-size"), "{shell}");
    }
}

#[test]
fn a_heap_that_the_system_refuses_is_a_limit() {
    let lab = Lab::new();
    // 100 MB of addresses are enough for the binary and not for 4 GB of heap.
    let line = format!(
        "ulimit -v 2000000; exec '{}' run cache {} --max-old-space-size=4096",
        env!("CARGO_BIN_EXE_heaplab"),
        SMALL.join(" ")
    );
    let output = std::process::Command::new("sh")
        .args(["-c", &line])
        .current_dir(lab.path())
        .output()
        .unwrap();
    let ended = crate::lab::Ended::of(output).code(4);
    assert!(ended.stderr.contains("addresses"), "{ended:#?}");
    assert_eq!(lab.names("."), [""; 0]);
}
