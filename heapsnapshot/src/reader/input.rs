//! Where the bytes come from: a file, standard input, any reader; plain, gzip or zstd.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

use flate2::bufread::MultiGzDecoder;
use ruzstd::decoding::errors::FrameDecoderError;
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

use super::error::ReadError;

/// A byte stream with a name for messages, decompressed if need be.
pub struct Input {
    /// The file, or `standard input`.
    pub(crate) name: String,
    /// Length of the uncompressed text, when known beforehand.
    pub(crate) length: Option<u64>,
    pub(crate) bytes: Box<dyn Read>,
}

impl std::fmt::Debug for Input {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Input")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl Input {
    /// A file; compressed or not is seen from its first bytes, not from its name.
    ///
    /// # Errors
    /// [`ReadError::Io`] if it cannot be opened.
    pub fn open(path: &Path) -> Result<Input, ReadError> {
        let name = path.display().to_string();
        let file = File::open(path).and_then(|file| Ok((file.metadata()?, file)));
        match file {
            Ok((metadata, _)) if metadata.is_dir() => Err(ReadError::Io {
                name,
                source: io::Error::other("is a directory, not a snapshot"),
            }),
            Ok((metadata, file)) => {
                let length = metadata.is_file().then_some(metadata.len());
                Input::sniff(name, file, length)
            }
            Err(source) => Err(ReadError::Io { name, source }),
        }
    }

    /// Standard input.
    ///
    /// # Errors
    /// [`ReadError::Io`] if its first bytes cannot be read.
    pub fn stdin() -> Result<Input, ReadError> {
        Input::sniff("standard input".to_owned(), io::stdin(), None)
    }

    /// Any reader, under a name for messages.
    ///
    /// # Errors
    /// [`ReadError::Io`] if its first bytes cannot be read.
    pub fn from_reader(name: &str, bytes: impl Read + 'static) -> Result<Input, ReadError> {
        Input::sniff(name.to_owned(), bytes, None)
    }

    /// The file, or `standard input`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Length of the uncompressed text in bytes, when known beforehand.
    #[must_use]
    pub fn length(&self) -> Option<u64> {
        self.length
    }

    /// The name and the bytes.
    pub(crate) fn into_parts(self) -> (String, Box<dyn Read>) {
        (self.name, self.bytes)
    }

    /// Calls `watch` with the bytes read so far, after every piece.
    #[must_use]
    pub fn observe(self, watch: impl FnMut(u64) + 'static) -> Input {
        let watched = Watched {
            bytes: self.bytes,
            read: 0,
            watch,
        };
        Input {
            bytes: Box::new(watched),
            ..self
        }
    }

    /// Refuses to read more than `bytes` of uncompressed text: for input whose length nobody knows
    /// beforehand. The reader then gives [`ReadError::TooLarge`].
    #[must_use]
    pub fn limit(self, bytes: u64) -> Input {
        let limited = Limited {
            bytes: self.bytes,
            left: bytes,
        };
        Input {
            bytes: Box::new(limited),
            ..self
        }
    }

    fn sniff(
        name: String,
        mut bytes: impl Read + 'static,
        length: Option<u64>,
    ) -> Result<Input, ReadError> {
        let mut magic = Vec::with_capacity(4);
        if let Err(source) = bytes.by_ref().take(4).read_to_end(&mut magic) {
            return Err(ReadError::Io { name, source });
        }
        let gzip = magic.starts_with(&[0x1f, 0x8b]);
        let zstd = magic.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]);
        let whole = io::Cursor::new(magic).chain(bytes);
        if gzip {
            let bytes = MultiGzDecoder::new(BufReader::with_capacity(1 << 16, whole));
            return Ok(Input {
                name,
                length: None,
                bytes: Box::new(bytes),
            });
        }
        if zstd {
            let frames = ZstdFrames {
                state: Frame::Between(BufReader::new(Box::new(whole))),
            };
            return Ok(Input {
                name,
                length: None,
                bytes: Box::new(frames),
            });
        }
        Ok(Input {
            name,
            length,
            bytes: Box::new(whole),
        })
    }
}

