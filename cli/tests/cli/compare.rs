//! `heaplab compare`.

use crate::lab::{Lab, SMALL};

#[test]
fn a_leak_and_its_cures_share_seed_and_limits() {
    let lab = Lab::new();
    let args = ["compare", "cache", "--out=all", "--ticks=3000", "--seed=5"];
    let ended = lab.run(args.iter().chain(&SMALL)).code(0);
    assert_eq!(
        lab.names("all"),
        ["charts", "fifo", "leak", "lru", "report.html", "ttl"]
    );
    for variant in ["leak", "lru", "fifo", "ttl"] {
        let run = lab.json(&format!("all/{variant}/run.json"));
        assert_eq!(run["seed"], 5);
        assert_eq!(run["limits"]["max_old_space_bytes"], 8 << 20);
        assert!(
            lab.names(&format!("all/{variant}"))
                .contains(&"report.html".to_owned())
        );
    }
    let head = ended.stdout.lines().nth(2).unwrap();
    let columns: Vec<&str> = head.split_whitespace().collect();
    assert_eq!(columns, ["leak", "lru", "fifo", "ttl"], "{ended:#?}");
    assert!(
        ended.stdout.lines().all(|line| line.chars().count() <= 100),
        "{ended:#?}"
    );
    assert!(ended.stderr.contains("all/report.html"), "{ended:#?}");
}

#[test]
fn parameters_go_to_the_variants_that_have_them() {
    let lab = Lab::new();
    let args = [
        "compare",
        "cache",
        "--out=all",
        "--ticks=50",
        "-p",
        "entries=77",
        "--format=json",
    ];
    let all = lab.run(args.iter().chain(&SMALL)).code(0).json();
    let runs = all["runs"].as_array().unwrap();
    assert_eq!(runs.len(), 4);
    for run in runs {
        let variant = run["summary"]["variant"].as_str().unwrap();
        let parameters = run["run"]["parameters"].as_array().unwrap();
        let entries = parameters
            .iter()
            .find(|parameter| parameter["name"] == "entries");
        match variant {
            "lru" => assert_eq!(entries.unwrap()["value"], 77),
            "leak" => assert_eq!(entries, None),
            _ => {}
        }
    }
}

#[test]
fn a_cure_that_does_not_hold_is_in_the_table_and_the_code() {
    let lab = Lab::new();
    let args = [
        "compare",
        "cache",
        "--out=all",
        "--ticks=2000000",
        "-p",
        "entries=100M",
        "-p",
        "bytes=8GB",
    ];
    let ended = lab.run(args.iter().chain(&SMALL)).code(4);
    assert!(ended.stdout.contains("heap limit"), "{ended:#?}");
    assert!(ended.stderr.contains("warning: lru"), "{ended:#?}");
}
