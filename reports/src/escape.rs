//! Foreign text in pages and drawings: nothing a record holds can become markup, or hide what it says.

/// `text` for an element's content or a quoted attribute of HTML, SVG and XML.
///
/// Markup characters become entities. Characters that XML forbids, and those that turn the direction of
/// the text around or are invisible, become U+FFFD. Line breaks become spaces.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in plain_chars(text) {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            _ => escaped.push(c),
        }
    }
    escaped
}

/// The characters of `text` that may be shown, but not yet safe as markup.
pub(crate) fn plain(text: &str) -> String {
    plain_chars(text).collect()
}

/// `text` cut to `most` characters, with an ellipsis where something is missing.
pub(crate) fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        None => plain(text),
        Some(_) => plain_chars(text)
            .take(most.saturating_sub(1))
            .chain(['…'])
            .collect(),
    }
}

fn plain_chars(text: &str) -> impl Iterator<Item = char> {
    text.chars().map(|c| match c {
        '\t' | '\n' | '\r' => ' ',
        '\u{0}'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{fffe}' | '\u{ffff}' => '\u{fffd}',
        '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{feff}' => '\u{fffd}',
        _ => c,
    })
}

/// `text` as one segment of a relative link: everything that has a meaning in a URL is percent-encoded.
pub(crate) fn url_segment(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                encoded.push(char::from(byte))
            }
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_and_tricks_are_disarmed() {
        assert_eq!(
            escape("<b a='1' c=\"2\">&"),
            "&lt;b a=&#39;1&#39; c=&quot;2&quot;&gt;&amp;"
        );
        assert_eq!(
            escape("a\u{0}b\u{202e}c\nd\u{1b}[31m"),
            "a\u{fffd}b\u{fffd}c d\u{fffd}[31m"
        );
    }

    #[test]
    fn long_texts_are_cut_between_characters() {
        assert_eq!(cut("äöü", 3), "äöü");
        assert_eq!(cut("äöüß", 3), "äö…");
    }

    #[test]
    fn links_stay_inside_the_folder_as_one_segment() {
        assert_eq!(
            url_segment("a b/../\"c.heapsnapshot"),
            "a%20b%2F..%2F%22c.heapsnapshot"
        );
    }
}
