use super::{OUT_MIN, Path, Scanned, scan};

/// The plainest reading of the rule, as a judge.
fn naive(bytes: &[u8]) -> (Vec<u32>, Scanned) {
    let (mut numbers, mut done) = (Vec::new(), Scanned::default());
    let mut digits: Option<(usize, u64, bool)> = None;
    for (i, &byte) in bytes.iter().enumerate() {
        if byte.is_ascii_digit() {
            let (start, value, large) = digits.unwrap_or((i, 0, false));
            let value = value * 10 + u64::from(byte - b'0');
            digits = Some((start, value % (1 << 32), large || value >= 1 << 32));
            continue;
        }
        if let Some((start, value, large)) = digits.take() {
            numbers.push(value as u32);
            if large {
                done.wrapped.get_or_insert(start);
            }
        }
        done.consumed = i + 1;
        done.written = numbers.len();
        match byte {
            b']' => {
                done.closed = true;
                break;
            }
            0..=b',' => {}
            _ => {
                done.odd.get_or_insert(i);
            }
        }
    }
    (numbers, done)
}

fn check(text: &[u8]) {
    let (numbers, expected) = naive(text);
    for path in Path::available() {
        let mut out = vec![0; numbers.len() + OUT_MIN];
        let done = scan(path, text, &mut out);
        let shown = String::from_utf8_lossy(text);
        assert_eq!(&out[..done.written], numbers, "{path:?}: {shown}");
        assert_eq!(done, expected, "{path:?}: {shown}");
    }
}

/// A small generator, so that failures repeat.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % limit
    }
}

#[test]
fn this_processor_has_a_path() {
    assert!(Path::available().contains(&Path::detect()));
    assert_eq!(Path::available()[0], Path::Portable);
}

#[test]
fn every_path_reads_v8s_own_layout() {
    let mut text = String::new();
    for i in 0_u32..500 {
        let id = i.wrapping_mul(0x9e37_79b9);
        text += &format!(
            "{}{},{},{id},{},0\n",
            if i == 0 { "" } else { "," },
            i % 14,
            i * 3,
            i * 24
        );
    }
    for length in 0..200 {
        check(&text.as_bytes()[..length]);
    }
    check(text.as_bytes());
    text += "]";
    check(text.as_bytes());
}

#[test]
fn numbers_of_every_length_at_every_offset() {
    for pad in 0..66 {
        for digits in 1..14 {
            let mut text = " ".repeat(pad);
            for _ in 0..30 {
                text += &"123456789987654"[..digits];
                text.push(',');
            }
            check(text.as_bytes());
            text.push(']');
            check(text.as_bytes());
            text.push_str(",5,6]");
            check(text.as_bytes());
        }
    }
}

#[test]
fn a_run_of_digits_longer_than_a_block() {
    for length in [63, 64, 65, 127, 128, 129, 500] {
        check(format!("1,{},2]", "7".repeat(length)).as_bytes());
        check("7".repeat(length).as_bytes());
    }
}

#[test]
fn odd_bytes_separate_and_are_reported() {
    for odd in [
        "-5", "1.5", "1e3", "\"x\"", "[1", "{", "\u{fc}", "/", ":", "\0",
    ] {
        for pad in [0, 5, 60, 64, 70, 130] {
            check(format!("{}{odd},17,{}]", "4,".repeat(pad), "44,".repeat(80)).as_bytes());
        }
    }
}

#[test]
fn random_texts() {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    for round in 0..3000 {
        let mut text = Vec::new();
        for _ in 0..random.below(400) {
            match random.below(30) {
                0 => text.extend(b"\r\n\t  "),
                1 if round % 3 == 0 => text.push(random.below(256) as u8),
                2 => text.extend(b",,"),
                n => {
                    let digits = if n == 3 { 12 } else { n % 9 };
                    for _ in 0..=digits {
                        text.push(b'0' + random.below(10) as u8);
                    }
                    text.push(if n % 4 == 0 { b'\n' } else { b',' });
                }
            }
        }
        if round % 2 == 0 {
            text.extend(b"]12,");
        }
        check(&text);
    }
}

#[test]
fn a_small_output_is_filled_piece_by_piece() {
    let text: String = (0..5000_u32).map(|i| format!("{},", i * 7919)).collect();
    for path in Path::available() {
        let (mut at, mut numbers) = (0, Vec::new());
        let mut out = [0; OUT_MIN];
        loop {
            let done = scan(path, &text.as_bytes()[at..], &mut out);
            numbers.extend_from_slice(&out[..done.written]);
            at += done.consumed;
            if done.consumed == 0 {
                break;
            }
        }
        assert_eq!(
            numbers,
            (0..5000_u32).map(|i| i * 7919).collect::<Vec<_>>(),
            "{path:?}"
        );
    }
}
