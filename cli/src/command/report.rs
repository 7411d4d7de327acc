//! `heaplab report DIR...`.

use std::fs;
use std::path::{Path, PathBuf};

use chrono::Local;
use heaplab_reports::page::{REPORT_FILE, write_comparison, write_report};
use heaplab_reports::record::{EVENTS_FILE, RUN_FILE, RecordError, RunRecord};
use heaplab_workloads::registry;

use crate::args::ReportArgs;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::folder;
use crate::output::Output;

/// Makes the page of one run or of a comparison, and prints where it is.
pub(crate) fn run(args: &ReportArgs, output: Output) -> Result<Exit, Failure> {
    let page = match (&args.folders[..], &args.out) {
        ([folder], None) if is_run(folder) => {
            keep_whole_report(folder)?;
            write_report(folder)?
        }
        // The folder of a comparison keeps its page.
        ([folder], None) => write_comparison(runs_in(folder)?, folder)?,
        (folders, out) => {
            let mut runs = Vec::new();
            for folder in folders {
                if is_run(folder) {
                    runs.push(folder.clone());
                } else {
                    runs.extend(runs_in(folder)?);
                }
            }
            // Everything is read before a folder is made for it.
            for run in &runs {
                RunRecord::open(run)?;
            }
            let place = folder::create(out.as_deref(), "report", Local::now())?;
            write_comparison(runs, place)?
        }
    };
    output.data().text(&format!("{}\n", page.display()))?;
    Ok(Exit::Done)
}

/// Refuses to replace a report by one of a record that has lost events since.
fn keep_whole_report(folder: &Path) -> Result<(), Failure> {
    let record = RunRecord::open(folder)?;
    let report = record.dir.join(REPORT_FILE);
    if record.lost == 0 || !report.exists() {
        return Ok(());
    }
    let events = record.dir.join(EVENTS_FILE);
    Err(Failure::input(format!(
        "{}: {} collections and samples are missing that {RUN_FILE} knows of; {REPORT_FILE} is kept as it is",
        events.display(),
        record.lost
    ))
    .hint(format!("remove {} to have a report of what is left", report.display())))
}

/// Whether this is the folder of one run, or its `run.json`.
fn is_run(path: &Path) -> bool {
    path.is_file() || path.join(RUN_FILE).exists()
}

/// The runs in the folder of a comparison: the leak first, then cures in their workload's order.
fn runs_in(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let entries = fs::read_dir(folder).map_err(|error| Failure::io(folder, "read", &error))?;
    let mut runs: Vec<(usize, PathBuf)> = Vec::new();
    for entry in entries {
        let path = entry
            .map_err(|error| Failure::io(folder, "read", &error))?
            .path();
        if path.join(RUN_FILE).exists() {
            runs.push((rank(&RunRecord::open(&path)?), path));
        }
    }
    if runs.is_empty() {
        let path = folder.to_owned();
        return Err(RecordError::NotARun { path }.into());
    }
    runs.sort();
    Ok(runs.into_iter().map(|(_, path)| path).collect())
}

/// Where a variant stands among its workload's: 0 for the leak, unknown cures last.
fn rank(record: &RunRecord) -> usize {
    let Some(cure) = &record.info.cure else {
        return 0;
    };
    let known = registry::find(&record.info.workload.name, None).ok();
    let place = known.and_then(|(workload, _)| {
        let mut cures = workload.cures.iter();
        cures.position(|known| known.name == cure.name)
    });
    place.map_or(usize::MAX, |place| place + 1)
}
