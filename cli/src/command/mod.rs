//! What each command does: one file each, one `run` function each.

pub(crate) mod compare;
pub(crate) mod completions;
pub(crate) mod list;
pub(crate) mod report;
pub(crate) mod run;
