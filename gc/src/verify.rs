//! The verifier: an independent checker of the heap's invariants.
//!
//! It shares no code with the collectors: it decodes headers itself, walks every space by itself, and marks
//! a second time with a bitmap of its own. What it reads of the heap's state is what the state *says*
//! (owners, bits, lists, totals); what must be true is computed from the objects alone.
//!
//! | invariant | checked by |
//! |---|---|
//! | I1 remembered set | `remembered_slots`, `recorded_slots` |
//! | I2 nothing live refers to what marking left white | `references`, `second_marker` |
//! | I3 from-space is empty | `references` |
//! | I4 live bytes are those of the marked objects | `old_page` |
//! | I5 objects and free blocks tile every page | `old_page`, `young_generation`, `large_objects`, `free_list` |
//! | I6 no reference is stale | `references`, `roots`, `externals` |
//! | I7 ids are unique | `identities` |
//! | I8 limits are kept | `page_table` |
//! | I9 layouts match their shapes | `Object::read` |
//!
//! Under stress it runs before and after every collection; [`Heap::verify`] runs it at any other time.

mod checker;
mod object;

use crate::event::{CollectionKind, CollectionReason};
use crate::heap::{Core, Heap};
use crate::object::Kind;
use checker::Checker;
use std::fmt;

/// The heap's invariants, numbered as in the architecture document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Invariant {
    /// I1: every old slot that holds a young reference is in the slot set; every recorded slot lies in an
    /// object that is live or not swept yet.
    RememberedSet,
    /// I2: nothing that is black or young refers to a white object.
    Tricolour,
    /// I3: from-space is empty between collections.
    FromSpaceEmpty,
    /// I4: a page's live bytes are those of its marked objects.
    LiveBytes,
    /// I5: objects, free blocks and the open buffer tile each page; totals are the sums of their parts.
    Tiling,
    /// I6: no slot, root, handle or external entry refers to a place where no object is.
    StaleReference,
    /// I7: every id belongs to one object.
    Identity,
    /// I8: the old generation stays within its limit.
    Limit,
    /// I9: every object has the layout of its shape.
    Layout,
}

impl Invariant {
    /// Its number in the architecture document.
    pub const fn number(self) -> u32 {
        match self {
            Self::RememberedSet => 1,
            Self::Tricolour => 2,
            Self::FromSpaceEmpty => 3,
            Self::LiveBytes => 4,
            Self::Tiling => 5,
            Self::StaleReference => 6,
            Self::Identity => 7,
            Self::Limit => 8,
            Self::Layout => 9,
        }
    }
}

/// An object as an error names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Bytes from the start of the heap's address range.
    pub offset: usize,
    /// Its page.
    pub page: usize,
    /// What it is, if its header can be read.
    pub kind: Option<Kind>,
    /// Name of its shape, if it has one.
    pub shape: Option<String>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.shape, self.kind) {
            (Some(shape), Some(kind)) => write!(f, "{kind:?} '{}'", shape.escape_debug())?,
            (_, Some(kind)) => write!(f, "{kind:?}")?,
            _ => f.write_str("something")?,
        }
        write!(f, " at {:#x} (page {})", self.offset, self.page)
    }
}

/// A broken invariant: always a bug of the heap, never of the embedder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifyError {
    /// Which one.
    pub invariant: Invariant,
    /// What is wrong.
    pub what: String,
    /// Where, if it is an object.
    pub object: Option<Place>,
    /// Which slot of it, if it is a slot.
    pub slot: Option<usize>,
}

impl fmt::Display for VerifyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "I{} broken: {}", self.invariant.number(), self.what)?;
        if let Some(object) = &self.object {
            write!(f, "; in {object}")?;
            if let Some(slot) = self.slot {
                write!(f, ", slot {slot}")?;
            }
        }
        Ok(())
    }
}

impl std::error::Error for VerifyError {}

/// What the verifier saw.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Verified {
    /// Objects in the young generation.
    pub young_objects: usize,
    /// Objects in old and large space that are not known to be dead.
    pub old_objects: usize,
    /// Slots read.
    pub slots: usize,
    /// Slots in the remembered set.
    pub recorded_slots: usize,
    /// Free blocks.
    pub free_blocks: usize,
    /// Objects that the second marker reached from the roots, permanent ones not counted.
    pub reachable_objects: usize,
    /// Their bytes.
    pub reachable_bytes: usize,
}

impl Heap {
    /// Checks every invariant of the heap; takes time in proportion to its size.
    ///
    /// # Errors
    /// One is broken: a bug of this crate.
    pub fn verify(&self) -> Result<Verified, VerifyError> {
        Checker::new(&self.core).run()
    }

    /// How often the stress mode has run the verifier on this heap.
    pub fn verifications(&self) -> u64 {
        self.core.verifications
    }
}

impl crate::Scope<'_, '_> {
    /// Checks every invariant of the heap, as [`Heap::verify`] does.
    ///
    /// # Errors
    /// One is broken: a bug of this crate.
    pub fn verify(&self) -> Result<Verified, VerifyError> {
        Checker::new(self.core()).run()
    }
}

impl Core {
    /// Under stress with verification: checks the heap, and panics if it is broken.
    ///
    /// A broken heap must not be used any more, and no caller could mend it.
    pub(crate) fn verify_under_stress(
        &mut self,
        when: &str,
        kind: CollectionKind,
        reason: CollectionReason,
    ) {
        if !self.options.stress.as_ref().is_some_and(|s| s.verify) {
            return;
        }
        self.verifications += 1;
        if let Err(error) = Checker::new(self).run() {
            let (minor, major) = self.tracer.counts();
            panic!(
                "heap verification failed {when} a collection ({kind:?}, {reason}; {minor} minor and {major} \
                 major ones are complete): {error}"
            );
        }
    }
}

#[cfg(test)]
mod tests;
