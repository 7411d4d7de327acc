//! The form of an index file: named sections, each with its checksum, so that one can be read without the others.
//!
//! ```text
//! heaplab snapshot index 2 <crate version> <what> <identity of the snapshot>\n
//! section … section
//! table of the sections: JSON
//! <its length, 16 hexadecimal digits> <its checksum, 16 hexadecimal digits>\n
//! ```
//!
//! The first line is compared as a whole: what another version wrote, or what is of another snapshot, is *stale*. All
//! else that does not agree is *damage*. Checksums find damage, not malice: who may write an index may write the
//! snapshot, too.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{Identity, Unusable};
use crate::memory;
use crate::writer::{AtomicFile, Readers};

/// The first words of an index: what it is, and the version of its form.
const MAGIC: &str = "heaplab snapshot index 2";
/// The first line is shorter than this.
const HEADER_LIMIT: u64 = 512;
/// No table of sections is longer.
const TABLE_LIMIT: u64 = 1 << 20;
/// Length of the last line.
const TRAILER: usize = 34;
/// Sections are written, read and summed up in blocks of this size: it fits a second-level cache.
const BLOCK: usize = 256 << 10;

/// A section: where it is, how long, and its checksum.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Section {
    name: String,
    start: u64,
    bytes: u64,
    checksum: u64,
}

/// The checksum of a sequence of blocks, all but the last of the same length.
#[derive(Clone, Copy, Debug)]
pub(super) struct Checksum(u64);

impl Checksum {
    pub(super) fn new() -> Checksum {
        Checksum(0xcbf2_9ce4_8422_2325)
    }

    /// Adds a block. Every step is a bijection of what it changes, so that no change of a single word goes unnoticed.
    pub(super) fn block(&mut self, bytes: &[u8]) {
        /// Odd, and as good as random.
        const MULTIPLIER: u64 = 0x9e37_79b9_7f4a_7c15;
        let mix = |sum: u64, word: u64| (sum ^ word).wrapping_mul(MULTIPLIER).rotate_left(29);
        // Four sums side by side: a multiplication takes longer than the next one waits.
        let mut sums = [1_u64, 2, 3, 4];
        let (groups, rest) = bytes.as_chunks::<32>();
        for group in groups {
            let (words, _) = group.as_chunks::<8>();
            for (sum, word) in sums.iter_mut().zip(words) {
                *sum = mix(*sum, u64::from_le_bytes(*word));
            }
        }
        for &byte in rest {
            sums[0] = mix(sums[0], u64::from(byte));
        }
        self.0 = sums
            .into_iter()
            .chain([bytes.len() as u64])
            .fold(self.0, mix);
    }

    pub(super) fn value(self) -> u64 {
        self.0
    }
}

fn header(what: &str, identity: &Identity) -> String {
    let version = env!("CARGO_PKG_VERSION");
    format!("{MAGIC} {version} {what} {}\n", identity.0)
}

/// Writes an index, as a whole or not at all.
pub(super) struct Writer {
    file: AtomicFile,
    sections: Vec<Section>,
    at: u64,
    block: Vec<u8>,
}

impl Writer {
    pub(super) fn create(
        path: &Path,
        readers: Readers<'_>,
        what: &str,
        identity: &Identity,
    ) -> io::Result<Writer> {
        let header = header(what, identity);
        let mut file = AtomicFile::create(path, readers)?;
        file.write_all(header.as_bytes())?;
        Ok(Writer {
            file,
            sections: Vec::new(),
            at: header.len() as u64,
            block: Vec::with_capacity(BLOCK),
        })
    }

    /// A section of bytes.
    pub(super) fn bytes(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let mut sum = Checksum::new();
        for block in bytes.chunks(BLOCK) {
            sum.block(block);
            self.file.write_all(block)?;
        }
        self.end(name, bytes.len() as u64, sum);
        Ok(())
    }

    /// A section of numbers.
    pub(super) fn numbers(
        &mut self,
        name: &str,
        numbers: impl IntoIterator<Item = u32>,
    ) -> io::Result<()> {
        let (mut sum, mut bytes) = (Checksum::new(), 0);
        let mut numbers = numbers.into_iter();
        loop {
            self.block.clear();
            let next = numbers.by_ref().take(BLOCK / 4);
            next.for_each(|number| self.block.extend_from_slice(&number.to_le_bytes()));
            if self.block.is_empty() {
                break;
            }
            sum.block(&self.block);
            self.file.write_all(&self.block)?;
            bytes += self.block.len() as u64;
        }
        self.end(name, bytes, sum);
        Ok(())
    }

    fn end(&mut self, name: &str, bytes: u64, sum: Checksum) {
        self.sections.push(Section {
            name: name.to_owned(),
            start: self.at,
            bytes,
            checksum: sum.value(),
        });
        self.at += bytes;
    }

    /// Puts the file in its place.
    pub(super) fn finish(mut self) -> io::Result<()> {
        let table = serde_json::to_vec(&self.sections)?;
        let mut sum = Checksum::new();
        sum.block(&table);
        self.file.write_all(&table)?;
        writeln!(self.file, "{:016x} {:016x}", table.len(), sum.value())?;
        // What a crash leaves of it is found out by its checksums.
        self.file.place()
    }
}

/// An index whose table has been read.
#[derive(Debug)]
pub(super) struct Container {
    path: PathBuf,
    sections: Vec<Section>,
}

