//! What V8's `--trace-gc-nvp` and HotSpot's `-Xlog:gc*` say of each collection.

/// The collections of one run.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Collections {
    /// Pauses in nanoseconds.
    pub(crate) pauses: Vec<u64>,
    /// Work between pauses (incremental steps) in nanoseconds.
    pub(crate) between: u64,
    /// Bytes that scavenges copied or promoted.
    pub(crate) copied_bytes: u64,
    /// Nanoseconds of marking in each full collection.
    pub(crate) marks: Vec<u64>,
}

fn nanoseconds(milliseconds: f64) -> u64 {
    (milliseconds * 1e6).round() as u64
}

/// The number after `name=`, where `name` begins a word.
fn field(line: &str, name: &str) -> Option<f64> {
    line.split_whitespace()
        .filter_map(|word| word.split_once('='))
        .find(|(key, _)| *key == name)
        .and_then(|(_, value)| value.parse().ok())
}

/// Reads the lines of `--trace-gc-nvp`.
pub(crate) fn v8(output: &str) -> Collections {
    let mut collections = Collections::default();
    for line in output.lines().filter(|line| line.contains(" pause=")) {
        let milliseconds = |name| field(line, name).map_or(0, nanoseconds);
        collections.pauses.push(milliseconds("pause"));
        if line.contains(" gc=s ") {
            let bytes = |name| field(line, name).unwrap_or(0.0) as u64;
            collections.copied_bytes += bytes("promoted") + bytes("new_space_survived");
        } else {
            collections.between += milliseconds("incremental");
            collections.marks.push(milliseconds("mark"));
        }
    }
    collections
}

/// `12.3ms` at the end of a line.
fn ending_milliseconds(line: &str) -> Option<u64> {
    let number = line.trim_end().strip_suffix("ms")?.rsplit(' ').next()?;
    number.parse().ok().map(nanoseconds)
}

/// Kilobytes before and after in `NAME: 1K(2K)->3K(4K)`.
fn before_and_after(line: &str, name: &str) -> Option<(u64, u64)> {
    let rest = line.split_once(name)?.1;
    let (before, rest) = rest.split_once("->")?;
    let kilobytes = |text: &str| text.trim().split('K').next()?.parse::<u64>().ok();
    Some((kilobytes(before)?, kilobytes(rest)?))
}

/// Reads the lines of `-Xlog:gc*`.
pub(crate) fn hotspot(output: &str) -> Collections {
    let mut collections = Collections::default();
    // The survivors stand on the lines before the pause's own: the young ones first, then the old generation.
    let mut survivors = 0;
    for line in output.lines().filter(|line| line.starts_with('[')) {
        if let Some((_, after)) = before_and_after(line, "From: ") {
            survivors = after;
        } else if let Some((before, after)) = before_and_after(line, "Tenured: ") {
            survivors += after.saturating_sub(before);
        } else if line.contains("Phase 1: Mark live objects") {
            collections.marks.extend(ending_milliseconds(line));
        } else if line.contains(") Pause ") {
            let Some(pause) = ending_milliseconds(line) else {
                continue;
            };
            collections.pauses.push(pause);
            if line.contains("Pause Young") {
                collections.copied_bytes += survivors * 1024;
            }
            survivors = 0;
        }
    }
    collections
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_v8() {
        let output = "\
[1:0x1]     2384 ms: pause=29.6 mutator=1148.4 gc=s reduce_memory=0 scavenge=29.51 incremental.steps_count=258 promoted=5684608 new_space_survived=5196512 nodes_promoted=0\n\
[1:0x1]     2433 ms: pause=22.7 mutator=1204.4 gc=mc reduce_memory=0 mark=0.8 mark.roots=0.2 incremental=2.6 incremental.finalize=0.0 promoted=11464 new_space_survived=0\n\
\n{\"bench\":\"queue\"}\n";
        assert_eq!(
            v8(output),
            Collections {
                pauses: vec![29_600_000, 22_700_000],
                between: 2_600_000,
                copied_bytes: 5_684_608 + 5_196_512,
                marks: vec![800_000],
            }
        );
    }

    #[test]
    fn reads_hotspot() {
        let output = "\
[0.1s][info][gc,start    ] GC(0) Pause Young (Allocation Failure)\n\
[0.1s][info][gc,heap     ] GC(0) DefNew: 16384K(32768K)->8000K(32768K) Eden: 16384K(16384K)->0K(16384K) From: 0K(16384K)->8000K(16384K)\n\
[0.1s][info][gc,heap     ] GC(0) Tenured: 100K(16384K)->124K(16384K)\n\
[0.1s][info][gc          ] GC(0) Pause Young (Allocation Failure) 16M->7M(62M) 8.123ms\n\
[0.2s][info][gc,phases   ] GC(1) Phase 1: Mark live objects 898.016ms\n\
[0.2s][info][gc,heap     ] GC(1) DefNew: 0K(32768K)->0K(32768K) Eden: 0K(16384K)->0K(16384K) From: 0K(16384K)->0K(16384K)\n\
[0.2s][info][gc,heap     ] GC(1) Tenured: 124K(16384K)->120K(16384K)\n\
[0.2s][info][gc          ] GC(1) Pause Full (System.gc()) 289M->288M(513M) 1443.357ms\n";
        assert_eq!(
            hotspot(output),
            Collections {
                pauses: vec![8_123_000, 1_443_357_000],
                between: 0,
                copied_bytes: (8000 + 24) * 1024,
                marks: vec![898_016_000],
            }
        );
    }
}
