use std::fs;

use super::*;
use crate::analysis::statistics::statistics;
use crate::analysis::summary::{GroupBy, summary};
use crate::format::EdgeType;
use crate::graph::NodeRef;
use crate::tests::hostile::every_analysis;
use crate::tests::{Builder, Random, Sections, random_graph};
use crate::{Input, ReadOptions};

const GROUPS: [GroupBy; 6] = [
    GroupBy::Class,
    GroupBy::Name,
    GroupBy::Type,
    GroupBy::Script,
    GroupBy::Location,
    GroupBy::Shape,
];

/// A folder that goes with its owner.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let name = format!("heapsnapshot-index-{name}-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    fn file(&self, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.join("a.heapsnapshot");
        fs::write(&path, text).unwrap();
        path
    }

    fn snapshot(&self, seed: u64) -> PathBuf {
        self.file(random_graph(&mut Random(seed)).text())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn read(file: &Path, raw: bool) -> Snapshot {
    let options = ReadOptions {
        raw,
        ..ReadOptions::default()
    };
    Snapshot::read(Input::open(file).unwrap(), &options).unwrap()
}

/// Makes both indexes.
fn store(file: &Path, raw: bool) -> Snapshot {
    let identity = Identity::of(file).unwrap();
    let snapshot = read(file, raw);
    GraphIndex::store(&snapshot, file, &identity).unwrap();
    ReportIndex::store(&snapshot, file, &identity).unwrap();
    snapshot
}

fn load(file: &Path, raw: bool) -> Result<Snapshot, Unusable> {
    GraphIndex::open(file, raw)?.read(raw)
}

/// Everything that a snapshot says of nodes and edges.
fn everything(snapshot: &Snapshot) -> Vec<String> {
    let edge = |edge: crate::EdgeRef<'_>| {
        let passage = snapshot.edges.target(edge.ordinal().index()).passage();
        format!(
            "{} {} {:?} {passage:?}",
            edge.type_name(),
            edge.name(),
            edge.to().ordinal()
        )
    };
    let node = |node: NodeRef<'_>| {
        let edges: Vec<String> = node.edges().map(edge).collect();
        let retainers: Vec<_> = node.retainers().map(|edge| edge.ordinal()).collect();
        format!(
            "{:?} {} {} {} {} {} {:?} {:?} {:?} {} {edges:?} {retainers:?}",
            node.id(),
            node.type_name(),
            node.name(),
            node.class_name(),
            node.self_size(),
            node.retained_size(),
            node.distance(),
            node.location(),
            node.dominator().id(),
            snapshot.dom_state().of(node.ordinal()),
        )
    };
    snapshot.nodes().map(node).collect()
}

#[test]
fn the_reports_say_what_the_snapshot_says() {
    let folder = Folder::new("reports");
    for seed in 1..50 {
        let file = folder.snapshot(seed);
        let snapshot = store(&file, false);
        let index = ReportIndex::load(&file, false).unwrap();
        for group_by in GROUPS {
            let expected = summary(&snapshot, group_by, None);
            let (found, all) = index.summary(group_by, usize::MAX).unwrap();
            assert_eq!(found.rows, expected.rows);
            assert_eq!(
                (found.count, found.shallow),
                (expected.count, expected.shallow)
            );
            assert_eq!(all, expected.rows.len() as u64);
        }
        assert_eq!(index.statistics(), statistics(&snapshot));
        assert_eq!(index.node_count(), snapshot.node_count() as u64);
        assert_eq!(index.edge_count(), snapshot.edge_count() as u64);
        assert_eq!(index.retained(), snapshot.root().retained_size());
        assert!(matches!(
            ReportIndex::load(&file, true),
            Err(Unusable::Stale)
        ));
    }
}

/// Of many rows the first ones are a section of their own.
#[test]
fn the_first_rows_are_had_without_the_others() {
    let folder = Folder::new("rows");
    let mut graph = Builder::new();
    for at in 0..3000 {
        let class = graph.node("object", &format!("Class{at}"), 2 * at + 3, at + 1);
        graph.edge(0, "element", &at.to_string(), class);
    }
    let file = folder.file(graph.text());
    let snapshot = store(&file, false);
    let index = ReportIndex::load(&file, false).unwrap();
    let whole = summary(&snapshot, GroupBy::Class, None);
    let (first, all) = index.summary(GroupBy::Class, 20).unwrap();
    assert_eq!((first.rows.len(), all), (1000, 3000));
    assert_eq!(first.rows, whole.rows[..1000]);
    assert_eq!((first.count, first.shallow), (whole.count, whole.shallow));
    assert_eq!(
        index.summary(GroupBy::Class, 1001).unwrap().0.rows,
        whole.rows
    );
}

