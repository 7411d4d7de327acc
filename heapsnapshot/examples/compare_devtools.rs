//! Compares every node and every class row with what Chrome DevTools' own worker computed.
//!
//! `node devtools/oracle.mjs --nodes NODES.bin FILE > SUMMARY.json`, then
//! `cargo run --release -p heapsnapshot --example compare_devtools FILE NODES.bin SUMMARY.json`

use std::collections::BTreeMap;
use std::process::ExitCode;

use heapsnapshot::analysis::statistics::statistics;
use heapsnapshot::analysis::summary::{GroupBy, summary};
use heapsnapshot::{NodeOrdinal, Snapshot};
use serde_json::Value;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [file, nodes, rows] = args.as_slice() else {
        eprintln!("usage: compare_devtools FILE NODES.bin SUMMARY.json");
        return ExitCode::from(2);
    };
    let snapshot = Snapshot::open(file).expect("a snapshot");
    for oddity in &snapshot.report().oddities {
        eprintln!("{file}: {}", oddity.message);
    }
    let nodes_equal = compare_nodes(&snapshot, &std::fs::read(nodes).expect("readable"));
    let expected = std::fs::read_to_string(rows).expect("readable");
    let expected: Value = serde_json::from_str(&expected).expect("JSON");
    let rows_equal = compare_rows(&snapshot, &expected) & compare_statistics(&snapshot, &expected);
    if nodes_equal && rows_equal {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(1)
    }
}

fn compare_nodes(snapshot: &Snapshot, bytes: &[u8]) -> bool {
    assert_eq!(&bytes[..8], b"HLORACL1");
    let count = u64::from_le_bytes(bytes[8..16].try_into().expect("eight")) as usize;
    assert_eq!(count, snapshot.node_count(), "number of nodes");
    let four = |column: usize, node: usize| {
        let at = 16 + 8 * count + 4 * count * column + 4 * node;
        u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four"))
    };
    let mut differences: BTreeMap<&str, usize> = BTreeMap::new();
    for node in 0..count {
        let ordinal = NodeOrdinal(node as u32);
        let handle = snapshot.node(ordinal).expect("a node");
        let retained = f64::from_le_bytes(
            bytes[16 + 8 * node..24 + 8 * node]
                .try_into()
                .expect("eight"),
        );
        let checks = [
            ("retained size", handle.retained_size() as f64 == retained),
            (
                "raw self size",
                handle.raw_self_size() == u64::from(four(0, node)),
            ),
            ("self size", handle.self_size() == u64::from(four(1, node))),
            (
                "distance",
                snapshot.distances().raw(ordinal) == four(2, node) as i32,
            ),
            ("dominator", handle.dominator().ordinal().0 == four(3, node)),
        ];
        for (what, equal) in checks {
            if !equal {
                let seen = differences.entry(what).or_default();
                *seen += 1;
                if *seen <= 3 {
                    println!("  {what} of {handle:?} (node {node}) differs");
                }
            }
        }
    }
    println!(
        "{count} nodes: {}",
        if differences.is_empty() {
            "all equal".to_owned()
        } else {
            format!("{differences:?}")
        }
    );
    differences.is_empty()
}

fn compare_rows(snapshot: &Snapshot, expected: &Value) -> bool {
    let summary = summary(snapshot, GroupBy::Class, None);
    let ours: BTreeMap<String, [i64; 4]> = summary
        .rows
        .iter()
        .filter(|row| !row.hidden_by_devtools)
        .map(|row| {
            (
                row.key(),
                [
                    row.count as i64,
                    i64::from(row.distance),
                    row.shallow as i64,
                    row.retained as i64,
                ],
            )
        })
        .collect();
    let hidden = summary
        .rows
        .iter()
        .filter(|row| row.hidden_by_devtools)
        .count();
    let theirs: BTreeMap<String, [i64; 4]> = expected["classes"]
        .as_array()
        .expect("rows")
        .iter()
        .map(|row| {
            let number = |name: &str| row[name].as_i64().expect("a number");
            let key = row["key"].as_str().expect("a key").to_owned();
            (
                key,
                [
                    number("count"),
                    number("distance"),
                    number("shallow"),
                    number("retained"),
                ],
            )
        })
        .collect();
    let mut different = 0;
    for key in ours
        .keys()
        .chain(theirs.keys().filter(|key| !ours.contains_key(*key)))
    {
        if ours.get(key) != theirs.get(key) {
            different += 1;
            if different <= 10 {
                println!(
                    "  row {key:?}: {:?}, DevTools has {:?}",
                    ours.get(key),
                    theirs.get(key)
                );
            }
        }
    }
    println!(
        "{} class rows: {different} differ ({hidden} more that DevTools overwrites)",
        theirs.len()
    );
    different == 0
}

fn compare_statistics(snapshot: &Snapshot, expected: &Value) -> bool {
    let ours = statistics(snapshot);
    let theirs = &expected["statistics"];
    let pairs = [
        ("total", ours.total, &theirs["total"]),
        ("native", ours.native, &theirs["native"]["total"]),
        (
            "typed arrays",
            ours.typed_arrays,
            &theirs["native"]["typedArrays"],
        ),
        ("v8", ours.v8, &theirs["v8heap"]["total"]),
        ("code", ours.code, &theirs["v8heap"]["code"]),
        ("strings", ours.strings, &theirs["v8heap"]["strings"]),
        ("js arrays", ours.js_arrays, &theirs["v8heap"]["jsArrays"]),
        ("system", ours.system, &theirs["v8heap"]["system"]),
    ];
    let mut equal = true;
    for (what, ours, theirs) in pairs {
        if theirs.as_u64() != Some(ours) {
            println!("  statistics, {what}: {ours}, DevTools has {theirs}");
            equal = false;
        }
    }
    println!("statistics: {}", if equal { "equal" } else { "differ" });
    equal
}