impl Container {
    /// Reads the first line and the table. Complexity: that of the table.
    pub(super) fn open(
        path: &Path,
        what: &str,
        identity: &Identity,
    ) -> Result<Container, Unusable> {
        let mut file = File::open(path)?;
        let length = file.metadata()?.len();
        let expected = header(what, identity);
        let mut head = Vec::new();
        (&mut file).take(HEADER_LIMIT).read_to_end(&mut head)?;
        let line = head.iter().position(|&byte| byte == b'\n');
        let line = &head[..line.ok_or(Unusable::Damaged)? + 1];
        if line != expected.as_bytes() {
            // Of this kind, but of another version or file.
            let stale = line.starts_with(b"heaplab snapshot index ")
                && line.iter().filter(|&&byte| byte == b' ').count() >= 4;
            return Err(if stale {
                Unusable::Stale
            } else {
                Unusable::Damaged
            });
        }
        let table_end = length
            .checked_sub(TRAILER as u64)
            .ok_or(Unusable::Damaged)?;
        file.seek(SeekFrom::Start(table_end))?;
        let mut trailer = [0; TRAILER];
        file.read_exact(&mut trailer)?;
        let (bytes, checksum) = parse_trailer(&trailer).ok_or(Unusable::Damaged)?;
        let start = table_end
            .checked_sub(bytes)
            .filter(|_| bytes <= TABLE_LIMIT);
        let start = start.ok_or(Unusable::Damaged)?;
        file.seek(SeekFrom::Start(start))?;
        let mut table = vec![0; bytes as usize];
        file.read_exact(&mut table)?;
        let mut sum = Checksum::new();
        sum.block(&table);
        if sum.value() != checksum {
            return Err(Unusable::Damaged);
        }
        let sections: Vec<Section> =
            serde_json::from_slice(&table).map_err(|_| Unusable::Damaged)?;
        // Every byte belongs to one section.
        let mut at = line.len() as u64;
        for section in &sections {
            if section.start != at {
                return Err(Unusable::Damaged);
            }
            at = at.checked_add(section.bytes).ok_or(Unusable::Damaged)?;
        }
        if at != start {
            return Err(Unusable::Damaged);
        }
        Ok(Container {
            path: path.to_path_buf(),
            sections,
        })
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.sections.iter().any(|section| section.name == name)
    }

    /// The names of all sections, in order.
    #[cfg(any(test, fuzzing))]
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.sections.iter().map(|section| section.name.as_str())
    }

    /// Length of all sections, in bytes.
    pub(super) fn length(&self) -> u64 {
        self.sections.iter().map(|section| section.bytes).sum()
    }

    fn section(&self, name: &str) -> Result<&Section, Unusable> {
        let found = self.sections.iter().find(|section| section.name == name);
        found.ok_or(Unusable::Damaged)
    }

    /// Goes through a section's blocks. What `take` refuses is damage.
    fn blocks(
        &self,
        section: &Section,
        mut take: impl FnMut(&[u8]) -> bool,
    ) -> Result<(), Unusable> {
        let mut file = File::open(&self.path)?;
        file.seek(SeekFrom::Start(section.start))?;
        let mut sum = Checksum::new();
        let mut left = section.bytes;
        let mut block = vec![0; BLOCK.min(left as usize)];
        while left > 0 {
            let block = &mut block[..(left.min(BLOCK as u64)) as usize];
            file.read_exact(block)?;
            sum.block(block);
            if !take(block) {
                return Err(Unusable::Damaged);
            }
            left -= block.len() as u64;
        }
        if sum.value() == section.checksum {
            Ok(())
        } else {
            Err(Unusable::Damaged)
        }
    }

    /// A section of bytes.
    pub(super) fn bytes(&self, name: &str) -> Result<Vec<u8>, Unusable> {
        let section = self.section(name)?;
        let mut bytes = memory::with_capacity(section.bytes as usize);
        self.blocks(section, |block| {
            bytes.extend_from_slice(block);
            true
        })?;
        Ok(bytes)
    }

    /// A section of `count` numbers, given to `check` in parts as they come.
    pub(super) fn numbers(
        &self,
        name: &str,
        count: usize,
        mut check: impl FnMut(&[u32]) -> bool,
    ) -> Result<Vec<u32>, Unusable> {
        let section = self.section(name)?;
        if section.bytes != 4 * count as u64 {
            return Err(Unusable::Damaged);
        }
        let mut numbers: Vec<u32> = memory::with_capacity(count);
        self.blocks(section, |block| {
            let (words, _) = block.as_chunks::<4>();
            let start = numbers.len();
            numbers.extend(words.iter().map(|word| u32::from_le_bytes(*word)));
            check(&numbers[start..])
        })?;
        Ok(numbers)
    }

    /// How many numbers a section has.
    pub(super) fn count(&self, name: &str) -> Result<usize, Unusable> {
        let bytes = self.section(name)?.bytes;
        Ok(usize::try_from(bytes).map_err(|_| Unusable::Damaged)? / 4)
    }
}

fn parse_trailer(trailer: &[u8; TRAILER]) -> Option<(u64, u64)> {
    let text = std::str::from_utf8(trailer).ok()?.strip_suffix('\n')?;
    let (bytes, checksum) = text.split_once(' ')?;
    let number = |digits: &str| {
        let lower = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        let whole = digits.len() == 16 && digits.bytes().all(lower);
        whole.then(|| u64::from_str_radix(digits, 16).ok())?
    };
    Some((number(bytes)?, number(checksum)?))
}
