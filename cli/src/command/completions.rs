//! `heaplab completions SHELL`.

use crate::args::{self, CompletionsArgs};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Output;

/// Prints the completions for a shell on standard output.
pub(crate) fn run(args: &CompletionsArgs, output: Output) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut args::command(), "heaplab", &mut script);
    output.data().text(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Done)
}
