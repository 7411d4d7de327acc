//! `cargo xtask fuzz`: the fuzz target with a corpus that begins with long programs.
//!
//! Left alone, libFuzzer begins with one byte and makes inputs longer only when that finds new code; an op takes six
//! bytes, and a collector has little to do after three of them. So the corpus begins with random programs of some
//! hundred ops, lengths are not held back, and the target's mutator changes programs op by op.

use std::path::Path;

use clap::Args;

use crate::{Outcome, process};

/// Arguments of `cargo xtask fuzz`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// How long, in minutes.
    #[arg(long, default_value_t = 10)]
    minutes: u64,
    /// Small pages and buffers, so that boundaries are met all the time.
    #[arg(long)]
    tiny: bool,
    /// Most ops of a program.
    #[arg(long, default_value_t = 300)]
    ops: usize,
}

/// Bytes before the first op, and bytes of an op: the target's format.
const HEAD: usize = 4;
const OP: usize = 6;
/// Programs that the corpus begins with.
const SEEDS: u64 = 64;

/// Makes the first corpus, then runs the fuzzer.
pub(crate) fn run(options: &Options) -> Outcome {
    let root = process::workspace_root();
    let there = process::output(&mut process::cargo(&["fuzz", "--version"]));
    if let Err(reason) = there {
        eprintln!("{reason}; `cargo install cargo-fuzz` installs it");
        return Outcome::NotStarted;
    }
    if let Err(error) = seed(&root.join("fuzz/corpus/op_programs"), options.ops) {
        eprintln!("fuzz/corpus/op_programs: {error}");
        return Outcome::NotStarted;
    }
    let mut command = process::cargo(&["fuzz", "run", "op_programs"]);
    if options.tiny {
        let flags = std::env::var("RUSTFLAGS").unwrap_or_default();
        command.env("RUSTFLAGS", format!("{flags} --cfg heaplab_tiny").trim());
        command.args(["--target-dir", "fuzz/target/tiny"]);
    }
    // cargo-fuzz builds with flags that only nightly toolchains take without it.
    command.env("RUSTC_BOOTSTRAP", "1").arg("--").args([
        format!("-max_len={}", HEAD + OP * options.ops),
        "-len_control=0".to_owned(),
        "-print_final_stats=1".to_owned(),
        format!("-max_total_time={}", options.minutes * 60),
    ]);
    match process::run(&mut command) {
        Ok(()) => Outcome::Done,
        Err(reason) => {
            eprintln!("{reason}; the input is in fuzz/artifacts, the program was printed as Rust");
            Outcome::Failed
        }
    }
}

/// Writes the first programs: random bytes, from a tenth of the length to all of it. Any bytes are a program.
fn seed(folder: &Path, ops: usize) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    for seed in 0..SEEDS {
        let mut state = seed;
        let mut random = || {
            // SplitMix64 (Steele, Lea and Flood, OOPSLA 2014).
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let z = (state ^ state >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
            z ^ z >> 31
        };
        let length = ops / 10 + random() as usize % (ops - ops / 10).max(1);
        let bytes: Vec<u8> = (0..HEAD + OP * length).map(|_| random() as u8).collect();
        std::fs::write(folder.join(format!("random-{seed:02}")), bytes)?;
    }
    Ok(())
}
