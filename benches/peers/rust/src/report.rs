//! The line that ends every run, read by `cargo xtask compare heap`.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike as _;

/// What a bench hands back.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Equal in every system that did the same work.
    pub checksum: u32,
    /// Objects allocated.
    pub objects: u64,
    /// Bytes of these objects, headers included.
    pub bytes: u64,
    /// Time spent collecting, where the system collects.
    pub gc: Option<Duration>,
    /// Pauses of the collector, in nanoseconds.
    pub pauses: Vec<u64>,
    /// Bytes that a copying collector copied.
    pub copied_bytes: Option<u64>,
    /// Further members, as JSON values.
    pub more: Vec<(&'static str, String)>,
}

impl Outcome {
    /// Joins the outcome of one more iteration: counts and times add up, further members are the later one's.
    fn then(self, mut later: Outcome) -> Outcome {
        later.objects += self.objects;
        later.bytes += self.bytes;
        later.gc = later.gc.map(|gc| gc + self.gc.unwrap_or_default());
        later.copied_bytes = later
            .copied_bytes
            .map(|bytes| bytes + self.copied_bytes.unwrap_or_default());
        later.pauses.extend(self.pauses);
        later
    }

    /// Adds a member whose value is a number.
    pub fn with(mut self, name: &'static str, value: u64) -> Self {
        self.more.push((name, value.to_string()));
        self
    }

    /// Adds a member whose value is a list of numbers.
    pub fn with_list(mut self, name: &'static str, values: &[u64]) -> Self {
        let texts: Vec<String> = values.iter().map(u64::to_string).collect();
        self.more.push((name, format!("[{}]", texts.join(","))));
        self
    }

    /// Adds a member with the percentiles of durations in nanoseconds.
    pub fn with_percentiles(mut self, name: &'static str, nanoseconds: &[u64]) -> Self {
        self.more.push((name, percentiles(nanoseconds)));
        self
    }
}

/// Count, p50, p99, p99.9 and maximum of durations in nanoseconds, as JSON.
#[must_use]
pub fn percentiles(nanoseconds: &[u64]) -> String {
    let mut sorted = nanoseconds.to_vec();
    sorted.sort_unstable();
    let at = |q: f64| {
        let rank = (q * sorted.len() as f64).ceil() as usize;
        sorted.get(rank.max(1) - 1).copied().unwrap_or(0)
    };
    format!(
        "{{\"count\":{},\"p50\":{},\"p99\":{},\"p999\":{},\"max\":{}}}",
        sorted.len(),
        at(0.5),
        at(0.99),
        at(0.999),
        at(1.0)
    )
}

/// The peak resident size of this process in bytes, 0 where the system does not tell.
fn peak_resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .and_then(|rest| {
            rest.trim()
                .trim_end_matches("kB")
                .trim()
                .parse::<u64>()
                .ok()
        })
        .map_or(0, |kilobytes| kilobytes * 1024)
}

/// User and system time of this process so far, start-up included.
fn cpu_ns() -> i64 {
    getrusage(UsageWho::RUSAGE_SELF).map_or(0, |usage| {
        usage.user_time().num_nanoseconds() + usage.system_time().num_nanoseconds()
    })
}

/// Reads `BENCH [ITERATIONS]` from the command line, runs it that often, and prints the report. `run` returns `None` for
/// a bench that this system does not have.
pub fn main_with(benches: &[&str], mut run: impl FnMut(&str) -> Option<Outcome>) {
    let mut arguments = std::env::args().skip(1);
    let bench = arguments.next().unwrap_or_default();
    let iterations = arguments
        .next()
        .map_or(Ok(1), |text| text.parse::<u32>())
        .unwrap_or(0);
    let start = Instant::now();
    let mut total: Option<Outcome> = None;
    for _ in 0..iterations {
        let Some(outcome) = run(&bench) else { break };
        total = Some(match total {
            None => outcome,
            Some(earlier) if earlier.checksum == outcome.checksum => earlier.then(outcome),
            Some(_) => {
                eprintln!("{bench}: the iterations disagree about the checksum");
                std::process::exit(1);
            }
        });
    }
    let wall = start.elapsed();
    let Some(outcome) = total else {
        eprintln!(
            "usage: BENCH [ITERATIONS]; this system has {}",
            benches.join(", ")
        );
        std::process::exit(2);
    };
    let mut line = format!(
        "{{\"bench\":\"{bench}\",\"iterations\":{},\"checksum\":{},\"objects\":{},\"bytes\":{}",
        iterations, outcome.checksum, outcome.objects, outcome.bytes
    );
    for (name, value) in &outcome.more {
        let _ = write!(line, ",\"{name}\":{value}");
    }
    if let Some(gc) = outcome.gc {
        let _ = write!(line, ",\"gc_ns\":{}", gc.as_nanos());
    }
    if let Some(bytes) = outcome.copied_bytes {
        let _ = write!(line, ",\"copied_bytes\":{bytes}");
    }
    if !outcome.pauses.is_empty() {
        let _ = write!(line, ",\"pauses\":{}", percentiles(&outcome.pauses));
    }
    println!(
        "{line},\"wall_ns\":{},\"cpu_ns\":{},\"peak_rss\":{}}}",
        wall.as_nanos(),
        cpu_ns(),
        peak_resident()
    );
}

#[cfg(test)]
mod tests {
    use super::percentiles;

    #[test]
    fn percentiles_take_the_nearest_rank() {
        let values: Vec<u64> = (1..=1000).rev().collect();
        assert_eq!(
            percentiles(&values),
            "{\"count\":1000,\"p50\":500,\"p99\":990,\"p999\":999,\"max\":1000}"
        );
        assert_eq!(
            percentiles(&[]),
            "{\"count\":0,\"p50\":0,\"p99\":0,\"p999\":0,\"max\":0}"
        );
    }
}
