//! One run of one bench by one system.
//!
//! Collectors time themselves by the clock on the wall. On a shared core part of that is other programs' time, so
//! sums of theirs are scaled by the share of the core that the process had (1 on a quiet machine); single pauses are
//! left as they were.

use serde_json::Value;

use super::systems::{Memory, System, Trace};
use super::traces::{self, Collections};

/// What one run measured. Times are nanoseconds, sizes bytes.
#[derive(Debug, Clone)]
pub(crate) struct Sample {
    pub(crate) checksum: u64,
    pub(crate) iterations: f64,
    pub(crate) objects: f64,
    pub(crate) bytes: f64,
    pub(crate) cpu: f64,
    /// Collecting, scaled by `share`.
    pub(crate) gc: Option<f64>,
    /// CPU time over wall time of the process, at most 1.
    pub(crate) share: f64,
    pub(crate) longest_pause: Option<f64>,
    pub(crate) copied_bytes: Option<f64>,
    pub(crate) peak_rss: f64,
    /// Least disturbed full collection, and its marking; scaled.
    pub(crate) collection: Option<f64>,
    pub(crate) mark: Option<f64>,
    pub(crate) latency_p999: Option<f64>,
    pub(crate) latency_max: Option<f64>,
    pub(crate) longest_step: Option<f64>,
    /// The most processor time that a step of marking took.
    pub(crate) longest_step_cpu: Option<f64>,
    /// Most bytes that were live at once, where the program knows.
    pub(crate) peak_live: Option<f64>,
    /// The program's whole report.
    pub(crate) report: Value,
}

/// Parts of the time that collections took, and of the bytes that scavenges copied.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shares {
    /// Time for the remembered slots, with the copies that they lead to at once.
    pub(crate) remembered: f64,
    /// Time for all other copies.
    pub(crate) copying: f64,
    /// Time for marking, in pauses and in steps.
    pub(crate) marking: f64,
    /// Bytes promoted, of those copied.
    pub(crate) promoted: f64,
}

/// Runs a bench and returns what the run measured.
///
/// Under a hypervisor, memory that is free for a few seconds goes back to the host, and touching such a page costs
/// some twenty times as much as touching one that the guest still has: a system's time would depend on how long ago
/// another had as much memory. So each run follows another of the same command, which does not count. Benches of
/// marking build their graph once and count the least disturbed of several collections; one run is enough for them.
///
/// # Errors
/// The program did not start, failed, or wrote no report.
pub(crate) fn take(
    system: System,
    bench: &str,
    iterations: u32,
    memory: Option<Memory>,
) -> Result<Sample, String> {
    if !bench.starts_with("mark") {
        once(system, bench, iterations, memory)?;
    }
    once(system, bench, iterations, memory)
}

fn once(
    system: System,
    bench: &str,
    iterations: u32,
    memory: Option<Memory>,
) -> Result<Sample, String> {
    let output = crate::process::output(&mut system.command(bench, iterations, memory))?;
    let collections = match system.trace() {
        Trace::None => None,
        Trace::V8 => Some(traces::v8(&output)),
        Trace::HotSpot => Some(traces::hotspot(&output)),
    };
    // HotSpot's log goes on after the report.
    let line = output
        .lines()
        .rev()
        .find(|line| line.starts_with("{\"bench\""))
        .ok_or_else(|| format!("{} wrote no report for {bench}", system.name))?;
    let report: Value = serde_json::from_str(line)
        .map_err(|error| format!("{} on {bench}: {error} in {line}", system.name))?;
    Ok(Sample::new(report, collections))
}

impl Sample {
    /// Where the last iteration's collections spent their time and what became of the survivors; of heaplab only.
    pub(crate) fn shares(&self) -> Option<Shares> {
        let phases = self.report.get("phases")?.as_object()?;
        let number = |name: &str| self.report.get(name).and_then(Value::as_f64);
        let sum = |wanted: &dyn Fn(&str) -> bool| -> f64 {
            let chosen = phases.iter().filter(|(phase, _)| wanted(phase));
            chosen.filter_map(|(_, ns)| ns.as_f64()).sum()
        };
        let steps = number("marking_steps_ns")?;
        let total = sum(&|_| true) + steps;
        let copied = self.copied_bytes? / self.iterations;
        (total > 0.0 && copied > 0.0).then(|| Shares {
            remembered: sum(&|phase| phase == "scavenge.remembered") / total,
            copying: sum(&|phase| phase == "scavenge.copy") / total,
            marking: (sum(&|phase| phase.starts_with("mark.")) + steps) / total,
            promoted: number("promoted_bytes").unwrap_or(0.0) / copied,
        })
    }

    fn new(report: Value, collections: Option<Collections>) -> Sample {
        let number = |name: &str| report.get(name).and_then(Value::as_f64);
        let percentile = |name: &str, which: &str| report.get(name)?.get(which)?.as_f64();
        let least = |name: &str| {
            let list = report.get(name)?.as_array()?;
            list.iter().filter_map(Value::as_f64).reduce(f64::min)
        };
        let counted = report
            .get("collections_ns")
            .and_then(Value::as_array)
            .map_or(0, Vec::len);
        let mut sample = Sample {
            checksum: report.get("checksum").and_then(Value::as_u64).unwrap_or(0),
            iterations: number("iterations").unwrap_or(1.0),
            objects: number("objects").unwrap_or(0.0),
            bytes: number("bytes").unwrap_or(0.0),
            cpu: number("cpu_ns").unwrap_or(0.0),
            gc: number("gc_ns"),
            share: match (number("cpu_ns"), number("wall_ns")) {
                (Some(cpu), Some(wall)) if wall > 0.0 => (cpu / wall).min(1.0),
                _ => 1.0,
            },
            longest_pause: percentile("pauses", "max"),
            copied_bytes: number("copied_bytes"),
            peak_rss: number("peak_rss").unwrap_or(0.0),
            collection: least("collections_ns"),
            mark: least("marks_ns"),
            latency_p999: percentile("latency", "p999"),
            latency_max: percentile("latency", "max"),
            longest_step: number("longest_step_ns"),
            longest_step_cpu: number("longest_step_cpu_ns"),
            peak_live: number("peak_live"),
            report: Value::Null,
        };
        if let Some(traced) = collections {
            let total = traced.pauses.iter().sum::<u64>() + traced.between;
            sample.gc = Some(total as f64);
            sample.longest_pause = traced.pauses.iter().max().map(|&pause| pause as f64);
            sample.copied_bytes = Some(traced.copied_bytes as f64);
            // Those that the program counted are the last ones.
            let marks = &traced.marks[traced.marks.len().saturating_sub(counted)..];
            sample.mark = marks.iter().min().map(|&mark| mark as f64);
        }
        for time in [&mut sample.gc, &mut sample.collection, &mut sample.mark] {
            *time = time.map(|ns| ns * sample.share);
        }
        sample.report = report;
        sample
    }
}
