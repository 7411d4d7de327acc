//! Memory made ready before it is needed, by a thread of its own.
//!
//! The first touch of committed memory makes the system find, zero and map it. For a group that is one fault, but a
//! long one: a scavenge that promotes into fresh groups would wait for it inside its pause, and longest in a virtual
//! machine whose host has to find the memory first. So groups that the next scavenge may need are committed when the
//! last one ends, and touched while the program runs on.
//!
//! The thread sees addresses only and changes no content: it asks the system to map the range as if it had been
//! written (`MADV_POPULATE_WRITE`, Linux 5.14). Where the system cannot, the first touch happens where it always did.
//! No decision depends on how far the thread has come. It is started when a heap first needs it and ends with the
//! heap, and before that nobody else can get the addresses.

use crate::cage::{GROUP_BYTES, populate};
use crate::system::{do_not_preempt_others, thread_cpu_ns};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

/// The thread and what it shares with its heap.
#[derive(Default)]
pub(crate) struct Populator {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    orders: Mutex<Orders>,
    wake: Condvar,
    /// Processor time of the thread that no pause has reported yet, in ns.
    spent_ns: AtomicU64,
}

#[derive(Default)]
struct Orders {
    /// Addresses of groups, in the order in which they will be needed.
    groups: VecDeque<usize>,
    /// A pause is in progress: nothing new is begun. What it needs it touches itself; both at once would have the
    /// system zero the same memory twice, and on a shared core the pause would wait for its turn.
    held: bool,
    closed: bool,
}

impl Populator {
    /// Has the group at `start` made ready. If no thread can be had, nothing happens.
    pub(crate) fn order(&mut self, start: usize) {
        if self.thread.is_none() {
            let shared = Arc::clone(&self.shared);
            self.thread = std::thread::Builder::new()
                .name("heaplab-populate".to_owned())
                .stack_size(64 * 1024)
                .spawn(move || shared.work())
                .ok();
        }
        if self.thread.is_some() {
            self.shared.lock().groups.push_back(start);
            self.shared.wake.notify_one();
        }
    }

    /// From now on nothing new is begun, or again.
    pub(crate) fn hold(&self, held: bool) {
        if self.thread.is_some() {
            let mut orders = self.shared.lock();
            orders.held = held;
            if !held && !orders.groups.is_empty() {
                self.shared.wake.notify_one();
            }
        }
    }

    /// Processor time of the thread since the last call, in ns.
    pub(crate) fn take_spent_ns(&self) -> u64 {
        self.shared.spent_ns.swap(0, Ordering::Relaxed)
    }
}

impl Drop for Populator {
    fn drop(&mut self) {
        {
            let mut orders = self.shared.lock();
            orders.groups.clear();
            orders.closed = true;
        }
        self.shared.wake.notify_one();
        if let Some(thread) = self.thread.take() {
            // It cannot have panicked in a way that matters: it holds nothing.
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Orders> {
        self.orders.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work(&self) {
        do_not_preempt_others();
        let mut reported = thread_cpu_ns();
        while let Some(start) = self.next() {
            // If it is refused for this range, or unknown to this system, the first touch does it.
            populate(start, GROUP_BYTES);
            let now = thread_cpu_ns();
            self.spent_ns
                .fetch_add(now.saturating_sub(reported), Ordering::Relaxed);
            reported = now;
            // On a shared core the program shall not wait for more than one group at a time.
            std::thread::yield_now();
        }
    }

    /// Waits for the next order; `None` when the heap is gone.
    fn next(&self) -> Option<usize> {
        let mut orders = self.lock();
        loop {
            if orders.closed {
                return None;
            }
            if !orders.held
                && let Some(start) = orders.groups.pop_front()
            {
                return Some(start);
            }
            orders = self
                .wake
                .wait(orders)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::cage::{Cage, GROUP_BYTES, populate};

    #[test]
    fn prepared_groups_keep_what_is_written_to_them_meanwhile() {
        let mut cage = Cage::reserve(16 * GROUP_BYTES).expect("reserve");
        cage.prepare(GROUP_BYTES, 15 * GROUP_BYTES).expect("commit");
        assert_eq!(cage.committed_bytes(), 15 * GROUP_BYTES);
        for group in 1..16 {
            cage.at(group * GROUP_BYTES).store_u64(group as u64);
        }
        for group in 1..16 {
            assert_eq!(cage.at(group * GROUP_BYTES).load_u64(), group as u64);
            assert_eq!(cage.at(group * GROUP_BYTES + 8).load_u64(), 0);
        }
    }

    #[test]
    fn a_cage_may_go_while_orders_are_waiting() {
        for _ in 0..8 {
            let mut cage = Cage::reserve(16 * GROUP_BYTES).expect("reserve");
            cage.prepare(0, 16 * GROUP_BYTES).expect("commit");
            cage.decommit(4 * GROUP_BYTES, GROUP_BYTES);
        }
    }

    #[test]
    fn orders_are_carried_out_where_the_system_can() {
        let mut cage = Cage::reserve(4 * GROUP_BYTES).expect("reserve");
        cage.commit(0, GROUP_BYTES).expect("commit");
        if !populate(cage.base().0, GROUP_BYTES) {
            return;
        }
        cage.prepare(GROUP_BYTES, GROUP_BYTES).expect("commit");
        while cage.take_populating_ns() == 0 {
            std::thread::yield_now();
        }
    }

    #[test]
    fn nothing_is_populated_that_may_not_be_written() {
        let cage = Cage::reserve(4 * GROUP_BYTES).expect("reserve");
        assert!(!populate(cage.base().0, GROUP_BYTES));
    }
}
