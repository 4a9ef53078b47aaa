//! Every exit code of the program, in one place.
//!
//! Scripts and schedulers branch on these, so a code never changes its meaning.

use std::process::ExitCode;

use cofferdam_analysis::ErrorKind;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Done, nothing wrong.
    Done = 0,
    /// Findings at or above `--fail-on`, or a statement or a proof failed.
    Findings = 1,
    /// The command line, the configuration or a file is wrong, or a prerequisite is missing.
    Usage = 2,
    /// A safety rule said no.
    Refused = 3,
    /// Somebody else is in the way, or a wait ended before what it waited for.
    Blocked = 4,
    /// The database cannot be reached.
    Unreachable = 5,
    /// Stored data is damaged or was tampered with.
    Corrupt = 6,
    /// Stopped; the same command goes on.
    Interrupted = 7,
    /// A bug of ours.
    Bug = 70,
}

impl From<ErrorKind> for Exit {
    fn from(kind: ErrorKind) -> Self {
        match kind {
            ErrorKind::Refused => Exit::Refused,
            ErrorKind::Blocked => Exit::Blocked,
            ErrorKind::Conflict => Exit::Findings,
            ErrorKind::Invalid => Exit::Usage,
            ErrorKind::Unreachable => Exit::Unreachable,
            ErrorKind::Corrupt => Exit::Corrupt,
            ErrorKind::Interrupted => Exit::Interrupted,
            ErrorKind::Bug => Exit::Bug,
            // The enum lives in another crate and may grow; a kind without a code is our mistake.
            _ => Exit::Bug,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit as u8)
    }
}
