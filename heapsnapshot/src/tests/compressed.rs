//! Compressed files: whole, in several frames or members, cut, and damaged at random.

use std::io::{Cursor, Read, Write};

use super::damage::{exercise, sample};
use super::{Builder, Random};
use crate::Snapshot;
use crate::reader::{Input, Position, ReadError, ReadOptions};

/// A snapshot of 400 nodes in two frames with checksums, by the `zstd` tool (levels 19 and 3), between frames to be
/// skipped.
const FRAMES: &[u8] = include_bytes!("data/frames.heapsnapshot.zst");

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(text).unwrap();
    gzip.finish().unwrap()
}

fn zstd(text: &[u8]) -> Vec<u8> {
    ruzstd::encoding::compress_to_vec(text, ruzstd::encoding::CompressionLevel::Fastest)
}

#[test]
fn compressed_files_read_the_same() {
    let text = sample().text();
    for compressed in [gzip(text.as_bytes()), zstd(text.as_bytes())] {
        let snapshot = Snapshot::parse(compressed.clone()).unwrap();
        assert_eq!(snapshot.report().damage, None);
        assert_eq!(snapshot.report().bytes, text.trim_end().len() as u64);
        exercise(&snapshot);
        for cut in 5..compressed.len() {
            if let Ok(snapshot) = Snapshot::parse(&compressed[..cut]) {
                exercise(&snapshot);
            }
        }
    }
}

/// The first bytes of a compressed text give the first bytes of the text, nearly as many as they stand for.
#[test]
fn a_cut_compressed_file_gives_what_its_bytes_stand_for() {
    let mut graph = Builder::new();
    let mut random = Random(5);
    for at in 0..20_000 {
        let node = graph.node("object", "Entry", 3 + 2 * at, random.below(1 << 20) as u32);
        graph.edge(0, "property", "entry", node);
    }
    let text = graph.text().into_bytes();
    let half = text.len() / 2;
    // Several frames one after the other are one text, too.
    let frames = [zstd(&text[..half]), zstd(&text[half..])].concat();
    // As much as a block of zstd holds, and of gzip's with text such as this.
    let block = 1 << 17;
    for compressed in [gzip(&text), zstd(&text), frames] {
        for tenth in 1..10 {
            let cut = compressed.len() * tenth / 10;
            let input = Input::from_reader("cut", Cursor::new(compressed[..cut].to_vec())).unwrap();
            let mut bytes = input.bytes;
            let mut read = Vec::new();
            let error = bytes.read_to_end(&mut read).unwrap_err();
            assert_eq!(error.kind(), std::io::ErrorKind::UnexpectedEof, "{error}");
            assert!(text.starts_with(&read));
            let expected = text.len() * tenth / 10;
            assert!(
                read.len() + text.len() / 10 + block > expected,
                "{tenth}: {} of {expected}",
                read.len()
            );
        }
        let cut = compressed.len() / 3;
        let snapshot = Snapshot::parse(&compressed[..cut]).unwrap();
        let damage = snapshot.report().damage.clone().expect("damage");
        assert_eq!(
            (damage.section.as_str(), damage.reason.as_str()),
            ("nodes", "the file ends here; names are missing")
        );
        assert!(snapshot.node_count() > 3_000);
        let input = Input::from_reader("cut", Cursor::new(compressed[..cut].to_vec())).unwrap();
        let strict = ReadOptions {
            strict: true,
            ..ReadOptions::default()
        };
        assert!(matches!(
            Snapshot::read(input, &strict),
            Err(ReadError::Damaged { .. })
        ));
    }
}

/// The text, or what reading it ended with.
fn decompressed(compressed: &[u8]) -> std::io::Result<Vec<u8>> {
    let input = Input::from_reader("compressed", Cursor::new(compressed.to_vec()));
    let mut text = Vec::new();
    input
        .map_err(std::io::Error::other)?
        .bytes
        .read_to_end(&mut text)?;
    Ok(text)
}

