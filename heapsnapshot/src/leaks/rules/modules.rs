//! Modules that are being loaded grow Node's module graph and its caches of paths; each is loaded once.

use std::cell::OnceCell;

use super::{Candidate, Vote, steps};
use crate::format::NodeType;
use crate::graph::{NodeRef, Snapshot};

/// Node's own classes of loaded modules.
const MODULE_CLASSES: [&str; 4] = ["Module", "ModuleWrap", "ModuleJob", "ModuleLoadMap"];
/// Node's own classes of the caches in which its loader of ES modules keeps what it resolved and loaded.
const LOADER_CLASSES: [&str; 3] = ["ModuleLoader", "LoadCache", "ResolveCache"];
/// Cached paths per module, at most: Node keeps a few under each of its caches.
const PATHS_PER_MODULE: i64 = 3;

/// How many modules Node had loaded, counted when a rule asks.
#[derive(Debug)]
pub struct LoadedModules<'a> {
    snapshots: &'a [Snapshot],
    counts: OnceCell<Vec<u64>>,
}

impl<'a> LoadedModules<'a> {
    /// Those of these snapshots.
    #[must_use]
    pub fn of(snapshots: &'a [Snapshot]) -> LoadedModules<'a> {
        LoadedModules {
            snapshots,
            counts: OnceCell::new(),
        }
    }

    /// How many each snapshot has. Complexity, once: the strings and nodes of all snapshots.
    pub fn counts(&self) -> &[u64] {
        self.counts
            .get_or_init(|| self.snapshots.iter().map(loaded_modules).collect())
    }
}

fn loaded_modules(snapshot: &Snapshot) -> u64 {
    let names = snapshot
        .strings()
        .find_all(["Module", "ModuleWrap"])
        .concat();
    let is_module = |n: &NodeRef<'_>| n.is(NodeType::Object) && names.contains(&n.name_index());
    snapshot.nodes().filter(is_module).count() as u64
}

/// Whether a node is a module that was loaded.
pub(crate) fn is_module(node: NodeRef<'_>) -> bool {
    node.is(NodeType::Object) && MODULE_CLASSES.contains(&node.name().as_ref())
}

pub(super) fn vote(candidate: &Candidate<'_>) -> Option<Vote> {
    if MODULE_CLASSES.contains(&candidate.class) {
        return Some(Vote::Healthy("modules being loaded, each once".to_owned()));
    }
    let owner = candidate.owner.name();
    if MODULE_CLASSES.contains(&owner.as_ref()) && candidate.class.starts_with("function ") {
        return Some(Vote::Healthy(
            "functions of a module that was loaded".to_owned(),
        ));
    }
    // Texts that come as modules come, and what Node's loader itself holds, are Node's caches of modules.
    let keeps_pace =
        |(grown, loaded): (i64, &i64)| *loaded > 0 && grown <= PATHS_PER_MODULE * loaded;
    let is_text = matches!(
        candidate.sample.kind(),
        Some(NodeType::String | NodeType::ConcatenatedString | NodeType::SlicedString)
    );
    let in_loader = || {
        let names = |class: &&str| candidate.path.iter().any(|e| e.to().name() == **class);
        LOADER_CLASSES.iter().any(names)
    };
    if !is_text && !in_loader() {
        return None;
    }
    let loaded = steps(candidate.modules.counts());
    let all = candidate.steps().into_iter().zip(&loaded).all(keeps_pace);
    all.then(|| Vote::Healthy("what Node's loader keeps of each module".to_owned()))
}
