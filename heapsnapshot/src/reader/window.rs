//! A reused buffer over the input: what has been read and not yet used.

use std::io::{self, Read};

/// The buffer's size: large enough that system calls cost nothing, small enough for the L2 cache.
const CAPACITY: usize = 1 << 18;

/// The part of the text at hand.
pub(crate) struct Window<R> {
    source: R,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    /// Offset of `buffer[0]` in the text.
    base: u64,
    ended: bool,
}

impl<R: Read> Window<R> {
    pub(crate) fn new(source: R) -> Window<R> {
        Window {
            source,
            buffer: vec![0; CAPACITY],
            start: 0,
            end: 0,
            base: 0,
            ended: false,
        }
    }

    /// Offset in the text of the next unused byte.
    pub(crate) fn offset(&self) -> u64 {
        self.base + self.start as u64
    }

    /// The unused bytes at hand.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }

    /// Marks the first `count` bytes at hand as used.
    pub(crate) fn consume(&mut self, count: usize) {
        self.start = (self.start + count).min(self.end);
    }

    /// Reads on, keeping the unused bytes. False at the end of the text, or if unused bytes fill
    /// the whole buffer.
    pub(crate) fn fill(&mut self) -> io::Result<bool> {
        if self.ended || self.end - self.start == self.buffer.len() {
            return Ok(false);
        }
        self.buffer.copy_within(self.start..self.end, 0);
        self.base += self.start as u64;
        self.end -= self.start;
        self.start = 0;
        loop {
            match self.source.read(&mut self.buffer[self.end..]) {
                Ok(0) => {
                    self.ended = true;
                    return Ok(false);
                }
                Ok(count) => {
                    self.end += count;
                    return Ok(true);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}
