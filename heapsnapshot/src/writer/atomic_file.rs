//! A file that appears whole or not at all: written beside its place, made durable, then renamed.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A file in the making. Dropped without [`commit`](Self::commit), it leaves nothing behind.
#[derive(Debug)]
pub struct AtomicFile {
    file: File,
    /// `None` once it has its place, and for what has no other place: a pipe, a device.
    unfinished: Option<PathBuf>,
    path: PathBuf,
}

/// Who may read a new file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readers<'a> {
    /// Its owner only, as of the snapshots that Node writes: it may hold secrets of the program.
    Owner,
    /// Those who may read this file: what is made from it tells no more.
    Of(&'a Path),
    /// Everyone whom the process's mask lets.
    Everyone,
}

impl Readers<'_> {
    /// The mode of a new file; `None` leaves it to the mask.
    #[cfg(unix)]
    fn mode(self) -> Option<u32> {
        use std::os::unix::fs::PermissionsExt;
        const OWNER: u32 = 0o600;
        match self {
            Readers::Owner => Some(OWNER),
            Readers::Of(file) => Some(match fs::metadata(file) {
                Ok(found) if found.is_file() => OWNER | (found.permissions().mode() & 0o044),
                _ => OWNER,
            }),
            Readers::Everyone => None,
        }
    }

    /// Creates a file that must not be there yet.
    fn create(self, path: &Path) -> io::Result<File> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        if let Some(mode) = self.mode() {
            use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
            let file = options.mode(mode).open(path)?;
            // The mask may have taken what the other file's readers need.
            file.set_permissions(fs::Permissions::from_mode(mode))?;
            return Ok(file);
        }
        options.open(path)
    }
}

/// The temporary files that there are.
static UNFINISHED: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

fn unfinished_files() -> MutexGuard<'static, Vec<PathBuf>> {
    UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner)
}

impl AtomicFile {
    /// Starts a file that is to appear at `path`, in a temporary one beside it (`.NAME.PID-N.heapsnapshot.tmp`).
    ///
    /// If `path` is a link, the file appears where it leads. If it is neither a file nor a folder (a pipe, a device), it is
    /// written as it is, and nothing is renamed.
    ///
    /// # Errors
    ///
    /// Those of creating a file, and of a link that leads nowhere; [`io::ErrorKind::InvalidInput`] if `path` names none.
    pub fn create(path: &Path, readers: Readers<'_>) -> io::Result<AtomicFile> {
        static SERIAL: AtomicU32 = AtomicU32::new(0);
        let path = if fs::symlink_metadata(path).is_ok_and(|found| found.is_symlink()) {
            fs::canonicalize(path)?
        } else {
            path.to_path_buf()
        };
        let Some(name) = path.file_name() else {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "the path names no file",
            ));
        };
        let found = fs::metadata(&path);
        if found.as_ref().is_ok_and(Metadata::is_dir) {
            return Err(io::Error::from(io::ErrorKind::IsADirectory));
        }
        if found.is_ok_and(|found| !found.is_file()) {
            let file = OpenOptions::new().write(true).open(&path)?;
            let unfinished = None;
            return Ok(AtomicFile {
                file,
                unfinished,
                path,
            });
        }
        loop {
            let serial = SERIAL.fetch_add(1, Ordering::Relaxed);
            let mut unfinished_name = std::ffi::OsString::from(".");
            unfinished_name.push(name);
            unfinished_name.push(format!(".{}-{serial}.heapsnapshot.tmp", std::process::id()));
            let unfinished = path.with_file_name(unfinished_name);
            let mut all = unfinished_files();
            match readers.create(&unfinished) {
                Ok(file) => {
                    all.push(unfinished.clone());
                    let unfinished = Some(unfinished);
                    return Ok(AtomicFile {
                        file,
                        unfinished,
                        path,
                    });
                }
                // Left by a process of the same number that was killed.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Removes the temporary files of this process, which is about to end: none can be made or finished from now on, and
    /// threads that try wait for the end. Returns how many there were.
    pub fn abandon_all() -> usize {
        let mut all = unfinished_files();
        let count = all.len();
        for path in all.drain(..) {
            // Nothing more can be done about a file that will not go.
            let _ = fs::remove_file(path);
        }
        std::mem::forget(all);
        count
    }

    /// Makes the file durable and puts it in its place, over one that may be there.
    ///
    /// # Errors
    ///
    /// Those of synchronising and renaming; the temporary file is then removed.
    pub fn commit(mut self) -> io::Result<()> {
        if self.unfinished.is_none() {
            return self.file.flush();
        }
        self.file.sync_all()?;
        self.rename()?;
        // The new name is durable only when its folder is. Not every file system lets a folder be synchronised; then the
        // name is as durable as that system makes it.
        let folder = match self.path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        if let Ok(folder) = File::open(folder) {
            let _ = folder.sync_all();
        }
        Ok(())
    }

    /// Puts the file in its place without waiting for it to be durable: for what can be made again, and is checked
    /// when it is read.
    ///
    /// # Errors
    ///
    /// Those of renaming; the temporary file is then removed.
    pub fn place(mut self) -> io::Result<()> {
        self.rename()
    }

    fn rename(&mut self) -> io::Result<()> {
        let mut all = unfinished_files();
        if let Some(unfinished) = &self.unfinished {
            fs::rename(unfinished, &self.path)?;
            all.retain(|path| path != unfinished);
            self.unfinished = None;
        }
        Ok(())
    }
}

impl Write for AtomicFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for AtomicFile {
    fn drop(&mut self) {
        if let Some(unfinished) = &self.unfinished {
            let mut all = unfinished_files();
            all.retain(|path| path != unfinished);
            // Nothing more can be done about a file that will not go.
            let _ = fs::remove_file(unfinished);
        }
    }
}
