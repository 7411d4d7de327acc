//! `heaplab snapshot closures FILE`.

use heapsnapshot::analysis::closures::closures;

use super::args::FileArgs;
use super::input;
use super::need::Need;
use super::table::{Cell, Table};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Output;

/// Prints what captured variables keep, a line per variable.
pub(super) fn run(args: &FileArgs, output: Output) -> Result<Exit, Failure> {
    let view = &args.view;
    let snapshot = input::open(&args.file, &view.read, Need::RETAINERS, output)?;
    let most = view.rows_needed();
    let found = closures(&snapshot, most);
    let mut table = Table::new([
        "retained",
        "kept",
        "used",
        "variable",
        "value",
        "closures",
        "functions",
        "context",
    ])
    .whole(found.variables)
    .note(
        "kept: the value would go with the context; used: by code of a live closure (− not told)",
    );
    table.rows_from("/rows");
    for (item, context) in found.rows.iter().enumerate() {
        for variable in &context.variables {
            table.row_of(
                item,
                [
                    Cell::Bytes(variable.retained),
                    Cell::Text(
                        if variable.kept_by_context {
                            "yes"
                        } else {
                            "no"
                        }
                        .to_owned(),
                    ),
                    Cell::Text(
                        match variable.used {
                            Some(true) => "yes",
                            Some(false) => "no",
                            None => "−",
                        }
                        .to_owned(),
                    ),
                    Cell::Text(variable.name.clone()),
                    Cell::Text(variable.value.clone()),
                    Cell::Count(context.closures),
                    Cell::Text(context.functions.join(", ")),
                    Cell::Text(format!("@{}", context.id.0)),
                ],
            );
        }
    }
    table.print(view, output, "closures", &found)?;
    Ok(Exit::Done)
}
