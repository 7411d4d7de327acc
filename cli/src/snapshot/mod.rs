//! `heaplab snapshot VERB FILE…`: one file per verb, and what they share.
//!
//! | file | what it does |
//! |---|---|
//! | `args` | the verbs as declared |
//! | `input` | opens a file: index, progress, what to say about damaged ones |
//! | `need` | how much memory a verb needs, and the refusal of what is too much |
//! | `table` | rows as text, CSV, Markdown or JSON |
//! | the others | a verb each |

mod args;
mod closures;
mod collections;
mod diff;
mod dominators;
mod export;
mod find;
mod gate;
mod growth;
mod histogram;
mod input;
mod leaks;
mod need;
mod node;
mod redact;
mod retainers;
mod statistics;
mod strings;
mod summary;
mod table;
mod validate;

pub(crate) use args::SnapshotArgs;
use args::Verb;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Output;
use crate::signals::abandon_when_interrupted;

/// Does what the verb says.
pub(crate) fn run(args: &SnapshotArgs, output: Output) -> Result<Exit, Failure> {
    abandon_when_interrupted(output)
        .map_err(|error| Failure::input(format!("cannot listen to signals: {error}")))?;
    match &args.verb {
        Verb::Summary(args) => summary::run(args, output),
        Verb::Histogram(args) => histogram::run(args, output),
        Verb::Statistics(args) => statistics::run(args, output),
        Verb::Dominators(args) => dominators::run(args, output),
        Verb::Retainers(args) => retainers::run(args, output),
        Verb::Node(args) => node::run(args, output),
        Verb::Find(args) => find::run(args, output),
        Verb::Strings(args) => strings::run(args, output),
        Verb::Collections(args) => collections::run(args, output),
        Verb::Closures(args) => closures::run(args, output),
        Verb::Validate(args) => validate::run(args, output),
        Verb::Diff(args) => diff::run(args, output),
        Verb::Growth(args) => growth::run(args, output),
        Verb::Leaks(args) => leaks::run(args, output),
        Verb::Gate(args) => gate::run(args, output),
        Verb::Redact(args) => redact::run(args, output),
        Verb::Export(args) => export::run(args, output),
    }
}
