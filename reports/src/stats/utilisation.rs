//! Mutator utilisation: how much of the time the program itself could run.
//!
//! Minimum mutator utilisation after Cheng and Blelloch, "A parallel, real-time garbage collector" (PLDI
//! 2001); the bounded form makes it monotone, so that one can read off "in no window of at least w is less
//! than u left to the program".

use crate::record::{GcEvent, GcKind};

/// A run's pauses, laid out to ask how much time was left between them.
#[derive(Clone, Debug)]
pub struct Utilisation {
    /// Start and end of each pause in ns, disjoint and in order.
    pauses: Vec<(u64, u64)>,
    /// Pause time before each pause; one more entry than pauses.
    before: Vec<u64>,
    /// Length of the run in ns.
    span: u64,
}

impl Utilisation {
    /// The pauses of a run of `span_ns` that are given by start (ns) and length (ns). Overlapping ones, which
    /// only a foreign record can hold, are joined; what lies outside the run is cut off.
    pub fn new(pauses: impl IntoIterator<Item = (u64, u64)>, span_ns: u64) -> Self {
        let clip = |(start, length): (u64, u64)| {
            (
                start.min(span_ns),
                start.saturating_add(length).min(span_ns),
            )
        };
        let mut sorted: Vec<(u64, u64)> = pauses
            .into_iter()
            .map(clip)
            .filter(|(start, end)| end > start)
            .collect();
        sorted.sort_unstable();
        let mut joined: Vec<(u64, u64)> = Vec::with_capacity(sorted.len());
        for (start, end) in sorted {
            match joined.last_mut() {
                Some(last) if start <= last.1 => last.1 = last.1.max(end),
                _ => joined.push((start, end)),
            }
        }
        let mut before = vec![0; joined.len() + 1];
        for (place, (start, end)) in joined.iter().enumerate() {
            before[place + 1] = before[place] + (end - start);
        }
        Self {
            pauses: joined,
            before,
            span: span_ns,
        }
    }

    /// The pauses of `collections` in a run of `span_ns`.
    pub fn of<'a>(collections: impl IntoIterator<Item = &'a GcEvent>, span_ns: u64) -> Self {
        Self::new(
            collections
                .into_iter()
                .map(|gc| (gc.start_us.saturating_mul(1000), gc.total_ns)),
            span_ns,
        )
    }

    /// Length of the run in ns.
    pub fn span_ns(&self) -> u64 {
        self.span
    }

    /// The longest uninterrupted pause in ns.
    pub fn longest_ns(&self) -> u64 {
        self.pauses
            .iter()
            .map(|(start, end)| end - start)
            .max()
            .unwrap_or(0)
    }

    /// The share of the whole run that was left to the program, 0 to 1.
    pub fn overall(&self) -> f64 {
        self.mmu(self.span)
    }

    /// Minimum mutator utilisation: the smallest share of any window of `window_ns` that was left to the
    /// program. The minimum is reached by a window that begins with a pause or ends with one, so only those
    /// are looked at. 1 for an empty run; a window longer than the run is the run.
    pub fn mmu(&self, window_ns: u64) -> f64 {
        let window = window_ns.min(self.span);
        if window == 0 {
            return if self.pauses.is_empty() { 1.0 } else { 0.0 };
        }
        let latest = self.span - window;
        let starts = self.pauses.iter().map(|&(start, _)| start.min(latest));
        let ends = self
            .pauses
            .iter()
            .map(|&(_, end)| end.saturating_sub(window));
        let paused = starts
            .chain(ends)
            .map(|start| self.paused(start, start + window))
            .max()
            .unwrap_or(0);
        (window - paused) as f64 / window as f64
    }

    /// Bounded mutator utilisation at each of `windows_ns` (ascending): the smallest MMU of that window or
    /// any longer one among them and the whole run.
    pub fn bmu(&self, windows_ns: &[u64]) -> Vec<f64> {
        let mut lowest = self.overall();
        let mut values: Vec<f64> = windows_ns
            .iter()
            .rev()
            .map(|&window| {
                lowest = lowest.min(self.mmu(window));
                lowest
            })
            .collect();
        values.reverse();
        values
    }

    /// Pause time between two moments.
    fn paused(&self, from: u64, to: u64) -> u64 {
        self.paused_until(to) - self.paused_until(from)
    }

    fn paused_until(&self, moment: u64) -> u64 {
        let place = self.pauses.partition_point(|&(start, _)| start < moment);
        match place.checked_sub(1) {
            None => 0,
            Some(last) => {
                self.before[last] + (self.pauses[last].1.min(moment) - self.pauses[last].0)
            }
        }
    }
}