#[test]
fn frames_are_skipped_and_members_are_one_text() {
    let snapshot = Snapshot::parse(FRAMES).unwrap();
    assert_eq!(snapshot.report().damage, None);
    assert_eq!((snapshot.node_count(), snapshot.edge_count()), (400, 399));
    exercise(&snapshot);
    let text = decompressed(FRAMES).unwrap();
    let third = text.len() / 3;
    let members = [gzip(&text[..third]), gzip(b""), gzip(&text[third..])].concat();
    assert_eq!(decompressed(&members).unwrap(), text);
    assert_eq!(
        Snapshot::parse(members).unwrap().report().bytes,
        snapshot.report().bytes
    );
    // A frame to be skipped that is longer than the file.
    let skipped = [0x50, 0x2a, 0x4d, 0x18, 9, 0, 0, 0, 1];
    let error = Snapshot::parse(&skipped[..]).unwrap_err().to_string();
    assert!(error.contains("the file ends here"), "{error}");
}

/// The checksum lies behind the last byte of the text: it is looked at all the same.
#[test]
fn checksums_are_compared() {
    let text = sample().text().into_bytes();
    // Four bytes of a checksum; a checksum and a length; and those of the frame before the last one to be skipped.
    let mut ends = vec![(zstd(&text), 1), (gzip(&text), 1), (gzip(&text), 5)];
    ends.push((FRAMES.to_vec(), 13 + 1));
    for (compressed, from_end) in ends {
        let whole = Snapshot::parse(compressed.clone()).unwrap();
        let mut changed = compressed.clone();
        let at = changed.len() - from_end;
        changed[at] ^= 1;
        let snapshot = Snapshot::parse(changed.clone()).unwrap();
        let damage = snapshot.report().damage.clone().expect("damage");
        assert!(
            damage.reason.starts_with("the compressed data is damaged"),
            "{}",
            damage.reason
        );
        assert_eq!(snapshot.node_count(), whole.node_count());
        let input = Input::from_reader("changed", Cursor::new(changed.clone())).unwrap();
        let copied = crate::redact::redact(input, &mut Vec::new());
        assert!(copied.is_err(), "half a copy would be no snapshot");
        let strict = ReadOptions {
            strict: true,
            ..ReadOptions::default()
        };
        let input = Input::from_reader("changed", Cursor::new(changed)).unwrap();
        let refused = Snapshot::read(input, &strict);
        assert!(matches!(refused, Err(ReadError::Damaged { .. })));
    }
}

/// Whatever is changed in a compressed file with checksums: it gives the same text, or says that it is damaged.
#[test]
fn compressed_bytes_changed_at_random_do_no_harm() {
    let text = decompressed(FRAMES).unwrap();
    let mut random = Random(41);
    let (mut refused, mut partial) = (0, 0);
    for whole in [FRAMES.to_vec(), gzip(&text), zstd(&text)] {
        for round in 0..2_000 {
            let mut changed = whole.clone();
            for _ in 0..=random.below(3) {
                // Headers are short, and as interesting as all else.
                let most = if round % 3 == 0 { 64 } else { changed.len() };
                let at = random.below(most);
                match random.below(3) {
                    0 => changed[at] ^= 1 << random.below(8),
                    1 => changed[at] = random.below(256) as u8,
                    _ => {
                        let other = random.below(most);
                        changed.swap(at, other);
                    }
                }
            }
            if round % 8 == 0 {
                changed.truncate(random.below(changed.len()));
            }
            match Snapshot::parse(changed.clone()) {
                Err(error) => {
                    refused += 1;
                    let error = error.to_string();
                    assert!(!error.contains('\n'), "{error}");
                }
                Ok(snapshot) => match &snapshot.report().damage {
                    None => {
                        let same = decompressed(&changed).unwrap();
                        assert!(same == text, "round {round}: damage went unseen");
                    }
                    Some(damage) => {
                        partial += 1;
                        assert!(!damage.section.is_empty());
                        assert_ne!(damage.position, Position::Byte(0));
                        exercise(&snapshot);
                    }
                },
            }
        }
    }
    assert!(
        refused > 500 && partial > 500,
        "{refused} refused, {partial} partial"
    );
}
