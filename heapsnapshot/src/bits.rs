//! A set of small numbers, one bit each.

/// A bit per node, edge or string.
#[derive(Clone, Debug, Default)]
pub(crate) struct BitSet {
    words: Vec<u64>,
}

impl BitSet {
    /// Room for the numbers below `count`, none of them in the set.
    pub(crate) fn new(count: usize) -> BitSet {
        BitSet {
            words: vec![0; count.div_ceil(64)],
        }
    }

    #[inline(always)]
    pub(crate) fn contains(&self, at: usize) -> bool {
        self.words
            .get(at / 64)
            .is_some_and(|word| word >> (at % 64) & 1 == 1)
    }

    /// Puts a number in; true if it was not there. Numbers without room are left out.
    #[inline(always)]
    pub(crate) fn insert(&mut self, at: usize) -> bool {
        let Some(word) = self.words.get_mut(at / 64) else {
            return false;
        };
        let bit = 1 << (at % 64);
        let new = *word & bit == 0;
        *word |= bit;
        new
    }

    /// Takes a number out.
    #[inline(always)]
    pub(crate) fn remove(&mut self, at: usize) {
        if let Some(word) = self.words.get_mut(at / 64) {
            *word &= !(1 << (at % 64));
        }
    }

    /// The numbers in ascending order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = usize> {
        let words = self.words.iter().enumerate();
        words.flat_map(|(at, &word)| {
            let mut rest = word;
            std::iter::from_fn(move || {
                let bit = rest.trailing_zeros() as usize;
                if rest == 0 {
                    return None;
                }
                rest &= rest - 1;
                Some(at * 64 + bit)
            })
        })
    }

    /// By 64 numbers: how many smaller ones are in the set. For [`BitSet::rank`].
    pub(crate) fn ranks(&self) -> Vec<u32> {
        let mut sum = 0;
        let before = self.words.iter().map(|word| {
            let before = sum;
            sum += word.count_ones();
            before
        });
        before.collect()
    }

    /// How many numbers below `at` are in the set; `ranks` are its own.
    #[inline(always)]
    pub(crate) fn rank(&self, at: usize, ranks: &[u32]) -> usize {
        let below = self.words[at / 64] & ((1 << (at % 64)) - 1);
        (ranks[at / 64] + below.count_ones()) as usize
    }
}
