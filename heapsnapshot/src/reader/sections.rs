//! The text's structure: keys, values, number arrays and the string array, without recursion.

use std::io::{self, Read};

use memchr::{memchr, memchr2};

use super::window::Window;
use crate::scanner::{self, Path};
use crate::strings::StringTable;

/// Numbers scanned before they are handed on: small enough to stay in the L1 cache.
const BATCH: usize = 1 << 13;

/// Reading stopped.
#[derive(Debug)]
pub(crate) enum Stop {
    /// The text ended.
    End,
    /// The text does not continue as JSON must.
    Syntax(String),
    /// The system refused.
    Io(io::Error),
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Stop {
        match error.kind() {
            // Compressed data cut short.
            io::ErrorKind::UnexpectedEof => Stop::End,
            io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput => {
                Stop::Syntax(format!("the compressed data is damaged: {error}"))
            }
            _ => Stop::Io(error),
        }
    }
}

/// What a number array held besides its numbers.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Numbers {
    /// Numbers read.
    pub(crate) count: u64,
    /// Offset of the first byte that should not be there.
    pub(crate) odd: Option<u64>,
    /// Offset of the first number of 2^32 or more.
    pub(crate) wrapped: Option<u64>,
    /// Numbers after the last whole record.
    pub(crate) remainder: usize,
    /// Offset of the byte behind the last one read.
    pub(crate) end: u64,
}

/// A reader of JSON's outer structure.
pub(crate) struct Sections<R> {
    window: Window<R>,
    path: Path,
    batch: Vec<u32>,
}

impl<R: Read> Sections<R> {
    pub(crate) fn new(source: R, path: Path) -> Sections<R> {
        Sections {
            window: Window::new(source),
            path,
            batch: vec![0; BATCH],
        }
    }

    pub(crate) fn offset(&self) -> u64 {
        self.window.offset()
    }

    /// Reads what follows the text, for the failures of the source alone: compressed text has checksums at its end.
    pub(crate) fn rest(&mut self) -> Result<(), Stop> {
        loop {
            let all = self.window.bytes().len();
            self.window.consume(all);
            if !self.window.fill()? {
                return Ok(());
            }
        }
    }

    /// The next byte that is no blank, not used up.
    pub(crate) fn peek(&mut self) -> Result<u8, Stop> {
        loop {
            let bytes = self.window.bytes();
            match bytes.iter().position(|byte| !byte.is_ascii_whitespace()) {
                Some(blanks) => {
                    let byte = bytes[blanks];
                    self.window.consume(blanks);
                    return Ok(byte);
                }
                None => {
                    let blanks = bytes.len();
                    self.window.consume(blanks);
                    if !self.window.fill()? {
                        return Err(Stop::End);
                    }
                }
            }
        }
    }

    /// Uses up `byte`, after blanks.
    pub(crate) fn expect(&mut self, byte: u8) -> Result<(), Stop> {
        let found = self.peek()?;
        if found != byte {
            let (found, byte) = (found.escape_ascii(), byte as char);
            return Err(Stop::Syntax(format!("found `{found}` instead of `{byte}`")));
        }
        self.window.consume(1);
        Ok(())
    }

    /// Uses up a byte order mark, if there is one.
    pub(crate) fn skip_mark(&mut self) -> Result<(), Stop> {
        while self.window.bytes().len() < 3 && self.window.fill()? {}
        if self.window.bytes().starts_with(&[0xef, 0xbb, 0xbf]) {
            self.window.consume(3);
        }
        Ok(())
    }

    /// Hands on the text of a string after its opening quotation mark, up to the closing one.
    fn string_text(&mut self, mut take: impl FnMut(&[u8]) -> Result<(), Stop>) -> Result<(), Stop> {
        loop {
            let bytes = self.window.bytes();
            match memchr2(b'"', b'\\', bytes) {
                Some(at) if bytes[at] == b'"' => {
                    take(&bytes[..at])?;
                    self.window.consume(at + 1);
                    return Ok(());
                }
                // A backslash and what it escapes stay together.
                Some(at) if at + 1 < bytes.len() => {
                    take(&bytes[..at + 2])?;
                    self.window.consume(at + 2);
                }
                found => {
                    let whole = found.unwrap_or(bytes.len());
                    take(&bytes[..whole])?;
                    self.window.consume(whole);
                    if !self.window.fill()? {
                        return Err(Stop::End);
                    }
                }
            }
        }
    }

