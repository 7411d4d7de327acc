//! The string table: kept as the file wrote it, decoded when asked.
//!
//! A snapshot holds a million strings of which an analysis reads a few thousand. The escaped bytes
//! between the quotation marks are stored end to end; decoding happens per string. Lone surrogates
//! (`\ud800` without its partner, which regular expressions put into real files) are kept apart in
//! *WTF-8*: UTF-8 extended by three-byte forms for surrogates, so that two strings are equal iff
//! JavaScript says so.
//!
//! ```no_run
//! let snapshot = heapsnapshot::Snapshot::open("app.heapsnapshot")?;
//! for index in snapshot.strings().containing("session=") {
//!     println!("{}", snapshot.strings().get(index));
//! }
//! # Ok::<(), heapsnapshot::ReadError>(())
//! ```

use std::borrow::Cow;

use memchr::memchr;

use crate::memory;

/// All strings of a snapshot.
#[derive(Debug, Default)]
pub struct StringTable {
    /// The text between the quotation marks of every string, still escaped, end to end.
    text: Vec<u8>,
    /// Where each string ends in `text`.
    ends: Vec<u32>,
}

impl StringTable {
    /// From the text of all strings, end to end, and where each ends; `None` if one ends after the text.
    pub(crate) fn from_parts(text: Vec<u8>, ends: Vec<u32>) -> Option<StringTable> {
        let last = ends.last().copied().unwrap_or(0);
        (last as usize <= text.len()).then_some(StringTable { text, ends })
    }

    /// The escaped text of all strings, end to end.
    pub(crate) fn text(&self) -> &[u8] {
        &self.text
    }

    /// Where each string ends in the text.
    pub(crate) fn ends(&self) -> &[u32] {
        &self.ends
    }

    /// Number of strings.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// No strings at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Bytes of escaped text.
    #[must_use]
    pub fn text_bytes(&self) -> usize {
        self.text.len()
    }

    /// The escaped text of string `index` as it stands in the file; `None` past the end.
    #[must_use]
    pub fn escaped(&self, index: u32) -> Option<&[u8]> {
        let index = index as usize;
        let end = *self.ends.get(index)? as usize;
        let start = index
            .checked_sub(1)
            .map_or(0, |before| self.ends[before] as usize);
        self.text.get(start..end)
    }

