//! What a heap may use and how it behaves: V8's names and meanings, checked before anything is reserved.
//!
//! [`HeapOptions`] holds what was asked for, in bytes. [`HeapOptions::validate`] turns it into
//! [`HeapLimits`]: every default filled in, every size rounded as V8 rounds it, every impossible wish
//! refused with what was given and what is allowed.
//!
//! ```
//! use heaplab_gc::HeapOptions;
//!
//! let mut options = HeapOptions::default();
//! options.set_flag("--max-old-space-size", "64")?; // MB, as in Node
//! options.set_flag("max_semi_space_size", "4")?; // dashes or underscores
//! let limits = options.validate()?;
//! assert_eq!(limits.max_old_generation_size, 64 << 20);
//! assert_eq!(limits.heap_size_limit(), (64 + 3 * 4) << 20);
//! # Ok::<(), heaplab_gc::OptionsError>(())
//! ```

use std::fmt;

use crate::stress::Stress;

/// One kilobyte, as V8 counts it.
pub const KB: usize = 1 << 10;
/// One megabyte, as V8 counts it.
pub const MB: usize = 1 << 20;
/// One gigabyte, as V8 counts it.
pub const GB: usize = 1 << 30;

/// Most bytes that one heap can address: 2³¹ granules of 8 bytes.
pub const MAX_CAGE_SIZE: usize = 16 * GB;

/// Bytes of the cage that belong to neither generation: permanent objects and alignment.
const CAGE_OVERHEAD: usize = 8 * MB;

/// Old-generation limit when nothing is known of the machine: V8's 700 MB for each 4 bytes of a pointer.
pub const DEFAULT_MAX_OLD_SPACE_SIZE: usize = 1400 * MB;
/// Largest semi-space by default (V8 11.3 on x64).
pub const DEFAULT_MAX_SEMI_SPACE_SIZE: usize = 16 * MB;
/// First semi-space by default (V8 11.3 on x64).
pub const DEFAULT_INITIAL_SEMI_SPACE_SIZE: usize = MB;
/// Growth of external memory since its least after the last major collection that starts the next one (V8 11.3).
pub const DEFAULT_EXTERNAL_SOFT_GROWTH: usize = 64 * MB;

/// What a heap may use and how it behaves. Sizes are in bytes.
///
/// The fields are public: set them, or use the setters that take V8's units.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct HeapOptions {
    /// Most bytes of the old generation, large objects included (`--max-old-space-size`).
    ///
    /// The young generation is added on top, as in V8: see [`HeapLimits::heap_size_limit`].
    pub max_old_space_size: usize,
    /// Largest size of one semi-space (`--max-semi-space-size`); rounded up to a power of two, as V8 does.
    pub max_semi_space_size: usize,
    /// First size of one semi-space (`--min-semi-space-size`). `None`: 1 MB, or the maximum if that is less.
    pub initial_semi_space_size: Option<usize>,
    /// Old-generation size at which the first major collection starts (`--initial-old-space-size`). `None`:
    /// [`crate::policy::initial_old_generation_limit`].
    pub initial_old_space_size: Option<usize>,
    /// Growth of external memory since its least after the last major collection that starts the next one.
    pub external_soft_growth: usize,
    /// Growth of external memory since its least after the last major collection that forces one at once. `None`: half of
    /// `max_old_space_size`, as in V8.
    pub external_hard_growth: Option<usize>,
    /// Most bytes that objects may own outside the heap. `None`: no limit, as in V8.
    pub max_external_memory: Option<usize>,
    /// Which collectors work together.
    pub policy: Policy,
    /// Mark the old generation in steps between allocations; else in one pause
    /// (`--no-incremental-marking`).
    pub incremental_marking: bool,
    /// Let objects be born old whose like is nearly always promoted, instead of copying them twice
    /// ([`crate::policy::pretenuring`]; V8's `--allocation-site-pretenuring`).
    pub pretenuring: bool,
    /// Whether fragmented pages are evacuated.
    pub compaction: Compaction,
    /// Collect far more often than needed and check everything: for tests.
    pub stress: Option<Stress>,
}

