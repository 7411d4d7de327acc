//! Writes pages and charts into folders.

use std::fs;
use std::path::{Path, PathBuf};

use super::comparison::{comparison_page, run_names};
use super::run::run_page;
use super::{CHARTS_DIR, REPORT_FILE};
use crate::chart::{Chart, PngError, comparison_charts, png, run_charts};
use crate::record::{RecordError, RunRecord, write_whole};

/// Pixels of a PNG per pixel of its chart: sharp on dense screens.
const PNG_SCALE: f32 = 2.0;

/// A report could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReportError {
    /// The record could not be read, or a file not be written.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// A chart could not be made into a PNG.
    #[error("chart {name}: {source}")]
    Png {
        /// The chart.
        name: String,
        /// Why.
        source: PngError,
    },
    /// There was nothing to compare.
    #[error("no run to compare; give at least one folder")]
    NoRuns,
}

/// Reads the run in `dir` and writes its page and charts beside its record. Gives back where the page is.
///
/// Files appear whole or not at all; a page that was there is replaced.
///
/// # Errors
/// [`ReportError`]: what is wrong with the record, or what could not be written.
pub fn write_report(dir: impl AsRef<Path>) -> Result<PathBuf, ReportError> {
    let run = RunRecord::open(dir)?;
    let charts = run_charts(&run);
    write_charts(&run.dir, &charts)?;
    let page = run.dir.join(REPORT_FILE);
    write_whole(&page, run_page(&run, &charts).as_bytes())?;
    Ok(page)
}

/// Reads the runs in `dirs` and writes a page that compares them, with its charts, into the folder `out`.
/// Gives back where the page is. Runs in folders below `out` are linked from it, by relative links.
///
/// # Errors
/// [`ReportError`]: what is wrong with a record, or what could not be written.
pub fn write_comparison<D: AsRef<Path>>(
    dirs: impl IntoIterator<Item = D>,
    out: impl AsRef<Path>,
) -> Result<PathBuf, ReportError> {
    let out = out.as_ref();
    let runs = dirs
        .into_iter()
        .map(RunRecord::open)
        .collect::<Result<Vec<_>, _>>()?;
    if runs.is_empty() {
        return Err(ReportError::NoRuns);
    }
    let names = run_names(&runs);
    let charts = comparison_charts(&runs, &names);
    write_charts(out, &charts)?;
    let page = out.join(REPORT_FILE);
    write_whole(
        &page,
        comparison_page(&runs, &names, &charts, out).as_bytes(),
    )?;
    Ok(page)
}

fn write_charts(dir: &Path, charts: &[Chart]) -> Result<(), ReportError> {
    let folder = dir.join(CHARTS_DIR);
    fs::create_dir_all(&folder).map_err(RecordError::io(&folder, "create"))?;
    for chart in charts {
        write_whole(
            &folder.join(format!("{}.svg", chart.name)),
            chart.svg.as_bytes(),
        )?;
        let picture = png(&chart.svg, PNG_SCALE).map_err(|source| ReportError::Png {
            name: chart.name.clone(),
            source,
        })?;
        write_whole(&folder.join(format!("{}.png", chart.name)), &picture)?;
    }
    Ok(())
}
