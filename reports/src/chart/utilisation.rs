//! How much of the time was left to the program: in the worst window of each length, and over the run.

use super::axis::Axis;
use super::frame::{Key, Layout, Swatch};
use super::memory::run_name;
use super::palette::{self, Shade};
use super::{Chart, span_ns, stretches};
use crate::format;
use crate::record::RunRecord;
use crate::stats::{Utilisation, UtilisationBin};

/// Windows for which utilisation is computed.
const WINDOWS: usize = 80;
/// Most stretches of the run in the chart over time.
const BINS: usize = 140;

/// Minimum mutator utilisation by window length.
pub(super) fn mmu(run: &RunRecord) -> Chart {
    let utilisation = Utilisation::of(run.collections(), span_ns(run));
    let title = format!("Minimum mutator utilisation: {}", run_name(run));
    let (svg, inline) = mmu_curves(
        &title,
        &[(
            "any window of this length or longer".into(),
            palette::OLD,
            utilisation,
        )],
    );
    let caption = "In the worst window of each length, this share of the time was left to the program. \
                   Up to the longest uninterrupted pause it is nothing.";
    Chart {
        name: "mmu".into(),
        title: "Minimum mutator utilisation".into(),
        caption: caption.into(),
        half: true,
        svg,
        inline,
    }
}

/// Draws the bounded utilisation of several runs; of one alone, also the unbounded, which dips.
pub(super) fn mmu_curves(title: &str, runs: &[(String, Shade, Utilisation)]) -> (String, String) {
    let longest = runs
        .iter()
        .map(|(_, _, run)| run.longest_ns())
        .max()
        .unwrap_or(0);
    let span = runs
        .iter()
        .map(|(_, _, run)| run.span_ns())
        .max()
        .unwrap_or(0)
        .max(1000) as f64;
    let least = (if longest > 0 {
        longest as f64 / 30.0
    } else {
        span / 1e4
    })
    .min(span / 10.0);
    let step = (span / least).powf(1.0 / (WINDOWS - 1) as f64);
    let windows: Vec<u64> = (0..WINDOWS)
        .map(|n| (least * step.powi(n as i32)).round() as u64)
        .collect();
    let alone = runs.len() == 1;
    let mut keys: Vec<Key> = runs
        .iter()
        .map(|(name, shade, _)| Key::new(name, *shade, Swatch::Line))
        .collect();
    if alone {
        keys.push(Key::new("this length", palette::THRESHOLD, Swatch::Line));
    }
    let layout = Layout {
        title: title.to_owned(),
        half: true,
        plot_height: 220.0,
        x: Axis::log_time(least, span).titled("length of the window"),
        y: Axis::share(1.0, true),
        keys,
        lanes: Vec::new(),
    };
    layout.draw(|plot| {
        for (name, shade, run) in runs {
            let curve = |values: Vec<f64>| {
                windows
                    .iter()
                    .map(|&w| w as f64)
                    .zip(values)
                    .collect::<Vec<_>>()
            };
            if alone {
                let exact = curve(windows.iter().map(|&window| run.mmu(window)).collect());
                plot.line(&exact, palette::THRESHOLD, 1.0);
            }
            let bounded = curve(run.bmu(&windows));
            plot.line(&bounded, *shade, 2.0);
            if alone {
                for pair in bounded.windows(2) {
                    let window = format::duration(pair[0].0);
                    plot.tip(
                        pair[0].0,
                        pair[1].0,
                        &format!("{name}\n{window}: {} left", format::percent(pair[0].1)),
                    );
                }
            }
        }
    })
}

/// The share of the time that went into collections, over the run.
pub(super) fn share(run: &RunRecord) -> Chart {
    let span = span_ns(run);
    let count = stretches(run, BINS);
    let bins = UtilisationBin::of(run.collections(), span, count);
    let most = bins
        .iter()
        .map(|bin| bin.minor + bin.major)
        .fold(0.0, f64::max);
    let overall = Utilisation::of(run.collections(), span).overall();
    let layout = Layout {
        title: format!("Time spent collecting: {}", run_name(run)),
        half: false,
        plot_height: 150.0,
        x: Axis::time(span, false),
        y: Axis::share(most, false),
        keys: vec![
            Key::new("minor collections", palette::MINOR, Swatch::Area),
            Key::new("major collections", palette::MAJOR, Swatch::Area),
        ],
        lanes: Vec::new(),
    };
    let (svg, inline) = layout.draw(|plot| {
        for bin in &bins {
            let (from, to) = (bin.start_ns as f64, bin.end_ns as f64);
            plot.bar((from, 0.0), (to, bin.major), palette::MAJOR, 0.8);
            plot.bar(
                (from, bin.major),
                (to, bin.major + bin.minor),
                palette::MINOR,
                0.8,
            );
        }
        for bin in &bins {
            let text = format!(
                "{} to {}\nminor {}, major {}",
                format::duration(bin.start_ns as f64),
                format::duration(bin.end_ns as f64),
                format::percent(bin.minor),
                format::percent(bin.major)
            );
            plot.tip(bin.start_ns as f64, bin.end_ns as f64, &text);
        }
    });
    let caption = format!(
        "Of each {}, the share in which the program stood still. All pauses together are {} of the run.",
        format::duration(span as f64 / count as f64),
        format::percent(1.0 - overall)
    );
    Chart {
        name: "utilisation".into(),
        title: "Time spent collecting".into(),
        caption,
        half: false,
        svg,
        inline,
    }
}
