//! The README says what is so.

use std::fs;
use std::path::{Path, PathBuf};

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

fn read(file: &str) -> String {
    fs::read_to_string(repository().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// The texts of the fenced blocks of a language.
fn blocks<'a>(page: &'a str, language: &str) -> Vec<&'a str> {
    let fence = format!("```{language}\n");
    let parts = page.split(fence.as_str()).skip(1);
    parts
        .map(|part| part.split("```").next().unwrap())
        .collect()
}

#[test]
fn the_library_is_shown_as_its_example_is_compiled() {
    let example = read("cli/examples/library.rs");
    let (_, code) = example.split_once("\n\n").unwrap();
    assert_eq!(blocks(&read("README.md"), "rust"), [code]);
}

#[test]
fn links_lead_somewhere() {
    let mut pages: Vec<PathBuf> = [repository().to_owned(), repository().join("docs")]
        .iter()
        .flat_map(|folder| fs::read_dir(folder).unwrap())
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "md"))
        .collect();
    pages.push(repository().join("benches/peers/README.md"));
    assert!(pages.len() > 8, "{pages:?}");
    for page in pages {
        let text = fs::read_to_string(&page).unwrap();
        let targets = text
            .split("](")
            .skip(1)
            .map(|rest| rest.split([')', '#']).next().unwrap());
        for target in targets.filter(|target| !target.contains("://")) {
            let file = page.parent().unwrap().join(target);
            assert!(file.exists(), "{}: {target}", page.display());
        }
    }
}

#[test]
fn workloads_cures_and_flags_exist() {
    let page = read("README.md");
    let lab = crate::lab::Lab::new();
    let commands = blocks(&page, "sh").into_iter().flat_map(str::lines);
    let mut runs = 0;
    for line in commands.filter_map(|line| line.strip_prefix("heaplab ")) {
        let words: Vec<&str> = line.split('#').next().unwrap().split_whitespace().collect();
        if words[0] == "snapshot" {
            continue;
        }
        let mut words = words;
        if words[0] == "run" {
            // Short, whatever length is shown.
            words.retain(|word| *word != "--duration" && *word != "30s");
            words.extend(["--ticks=50", "--quiet"]);
            runs += 1;
        }
        lab.run(words).code(0);
    }
    assert!(runs >= 3, "{page}");
}

/// What the guide shows is what the programs read, and it shows every budget and threshold that there is.
#[test]
fn the_guide_for_continuous_integration_is_read() {
    let page = read("docs/ci.md");
    let [settings, budgets] = blocks(&page, "toml")[..] else {
        panic!("settings and budgets: {page}");
    };
    let lab = crate::lab::Lab::new();
    fs::write(lab.path().join("leaks.toml"), settings).unwrap();
    fs::write(lab.path().join("budgets.toml"), budgets).unwrap();
    lab.run(["run", "cache", "--ticks=500", "--quiet", "--out=run"])
        .code(0);
    let snapshot = "run/end.heapsnapshot";
    lab.run(["snapshot", "leaks", snapshot, "--settings=leaks.toml"])
        .code(0);
    lab.run([
        "snapshot",
        "gate",
        snapshot,
        snapshot,
        "--budgets=budgets.toml",
    ])
    .code(0);

    // A list of what is known stands in the message about what is not.
    for (file, table) in [
        ("leaks.toml", "[thresholds]"),
        (
            "leaks.toml",
            "[[allow]]\nowner = \"\"\nuntil = \"2027-01-31\"",
        ),
        ("budgets.toml", "[total]"),
        ("budgets.toml", "[[class]]\nname = \"A\""),
        ("budgets.toml", "[baseline]"),
    ] {
        fs::write(lab.path().join(file), format!("{table}\nnot_known = 1\n")).unwrap();
        let verb = if file == "leaks.toml" {
            "leaks"
        } else {
            "gate"
        };
        let option = if file == "leaks.toml" {
            "--settings"
        } else {
            "--budgets"
        };
        let ran = lab.run(["snapshot", verb, snapshot, option, file]).code(3);
        let message = ran.stderr;
        let (_, known) = message.split_once("expected").expect("a list");
        let known: Vec<&str> = known.split('`').skip(1).step_by(2).collect();
        assert!(known.len() >= 3, "{message}");
        for name in known {
            assert!(page.contains(name), "{table} {name} is not in the guide");
        }
    }
}
