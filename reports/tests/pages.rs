//! Pages of simulated runs: what they say, that they are well-formed, offline and the same every time, and
//! that nothing in a record becomes markup.
//!
//! `HEAPLAB_KEEP_PAGES=DIR` keeps them there, to be looked at.
#![allow(missing_docs, reason = "a test")]

mod simulation;

use std::fs;
use std::path::{Path, PathBuf};

use heaplab_reports::chart::run_charts;
use heaplab_reports::page::{
    ReportError, comparison_table, comparison_words, run_names, run_page, run_words,
    write_comparison, write_report,
};
use heaplab_reports::record::{
    Counter, Event, GcLogPrefix, GroundTruth, Note, Outcome, Parameter, ParameterValue, PathStep,
    RecordError, RecordWriter, RunEnd, RunRecord, SmallestHeap, SnapshotTaken, SnapshotWhy, Unit,
};
use roxmltree::Document;
use simulation::{MB, Simulation};

fn folder() -> (Option<tempfile::TempDir>, PathBuf) {
    match std::env::var_os("HEAPLAB_KEEP_PAGES") {
        Some(dir) => (None, Path::new(&dir).to_owned()),
        None => {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().to_owned();
            (Some(dir), path)
        }
    }
}

fn recorded(simulation: &Simulation) -> (tempfile::TempDir, RunRecord) {
    let dir = tempfile::tempdir().unwrap();
    simulation.record(dir.path());
    let run = RunRecord::open(dir.path()).unwrap();
    (dir, run)
}

/// Parses a page as XML, which it also is, and checks that it needs nothing from elsewhere.
fn check(page: &str) {
    let xml = page.strip_prefix("<!doctype html>\n").expect("a doctype");
    let document = Document::parse(xml).unwrap_or_else(|error| {
        let line = xml
            .lines()
            .nth(error.pos().row as usize - 1)
            .unwrap_or_default();
        panic!("{error}: {}", &line[..line.len().min(300)])
    });
    for node in document.descendants().filter(|node| node.is_element()) {
        let name = node.tag_name().name();
        assert!(
            !matches!(
                name,
                "script" | "iframe" | "object" | "link" | "img" | "form"
            ),
            "<{name}>"
        );
        for attribute in node.attributes() {
            assert!(!attribute.name().starts_with("on"), "{attribute:?}");
            assert!(attribute.name() != "src", "{attribute:?}");
            if attribute.name() == "href" {
                let target = attribute.value();
                assert!(
                    !target.contains(':') && !target.starts_with('/') && !target.contains(".."),
                    "{target}"
                );
            }
        }
    }
    assert!(!page.contains("url(") && !page.contains("@import"));
    let ids: Vec<&str> = document
        .descendants()
        .filter_map(|node| node.attribute("id"))
        .collect();
    let links = document
        .descendants()
        .filter_map(|node| node.attribute("href")?.strip_prefix('#'));
    for target in links {
        assert_eq!(
            ids.iter().filter(|id| **id == target).count(),
            1,
            "#{target}"
        );
    }
}

#[test]
fn pages_of_a_leak_and_its_cures() {
    let (_guard, dir) = folder();
    let dir = dir.join("compare-cache");
    let dirs: Vec<PathBuf> = [None, Some(("lru", 5_000)), Some(("ttl", 9_000))]
        .into_iter()
        .map(|cure| {
            let dir = dir.join(cure.map_or("leak", |(name, _)| name));
            Simulation {
                cure,
                ..Simulation::default()
            }
            .record(&dir);
            let page = write_report(&dir).unwrap();
            assert_eq!(page, dir.join("report.html"));
            check(&fs::read_to_string(page).unwrap());
            for ending in ["svg", "png"] {
                assert!(dir.join(format!("charts/memory.{ending}")).is_file());
            }
            dir
        })
        .collect();
    let page = fs::read_to_string(write_comparison(&dirs, &dir).unwrap()).unwrap();
    check(&page);
    assert!(
        page.contains("href=\"lru/report.html\""),
        "runs below the comparison are linked"
    );
    assert!(dir.join("charts/pause-percentiles.png").is_file());
    let leftovers = fs::read_dir(&dir).unwrap().filter(|entry| {
        entry
            .as_ref()
            .unwrap()
            .file_name()
            .to_string_lossy()
            .ends_with(".tmp")
    });
    assert_eq!(leftovers.count(), 0);
}

