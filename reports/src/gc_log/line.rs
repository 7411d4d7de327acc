//! A collection as Node 20 prints it.

use std::fmt;

use crate::record::{GcEvent, GcKind};

/// What stands in the brackets at the start of a line: `[pid:isolate-address]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GcLogPrefix {
    /// The process.
    pub pid: u32,
    /// Where the heap is, to tell several in one process apart.
    pub address: u64,
}

impl GcLogPrefix {
    /// The prefix of runs on the virtual clock, which must not depend on the process.
    pub const VIRTUAL: Self = Self { pid: 1, address: 0 };
}

/// A collection as a line of V8 11.3 (Node 20), without the line's end:
///
/// ```text
/// [4354:0x19ef2780]      446 ms: Mark-Compact 74.1 (95.1) -> 59.3 (94.4) MB, 9.47 / 0.01 ms  (+ 30.0 ms in 162 steps since start of marking, biggest step 6.7 ms, walltime since start of marking 107 ms) (average mu = 1.000, current mu = 1.000) finalize incremental marking via stack guard; GC in old space requested
/// ```
///
/// The time is that of the line's printing, after the pause. MB are 2^20 bytes. The second duration, time in
/// the embedder's callbacks, is always 0 here.
#[derive(Clone, Copy, Debug)]
pub struct Line<'a> {
    gc: &'a GcEvent,
    prefix: GcLogPrefix,
}

impl<'a> Line<'a> {
    /// The line of `gc`.
    pub fn new(gc: &'a GcEvent, prefix: GcLogPrefix) -> Self {
        Self { gc, prefix }
    }
}

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { gc, prefix } = self;
        let mb = |bytes: u64| bytes as f64 / f64::from(1 << 20);
        let ms = |ns: u64| ns as f64 / 1e6;
        write!(
            f,
            "[{}:{:#x}] {:8.0} ms: ",
            prefix.pid,
            prefix.address,
            gc.end_us() as f64 / 1e3
        )?;
        f.write_str(match gc.kind {
            GcKind::Minor => "Scavenge",
            GcKind::Major => "Mark-Compact",
        })?;
        if gc.reduce_memory {
            f.write_str(" (reduce)")?;
        }
        write!(
            f,
            " {:.1} ({:.1}) -> {:.1} ({:.1}) MB, {:.2} / 0.00 ms ",
            mb(gc.before.used_bytes()),
            mb(gc.before.committed_bytes),
            mb(gc.after.used_bytes()),
            mb(gc.after.committed_bytes),
            ms(gc.total_ns),
        )?;
        if let (GcKind::Major, Some(marking)) = (gc.kind, &gc.incremental_marking) {
            write!(
                f,
                " (+ {:.1} ms in {} steps since start of marking, biggest step {:.1} ms, walltime since start of marking {:.0} ms)",
                ms(marking.total_ns),
                marking.steps,
                ms(marking.longest_ns),
                marking.wall_us as f64 / 1e3,
            )?;
        }
        write!(
            f,
            " (average mu = {:.3}, current mu = {:.3}) {}; {}",
            gc.average_mu, gc.current_mu, gc.reason, gc.collector_reason
        )
    }
}
