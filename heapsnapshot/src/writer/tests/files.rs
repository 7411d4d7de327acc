//! Files: they appear whole or not at all, where links lead, and for whom may read them.

use super::{Lie, strings};
use crate::writer::{WriteError, write_file};

/// A folder of its own for each test, removed at the end.
struct Folder(std::path::PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("heapsnapshot-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a temporary folder");
        Folder(path)
    }

    fn entries(&self) -> Vec<String> {
        let entries = std::fs::read_dir(&self.0).expect("our folder");
        entries
            .map(|entry| {
                entry
                    .expect("an entry")
                    .file_name()
                    .to_string_lossy()
                    .into_owned()
            })
            .collect()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn a_file_appears_whole() {
    let folder = Folder::new("whole");
    let path = folder.0.join("a.heapsnapshot");
    let first = write_file(&mut strings(3, 3), &path).unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().len(), first.bytes);
    // Over an older one, too.
    let second = write_file(&mut strings(300, 3), &path).unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().len(), second.bytes);
    assert_eq!(folder.entries(), ["a.heapsnapshot"]);
}

#[test]
fn a_failed_file_leaves_nothing() {
    let folder = Folder::new("failed");
    let path = folder.0.join("a.heapsnapshot");
    let mut source = strings(30_000, 30);
    source.lie = Lie::MissingText;
    assert!(write_file(&mut source, &path).is_err());
    assert_eq!(folder.entries(), Vec::<String>::new());

    let absent = folder.0.join("absent").join("a.heapsnapshot");
    let error = write_file(&mut strings(1, 1), &absent)
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("absent") && error.contains("a.heapsnapshot"),
        "{error}"
    );
    let error = write_file(&mut strings(1, 1), &folder.0).unwrap_err();
    assert!(matches!(error, WriteError::Io { .. }), "{error}");
}

#[cfg(unix)]
mod of_other_kinds {
    use std::fs;
    use std::io::Read as _;
    use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, symlink};
    use std::path::Path;
    use std::process::Command;

    use super::super::strings;
    use super::Folder;
    use crate::writer::{AtomicFile, Readers, write_file};

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).expect("it is there").mode() & 0o777
    }

    #[test]
    fn a_link_leads_to_the_file() {
        let folder = Folder::new("link");
        let (link, file) = (folder.0.join("link"), folder.0.join("file"));
        fs::write(&file, "old").unwrap();
        symlink("file", &link).unwrap();
        let written = write_file(&mut strings(3, 3), &link).unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::metadata(&file).unwrap().len(), written.bytes);
        fs::remove_file(&file).unwrap();
        assert!(write_file(&mut strings(3, 3), &link).is_err(), "nowhere");
    }

    #[test]
    fn a_pipe_is_written_and_stays() {
        let folder = Folder::new("pipe");
        let pipe = folder.0.join("pipe");
        assert!(
            Command::new("mkfifo")
                .arg(&pipe)
                .status()
                .unwrap()
                .success()
        );
        let reader = {
            let pipe = pipe.clone();
            std::thread::spawn(move || {
                let mut text = String::new();
                fs::File::open(pipe)
                    .unwrap()
                    .read_to_string(&mut text)
                    .unwrap();
                text
            })
        };
        let written = write_file(&mut strings(3, 3), &pipe).unwrap();
        assert_eq!(reader.join().unwrap().len() as u64, written.bytes);
        assert!(fs::metadata(&pipe).unwrap().file_type().is_fifo());
        assert_eq!(folder.entries(), ["pipe"]);
    }

    /// Snapshots hold what a program holds: passwords, tokens. Node gives them this mode, too.
    #[test]
    fn others_read_what_is_made_from_a_snapshot_only_if_they_may_read_it() {
        let folder = Folder::new("mode");
        let snapshot = folder.0.join("a.heapsnapshot");
        write_file(&mut strings(3, 3), &snapshot).unwrap();
        assert_eq!(mode(&snapshot), 0o600);
        for (own, made) in [
            (0o600, 0o600),
            (0o640, 0o640),
            (0o666, 0o644),
            (0o400, 0o600),
        ] {
            fs::set_permissions(&snapshot, fs::Permissions::from_mode(own)).unwrap();
            let path = folder.0.join("made");
            let file = AtomicFile::create(&path, Readers::Of(&snapshot)).unwrap();
            file.commit().unwrap();
            assert_eq!(mode(&path), made, "{own:o}");
        }
    }
}
