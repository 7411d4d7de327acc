//! Memory over time: what the heap holds, what it took from the system, its limit, and every collection.

use super::axis::Axis;
use super::frame::{Key, Lane, Layout, Plot, Swatch};
use super::palette::{self, Shade};
use super::{Chart, span_ns};
use crate::format;
use crate::record::{Event, GcEvent, GcKind, HeapSizes, RunRecord, SnapshotWhy};
use crate::stats::{HeapPoint, heap_points, thin};
use crate::summary::{Place, RunSummary};

/// Columns that points are thinned to.
const COLUMNS: usize = 500;
/// Stretches with a tip of their own.
const TIPS: usize = 120;

/// A part of the heap, from the bottom of the stack to its top. The old generation stands below, so that its
/// edge can be compared with the limit.
struct Layer {
    title: &'static str,
    shade: Shade,
    bytes: fn(&HeapSizes) -> u64,
}

const LAYERS: [Layer; 4] = [
    Layer {
        title: "old",
        shade: palette::OLD,
        bytes: |heap| heap.old_bytes,
    },
    Layer {
        title: "large objects",
        shade: palette::LARGE,
        bytes: |heap| heap.large_bytes,
    },
    Layer {
        title: "young",
        shade: palette::YOUNG,
        bytes: |heap| heap.young_bytes,
    },
    Layer {
        title: "external",
        shade: palette::EXTERNAL,
        bytes: |heap| heap.external_bytes,
    },
];

/// The chart of memory over time.
pub(super) fn memory(run: &RunRecord) -> Chart {
    let span = span_ns(run);
    let all = heap_points(&run.events);
    let total = |heap: &HeapSizes| heap.used_bytes() as f64 + heap.external_bytes as f64;
    let points = thin(
        &all,
        COLUMNS,
        (0.0, span as f64),
        |point| point.time_ns as f64,
        |point| total(&point.heap),
    );

    let pressure = RunSummary::of(run).pressure();
    let limit = pressure.limit_bytes as f64;
    let peak = all
        .iter()
        .map(|point| total(&point.heap).max(point.heap.committed_bytes as f64))
        .fold(0.0, f64::max);
    // A limit far above everything would press the curves flat; then the legend names it.
    let shows_limit = limit > 0.0 && peak >= limit * 0.2;
    let most = if shows_limit {
        peak.max(limit * 1.05)
    } else {
        peak
    };

    let layers: Vec<&Layer> = LAYERS
        .iter()
        .filter(|layer| all.iter().any(|point| (layer.bytes)(&point.heap) > 0))
        .collect();
    let mut keys: Vec<Key> = layers
        .iter()
        .map(|layer| {
            let top = all
                .iter()
                .map(|point| (layer.bytes)(&point.heap))
                .max()
                .unwrap_or(0);
            Key::new(
                format!("{}, max {}", layer.title, format::bytes(top as f64)),
                layer.shade,
                Swatch::Area,
            )
        })
        .collect();
    keys.push(Key::new("committed", palette::COMMITTED, Swatch::Line));
    keys.push(Key::new(
        "next major collection at",
        palette::THRESHOLD,
        Swatch::Dashes,
    ));
    let limit_label = format!("{} {}", pressure.place.limit_label(), format::bytes(limit));
    if limit > 0.0 && !shows_limit {
        keys.push(Key::new(
            format!("{limit_label}, far above"),
            palette::LIMIT,
            Swatch::Line,
        ));
    }

    let layout = Layout {
        title: format!("Memory over time: {}", run_name(run)),
        half: false,
        plot_height: 300.0,
        x: Axis::time(span, false),
        y: Axis::bytes(most),
        keys,
        lanes: lanes(run),
    };
    let (svg, inline) = layout.draw(|plot| {
        stack(plot, &points, &layers);
        let committed =
            |point: &HeapPoint| (point.time_ns as f64, point.heap.committed_bytes as f64);
        plot.line(
            &points.iter().map(committed).collect::<Vec<_>>(),
            palette::COMMITTED,
            1.2,
        );
        threshold(plot, &points, most);
        if shows_limit {
            plot.level(limit, &limit_label, palette::LIMIT);
        }
        if points.is_empty() {
            plot.remark("no sample and no collection in the record");
        }
        tips(plot, &points, &layers, span);
    });
    let about = match pressure.place {
        Place::OldGeneration => "the blue and violet layers",
        Place::Outside => "the yellow layer",
    };
    let caption = format!(
        "The layers add up to what is in use; external bytes are held outside the heap by objects in it. \
         The limit is about {about}. Each tick mark below is a collection."
    );
    Chart {
        name: "memory".into(),
        title: "Memory over time".into(),
        caption,
        half: false,
        svg,
        inline,
    }
}

/// `cache`, or `cache with lru`.
pub(super) fn run_name(run: &RunRecord) -> String {
    match &run.info.cure {
        None => run.info.workload.name.clone(),
        Some(cure) => format!("{} with {}", run.info.workload.name, cure.name),
    }
}

fn stack(plot: &mut Plot<'_>, points: &[HeapPoint], layers: &[&Layer]) {
    let mut lower: Vec<(f64, f64)> = points
        .iter()
        .map(|point| (point.time_ns as f64, 0.0))
        .collect();
    for layer in layers {
        let raised = |(&(x, y), point): (&(f64, f64), &HeapPoint)| {
            (x, y + (layer.bytes)(&point.heap) as f64)
        };
        let upper: Vec<(f64, f64)> = lower.iter().zip(points).map(raised).collect();
        plot.area(&lower, &upper, layer.shade, 0.72);
        plot.line(&upper, layer.shade, 1.0);
        lower = upper;
    }
}

