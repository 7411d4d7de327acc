//! Axes: where a value stands, which values get a label, and what the labels say.

use crate::format;
use crate::record::Unit;

/// How values become positions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scale {
    Linear,
    /// Decades.
    Log,
    /// Quantiles: each nine takes the same room (0.9, 0.99, 0.999, ...).
    Nines,
}

/// One axis of a chart. Values are given to it unscaled: bytes, ns, quantiles.
#[derive(Clone, Debug)]
pub(super) struct Axis {
    scale: Scale,
    /// Positions of the ends.
    lo: f64,
    hi: f64,
    /// Positions with labels.
    ticks: Vec<(f64, String)>,
    /// What it shows, with the unit.
    title: String,
}

impl Axis {
    /// Where `value` stands, inside the axis.
    pub(super) fn at(&self, value: f64) -> f64 {
        let place = match self.scale {
            Scale::Linear => value,
            Scale::Log => value.max(f64::MIN_POSITIVE).log10(),
            Scale::Nines => -(1.0 - value).max(f64::MIN_POSITIVE).log10(),
        };
        if place.is_nan() {
            self.lo
        } else {
            place.clamp(self.lo, self.hi)
        }
    }

    pub(super) fn range(&self) -> std::ops::Range<f64> {
        self.lo..self.hi
    }

    pub(super) fn ticks(&self) -> &[(f64, String)] {
        &self.ticks
    }

    pub(super) fn title(&self) -> &str {
        &self.title
    }

    /// Replaces what the axis says it shows.
    pub(super) fn titled(mut self, title: impl Into<String>) -> Self {
        self.title = title.into();
        self
    }

    /// From 0 (or `least`, if less) to a little over `most`, labelled in units of `divisor`. `exact` ends the
    /// axis at `most` itself, for time, where the end of the run is the end of the chart.
    fn linear(
        least: f64,
        most: f64,
        divisor: f64,
        labels: usize,
        exact: bool,
        suffix: &str,
    ) -> Self {
        // Foreign records may hold any number.
        let sane = |value: f64| if value.is_nan() { 0.0 } else { value };
        let least = sane(least).clamp(-1e18, 0.0) / divisor;
        let most = sane(most).clamp(0.0, 1e18) / divisor;
        // An axis of no length cannot be drawn: nothing but zeros is shown on one of length 1.
        let most = if most > least { most } else { least + 1.0 };
        let step = nice_step((most - least) / labels as f64);
        let lo = (least / step).floor() * step;
        let hi = if exact {
            most
        } else {
            most + (most - least) * 0.04
        };
        let decimals = (-step.log10().floor()).max(0.0) as usize + usize::from(is_quarter(step));
        let first = (lo / step).round() as i64;
        let ticks = (first..)
            .map(|n| n as f64 * step)
            .take_while(|&tick| tick <= hi + step * 1e-9)
            .map(|tick| {
                let label = match decimals {
                    _ if tick == 0.0 => "0".into(),
                    0 => format::number(tick),
                    _ => format!("{tick:.decimals$}"),
                };
                (
                    tick * divisor,
                    if tick == 0.0 {
                        label
                    } else {
                        format!("{label}{suffix}")
                    },
                )
            })
            .collect();
        Self {
            scale: Scale::Linear,
            lo: lo * divisor,
            hi: hi * divisor,
            ticks,
            title: String::new(),
        }
    }

    /// Time from 0 to the end of the run.
    pub(super) fn time(span_ns: u64, half: bool) -> Self {
        let span = span_ns.max(1) as f64;
        let (divisor, unit) = match span {
            s if s >= 10_800e9 => (3600e9, "h"),
            s if s >= 180e9 => (60e9, "min"),
            s => format::duration_unit(s),
        };
        Self::linear(0.0, span, divisor, labels(half), true, "")
            .titled(format!("time since the start ({unit})"))
    }

    /// Ticks from 0 to the end of the run.
    pub(super) fn run_ticks(ticks: f64, half: bool) -> Self {
        Self::linear(0.0, ticks.max(1.0), 1.0, labels(half), true, "")
            .titled("ticks (requests served)")
    }

    /// Bytes from 0.
    pub(super) fn bytes(most: f64) -> Self {
        let (divisor, unit) = format::byte_unit(most.max(1024.0));
        Self::linear(0.0, most, divisor, 5, false, &format!(" {unit}"))
    }

    /// Bytes per second from 0.
    pub(super) fn byte_rate(most: f64) -> Self {
        let (divisor, unit) = format::byte_unit(most.max(1024.0));
        Self::linear(0.0, most, divisor, 5, false, &format!(" {unit}/s"))
    }

    /// A share from 0, labelled in percent; to the whole if `whole`.
    pub(super) fn share(most: f64, whole: bool) -> Self {
        let most = if whole { 1.0 } else { most.clamp(1e-4, 1.0) };
        let mut axis = Self::linear(0.0, most, 0.01, 5, false, "%");
        if most >= 0.96 {
            (axis.hi, axis.lo) = (1.0, 0.0);
            axis.ticks = (0..=4)
                .map(|quarter| (f64::from(quarter) / 4.0, format!("{}%", quarter * 25)))
                .collect();
        }
        axis
    }

