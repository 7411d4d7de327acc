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
}
