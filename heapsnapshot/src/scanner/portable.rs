//! Scanning with plain 64-bit words, and the parts the vector paths share.
//!
//! Per block of 64 bytes: a mask of the digits, from it a mask of the numbers' ends and one of
//! their starts. The numbers are then independent of each other: each is one load of the eight
//! bytes before its end, three multiplications, and one store. Stepping from number to number
//! instead would put a dependent chain of some 15 cycles between them.

use super::Scanned;

/// Bytes per block: one mask bit each.
pub(super) const BLOCK: usize = 64;

/// Scans with the digit masks made by plain arithmetic.
pub(super) fn scan(bytes: &[u8], out: &mut [u32]) -> Scanned {
    scan_blocks(bytes, out, masks)
}

/// The bit masks of one block.
#[derive(Clone, Copy)]
pub(super) struct Masks {
    /// Bytes that are digits.
    pub(super) digits: u64,
    /// Not zero if there are bytes above the comma that are no digits: brackets, signs, letters.
    pub(super) others: u64,
}

const LOW: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = 0x8080_8080_8080_8080;

fn masks(block: &[u8; BLOCK]) -> Masks {
    let (mut digits, mut others) = (0, 0);
    for (i, word) in block.chunks_exact(8).enumerate() {
        let word = u64::from_le_bytes(word.try_into().expect("eight bytes"));
        // Per byte, without carries between bytes: the top bit is set in bytes that are no digits …
        let from_zero = word ^ (LOW * u64::from(b'0'));
        let foreign = ((from_zero & !HIGH) + LOW * (0x80 - 10)) | word;
        // … and in bytes above the comma.
        let past_comma = ((word & !HIGH) + LOW * (0x80 - u64::from(b',') - 1)) | word;
        others |= past_comma & foreign & HIGH;
        // The eight top bits, gathered into one byte.
        let digit = (!foreign & HIGH) >> 7;
        digits |= (digit.wrapping_mul(0x0102_0408_1020_4080) >> 56) << (8 * i);
    }
    Masks { digits, others }
}

/// The loop over blocks, for any way of making the masks.
#[inline(always)]
pub(super) fn scan_blocks(
    bytes: &[u8],
    out: &mut [u32],
    masks_of: impl Fn(&[u8; BLOCK]) -> Masks,
) -> Scanned {
    let mut done = Scanned::default();
    let mut previous_digits = 0;
    // Where the last number began, relative to the block.
    let mut start = 0_usize;
    // The first bytes go one by one: the loop looks at the eight before each block.
    let mut at = bytes.len().min(8);
    if !scan_bytes(&bytes[..at], out, &mut done) {
        return done;
    }
    if done.consumed < at {
        previous_digits = u64::MAX << (64 - (at - done.consumed));
        start = done.consumed.wrapping_sub(at);
    }
    // Every block comes with the eight bytes before it.
    while let Some(window) = bytes
        .get(at - at.min(8)..)
        .and_then(<[u8]>::first_chunk::<{ BLOCK + 8 }>)
    {
        // A block ends at most 32 numbers, and groups of four are computed whole.
        let Some(room) = out
            .get_mut(done.written..)
            .and_then(<[u32]>::first_chunk_mut::<36>)
        else {
            return done;
        };
        let block = window
            .last_chunk::<BLOCK>()
            .expect("a block and eight bytes");
        let Masks { digits, others } = masks_of(block);
        if others != 0 {
            // A bracket ends the section, anything else is odd: byte by byte from here.
            if !scan_bytes(&bytes[done.consumed..at + BLOCK], out, &mut done) {
                return done;
            }
            start = done.consumed.wrapping_sub(at + BLOCK);
            previous_digits = digits;
            at += BLOCK;
            continue;
        }
        let before = digits << 1 | previous_digits >> 63;
        let (mut starts, all_ends) = (digits & !before, !digits & before);
        if previous_digits >> 63 == 0 {
            start = take_first(&mut starts);
        }
        let count = all_ends.count_ones() as usize;
        let mut ends = all_ends;
        // Four at a time, past the last one: a loop that ends after 3 or 4 rounds is foreseen, one
        // that ends after 11 to 15 is not.
        for four in room.chunks_exact_mut(4).take(count.div_ceil(4)) {
            for value in four {
                let end = take_first(&mut ends);
                *value = last_digits(&window[end..end + 8], end.wrapping_sub(start));
                start = take_first(&mut starts);
            }
        }
        if !count.is_multiple_of(4) {
            // The start of the number that goes on was passed in the surplus rounds.
            let unfinished = digits & !before;
            start = 63_usize.wrapping_sub(unfinished.leading_zeros() as usize);
        }
        let long = all_ends & longer_than_eight(digits, previous_digits);
        if long != 0 {
            recompute(bytes, at, all_ends, long, out, &mut done);
        }
        if count != 0 {
            done.written += count;
            done.consumed = at + 64 - all_ends.leading_zeros() as usize;
        }
        start = start.wrapping_sub(BLOCK);
        previous_digits = digits;
        at += BLOCK;
    }
    scan_bytes(&bytes[done.consumed..], out, &mut done);
    done
}

