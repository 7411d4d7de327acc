//! A small model of a generational heap under a leaking server, so that the reports can be tested on records
//! that look like those of real runs: sawteeth, scavenges, major collections at growing thresholds, and the
//! limit. Deterministic: durations follow from bytes, and "noise" from a fixed generator.
#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::path::Path;

use heaplab_reports::record::{
    Clock, Counter, Cure, Curve, CurveChart, Event, GcEvent, GcKind, GcLogPrefix, GroundTruth,
    HeapSizes, Limits, Note, Outcome, Parameter, ParameterValue, PathStep, Phase, RecordWriter,
    RunEnd, RunInfo, Sample, SnapshotTaken, SnapshotWhy, Unit, Workload,
};

pub(crate) const MB: u64 = 1 << 20;
const SLOT: u64 = 256 << 10;

/// What is simulated.
#[derive(Clone, Debug)]
pub(crate) struct Simulation {
    pub workload: &'static str,
    /// Name of the cure and the most entries it lets live; `None` leaks.
    pub cure: Option<(&'static str, u64)>,
    pub ticks: u64,
    pub limit: u64,
    /// Bytes of garbage per tick.
    pub garbage: u64,
    /// Bytes that stay per tick.
    pub kept: u64,
}

impl Default for Simulation {
    fn default() -> Self {
        Self {
            workload: "cache",
            cure: None,
            ticks: 60_000,
            limit: 64 * MB,
            garbage: 9_000,
            kept: 2_100,
        }
    }
}

/// The heap of the model.
#[derive(Debug, Default)]
struct Heap {
    sizes: HeapSizes,
    semi_space: u64,
    threshold: u64,
    /// Live bytes in the old generation; the rest of it is garbage.
    live_old: u64,
    /// Bytes in the young generation that will live.
    live_young: u64,
    now_ns: u64,
    noise: u64,
    sequence: u64,
    allocated: u64,
}

impl Heap {
    /// A number from 0 to `most` that looks random.
    fn noise(&mut self, most: u64) -> u64 {
        self.noise = self
            .noise
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.noise >> 33) % (most + 1)
    }

    fn commit(&mut self) {
        let old = (self.sizes.old_bytes * 104 / 100).div_ceil(SLOT) * SLOT;
        self.sizes.committed_bytes = (old + self.sizes.large_bytes + 2 * self.semi_space)
            .max(self.sizes.committed_bytes * 9 / 10);
    }

    fn event(
        &mut self,
        kind: GcKind,
        reason: &str,
        limit: u64,
        change: impl FnOnce(&mut Self) -> (u64, u64),
    ) -> GcEvent {
        let before = self.sizes;
        let start_us = self.now_ns / 1000;
        let (work_ns, moved) = change(self);
        self.commit();
        let jitter = self.noise(work_ns / 3);
        let total_ns = 40_000 + work_ns + jitter;
        self.now_ns += total_ns;
        self.sequence += 1;
        GcEvent {
            sequence: self.sequence,
            kind,
            reason: reason.into(),
            collector_reason: if kind == GcKind::Major {
                "GC in old space requested".into()
            } else {
                String::new()
            },
            start_us,
            total_ns,
            phases: vec![
                Phase {
                    name: "roots".into(),
                    ns: 30_000,
                },
                Phase {
                    name: "trace".into(),
                    ns: total_ns - 30_000,
                },
            ],
            before,
            after: self.sizes,
            semi_space_capacity_bytes: self.semi_space,
            old_generation_limit_bytes: self.threshold,
            max_old_generation_bytes: limit,
            promoted_bytes: if kind == GcKind::Minor { moved } else { 0 },
            copied_bytes: if kind == GcKind::Minor { moved / 3 } else { 0 },
            marked_bytes: if kind == GcKind::Major {
                self.live_old
            } else {
                0
            },
            average_mu: 0.98,
            current_mu: 0.97,
            ..GcEvent::default()
        }
    }

    fn scavenge(&mut self, limit: u64) -> GcEvent {
        self.event(GcKind::Minor, "allocation failure", limit, |heap| {
            let promoted = heap.live_young;
            heap.sizes.young_bytes = promoted / 8;
            heap.sizes.old_bytes += promoted;
            heap.live_old += promoted;
            heap.live_young = 0;
            if promoted * 4 > heap.semi_space {
                heap.semi_space = (heap.semi_space * 2).min(4 * MB);
            }
            (promoted / 2, promoted)
        })
    }

