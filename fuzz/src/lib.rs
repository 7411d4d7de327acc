//! Snapshots out of any bytes, for the fuzz targets of analyses.
//!
//! Bytes that begin with `{` are the text of a file, so that a real file is a seed. Others say how to build one: nodes and edges
//! whose types and names are those that the analyses look for, so that a few bytes reach deep into them. Nothing in such a
//! graph need make sense: edges lead anywhere, ids repeat, numbers overflow.

use std::fmt::Write as _;

use heapsnapshot::Snapshot;
use heapsnapshot::format::{EDGE_TYPE_NAMES, NODE_TYPE_NAMES};

/// Names that rules and analyses look for, and some that no program should have.
const NAMES: [&str; 40] = [
    "",
    "Array",
    "Object",
    "Map",
    "Set",
    "WeakMap",
    "table",
    "elements",
    "buffer",
    "key",
    "value",
    "first",
    "second",
    "map",
    "native_context",
    "context",
    "code",
    "shared",
    "1",
    "7",
    "4294967295",
    "truncated",
    "length",
    "hash",
    "int",
    "bool",
    "true",
    "V8EventListener",
    "x / DevTools console",
    "system / Context",
    "system / Context / f",
    "system / NativeContext",
    "system / NativeContext / https://a",
    "system / ExternalStringData",
    "system / JSArrayBufferData",
    "(map descriptors)",
    "(Document DOM trees)",
    "Detached <div class=\\\"a\\\">",
    "7 / part of key (K @3) -> value (V @5) pair in WeakMap (table @9)",
    "\\ud800 lone \\u0000 \\ud83d\\ude00",
];

/// A snapshot, if the bytes make one.
#[must_use]
pub fn snapshot(bytes: &[u8]) -> Option<Snapshot> {
    Snapshot::parse(text(bytes)).ok()
}

/// The text of a file.
#[must_use]
pub fn text(bytes: &[u8]) -> Vec<u8> {
    if bytes.first() == Some(&b'{') {
        bytes.to_vec()
    } else {
        built(bytes).into_bytes()
    }
}

fn built(bytes: &[u8]) -> String {
    let mut bytes = bytes.iter().copied();
    let mut byte = || bytes.next().unwrap_or(0);
    let count = 1 + usize::from(byte());
    let with_detachedness = byte() % 2 == 0;
    let with_places = byte() % 2 == 0;
    let fields = if with_detachedness { 6 } else { 5 };
    let (mut nodes, mut edges, mut locations) = (String::new(), String::new(), String::new());
    let mut edge_count = 0;
    for node in 0..count {
        let kind = if node == 0 {
            9
        } else {
            byte() % (NODE_TYPE_NAMES.len() as u8 + 2)
        };
        let [name, id, size, own] = [byte(), byte(), byte(), byte()];
        // Few edges are usual; many, and sizes near the limit, are rare.
        let own = u32::from(own % 6);
        let size = if size == 255 {
            u32::MAX
        } else {
            u32::from(size)
        };
        let id = if id >= 128 {
            u32::from(id)
        } else {
            2 * node as u32 + 1
        };
        let comma = if node == 0 { "" } else { "," };
        let _ = write!(
            nodes,
            "{comma}{kind},{},{id},{size},{own}",
            usize::from(name) % (NAMES.len() + 1)
        );
        if with_detachedness {
            let _ = write!(nodes, ",{}", byte() % 4);
        }
        for _ in 0..own {
            let [kind, name, to] = [byte(), byte(), byte()];
            let to = usize::from(to) % count * fields;
            let comma = if edge_count == 0 { "" } else { "," };
            let _ = write!(
                edges,
                "{comma}{},{name},{to}",
                kind % (EDGE_TYPE_NAMES.len() as u8 + 2)
            );
            edge_count += 1;
        }
        if with_places && node % 3 == 0 {
            let comma = if locations.is_empty() { "" } else { "," };
            let _ = write!(
                locations,
                "{comma}{},{},1,{}",
                node * fields,
                byte() % 4,
                byte() % 4
            );
        }
    }
    let strings: Vec<String> = NAMES.iter().map(|name| format!("\"{name}\"")).collect();
    let detachedness = if with_detachedness {
        ",\"detachedness\""
    } else {
        ""
    };
    format!(
        "{{\"snapshot\":{{\"meta\":{{\"node_fields\":[\"type\",\"name\",\"id\",\"self_size\",\"edge_count\"{detachedness}],\
         \"node_types\":[{NODE_TYPE_NAMES:?}],\"edge_fields\":[\"type\",\"name_or_index\",\"to_node\"],\
         \"edge_types\":[{EDGE_TYPE_NAMES:?}],\"location_fields\":[\"object_index\",\"script_id\",\"line\",\"column\"]}},\
         \"node_count\":{count},\"edge_count\":{edge_count}}},\"nodes\":[{nodes}],\"edges\":[{edges}],\
         \"locations\":[{locations}],\"strings\":[{}]}}",
        strings.join(",")
    )
}