    /// An axis for values of `unit` between `least` and `most`.
    pub(super) fn of_unit(unit: &Unit, least: f64, most: f64) -> Self {
        let time = |ns: f64| {
            let (divisor, name) = format::duration_unit(most * ns);
            Self::linear(least, most, divisor / ns, 5, false, &format!(" {name}"))
        };
        match unit {
            Unit::Bytes => Self::bytes(most),
            Unit::Ratio => Self::share(most, most <= 1.0),
            Unit::Nanoseconds => time(1.0),
            Unit::Microseconds => time(1e3),
            Unit::Milliseconds => time(1e6),
            Unit::Count => Self::linear(least, most, 1.0, 5, false, ""),
            Unit::Ticks => Self::linear(least, most, 1.0, 5, false, "").titled("ticks"),
            Unit::Other(unit) => {
                Self::linear(least, most, 1.0, 5, false, "").titled(crate::escape::cut(unit, 24))
            }
        }
    }

    /// Values of `unit` on a logarithmic scale; what is below `least` lies on the ground.
    pub(super) fn log_of_unit(unit: &Unit, least: f64, most: f64) -> Self {
        let to_ns = match unit {
            Unit::Nanoseconds => 1.0,
            Unit::Microseconds => 1e3,
            Unit::Milliseconds => 1e6,
            _ => 0.0,
        };
        // Two decades and a little, so that there are two labels at least.
        let least = least.clamp(if *unit == Unit::Bytes { 1.0 } else { 1e-6 }, 1e18);
        let most = most.clamp(least * 130.0, 1e21);
        let (lo, hi) = (least.log10(), most.log10() + 0.06);
        // Bytes count by 1024: round labels are 1, 10 and 100 of each unit.
        let value_of = |decade: i32| match unit {
            Unit::Bytes => 10_f64.powi(decade.rem_euclid(3)) * 1024_f64.powi(decade.div_euclid(3)),
            _ => 10_f64.powi(decade),
        };
        let label = |value: f64| match unit {
            Unit::Bytes => format::bytes(value),
            _ if to_ns > 0.0 => whole_duration(value * to_ns),
            _ => format::number(value),
        };
        let ticks = (lo.floor() as i32 - 1..=hi.ceil() as i32)
            .map(value_of)
            .filter(|value| (lo - 1e-9..=hi).contains(&value.log10()))
            .map(|value| (value.log10(), label(value)));
        let title = match unit {
            Unit::Ticks => "ticks".into(),
            Unit::Other(unit) => crate::escape::cut(unit, 24),
            _ => String::new(),
        };
        Self {
            scale: Scale::Log,
            lo,
            hi,
            ticks: ticks.collect(),
            title,
        }
    }

    /// Durations on a logarithmic scale, at least a decade, with each label's own unit.
    pub(super) fn log_time(least_ns: f64, most_ns: f64) -> Self {
        let least = least_ns.max(1.0);
        let most = most_ns.max(least);
        // Room around the values; a decade at least, so that equal values do not fill the chart.
        let (mut lo, mut hi) = (least.log10() - 0.12, most.log10() + 0.12);
        if hi - lo < 1.0 {
            let middle = f64::midpoint(hi, lo);
            (lo, hi) = (middle - 0.5, middle + 0.5);
        }
        let steps: &[f64] = match hi - lo {
            decades if decades < 2.5 => &[1.0, 2.0, 5.0],
            decades if decades < 3.5 => &[1.0, 3.0],
            _ => &[1.0],
        };
        let mut ticks = Vec::new();
        for decade in lo.floor() as i32..=hi.ceil() as i32 {
            for step in steps {
                let value = step * 10_f64.powi(decade);
                if (lo..=hi).contains(&value.log10()) {
                    ticks.push((value.log10(), whole_duration(value)));
                }
            }
        }
        Self {
            scale: Scale::Log,
            lo,
            hi,
            ticks,
            title: String::new(),
        }
    }

    /// Quantiles of `count` values: 0, 50 %, 90 %, 99 %, ...
    pub(super) fn quantiles(count: usize) -> Self {
        let hi = (count.max(10) as f64 * 2.0).log10();
        let nines = (1..=hi.floor() as i32).map(|n| (f64::from(n), nines_label(n)));
        let ticks = [(0.0, "0%".to_owned()), (2_f64.log10(), "50%".to_owned())]
            .into_iter()
            .chain(nines)
            .collect();
        Self {
            scale: Scale::Nines,
            lo: 0.0,
            hi,
            ticks,
            title: "share of the pauses that are no longer".into(),
        }
    }
}

/// How many labels a horizontal axis has, about: fewer on a chart of half the width.
fn labels(half: bool) -> usize {
    if half { 6 } else { 10 }
}

/// `90%`, `99%`, `99.9%`, ...
fn nines_label(nines: i32) -> String {
    match nines {
        1 => "90%".into(),
        2 => "99%".into(),
        n => format!("99.{}%", "9".repeat(n as usize - 2)),
    }
}

