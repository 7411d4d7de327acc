//! Figures for people: bytes, durations, counts and shares with their units, three digits at most.
//!
//! MB are 2^20 bytes, as V8's options and log count them.

use crate::record::Unit;

/// A number with about three significant digits and thousands separated: `0.034`, `1.25`, `41.2`, `41,200`.
pub fn number(value: f64) -> String {
    if !value.is_finite() {
        return "–".into();
    }
    let size = value.abs();
    if size >= 99.95 || value.fract() == 0.0 {
        return separated(value.round());
    }
    let decimals = match size {
        _ if size >= 9.995 => 1,
        _ if size >= 0.9995 => 2,
        _ if size >= 0.01 => 3,
        _ if size >= 0.000_5 => 4,
        _ => return format!("{value:.1e}"),
    };
    format!("{value:.decimals$}")
}

/// A whole number with its thousands separated: `41,200`.
pub fn count(value: u64) -> String {
    separated(value as f64)
}

fn separated(value: f64) -> String {
    let digits = format!("{:.0}", value.abs());
    let mut text = String::from(if value < 0.0 { "−" } else { "" });
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Bytes in the unit that fits: `512 bytes`, `1.50 KB`, `63.1 MB`.
pub fn bytes(value: f64) -> String {
    let (divisor, unit) = byte_unit(value.abs());
    match (unit, value) {
        ("bytes", 1.0) => "1 byte".into(),
        _ => format!("{} {unit}", number(value / divisor)),
    }
}

/// The unit in which `value` bytes are shown, and how many bytes it is.
pub fn byte_unit(value: f64) -> (f64, &'static str) {
    // One decimal less than the unit: 999.95 KB would be written as 1000 KB.
    match value {
        v if v >= 1023.5 * 1_073_741_824.0 => (1_099_511_627_776.0, "TB"),
        v if v >= 1023.5 * 1_048_576.0 => (1_073_741_824.0, "GB"),
        v if v >= 1023.5 * 1024.0 => (1_048_576.0, "MB"),
        v if v >= 1023.5 => (1024.0, "KB"),
        _ => (1.0, "bytes"),
    }
}

/// Nanoseconds in the unit that fits: `850 ns`, `12.4 µs`, `7.25 ms`, `3.20 s`, `2 min 5 s`, `3 h 10 min`.
pub fn duration(ns: f64) -> String {
    let seconds = ns / 1e9;
    if seconds >= 120.0 {
        let whole = seconds.round();
        let (hours, minutes, rest) = (
            (whole / 3600.0).floor(),
            (whole / 60.0).floor() % 60.0,
            whole % 60.0,
        );
        return match (hours, rest) {
            (0.0, 0.0) => format!("{minutes} min"),
            (0.0, _) => format!("{minutes} min {rest} s"),
            _ => format!("{} h {minutes} min", separated(hours)),
        };
    }
    let (divisor, unit) = duration_unit(ns);
    format!("{} {unit}", number(ns / divisor))
}

/// The unit in which `ns` nanoseconds are shown, and how many nanoseconds it is (seconds at most).
pub fn duration_unit(ns: f64) -> (f64, &'static str) {
    match ns.abs() {
        v if v >= 999.5e6 => (1e9, "s"),
        v if v >= 999.5e3 => (1e6, "ms"),
        v if v >= 999.5 => (1e3, "µs"),
        _ => (1.0, "ns"),
    }
}

/// A share of one as a percentage: `97.3%`; neither 0% nor 100% unless it is.
pub fn percent(ratio: f64) -> String {
    let hundredths = ratio * 100.0;
    match hundredths {
        h if !h.is_finite() => "–".into(),
        h if h == 0.0 || h == 100.0 => format!("{h:.0}%"),
        h if h > 0.0 && h < 0.05 => "<0.1%".into(),
        h if h > 99.95 && h < 100.0 => ">99.9%".into(),
        h => format!("{h:.1}%"),
    }
}

/// A value in `unit`, as a table shows it.
pub fn value(value: f64, unit: &Unit) -> String {
    match unit {
        Unit::Count => number(value),
        Unit::Bytes => bytes(value),
        Unit::Ratio => percent(value),
        Unit::Ticks => format!(
            "{} {}",
            number(value),
            if value == 1.0 { "tick" } else { "ticks" }
        ),
        Unit::Nanoseconds => duration(value),
        Unit::Microseconds => duration(value * 1e3),
        Unit::Milliseconds => duration(value * 1e6),
        Unit::Other(unit) => format!("{} {unit}", number(value)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_three_digits() {
        let shown = [
            0.0, 1.0, 1.254, 12.34, 99.96, 123.4, 41_200.0, 0.25, 0.012, -1500.0, 1e-9,
        ]
        .map(number);
        assert_eq!(
            shown,
            [
                "0", "1", "1.25", "12.3", "100", "123", "41,200", "0.250", "0.012", "−1,500",
                "1.0e-9"
            ]
        );
        assert_eq!(number(f64::NAN), "–");
        assert_eq!(count(1_234_567), "1,234,567");
    }

    #[test]
    fn bytes_change_unit_before_they_need_four_digits() {
        let shown = [
            0.0,
            1.0,
            512.0,
            1023.9,
            1536.0,
            63.1 * 1_048_576.0,
            1_073_741_000.0,
        ]
        .map(bytes);
        assert_eq!(
            shown,
            [
                "0 bytes",
                "1 byte",
                "512 bytes",
                "1.00 KB",
                "1.50 KB",
                "63.1 MB",
                "1.00 GB"
            ]
        );
    }

    #[test]
    fn durations_fit_their_unit() {
        let shown = [0.0, 850.0, 12_400.0, 7.25e6, 3.2e9, 125e9, 180e9, 11_400e9].map(duration);
        assert_eq!(
            shown,
            [
                "0 ns",
                "850 ns",
                "12.4 µs",
                "7.25 ms",
                "3.20 s",
                "2 min 5 s",
                "3 min",
                "3 h 10 min"
            ]
        );
    }

    #[test]
    fn shares_are_whole_only_if_they_are() {
        let shown = [0.0, 0.0001, 0.5, 0.9731, 0.99999, 1.0].map(percent);
        assert_eq!(shown, ["0%", "<0.1%", "50.0%", "97.3%", ">99.9%", "100%"]);
    }
}
