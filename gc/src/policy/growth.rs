//! How far the generations may grow.

use crate::options::{HeapLimits, MB, PAGE_SIZE};

/// Share of time that the mutator should get, from which the growing factor follows (V8).
pub const TARGET_MU: f64 = 0.97;
/// Smallest growing factor (V8).
pub const MIN_FACTOR: f64 = 1.1;
/// Largest growing factor. V8's is 4; with 2 a heap takes at most twice what is live.
pub const MAX_FACTOR: f64 = 2.0;
/// The limit is at least this far above the live bytes (V8).
pub const MIN_GROWING_STEP: usize = 8 * MB;
/// Growth of the semi-spaces (V8's `--semi-space-growth-factor`).
pub const SEMI_SPACE_GROWTH_FACTOR: usize = 2;
/// Below this allocation throughput, in bytes per ms, semi-spaces shrink (V8).
pub const LOW_THROUGHPUT: f64 = 1000.0;

/// How willingly the old generation grows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum GrowingMode {
    /// As speeds suggest.
    #[default]
    Default,
    /// By [`MIN_FACTOR`]: memory is to be given back.
    Minimal,
}

/// The growing factor with which the mutator gets [`TARGET_MU`] of the time, at most `max_factor`.
///
/// With *R* = `gc_speed` / `mutator_speed` (bytes per ms both), a heap of *L* live bytes that grows to *F·L*
/// spends *(F−1)·L / mutator_speed* running and *F·L / gc_speed* collecting. Solving for the share *µ* of
/// running gives *F = R(1−µ) / (R(1−µ) − µ)*. If the collector is too slow for that, or a speed is not known,
/// the factor is the largest.
pub fn dynamic_growing_factor(
    gc_speed: Option<f64>,
    mutator_speed: Option<f64>,
    max_factor: f64,
) -> f64 {
    let (Some(gc), Some(mutator)) = (gc_speed, mutator_speed) else {
        return max_factor;
    };
    if mutator <= 0.0 || gc <= 0.0 {
        return max_factor;
    }
    let a = gc / mutator * (1.0 - TARGET_MU);
    let b = a - TARGET_MU;
    // b ≤ 0: no factor reaches the target. a / b > max_factor, written without the division.
    if a >= b * max_factor {
        return max_factor;
    }
    (a / b).max(MIN_FACTOR)
}

/// The growing factor for `mode`, at most [`MAX_FACTOR`].
pub fn growing_factor(gc_speed: Option<f64>, mutator_speed: Option<f64>, mode: GrowingMode) -> f64 {
    let factor = dynamic_growing_factor(gc_speed, mutator_speed, MAX_FACTOR);
    match mode {
        GrowingMode::Default => factor,
        GrowingMode::Minimal => MIN_FACTOR,
    }
}

/// The old-generation size at which the next major collection starts: `live` bytes grown by `factor`, at
/// least by [`MIN_GROWING_STEP`], and a semi-space more, because that much can be promoted at once.
///
/// It never passes half the way from `live` to `max` (V8's half-way rule): collections become more frequent
/// near the maximum instead of one coming too late.
pub fn old_generation_limit(
    live: usize,
    max: usize,
    semi_space_capacity: usize,
    factor: f64,
) -> usize {
    // Factors are at most 4 and sizes at most 16 GB: no overflow, and exact enough in an f64.
    let grown = (live as f64 * factor) as usize;
    let wanted = grown.max(live + MIN_GROWING_STEP) + semi_space_capacity;
    wanted.min(live.midpoint(max.max(live)))
}

/// The old-generation size at which the first major collection starts.
///
/// As if an empty heap had just been collected, or what the options say. V8 starts at 512 MB and lowers the
/// limit as it sees survival rates; a heap that promotes nothing but garbage would take all of that.
pub fn initial_old_generation_limit(limits: &HeapLimits) -> usize {
    limits.initial_old_generation_size.unwrap_or_else(|| {
        old_generation_limit(
            0,
            limits.max_old_generation_size,
            limits.initial_semi_space_size,
            MAX_FACTOR,
        )
        .max(PAGE_SIZE)
    })
}

/// What is known of the young generation when its size is reconsidered. Sizes are bytes of one semi-space.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SemiSpaceState {
    /// Current size.
    pub capacity: usize,
    /// First size: it never shrinks below.
    pub initial: usize,
    /// Largest size.
    pub max: usize,
    /// Bytes that survived scavenges since the size last grew.
    pub survived_since_growth: usize,
    /// Bytes of objects in it.
    pub used: usize,
    /// Bytes allocated per ms lately, if known.
    pub throughput: Option<f64>,
    /// Whether the embedder asked to give memory back.
    pub reduce_memory: bool,
}

/// What to do with the semi-spaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SemiSpaceChange {
    /// Nothing.
    Keep,
    /// Make them this large.
    Grow(usize),
    /// Make them this small; the objects in them fit.
    Shrink(usize),
}

/// V8's rule: grow when as much has survived since the last growth as one semi-space holds, shrink when
/// hardly anything is allocated or memory is to be given back, and keep the size if both are true.
pub fn semi_space_change(state: &SemiSpaceState) -> SemiSpaceChange {
    let grow = state.survived_since_growth > state.capacity && state.capacity < state.max;
    let quiet = state
        .throughput
        .is_some_and(|t| t > 0.0 && t < LOW_THROUGHPUT);
    let shrink = state.reduce_memory || quiet;
    match (grow, shrink) {
        (true, false) => {
            SemiSpaceChange::Grow((state.capacity * SEMI_SPACE_GROWTH_FACTOR).min(state.max))
        }
        (false, true) => {
            // Twice what is in use: survivors must not fill it again at once.
            let smallest = (2 * state.used).next_power_of_two().max(state.initial);
            if smallest < state.capacity {
                SemiSpaceChange::Shrink(smallest)
            } else {
                SemiSpaceChange::Keep
            }
        }
        _ => SemiSpaceChange::Keep,
    }
}
