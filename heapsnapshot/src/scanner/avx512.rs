//! Scanning with AVX-512 VBMI2: eight numbers at a time.
//!
//! Per block of 64 bytes, with the block before it at hand:
//!
//! 1. compare: a mask of the digits, and of the bytes that end a number;
//! 2. *compress* the positions of the ends to the front of a register;
//! 3. per eight ends, *permute*: lane k gets the eight bytes before end k, out of both blocks;
//! 4. count the leading digits of each lane (the others belong to the neighbour) and clear the rest;
//! 5. multiply and add pairs, fours and eights: eight 32-bit numbers, one store.
//!
//! Numbers of more than eight digits are few; they are computed again, one by one.

use std::arch::x86_64::{
    __m256i, __m512i, _mm256_storeu_si256, _mm512_add_epi8, _mm512_add_epi64, _mm512_and_si512,
    _mm512_andnot_si512, _mm512_cmpgt_epu8_mask, _mm512_cmplt_epu8_mask, _mm512_cvtepi64_epi32,
    _mm512_loadu_si512, _mm512_lzcnt_epi64, _mm512_madd_epi16, _mm512_maddubs_epi16,
    _mm512_maskz_compress_epi8, _mm512_movm_epi8, _mm512_mullo_epi32, _mm512_permutex2var_epi8,
    _mm512_permutexvar_epi8, _mm512_set1_epi8, _mm512_set1_epi16, _mm512_set1_epi32,
    _mm512_set1_epi64, _mm512_setzero_si512, _mm512_srli_epi64, _mm512_srlv_epi64, _mm512_sub_epi8,
};

use super::Scanned;
use super::portable::{BLOCK, digits_value, scan_bytes};

/// Whether this processor has the instructions.
pub(super) fn is_available() -> bool {
    is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512cd")
        && is_x86_feature_detected!("avx512vbmi")
        && is_x86_feature_detected!("avx512vbmi2")
}

/// 0, 1, … 63 in the bytes of a register, plus `from`.
const fn counting(from: u8) -> [u8; BLOCK] {
    let mut bytes = [0; BLOCK];
    let mut i = 0;
    while i < BLOCK {
        bytes[i] = from + i as u8;
        i += 1;
    }
    bytes
}

/// For group g of eight ends: byte 8k + j selects end 8g + k.
const fn spread(group: u8) -> [u8; BLOCK] {
    let mut bytes = [0; BLOCK];
    let mut i = 0;
    while i < BLOCK {
        bytes[i] = 8 * group + (i / 8) as u8;
        i += 1;
    }
    bytes
}

/// Byte 8k + j holds j - 8: the eight positions before an end.
const fn before() -> [u8; BLOCK] {
    let mut bytes = [0; BLOCK];
    let mut i = 0;
    while i < BLOCK {
        bytes[i] = (i % 8) as u8;
        bytes[i] = bytes[i].wrapping_sub(8);
        i += 1;
    }
    bytes
}

static POSITIONS: [u8; BLOCK] = counting(64);
static SPREAD: [[u8; BLOCK]; 4] = [spread(0), spread(1), spread(2), spread(3)];
static BEFORE: [u8; BLOCK] = before();

/// # Safety
/// The processor must have AVX-512F.
#[inline]
#[target_feature(enable = "avx512f")]
unsafe fn load(bytes: &[u8; BLOCK]) -> __m512i {
    // SAFETY: the array holds the 64 bytes that an unaligned load reads.
    unsafe { _mm512_loadu_si512(bytes.as_ptr().cast::<__m512i>()) }
}

