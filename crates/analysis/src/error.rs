//! The one error of the program.
//!
//! `kind` says what the caller should do; `message` is a lower-case fragment
//! that reads after "cannot ..." or stands alone; `hint` is the next command to
//! type. Text is written for people: no `Debug` output, no row values, no secrets.

use std::fmt;
use std::sync::Arc;

use serde::Serialize;

use crate::place::Place;

/// A result whose error is [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What the caller should do about an [`Error`]. Each kind has one exit code (cli.md).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum ErrorKind {
    /// A safety rule says no. Change the migration or allow the rule with a reason. Exit 3.
    Refused,
    /// Somebody else is in the way; the same command may succeed later. Exit 4.
    Blocked,
    /// The database does not agree: a statement or a proof failed. Exit 1.
    Conflict,
    /// The command, the configuration or a file is wrong, or a prerequisite is missing. Exit 2.
    Invalid,
    /// The database cannot be reached, or went away before anything was decided. Exit 5.
    Unreachable,
    /// Stored data is damaged or was tampered with. Exit 6.
    Corrupt,
    /// Stopped on request or by a lost connection; the same command resumes. Exit 7.
    Interrupted,
    /// An invariant of the program is broken: report it. Exit 70.
    Bug,
}

/// What went wrong, where, and what to do next.
///
/// `{error}` is the message alone. `{error:?}`, which is what a `main` that returns the
/// error prints, tells all of it, for people.
#[derive(Clone)]
pub struct Error(Box<Inner>);

#[derive(Clone)]
struct Inner {
    kind: ErrorKind,
    message: String,
    hint: Option<String>,
    place: Option<Place>,
    /// The text that `place` points into, so that it can be shown with a caret.
    text: Option<Arc<str>>,
    /// Further facts, one a line: Postgres' DETAIL, the blocker, the other candidate.
    details: Vec<String>,
    source: Option<Arc<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// An error of `kind` with a message that names what, and why not.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            kind,
            message: message.into(),
            hint: None,
            place: None,
            text: None,
            details: Vec::new(),
            source: None,
        }))
    }

    /// Short for [`ErrorKind::Refused`].
    pub fn refused(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Refused, message)
    }

    /// Short for [`ErrorKind::Blocked`].
    pub fn blocked(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Blocked, message)
    }

    /// Short for [`ErrorKind::Conflict`].
    pub fn conflict(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Conflict, message)
    }

    /// Short for [`ErrorKind::Invalid`].
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Invalid, message)
    }

    /// Short for [`ErrorKind::Unreachable`].
    pub fn unreachable(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Unreachable, message)
    }

    /// Short for [`ErrorKind::Corrupt`].
    pub fn corrupt(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Corrupt, message)
    }

    /// Short for [`ErrorKind::Interrupted`].
    pub fn interrupted(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Interrupted, message)
    }

    /// Short for [`ErrorKind::Bug`].
    pub fn bug(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Bug, message)
    }

    /// Adds what to do next; the first hint given stays.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint.get_or_insert_with(|| hint.into());
        self
    }

    /// Adds one further fact, shown on a line of its own.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.0.details.push(detail.into());
        self
    }

    /// Says where in a file; the text lets a person see the line with a caret.
    #[must_use]
    pub fn at(mut self, place: Place, text: Option<Arc<str>>) -> Self {
        self.0.place = Some(place);
        self.0.text = text;
        self
    }

    /// Puts what was being done before the message: `"apply 0007: "`.
    #[must_use]
    pub fn while_(mut self, doing: impl fmt::Display) -> Self {
        self.0.message = format!("{doing}: {}", self.0.message);
        self
    }

    /// The same with another message.
    #[must_use]
    pub fn with_message(mut self, message: impl Into<String>) -> Self {
        self.0.message = message.into();
        self
    }

    /// Keeps the cause for `-v`.
    #[must_use]
    pub fn source(mut self, source: impl std::error::Error + Send + Sync + 'static) -> Self {
        self.0.source = Some(Arc::new(source));
        self
    }

    /// What the caller should do.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The lower-case message.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The next thing to type or change.
    pub fn hint_text(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }

    /// Further facts, one a line.
    pub fn details(&self) -> &[String] {
        &self.0.details
    }

    /// Where in a file.
    pub fn place(&self) -> Option<&Place> {
        self.0.place.as_ref()
    }

    /// The text the place points into.
    pub fn text(&self) -> Option<&Arc<str>> {
        self.0.text.as_ref()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let message = self.message();
        write!(f, "{:?}: {message}", self.kind())?;
        let place = self.place().map(|at| format!("at {}:{}:{}", at.file, at.line, at.column));
        let hint = self.hint_text().map(|hint| format!("hint: {hint}"));
        // A message may hold the rest already.
        let more = place.iter().chain(self.details()).chain(hint.iter()).filter(|text| {
            let bare = text.trim_start_matches("at ").trim_start_matches("hint: ");
            !message.contains(bare)
        });
        for text in more {
            write!(f, "\n  {}", text.replace('\n', "\n  "))?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_deref().map(|e| e as &(dyn std::error::Error + 'static))
    }
}
