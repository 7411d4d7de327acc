//! zstd frames one after the other, as the `zstd` tool itself writes them for large files: decoded, checked, and as much as
//! possible given of those that are cut or damaged.

use std::io::{self, BufRead, BufReader, Read};

use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

/// Whether these are the first bytes of a frame, one to be skipped included.
pub(super) fn starts(bytes: &[u8]) -> bool {
    bytes.first_chunk().is_some_and(|&magic| {
        let magic = u32::from_le_bytes(magic);
        magic == 0xfd2f_b528 || magic & !0xf == 0x184d_2a50
    })
}

type Source = BufReader<Box<dyn Read>>;

/// The text of all frames.
pub(super) struct ZstdFrames {
    state: State,
}

enum State {
    Between(Source),
    Inside(Source, Frame),
    /// The frame is cut or damaged: what is decoded is still given, then the error.
    Broken(Box<FrameDecoder>, io::Error),
    Done,
}

struct Frame {
    decoder: Box<FrameDecoder>,
    /// Bytes of text given.
    given: u64,
}

impl Frame {
    /// What is wrong with a frame all of whose text is given: its checksum and the length that its header says, if it
    /// has them.
    fn fault(&self) -> Option<&'static str> {
        let decoder = &self.decoder;
        let sum = decoder.get_checksum_from_data();
        if sum.is_some() && sum != decoder.get_calculated_checksum() {
            return Some("its checksum does not fit");
        }
        // Zero is also said by frames that say nothing.
        let length = decoder.content_size();
        (length != 0 && length != self.given).then_some("its length is not what it says")
    }

    /// Decodes until `wanted` bytes can be taken or the frame ends.
    fn decode(&mut self, source: &mut Source, wanted: usize) -> Result<(), FrameDecoderError> {
        let decoder = &mut self.decoder;
        while decoder.can_collect() < wanted && !decoder.is_finished() {
            let missing = wanted - decoder.can_collect();
            decoder.decode_blocks(&mut *source, BlockDecodingStrategy::UptoBytes(missing))?;
        }
        Ok(())
    }
}

/// An empty last block, not compressed, and room for a checksum.
const LAST_BLOCK: [u8; 7] = [1, 0, 0, 0, 0, 0, 0];

/// The next frame, if there is one; those to be skipped are skipped.
fn next_frame(source: &mut Source) -> io::Result<Option<Frame>> {
    while !source.fill_buf()?.is_empty() {
        let mut decoder = Box::new(FrameDecoder::new());
        match decoder.init(&mut *source) {
            Ok(()) => return Ok(Some(Frame { decoder, given: 0 })),
            Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                length,
                ..
            })) => {
                let length = u64::from(length);
                if io::copy(&mut source.take(length), &mut io::sink())? < length {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
            }
            Err(error) => return Err(failure(&error)),
        }
    }
    Ok(None)
}

/// What reading from the source ended with, if that is why the decoder failed: the end of the source, or its error.
/// All else is damage.
fn failure(error: &FrameDecoderError) -> io::Error {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(inner) = cause {
        if let Some(io) = inner.downcast_ref::<io::Error>() {
            return match io.raw_os_error() {
                Some(code) => io::Error::from_raw_os_error(code),
                None => io::Error::new(io.kind(), one_line(error)),
            };
        }
        cause = inner.source();
    }
    io::Error::new(io::ErrorKind::InvalidData, one_line(error))
}

/// The decoder's words for a failure.
fn one_line(error: &FrameDecoderError) -> String {
    error.to_string().replace('\n', " ")
}

impl ZstdFrames {
    pub(super) fn new(bytes: Box<dyn Read>) -> ZstdFrames {
        ZstdFrames {
            state: State::Between(BufReader::with_capacity(1 << 16, bytes)),
        }
    }
}

impl Read for ZstdFrames {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if out.is_empty() {
            return Ok(0);
        }
        loop {
            match std::mem::replace(&mut self.state, State::Done) {
                State::Done => return Ok(0),
                State::Between(mut source) => match next_frame(&mut source)? {
                    Some(frame) => self.state = State::Inside(source, frame),
                    None => return Ok(0),
                },
                State::Inside(mut source, mut frame) => {
                    if let Err(error) = frame.decode(&mut source, out.len()) {
                        // The decoder keeps the last window back until the frame ends: end it.
                        let decoder = &mut frame.decoder;
                        let _ = decoder.decode_blocks(&LAST_BLOCK[..], BlockDecodingStrategy::All);
                        self.state = State::Broken(frame.decoder, failure(&error));
                        continue;
                    }
                    let read = frame.decoder.read(out)?;
                    if read > 0 {
                        frame.given += read as u64;
                        self.state = State::Inside(source, frame);
                        return Ok(read);
                    }
                    if let Some(fault) = frame.fault() {
                        return Err(io::Error::new(
                            io::ErrorKind::InvalidData,
                            format!("a zstd frame ends here, and {fault}"),
                        ));
                    }
                    self.state = State::Between(source);
                }
                State::Broken(mut decoder, error) => {
                    let read = decoder.read(out)?;
                    if read == 0 {
                        return Err(error);
                    }
                    self.state = State::Broken(decoder, error);
                    return Ok(read);
                }
            }
        }
    }
}
