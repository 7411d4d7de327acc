//! The verbs of `heaplab snapshot` as declared.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use heapsnapshot::ReadOptions;

use crate::args::{Format, bytes, memory};

/// What to do with snapshots.
#[derive(Debug, Args)]
pub(crate) struct SnapshotArgs {
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

/// What can be asked of a snapshot.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Classes with their counts, sizes and retained sizes, as Chrome DevTools shows them
    Summary(SummaryArgs),
    /// Classes by size, without the graph: fast, and in a few megabytes of memory
    Histogram(FileArgs),
    /// What the memory is used for: strings, code, arrays, native memory
    Statistics(FileArgs),
    /// The largest parts of the dominator tree
    Dominators(DominatorsArgs),
    /// Why a node, or the nodes of a class, are still there: paths from the roots, in words
    Retainers(RetainersArgs),
    /// Everything about one node
    Node(NodeArgs),
    /// Nodes by name, class, type, text and size
    Find(FindArgs),
    /// Strings that exist more than once, what that wastes, and who holds them
    Strings(FileArgs),
    /// Maps, sets and arrays: how full they are and what they hold
    Collections(CollectionsArgs),
    /// What the variables of functions keep alive
    Closures(FileArgs),
    /// Whether the file keeps the rules of the format; exit code 1 if not
    Validate(FileArgs),
    /// What is new, gone and grown between two snapshots
    Diff(DiffArgs),
    /// What grows in every one of several snapshots
    Growth(GrowthArgs),
    /// What leaks: from three snapshots of one process, or more, or fewer; exit code 1 if something does
    Leaks(LeaksArgs),
    /// Whether a snapshot keeps its budgets; exit code 1 if not
    Gate(GateArgs),
    /// A copy without the program's texts, to be given away
    Redact(RedactArgs),
    /// Tables of nodes, edges, classes and dominators as Parquet or CSV, for engines such as DuckDB
    Export(ExportArgs),
}

/// The form of what appears on standard output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Form {
    /// For people
    Text,
    /// One JSON document
    Json,
    /// Comma-separated values, numbers in bytes
    Csv,
    /// A Markdown table
    Md,
}

/// How to read and how to show.
#[derive(Clone, Debug, Args)]
pub(crate) struct ViewArgs {
    /// The form on standard output: text, json, csv or md
    #[arg(
        long,
        value_name = "FORMAT",
        default_value = "text",
        hide_possible_values = true
    )]
    pub(crate) format: Form,
    /// How many rows of each list to show; 0 shows all [default: 20; paths: 5]
    #[arg(long, value_name = "N")]
    pub(crate) top: Option<usize>,
    /// Sort by this column: numbers largest first, texts and ids in order
    #[arg(long, value_name = "COLUMN")]
    pub(crate) sort: Option<String>,
    /// Show only rows with this text
    #[arg(long, value_name = "TEXT")]
    pub(crate) filter: Option<String>,
    #[command(flatten)]
    pub(crate) read: ReadArgs,
}

impl ViewArgs {
    /// How many rows to show; `usual` if nothing was said.
    pub(crate) fn rows(&self, usual: usize) -> usize {
        match self.top.unwrap_or(usual) {
            0 => usize::MAX,
            rows => rows,
        }
    }

    /// Whether a page for people will not do: another form, or rows to be chosen.
    pub(crate) fn wants_table(&self) -> bool {
        self.format != Form::Text || self.sort.is_some() || self.filter.is_some()
    }

    /// How many rows an analysis must find for that: all, if they are filtered or sorted here.
    pub(crate) fn rows_needed(&self) -> usize {
        if self.sort.is_some() || self.filter.is_some() {
            usize::MAX
        } else {
            self.rows(ROWS)
        }
    }
}

/// Rows shown when nothing else is asked for.
pub(crate) const ROWS: usize = 20;

/// How much to read at the most.
#[derive(Clone, Copy, Debug, Default, Args)]
pub(crate) struct MemoryArgs {
    /// The most memory to use, in MB or with a unit such as 2GB [default: 80 % of what is available]
    #[arg(long, value_name = "MB", value_parser = memory)]
    pub(crate) max_memory: Option<u64>,
}

