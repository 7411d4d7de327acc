//! `heaplab run`: each flag does what it says.

use crate::lab::{Lab, SMALL};

/// The file names that every run leaves.
const FILES: [&str; 5] = [
    "charts",
    "events.jsonl",
    "gc.log",
    "report.html",
    "run.json",
];

#[test]
fn every_workload_leaks_into_its_limit_and_every_cure_holds() {
    let lab = Lab::new();
    for workload in ["cache", "queue", "closures", "buffers"] {
        let out = format!("{workload}-leak");
        let leak = lab
            .small(
                &out,
                workload,
                &["--max-old-space-size=16", "--ticks=2000000"],
            )
            .code(0);
        assert!(leak.stdout.contains("heap limit"), "{leak:#?}");
        assert_eq!(lab.names(&out), FILES, "{workload}");
        let run = lab.json(&format!("{out}/run.json"));
        assert_eq!(run["end"]["outcome"], "heap_limit", "{workload}");
        let truth = run["ground_truth"][0]["class"].as_str().unwrap();
        assert!(leak.stdout.contains(truth), "{truth}: {leak:#?}");
        // What grows is outside the heap there, which must not be called the heap.
        let (inside, both) = (
            "The live heap grew",
            "Live memory in and outside the heap grew",
        );
        let said = if workload == "buffers" { both } else { inside };
        let words = leak.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(words.contains(said), "{leak:#?}");
    }
    let list: serde_json::Value = lab.run(["list", "--format=json"]).json();
    for workload in list.as_array().unwrap() {
        let name = workload["name"].as_str().unwrap();
        let leaked = lab.json(&format!("{name}-leak/run.json"))["end"]["ticks"]
            .as_u64()
            .unwrap();
        let ticks = format!("--ticks={}", 2 * leaked);
        for cure in workload["cures"].as_array().unwrap() {
            let cure = cure["name"].as_str().unwrap();
            let out = format!("{name}-{cure}");
            let cured = lab.small(
                &out,
                name,
                &["--max-old-space-size=16", "--cure", cure, &ticks],
            );
            // A cure whose bounds are made for larger heaps may still not fit; then the code says so.
            let run = lab.json(&format!("{out}/run.json"));
            assert_eq!(run["cure"]["name"], cure);
            match run["end"]["outcome"].as_str().unwrap() {
                "completed" => cured.code(0),
                "heap_limit" => cured.code(4),
                other => panic!("{name} with {cure}: {other}"),
            };
        }
    }
}

#[test]
fn ticks_and_duration_bound_a_run() {
    let lab = Lab::new();
    lab.small("ticks", "cache", &["--ticks=50"]).code(0);
    let run = lab.json("ticks/run.json");
    assert_eq!(run["end"]["outcome"], "completed");
    assert_eq!(run["end"]["ticks"], 50);
    assert_eq!(run["planned_ticks"], 50);
    lab.small("time", "cache", &["--duration=20ms"]).code(0);
    let run = lab.json("time/run.json");
    assert_eq!(run["end"]["outcome"], "completed");
    // 100 µs of virtual time a tick, and what the heap's work costs.
    let ticks = run["end"]["ticks"].as_u64().unwrap();
    assert!((1..=200).contains(&ticks), "{ticks}");
    assert!(run["end"]["time_us"].as_u64().unwrap() >= 20_000);
    assert_eq!(run.get("planned_ticks"), None);
}

#[test]
fn limits_reach_the_heap() {
    let lab = Lab::new();
    let limits = |out: &str, flags: &[&str]| {
        let first = [
            "run",
            "cache",
            "--out",
            out,
            "--ticks=1",
            "--snapshot-at=none",
        ];
        lab.run(first.iter().chain(flags)).code(0);
        lab.json(&format!("{out}/run.json"))["limits"].clone()
    };
    let defaults = limits("defaults", &[]);
    assert_eq!(defaults["max_old_space_bytes"], 64 << 20);
    assert_eq!(defaults["max_semi_space_bytes"], 4 << 20);
    assert_eq!(defaults["initial_semi_space_bytes"], 1 << 20);
    let given = limits(
        "given",
        &[
            "--max_old_space_size=100",
            "--max_semi_space_size",
            "8",
            "--min-semi-space-size=2",
        ],
    );
    assert_eq!(given["max_old_space_bytes"], 100 << 20);
    assert_eq!(given["max_semi_space_bytes"], 8 << 20);
    assert_eq!(given["initial_semi_space_bytes"], 2 << 20);
    // Node 0.10's flag counts KB of both halves.
    let old = limits("old", &["--max-new-space-size=4096"]);
    assert_eq!(old["max_semi_space_bytes"], 2 << 20);
}

