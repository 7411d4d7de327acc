//! The library beside DevTools' worker on any snapshot: every node, every class row, the pie, every filter.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use heapsnapshot::analysis::filter::{Filter, NativeContexts, filter, last_id, native_contexts};
use heapsnapshot::analysis::statistics::statistics;
use heapsnapshot::analysis::summary::{GroupBy, summary};
use heapsnapshot::{NodeId, NodeOrdinal, Snapshot};
use serde_json::json;

use super::oracle::{self, KeyedRow, Oracle};

/// Differences of a kind that are printed.
const SHOWN: usize = 3;

/// What was compared of one file, and how much of it is equal.
#[derive(Debug, Default)]
pub(crate) struct Agreement {
    /// Equal things and all things, by what they are.
    counts: BTreeMap<&'static str, (u64, u64)>,
    differences: Vec<String>,
}

impl Agreement {
    fn check(&mut self, what: &'static str, equal: bool, difference: impl FnOnce() -> String) {
        let count = self.counts.entry(what).or_default();
        count.1 += 1;
        if equal {
            count.0 += 1;
        } else if count.1 - count.0 <= SHOWN as u64 {
            self.differences.push(format!("{what}: {}", difference()));
        }
    }

    fn all_equal(&self) -> bool {
        self.counts.values().all(|(equal, all)| equal == all)
    }

    fn add(&mut self, other: &Agreement) {
        for (what, (equal, all)) in &other.counts {
            let count = self.counts.entry(what).or_default();
            *count = (count.0 + equal, count.1 + all);
        }
    }

    fn line(&self) -> String {
        let parts: Vec<String> = self
            .counts
            .iter()
            .map(|(what, (equal, all))| {
                if equal == all {
                    format!("{what} {all}")
                } else {
                    format!("{what} {equal} of {all}")
                }
            })
            .collect();
        parts.join(", ")
    }
}

/// Compares all `files` and prints a line for each.
///
/// # Errors
///
/// That some are not equal, or that a file cannot be read by either.
pub(crate) fn run(files: &[PathBuf]) -> Result<(), String> {
    let mut sum = Agreement::default();
    let mut failed = Vec::new();
    for file in files {
        let name = file
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let found = compare(file).map_err(|reason| format!("{name}: {reason}"))?;
        println!("{name}: equal: {}", found.line());
        for difference in &found.differences {
            println!("  {difference}");
        }
        if !found.all_equal() {
            failed.push(name);
        }
        sum.add(&found);
    }
    println!("{} files, equal: {}", files.len(), sum.line());
    if failed.is_empty() {
        Ok(())
    } else {
        Err(format!("not equal: {}", failed.join(", ")))
    }
}

fn compare(file: &Path) -> Result<Agreement, String> {
    let theirs = oracle::run(file, &["--filters"])?;
    let ours = Snapshot::open(file).map_err(|error| error.to_string())?;
    if let Some(damage) = &ours.report().damage {
        return Err(format!("read only in part: {damage}"));
    }
    if ours.node_count() != theirs.summary.node_count {
        return Err(format!(
            "{} nodes, DevTools has {}",
            ours.node_count(),
            theirs.summary.node_count
        ));
    }
    let mut found = Agreement::default();
    nodes(&ours, &theirs, &mut found);
    pie(&ours, &theirs, &mut found);
    rows(
        &ours,
        None,
        &theirs.summary.classes,
        "class rows",
        &mut found,
    );
    filters(&ours, &theirs, &mut found);
    Ok(found)
}

/// Self size (raw and shown), retained size, distance, dominator and class of every node.
fn nodes(ours: &Snapshot, theirs: &Oracle, found: &mut Agreement) {
    let no_name = String::new();
    for (index, node) in ours.nodes().enumerate() {
        let expected = theirs.node(index);
        let class = theirs
            .summary
            .class_names
            .get(expected.class as usize)
            .unwrap_or(&no_name);
        let numbers = (
            // Exact: sizes of a snapshot sum up to far less than 2^53.
            node.retained_size() as f64,
            node.raw_self_size(),
            node.self_size(),
            ours.distances().raw(node.ordinal()),
            node.dominator().ordinal().0,
        );
        let their_numbers = (
            expected.retained,
            u64::from(expected.raw),
            u64::from(expected.shown),
            expected.distance,
            expected.dominator,
        );
        // Lone surrogates of a name are lost on the way through JSON, on both sides.
        let equal = numbers == their_numbers && node.class_name() == class.as_str();
        found.check("nodes", equal, || {
            format!(
                "{node:?}: (retained, raw, self, distance, dominator, class) is {numbers:?} {:?}, \
                 DevTools says {their_numbers:?} {class:?}",
                node.class_name()
            )
        });
    }
}

