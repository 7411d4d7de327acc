//! The systems: how each is built and started, and which benches it has.

use std::path::PathBuf;
use std::process::Command;

use crate::process;

/// One column of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct System {
    /// Its name on the command line and at the head of its column.
    pub(crate) name: &'static str,
    /// What it is, in a few words.
    pub(crate) title: &'static str,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// heaplab with the object sizes of this system.
    Heaplab(&'static str),
    Node,
    /// HotSpot; whether references take 4 bytes.
    Java {
        narrow: bool,
    },
    /// One of the Rust peers: its binary.
    Rust(&'static str),
}

/// All systems, in the order of the columns.
const SYSTEMS: [System; 11] = [
    system(
        "heaplab",
        "heaplab, its own object sizes",
        Kind::Heaplab("own"),
    ),
    system(
        "hl/8",
        "heaplab, every object as large as in HotSpot with 8-byte references",
        Kind::Heaplab("hotspot"),
    ),
    system(
        "hl/v8",
        "heaplab, every object as large as in V8",
        Kind::Heaplab("v8"),
    ),
    system("v8", "Node, single-threaded collector", Kind::Node),
    system(
        "serial",
        "HotSpot Serial, 8-byte references",
        Kind::Java { narrow: false },
    ),
    system(
        "serial4",
        "HotSpot Serial, 4-byte references",
        Kind::Java { narrow: true },
    ),
    system("arena", "gc-arena", Kind::Rust("peer-gc-arena")),
    system(
        "mimalloc",
        "owned values over mimalloc",
        Kind::Rust("peer-mimalloc"),
    ),
    system(
        "malloc",
        "owned values over the system's malloc",
        Kind::Rust("peer-malloc"),
    ),
    system(
        "bumpalo",
        "bumpalo, given back all at once",
        Kind::Rust("peer-bumpalo"),
    ),
    system(
        "limit",
        "bare kernels: what the hardware allows",
        Kind::Rust("peer-limits"),
    ),
];

const fn system(name: &'static str, title: &'static str, kind: Kind) -> System {
    System { name, title, kind }
}

/// The systems that can run, and what is known of them.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub(crate) systems: Vec<System>,
    /// Versions of the peers, one line each.
    pub(crate) versions: Vec<String>,
    /// Names of those that are left out, each with the reason.
    pub(crate) skipped: Vec<String>,
}

/// Where the peers lie.
fn peers_folder() -> PathBuf {
    process::workspace_root().join("benches").join("peers")
}

fn java_classes() -> PathBuf {
    peers_folder().join("target").join("java")
}

/// Builds what the chosen systems need; leaves out what is not installed.
///
/// # Errors
/// An unknown name, or a peer in Rust that does not build.
pub(crate) fn prepare(chosen: &[String]) -> Result<Prepared, String> {
    if let Some(unknown) = chosen
        .iter()
        .find(|name| SYSTEMS.iter().all(|system| system.name != *name))
    {
        let known: Vec<&str> = SYSTEMS.iter().map(|system| system.name).collect();
        return Err(format!(
            "no system is called {unknown}; there are {}",
            known.join(", ")
        ));
    }
    let wanted =
        |system: &&System| chosen.is_empty() || chosen.iter().any(|name| name == system.name);
    eprintln!("building the peers …");
    process::run(process::cargo(&["build", "--release", "--quiet"]).current_dir(peers_folder()))?;
    let mut prepared = Prepared {
        systems: Vec::new(),
        versions: Vec::new(),
        skipped: Vec::new(),
    };
    let node = process::output(&mut process::command("node", &["--version"]))
        .map(|version| format!("Node {}", version.trim()));
    let java = compile_java();
    for system in SYSTEMS.iter().filter(wanted) {
        let found = match system.kind {
            Kind::Node => Some(&node),
            Kind::Java { .. } => Some(&java),
            Kind::Heaplab(_) | Kind::Rust(_) => None,
        };
        match found {
            Some(Err(reason)) => prepared.skipped.push(format!("{}: {reason}", system.name)),
            Some(Ok(version)) => {
                if !prepared.versions.contains(version) {
                    prepared.versions.push(version.clone());
                }
                prepared.systems.push(*system);
            }
            None => prepared.systems.push(*system),
        }
    }
    if process::output(&mut process::command("taskset", &["--version"])).is_err() {
        prepared
            .skipped
            .push("taskset (pinning to one core) is not installed".to_owned());
    }
    Ok(prepared)
}

/// Compiles the Java peers; returns the version of the virtual machine.
fn compile_java() -> Result<String, String> {
    let folder = peers_folder().join("java");
    let mut sources: Vec<PathBuf> = std::fs::read_dir(&folder)
        .map_err(|error| format!("{}: {error}", folder.display()))?
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "java")
        })
        .collect();
    sources.sort();
    let mut command = process::command("javac", &["-d"]);
    command.arg(java_classes()).args(sources);
    process::run(&mut command)?;
    let version = process::output(&mut process::command("java", &["--version"]))?;
    Ok(version.lines().next().unwrap_or("Java").to_owned())
}

