//! The index of a graph with right checksums over wrong content: it is refused, or gives a graph that can be walked.
//!
//! The first byte chooses the section, the next two the place in it; the rest is what stands there instead.

#![no_main]

use std::path::PathBuf;
use std::sync::OnceLock;

use heapsnapshot::analysis::dominators::top_consumers;
use heapsnapshot::analysis::retainers::node_retainers;
use heapsnapshot::analysis::summary::{GroupBy, summary};
use heapsnapshot::index::{Forger, GraphIndex, Identity};
use libfuzzer_sys::fuzz_target;

/// A snapshot with an index, and what forges that.
static FILE: OnceLock<(PathBuf, Forger)> = OnceLock::new();

fn file() -> &'static (PathBuf, Forger) {
    FILE.get_or_init(|| {
        let name = format!("heaplab-fuzz-index-{}.heapsnapshot", std::process::id());
        let file = std::env::temp_dir().join(name);
        // Any bytes build a graph: these one with all types of nodes and edges.
        let bytes: Vec<u8> = (0..=255).cycle().step_by(7).take(1200).collect();
        std::fs::write(&file, heaplab_fuzz::text(&bytes)).expect("a temporary file");
        let identity = Identity::of(&file).expect("an identity");
        let snapshot = heapsnapshot::Snapshot::open(&file).expect("a snapshot");
        GraphIndex::store(&snapshot, &file, &identity).expect("an index");
        let forger = Forger::of(&file).expect("its sections");
        (file, forger)
    })
}

fuzz_target!(|bytes: &[u8]| {
    let [section, low, high, content @ ..] = bytes else {
        return;
    };
    let (file, forger) = file();
    let section = usize::from(*section) % forger.sections();
    let change = |bytes: &mut Vec<u8>| {
        let place = usize::from(u16::from_le_bytes([*low, *high])) % (bytes.len() + 1);
        let end = bytes.len().min(place + content.len());
        bytes[place..end].copy_from_slice(&content[..end - place]);
    };
    forger.forge(section, change).expect("an index");
    let index = GraphIndex::open(file, false).expect("right checksums");
    let Ok(snapshot) = index.read(false) else {
        return;
    };
    let _ = summary(&snapshot, GroupBy::Shape, None);
    let _ = top_consumers(&snapshot, 3);
    for node in snapshot.nodes().take(20) {
        let _ = node_retainers(node, 2);
    }
});