/// Which collectors work together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Policy {
    /// A copying young generation and a mark-sweep old one that evacuates fragmented pages: V8's.
    #[default]
    Generational,
    /// One generation: mark and sweep, nothing moves.
    MarkSweep,
    /// One generation: mark, and move everything together in each collection.
    MarkCompact,
    /// No collection at all: the baseline (Java's Epsilon).
    None,
}

impl Policy {
    /// All policies.
    pub const ALL: [Self; 4] = [
        Self::Generational,
        Self::MarkSweep,
        Self::MarkCompact,
        Self::None,
    ];

    /// Name on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Generational => "generational",
            Self::MarkSweep => "mark-sweep",
            Self::MarkCompact => "mark-compact",
            Self::None => "none",
        }
    }
}

/// Whether old objects are moved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Compaction {
    /// Fragmented pages are evacuated when that wins pages.
    #[default]
    Auto,
    /// Every major collection moves what it can.
    Always,
    /// Nothing old ever moves.
    Never,
}

impl Compaction {
    /// All choices.
    pub const ALL: [Self; 3] = [Self::Auto, Self::Always, Self::Never];

    /// Name on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Always => "always",
            Self::Never => "never",
        }
    }
}

impl Default for HeapOptions {
    /// V8 11.3's defaults on x64 for a machine of which nothing is known.
    fn default() -> Self {
        Self {
            max_old_space_size: DEFAULT_MAX_OLD_SPACE_SIZE,
            max_semi_space_size: DEFAULT_MAX_SEMI_SPACE_SIZE,
            initial_semi_space_size: None,
            initial_old_space_size: None,
            external_soft_growth: DEFAULT_EXTERNAL_SOFT_GROWTH,
            external_hard_growth: None,
            max_external_memory: None,
            policy: Policy::Generational,
            incremental_marking: true,
            pretenuring: true,
            compaction: Compaction::Auto,
            stress: None,
        }
    }
}

impl HeapOptions {
    /// V8 11.3's defaults on x64 for a machine (or container) with `physical` bytes of memory: half of it,
    /// at least 256 MB and at most 2 GB, or 4 GB from 15 GB of memory on.
    pub fn for_physical_memory(physical: u64) -> Self {
        Self {
            max_old_space_size: max_old_space_size_for(physical),
            ..Self::default()
        }
    }

    /// A small heap: both limits in bytes, everything else at its default.
    pub fn with_limits(max_old_space_size: usize, max_semi_space_size: usize) -> Self {
        Self {
            max_old_space_size,
            max_semi_space_size,
            ..Self::default()
        }
    }

    /// The same options with another policy, and what it implies: mark-sweep never compacts, mark-compact
    /// always does and marks in one pause.
    pub fn with_policy(mut self, policy: Policy) -> Self {
        self.policy = policy;
        match policy {
            Policy::Generational => {}
            Policy::MarkSweep | Policy::None => self.compaction = Compaction::Never,
            Policy::MarkCompact => {
                self.compaction = Compaction::Always;
                self.incremental_marking = false;
            }
        }
        self
    }

    /// The same options with the stress mode on.
    pub fn with_stress(mut self, stress: Stress) -> Self {
        self.stress = Some(stress);
        self
    }

