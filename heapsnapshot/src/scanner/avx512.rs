//! Scanning with AVX-512 VBMI2: sixteen numbers at a time.
//!
//! Per block of 64 bytes, with the block before it at hand:
//!
//! 1. compare: a mask of the digits, from it masks of the bytes that start and that end a number;
//! 2. *compress* the positions of the starts and ends to the front of a register each;
//! 3. per eight numbers, *permute*: lane k gets the eight bytes before end k, out of both blocks,
//!    and zero for those before start k;
//! 4. multiply and add pairs, then fours; two groups of eight together make sixteen 32-bit numbers.
//!
//! Numbers of more than eight digits are few; they are computed again, one by one.

use std::arch::x86_64::{
    __m512i, _mm512_add_epi8, _mm512_cmpge_epu8_mask, _mm512_cmpgt_epu8_mask,
    _mm512_cmplt_epu8_mask, _mm512_loadu_si512, _mm512_madd_epi16, _mm512_maddubs_epi16,
    _mm512_mask_expand_epi8, _mm512_maskz_compress_epi8, _mm512_maskz_permutex2var_epi8,
    _mm512_packus_epi32, _mm512_permutexvar_epi8, _mm512_set1_epi8, _mm512_set1_epi16,
    _mm512_set1_epi32, _mm512_setzero_si512, _mm512_storeu_si512, _mm512_sub_epi8,
};

use super::Scanned;
use super::portable::{BLOCK, longer_than_eight, recompute, scan_bytes};

/// Whether this processor has the instructions.
pub(super) fn is_available() -> bool {
    is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512vbmi")
        && is_x86_feature_detected!("avx512vbmi2")
        && is_x86_feature_detected!("bmi1")
        && is_x86_feature_detected!("lzcnt")
        && is_x86_feature_detected!("popcnt")
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

/// Which number each 64-bit lane of a group computes, in each of the lane's bytes. Packing two groups
/// interleaves them by pairs, so the first takes numbers 0, 1, 4, 5, … and the second 2, 3, 6, 7, ….
const fn spread(first: u8) -> [u8; BLOCK] {
    let mut bytes = [0; BLOCK];
    let mut i = 0;
    while i < BLOCK {
        let lane = (i / 8) as u8;
        bytes[i] = first + lane / 2 * 4 + lane % 2;
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
static SPREAD: [[[u8; BLOCK]; 2]; 2] = [[spread(0), spread(2)], [spread(16), spread(18)]];
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
/// The processor must have AVX-512F, BW, VBMI and VBMI2, and BMI1, LZCNT and POPCNT.
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi,avx512vbmi2,bmi1,popcnt,lzcnt")]
pub(super) unsafe fn scan(bytes: &[u8], out: &mut [u32]) -> Scanned {
    let mut done = Scanned::default();
    // SAFETY: the caller promised the instructions.
    let (positions, offsets) = unsafe { (load(&POSITIONS), load(&BEFORE)) };
    let zero = _mm512_set1_epi8(b'0'.cast_signed());
    let ten = _mm512_set1_epi8(10);
    let comma = _mm512_set1_epi8(b','.cast_signed());
    let mut previous = _mm512_setzero_si512();
    let (mut previous_digits, mut previous_starts) = (0_u64, 0_u64);
    let mut at = 0;
    while let Some(block) = bytes.get(at..).and_then(<[u8]>::first_chunk::<BLOCK>) {
        // A block ends at most 32 numbers, and groups of sixteen are stored whole.
        let Some(room) = out
            .get_mut(done.written..)
            .and_then(<[u32]>::first_chunk_mut::<32>)
        else {
            return done;
        };
        // SAFETY: the caller promised the instructions.
        let current = unsafe { load(block) };
        let others = _mm512_cmpgt_epu8_mask(current, comma);
        let current = _mm512_sub_epi8(current, zero);
        let digits = _mm512_cmplt_epu8_mask(current, ten);
        if others & !digits != 0 {
            // A bracket ends the section, anything else is odd: byte by byte from here.
            let rest = &bytes[done.consumed..at + BLOCK];
            if !scan_bytes(rest, out, &mut done) {
                return done;
            }
            (previous, previous_digits, previous_starts) =
                (current, digits, digits & !(digits << 1));
            at += BLOCK;
            continue;
        }
        let carried = previous_digits >> 63;
        let before = digits << 1 | carried;
        let (starts, ends) = (digits & !before, !digits & before);
        let ends_at = _mm512_maskz_compress_epi8(ends, positions);
        // A number carried in started in the block before; its start goes in front of the others.
        let starts_at = _mm512_maskz_compress_epi8(starts, positions);
        let carried_at = 63_u32.wrapping_sub(previous_starts.leading_zeros()) as i8;
        let starts_at =
            _mm512_mask_expand_epi8(_mm512_set1_epi8(carried_at), u64::MAX << carried, starts_at);
        let count = ends.count_ones() as usize;
        for (sixteen, spreads) in room
            .chunks_exact_mut(16)
            .zip(&SPREAD)
            .take(count.div_ceil(16))
        {
            let [first, second] = spreads.each_ref().map(|spread| {
                // SAFETY: the caller promised the instructions.
                let spread = unsafe { load(spread) };
                let index = _mm512_add_epi8(_mm512_permutexvar_epi8(spread, ends_at), offsets);
                let own = _mm512_cmpge_epu8_mask(index, _mm512_permutexvar_epi8(spread, starts_at));
                let lanes = _mm512_maskz_permutex2var_epi8(own, previous, index, current);
                // d0 d1 … d7 → 10 d0 + d1, … → 100 (…) + …, …: two halves of four digits.
                let pairs = _mm512_maddubs_epi16(lanes, _mm512_set1_epi16(10 + (1 << 8)));
                _mm512_madd_epi16(pairs, _mm512_set1_epi32(100 + (1 << 16)))
            });
            let halves = _mm512_packus_epi32(first, second);
            let values = _mm512_madd_epi16(halves, _mm512_set1_epi32(10_000 + (1 << 16)));
            // SAFETY: `sixteen` holds the sixteen numbers that an unaligned store writes.
            unsafe { _mm512_storeu_si512(sixteen.as_mut_ptr().cast::<__m512i>(), values) };
        }
        let long = ends & longer_than_eight(digits, previous_digits);
        if long != 0 {
            recompute(bytes, at, ends, long, out, &mut done);
        }
        if ends != 0 {
            done.written += count;
            done.consumed = at + 64 - ends.leading_zeros() as usize;
        }
        (previous, previous_digits, previous_starts) = (current, digits, starts);
        at += BLOCK;
    }
    scan_bytes(&bytes[done.consumed..], out, &mut done);
    done
}
