use std::io::Cursor;

use super::{Left, RedactReport, Redactor, redact};
use crate::Snapshot;
use crate::reader::Input;
use crate::tests::{Builder, Random, random_graph};

fn copy(text: &str) -> (String, RedactReport) {
    let input = Input::from_reader("memory", Cursor::new(text.as_bytes().to_vec())).unwrap();
    let mut out = Vec::new();
    let report = redact(input, &mut out).unwrap();
    (String::from_utf8(out).unwrap(), report)
}

fn secret_graph() -> Builder {
    let mut graph = Builder::new();
    let session = graph.node("object", "SecretSession", 3, 16);
    let token = graph.node("string", "token: hunter2", 5, 24);
    let scope = graph.node("object", "system / Context / loginUser", 7, 24);
    let closure = graph.node("closure", "loginUser", 9, 64);
    let map = graph.node("object", "Map", 11, 32);
    let entry =
        "1 / part of key (SecretSession @3) -> value (SecretValue @5) pair in WeakMap (table @11)";
    graph
        .edge(0, "property", "customerSession", session)
        .edge(session, "property", "password", token);
    graph
        .edge(scope, "context", "creditCard", token)
        .edge(closure, "internal", "context", scope);
    graph
        .edge(0, "element", "1", closure)
        .edge(map, "internal", entry, token);
    graph
}

#[test]
fn no_text_of_the_program_is_left() {
    let (text, report) = copy(&secret_graph().text());
    for secret in ["ecret", "hunter2", "login", "customer", "credit"] {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
    assert_eq!(
        report.strings,
        report.empty + report.known + report.rebuilt + report.replaced
    );
    assert_eq!(report.rebuilt, 2);
    let snapshot = Snapshot::parse(text).unwrap();
    assert!(snapshot.nodes().any(|node| node.name() == "Map"));
}

#[test]
fn shape_sizes_and_weak_maps_stay() {
    let mut random = Random(4242);
    let numbers = |snapshot: &Snapshot| -> Vec<(u32, u64, u64, i32)> {
        let each = snapshot.nodes().map(|node| {
            let distance = snapshot.distances().raw(node.ordinal());
            (
                node.id().0,
                node.self_size(),
                node.retained_size(),
                distance,
            )
        });
        each.collect()
    };
    for _ in 0..100 {
        let text = random_graph(&mut random).text();
        let (before, after) = (
            Snapshot::parse(text.clone()).unwrap(),
            Snapshot::parse(copy(&text).0).unwrap(),
        );
        assert_eq!(numbers(&before), numbers(&after));
        // Equal names stay equal, different ones different.
        for a in before.nodes() {
            for b in before.nodes() {
                let at = |node: crate::NodeRef<'_>| {
                    after.node(node.ordinal()).unwrap().name().into_owned()
                };
                assert_eq!(a.name() == b.name(), at(a) == at(b));
            }
        }
    }
}

#[test]
fn built_texts_keep_what_the_engine_put_there() {
    let mut redactor = Redactor::new();
    let mut say = |text: &str| redactor.replace(text, text.as_bytes());
    assert_eq!(say(""), (String::new(), Left::Empty));
    assert_eq!(say("myName"), ("r00000".into(), Left::Replaced));
    assert!(matches!(
        say("Detached <div id=\"account-42\">").1,
        Left::Rebuilt(_)
    ));
    assert!(
        !say("Detached <div id=\"account-42\">")
            .0
            .contains("account")
    );
    assert_eq!(say("<p>").0, "<p>");
    assert!(!say("<secret>").0.contains("secret"));
    assert_eq!(say("get myName").0, "get r00000");
    assert_eq!(
        say("system / Context / myName").0,
        "system / Context / r00000"
    );
}

/// Lengths decide how DevTools names plain objects: they stay, and no two texts become one.
#[test]
fn replacements_have_the_length_of_what_they_stand_for() {
    let mut redactor = Redactor::new();
    let mut seen = std::collections::HashSet::new();
    for letters in 2..40 {
        for number in 0..200 {
            let text = format!("§{number:0letters$}");
            // Of more digits than there are letters: met again with more letters.
            if text.chars().count() != letters + 1 {
                continue;
            }
            let (name, left) = redactor.replace(&text, text.as_bytes());
            assert_eq!(left, Left::Replaced);
            assert_eq!(name.chars().count(), text.chars().count(), "{text}: {name}");
            assert!(seen.insert(name));
        }
    }
    let (name, _) = redactor.replace("'quoted', {text}", b"'quoted', {text}");
    assert!(name.ends_with(',') && name.len() == 16, "{name}");
    // One letter each, more than there are digits.
    for code in 0x1000..0x1200 {
        let text = char::from_u32(code).unwrap().to_string();
        let (name, _) = redactor.replace(&text, text.as_bytes());
        assert_eq!(name.chars().count(), 1);
        assert!(seen.insert(name));
    }
}

#[test]
fn the_report_names_every_kind_that_is_left() {
    let (_, report) = copy(&secret_graph().text());
    let left: u64 = report.left.values().sum();
    assert_eq!(left, report.known + report.rebuilt);
    assert_eq!(report.left["that something is a context"], 1);
    assert_eq!(report.left["entries of WeakMaps: ids"], 1);
}

#[test]
fn foreign_sections_and_keys_are_left_out() {
    let text = secret_graph().text();
    let text = text.replacen('{', "{\"extra\":[\"hunter3\"],", 1);
    let text = text.replace("\"node_count\"", "\"comment\":\"hunter4\",\"node_count\"");
    let (copied, report) = copy(&text);
    assert_eq!(report.left_out, ["extra"]);
    assert!(!copied.contains("hunter"), "{copied}");
}

#[test]
fn half_a_file_gives_no_copy() {
    let text = secret_graph().text();
    for cut in 0..text.trim_end().len() {
        let input =
            Input::from_reader("memory", Cursor::new(text.as_bytes()[..cut].to_vec())).unwrap();
        assert!(redact(input, &mut Vec::new()).is_err(), "cut at {cut}");
    }
}

#[test]
fn the_list_holds_engine_names_only() {
    let names: Vec<&str> = super::KNOWN_NAMES.lines().collect();
    assert!(names.is_sorted());
    assert!(
        names
            .iter()
            .all(|name| !name.starts_with('/') && name.is_ascii() && !name.is_empty())
    );
    for name in [
        "Map",
        "prototype",
        "table",
        "elements",
        "(GC roots)",
        "system / Context",
    ] {
        assert!(names.contains(&name), "{name}");
    }
}
