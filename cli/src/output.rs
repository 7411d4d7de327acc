//! Two channels: data on standard output, everything else on standard error.
//!
//! A reader who closes the pipe has seen enough: what is written after that is dropped, and it is no error.
//! Text that comes from files is [`escaped`] before a terminal sees it.

use std::borrow::Cow;
use std::fmt;
use std::io::{self, IsTerminal, Write};

use anstream::{AutoStream, ColorChoice};
use anstyle::{AnsiColor, Style};

use crate::failure::Failure;

/// Headings of a summary.
pub(crate) const HEADING: Style = Style::new().bold();
/// Labels and what is of less weight.
pub(crate) const LABEL: Style = Style::new().dimmed();
/// What went well.
pub(crate) const GOOD: Style = AnsiColor::Green.on_default();
/// What leaks, and limits that were reached.
pub(crate) const BAD: Style = AnsiColor::Red.on_default();
/// Names and paths to copy.
pub(crate) const NAME: Style = AnsiColor::Cyan.on_default();

const ERROR: Style = AnsiColor::Red.on_default().bold();
const WARNING: Style = AnsiColor::Yellow.on_default().bold();

/// Where a command writes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    color: ColorChoice,
    quiet: bool,
}

impl Output {
    /// Colours as asked for (`auto` looks at the terminal, `NO_COLOR` and `CLICOLOR_FORCE`); with `quiet`,
    /// only warnings and errors appear on standard error.
    pub(crate) fn new(color: ColorChoice, quiet: bool) -> Self {
        Self { color, quiet }
    }

    /// Standard output.
    pub(crate) fn data(&self) -> Data {
        Data {
            stream: AutoStream::new(io::stdout(), self.color),
            closed: false,
        }
    }

    /// Standard output for bytes that are no text for a terminal, as they are.
    pub(crate) fn bytes(&self) -> Data {
        Data {
            stream: AutoStream::always_ansi(io::stdout()),
            closed: false,
        }
    }

    /// Standard error.
    fn talk(&self) -> AutoStream<io::Stderr> {
        AutoStream::new(io::stderr(), self.color)
    }

    /// A line for the user, unless `--quiet`.
    pub(crate) fn say(&self, line: impl fmt::Display) {
        if !self.quiet {
            // Nobody can be told that standard error is gone.
            let _ = writeln!(self.talk(), "{line}");
        }
    }

    /// A line that was asked for on standard error.
    pub(crate) fn talk_line(&self, line: impl fmt::Display) {
        let _ = writeln!(self.talk(), "{line}");
    }

    /// A warning: what is wrong, and what to do.
    pub(crate) fn warn(&self, line: impl fmt::Display) {
        let _ = writeln!(self.talk(), "{WARNING}warning:{WARNING:#} {line}");
    }

    /// The reason for which a command ends.
    pub(crate) fn fail(&self, failure: &Failure) {
        let mut talk = self.talk();
        let _ = writeln!(talk, "{ERROR}error:{ERROR:#} {failure}");
        if let Some(hint) = failure.hint_text() {
            let _ = writeln!(talk, "{LABEL}hint:{LABEL:#} {hint}");
        }
    }

    /// Whether a progress bar has a terminal to live on and is wanted.
    pub(crate) fn shows_progress(&self) -> bool {
        !self.quiet && io::stderr().is_terminal() && !is_dumb()
    }
}

/// A terminal that cannot move its cursor.
fn is_dumb() -> bool {
    std::env::var_os("TERM").is_some_and(|term| term == "dumb")
}

/// Standard output that outlives its reader.
#[derive(Debug)]
pub(crate) struct Data {
    stream: AutoStream<io::Stdout>,
    closed: bool,
}

impl Data {
    /// A JSON document, indented, with a final newline.
    ///
    /// # Errors
    /// Standard output cannot be written; a closed pipe is none.
    pub(crate) fn json(&mut self, value: &impl serde::Serialize) -> Result<(), Failure> {
        let text = serde_json::to_string_pretty(value)
            .map_err(|error| Failure::input(format!("standard output: {error}")))?;
        self.text(&format!("{text}\n"))
    }

    /// Text, with its styles if the channel shows them.
    ///
    /// # Errors
    /// As for [`Data::json`].
    pub(crate) fn text(&mut self, text: &str) -> Result<(), Failure> {
        self.write_all(text.as_bytes())
            .and_then(|()| self.flush())
            .map_err(|error| Failure::input(format!("standard output: cannot write: {error}")))
    }

    /// Success once the reader is gone, so that writers go on.
    fn forgive<T>(&mut self, result: io::Result<T>, instead: T) -> io::Result<T> {
        match result {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                self.closed = true;
                Ok(instead)
            }
            other => other,
        }
    }
}

impl Write for Data {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.closed {
            return Ok(bytes.len());
        }
        let result = self.stream.write(bytes);
        self.forgive(result, bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.closed {
            return Ok(());
        }
        let result = self.stream.flush();
        self.forgive(result, ())
    }
}

/// `text` with everything escaped that could move a cursor, change colours, reorder or hide characters.
pub(crate) fn escaped(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_unsafe) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            '\n' => safe.push_str("\\n"),
            '\t' => safe.push_str("\\t"),
            '\r' => safe.push_str("\\r"),
            c if is_unsafe(c) => safe.extend(c.escape_unicode()),
            c => safe.push(c),
        }
    }
    Cow::Owned(safe)
}

/// Controls (C0, DEL, C1), and the characters that reorder, join or hide others.
fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn harmless_text_is_not_copied() {
        assert!(matches!(escaped("CacheEntry – 名前"), Cow::Borrowed(_)));
    }

    #[test]
    fn terminals_see_no_control_characters() {
        assert_eq!(escaped("a\x1b[31mb\n"), "a\\u{1b}[31mb\\n");
        assert_eq!(escaped("\u{9b}2J\u{7f}"), "\\u{9b}2J\\u{7f}");
        assert_eq!(escaped("evil\u{202e}gpj.exe"), "evil\\u{202e}gpj.exe");
    }
}
