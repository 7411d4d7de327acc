//! How fast the program allocates, and how much of it reaches the old generation.

use super::axis::Axis;
use super::frame::{Key, Layout, Swatch};
use super::memory::run_name;
use super::palette;
use super::{Chart, span_ns, stretches};
use crate::format;
use crate::record::RunRecord;
use crate::stats::{Rate, rates as rates_of};

/// Most stretches of the run.
const BINS: usize = 140;

/// Allocation and promotion over the run.
pub(super) fn rates(run: &RunRecord) -> Chart {
    let span = span_ns(run);
    let rates = rates_of(&run.events, span, stretches(run, BINS));
    let most = rates
        .bins
        .iter()
        .map(|bin| bin.allocated.max(bin.promoted))
        .fold(0.0, f64::max);
    let layout = Layout {
        title: format!("Allocation and promotion: {}", run_name(run)),
        half: false,
        plot_height: 170.0,
        x: Axis::time(span, false),
        y: Axis::byte_rate(most),
        keys: vec![
            Key::new("allocated", palette::YOUNG, Swatch::Area),
            Key::new("promoted to the old generation", palette::OLD, Swatch::Line),
        ],
        lanes: Vec::new(),
    };
    let (svg, inline) = layout.draw(|plot| {
        let allocated = steps(&rates.bins, |bin| bin.allocated);
        let ground: Vec<(f64, f64)> = allocated.iter().map(|&(x, _)| (x, 0.0)).collect();
        plot.area(&ground, &allocated, palette::YOUNG, 0.35);
        plot.line(&allocated, palette::YOUNG, 1.2);
        plot.line(&steps(&rates.bins, |bin| bin.promoted), palette::OLD, 1.8);
        for bin in &rates.bins {
            let text = format!(
                "{} to {}\nallocated {}/s\npromoted {}/s",
                format::duration(bin.start_ns as f64),
                format::duration(bin.end_ns as f64),
                format::bytes(bin.allocated),
                format::bytes(bin.promoted)
            );
            plot.tip(bin.start_ns as f64, bin.end_ns as f64, &text);
        }
    });
    let mut caption =
        "What the program allocates dies young in the best case; what is promoted must be marked by every major collection."
            .to_owned();
    if !rates.counted {
        caption += " The heap did not count its allocations: these are the growth between events, the least it can have been.";
    }
    Chart {
        name: "allocation".into(),
        title: "Allocation and promotion".into(),
        caption,
        half: false,
        svg,
        inline,
    }
}

/// A rate as a curve of steps over time in ns.
pub(super) fn steps(bins: &[Rate], rate: impl Fn(&Rate) -> f64) -> Vec<(f64, f64)> {
    bins.iter()
        .flat_map(|bin| {
            [
                (bin.start_ns as f64, rate(bin)),
                (bin.end_ns as f64, rate(bin)),
            ]
        })
        .collect()
}
