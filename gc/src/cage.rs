//! The cage: the one address range that a heap reserves, and every raw access to it.
//!
//! ```text
//!  guard │ permanent │ semi-space A │ semi-space B │ old and large pages …          │ guard
//!        ▲ base      (one group)     (each as large as the largest semi-space)
//! ```
//!
//! The range is reserved without access rights and committed in *groups* of 2 MiB, so that the system can
//! back each group with one huge page (4 KiB pages cost a fault each when first touched). Physical memory is
//! returned in whole groups only: giving back part of one would split the huge page and free nothing.
//!
//! A reference is a 31-bit granule number, so it cannot name an address outside 16 GiB from the base.

use crate::populate::Populator;
use crate::refusal::is_refused;
use crate::seeded::{self, Bug};
use crate::system::huge_pages_on_request;
use crate::value::{GRANULE, Value};
use std::io;
use std::ptr::copy_nonoverlapping;

/// Bytes per group: one huge page, the unit of committing and returning memory.
pub(crate) const GROUP_BYTES: usize = if cfg!(heaplab_tiny) {
    64 * 1024
} else {
    2 * 1024 * 1024
};
/// Largest range that 31-bit granule numbers reach.
pub(crate) const MAX_CAGE_BYTES: usize = 16 << 30;
/// Inaccessible bytes on either side.
const GUARD_BYTES: usize = 2 * 1024 * 1024;

/// An address inside a live cage or one of its side tables.
///
/// Made only from a cage's base and a checked offset, or from another `Addr` of the same object; the heap
/// never hands one out. So the accessors are safe functions inside the crate: a reference read from a
/// well-formed slot always lies in the committed part of its cage.
#[derive(Copy, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
#[repr(transparent)]
pub(crate) struct Addr(pub(crate) usize);

impl Addr {
    #[inline(always)]
    pub(crate) fn add(self, bytes: usize) -> Addr {
        Addr(self.0.wrapping_add(bytes))
    }

    #[inline(always)]
    pub(crate) fn load_u32(self) -> u32 {
        // SAFETY: an `Addr` lies in a committed range of the cage (type invariant), and slots are 4-byte aligned.
        unsafe { (self.0 as *const u32).read() }
    }

    #[inline(always)]
    pub(crate) fn store_u32(self, v: u32) {
        // SAFETY: as for `load_u32`; the heap belongs to one thread, and no Rust reference to cage memory is
        // live while the heap writes (bytes and texts are lent for the borrow of a scope only).
        unsafe { (self.0 as *mut u32).write(v) }
    }

    #[inline(always)]
    pub(crate) fn load_u64(self) -> u64 {
        // SAFETY: as for `load_u32`; headers and wide words are 8-byte aligned.
        unsafe { (self.0 as *const u64).read() }
    }

    #[inline(always)]
    pub(crate) fn store_u64(self, v: u64) {
        // SAFETY: as for `store_u32`, 8-byte aligned.
        unsafe { (self.0 as *mut u64).write(v) }
    }

    /// Stores two words with one store, where the processor has one that is no slower.
    #[inline(always)]
    pub(crate) fn store_u64_pair(self, low: u64, high: u64) {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: as for `store_u64`, for both words; SSE2 is part of x86-64, and the store need not be aligned.
        unsafe {
            use std::arch::x86_64::{_mm_set_epi64x, _mm_storeu_si128};
            _mm_storeu_si128(self.0 as *mut _, _mm_set_epi64x(high as i64, low as i64));
        }
        #[cfg(not(target_arch = "x86_64"))]
        {
            self.store_u64(low);
            self.add(8).store_u64(high);
        }
    }

    #[inline(always)]
    pub(crate) fn value(self) -> Value {
        Value(self.load_u32())
    }

    /// Asks the processor to fetch the line at this address.
    #[inline(always)]
    pub(crate) fn prefetch(self) {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: prefetching has no effect on memory and never faults, whatever the address.
        unsafe {
            use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
            _mm_prefetch::<_MM_HINT_T0>(self.0 as *const i8);
        }
        #[cfg(target_arch = "aarch64")]
        // SAFETY: as above; `prfm` is a hint.
        unsafe {
            std::arch::asm!("prfm pldl1keep, [{0}]", in(reg) self.0, options(nostack, preserves_flags, readonly));
        }
    }

