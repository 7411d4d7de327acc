//! Decimal digits of unsigned integers, eight at a time, without branches on their values.
//!
//! Almost all bytes of a snapshot are decimal numbers, so this decides how fast one is written. Eight digits are computed side
//! by side in one 64-bit word (the classic divide-and-conquer with multiplications instead of divisions), leading zeros are
//! shifted out, and all eight bytes are stored whether needed or not: the caller's buffer has room, and the next number
//! overwrites the rest.

/// Bytes that [`put`] may touch from `at` on: ten digits in two stores.
#[cfg(test)]
const SPAN: usize = 10;

/// The eight decimal digits of `n`, which is below 10^8, as bytes 0 to 9, first digit in the lowest byte.
#[inline(always)]
fn eight_digits(n: u32) -> u64 {
    // Two lanes of four digits, four of two, eight of one; each step takes the quotient's lane up by a multiplication with
    // the rounded-up reciprocal (exact for the lane's range, see the tests).
    let fours = u64::from(n / 10_000) | u64::from(n % 10_000) << 32;
    let hundreds = ((fours * 10_486) >> 20) & 0x0000_007f_0000_007f;
    let twos = hundreds | (fours - hundreds * 100) << 16;
    let tens = ((twos * 103) >> 10) & 0x000f_000f_000f_000f;
    tens | (twos - tens * 10) << 8
}

const ASCII_ZEROS: u64 = 0x3030_3030_3030_3030;

/// Writes `n` in decimal at `out[at..]` and returns where it ends. The ten bytes from `at` on may be overwritten.
///
/// # Panics
///
/// If `out` has no room for that.
#[inline(always)]
pub(super) fn put<const N: usize>(out: &mut [u8; N], at: usize, n: u32) -> usize {
    if n < 100_000_000 {
        let digits = eight_digits(n);
        // The last digit stays even if it is zero.
        let leading = (digits | 1 << 56).trailing_zeros() / 8;
        let text = (digits | ASCII_ZEROS) >> (leading * 8);
        out[at..at + 8].copy_from_slice(&text.to_le_bytes());
        at + 8 - leading as usize
    } else {
        // Nine or ten digits: one or two in front of eight full ones.
        let front = n / 100_000_000;
        let at = if front >= 10 {
            out[at] = b'0' + (front / 10) as u8;
            out[at + 1] = b'0' + (front % 10) as u8;
            at + 2
        } else {
            out[at] = b'0' + front as u8;
            at + 1
        };
        let text = eight_digits(n % 100_000_000) | ASCII_ZEROS;
        out[at..at + 8].copy_from_slice(&text.to_le_bytes());
        at + 8
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(n: u32) {
        let mut out = [b'x'; 24];
        let end = put(&mut out, 3, n);
        assert_eq!(&out[3..end], n.to_string().as_bytes());
        assert_eq!(&out[..3], b"xxx");
        assert!(
            out[3 + SPAN..].iter().all(|&b| b == b'x'),
            "touched more than SPAN bytes"
        );
    }

    #[test]
    fn around_every_power_of_ten_and_two() {
        for power in 0..10 {
            let n = 10_u32.pow(power);
            (n.saturating_sub(3)..=n + 3).for_each(check);
        }
        for power in 0..32 {
            let n = 1_u32 << power;
            (n.saturating_sub(2)..=n.saturating_add(2)).for_each(check);
        }
        check(u32::MAX);
    }

    #[test]
    fn every_four_digit_group() {
        // Each lane's reciprocal is exact over the lane's whole range, high and low half.
        for group in 0..10_000 {
            check(group);
            check(group * 10_000 + (9_999 - group));
        }
    }

    proptest::proptest! {
        #[test]
        fn any_number(n: u32) {
            check(n);
        }
    }
}
