//! A failure in words: an application's log shows an error's text, and mostly nothing else.

use std::fmt::Write as _;

use cofferdam_analysis::judge::{self, render};
use cofferdam_analysis::{Error, Finding};

use crate::migrate::Failure;

/// The error of a failure, with everything that a person needs in its text: the findings
/// that refused, or the place and the hint.
pub(super) fn error(failure: Failure) -> Error {
    let Failure { error, findings, applied } = failure;
    let mut text = error.message().to_owned();
    let refused: Vec<Finding> = findings.into_iter().filter(Finding::refuses).collect();
    if refused.is_empty() {
        about(&error, &mut text);
    }
    for finding in &refused {
        _ = write!(text, "\n{}", render(std::slice::from_ref(finding)).trim_end());
        let says_how = finding.help.as_deref().is_some_and(|help| help.contains("cofferdam:allow"));
        if finding.statement.is_some() && !judge::never_allowed(finding.rule) && !says_how {
            _ = write!(
                text,
                "\n  to accept it, write above the statement: -- cofferdam:allow {} REASON",
                finding.rule
            );
        }
    }
    if !applied.is_empty() {
        let versions: Vec<&str> = applied.iter().map(|one| one.version.as_str()).collect();
        _ = write!(text, "\n  applied before it: {}", versions.join(", "));
    }
    error.with_message(text)
}

fn about(error: &Error, text: &mut String) {
    if let Some(place) = error.place() {
        _ = write!(text, "\n  at {}:{}:{}", place.file, place.line, place.column);
    }
    for detail in error.details() {
        _ = write!(text, "\n  {detail}");
    }
    if let Some(hint) = error.hint_text() {
        _ = write!(text, "\n  hint: {hint}");
    }
}
