//! What can go wrong: a heap that cannot be made, and a heap that has no room left.

use crate::options::OptionsError;
use std::fmt;
use std::io;

/// Why a heap could not be made.
#[derive(Debug)]
#[non_exhaustive]
pub enum HeapError {
    /// The options contradict themselves or ask for more than a heap can have.
    Options(OptionsError),
    /// The system does not reserve enough address space, although smaller ranges were tried.
    Reserve {
        /// Bytes that the limits need.
        needed: usize,
        /// Smallest range that was tried, in bytes.
        smallest_tried: usize,
        /// What the system said.
        cause: io::Error,
    },
    /// The system does not commit the first semi-spaces.
    Commit {
        /// Bytes asked for.
        bytes: usize,
        /// What the system said.
        cause: io::Error,
    },
}

impl fmt::Display for HeapError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const MB: usize = 1 << 20;
        match self {
            HeapError::Options(e) => write!(f, "{e}"),
            HeapError::Reserve {
                needed,
                smallest_tried,
                cause,
            } => write!(
                f,
                "the system does not reserve {} MB of addresses, which these limits need (smallest range tried: {} MB): \
                 {cause}; raise `ulimit -v` or lower --max-old-space-size",
                needed.div_ceil(MB),
                smallest_tried.div_ceil(MB)
            ),
            HeapError::Commit { bytes, cause } => write!(
                f,
                "the system does not give {} MB of memory for the semi-spaces: {cause}; lower --max-semi-space-size",
                bytes.div_ceil(MB)
            ),
        }
    }
}

impl std::error::Error for HeapError {}

impl From<OptionsError> for HeapError {
    fn from(e: OptionsError) -> HeapError {
        HeapError::Options(e)
    }
}

/// Which limit stopped an allocation.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Limit {
    /// `max_old_space_size`: pages of the old and large-object space.
    OldSpace,
    /// The address range that was reserved: no run of free pages is long enough.
    Cage,
    /// The system refused memory.
    System,
    /// The object is larger than any object can be (4 GiB).
    ObjectSize,
    /// `max_external_memory`: bytes that objects own outside the heap.
    External,
    /// All 2³¹ object ids are given out.
    Identities,
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Limit::OldSpace => "max old space size",
            Limit::Cage => "reserved address range",
            Limit::System => "memory the system gives",
            Limit::ObjectSize => "largest object",
            Limit::External => "max external memory",
            Limit::Identities => "object ids",
        })
    }
}

/// What was known when a limit stopped an allocation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LimitDetails {
    /// Which limit.
    pub limit: Limit,
    /// Its value in bytes (0 for a refusal by the system).
    pub limit_bytes: usize,
    /// Bytes that were asked for.
    pub requested: usize,
    /// Bytes of live objects, young and old, after the last collection.
    pub live: usize,
    /// Minor and major collections tried for this allocation.
    pub minor_collections: u32,
    /// Major ones.
    pub major_collections: u32,
}

/// The heap has no room for an object, after everything was tried.
///
/// The heap stays usable: reading, dropping references, collecting and taking a snapshot all work, and
/// allocation works again when something has died.
#[derive(Clone, PartialEq, Eq)]
pub struct HeapLimitReached(pub(crate) Box<LimitDetails>);

impl HeapLimitReached {
    /// Which limit, how much was live, what was tried.
    pub fn details(&self) -> &LimitDetails {
        &self.0
    }
}

impl fmt::Debug for HeapLimitReached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for HeapLimitReached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let d = &*self.0;
        let mb = |bytes: usize| bytes as f64 / (1 << 20) as f64;
        write!(
            f,
            "heap limit reached: no room for {} bytes; {}",
            d.requested, d.limit
        )?;
        if d.limit_bytes > 0 {
            write!(f, " ({:.1} MB)", mb(d.limit_bytes))?;
        }
        write!(
            f,
            ", {:.1} MB live after {} minor and {} major collections",
            mb(d.live),
            d.minor_collections,
            d.major_collections
        )
    }
}

impl std::error::Error for HeapLimitReached {}
