//! The one JSON document of a command.
//!
//! Shapes stand in docs/schemas; fields may be added, never renamed or removed
//! while `version` is 1.

use std::io::{IsTerminal as _, Write as _};

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

#[derive(Serialize)]
struct Nothing {}

#[derive(Serialize)]
struct Findings<'a> {
    findings: &'a [Finding],
}

/// Why a command that did its work still ends with exit 1: what it found.
#[derive(Debug)]
pub(crate) struct Verdict {
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
}

/// The document of a command that did what was asked.
pub(crate) fn document<T: Serialize>(command: &str, ok: bool, body: &T) {
    print(&Document { version: VERSION, command, ok, body, error: None });
}

/// The document of a command that judged and found something to fail for.
pub(crate) fn judged<T: Serialize>(command: &str, verdict: &Verdict, body: &T) {
    let error = ErrorBody {
        kind: "findings",
        message: &verdict.message,
        hint: verdict.hint.as_deref(),
        place: None,
        details: &[],
    };
    print(&Document { version: VERSION, command, ok: false, body, error: Some(error) });
}

/// The document of a command that failed.
pub(crate) fn failure(command: &str, failure: &Failure) {
    let error = Some(body(&failure.error));
    if failure.findings.is_empty() {
        print(&Document { version: VERSION, command, ok: false, body: &Nothing {}, error });
    } else {
        let body = Findings { findings: &failure.findings };
        print(&Document { version: VERSION, command, ok: false, body: &body, error });
    }
}

fn body(error: &Error) -> ErrorBody<'_> {
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
