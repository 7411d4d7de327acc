//! A corpus of hostile files, each through the reader and every analysis: nothing may panic, run on, or overflow the stack.

use std::fmt::Write as _;
use std::io::{Cursor, Write as _};

use super::Sections;
use crate::analysis::filter::{Filter, filter, last_id, native_contexts};
use crate::analysis::summary::{GroupBy, summary};
use crate::analysis::{
    closures, collections, diff, dominators, find, growth, node, retainers, statistics, strings,
    validate,
};
use crate::export::{Table, write_csv};
use crate::gate::{Budgets, Measured, gate};
use crate::leaks::{self, Settings};
use crate::reader::{Input, ReadError, ReadOptions, read_histogram};
use crate::redact::redact;
use crate::{NodeOrdinal, Snapshot};

/// Every analysis, at length where the graph is small.
pub(crate) fn every_analysis(snapshot: &Snapshot) {
    let few = if snapshot.node_count() < 1000 {
        usize::MAX
    } else {
        5
    };
    for group_by in [
        GroupBy::Class,
        GroupBy::Name,
        GroupBy::Type,
        GroupBy::Script,
        GroupBy::Location,
        GroupBy::Shape,
    ] {
        let _ = summary(snapshot, group_by, None);
    }
    let _ = native_contexts(snapshot);
    for part in [
        Filter::DuplicatedStrings,
        Filter::DetachedDomNodes,
        Filter::Contexts,
        Filter::Console,
        Filter::EventHandlers,
        Filter::NativeContext(NodeOrdinal(0)),
        Filter::SharedNativeContext,
        Filter::NoNativeContext,
        Filter::Ids {
            after: None,
            up_to: last_id(snapshot),
        },
    ] {
        let kept = filter(snapshot, part);
        let _ = summary(snapshot, GroupBy::Class, Some(&|node| kept.contains(node)));
    }
    let _ = statistics::statistics(snapshot);
    let root = snapshot.root().ordinal();
    let limits = dominators::TreeLimits {
        depth: usize::MAX,
        breadth: 3,
        min_percent: 0.0,
    };
    let _ = dominators::dominator_tree(snapshot, root, limits);
    let _ = dominators::top_consumers(snapshot, few);
    let _ = dominators::dominated_classes(snapshot, root, few);
    let _ = find::find(snapshot, &find::Query::default(), few);
    let _ = strings::duplicated_strings(snapshot, few);
    let _ = collections::collections(snapshot, 0, few);
    let _ = closures::closures(snapshot, few);
    let _ = validate::validate(snapshot);
    let _ = diff::diff(snapshot, snapshot, None, few);
    let _ = diff::diff(snapshot, snapshot, Some(diff::Matching::Class), few);
    let mut series = growth::GrowthSeries::default();
    series.add(snapshot);
    series.add(snapshot);
    let _ = series.finish();
    let last = snapshot.node_count().saturating_sub(20);
    for index in (0..snapshot.node_count().min(20)).chain(last..snapshot.node_count()) {
        let at = snapshot.at(index);
        let _ = node::node_details(at, 3);
        let _ = retainers::node_retainers(at, 3);
    }
    let class = snapshot.at(snapshot.node_count() - 1).class_name();
    let _ = retainers::class_retainers(snapshot, &class, 3);
    let measured = Measured::of(snapshot);
    let _ = gate(
        std::slice::from_ref(&measured),
        Some(&measured),
        &Budgets::default(),
    );
    for table in Table::ALL {
        write_csv(snapshot, table, &mut std::io::sink(), &mut |_| {}).unwrap();
    }
}

/// The leak finder takes snapshots by value.
fn leaks_of(text: &str) {
    let snapshots: Vec<Snapshot> = (0..3).map_while(|_| Snapshot::parse(text).ok()).collect();
    let _ = leaks::find(&snapshots, None, &Settings::default(), "2026-01-01");
}

fn run(name: &str, text: &str) {
    let _ = redact(
        Input::from_reader(name, Cursor::new(text.as_bytes().to_vec())).unwrap(),
        &mut std::io::sink(),
    );
    let _ = read_histogram(
        Input::from_reader(name, Cursor::new(text.as_bytes().to_vec())).unwrap(),
        &ReadOptions::default(),
    );
    if let Ok(snapshot) = Snapshot::parse(text) {
        if snapshot.node_count() > 0 {
            every_analysis(&snapshot);
        }
        leaks_of(text);
    }
}