#[test]
fn parameters_and_seed_reach_the_workload() {
    let lab = Lab::new();
    let list = lab.run(["list", "cache", "--format=json"]).json();
    let entries = list["parameters"]
        .as_array()
        .unwrap()
        .iter()
        .find(|parameter| parameter["name"] == "entries")
        .expect("the parameter of the issue's example");
    assert_eq!(entries["cures"][0], "lru");
    lab.small(
        "run",
        "cache",
        &[
            "--cure=lru",
            "-p",
            "entries=777",
            "-p",
            "bytes=1MB",
            "--seed=9",
            "--ticks=5",
        ],
    )
    .code(0);
    let run = lab.json("run/run.json");
    assert_eq!(run["seed"], 9);
    let parameters = run["parameters"].as_array().unwrap();
    let value = |name: &str| {
        let found = parameters
            .iter()
            .find(|parameter| parameter["name"] == name);
        found.unwrap_or_else(|| panic!("{name}: {run:#}"))["value"].clone()
    };
    assert_eq!(value("entries"), 777);
    assert_eq!(value("bytes"), 1 << 20);
}

#[test]
fn fail_at_limit_makes_a_leak_fail() {
    let lab = Lab::new();
    let leak = ["--ticks=2000000", "--fail-at-limit"];
    let ended = lab.small("run", "cache", &leak).code(4);
    assert!(ended.stderr.contains("heap limit"), "{ended:#?}");
    lab.small("short", "cache", &["--ticks=5", "--fail-at-limit"])
        .code(0);
}

#[test]
fn a_cure_that_does_not_hold_fails() {
    let lab = Lab::new();
    let ended = lab
        .small(
            "run",
            "cache",
            &[
                "--cure=lru",
                "-p",
                "entries=100M",
                "-p",
                "bytes=8GB",
                "--ticks=2000000",
            ],
        )
        .code(4);
    assert!(ended.stderr.contains("does not hold"), "{ended:#?}");
    assert_eq!(lab.json("run/run.json")["end"]["outcome"], "heap_limit");
}

#[test]
fn traces_are_nodes_lines_and_those_of_the_log() {
    let lab = Lab::new();
    let text = lab
        .small("text", "cache", &["--ticks=20000", "--trace-gc"])
        .code(0);
    let lines: Vec<&str> = text
        .stdout
        .lines()
        .filter(|line| line.starts_with('['))
        .collect();
    assert!(!lines.is_empty());
    for line in &lines {
        let rest = line.strip_prefix("[1:0x0] ").expect(line);
        let (time, rest) = rest.split_once(" ms: ").expect(line);
        assert_eq!(time.len(), 8, "{line}");
        let known = rest.starts_with("Scavenge ") || rest.starts_with("Mark-Compact ");
        assert!(
            known && rest.contains(" MB, ") && rest.contains("(average mu = "),
            "{line}"
        );
    }
    let log = lab.text("text/gc.log");
    assert_eq!(log.lines().collect::<Vec<_>>(), lines);
    let json = lab
        .small(
            "json",
            "cache",
            &["--ticks=20000", "--trace-gc", "--format=json"],
        )
        .code(0);
    json.json();
    let traced: Vec<&str> = json
        .stderr
        .lines()
        .filter(|line| line.starts_with("[1:"))
        .collect();
    assert_eq!(traced, lines);
}

#[test]
fn real_runs_have_a_process_and_an_address_in_their_log() {
    let lab = Lab::new();
    let ended = lab
        .small(
            "run",
            "cache",
            &["--ticks=20000", "--clock=real", "--trace-gc"],
        )
        .code(0);
    let line = ended
        .stdout
        .lines()
        .find(|line| line.starts_with('['))
        .unwrap();
    let (process, rest) = line[1..].split_once(":0x").expect(line);
    let (address, _) = rest.split_once(']').expect(line);
    assert!(process.parse::<u32>().unwrap() > 1, "{line}");
    assert!(u64::from_str_radix(address, 16).unwrap() > 0, "{line}");
    let run = lab.json("run/run.json");
    assert!(run["started_at"].as_str().unwrap().contains('T'));
    assert!(run["statistics"]["memoryUsage"]["rss"].as_u64().unwrap() > 0);
}

