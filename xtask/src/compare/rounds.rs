//! Rounds: every system runs every bench once, in turns.

use std::time::Instant;

use super::sample::{self, Sample};
use super::systems::System;

/// One line of work. Benches that show how a heap grows run a single iteration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bench {
    /// Its name here and on the command line.
    pub(crate) name: &'static str,
    /// Its name in the programs.
    pub(crate) program: &'static str,
    single: bool,
}

const fn bench(name: &'static str) -> Bench {
    Bench {
        name,
        program: name,
        single: false,
    }
}

const fn growing(name: &'static str, program: &'static str) -> Bench {
    Bench {
        name,
        program,
        single: true,
    }
}

/// All benches, in the order of the rows.
const BENCHES: [Bench; 22] = [
    bench("empty"),
    bench("alloc"),
    bench("memcpy"),
    bench("surv20"),
    bench("surv50"),
    bench("surv80"),
    bench("bt18"),
    bench("gcb18"),
    bench("queue"),
    bench("closure"),
    bench("cacheu"),
    bench("cachel"),
    bench("mutate"),
    bench("mark-seq"),
    bench("mark-rand"),
    bench("mark-root"),
    bench("mark16-seq"),
    bench("mark16-rand"),
    bench("mark16-root"),
    growing("bt18-grow", "bt18"),
    growing("queue-grow", "queue"),
    growing("closure-grow", "closure"),
];

/// The benches that were asked for; all if none was.
///
/// # Errors
/// An unknown name.
pub(crate) fn chosen(names: &[String]) -> Result<Vec<Bench>, String> {
    if let Some(unknown) = names
        .iter()
        .find(|name| BENCHES.iter().all(|bench| bench.name != *name))
    {
        let known: Vec<&str> = BENCHES.iter().map(|bench| bench.name).collect();
        return Err(format!(
            "no bench is called {unknown}; there are {}",
            known.join(", ")
        ));
    }
    Ok(BENCHES
        .iter()
        .filter(|bench| names.is_empty() || names.iter().any(|name| name == bench.name))
        .copied()
        .collect())
}

/// What one bench gave: for each system one sample per round, or why there is none.
#[derive(Debug)]
pub(crate) struct BenchResult {
    pub(crate) bench: Bench,
    pub(crate) samples: Vec<(System, Vec<Sample>)>,
    pub(crate) failed: Vec<String>,
}

impl BenchResult {
    /// The samples of a system, one per round.
    pub(crate) fn of(&self, system: &str) -> Option<&[Sample]> {
        self.samples
            .iter()
            .find(|(candidate, _)| candidate.name == system)
            .map(|(_, samples)| samples.as_slice())
    }

    /// Which systems came to another checksum than the first, in words.
    pub(crate) fn disagreement(&self) -> Option<String> {
        let sums: Vec<(&str, u64)> = self
            .samples
            .iter()
            .flat_map(|(system, samples)| samples.iter().map(|s| (system.name, s.checksum)))
            .collect();
        let (_, first) = *sums.first()?;
        if sums.iter().all(|&(_, sum)| sum == first) {
            return None;
        }
        let mut texts: Vec<String> = sums
            .iter()
            .map(|(name, sum)| format!("{name} {sum}"))
            .collect();
        texts.dedup();
        Some(format!("the checksums differ: {}", texts.join(", ")))
    }
}

/// Runs all benches: within a bench, round by round, the systems take turns.
///
/// # Errors
/// No system is left.
pub(crate) fn run(
    benches: &[Bench],
    systems: &[System],
    rounds: u32,
) -> Result<Vec<BenchResult>, String> {
    if systems.is_empty() {
        return Err("none of the systems is installed".to_owned());
    }
    let mut results = Vec::new();
    for &bench in benches {
        let started = Instant::now();
        let mut runners: Vec<System> = systems
            .iter()
            .copied()
            .filter(|system| system.has(bench.program))
            .filter(|system| !bench.single || grows(*system))
            .collect();
        let mut result = BenchResult {
            bench,
            samples: runners.iter().map(|&system| (system, Vec::new())).collect(),
            failed: Vec::new(),
        };
        for round in 0..rounds {
            eprint!("\r{:<14} round {} of {rounds} …", bench.name, round + 1);
            let mut broken = Vec::new();
            for &system in &runners {
                let iterations = if bench.single {
                    1
                } else {
                    system.iterations(bench.program)
                };
                match sample::take(system, bench.program, iterations, None) {
                    Ok(sample) => {
                        let own = result.samples.iter_mut().find(|(s, _)| *s == system);
                        if let Some((_, samples)) = own {
                            samples.push(sample);
                        }
                    }
                    Err(reason) => {
                        result.failed.push(format!("{}: {reason}", system.name));
                        broken.push(system);
                    }
                }
            }
            // A round without one system's sample has no ratio to it.
            runners.retain(|system| !broken.contains(system));
            result
                .samples
                .retain(|(system, _)| !broken.contains(system));
        }
        eprintln!(
            "\r{:<14} {rounds} rounds in {:.0} s   ",
            bench.name,
            started.elapsed().as_secs_f64()
        );
        results.push(result);
    }
    Ok(results)
}

/// Whether the growth of a system's heap is of interest.
fn grows(system: System) -> bool {
    system.is_heaplab() || ["v8", "serial", "serial4", "malloc"].contains(&system.name)
}