#[test]
fn the_words_of_a_leak() {
    let (_dir, run) = recorded(&Simulation::default());
    let words: Vec<String> = run_words(&run)
        .iter()
        .map(|paragraph| paragraph.text())
        .collect();
    let ticks = run.info.end.ticks;
    assert_eq!(ticks, 30_499, "the simulation is deterministic");
    assert_eq!(
        words[0],
        "The heap reached its limit of 64 MB (max old space size) after 30,499 ticks (1.36 s). 64.1 MB were live, the young \
         generation included, an allocation of 2.02 KB found no room, and 3 last collections won too little \
         back. The live heap grew by 2.05 KB per tick, 46.2 MB per second, judging by what major collections left alive in the later half of the run."
    );
    assert_eq!(
        words[1],
        "Every request looks a key up and stores the answer when it was not there; nothing is ever removed. What leaks: \
         CacheEntry objects, held by Cache.entries → Map.table → (map table)[…] → CacheEntry. The map holds every entry for ever, although most are \
         never asked for again."
    );
    assert!(
        words[2].starts_with("329 minor and 9 major collections took 10.4% of the time"),
        "{}",
        words[2]
    );
}

#[test]
fn the_words_of_a_leak_that_did_not_get_there() {
    let (_dir, run) = recorded(&Simulation {
        limit: 200 * MB,
        ..Simulation::default()
    });
    let words = run_words(&run)[0].text();
    assert!(
        words.starts_with("All 60,000 ticks were run in "),
        "{words}"
    );
    assert!(
        words.contains(" per second; at that pace the limit would come after about "),
        "{words}"
    );
    // 2.06 KB per tick fill what is left of 200 MB; the model's own arithmetic says when.
    let left = run
        .samples()
        .last()
        .map(|sample| 200 * MB - sample.heap.old_generation_bytes())
        .unwrap() as f64;
    let said: f64 = words
        .split("about ")
        .nth(1)
        .unwrap()
        .split(' ')
        .next()
        .unwrap()
        .replace(',', "")
        .parse()
        .unwrap();
    assert!((said - left / 2_106.0).abs() < 0.1 * said, "{words}");
}

#[test]
fn the_words_of_a_cure_and_of_a_comparison() {
    let (_leak_dir, leak) = recorded(&Simulation::default());
    let (_lru_dir, lru) = recorded(&Simulation {
        cure: Some(("lru", 5_000)),
        ..Simulation::default()
    });
    let words = run_words(&lru)[0].text();
    assert!(words.contains("and no limit was reached"), "{words}");
    assert!(
        words.contains("the live heap stayed level at about 13.5 MB: no sign of a leak."),
        "{words}"
    );

    let runs = [leak, lru];
    let names = run_names(&runs);
    assert_eq!(names, ["leak", "lru"]);
    let words: Vec<String> = comparison_words(&runs, &names)
        .iter()
        .map(|paragraph| paragraph.text())
        .collect();
    assert_eq!(
        words[0],
        "Without a cure the heap was full after 30,499 ticks. The cure lru came to the end."
    );
    assert_eq!(
        words.last().unwrap(),
        "lru: The least recently used entries are dropped beyond 5000. All 60,000 ticks were run, in at most 17.2 MB of old \
         generation (26.8% of the leak's); the live heap stayed level at about 13.5 MB. Collections took 4.4% of the time, \
         the longest pause was 3.51 ms."
    );

    let table = comparison_table(&runs, &names).text();
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!(lines.len(), 3);
    assert!(
        lines[1].starts_with("leak     heap limit  30,499"),
        "{table}"
    );
    assert!(lines[2].contains("level"), "{table}");
}

