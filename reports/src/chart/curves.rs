//! The workload's own curves, as `run.json` declares them.

use super::axis::Axis;
use super::frame::{Key, Layout, Swatch};
use super::memory::run_name;
use super::palette::{self, Shade};
use super::{Chart, span_ns};
use crate::format;
use crate::record::{CurveChart, RunRecord, Sample, Unit};
use crate::stats::thin;

/// Columns that points are thinned to.
const COLUMNS: usize = 500;
/// Stretches with a tip of their own.
const TIPS: usize = 100;

/// A named curve over time or ticks; NaN where there is no value.
pub(super) struct Drawn {
    pub(super) title: String,
    pub(super) shade: Shade,
    pub(super) points: Vec<(f64, f64)>,
}

impl Drawn {
    /// The largest value; 0 if none is larger.
    pub(super) fn most(&self) -> f64 {
        self.points.iter().map(|point| point.1).fold(0.0, f64::max)
    }
}

/// Curves that share a chart.
pub(super) struct CurveSet<'a> {
    pub(super) title: String,
    pub(super) unit: &'a Unit,
    pub(super) half: bool,
    /// The scale is logarithmic: of values from 0.
    pub(super) log: bool,
    pub(super) x: Axis,
    /// Where the horizontal axis, which begins at 0, ends.
    pub(super) span: f64,
    pub(super) curves: Vec<Drawn>,
}

/// Whether the chart at `place` of `count` is drawn at half width: all are if they come in pairs; of an odd
/// number the first is wide.
pub(super) fn is_half(place: usize, count: usize) -> bool {
    count > 1 && (place > 0 || count.is_multiple_of(2))
}

/// One chart for each group of curves that the workload declares.
pub(super) fn curves(run: &RunRecord) -> Vec<Chart> {
    let span = span_ns(run);
    let samples: Vec<&Sample> = run.samples().collect();
    let declared: Vec<&CurveChart> = run
        .info
        .charts
        .iter()
        .filter(|chart| !chart.curves.is_empty())
        .collect();
    let charts = declared.iter().enumerate().map(|(place, chart)| {
        let half = is_half(place, declared.len());
        let curves = chart.curves.iter().enumerate().map(|(place, curve)| Drawn {
            title: curve.title.clone(),
            // The first curve in the calm blue; orange-red is for leaks in comparisons.
            shade: palette::curve(place + 1),
            points: points_of(&samples, &curve.name, |sample| sample.time_us as f64 * 1e3),
        });
        let set = CurveSet {
            title: format!("{}: {}", chart.title, run_name(run)),
            unit: &chart.unit,
            half,
            log: false,
            x: Axis::time(span, half),
            span: span as f64,
            curves: curves.collect(),
        };
        let (svg, inline) = draw(set, format::duration);
        Chart {
            name: format!("workload-{}", file_name(&chart.name)),
            title: chart.title.clone(),
            caption: chart.caption.clone(),
            half,
            svg,
            inline,
        }
    });
    charts.collect()
}

/// The values of the curve `name` at each sample, placed by `across`.
pub(super) fn points_of(
    samples: &[&Sample],
    name: &str,
    across: impl Fn(&Sample) -> f64,
) -> Vec<(f64, f64)> {
    samples
        .iter()
        .map(|sample| {
            (
                across(sample),
                sample.values.get(name).copied().unwrap_or(f64::NAN),
            )
        })
        .collect()
}

/// Draws a set of curves; `place` says a moment of the horizontal axis in words.
pub(super) fn draw(set: CurveSet<'_>, place: impl Fn(f64) -> String) -> (String, String) {
    let CurveSet {
        title,
        unit,
        half,
        log,
        x,
        span,
        curves,
    } = set;
    let values = || {
        curves
            .iter()
            .flat_map(|curve| &curve.points)
            .map(|point| point.1)
            .filter(|value| !value.is_nan())
    };
    let (least, most) = (values().fold(0.0, f64::min), values().fold(0.0, f64::max));
    let keys = curves.iter().map(|curve| {
        let last = curve
            .points
            .iter()
            .rev()
            .map(|point| point.1)
            .find(|value| !value.is_nan());
        let label = match last {
            None => format!("{}: no value", curve.title),
            Some(last) => format!("{}, last {}", curve.title, format::value(last, unit)),
        };
        Key::new(label, curve.shade, Swatch::Line)
    });
    let layout = Layout {
        title,
        half,
        plot_height: 190.0,
        x,
        y: match log {
            // A decade below the smallest peak; what is lower lies on the ground.
            true => {
                let peaks = curves.iter().map(Drawn::most).filter(|peak| *peak > 0.0);
                Axis::log_of_unit(unit, peaks.fold(most, f64::min) / 10.0, most)
            }
            false => Axis::of_unit(unit, least, most),
        },
        keys: keys.collect(),
        lanes: Vec::new(),
    };
    layout.draw(|plot| {
        for curve in &curves {
            let height = |point: &(f64, f64)| {
                if point.1.is_nan() {
                    f64::NEG_INFINITY
                } else {
                    point.1
                }
            };
            let points = thin(&curve.points, COLUMNS, (0.0, span), |point| point.0, height);
            // Many points mostly mean noise, which a thick line would fill.
            let width = if points.len() > 300 { 1.3 } else { 1.8 };
            plot.line(&points, curve.shade, width);
        }
        if values().next().is_none() {
            plot.remark("no value in the record");
            return;
        }
        let width = span / TIPS as f64;
        for stretch in 0..TIPS {
            let (from, to) = (stretch as f64 * width, (stretch + 1) as f64 * width);
            let mut text = place(to);
            for curve in &curves {
                let after = curve.points.partition_point(|point| point.0 <= to);
                if let Some((_, value)) = after
                    .checked_sub(1)
                    .map(|last| curve.points[last])
                    .filter(|point| !point.1.is_nan())
                {
                    text += &format!("\n{}: {}", curve.title, format::value(value, unit));
                }
            }
            plot.tip(from, to, &text);
        }
    })
}

/// A name from the record as part of a file's name.
pub(super) fn file_name(name: &str) -> String {
    let safe = |c: char| {
        if c.is_ascii_alphanumeric() || c == '-' {
            c.to_ascii_lowercase()
        } else {
            '-'
        }
    };
    name.chars().take(60).map(safe).collect()
}