    /// String `index` in WTF-8: equal iff the JavaScript strings are equal. Empty past the end.
    #[must_use]
    pub fn wtf8(&self, index: u32) -> Cow<'_, [u8]> {
        self.escaped(index).map_or(Cow::Borrowed(b""), unescape)
    }

    /// String `index` as text; lone surrogates and invalid bytes become U+FFFD. Empty past the end.
    #[must_use]
    pub fn get(&self, index: u32) -> Cow<'_, str> {
        lossy(self.wtf8(index))
    }

    /// Every index whose string is exactly `text` (a plain one: no quotation mark, no backslash).
    /// One pass over the table: ask for many at once with [`StringTable::find_all`].
    #[must_use]
    pub fn find(&self, text: &str) -> Vec<u32> {
        let [found] = self.find_all([text]);
        found
    }

    /// For each of `texts`, every index whose string it is. Complexity: one pass over the table.
    #[must_use]
    pub fn find_all<const N: usize>(&self, texts: [&str; N]) -> [Vec<u32>; N] {
        let mut found: [Vec<u32>; N] = std::array::from_fn(|_| Vec::new());
        let longest = texts.iter().map(|text| text.len()).max().unwrap_or(0);
        // Which texts have each length, so that most strings cost one comparison of lengths.
        let mut by_length = vec![Vec::new(); longest + 1];
        for (at, text) in texts.iter().enumerate() {
            by_length[text.len()].push(at);
        }
        let mut start = 0;
        for (index, &end) in self.ends.iter().enumerate() {
            let escaped = &self.text[start..end as usize];
            start = end as usize;
            // Each escaped character is at most six bytes long.
            if escaped.len() > 6 * longest {
                continue;
            }
            let mut check = |string: &[u8]| {
                for &at in by_length
                    .get(string.len())
                    .map(Vec::as_slice)
                    .unwrap_or_default()
                {
                    if texts[at].as_bytes() == string {
                        found[at].push(index as u32);
                    }
                }
            };
            if escaped.len() <= longest && memchr(b'\\', escaped).is_none() {
                check(escaped);
            } else if memchr(b'\\', escaped).is_some() {
                check(&unescape(escaped));
            }
        }
        found
    }

    /// Indexes of all strings whose escaped text contains `needle`. Complexity: one search over
    /// the whole text, one pass over the table.
    #[must_use]
    pub fn containing(&self, needle: &str) -> Vec<u32> {
        let mut found: Vec<u32> = Vec::new();
        let mut index = 0;
        for at in memchr::memmem::find_iter(&self.text, needle.as_bytes()) {
            // The first string that ends after the hit starts. The hits come in order.
            let before = |&&end: &&u32| end as usize <= at;
            index += self.ends[index..].iter().take_while(before).count();
            let whole = at + needle.len() <= self.ends.get(index).map_or(0, |&end| end as usize);
            if whole && found.last() != Some(&(index as u32)) {
                found.push(index as u32);
            }
        }
        found
    }

    /// Adds text to the string that [`StringTable::end_string`] will end. False if the table is full.
    pub(crate) fn append(&mut self, escaped: &[u8]) -> bool {
        if self.text.len() + escaped.len() > u32::MAX as usize {
            return false;
        }
        self.text.extend_from_slice(escaped);
        true
    }

    /// Makes room for at most so many bytes of text, before the first string. What is not used costs
    /// no memory (beyond a huge page) and goes with [`StringTable::shrink`].
    pub(crate) fn reserve(&mut self, bytes: usize) {
        if self.text.is_empty() {
            self.text = memory::with_capacity(bytes.min(u32::MAX as usize));
        }
    }

    pub(crate) fn end_string(&mut self) {
        self.ends.push(self.text.len() as u32);
    }

    pub(crate) fn shrink(&mut self) {
        self.text.shrink_to_fit();
        self.ends.shrink_to_fit();
    }
}

/// WTF-8 as a `str`; what is no Unicode becomes U+FFFD.
pub(crate) fn lossy(wtf8: Cow<'_, [u8]>) -> Cow<'_, str> {
    match wtf8 {
        Cow::Borrowed(bytes) => String::from_utf8_lossy(bytes),
        Cow::Owned(bytes) => Cow::Owned(match String::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
        }),
    }
}

/// Undoes JSON's escapes. Unknown escapes stand for the character after the backslash.
pub(crate) fn unescape(escaped: &[u8]) -> Cow<'_, [u8]> {
    let Some(first) = memchr(b'\\', escaped) else {
        return Cow::Borrowed(escaped);
    };
    let mut out = Vec::with_capacity(escaped.len());
    out.extend_from_slice(&escaped[..first]);
    let mut rest = &escaped[first..];
    while let Some((&byte, after)) = rest.split_first() {
        if byte != b'\\' {
            let plain = memchr(b'\\', rest).unwrap_or(rest.len());
            out.extend_from_slice(&rest[..plain]);
            rest = &rest[plain..];
            continue;
        }
        let Some((&kind, after)) = after.split_first() else {
            break;
        };
        rest = after;
        match kind {
            b'n' => out.push(b'\n'),
            b't' => out.push(b'\t'),
            b'r' => out.push(b'\r'),
            b'b' => out.push(8),
            b'f' => out.push(12),
            b'u' => {
                let Some(unit) = hex4(rest) else { continue };
                rest = &rest[4..];
                let mut code = u32::from(unit);
                if (0xd800..0xdc00).contains(&unit)
                    && let Some(low) = rest.strip_prefix(b"\\u").and_then(hex4)
                    && (0xdc00..0xe000).contains(&low)
                {
                    code = 0x10000 + ((code - 0xd800) << 10) + (u32::from(low) - 0xdc00);
                    rest = &rest[6..];
                }
                push_code(&mut out, code);
            }
            other => out.push(other),
        }
    }
    Cow::Owned(out)
}

