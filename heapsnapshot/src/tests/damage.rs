//! Files that are cut, shuffled, odd or hostile.

use std::io::Cursor;

use super::{Builder, Random, random_graph};
use crate::analysis::statistics::statistics;
use crate::analysis::summary::{GroupBy, summary};
use crate::analysis::validate::{Severity, validate};
use crate::reader::{Input, Position, ReadError, ReadOptions};
use crate::scanner::Path;
use crate::{NodeOrdinal, Snapshot};

pub(super) fn sample() -> Builder {
    let mut graph = Builder::new();
    let cache = graph.node("object", "Cache", 3, 16);
    let text = graph.node("string", "a \"quoted\" \\ string: \u{1f600}", 5, 24);
    graph
        .edge(0, "property", "cache", cache)
        .edge(cache, "element", "0", text);
    graph
}

/// Everything derived from a snapshot, so that nothing in it goes untouched.
pub(super) fn exercise(snapshot: &Snapshot) {
    let _ = summary(snapshot, GroupBy::Class, None);
    let _ = summary(
        snapshot,
        GroupBy::Script,
        Some(&|node: NodeOrdinal| node.0.is_multiple_of(2)),
    );
    let _ = statistics(snapshot);
    for node in snapshot.nodes() {
        let _ = (
            node.name(),
            node.class_name(),
            node.distance(),
            node.retained_size(),
            node.type_name(),
        );
        assert!(
            node.edges()
                .all(|edge| edge.from().ordinal() == node.ordinal())
        );
        assert!(
            node.retainers()
                .all(|edge| edge.to().ordinal() == node.ordinal())
        );
        for edge in node.edges() {
            let _ = (edge.name().to_string(), edge.type_name());
        }
    }
}

#[test]
fn a_file_cut_anywhere_gives_what_came_before() {
    let text = sample().text();
    let whole = text.trim_end().len();
    for cut in 0..whole - 1 {
        match Snapshot::parse(&text.as_bytes()[..cut]) {
            Err(ReadError::NotASnapshot { offset, .. }) => assert!(offset <= cut as u64),
            Err(other) => panic!("{other}"),
            Ok(snapshot) => {
                let damage = snapshot.report().damage.clone().expect("damage");
                assert!(damage.cut, "{damage}");
                let Position::Byte(offset) = damage.position else {
                    panic!("{damage}")
                };
                assert!(offset <= cut as u64, "{damage}");
                assert!(
                    ["nodes", "edges", "strings"].contains(&damage.section.as_str()),
                    "{damage}"
                );
                exercise(&snapshot);
            }
        }
        let input =
            Input::from_reader("cut", Cursor::new(text.as_bytes()[..cut].to_vec())).unwrap();
        assert!(
            Snapshot::read(
                input,
                &ReadOptions {
                    strict: true,
                    ..ReadOptions::default()
                }
            )
            .is_err()
        );
    }
    // Only the last brace is missing: DevTools does not mind.
    let snapshot = Snapshot::parse(&text.as_bytes()[..whole - 1]).unwrap();
    assert_eq!(snapshot.report().damage, None);
}

#[test]
fn bytes_changed_at_random_do_no_harm() {
    let mut random = Random(0x1234_5678_9abc_def1);
    for _ in 0..3000 {
        let mut text = random_graph(&mut random).text().into_bytes();
        for _ in 0..=random.below(4) {
            let at = random.below(text.len());
            match random.below(3) {
                0 => text[at] = random.below(256) as u8,
                1 => text[at] = b"0123456789,]}[{\":"[random.below(17)],
                _ => drop(text.remove(at)),
            }
        }
        if let Ok(snapshot) = Snapshot::parse(text) {
            exercise(&snapshot);
        }
    }
}

