//! `heaplab snapshot validate FILE`.

use heapsnapshot::analysis::validate::{Severity, validate};

use super::args::{FileArgs, Form};
use super::input;
use super::need::Need;
use super::table::{Cell, Table};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Output;

/// Prints the rules that the file breaks; finds something if one is more than a notice.
pub(super) fn run(args: &FileArgs, output: Output) -> Result<Exit, Failure> {
    let snapshot = input::open(&args.file, &args.view.read, Need::TREE, output)?;
    let found = validate(&snapshot);
    let broken = found
        .iter()
        .any(|finding| finding.severity > Severity::Notice);
    let mut table = Table::new(["severity", "code", "node", "message"]);
    for finding in &found {
        let severity = match finding.severity {
            Severity::Notice => "notice",
            Severity::Warning => "warning",
            Severity::Error => "error",
        };
        table.row([
            Cell::Text(severity.to_owned()),
            Cell::Text(finding.code.to_string()),
            Cell::Text(
                finding
                    .node
                    .map_or("−".to_owned(), |id| format!("@{}", id.0)),
            ),
            Cell::Text(finding.message.clone()),
        ]);
    }
    if found.is_empty() && args.view.format == Form::Text {
        output
            .data()
            .text("the file keeps every rule that is checked\n")?;
    } else {
        table.print(&args.view, output, "validate", &found)?;
    }
    Ok(if broken { Exit::Found } else { Exit::Done })
}
