//! Random numbers that are the same on every machine: no entropy from outside, no external crate.

/// SplitMix64 (Steele, Lea and Flood, OOPSLA 2014): one addition and a mix per number, full period 2⁶⁴.
#[derive(Clone, Debug)]
pub struct Random {
    state: u64,
}

impl Random {
    /// The sequence of `seed`.
    pub fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// The next 64 bits.
    pub fn next_u64(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.state)
    }

    /// A number below `bound`, each equally likely; 0 if `bound` is 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        // Lemire's method: the high half of a product; the few values that would make some results likelier
        // than others are drawn again.
        let threshold = bound.wrapping_neg() % bound.max(1);
        loop {
            let product = u128::from(self.next_u64()) * u128::from(bound);
            if product as u64 >= threshold {
                return (product >> 64) as u64;
            }
        }
    }

    /// A number of `first..=last`, each equally likely; `first` if `last` is below it.
    pub fn between(&mut self, first: u64, last: u64) -> u64 {
        match last.saturating_sub(first).checked_add(1) {
            Some(count) => first + self.below(count),
            None => self.next_u64(),
        }
    }

    /// A number of the interval from 0 to below 1.
    pub fn unit(&mut self) -> f64 {
        // 53 bits: every result is exact, and 1 is never reached.
        (self.next_u64() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Whether an event of this probability happens.
    pub fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }
}

/// Mixes all bits of a number into all bits of the result: a hash of 64-bit keys.
pub fn mix(n: u64) -> u64 {
    let n = (n ^ n >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let n = (n ^ n >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    n ^ n >> 31
}

/// Draws ranks with probability proportional to 1 / rank^skew: few are drawn often, many seldom (Zipf's law).
#[derive(Clone, Debug)]
pub struct Zipf {
    /// `cumulative[i]`: the share of all weight that ranks 0 to `i` have.
    cumulative: Box<[f64]>,
}

impl Zipf {
    /// A law over `ranks` ranks (at least one is assumed). `skew` 0 makes all equally likely, 1 is Zipf's own law.
    pub fn new(ranks: usize, skew: f64) -> Self {
        let mut sum = 0.0;
        let mut cumulative: Box<[f64]> = (1..=ranks.max(1))
            .map(|rank| {
                sum += (rank as f64).powf(skew).recip();
                sum
            })
            .collect();
        cumulative.iter_mut().for_each(|share| *share /= sum);
        Self { cumulative }
    }

    /// A rank, from 0.
    pub fn draw(&self, random: &mut Random) -> usize {
        let at = random.unit();
        self.cumulative
            .partition_point(|&share| share <= at)
            .min(self.cumulative.len() - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The sequence that the authors' reference code gives for seed 1234567.
    #[test]
    fn numbers_are_splitmix64s() {
        let mut random = Random::new(1_234_567);
        let first: Vec<u64> = (0..5).map(|_| random.next_u64()).collect();
        assert_eq!(
            first,
            [
                6_457_827_717_110_365_317,
                3_203_168_211_198_807_973,
                9_817_491_932_198_370_423,
                4_593_380_528_125_082_431,
                16_408_922_859_458_223_821
            ]
        );
    }

    #[test]
    fn bounds_are_kept_and_every_value_comes() {
        let mut random = Random::new(7);
        let mut seen = [0u32; 6];
        for _ in 0..6000 {
            seen[random.below(6) as usize] += 1;
        }
        assert!(
            seen.iter().all(|&times| (800..1200).contains(&times)),
            "{seen:?}"
        );
        assert_eq!(random.below(0), 0);
        assert_eq!(random.below(1), 0);
        for _ in 0..100 {
            assert!((3..=5).contains(&random.between(3, 5)));
            assert!((0.0..1.0).contains(&random.unit()));
        }
        assert_eq!(random.between(9, 2), 9);
        random.between(0, u64::MAX);
        assert!(!random.chance(0.0));
        assert!(random.chance(1.0));
    }

    #[test]
    fn zipf_draws_rank_by_rank_as_the_law_says() {
        let (zipf, mut random) = (Zipf::new(1000, 1.0), Random::new(3));
        let mut seen = [0u32; 1000];
        for _ in 0..100_000 {
            seen[zipf.draw(&mut random)] += 1;
        }
        // H(1000) = 7.485: the first rank has 13.4 % of the weight, the second half of that.
        assert!((12_900..13_800).contains(&seen[0]), "{}", seen[0]);
        assert!((6_400..7_000).contains(&seen[1]), "{}", seen[1]);
        let flat = Zipf::new(2, 0.0);
        let ones = (0..10_000).filter(|_| flat.draw(&mut random) == 1).count();
        assert!((4_700..5_300).contains(&ones), "{ones}");
        assert_eq!(Zipf::new(0, 1.0).draw(&mut random), 0);
    }
}
