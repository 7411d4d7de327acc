//! `heaplab snapshot summary FILE`.

use std::path::Path;

use heapsnapshot::analysis::diff::{Matching, ProcessSample};
use heapsnapshot::analysis::filter::{Filter, filter, last_id, native_contexts};
use heapsnapshot::analysis::summary::{GroupBy, Summary, SummaryRow, into_summary, summary};
use heapsnapshot::analysis::words;
use heapsnapshot::{NodeId, Snapshot};

use super::args::{GroupByArg, PartArg, SummaryArgs};
use super::input;
use super::need::Need;
use super::table::{Cell, Table};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Output;

/// Prints the classes.
pub(super) fn run(args: &SummaryArgs, output: Output) -> Result<Exit, Failure> {
    let (file, read) = (&args.common.file, &args.common.view.read);
    let group_by = match args.group_by {
        GroupByArg::Class => GroupBy::Class,
        GroupByArg::Name => GroupBy::Name,
        GroupByArg::Type => GroupBy::Type,
        GroupByArg::Script => GroupBy::Script,
        GroupByArg::Location => GroupBy::Location,
        GroupByArg::Shape => GroupBy::Shape,
    };
    let whole = args.only.is_none()
        && args.allocated_after.is_none()
        && args.allocated_before.is_none()
        && !args.native_contexts;
    if whole {
        let most = args.common.view.rows_needed();
        let known = input::reports(file, read, output, |index| {
            let (found, all) = index.summary(group_by, most)?;
            let title = title(index.node_count(), index.edge_count(), &found);
            Ok((found, all, title, index.retained()))
        })?;
        if let Some((found, all, title, total)) = known {
            return print(&found, all, title, total, args, output);
        }
    }
    let range = id_range(args, output)?;
    let snapshot = if whole {
        input::open_for_reports(file, read, Need::CLASSES, output)?
    } else {
        input::open(file, read, Need::TREE, output)?
    };
    if args.native_contexts {
        return print_native_contexts(&snapshot, args, output);
    }
    range.warn_of_strangers(&snapshot, args, output);
    let part = part(args, &range, &snapshot)?;
    let kept = part.as_ref().map(|(part, _)| filter(&snapshot, *part));
    let Some(((_, what), kept)) = part.zip(kept) else {
        let (nodes, edges) = (snapshot.node_count() as u64, snapshot.edge_count() as u64);
        let found = into_summary(snapshot, group_by);
        let title = title(nodes, edges, &found);
        // The root retains everything.
        let all = found.rows.len() as u64;
        return print(&found, all, title, found.shallow, args, output);
    };
    let found = summary(&snapshot, group_by, Some(&|node| kept.contains(node)));
    let title = format!(
        "{what}: {} in {} objects",
        words::bytes(found.shallow),
        words::count(found.count)
    );
    let total = snapshot.root().retained_size();
    let all = found.rows.len() as u64;
    print(&found, all, title, total, args, output)
}

fn title(nodes: u64, edges: u64, found: &Summary) -> String {
    format!(
        "{} nodes, {} edges, {} in {} objects",
        words::count(nodes),
        words::count(edges),
        words::bytes(found.shallow),
        words::count(found.count),
    )
}

/// Prints the rows, the first ones of `all`; shares are of `total` bytes.
fn print(
    found: &Summary,
    all: u64,
    title: String,
    total: u64,
    args: &SummaryArgs,
    output: Output,
) -> Result<Exit, Failure> {
    let columns = ["count", "distance", "shallow", "retained", "share", "class"];
    let mut table = Table::new(columns).title(title).whole(all);
    table.rows_from("/rows");
    for row in &found.rows {
        table.row([
            Cell::Count(row.count),
            row.shown_distance()
                .map_or(Cell::Number(None), |distance| Cell::Count(distance.into())),
            Cell::Bytes(row.shallow),
            Cell::Bytes(row.retained),
            Cell::share(row.retained, total),
            Cell::Text(class(row)),
        ]);
    }
    table.print(&args.common.view, output, "summary", found)?;
    Ok(Exit::Done)
}

/// A snapshot that bounds the time of allocation.
struct Bound {
    last: NodeId,
    sample: ProcessSample,
}

struct IdRange {
    after: Option<Bound>,
    before: Option<Bound>,
}

impl IdRange {
    /// Ids of another process say nothing about when an object was allocated.
    fn warn_of_strangers(&self, snapshot: &Snapshot, args: &SummaryArgs, output: Output) {
        let earlier = |bound: &Bound| bound.sample.matching(snapshot);
        let after = (self.after.as_ref().map(earlier), &args.allocated_after);
        // That one may be later than the snapshot.
        let any = |bound: &Bound| bound.sample.matching_any(snapshot);
        let before = (self.before.as_ref().map(any), &args.allocated_before);
        for (matching, file) in [after, before] {
            if let (Some(Matching::Class), Some(file)) = (matching, file) {
                output.warn(format!(
                    "{} and {} are snapshots of two processes: their ids do not say what was allocated when",
                    file.display(),
                    args.common.file.display()
                ));
            }
        }
    }
}

