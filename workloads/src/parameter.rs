//! Parameters of workloads: declared with unit, default and meaning, given as `name=value` with units.
//!
//! ```
//! use heaplab_workloads::{Parameters, Value, registry};
//!
//! let (cache, lru) = registry::find("cache", Some("lru"))?;
//! let parameters = Parameters::parse(cache, lru, ["entries=5_000", "bytes=2MB"])?;
//! assert_eq!(parameters.count("entries"), 5000);
//! assert_eq!(parameters.get("bytes"), Some(Value::Bytes(2 << 20)));
//!
//! let error = Parameters::parse(cache, lru, ["entires=5000"]).unwrap_err();
//! assert!(error.to_string().contains("did you mean 'entries'?"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::fmt;

use crate::suggestion::nearest;
use crate::workload::{Cure, Description};

/// What a number counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Unit {
    /// Things.
    Count,
    /// Bytes.
    Bytes,
    /// A share from 0 to 1.
    Ratio,
    /// Ticks: requests of the simulated server.
    Ticks,
    /// Milliseconds on the policy clock.
    Milliseconds,
    /// Nothing: a bare number.
    Number,
}

impl Unit {
    /// The unit's word: `count`, `bytes`, `ratio`, `ticks`, `ms`; a bare number has none.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Count => "count",
            Self::Bytes => "bytes",
            Self::Ratio => "ratio",
            Self::Ticks => "ticks",
            Self::Milliseconds => "ms",
            Self::Number => "",
        }
    }
}

/// A length of time: in ticks, or on the policy clock.
///
/// Ticks are the same on every machine; time is what a deadline in a real server is measured in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Span {
    /// So many ticks.
    Ticks(u64),
    /// So many nanoseconds on the policy clock.
    Nanoseconds(u64),
}

impl Span {
    /// The number without its unit.
    pub const fn length(self) -> u64 {
        match self {
            Self::Ticks(n) | Self::Nanoseconds(n) => n,
        }
    }
}

/// The value of a parameter. The variant of its default decides what values a parameter takes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value {
    /// How many things: `10000`, `10_000`, `10k`, `2M`.
    Count(u64),
    /// Bytes, as V8 counts them (1 KB = 1024): `4096`, `64KB`, `8MB`, `1.5GB`.
    Bytes(u64),
    /// A share from 0 to 1: `0.25` or `25%`.
    Ratio(f64),
    /// A bare number, not below zero.
    Number(f64),
    /// Ticks, `8000` or `8000ticks`; or time on the policy clock, `250ms`, `2s`, `90us`.
    Span(Span),
}

impl Value {
    /// The number in [`Value::unit`].
    pub fn number(self) -> f64 {
        match self {
            Self::Count(n) | Self::Bytes(n) | Self::Span(Span::Ticks(n)) => n as f64,
            Self::Ratio(x) | Self::Number(x) => x,
            Self::Span(Span::Nanoseconds(ns)) => ns as f64 / 1e6,
        }
    }

    /// What the number counts.
    pub const fn unit(self) -> Unit {
        match self {
            Self::Count(_) => Unit::Count,
            Self::Bytes(_) => Unit::Bytes,
            Self::Ratio(_) => Unit::Ratio,
            Self::Number(_) => Unit::Number,
            Self::Span(Span::Ticks(_)) => Unit::Ticks,
            Self::Span(Span::Nanoseconds(_)) => Unit::Milliseconds,
        }
    }

    /// What is expected where this value stands, with an example.
    const fn expected(self) -> &'static str {
        match self {
            Self::Count(_) => "a count such as 10000 or 10k",
            Self::Bytes(_) => "a size such as 4096, 64KB or 8MB",
            Self::Ratio(_) => "a share from 0 to 1, such as 0.25 or 25%",
            Self::Number(_) => "a number such as 0.8",
            Self::Span(_) => "ticks such as 8000, or a time such as 250ms",
        }
    }

    /// Reads `text` as a value of the same kind.
    fn parse_like(self, text: &str) -> Option<Self> {
        let (number, unit) = split_unit(text);
        let number = number.replace('_', "").parse::<f64>().ok()?;
        if !number.is_finite() || number < 0.0 {
            return None;
        }
        let whole = |scale: f64| {
            let scaled = number * scale;
            // Above 2⁵³ not every whole number has a float, and no limit of a workload is that large.
            (scaled.fract() == 0.0 && scaled <= (1u64 << 53) as f64).then_some(scaled as u64)
        };
        Some(match self {
            Self::Count(_) => Self::Count(whole(match unit {
                "" => 1.0,
                "k" | "K" => 1e3,
                "M" => 1e6,
                _ => return None,
            })?),
            Self::Bytes(_) => Self::Bytes(whole(match unit.to_ascii_lowercase().as_str() {
                "" | "b" => 1.0,
                "k" | "kb" | "kib" => 1024.0,
                "m" | "mb" | "mib" => 1024.0 * 1024.0,
                "g" | "gb" | "gib" => 1024.0 * 1024.0 * 1024.0,
                _ => return None,
            })?),
            Self::Ratio(_) => Self::Ratio(match unit {
                "" => number,
                "%" => number / 100.0,
                _ => return None,
            }),
            Self::Number(_) if unit.is_empty() => Self::Number(number),
            Self::Number(_) => return None,
            Self::Span(_) => Self::Span(match unit {
                "" | "tick" | "ticks" => Span::Ticks(whole(1.0)?),
                "ns" => Span::Nanoseconds(whole(1.0)?),
                "us" | "µs" => Span::Nanoseconds(whole(1e3)?),
                "ms" => Span::Nanoseconds(whole(1e6)?),
                "s" => Span::Nanoseconds(whole(1e9)?),
                "min" => Span::Nanoseconds(whole(60e9)?),
                _ => return None,
            }),
        })
    }
}