/// Where the time of one stretch of a run went.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct UtilisationBin {
    /// Start in ns.
    pub start_ns: u64,
    /// End in ns.
    pub end_ns: u64,
    /// Share of minor collections, 0 to 1.
    pub minor: f64,
    /// Share of major collections.
    pub major: f64,
}

impl UtilisationBin {
    /// Splits a run into `bins` equal stretches.
    pub fn of<'a>(
        collections: impl IntoIterator<Item = &'a GcEvent> + Clone,
        span_ns: u64,
        bins: usize,
    ) -> Vec<Self> {
        let of_kind = |kind: GcKind| {
            let chosen = collections
                .clone()
                .into_iter()
                .filter(move |gc| gc.kind == kind);
            Utilisation::of(chosen, span_ns)
        };
        let (minor, major) = (of_kind(GcKind::Minor), of_kind(GcKind::Major));
        let edge = |bin: usize| (u128::from(span_ns) * bin as u128 / bins.max(1) as u128) as u64;
        (0..bins)
            .map(|bin| (edge(bin), edge(bin + 1)))
            .filter(|(start, end)| end > start)
            .map(|(start_ns, end_ns)| {
                let share = |pauses: &Utilisation| {
                    pauses.paused(start_ns, end_ns) as f64 / (end_ns - start_ns) as f64
                };
                Self {
                    start_ns,
                    end_ns,
                    minor: share(&minor),
                    major: share(&major),
                }
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The definition, tried at every start.
    fn mmu_by_trying(pauses: &[(u64, u64)], span: u64, window: u64) -> f64 {
        let paused = |moment: u64| {
            pauses
                .iter()
                .any(|&(start, length)| (start..start + length).contains(&moment))
        };
        let free = |start: u64| {
            (start..start + window)
                .filter(|&moment| !paused(moment))
                .count()
        };
        (0..=span - window).map(free).min().unwrap() as f64 / window as f64
    }

    #[test]
    fn mmu_equals_its_definition() {
        let pauses = [(3, 2), (9, 1), (14, 5), (30, 4), (36, 4)];
        let utilisation = Utilisation::new(pauses, 40);
        for window in 1..=40 {
            assert_eq!(
                utilisation.mmu(window),
                mmu_by_trying(&pauses, 40, window),
                "window {window}"
            );
        }
        assert_eq!(utilisation.mmu(41), utilisation.overall());
        assert_eq!(utilisation.overall(), 24.0 / 40.0);
        assert_eq!(utilisation.longest_ns(), 5);
        assert_eq!(utilisation.mmu(5), 0.0);
    }

    #[test]
    fn bmu_never_falls() {
        let utilisation = Utilisation::new([(10, 10), (30, 10), (70, 10)], 100);
        let windows: Vec<u64> = (1..=100).collect();
        let bmu = utilisation.bmu(&windows);
        assert!(bmu.windows(2).all(|pair| pair[0] <= pair[1]));
        assert!(
            windows
                .iter()
                .zip(&bmu)
                .all(|(&window, &value)| value <= utilisation.mmu(window))
        );
        assert_eq!(bmu[99], 0.7);
    }

    #[test]
    fn odd_pauses_do_no_harm() {
        assert_eq!(Utilisation::new([], 0).mmu(5), 1.0);
        assert_eq!(Utilisation::new([(0, 5)], 0).overall(), 1.0);
        let overlapping = Utilisation::new([(5, 10), (0, 8), (90, u64::MAX)], 100);
        assert_eq!(overlapping.overall(), 0.75);
    }

    #[test]
    fn bins_cover_the_run() {
        let gc = |kind, start_us, total_ns| GcEvent {
            kind,
            start_us,
            total_ns,
            ..GcEvent::default()
        };
        let collections = [gc(GcKind::Minor, 0, 1000), gc(GcKind::Major, 3, 3000)];
        let bins = UtilisationBin::of(&collections, 8000, 4);
        let shares: Vec<(f64, f64)> = bins.iter().map(|bin| (bin.minor, bin.major)).collect();
        assert_eq!(shares, [(0.5, 0.0), (0.0, 0.5), (0.0, 1.0), (0.0, 0.0)]);
    }
}
