//! The tools that the tests need besides Rust: found, or the command that installs them.

use std::path::{Path, PathBuf};

use crate::process;

/// The oldest Node whose built-ins the DevTools worker can do with.
const OLDEST_NODE: u32 = 20;

/// Names under which Chromium or Chrome is installed.
const BROWSERS: [&str; 4] = [
    "chromium",
    "chromium-browser",
    "google-chrome-stable",
    "google-chrome",
];

/// The command that installs Chromium on Debian.
const INSTALL_CHROMIUM: &str =
    "apt-get update && apt-get install -y --no-install-recommends chromium";

/// Checks that cargo runs.
///
/// # Errors
///
/// What is missing and the command to run.
pub(crate) fn rust() -> Result<(), String> {
    let version = process::output(&mut process::cargo(&["--version"]))
        .map_err(|reason| format!("{reason}\nInstall Rust: https://rustup.rs"))?;
    println!("{}", version.trim());
    Ok(())
}

/// Checks for Node and npm.
///
/// # Errors
///
/// What is missing or too old, and the command to run.
pub(crate) fn node() -> Result<(), String> {
    let advice = format!(
        "Install Node {OLDEST_NODE} or newer (https://nodejs.org), or leave these tests out: cargo xtask test --skip node,browser"
    );
    let version = process::output(&mut process::command("node", &["--version"]))
        .map_err(|reason| format!("{reason}\n{advice}"))?;
    println!("node {}", version.trim());
    match major(&version) {
        Some(major) if major >= OLDEST_NODE => {}
        _ => {
            return Err(format!(
                "node is {}, {OLDEST_NODE} or newer is needed\n{advice}",
                version.trim()
            ));
        }
    }
    let version =
        process::output(&mut process::command("npm", &["--version"])).map_err(|reason| {
            format!("{reason}\nInstall npm (it comes with Node from https://nodejs.org)")
        })?;
    println!("npm {}", version.trim());
    Ok(())
}

/// Finds Chromium; as root on Debian installs it if it is missing.
///
/// # Errors
///
/// That it is missing, and the command to run.
pub(crate) fn browser() -> Result<PathBuf, String> {
    if let Some(found) = find_browser() {
        println!("browser {}", found.display());
        return Ok(found);
    }
    if is_root() && Path::new("/etc/debian_version").exists() {
        println!("chromium is missing; installing it: {INSTALL_CHROMIUM}");
        process::run(
            process::command("sh", &["-c", INSTALL_CHROMIUM])
                .env("DEBIAN_FRONTEND", "noninteractive"),
        )?;
        if let Some(found) = find_browser() {
            println!("browser {}", found.display());
            return Ok(found);
        }
    }
    Err(format!(
        "No Chromium found ({}), and CHROMIUM names none.\nInstall it: {INSTALL_CHROMIUM}\nor leave its tests out: cargo xtask test --skip browser",
        BROWSERS.join(", ")
    ))
}

/// The browser that `CHROMIUM` names, or the first known one on the path.
fn find_browser() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os("CHROMIUM") {
        let named = PathBuf::from(named);
        return named.is_file().then_some(named);
    }
    let path = std::env::var_os("PATH")?;
    BROWSERS
        .iter()
        .flat_map(|name| std::env::split_paths(&path).map(move |folder| folder.join(name)))
        .find(|file| file.is_file())
}

/// True if this process runs as the superuser.
fn is_root() -> bool {
    process::output(&mut process::command("id", &["-u"])).is_ok_and(|id| id.trim() == "0")
}

/// The major number of `v20.19.2`.
fn major(version: &str) -> Option<u32> {
    version
        .trim()
        .trim_start_matches('v')
        .split('.')
        .next()?
        .parse()
        .ok()
}

#[cfg(test)]
mod tests {
    use super::major;

    #[test]
    fn reads_major_versions() {
        assert_eq!(major("v20.19.2\n"), Some(20));
        assert_eq!(major("v8.1"), Some(8));
        assert_eq!(major("none"), None);
    }
}