/// The number at the front of a text, and what follows it.
fn split_unit(text: &str) -> (&str, &str) {
    let text = text.trim();
    let end = text
        .find(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | '_' | '-' | '+')))
        .unwrap_or(text.len());
    (&text[..end], text[end..].trim_start())
}

impl fmt::Display for Value {
    /// As it can be given: `10000`, `8MB`, `0.25`, `8000ticks`, `250ms`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scaled =
            |f: &mut fmt::Formatter<'_>, n: u64, scales: [(u64, &str); 3], rest: &str| match scales
                .iter()
                .find(|(scale, _)| n > 0 && n.is_multiple_of(*scale))
            {
                Some((scale, unit)) => write!(f, "{}{unit}", n / scale),
                None => write!(f, "{n}{rest}"),
            };
        match *self {
            Self::Count(n) => write!(f, "{n}"),
            Self::Bytes(n) => scaled(
                f,
                n,
                [(1 << 30, "GB"), (1 << 20, "MB"), (1 << 10, "KB")],
                "",
            ),
            Self::Ratio(x) | Self::Number(x) => write!(f, "{x}"),
            Self::Span(Span::Ticks(n)) => write!(f, "{n}ticks"),
            Self::Span(Span::Nanoseconds(n)) => scaled(
                f,
                n,
                [(1_000_000_000, "s"), (1_000_000, "ms"), (1_000, "us")],
                "ns",
            ),
        }
    }
}

/// One parameter of a workload.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Parameter {
    /// Its name: lower case, words joined by dashes.
    pub name: &'static str,
    /// The value it has when none is given; its variant decides what can be given.
    pub default: Value,
    /// Least and largest number in the default's unit ([`Value::number`]).
    pub range: (f64, f64),
    /// What it means, in a few words.
    pub meaning: &'static str,
    /// Names of the cures it belongs to; empty: the workload itself, with any cure and without.
    pub cures: &'static [&'static str],
}

impl Parameter {
    /// Whether the workload with this cure has the parameter.
    pub fn applies_to(&self, cure: Option<&Cure>) -> bool {
        self.cures.is_empty() || cure.is_some_and(|cure| self.cures.contains(&cure.name))
    }

    /// Reads a value for this parameter.
    ///
    /// # Errors
    /// It is not of the parameter's kind, or out of its range.
    pub fn parse(&self, text: &str) -> Result<Value, ParameterError> {
        let value = self
            .default
            .parse_like(text)
            .ok_or_else(|| ParameterError::Malformed {
                parameter: self.name,
                given: text.to_owned(),
                expected: self.default.expected(),
            })?;
        self.check(value)
    }

    fn check(&self, value: Value) -> Result<Value, ParameterError> {
        let (least, most) = self.range;
        // A range of ticks says nothing about times, but zero is as wrong for both.
        let in_range = match (self.default, value) {
            (Value::Span(Span::Ticks(_)), Value::Span(Span::Nanoseconds(ns))) => {
                ns > 0 || least <= 0.0
            }
            _ => (least..=most).contains(&value.number()),
        };
        if in_range {
            return Ok(value);
        }
        Err(ParameterError::OutOfRange {
            parameter: self.name,
            given: value,
            least,
            most,
            unit: self.default.unit(),
        })
    }
}

