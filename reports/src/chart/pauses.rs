//! Pauses over time, and how long which share of them is.

use super::axis::Axis;
use super::frame::{Key, Layout, Swatch};
use super::memory::{collection_tip, run_name};
use super::palette::{self, Shade};
use super::{Chart, span_ns};
use crate::format;
use crate::record::{GcEvent, GcKind, RunRecord};
use crate::stats::PauseSummary;

/// Most pauses that get their own dot per kind; of more, the longest of each stretch are kept.
const MOST_DOTS: usize = 1500;
/// Most dots that get a tip.
const MOST_TIPS: usize = 400;

const KINDS: [(GcKind, &str, Shade); 2] = [
    (GcKind::Minor, "minor", palette::MINOR),
    (GcKind::Major, "major", palette::MAJOR),
];

/// Pauses over time.
pub(super) fn pauses(run: &RunRecord) -> Chart {
    let span = span_ns(run);
    let lengths = || run.collections().map(|gc| gc.total_ns.max(1) as f64);
    let (least, most) = (
        lengths().fold(f64::INFINITY, f64::min),
        lengths().fold(0.0, f64::max),
    );
    let empty = run.collections().next().is_none();
    let keys = KINDS.iter().map(|(kind, name, shade)| {
        let summary = PauseSummary::of(of_kind(run, *kind).map(|gc| gc.total_ns));
        let label = match summary.count {
            0 => format!("{name}: none"),
            1 => format!("{name}: one, {}", format::duration(summary.max_ns as f64)),
            count => format!(
                "{name}: {}, half within {}, longest {}",
                format::count(count),
                format::duration(summary.p50_ns as f64),
                format::duration(summary.max_ns as f64)
            ),
        };
        Key::new(label, *shade, Swatch::Dot)
    });
    let layout = Layout {
        title: format!("Pauses over time: {}", run_name(run)),
        half: false,
        plot_height: 190.0,
        x: Axis::time(span, false),
        y: if empty {
            Axis::log_time(1e5, 1e7)
        } else {
            Axis::log_time(least, most)
        },
        keys: keys.collect(),
        lanes: Vec::new(),
    };
    let (svg, inline) = layout.draw(|plot| {
        for (kind, _, shade) in KINDS {
            let chosen = longest_of_stretches(of_kind(run, kind).collect(), MOST_DOTS);
            let radius = if kind == GcKind::Major { 3.2 } else { 2.2 };
            for gc in &chosen {
                let point = (gc.start_us as f64 * 1e3, gc.total_ns.max(1) as f64);
                plot.dot(point, shade, 0.75, radius);
            }
            for gc in longest_of_stretches(chosen, MOST_TIPS) {
                plot.dot_tip(
                    (gc.start_us as f64 * 1e3, gc.total_ns.max(1) as f64),
                    &collection_tip(gc),
                );
            }
        }
        if empty {
            plot.remark("no collection took place");
        }
    });
    let caption = "Each dot is a collection, at the height of the time for which the program stood still; the scale is logarithmic.";
    Chart {
        name: "pauses".into(),
        title: "Pauses over time".into(),
        caption: caption.into(),
        half: false,
        svg,
        inline,
    }
}

fn of_kind(run: &RunRecord, kind: GcKind) -> impl Iterator<Item = &GcEvent> {
    run.collections().filter(move |gc| gc.kind == kind)
}

/// At most `most` of `collections`: the longest of each of as many equal stretches.
fn longest_of_stretches(collections: Vec<&GcEvent>, most: usize) -> Vec<&GcEvent> {
    if collections.len() <= most {
        return collections;
    }
    let size = collections.len().div_ceil(most);
    collections
        .chunks(size)
        .filter_map(|chunk| chunk.iter().copied().max_by_key(|gc| gc.total_ns))
        .collect()
}

/// How long which share of the pauses is.
pub(super) fn percentiles(run: &RunRecord) -> Chart {
    let sets = KINDS.iter().map(|(kind, name, shade)| {
        let name = format!("{name} collections");
        (
            name,
            *shade,
            of_kind(run, *kind).map(|gc| gc.total_ns).collect(),
        )
    });
    let (svg, inline) = percentile_curves(
        &format!("Pause percentiles: {}", run_name(run)),
        sets.collect(),
    );
    let caption =
        "Read upwards from 99%: all but one in a hundred pauses were no longer than that.";
    Chart {
        name: "pause-percentiles".into(),
        title: "Pause percentiles".into(),
        caption: caption.into(),
        half: true,
        svg,
        inline,
    }
}

/// Draws the quantiles of several sets of pauses, given in any order.
pub(super) fn percentile_curves(
    title: &str,
    sets: Vec<(String, Shade, Vec<u64>)>,
) -> (String, String) {
    let mut sets = sets;
    for (_, _, lengths) in &mut sets {
        lengths.sort_unstable();
    }
    let all = || {
        sets.iter()
            .flat_map(|(_, _, lengths)| lengths)
            .map(|&ns| ns.max(1) as f64)
    };
    let (least, most) = (
        all().fold(f64::INFINITY, f64::min),
        all().fold(0.0, f64::max),
    );
    let largest = sets
        .iter()
        .map(|(_, _, lengths)| lengths.len())
        .max()
        .unwrap_or(0);
    let shown = || sets.iter().filter(|(_, _, lengths)| !lengths.is_empty());
    let layout = Layout {
        title: title.to_owned(),
        half: true,
        plot_height: 220.0,
        x: Axis::quantiles(largest),
        y: if largest == 0 {
            Axis::log_time(1e5, 1e7)
        } else {
            Axis::log_time(least, most)
        },
        keys: shown()
            .map(|(name, shade, _)| Key::new(name, *shade, Swatch::Line))
            .collect(),
        lanes: Vec::new(),
    };
    layout.draw(|plot| {
        for (name, shade, lengths) in shown() {
            let count = lengths.len() as f64;
            // Steps: the nth of `count` pauses covers the quantiles from (n - 1) / count to n / count.
            let mut steps = Vec::new();
            for (place, &ns) in lengths.iter().enumerate() {
                let from = place as f64 / count;
                let next = (place + 1) as f64 / count;
                // The last step has no end on this scale; half a rank is as far as the data go.
                let to = if place + 1 == lengths.len() {
                    1.0 - 0.5 / count
                } else {
                    next
                };
                let height = ns.max(1) as f64;
                if steps.last().is_none_or(|&(_, before)| before != height) {
                    steps.push((from, height));
                }
                if lengths.get(place + 1) != Some(&ns) {
                    steps.push((to, height));
                }
            }
            plot.line(&steps, *shade, 1.8);
            if let Some(&longest) = lengths.last() {
                let end = (1.0 - 0.5 / count, longest.max(1) as f64);
                plot.dot(end, *shade, 1.0, 3.0);
                plot.dot_tip(
                    end,
                    &format!("{name}: longest {}", format::duration(longest as f64)),
                );
            }
        }
        if largest == 0 {
            plot.remark("no collection took place");
        }
    })
}