#[test]
fn the_graph_is_that_of_the_snapshot() {
    let folder = Folder::new("graph");
    for seed in 1..50 {
        let file = folder.snapshot(seed);
        for raw in [false, true] {
            let snapshot = store(&file, raw);
            let indexed = load(&file, raw).unwrap();
            assert_eq!(everything(&indexed), everything(&snapshot), "seed {seed}");
            assert_eq!(indexed.meta(), snapshot.meta());
            assert_eq!(indexed.root().ordinal(), snapshot.root().ordinal());
            assert_eq!(
                indexed.dominators().unreachable(),
                snapshot.dominators().unreachable()
            );
            let report = |snapshot: &Snapshot| serde_json::to_value(snapshot.report()).unwrap();
            assert_eq!(report(&indexed), report(&snapshot));
            for group_by in GROUPS {
                let found = summary(&indexed, group_by, None);
                assert_eq!(found.rows, summary(&snapshot, group_by, None).rows);
            }
            assert!(matches!(load(&file, !raw), Err(Unusable::Stale)));
        }
    }
}

/// What few files have: unknown types and sections, wide labels, WeakMap entries, user roots, lone surrogates,
/// detachedness and locations.
#[test]
fn what_is_rare_is_kept() {
    let folder = Folder::new("rare");
    let text = Sections {
        node_fields: r#""type","name","id","self_size","edge_count","trace_node_id","detachedness""#,
        node_types: r#""synthetic","object","array","hidden","native","new type""#,
        edge_types: r#""element","property","internal","weak","new edge""#,
        more_meta: r#","location_fields":["object_index","script_id","line","column"]"#,
        counts: r#""node_count":7,"edge_count":8,"root_index":0"#,
        nodes: "0,0,1,0,2,0,0, 1,1,3,24,3,7,0, 2,2,5,64,1,0,0, 4,4,7,32,1,0,2, 5,5,9,8,0,0,0, 1,1,11,40,1,0,0, 3,2,13,16,0,0,0",
        edges: "1,3,7, 0,1,14, 2,6,28, 0,4000000000,21, 4,3,35, 2,6,28, 1,3,28, 2,2,42",
        more: "\"samples\":[5,6,7],\n\"locations\":[7,12,3,4, 35,1,2,3],\n",
        strings: r#""","Key\ud800","table","x","<div id=\"a\">","?",
        "7 / part of key (K @3) -> value (V @9) pair in WeakMap (table @5)""#,
    }
    .text();
    let file = folder.file(text);
    let snapshot = store(&file, false);
    let indexed = load(&file, false).unwrap();
    assert_eq!(everything(&indexed), everything(&snapshot));
    let listed = everything(&indexed).join("\n");
    for rare in [
        "new type",
        "new edge",
        "4000000000",
        "EntryOfTable",
        "EntryOfKey",
        "Detached <div>",
    ] {
        assert!(listed.contains(rare), "{rare}: {listed}");
    }
    assert_eq!(indexed.array("samples"), Some(&[5, 6, 7][..]));
    let wtf8 = |snapshot: &Snapshot| snapshot.strings().wtf8(1).into_owned();
    assert_eq!(wtf8(&indexed), wtf8(&snapshot));
    assert!(
        indexed
            .nodes()
            .any(|node| node.edges().any(|edge| edge.is(EdgeType::Internal)))
    );
}

#[test]
fn another_snapshot_makes_them_stale() {
    let folder = Folder::new("stale");
    let file = folder.snapshot(7);
    store(&file, false);
    let changed = fs::metadata(&file).unwrap().modified().unwrap();
    let text = fs::read(&file).unwrap();
    let stale = || {
        matches!(ReportIndex::load(&file, false), Err(Unusable::Stale))
            && matches!(GraphIndex::open(&file, false), Err(Unusable::Stale))
    };
    // Same length, same time, another byte anywhere: a file this small is sampled as a whole.
    for at in (0..text.len()).step_by(97) {
        let mut other = text.clone();
        other[at] ^= 1;
        fs::write(&file, other).unwrap();
        let opened = File::options().write(true).open(&file);
        opened.and_then(|file| file.set_modified(changed)).unwrap();
        assert!(stale(), "{at}");
    }
    // The same bytes, written again later.
    fs::write(&file, &text).unwrap();
    assert!(stale());
    fs::remove_file(&file).unwrap();
    assert!(matches!(
        ReportIndex::load(&file, false),
        Err(Unusable::Io(_))
    ));
    assert!(matches!(
        GraphIndex::open(&file, false),
        Err(Unusable::Io(_))
    ));
}

