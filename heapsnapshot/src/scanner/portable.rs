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
    /// Bytes above the comma that are no digits: brackets, signs, points, letters.
    pub(super) others: u64,
}

const LOW: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = 0x8080_8080_8080_8080;

/// One bit per byte of `flags` (its top bit), gathered into the low eight bits.
fn gather(flags: u64) -> u64 {
    ((flags & HIGH) >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56
}

fn masks(block: &[u8; BLOCK]) -> Masks {
    let (mut digits, mut others) = (0, 0);
    for (i, word) in block.chunks_exact(8).enumerate() {
        let word = u64::from_le_bytes(word.try_into().expect("eight bytes"));
        let low7 = word & !HIGH;
        // Per byte, without carries between bytes: top bit set iff >= '0', > '9', > ','.
        let not_below = low7 + LOW * (0x80 - u64::from(b'0'));
        let above = low7 + LOW * (0x80 - u64::from(b'9') - 1);
        let past_comma = low7 + LOW * (0x80 - u64::from(b',') - 1);
        let digit = not_below & !above & !word;
        digits |= gather(digit) << (8 * i);
        others |= gather((past_comma | word) & !digit) << (8 * i);
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
    let mut at = 0;
    // Where the number that runs into this block began, and whether one does.
    let (mut begun, mut carry) = (0_usize, 0_u64);
    while let Some(block) = bytes.get(at..).and_then(<[u8]>::first_chunk::<BLOCK>) {
        // A block ends at most 32 numbers and one carried in.
        if out.len() - done.written <= BLOCK / 2 {
            return done;
        }
        let Masks { digits, others } = masks_of(block);
        if others != 0 {
            // A bracket ends the section, anything else is odd: byte by byte from here.
            let rest = &bytes[done.consumed..at + BLOCK];
            if !scan_bytes(rest, out, &mut done) {
                return done;
            }
            if digits >> 63 == 1 {
                (begun, carry) = (done.consumed, 1);
            } else {
                carry = 0;
            }
            at += BLOCK;
            continue;
        }
        let before = (digits << 1) | carry;
        let mut ends = !digits & before;
        let mut starts = digits & !before;
        let mut start = if carry == 1 {
            begun
        } else {
            take_first(&mut starts, at)
        };
        while ends != 0 {
            let end = take_first(&mut ends, at);
            out[done.written] = match bytes.get(end.wrapping_sub(8)..end) {
                Some(eight) if end - start <= 8 => eight_digits(eight, end - start),
                _ => digits_value(bytes, start, end, &mut done),
            };
            done.written += 1;
            done.consumed = end + 1;
            start = take_first(&mut starts, at);
        }
        carry = digits >> 63;
        begun = start;
        at += BLOCK;
    }
    scan_bytes(&bytes[done.consumed..], out, &mut done);
    done
}

/// Position of the lowest bit of a block's mask, which is cleared.
#[inline(always)]
fn take_first(mask: &mut u64, at: usize) -> usize {
    let first = at + mask.trailing_zeros() as usize;
    *mask &= mask.wrapping_sub(1);
    first
}

/// The value of the last `count` (1 to 8) of eight bytes.
#[inline(always)]
fn eight_digits(eight: &[u8], count: usize) -> u32 {
    let word = u64::from_le_bytes(eight.try_into().expect("eight bytes"));
    let word = word & (LOW * 0x0f) & (u64::MAX << (64 - 8 * count));
    let word = (word.wrapping_mul(1 + (10 << 8)) >> 8) & 0x00ff_00ff_00ff_00ff;
    let word = (word.wrapping_mul(1 + (100 << 16)) >> 16) & 0x0000_ffff_0000_ffff;
    (word.wrapping_mul(1 + (10_000 << 32)) >> 32) as u32
}

/// The value of the digits `start..end`, modulo 2^32; that it was larger is noted.
#[cold]
pub(super) fn digits_value(bytes: &[u8], start: usize, end: usize, done: &mut Scanned) -> u32 {
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
