//! A system that refuses memory when a test asks it to (feature `testing`).
//!
//! The cage asks the system for address ranges and for access to groups of pages. Each such request of a
//! thread is counted, and those in a given range of numbers are refused, as `RLIMIT_DATA`, `ulimit -v` or strict
//! overcommit would do. A test loops over the numbers until a run has no request left to refuse. Requests of
//! Rust's own allocator are not among them: their failure ends the process.

#[cfg(feature = "testing")]
mod counted {
    use std::cell::{Cell, RefCell};
    use std::ops::Range;

    thread_local! {
        static REQUESTS: Cell<u64> = const { Cell::new(0) };
        static REFUSED: RefCell<Range<u64>> = const { RefCell::new(0..0) };
    }

    /// From now on, refuses the requests for memory of this thread with these numbers; the next one is number 0.
    pub fn refuse(numbers: Range<u64>) {
        REQUESTS.set(0);
        REFUSED.replace(numbers);
    }

    /// Requests for memory since [`refuse`], the refused ones included.
    pub fn requests() -> u64 {
        REQUESTS.get()
    }

    /// Counts a request; whether it is to be refused.
    pub(crate) fn is_refused() -> bool {
        let number = REQUESTS.get();
        REQUESTS.set(number + 1);
        REFUSED.with_borrow(|refused| refused.contains(&number))
    }
}

#[cfg(feature = "testing")]
pub(crate) use counted::is_refused;
#[cfg(feature = "testing")]
pub use counted::{refuse, requests};

/// Without the feature no request is refused by us.
#[cfg(not(feature = "testing"))]
pub(crate) const fn is_refused() -> bool {
    false
}
