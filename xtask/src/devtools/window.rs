//! DevTools' window in Chromium: `heapsnapshot/devtools/page.mjs`.

use std::path::Path;

use serde::Deserialize;

use super::independent::{Numbers, Row};
use super::{Taken, oracle, output_folder};
use crate::process;

/// One line of the page's output.
#[derive(Debug, Deserialize)]
struct Shown {
    total: u64,
    rows: Vec<Row>,
}

/// Loads every snapshot in the Memory panel and compares what Summary shows; keeps screenshots.
///
/// # Errors
///
/// A warning, a refused file, the first difference, or that a class that leaks is not shown.
pub(crate) fn compare(taken: &[Taken], browser: &Path) -> Result<(), String> {
    let screenshots = output_folder().join("screenshots");
    let (browser, screenshots) = (browser.to_string_lossy(), screenshots.to_string_lossy());
    for taken in taken {
        let at = |reason: String| format!("{}: {reason}", taken.file.display());
        let folder = format!("{screenshots}/{}", taken.workload);
        let text = process::output(
            process::command(
                "node",
                &[
                    "page.mjs",
                    "--chromium",
                    &browser,
                    "--screenshots",
                    &folder,
                    &taken.file.to_string_lossy(),
                ],
            )
            .current_dir(process::devtools_folder()),
        )?;
        let shown: Shown = serde_json::from_str(&text)
            .map_err(|error| at(format!("the page's output: {error}")))?;
        let ours = Numbers::of(&taken.file).map_err(at)?;
        if shown.total != ours.retained[0] {
            return Err(at(format!(
                "the total is {}, the window shows {}",
                ours.retained[0], shown.total
            )));
        }
        if let Some(missing) = taken
            .leaks
            .iter()
            .find(|leak| !shown.rows.iter().any(|row| row.name == **leak))
        {
            return Err(at(format!("the window shows no {missing}, which leaks")));
        }
        let rows = shown.rows.len();
        oracle::compare_rows(&ours.rows, shown.rows).map_err(at)?;
        println!(
            "{} {}: {rows} rows as computed",
            taken.workload,
            taken.file.file_name().unwrap_or_default().to_string_lossy()
        );
    }
    println!("screenshots: {screenshots}");
    Ok(())
}