/// A parameter was given that cannot be.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ParameterError {
    /// Not of the form `name=value`.
    #[error("'{given}' is no parameter: write name=value, such as {example}")]
    NoAssignment {
        /// What was given.
        given: String,
        /// One that the workload would take.
        example: String,
    },
    /// The workload has no such parameter.
    #[error("{workload} has no parameter '{given}'{}; it has {}",
        suggestion.map(|name| format!(", did you mean '{name}'?")).unwrap_or_default(),
        known.join(", "))]
    Unknown {
        /// The workload's name.
        workload: &'static str,
        /// The name given.
        given: String,
        /// The declared name nearest to it, if any is near.
        suggestion: Option<&'static str>,
        /// The declared names.
        known: Vec<&'static str>,
    },
    /// The parameter belongs to cures that are not applied.
    #[error("'{parameter}' belongs to the cure {}: add --cure {}", cures.join(" or "), cures[0])]
    OtherCure {
        /// The parameter's name.
        parameter: &'static str,
        /// The cures that have it; at least one.
        cures: &'static [&'static str],
    },
    /// The value cannot be read.
    #[error("{parameter} takes {expected}, not '{given}'")]
    Malformed {
        /// The parameter's name.
        parameter: &'static str,
        /// The text given.
        given: String,
        /// What it takes, with an example.
        expected: &'static str,
    },
    /// The value is too small or too large.
    #[error("{parameter}={given} is out of range: from {least} to {most} {}", unit.as_str())]
    OutOfRange {
        /// The parameter's name.
        parameter: &'static str,
        /// The value given.
        given: Value,
        /// Least number allowed.
        least: f64,
        /// Largest number allowed.
        most: f64,
        /// What the two numbers count.
        unit: Unit,
    },
}

/// The values of all parameters that a workload has with one cure, in the order of their declaration.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameters {
    values: Vec<(&'static Parameter, Value)>,
    workload: &'static str,
}

impl Parameters {
    /// The defaults of `workload` with `cure`.
    pub fn defaults(workload: &Description, cure: Option<&Cure>) -> Self {
        let applying = workload.parameters.iter().filter(|p| p.applies_to(cure));
        Self {
            values: applying.map(|p| (p, p.default)).collect(),
            workload: workload.name,
        }
    }

    /// The defaults, changed by assignments of the form `name=value`; of two for one name the later counts.
    ///
    /// # Errors
    /// An assignment is none, or its name is not declared, belongs to another cure, or its value does not fit.
    pub fn parse<S: AsRef<str>>(
        workload: &Description,
        cure: Option<&Cure>,
        assignments: impl IntoIterator<Item = S>,
    ) -> Result<Self, ParameterError> {
        Self::parse_some(workload, cure, assignments, true)
    }

    /// As [`Parameters::parse`], but skips parameters that only other cures have: one list of assignments
    /// for a leak and all its cures side by side.
    ///
    /// # Errors
    /// As for [`Parameters::parse`]; also for a skipped parameter whose value does not fit.
    pub fn parse_shared<S: AsRef<str>>(
        workload: &Description,
        cure: Option<&Cure>,
        assignments: impl IntoIterator<Item = S>,
    ) -> Result<Self, ParameterError> {
        Self::parse_some(workload, cure, assignments, false)
    }

    fn parse_some<S: AsRef<str>>(
        workload: &Description,
        cure: Option<&Cure>,
        assignments: impl IntoIterator<Item = S>,
        strict: bool,
    ) -> Result<Self, ParameterError> {
        let mut parameters = Self::defaults(workload, cure);
        for assignment in assignments {
            let assignment = assignment.as_ref();
            let Some((name, text)) = assignment.split_once('=') else {
                return Err(ParameterError::NoAssignment {
                    given: assignment.to_owned(),
                    example: workload.parameters.first().map_or_else(
                        || "seed=1".to_owned(),
                        |p| format!("{}={}", p.name, p.default),
                    ),
                });
            };
            let name = name.trim().replace('_', "-");
            let Some(declared) = workload.parameters.iter().find(|p| p.name == name) else {
                let known: Vec<&str> = workload.parameters.iter().map(|p| p.name).collect();
                return Err(ParameterError::Unknown {
                    workload: workload.name,
                    suggestion: nearest(&name, known.iter().copied()),
                    given: name,
                    known,
                });
            };
            let value = declared.parse(text)?;
            match parameters.values.iter_mut().find(|(p, _)| p.name == name) {
                Some((_, slot)) => *slot = value,
                None if strict => {
                    return Err(ParameterError::OtherCure {
                        parameter: declared.name,
                        cures: declared.cures,
                    });
                }
                None => {}
            }
        }
        Ok(parameters)
    }