    fn mark_sweep(&mut self, reason: &str, limit: u64) -> GcEvent {
        self.event(GcKind::Major, reason, limit, |heap| {
            heap.sizes.old_bytes = heap.live_old;
            heap.threshold = (heap.live_old * 17 / 10).clamp(8 * MB, limit);
            (heap.live_old / 4, 0)
        })
    }
}

impl Simulation {
    /// Runs the model and records it into `dir`. The folder's path is given back by the caller's choice.
    pub(crate) fn record(&self, dir: &Path) -> RunInfo {
        let mut writer =
            RecordWriter::create(dir, self.info(), GcLogPrefix::VIRTUAL).expect("a fresh folder");
        let end = self.run(
            |event| writer.record(&event).expect("room on the disk"),
            true,
        );
        let entries = end.ticks as f64;
        writer.info_mut().counters = vec![
            Counter {
                name: "puts".into(),
                title: "Entries put".into(),
                unit: Unit::Count,
                value: entries,
            },
            Counter {
                name: "hit_rate".into(),
                title: "Hit rate".into(),
                unit: Unit::Ratio,
                value: 0.61,
            },
        ];
        writer.finish(end).expect("room on the disk")
    }

    /// Like [`record`](Self::record), but the process dies after `events` events.
    pub(crate) fn record_killed(&self, dir: &Path, events: usize) {
        let mut writer =
            RecordWriter::create(dir, self.info(), GcLogPrefix::VIRTUAL).expect("a fresh folder");
        let mut left = events;
        self.run(
            |event| {
                if left > 0 {
                    left -= 1;
                    writer.record(&event).expect("room on the disk");
                }
            },
            true,
        );
        std::mem::forget(writer);
    }

    /// Everything that is known before the run.
    pub(crate) fn info(&self) -> RunInfo {
        let mut info = RunInfo::new(
            Workload {
                name: self.workload.into(),
                title: "A cache without a bound".into(),
                summary: "Every request looks a key up and stores the answer when it was not there; nothing is ever removed.".into(),
            },
            Limits {
                max_old_space_bytes: self.limit,
                max_semi_space_bytes: 4 * MB,
                initial_semi_space_bytes: MB,
                max_external_bytes: None,
            },
        );
        info.clock = Clock::Virtual;
        info.planned_ticks = Some(self.ticks);
        info.cure = self.cure.map(|(name, most)| Cure {
            name: name.into(),
            summary: format!("The least recently used entries are dropped beyond {most}."),
        });
        info.parameters = vec![
            Parameter {
                name: "value-bytes".into(),
                value: ParameterValue::Number(2048.0),
                unit: Unit::Bytes,
                meaning: "size of an answer".into(),
            },
            Parameter {
                name: "skew".into(),
                value: ParameterValue::Number(0.9),
                unit: Unit::Count,
                meaning: "how unevenly keys are asked for".into(),
            },
        ];
        info.options.insert("policy".into(), "generational".into());
        let step = |edge: &str, class: &str| PathStep {
            edge: edge.into(),
            class: class.into(),
        };
        info.ground_truth = vec![GroundTruth {
            class: "CacheEntry".into(),
            path: vec![
                step("", "Cache"),
                step("entries", "Map"),
                step("table", "(map table)"),
                step("[]", "CacheEntry"),
            ],
            why: "The map holds every entry for ever, although most are never asked for again."
                .into(),
        }];
        let chart =
            |name: &str, title: &str, unit, caption: &str, curves: &[(&str, &str)]| CurveChart {
                name: name.into(),
                title: title.into(),
                unit,
                caption: caption.into(),
                curves: curves
                    .iter()
                    .map(|(name, title)| Curve {
                        name: (*name).into(),
                        title: (*title).into(),
                    })
                    .collect(),
            };
        info.charts = vec![
            chart(
                "entries",
                "Entries in the cache",
                Unit::Count,
                "A bounded cache levels off.",
                &[("entries", "entries")],
            ),
            chart(
                "bytes",
                "Declared against retained bytes",
                Unit::Bytes,
                "What the cache believes it holds, and what it really keeps alive.",
                &[("declared", "declared"), ("retained", "retained")],
            ),
            chart(
                "hit-rate",
                "Hit rate",
                Unit::Ratio,
                "Share of requests answered from the cache.",
                &[("hit_rate", "hit rate")],
            ),
        ];
        info
    }

