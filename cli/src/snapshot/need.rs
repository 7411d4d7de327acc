//! How much memory a verb needs, said and checked before anything is read.
//!
//! The figures come from measurements: `cargo xtask compare snapshots` runs the verbs on real snapshots, and fails where
//! the peak (`VmHWM`) is above what is announced here, or far below it. `docs/memory.md` has the table.

use heaplab_gc::system::{resident_bytes, system_memory};
use heapsnapshot::analysis::words;
use heapsnapshot::index::GraphIndex;
use heapsnapshot::{Input, Snapshot};

use super::args::ReadArgs;
use crate::failure::Failure;
use crate::output::Output;

/// Needed whatever the file's size: the program itself, buffers, tables of names.
const FIXED: f64 = 8e6;
/// Files above this size announce what they need.
const LARGE: u64 = 200_000_000;
/// What is derived of an open snapshot when it is compared with another, per byte of its text.
const LATER: f64 = 0.4;
/// What is in memory of an index while it is written, per byte of text.
const WRITING: f64 = 0.2;
/// The share of the available memory that may be used without being asked.
const SHARE: f64 = 0.8;
/// What to do about too large a file.
pub(super) const HINT: &str =
    "use `heaplab snapshot histogram`, which needs almost none, or raise --max-memory";

/// What a verb derives from a snapshot, as memory in bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Need {
    /// Beside [`FIXED`].
    fixed: f64,
    /// Per byte of the snapshot's text.
    per_byte: f64,
    /// Whether snapshots before it were let go: what the process still holds of them is used again.
    one_at_a_time: bool,
}

impl Need {
    /// The table of classes: retained sizes, after which the graph is let go.
    pub(super) const CLASSES: Need = Need::per_byte(0.9);
    /// The graph with its dominator tree, distances and classes.
    pub(super) const TREE: Need = Need::per_byte(1.4);
    /// That, and who refers to each node.
    pub(super) const RETAINERS: Need = Need::per_byte(1.7);
    /// That, and the places where something piles up.
    pub(super) const LEAKS: Need = Need::per_byte(1.85);
    /// The same as retainers need, for one snapshot after the other, and what is kept of each.
    pub(super) const SERIES: Need = Need {
        one_at_a_time: true,
        ..Need::per_byte(2.5)
    };
    /// The figures of one snapshot's classes after the other's.
    pub(super) const FIGURES: Need = Need {
        one_at_a_time: true,
        ..Need::per_byte(1.5)
    };
    /// The graph and the pages of Parquet columns that are being filled.
    pub(super) const EXPORT: Need = Need {
        fixed: 4e6,
        ..Need::TREE
    };

    const fn per_byte(per_byte: f64) -> Need {
        Need {
            fixed: 0.0,
            per_byte,
            one_at_a_time: false,
        }
    }

    /// What a snapshot takes beside one that is open, and of which more will be derived.
    pub(super) fn beside(self, open: &Snapshot) -> Need {
        Need {
            fixed: self.fixed + LATER * open.report().bytes as f64,
            ..self
        }
    }

    /// What it takes of a whole graph that is kept or comes from an index: everything is derived that an index has.
    fn whole(self) -> Need {
        Need {
            per_byte: self.per_byte.max(Need::TREE.per_byte),
            ..self
        }
    }

    /// In bytes, for that much text.
    fn bytes(self, text: u64) -> u64 {
        (FIXED + self.fixed + self.per_byte * text as f64) as u64
    }

    /// The most text for that much memory.
    fn text(self, bytes: u64) -> u64 {
        ((bytes as f64 - FIXED - self.fixed).max(0.0) / self.per_byte) as u64
    }

    /// Refuses what would not fit, says what a large file will need, and makes sure that what nobody can know
    /// beforehand is found out while it is read.
    pub(super) fn check(
        self,
        input: Input,
        read: &ReadArgs,
        output: Output,
    ) -> Result<Input, Failure> {
        let need = if read.index {
            let whole = self.whole();
            Need {
                per_byte: whole.per_byte + WRITING,
                ..whole
            }
        } else {
            self
        };
        let limit = limit(read);
        let held = if self.one_at_a_time { 0 } else { held() };
        let Some(length) = input.length() else {
            let Some(limit) = limit else {
                return Ok(input);
            };
            output.say(format!(
                "{}: its size is not known before it is read; at most {} of memory will be used",
                input.name(),
                words::bytes(limit)
            ));
            return Ok(input.limit(need.text(limit.saturating_sub(held))));
        };
        let needed = held + need.bytes(length);
        let text = words::bytes(length);
        refuse_beyond(limit, needed, || {
            format!("{}: {text} of snapshot need", input.name())
        })?;
        if length >= LARGE {
            output.say(format!(
                "{}: {text}; reading it takes about {} of memory",
                input.name(),
                words::bytes(needed)
            ));
        }
        Ok(input)
    }

    /// Refuses an index that would not fit.
    pub(super) fn check_index(
        self,
        name: &str,
        index: &GraphIndex,
        read: &ReadArgs,
    ) -> Result<(), Failure> {
        let needed = held() + self.whole().bytes(index.memory());
        refuse_beyond(limit(read), needed, || format!("{name}: its index needs"))
    }
}

/// What other snapshots take that are already open: the process as it is, but for what every one needs once.
fn held() -> u64 {
    resident_bytes().saturating_sub(FIXED as u64)
}

/// The most bytes of memory that may be used, if anything is known of it.
fn limit(read: &ReadArgs) -> Option<u64> {
    read.memory.max_memory.or_else(|| {
        let memory = system_memory();
        // What is held is not available any more, but was.
        let free = memory.free.checked_add(held())?;
        let available = memory.constrained.map_or(free, |limit| limit.min(free));
        (memory.free > 0).then_some((available as f64 * SHARE) as u64)
    })
}

/// Refuses what needs more than the limit.
fn refuse_beyond(
    limit: Option<u64>,
    needed: u64,
    what: impl FnOnce() -> String,
) -> Result<(), Failure> {
    let Some(limit) = limit.filter(|&limit| needed > limit) else {
        return Ok(());
    };
    let (needed, limit, what) = (words::bytes(needed), words::bytes(limit), what());
    let message = format!("{what} about {needed} of memory, and {limit} may be used");
    Err(Failure::limit(message).hint(HINT))
}
