//! Where a run's files go: a new folder each time, nothing is ever overwritten.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use chrono::{DateTime, Local};

use crate::failure::Failure;

/// The folder in which runs without `--out` make theirs.
pub(crate) const RUNS: &str = "heaplab-runs";

/// Makes the folder of a run: `out` if it was given, else `heaplab-runs/<stem>-<yyyymmdd-hhmmss>`.
///
/// # Errors
/// `out` holds something already, or the system refuses the folder.
pub(crate) fn create(
    out: Option<&Path>,
    stem: &str,
    now: DateTime<Local>,
) -> Result<PathBuf, Failure> {
    match out {
        Some(out) => create_given(out),
        None => {
            let runs = Path::new(RUNS);
            make_runs(runs).map_err(|error| Failure::io(runs, "create", &error))?;
            create_new(runs, &format!("{stem}-{}", now.format("%Y%m%d-%H%M%S")))
        }
    }
}

/// A folder of the user's choice: new or empty.
fn create_given(out: &Path) -> Result<PathBuf, Failure> {
    fs::create_dir_all(out).map_err(|error| Failure::io(out, "create", &error))?;
    let mut entries = fs::read_dir(out).map_err(|error| Failure::io(out, "read", &error))?;
    if entries.next().is_some() {
        return Err(Failure::input(format!(
            "{}: the folder is not empty; give --out a new or empty one",
            out.display()
        )));
    }
    Ok(out.to_owned())
}

/// `parent/name`, or with `-2`, `-3`, ... behind it if that exists.
fn create_new(parent: &Path, name: &str) -> Result<PathBuf, Failure> {
    let mut path = parent.join(name);
    let mut number = 1;
    loop {
        match fs::create_dir(&path) {
            Ok(()) => return Ok(path),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                number += 1;
                path = parent.join(format!("{name}-{number}"));
            }
            Err(error) => return Err(Failure::io(&path, "create", &error)),
        }
    }
}

/// The folder of folders; git ignores what is in it, wherever it is.
fn make_runs(runs: &Path) -> io::Result<()> {
    if runs.is_dir() {
        return Ok(());
    }
    fs::create_dir_all(runs)?;
    fs::write(runs.join(".gitignore"), "*\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_taken_get_a_number() {
        let parent = tempfile::tempdir().unwrap();
        let made: Vec<PathBuf> = (0..3)
            .map(|_| create_new(parent.path(), "cache-20260102-030405").unwrap())
            .collect();
        let names = made.iter().map(|path| path.file_name().unwrap());
        assert!(names.eq([
            "cache-20260102-030405",
            "cache-20260102-030405-2",
            "cache-20260102-030405-3"
        ]));
    }

    #[test]
    fn a_folder_that_holds_something_is_refused() {
        let parent = tempfile::tempdir().unwrap();
        let out = parent.path().join("a/b");
        assert_eq!(create_given(&out).unwrap(), out);
        assert_eq!(create_given(&out).unwrap(), out);
        fs::write(out.join("x"), "").unwrap();
        let refused = create_given(&out).unwrap_err();
        assert!(refused.to_string().contains("not empty"), "{refused}");
    }
}
