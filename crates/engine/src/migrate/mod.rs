//! Applies pending migrations.
//!
//! Promise: everything is checked before anything runs; each file is applied once, in
//! order, each step with its ledger row in one commit; nothing pending is a fast no-op.
//!
//! Refused: errors of the rules that nobody allowed, edited and missing history, late
//! files where the folder's format says so, a database with tables and no ledger, and what
//! needed an allow, on a protected database whose name was not given.
//!
//! States of a run: `running` (also after a crash), `failed`, `done`. A crash or a
//! failure in any state is answered by the same command: it takes over the lease when
//! that expires, settles what a former runner left open, and goes on at the first step
//! that is not done.

mod plan;
mod postgres;
mod report;
mod sqlite;

use std::time::Duration;

use cofferdam_analysis::judge::Allow;
use cofferdam_analysis::{Error, Finding};

use crate::db::Target;
use crate::runner::LockLimits;
use crate::{Project, Stop, Watch};

pub use report::{
    AppliedMigration, Confirmation, FileText, MigrateReport, PlanReport, PlannedStatement, PlannedStep,
    RollbackPoint,
};

/// How to migrate.
#[derive(Debug, Clone)]
pub struct Options {
    /// The last version to apply; all when `None`.
    pub to: Option<String>,
    /// Findings accepted for every file.
    pub allows: Vec<Allow>,
    /// For locks that stop the application.
    pub locks: LockLimits,
    /// How long to wait while another runner is at work.
    pub lease_wait: Duration,
    /// Raised to stop after the current step.
    pub stop: Stop,
    /// Plan only.
    pub dry_run: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            to: None,
            allows: Vec::new(),
            locks: LockLimits::default(),
            lease_wait: Duration::from_secs(600),
            stop: Stop::default(),
            dry_run: false,
        }
    }
}

/// Why nothing, or not everything, was applied.
#[derive(Debug, Clone)]
pub struct Failure {
    /// The reason.
    pub error: Error,
    /// All findings about the pending files, when rules refused.
    pub findings: Vec<Finding>,
    /// What was applied before.
    pub applied: Vec<AppliedMigration>,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self { error, findings: Vec::new(), applied: Vec::new() }
    }
}

/// What [`run`] would do. Reads only; a refusal shows as a finding.
///
/// # Errors
/// Those of the connection, and what makes a file impossible to plan.
pub async fn plan(project: &Project, options: &Options) -> Result<PlanReport, Error> {
    match &project.target {
        Target::Postgres(target) => postgres::plan(project, target, options).await,
        Target::Sqlite(target) => sqlite::plan(project, target, options),
    }
}

/// Applies what is pending.
///
/// # Errors
/// `Refused` before anything ran; else what stopped it, with what was applied before.
pub async fn run(
    project: &Project,
    options: &Options,
    watch: &mut dyn Watch,
) -> Result<MigrateReport, Failure> {
    match &project.target {
        Target::Postgres(target) => postgres::run(project, target, options, watch).await,
        Target::Sqlite(target) => sqlite::run(project, target, options, watch),
    }
}
