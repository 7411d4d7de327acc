//! Modules that are being loaded grow Node's module graph; each is loaded once.

use super::{Candidate, Vote};

/// Node's own classes of loaded modules.
const MODULE_CLASSES: [&str; 4] = ["Module", "ModuleWrap", "ModuleJob", "ModuleLoadMap"];

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
    None
}
