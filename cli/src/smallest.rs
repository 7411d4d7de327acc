//! The search for the smallest heap before a run, with its progress line.

use heaplab_gc::system::system_memory;
use heaplab_reports::record::SmallestHeap;
use heaplab_workloads::driver::{self, HeapNeeded, SearchObserver};

use crate::args::VariantArgs;
use crate::failure::Failure;
use crate::output::Output;
use crate::progress::Progress;
use crate::signals::Signals;
use crate::variant::Variant;

/// The largest heap that is tried, as a multiple of the one that was asked for.
const MOST: usize = 8;

/// How little old generation `variant` needs to complete. `None`: the search was interrupted, or
/// the workload fails in a heap of any size, which its run will say.
///
/// # Errors
/// The heap cannot be made.
pub(crate) fn smallest_heap(
    variant: &Variant,
    args: &VariantArgs,
    signals: &Signals,
    output: Output,
) -> Result<Option<SmallestHeap>, Failure> {
    let heap = args.heap.options(variant.policy)?;
    let run = args.run_options(variant.workload.ticks, variant.workload.warm_up);
    let usable = match system_memory().usable() {
        0 => usize::MAX,
        bytes => usize::try_from(bytes).unwrap_or(usize::MAX),
    };
    let most = heap.max_old_space_size.saturating_mul(MOST).min(usable);
    let mut watch = Watch {
        progress: Progress::new(output, variant.name()),
        policy: variant.policy.as_str(),
        signals,
    };
    let build = || variant.workload.build(&variant.parameters, variant.cure);
    let found = driver::smallest_heap(&build, &heap, &run, most, &mut watch)?;
    let (max_old_space_bytes, other_limit) = match found.answer {
        HeapNeeded::Bytes(bytes) => (Some(bytes as u64), None),
        HeapNeeded::More => (None, None),
        HeapNeeded::OtherLimit(limit) => (None, Some(limit.to_string())),
        HeapNeeded::Failed(_) | HeapNeeded::Stopped => return Ok(None),
    };
    Ok(Some(SmallestHeap {
        max_old_space_bytes,
        largest_tried_bytes: found.largest_tried as u64,
        other_limit,
        attempts: found.attempts,
    }))
}

/// Shows which heap is tried, and ends the search at Ctrl-C.
struct Watch<'w> {
    progress: Progress,
    policy: &'static str,
    signals: &'w Signals,
}

impl SearchObserver for Watch<'_> {
    fn on_attempt(&mut self, max_old_space_size: usize) {
        self.progress.say(&format!(
            "smallest heap, {}: trying {} MB",
            self.policy,
            max_old_space_size >> 20
        ));
    }

    fn should_stop(&mut self) -> bool {
        self.signals.stop_requested()
    }
}
