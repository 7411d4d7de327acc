//! What heaplab set out to reach, as ratios inside one round.

use super::measures::{Measure, median};
use super::rounds::BenchResult;
use super::sample::Sample;

/// One goal: a measure of one heaplab row against the best of some systems.
#[derive(Debug, Clone, Copy)]
struct Goal {
    bench: &'static str,
    measure: Measure,
    heaplab: &'static str,
    against: &'static [&'static str],
    most: f64,
}

const fn goal(
    bench: &'static str,
    measure: Measure,
    heaplab: &'static str,
    against: &'static [&'static str],
    most: f64,
) -> Goal {
    Goal {
        bench,
        measure,
        heaplab,
        against,
        most,
    }
}

use Measure::{
    Cpu, CpuPerObject, Gc, GcPerSurvivor, LatencyMax, LatencyP999, LongestPause, MarkPerNode,
};

/// Like is compared with like: padded rows with the system whose sizes they have.
const GOALS: [Goal; 46] = [
    goal("alloc", CpuPerObject, "heaplab", &["bumpalo"], 1.5),
    goal("alloc", CpuPerObject, "heaplab", &["v8"], 0.3),
    goal("surv50", GcPerSurvivor, "hl/8", &["serial"], 0.5),
    goal("surv50", GcPerSurvivor, "heaplab", &["serial4"], 0.5),
    goal("surv50", GcPerSurvivor, "hl/v8", &["v8"], 0.25),
    goal("surv80", GcPerSurvivor, "hl/8", &["serial"], 0.5),
    goal("surv80", GcPerSurvivor, "heaplab", &["serial4"], 0.5),
    goal("surv80", GcPerSurvivor, "hl/v8", &["v8"], 0.25),
    goal("queue", Gc, "hl/8", &["serial"], 0.5),
    goal("queue", Gc, "heaplab", &["serial4"], 0.5),
    goal("queue", Gc, "hl/v8", &["v8"], 0.3),
    goal("closure", Gc, "hl/8", &["serial"], 0.5),
    goal("closure", Gc, "heaplab", &["serial4"], 0.5),
    goal("closure", Gc, "hl/v8", &["v8"], 0.3),
    goal("cacheu", Gc, "hl/8", &["serial"], 0.4),
    goal("cacheu", Gc, "heaplab", &["serial4"], 0.4),
    goal("cacheu", Gc, "hl/v8", &["v8"], 0.8),
    goal("cachel", Gc, "hl/8", &["serial"], 0.4),
    goal("cachel", Gc, "heaplab", &["serial4"], 0.4),
    goal("cachel", Gc, "hl/v8", &["v8"], 0.8),
    goal("bt18", Cpu, "heaplab", &["serial4"], 1.0),
    goal("bt18", Cpu, "heaplab", &["mimalloc"], 1.0),
    goal("bt18", Cpu, "hl/v8", &["v8"], 0.3),
    goal("gcb18", Cpu, "heaplab", &["serial4"], 1.0),
    goal("gcb18", Cpu, "hl/v8", &["v8"], 0.3),
    goal("mark-seq", MarkPerNode, "heaplab", &["limit"], 1.6),
    goal("mark-seq", MarkPerNode, "heaplab", &["v8"], 0.3),
    goal("mark-seq", MarkPerNode, "heaplab", &["arena"], 1.0),
    goal("mark-rand", MarkPerNode, "heaplab", &["limit"], 2.2),
    goal("mark-rand", MarkPerNode, "heaplab", &["v8"], 0.3),
    goal("mark-rand", MarkPerNode, "heaplab", &["arena"], 1.0),
    goal("mark-root", MarkPerNode, "heaplab", &["limit"], 3.2),
    goal("mark-root", MarkPerNode, "heaplab", &["v8"], 0.3),
    goal("mark-root", MarkPerNode, "heaplab", &["arena"], 1.0),
    goal("mark16-rand", MarkPerNode, "heaplab", &["v8"], 0.25),
    goal("mark16-rand", MarkPerNode, "heaplab", &["arena"], 0.5),
    goal("mutate", LatencyP999, "heaplab", &["v8"], 0.125),
    goal("mutate", LatencyMax, "heaplab", &["v8"], 0.25),
    goal("cacheu", LongestPause, "hl/8", &["v8", "serial"], 0.6),
    goal("cacheu", LongestPause, "hl/v8", &["v8", "serial"], 0.6),
    goal("queue-grow", LongestPause, "hl/8", &["v8", "serial"], 0.6),
    goal("queue-grow", LongestPause, "hl/v8", &["v8", "serial"], 0.6),
    goal("closure-grow", LongestPause, "hl/8", &["v8", "serial"], 0.6),
    goal(
        "closure-grow",
        LongestPause,
        "hl/v8",
        &["v8", "serial"],
        0.6,
    ),
    goal("cacheu", LongestPause, "heaplab", &["v8", "serial4"], 0.6),
    goal(
        "queue-grow",
        LongestPause,
        "heaplab",
        &["v8", "serial4"],
        0.6,
    ),
];

