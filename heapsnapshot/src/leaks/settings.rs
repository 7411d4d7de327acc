//! Thresholds and the allow-list, from a TOML file.
//!
//! ```toml
//! [thresholds]
//! min_items = 20          # items that must be added in each step
//! min_bytes = 2048        # bytes that must be added in each step
//! enough_bytes = 1000000  # bytes added in each step that matter however few the items are
//! steadiness = 0.5        # the smallest step's growth as a share of the largest's
//!
//! [[allow]]               # a known leak that is not to be reported for now
//! owner = "sessions"      # text that the finding's owner contains
//! class = "Session"       # optional: the class that leaks
//! until = "2027-01-31"    # the day on which it is reported again
//! reason = "fixed in 3.2"
//! ```

use std::fmt;

use crate::toml_file;

/// What counts as growth, and what is not to be reported.
#[derive(Clone, Debug, PartialEq, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
#[derive(Default)]
pub struct Settings {
    /// Thresholds.
    pub thresholds: Thresholds,
    /// Findings that are not to be reported.
    pub allow: Vec<Allowed>,
}

/// What counts as growth.
#[derive(Clone, Debug, PartialEq, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Thresholds {
    /// Items that must be added in each step.
    pub min_items: u64,
    /// Bytes that must be added in each step.
    pub min_bytes: u64,
    /// Bytes added in each step that matter however few the items are, if there are more in every step.
    pub enough_bytes: u64,
    /// The smallest step's growth as a share of the largest's.
    pub steadiness: f64,
    /// Below this confidence a finding is "cannot tell".
    pub min_confidence: f64,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self {
            min_items: 20,
            min_bytes: 2048,
            enough_bytes: 1_000_000,
            steadiness: 0.4,
            min_confidence: 0.5,
        }
    }
}

impl Thresholds {
    /// Whether there are more items in every step, and so many more bytes that few of them matter.
    pub(super) fn enough(&self, items: &[i64], bytes: &[i64]) -> bool {
        let enough = i64::try_from(self.enough_bytes).unwrap_or(i64::MAX);
        !bytes.is_empty()
            && bytes.iter().all(|&step| step >= enough)
            && items.iter().all(|&step| step > 0)
    }
}

/// An entry of the allow-list.
#[derive(Clone, Debug, PartialEq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Allowed {
    /// Text that the finding's owner or path contains.
    pub owner: String,
    /// The class that leaks; any if absent.
    pub class: Option<String>,
    /// The day (`yyyy-mm-dd`) from which it is reported again.
    pub until: String,
    /// Why it is allowed.
    #[serde(default)]
    pub reason: String,
}

/// Why settings were refused.
#[derive(Debug)]
pub struct SettingsError(String);

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for SettingsError {}

impl Settings {
    /// Reads a TOML file's text.
    ///
    /// # Errors
    /// Unknown keys, wrong types, a date that is none; the message says where.
    pub fn parse(text: &str) -> Result<Settings, SettingsError> {
        let settings: Settings = toml_file::parse(text).map_err(SettingsError)?;
        for allowed in &settings.allow {
            if !is_date(&allowed.until) {
                return Err(SettingsError(format!(
                    "allow entry for '{}': until = \"{}\" is no date; write yyyy-mm-dd",
                    allowed.owner, allowed.until
                )));
            }
        }
        Ok(settings)
    }
}

fn is_date(text: &str) -> bool {
    let mut parts = text.split('-').map(|p| (p.len(), p.parse::<u32>()));
    matches!(
        (parts.next(), parts.next(), parts.next(), parts.next()),
        (
            Some((4, Ok(_))),
            Some((2, Ok(1..=12))),
            Some((2, Ok(1..=31))),
            None
        )
    )
}

impl Allowed {
    /// Whether the entry holds on `today` (`yyyy-mm-dd`).
    #[must_use]
    pub fn holds_on(&self, today: &str) -> bool {
        // Dates of this form sort as text.
        today < self.until.as_str()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_read_and_mistakes_named() {
        let text =
            "[thresholds]\nmin_items = 5\n[[allow]]\nowner = \"x\"\nuntil = \"2027-01-31\"\n";
        let settings = Settings::parse(text).expect("settings");
        assert_eq!(settings.thresholds.min_items, 5);
        assert!(settings.allow[0].holds_on("2027-01-30"));
        assert!(!settings.allow[0].holds_on("2027-01-31"));
        let wrong = Settings::parse("[thresholds]\nmin_itms = 5\n").expect_err("unknown key");
        let wrong = wrong.to_string();
        assert!(wrong.starts_with("line 2: "), "{wrong}");
        assert!(wrong.contains("min_itms"), "{wrong}");
        let wrong =
            Settings::parse("[[allow]]\nowner = \"x\"\nuntil = \"soon\"\n").expect_err("no date");
        assert!(wrong.to_string().contains("soon"), "{wrong}");
    }
}
