//! `heaplab snapshot`: every verb on a snapshot of heaplab's own heap.

use crate::lab::Lab;

const TEXT: &str = r#"{"snapshot":{"meta":{
"node_fields":["type","name","id","self_size","edge_count"],
"node_types":[["hidden","array","string","object","code","closure","regexp","number","native","synthetic"],"string","number","number","number"],
"edge_fields":["type","name_or_index","to_node"],
"edge_types":[["context","element","property","internal","hidden","shortcut","weak"],"string_or_number","node"]},
"node_count":5,"edge_count":4},
"nodes":[9,0,1,0,1,3,1,3,32,3,2,2,5,40,0,2,2,7,40,0,2,3,9,24,0],
"edges":[2,1,5,1,0,10,1,1,15,1,2,20],
"strings":["","Array","a repeated text","\u001b[31mred"]}"#;

fn lab() -> Lab {
    let lab = Lab::new();
    std::fs::write(lab.path().join("a.heapsnapshot"), TEXT).unwrap();
    lab
}

pub(crate) fn output(lab: &Lab, args: &[&str]) -> (i32, String, String) {
    let output = lab.command(args).output().expect("the binary runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    (
        output.status.code().unwrap_or(-1),
        text(output.stdout),
        text(output.stderr),
    )
}

#[test]
fn every_verb_prints_every_form() {
    let lab = lab();
    let verbs: [&[&str]; 12] = [
        &["summary", "a.heapsnapshot"],
        &["histogram", "a.heapsnapshot"],
        &["statistics", "a.heapsnapshot"],
        &["dominators", "a.heapsnapshot"],
        &["retainers", "a.heapsnapshot", "@5"],
        &["node", "a.heapsnapshot", "3"],
        &["find", "a.heapsnapshot", "text"],
        &["strings", "a.heapsnapshot"],
        &["collections", "a.heapsnapshot"],
        &["closures", "a.heapsnapshot"],
        &["diff", "a.heapsnapshot", "a.heapsnapshot"],
        &["growth", "a.heapsnapshot", "a.heapsnapshot"],
    ];
    for verb in verbs {
        for format in ["text", "json", "csv", "md"] {
            let args: Vec<&str> = ["snapshot"]
                .into_iter()
                .chain(verb.iter().copied())
                .chain(["--format", format])
                .collect();
            let (code, out, err) = output(&lab, &args);
            assert_eq!(code, 0, "{args:?}: {err}");
            assert!(
                out.lines()
                    .all(|line| format != "text" || line.chars().count() <= 100),
                "{args:?}: {out}"
            );
            assert!(format == "csv" || !out.contains('\x1b'), "{args:?}: {out}");
            if format == "json" {
                let value: serde_json::Value = serde_json::from_str(&out).expect("JSON");
                let schema = value["schema"].as_str().expect("a schema");
                assert_eq!(schema, format!("heaplab snapshot {} 1", verb[0]));
            }
        }
    }
}

#[test]
fn a_file_alone_is_its_summary() {
    let lab = lab();
    let (code, alone, _) = output(&lab, &["a.heapsnapshot"]);
    assert_eq!(code, 0);
    assert_eq!(
        alone,
        output(&lab, &["snapshot", "summary", "a.heapsnapshot"]).1
    );
    assert!(
        alone.contains("(string)") && alone.contains("Array"),
        "{alone}"
    );
}

#[test]
fn exit_codes_say_how_it_ended() {
    let lab = lab();
    let broken = TEXT.replace("\"node_count\":5", "\"node_count\":6");
    std::fs::write(lab.path().join("b.heapsnapshot"), broken).unwrap();
    std::fs::write(lab.path().join("c.heapsnapshot"), &TEXT[..TEXT.len() - 30]).unwrap();
    let code = |args: &[&str]| output(&lab, args).0;
    assert_eq!(code(&["snapshot", "validate", "a.heapsnapshot"]), 0);
    assert_eq!(code(&["snapshot", "validate", "b.heapsnapshot"]), 1);
    assert_eq!(code(&["snapshot", "node", "a.heapsnapshot", "99"]), 2);
    assert_eq!(code(&["snapshot", "summary", "missing.heapsnapshot"]), 3);
    let edges = TEXT.find("1,2,20]").expect("the last edge");
    std::fs::write(lab.path().join("d.heapsnapshot"), &TEXT[..edges]).unwrap();
    let said = ["summary", "histogram"].map(|verb| {
        for file in ["c.heapsnapshot", "d.heapsnapshot"] {
            assert_eq!(code(&["snapshot", verb, file, "--strict"]), 3);
        }
        let (cut, rows, warning) = output(&lab, &["snapshot", verb, "d.heapsnapshot"]);
        assert_eq!(cut, 0, "{warning}");
        assert!(rows.contains("(string)"), "{rows}");
        warning
    });
    assert!(said[0].contains("section \"edges\", byte"), "{said:?}");
    assert_eq!(said[0], said[1]);
    let (cut, _, warning) = output(&lab, &["snapshot", "summary", "c.heapsnapshot"]);
    assert_eq!(cut, 0);
    assert!(warning.contains("section \"strings\", byte"), "{warning}");
    assert_eq!(
        code(&["snapshot", "summary", "a.heapsnapshot", "--max-memory", "0"]),
        4
    );
    assert_eq!(
        code(&[
            "snapshot",
            "leaks",
            "a.heapsnapshot",
            "a.heapsnapshot",
            "a.heapsnapshot"
        ]),
        0
    );
}

