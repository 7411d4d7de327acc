//! What the *system* gets back from a fragmented heap: resident memory, not the heap's own counter.
//!
//! ```text
//! cargo run --release -p heaplab-gc --example fragmentation [-- --megabytes N]
//! ```
//!
//! Fills a heap with 64-byte objects, frees all but 10, 50 or 90 % of them, in the order of allocation or at random, and
//! looks at what is resident after a usual major collection, and after one that gives memory back: without moving
//! anything (`--compaction never`), and with the whole heap compacted. `docs/fragmentation.md` has the numbers.

use heaplab_gc::system::resident_bytes;
use heaplab_gc::{
    CollectionKind, CollectionReason, Compaction, Heap, HeapError, HeapLimitReached, HeapOptions,
    Immediate, RootTable, ShapeError,
};
use std::process::ExitCode;

const MB: usize = 1 << 20;
const OBJECT_BYTES: usize = 64;
/// Header 8 bytes, fields 4 bytes each.
const FIELDS: [&str; 14] = [
    "a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n",
];
/// Objects per array that holds them.
const CHUNK: usize = 4096;

#[derive(Debug)]
#[allow(dead_code, reason = "shown by `main` with `Debug`")]
enum Stopped {
    Heap(HeapError),
    Limit(HeapLimitReached),
    Shape(ShapeError),
}

impl From<HeapError> for Stopped {
    fn from(e: HeapError) -> Self {
        Stopped::Heap(e)
    }
}

impl From<HeapLimitReached> for Stopped {
    fn from(e: HeapLimitReached) -> Self {
        Stopped::Limit(e)
    }
}

impl From<ShapeError> for Stopped {
    fn from(e: ShapeError) -> Self {
        Stopped::Shape(e)
    }
}

/// Megabytes resident beyond `base`.
fn resident_beyond(base: u64) -> f64 {
    resident_bytes().saturating_sub(base) as f64 / MB as f64
}

fn fill(heap: &mut Heap, objects: usize) -> Result<RootTable, Stopped> {
    heap.enter(|s| {
        let table = s.root_table("(Table)");
        let shape = s.shape("Entry", &FIELDS)?;
        for _ in 0..objects / CHUNK {
            s.scope(|t| {
                let chunk = t.array(CHUNK)?;
                for i in 0..CHUNK {
                    t.scope(|u| {
                        let object = u.object(shape)?;
                        u.set(chunk, i, object);
                        Ok::<_, HeapLimitReached>(())
                    })?;
                }
                t.push_root(&table, chunk);
                Ok::<_, HeapLimitReached>(())
            })?;
        }
        Ok(table)
    })
}

/// Drops all but `survivors` per cent, from the oldest on or at random.
fn free(heap: &mut Heap, table: &RootTable, survivors: usize, at_random: bool) {
    let mut state = 0x2545_f491_u32;
    let objects = table.len() * CHUNK;
    heap.enter(|s| {
        for n in 0..objects {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            let dies = if at_random {
                state as usize % 100 >= survivors
            } else {
                n * 100 < objects * (100 - survivors)
            };
            if dies {
                s.set(s.root_at(table, n / CHUNK), n % CHUNK, Immediate::Undefined);
            }
        }
    });
}

/// Megabytes resident: of the full heap, after a usual major collection, and after one that gives memory back. The
/// last number is what the objects take then.
fn measure(
    megabytes: usize,
    survivors: usize,
    at_random: bool,
    compaction: Compaction,
) -> Result<[f64; 4], Stopped> {
    let base = resident_bytes();
    let mut options = HeapOptions::with_limits(4 * megabytes * MB, 16 * MB);
    options.compaction = compaction;
    let mut heap = Heap::new(options)?;
    let table = fill(&mut heap, megabytes * MB / OBJECT_BYTES)?;
    let full = resident_beyond(base);
    free(&mut heap, &table, survivors, at_random);
    let mut after = |reason| {
        heap.collect(CollectionKind::Major, reason);
        (
            resident_beyond(base),
            heap.sizes().used() as f64 / MB as f64,
        )
    };
    let (usual, _) = after(CollectionReason::Testing);
    let (reduced, used) = after(CollectionReason::LowMemoryNotification);
    Ok([full, usual, reduced, used])
}

fn row(megabytes: usize, survivors: usize, at_random: bool) -> Result<String, Stopped> {
    let [full, usual, compacted, used] =
        measure(megabytes, survivors, at_random, Compaction::Auto)?;
    let [_, _, in_place, _] = measure(megabytes, survivors, at_random, Compaction::Never)?;
    Ok(format!(
        "| {survivors} % | {} | {used:.0} | {full:.0} | {usual:.0} | {in_place:.0} | {compacted:.0} |",
        if at_random { "at random" } else { "in order" },
    ))
}

fn main() -> ExitCode {
    let mut megabytes = 128;
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => {}
        ["--megabytes", number]
            if number
                .parse::<usize>()
                .is_ok_and(|n| (1..=4096).contains(&n)) =>
        {
            megabytes = number.parse().unwrap_or(megabytes);
        }
        _ => {
            eprintln!("usage: fragmentation [--megabytes N], N from 1 to 4096");
            return ExitCode::from(2);
        }
    }
    println!(
        "{megabytes} MB of {OBJECT_BYTES}-byte objects; MB of resident memory, but for 'live'"
    );
    println!("| survivors | freed | live | full | usual | reducing, never moved | reducing |");
    println!("|---:|---|---:|---:|---:|---:|---:|");
    for at_random in [false, true] {
        for survivors in [10, 50, 90] {
            match row(megabytes, survivors, at_random) {
                Ok(row) => println!("{row}"),
                Err(error) => {
                    eprintln!("{error:?}");
                    return ExitCode::from(4);
                }
            }
        }
    }
    ExitCode::SUCCESS
}
