//! What the system says of memory: the only place where the crate looks outside its own process's memory.
//!
//! Nothing here takes part in a decision of the collector, but for the default limits that an embedder asks
//! for and for whether huge pages are requested.

use crate::stats::SystemMemory;

/// Resident size of this process in bytes; 0 where it cannot be known.
pub fn resident_bytes() -> u64 {
    #[cfg(target_os = "linux")]
    {
        let pages = std::fs::read_to_string("/proc/self/statm")
            .ok()
            .and_then(|statm| statm.split_whitespace().nth(1)?.parse::<u64>().ok());
        pages.unwrap_or(0) * page_bytes()
    }
    #[cfg(not(target_os = "linux"))]
    {
        // The peak is what `getrusage` knows elsewhere.
        let mut usage = std::mem::MaybeUninit::<libc::rusage>::zeroed();
        // SAFETY: `getrusage` fills the structure it is given; zeroed bytes are a valid `rusage`.
        let usage = unsafe {
            libc::getrusage(libc::RUSAGE_SELF, usage.as_mut_ptr());
            usage.assume_init()
        };
        usage.ru_maxrss as u64
    }
}

/// Memory of the machine and of the container, if there is one.
pub fn system_memory() -> SystemMemory {
    SystemMemory {
        total: sysconf(libc::_SC_PHYS_PAGES) * page_bytes(),
        free: available_bytes(),
        constrained: container_limit(),
    }
}

/// The container's memory limit: `memory.max` of this process's control group or one above it.
fn container_limit() -> Option<u64> {
    let groups = std::fs::read_to_string("/proc/self/cgroup").ok()?;
    let path = groups.lines().find_map(|line| line.strip_prefix("0::"))?;
    let mut group = std::path::PathBuf::from("/sys/fs/cgroup");
    let mut least = read_limit(&group);
    for part in path.split('/').filter(|p| !p.is_empty()) {
        group.push(part);
        least = match (least, read_limit(&group)) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
    }
    least
}

fn read_limit(group: &std::path::Path) -> Option<u64> {
    std::fs::read_to_string(group.join("memory.max"))
        .ok()?
        .trim()
        .parse()
        .ok()
}

fn available_bytes() -> u64 {
    let available = std::fs::read_to_string("/proc/meminfo")
        .ok()
        .and_then(|info| {
            let line = info.lines().find(|l| l.starts_with("MemAvailable:"))?;
            line.split_whitespace().nth(1)?.parse::<u64>().ok()
        });
    available.unwrap_or(0) * 1024
}

fn page_bytes() -> u64 {
    sysconf(libc::_SC_PAGESIZE)
}

fn sysconf(name: libc::c_int) -> u64 {
    // SAFETY: `sysconf` reads a constant of the system; any name is allowed.
    unsafe { libc::sysconf(name) }.max(0) as u64
}

/// Processor time of the calling thread, in ns; 0 where it cannot be known.
pub(crate) fn thread_cpu_ns() -> u64 {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: `clock_gettime` fills the structure it is given.
    if unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) } != 0 {
        return 0;
    }
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// Makes the calling thread wait for its turn, where it shares a core with others, instead of taking over when it wakes.
pub(crate) fn do_not_preempt_others() {
    #[cfg(target_os = "linux")]
    {
        let parameters = libc::sched_param { sched_priority: 0 };
        // SAFETY: it changes how this thread is scheduled, nothing else; a refusal changes nothing.
        unsafe { libc::sched_setscheduler(0, libc::SCHED_BATCH, &parameters) };
    }
}

/// Whether the system gives huge pages to those who ask for them.
pub(crate) fn huge_pages_on_request() -> bool {
    if cfg!(heaplab_tiny) {
        return false;
    }
    std::fs::read_to_string("/sys/kernel/mm/transparent_hugepage/enabled")
        .is_ok_and(|mode| mode.contains("[madvise]") || mode.contains("[always]"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_system_has_memory_and_this_process_uses_some() {
        let memory = system_memory();
        assert!(memory.total > 0);
        assert!(memory.usable() <= memory.total);
        assert!(resident_bytes() > 0 && resident_bytes() < memory.total);
    }
}