#[test]
fn the_smallest_heap_stands_beside_the_time_where_it_was_looked_for() {
    let (_one_dir, one) = recorded(&Simulation::default());
    let mut runs = [one.clone(), one.clone(), one.clone(), one];
    let names: Vec<String> = run_names(&runs);
    let table = comparison_table(&runs, &names).text();
    assert!(!table.contains("smallest heap"), "{table}");
    let found = |bytes: Option<u64>, other: Option<&str>| SmallestHeap {
        max_old_space_bytes: bytes,
        largest_tried_bytes: 512 << 20,
        other_limit: other.map(String::from),
        attempts: 4,
    };
    runs[0].info.smallest_heap = Some(found(Some(126 << 20), None));
    runs[1].info.smallest_heap = Some(found(None, None));
    runs[2].info.smallest_heap = Some(found(None, Some("max external memory")));
    let table = comparison_table(&runs, &names);
    assert_eq!(table.headings[2..5], ["ticks", "smallest heap", "time"]);
    let cells: Vec<&str> = table.rows.iter().map(|row| row[3].as_str()).collect();
    assert_eq!(cells, ["126 MB", "> 512 MB", "none", "–"]);
    let words = comparison_words(&runs, &names)[1].text();
    assert!(
        words.starts_with(&format!("Smallest heap: {} with 126 MB.", names[0])),
        "{words}"
    );
    assert!(words.contains("all 60,000 ticks complete"), "{words}");
    assert!(
        words.ends_with("another limit, max external memory."),
        "{words}"
    );
}

#[test]
fn runs_of_the_same_name_are_told_apart() {
    let parent = tempfile::tempdir().unwrap();
    let runs: Vec<RunRecord> = ["one", "two"]
        .map(|name| {
            let dir = parent.path().join(name);
            Simulation {
                ticks: 500,
                ..Simulation::default()
            }
            .record(&dir);
            RunRecord::open(dir).unwrap()
        })
        .into();
    assert_eq!(run_names(&runs), ["leak (one)", "leak (two)"]);
    let same = [runs[0].clone(), runs[0].clone()];
    assert_eq!(run_names(&same), ["leak (one)", "leak (one) #2"]);
    let mut others = runs;
    others[1].info.workload.name = "queue".into();
    assert_eq!(run_names(&others), ["cache", "queue"]);
    others[1].info.workload.name = "cache".into();
    for (run, policy) in others.iter_mut().zip(["generational", "mark-sweep"]) {
        run.info.options.insert("policy".into(), policy.into());
    }
    let names = run_names(&others);
    assert_eq!(names, ["generational", "mark-sweep"]);
    let words = comparison_words(&others, &names)[0].text();
    assert!(
        words.starts_with("Both runs came to the end. Least memory: "),
        "{words}"
    );
}

#[test]
fn interrupted_and_empty_runs_have_pages() {
    let dir = tempfile::tempdir().unwrap();
    Simulation::default().record_killed(dir.path(), 60);
    let page = fs::read_to_string(write_report(dir.path()).unwrap()).unwrap();
    check(&page);
    assert!(page.contains("The record breaks off after ") && page.contains("record not closed"));

    for outcome in [
        Outcome::Interrupted,
        Outcome::Completed,
        Outcome::Failed {
            message: "no <bytes>".into(),
        },
    ] {
        let dir = tempfile::tempdir().unwrap();
        let writer = RecordWriter::create(
            dir.path(),
            Simulation::default().info(),
            GcLogPrefix::VIRTUAL,
        )
        .unwrap();
        writer
            .finish(RunEnd {
                ticks: 0,
                time_us: 0,
                outcome,
            })
            .unwrap();
        let page = fs::read_to_string(write_report(dir.path()).unwrap()).unwrap();
        check(&page);
        assert!(
            page.contains("No collection took place.")
                && page.contains("No heap snapshot was taken.")
        );
    }

    fs::remove_file(dir.path().join("events.jsonl")).unwrap();
    let page = fs::read_to_string(write_report(dir.path()).unwrap()).unwrap();
    check(&page);
    assert!(page.contains("There is no events.jsonl"));
}

