//! A guard against accidents: `drop` and `truncate` from a session that runs no migration.
//!
//! Promise: while the guard stands, permanent tables, columns, views, sequences, types and
//! schemas are dropped, keys and other constraints taken off, and tables that hold rows truncated, only by a run of ours that holds
//! the lease, or while a window that somebody opened with a reason is open. Reading and writing
//! rows costs nothing. What the guard changed is taken back exactly by `remove`.
//!
//! Two levels. `event-trigger`: the server refuses, whoever asks, and says what to do; it needs
//! a superuser (or what the provider puts in its place) to install. `privileges`: the tables
//! belong to a role that nobody logs in as, and the application's role may read and write rows
//! only; it is the stronger one and needs no superuser, but two roles.
//!
//! Not promised: a guard against an owner who means it (he takes the trigger out first), against
//! `drop database` at level `event-trigger`, against `delete` without `where`. docs/guard.md has
//! the whole list, and a test checks it.
//!
//! Refused: installing where there is no ledger, without the right to (nothing is changed
//! then), with an application role that is a superuser or our own; removing a protected
//! database's guard without its name. SQLite has nothing that could refuse a drop.
//!
//! States: none, incomplete, complete ([`Standing`]). A crash while it is installed leaves it
//! incomplete: what stands guards already; a crash while it is removed, too. The same command
//! goes on in both; `install` is also how it is repaired.

mod allow;
mod install;
mod plan;
mod privileges;
mod remove;
mod sqlite;
mod status;

use std::time::Duration;

use cofferdam_analysis::Result;
use serde::Serialize;

use crate::db::Target;
pub use crate::ledger::guard::{Level, Standing};
use crate::runner::LockLimits;
use crate::{Project, Stop, Watch};
pub use allow::{AllowOptions, Whom};
pub use sqlite::FileRights;

/// The longest window.
pub const LONGEST_WINDOW: Duration = Duration::from_secs(24 * 3600);

/// How to install or remove.
#[derive(Debug, Clone)]
pub struct Options {
    /// How to guard; the level that stands, else by event triggers, when `None`.
    pub level: Option<Level>,
    /// The role that the application logs in as, for [`Level::Privileges`].
    pub app_role: Option<String>,
    /// Show the SQL only.
    pub dry_run: bool,
    /// For locks on the tables.
    pub locks: LockLimits,
    /// How long to wait while another runner is at work.
    pub lease_wait: Duration,
    /// Raised to stop between tables.
    pub stop: Stop,
}

/// The answer of every `guard` command.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct GuardReport {
    /// Whether a guard stands.
    pub installed: bool,
    /// `event-trigger`, `privileges` or `none`.
    pub level: String,
    /// Whether it is whole: nothing is missing.
    pub complete: bool,
    /// Tables that it is to cover.
    pub tables: usize,
    /// Those of them that can be truncated.
    pub uncovered: Vec<String>,
    /// What else is not as it should be, one sentence each.
    pub missing: Vec<String>,
    /// How many of `missing` no `install` changes: what is told is true, and the guard is whole.
    #[serde(skip)]
    pub told: usize,
    /// The windows that are open.
    pub windows: Vec<Window>,
    /// The application's role, at level `privileges`.
    pub app_role: Option<String>,
    /// The role that owns the tables, at level `privileges`.
    pub owner_role: Option<String>,
    /// What was done, or with `dry_run` would be.
    pub sql: Vec<String>,
    /// Nothing was changed: it was only asked what would be.
    pub dry_run: bool,
    /// Of a SQLite file: who else may write it.
    pub file: Option<FileRights>,
}

/// A time in which other tools are let through.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Window {
    /// From 1.
    pub id: i64,
    /// The role that may; everybody when `None`.
    pub role: Option<String>,
    /// Why it was opened.
    pub reason: String,
    /// Who opened it.
    pub opened_by: String,
    /// UTC.
    pub opened_at: String,
    /// UTC.
    pub expires_at: String,
    /// Seconds until then.
    pub remaining_s: i64,
}

impl GuardReport {
    /// Everything that `install` puts there is there.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.installed && self.missing.len() <= self.told && self.uncovered.is_empty()
    }

    fn none() -> Self {
        Self { level: "none".to_owned(), ..Self::default() }
    }
}

/// Installs the guard, or repairs it.
///
/// # Errors
/// `Invalid` and `Refused` before anything is changed, `Blocked` when a table is in use.
pub async fn install(project: &Project, options: &Options, watch: &mut dyn Watch) -> Result<GuardReport> {
    match &project.target {
        Target::Postgres(target) => install::run(project, target, options, watch).await,
        Target::Sqlite(_) => Err(sqlite::nothing_to_install()),
    }
}

/// Takes the guard out; what it changed is as it was.
///
/// # Errors
/// `Refused` without the confirmation, `Invalid` for a role that does not own the guard,
/// `Blocked` when a table is in use.
pub async fn remove(project: &Project, options: &Options, watch: &mut dyn Watch) -> Result<GuardReport> {
    match &project.target {
        Target::Postgres(target) => remove::run(project, target, options, watch).await,
        Target::Sqlite(_) => Ok(GuardReport::none()),
    }
}

/// What stands, and what is missing. Writes nothing.
///
/// # Errors
/// Those of the connection.
pub async fn status(project: &Project) -> Result<GuardReport> {
    match &project.target {
        Target::Postgres(target) => status::run(project, target).await,
        Target::Sqlite(target) => sqlite::status(target),
    }
}

/// Opens a window for other tools, or ends the open ones.
///
/// # Errors
/// `Invalid` where no guard stands, and for a window that is too long.
pub async fn allow(project: &Project, options: &AllowOptions) -> Result<GuardReport> {
    match &project.target {
        Target::Postgres(target) => allow::run(project, target, options).await,
        Target::Sqlite(_) => Err(sqlite::nothing_to_install()),
    }
}
