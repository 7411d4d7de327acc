//! Text in columns.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::output::escaped;

/// Most columns of a line.
pub(crate) const WIDTH: usize = 96;

/// `sentence` in lines of at most [`WIDTH`] columns, each behind `indent` spaces and with its newline; nothing
/// if it is empty.
pub(crate) fn paragraph(sentence: &str, indent: usize) -> String {
    let words: Vec<String> = sentence.split_whitespace().map(str::to_owned).collect();
    lines(&words, " ", WIDTH.saturating_sub(indent))
        .iter()
        .map(|line| format!("{:indent$}{line}\n", ""))
        .collect()
}

/// `parts` joined by `between` into lines of at most `width` columns; a longer part has a line of its own.
pub(crate) fn lines(parts: &[String], between: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut columns = 0;
    for part in parts {
        let more = visible_width(between) + visible_width(part);
        match lines.last_mut() {
            Some(line) if columns + more <= width => {
                line.push_str(between);
                line.push_str(part);
                columns += more;
            }
            _ => {
                lines.push(part.clone());
                columns = visible_width(part);
            }
        }
    }
    lines
}

/// The steps of a retaining path, to be set with [`lines`]: each but the last with its arrow.
pub(crate) fn path_steps(path: &str) -> Vec<String> {
    const ARROW: &str = " →";
    let mut steps: Vec<String> = path
        .split(" → ")
        .map(|step| escaped(step).into_owned() + ARROW)
        .collect();
    if let Some(last) = steps.last_mut() {
        last.truncate(last.len() - ARROW.len());
    }
    steps
}

/// `what`, which ends with an s, for `count` of them.
pub(crate) fn plural(count: u64, what: &str) -> &str {
    match count {
        1 => what.strip_suffix('s').unwrap_or(what),
        _ => what,
    }
}

/// Columns of `text` without its styles.
pub(crate) fn visible_width(text: &str) -> usize {
    anstream::adapter::strip_str(text).map(width).sum()
}

/// Columns of `text`, which has no styles: a Chinese character takes two.
pub(crate) fn width(text: &str) -> usize {
    text.width()
}

/// As much of the beginning of `text` as fits into `columns`.
pub(crate) fn beginning(text: &str, columns: usize) -> &str {
    let mut used = 0;
    let fits = text.chars().take_while(|letter| {
        used += letter.width().unwrap_or(0);
        used <= columns
    });
    let mut part = &text[..fits.map(char::len_utf8).sum()];
    // Some characters make those before them wider.
    while width(part) > columns {
        part = part
            .char_indices()
            .next_back()
            .map_or("", |(end, _)| &part[..end]);
    }
    part
}

/// As much of the end of `text` as fits into `columns`.
pub(crate) fn ending(text: &str, columns: usize) -> &str {
    let mut used = 0;
    let fits = text.chars().rev().take_while(|letter| {
        used += letter.width().unwrap_or(0);
        used <= columns
    });
    let mut part = &text[text.len() - fits.map(char::len_utf8).sum::<usize>()..];
    while width(part) > columns {
        let mut letters = part.chars();
        letters.next();
        part = letters.as_str();
    }
    part
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paragraphs_wrap_at_words() {
        let text = paragraph(&"word ".repeat(50), 4);
        assert!(text.lines().count() > 2);
        for line in text.lines() {
            assert!(
                line.len() <= WIDTH && line.starts_with("    word"),
                "{line:?}"
            );
        }
        assert_eq!(paragraph("", 4), "");
    }

    #[test]
    fn paths_break_behind_arrows() {
        let steps = path_steps("a.b → c[…] → D\x07");
        assert_eq!(lines(&steps, " ", 9), ["a.b →", "c[…] →", "D\\u{7}"]);
    }

    #[test]
    fn wide_characters_take_two_columns() {
        assert_eq!(visible_width("\x1b[31m缓存\x1b[0m"), 4);
        assert_eq!((beginning("缓存a", 3), ending("a缓存", 3)), ("缓", "存"));
        assert_eq!((beginning("缓存", 9), ending("缓存", 9)), ("缓存", "缓存"));
        assert_eq!((beginning("缓存", 1), ending("缓存", 0)), ("", ""));
        // A heart of one column that the character behind it makes one of two.
        let heart = "\u{2764}\u{fe0f}".repeat(9);
        for columns in 0..9 {
            assert!(width(beginning(&heart, columns)) <= columns);
            assert!(width(ending(&heart, columns)) <= columns);
        }
    }

    #[test]
    fn styles_take_no_columns() {
        assert_eq!(visible_width("\x1b[31mred\x1b[0m"), 3);
        let parts = [
            "\x1b[1maa\x1b[0m".to_owned(),
            "bb".to_owned(),
            "cc".to_owned(),
        ];
        assert_eq!(lines(&parts, " · ", 7), ["\x1b[1maa\x1b[0m · bb", "cc"]);
    }
}
