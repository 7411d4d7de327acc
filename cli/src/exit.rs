//! Exit codes: part of what heaplab promises to scripts.

use std::process::ExitCode;

/// How a command ended; each has its exit code.
///
/// When several apply, the one listed last wins: a run that was interrupted after it had reached its limit
/// ends with 130.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Exit {
    /// 0: done. A leak that reaches its limit, as it should, is done; so is output into a closed pipe.
    Done,
    /// 1: a check found something: a workload read back something else than it had written.
    Found,
    /// 2: the command line asks for something that does not exist or cannot be.
    Usage,
    /// 3: a file or folder cannot be read or written, or does not hold what it should.
    Input,
    /// 4: a limit stopped the work: a cured run hit the heap limit, any run did with `--fail-at-limit`, the
    /// system refused memory, or a snapshot needs more than `--max-memory`.
    Limit,
    /// 130: Ctrl-C or SIGTERM; what was there is written.
    Interrupted,
}

impl Exit {
    /// The code as the shell sees it.
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Found => 1,
            Self::Usage => 2,
            Self::Input => 3,
            Self::Limit => 4,
            Self::Interrupted => 130,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// The codes as `--help` lists them.
pub(crate) const HELP: &str = "\
Exit codes:
    0  done (also: a leak reached its limit, as it should; the output pipe was closed)
    1  a check found something
    2  the command line is wrong
    3  a file or folder is bad, or cannot be read or written
    4  a limit stopped the work (a cured run hit the heap limit; --fail-at-limit; --max-memory)
  130  Ctrl-C; what was there is written";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn help_lists_every_code() {
        let all = [
            Exit::Done,
            Exit::Found,
            Exit::Usage,
            Exit::Input,
            Exit::Limit,
            Exit::Interrupted,
        ];
        let listed: Vec<u8> = HELP
            .lines()
            .filter_map(|line| line.split_whitespace().next()?.parse().ok())
            .collect();
        assert_eq!(listed, all.map(Exit::code));
        assert!(all.is_sorted());
    }
}