#[test]
fn sections_in_any_order_with_any_blanks() {
    let text = sample().text();
    let sections: Vec<&str> = text
        .trim_end()
        .trim_matches(['{', '}'])
        .split(",\n")
        .collect();
    // The split also cuts inside arrays at "\n,": put the sections together by their keys.
    let starts: Vec<usize> = ["\"snapshot\":", "\"nodes\":", "\"edges\":", "\"strings\":"]
        .iter()
        .map(|key| text.find(key).unwrap())
        .collect();
    assert!(sections.len() >= 4);
    let part = |at: usize| {
        let end = starts
            .get(at + 1)
            .copied()
            .unwrap_or(text.trim_end().len() - 1);
        text[starts[at]..end].trim_end().trim_end_matches(',')
    };
    for order in [[0, 1, 2, 3], [3, 2, 1, 0], [1, 0, 3, 2], [2, 3, 0, 1]] {
        let parts: Vec<_> = order
            .iter()
            .map(|&at| part(at).replace(',', " ,\r\n\t"))
            .collect();
        let unknown = "\"later\" : {\"a\":[1,[2,{\"b\":\"]}\\\"\"}]],\"c\":null}";
        let shuffled = format!(
            "\u{feff} {{ {} , {unknown},\"n\":-1.5e3 }}\n",
            parts.join(" , ")
        );
        let snapshot = Snapshot::parse(shuffled).unwrap();
        assert_eq!(snapshot.report().damage, None);
        assert!(
            snapshot.report().oddities.is_empty(),
            "{:?}",
            snapshot.report()
        );
        assert_eq!(snapshot.report().sections.len(), 6);
        let cache = snapshot.root().edges().next().unwrap().to();
        assert_eq!(
            (cache.name().as_ref(), cache.retained_size()),
            ("Cache", 40)
        );
        exercise(&snapshot);
    }
}

#[test]
fn every_scanner_path_gives_the_same_snapshot() {
    let mut random = Random(77);
    for _ in 0..50 {
        let text = random_graph(&mut random).text();
        let mut shown = Vec::new();
        for path in Path::available() {
            let input =
                Input::from_reader("memory", Cursor::new(text.clone().into_bytes())).unwrap();
            let options = ReadOptions {
                scanner: Some(path),
                ..ReadOptions::default()
            };
            let snapshot = Snapshot::read(input, &options).unwrap();
            shown.push(format!("{:?}{:?}", snapshot.nodes, snapshot.edges));
        }
        assert!(shown.windows(2).all(|two| two[0] == two[1]));
    }
}