    /// Copies `bytes` (a multiple of 8, at least 8) to `to`; the ranges do not overlap.
    #[inline(always)]
    pub(crate) fn copy_to(self, to: Addr, bytes: usize) {
        let (src, dst) = (self.0 as *const u8, to.0 as *mut u8);
        // SAFETY: both ranges lie in committed cage memory and do not overlap: the target is fresh space. The
        // fixed-size copies below read and write inside `bytes` only: the second of each pair ends at its end.
        unsafe {
            if bytes <= 32 {
                if bytes >= 16 {
                    copy_nonoverlapping(src, dst, 16);
                    copy_nonoverlapping(src.add(bytes - 16), dst.add(bytes - 16), 16);
                } else {
                    copy_nonoverlapping(src, dst, 8);
                }
            } else if bytes <= 64 {
                copy_nonoverlapping(src, dst, 32);
                copy_nonoverlapping(src.add(bytes - 32), dst.add(bytes - 32), 32);
            } else {
                let short = 8 * usize::from(seeded::active(Bug::CopyTooShort));
                copy_nonoverlapping(src, dst, bytes - short);
            }
        }
    }

    /// Fills `bytes` (a multiple of 8) with copies of `word`.
    #[inline(always)]
    pub(crate) fn fill_u64(self, bytes: usize, word: u64) {
        let mut at = self;
        let end = self.add(bytes);
        while at < end {
            at.store_u64(word);
            at = at.add(8);
        }
    }

    /// Tells AddressSanitizer, where it is at work, that nothing may read or write these bytes until
    /// [`Addr::permit`]: dead memory, which is mapped but holds no object.
    #[inline(always)]
    pub(crate) fn forbid(self, bytes: usize) {
        #[cfg(heaplab_asan)]
        // SAFETY: the range is mapped memory of the cage; the call changes the sanitizer's notes only.
        unsafe {
            __asan_poison_memory_region(self.0 as *const libc::c_void, bytes);
        }
        let _ = bytes;
    }

    /// Takes [`Addr::forbid`] back: the bytes are about to be used.
    #[inline(always)]
    pub(crate) fn permit(self, bytes: usize) {
        #[cfg(heaplab_asan)]
        // SAFETY: as for `forbid`.
        unsafe {
            __asan_unpoison_memory_region(self.0 as *const libc::c_void, bytes);
        }
        let _ = bytes;
    }

    /// The bytes here, for as long as the caller's borrow of the heap lasts.
    #[inline(always)]
    pub(crate) fn bytes<'a>(self, len: usize) -> &'a [u8] {
        // SAFETY: the range lies inside one object; callers tie `'a` to a borrow of the heap during which no
        // collection and no write to raw bytes can happen (`Scope` lends bytes for `&Scope` only).
        unsafe { std::slice::from_raw_parts(self.0 as *const u8, len) }
    }

    /// The bytes here, for writing, for as long as the caller's exclusive borrow of the heap lasts.
    #[inline(always)]
    pub(crate) fn bytes_mut<'a>(self, len: usize) -> &'a mut [u8] {
        // SAFETY: as for `bytes`; callers tie `'a` to an exclusive borrow of the heap.
        unsafe { std::slice::from_raw_parts_mut(self.0 as *mut u8, len) }
    }
}

impl std::fmt::Debug for Addr {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:#x}", self.0)
    }
}

// Interface of AddressSanitizer (compiler-rt, `sanitizer/asan_interface.h`), for builds with `--cfg heaplab_asan`.
#[cfg(heaplab_asan)]
unsafe extern "C" {
    fn __asan_poison_memory_region(start: *const libc::c_void, bytes: usize);
    fn __asan_unpoison_memory_region(start: *const libc::c_void, bytes: usize);
}

/// A reserved range of addresses, unmapped on drop.
struct Reservation {
    start: usize,
    len: usize,
}

