//! The output buffer: records of bounded length go straight into it, and it is handed to the caller's writer when full.

use std::io::{self, Write};

/// Bytes collected before they are written: few system calls, and still in the second-level cache.
const CAPACITY: usize = 256 * 1024;

/// The longest record that [`Output::record`] can take.
pub(super) const RECORD: usize = 80;

/// What a record's last two bytes are, so that the last record's can be taken back.
const SEPARATOR: &[u8; 2] = b",\n";

/// Writing has failed; the reason is kept in the output. Sources pass it on with `?`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stopped;

/// A buffered output that counts its bytes, over a writer or (to measure only) over nothing.
pub(super) struct Output<'w> {
    buffer: Box<[u8]>,
    used: usize,
    flushed: u64,
    writer: Option<&'w mut dyn Write>,
    failure: Option<io::Error>,
}

impl<'w> Output<'w> {
    /// An output to `writer`, or one that only counts.
    pub(super) fn new(writer: Option<&'w mut dyn Write>) -> Output<'w> {
        Output {
            buffer: vec![0; CAPACITY].into_boxed_slice(),
            used: 0,
            flushed: 0,
            writer,
            failure: None,
        }
    }

    /// Bytes written so far, buffered ones included.
    pub(super) fn position(&self) -> u64 {
        self.flushed + self.used as u64
    }

    /// What went wrong, after a [`Stopped`].
    pub(super) fn take_failure(&mut self) -> Option<io::Error> {
        self.failure.take()
    }

    /// Lets `fill` write one record of at most [`RECORD`] bytes; it returns how many they are.
    #[inline(always)]
    pub(super) fn record(
        &mut self,
        fill: impl FnOnce(&mut [u8; RECORD]) -> usize,
    ) -> Result<(), Stopped> {
        if self.used + RECORD > CAPACITY {
            self.spill()?;
        }
        if let Some(room) = self.buffer[self.used..].first_chunk_mut() {
            self.used += fill(room);
        }
        Ok(())
    }

    /// Appends bytes of any length.
    #[inline]
    pub(super) fn bytes(&mut self, mut bytes: &[u8]) -> Result<(), Stopped> {
        while self.used + bytes.len() > CAPACITY {
            let fits = CAPACITY - self.used;
            self.buffer[self.used..].copy_from_slice(&bytes[..fits]);
            self.used = CAPACITY;
            bytes = &bytes[fits..];
            self.spill()?;
        }
        self.buffer[self.used..self.used + bytes.len()].copy_from_slice(bytes);
        self.used += bytes.len();
        Ok(())
    }

    /// Takes back the separator behind the last record: JSON allows none at the end of a list.
    pub(super) fn take_back_separator(&mut self) {
        let kept = self.used.saturating_sub(SEPARATOR.len());
        debug_assert_eq!(&self.buffer[kept..self.used], SEPARATOR);
        self.used = kept;
    }

    /// Hands everything to the writer, and flushes it.
    pub(super) fn finish(&mut self) -> Result<(), Stopped> {
        self.write_out(self.used)?;
        self.used = 0;
        let Some(writer) = self.writer.as_mut() else {
            return Ok(());
        };
        writer.flush().map_err(|error| {
            self.failure = Some(error);
            Stopped
        })
    }

    /// Makes room. The last two bytes stay, in case they must be taken back.
    #[cold]
    #[inline(never)]
    fn spill(&mut self) -> Result<(), Stopped> {
        let written = self.used - SEPARATOR.len();
        self.write_out(written)?;
        self.buffer.copy_within(written..self.used, 0);
        self.used = SEPARATOR.len();
        Ok(())
    }

    fn write_out(&mut self, length: usize) -> Result<(), Stopped> {
        if self.failure.is_some() {
            return Err(Stopped);
        }
        if let Some(writer) = self.writer.as_mut()
            && let Err(error) = writer.write_all(&self.buffer[..length])
        {
            self.failure = Some(error);
            return Err(Stopped);
        }
        self.flushed += length as u64;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_pieces_and_records_come_out_in_order() {
        let mut expected = Vec::new();
        let mut written = Vec::new();
        let mut output = Output::new(Some(&mut written));
        for n in 0..40_000_u32 {
            let record = format!("{n},\n");
            expected.extend_from_slice(record.as_bytes());
            output
                .record(|room| {
                    room[..record.len()].copy_from_slice(record.as_bytes());
                    record.len()
                })
                .unwrap();
        }
        let long = vec![b'x'; 3 * CAPACITY + 17];
        expected.extend_from_slice(&long);
        output.bytes(&long).unwrap();
        assert_eq!(output.position(), expected.len() as u64);
        output.finish().unwrap();
        assert!(written == expected);
    }

    #[test]
    fn a_separator_can_be_taken_back_even_right_after_a_spill() {
        for length in CAPACITY - 3..CAPACITY + 3 {
            let mut written = Vec::new();
            let mut output = Output::new(Some(&mut written));
            output.bytes(&vec![b'x'; length - 2]).unwrap();
            output.bytes(SEPARATOR).unwrap();
            output.take_back_separator();
            output.bytes(b"]").unwrap();
            output.finish().unwrap();
            assert_eq!(written.len(), length - 1);
            assert_eq!(&written[length - 4..], b"xx]".get(..3).unwrap());
        }
    }

    #[test]
    fn the_first_failure_is_kept() {
        struct Broken;
        impl Write for Broken {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::BrokenPipe.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let mut broken = Broken;
        let mut output = Output::new(Some(&mut broken));
        assert_eq!(output.bytes(&vec![b'x'; CAPACITY + 1]), Err(Stopped));
        assert_eq!(output.finish(), Err(Stopped));
        assert_eq!(
            output.take_failure().unwrap().kind(),
            io::ErrorKind::BrokenPipe
        );
    }
}
