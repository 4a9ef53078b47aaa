//! What a run of a program has to do, and how it did.

use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;

use rustix::process::Signal;

#[derive(Debug, Clone, Default)]
pub(crate) struct Expected {
    pub(crate) status: Status,
    pub(crate) stdout: Vec<Text>,
    pub(crate) stderr: Vec<Text>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Status {
    #[default]
    Success,
    Code(i32),
    Killed,
    Any,
}

#[derive(Debug, Clone)]
pub(crate) enum Text {
    Exactly(String),
    Contains(String),
    Lacks(String),
}

impl Expected {
    /// A line for each expectation that was not met.
    pub(crate) fn disagreements(&self, output: &Output) -> Vec<String> {
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
