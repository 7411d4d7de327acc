//! Plain loops, compiled for the instructions that a path has.
//!
//! The compiler vectorises a loop for the instructions it may use. A [`Kernel`]'s code is inlined into one function per
//! path, each of which may use what its path has.

use super::Path;
#[cfg(target_arch = "x86_64")]
use super::{avx2, avx512};

/// Loops over arrays. All of it must be `#[inline(always)]`: code that is called and not inlined is compiled for the least
/// processor.
pub(crate) trait Kernel<Output = ()> {
    /// Does the work.
    fn run(self) -> Output;
}

/// Runs a kernel with the instructions of `path`, if the processor has them.
pub(crate) fn run<Output, K: Kernel<Output>>(path: Path, kernel: K) -> Output {
    match path {
        #[cfg(target_arch = "x86_64")]
        Path::Avx2 if avx2::is_available() => {
            // SAFETY: the processor has the instructions, as just asked.
            unsafe { with_avx2(kernel) }
        }
        #[cfg(target_arch = "x86_64")]
        Path::Avx512 if avx512::is_available() => {
            // SAFETY: the processor has the instructions, as just asked.
            unsafe { with_avx512(kernel) }
        }
        _ => kernel.run(),
    }
}

/// # Safety
/// The processor must have AVX2.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
unsafe fn with_avx2<Output, K: Kernel<Output>>(kernel: K) -> Output {
    kernel.run()
}

/// # Safety
/// The processor must have AVX-512F and BW.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw")]
unsafe fn with_avx512<Output, K: Kernel<Output>>(kernel: K) -> Output {
    kernel.run()
}
