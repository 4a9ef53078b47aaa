//! The one JSON document of a command.
//!
//! Shapes stand in docs/schemas; fields may be added, never renamed or removed
//! while `version` is 1.

use std::io::{IsTerminal as _, Write as _};

use cofferdam::migrate::AppliedMigration;
use cofferdam_analysis::{Error, ErrorKind, Finding};
use serde::Serialize;

use crate::failure::Failure;

const VERSION: u8 = 1;

#[derive(Serialize)]
struct Document<'a, T> {
    version: u8,
    command: &'a str,
    ok: bool,
    #[serde(flatten)]
    body: &'a T,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<ErrorBody<'a>>,
}

#[derive(Serialize)]
struct ErrorBody<'a> {
    kind: &'a str,
    message: &'a str,
    hint: Option<&'a str>,
    place: Option<&'a cofferdam_analysis::Place>,
    details: &'a [String],
}

/// What a failed command has to say beside its error.
#[derive(Serialize)]
struct Remains<'a> {
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    findings: &'a [Finding],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    applied: &'a [AppliedMigration],
}

/// Why a command that did its work does not end with exit 0: what it found.
#[derive(Debug)]
pub(crate) struct Verdict {
    kind: &'static str,
    message: String,
    hint: Option<String>,
}

impl Verdict {
    /// Findings that fail the command; `rule` is the first one's.
    pub(crate) fn findings(message: String, rule: &str) -> Self {
        Self { kind: "findings", message, hint: Some(format!("cofferdam explain {rule}")) }
    }

    /// Work that somebody has to go on with.
    pub(crate) fn left(message: String, next: &str) -> Self {
        Self { kind: "findings", message, hint: Some(next.to_owned()) }
    }

    /// Stored data that is not as it was written.
    pub(crate) fn corrupt(message: String) -> Self {
        Self { kind: "corrupt", message, hint: None }
    }
}

/// The document of a command that did what was asked.
pub(crate) fn document<T: Serialize>(command: &str, ok: bool, body: &T) {
    print(&Document { version: VERSION, command, ok, body, error: None });
}

/// The document of a command that judged and found something to fail for.
pub(crate) fn judged<T: Serialize>(command: &str, verdict: &Verdict, body: &T) {
    print(&with_verdict(command, Some(verdict), body));
}

/// The document as text, for a file.
pub(crate) fn rendered<T: Serialize>(command: &str, verdict: Option<&Verdict>, body: &T) -> String {
    // Our own reports hold strings, numbers, lists and maps with text keys: these always serialise.
    let text = serde_json::to_string_pretty(&with_verdict(command, verdict, body)).unwrap_or_default();
    text + "\n"
}

fn with_verdict<'a, T>(command: &'a str, verdict: Option<&'a Verdict>, body: &'a T) -> Document<'a, T> {
    let error = verdict.map(|verdict| ErrorBody {
        kind: verdict.kind,
        message: &verdict.message,
        hint: verdict.hint.as_deref(),
        place: None,
        details: &[],
    });
    Document { version: VERSION, command, ok: error.is_none(), body, error }
}

/// The document of a command that failed.
pub(crate) fn failure(command: &str, failure: &Failure) {
    let body = Remains { findings: &failure.findings, applied: &failure.applied };
    let error = Some(error_body(&failure.error));
    print(&Document { version: VERSION, command, ok: false, body: &body, error });
}

fn error_body(error: &Error) -> ErrorBody<'_> {
    ErrorBody {
        kind: kind(error.kind()),
        message: error.message(),
        hint: error.hint_text(),
        place: error.place(),
        details: error.details(),
    }
}

/// As [`ErrorKind`] serialises; a word, not a document.
fn kind(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Refused => "refused",
        ErrorKind::Blocked => "blocked",
        ErrorKind::Conflict => "conflict",
        ErrorKind::Invalid => "invalid",
        ErrorKind::Unreachable => "unreachable",
        ErrorKind::Corrupt => "corrupt",
        ErrorKind::Interrupted => "interrupted",
        ErrorKind::Bug => "bug",
        _ => "bug",
    }
}

/// One line for programs, indented for people.
fn print<T: Serialize>(document: &T) {
    let mut out = std::io::stdout().lock();
    let written = if out.is_terminal() {
        serde_json::to_writer_pretty(&mut out, document)
    } else {
        serde_json::to_writer(&mut out, document)
    };
    let _ = written.map(|()| out.write_all(b"\n"));
    let _ = out.flush();
}