    /// A key, which must be short.
    pub(crate) fn key(&mut self) -> Result<String, Stop> {
        self.expect(b'"')?;
        let mut key = Vec::new();
        self.string_text(|text| {
            key.extend_from_slice(text);
            if key.len() > 1024 {
                Err(Stop::Syntax("a key of over 1024 bytes".to_owned()))
            } else {
                Ok(())
            }
        })?;
        Ok(String::from_utf8_lossy(&key).into_owned())
    }

    /// Any value, handed on as it is written: structure is counted, not followed.
    pub(crate) fn value(
        &mut self,
        mut take: impl FnMut(&[u8]) -> Result<(), Stop>,
    ) -> Result<(), Stop> {
        let first = self.peek()?;
        if !matches!(first, b'{' | b'[' | b'"') {
            return self.scalar(take);
        }
        let mut depth = 0_u64;
        loop {
            let bytes = self.window.bytes();
            let Some(at) = bytes
                .iter()
                .position(|byte| matches!(byte, b'{' | b'[' | b'}' | b']' | b'"'))
            else {
                take(bytes)?;
                let all = bytes.len();
                self.window.consume(all);
                if !self.window.fill()? {
                    return Err(Stop::End);
                }
                continue;
            };
            let byte = bytes[at];
            take(&bytes[..=at])?;
            self.window.consume(at + 1);
            match byte {
                b'{' | b'[' => depth += 1,
                b'"' => {
                    self.string_text(&mut take)?;
                    take(b"\"")?;
                }
                _ => depth = depth.saturating_sub(1),
            }
            if depth == 0 {
                return Ok(());
            }
        }
    }

    /// A number, `true`, `false` or `null`.
    fn scalar(&mut self, mut take: impl FnMut(&[u8]) -> Result<(), Stop>) -> Result<(), Stop> {
        loop {
            let bytes = self.window.bytes();
            let end = bytes.iter().position(|&byte| {
                byte.is_ascii_whitespace()
                    || matches!(byte, b',' | b'}' | b']' | b'"' | b'{' | b'[' | b':')
            });
            take(&bytes[..end.unwrap_or(bytes.len())])?;
            let used = end.unwrap_or(bytes.len());
            self.window.consume(used);
            if end.is_some() {
                return Ok(());
            }
            if !self.window.fill()? {
                return Err(Stop::End);
            }
        }
    }

    /// An array of numbers, handed on in batches of whole records of `stride` numbers.
    ///
    /// As in DevTools every run of digits is a number and the first `]` ends the array.
    pub(crate) fn numbers(
        &mut self,
        stride: usize,
        numbers: &mut Numbers,
        mut take: impl FnMut(&[u32]) -> Result<(), Stop>,
    ) -> Result<(), Stop> {
        self.expect(b'[')?;
        let mut kept = 0;
        loop {
            let bytes = self.window.bytes();
            let done = scanner::scan(self.path, bytes, &mut self.batch[kept..]);
            let base = self.window.offset();
            numbers.odd = numbers.odd.or(done.odd.map(|at| base + at as u64));
            numbers.wrapped = numbers.wrapped.or(done.wrapped.map(|at| base + at as u64));
            numbers.count += done.written as u64;
            self.window.consume(done.consumed);
            let filled = kept + done.written;
            let whole = filled - filled % stride;
            take(&self.batch[..whole])?;
            self.batch.copy_within(whole..filled, 0);
            kept = filled - whole;
            numbers.remainder = kept;
            numbers.end = self.window.offset();
            if done.closed {
                return Ok(());
            }
            let full = filled + scanner::OUT_MIN > self.batch.len();
            if !full && !self.window.fill()? {
                if self.window.bytes().is_empty() {
                    return Err(Stop::End);
                }
                // Digits up to the end of the text: a number that may have been cut.
                let unused = self.window.bytes().len();
                let long = memchr(b']', self.window.bytes()).is_none() && unused >= 1 << 18;
                return Err(if long {
                    Stop::Syntax("a number of 256 KiB".to_owned())
                } else {
                    Stop::End
                });
            }
        }
    }