/// How to read.
#[derive(Clone, Copy, Debug, Default, Args)]
pub(crate) struct ReadArgs {
    /// Refuse a file that is cut or damaged, instead of showing what can be read
    #[arg(long)]
    pub(crate) strict: bool,
    /// Sizes as the file has them, without DevTools' attribution to owners
    #[arg(long)]
    pub(crate) raw: bool,
    #[command(flatten)]
    pub(crate) memory: MemoryArgs,
    /// Open from an index beside the file, which is written the first time: FILE.index for a whole
    /// summary or statistics (milliseconds), FILE.graph-index for all else (as large as the file)
    #[arg(long)]
    pub(crate) index: bool,
}

impl ReadArgs {
    pub(crate) fn options(&self) -> ReadOptions {
        ReadOptions {
            strict: self.strict,
            raw: self.raw,
            ..ReadOptions::default()
        }
    }
}

/// A file and how to show it.
#[derive(Debug, Args)]
pub(crate) struct FileArgs {
    /// The snapshot, plain or compressed with gzip or zstd; - is standard input
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) view: ViewArgs,
}

/// What makes a row of the summary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum GroupByArg {
    /// The class, and its place in the source if known
    Class,
    /// The name of the class alone
    Name,
    /// The type of node
    Type,
    /// The script a class stands in
    Script,
    /// The place in the source a class stands at
    Location,
    /// The class and V8's hidden class: objects with the same properties in the same order
    Shape,
}

/// A part of the heap that DevTools has a name for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum PartArg {
    DuplicatedStrings,
    DetachedDom,
    Contexts,
    Console,
    EventHandlers,
    NativeContext(NodeIdArg),
    Shared,
    Unattributed,
}

impl std::str::FromStr for PartArg {
    type Err = String;

    fn from_str(text: &str) -> Result<PartArg, String> {
        Ok(match text {
            "duplicated-strings" => PartArg::DuplicatedStrings,
            "detached-dom" => PartArg::DetachedDom,
            "contexts" => PartArg::Contexts,
            "console" => PartArg::Console,
            "event-handlers" => PartArg::EventHandlers,
            "shared" => PartArg::Shared,
            "unattributed" => PartArg::Unattributed,
            _ => match text.strip_prefix("native-context=") {
                Some(id) => PartArg::NativeContext(id.parse()?),
                None => {
                    return Err("one of duplicated-strings, detached-dom, contexts, console, event-handlers, \
                                native-context=ID, shared, unattributed"
                        .to_owned());
                }
            },
        })
    }
}

/// Arguments of `summary`.
#[derive(Debug, Args)]
pub(crate) struct SummaryArgs {
    #[command(flatten)]
    pub(crate) common: FileArgs,
    /// What makes a row: class, name, type, script, location or shape
    #[arg(
        long,
        value_name = "WHAT",
        default_value = "class",
        hide_possible_values = true
    )]
    pub(crate) group_by: GroupByArg,
    /// Only a part, as DevTools' filters: duplicated-strings; what is kept only by detached-dom, contexts, console
    /// or event-handlers; what native-context=ID alone owns, several do (shared) or none does (unattributed)
    #[arg(long, value_name = "PART")]
    pub(crate) only: Option<PartArg>,
    /// Only objects allocated after this snapshot of the same process was taken
    #[arg(long, value_name = "FILE", conflicts_with = "only")]
    pub(crate) allocated_after: Option<PathBuf>,
    /// Only objects allocated before this snapshot of the same process was taken
    #[arg(long, value_name = "FILE", conflicts_with = "only")]
    pub(crate) allocated_before: Option<PathBuf>,
    /// Whose the memory is, by native context (page, frame, realm), instead of the classes
    #[arg(long, conflicts_with_all = ["only", "allocated_after", "allocated_before"])]
    pub(crate) native_contexts: bool,
}

/// Arguments of `dominators`.
#[derive(Debug, Args)]
pub(crate) struct DominatorsArgs {
    #[command(flatten)]
    pub(crate) common: FileArgs,
    /// Start at this node instead of the root
    #[arg(long, value_name = "ID")]
    pub(crate) node: Option<NodeIdArg>,
    /// Levels to show
    #[arg(long, value_name = "N", default_value_t = 4)]
    pub(crate) depth: usize,
    /// Smallest share of the whole to show, in percent
    #[arg(long, value_name = "PERCENT", default_value_t = 1.0)]
    pub(crate) min_percent: f64,
    /// A list instead of the tree: the largest objects, or the classes right below the start
    #[arg(long, value_name = "objects|classes")]
    pub(crate) list: Option<DominatorsList>,
}