/// The size at which the next major collection starts, where it is inside the chart.
fn threshold(plot: &mut Plot<'_>, points: &[HeapPoint], most: f64) {
    let inside = |point: &HeapPoint| {
        point.next_major_bytes > 0 && point.next_major_bytes as f64 <= most * 1.04
    };
    for run in points.chunk_by(|a, b| inside(a) == inside(b)) {
        if inside(&run[0]) {
            // Level until it changes: two points per change.
            let mut steps: Vec<(f64, f64)> = Vec::new();
            for point in run {
                let (x, y) = (point.time_ns as f64, point.next_major_bytes as f64);
                match steps.last() {
                    Some(&(_, before)) if before != y => steps.extend([(x, before), (x, y)]),
                    Some(_) => {}
                    None => steps.push((x, y)),
                }
            }
            if let (Some(&(_, y)), Some(last)) = (steps.last(), run.last()) {
                steps.push((last.time_ns as f64, y));
            }
            plot.dashes(&steps, palette::THRESHOLD, 1.2, 4.0);
        }
    }
}

fn tips(plot: &mut Plot<'_>, points: &[HeapPoint], layers: &[&Layer], span: u64) {
    let width = span as f64 / TIPS as f64;
    for stretch in 0..TIPS {
        let (from, to) = (stretch as f64 * width, (stretch + 1) as f64 * width);
        let place = points.partition_point(|point| (point.time_ns as f64) < to);
        let Some(point) = place.checked_sub(1).map(|place| &points[place]) else {
            continue;
        };
        let mut text = format!(
            "{}, tick {}",
            format::duration(point.time_ns as f64),
            format::count(point.tick as u64)
        );
        for layer in layers.iter().rev() {
            text += &format!(
                "\n{}: {}",
                layer.title,
                format::bytes((layer.bytes)(&point.heap) as f64)
            );
        }
        text += &format!(
            "\ncommitted: {}",
            format::bytes(point.heap.committed_bytes as f64)
        );
        plot.tip(from, to, &text);
    }
}

/// Collections by kind, snapshots and notes, over time.
fn lanes(run: &RunRecord) -> Vec<Lane> {
    let collections = |kind: GcKind| -> Vec<(f64, String)> {
        let of_kind = run.collections().filter(|gc| gc.kind == kind);
        of_kind
            .map(|gc| (gc.start_us as f64 * 1e3, collection_tip(gc)))
            .collect()
    };
    let mut snapshots = Vec::new();
    let mut notes = Vec::new();
    for event in &run.events {
        let moment = event.time_us() as f64 * 1e3;
        match event {
            Event::Snapshot(snapshot) => snapshots.push((
                moment,
                format!(
                    "snapshot {}: {}",
                    snapshot_reason(snapshot.why),
                    snapshot.file
                ),
            )),
            Event::Note(note) => notes.push((
                moment,
                format!("tick {}: {}", format::count(note.tick), note.text),
            )),
            Event::Gc(_) | Event::Sample(_) => {}
        }
    }
    let lanes = [
        Lane {
            label: "minor",
            shade: palette::MINOR,
            marks: collections(GcKind::Minor),
        },
        Lane {
            label: "major",
            shade: palette::MAJOR,
            marks: collections(GcKind::Major),
        },
        Lane {
            label: "snapshot",
            shade: palette::MARK,
            marks: snapshots,
        },
        Lane {
            label: "note",
            shade: palette::LIMIT,
            marks: notes,
        },
    ];
    // The lanes of collections are always there: an empty one says something.
    lanes
        .into_iter()
        .enumerate()
        .filter(|(place, lane)| *place < 2 || !lane.marks.is_empty())
        .map(|(_, lane)| lane)
        .collect()
}

/// What hovering over a collection says.
pub(super) fn collection_tip(gc: &GcEvent) -> String {
    let name = match (gc.kind, gc.incremental) {
        (GcKind::Minor, _) => "Scavenge",
        (GcKind::Major, false) => "Mark-sweep",
        (GcKind::Major, true) => "Incremental mark-sweep",
    };
    format!(
        "{name} #{} at {}\n{} → {} in {}\n{}{}{}",
        gc.sequence,
        format::duration(gc.start_us as f64 * 1e3),
        format::bytes(gc.before.used_bytes() as f64),
        format::bytes(gc.after.used_bytes() as f64),
        format::duration(gc.total_ns as f64),
        gc.reason,
        if gc.collector_reason.is_empty() {
            ""
        } else {
            "; "
        },
        gc.collector_reason,
    )
}

/// Why a snapshot was taken, after the word "snapshot".
pub(crate) fn snapshot_reason(why: SnapshotWhy) -> &'static str {
    match why {
        SnapshotWhy::Start => "at the start",
        SnapshotWhy::Tick => "at a tick asked for",
        SnapshotWhy::NearHeapLimit => "near the heap limit",
        SnapshotWhy::Limit => "at the limit",
        SnapshotWhy::Signal => "on a signal",
        SnapshotWhy::End => "at the end",
    }
}
