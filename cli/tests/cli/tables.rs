//! `--sort`, `--filter`, `--top` and `--format` of every verb that prints a table, against the table as a whole.

use crate::graph::snapshots;
use crate::lab::Lab;
use crate::snapshot::output;

/// Every verb with a table, and the text of a filter that some of its rows have and some have not.
const VERBS: [(&str, &str); 20] = [
    ("summary a", "sess"),
    ("summary a --group-by type", "STR"),
    ("summary a --native-contexts", "system"),
    ("histogram a", "sess"),
    ("statistics a", "array"),
    ("dominators a --min-percent 0 --depth 9", "session"),
    ("dominators a --list objects", "context"),
    ("dominators a --list classes", "synth"),
    ("retainers a @17", "element"),
    ("retainers a --class Session", "sessions"),
    ("node a @15", "agent"),
    ("find a", "context"),
    ("strings a", "agent"),
    ("collections a", "array"),
    ("closures a", "sessions"),
    ("validate broken", "announced"),
    ("diff a b", "session"),
    ("diff a other --by class", "session"),
    ("growth a b c", "session"),
    ("leaks a b c", "session"),
];

fn run(lab: &Lab, verb: &str, more: &[&str]) -> (i32, String, String) {
    let words: Vec<&str> = verb.split(' ').collect();
    output(lab, &[&["snapshot"], &words[..], more].concat())
}

type Rows = Vec<Vec<String>>;

/// The head and the rows of a table as CSV.
fn csv(lab: &Lab, verb: &str, more: &[&str]) -> (Vec<String>, Rows) {
    let (code, out, err) = run(lab, verb, &[&["--format", "csv"], more].concat());
    assert!(matches!(code, 0 | 1), "{verb} {more:?}: {err}");
    let mut rows = parsed(&out);
    let head = rows.remove(0);
    assert!(rows.iter().all(|row| row.len() == head.len()), "{out}");
    (head, rows)
}

fn parsed(text: &str) -> Rows {
    let (mut rows, mut row, mut cell, mut quoted) = (Vec::new(), Vec::new(), String::new(), false);
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '"' if quoted && characters.peek() == Some(&'"') => {
                characters.next();
                cell.push('"');
            }
            '"' => quoted = !quoted,
            ',' if !quoted => row.push(std::mem::take(&mut cell)),
            '\n' if !quoted => {
                row.push(std::mem::take(&mut cell));
                rows.push(std::mem::take(&mut row));
            }
            character => cell.push(character),
        }
    }
    rows
}

fn sorted(rows: &Rows) -> Rows {
    let mut rows = rows.clone();
    rows.sort();
    rows
}

/// Numbers largest first and what is missing last; texts and ids in order.
fn in_order(cells: &[&str]) -> bool {
    let numbers: Vec<Option<f64>> = cells.iter().map(|cell| cell.parse().ok()).collect();
    let is_number = |at: usize| numbers[at].is_some() || cells[at].is_empty();
    if (0..cells.len()).all(is_number) {
        let value = |number: &Option<f64>| number.unwrap_or(f64::NEG_INFINITY);
        numbers
            .windows(2)
            .all(|two| value(&two[0]) >= value(&two[1]))
    } else {
        // Ids and indexes are numbers, too, the smallest first, and come before all else.
        cells.is_sorted_by_key(|cell| {
            let digits = cell.strip_prefix("'@").unwrap_or(cell);
            let number = digits.parse::<u64>().ok();
            (number.is_none(), number, *cell)
        })
    }
}

#[test]
fn every_table_is_sorted_by_every_column() {
    let lab = snapshots();
    for (verb, _) in VERBS {
        let (head, all) = csv(&lab, verb, &["--top", "0"]);
        assert!(!all.is_empty(), "{verb}");
        for (at, column) in head.iter().enumerate() {
            let (_, rows) = csv(&lab, verb, &["--top", "0", "--sort", column]);
            // An order of its own may leave out what the default one begins with: never a row.
            assert_eq!(sorted(&rows), sorted(&all), "{verb} --sort {column}");
            let cells: Vec<&str> = rows.iter().map(|row| row[at].as_str()).collect();
            assert!(in_order(&cells), "{verb} --sort {column}: {cells:?}");
            let (_, first) = csv(&lab, verb, &["--top", "2", "--sort", column]);
            assert_eq!(first, rows[..rows.len().min(2)], "{verb} --sort {column}");
        }
        let (code, _, err) = run(&lab, verb, &["--sort", "nothing"]);
        assert_eq!(code, 2, "{verb}: {err}");
        let hint = format!("columns: {}", head.join(", "));
        assert!(
            err.contains("no column `nothing`") && err.contains(&hint),
            "{verb}: {err}"
        );
    }
}