/// A text that grows in place has no place with more items: silence about it would read as an all-clear.
#[test]
fn growth_without_a_finding_is_no_all_clear() {
    let lab = lab();
    let files = [2, 4, 6].map(|megabytes| {
        let file = format!("{megabytes}.heapsnapshot");
        let text = TEXT.replace("2,2,5,40,0", &format!("2,2,5,{megabytes}000000,0"));
        std::fs::write(lab.path().join(&file), text).unwrap();
        file
    });
    let of = |files: [&str; 3], form: &str| {
        let args = ["snapshot", "leaks", "--by", "id", "--format", form];
        let (code, out, err) = output(&lab, &[&args[..], &files].concat());
        assert_eq!(code, 0, "{err}");
        out
    };
    let [small, middle, large] = files.each_ref().map(String::as_str);
    let page = of([small, middle, large], "text");
    assert!(
        page.starts_with("no leak is named, but the heap grows\n")
            && page.contains("4.0 MB of that growth"),
        "{page}"
    );
    let json = of([small, middle, large], "json");
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["leaks"]["unexplained_bytes"], 4_000_000);
    assert_eq!(of([small, middle, middle], "text"), "no leak found\n");
}

/// Where something is missing, "no leak found" would say nothing.
#[test]
fn leaks_of_a_part_of_a_snapshot_are_refused() {
    let lab = lab();
    let cut = &TEXT[..TEXT.len() - 30];
    std::fs::write(lab.path().join("cut.heapsnapshot"), cut).unwrap();
    let whole = "a.heapsnapshot";
    for files in [
        &[whole, whole, "cut.heapsnapshot"][..],
        &["cut.heapsnapshot", whole, whole],
        &["cut.heapsnapshot"],
    ] {
        for form in ["text", "json", "csv", "md"] {
            let args = [&["snapshot", "leaks", "--format", form], files].concat();
            let (code, out, err) = output(&lab, &args);
            assert_eq!((code, out.as_str()), (3, ""), "{args:?}: {err}");
            assert_eq!(err.lines().count(), 1, "{err}");
            for part in [
                "cut.heapsnapshot",
                "section \"strings\", byte",
                "snapshot summary",
            ] {
                assert!(err.contains(part), "{err}");
            }
        }
    }
}

