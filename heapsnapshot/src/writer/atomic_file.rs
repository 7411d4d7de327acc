//! A file that appears whole or not at all: written beside its place, made durable, then renamed.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// A file in the making. Dropped without [`commit`](Self::commit), it leaves nothing behind.
#[derive(Debug)]
pub struct AtomicFile {
    file: File,
    unfinished: PathBuf,
    path: PathBuf,
    committed: bool,
}

impl AtomicFile {
    /// Starts a file that is to appear at `path`, in a temporary one beside it (`.NAME.PID-N.heapsnapshot.tmp`).
    ///
    /// # Errors
    ///
    /// Those of creating a file; [`io::ErrorKind::InvalidInput`] if `path` names none.
    pub fn create(path: &Path) -> io::Result<AtomicFile> {
        static SERIAL: AtomicU32 = AtomicU32::new(0);
        let Some(name) = path.file_name() else {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "the path names no file",
            ));
        };
        if path.is_dir() {
            return Err(io::Error::from(io::ErrorKind::IsADirectory));
        }
        loop {
            let serial = SERIAL.fetch_add(1, Ordering::Relaxed);
            let mut unfinished_name = std::ffi::OsString::from(".");
            unfinished_name.push(name);
            unfinished_name.push(format!(".{}-{serial}.heapsnapshot.tmp", std::process::id()));
            let unfinished = path.with_file_name(unfinished_name);
            match OpenOptions::new()
                .write(true)
                .create_new(true)
                .open(&unfinished)
            {
                Ok(file) => {
                    return Ok(AtomicFile {
                        file,
                        unfinished,
                        path: path.to_path_buf(),
                        committed: false,
                    });
                }
                // Left by a process of the same number that was killed.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Makes the file durable and puts it in its place, over one that may be there.
    ///
    /// # Errors
    ///
    /// Those of synchronising and renaming; the temporary file is then removed.
    pub fn commit(mut self) -> io::Result<()> {
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
        fs::rename(&self.unfinished, &self.path)?;
        self.committed = true;
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
        if !self.committed {
            // Nothing more can be done about a file that will not go.
            let _ = fs::remove_file(&self.unfinished);
        }
    }
}
