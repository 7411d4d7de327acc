//! What is read off the samples: one row of the table each.

use super::rounds::BenchResult;
use super::sample::Sample;

/// One figure of a sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Measure {
    /// User and system time per iteration, start-up included, in ms.
    Cpu,
    /// The same per object, in ns.
    CpuPerObject,
    /// Collection per iteration, in ms.
    Gc,
    /// Collection per object that was copied, in ns.
    GcPerSurvivor,
    /// Marking per node, in ns.
    MarkPerNode,
    /// A whole full collection per node, in ns.
    FullPerNode,
    /// 99.9th percentile and maximum of a thousand operations, in ms.
    LatencyP999,
    LatencyMax,
    /// Longest pause, in ms.
    LongestPause,
    /// Most resident memory, in MB.
    PeakMemory,
}

use Measure::*;

impl Measure {
    /// Name and unit at the head of a row.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Cpu => "CPU ms",
            CpuPerObject => "CPU ns/obj",
            Gc => "GC ms",
            GcPerSurvivor => "GC ns/copy",
            MarkPerNode => "mark ns/obj",
            FullPerNode => "full ns/obj",
            LatencyP999 => "p99.9 ms",
            LatencyMax => "max ms",
            LongestPause => "pause ms",
            PeakMemory => "peak MB",
        }
    }

    /// The figure; `None` where the system does not have it.
    pub(crate) fn of(self, sample: &Sample) -> Option<f64> {
        let per_node = |ns: Option<f64>| {
            ns.filter(|_| sample.objects > 0.0)
                .map(|ns| ns / sample.objects)
        };
        match self {
            Cpu => Some(sample.cpu / sample.iterations / 1e6),
            CpuPerObject => per_node(Some(sample.cpu)),
            Gc => sample.gc.map(|ns| ns / sample.iterations / 1e6),
            GcPerSurvivor => {
                // Objects are all of one size.
                let object = sample.bytes / sample.objects;
                let copied = sample.copied_bytes.filter(|&bytes| bytes > 0.0)? / object;
                sample.gc.map(|ns| ns / copied)
            }
            MarkPerNode => per_node(sample.mark),
            FullPerNode => per_node(sample.collection),
            LatencyP999 => sample.latency_p999.map(|ns| ns / 1e6),
            LatencyMax => sample.latency_max.map(|ns| ns / 1e6),
            LongestPause => sample.longest_pause.map(|ns| ns / 1e6),
            PeakMemory => Some(sample.peak_rss / f64::from(1 << 20)),
        }
    }
}

/// The measures of a bench, in the order of their rows.
fn measures(bench: &str) -> &'static [Measure] {
    match bench {
        "alloc" => &[CpuPerObject],
        "memcpy" => &[GcPerSurvivor],
        "surv20" | "surv50" | "surv80" => &[GcPerSurvivor, Cpu],
        "bt18" | "gcb18" | "queue" | "closure" => &[Cpu, Gc],
        "cacheu" | "cachel" => &[Cpu, Gc, LongestPause],
        "mutate" => &[LatencyP999, LatencyMax, Cpu],
        "bt18-grow" => &[PeakMemory],
        "queue-grow" => &[LongestPause, PeakMemory],
        "closure-grow" => &[LongestPause],
        _ if bench.starts_with("mark") => &[MarkPerNode, FullPerNode],
        _ => &[Cpu],
    }
}

/// One row: a bench, a measure, and each system's figures round by round.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) bench: &'static str,
    pub(crate) measure: Measure,
    pub(crate) cells: Vec<Cell>,
}

/// One system's figures of a row.
#[derive(Debug)]
pub(crate) struct Cell {
    pub(crate) system: &'static str,
    pub(crate) values: Vec<f64>,
}

impl Cell {
    /// The middle value.
    pub(crate) fn median(&self) -> f64 {
        median(&self.values)
    }

    /// The least disturbed value.
    pub(crate) fn least(&self) -> f64 {
        self.values.iter().copied().fold(f64::INFINITY, f64::min)
    }
}

/// The middle of some values; the mean of the two middle ones of an even number.
pub(crate) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    match sorted.len() {
        0 => f64::NAN,
        n if n % 2 == 1 => sorted[n / 2],
        n => f64::midpoint(sorted[n / 2 - 1], sorted[n / 2]),
    }
}

/// The rows of all benches whose checksums agree.
pub(crate) fn rows(results: &[BenchResult]) -> Vec<Row> {
    results
        .iter()
        .filter(|result| result.disagreement().is_none())
        .flat_map(|result| {
            measures(result.bench.name).iter().map(|&measure| Row {
                bench: result.bench.name,
                measure,
                cells: result
                    .samples
                    .iter()
                    .map(|(system, samples)| Cell {
                        system: system.name,
                        values: samples.iter().filter_map(|s| measure.of(s)).collect(),
                    })
                    .filter(|cell| !cell.values.is_empty())
                    .collect(),
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::median;

    #[test]
    fn the_median_is_the_middle() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), 2.5);
        assert!(median(&[]).is_nan());
    }
}
