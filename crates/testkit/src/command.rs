//! Running the program in a test, and saying what it must do.

use std::ffi::{OsStr, OsString};
use std::io::{Read, Write as _};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

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

#[derive(Debug, Clone, Default)]
struct Expected {
    status: Status,
    stdout: Vec<Text>,
    stderr: Vec<Text>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Status {
    #[default]
    Success,
    Code(i32),
    Killed,
    Any,
}

#[derive(Debug, Clone)]
enum Text {
    Exactly(String),
    Contains(String),
    Lacks(String),
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
        let mut child = command.spawn().unwrap_or_else(|e| panic!("cannot start {line}: {e}"));
        let stdin = child.stdin.take().expect("it is piped");
        let stdout = Capture::start(child.stdout.take().expect("it is piped"));
        let stderr = Capture::start(child.stderr.take().expect("it is piped"));
        let bytes = self.stdin;
        // A thread, because a child that does not read would block us. A child that ends early
        // closes the pipe, which is no concern of ours.
        std::thread::spawn(move || drop({ stdin }.write_all(&bytes)));
        let pid = Pid::from_child(&child);
        let ended = watch(child);
        let deadline = Instant::now() + self.patience;
        Running {
            line,
            pid,
            ended,
            status: None,
            stdout,
            stderr,
            deadline,
            patience: self.patience,
            expected: self.expected,
        }
    }
}

fn watch(mut child: Child) -> Receiver<ExitStatus> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || sender.send(child.wait().expect("a child of ours can be waited for")));
    receiver
}

/// A child that runs. Dropping it kills it and its process group.
#[derive(Debug)]
pub struct Running {
    line: String,
    pid: Pid,
    ended: Receiver<ExitStatus>,
    status: Option<ExitStatus>,
    stdout: Capture,
    stderr: Capture,
    deadline: Instant,
    patience: Duration,
    expected: Expected,
}

impl Running {
    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.pid.as_raw_nonzero().get().unsigned_abs()
    }

    /// Stops it as SIGSTOP does: it keeps its locks and connections and does nothing.
    pub fn pause(&self) {
        self.signal(Signal::STOP);
    }

    /// Lets it go on after [`pause`](Self::pause).
    pub fn go_on(&self) {
        self.signal(Signal::CONT);
    }

    /// Interrupts it as Ctrl-C does.
    pub fn interrupt(&self) {
        self.signal(Signal::INT);
    }

    /// Kills it (SIGKILL) and expects it to end so.
    #[track_caller]
    pub fn kill(mut self) -> Output {
        self.signal(Signal::KILL);
        self.expected.status = Status::Killed;
        self.wait()
    }

    fn signal(&self, signal: Signal) {
        // One that has just ended needs no signal; `wait` judges how it ended.
        let _ = kill_process(self.pid, signal);
    }

    /// Waits until `text` stands on its standard output, and returns all of that so far.
    ///
    /// # Panics
    /// When the child ends or its time is up before.
    #[track_caller]
    pub fn wait_for_stdout(&mut self, text: &str) -> String {
        let seen = self.stdout.wait_for(text, self.deadline);
        self.seen(seen, text)
    }

    /// Waits until `text` stands on its standard error, and returns all of that so far.
    ///
    /// # Panics
    /// When the child ends or its time is up before.
    #[track_caller]
    pub fn wait_for_stderr(&mut self, text: &str) -> String {
        let seen = self.stderr.wait_for(text, self.deadline);
        self.seen(seen, text)
    }

    #[track_caller]
    fn seen(&mut self, seen: Option<String>, text: &str) -> String {
        seen.unwrap_or_else(|| {
            let output = self.end();
            panic!("{} never said {text:?}\n{output}", self.line)
        })
    }

    /// Waits for its end and checks what was expected.
    ///
    /// # Panics
    /// As [`Cofferdam::run`].
    #[track_caller]
    pub fn wait(mut self) -> Output {
        let status = match self.ended.recv_timeout(self.deadline.saturating_duration_since(Instant::now())) {
            Ok(status) => status,
            Err(RecvTimeoutError::Disconnected) => panic!("the thread that waits for {} is gone", self.line),
            Err(RecvTimeoutError::Timeout) => {
                let output = self.end();
                panic!("{} hung: killed after {:?}\n{output}", self.line, self.patience)
            }
        };
        self.status = Some(status);
        let output = self.output(status);
        let wrong = self.expected.disagreements(&output);
        assert!(wrong.is_empty(), "{}\n{}\n{output}", self.line, wrong.join("\n"));
        output
    }

    /// Kills it and whatever it started, and returns what it printed.
    fn end(&mut self) -> Output {
        let _ = kill_process_group(self.pid, Signal::KILL);
        let status = self.ended.recv().expect("a killed child ends");
        self.status = Some(status);
        self.output(status)
    }

    fn output(&mut self, status: ExitStatus) -> Output {
        Output { status, stdout: self.stdout.all(), stderr: self.stderr.all() }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.status.is_none() {
            let _ = kill_process_group(self.pid, Signal::KILL);
        }
    }
}