/// The page about leaks says why and what would end them, also when findings are chosen.
#[test]
fn leaks_that_are_chosen_keep_their_page() {
    let lab = snapshots();
    let leaks = "leaks a b c";
    let (code, whole, _) = run(&lab, leaks, &[]);
    for more in [&["--filter", "SESSION"][..], &["--sort", "growth"]] {
        let (same, page, err) = run(&lab, leaks, more);
        assert_eq!(
            (same, page.as_str()),
            (code, whole.as_str()),
            "{more:?}: {err}"
        );
        for label in ["kept by", "because", "cure"] {
            assert!(page.contains(label), "{page}");
        }
    }
    let (same, page, _) = run(&lab, leaks, &["--filter", "no such text"]);
    assert_eq!(same, code);
    assert_eq!(page, "none of one finding with `no such text` in it\n");
}

#[test]
fn every_table_is_filtered_by_its_texts() {
    let lab = snapshots();
    for (verb, filter) in VERBS {
        let (_, all) = csv(&lab, verb, &["--top", "0"]);
        let has = |row: &&Vec<String>| {
            let has = |cell: &String| cell.to_lowercase().contains(&filter.to_lowercase());
            row.iter().any(has)
        };
        let expected: Rows = all.iter().filter(has).cloned().collect();
        let (_, rows) = csv(&lab, verb, &["--top", "0", "--filter", filter]);
        assert_eq!(rows, expected, "{verb} --filter {filter}");
        assert!(!rows.is_empty(), "{verb} --filter {filter}");
        let (_, none) = csv(&lab, verb, &["--filter", "no such text"]);
        assert!(none.is_empty(), "{verb}");
        // The rows of Markdown are those of CSV, and below them stands what is left out.
        let (_, markdown, _) = run(
            &lab,
            verb,
            &["--format", "md", "--top", "0", "--filter", filter],
        );
        let lines = markdown
            .lines()
            .filter(|line| line.starts_with('|'))
            .count();
        assert_eq!(lines, rows.len() + 2, "{verb}: {markdown}");
        let (code, text, err) = run(&lab, verb, &["--filter", filter, "--top", "0"]);
        assert!(matches!(code, 0 | 1), "{verb}: {err}");
        assert!(text.lines().count() > rows.len(), "{verb}: {text}");
    }
}

#[test]
fn every_list_is_as_long_as_asked_for() {
    let lab = snapshots();
    for (verb, _) in VERBS {
        let (_, all) = csv(&lab, verb, &["--top", "0"]);
        let (_, one) = csv(&lab, verb, &["--top", "1"]);
        assert!(one.len() <= all.len() && !one.is_empty(), "{verb}");
        assert!(one.iter().all(|row| all.contains(row)), "{verb}: {one:?}");
        let (_, markdown, _) = run(&lab, verb, &["--format", "md", "--top", "1"]);
        if one.len() < all.len() {
            assert!(markdown.contains("--top 0 shows all"), "{verb}: {markdown}");
        }
    }
}

/// A wrong value is an error of usage that names the right ones.
#[test]
fn wrong_values_name_the_right_ones() {
    let lab = snapshots();
    let cases: [(&str, &[&str]); 9] = [
        ("summary a --format yaml", &["text", "json", "csv", "md"]),
        (
            "summary a --group-by colour",
            &["class", "name", "type", "script", "location", "shape"],
        ),
        (
            "summary a --only some",
            &[
                "duplicated-strings",
                "detached-dom",
                "contexts",
                "native-context=ID",
                "unattributed",
            ],
        ),
        ("dominators a --list leaves", &["objects", "classes"]),
        ("diff a b --by name", &["id", "class"]),
        ("leaks a b --by name", &["id", "class"]),
        ("export a --out tables --to xlsx", &["parquet", "csv"]),
        (
            "export a --out tables --tables rows",
            &["nodes", "edges", "classes", "dominators"],
        ),
        (
            "gate a --budgets none.toml --format csv",
            &["text", "json", "md", "github", "sarif"],
        ),
    ];
    for (command, possible) in cases {
        let (code, _, err) = run(&lab, command, &[]);
        assert_eq!(code, 2, "{command}: {err}");
        for value in possible {
            assert!(err.contains(value), "{command}: {err}");
        }
    }
    for (verb, _) in VERBS {
        let (code, _, err) = run(&lab, verb, &["--format", "yaml"]);
        assert_eq!(code, 2, "{verb}: {err}");
        assert!(err.contains("md"), "{verb}: {err}");
        let (code, _, err) = run(&lab, verb, &["--top", "many"]);
        assert_eq!(code, 2, "{verb}: {err}");
    }
    let (code, _, err) = run(&lab, "find a --type colour", &[]);
    assert_eq!(code, 2, "{err}");
    assert!(err.contains("closure") && err.contains("string"), "{err}");
}