#[test]
fn json_is_one_document_with_v8s_keys() {
    let lab = Lab::new();
    let ended = lab
        .small("run", "queue", &["--ticks=3000", "--format=json"])
        .code(0);
    let all = ended.json();
    assert_eq!(all["folder"], "run");
    assert_eq!(all["run"], lab.json("run/run.json"));
    assert_eq!(all["summary"]["workload"], "queue");
    let statistics = &all["run"]["statistics"];
    assert!(
        statistics["getHeapStatistics"]["used_heap_size"]
            .as_u64()
            .unwrap()
            > 0
    );
    assert_eq!(
        statistics["getHeapSpaceStatistics"][1]["space_name"],
        "new_space"
    );
    assert!(statistics["memoryUsage"]["heapUsed"].as_u64().unwrap() > 0);
}

#[test]
fn snapshots_are_taken_when_asked() {
    let lab = Lab::new();
    let at = |out: &str, when: &str| {
        let flag = format!("--snapshot-at={when}");
        lab.small(out, "cache", &[&flag, "--ticks=200"]).code(0);
        lab.snapshots(out)
    };
    assert_eq!(at("none", "none"), [""; 0]);
    assert_eq!(at("end", "end"), ["end.heapsnapshot"]);
    assert_eq!(
        at("ticks", "50,70,start"),
        [
            "start.heapsnapshot",
            "tick-50.heapsnapshot",
            "tick-70.heapsnapshot"
        ]
    );
    let run = lab.json("ticks/run.json");
    let taken = run["snapshots"].as_array().unwrap();
    assert_eq!(taken.len(), 3);
    for snapshot in taken {
        let file = format!("ticks/{}", snapshot["file"].as_str().unwrap());
        let content = lab.json(&file);
        assert_eq!(snapshot["file_bytes"], lab.text(&file).len());
        assert_eq!(snapshot["nodes"], content["snapshot"]["node_count"]);
        assert_eq!(snapshot["edges"], content["snapshot"]["edge_count"]);
    }
    assert_eq!(taken[0]["tick"], 50);
}

#[test]
fn the_limit_replaces_the_end() {
    let lab = Lab::new();
    lab.small(
        "run",
        "closures",
        &["--snapshot-at=start,limit,end", "--ticks=2000000"],
    )
    .code(0);
    assert_eq!(
        lab.snapshots("run"),
        ["limit.heapsnapshot", "start.heapsnapshot"]
    );
    let truth = lab.json("run/run.json")["ground_truth"][0]["class"]
        .as_str()
        .unwrap()
        .to_owned();
    let strings = &lab.json("run/limit.heapsnapshot")["strings"];
    let strings = strings.as_array().unwrap();
    assert!(
        strings.iter().any(|string| string == truth.as_str()),
        "{truth}"
    );
}

#[test]
fn near_the_limit_snapshots_have_nodes_names() {
    let lab = Lab::new();
    lab.small(
        "run",
        "cache",
        &[
            "--heapsnapshot-near-heap-limit=2",
            "--max-old-space-size=32",
            "--ticks=2000000",
        ],
    )
    .code(0);
    assert_eq!(
        lab.snapshots("run"),
        [
            "Heap.00000000.000000.1.0.001.heapsnapshot",
            "Heap.00000000.000000.1.0.002.heapsnapshot"
        ]
    );
    lab.small(
        "real",
        "cache",
        &[
            "--heapsnapshot_near_heap_limit=1",
            "--ticks=2000000",
            "--clock=real",
        ],
    )
    .code(0);
    let names = lab.snapshots("real");
    let parts: Vec<&str> = names[0].split('.').collect();
    let digits = |part: &str, length: usize| {
        part.len() == length && part.bytes().all(|byte| byte.is_ascii_digit())
    };
    assert_eq!(parts.len(), 7, "{names:?}");
    assert!(
        digits(parts[1], 8) && digits(parts[2], 6) && digits(parts[5], 3),
        "{names:?}"
    );
    assert_eq!(
        (parts[0], parts[4], parts[6]),
        ("Heap", "0", "heapsnapshot")
    );
}

#[test]
fn policies_are_different_collectors() {
    let lab = Lab::new();
    let run = |out: &str, flags: &[&str]| {
        lab.small(
            out,
            "cache",
            &[&["--ticks=20000", "--cure=lru", "-p", "bytes=1MB"], flags].concat(),
        )
        .code(0);
        lab.json(&format!("{out}/run.json"))
    };
    let count =
        |run: &serde_json::Value, kind: &str| run["totals"][kind]["count"].as_u64().unwrap();
    let usual = run("usual", &[]);
    assert_eq!(usual.get("options"), None);
    assert!(count(&usual, "minor") > 0);
    for policy in ["mark-sweep", "mark-compact"] {
        let one = run(policy, &["--policy", policy]);
        assert_eq!(one["options"]["policy"], policy);
        assert_eq!(count(&one, "minor"), 0, "{policy}");
        assert!(count(&one, "major") > 0, "{policy}");
    }
    let never = lab
        .small("none", "cache", &["--policy=none", "--ticks=2000000"])
        .code(0);
    assert!(never.stdout.contains("heap limit"), "{never:#?}");
    let none = lab.json("none/run.json");
    assert_eq!((count(&none, "minor"), count(&none, "major")), (0, 0));
}

