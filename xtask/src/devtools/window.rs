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
    let mut command = process::command("node", &["page.mjs"]);
    command
        .current_dir(process::devtools_folder())
        .arg("--chromium")
        .arg(browser)
        .arg("--screenshots")
        .arg(&screenshots)
        .args(taken.iter().map(|taken| &taken.file));
    let text = process::output(&mut command)?;
    let mut lines = text.lines();
    for taken in taken {
        let at = |reason: String| format!("{}: {reason}", taken.file.display());
        let line = lines
            .next()
            .ok_or_else(|| at("the page says nothing about it".to_owned()))?;
        let shown: Shown = serde_json::from_str(line)
            .map_err(|error| at(format!("the page's output: {error}")))?;
        let ours = Numbers::of(&taken.file).map_err(at)?;
        if shown.total != ours.retained[0] {
            return Err(at(format!(
                "the total is {}, the window shows {}",
                ours.retained[0], shown.total
            )));
        }
        let is_shown = |class: &str| shown.rows.iter().any(|row| row.name == class);
        if let Some(missing) = taken.leaks.iter().find(|leak| !is_shown(leak)) {
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
    println!("screenshots: {}", screenshots.display());
    Ok(())
}