/// How a goal was met.
#[derive(Debug)]
pub(crate) struct Verdict {
    /// The bench, the measure, and who is compared with whom.
    pub(crate) what: String,
    /// The ratio may be at most this.
    pub(crate) most: f64,
    /// The middle of all rounds' ratios.
    pub(crate) median: f64,
    /// The ratio of the least disturbed round: the one that took both systems the least time.
    pub(crate) least: f64,
}

impl Verdict {
    /// Whether the least disturbed round reached the goal.
    pub(crate) fn met(&self) -> bool {
        self.least <= self.most
    }
}

/// The goals whose systems have all run.
pub(crate) fn verdicts(results: &[BenchResult]) -> Vec<Verdict> {
    let mut verdicts: Vec<Verdict> = GOALS
        .iter()
        .filter_map(|goal| {
            let result = results.iter().find(|r| r.bench.name == goal.bench)?;
            if result.disagreement().is_some() {
                return None;
            }
            verdict(goal, result)
        })
        .collect();
    for bench in ["queue-grow", "bt18-grow"] {
        verdicts.extend(
            results
                .iter()
                .find(|r| r.bench.name == bench)
                .and_then(memory),
        );
    }
    if let Some(mutate) = results.iter().find(|r| r.bench.name == "mutate") {
        verdicts.extend(longest_step(mutate, "longest marking step, ms", |sample| {
            sample.longest_step
        }));
        // On a machine that others use too, a step may wait for its turn.
        verdicts.extend(longest_step(
            mutate,
            "longest marking step, ms of processor time",
            |sample| sample.longest_step_cpu,
        ));
    }
    verdicts
}

fn verdict(goal: &Goal, result: &BenchResult) -> Option<Verdict> {
    let ours = result.of(goal.heaplab)?;
    let theirs: Vec<&[Sample]> = goal
        .against
        .iter()
        .filter_map(|system| result.of(system))
        .collect();
    if theirs.is_empty() {
        return None;
    }
    let mut ratios = Vec::new();
    let mut quietest = (f64::INFINITY, f64::NAN);
    for (round, sample) in ours.iter().enumerate() {
        let mine = goal.measure.of(sample)?;
        let best = theirs
            .iter()
            .filter_map(|samples| goal.measure.of(samples.get(round)?))
            .reduce(f64::min)?;
        ratios.push(mine / best);
        if mine + best < quietest.0 {
            quietest = (mine + best, mine / best);
        }
    }
    Some(Verdict {
        what: format!(
            "{} {}: {} / {}",
            goal.bench,
            goal.measure.label(),
            goal.heaplab,
            goal.against.join(" or ")
        ),
        most: goal.most,
        median: median(&ratios),
        least: quietest.1,
    })
}

/// Peak memory with default options: at most twice the peak of live bytes, three semi-spaces and 16 MB.
fn memory(result: &BenchResult) -> Option<Verdict> {
    const MB: f64 = 1_048_576.0;
    let samples = result.of("heaplab")?;
    let allowed = 2.0 * samples.first()?.peak_live? + (3.0 * 16.0 + 16.0) * MB;
    let ratios: Vec<f64> = samples.iter().map(|s| s.peak_rss / allowed).collect();
    Some(Verdict {
        what: format!(
            "{} peak memory: heaplab / {:.0} MB allowed",
            result.bench.name,
            allowed / MB
        ),
        most: 1.0,
        median: median(&ratios),
        least: ratios.iter().copied().fold(f64::INFINITY, f64::min),
    })
}

/// Steps of marking take at most a millisecond.
fn longest_step(
    result: &BenchResult,
    what: &str,
    step: impl Fn(&Sample) -> Option<f64>,
) -> Option<Verdict> {
    let steps: Vec<f64> = result
        .of("heaplab")?
        .iter()
        .filter_map(|sample| step(sample).map(|ns| ns / 1e6))
        .collect();
    Some(Verdict {
        what: format!("mutate: {what}"),
        most: 1.0,
        median: median(&steps),
        least: steps.iter().copied().reduce(f64::min)?,
    })
}