/// Files that are there to the end and contradict themselves: shown with a warning, refused where they must be whole.
#[test]
fn contradictions_are_damage() {
    let lab = lab();
    let strings = TEXT.find("[\"\",\"Array\"").expect("the strings");
    let nameless = format!("{}[]}}", &TEXT[..strings]);
    let cases = [
        (
            TEXT.replace("0,10,1", "0,10.5,1"),
            "section \"edges\", byte",
            "number-form",
        ),
        (
            TEXT.replace("0,10,1", "0,11,1"),
            "section \"edges\", edge 1: 1 edges point between",
            "edge-target",
        ),
        (
            TEXT.replace("3,32,3", "3,32,99"),
            "section \"nodes\", node 1: the nodes count 100 edges",
            "edge-sum",
        ),
        (
            nameless,
            "section \"nodes\", node 0: 5 nodes have a name beyond the 0 strings",
            "node-name",
        ),
        (
            TEXT.repeat(2),
            ": byte 584: the file goes on behind the end",
            "surplus",
        ),
    ];
    let budgets = "[total]\nmax_bytes = 1_000_000\n";
    std::fs::write(lab.path().join("b.toml"), budgets).unwrap();
    for (text, place, code) in cases {
        assert_ne!(text, TEXT);
        std::fs::write(lab.path().join("b.heapsnapshot"), text).unwrap();
        let (exit, rows, warning) = output(&lab, &["snapshot", "summary", "b.heapsnapshot"]);
        assert_eq!(exit, 0, "{code}: {warning}");
        assert!(
            !rows.is_empty() && warning.contains(place),
            "{code}: {warning}"
        );
        assert!(warning.contains("the file is damaged"), "{code}: {warning}");
        let (exit, _, error) = output(&lab, &["snapshot", "summary", "b.heapsnapshot", "--strict"]);
        assert_eq!((exit, error.contains(place)), (3, true), "{code}: {error}");
        let (exit, found, _) = output(&lab, &["snapshot", "validate", "b.heapsnapshot"]);
        assert_eq!((exit, found.contains(code)), (1, true), "{found}");
        let gate = ["snapshot", "gate", "b.heapsnapshot", "--budgets", "b.toml"];
        assert_eq!(output(&lab, &gate).0, 3, "{code}");
    }
    let gate = ["snapshot", "gate", "a.heapsnapshot", "--budgets", "b.toml"];
    assert_eq!(output(&lab, &gate).0, 0);
    for text in [
        TEXT.to_owned() + " \r\n\t",
        TEXT[..TEXT.len() - 1].to_owned(),
    ] {
        std::fs::write(lab.path().join("b.heapsnapshot"), text).unwrap();
        let (exit, _, said) = output(&lab, &["snapshot", "summary", "b.heapsnapshot", "--strict"]);
        assert_eq!((exit, said.as_str()), (0, ""));
    }
}

#[test]
fn a_file_without_its_strings_says_that_names_are_missing() {
    let lab = lab();
    let cut = TEXT.find("\"strings\"").expect("the strings");
    std::fs::write(lab.path().join("b.heapsnapshot"), &TEXT[..cut]).unwrap();
    for verb in ["summary", "histogram"] {
        let (exit, _, warning) = output(&lab, &["snapshot", verb, "b.heapsnapshot"]);
        assert_eq!(exit, 0, "{warning}");
        assert!(warning.contains("names are missing"), "{warning}");
        assert_eq!(warning.lines().count(), 1, "{warning}");
    }
}

#[test]
fn sizes_to_find_have_units() {
    let lab = lab();
    let find = |size: &str| {
        let args = [
            "snapshot",
            "find",
            "a.heapsnapshot",
            "--format",
            "csv",
            "--min-size",
            size,
        ];
        output(&lab, &args)
    };
    assert_eq!(find("40").1.lines().count(), 3);
    assert_eq!(find("0.04kB").1, find("40").1);
    assert_eq!(find("100KB").1.lines().count(), 1);
    let (exit, _, error) = find("many");
    assert!(exit == 2 && error.contains("for example 100kB"), "{error}");
}

/// Ids of another process do not say what was allocated when.
#[test]
fn snapshots_of_two_processes_have_no_order() {
    let lab = lab();
    let other = TEXT
        .replace(",3,32,3", ",5,32,3")
        .replace(",5,40,0", ",3,40,0")
        .replace(",7,40,0", ",9,40,0")
        .replace(",9,24,0", ",7,24,0");
    std::fs::write(lab.path().join("b.heapsnapshot"), other).unwrap();
    for option in ["--allocated-after", "--allocated-before"] {
        for (file, warned) in [("a.heapsnapshot", false), ("b.heapsnapshot", true)] {
            let args = ["snapshot", "summary", "a.heapsnapshot", option, file];
            let (exit, _, said) = output(&lab, &args);
            assert_eq!(
                (exit, said.contains("two processes")),
                (0, warned),
                "{said}"
            );
        }
    }
}

/// A snapshot is not replaced by its copy, under whatever name it is given.
#[test]
fn a_snapshot_is_not_redacted_onto_itself() {
    let lab = lab();
    let args = [
        "snapshot",
        "redact",
        "a.heapsnapshot",
        "--out",
        "./a.heapsnapshot",
    ];
    let (code, _, err) = output(&lab, &args);
    assert_eq!(code, 2, "{err}");
    assert!(err.contains("--out is the snapshot itself"), "{err}");
    let kept = std::fs::read_to_string(lab.path().join("a.heapsnapshot")).unwrap();
    assert_eq!(kept, TEXT);
}

