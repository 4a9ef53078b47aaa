//! The shell script that is the parent of a scratch server, seen from here.
//!
//! One word goes to its standard input, one line comes back. Dropping the
//! [`Supervisor`] closes the pipe and waits until server and files are gone; a
//! killed program closes the pipe too, only nobody waits.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use cofferdam_analysis::{Error, Result};
use rustix::process::{Pid, Signal, kill_process};

use super::account::Account;

const SCRIPT: &str = include_str!("supervisor.sh");

/// A command of the script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// Make the data directory.
    Create,
    /// Start the server; the answer is its process id.
    Start,
    /// Say whether the server still runs.
    Look,
    /// Stop it, ending sessions.
    StopFast,
    /// Stop it without a checkpoint.
    StopImmediate,
    /// `kill -9` all of its processes.
    Kill,
    /// Go away and leave the server running.
    Leave,
}

impl Order {
    fn word(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Start => "start",
            Self::Look => "look",
            Self::StopFast => "fast",
            Self::StopImmediate => "immediate",
            Self::Kill => "kill",
            Self::Leave => "leave",
        }
    }

    /// How long the answer may take before the order has failed.
    fn patience(self) -> Duration {
        match self {
            Self::Create => Duration::from_secs(120),
            Self::StopFast | Self::StopImmediate => Duration::from_secs(60),
            Self::Start | Self::Look | Self::Kill | Self::Leave => Duration::from_secs(20),
        }
    }
}

/// What the script works on.
#[derive(Debug)]
pub(super) struct Site<'a> {
    /// The cluster's directory.
    pub(super) directory: &'a Path,
    /// The directory of the server's programs.
    pub(super) binaries: &'a Path,
    /// A data directory to copy instead of running `initdb`.
    pub(super) template: Option<&'a Path>,
    /// What to add to postgresql.conf.
    pub(super) settings: &'a str,
    /// The whole of pg_hba.conf.
    pub(super) authentication: &'a str,
}

/// The running script.
#[derive(Debug)]
pub(super) struct Supervisor {
    child: Child,
    orders: Option<ChildStdin>,
    answers: Receiver<String>,
    /// The server, while it should be running.
    server: Option<Pid>,
}

impl Supervisor {
    /// Starts the script for `site`, whose directory must exist and belong to `account`.
    pub(super) fn start(account: Account, site: &Site<'_>) -> Result<Self> {
        use std::os::unix::process::CommandExt as _;
        let lost = |e: std::io::Error| Error::invalid(format!("start the shell sh: {e}")).source(e);
        let mut child = account
            .command(Path::new("/bin/sh"))
            .args(["-c", SCRIPT, "cofferdam-scratch"])
            .args([site.directory, site.binaries, site.template.unwrap_or(Path::new(""))])
            .args([site.settings, site.authentication])
            .current_dir("/")
            // A Ctrl-C at the terminal is the program's to handle; the script goes when the program does.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(lost)?;
        let orders = child.stdin.take();
        let (sender, answers) = channel();
        if let Some(stdout) = child.stdout.take() {
            // A thread, because a read from a pipe cannot be given a time limit.
            std::thread::Builder::new()
                .name("scratch-answers".to_owned())
                .spawn(move || {
                    let lines = BufReader::new(stdout).lines().map_while(std::io::Result::ok);
                    lines.take_while(|line| sender.send(line.clone()).is_ok()).for_each(drop);
                })
                .map_err(lost)?;
        }
        Ok(Self { child, orders, answers, server: None })
    }

    /// Gives an order and returns the answer.
    pub(super) fn order(&mut self, order: Order) -> Result<String> {
        let word = format!("{}\n", order.word());
        let sent = self.orders.as_mut().map(|orders| orders.write_all(word.as_bytes()));
        if !matches!(sent, Some(Ok(()))) {
            return Err(vanished());
        }
        let answer = match self.answers.recv_timeout(order.patience()) {
            Ok(answer) => answer,
            Err(RecvTimeoutError::Disconnected) => return Err(vanished()),
            // A replication client that never acknowledges can hold up a shutdown for ever.
            Err(RecvTimeoutError::Timeout) if matches!(order, Order::StopFast | Order::StopImmediate) => {
                self.kill_first_process();
                self.answers.recv_timeout(Order::Kill.patience()).map_err(|_| vanished())?
            }
            Err(RecvTimeoutError::Timeout) => {
                return Err(Error::conflict(format!(
                    "the scratch server did not {} within {} s",
                    order.word(),
                    order.patience().as_secs()
                )));
            }
        };
        self.note(&answer);
        Ok(answer)
    }

    fn note(&mut self, answer: &str) {
        match answer.split_once(' ') {
            Some(("started", pid)) => self.server = pid.parse().ok().and_then(Pid::from_raw),
            _ if answer == "stopped" || answer == "ended" => self.server = None,
            _ => {}
        }
    }

    /// The process id of the server while it should be running.
    pub(super) fn server(&self) -> Option<u32> {
        self.server.map(|pid| pid.as_raw_nonzero().get().unsigned_abs())
    }

    fn kill_first_process(&self) {
        if let Some(pid) = self.server {
            // It may have ended this instant: then there is nothing to kill.
            let _ = kill_process(pid, Signal::KILL);
        }
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        drop(self.orders.take());
        // The script ends by itself: an immediate shutdown takes at most some seconds.
        let _ = self.child.wait();
    }
}

fn vanished() -> Error {
    Error::conflict("the shell that looks after the scratch server is gone")
}