#[test]
fn all_policies_are_for_comparisons() {
    let lab = Lab::new();
    lab.small("run", "cache", &["--policy=all"])
        .code(2)
        .says_only(&["compare", "--policy all"]);
    let args = [
        "compare",
        "cache",
        "--policy=all",
        "--ticks=3000",
        "--out=all",
    ];
    let ended = lab.run(args.iter().chain(&SMALL)).code(0);
    assert!(ended.stdout.contains("smallest heap"), "{ended:#?}");
    for policy in ["generational", "mark-sweep", "mark-compact", "none"] {
        let run = lab.json(&format!("all/{policy}/run.json"));
        assert_eq!(run["options"]["policy"], policy);
        // Each policy was tried in more than one heap; what was found is what a run needs (below).
        let smallest = &run["smallest_heap"];
        assert!(smallest["attempts"].as_u64().unwrap() > 1, "{run}");
        let bytes = smallest["max_old_space_bytes"].as_u64().unwrap();
        assert_eq!(bytes % (1 << 20), 0);
        let end = |megabytes: u64, out: &str| {
            let size = format!("--max-old-space-size={megabytes}");
            let flags = [
                "--ticks=3000",
                "--clock=virtual",
                "--snapshot-at=none",
                "--policy",
                policy,
                &size,
            ];
            lab.small(&format!("{out}-{policy}"), "cache", &flags)
                .code(0);
            lab.json(&format!("{out}-{policy}/run.json"))["end"]["outcome"].clone()
        };
        assert_eq!(end(bytes >> 20, "enough"), "completed", "{policy}");
        if bytes > 1 << 20 {
            assert_eq!(end((bytes >> 20) - 1, "less"), "heap_limit", "{policy}");
        }
        assert!(ended.stdout.contains(policy), "{policy}: {ended:#?}");
    }
}

#[test]
fn marking_in_steps_and_compaction_can_be_switched() {
    let lab = Lab::new();
    let gcs = |out: &str, flags: &[&str]| -> Vec<serde_json::Value> {
        let common = ["--ticks=30000", "--max-old-space-size=16", "--cure=fifo"];
        lab.small(out, "cache", &[&common, flags].concat()).code(0);
        let lines = lab.text(&format!("{out}/events.jsonl"));
        let events = lines
            .lines()
            .map(|line| serde_json::from_str(line).unwrap());
        events
            .filter(|event: &serde_json::Value| event["type"] == "gc" && event["kind"] == "major")
            .collect()
    };
    let pauses = gcs(
        "pauses",
        &["--no-incremental-marking", "--compaction=never"],
    );
    assert!(!pauses.is_empty());
    for gc in &pauses {
        assert_eq!(gc.get("incremental"), None);
        assert_eq!(gc.get("compacted"), None);
    }
    let always = gcs(
        "always",
        &["--no-incremental-marking", "--compaction=always"],
    );
    assert!(!always.is_empty());
    for gc in &always {
        assert_eq!(gc["compacted"], true, "{gc}");
        assert_eq!(gc.get("incremental"), None);
    }
    let steps = gcs("steps", &[]);
    assert!(
        steps.iter().any(|gc| gc["incremental"] == true),
        "{steps:?}"
    );
}

/// At small limits a leak may be in young objects only, which no major collection left alive.
#[test]
fn a_run_that_reached_its_limit_is_not_called_free_of_leaks() {
    let lab = Lab::new();
    for (workload, limit) in [("cache", 1), ("queue", 1), ("closures", 2)] {
        let limit = format!("--max-old-space-size={limit}");
        let leak = lab
            .run(["run", workload, &limit, "--clock=virtual", "--quiet"])
            .code(0);
        assert!(leak.stdout.contains("heap limit"), "{leak:#?}");
        for wrong in ["no sign of a leak", "did not grow", "became smaller"] {
            assert!(!leak.stdout.contains(wrong), "{workload}: {leak:#?}");
        }
    }
}