/// A file of these sections; node fields are type, name, id, self size, edge count, detachedness.
fn file(counts: &str, nodes: &str, edges: &str, more: &str, strings: &str) -> String {
    Sections {
        node_fields: r#""type","name","id","self_size","edge_count","detachedness""#,
        node_types: r#""hidden","array","string","object","code","closure","regexp","number","native","synthetic","concatenated string""#,
        edge_types: r#""context","element","property","internal","hidden","shortcut","weak""#,
        more_meta: r#","location_fields":["object_index","script_id","line","column"],
"scope_fields":["script_node_index","scope_id","depth","scope_context_vars_count","scope_uses_count"],
"scope_use_fields":["declaring_scope_id","slot_index"]"#,
        counts,
        nodes,
        edges,
        more,
        strings,
    }
    .text()
}

const STRINGS: &str = r#""","Object","Array","table","elements","first","second","system / Context","context","previous","7 / part of key (K @1) -> value (V @1) pair in WeakMap (table @1)","V8EventListener","1","code","map","native_context","system / NativeContext","next","shared","script","source""#;

/// `count` nodes of one kind and name in a line, each with an edge of this kind and name to the next; the last to `end`.
fn chain(count: usize, node: &str, edge: &str, end: usize) -> String {
    let (mut nodes, mut edges) = ("9,0,1,0,1,0".to_owned(), format!("{edge},6"));
    for at in 1..count {
        let to = if at + 1 == count { end } else { at + 1 };
        let _ = write!(nodes, ",{node},{},8,1,0", 2 * at + 1);
        let _ = write!(edges, ",{edge},{}", to * 6);
    }
    let counts = format!(r#""node_count":{count},"edge_count":{count}"#);
    file(&counts, &nodes, &edges, "", STRINGS)
}

#[test]
fn hostile_files_do_no_harm() {
    let three = "9,0,1,0,2,0, 3,1,3,8,1,2, 8,1,3,8,0,2";
    let counts = r#""node_count":3,"edge_count":3"#;
    let edges = "2,3,6, 1,0,12, 3,4,6";
    let max = u32::MAX;
    let cases: [(&str, String); 22] = [
        ("sound", file(counts, three, edges, "", STRINGS)),
        (
            "no nodes",
            file(r#""node_count":0,"edge_count":0"#, "", "", "", ""),
        ),
        (
            "counts without end",
            file(
                r#""node_count":1e308,"edge_count":18446744073709551615"#,
                three,
                edges,
                "",
                STRINGS,
            ),
        ),
        (
            "counts that are none",
            file(
                r#""node_count":"3","edge_count":{}"#,
                three,
                edges,
                "",
                STRINGS,
            ),
        ),
        (
            "a node with all edges",
            file(
                counts,
                &three.replace("0,2,0", &format!("0,{max},0")),
                edges,
                "",
                STRINGS,
            ),
        ),
        (
            "edge counts that overflow",
            file(
                counts,
                &format!("9,0,1,0,{max},0, 3,1,3,8,{max},2, 8,1,3,8,{max},2"),
                edges,
                "",
                STRINGS,
            ),
        ),
        (
            "sizes at the limit",
            file(
                counts,
                &format!("9,0,1,{max},2,0, 1,1,3,{max},1,2, 0,1,3,{max},0,2"),
                edges,
                "",
                STRINGS,
            ),
        ),
        (
            "one id for all",
            file(
                counts,
                "9,0,0,0,2,0, 3,1,0,8,1,2, 8,1,0,8,0,2",
                edges,
                "",
                STRINGS,
            ),
        ),
        (
            "edges to nowhere",
            file(counts, three, "2,3,7, 1,0,4294967295, 3,4,18", "", STRINGS),
        ),
        (
            "names out of range",
            file(
                counts,
                "9,99,1,0,2,0, 3,4294967295,3,8,1,2, 10,77,3,8,0,2",
                "2,4294967295,6, 3,99,12, 5,98,6",
                "",
                STRINGS,
            ),
        ),
        (
            "types out of range",
            file(
                counts,
                "255,0,1,0,2,0, 11,1,3,8,1,2, 4294967295,1,3,8,0,2",
                "7,3,6, 255,0,12, 4294967295,4,6",
                "",
                STRINGS,
            ),
        ),
        (
            "edges to themselves",
            file(counts, three, "2,3,0, 3,4,0, 3,10,6", "", STRINGS),
        ),
        (
            "a string of itself",
            file(
                r#""node_count":2,"edge_count":3"#,
                "9,0,1,0,1,0, 10,0,3,8,2,0",
                "2,3,6, 3,5,6, 3,6,6",
                "",
                STRINGS,
            ),
        ),
        (
            "the last node is the root",
            file(
                r#""node_count":3,"edge_count":3,"root_index":12"#,
                three,
                edges,
                "",
                STRINGS,
            ),
        ),
        (
            "a root between nodes",
            file(
                r#""node_count":3,"edge_count":3,"root_index":7"#,
                three,
                edges,
                "",
                STRINGS,
            ),
        ),
        (
            "a root beyond all",
            file(
                r#""node_count":3,"edge_count":3,"root_index":4294967295"#,
                three,
                edges,
                "",
                STRINGS,
            ),
        ),
        (
            "locations of nobody",
            file(
                counts,
                three,
                edges,
                r#""locations":[5,1,1,1,4294967295,4294967295,4294967295,4294967295,6,1],"#,
                STRINGS,
            ),
        ),
        (
            "scopes that lie",
            file(
                counts,
                three,
                edges,
                r#""scopes":[6,-2,4294967295,4294967295,4294967295,6,5,0,1,1,4294967290,1,1,1,1,6],"scope_context_vars":[99,3],"scope_uses":[5,4294967295,2],"#,
                STRINGS,
            ),
        ),
        (
            "strings that are none",
            file(
                counts,
                three,
                edges,
                "",
                r#""\ud800","\u12","\x","\u0000","\udc00\ud800""#,
            ),
        ),
        (
            "a field twice",
            file(counts, three, edges, "", STRINGS).replace("\"detachedness\"]", "\"name\"]"),
        ),
        (
            "too many fields",
            file(counts, three, edges, "", STRINGS).replace(
                "\"detachedness\"]",
                &format!("{}\"x\"]", "\"x\",".repeat(80)),
            ),
        ),
        (
            "sections twice",
            file(
                counts,
                three,
                edges,
                "\"nodes\":[9,0,1,0,0,0],\"edges\":[1],",
                STRINGS,
            ),
        ),
    ];
    for (name, text) in &cases {
        run(name, text);
        for part in 1..16 {
            let mut cut = text.len() * part / 16;
            while !text.is_char_boundary(cut) {
                cut -= 1;
            }
            run(name, &text[..cut]);
        }
    }
}

/// Long lines and circles: what recursion or a walk per node would not survive.
#[test]
fn long_chains_do_no_harm() {
    const LONG: usize = 20_000;
    for (name, node, edge) in [
        ("a list", "3,1", "2,17"),
        ("elements", "3,2", "3,4"),
        ("contexts", "3,7", "3,9"),
        ("ropes", "10,0", "3,5"),
        ("entries of WeakMaps", "3,1", "3,10"),
        ("hidden classes", "3,1", "3,14"),
        ("internal arrays", "1,0", "3,17"),
        ("DOM nodes", "8,11", "2,12"),
    ] {
        for end in [1, LONG / 2] {
            run(name, &chain(LONG, node, edge, end));
        }
    }
}

/// Closures below closures, each with a context of its own: as many contexts above as there are.
#[test]
fn nested_closures_do_no_harm() {
    const COUNT: usize = 3000;
    let (mut nodes, mut edges) = (format!("9,0,1,0,{COUNT},0"), String::new());
    let mut own = String::new();
    for at in 0..COUNT {
        let (context, closure) = (1 + 2 * at, 2 + 2 * at);
        let comma = if at == 0 { "" } else { "," };
        let _ = write!(edges, "{comma}1,{at},{}", closure * 6);
        let above = if at == 0 { context } else { context - 2 };
        let _ = write!(nodes, ",3,7,{},8,1,0,5,1,{},8,1,0", 4 * at + 3, 4 * at + 5);
        let _ = write!(own, ",3,9,{},3,8,{}", above * 6, context * 6);
    }
    let counts = format!(
        r#""node_count":{},"edge_count":{}"#,
        1 + 2 * COUNT,
        3 * COUNT
    );
    let scopes = r#""scopes":[6,-2,0,1,1],"scope_context_vars":[1],"scope_uses":[2,0],"#;
    run(
        "closures",
        &file(&counts, &nodes, &(edges + &own), scopes, STRINGS),
    );
}

/// A small compressed file that becomes a large text is held to a limit, and without one takes memory for what it holds.
#[test]
fn compressed_bombs_are_held_to_a_limit() {
    let text = file(
        r#""node_count":1,"edge_count":0"#,
        "9,0,1,0,0,0",
        "",
        "",
        STRINGS,
    );
    let blanks = vec![b' '; 32 << 20];
    let bomb = [&text.as_bytes()[..1], &blanks, &text.as_bytes()[1..]].concat();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&bomb).unwrap();
    let gzip = gzip.finish().unwrap();
    let zstd =
        ruzstd::encoding::compress_to_vec(&bomb[..], ruzstd::encoding::CompressionLevel::Fastest);
    for compressed in [gzip, zstd] {
        assert!(compressed.len() < 1 << 20);
        let input = || Input::from_reader("bomb", Cursor::new(compressed.clone())).unwrap();
        let read = |input| Snapshot::read(input, &ReadOptions::default());
        assert_eq!(read(input()).unwrap().node_count(), 1);
        let refused = read(input().limit(1 << 20));
        assert!(
            matches!(refused, Err(ReadError::TooLarge { .. })),
            "{refused:?}"
        );
    }
}
