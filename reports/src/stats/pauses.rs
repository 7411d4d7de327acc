//! Pauses in a few numbers.

use serde::Serialize;

/// The value at quantile `q` (0 to 1) of `sorted` values by nearest rank: always one that was observed.
/// `None` if there are none.
pub fn percentile(sorted: &[u64], q: f64) -> Option<u64> {
    let rank = (q.clamp(0.0, 1.0) * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.max(1) - 1).copied()
}

/// What a set of pauses adds up to, in ns; all 0 if there was none.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct PauseSummary {
    /// How many.
    pub count: u64,
    /// Together.
    pub total_ns: u64,
    /// On average.
    pub mean_ns: f64,
    /// Half of them are no longer than this.
    pub p50_ns: u64,
    /// Nine of ten are no longer than this.
    pub p90_ns: u64,
    /// All but one in a hundred are no longer than this.
    pub p99_ns: u64,
    /// All but one in a thousand are no longer than this.
    pub p999_ns: u64,
    /// The longest.
    pub max_ns: u64,
}

impl PauseSummary {
    /// The summary of pauses of the given lengths, in any order.
    pub fn of(lengths: impl IntoIterator<Item = u64>) -> Self {
        let mut sorted: Vec<u64> = lengths.into_iter().collect();
        sorted.sort_unstable();
        let at = |q| percentile(&sorted, q).unwrap_or(0);
        let total = sorted.iter().fold(0_u64, |sum, &ns| sum.saturating_add(ns));
        Self {
            count: sorted.len() as u64,
            total_ns: total,
            mean_ns: if sorted.is_empty() {
                0.0
            } else {
                total as f64 / sorted.len() as f64
            },
            p50_ns: at(0.5),
            p90_ns: at(0.9),
            p99_ns: at(0.99),
            p999_ns: at(0.999),
            max_ns: at(1.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_observed_values() {
        let sorted: Vec<u64> = (1..=1000).collect();
        assert_eq!(
            [0.0, 0.5, 0.9, 0.999, 1.0].map(|q| percentile(&sorted, q).unwrap()),
            [1, 500, 900, 999, 1000]
        );
        assert_eq!(percentile(&[7], 0.5), Some(7));
        assert_eq!(percentile(&[], 0.5), None);
    }

    #[test]
    fn a_summary_of_nothing_is_zero() {
        assert_eq!(PauseSummary::of([]), PauseSummary::default());
        let summary = PauseSummary::of([3, 1, 2]);
        assert_eq!(
            (
                summary.count,
                summary.total_ns,
                summary.p50_ns,
                summary.max_ns
            ),
            (3, 6, 2, 3)
        );
        assert_eq!(summary.mean_ns, 2.0);
    }
}
