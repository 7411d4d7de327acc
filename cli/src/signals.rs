//! Signals: Ctrl-C ends a run cleanly, a second one at once; another one of choice asks for a snapshot.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use heapsnapshot::writer::AtomicFile;
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2};
use signal_hook::iterator;

use crate::exit::Exit;
use crate::output::Output;

/// What signals asked for so far. Cheap to look at once per tick.
#[derive(Clone, Debug, Default)]
pub(crate) struct Signals {
    stop: Arc<AtomicBool>,
    snapshot: Arc<AtomicBool>,
    /// Where an unfinished file may lie when a second Ctrl-C comes.
    folder: Arc<Mutex<Option<PathBuf>>>,
}

impl Signals {
    /// Listens from now on for Ctrl-C and SIGTERM, and for `snapshot` if one is given.
    ///
    /// # Errors
    /// The system refuses a handler or a thread.
    pub(crate) fn listen(snapshot: Option<SnapshotSignal>, output: Output) -> io::Result<Self> {
        let signals = Self::default();
        let mut wanted = vec![SIGINT, SIGTERM];
        wanted.extend(snapshot.map(|signal| signal.number));
        let mut incoming = iterator::Signals::new(wanted)?;
        let shared = signals.clone();
        thread::Builder::new()
            .name("signals".into())
            .spawn(move || {
                for signal in &mut incoming {
                    if signal != SIGINT && signal != SIGTERM {
                        shared.snapshot.store(true, Ordering::Relaxed);
                    } else if shared.stop.swap(true, Ordering::Relaxed) {
                        shared.quit();
                    } else {
                        output
                            .say("ending the run and writing its report; once more quits at once");
                    }
                }
            })?;
        Ok(signals)
    }

    /// Whether the run shall end.
    pub(crate) fn stop_requested(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Whether a snapshot was asked for since the last call.
    pub(crate) fn take_snapshot_request(&self) -> bool {
        // A load is cheaper than a swap, and almost always the answer.
        self.snapshot.load(Ordering::Relaxed) && self.snapshot.swap(false, Ordering::Relaxed)
    }

    /// Names the folder in which unfinished files lie.
    pub(crate) fn working_in(&self, folder: PathBuf) {
        *self.folder.lock().unwrap_or_else(PoisonError::into_inner) = Some(folder);
    }

    /// Quits now, without leaving halves of files.
    fn quit(&self) -> ! {
        let folder = self
            .folder
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        AtomicFile::abandon_all();
        if let Some(entries) = folder.and_then(|folder| fs::read_dir(folder).ok()) {
            for entry in entries.flatten() {
                if entry.path().extension().is_some_and(|end| end == "tmp") {
                    let _ = fs::remove_file(entry.path());
                }
            }
        }
        std::process::exit(Exit::Interrupted.code().into())
    }
}

/// From now on Ctrl-C and SIGTERM end the process at once, and take with them what was being written.
///
/// # Errors
/// The system refuses a handler or a thread.
pub(crate) fn abandon_when_interrupted(output: Output) -> io::Result<()> {
    let mut incoming = iterator::Signals::new([SIGINT, SIGTERM])?;
    thread::Builder::new()
        .name("signals".into())
        .spawn(move || {
            if incoming.forever().next().is_some() {
                let what = match AtomicFile::abandon_all() {
                    0 => "",
                    _ => "; what was being written is removed",
                };
                output.say(format_args!("interrupted{what}"));
                std::process::exit(Exit::Interrupted.code().into());
            }
        })?;
    Ok(())
}

/// A signal that asks for a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SnapshotSignal {
    number: i32,
    name: &'static str,
}

/// The signals that can ask for a snapshot: the others end, stop or are used by the system.
const SNAPSHOT_SIGNALS: [SnapshotSignal; 4] = [
    SnapshotSignal {
        number: SIGUSR2,
        name: "SIGUSR2",
    },
    SnapshotSignal {
        number: SIGUSR1,
        name: "SIGUSR1",
    },
    SnapshotSignal {
        number: SIGHUP,
        name: "SIGHUP",
    },
    SnapshotSignal {
        number: SIGQUIT,
        name: "SIGQUIT",
    },
];

impl FromStr for SnapshotSignal {
    type Err = String;

    /// The name, with or without `SIG`, in capitals or not.
    fn from_str(text: &str) -> Result<Self, String> {
        let name = text.to_ascii_uppercase();
        SNAPSHOT_SIGNALS
            .into_iter()
            .find(|signal| signal.name == name || signal.name.strip_prefix("SIG") == Some(&name))
            .ok_or_else(|| "use SIGUSR2, SIGUSR1, SIGHUP or SIGQUIT".into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_are_found_by_name() {
        let parse = |text: &str| text.parse::<SnapshotSignal>().map(|signal| signal.name);
        assert_eq!(parse("SIGUSR2"), Ok("SIGUSR2"));
        assert_eq!(parse("usr1"), Ok("SIGUSR1"));
        assert!(parse("SIGKILL").is_err());
        assert!(parse("").is_err());
    }

    #[test]
    fn a_request_for_a_snapshot_is_answered_once() {
        let signals = Signals::default();
        assert!(!signals.take_snapshot_request());
        signals.snapshot.store(true, Ordering::Relaxed);
        assert!(signals.take_snapshot_request());
        assert!(!signals.take_snapshot_request());
    }
}
