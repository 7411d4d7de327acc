//! What a fragmented heap gives back to the system. One test: resident memory is that of the whole process.

use heaplab_gc::system::resident_bytes;
use heaplab_gc::{
    CollectionKind, CollectionReason, Compaction, Global, Heap, HeapOptions, Immediate,
};

const MB: usize = 1 << 20;
/// Arrays of 64 bytes each: 25 MB.
const ARRAYS: usize = 400_000;
const SURVIVORS: usize = ARRAYS / 10;

fn filled(compaction: Compaction) -> (Heap, Global) {
    let mut options = HeapOptions::with_limits(128 * MB, MB);
    options.compaction = compaction;
    let mut heap = Heap::new(options).expect("heap");
    let table = heap.enter(|s| {
        let table = s.array(ARRAYS).expect("room");
        for i in 0..ARRAYS {
            s.scope(|t| {
                let array = t.array(13).expect("room");
                t.set(table, i, array);
            });
        }
        s.global(table)
    });
    (heap, table)
}

/// Memory of the heap as it sees it and as the system does.
fn sizes(heap: &Heap) -> (usize, usize) {
    (heap.sizes().committed as usize, resident_bytes() as usize)
}

#[test]
fn at_least_half_of_the_memory_goes_back_when_a_tenth_survives() {
    for (at_random, compaction) in [
        (false, Compaction::Never),
        (false, Compaction::Auto),
        (true, Compaction::Auto),
        (true, Compaction::Never),
    ] {
        let (mut heap, table) = filled(compaction);
        let full = sizes(&heap);
        assert!(full.0 > ARRAYS * 56, "{full:?}");
        heap.enter(|s| {
            for i in 0..ARRAYS {
                let lives = if at_random {
                    // A fixed mixing of the index: a tenth of all, spread over all pages.
                    ((i as u32).wrapping_mul(0x9e37_79b1) / 16).is_multiple_of(10)
                } else {
                    i >= ARRAYS - SURVIVORS
                };
                if !lives {
                    s.set(s.peek(&table), i, Immediate::Undefined);
                }
            }
        });
        heap.collect(
            CollectionKind::Major,
            CollectionReason::LowMemoryNotification,
        );
        heap.verify().expect("sound");
        let after = sizes(&heap);
        let name = format!("at random {at_random}, {compaction:?}: {full:?}, then {after:?}");
        let half = full.0 / 2;
        if at_random && compaction == Compaction::Never {
            // Every page has a survivor: what the test asserts is due to compaction.
            assert!(full.0.saturating_sub(after.0) < half, "{name}");
        } else {
            assert!(full.0.saturating_sub(after.0) >= half, "{name}");
            // The system's number holds the tables of the verifier and of the process too.
            assert!(full.1.saturating_sub(after.1) >= half - 2 * MB, "{name}");
        }
    }
}
