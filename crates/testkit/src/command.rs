//! Running the program in a test, and saying what it must do.

use std::ffi::{OsStr, OsString};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::expectation::{Expected, Output, Status, Text};
use crate::running::Running;

/// A command that still runs after this time hangs: it is killed and the test fails.
const PATIENCE: Duration = Duration::from_secs(60);
/// What a child may know of the machine. Everything else (`DATABASE_URL`, `PG*`,
/// `COFFERDAM_*`, proxies, the developer's own settings) is withheld.
const PASSED_ON: [&str; 6] = [
    "PATH",
    "TMPDIR",
    "LD_LIBRARY_PATH",
    "DYLD_FALLBACK_LIBRARY_PATH",
    "LLVM_PROFILE_FILE",
    "RUST_BACKTRACE",
];

/// One run of a program, and what is expected of it.
///
/// ```no_run
/// # use cofferdam_testkit::Cofferdam;
/// # let binary = "cofferdam";
/// let output = Cofferdam::new(binary)
///     .args(["migrate", "--format", "json"])
///     .env("DATABASE_URL", "sqlite:notes.db")
///     .status(3)
///     .stderr_contains("refused")
///     .run();
/// ```
///
/// The child starts with an empty environment apart from `PATH` and the like,
/// `HOME` in the working directory, and no terminal. Without [`status`](Self::status)
/// exit code 0 is expected.
#[derive(Debug)]
#[must_use = "a command that is not run tests nothing"]
pub struct Cofferdam {
    program: PathBuf,
    arguments: Vec<OsString>,
    variables: Vec<(OsString, OsString)>,
    directory: Option<PathBuf>,
    stdin: Vec<u8>,
    patience: Duration,
    expected: Expected,
}

impl Cofferdam {
    /// A run of `program`; in the command line's tests `env!("CARGO_BIN_EXE_cofferdam")`.
    pub fn new(program: impl Into<PathBuf>) -> Self {
        Self {
            program: program.into(),
            arguments: Vec::new(),
            variables: Vec::new(),
            directory: None,
            stdin: Vec::new(),
            patience: PATIENCE,
            expected: Expected::default(),
        }
    }

    /// Adds an argument.
    pub fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.arguments.push(argument.as_ref().to_owned());
        self
    }

    /// Adds arguments.
    pub fn args<A: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = A>) -> Self {
        self.arguments.extend(arguments.into_iter().map(|a| a.as_ref().to_owned()));
        self
    }

    /// Sets a variable of the child's environment.
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.variables.push((name.as_ref().to_owned(), value.as_ref().to_owned()));
        self
    }

    /// Runs in `directory`, which is also the child's `HOME`.
    pub fn current_dir(mut self, directory: impl AsRef<Path>) -> Self {
        self.directory = Some(directory.as_ref().to_owned());
        self
    }

    /// What the child reads; nothing unless told.
    pub fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.stdin = bytes.into();
        self
    }

    /// How long the child may take; a minute unless told.
    pub fn timeout(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Expects this exit code.
    pub fn status(mut self, code: i32) -> Self {
        self.expected.status = Status::Code(code);
        self
    }

    /// Accepts any end; the test judges the [`Output`] itself.
    pub fn any_status(mut self) -> Self {
        self.expected.status = Status::Any;
        self
    }

    /// Expects the child to be ended by SIGKILL.
    pub fn killed(mut self) -> Self {
        self.expected.status = Status::Killed;
        self
    }

    /// Expects exactly this text on the standard output.
    pub fn stdout(mut self, text: impl Into<String>) -> Self {
        self.expected.stdout.push(Text::Exactly(text.into()));
        self
    }

    /// Expects exactly this text on the standard error.
    pub fn stderr(mut self, text: impl Into<String>) -> Self {
        self.expected.stderr.push(Text::Exactly(text.into()));
        self
    }

    /// Expects this text somewhere on the standard output.
    pub fn stdout_contains(mut self, text: impl Into<String>) -> Self {
        self.expected.stdout.push(Text::Contains(text.into()));
        self
    }

    /// Expects this text somewhere on the standard error.
    pub fn stderr_contains(mut self, text: impl Into<String>) -> Self {
        self.expected.stderr.push(Text::Contains(text.into()));
        self
    }

    /// Expects this text nowhere on the standard output: a password, say.
    pub fn stdout_lacks(mut self, text: impl Into<String>) -> Self {
        self.expected.stdout.push(Text::Lacks(text.into()));
        self
    }

    /// Expects this text nowhere on the standard error.
    pub fn stderr_lacks(mut self, text: impl Into<String>) -> Self {
        self.expected.stderr.push(Text::Lacks(text.into()));
        self
    }

    /// Accepts whatever it does: a run that is to be killed half way.
    pub(crate) fn without_expectations(mut self) -> Self {
        self.expected = Expected { status: Status::Any, ..Expected::default() };
        self
    }

    /// Runs it to its end and checks what was expected.
    ///
    /// # Panics
    /// When the child hangs, or does something else than expected; the message
    /// holds the command and everything that it printed.
    #[track_caller]
    pub fn run(self) -> Output {
        self.spawn().wait()
    }

    /// Starts it and returns while it runs.
    ///
    /// # Panics
    /// When the program cannot be started.
    #[track_caller]
    pub fn spawn(self) -> Running {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).env_clear();
        for name in PASSED_ON {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        let directory = self.directory.clone().unwrap_or_else(|| PathBuf::from("/"));
        command.env("HOME", &directory).env("LC_ALL", "C.UTF-8").envs(self.variables).current_dir(&directory);
        // A group of its own, so that a hung child goes together with what it started.
        command.process_group(0).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let line = format!("{} {:?}", self.program.display(), self.arguments);
        let child = command.spawn().unwrap_or_else(|e| panic!("cannot start {line}: {e}"));
        Running::new(child, line, self.stdin, self.patience, self.expected)
    }
}