impl System {
    /// Whether this is a configuration of heaplab.
    pub(crate) fn is_heaplab(self) -> bool {
        matches!(self.kind, Kind::Heaplab(_))
    }

    /// Whether a `java` log or a `node` trace goes with its output.
    pub(crate) fn trace(self) -> Trace {
        match self.kind {
            Kind::Node => Trace::V8,
            Kind::Java { .. } => Trace::HotSpot,
            Kind::Heaplab(_) | Kind::Rust(_) => Trace::None,
        }
    }

    /// Whether it has this bench.
    pub(crate) fn has(self, bench: &str) -> bool {
        let marking = bench.starts_with("mark");
        match self.kind {
            Kind::Heaplab(own) => {
                bench != "memcpy"
                    && (own == "own" || !(marking || bench == "mutate" || bench == "alloc"))
            }
            Kind::Node | Kind::Java { .. } => bench != "memcpy",
            Kind::Rust("peer-gc-arena") => {
                marking || ["empty", "bt18", "gcb18", "queue", "mutate"].contains(&bench)
            }
            Kind::Rust("peer-limits") => {
                marking
                    || bench.starts_with("surv")
                    || ["empty", "alloc", "memcpy"].contains(&bench)
            }
            Kind::Rust("peer-bumpalo") => ["empty", "alloc", "bt18", "gcb18"].contains(&bench),
            Kind::Rust(_) => !marking && bench != "mutate" && bench != "memcpy",
        }
    }

    /// How often it repeats a bench: enough for a virtual machine's start to be below 5 % of the run.
    pub(crate) fn iterations(self, bench: &str) -> u32 {
        if self.kind == Kind::Rust("peer-gc-arena") {
            return 1;
        }
        match bench {
            "alloc" | "surv20" => 8,
            "surv50" => 5,
            "surv80" | "bt18" => 4,
            "queue" | "closure" => 3,
            _ => 1,
        }
    }

    /// The command that runs a bench, pinned to the first core where `taskset` is installed.
    pub(crate) fn command(self, bench: &str, iterations: u32, memory: Option<Memory>) -> Command {
        let iterations = iterations.to_string();
        let mut arguments: Vec<String> = match self.kind {
            Kind::Heaplab(_) => vec![self.binary("peer-heaplab")],
            Kind::Rust(binary) => vec![self.binary(binary)],
            Kind::Node => {
                let memory = memory.unwrap_or(Memory {
                    semi_space: 16,
                    old: 6144,
                });
                vec![
                    "node".to_owned(),
                    "--single-threaded-gc".to_owned(),
                    format!("--max-semi-space-size={}", memory.semi_space),
                    format!("--max-old-space-size={}", memory.old),
                    "--expose-gc".to_owned(),
                    "--trace-gc-nvp".to_owned(),
                    peers_folder()
                        .join("node")
                        .join("main.mjs")
                        .display()
                        .to_string(),
                ]
            }
            Kind::Java { narrow } => {
                let mut arguments = vec!["java".to_owned()];
                match memory {
                    None => arguments.extend(["-Xmx6g", "-Xms64m", "-Xmn48m"].map(str::to_owned)),
                    Some(memory) => arguments.extend([
                        format!("-Xmx{}m", memory.total()),
                        format!("-Xmn{}m", 3 * memory.semi_space),
                    ]),
                }
                arguments.extend([
                    "-XX:+UseSerialGC".to_owned(),
                    "-XX:SurvivorRatio=1".to_owned(),
                    format!("-XX:{}UseCompressedOops", if narrow { '+' } else { '-' }),
                    format!("-Dpeers.reference={}", if narrow { 4 } else { 8 }),
                    "-Xlog:gc*:stdout".to_owned(),
                    "-cp".to_owned(),
                    java_classes().display().to_string(),
                    "Main".to_owned(),
                ]);
                arguments
            }
        };
        arguments.push(bench.to_owned());
        arguments.push(iterations);
        if let Kind::Heaplab(sizes) = self.kind {
            arguments.push(sizes.to_owned());
            if let Some(memory) = memory {
                arguments.push(format!("--max-semi-space-size={}", memory.semi_space));
                arguments.push(format!("--max-old-space-size={}", memory.old));
            }
        }
        let mut command = process::command("taskset", &["-c", "0"]);
        if process::output(&mut process::command("taskset", &["--version"])).is_err() {
            command = process::command(&arguments[0], &[]);
            command.args(&arguments[1..]);
        } else {
            command.args(&arguments);
        }
        command
    }

    fn binary(self, name: &str) -> String {
        peers_folder()
            .join("target")
            .join("release")
            .join(name)
            .display()
            .to_string()
    }
}

/// Which trace of its collections a system writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trace {
    /// None: its report holds all.
    None,
    /// `--trace-gc-nvp`.
    V8,
    /// `-Xlog:gc*`.
    HotSpot,
}

/// Limits of a heap in MB; the young generation takes three semi-spaces in every system.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Memory {
    pub(crate) semi_space: u32,
    pub(crate) old: u32,
}

impl Memory {
    /// All limits together.
    pub(crate) fn total(self) -> u32 {
        3 * self.semi_space + self.old
    }
}