fn pie(ours: &Snapshot, theirs: &Oracle, found: &mut Agreement) {
    let pie = statistics(ours);
    let expected = &theirs.summary.statistics;
    let slices = [
        ("/total", pie.total),
        ("/native/total", pie.native),
        ("/native/typedArrays", pie.typed_arrays),
        ("/v8heap/total", pie.v8),
        ("/v8heap/code", pie.code),
        ("/v8heap/strings", pie.strings),
        ("/v8heap/jsArrays", pie.js_arrays),
        ("/v8heap/system", pie.system),
    ];
    for (slice, bytes) in slices {
        let theirs = expected.pointer(slice).and_then(|value| value.as_u64());
        found.check("statistics", theirs == Some(bytes), || {
            format!("{slice} is {bytes}, DevTools says {theirs:?}")
        });
    }
}

/// The rows of Summary under a filter.
fn rows(
    ours: &Snapshot,
    filter: Option<&dyn Fn(NodeOrdinal) -> bool>,
    theirs: &[KeyedRow],
    what: &'static str,
    found: &mut Agreement,
) {
    let rows = summary(ours, GroupBy::Class, filter).rows;
    let mut ours: BTreeMap<String, (u64, i32, u64, u64)> = rows
        .iter()
        .filter(|row| !row.hidden_by_devtools)
        .map(|row| {
            let numbers = (row.count, row.distance, row.shallow, row.retained);
            (row.key(), numbers)
        })
        .collect();
    for KeyedRow { key, row } in theirs {
        let numbers = (row.count, row.distance, row.shallow, row.retained);
        let own = ours.remove(key);
        found.check(what, own == Some(numbers), || {
            format!(
                "{key:?} (count, distance, shallow, retained) is {own:?}, DevTools says {numbers:?}"
            )
        });
    }
    for (key, numbers) in ours {
        found.check(what, false, || {
            format!("{key:?} {numbers:?} is no row of DevTools")
        });
    }
}

fn filters(ours: &Snapshot, theirs: &Oracle, found: &mut Agreement) {
    let contexts = native_contexts(ours);
    let expected = &theirs.summary.native_contexts;
    found.check("native contexts", as_json(&contexts) == *expected, || {
        format!("{contexts:?}, DevTools says {expected}")
    });
    let last = last_id(ours);
    let ids = &theirs.summary.ids;
    found.check("last id", last.0 == ids.up_to, || {
        format!("{}, DevTools says {}", last.0, ids.up_to)
    });
    for (name, rows_of_filter) in &theirs.summary.filters {
        let known = match name.as_str() {
            "duplicatedStrings" => Some(Filter::DuplicatedStrings),
            "objectsRetainedByDetachedDomNodes" => Some(Filter::DetachedDomNodes),
            "objectsRetainedByContexts" => Some(Filter::Contexts),
            "objectsRetainedByConsole" => Some(Filter::Console),
            "objectsRetainedByEventHandlers" => Some(Filter::EventHandlers),
            "sharedNativeContext" => Some(Filter::SharedNativeContext),
            "noNativeContext" => Some(Filter::NoNativeContext),
            "ids" => Some(Filter::Ids {
                after: Some(NodeId(ids.after)),
                up_to: NodeId(ids.up_to),
            }),
            other => other
                .strip_prefix("native_context_")
                .and_then(|at| contexts.contexts.get(at.parse::<usize>().ok()?))
                .map(|context| Filter::NativeContext(context.ordinal)),
        };
        found.check("filters", known.is_some(), || {
            format!("{name} is not known")
        });
        if let Some(known) = known {
            let kept = filter(ours, known);
            let keep = |node| kept.contains(node);
            let before = found.differences.len();
            rows(ours, Some(&keep), rows_of_filter, "filtered rows", found);
            if found.differences.len() > before {
                found.differences.push(format!("  (those were of {name})"));
            }
        }
    }
}

/// In the oracle's form.
fn as_json(contexts: &NativeContexts) -> serde_json::Value {
    let rows: Vec<serde_json::Value> = contexts
        .contexts
        .iter()
        .map(|row| {
            json!({ "id": row.id, "name": row.name, "attributed": row.attributed, "retained": row.retained })
        })
        .collect();
    json!({ "contexts": rows, "shared": contexts.shared, "unattributed": contexts.unattributed })
}