/// Read one after the other, before the snapshot itself: only one is in memory at a time.
fn id_range(args: &SummaryArgs, output: Output) -> Result<IdRange, Failure> {
    let bound = |file: &Path| -> Result<Bound, Failure> {
        let snapshot = input::open(file, &args.common.view.read, Need::TREE, output)?;
        Ok(Bound {
            last: last_id(&snapshot),
            sample: ProcessSample::of(&snapshot),
        })
    };
    Ok(IdRange {
        after: args.allocated_after.as_deref().map(bound).transpose()?,
        before: args.allocated_before.as_deref().map(bound).transpose()?,
    })
}

/// The filter asked for, and what it is called.
fn part(
    args: &SummaryArgs,
    range: &IdRange,
    snapshot: &Snapshot,
) -> Result<Option<(Filter, String)>, Failure> {
    let last = |bound: &Option<Bound>| bound.as_ref().map(|bound| bound.last);
    let by_id = match (last(&range.after), last(&range.before)) {
        (None, None) => None,
        (after, before) => {
            let up_to = before.unwrap_or_else(|| last_id(snapshot));
            let what = match (after, before) {
                (Some(after), Some(before)) => {
                    format!(
                        "allocated between the two (ids @{} to @{})",
                        after.0 + 1,
                        before.0
                    )
                }
                (Some(after), None) => format!("allocated after it (ids above @{})", after.0),
                (None, _) => format!("allocated before it (ids up to @{})", up_to.0),
            };
            Some((Filter::Ids { after, up_to }, what))
        }
    };
    let named = match args.only {
        None => None,
        Some(PartArg::DuplicatedStrings) => Some((Filter::DuplicatedStrings, "duplicated strings")),
        Some(PartArg::DetachedDom) => {
            Some((Filter::DetachedDomNodes, "kept only by detached DOM nodes"))
        }
        Some(PartArg::Contexts) => Some((Filter::Contexts, "kept only by variables of closures")),
        Some(PartArg::Console) => Some((Filter::Console, "kept only by the DevTools console")),
        Some(PartArg::EventHandlers) => {
            Some((Filter::EventHandlers, "kept only by event handlers"))
        }
        Some(PartArg::NativeContext(id)) => {
            let context = input::node(snapshot, id)?.ordinal();
            Some((
                Filter::NativeContext(context),
                "owned by this native context",
            ))
        }
        Some(PartArg::Shared) => Some((
            Filter::SharedNativeContext,
            "reached by several native contexts",
        )),
        Some(PartArg::Unattributed) => {
            Some((Filter::NoNativeContext, "reached by no native context"))
        }
    };
    Ok(by_id.or(named.map(|(filter, what)| (filter, what.to_owned()))))
}

/// Whose the memory is.
fn print_native_contexts(
    snapshot: &Snapshot,
    args: &SummaryArgs,
    output: Output,
) -> Result<Exit, Failure> {
    let found = native_contexts(snapshot);
    let total = snapshot.root().retained_size();
    let mut table = Table::new(["owned", "share", "retained", "id", "native context"])
        .note("owned: reached by no other context; see one with --only native-context=ID");
    table.rows_from("/contexts");
    for row in &found.contexts {
        table.row([
            Cell::Bytes(row.attributed),
            Cell::share(row.attributed, total),
            Cell::Bytes(row.retained),
            Cell::Text(format!("@{}", row.id.0)),
            Cell::Text(row.name.clone()),
        ]);
    }
    table.rows_from("/none");
    for (bytes, what) in [
        (found.shared, "(several of them)"),
        (found.unattributed, "(none of them)"),
    ] {
        table.row([
            Cell::Bytes(bytes),
            Cell::share(bytes, total),
            Cell::Number(None),
            Cell::Text(String::new()),
            Cell::Text(what.to_owned()),
        ]);
    }
    table.print(&args.common.view, output, "native_contexts", &found)?;
    Ok(Exit::Done)
}

/// The class, and where it stands.
fn class(row: &SummaryRow) -> String {
    match row.location {
        // A file that is cut before its strings has no names.
        None if row.name.is_empty() => "(without a name)".to_owned(),
        None => row.name.clone(),
        Some(at) if row.name.starts_with("script ") => {
            format!("{}:{}:{}", row.name, at.line + 1, at.column + 1)
        }
        Some(at) => format!(
            "{} (script {}:{}:{})",
            row.name,
            at.script_id,
            at.line + 1,
            at.column + 1
        ),
    }
}
