//! The generator and the checksum, the same in every language.

/// xorshift32 (13, 17, 5) from one fixed seed.
#[derive(Debug, Clone)]
pub struct Random {
    state: u32,
}

impl Default for Random {
    fn default() -> Self {
        Self { state: 0x9E37_79B9 }
    }
}

impl Random {
    /// The next number.
    #[inline]
    pub fn next_u32(&mut self) -> u32 {
        let mut x = self.state;
        x ^= x << 13;
        x ^= x >> 17;
        x ^= x << 5;
        self.state = x;
        x
    }

    /// A number in [0, 1).
    #[inline]
    pub fn unit(&mut self) -> f64 {
        f64::from(self.next_u32()) / 4_294_967_296.0
    }

    /// An index below `n`: (r · n) >> 32.
    #[inline]
    pub fn index(&mut self, n: usize) -> usize {
        ((u64::from(self.next_u32()) * n as u64) >> 32) as usize
    }
}

/// One step of the checksum: `sum` · 31 + `value`, modulo 2^32.
#[inline]
#[must_use]
pub fn mix(sum: u32, value: u32) -> u32 {
    sum.wrapping_mul(31).wrapping_add(value)
}
