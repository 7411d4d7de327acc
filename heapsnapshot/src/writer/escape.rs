//! Texts as JSON strings: everything that is not plain ASCII is escaped, as V8 does, and long texts are cut.

use super::output::{Output, Stopped};

const HEX: &[u8; 16] = b"0123456789abcdef";

/// Writes `"…"` for a text, cut after `most` UTF-16 units; never between the halves of a surrogate pair.
pub(super) fn put_utf8(
    output: &mut Output<'_>,
    mut text: &str,
    most: usize,
) -> Result<(), Stopped> {
    let mut left = most;
    let mut units = [0; 2];
    output.bytes(b"\"")?;
    loop {
        // Plain bytes are ASCII: as many units as bytes, and a character boundary behind them.
        let plain = plain_prefix(&text.as_bytes()[..text.len().min(left)]);
        output.bytes(&text.as_bytes()[..plain])?;
        left -= plain;
        let mut rest = text[plain..].chars();
        let Some(character) = rest.next() else { break };
        let encoded = character.encode_utf16(&mut units);
        if encoded.len() > left {
            break;
        }
        left -= encoded.len();
        for &code in encoded.iter() {
            unit(output, code)?;
        }
        text = rest.as_str();
    }
    output.bytes(b"\",\n")
}

/// The same for bytes that are the code points 0 to 255.
pub(super) fn put_latin1(output: &mut Output<'_>, text: &[u8], most: usize) -> Result<(), Stopped> {
    let mut text = &text[..text.len().min(most)];
    output.bytes(b"\"")?;
    loop {
        let plain = plain_prefix(text);
        output.bytes(&text[..plain])?;
        let [byte, rest @ ..] = &text[plain..] else {
            break;
        };
        unit(output, u16::from(*byte))?;
        text = rest;
    }
    output.bytes(b"\",\n")
}

/// The same for UTF-16 units, which may be lone surrogates.
pub(super) fn put_utf16(output: &mut Output<'_>, text: &[u16], most: usize) -> Result<(), Stopped> {
    let cut = match text.get(..most) {
        Some([kept @ .., 0xd800..=0xdbff]) if matches!(text.get(most), Some(0xdc00..=0xdfff)) => {
            kept
        }
        Some(kept) => kept,
        None => text,
    };
    output.bytes(b"\"")?;
    for &code in cut {
        unit(output, code)?;
    }
    output.bytes(b"\",\n")
}

/// One UTF-16 unit.
#[inline]
fn unit(output: &mut Output<'_>, code: u16) -> Result<(), Stopped> {
    output.record(|room| {
        let short = match code {
            0x08 => b'b',
            0x09 => b't',
            0x0a => b'n',
            0x0c => b'f',
            0x0d => b'r',
            0x22 => b'"',
            0x5c => b'\\',
            0x20..=0x7e => {
                room[0] = code as u8;
                return 1;
            }
            _ => {
                room[..2].copy_from_slice(b"\\u");
                for (at, shift) in [(2, 12), (3, 8), (4, 4), (5, 0)] {
                    room[at] = HEX[usize::from(code >> shift & 15)];
                }
                return 6;
            }
        };
        room[0] = b'\\';
        room[1] = short;
        2
    })
}

/// How many bytes from the start are printable ASCII that JSON takes as they are.
fn plain_prefix(text: &[u8]) -> usize {
    let (words, _) = text.as_chunks::<8>();
    let whole = words
        .iter()
        .take_while(|word| is_plain(u64::from_le_bytes(**word)))
        .count()
        * 8;
    whole
        + text[whole..]
            .iter()
            .take_while(|&&byte| matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\')
            .count()
}

/// True if all eight bytes are printable ASCII, none of them `"` or `\`.
#[inline(always)]
fn is_plain(word: u64) -> bool {
    const LOW: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    // A byte's high bit is set in these if it is: not ASCII; below the space; 127; the quote; the backslash. The subtractions
    // borrow into a neighbour only where a byte is already one to escape.
    let below = word.wrapping_sub(LOW * 0x20);
    let delete = (word ^ (LOW * 0x7f)).wrapping_sub(LOW);
    let quote = (word ^ (LOW * 0x22)).wrapping_sub(LOW);
    let backslash = (word ^ (LOW * 0x5c)).wrapping_sub(LOW);
    (word | below | delete | quote | backslash) & HIGH == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(put: impl FnOnce(&mut Output<'_>) -> Result<(), Stopped>) -> String {
        let mut bytes = Vec::new();
        let mut output = Output::new(Some(&mut bytes));
        put(&mut output).unwrap();
        output.take_back_separator();
        output.finish().unwrap();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn escapes_as_v8_does() {
        let text = "a\"\\\u{8}\t\n\u{c}\r\u{0}\u{1f}~\u{7f}é€😀/";
        assert_eq!(
            written(|output| put_utf8(output, text, 1024)),
            r#""a\"\\\b\t\n\f\r\u0000\u001f~\u007f\u00e9\u20ac\ud83d\ude00/""#
        );
    }

    #[test]
    fn lone_surrogates_are_kept() {
        assert_eq!(
            written(|output| put_utf16(output, &[0x61, 0xd800, 0xdfff, 0xd8ff], 1024)),
            r#""a\ud800\udfff\ud8ff""#
        );
    }

    #[test]
    fn cuts_between_characters() {
        assert_eq!(written(|output| put_utf8(output, "abcdef", 3)), r#""abc""#);
        assert_eq!(written(|output| put_utf8(output, "ab😀", 3)), r#""ab""#);
        assert_eq!(
            written(|output| put_utf8(output, "ab😀", 4)),
            r#""ab\ud83d\ude00""#
        );
        assert_eq!(written(|output| put_utf8(output, "éé", 1)), r#""\u00e9""#);
        assert_eq!(
            written(|output| put_utf16(output, &[0x61, 0xd83d, 0xde00], 2)),
            r#""a""#
        );
        assert_eq!(
            written(|output| put_latin1(output, b"a\xe9b", 2)),
            r#""a\u00e9""#
        );
    }

    #[test]
    fn every_byte_in_every_place_of_a_word() {
        for place in 0..11 {
            for byte in 0..=255_u8 {
                let mut text = *b"plain text!";
                text[place] = byte;
                let json = written(|output| put_latin1(output, &text, 1024));
                let back: String = serde_json::from_str(&json).unwrap();
                assert!(
                    back.chars()
                        .map(|c| c as u32)
                        .eq(text.iter().map(|&b| u32::from(b))),
                    "{byte} at {place}"
                );
                assert!(json.bytes().all(|b| matches!(b, b' '..=b'~')));
            }
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_comes_back(text: String) {
            let json = written(|output| put_utf8(output, &text, usize::MAX));
            proptest::prop_assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
        }

        #[test]
        fn any_cut_is_a_prefix(text in ".{0,40}", most in 0_usize..50) {
            let json = written(|output| put_utf8(output, &text, most));
            let back = serde_json::from_str::<String>(&json).unwrap();
            proptest::prop_assert!(text.starts_with(&back));
            let units = back.encode_utf16().count();
            proptest::prop_assert!(units <= most);
            proptest::prop_assert!(back == text || units + 1 >= most);
        }
    }
}
