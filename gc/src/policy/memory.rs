//! Memory beyond the objects: external owners, fragmented pages, what the system gets back.

use crate::options::MB;

/// What growth of external memory asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ExternalPressure {
    /// Nothing.
    None,
    /// Start marking, or hurry the cycle in progress.
    Soft,
    /// A major collection at once.
    Hard,
}

/// V8's rule for `growth` bytes of external memory since the last major collection.
pub fn external_pressure(growth: usize, soft: usize, hard: usize) -> ExternalPressure {
    if growth > hard {
        ExternalPressure::Hard
    } else if growth > soft {
        ExternalPressure::Soft
    } else {
        ExternalPressure::None
    }
}

/// How eagerly pages are evacuated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CompactionMode {
    /// As part of an ordinary major collection.
    #[default]
    Regular,
    /// The collection shall give memory back.
    ReduceMemory,
}

/// Most live bytes that a collection moves, by mode (V8).
pub fn max_evacuated_bytes(mode: CompactionMode) -> usize {
    match mode {
        CompactionMode::Regular => 4 * MB,
        CompactionMode::ReduceMemory => 12 * MB,
    }
}

/// Least free share of a page that makes evacuating it worthwhile, in percent.
///
/// 20 when memory matters more than time. Otherwise 70 until a compaction was measured; from then on what
/// lets a page be done in half a millisecond at the measured `speed` (bytes per ms), at least 20 (V8).
pub fn evacuation_target(mode: CompactionMode, page_bytes: usize, speed: Option<f64>) -> u32 {
    const EAGER: u32 = 20;
    const UNMEASURED: u32 = 70;
    const TARGET_MS_PER_PAGE: f64 = 0.5;
    if mode != CompactionMode::Regular {
        return EAGER;
    }
    match speed {
        Some(speed) if speed > 0.0 => {
            let ms_per_page = 1.0 + page_bytes as f64 / speed;
            let target = 100.0 - 100.0 * TARGET_MS_PER_PAGE / ms_per_page;
            (target as u32).max(EAGER)
        }
        _ => UNMEASURED,
    }
}

/// An old page that could be evacuated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Its number.
    pub page: usize,
    /// Bytes of live objects on it.
    pub live_bytes: usize,
}

/// Chooses the pages to evacuate: those of which at least `target` percent are free, fewest live bytes
/// first, while the bytes to move stay within `max_moved`. Pages that hold nothing live are not candidates:
/// sweeping frees them for nothing.
///
/// The chosen ones are moved to the front of `pages`; their number is returned. It is 0 if the pages that
/// the survivors fill anew are as many as are emptied: then nothing would be won (V8's rule against
/// compacting and expanding in turns).
///
/// Ties are broken by page number, so the choice does not depend on the order given.
pub fn choose_candidates(
    pages: &mut [Candidate],
    page_bytes: usize,
    target: u32,
    max_moved: usize,
) -> usize {
    let threshold = page_bytes as u64 * u64::from(target) / 100;
    pages.sort_unstable_by_key(|c| {
        let free = page_bytes.saturating_sub(c.live_bytes) as u64;
        let out = c.live_bytes == 0 || free < threshold;
        (out, c.live_bytes, c.page)
    });
    let (mut moved, mut chosen) = (0, 0);
    for candidate in pages.iter() {
        let free = page_bytes.saturating_sub(candidate.live_bytes) as u64;
        if candidate.live_bytes == 0 || free < threshold {
            break;
        }
        if moved + candidate.live_bytes > max_moved {
            break;
        }
        moved += candidate.live_bytes;
        chosen += 1;
    }
    if wins_a_page(chosen, moved, page_bytes) {
        chosen
    } else {
        0
    }
}

/// Whether evacuating so many pages with `moved` live bytes leaves fewer pages than before, even if all that is moved
/// goes to new ones.
pub fn wins_a_page(pages: usize, moved: usize, page_bytes: usize) -> bool {
    pages > moved.div_ceil(page_bytes)
}

/// Bytes of fresh pages that the next scavenge may need: what it promotes at most, which is known from the age mark,
/// and what is born old before it, beyond the free blocks of the old generation.
///
/// They are committed and touched before that scavenge, so that its pause does not wait for the system. Half of the
/// free bytes count: blocks are not filled to the end, and what is swept on demand holds less than it seems.
pub fn bytes_to_prepare(may_be_promoted: usize, free_bytes: usize) -> usize {
    may_be_promoted.saturating_sub(free_bytes / 2)
}

/// How many of `unused` committed groups of `group_bytes` to give back to the system after a major
/// collection.
///
/// What the old generation needs to grow from `old_generation_bytes` to its next `limit` is kept: it would
/// be asked for again before the next collection, at the price of touching fresh pages. When memory is to be
/// given back, all goes.
pub fn groups_to_return(
    unused: usize,
    group_bytes: usize,
    old_generation_bytes: usize,
    limit: usize,
    reduce_memory: bool,
) -> usize {
    if reduce_memory {
        return unused;
    }
    let needed = limit
        .saturating_sub(old_generation_bytes)
        .div_ceil(group_bytes);
    unused.saturating_sub(needed)
}
