//! Values of arguments that clap cannot parse by itself.

use std::time::Duration;

use clap::ValueEnum;
use heaplab_gc::{Compaction, Policy};

/// What time is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Clock {
    /// The machine's clock
    Real,
    /// Fixed costs: the same seed gives the same record, byte for byte
    Virtual,
}

/// Which collectors work together: one of the heap's policies, or each in turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum PolicyChoice {
    /// A copying young generation and a marking old one: V8's
    Generational,
    /// One generation, mark and sweep
    MarkSweep,
    /// One generation, mark and move together
    MarkCompact,
    /// No collection
    None,
    /// Each of them in turn (`compare` only)
    All,
}

impl PolicyChoice {
    /// The policies that are meant.
    pub(crate) fn policies(self) -> Vec<Policy> {
        match self {
            PolicyChoice::Generational => vec![Policy::Generational],
            PolicyChoice::MarkSweep => vec![Policy::MarkSweep],
            PolicyChoice::MarkCompact => vec![Policy::MarkCompact],
            PolicyChoice::None => vec![Policy::None],
            PolicyChoice::All => Policy::ALL.to_vec(),
        }
    }
}

/// Whether old objects are moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum CompactionChoice {
    /// When that wins pages
    Auto,
    /// In every major collection
    Always,
    /// Not at all
    Never,
}

impl From<CompactionChoice> for Compaction {
    fn from(choice: CompactionChoice) -> Compaction {
        match choice {
            CompactionChoice::Auto => Compaction::Auto,
            CompactionChoice::Always => Compaction::Always,
            CompactionChoice::Never => Compaction::Never,
        }
    }
}

/// A time with its unit; a bare number counts seconds.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    const HELP: &str = "write a number with ms, s, min or h, for example 30s";
    let split = text
        .find(|c: char| c.is_ascii_alphabetic())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let seconds = match unit {
        "ms" => 1e-3,
        "" | "s" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        _ => return Err(HELP.into()),
    };
    let number: f64 = number.trim().parse().map_err(|_| HELP)?;
    let time = Duration::try_from_secs_f64(number * seconds)
        .map_err(|_| "too long, or less than nothing")?;
    if time.is_zero() {
        return Err("must be more than nothing".into());
    }
    Ok(time)
}

/// An amount of memory in bytes; a bare number counts MB.
pub(crate) fn memory(text: &str) -> Result<u64, String> {
    const HELP: &str = "write MB, or a number with kB, MB or GB, for example 1.5GB";
    amount(text, 1e6).ok_or_else(|| HELP.to_owned())
}

/// The size of something in bytes; a bare number counts bytes.
pub(crate) fn bytes(text: &str) -> Result<u64, String> {
    const HELP: &str = "write bytes, or a number with kB, MB or GB, for example 100kB";
    amount(text, 1.0).ok_or_else(|| HELP.to_owned())
}

/// Bytes from a number and its unit; a bare number counts `bare` bytes.
fn amount(text: &str, bare: f64) -> Option<u64> {
    let split = text
        .find(|c: char| c.is_ascii_alphabetic())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let bytes = match unit.to_ascii_lowercase().as_str() {
        "" => bare,
        "b" => 1.0,
        "k" | "kb" => 1e3,
        "m" | "mb" => 1e6,
        "g" | "gb" => 1e9,
        _ => return None,
    };
    let number: f64 = number.trim().parse().ok()?;
    // What is too large for the type is its largest value.
    (number >= 0.0 && number.is_finite()).then_some((number * bytes) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_has_units() {
        assert_eq!(memory("10"), Ok(10_000_000));
        assert_eq!(memory("10MB"), Ok(10_000_000));
        assert_eq!(memory("1.5 GB"), Ok(1_500_000_000));
        assert_eq!(memory("300k"), Ok(300_000));
        assert_eq!(memory("0"), Ok(0));
        assert_eq!(memory("99999999999999GB"), Ok(u64::MAX));
        for wrong in ["", "MB", "-1", "1 year", "inf", "1MiB"] {
            assert!(memory(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn sizes_are_bytes_unless_they_say_more() {
        assert_eq!(bytes("100"), Ok(100));
        assert_eq!(bytes("100B"), Ok(100));
        assert_eq!(bytes("100KB"), Ok(100_000));
        assert_eq!(bytes("1.5 MB"), Ok(1_500_000));
        for wrong in ["", "kB", "-1", "1 year", "nan", "1KiB"] {
            let error = bytes(wrong).unwrap_err();
            assert!(error.contains("for example 100kB"), "{error}");
        }
    }

    #[test]
    fn durations_have_units() {
        let ms = |text| duration(text).map(|time| time.as_millis());
        assert_eq!(ms("250ms"), Ok(250));
        assert_eq!(ms("30"), Ok(30_000));
        assert_eq!(ms("1.5s"), Ok(1_500));
        assert_eq!(ms("2min"), Ok(120_000));
        assert_eq!(ms("1h"), Ok(3_600_000));
        for wrong in ["", "s", "0s", "-1s", "1 year", "1e400h", "nan", "inf"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }
}
