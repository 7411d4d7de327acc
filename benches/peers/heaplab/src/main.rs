//! The comparison benches on heaplab, through its safe interface only.
//!
//! `peer-heaplab BENCH [ITERATIONS] [own|hotspot|v8] [--FLAG=VALUE …]`: the third argument says whose object sizes are
//! used, the flags are the heap's (`--max-old-space-size=64`). Without flags every bench runs with the same heap:
//! default options, semi-spaces of up to 16 MB, an old generation of up to 6 GB, as the other systems have.
#![forbid(unsafe_code)]

mod allocation;
mod cache;
mod graph;
mod measure;
mod queue;
mod sizes;
mod trees;

use heaplab_gc::HeapOptions;
use peers_rust::cache_keys::PUTS;
use peers_rust::report::{Outcome, main_with};

use crate::graph::GraphShape;
use crate::measure::Measured;
use crate::sizes::Sizes;

/// Whatever can go wrong: a limit reached, a shape refused.
type BenchError = Box<dyn std::error::Error>;
type BenchResult = Result<Outcome, BenchError>;

const BENCHES: &[&str] = &[
    "empty",
    "alloc",
    "surv20",
    "surv50",
    "surv80",
    "bt18",
    "gcb18",
    "queue",
    "closure",
    "cacheu",
    "cachel",
    "cachel1m",
    "mutate",
    "mark-seq",
    "mark-rand",
    "mark-root",
    "mark16-seq",
    "mark16-rand",
    "mark16-root",
];

fn run(measured: &mut Measured, sizes: Sizes, bench: &str) -> Option<BenchResult> {
    use GraphShape::{Random, Sequential, SingleRoot};
    let heap = &mut measured.heap;
    Some(match bench {
        "empty" => Ok(Outcome::default()),
        "alloc" => allocation::alloc(heap),
        "surv20" => allocation::surv(heap, sizes, 20),
        "surv50" => allocation::surv(heap, sizes, 50),
        "surv80" => allocation::surv(heap, sizes, 80),
        "bt18" => trees::binary_trees(heap, sizes),
        "gcb18" => trees::gc_bench(heap, sizes),
        "queue" => queue::queue(heap, sizes),
        "closure" => queue::closure(heap, sizes),
        "cacheu" => cache::unbounded(heap, sizes, PUTS),
        "cachel" => cache::lru(heap, sizes, PUTS),
        "cachel1m" => cache::lru(heap, sizes, PUTS / 2),
        "mutate" => graph::mutate(heap),
        "mark-seq" => graph::mark(measured, Sequential, 1 << 22),
        "mark-rand" => graph::mark(measured, Random, 1 << 22),
        "mark-root" => graph::mark(measured, SingleRoot, 1 << 22),
        "mark16-seq" => graph::mark(measured, Sequential, 1 << 24),
        "mark16-rand" => graph::mark(measured, Random, 1 << 24),
        "mark16-root" => graph::mark(measured, SingleRoot, 1 << 24),
        _ => return None,
    })
}

/// Reads the arguments behind the number of iterations.
fn configuration(arguments: impl Iterator<Item = String>) -> Result<(Sizes, HeapOptions), String> {
    let mut sizes = Sizes::Own;
    let mut options = HeapOptions::with_limits(6144 << 20, 16 << 20);
    for argument in arguments {
        match argument.split_once('=') {
            Some((flag, value)) => options
                .set_flag(flag, value)
                .map_err(|refused| refused.to_string())?,
            None => {
                sizes = Sizes::parse(&argument)
                    .ok_or_else(|| format!("{argument}: expected own, hotspot or v8"))?;
            }
        }
    }
    Ok((sizes, options))
}

fn fail(code: i32, reason: impl std::fmt::Display) -> ! {
    eprintln!("peer-heaplab: {reason}");
    std::process::exit(code);
}

fn main() {
    let (sizes, options) = match configuration(std::env::args().skip(3)) {
        Ok(configuration) => configuration,
        Err(reason) => fail(2, reason),
    };
    let mut measured = match Measured::new(options) {
        Ok(measured) => measured,
        Err(refused) => fail(3, refused),
    };
    main_with(BENCHES, |bench| match run(&mut measured, sizes, bench)? {
        Ok(outcome) => Some(measured.complete(outcome)),
        Err(reason) => fail(4, reason),
    });
}