/// Lists instead of the tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum DominatorsList {
    /// The largest objects
    Objects,
    /// The classes right below the start
    Classes,
}

/// An id, with or without the `@` before it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NodeIdArg(pub(crate) u32);

impl std::str::FromStr for NodeIdArg {
    type Err = String;

    fn from_str(text: &str) -> Result<NodeIdArg, String> {
        let digits = text.strip_prefix('@').unwrap_or(text);
        digits
            .parse()
            .map(NodeIdArg)
            .map_err(|_| "write an id as @123 or 123".to_owned())
    }
}

/// Arguments of `retainers`.
#[derive(Debug, Args)]
pub(crate) struct RetainersArgs {
    #[command(flatten)]
    pub(crate) common: FileArgs,
    /// The node
    #[arg(value_name = "ID", required_unless_present = "class")]
    pub(crate) node: Option<NodeIdArg>,
    /// All nodes of this class instead, paths of one shape counted together
    #[arg(long, value_name = "CLASS", conflicts_with = "node")]
    pub(crate) class: Option<String>,
}

/// Arguments of `node`.
#[derive(Debug, Args)]
pub(crate) struct NodeArgs {
    #[command(flatten)]
    pub(crate) common: FileArgs,
    /// The node
    #[arg(value_name = "ID")]
    pub(crate) node: NodeIdArg,
}

/// Arguments of `find`.
#[derive(Debug, Args)]
pub(crate) struct FindArgs {
    #[command(flatten)]
    pub(crate) common: FileArgs,
    /// A part of the name or text, in any case of letters
    #[arg(value_name = "TEXT")]
    pub(crate) text: Option<String>,
    /// The exact class
    #[arg(long, value_name = "CLASS")]
    pub(crate) class: Option<String>,
    /// The type of node, such as string or closure
    #[arg(long = "type", value_name = "TYPE")]
    pub(crate) node_type: Option<String>,
    /// The smallest self size, in bytes or with a unit such as 100kB
    #[arg(long, value_name = "BYTES", default_value = "0", hide_default_value = true, value_parser = bytes)]
    pub(crate) min_size: u64,
    /// The smallest retained size, in bytes or with a unit such as 100kB
    #[arg(long, value_name = "BYTES", default_value = "0", hide_default_value = true, value_parser = bytes)]
    pub(crate) min_retained: u64,
}

/// Arguments of `collections`.
#[derive(Debug, Args)]
pub(crate) struct CollectionsArgs {
    #[command(flatten)]
    pub(crate) common: FileArgs,
    /// Leave out collections with fewer entries
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) min_entries: u64,
}

/// How to match objects of two snapshots.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum MatchBy {
    /// By id: both are of one process
    Id,
    /// By class: they are of two processes
    Class,
}

/// Arguments of `diff`.
#[derive(Debug, Args)]
pub(crate) struct DiffArgs {
    /// The earlier snapshot
    #[arg(value_name = "BEFORE")]
    pub(crate) before: PathBuf,
    /// The later snapshot
    #[arg(value_name = "AFTER")]
    pub(crate) after: PathBuf,
    /// Match objects by id (one process) or class (two) [default: found out]
    #[arg(long, value_name = "id|class")]
    pub(crate) by: Option<MatchBy>,
    #[command(flatten)]
    pub(crate) view: ViewArgs,
}

/// Arguments of `growth`.
#[derive(Debug, Args)]
pub(crate) struct GrowthArgs {
    /// The snapshots, oldest first; at least two
    #[arg(value_name = "FILE", required = true, num_args = 2..)]
    pub(crate) files: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) view: ViewArgs,
}