#[test]
fn wrong_counts_and_targets_are_reported() {
    let text = sample().text();
    let read = |from: &str, to: &str| {
        assert!(text.contains(from), "{text}");
        let snapshot = Snapshot::parse(text.replace(from, to)).unwrap();
        exercise(&snapshot);
        snapshot
            .report()
            .oddities
            .iter()
            .map(|oddity| oddity.message.clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        read("\"node_count\":3", "\"node_count\":4"),
        ["4 nodes announced, 3 found"]
    );
    assert_eq!(
        read("\"edge_count\":2", "\"edge_count\":9"),
        ["9 edges announced, 2 found"]
    );
    assert_eq!(
        read("\n,1,0,10", "\n,1,0,500"),
        ["1 edges point at no node; they are left out"]
    );
    assert_eq!(
        read("\n,1,0,10", "\n,1,0,11"),
        ["1 edges point between two nodes; they are left out"]
    );
    assert_eq!(
        read("3,16,1", "3,16,7"),
        ["the nodes count 8 edges, the file has 2"]
    );
    assert!(read("3,16,1", "3,-16,1")[0].contains("not an unsigned integer"));
    assert!(read("3,16,1", "3,4294967312,1")[0].contains("modulo 2^32"));
    assert!(
        read("\"node_count\":3", "\"node_count\":3,\"root_index\":7")[0].contains("root_index 7")
    );
}

fn strictly(text: &str) -> Result<Snapshot, ReadError> {
    let input = Input::from_reader("memory", Cursor::new(text.as_bytes().to_vec()))?;
    let options = ReadOptions {
        strict: true,
        ..ReadOptions::default()
    };
    Snapshot::read(input, &options)
}

/// Files that are there to the end and cannot be right: read, reported with a code and a place, and refused if they must
/// be whole.
#[test]
fn numbers_that_contradict_each_other_are_damage() {
    let good = sample().text();
    assert!(strictly(&good).is_ok());
    let strings = good.find("\"strings\":[").unwrap() + 11;
    let nameless = format!("{}]}}", &good[..strings]);
    let point = good.find("0,10]").unwrap() + 3;
    let (code, section) = ("edge-target", "edges");
    let cases = [
        (
            good.replace("0,10]", "0,1.0]"),
            "number-form",
            "edges",
            Position::Byte(point as u64),
        ),
        (
            good.replace("0,10]", "0,500]"),
            code,
            section,
            Position::Edge(1),
        ),
        (
            good.replace("0,10]", "0,11]"),
            code,
            section,
            Position::Edge(1),
        ),
        (
            good.replace("0,10]", "0,10,7]"),
            "record-cut",
            "edges",
            Position::Byte(point as u64 + 4),
        ),
        (
            good.replace("3,16,1", "3,16,7"),
            "edge-sum",
            "nodes",
            Position::Node(1),
        ),
        (
            good.replace("3,16,1", "3,16,0"),
            "edge-sum",
            "edges",
            Position::Edge(1),
        ),
        (
            good.replace("\"node_count\":3", "\"node_count\":9"),
            "node-count",
            "nodes",
            Position::Node(3),
        ),
        (
            good.replace("\"edge_count\":2", "\"edge_count\":9"),
            "edge-count",
            "edges",
            Position::Edge(2),
        ),
        (nameless, "node-name", "nodes", Position::Node(0)),
        (
            good.replace("[2,2,5", "[2,99,5"),
            "edge-name",
            "edges",
            Position::Node(0),
        ),
        (
            good.clone() + &good,
            "surplus",
            "",
            Position::Byte(good.len() as u64),
        ),
        (
            good.clone() + "\0",
            "surplus",
            "",
            Position::Byte(good.len() as u64),
        ),
    ];
    for (text, code, section, position) in cases {
        assert_ne!(text, good, "{code}");
        let snapshot = Snapshot::parse(text.as_str()).unwrap();
        let damage = snapshot.report().damage.clone().expect(code);
        let place = (damage.section.as_str(), damage.position, damage.cut);
        assert_eq!(place, (section, position, false), "{code}: {damage}");
        let first = &snapshot.report().oddities[0];
        assert_eq!((&*first.code, first.damaged), (code, Some(position)));
        let told = validate(&snapshot);
        let told = told
            .iter()
            .find(|finding| finding.code == code)
            .expect(code);
        assert_eq!(told.severity, Severity::Error);
        match strictly(&text) {
            Err(ReadError::Damaged { damage: same, .. }) => assert_eq!(same, damage),
            other => panic!("{code}: {other:?}"),
        }
        exercise(&snapshot);
    }
}

/// What DevTools reads rightly is no damage, odd as it may be.
#[test]
fn what_is_odd_and_right_is_no_damage() {
    let good = sample().text();
    let object = good.find("\"object\"").unwrap();
    let more = format!("{}\"later\",{}", &good[..object], &good[object..]);
    for (from, to) in [
        ("\"node_count\":3", "\"node_count\":0"),
        ("\"edge_count\":2", "\"edge_count\":1"),
        ("3,16,1", "3,4294967312,1"),
        (
            "\"strings\":",
            "\"locations\":[-1,0,0,0],\"scopes\":[-2],\"unknown\":{},\"strings\":",
        ),
        // An index of an array is no name.
        ("\n,1,0,10", "\n,1,4000000000,10"),
        ("\n,1,0,10", "\n,4,77,10"),
        // Types that no name is known of, as V8 13.6 announces one too many.
        ("\n,1,0,10", "\n,99,77,10"),
        ("]}\n", "] } \r\n\t \n"),
        ("]}\n", "]"),
        (good.as_str(), more.as_str()),
    ] {
        assert!(good.contains(from), "{from} in {good}");
        let snapshot = strictly(&good.replace(from, to));
        assert_eq!(snapshot.expect(to).report().damage, None);
    }
}

#[test]
fn counts_without_bounds_take_no_memory() {
    let text = sample()
        .text()
        .replace("\"node_count\":3", "\"node_count\":4e18")
        .replace("\"edge_count\":2", "\"edge_count\":1e300");
    let snapshot = Snapshot::parse(text).unwrap();
    assert_eq!(snapshot.node_count(), 3);
    assert!(snapshot.nodes.kind.capacity() < 1 << 20);
}

#[test]
fn what_is_no_snapshot_is_refused_in_one_line() {
    for text in [
        "",
        "{",
        "[]",
        "{}",
        "hello",
        "{\"snapshot\":{}}",
        "{\"snapshot\":{\"meta\":{}}}",
        "{\"a\":1}",
        "\u{0}\u{1}",
    ] {
        let error = Snapshot::parse(text).unwrap_err().to_string();
        assert!(error.starts_with("text in memory: byte "), "{error}");
        assert!(!error.contains('\n'), "{error}");
    }
}

#[test]
fn deep_nesting_is_counted_not_followed() {
    let deep = format!("{}{}", "[".repeat(1 << 20), "]".repeat(1 << 20));
    let text = sample()
        .text()
        .replacen('{', &format!("{{\"deep\":{deep},"), 1);
    let snapshot = Snapshot::parse(text).unwrap();
    assert_eq!(snapshot.node_count(), 3);
    let header = format!("{{\"snapshot\":{deep}}}");
    assert!(matches!(
        Snapshot::parse(header),
        Err(ReadError::NotASnapshot { .. })
    ));
}