    /// Skips an array of numbers: to the first `]`. A text that ends before it ends where its last whole number does.
    pub(crate) fn skip_numbers(&mut self) -> Result<(), Stop> {
        /// More digits than any number has.
        const DIGITS: usize = 64;
        self.expect(b'[')?;
        loop {
            let bytes = self.window.bytes();
            if let Some(end) = memchr(b']', bytes) {
                self.window.consume(end + 1);
                return Ok(());
            }
            let last = bytes.iter().rev().take(DIGITS);
            let digits = last.take_while(|byte| byte.is_ascii_digit()).count();
            let whole = bytes.len() - digits % DIGITS;
            self.window.consume(whole);
            if !self.window.fill()? {
                return Err(Stop::End);
            }
        }
    }

    /// The strings with the `wanted` indexes (sorted), still escaped; stops after the last of them.
    pub(crate) fn pick_strings(
        &mut self,
        wanted: &[u32],
        mut take: impl FnMut(u32, &[u8]),
    ) -> Result<(), Stop> {
        self.expect(b'[')?;
        let mut wanted = wanted.iter().copied().peekable();
        let mut string = Vec::new();
        for index in 0_u32.. {
            let Some(&next) = wanted.peek() else {
                return Ok(());
            };
            // Fewer strings than the nodes name: what is missing has no name.
            if self.peek()? == b']' {
                return Ok(());
            }
            self.expect(b'"')?;
            string.clear();
            self.string_text(|text| {
                if index == next {
                    string.extend_from_slice(text);
                }
                Ok(())
            })?;
            if index == next {
                take(index, &string);
                wanted.next();
            }
            if self.peek()? == b',' {
                self.window.consume(1);
            }
        }
        Ok(())
    }

    /// All strings, one by one, still escaped.
    pub(crate) fn each_string(
        &mut self,
        mut take: impl FnMut(&[u8]) -> Result<(), Stop>,
    ) -> Result<(), Stop> {
        self.expect(b'[')?;
        if self.peek()? == b']' {
            self.window.consume(1);
            return Ok(());
        }
        let mut string = Vec::new();
        loop {
            self.expect(b'"')?;
            string.clear();
            self.string_text(|text| {
                string.extend_from_slice(text);
                Ok(())
            })?;
            take(&string)?;
            match self.peek()? {
                b']' => {
                    self.window.consume(1);
                    return Ok(());
                }
                _ => self.expect(b',')?,
            }
        }
    }

    /// The array of strings.
    pub(crate) fn strings(&mut self, strings: &mut StringTable) -> Result<(), Stop> {
        self.expect(b'[')?;
        if self.peek()? == b']' {
            self.window.consume(1);
            return Ok(());
        }
        loop {
            self.expect(b'"')?;
            // The common case: the whole string is at hand and nothing in it is escaped.
            let bytes = self.window.bytes();
            match memchr2(b'"', b'\\', bytes) {
                Some(at) if bytes[at] == b'"' => {
                    append(strings, &bytes[..at])?;
                    self.window.consume(at + 1);
                }
                _ => self.string_text(|text| append(strings, text))?,
            }
            strings.end_string();
            match self.peek()? {
                b',' => self.window.consume(1),
                b']' => {
                    self.window.consume(1);
                    return Ok(());
                }
                other => {
                    let other = other.escape_ascii();
                    return Err(Stop::Syntax(format!("found `{other}` between strings")));
                }
            }
        }
    }
}

fn append(strings: &mut StringTable, text: &[u8]) -> Result<(), Stop> {
    if strings.append(text) {
        Ok(())
    } else {
        Err(Stop::Syntax("over 4 GiB of strings".to_owned()))
    }
}
