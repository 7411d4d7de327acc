//! The smallest heap that completes the LRU with a million puts, found by bisection in whole megabytes, and the time
//! spent collecting in twice that heap.

use std::time::{Duration, Instant};

use super::sample;
use super::systems::{Memory, System};

const BENCH: &str = "cachel1m";
/// The young generation takes three semi-spaces of 1 MB in every system; the rest is the old generation.
const SEMI_SPACE: u32 = 1;
/// A run that takes more processor time than this in a small heap counts as one that does not complete.
const PATIENCE: Duration = Duration::from_secs(60);
/// `/proc` counts processor time in hundredths of a second on every Linux (`USER_HZ`).
const TICK: Duration = Duration::from_millis(10);
/// Surely enough, in MB.
const ENOUGH: u32 = 256;

/// What was found for one system.
#[derive(Debug)]
pub(crate) struct Smallest {
    pub(crate) system: &'static str,
    /// All limits together, in MB.
    pub(crate) megabytes: u32,
    /// Time spent collecting with twice as much, in ms.
    pub(crate) gc_at_twice: f64,
}

fn memory(total: u32) -> Memory {
    Memory {
        semi_space: SEMI_SPACE,
        old: total - 3 * SEMI_SPACE,
    }
}

/// Whether the bench completes in a heap of `total` MB.
fn completes(system: System, total: u32) -> bool {
    let mut command = system.command(BENCH, 1, Some(memory(total)));
    let spawned = command
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn();
    let Ok(mut child) = spawned else {
        return false;
    };
    let started = Instant::now();
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return status.success(),
            Ok(None) if cpu_time(child.id()).unwrap_or(started.elapsed()) < PATIENCE => {
                std::thread::sleep(Duration::from_millis(20));
            }
            _ => {
                // It may have ended just now; either way it did not complete in time.
                let _ = child.kill();
                let _ = child.wait();
                return false;
            }
        }
    }
}

/// Processor time that a process has taken; `None` where there is no `/proc`. On a busy machine the time of day would count
/// a run as stuck that only had to wait.
fn cpu_time(process: u32) -> Option<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    user_and_system(&stat).map(|ticks| TICK * ticks)
}

/// Fields 14 and 15 of `/proc/PID/stat`. Field 2, the program's name, is in brackets and may hold anything.
fn user_and_system(stat: &str) -> Option<u32> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_ascii_whitespace().skip(11);
    let mut next = || fields.next()?.parse::<u32>().ok();
    Some(next()? + next()?)
}

/// Bisects for heaplab, V8 and HotSpot.
///
/// # Errors
/// A system does not even complete in a large heap.
pub(crate) fn find(systems: &[System]) -> Result<Vec<Smallest>, String> {
    let mut found = Vec::new();
    for &system in systems {
        if !["heaplab", "v8", "serial", "serial4"].contains(&system.name) {
            continue;
        }
        let (mut fails, mut enough) = (3 * SEMI_SPACE, ENOUGH);
        while enough - fails > 1 {
            let middle = u32::midpoint(fails, enough);
            eprint!("\rsmallest heap of {}: {middle} MB …   ", system.name);
            if completes(system, middle) {
                enough = middle;
            } else {
                fails = middle;
            }
        }
        eprintln!("\rsmallest heap of {}: {enough} MB      ", system.name);
        let twice = sample::take(system, BENCH, 1, Some(memory(2 * enough)))?;
        found.push(Smallest {
            system: system.name,
            megabytes: enough,
            gc_at_twice: twice.gc.unwrap_or(f64::NAN) / 1e6,
        });
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processor_time_is_read_from_the_fields_after_the_name() {
        let stat = "4242 (a) b (c) S 1 2 3 0 -1 4194560 13 0 0 0 250 50 7 8 20 0 1 0 99 1000 2";
        assert_eq!(user_and_system(stat), Some(300));
        assert_eq!(user_and_system("4242 (cut"), None);
        #[cfg(target_os = "linux")]
        assert!(cpu_time(std::process::id()).is_some());
        assert_eq!(cpu_time(u32::MAX), None);
    }
}