/// Scans as [`super::scan`] says.
///
/// # Safety
/// The processor must have AVX-512F, BW, CD, VBMI and VBMI2.
#[target_feature(enable = "avx512f,avx512bw,avx512cd,avx512vbmi,avx512vbmi2,bmi1,popcnt,lzcnt")]
pub(super) unsafe fn scan(bytes: &[u8], out: &mut [u32]) -> Scanned {
    let mut done = Scanned::default();
    // SAFETY: the caller promised the instructions.
    let (positions, offsets) = unsafe { (load(&POSITIONS), load(&BEFORE)) };
    let zero = _mm512_set1_epi8(b'0'.cast_signed());
    let ten = _mm512_set1_epi8(10);
    let comma = _mm512_set1_epi8(b','.cast_signed());
    let mut previous = _mm512_setzero_si512();
    let mut previous_digits = 0_u64;
    let mut at = 0;
    while let Some(block) = bytes.get(at..).and_then(<[u8]>::first_chunk::<BLOCK>) {
        // A block ends at most 32 numbers, and groups of eight are stored whole.
        if out.len() - done.written < BLOCK / 2 + 8 {
            return done;
        }
        // SAFETY: the caller promised the instructions.
        let current = unsafe { load(block) };
        let digits = _mm512_cmplt_epu8_mask(_mm512_sub_epi8(current, zero), ten);
        let others = _mm512_cmpgt_epu8_mask(current, comma) & !digits;
        if others != 0 {
            // A bracket ends the section, anything else is odd: byte by byte from here.
            let rest = &bytes[done.consumed..at + BLOCK];
            if !scan_bytes(rest, out, &mut done) {
                return done;
            }
            (previous, previous_digits) = (current, digits);
            at += BLOCK;
            continue;
        }
        let ends = !digits & ((digits << 1) | (previous_digits >> 63));
        let count = ends.count_ones() as usize;
        let ends_at = _mm512_maskz_compress_epi8(ends, positions);
        for (group, spread) in SPREAD.iter().enumerate().take(count.div_ceil(8)) {
            // SAFETY: the caller promised the instructions.
            let spread = unsafe { load(spread) };
            let index = _mm512_add_epi8(_mm512_permutexvar_epi8(spread, ends_at), offsets);
            let lanes = _mm512_permutex2var_epi8(previous, index, current);
            let lanes = _mm512_sub_epi8(lanes, zero);
            // Bits above the highest byte that is no digit stay, the others are cleared.
            let foreign = _mm512_movm_epi8(!_mm512_cmplt_epu8_mask(lanes, ten));
            let leading = _mm512_lzcnt_epi64(foreign);
            let clear = _mm512_srlv_epi64(_mm512_set1_epi64(-1), leading);
            let lanes = _mm512_andnot_si512(clear, lanes);
            // d0 d1 … d7 → 10 d0 + d1 | … → 100 (…) + … | … → two halves of four digits.
            let pairs = _mm512_maddubs_epi16(lanes, _mm512_set1_epi16(10 + (1 << 8)));
            let fours = _mm512_madd_epi16(pairs, _mm512_set1_epi32(100 + (1 << 16)));
            let high = _mm512_mullo_epi32(fours, _mm512_set1_epi32(10_000));
            let low = _mm512_srli_epi64::<32>(fours);
            let sum = _mm512_add_epi64(_mm512_and_si512(high, _mm512_set1_epi64(0xffff_ffff)), low);
            let values = _mm512_cvtepi64_epi32(sum);
            let place = &mut out[done.written + 8 * group..][..8];
            // SAFETY: `place` holds the eight numbers that an unaligned store writes.
            unsafe { _mm256_storeu_si256(place.as_mut_ptr().cast::<__m256i>(), values) };
        }
        let long = ends & longer_than_eight(digits, previous_digits);
        if long != 0 {
            recompute(bytes, at, ends, long, out, &mut done);
        }
        if ends != 0 {
            done.written += count;
            done.consumed = at + 64 - ends.leading_zeros() as usize;
        }
        (previous, previous_digits) = (current, digits);
        at += BLOCK;
    }
    scan_bytes(&bytes[done.consumed..], out, &mut done);
    done
}

/// Positions with nine digits or more right before them.
#[inline(always)]
fn longer_than_eight(digits: u64, previous_digits: u64) -> u64 {
    let both = u128::from(digits) << 64 | u128::from(previous_digits);
    let two = both & (both << 1);
    let four = two & (two << 2);
    let eight = four & (four << 4);
    ((eight << 1 & both << 9) >> 64) as u64
}

/// Computes the numbers marked in `long` again, digit by digit.
#[cold]
#[inline(never)]
fn recompute(bytes: &[u8], at: usize, ends: u64, long: u64, out: &mut [u32], done: &mut Scanned) {
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
