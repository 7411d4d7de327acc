//! What caches count.

use std::fmt;

/// Why an entry, or a value, left a cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cause {
    /// There were too many entries.
    Capacity,
    /// Their declared bytes were too many.
    Bytes,
    /// It had lived for its time.
    Expired,
    /// It was removed on request.
    Removed,
    /// Its key got another value.
    Replaced,
}

impl Cause {
    /// All causes.
    pub const ALL: [Self; 5] = [
        Self::Capacity,
        Self::Bytes,
        Self::Expired,
        Self::Removed,
        Self::Replaced,
    ];

    /// The cause in one word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Capacity => "capacity",
            Self::Bytes => "bytes",
            Self::Expired => "expired",
            Self::Removed => "removed",
            Self::Replaced => "replaced",
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Hits, misses, insertions, and evictions by cause.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LimiterStatistics {
    /// Reads that found their key.
    pub hits: u64,
    /// Reads that did not.
    pub misses: u64,
    /// Keys that were new.
    pub insertions: u64,
    /// Values that alone were larger than the cache may be.
    pub too_large: u64,
    evictions: [u64; Cause::ALL.len()],
}

impl LimiterStatistics {
    /// Evictions of one cause.
    pub fn evictions(&self, cause: Cause) -> u64 {
        self.evictions[cause as usize]
    }

    /// Entries that left because of a limit: of number, bytes or time.
    pub fn evicted(&self) -> u64 {
        [Cause::Capacity, Cause::Bytes, Cause::Expired]
            .into_iter()
            .map(|cause| self.evictions(cause))
            .sum()
    }

    /// Share of the reads that found their key; 0 before the first read.
    pub fn hit_rate(&self) -> f64 {
        self.hits as f64 / (self.hits + self.misses).max(1) as f64
    }

    pub(crate) fn read(&mut self, found: bool) {
        if found {
            self.hits += 1;
        } else {
            self.misses += 1;
        }
    }

    pub(crate) fn inserted(&mut self) {
        self.insertions += 1;
    }

    pub(crate) fn evict(&mut self, cause: Cause) {
        self.evictions[cause as usize] += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_are_numbered_in_the_order_of_their_list() {
        let mut statistics = LimiterStatistics::default();
        for (number, cause) in Cause::ALL.into_iter().enumerate() {
            for _ in 0..=number {
                statistics.evict(cause);
            }
        }
        for (number, cause) in Cause::ALL.into_iter().enumerate() {
            assert_eq!(statistics.evictions(cause), number as u64 + 1, "{cause}");
        }
        assert_eq!(statistics.evicted(), 1 + 2 + 3);
    }

    #[test]
    fn the_hit_rate_is_a_share_of_the_reads() {
        let mut statistics = LimiterStatistics::default();
        assert_eq!(statistics.hit_rate(), 0.0);
        for found in [true, false, true, true] {
            statistics.read(found);
        }
        assert_eq!(statistics.hit_rate(), 0.75);
    }
}
