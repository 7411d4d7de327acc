//! Several runs over each other: the leak and its cures, one colour for each in all charts.

use super::Chart;
use super::axis::Axis;
use super::curves::{self, CurveSet, Drawn, file_name, is_half, points_of};
use super::frame::{Key, Layout, Swatch};
use super::palette::{self, Shade};
use super::pauses::percentile_curves;
use super::rates::steps;
use super::utilisation::mmu_curves;
use super::{span_ns, stretches};
use crate::format;
use crate::record::{RunRecord, Sample, Unit};
use crate::stats::{Rate, Utilisation, heap_points, live_points, rates, thin};
use crate::summary::RunSummary;

/// Columns that points are thinned to.
const COLUMNS: usize = 500;

/// How many times the largest curve of a chart may exceed the smallest on a linear scale.
const FAR_APART: f64 = 25.0;

/// The charts of several runs over each other. `names` are the runs' names, in the same order.
pub fn comparison_charts(runs: &[RunRecord], names: &[String]) -> Vec<Chart> {
    let variants: Vec<Variant<'_>> = runs
        .iter()
        .zip(names)
        .enumerate()
        .map(|(place, (run, name))| Variant {
            run,
            name,
            shade: palette::curve(place),
        })
        .collect();
    let mut charts = vec![memory(&variants)];
    charts.extend(workload_curves(&variants));
    charts.push(percentiles(&variants));
    charts.push(mmu(&variants));
    charts.push(rate_chart(
        &variants,
        "allocation",
        "Allocation rate",
        |bin| bin.allocated,
    ));
    charts.push(rate_chart(
        &variants,
        "promotion",
        "Promotion rate",
        |bin| bin.promoted,
    ));
    charts
}

struct Variant<'a> {
    run: &'a RunRecord,
    name: &'a str,
    shade: Shade,
}