    /// Sets one option from a flag of V8's or Node's, in the flag's own unit.
    ///
    /// | flag | unit | sets |
    /// |---|---|---|
    /// | `--max-old-space-size` | MB | [`HeapOptions::max_old_space_size`] |
    /// | `--max-semi-space-size` | MB | [`HeapOptions::max_semi_space_size`] |
    /// | `--min-semi-space-size` | MB | [`HeapOptions::initial_semi_space_size`] |
    /// | `--initial-old-space-size` | MB | [`HeapOptions::initial_old_space_size`] |
    /// | `--max-external-memory` (not V8's) | MB | [`HeapOptions::max_external_memory`] |
    /// | `--max-new-space-size` | **KB**, both halves | half of it is the largest semi-space (Node 0.8 and 0.10) |
    /// | `--gc-interval` | allocations | [`HeapOptions::stress`]; 0 or -1 turns it off |
    ///
    /// Dashes before the name may be left out; dashes inside it may be underscores.
    ///
    /// # Errors
    /// If the flag is not one of these, or the value is not a whole number of its unit that fits.
    pub fn set_flag(&mut self, flag: &str, value: &str) -> Result<(), OptionsError> {
        let name = flag.trim_start_matches(['-', '_']).replace('_', "-");
        match name.as_str() {
            "max-old-space-size" => self.max_old_space_size = parse(&name, value, Unit::Megabytes)?,
            "max-semi-space-size" => {
                self.max_semi_space_size = parse(&name, value, Unit::Megabytes)?;
            }
            "min-semi-space-size" | "initial-semi-space-size" => {
                self.initial_semi_space_size = Some(parse(&name, value, Unit::Megabytes)?);
            }
            "initial-old-space-size" => {
                self.initial_old_space_size = Some(parse(&name, value, Unit::Megabytes)?);
            }
            "max-external-memory" => {
                self.max_external_memory = Some(parse(&name, value, Unit::Megabytes)?);
            }
            "max-new-space-size" => {
                self.max_semi_space_size = parse(&name, value, Unit::Kilobytes)? / 2;
            }
            "gc-interval" => {
                let every = if value == "-1" {
                    0
                } else {
                    parse(&name, value, Unit::Allocations)?
                };
                let every =
                    u32::try_from(every).map_err(|_| malformed(&name, value, Unit::Allocations))?;
                self.stress = std::num::NonZeroU32::new(every).map(Stress::every);
            }
            _ => {
                return Err(OptionsError::UnknownFlag {
                    flag: flag.to_owned(),
                });
            }
        }
        Ok(())
    }

    /// Fills in the defaults, rounds as V8 does and refuses what cannot be.
    ///
    /// Semi-spaces are rounded up to a power of two of at least one page, old limits down to whole pages.
    ///
    /// # Errors
    /// If a size is zero, too small for one page, larger than the cage, or contradicts another.
    pub fn validate(&self) -> Result<HeapLimits, OptionsError> {
        let max_semi = semi_space("max-semi-space-size", self.max_semi_space_size)?;
        let initial_semi = match self.initial_semi_space_size {
            None => DEFAULT_INITIAL_SEMI_SPACE_SIZE.min(max_semi),
            Some(bytes) => semi_space("min-semi-space-size", bytes)?,
        };
        if initial_semi > max_semi {
            return Err(OptionsError::Contradiction {
                small: "min-semi-space-size",
                small_bytes: initial_semi,
                large: "max-semi-space-size",
                large_bytes: max_semi,
            });
        }
        let max_old = at_least_a_page("max-old-space-size", self.max_old_space_size)?;
        // In a pause the old generation may hold one semi-space more than its limit (invariant I8).
        let young = 3 * max_semi;
        if young > MAX_CAGE_SIZE - CAGE_OVERHEAD - PAGE_SIZE {
            return Err(OptionsError::TooLarge {
                option: "max-semi-space-size",
                given: self.max_semi_space_size,
                most: 1 << ((MAX_CAGE_SIZE - CAGE_OVERHEAD) / 3).ilog2(),
            });
        }
        let most_old = round_down(MAX_CAGE_SIZE - CAGE_OVERHEAD - young);
        if max_old > most_old {
            return Err(OptionsError::TooLarge {
                option: "max-old-space-size",
                given: self.max_old_space_size,
                most: most_old,
            });
        }
        let initial_old = match self.initial_old_space_size {
            None => None,
            Some(bytes) => Some(at_least_a_page("initial-old-space-size", bytes)?),
        };
        if let Some(initial) = initial_old.filter(|&initial| initial > max_old) {
            return Err(OptionsError::Contradiction {
                small: "initial-old-space-size",
                small_bytes: initial,
                large: "max-old-space-size",
                large_bytes: max_old,
            });
        }
        let external_hard_growth = self.external_hard_growth.unwrap_or(max_old / 2);
        for (option, bytes) in [
            ("external-soft-growth", Some(self.external_soft_growth)),
            ("external-hard-growth", self.external_hard_growth),
            ("max-external-memory", self.max_external_memory),
        ] {
            if bytes == Some(0) {
                return Err(OptionsError::TooSmall {
                    option,
                    given: 0,
                    least: 1,
                });
            }
        }
        Ok(HeapLimits {
            max_old_generation_size: max_old,
            initial_old_generation_size: initial_old,
            max_semi_space_size: max_semi,
            initial_semi_space_size: initial_semi,
            external_soft_growth: self.external_soft_growth.min(external_hard_growth),
            external_hard_growth,
            max_external_memory: self.max_external_memory,
        })
    }
}

