//! Snapshots that others wrote: by several versions of Node of real programs, and by Chromium of a page.

use std::fs;
use std::path::{Path, PathBuf};

use super::output_folder;
use crate::process;

/// The Node versions of `heapsnapshot/devtools/nodes`.
pub(crate) const NODES: [&str; 4] = ["20", "22", "24", "26"];

/// What runs in `node -e` for the small form: DevTools' own worker, a program of some size that is there anyway.
const SMALL_PROGRAM: &str = "\
    import(process.cwd() + '/worker.mjs').then(async worker => {\
      globalThis.kept = await worker.loadWorker();\
      globalThis.table = new Map(Array.from({length: 500}, (_, n) => [{n}, 'text ' + n % 9]));\
      globalThis.weak = new WeakMap(Array.from(table.keys(), key => [key, {of: key.n}]));\
      gc();\
      require('v8').writeHeapSnapshot(process.argv[1]);\
    })";

/// The small form: what the installed Node and, if given, Chromium write. Takes seconds.
///
/// # Errors
///
/// That one of them failed.
pub(crate) fn small(browser: Option<&Path>) -> Result<Vec<PathBuf>, String> {
    let folder = output_folder().join("others");
    create(&folder)?;
    let file = folder.join("node.heapsnapshot");
    let file_text = file.to_string_lossy();
    let arguments = ["--expose-gc", "-e", SMALL_PROGRAM, "--", &file_text];
    process::run(process::command("node", &arguments).current_dir(process::devtools_folder()))?;
    let mut files = vec![file];
    if let Some(browser) = browser {
        files.push(chromium(browser, &folder)?);
    }
    Ok(files)
}

/// The snapshot that Chromium takes of a page.
///
/// # Errors
///
/// That the browser failed.
pub(crate) fn chromium(browser: &Path, folder: &Path) -> Result<PathBuf, String> {
    create(folder)?;
    let file = folder.join("chromium.heapsnapshot");
    let mut command = process::command("node", &["take.mjs", "--chromium"]);
    command
        .current_dir(process::devtools_folder())
        .arg(browser)
        .arg(&file);
    process::run(&mut command)?;
    Ok(file)
}

/// Installs the pinned Node versions and returns the paths of `majors`; on machines for which npm has none, the
/// installed Node alone.
///
/// # Errors
///
/// That npm failed, or that a version is none of [`NODES`].
pub(crate) fn nodes(majors: &[String]) -> Result<Vec<PathBuf>, String> {
    if !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        println!("npm's Node versions are for Linux x86-64; the installed Node serves");
        return Ok(vec![PathBuf::from("node")]);
    }
    let folder = process::devtools_folder().join("nodes");
    npm_ci(&folder)?;
    majors
        .iter()
        .map(|major| {
            let path = folder.join(format!("node_modules/node{major}/bin/node"));
            if path.exists() {
                Ok(path)
            } else {
                Err(format!("Node {major} is none of {}", NODES.join(", ")))
            }
        })
        .collect()
}

/// Snapshots of the npm programs of one size, by one Node; those that are there already are kept.
///
/// # Errors
///
/// That npm or a program failed.
pub(crate) fn programs(node: &Path, size: &str, folder: &Path) -> Result<Vec<PathBuf>, String> {
    let programs = process::devtools_folder().join("programs");
    npm_ci(&programs)?;
    create(folder)?;
    let mut command = process::command("node", &["make.mjs"]);
    command
        .current_dir(&programs)
        .arg(folder)
        .arg("--node")
        .arg(node)
        .args(["--size", size]);
    let paths = process::output(&mut command)?;
    Ok(paths.lines().map(PathBuf::from).collect())
}

/// Installs what a folder's lock file says, once.
fn npm_ci(folder: &Path) -> Result<(), String> {
    if folder.join("node_modules").exists() {
        return Ok(());
    }
    let arguments = ["ci", "--ignore-scripts", "--no-audit", "--no-fund"];
    process::run(process::command("npm", &arguments).current_dir(folder))
}

fn create(folder: &Path) -> Result<(), String> {
    fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))
}