impl Reservation {
    fn new(len: usize, protection: libc::c_int) -> io::Result<Reservation> {
        if is_refused() {
            return Err(io::Error::from_raw_os_error(libc::ENOMEM));
        }
        #[cfg(target_os = "linux")]
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
        #[cfg(not(target_os = "linux"))]
        let flags = libc::MAP_PRIVATE | libc::MAP_ANON;
        // SAFETY: an anonymous mapping at an address of the system's choice touches no existing memory.
        let start = unsafe { libc::mmap(std::ptr::null_mut(), len, protection, flags, -1, 0) };
        if start == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        Ok(Reservation {
            start: start as usize,
            len,
        })
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        // SAFETY: the range was mapped by `new`, is owned by this value alone, and every address into it
        // belongs to the heap that is being dropped.
        unsafe { libc::munmap(self.start as *mut libc::c_void, self.len) };
    }
}

/// A zeroed table beside the cage whose pages the system provides when they are first touched.
pub(crate) struct SideTable {
    memory: Reservation,
}

impl SideTable {
    pub(crate) fn new(bytes: usize) -> io::Result<SideTable> {
        Ok(SideTable {
            memory: Reservation::new(bytes.max(4096), libc::PROT_READ | libc::PROT_WRITE)?,
        })
    }

    #[inline(always)]
    pub(crate) fn base(&self) -> Addr {
        Addr(self.memory.start)
    }

    /// Bytes reserved.
    pub(crate) fn len(&self) -> usize {
        self.memory.len
    }
}

/// Why a cage could not be had.
#[derive(Debug)]
pub(crate) struct CageRefused {
    pub(crate) needed: usize,
    pub(crate) smallest_tried: usize,
    pub(crate) cause: io::Error,
}

/// The reserved range of one heap with its side tables.
pub(crate) struct Cage {
    /// Address of granule 0.
    base: Addr,
    /// `base - 16 GiB`, so that the address of a reference is `bias + 8 * value`, tag included.
    bias: usize,
    bytes: usize,
    /// One bit per granule, at an object's start (D4, D11).
    pub(crate) mark_bits: SideTable,
    /// One bit per 4-byte slot: the remembered set.
    pub(crate) slot_bits: SideTable,
    /// Where the slot bits of address 0 would be: the word of a slot is found by one shift.
    slot_bits_bias: usize,
    /// The marker's stack.
    pub(crate) mark_stack: SideTable,
    committed_groups: Vec<bool>,
    committed_bytes: usize,
    huge_pages: bool,
    /// Touches groups ahead of need. It ends before the range is given up: fields are dropped in this order.
    populator: Populator,
    _range: Reservation,
}

impl Cage {
    /// Reserves a cage of at least `needed` bytes (a multiple of the group size); tries the largest first.
    pub(crate) fn reserve(needed: usize) -> Result<Cage, CageRefused> {
        let largest = if cfg!(heaplab_tiny) {
            needed.max(1 << 30)
        } else {
            MAX_CAGE_BYTES
        };
        let mut bytes = largest.max(needed);
        loop {
            match Cage::reserve_exactly(bytes) {
                Ok(cage) => return Ok(cage),
                Err(cause) if bytes <= needed => {
                    return Err(CageRefused {
                        needed,
                        smallest_tried: bytes,
                        cause,
                    });
                }
                Err(_) => bytes = (bytes / 2).max(needed),
            }
        }
    }

    fn reserve_exactly(bytes: usize) -> io::Result<Cage> {
        // One group more than asked, so that the base can be aligned to a huge page.
        let range = Reservation::new(bytes + 2 * GUARD_BYTES + GROUP_BYTES, libc::PROT_NONE)?;
        let base = (range.start + GUARD_BYTES).next_multiple_of(GROUP_BYTES.max(4096));
        let granules = bytes / GRANULE;
        let slot_bits = SideTable::new(bytes / 4 / 8)?;
        Ok(Cage {
            base: Addr(base),
            bias: base.wrapping_sub(MAX_CAGE_BYTES),
            bytes,
            mark_bits: SideTable::new(granules / 8)?,
            // The base is a multiple of 256, so the bits of a word's 64 slots are theirs alone.
            slot_bits_bias: slot_bits.base().0.wrapping_sub(base / 32),
            slot_bits,
            mark_stack: SideTable::new(bytes / 64)?,
            committed_groups: vec![false; bytes / GROUP_BYTES],
            committed_bytes: 0,
            huge_pages: huge_pages_on_request(),
            populator: Populator::default(),
            _range: range,
        })
    }

    #[inline(always)]
    pub(crate) fn base(&self) -> Addr {
        self.base
    }