    /// Runs the model, giving every event to `record`.
    pub(crate) fn run(&self, mut record: impl FnMut(Event), snapshots: bool) -> RunEnd {
        let mut heap = Heap {
            semi_space: MB,
            threshold: 10 * MB,
            ..Heap::default()
        };
        heap.sizes.external_bytes = MB / 2;
        let boxed = |event: GcEvent, tick: u64| {
            Event::Gc(Box::new(GcEvent {
                tick: Some(tick),
                ..event
            }))
        };
        let (mut entries, mut outcome, mut done) = (0_u64, Outcome::Completed, 0);
        let most = self.cure.map_or(u64::MAX, |(_, most)| most);
        let mut notes = 0;
        for tick in 1..=self.ticks {
            let size = self.kept / 2 + heap.noise(self.kept);
            heap.now_ns += 30_000 + heap.noise(20_000);
            let garbage = self.garbage / 2 + heap.noise(self.garbage);
            heap.sizes.young_bytes += size + garbage;
            heap.allocated += size + garbage;
            // A miss stores an answer; the longer the cache, the rarer.
            let new = heap.noise(10_000) > entries.min(6_000);
            if new || self.cure.is_none() {
                entries += 1;
                heap.live_young += size;
                if entries > most {
                    entries = most;
                    heap.live_old = heap.live_old.saturating_sub(size);
                }
            }
            if tick == 2_000 {
                heap.sizes.large_bytes += 3 * MB;
            }
            if heap.sizes.young_bytes > heap.semi_space {
                let event = heap.scavenge(self.limit);
                record(boxed(event, tick));
                if heap.sizes.old_bytes + heap.sizes.large_bytes > heap.threshold {
                    let event = heap.mark_sweep("allocation limit", self.limit);
                    record(boxed(event, tick));
                }
                if heap.sizes.old_bytes + heap.sizes.large_bytes > self.limit {
                    for _ in 0..2 {
                        let event = heap.mark_sweep("last resort", self.limit);
                        record(boxed(event, tick));
                    }
                    let live = heap.live_old + heap.sizes.large_bytes;
                    if live > self.limit - self.limit / 50 {
                        outcome = Outcome::HeapLimit {
                            which: "max old space size".into(),
                            limit_bytes: self.limit,
                            live_bytes: live,
                            requested_bytes: 2_064,
                            collections_tried: 3,
                        };
                        done = tick;
                        break;
                    }
                }
            }
            done = tick;
            let last = tick == self.ticks;
            if tick % 100 == 0 || tick == 1 || last {
                let mut sample = Sample {
                    tick,
                    time_us: heap.now_ns / 1000,
                    heap: heap.sizes,
                    old_generation_limit_bytes: heap.threshold,
                    allocated_bytes: Some(heap.allocated),
                    ..Sample::default()
                };
                let retained = heap.live_old as f64;
                let values = [
                    ("entries", entries as f64),
                    ("declared", entries as f64 * 1_500.0),
                    ("retained", retained),
                ];
                sample.values = values
                    .into_iter()
                    .map(|(name, value)| (name.to_owned(), value))
                    .collect();
                if tick > 1 {
                    sample.values.insert(
                        "hit_rate".into(),
                        0.68 - 0.6 / (1.0 + tick as f64 / 4_000.0),
                    );
                }
                record(Event::Sample(sample));
            }
            if snapshots && (tick == 1_000 || last) {
                record(snapshot(
                    tick,
                    heap.now_ns,
                    if last {
                        SnapshotWhy::End
                    } else {
                        SnapshotWhy::Start
                    },
                ));
            }
            if entries > 9_000 && notes == 0 {
                notes = 1;
                let text = "the cache holds more than 9,000 entries".into();
                record(Event::Note(Note {
                    tick,
                    time_us: heap.now_ns / 1000,
                    name: "cache_large".into(),
                    text,
                }));
            }
        }
        let time_us = heap.now_ns / 1000;
        if snapshots && matches!(outcome, Outcome::HeapLimit { .. }) {
            record(snapshot(done, heap.now_ns, SnapshotWhy::Limit));
        }
        RunEnd {
            ticks: done,
            time_us,
            outcome,
        }
    }
}

fn snapshot(tick: u64, now_ns: u64, why: SnapshotWhy) -> Event {
    let name = match why {
        SnapshotWhy::Start => "start",
        SnapshotWhy::Limit => "limit",
        _ => "end",
    };
    Event::Snapshot(SnapshotTaken {
        file: format!("{name}-{tick}.heapsnapshot"),
        tick,
        time_us: now_ns / 1000,
        why,
        file_bytes: 12_345_678,
        nodes: Some(160_123),
        edges: Some(420_321),
    })
}