/// Another version, another snapshot's index, an index of the other kind: each is told from damage.
#[test]
fn what_is_foreign_is_stale() {
    let folder = Folder::new("foreign");
    let file = folder.snapshot(3);
    store(&file, false);
    let (reports, graph) = (ReportIndex::path(&file), GraphIndex::path(&file));
    let text = fs::read(&reports).unwrap();
    let version = env!("CARGO_PKG_VERSION");
    let end = text.iter().position(|&byte| byte == b'\n').unwrap();
    let head = String::from_utf8(text[..end].to_vec()).unwrap();
    for other in [
        head.replace(&format!(" {version} "), " 99.0.0 "),
        head.replace("index 2", "index 1"),
    ] {
        assert_ne!(other, head);
        fs::write(&reports, [other.as_bytes(), &text[end..]].concat()).unwrap();
        assert!(
            matches!(ReportIndex::load(&file, false), Err(Unusable::Stale)),
            "{other}"
        );
    }
    fs::copy(&graph, &reports).unwrap();
    assert!(matches!(
        ReportIndex::load(&file, false),
        Err(Unusable::Stale)
    ));
}

/// Every cut and every flipped byte is found out before a number is given.
#[test]
fn a_damaged_one_is_none() {
    let folder = Folder::new("damaged");
    let file = folder.snapshot(9);
    let snapshot = store(&file, false);
    let ask_reports = || -> Result<(), Unusable> {
        let index = ReportIndex::load(&file, false)?;
        for group_by in GROUPS {
            index.summary(group_by, usize::MAX)?;
        }
        Ok(())
    };
    let ask_graph = || load(&file, false).map(|_| ());
    for (path, ask) in [
        (
            ReportIndex::path(&file),
            &ask_reports as &dyn Fn() -> Result<(), Unusable>,
        ),
        (GraphIndex::path(&file), &ask_graph),
    ] {
        let text = fs::read(&path).unwrap();
        assert!(ask().is_ok());
        for cut in (0..text.len()).step_by(5) {
            fs::write(&path, &text[..cut]).unwrap();
            assert!(ask().is_err(), "cut at {cut}");
        }
        for at in 0..text.len() {
            let mut other = text.clone();
            other[at] ^= 1 << (at % 8);
            fs::write(&path, other).unwrap();
            assert!(ask().is_err(), "byte {at}");
        }
        fs::write(&path, [&text[..], b"\n"].concat()).unwrap();
        assert!(ask().is_err(), "more at the end");
        fs::write(&path, &text).unwrap();
        assert!(ask().is_ok());
    }
    assert_eq!(
        everything(&load(&file, false).unwrap()),
        everything(&snapshot)
    );
}

/// Right checksums over wrong content: no number leads out of a column, whatever it says.
#[test]
fn a_forged_one_does_no_harm() {
    let folder = Folder::new("forged");
    let file = folder.snapshot(21);
    store(&file, false);
    let forger = Forger::of(&file).unwrap();
    let mut random = Random(1);
    let (mut refused, mut read) = (0, 0);
    for _ in 0..3000 {
        let section = random.below(forger.sections());
        let change = |bytes: &mut Vec<u8>| {
            if bytes.is_empty() {
                return;
            }
            let place = random.below(bytes.len());
            match random.below(4) {
                0 => bytes.truncate(place),
                1 => bytes[place] = random.below(256) as u8,
                2 => bytes[place] ^= 1,
                _ => bytes[place..]
                    .iter_mut()
                    .take(4)
                    .for_each(|byte| *byte = 0xff),
            }
        };
        forger.forge(section, change).unwrap();
        match load(&file, false) {
            Err(_) => refused += 1,
            Ok(snapshot) => {
                read += 1;
                every_analysis(&snapshot);
            }
        }
    }
    assert!(
        refused > 100 && read > 100,
        "{refused} refused, {read} read"
    );
}

#[test]
fn a_damaged_snapshot_gets_none() {
    let folder = Folder::new("cut");
    let file = folder.snapshot(11);
    let text = fs::read(&file).unwrap();
    fs::write(&file, &text[..text.len() - 20]).unwrap();
    let identity = Identity::of(&file).unwrap();
    let snapshot = read(&file, false);
    assert!(snapshot.report().damage.is_some());
    assert!(GraphIndex::store(&snapshot, &file, &identity).is_err());
    assert!(ReportIndex::store(&snapshot, &file, &identity).is_err());
    assert!(!ReportIndex::path(&file).exists() && !GraphIndex::path(&file).exists());
}