/// A round duration as a label: `20 µs`.
fn whole_duration(ns: f64) -> String {
    if ns >= 0.999e9 {
        return format!("{} s", format::number((ns / 1e9).round()));
    }
    let (divisor, unit) = format::duration_unit(ns * 1.001);
    format!("{:.0} {unit}", ns / divisor)
}

/// The round number (1, 2, 2.5 or 5 times a power of ten) next above `rough`.
fn nice_step(rough: f64) -> f64 {
    let power = 10_f64.powf(rough.log10().floor());
    let factor = [1.0, 2.0, 2.5, 5.0]
        .into_iter()
        .find(|&factor| factor * power >= rough * 0.999)
        .unwrap_or(10.0);
    factor * power
}

/// The step is 2.5 times a power of ten, and its labels need one decimal more.
fn is_quarter(step: f64) -> bool {
    let mantissa = step / 10_f64.powf(step.log10().floor());
    step < 10.0 && (mantissa - 2.5).abs() < 1e-6
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(axis: &Axis) -> Vec<&str> {
        axis.ticks()
            .iter()
            .map(|(_, label)| label.as_str())
            .collect()
    }

    #[test]
    fn linear_axes_have_round_labels() {
        let axis = Axis::bytes(64.0 * 1_048_576.0);
        assert_eq!(texts(&axis), ["0", "20 MB", "40 MB", "60 MB"]);
        let axis = Axis::time(3_200_000_000, false);
        assert_eq!(
            texts(&axis),
            ["0", "0.5", "1.0", "1.5", "2.0", "2.5", "3.0"]
        );
        assert_eq!(axis.title(), "time since the start (s)");
        assert_eq!(
            texts(&Axis::run_ticks(41_200.0, false)),
            [
                "0", "5,000", "10,000", "15,000", "20,000", "25,000", "30,000", "35,000", "40,000"
            ]
        );
        assert_eq!(
            texts(&Axis::share(0.5, true)),
            ["0%", "25%", "50%", "75%", "100%"]
        );
        assert_eq!(
            texts(&Axis::share(0.012, false)),
            ["0", "0.25%", "0.50%", "0.75%", "1.00%"]
        );
    }

    #[test]
    fn logarithmic_axes_label_their_units() {
        assert_eq!(
            texts(&Axis::log_time(80e3, 12e6)),
            [
                "100 µs", "200 µs", "500 µs", "1 ms", "2 ms", "5 ms", "10 ms"
            ]
        );
        assert_eq!(
            texts(&Axis::log_time(1e3, 2e9)),
            ["1 µs", "10 µs", "100 µs", "1 ms", "10 ms", "100 ms", "1 s"]
        );
        let flat = Axis::log_time(5e6, 5e6);
        assert!(flat.range().end - flat.range().start >= 1.0);
    }

    #[test]
    fn far_apart_values_have_round_labels() {
        let axis = Axis::log_of_unit(&Unit::Bytes, 45e3, 63e6);
        assert_eq!(texts(&axis), ["100 KB", "1 MB", "10 MB"]);
        let axis = Axis::log_of_unit(&Unit::Count, 60.0, 83_436.0);
        assert_eq!(texts(&axis), ["100", "1,000", "10,000"]);
        let axis = Axis::log_of_unit(&Unit::Milliseconds, 0.5, 3000.0);
        assert_eq!(texts(&axis), ["1 ms", "10 ms", "100 ms", "1 s"]);
    }

    #[test]
    fn quantiles_give_each_nine_the_same_room() {
        let axis = Axis::quantiles(800);
        assert_eq!(texts(&axis), ["0%", "50%", "90%", "99%", "99.9%"]);
        assert!((axis.at(0.99) - 2.0).abs() < 1e-9);
        assert_eq!(axis.at(1.0), axis.range().end);
    }

    #[test]
    fn every_axis_has_a_length_and_holds_every_value() {
        let extremes = [0.0, f64::NAN, f64::INFINITY, -1e300, 1e300];
        for axis in [
            Axis::bytes(0.0),
            Axis::time(0, false),
            Axis::time(u64::MAX, false),
            Axis::run_ticks(0.0, true),
            Axis::share(0.0, false),
            Axis::log_time(0.0, 0.0),
            Axis::quantiles(0),
            Axis::of_unit(&Unit::Count, -5.0, 7.0),
            Axis::log_of_unit(&Unit::Bytes, 0.0, 0.0),
            Axis::log_of_unit(&Unit::Count, 3.0, 1e300),
            Axis::of_unit(&Unit::Ratio, 0.0, 3.0),
            Axis::of_unit(&Unit::Microseconds, 0.0, 0.0),
        ] {
            let range = axis.range();
            assert!(
                range.end > range.start && (2..40).contains(&axis.ticks().len()),
                "{axis:?}"
            );
            assert!(
                extremes
                    .iter()
                    .all(|&value| (range.start..=range.end).contains(&axis.at(value))),
                "{axis:?}"
            );
            assert!(
                axis.ticks()
                    .iter()
                    .all(|(place, _)| *place >= range.start - 1e-6),
                "{axis:?}"
            );
        }
    }
}
