//! Scanning with AVX2: 32 bytes per comparison make the masks, words make the numbers.

use std::arch::x86_64::{
    __m256i, _mm256_cmpeq_epi8, _mm256_loadu_si256, _mm256_max_epu8, _mm256_min_epu8,
    _mm256_movemask_epi8, _mm256_set1_epi8,
};

use super::Scanned;
use super::portable::{BLOCK, Masks, scan_blocks};

/// Whether this processor has the instructions.
pub(super) fn is_available() -> bool {
    is_x86_feature_detected!("avx2") && is_x86_feature_detected!("bmi1")
}

/// Scans as [`super::scan`] says.
///
/// # Safety
/// The processor must have AVX2 and BMI1.
#[target_feature(enable = "avx2,bmi1")]
pub(super) unsafe fn scan(bytes: &[u8], out: &mut [u32]) -> Scanned {
    scan_blocks(bytes, out, |block| {
        // SAFETY: this function's caller promised AVX2.
        unsafe { masks(block) }
    })
}

/// # Safety
/// The processor must have AVX2.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn masks(block: &[u8; BLOCK]) -> Masks {
    let (mut digits, mut others) = (0, 0);
    let zero = _mm256_set1_epi8(b'0'.cast_signed());
    let nine = _mm256_set1_epi8(b'9'.cast_signed());
    let past_comma = _mm256_set1_epi8((b',' + 1).cast_signed());
    for (i, half) in block.chunks_exact(32).enumerate() {
        // SAFETY: `half` holds the 32 bytes that an unaligned load reads.
        let bytes = unsafe { _mm256_loadu_si256(half.as_ptr().cast::<__m256i>()) };
        let clamped = _mm256_min_epu8(_mm256_max_epu8(bytes, zero), nine);
        let digit = _mm256_movemask_epi8(_mm256_cmpeq_epi8(clamped, bytes)).cast_unsigned();
        let at_least = _mm256_cmpeq_epi8(_mm256_max_epu8(bytes, past_comma), bytes);
        let other = _mm256_movemask_epi8(at_least).cast_unsigned() & !digit;
        digits |= u64::from(digit) << (32 * i);
        others |= u64::from(other) << (32 * i);
    }
    Masks { digits, others }
}
