//! A program that runs: waiting for what it says, stopping it, judging its end.

use std::io::{Read, Write as _};
use std::process::{Child, ExitStatus};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use crate::expectation::{Expected, Output, Status};

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
    /// Takes over a child whose three streams are pipes and that leads its own process group.
    pub(crate) fn new(
        mut child: Child,
        line: String,
        stdin: Vec<u8>,
        patience: Duration,
        expected: Expected,
    ) -> Self {
        let pipe = "the streams are pipes";
        let mut input = child.stdin.take().expect(pipe);
        let stdout = Capture::start(child.stdout.take().expect(pipe));
        let stderr = Capture::start(child.stderr.take().expect(pipe));
        // A thread, because a child that does not read would block us. A child that ends early
        // closes the pipe, which is no concern of ours.
        std::thread::spawn(move || drop(input.write_all(&stdin)));
        let pid = Pid::from_child(&child);
        let ended = watch(child);
        let deadline = Instant::now() + patience;
        Self { line, pid, ended, status: None, stdout, stderr, deadline, patience, expected }
    }

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

    /// Ends it as a supervisor or `docker stop` does (SIGTERM).
    pub fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    /// Hangs up on it as a closed terminal does (SIGHUP).
    pub fn hang_up(&self) {
        self.signal(Signal::HUP);
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

fn watch(mut child: Child) -> Receiver<ExitStatus> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || sender.send(child.wait().expect("a child of ours can be waited for")));
    receiver
}