fn hex4(text: &[u8]) -> Option<u16> {
    let digits = text.get(..4)?;
    digits.iter().try_fold(0_u16, |value, &digit| {
        Some(value << 4 | u16::try_from((digit as char).to_digit(16)?).ok()?)
    })
}

/// Appends a code point, a surrogate too.
fn push_code(out: &mut Vec<u8>, code: u32) {
    match char::from_u32(code) {
        Some(character) => out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes()),
        None => out.extend_from_slice(&[
            0xe0 | (code >> 12) as u8,
            0x80 | (code >> 6 & 0x3f) as u8,
            0x80 | (code & 0x3f) as u8,
        ]),
    }
}

/// The number a text begins with, as JavaScript's `parseInt` reads it.
pub(crate) fn parse_int(text: &str) -> Option<i64> {
    let text = text.trim_start();
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let length = digits.bytes().take_while(u8::is_ascii_digit).count();
    let value: i64 = digits[..length].parse().ok()?;
    Some(if text.starts_with('-') { -value } else { value })
}

/// Number of UTF-16 units of a WTF-8 text: JavaScript's `length`.
pub(crate) fn utf16_length(wtf8: &[u8]) -> usize {
    // Every character's first byte counts one, those of four bytes two.
    wtf8.iter()
        .map(|&byte| usize::from(byte & 0xc0 != 0x80) + usize::from(byte >= 0xf0))
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(escaped: &[&str]) -> StringTable {
        let mut table = StringTable::default();
        for text in escaped {
            assert!(table.append(text.as_bytes()));
            table.end_string();
        }
        table
    }

    #[test]
    fn escapes_are_undone() {
        let strings = table(&[
            "",
            "plain",
            r#"a\"b\\c\/d\n\t\r\b\f"#,
            r"\u00e9\u20ac",
            r"\ud83d\ude00!",
        ]);
        assert_eq!(strings.get(0), "");
        assert_eq!(strings.get(1), "plain");
        assert_eq!(strings.get(2), "a\"b\\c/d\n\t\r\u{8}\u{c}");
        assert_eq!(strings.get(3), "é€");
        assert_eq!(strings.get(4), "😀!");
        assert_eq!(strings.get(5), "");
        assert_eq!(strings.escaped(5), None);
    }

    #[test]
    fn lone_surrogates_stay_distinct() {
        let strings = table(&[r"\ud800", r"\ud801", r"\udc00\ud800", r"\ud800\u0041"]);
        assert_ne!(strings.wtf8(0), strings.wtf8(1));
        assert_eq!(strings.get(0), "\u{fffd}\u{fffd}\u{fffd}");
        assert_eq!(utf16_length(&strings.wtf8(2)), 2);
        assert!(strings.get(3).ends_with('A'));
    }

    #[test]
    fn broken_escapes_do_no_harm() {
        for text in [
            r"\",
            r"\u",
            r"\u12",
            r"\uzzzz",
            r"\x41",
            r"\ud800\u",
            r"\ud800\uzzzz",
        ] {
            let _ = table(&[text]).get(0);
        }
    }

    #[test]
    fn finding_looks_through_escapes() {
        let strings = table(&[
            "Array",
            r"\u0041rray",
            "Arra",
            "elements",
            "Array",
            "an Array",
        ]);
        assert_eq!(
            strings.find_all(["Array", "elements"]),
            [vec![0, 1, 4], vec![3]]
        );
        assert_eq!(strings.containing("rra"), [0, 1, 2, 4, 5]);
        // "Arra" + "elements" stand side by side, but no string contains both.
        assert_eq!(strings.containing("ael"), [0_u32; 0]);
    }

    #[test]
    fn lengths_are_those_of_javascript() {
        for text in ["", "a", "é", "\u{e000}", "\u{ffff}", "😀", "\u{10ffff}z"] {
            assert_eq!(
                utf16_length(text.as_bytes()),
                text.encode_utf16().count(),
                "{text}"
            );
        }
    }
}
