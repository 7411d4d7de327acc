//! What the files of heap snapshots are called.

use chrono::{DateTime, Local};
use heaplab_reports::record::SnapshotWhy;

/// Names files: Node's form for the snapshots that Node can take, plain words for the others.
#[derive(Clone, Debug)]
pub(crate) struct SnapshotNames {
    process: u32,
    dated: bool,
    serial: u32,
}

impl SnapshotNames {
    /// Names for this process; on a virtual clock they show no process and no date.
    pub(crate) fn new(virtual_clock: bool) -> Self {
        Self {
            process: if virtual_clock { 1 } else { std::process::id() },
            dated: !virtual_clock,
            serial: 0,
        }
    }

    /// The name of the next snapshot.
    pub(crate) fn next(&mut self, why: SnapshotWhy, tick: u64, now: DateTime<Local>) -> String {
        match why {
            SnapshotWhy::Start => "start.heapsnapshot".into(),
            SnapshotWhy::Limit => "limit.heapsnapshot".into(),
            SnapshotWhy::End => "end.heapsnapshot".into(),
            SnapshotWhy::Tick => format!("tick-{tick}.heapsnapshot"),
            SnapshotWhy::NearHeapLimit | SnapshotWhy::Signal => {
                self.serial += 1;
                let date = if self.dated {
                    now.format("%Y%m%d.%H%M%S").to_string()
                } else {
                    "00000000.000000".into()
                };
                // Thread 0 is Node's main thread.
                format!(
                    "Heap.{date}.{}.0.{:03}.heapsnapshot",
                    self.process, self.serial
                )
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeZone;

    #[test]
    fn names_are_nodes() {
        let now = Local.with_ymd_and_hms(2026, 1, 2, 3, 4, 5).unwrap();
        let mut names = SnapshotNames {
            process: 77,
            dated: true,
            serial: 0,
        };
        let mut next = |why| names.next(why, 500, now);
        assert_eq!(
            next(SnapshotWhy::Signal),
            "Heap.20260102.030405.77.0.001.heapsnapshot"
        );
        assert_eq!(
            next(SnapshotWhy::NearHeapLimit),
            "Heap.20260102.030405.77.0.002.heapsnapshot"
        );
        assert_eq!(next(SnapshotWhy::Tick), "tick-500.heapsnapshot");
        let mut names = SnapshotNames::new(true);
        assert_eq!(
            names.next(SnapshotWhy::Signal, 1, now),
            "Heap.00000000.000000.1.0.001.heapsnapshot"
        );
    }
}