/// Position of the lowest bit of a mask, which is cleared; 64 if there is none.
#[inline(always)]
fn take_first(mask: &mut u64) -> usize {
    let first = mask.trailing_zeros() as usize;
    *mask &= mask.wrapping_sub(1);
    first
}

/// The value of the last `count` (1 to 8) of eight bytes; any value for other counts.
#[inline(always)]
fn last_digits(eight: &[u8], count: usize) -> u32 {
    let word = u64::from_le_bytes(eight.try_into().expect("eight bytes"));
    let own = u64::MAX.wrapping_shl(64_usize.wrapping_sub(8 * count) as u32);
    let word = word & (LOW * 0x0f) & own;
    let word = (word.wrapping_mul(1 + (10 << 8)) >> 8) & 0x00ff_00ff_00ff_00ff;
    let word = (word.wrapping_mul(1 + (100 << 16)) >> 16) & 0x0000_ffff_0000_ffff;
    (word.wrapping_mul(1 + (10_000 << 32)) >> 32) as u32
}

/// Positions with nine digits or more right before them.
#[inline(always)]
pub(super) fn longer_than_eight(digits: u64, previous_digits: u64) -> u64 {
    let both = u128::from(digits) << 64 | u128::from(previous_digits);
    let two = both & (both << 1);
    let four = two & (two << 2);
    let eight = four & (four << 4);
    ((eight << 1 & both << 9) >> 64) as u64
}

/// Computes the numbers marked in `long` again, digit by digit.
#[cold]
#[inline(never)]
pub(super) fn recompute(
    bytes: &[u8],
    at: usize,
    ends: u64,
    long: u64,
    out: &mut [u32],
    done: &mut Scanned,
) {
    let mut long = long;
    while long != 0 {
        let bit = long.trailing_zeros();
        long &= long - 1;
        let end = at + bit as usize;
        let digits = bytes[..end]
            .iter()
            .rev()
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        let place = done.written + (ends & ((1 << bit) - 1)).count_ones() as usize;
        out[place] = digits_value(bytes, end - digits, end, done);
    }
}

/// The value of the digits `start..end`, modulo 2^32; that it was larger is noted.
#[cold]
fn digits_value(bytes: &[u8], start: usize, end: usize, done: &mut Scanned) -> u32 {
    let (mut value, mut large) = (0_u64, false);
    for &digit in &bytes[start..end] {
        value = value * 10 + u64::from(digit - b'0');
        large |= value > u64::from(u32::MAX);
        value &= u64::from(u32::MAX);
    }
    if large && done.wrapped.is_none() {
        done.wrapped = Some(start);
    }
    value as u32
}

/// Byte by byte over `rest`, which begins at `done.consumed`. False when the section ended or
/// `out` is full.
pub(super) fn scan_bytes(rest: &[u8], out: &mut [u32], done: &mut Scanned) -> bool {
    let base = done.consumed;
    let mut start = None;
    for (i, &byte) in rest.iter().enumerate() {
        if byte.is_ascii_digit() {
            start.get_or_insert(i);
            continue;
        }
        if let Some(start) = start.take() {
            if done.written == out.len() {
                return false;
            }
            let noted = done.wrapped.take();
            out[done.written] = digits_value(rest, start, i, done);
            done.wrapped = noted.or(done.wrapped.map(|at| base + at));
            done.written += 1;
        }
        done.consumed = base + i + 1;
        match byte {
            b']' => {
                done.closed = true;
                return false;
            }
            0..=b',' => {}
            _ => {
                done.odd.get_or_insert(base + i);
            }
        }
    }
    true
}