/// How many ticks the longest of the runs made.
fn longest(variants: &[Variant<'_>]) -> f64 {
    let ticks = variants.iter().map(|variant| {
        let sampled = variant
            .run
            .samples()
            .map(|sample| sample.tick)
            .max()
            .unwrap_or(0);
        sampled.max(variant.run.info.end.ticks)
    });
    ticks.max().unwrap_or(0).max(1) as f64
}

/// Old generation and external memory by ticks: what leaks and what the limit is about.
fn memory(variants: &[Variant<'_>]) -> Chart {
    let ticks = longest(variants);
    let held: Vec<(f64, Vec<(f64, f64)>)> = variants
        .iter()
        .map(|variant| {
            let points: Vec<(f64, f64)> = heap_points(&variant.run.events)
                .iter()
                .map(|point| {
                    let bytes =
                        point.heap.old_generation_bytes() as f64 + point.heap.external_bytes as f64;
                    (point.tick, bytes)
                })
                .collect();
            let most = points.iter().map(|point| point.1).fold(0.0, f64::max);
            (
                most,
                thin(
                    &points,
                    COLUMNS,
                    (0.0, ticks),
                    |point| point.0,
                    |point| point.1,
                ),
            )
        })
        .collect();
    let peak = held.iter().map(|(most, _)| *most).fold(0.0, f64::max);
    let pressures = || {
        let summaries = variants.iter().map(|variant| RunSummary::of(variant.run));
        summaries.map(|summary| summary.pressure())
    };
    let limit = pressures().fold(0, |most, p| most.max(p.limit_bytes)) as f64;
    let same = pressures().all(|pressure| pressure.limit_bytes as f64 == limit);
    let about = pressures()
        .max_by(|a, b| a.share().total_cmp(&b.share()))
        .map_or("", |pressure| pressure.place.limit_label());
    let shows_limit = same && limit > 0.0 && peak >= limit * 0.2;
    let layout = Layout {
        title: "Old generation and external memory".into(),
        half: false,
        plot_height: 300.0,
        x: Axis::run_ticks(ticks, false),
        y: Axis::bytes(if shows_limit {
            peak.max(limit * 1.05)
        } else {
            peak
        }),
        keys: variants
            .iter()
            .zip(&held)
            .map(|(variant, (most, _))| {
                Key::new(
                    format!("{}, max {}", variant.name, format::bytes(*most)),
                    variant.shade,
                    Swatch::Line,
                )
            })
            .collect(),
        lanes: Vec::new(),
    };
    let (svg, inline) = layout.draw(|plot| {
        if shows_limit {
            plot.level(
                limit,
                &format!("{about} {}", format::bytes(limit)),
                palette::LIMIT,
            );
        }
        for (variant, (_, points)) in variants.iter().zip(&held) {
            plot.line(points, variant.shade, 1.2);
        }
        for variant in variants {
            let (live, certain) = live_points(&variant.run.events);
            if certain {
                let feet: Vec<(f64, f64)> = live
                    .iter()
                    .map(|point| (point.tick, point.live_bytes))
                    .collect();
                plot.line(&feet, variant.shade, 3.2);
            }
        }
        if held.iter().all(|(_, points)| points.is_empty()) {
            plot.remark("no sample and no collection in the records");
        }
    });
    let caption = "The same requests, in the same order, for every variant: at the same tick the programs have done the same work. \
                   The thick line is what major collections leave alive, the teeth above it are garbage waiting for the next one.";
    Chart {
        name: "memory".into(),
        title: "Old generation and external memory".into(),
        caption: caption.into(),
        half: false,
        svg,
        inline,
    }
}

/// A curve as the workloads declare it.
struct Declared {
    chart: String,
    name: String,
    title: String,
    unit: Unit,
    caption: String,
}

/// One chart for each curve that any of the workloads declares.
fn workload_curves(variants: &[Variant<'_>]) -> Vec<Chart> {
    // A curve is told by its chart and its name; the rest is that of the first run that has it.
    let mut declared: Vec<Declared> = Vec::new();
    for chart in variants.iter().flat_map(|variant| &variant.run.info.charts) {
        for curve in &chart.curves {
            if !declared
                .iter()
                .any(|other| other.chart == chart.name && other.name == curve.name)
            {
                let alone = chart.curves.len() == 1;
                declared.push(Declared {
                    chart: chart.name.clone(),
                    name: curve.name.clone(),
                    title: if alone {
                        chart.title.clone()
                    } else {
                        format!("{}: {}", chart.title, curve.title)
                    },
                    unit: chart.unit.clone(),
                    caption: chart.caption.clone(),
                });
            }
        }
    }
    let ticks = longest(variants);
    let drawn_of = |name: &str| -> Vec<Drawn> {
        let curves = variants.iter().filter_map(|variant| {
            let samples: Vec<&Sample> = variant.run.samples().collect();
            let points = points_of(&samples, name, |sample| sample.tick as f64);
            let has_values = points.iter().any(|point| !point.1.is_nan());
            has_values.then(|| Drawn {
                title: variant.name.to_owned(),
                shade: variant.shade,
                points,
            })
        });
        curves.collect()
    };
    let shown: Vec<_> = declared
        .into_iter()
        .map(|declared| (drawn_of(&declared.name), declared))
        // What is nothing in every variant says nothing.
        .filter(|(drawn, _)| drawn.iter().any(|curve| curve.most() > 0.0))
        .collect();
    let count = shown.len();
    let charts = shown
        .into_iter()
        .enumerate()
        .map(|(place, (curves, declared))| {
            let half = is_half(place, count);
            let log = is_far_apart(&curves, &declared.unit);
            let caption = match log {
                true => format!("{} The scale is logarithmic.", declared.caption),
                false => declared.caption,
            };
            let set = CurveSet {
                log,
                title: declared.title.clone(),
                unit: &declared.unit,
                half,
                x: Axis::run_ticks(ticks, half),
                span: ticks,
                curves,
            };
            let (svg, inline) = curves::draw(set, |tick| {
                format!("tick {}", format::count(tick.round() as u64))
            });
            Chart {
                name: format!(
                    "workload-{}-{}",
                    file_name(&declared.chart),
                    file_name(&declared.name)
                ),
                title: declared.title,
                caption,
                half,
                svg,
                inline,
            }
        });
    charts.collect()
}

/// On one scale the smaller curves would lie on the ground.
fn is_far_apart(curves: &[Drawn], unit: &Unit) -> bool {
    let tops: Vec<f64> = curves
        .iter()
        .map(Drawn::most)
        .filter(|top| *top > 0.0)
        .collect();
    let (least, most) = (
        tops.iter().copied().fold(f64::INFINITY, f64::min),
        tops.iter().copied().fold(0.0, f64::max),
    );
    tops.len() > 1 && most / least >= FAR_APART && *unit != Unit::Ratio
}

fn percentiles(variants: &[Variant<'_>]) -> Chart {
    let sets = variants.iter().map(|variant| {
        let lengths = variant.run.collections().map(|gc| gc.total_ns).collect();
        (variant.name.to_owned(), variant.shade, lengths)
    });
    let (svg, inline) = percentile_curves("Pause percentiles", sets.collect());
    let caption = "All collections, minor and major. Lower is better.";
    Chart {
        name: "pause-percentiles".into(),
        title: "Pause percentiles".into(),
        caption: caption.into(),
        half: true,
        svg,
        inline,
    }
}

fn mmu(variants: &[Variant<'_>]) -> Chart {
    let runs: Vec<(String, Shade, Utilisation)> = variants
        .iter()
        .map(|variant| {
            let utilisation = Utilisation::of(variant.run.collections(), span_ns(variant.run));
            (variant.name.to_owned(), variant.shade, utilisation)
        })
        .collect();
    let (svg, inline) = mmu_curves("Minimum mutator utilisation", &runs);
    let caption = "In the worst window of this length or longer, this share of the time was left to the program. Higher is better.";
    Chart {
        name: "mmu".into(),
        title: "Minimum mutator utilisation".into(),
        caption: caption.into(),
        half: true,
        svg,
        inline,
    }
}

fn rate_chart(variants: &[Variant<'_>], name: &str, title: &str, rate: fn(&Rate) -> f64) -> Chart {
    let span = variants
        .iter()
        .map(|variant| span_ns(variant.run))
        .max()
        .unwrap_or(0);
    let series: Vec<Vec<(f64, f64)>> = variants
        .iter()
        .map(|variant| {
            steps(
                &rates(
                    &variant.run.events,
                    span_ns(variant.run),
                    stretches(variant.run, 70),
                )
                .bins,
                rate,
            )
        })
        .collect();
    let most = series
        .iter()
        .flatten()
        .map(|point| point.1)
        .fold(0.0, f64::max);
    let layout = Layout {
        title: title.to_owned(),
        half: true,
        plot_height: 200.0,
        x: Axis::time(span, true),
        y: Axis::byte_rate(most),
        keys: variants
            .iter()
            .map(|variant| Key::new(variant.name, variant.shade, Swatch::Line))
            .collect(),
        lanes: Vec::new(),
    };
    let (svg, inline) = layout.draw(|plot| {
        for (variant, points) in variants.iter().zip(&series) {
            plot.line(points, variant.shade, 1.5);
        }
    });
    Chart {
        name: name.to_owned(),
        title: title.to_owned(),
        caption: String::new(),
        half: true,
        svg,
        inline,
    }
}