/// Arguments of `leaks`.
#[derive(Debug, Args)]
pub(crate) struct LeaksArgs {
    /// The snapshots, oldest first
    #[arg(
        value_name = "FILE",
        required_unless_present = "baseline",
        conflicts_with = "baseline"
    )]
    pub(crate) files: Vec<PathBuf>,
    /// Before the work that may leak
    #[arg(long, value_name = "FILE", requires = "target")]
    pub(crate) baseline: Option<PathBuf>,
    /// After the work
    #[arg(long, value_name = "FILE", requires = "baseline")]
    pub(crate) target: Option<PathBuf>,
    /// After everything should be gone again, or after more of the work
    #[arg(long = "final", value_name = "FILE", requires = "baseline")]
    pub(crate) last: Option<PathBuf>,
    /// How objects are matched: id (one process) or class (several); found out by default
    #[arg(long, value_name = "HOW", hide_possible_values = true)]
    pub(crate) by: Option<MatchBy>,
    /// Thresholds and the list of known leaks, as TOML
    ///
    /// For example `[[allow]]` with `owner = "sessions"` and `until = "2027-01-31"`; all of it is in docs/ci.md
    #[arg(long, value_name = "FILE")]
    pub(crate) settings: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) view: ViewArgs,
}

/// Arguments of `redact`.
#[derive(Debug, Args)]
pub(crate) struct RedactArgs {
    /// The snapshot; - is standard input
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Where the copy goes; - is standard output, the report is then on standard error
    #[arg(long, short, value_name = "FILE")]
    pub(crate) out: PathBuf,
    /// The form of the report on standard output: text or json
    #[arg(
        long,
        value_name = "FORMAT",
        default_value = "text",
        hide_possible_values = true
    )]
    pub(crate) format: Format,
}

/// The form of exported tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum TableForm {
    /// Apache Parquet
    #[cfg(feature = "parquet")]
    Parquet,
    /// Comma-separated values
    Csv,
}

/// A table to export.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum TableArg {
    /// A row per node
    Nodes,
    /// A row per edge
    Edges,
    /// A row per class
    Classes,
    /// A row per node, in the order of the dominator tree
    Dominators,
}

/// Arguments of `export`.
#[derive(Debug, Args)]
pub(crate) struct ExportArgs {
    /// The snapshot, plain or compressed with gzip or zstd; - is standard input
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// The folder for the tables; it is made if need be
    #[arg(long, short, value_name = "FOLDER")]
    pub(crate) out: PathBuf,
    /// Only these tables: nodes, edges, classes, dominators [default: all]
    #[arg(
        long,
        value_delimiter = ',',
        value_name = "TABLE,…",
        hide_possible_values = true
    )]
    pub(crate) tables: Vec<TableArg>,
    /// The form of the tables: parquet or csv
    #[arg(long, value_name = "FORM", default_value = TableForm::DEFAULT, hide_possible_values = true)]
    pub(crate) to: TableForm,
    /// The form of the report on standard output: text or json
    #[arg(
        long,
        value_name = "FORMAT",
        default_value = "text",
        hide_possible_values = true
    )]
    pub(crate) format: Format,
    #[command(flatten)]
    pub(crate) read: ReadArgs,
}

impl TableForm {
    const DEFAULT: &str = if cfg!(feature = "parquet") {
        "parquet"
    } else {
        "csv"
    };
}

/// The form of the gate's result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum GateForm {
    /// For people
    Text,
    /// One JSON document
    Json,
    /// A Markdown table
    Md,
    /// GitHub's annotations
    Github,
    /// SARIF 2.1.0
    Sarif,
}

/// Arguments of `gate`.
#[derive(Debug, Args)]
pub(crate) struct GateArgs {
    /// The snapshot; of a series, one after each round of the same work, oldest first, the last is judged
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,
    /// The budgets, as TOML
    ///
    /// For example `[total]` with `max_bytes = 50_000_000`, or `[[class]]` with `name = "Session"` and `max_count = 1000`; all of it is in docs/ci.md
    #[arg(long, value_name = "FILE")]
    pub(crate) budgets: PathBuf,
    /// The snapshot that growth is counted from [default: what the budgets say]
    #[arg(long, value_name = "FILE")]
    pub(crate) baseline: Option<PathBuf>,
    /// The form on standard output: text, json, md, github or sarif
    #[arg(
        long,
        value_name = "FORMAT",
        default_value = "text",
        hide_possible_values = true
    )]
    pub(crate) format: GateForm,
    #[command(flatten)]
    pub(crate) memory: MemoryArgs,
}

impl GateArgs {
    /// A damaged snapshot keeps no budget: it is refused.
    pub(crate) fn read(&self) -> ReadArgs {
        ReadArgs {
            strict: true,
            memory: self.memory,
            ..ReadArgs::default()
        }
    }
}