#[test]
fn hostile_strings_stay_text() {
    let evil = "\"><script>alert(1)</script><img src=x onerror=alert(2)>\u{202e}\u{0}]]>-->&lt;'";
    let dir = tempfile::tempdir().unwrap();
    let mut info = Simulation::default().info();
    info.workload.name = evil.into();
    info.workload.title = evil.into();
    info.workload.summary = evil.into();
    info.generator.name = evil.into();
    info.started_at = Some(evil.into());
    info.options.insert(evil.into(), evil.into());
    info.parameters.push(Parameter {
        name: evil.into(),
        value: ParameterValue::Text(evil.into()),
        unit: Unit::Other(evil.into()),
        meaning: evil.into(),
    });
    info.ground_truth = vec![GroundTruth {
        class: evil.into(),
        path: vec![PathStep {
            edge: evil.into(),
            class: evil.into(),
        }],
        why: evil.into(),
    }];
    info.counters.push(Counter {
        name: evil.into(),
        title: evil.into(),
        unit: Unit::Other(evil.into()),
        value: 3.5,
    });
    for chart in &mut info.charts {
        (chart.name, chart.title, chart.caption) = (evil.into(), evil.into(), evil.into());
        chart.curves[0].title = evil.into();
    }
    let mut writer = RecordWriter::create(dir.path(), info, GcLogPrefix::VIRTUAL).unwrap();
    Simulation {
        ticks: 3_000,
        ..Simulation::default()
    }
    .run(
        |event| {
            let event = match event {
                Event::Gc(mut gc) => {
                    (gc.reason, gc.collector_reason) = (evil.into(), evil.into());
                    gc.phases[0].name = evil.into();
                    Event::Gc(gc)
                }
                other => other,
            };
            writer.record(&event).unwrap();
        },
        false,
    );
    let file = format!("../../{evil}javascript:alert(3).heapsnapshot");
    let snapshot = SnapshotTaken {
        file,
        tick: 1,
        time_us: 1,
        why: SnapshotWhy::Tick,
        file_bytes: 1,
        nodes: None,
        edges: None,
    };
    writer.record(&Event::Snapshot(snapshot)).unwrap();
    writer
        .record(&Event::Note(Note {
            tick: 1,
            time_us: 1,
            name: evil.into(),
            text: evil.into(),
        }))
        .unwrap();
    writer
        .finish(RunEnd {
            ticks: 3_000,
            time_us: 90_000,
            outcome: Outcome::Failed {
                message: evil.into(),
            },
        })
        .unwrap();

    let run = RunRecord::open(dir.path()).unwrap();
    let page = run_page(&run, &run_charts(&run)[..1]);
    // A link may not leave the folder: what looks like a path is one encoded name.
    assert!(page.contains("href=\"..%2F..%2F%22%3E%3Cscript%3E"));
    check(&page.replace("href=\"..%2F..%2F", "href=\""));
    assert!(!page.contains('\u{202e}') && !page.contains('\u{0}'));
    assert!(!run_words(&run)[0].text().contains('\u{202e}'));
    let comparison = tempfile::tempdir().unwrap();
    let page = write_comparison([dir.path(), dir.path()], comparison.path()).unwrap();
    check(&fs::read_to_string(page).unwrap());
}

#[test]
fn the_same_record_gives_the_same_page() {
    let (dir, run) = recorded(&Simulation {
        ticks: 5_000,
        ..Simulation::default()
    });
    let first = fs::read(write_report(dir.path()).unwrap()).unwrap();
    let second = fs::read(write_report(dir.path()).unwrap()).unwrap();
    assert!(first == second);
    assert_eq!(run_page(&run, &run_charts(&run)).into_bytes(), first);
}

#[test]
fn what_is_no_run_has_no_page() {
    let dir = tempfile::tempdir().unwrap();
    let error = write_report(dir.path()).unwrap_err();
    assert!(
        matches!(error, ReportError::Record(RecordError::NotARun { .. })),
        "{error}"
    );
    let none: [&Path; 0] = [];
    assert!(matches!(
        write_comparison(none, dir.path()),
        Err(ReportError::NoRuns)
    ));
}
