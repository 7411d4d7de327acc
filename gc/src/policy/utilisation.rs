//! Speeds, the mutator's share of the time, and whether collections still help.

/// Samples that a speed remembers (V8).
const SAMPLES: usize = 10;
/// Throughputs look back over this much time, in ns (V8: 5 s).
const RECENT_NS: u64 = 5_000_000_000;
const NS_PER_MS: f64 = 1e6;

/// A speed in bytes per ms, from a ring buffer of the last ten samples.
#[derive(Clone, Copy, Debug, Default)]
pub struct Speed {
    samples: [(usize, u64); SAMPLES],
    /// Samples ever taken.
    count: usize,
}

impl Speed {
    /// Adds `bytes` in `ns`. Samples without any time are ignored.
    pub fn record(&mut self, bytes: usize, ns: u64) {
        if ns == 0 {
            return;
        }
        self.samples[self.count % SAMPLES] = (bytes, ns);
        self.count += 1;
    }

    /// Bytes per ms over all samples remembered; `None` before the first.
    pub fn average(&self) -> Option<f64> {
        self.over(u64::MAX)
    }

    /// Bytes per ms over the newest samples that make up 5 s; `None` before the first.
    pub fn recent(&self) -> Option<f64> {
        self.over(RECENT_NS)
    }

    fn over(&self, window_ns: u64) -> Option<f64> {
        let (mut bytes, mut ns) = (0f64, 0u64);
        for back in 1..=self.count.min(SAMPLES) {
            if ns >= window_ns {
                break;
            }
            let (b, n) = self.samples[(self.count - back) % SAMPLES];
            bytes += b as f64;
            ns = ns.saturating_add(n);
        }
        (ns > 0).then(|| bytes / (ns as f64 / NS_PER_MS))
    }
}

/// The mutator's share of the time between major collections.
///
/// *Current* is the share between the ends of the last two; *average* is made of durations averaged with
/// weight one half for the newest (V8's recurrence). Both are 1 before there are two collections.
#[derive(Clone, Copy, Debug, Default)]
pub struct MutatorUtilisation {
    previous_end_ns: Option<u64>,
    average: Option<(f64, f64)>,
    current: Option<f64>,
}

impl MutatorUtilisation {
    /// Takes note of a major collection that ended at `end_ns` and took `collecting_ns` in all, steps
    /// included.
    pub fn record(&mut self, end_ns: u64, collecting_ns: u64) {
        let Some(previous) = self.previous_end_ns.replace(end_ns) else {
            return;
        };
        let total = end_ns.saturating_sub(previous) as f64;
        let collecting = (collecting_ns as f64).min(total);
        let mutator = total - collecting;
        self.average = Some(match self.average {
            None => (collecting, mutator),
            Some((c, m)) => (c.midpoint(collecting), m.midpoint(mutator)),
        });
        self.current = Some(if total > 0.0 { mutator / total } else { 0.0 });
    }

    /// The average share, 0 to 1.
    pub fn average(&self) -> f64 {
        match self.average {
            Some((collecting, mutator)) if collecting + mutator > 0.0 => {
                mutator / (collecting + mutator)
            }
            _ => 1.0,
        }
    }

    /// The current share, 0 to 1.
    pub fn current(&self) -> f64 {
        self.current.unwrap_or(1.0)
    }
}

/// Share of the maximum above which a collection may be ineffective (V8 11.3; newer V8 has 0.95).
pub const INEFFECTIVE_SIZE: f64 = 0.8;
/// Average mutator utilisation below which a collection may be ineffective (V8).
pub const INEFFECTIVE_MU: f64 = 0.4;
/// Ineffective collections in a row that mean that the heap is full (V8).
pub const MAX_INEFFECTIVE: u32 = 4;

/// Whether `old_generation_bytes` are at least [`INEFFECTIVE_SIZE`] of `max`.
pub fn is_nearly_full(old_generation_bytes: usize, max: usize) -> bool {
    old_generation_bytes as f64 >= INEFFECTIVE_SIZE * max as f64
}

/// V8's "ineffective mark-compacts near heap limit": a heap that is nearly full and does little but collect
/// is taken as full, although each collection frees a little.
#[derive(Clone, Copy, Debug, Default)]
pub struct IneffectiveRule {
    count: u32,
}

impl IneffectiveRule {
    /// Takes note of a major collection after which `old_generation_bytes` of `max` are live; says whether
    /// it is the fourth ineffective one in a row. The count then starts again.
    pub fn record(&mut self, old_generation_bytes: usize, max: usize, average_mu: f64) -> bool {
        if !is_nearly_full(old_generation_bytes, max) || average_mu >= INEFFECTIVE_MU {
            self.count = 0;
            return false;
        }
        self.count += 1;
        if self.count < MAX_INEFFECTIVE {
            return false;
        }
        self.count = 0;
        true
    }
}