    /// Bytes reserved between the guards.
    pub(crate) fn len(&self) -> usize {
        self.bytes
    }

    pub(crate) fn committed_bytes(&self) -> usize {
        self.committed_bytes
    }

    /// Whether committed groups are backed by huge pages.
    pub(crate) fn huge_pages(&self) -> bool {
        self.huge_pages
    }

    /// The address of the object that `v` refers to.
    #[inline(always)]
    pub(crate) fn addr(&self, v: Value) -> Addr {
        debug_assert!(v.is_ref());
        Addr(self.bias.wrapping_add(GRANULE * v.0 as usize))
    }

    /// The reference to the object at `addr`.
    #[inline(always)]
    pub(crate) fn value(&self, addr: Addr) -> Value {
        Value((addr.0.wrapping_sub(self.bias) / GRANULE) as u32)
    }

    /// Bytes from the base to `addr`.
    #[inline(always)]
    pub(crate) fn offset(&self, addr: Addr) -> usize {
        addr.0.wrapping_sub(self.base.0)
    }

    /// The remembered set's bit of the slot at `slot`: the address of its word and the number of the bit,
    /// modulo 64, in it.
    #[inline(always)]
    pub(crate) fn slot_bit(&self, slot: Addr) -> (Addr, u32) {
        let word = Addr(self.slot_bits_bias.wrapping_add(slot.0 / 256 * 8));
        (word, (slot.0 / 4) as u32)
    }

    /// The address `offset` bytes from the base.
    #[inline(always)]
    pub(crate) fn at(&self, offset: usize) -> Addr {
        debug_assert!(offset <= self.bytes);
        self.base.add(offset)
    }

    /// Makes the groups that cover `offset..offset + bytes` readable and writable.
    ///
    /// # Errors
    /// The system's, when it refuses (strict overcommit, `RLIMIT_DATA`).
    pub(crate) fn commit(&mut self, offset: usize, bytes: usize) -> io::Result<()> {
        for group in groups(offset, bytes) {
            if self.committed_groups[group] {
                continue;
            }
            if is_refused() {
                return Err(io::Error::from_raw_os_error(libc::ENOMEM));
            }
            let start = self.base.0 + group * GROUP_BYTES;
            // SAFETY: the group lies in the range that this cage reserved; giving access to it changes no
            // memory that anything else uses.
            let refused = unsafe {
                libc::mprotect(
                    start as *mut libc::c_void,
                    GROUP_BYTES,
                    libc::PROT_READ | libc::PROT_WRITE,
                )
            } != 0;
            if refused {
                return Err(io::Error::last_os_error());
            }
            #[cfg(target_os = "linux")]
            if self.huge_pages {
                // SAFETY: advice on a range of our own; it changes no content.
                unsafe {
                    libc::madvise(start as *mut libc::c_void, GROUP_BYTES, libc::MADV_HUGEPAGE)
                };
            }
            self.committed_groups[group] = true;
            self.committed_bytes += GROUP_BYTES;
        }
        Ok(())
    }

    /// Commits the groups that cover the range, and has those that were not committed made ready while the program
    /// runs on: their first touch will not be waited for.
    ///
    /// # Errors
    /// As for [`Cage::commit`].
    pub(crate) fn prepare(&mut self, offset: usize, bytes: usize) -> io::Result<()> {
        for group in groups(offset, bytes) {
            if !self.committed_groups[group] {
                self.commit(group * GROUP_BYTES, GROUP_BYTES)?;
                self.populator.order(self.base.0 + group * GROUP_BYTES);
            }
        }
        Ok(())
    }

    /// Whether making groups ready has to wait, for as long as a pause lasts.
    pub(crate) fn hold_populating(&self, held: bool) {
        self.populator.hold(held);
    }

    /// Processor time spent making groups ready since the last call, in ns.
    pub(crate) fn take_populating_ns(&self) -> u64 {
        self.populator.take_spent_ns()
    }

