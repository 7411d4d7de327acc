//! The integer scanner: turns the text of `nodes` and `edges` into numbers at memory speed.
//!
//! This module tree is the crate's only unsafe code: vector instructions chosen at run time. Three
//! paths give the same answer ([`Path::Portable`], [`Path::Avx2`], [`Path::Avx512`]); the tests
//! force each of them over the same texts.
//!
//! What counts as a number is DevTools' rule: every maximal run of digits, whatever stands between
//! the runs, up to the first `]`. Values are kept modulo 2^32, as a `Uint32Array` keeps them. Bytes
//! that sort after the comma and are neither digits nor the bracket (a minus, a point, an exponent)
//! separate like any other, but the first of them is reported.
//!
//! ```
//! use heapsnapshot::scanner::{OUT_MIN, Path, scan};
//!
//! let mut numbers = [0; OUT_MIN];
//! let done = scan(Path::detect(), b"9,0,1\n,-3,42],", &mut numbers);
//! assert_eq!(numbers[..done.written], [9, 0, 1, 3, 42]);
//! assert!(done.closed);
//! assert_eq!((done.consumed, done.odd), (13, Some(7)));
//! ```

#![allow(
    unsafe_code,
    reason = "vector intrinsics; measured 3 to 6 times faster than the safe path"
)]

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod kernel;
mod portable;
#[cfg(test)]
mod tests;

pub(crate) use kernel::{Kernel, run};

/// Which instructions scan the numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Path {
    /// Plain 64-bit arithmetic: eight digits at a time in one word.
    #[default]
    Portable,
    /// AVX2 finds the digits, 64-bit words add them up.
    Avx2,
    /// AVX-512 with VBMI2: eight numbers at a time in one register.
    Avx512,
}

impl Path {
    /// The fastest path this processor has.
    #[must_use]
    pub fn detect() -> Path {
        *Path::available()
            .last()
            .expect("the portable path always exists")
    }

    /// Every path this processor can run, slowest first.
    #[must_use]
    pub fn available() -> Vec<Path> {
        let mut paths = vec![Path::Portable];
        #[cfg(target_arch = "x86_64")]
        {
            if avx2::is_available() {
                paths.push(Path::Avx2);
            }
            if avx512::is_available() {
                paths.push(Path::Avx512);
            }
        }
        paths
    }
}

/// What one call of [`scan`] did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scanned {
    /// Bytes used up: everything up to and including the separator after the last number written.
    pub consumed: usize,
    /// Numbers written.
    pub written: usize,
    /// The closing bracket was met; it is the last byte consumed.
    pub closed: bool,
    /// Offset of the first byte that should not stand between numbers.
    pub odd: Option<usize>,
    /// Offset of the first number of 2^32 or more.
    pub wrapped: Option<usize>,
}

/// How much room `out` must have, so that a call always makes progress.
pub const OUT_MIN: usize = 128;

/// Scans `bytes` into `out` until the closing bracket, the end of the bytes, or a full `out`.
///
/// A number counts only when the byte after it has been seen: digits at the very end stay
/// unconsumed. `out` must hold at least [`OUT_MIN`] numbers.
///
/// # Panics
/// If `out` is smaller than [`OUT_MIN`].
pub fn scan(path: Path, bytes: &[u8], out: &mut [u32]) -> Scanned {
    assert!(out.len() >= OUT_MIN, "room for {OUT_MIN} numbers");
    match path {
        #[cfg(target_arch = "x86_64")]
        Path::Avx2 if avx2::is_available() => {
            // SAFETY: the processor has the instructions, as just asked.
            unsafe { avx2::scan(bytes, out) }
        }
        #[cfg(target_arch = "x86_64")]
        Path::Avx512 if avx512::is_available() => {
            // SAFETY: the processor has the instructions, as just asked.
            unsafe { avx512::scan(bytes, out) }
        }
        _ => portable::scan(bytes, out),
    }
}
