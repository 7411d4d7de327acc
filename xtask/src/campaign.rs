//! `cargo xtask campaign`: op programs, stress and refusals over all policies for as long as one likes.
//!
//! A third of the time goes to an ordinary build with debug assertions, a third to one with tiny pages and buffers,
//! where boundaries are met all the time, and a third to one with AddressSanitizer, where the toolchain has it: it
//! is told which memory of the heap is dead, and a planted use of a freed object must be caught before its silence
//! counts for anything.

use std::path::PathBuf;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use clap::Args;

use crate::steps::Steps;
use crate::{Outcome, process};

/// Arguments of `cargo xtask campaign`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// How long, in minutes.
    #[arg(long, default_value_t = 10)]
    minutes: u64,
    /// Seed of the first program; the others follow. Without it the time of day decides.
    #[arg(long)]
    seed: Option<u64>,
    /// Stop each part after this many programs.
    #[arg(long)]
    programs: Option<u64>,
    /// Leave AddressSanitizer out.
    #[arg(long)]
    no_asan: bool,
}

/// The bug whose use of freed memory AddressSanitizer must catch.
const PLANTED: &str = "ScavengeHandleSkipped";

/// Runs the campaign.
pub(crate) fn run(options: &Options) -> Outcome {
    let seed = options.seed.unwrap_or_else(|| {
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(1, |time| time.as_secs() % 1_000_000_000 * 1000)
    });
    println!("first seed: {seed}");
    let mut steps = Steps::new("cargo xtask campaign");
    add_steps(
        &mut steps,
        &Campaign {
            seed,
            seconds: options.minutes * 60 / if options.no_asan { 2 } else { 3 },
            programs: options.programs,
        },
        !options.no_asan,
    );
    steps.finish()
}

/// The same few programs each time, for `cargo xtask test`.
pub(crate) fn add_slice(steps: &mut Steps) {
    let campaign = Campaign {
        seed: 1,
        seconds: 600,
        programs: Some(60),
    };
    add_steps(steps, &campaign, true);
}

/// What each part of the campaign does.
#[derive(Debug)]
struct Campaign {
    seed: u64,
    seconds: u64,
    programs: Option<u64>,
}

fn add_steps(steps: &mut Steps, campaign: &Campaign, asan: bool) {
    steps.run("campaign", || {
        let program = Build::Ordinary.build()?;
        campaign.run(&program, "")
    });
    steps.run("campaign with tiny pages", || {
        let program = Build::Tiny.build()?;
        campaign.run(&program, " (with tiny pages)")
    });
    if !asan {
        steps.skip("campaign with AddressSanitizer", "--no-asan");
        return;
    }
    let host = match sanitizer_host() {
        Ok(host) => host,
        Err(reason) => {
            steps.skip("campaign with AddressSanitizer", &reason);
            return;
        }
    };
    let mut built = None;
    steps.run(
        "AddressSanitizer catches a planted use of freed memory",
        || {
            let program = Build::Sanitized(host).build()?;
            let output = Command::new(&program)
                .args(["--plant", PLANTED])
                .output()
                .map_err(|error| format!("{}: {error}", program.display()))?;
            let said = String::from_utf8_lossy(&output.stderr);
            if output.status.success() || !said.contains("AddressSanitizer: use-after-poison") {
                return Err(format!(
                    "{PLANTED} went unnoticed: {}\n{said}",
                    output.status
                ));
            }
            built = Some(program);
            Ok(())
        },
    );
    if let Some(program) = built {
        steps.run("campaign with AddressSanitizer", || {
            campaign.run(&program, " (with AddressSanitizer)")
        });
    }
}

impl Campaign {
    /// Runs the campaign's program; a failure says how to see it again.
    fn run(&self, program: &PathBuf, how: &str) -> Result<(), String> {
        let running = process::workspace_root()
            .join("target")
            .join(format!("campaign-seed-{}", std::process::id()));
        let mut command = Command::new(program);
        command
            .arg("--seconds")
            .arg(self.seconds.to_string())
            .arg("--seed")
            .arg(self.seed.to_string())
            .arg("--running")
            .arg(&running);
        if let Some(programs) = self.programs {
            command.arg("--programs").arg(programs.to_string());
        }
        let result = process::run(&mut command);
        let seed = std::fs::read_to_string(&running).unwrap_or_default();
        // Absent if the program did not get as far as to write it.
        let _ = std::fs::remove_file(&running);
        result.map_err(|reason| {
            format!(
                "{reason}\nseed {seed} fails{how}; to see it again: cargo xtask campaign --seed {seed} --programs 1"
            )
        })
    }
}

/// How the campaign's program is built: with debug assertions in any case.
enum Build {
    Ordinary,
    /// Shares its products with the tests with tiny pages.
    Tiny,
    Sanitized(String),
}

impl Build {
    fn build(self) -> Result<PathBuf, String> {
        let target = process::workspace_root().join("target");
        let arguments = ["build", "-p", "heaplab-gc", "--example", "campaign"];
        let features = |list| ["--features", list];
        let mut command = process::cargo(&arguments);
        let folder = match self {
            Build::Ordinary => {
                command.args(features("testing"));
                command.arg("--target-dir").arg(&target);
                target
            }
            Build::Tiny => {
                command.args(features("testing"));
                tiny_pages(&mut command)
            }
            Build::Sanitized(host) => {
                let target = target.join("asan");
                command
                    .args(features("testing,seeded-bugs"))
                    .args(["--target", &host])
                    .arg("--target-dir")
                    .arg(&target)
                    .env("RUSTC_BOOTSTRAP", "1")
                    .env("RUSTFLAGS", "-Zsanitizer=address --cfg heaplab_asan");
                target.join(host)
            }
        };
        process::run(&mut command)?;
        Ok(folder.join("debug").join("examples").join("campaign"))
    }
}

/// Makes a cargo command build the heap with small pages and buffers, into the folder that is returned.
pub(crate) fn tiny_pages(command: &mut Command) -> PathBuf {
    let flags = std::env::var("RUSTFLAGS").unwrap_or_default();
    let target = process::workspace_root().join("target").join("tiny");
    command
        .env("RUSTFLAGS", format!("{flags} --cfg heaplab_tiny").trim())
        .env("CARGO_TARGET_DIR", &target);
    target
}

/// The target to build with AddressSanitizer for, or why there is none.
fn sanitizer_host() -> Result<String, String> {
    let version = process::output(&mut process::command("rustc", &["-vV"]))?;
    let host = version
        .lines()
        .find_map(|line| line.strip_prefix("host: "))
        .ok_or("rustc does not name its host")?;
    // The runtime library comes with the standard library, on some targets.
    let folder = process::output(&mut process::command(
        "rustc",
        &["--print", "target-libdir"],
    ))?;
    let there = std::fs::read_dir(folder.trim())
        .map_err(|error| format!("{}: {error}", folder.trim()))?
        .flatten()
        .any(|entry| entry.file_name().to_string_lossy().contains("rt.asan"));
    if there {
        Ok(host.to_owned())
    } else {
        Err(format!("this toolchain has no AddressSanitizer for {host}"))
    }
}
