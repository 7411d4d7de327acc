//! `heaplab run WORKLOAD`.

use std::path::Path;

use chrono::Local;
use heaplab_gc::Heap;
use heaplab_gc::system::system_memory;
use heaplab_reports::page::write_report;
use heaplab_reports::record::{RunInfo, RunRecord, SnapshotTaken};
use heaplab_reports::summary::RunSummary;
use heaplab_workloads::{Parameters, registry};
use serde_json::json;

use crate::args::{Format, RunArgs, VariantArgs};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::folder;
use crate::output::{LABEL, NAME, Output, escaped};
use crate::signals::Signals;
use crate::summary;
use crate::variant::{self, Variant};

/// Runs one variant of a workload and reports it.
pub(crate) fn run(args: &RunArgs, output: Output) -> Result<Exit, Failure> {
    let usage = |error: &dyn std::fmt::Display| Failure::usage(error.to_string());
    let (workload, cure) = registry::find(&args.workload, args.cure.as_deref())
        .map_err(|error| usage(&error).hint("`heaplab list` shows all workloads and cures"))?;
    let parameters =
        Parameters::parse(workload, cure, &args.variant.parameters).map_err(|error| {
            usage(&error).hint(format!(
                "`heaplab list {}` shows all parameters",
                workload.name
            ))
        })?;
    let policies = args.variant.heap.policy.policies();
    let &[policy] = policies.as_slice() else {
        return Err(
            Failure::usage("run has one policy; `all` is for compare".to_owned())
                .hint(format!("`heaplab compare {} --policy all`", workload.name)),
        );
    };
    let variant = Variant {
        workload,
        cure,
        parameters,
        policy,
    };
    let signals = prepare(&args.variant, output)?;
    let folder = folder::create(
        args.variant.output.out.as_deref(),
        &variant.name(),
        Local::now(),
    )?;
    signals.working_in(folder.clone());
    let ran = variant.run(&args.variant, &folder, &signals, output);
    let (info, report, record) = match ran {
        Ok(info) => (info, write_report(&folder)?, RunRecord::open(&folder)?),
        Err(failure) => return Err(so_far(failure, &folder, &args.variant, output)),
    };
    let mut data = output.data();
    match args.variant.output.format {
        Format::Json => data.json(&json!({
            "folder": &folder,
            "report": &report,
            "summary": RunSummary::of(&record),
            "run": &info,
        }))?,
        Format::Text => {
            let cures: Vec<&str> = match cure {
                None => workload.cures.iter().map(|cure| cure.name).collect(),
                Some(_) => Vec::new(),
            };
            data.text(&summary::of_run(&record, &cures))?;
        }
    }
    say_why(&info, args.variant.fail_at_limit, output);
    say_where(&folder, &report, &info.snapshots, output);
    Ok(variant::exit(&info, args.variant.fail_at_limit))
}

/// Of a run that failed, prints what its record has, as far as it has any, and says where it is.
fn so_far(failure: Failure, folder: &Path, args: &VariantArgs, output: Output) -> Failure {
    let Ok(record) = RunRecord::open(folder) else {
        return failure;
    };
    // Neither the page nor the summary can say more of a failure than the failure itself.
    let made = write_report(folder);
    if args.output.format == Format::Text {
        let _ = output.data().text(&summary::of_run(&record, &[]));
    }
    let place = escaped(&folder.display().to_string()).into_owned();
    failure.hint(match made {
        Ok(report) => format!(
            "{} has what was recorded until then",
            escaped(&report.display().to_string())
        ),
        Err(_) => format!(
            "`heaplab report {place}` makes a page of what was recorded, once there is room"
        ),
    })
}

/// What comes before any run and its folder: a heap is made on trial, and signals are listened to.
///
/// # Errors
/// Limits that no heap can have, or that the system does not grant; a system without signals.
pub(super) fn prepare(args: &VariantArgs, output: Output) -> Result<Signals, Failure> {
    let heap = Heap::new(args.heap.options(args.heap.policy.policies()[0])?)?;
    let limit = heap.limits().heap_size_limit();
    if let Some(warning) = variant::memory_warning(&system_memory(), limit) {
        output.warn(warning);
    }
    Signals::listen(args.snapshots.heapsnapshot_signal, output)
        .map_err(|error| Failure::input(format!("cannot listen to signals: {error}")))
}

/// A word on an exit code that is not that of success.
pub(super) fn say_why(info: &RunInfo, fail_at_limit: bool, output: Output) {
    if variant::exit(info, fail_at_limit) == Exit::Limit {
        let variant = info.variant();
        output.warn(format_args!(
            "{variant}: the heap limit was reached{}",
            if info.cure.is_some() {
                ": the cure does not hold under these limits"
            } else {
                ", and --fail-at-limit was given"
            }
        ));
    }
}

/// The last lines: where the run is, which file to open, and what to do with its snapshots.
pub(super) fn say_where(folder: &Path, report: &Path, snapshots: &[SnapshotTaken], output: Output) {
    output.say("");
    let line = |label: &str, path: &Path, rest: &str| {
        output.say(format_args!(
            "{LABEL}{label:<11}{LABEL:#}{NAME}{}{NAME:#}{rest}",
            escaped(&path.display().to_string())
        ));
    };
    line("folder", folder, "");
    line("report", report, "  (open it in a browser)");
    let mut label = "snapshots";
    for snapshot in snapshots {
        line(label, &folder.join(&snapshot.file), "");
        label = "";
    }
    if !snapshots.is_empty() {
        output.say(format_args!(
            "{:11}open one in Chrome: DevTools → Memory → Load profile",
            ""
        ));
    }
}
