//! Why a command did not do what it was asked: one line, sometimes a hint, and an exit code.

use std::fmt;
use std::io;
use std::path::Path;

use heaplab_gc::{HeapError, OptionsError};
use heaplab_reports::page::ReportError;
use heaplab_reports::record::RecordError;

use crate::exit::Exit;

/// What `main` prints before it exits.
#[derive(Debug)]
pub(crate) struct Failure {
    /// The exit code.
    pub(crate) exit: Exit,
    /// One line: place and reason.
    message: String,
    /// What to do next, when the message does not say.
    hint: Option<String>,
}

impl Failure {
    /// The command line asks for what cannot be.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, message)
    }

    /// A file or folder is bad, or cannot be read or written.
    pub(crate) fn input(message: impl Into<String>) -> Self {
        Self::new(Exit::Input, message)
    }

    /// A limit stops the work before it begins.
    pub(crate) fn limit(message: impl Into<String>) -> Self {
        Self::new(Exit::Limit, message)
    }

    fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self {
            exit,
            message: message.into(),
            hint: None,
        }
    }

    /// The system refused to do `action` (create, read, write) at `path`.
    pub(crate) fn io(path: &Path, action: &str, error: &io::Error) -> Self {
        Self::input(format!("{}: cannot {action}: {error}", path.display()))
    }

    /// Adds what to do next.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// What to do next.
    pub(crate) fn hint_text(&self) -> Option<&str> {
        self.hint.as_deref()
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl From<RecordError> for Failure {
    fn from(error: RecordError) -> Self {
        Self::input(error.to_string())
    }
}

impl From<ReportError> for Failure {
    fn from(error: ReportError) -> Self {
        Self::input(error.to_string())
    }
}

impl From<OptionsError> for Failure {
    fn from(error: OptionsError) -> Self {
        Self::usage(format!("--{error}"))
    }
}

impl From<HeapError> for Failure {
    fn from(error: HeapError) -> Self {
        match error {
            HeapError::Options(error) => error.into(),
            error => Self::new(Exit::Limit, error.to_string()),
        }
    }
}
