//! The checks themselves, in the order in which they rely on each other.
//!
//! | file | checks |
//! |---|---|
//! | `spaces` | what lies on each page: objects, gaps, limits, totals |
//! | `references` | what refers to what: nothing stale, slots recorded, nothing lost by marking |
//! | `beside` | what lies beside the heap: weak entries, outside bytes, ids |

mod beside;
mod references;
mod spaces;

use super::object::Object;
use super::{Invariant, Place, Verified, VerifyError};
use crate::heap::Core;
use crate::options::PAGE_SIZE;
use crate::page::Owner;

const GRANULE: usize = 8;
/// `undefined`, `null`, `true`, `false` and the hole, by granule.
const PERMANENT: std::ops::RangeInclusive<usize> = 1..=5;

/// A set of granules.
struct Granules(Vec<u64>);

impl Granules {
    fn new(granules: usize) -> Self {
        Self(vec![0; granules.div_ceil(64)])
    }

    /// Adds one; whether it is new.
    fn insert(&mut self, granule: usize) -> bool {
        let (word, bit) = (granule / 64, 1 << (granule % 64));
        let new = self.0[word] & bit == 0;
        self.0[word] |= bit;
        new
    }

    fn contains(&self, granule: usize) -> bool {
        self.0
            .get(granule / 64)
            .is_some_and(|word| word >> (granule % 64) & 1 == 1)
    }
}

pub(super) struct Checker<'c> {
    core: &'c Core,
    /// Starts of objects that are not known to be dead, and of the dead on pages that are not swept yet.
    live: Granules,
    dead: Granules,
    /// Free blocks of swept pages: offset and bytes, in address order.
    blocks: Vec<(usize, usize)>,
    /// Live objects outside the young generation.
    old: Vec<Object>,
    young: Vec<Object>,
    seen: Verified,
}

type Check = Result<(), VerifyError>;

impl<'c> Checker<'c> {
    pub(super) fn new(core: &'c Core) -> Self {
        let granules = core.pages.range().end * PAGE_SIZE / GRANULE;
        Self {
            core,
            live: Granules::new(granules),
            dead: Granules::new(granules),
            blocks: Vec::new(),
            old: Vec::new(),
            young: Vec::new(),
            seen: Verified::default(),
        }
    }

    pub(super) fn run(mut self) -> Result<Verified, VerifyError> {
        self.permanent_objects()?;
        self.page_table()?;
        self.young_generation()?;
        let mut used = 0;
        for page in self.core.pages.range() {
            if self.core.pages.owner(page) == Owner::Old {
                used += self.old_page(page)?;
            }
        }
        self.total("old space", used, self.core.old.used())?;
        self.large_objects()?;
        self.free_list()?;
        self.references()?;
        self.recorded_slots()?;
        self.second_marker()?;
        self.tricolour()?;
        self.weak()?;
        self.identities()?;
        self.externals()?;
        Ok(self.seen)
    }

    // --- errors ----------------------------------------------------------------------------------------

    fn broken<T>(&self, invariant: Invariant, what: String) -> Result<T, VerifyError> {
        Err(VerifyError {
            invariant,
            what,
            object: None,
            slot: None,
        })
    }

    fn broken_at<T>(
        &self,
        invariant: Invariant,
        what: String,
        offset: usize,
        object: Option<&Object>,
    ) -> Result<T, VerifyError> {
        Err(VerifyError {
            invariant,
            what,
            object: Some(Place {
                offset,
                page: offset / PAGE_SIZE,
                kind: object.map(|o| o.kind),
                shape: object
                    .and_then(|o| self.core.shapes.get(o.shape))
                    .map(|s| s.name.to_string()),
            }),
            slot: None,
        })
    }

    fn broken_slot<T>(
        &self,
        invariant: Invariant,
        what: String,
        object: &Object,
        slot: usize,
    ) -> Result<T, VerifyError> {
        self.broken_at(invariant, what, object.offset, Some(object))
            .map_err(|error| VerifyError {
                slot: Some((slot - object.first_slot) / 4),
                ..error
            })
    }

    fn total(&self, what: &str, found: usize, said: usize) -> Check {
        if found == said {
            return Ok(());
        }
        self.broken(
            Invariant::Tiling,
            format!("{what}: the heap counts {said}, there are {found}"),
        )
    }

    fn read(&self, offset: usize, end: usize) -> Result<Object, VerifyError> {
        Object::read(self.core, offset, end)
            .or_else(|what| self.broken_at(Invariant::Layout, what, offset, None))
    }
}
