//! The stress mode: collections at places where no heap would collect, with everything checked.
//!
//! A bug in a collector or a barrier shows only if a collection happens at the one bad moment. Under stress
//! a collection happens every N allocations (or at random distances, from a printed seed), the verifier runs
//! before and after it, the dead are overwritten, and every old page is evacuated.

use std::fmt;
use std::num::NonZeroU32;

/// How to stress a heap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stress {
    /// Allocations from one collection to the next; the mean, if `random` is set.
    pub interval: NonZeroU32,
    /// Every how many of these collections one is major (1: all of them).
    pub major_every: NonZeroU32,
    /// Seed of random distances, uniform from 1 to twice the interval; `None`: always the interval.
    pub random: Option<u64>,
    /// Run the verifier before and after each collection.
    pub verify: bool,
    /// Overwrite dead objects, free blocks and from-space, so that a stale reference is seen.
    pub poison: bool,
    /// Evacuate every old page in each major collection that compacts.
    pub evacuate_all: bool,
    /// Decide what is born old by samples, as any heap does, but of a few objects; without, any class is at any time.
    pub samples: bool,
}

impl Stress {
    /// A collection every `interval` allocations, every fourth of them major, everything checked.
    pub fn every(interval: NonZeroU32) -> Self {
        const FOUR: NonZeroU32 = NonZeroU32::new(4).unwrap();
        Self {
            interval,
            major_every: FOUR,
            random: None,
            verify: true,
            poison: true,
            evacuate_all: true,
            samples: false,
        }
    }

    /// Collections at random distances of `mean` allocations on average, everything checked.
    pub fn random(mean: NonZeroU32, seed: u64) -> Self {
        Self {
            random: Some(seed),
            ..Self::every(mean)
        }
    }

    /// The same, and what is born old is decided by samples.
    pub fn with_samples(self) -> Self {
        Self {
            samples: true,
            ..self
        }
    }

    /// When the collections happen.
    pub fn schedule(&self) -> StressSchedule {
        StressSchedule {
            stress: *self,
            random: SplitMix64(self.random.unwrap_or(0)),
            collections: 0,
            classes: SplitMix64(self.random.unwrap_or(0)),
        }
    }
}

impl fmt::Display for Stress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "collect every {} allocations", self.interval)?;
        if let Some(seed) = self.random {
            write!(f, " on average (seed {seed})")?;
        }
        write!(f, ", every {}. major", self.major_every)?;
        for (on, what) in [
            (self.verify, "verify"),
            (self.poison, "poison"),
            (self.evacuate_all, "evacuate all"),
            (self.samples, "samples say what is born old"),
        ] {
            if on {
                write!(f, ", {what}")?;
            }
        }
        Ok(())
    }
}

/// Samples have up to so many times so many bytes: from one object to some dozen, fewer than are born between most
/// forced collections.
const SAMPLE_STEPS: usize = 64;
const SAMPLE_STEP: usize = 16;

/// What is born old under stress.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BornOld {
    /// Objects of these classes, as bits: half of them.
    Classes(u64),
    /// What samples of so many bytes say.
    Sampled(usize),
}

/// The sequence of forced collections of one heap; the same for the same [`Stress`].
#[derive(Clone, Debug)]
pub struct StressSchedule {
    stress: Stress,
    random: SplitMix64,
    collections: u64,
    /// Apart from `random`, so that the moments of collections depend on the seed alone.
    classes: SplitMix64,
}

impl StressSchedule {
    /// Allocations until the next forced collection: that many succeed, the next one collects first.
    ///
    /// With an interval of 1 every allocation collects, so the distance is 0.
    pub fn next_distance(&mut self) -> u32 {
        let interval = self.stress.interval.get();
        match self.stress.random {
            None => interval - 1,
            // Uniform over 0..2·interval − 1: the mean is interval − 1.
            Some(_) => (self.random.next() % (2 * u64::from(interval) - 1)) as u32,
        }
    }

    /// Counts a forced collection and says whether it is a major one.
    pub fn next_is_major(&mut self) -> bool {
        self.collections += 1;
        self.collections
            .is_multiple_of(u64::from(self.stress.major_every.get()))
    }

    /// What is born old until the next scavenge.
    pub(crate) fn next_born_old(&mut self) -> BornOld {
        let random = self.classes.next();
        if self.stress.samples {
            BornOld::Sampled(SAMPLE_STEP * (1 + random as usize % SAMPLE_STEPS))
        } else {
            BornOld::Classes(random)
        }
    }

    /// Collections forced so far.
    pub fn collections(&self) -> u64 {
        self.collections
    }
}

/// SplitMix64 (Steele, Lea and Flood, OOPSLA 2014): small, seedable, good enough to choose moments.
#[derive(Clone, Debug)]
pub(crate) struct SplitMix64(pub(crate) u64);

impl SplitMix64 {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nonzero(n: u32) -> NonZeroU32 {
        NonZeroU32::new(n).expect("not zero")
    }

    #[test]
    fn fixed_distances_are_the_interval() {
        let mut schedule = Stress::every(nonzero(64)).schedule();
        assert!((0..10).all(|_| schedule.next_distance() == 63));
        let majors: Vec<bool> = (0..8).map(|_| schedule.next_is_major()).collect();
        assert_eq!(
            majors,
            [false, false, false, true, false, false, false, true]
        );
        assert_eq!(schedule.collections(), 8);
        assert_eq!(Stress::every(nonzero(1)).schedule().next_distance(), 0);
    }

    #[test]
    fn classes_and_samples_repeat_with_their_seed() {
        let draw = |stress: Stress| -> Vec<BornOld> {
            let mut schedule = stress.schedule();
            (0..1000).map(|_| schedule.next_born_old()).collect()
        };
        let stress = |seed| Stress::random(nonzero(64), seed);
        assert_eq!(draw(stress(7)), draw(stress(7)));
        assert_ne!(draw(stress(7)), draw(stress(8)));
        let sampled = draw(stress(7).with_samples());
        assert_eq!(sampled, draw(stress(7).with_samples()));
        for (steps, seen) in [(1, true), (64, true), (65, false)] {
            let size = BornOld::Sampled(steps * SAMPLE_STEP);
            assert_eq!(sampled.contains(&size), seen, "{steps}");
        }
    }

    #[test]
    fn random_distances_repeat_with_their_seed_and_keep_their_mean() {
        let draw = |seed| -> Vec<u32> {
            let mut schedule = Stress::random(nonzero(64), seed).schedule();
            (0..10_000).map(|_| schedule.next_distance()).collect()
        };
        let distances = draw(7);
        assert_eq!(distances, draw(7));
        assert_ne!(distances, draw(8));
        assert!(distances.iter().all(|&d| d < 127));
        let mean = distances.iter().map(|&d| f64::from(d)).sum::<f64>() / 10_000.0;
        assert!((mean - 63.0).abs() < 2.0, "mean {mean}");
    }
}
