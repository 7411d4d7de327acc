//! What the two cache benches read: recent keys far more often than old ones.

use crate::random::Random;

/// How many puts `cacheu` and `cachel` do.
pub const PUTS: u32 = 2_000_000;
/// How many entries the LRU of `cachel` holds.
pub const CAPACITY: usize = 100_000;

/// The number of the key that the i-th operation reads: i − ⌊i · u⁴⌋.
#[inline]
pub fn earlier(i: u32, random: &mut Random) -> u32 {
    let u = random.unit();
    let squared = u * u;
    i - (f64::from(i) * (squared * squared)).floor() as u32
}
