//! Where the bytes come from: a file, standard input, any reader; plain, gzip or zstd.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

use flate2::bufread::MultiGzDecoder;

use super::error::ReadError;
use super::zstd::{self, ZstdFrames};

/// A byte stream with a name for messages, decompressed if need be.
pub struct Input {
    /// The file, or `standard input`.
    pub(crate) name: String,
    /// Length of the uncompressed text, when known beforehand.
    pub(crate) length: Option<u64>,
    /// Whether there are checksums at the end, to be looked at.
    pub(crate) compressed: bool,
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
        let zstd = zstd::starts(&magic);
        let whole = io::Cursor::new(magic).chain(bytes);
        let bytes: Box<dyn Read> = if gzip {
            // Several members one after the other are one text; each has a checksum.
            Box::new(MultiGzDecoder::new(BufReader::with_capacity(
                1 << 16,
                whole,
            )))
        } else if zstd {
            Box::new(ZstdFrames::new(Box::new(whole)))
        } else {
            Box::new(whole)
        };
        let compressed = gzip || zstd;
        Ok(Input {
            name,
            length: length.filter(|_| !compressed),
            compressed,
            bytes,
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