/// A list that is cut says so: in text and Markdown below it, for programs on standard error.
#[test]
fn lists_that_are_cut_say_of_how_many() {
    let lab = lab();
    for verb in ["find", "summary"] {
        for form in ["text", "md", "json", "csv"] {
            let file = ["a.heapsnapshot", "--top", "1", "--format", form];
            let (code, out, err) = output(&lab, &[&["snapshot", verb][..], &file].concat());
            assert_eq!(code, 0, "{err}");
            let place = if matches!(form, "text" | "md") {
                out
            } else {
                err
            };
            assert!(place.contains("1 of "), "{verb} {form}: {place}");
        }
    }
}

#[test]
fn a_redacted_copy_has_the_same_numbers_and_no_texts() {
    let lab = lab();
    let (code, report, err) = output(
        &lab,
        &[
            "snapshot",
            "redact",
            "a.heapsnapshot",
            "--out",
            "r.heapsnapshot",
        ],
    );
    assert_eq!(code, 0, "{err}");
    assert!(report.contains("2  texts replaced"), "{report}");
    assert!(!lab.text("r.heapsnapshot").contains("repeated"));
    assert_eq!(
        output(&lab, &["r.heapsnapshot"]).1,
        output(&lab, &["a.heapsnapshot"]).1
    );
}

#[test]
fn broken_budgets_end_with_one() {
    let lab = lab();
    let path = lab.path().join("budgets.toml");
    let gate = |format: &str| {
        output(
            &lab,
            &[
                "snapshot",
                "gate",
                "a.heapsnapshot",
                "--budgets",
                "budgets.toml",
                "--format",
                format,
            ],
        )
    };
    std::fs::write(&path, "[[class]]\nname = \"(string)\"\nmax_count = 3\n").unwrap();
    assert_eq!(gate("text").0, 0);
    std::fs::write(&path, "[[class]]\nname = \"(string)\"\nmax_count = 2\n").unwrap();
    for format in ["text", "json", "md", "github", "sarif"] {
        let (code, out, err) = gate(format);
        assert_eq!(code, 1, "{format}: {err}");
        assert!(out.contains("max_count"), "{format}: {out}");
    }
    // A series, and a baseline that lies beside the budgets.
    let text = "[total]\nmax_bytes_per_round = 0\nmax_growth_bytes = 0\n[baseline]\nfile = \"a.heapsnapshot\"\n";
    std::fs::write(&path, text).unwrap();
    let series = [
        "snapshot",
        "gate",
        "a.heapsnapshot",
        "a.heapsnapshot",
        "--budgets",
        "budgets.toml",
    ];
    let (code, out, err) = output(&lab, &series);
    assert_eq!(code, 0, "{err}");
    assert_eq!(out.matches("total: 0 is within").count(), 2, "{out}");
    std::fs::write(&path, "[total]\nmax = 1\n").unwrap();
    let (code, _, err) = gate("text");
    assert_eq!(code, 3);
    assert!(err.contains("budgets.toml: line 2"), "{err}");
}

#[test]
fn exported_tables_are_files() {
    let lab = lab();
    let export = |more: &[&str]| {
        let args = ["snapshot", "export", "a.heapsnapshot", "--out", "tables"];
        output(&lab, &[&args, more].concat())
    };
    let (code, report, err) = export(&["--to", "csv", "--tables", "edges,nodes"]);
    assert_eq!(code, 0, "{err}");
    assert!(
        report.contains("5 rows") && report.contains("tables/nodes.csv"),
        "{report}"
    );
    let edges = lab.text("tables/edges.csv");
    assert_eq!(edges.lines().count(), 5, "{edges}");
    let mut files: Vec<_> = std::fs::read_dir(lab.path().join("tables"))
        .unwrap()
        .map(|file| file.unwrap().file_name())
        .collect();
    files.sort();
    assert_eq!(files, ["edges.csv", "nodes.csv"]);
    let (code, report, err) = export(&["--format", "json"]);
    assert_eq!(code, 0, "{err}");
    let report: serde_json::Value = serde_json::from_str(&report).expect("JSON");
    let files = report["export"]["files"].as_array().expect("files");
    assert_eq!(files.len(), 4);
    for file in files {
        let path = lab.path().join(file["path"].as_str().expect("a path"));
        let bytes = std::fs::read(path).unwrap();
        assert_eq!(bytes.len() as u64, file["bytes"].as_u64().unwrap());
        assert!(bytes.starts_with(b"PAR1") && bytes.ends_with(b"PAR1"));
    }
    std::fs::write(lab.path().join("taken"), "").unwrap();
    let taken = ["snapshot", "export", "a.heapsnapshot", "--out", "taken"];
    assert_eq!(output(&lab, &taken).0, 3);
}