/// What a stream said, collected while the child runs.
#[derive(Debug)]
struct Capture {
    pieces: Receiver<Vec<u8>>,
    collected: Vec<u8>,
    reader: Option<JoinHandle<()>>,
}

impl Capture {
    fn start(mut stream: impl Read + Send + 'static) -> Self {
        let (sender, pieces): (Sender<Vec<u8>>, _) = channel();
        let reader = std::thread::spawn(move || {
            let mut buffer = [0; 8192];
            while let Ok(length @ 1..) = stream.read(&mut buffer) {
                if sender.send(buffer[..length].to_vec()).is_err() {
                    return;
                }
            }
        });
        Self { pieces, collected: Vec::new(), reader: Some(reader) }
    }

    fn wait_for(&mut self, text: &str, deadline: Instant) -> Option<String> {
        loop {
            let so_far = String::from_utf8_lossy(&self.collected).into_owned();
            if so_far.contains(text) {
                return Some(so_far);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            self.collected.extend(self.pieces.recv_timeout(left).ok()?);
        }
    }

    fn all(&mut self) -> String {
        if let Some(reader) = self.reader.take() {
            self.collected.extend(self.pieces.iter().flatten());
            drop(reader.join());
        }
        String::from_utf8_lossy(&self.collected).into_owned()
    }
}

/// How a child ended, and what it printed.
#[derive(Debug, Clone)]
pub struct Output {
    /// How it ended.
    pub status: ExitStatus,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
}

impl Output {
    /// Its exit code; none when a signal ended it.
    pub fn code(&self) -> Option<i32> {
        self.status.code()
    }

    /// Whether SIGKILL ended it.
    pub fn was_killed(&self) -> bool {
        self.status.signal() == Some(Signal::KILL.as_raw())
    }

    /// Its standard output as one JSON document.
    ///
    /// # Panics
    /// When it is anything else.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|e| panic!("not one JSON document: {e}\n{self}"))
    }
}

impl std::fmt::Display for Output {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "{}", self.status)?;
        writeln!(f, "--- stdout\n{}", self.stdout)?;
        writeln!(f, "--- stderr\n{}", self.stderr)
    }
}

impl Expected {
    fn disagreements(&self, output: &Output) -> Vec<String> {
        let mut wrong = Vec::new();
        let (right, wanted) = match self.status {
            Status::Success => (output.code() == Some(0), "exit code 0".to_owned()),
            Status::Code(code) => (output.code() == Some(code), format!("exit code {code}")),
            Status::Killed => (output.was_killed(), "an end by SIGKILL".to_owned()),
            Status::Any => (true, String::new()),
        };
        if !right {
            wrong.push(format!("expected {wanted}"));
        }
        for (name, texts, stream) in
            [("stdout", &self.stdout, &output.stdout), ("stderr", &self.stderr, &output.stderr)]
        {
            for text in texts {
                let (right, how, text) = match text {
                    Text::Exactly(text) => (stream == text, "be", text),
                    Text::Contains(text) => (stream.contains(text), "contain", text),
                    Text::Lacks(text) => (!stream.contains(text), "not contain", text),
                };
                if !right {
                    wrong.push(format!("expected {name} to {how} {text:?}"));
                }
            }
        }
        wrong
    }
}
