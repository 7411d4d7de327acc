//! Settings that people write by hand, in TOML.

use serde::de::DeserializeOwned;

/// Reads `text`.
///
/// # Errors
/// One line with the place, from 1, and the reason.
pub(crate) fn parse<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    toml::from_str(text).map_err(|error| {
        let line = error
            .span()
            .map_or(1, |span| 1 + text[..span.start].matches('\n').count());
        format!("line {line}: {}", error.message().replace('\n', " "))
    })
}
