//! `heaplab compare WORKLOAD`.

use std::path::PathBuf;

use chrono::Local;
use heaplab_reports::page::{run_names, write_comparison, write_report};
use heaplab_reports::record::{Outcome, RunInfo, RunRecord, SnapshotTaken};
use heaplab_reports::summary::RunSummary;
use heaplab_workloads::{Parameters, registry};
use serde_json::json;

use super::run::{prepare, say_where, say_why};
use crate::args::{CompareArgs, Format};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::folder;
use crate::output::{HEADING, Output};
use crate::summary;
use crate::variant::{self, Variant};

/// Runs a workload's leak and all its cures on the same seed and limits, and compares them.
pub(crate) fn run(args: &CompareArgs, output: Output) -> Result<Exit, Failure> {
    let variants = variants(args)?;
    let signals = prepare(&args.variant, output)?;
    let workload = variants[0].workload;
    let folder = folder::create(
        args.variant.output.out.as_deref(),
        &format!("{}-compare", workload.name),
        Local::now(),
    )?;
    let mut done: Vec<(PathBuf, RunInfo)> = Vec::new();
    for variant in &variants {
        let place = folder.join(match variant.cure {
            None if variants.iter().filter(|v| v.cure.is_none()).count() > 1 => {
                variant.policy.as_str()
            }
            None => "leak",
            Some(cure) => cure.name,
        });
        signals.working_in(place.clone());
        let info = variant.run(&args.variant, &place, &signals, output)?;
        write_report(&place)?;
        let interrupted = info.end.outcome == Outcome::Interrupted;
        done.push((place, info));
        if interrupted {
            break;
        }
    }
    let places: Vec<&PathBuf> = done.iter().map(|(place, _)| place).collect();
    let report = write_comparison(&places, &folder)?;
    let records = places
        .iter()
        .map(RunRecord::open)
        .collect::<Result<Vec<_>, _>>()?;
    let mut data = output.data();
    match args.variant.output.format {
        Format::Json => {
            let runs = done.iter().zip(&records).map(|((place, info), record)| {
                json!({ "folder": place, "summary": RunSummary::of(record), "run": info })
            });
            data.json(&json!({
                "folder": &folder,
                "report": &report,
                "runs": runs.collect::<Vec<_>>(),
            }))?;
        }
        Format::Text => data.text(&format!(
            "{HEADING}{}{HEADING:#}: {}, seed {}\n\n{}",
            workload.name,
            match variants[0].policy == variants[variants.len() - 1].policy {
                true => "the leak and its cures",
                false => "the leak under each policy",
            },
            args.variant.seed,
            summary::of_comparison(&records, &run_names(&records))
        ))?,
    }
    for (_, info) in &done {
        say_why(info, args.variant.fail_at_limit, output);
    }
    let leak = &done[0];
    let first_place = leak.0.file_name().unwrap_or_default().to_string_lossy();
    let snapshots: Vec<SnapshotTaken> = leak
        .1
        .snapshots
        .iter()
        .map(|snapshot| SnapshotTaken {
            file: format!("{}/{}", first_place, snapshot.file),
            ..snapshot.clone()
        })
        .collect();
    say_where(&folder, &report, &snapshots, output);
    let exits = done
        .iter()
        .map(|(_, info)| variant::exit(info, args.variant.fail_at_limit));
    Ok(exits.max().unwrap_or(Exit::Done))
}

/// The leak and each cure, with the parameters that each of them has.
fn variants(args: &CompareArgs) -> Result<Vec<Variant>, Failure> {
    let (workload, _) = registry::find(&args.workload, None).map_err(|error| {
        Failure::usage(error.to_string()).hint("`heaplab list` shows all workloads")
    })?;
    let policies = args.variant.heap.policy.policies();
    // Policies are compared on the leak alone, cures with one policy.
    let cures = workload
        .cures
        .iter()
        .map(Some)
        .filter(|_| policies.len() == 1);
    std::iter::once(None)
        .chain(cures)
        .flat_map(|cure| policies.iter().map(move |&policy| (cure, policy)))
        .map(|(cure, policy)| {
            let parameters = Parameters::parse_shared(workload, cure, &args.variant.parameters)
                .map_err(|error| {
                    Failure::usage(error.to_string()).hint(format!(
                        "`heaplab list {}` shows all parameters",
                        workload.name
                    ))
                })?;
            Ok(Variant {
                workload,
                cure,
                parameters,
                policy,
            })
        })
        .collect()
}
