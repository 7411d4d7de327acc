//! The README says what is so.

use std::fs;
use std::path::Path;

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
    for page in ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"] {
        let text = read(page);
        let targets = text
            .split("](")
            .skip(1)
            .map(|rest| rest.split(')').next().unwrap());
        for target in targets.filter(|target| !target.contains("://")) {
            assert!(repository().join(target).exists(), "{page}: {target}");
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