    /// Each parameter with its value.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&'static Parameter, Value)> + '_ {
        self.values.iter().copied()
    }

    /// The value of one parameter; `None` if the workload with this cure does not have it.
    pub fn get(&self, name: &str) -> Option<Value> {
        let found = self.values.iter().find(|(p, _)| p.name == name);
        found.map(|&(_, value)| value)
    }

    /// The value of a parameter that is a count, a size in bytes or a number of ticks.
    ///
    /// # Panics
    /// If it is not declared so; these accessors are for the code of the workload itself.
    pub fn count(&self, name: &str) -> u64 {
        match self.get(name) {
            Some(Value::Count(n) | Value::Bytes(n)) => n,
            other => self.not_declared(name, "a count or a size", other),
        }
    }

    /// The value of a parameter that is a share or a bare number.
    ///
    /// # Panics
    /// If it is not declared so.
    pub fn number(&self, name: &str) -> f64 {
        match self.get(name) {
            Some(Value::Ratio(x) | Value::Number(x)) => x,
            other => self.not_declared(name, "a share or a number", other),
        }
    }

    /// The value of a parameter that is a length of time.
    ///
    /// # Panics
    /// If it is not declared so.
    pub fn span(&self, name: &str) -> Span {
        match self.get(name) {
            Some(Value::Span(span)) => span,
            other => self.not_declared(name, "a length of time", other),
        }
    }

    fn not_declared(&self, name: &str, kind: &str, found: Option<Value>) -> ! {
        panic!(
            "{} does not declare '{name}' as {kind}: {found:?}",
            self.workload
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: Parameter = Parameter {
        name: "bytes",
        default: Value::Bytes(8 << 20),
        range: (1.0, (1u64 << 40) as f64),
        meaning: "",
        cures: &[],
    };

    fn read(like: Value, text: &str) -> Option<Value> {
        like.parse_like(text)
    }

    #[test]
    fn values_are_read_with_their_units() {
        let (count, size, ratio) = (Value::Count(0), Value::Bytes(0), Value::Ratio(0.0));
        let (number, span) = (Value::Number(0.0), Value::Span(Span::Ticks(0)));
        for (like, text, value) in [
            (count, "10000", Value::Count(10_000)),
            (count, "10_000", Value::Count(10_000)),
            (count, "1.5k", Value::Count(1500)),
            (count, "2M", Value::Count(2_000_000)),
            (size, "4096", Value::Bytes(4096)),
            (size, "8MB", Value::Bytes(8 << 20)),
            (size, "8 mib", Value::Bytes(8 << 20)),
            (size, "1.5GB", Value::Bytes(3 << 29)),
            (ratio, "25%", Value::Ratio(0.25)),
            (ratio, "0.25", Value::Ratio(0.25)),
            (number, "0.8", Value::Number(0.8)),
            (span, "8000", Value::Span(Span::Ticks(8000))),
            (span, "8000ticks", Value::Span(Span::Ticks(8000))),
            (span, "250ms", Value::Span(Span::Nanoseconds(250_000_000))),
            (span, "0.5s", Value::Span(Span::Nanoseconds(500_000_000))),
            (span, "90µs", Value::Span(Span::Nanoseconds(90_000))),
        ] {
            assert_eq!(read(like, text), Some(value), "{text}");
            // What is printed can be read again.
            assert_eq!(read(like, &value.to_string()), Some(value), "{value}");
        }
    }

    #[test]
    fn what_is_no_value_is_refused() {
        for (like, text) in [
            (Value::Count(0), ""),
            (Value::Count(0), "8MB"),
            (Value::Count(0), "0.5"),
            (Value::Count(0), "-3"),
            (Value::Count(0), "1e999"),
            (Value::Count(0), "99999999999999999999"),
            (Value::Bytes(0), "8 ms"),
            (Value::Bytes(0), "0.3KB"),
            (Value::Ratio(0.0), "NaN"),
            (Value::Number(0.0), "1%"),
            (Value::Span(Span::Ticks(0)), "1.5"),
            (Value::Span(Span::Ticks(0)), "3 parsecs"),
        ] {
            assert_eq!(read(like, text), None, "{text}");
        }
    }

    #[test]
    fn a_value_out_of_range_is_refused_with_the_range() {
        let error = SIZE.parse("0").expect_err("0 bytes");
        assert_eq!(
            error.to_string(),
            "bytes=0 is out of range: from 1 to 1099511627776 bytes"
        );
        assert_eq!(SIZE.parse("2KB"), Ok(Value::Bytes(2048)));
        let error = SIZE.parse("2 weeks").expect_err("a time");
        assert_eq!(
            error.to_string(),
            "bytes takes a size such as 4096, 64KB or 8MB, not '2 weeks'"
        );
    }
}
