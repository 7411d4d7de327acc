//! The workloads that come with this crate.

use crate::suggestion::nearest;
use crate::workload::{Cure, Description};
use crate::{buffers, cache, closures, queue};

/// Every workload, in the order in which they are listed.
pub static WORKLOADS: [&Description; 4] = [
    &cache::DESCRIPTION,
    &queue::DESCRIPTION,
    &closures::DESCRIPTION,
    &buffers::DESCRIPTION,
];

/// The workload of this name, and its cure of that name if one is given.
///
/// # Errors
/// There is no such workload, or it has no such cure.
pub fn find(
    workload: &str,
    cure: Option<&str>,
) -> Result<(&'static Description, Option<&'static Cure>), UnknownName> {
    let Some(found) = WORKLOADS.into_iter().find(|w| w.name == workload) else {
        let known: Vec<&str> = WORKLOADS.iter().map(|w| w.name).collect();
        return Err(UnknownName::Workload {
            given: workload.to_owned(),
            suggestion: nearest(workload, known.iter().copied()),
            known,
        });
    };
    let Some(cure) = cure else {
        return Ok((found, None));
    };
    match found.cure(cure) {
        Some(cure) => Ok((found, Some(cure))),
        None => {
            let known: Vec<&str> = found.cures.iter().map(|c| c.name).collect();
            Err(UnknownName::Cure {
                workload: found.name,
                given: cure.to_owned(),
                suggestion: nearest(cure, known.iter().copied()),
                known,
            })
        }
    }
}

/// A name that the registry does not have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UnknownName {
    /// No workload has it.
    #[error("there is no workload '{given}'{}; there are {}",
        suggestion.map(|name| format!(", did you mean '{name}'?")).unwrap_or_default(),
        known.join(", "))]
    Workload {
        /// The name given.
        given: String,
        /// The name nearest to it, if any is near.
        suggestion: Option<&'static str>,
        /// All names.
        known: Vec<&'static str>,
    },
    /// The workload has no cure of this name.
    #[error("{workload} has no cure '{given}'{}; it has {}",
        suggestion.map(|name| format!(", did you mean '{name}'?")).unwrap_or_default(),
        known.join(", "))]
    Cure {
        /// The workload.
        workload: &'static str,
        /// The name given.
        given: String,
        /// The name nearest to it, if any is near.
        suggestion: Option<&'static str>,
        /// The names of its cures.
        known: Vec<&'static str>,
    },
}