/// A reader that says how far it is.
struct Watched<F> {
    bytes: Box<dyn Read>,
    read: u64,
    watch: F,
}

impl<F: FnMut(u64)> Read for Watched<F> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let count = self.bytes.read(out)?;
        self.read += count as u64;
        (self.watch)(self.read);
        Ok(count)
    }
}

/// A reader that fails after so many bytes.
struct Limited {
    bytes: Box<dyn Read>,
    left: u64,
}

impl Read for Limited {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let count = self.bytes.read(out)?;
        self.left = self.left.checked_sub(count as u64).ok_or_else(|| {
            io::Error::new(io::ErrorKind::FileTooLarge, "larger than what may be used")
        })?;
        Ok(count)
    }
}

type Source = BufReader<Box<dyn Read>>;

/// zstd frames one after the other, as the `zstd` tool itself writes them for large files.
struct ZstdFrames {
    state: Frame,
}

enum Frame {
    Between(Source),
    Inside(Source, Box<FrameDecoder>),
    /// The frame is cut or damaged: what is decoded is still given, then the error.
    Broken(Box<FrameDecoder>, io::Error),
    Done,
}

/// An empty last block, not compressed, and room for a checksum.
const LAST_BLOCK: [u8; 7] = [1, 0, 0, 0, 0, 0, 0];

/// Decodes until `wanted` bytes can be taken from the decoder or the frame ends.
fn decode(
    source: &mut Source,
    decoder: &mut FrameDecoder,
    wanted: usize,
) -> Result<(), FrameDecoderError> {
    while decoder.can_collect() < wanted && !decoder.is_finished() {
        let missing = wanted - decoder.can_collect();
        decoder.decode_blocks(&mut *source, BlockDecodingStrategy::UptoBytes(missing))?;
    }
    Ok(())
}

/// What reading from the source ended with, if that is why the decoder failed: the end of the source, or its error.
/// All else is damage.
fn failure(error: &FrameDecoderError) -> io::Error {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(inner) = cause {
        if let Some(io) = inner.downcast_ref::<io::Error>() {
            return match io.raw_os_error() {
                Some(code) => io::Error::from_raw_os_error(code),
                None => io::Error::new(io.kind(), error.to_string()),
            };
        }
        cause = inner.source();
    }
    io::Error::new(io::ErrorKind::InvalidData, error.to_string())
}

impl Read for ZstdFrames {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if out.is_empty() {
            return Ok(0);
        }
        loop {
            match std::mem::replace(&mut self.state, Frame::Done) {
                Frame::Done => return Ok(0),
                Frame::Between(mut source) => {
                    if io::BufRead::fill_buf(&mut source)?.is_empty() {
                        return Ok(0);
                    }
                    let mut decoder = Box::new(FrameDecoder::new());
                    decoder.init(&mut source).map_err(|error| failure(&error))?;
                    self.state = Frame::Inside(source, decoder);
                }
                Frame::Inside(mut source, mut decoder) => {
                    if let Err(error) = decode(&mut source, &mut decoder, out.len()) {
                        // The decoder keeps the last window back until the frame ends: end it.
                        let _ = decoder.decode_blocks(&LAST_BLOCK[..], BlockDecodingStrategy::All);
                        self.state = Frame::Broken(decoder, failure(&error));
                        continue;
                    }
                    let read = decoder.read(out)?;
                    if read == 0 {
                        self.state = Frame::Between(source);
                        continue;
                    }
                    self.state = Frame::Inside(source, decoder);
                    return Ok(read);
                }
                Frame::Broken(mut decoder, error) => {
                    let read = decoder.read(out)?;
                    if read == 0 {
                        return Err(error);
                    }
                    self.state = Frame::Broken(decoder, error);
                    return Ok(read);
                }
            }
        }
    }
}
