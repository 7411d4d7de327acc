//! Columns on huge pages, and prefetching.
//!
//! Reading a 250 MB snapshot touches 300 MB for the first time, 4 KiB at a time: a third of the
//! reading is spent in the kernel, and the graph walks that follow miss the address cache at nearly
//! every step. Asking for 2 MiB pages costs a few system calls per column. Smaller columns, which are
//! about to be filled, get all their pages at once, and so do a column's ends outside its huge pages:
//! in small files faults were half of the time.

#![allow(
    unsafe_code,
    reason = "advice to the system and the processor; graph walks a third faster"
)]

use std::cell::RefCell;
#[cfg(target_os = "linux")]
use std::ops::Range;

/// Columns smaller than a huge page cannot use one: their pages are had by one call.
#[cfg(target_os = "linux")]
const WORTHWHILE: usize = HUGE;
/// Size and alignment of a huge page.
#[cfg(target_os = "linux")]
const HUGE: usize = 2 << 20;
/// Below this a call is not worth it.
#[cfg(target_os = "linux")]
const SMALL: usize = 64 << 10;

/// An empty vector with room for `count` items.
pub(crate) fn with_capacity<T>(count: usize) -> Vec<T> {
    let mut items = Vec::new();
    items.reserve_exact(count);
    advise(&items);
    items
}

/// `count` copies of `value`.
pub(crate) fn filled<T: Clone>(count: usize, value: T) -> Vec<T> {
    let mut items = with_capacity(count);
    items.resize(count, value);
    items
}

/// How many columns wait for their next use.
const WAITING: usize = 6;

thread_local! {
    /// Columns of numbers that are not needed any more, for [`room`].
    static ROOM: RefCell<Vec<Vec<u32>>> = const { RefCell::new(Vec::new()) };
}

/// Keeps a column's room for the next one: memory that was used before is already there, and a new
/// page has to be cleared first.
pub(crate) fn recycle(items: Vec<u32>) {
    ROOM.with_borrow_mut(|room| {
        if room.len() < WAITING {
            room.push(items);
        }
    });
}

/// An empty column with room for `count` numbers, in that of another one if there is one.
pub(crate) fn room(count: usize) -> Vec<u32> {
    let found = ROOM.with_borrow_mut(|room| {
        let fits = |items: &Vec<u32>| (count..=count + count / 4).contains(&items.capacity());
        let at = room.iter().position(fits)?;
        Some(room.swap_remove(at))
    });
    match found {
        Some(mut items) => {
            items.clear();
            items
        }
        None => with_capacity(count),
    }
}

/// An empty column with room for at least `count` numbers, in that of the smallest one that has enough, however much more
/// it has: for what does not stay, or gives back what it does not need.
pub(crate) fn any_room(count: usize) -> Vec<u32> {
    let found = ROOM.with_borrow_mut(|room| {
        let enough = (0..room.len()).filter(|&at| room[at].capacity() >= count);
        let at = enough.min_by_key(|&at| room[at].capacity())?;
        Some(room.swap_remove(at))
    });
    let mut items = found.unwrap_or_else(|| with_capacity(count));
    items.clear();
    items
}

/// `count` copies of `value`, in the room of another column if there is one.
pub(crate) fn recycled(count: usize, value: u32) -> Vec<u32> {
    let mut items = room(count);
    items.resize(count, value);
    items
}

/// Gives back the room that waits, when nothing more will be derived from a snapshot.
pub(crate) fn release() {
    ROOM.with_borrow_mut(Vec::clear);
}

#[cfg(target_os = "linux")]
fn advise<T>(items: &Vec<T>) {
    const PAGE: usize = 4096;
    let bytes = items.capacity() * size_of::<T>();
    if bytes < SMALL {
        return;
    }
    let start = items.as_ptr().addr();
    let (first, end) = (start.next_multiple_of(PAGE), (start + bytes) / PAGE * PAGE);
    let give = |range: Range<usize>, advice| {
        let address = items.as_ptr().cast_mut().cast::<libc::c_void>();
        // SAFETY: the range is inside the vector's own allocation and whole pages; the advice
        // changes how the memory is backed, never what it holds, and failing is harmless.
        unsafe {
            let address = address.wrapping_byte_add(range.start - start);
            libc::madvise(address, range.len(), advice);
        }
    };
    if bytes < WORTHWHILE {
        give(first..end, libc::MADV_POPULATE_WRITE);
        return;
    }
    give(first..end, libc::MADV_HUGEPAGE);
    // What is left over before the first and after the last whole huge page.
    let (first_huge, end_huge) = (start.next_multiple_of(HUGE), (start + bytes) / HUGE * HUGE);
    give(first..first_huge.min(end), libc::MADV_POPULATE_WRITE);
    give(end_huge.max(first)..end, libc::MADV_POPULATE_WRITE);
}

#[cfg(not(target_os = "linux"))]
fn advise<T>(_items: &Vec<T>) {}

/// Asks the processor to fetch an item that will be needed soon; any index will do.
#[inline(always)]
pub(crate) fn prefetch<T>(items: &[T], index: usize) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: a prefetch reads nothing and never faults, whatever the address.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(items.as_ptr().wrapping_add(index).cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (items, index);
}