#[test]
fn rows_are_chosen_in_every_form() {
    let lab = lab();
    let args = ["snapshot", "summary", "a.heapsnapshot", "--filter", "STR"];
    let (_, csv, _) = output(&lab, &[&args[..], &["--format", "csv"]].concat());
    assert_eq!(csv.lines().count(), 2, "{csv}");
    let (_, json, _) = output(&lab, &[&args[..], &["--format", "json"]].concat());
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    let rows = json["summary"]["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0]["name"], "(string)");
}

/// Every verb that holds a graph is held to a limit.
#[test]
fn memory_beyond_what_is_allowed_is_refused() {
    let lab = lab();
    std::fs::write(lab.path().join("budgets.toml"), "").unwrap();
    let verbs = [
        "summary a.heapsnapshot",
        "statistics a.heapsnapshot",
        "dominators a.heapsnapshot",
        "retainers a.heapsnapshot @5",
        "node a.heapsnapshot @5",
        "find a.heapsnapshot a",
        "strings a.heapsnapshot",
        "collections a.heapsnapshot",
        "closures a.heapsnapshot",
        "validate a.heapsnapshot",
        "diff a.heapsnapshot a.heapsnapshot",
        "growth a.heapsnapshot a.heapsnapshot",
        "leaks a.heapsnapshot",
        "gate a.heapsnapshot --budgets budgets.toml",
        "export a.heapsnapshot --out tables",
    ];
    for verb in verbs {
        let run = |limit: &str| {
            let words = verb.split(' ').chain(["--max-memory", limit]);
            let args: Vec<&str> = ["snapshot"].into_iter().chain(words).collect();
            output(&lab, &args)
        };
        let (code, _, err) = run("1");
        assert_eq!(code, 4, "{verb}: {err}");
        assert!(err.contains("need about"), "{verb}: {err}");
        assert_eq!(run("100").0, 0, "{verb}");
    }
}

/// An index of the graph takes memory, too, whichever verb finds it.
#[test]
fn an_index_beyond_the_memory_allowed_is_refused() {
    let lab = lab();
    let run = |verb: &[&str], more: &[&str]| {
        let args = [&["snapshot"], verb, &["--index"], more].concat();
        output(&lab, &args)
    };
    let verbs: [&[&str]; 3] = [
        &["node", "a.heapsnapshot", "@5"],
        &["summary", "a.heapsnapshot"],
        &["statistics", "a.heapsnapshot"],
    ];
    assert_eq!(run(verbs[0], &[]).0, 0);
    assert!(lab.path().join("a.heapsnapshot.graph-index").exists());
    for verb in verbs {
        let (code, _, err) = run(verb, &["--max-memory", "1"]);
        assert_eq!(code, 4, "{verb:?}: {err}");
        assert!(err.contains("its index needs about"), "{verb:?}: {err}");
    }
    for verb in verbs {
        assert_eq!(run(verb, &["--max-memory", "100"]).0, 0, "{verb:?}");
    }
}

/// A second snapshot needs its memory beside the first.
#[test]
fn open_snapshots_count_against_the_memory_allowed() {
    let lab = lab();
    let long = TEXT.replacen('{', &format!("{{{}", " ".repeat(6_000_000)), 1);
    std::fs::write(lab.path().join("long.heapsnapshot"), long).unwrap();
    // What is open is small, but will grow.
    let args = ["snapshot", "diff", "long.heapsnapshot", "long.heapsnapshot"];
    let (code, _, err) = output(&lab, &[&args[..], &["--max-memory", "19"]].concat());
    assert_eq!(code, 4, "{err}");
    assert!(err.contains("of snapshot need about"), "{err}");
    let one = ["snapshot", "node", "long.heapsnapshot", "@5"];
    let alone = output(&lab, &[&one[..], &["--max-memory", "19"]].concat());
    assert_eq!(alone.0, 0, "{}", alone.2);
}

/// A stream's size is found out while it is read.
#[test]
fn what_grows_beyond_the_memory_allowed_is_refused() {
    use std::io::Write;
    let lab = lab();
    std::fs::write(lab.path().join("a.heapsnapshot.gz"), {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(&vec![b' '; 3_000_000]).unwrap();
        gzip.write_all(TEXT.as_bytes()).unwrap();
        gzip.finish().unwrap()
    })
    .unwrap();
    let (code, _, err) = output(&lab, &["a.heapsnapshot.gz", "--max-memory", "1"]);
    assert_eq!(code, 4, "{err}");
    assert!(err.contains("larger than what may be used"), "{err}");
    assert_eq!(
        output(&lab, &["a.heapsnapshot.gz", "--max-memory", "100"]).0,
        0
    );
}

#[test]
fn parts_and_groups_of_the_summary() {
    let lab = lab();
    let summary = |more: &[&str]| {
        let args = ["snapshot", "summary", "a.heapsnapshot", "--format", "csv"];
        output(&lab, &[&args, more].concat())
    };
    let (code, rows, err) = summary(&["--only", "duplicated-strings"]);
    assert_eq!(code, 0, "{err}");
    assert_eq!(rows.lines().count(), 2, "{rows}");
    assert!(
        rows.contains("(string)") && rows.lines().last().unwrap().starts_with("2,"),
        "{rows}"
    );
    let (_, rows, _) = summary(&["--only", "console"]);
    assert_eq!(rows.lines().count(), 1, "{rows}");
    let (_, rows, _) = summary(&["--allocated-after", "a.heapsnapshot"]);
    assert_eq!(rows.lines().count(), 1, "{rows}");
    let (_, rows, _) = summary(&["--allocated-before", "a.heapsnapshot"]);
    assert_eq!(rows.lines().count(), 3, "{rows}");
    for group in ["class", "name", "type", "script", "location", "shape"] {
        assert_eq!(summary(&["--group-by", group]).0, 0, "{group}");
    }
    assert_eq!(summary(&["--only", "native-context=@99"]).0, 2);
    let (code, _, err) = summary(&["--only", "everything"]);
    assert_eq!(code, 2);
    assert!(err.contains("duplicated-strings"), "{err}");
}

#[test]
fn an_index_answers_until_the_file_changes() {
    let lab = lab();
    let reports = lab.path().join("a.heapsnapshot.index");
    let graph = lab.path().join("a.heapsnapshot.graph-index");
    let verbs: [(&[&str], &std::path::Path); 9] = [
        (&["summary"], &reports),
        (&["summary", "--group-by", "shape"], &reports),
        (&["statistics"], &reports),
        (&["summary", "--only", "duplicated-strings"], &graph),
        (&["dominators", "--min-percent", "0"], &graph),
        (&["retainers", "@5"], &graph),
        (&["node", "@5"], &graph),
        (&["find"], &graph),
        (&["diff", "a.heapsnapshot"], &graph),
    ];
    for (verb, index) in verbs {
        let mut plain = vec!["snapshot", verb[0], "a.heapsnapshot"];
        plain.extend(&verb[1..]);
        plain.extend(["--format", "json"]);
        let indexed = [&plain[..], &["--index"]].concat();
        let (_, expected, _) = output(&lab, &plain);
        for path in [&reports, &graph] {
            let _ = std::fs::remove_file(path);
        }
        // Made, then used, then made again of a file that is damaged.
        for round in 0..3 {
            let (code, out, err) = output(&lab, &indexed);
            assert_eq!(
                (code, &out),
                (0, &expected),
                "{verb:?}, round {round}: {err}"
            );
            assert!(index.exists(), "{verb:?}");
            // Only what is damaged is worth a word.
            let lines = if round == 2 { 1 } else { 0 };
            let said = err.lines().filter(|line| line.contains("not used")).count();
            assert!(
                said >= lines && (round == 2 || said == 0),
                "{verb:?}: {err}"
            );
            if round == 1 {
                let mut bytes = std::fs::read(index).unwrap();
                let middle = bytes.len() / 2;
                bytes[middle] ^= 4;
                bytes.truncate(bytes.len() - 1);
                std::fs::write(index, bytes).unwrap();
            }
        }
    }
    // What they say is not what the file says any more.
    let longer = TEXT.replace("1,3,32,3", "1,3,99,3");
    std::fs::write(lab.path().join("a.heapsnapshot"), longer).unwrap();
    for verb in [&["summary"][..], &["node", "@3"]] {
        let mut plain = vec!["snapshot", verb[0], "a.heapsnapshot"];
        plain.extend(&verb[1..]);
        let (_, expected, _) = output(&lab, &plain);
        let (code, out, _) = output(&lab, &[&plain[..], &["--index"]].concat());
        assert_eq!((code, out), (0, expected));
    }
    let (code, _, err) = output(&lab, &["snapshot", "summary", "-", "--index"]);
    assert_ne!(code, 0);
    assert!(err.contains("standard input"), "{err}");
}