impl fmt::Display for HeapOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "max old space {}, semi-space ",
            Size(self.max_old_space_size)
        )?;
        if let Some(initial) = self.initial_semi_space_size {
            write!(f, "from {} ", Size(initial))?;
        }
        write!(f, "up to {}", Size(self.max_semi_space_size))?;
        if let Some(initial) = self.initial_old_space_size {
            write!(f, ", first major collection at {}", Size(initial))?;
        }
        write!(
            f,
            ", external growth {} soft, ",
            Size(self.external_soft_growth)
        )?;
        let hard = self
            .external_hard_growth
            .unwrap_or(self.max_old_space_size / 2);
        write!(f, "{} hard", Size(hard))?;
        if let Some(most) = self.max_external_memory {
            write!(f, ", external at most {}", Size(most))?;
        }
        if !self.pretenuring {
            f.write_str(", no pretenuring")?;
        }
        if let Some(stress) = &self.stress {
            write!(f, ", stress: {stress}")?;
        }
        Ok(())
    }
}

/// The limits of one heap: [`HeapOptions`] after [`HeapOptions::validate`]. Sizes are in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeapLimits {
    /// Most bytes of the old generation, large objects included; whole pages.
    pub max_old_generation_size: usize,
    /// Old-generation size at which the first major collection starts, if it was set.
    pub initial_old_generation_size: Option<usize>,
    /// Largest size of one semi-space; a power of two.
    pub max_semi_space_size: usize,
    /// First size of one semi-space; a power of two.
    pub initial_semi_space_size: usize,
    /// Growth of external memory since its least after the last major collection that starts the next one.
    pub external_soft_growth: usize,
    /// Growth of external memory since its least after the last major collection that forces one at once.
    pub external_hard_growth: usize,
    /// Most bytes that objects may own outside the heap.
    pub max_external_memory: Option<usize>,
}

impl HeapLimits {
    /// V8's `heap_size_limit`: the old limit and three semi-spaces.
    ///
    /// V8 counts from-space, to-space and as much for young large objects. Here large objects are born old;
    /// the third part is what a scavenge may promote beyond the old limit within its pause.
    pub fn heap_size_limit(&self) -> usize {
        self.max_old_generation_size + 3 * self.max_semi_space_size
    }
}

/// Why options were refused.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OptionsError {
    /// A size is below the least that works.
    TooSmall {
        /// V8's name of the option.
        option: &'static str,
        /// Bytes given.
        given: usize,
        /// Least bytes allowed.
        least: usize,
    },
    /// A size is above what the cage can address.
    TooLarge {
        /// V8's name of the option.
        option: &'static str,
        /// Bytes given.
        given: usize,
        /// Most bytes allowed together with the other options.
        most: usize,
    },
    /// What must be the smaller of two sizes is the larger.
    Contradiction {
        /// V8's name of the option that must not be larger.
        small: &'static str,
        /// Its bytes, rounded.
        small_bytes: usize,
        /// V8's name of the option that must not be smaller.
        large: &'static str,
        /// Its bytes, rounded.
        large_bytes: usize,
    },
    /// A flag's value is not a number of its unit, or too large for any heap.
    Malformed {
        /// V8's name of the flag.
        flag: String,
        /// The value given.
        value: String,
        /// The flag's unit.
        unit: &'static str,
    },
    /// The heap has no such flag.
    UnknownFlag {
        /// The flag as given.
        flag: String,
    },
}

