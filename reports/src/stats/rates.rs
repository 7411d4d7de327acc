//! Allocation and promotion rates over a run.

use crate::record::Event;

/// Bytes per second in one stretch of a run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rate {
    /// Start in ns.
    pub start_ns: u64,
    /// End in ns.
    pub end_ns: u64,
    /// Bytes allocated per second.
    pub allocated: f64,
    /// Bytes promoted per second.
    pub promoted: f64,
}

/// The rates of a run, and whether the heap counted its allocations itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Rates {
    /// One entry per stretch, in order.
    pub bins: Vec<Rate>,
    /// The heap counted. If not, allocation is the growth between events, which misses objects that died
    /// between two of them.
    pub counted: bool,
}

/// Splits a run of `span_ns` into `bins` stretches. What was allocated between two events is spread evenly
/// over the time between them; promotion counts when the collection began.
pub fn rates(events: &[Event], span_ns: u64, bins: usize) -> Rates {
    let counted = events
        .iter()
        .any(|event| matches!(event, Event::Sample(sample) if sample.allocated_bytes.is_some()));
    let bins = bins.max(1);
    let mut sums = vec![(0.0, 0.0); bins];
    let width = span_ns as f64 / bins as f64;
    if span_ns > 0 {
        let (mut since, mut seen) = (0_u64, 0_u64);
        for event in events {
            let now = event.time_us().saturating_mul(1000).min(span_ns);
            let level = match event {
                Event::Sample(sample) if counted => sample.allocated_bytes,
                Event::Sample(sample) => Some(sample.heap.used_bytes()),
                Event::Gc(gc) if !counted => Some(gc.before.used_bytes()),
                _ => None,
            };
            if let Some(level) = level {
                spread(
                    &mut sums,
                    width,
                    since,
                    now.max(since),
                    level.saturating_sub(seen) as f64,
                );
                (since, seen) = (now.max(since), level);
            }
            if let Event::Gc(gc) = event {
                let bin = ((now as f64 / width) as usize).min(bins - 1);
                sums[bin].1 += gc.promoted_bytes as f64;
                if !counted {
                    seen = gc.after.used_bytes();
                }
            }
        }
    }
    let bins = sums
        .into_iter()
        .enumerate()
        .map(|(bin, (allocated, promoted))| Rate {
            start_ns: (bin as f64 * width) as u64,
            end_ns: ((bin + 1) as f64 * width) as u64,
            allocated: allocated * 1e9 / width,
            promoted: promoted * 1e9 / width,
        });
    Rates {
        bins: if span_ns > 0 {
            bins.collect()
        } else {
            Vec::new()
        },
        counted,
    }
}

/// Adds `bytes` to the bins between two moments, in proportion to the time in each.
fn spread(sums: &mut [(f64, f64)], width: f64, from: u64, to: u64, bytes: f64) {
    let bin_of = |moment: u64| ((moment as f64 / width) as usize).min(sums.len() - 1);
    let (first, last) = (bin_of(from), bin_of(to));
    if bytes == 0.0 || first == last || to == from {
        sums[last].0 += bytes;
        return;
    }
    for (bin, sum) in sums.iter_mut().enumerate().take(last + 1).skip(first) {
        let (start, end) = (bin as f64 * width, (bin + 1) as f64 * width);
        let shared = (end.min(to as f64) - start.max(from as f64)).max(0.0);
        sum.0 += bytes * shared / (to - from) as f64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{GcEvent, HeapSizes, Sample};

    fn sample(time_us: u64, allocated_bytes: Option<u64>, young_bytes: u64) -> Event {
        let heap = HeapSizes {
            young_bytes,
            ..HeapSizes::default()
        };
        Event::Sample(Sample {
            time_us,
            allocated_bytes,
            heap,
            ..Sample::default()
        })
    }

    #[test]
    fn the_heaps_own_count_is_spread_over_time() {
        let events = [
            sample(500_000, Some(100), 0),
            sample(1_000_000, Some(500), 0),
        ];
        let rates = rates(&events, 1_000_000_000, 4);
        assert!(rates.counted);
        let shown: Vec<f64> = rates.bins.iter().map(|bin| bin.allocated.round()).collect();
        assert_eq!(shown, [200.0, 200.0, 800.0, 800.0]);
    }

    #[test]
    fn growth_stands_in_for_a_count() {
        let sizes = |young_bytes| HeapSizes {
            young_bytes,
            ..HeapSizes::default()
        };
        let gc = GcEvent {
            start_us: 400_000,
            before: sizes(300),
            after: sizes(50),
            promoted_bytes: 40,
            ..GcEvent::default()
        };
        let events = [
            sample(200_000, None, 100),
            Event::Gc(Box::new(gc)),
            sample(1_000_000, None, 150),
        ];
        let rates = rates(&events, 1_000_000_000, 1);
        assert!(!rates.counted);
        assert_eq!(
            (rates.bins[0].allocated.round(), rates.bins[0].promoted),
            (400.0, 40.0)
        );
    }

    #[test]
    fn an_empty_run_has_no_rates() {
        assert!(rates(&[], 0, 10).bins.is_empty());
        assert_eq!(rates(&[], 1000, 2).bins.len(), 2);
    }
}
