//! Takes migrations back, newest first.
//!
//! Promise: what would be lost is counted and shown before anything runs, and nothing is
//! lost without `--discard-writes`; the down file's statements, or the copy made before
//! the migration (SQLite), and the ledger row go in one commit.
//!
//! Refused: migrations without a way back, those another tool applied, a half applied
//! one (finish it first), a loss that nobody asked for, a protected database whose name was
//! not given.
//!
//! Crash: as in `migrate`; a down file outside of transactions goes on at its first step
//! that is not done. A copy is put back in one transaction of SQLite's own.

mod loss;
mod plan;
mod postgres;
mod sqlite;

use std::collections::BTreeMap;
use std::time::Duration;

use cofferdam_analysis::{Error, Result};
use serde::Serialize;

use crate::db::Target;
use crate::ledger::Run;
use crate::runner::LockLimits;
use crate::{Project, Stop, Watch};

/// How to roll back.
#[derive(Debug, Clone)]
pub struct Options {
    /// The version to leave as the last; one migration back when `None`.
    pub to: Option<String>,
    /// Lose what would be lost.
    pub discard_writes: bool,
    /// For locks that stop the application.
    pub locks: LockLimits,
    /// How long to wait while another runner is at work.
    pub lease_wait: Duration,
    /// Raised to stop after the current step.
    pub stop: Stop,
}

/// The answer of `rollback`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RollbackReport {
    /// The versions taken back, in that order.
    pub undone: Vec<String>,
    /// Rows (or values of a column) by table that were lost with them.
    pub would_lose: BTreeMap<String, i64>,
    /// The copy that was put back, if one was.
    pub point: Option<String>,
}

/// Rolls back.
///
/// # Errors
/// `Refused` before anything ran; else what stopped it.
pub async fn run(project: &Project, options: &Options, watch: &mut dyn Watch) -> Result<RollbackReport> {
    match &project.target {
        Target::Postgres(target) => postgres::run(project, target, options, watch).await,
        Target::Sqlite(target) => sqlite::run(project, target, options, watch),
    }
}

impl RollbackReport {
    /// An error in the middle says what was taken back before it.
    fn so_far(&self, error: Error) -> Error {
        if self.undone.is_empty() {
            return error;
        }
        error.detail(format!("taken back before that: {}", self.undone.join(", ")))
    }

    /// What a run that was cut off after its last commit had done.
    fn of(finished: Option<(&Run, &str)>, to: Option<&str>) -> RollbackReport {
        let undone = finished.filter(|_| to.is_none()).map(|(_, version)| version.to_owned());
        RollbackReport { undone: undone.into_iter().collect(), would_lose: BTreeMap::new(), point: None }
    }
}

/// The refusal of a loss that nobody asked for.
fn refuse_loss(version: &str, would_lose: &BTreeMap<String, i64>, named: &[String]) -> Error {
    let rows = |n: i64| if n == 1 { "1 row".to_owned() } else { format!("{n} rows") };
    let list: Vec<String> = would_lose.iter().map(|(what, n)| format!("{what} ({})", rows(*n))).collect();
    let mut said = Vec::new();
    if !list.is_empty() {
        said.push(format!("it would lose {}", list.join(", ")));
    }
    if !named.is_empty() {
        said.push(format!("its down file {}", named.join(", and ")));
    }
    Error::refused(format!("cannot roll back {version}: {}", said.join("; ")))
        .hint("keep the rows elsewhere first; to lose them: cofferdam rollback --discard-writes")
}