impl fmt::Display for OptionsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooSmall {
                option,
                given,
                least,
            } => write!(
                f,
                "{option} is {}, must be at least {}",
                Size(*given),
                Size(*least)
            ),
            Self::TooLarge {
                option,
                given,
                most,
            } => write!(
                f,
                "{option} is {}, at most {} fit into the heap's {} of addresses beside the other limits",
                Size(*given),
                Size(*most),
                Size(MAX_CAGE_SIZE)
            ),
            Self::Contradiction {
                small,
                small_bytes,
                large,
                large_bytes,
            } => write!(
                f,
                "{small} is {}, more than {large}, which is {}: lower the first or raise the second",
                Size(*small_bytes),
                Size(*large_bytes)
            ),
            Self::Malformed { flag, value, unit } => {
                write!(f, "{flag} takes a whole number of {unit}, not '{value}'")
            }
            Self::UnknownFlag { flag } => write!(
                f,
                "the heap has no flag '{flag}'; it knows max-old-space-size, max-semi-space-size, \
                 min-semi-space-size, initial-old-space-size, max-new-space-size and gc-interval"
            ),
        }
    }
}

impl std::error::Error for OptionsError {}

/// A size for people: exact, in the largest unit that divides it.
struct Size(usize);

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            n if n >= GB && n.is_multiple_of(GB) => write!(f, "{} GB", n / GB),
            n if n >= MB && n.is_multiple_of(MB) => write!(f, "{} MB", n / MB),
            n if n >= KB && n.is_multiple_of(KB) => write!(f, "{} KB", n / KB),
            1 => f.write_str("1 byte"),
            n => write!(f, "{n} bytes"),
        }
    }
}

/// What a flag counts.
#[derive(Clone, Copy)]
enum Unit {
    Megabytes,
    Kilobytes,
    Allocations,
}

impl Unit {
    fn factor(self) -> usize {
        match self {
            Self::Megabytes => MB,
            Self::Kilobytes => KB,
            Self::Allocations => 1,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Megabytes => "MB",
            Self::Kilobytes => "KB",
            Self::Allocations => "allocations",
        }
    }
}

fn malformed(flag: &str, value: &str, unit: Unit) -> OptionsError {
    OptionsError::Malformed {
        flag: flag.to_owned(),
        value: value.to_owned(),
        unit: unit.name(),
    }
}

fn parse(flag: &str, value: &str, unit: Unit) -> Result<usize, OptionsError> {
    value
        .parse::<usize>()
        .ok()
        .and_then(|n| n.checked_mul(unit.factor()))
        .ok_or_else(|| malformed(flag, value, unit))
}

fn round_down(bytes: usize) -> usize {
    bytes / PAGE_SIZE * PAGE_SIZE
}

fn at_least_a_page(option: &'static str, bytes: usize) -> Result<usize, OptionsError> {
    if bytes < PAGE_SIZE {
        return Err(OptionsError::TooSmall {
            option,
            given: bytes,
            least: PAGE_SIZE,
        });
    }
    Ok(round_down(bytes))
}

/// A semi-space size, rounded up to a power of two of at least one page.
fn semi_space(option: &'static str, bytes: usize) -> Result<usize, OptionsError> {
    if bytes == 0 {
        // Less than a page is rounded up; nothing at all is a mistake.
        return Err(OptionsError::TooSmall {
            option,
            given: 0,
            least: PAGE_SIZE,
        });
    }
    if bytes > MAX_CAGE_SIZE {
        return Err(OptionsError::TooLarge {
            option,
            given: bytes,
            most: 1 << ((MAX_CAGE_SIZE - CAGE_OVERHEAD) / 3).ilog2(),
        });
    }
    Ok(bytes.max(PAGE_SIZE).next_power_of_two())
}

/// V8 11.3's old-generation limit on 64-bit machines with `physical` bytes of memory.
fn max_old_space_size_for(physical: u64) -> usize {
    const LEAST: u64 = 256 * MB as u64;
    const MOST: u64 = 2 * GB as u64;
    const HUGE_FROM: u64 = 15 * GB as u64;
    let most = if physical >= HUGE_FROM {
        2 * MOST
    } else {
        MOST
    };
    // At most 4 GB: fits `usize` on every 64-bit target, and no other is supported.
    (physical / 2).clamp(LEAST, most) as usize
}

/// Bytes per page of the old generation (V8's 256 KiB; small in builds that exercise boundaries).
pub const PAGE_SIZE: usize = if cfg!(heaplab_tiny) { 8 * KB } else { 256 * KB };

#[cfg(test)]
mod tests;
