//! Runs steps: one at a time, under the lease, each with its ledger row.
//!
//! Promise: at most one runner works on a target; a step is committed with what the
//! ledger says of it, or not at all; no lock of ours makes the application wait longer
//! than [`LockLimits`] say. Refused: a step whose lease was taken over; a loss that was
//! planned as nobody's and turns out to be somebody's.
//!
//! Crash: in a transactional step the server rolls everything back and the step is as
//! if it had not begun. A statement outside of a transaction leaves an *intent*; the
//! next runner ends the backend that may still be at work, asks the catalog whether the
//! statement took place, and repeats it or not. The lease of a killed runner expires.

pub mod postgres;
pub mod sqlite;

use std::collections::HashMap;
use std::time::{Duration, Instant};

use cofferdam_analysis::sql::{Script, Statement};
use cofferdam_analysis::{Error, NobodysRows, Result, plan};

use crate::Event;
use crate::db::SqlFailure;
use crate::foreign::Writes;
use crate::ledger::{NewMigration, Protected};

/// How long, and how, to wait for locks that stop the application.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LockLimits {
    /// So long we only try `nowait`: nobody ever queues behind us.
    pub patience: Duration,
    /// So long in all, per step; then the run ends, blocked.
    pub budget: Duration,
    /// How long one attempt may queue after `patience`; 50 ms unless asked for more.
    pub wait: Option<Duration>,
}

impl Default for LockLimits {
    fn default() -> Self {
        Self { patience: Duration::from_secs(10), budget: Duration::from_secs(30), wait: None }
    }
}

/// A step about to run.
#[derive(Debug)]
pub struct Job<'a> {
    /// The run it belongs to.
    pub run: i64,
    /// What to do.
    pub step: &'a plan::Step,
    /// The file it stands in.
    pub script: &'a Script,
    /// By statement: losses that must be proved to be nobody's.
    pub proofs: &'a HashMap<usize, NobodysRows>,
    /// What the ledger says when the step is done.
    pub record: Record<'a>,
}

impl<'a> Job<'a> {
    /// The statements, in order.
    pub(crate) fn statements(&self) -> impl Iterator<Item = &'a Statement> + use<'a> {
        let statements = &self.script.statements;
        self.step.statements.iter().filter_map(move |index| statements.get(*index))
    }
}

/// What a step leaves in the ledger beside its own row.
#[derive(Debug, Clone)]
pub enum Record<'a> {
    /// It is not the last of its file.
    Nothing,
    /// The file is applied.
    Applied {
        /// Its row, but for the time it took.
        migration: NewMigration<'a>,
        /// When its file was begun.
        begun: Instant,
        /// What the audit says beside it; an object.
        detail: serde_json::Value,
        /// It was applied before, and runs again because its file changed.
        again: bool,
        /// What another tool's ledger is told.
        in_step: Option<Writes>,
    },
    /// The file is taken back.
    Removed {
        /// The folder's format.
        source: &'a str,
        /// As the ledger has it.
        version: &'a str,
        /// What the audit says beside it; an object.
        detail: serde_json::Value,
        /// What another tool's ledger is told.
        in_step: Option<Writes>,
    },
}

/// Said once in the life of a database.
fn marked(protected: &Protected) -> Event {
    Event::Note { text: protected.told_of_marking(Ok(())) }
}

/// The row of a file that is done now.
pub(crate) fn took<'a>(migration: &NewMigration<'a>, begun: Instant) -> NewMigration<'a> {
    let millis = i64::try_from(begun.elapsed().as_millis()).unwrap_or(i64::MAX);
    NewMigration { duration_ms: Some(millis), ..migration.clone() }
}

/// The error of a statement that the database did not carry out, with its place in the file.
pub(crate) fn statement_failed(script: &Script, statement: &Statement, failure: SqlFailure) -> Error {
    let mut span = statement.span;
    if let Some(position) = failure.position {
        let at = (span.start + position).min(span.end);
        span = cofferdam_analysis::Span::new(at, at);
    }
    let place = script.place(span);
    failure.into_error().at(place, Some(script.text.clone()))
}

/// The error for a loss that was planned as nobody's and is not.
pub(crate) fn somebodys_rows(script: &Script, statement: &Statement, what: String) -> Result<()> {
    Err(Error::refused(format!("it would lose {what}, which this run did not write"))
        .at(script.place(statement.span), Some(script.text.clone()))
        .hint(
            "keep the rows: rename the table or column away and drop it in a later migration; \
             to lose them on purpose: -- cofferdam:allow RULE REASON before the statement",
        ))
}