    /// Returns the physical memory of the groups that cover the range, and forbids access to them.
    pub(crate) fn decommit(&mut self, offset: usize, bytes: usize) {
        for group in groups(offset, bytes) {
            if !self.committed_groups[group] {
                continue;
            }
            let start = self.base.0 + group * GROUP_BYTES;
            Addr(start).permit(GROUP_BYTES);
            // SAFETY: the group is ours and holds no object any more.
            unsafe { libc::mprotect(start as *mut libc::c_void, GROUP_BYTES, libc::PROT_NONE) };
            // After access has been taken away, so that a group is not populated anew behind our back.
            discard(start, GROUP_BYTES);
            self.committed_groups[group] = false;
            self.committed_bytes -= GROUP_BYTES;
        }
    }

    pub(crate) fn is_committed(&self, offset: usize) -> bool {
        self.committed_groups[offset / GROUP_BYTES]
    }
}

/// The range may belong to anybody after us.
#[cfg(heaplab_asan)]
impl Drop for Cage {
    fn drop(&mut self) {
        for group in 0..self.committed_groups.len() {
            if self.committed_groups[group] {
                self.at(group * GROUP_BYTES).permit(GROUP_BYTES);
            }
        }
    }
}

fn groups(offset: usize, bytes: usize) -> std::ops::Range<usize> {
    offset / GROUP_BYTES..(offset + bytes).div_ceil(GROUP_BYTES)
}

/// Maps the pages of a range as if each had been written, without a change of content; whether the system did.
pub(crate) fn populate(start: usize, bytes: usize) -> bool {
    #[cfg(target_os = "linux")]
    // SAFETY: it changes no content and fails for a range that is not mapped or not writable, whoever owns it.
    unsafe {
        libc::madvise(start as *mut libc::c_void, bytes, libc::MADV_POPULATE_WRITE) == 0
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = (start, bytes);
        false
    }
}

/// Gives the physical pages of a range of ours back; it reads as zero afterwards (Linux) or has unspecified
/// content (elsewhere, where callers clear it).
fn discard(start: usize, bytes: usize) {
    #[cfg(target_os = "linux")]
    // SAFETY: the range is page-aligned, mapped by us, and holds nothing that is used afterwards.
    unsafe {
        libc::madvise(start as *mut libc::c_void, bytes, libc::MADV_DONTNEED);
    }
    #[cfg(not(target_os = "linux"))]
    // SAFETY: as above; a fresh private mapping over our own range drops the old pages and reads as zero.
    unsafe {
        libc::mmap(
            start as *mut libc::c_void,
            bytes,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_PRIVATE | libc::MAP_ANON | libc::MAP_FIXED,
            -1,
            0,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_and_addresses_convert_both_ways() {
        let mut cage = Cage::reserve(4 * GROUP_BYTES).expect("reserve");
        let offset = 3 * GROUP_BYTES + 24;
        cage.commit(offset, 8).expect("commit");
        let addr = cage.at(offset);
        let v = cage.value(addr);
        assert!(v.is_ref());
        assert_eq!(v.granule(), offset / GRANULE);
        assert_eq!(cage.addr(v), addr);
        addr.store_u64(7);
        assert_eq!(addr.load_u64(), 7);
    }

    #[test]
    fn decommitted_groups_read_as_zero_when_committed_again() {
        let mut cage = Cage::reserve(2 * GROUP_BYTES).expect("reserve");
        cage.commit(0, GROUP_BYTES).expect("commit");
        cage.at(0).store_u64(1);
        assert_eq!(cage.committed_bytes(), GROUP_BYTES);
        cage.decommit(0, GROUP_BYTES);
        assert_eq!(cage.committed_bytes(), 0);
        cage.commit(0, GROUP_BYTES).expect("commit");
        assert_eq!(cage.at(0).load_u64(), 0);
    }

    #[test]
    fn copies_of_every_small_size_are_exact() {
        let mut cage = Cage::reserve(GROUP_BYTES).expect("reserve");
        cage.commit(0, 4096).expect("commit");
        for bytes in (8..=136).step_by(8) {
            for i in 0..40 {
                cage.at(i * 8).store_u64(i as u64 + 1);
                cage.at(1024 + i * 8).store_u64(0);
            }
            cage.at(0).copy_to(cage.at(1024), bytes);
            for i in 0..40 {
                let expected = if i * 8 < bytes { i as u64 + 1 } else { 0 };
                assert_eq!(
                    cage.at(1024 + i * 8).load_u64(),
                    expected,
                    "size {bytes} word {i}"
                );
            }
        }
    }
}
