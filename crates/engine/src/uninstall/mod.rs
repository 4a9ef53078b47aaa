//! Takes the ledger out of a database, for a team that leaves.
//!
//! Promise: the ledger's whole content is in a file on the disk before the commit that drops
//! it; what goes is told before any of it is dropped, and is exactly what [`crate::ledger`]
//! made, all of it or nothing, in one transaction under the lease. Other tools' ledgers stay
//! as they are.
//!
//! Or only the mark of a protected database, and nothing else ([`Options::protection_only`]).
//!
//! Refused: a run that is half applied (its steps would be forgotten), a protected database
//! whose name was not given, and objects that we did not make, in our schema or depending on
//! it: nothing is ever dropped by `cascade`. Blocked: somebody else holds the lease.
//!
//! Crash: before the commit everything is there, and perhaps the file; after it everything
//! is gone, and the file is there. The file appears under its name complete or not at all;
//! `*.cofferdam-part` is what a crash while it was being written leaves.

mod export;
mod postgres;
mod sqlite;

use std::collections::HashSet;
use std::path::PathBuf;
use std::time::Duration;

use cofferdam_analysis::{Error, Result};
use serde::Serialize;

use crate::db::Target;
use crate::folder::{Folder, Version};
use crate::foreign::Surroundings;
use crate::ledger::{History, Protected, StepState, standing};
use crate::{Event, Project, Stop, Watch};

/// How to leave.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where the ledger's content goes; `None` to forget it.
    pub export: Option<PathBuf>,
    /// Take only the mark of a protected database out.
    pub protection_only: bool,
    /// Show only.
    pub dry_run: bool,
    /// The time, for the file: UTC, `2026-11-20T09:00:00Z`.
    pub now: String,
    /// How long to wait while another runner is at work.
    pub lease_wait: Duration,
    /// Raised to stop before anything is dropped.
    pub stop: Stop,
}

/// The answer of `uninstall`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct UninstallReport {
    /// What was dropped; with `dry_run` what would be. Empty without a ledger.
    pub dropped: Vec<Dropped>,
    /// Where the content lies.
    pub export: Option<String>,
    /// Ledgers of other tools: `_sqlx_migrations (sqlx)`.
    pub still_there: Vec<String>,
    /// How many migrations no other ledger knows.
    pub recorded_only_here: usize,
    /// Their versions, in the order in which they ran.
    pub only_here: Vec<String>,
    /// Nothing was dropped: it was only asked what would be.
    pub dry_run: bool,
}

/// Something that goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Dropped {
    /// `table cofferdam.audit`, `schema cofferdam`.
    pub object: String,
    /// Of a table.
    pub rows: Option<i64>,
}

/// Takes the ledger out.
///
/// # Errors
/// `Refused` before anything is dropped, `Blocked` when a runner is at work, `Invalid` for a
/// file that cannot be written.
pub async fn run(project: &Project, options: &Options, watch: &mut dyn Watch) -> Result<UninstallReport> {
    match &project.target {
        Target::Postgres(target) => postgres::run(project, target, options, watch).await,
        Target::Sqlite(target) => sqlite::run(project, target, options, watch),
    }
}

/// Said before anything is dropped. Rows that another runner adds meanwhile are in the report.
fn about_to_drop(dropped: &[Dropped]) -> Event {
    let each = dropped.iter().map(|gone| match gone.rows {
        None => gone.object.clone(),
        Some(1) => format!("{} (1 row)", gone.object),
        Some(rows) => format!("{} ({rows} rows)", gone.object),
    });
    Event::Note { text: format!("about to drop {}", each.collect::<Vec<_>>().join(", ")) }
}

/// # Errors
/// `Refused` when the name of a protected database is missing; of a dry run none is asked.
fn confirmed(protected: &Protected, options: &Options) -> Result<()> {
    if options.dry_run { Ok(()) } else { protected.demand("uninstall from", &[]) }
}

/// What goes when only the mark does.
fn only_the_mark(protected: &Protected, options: &Options) -> Result<UninstallReport> {
    if !options.dry_run {
        protected.may_be_taken_off()?;
    }
    let mark = Dropped { object: "mark of protection".to_owned(), rows: None };
    let dropped = protected.has_mark().then_some(mark);
    Ok(UninstallReport {
        dropped: dropped.into_iter().collect(),
        dry_run: options.dry_run,
        ..UninstallReport::default()
    })
}

/// # Errors
/// `Refused` when a run has done steps of a file that is not done: without the ledger nobody
/// would know which.
fn refuse_half_applied(history: &History) -> Result<()> {
    let Some(run) = &history.open_run else { return Ok(()) };
    let version = |id: &str| id.split('/').next().unwrap_or(id).to_owned();
    let settled = |id: &str| match run.command.as_str() {
        standing::MIGRATE => history.applied.iter().any(|applied| applied.version == version(id)),
        _ => standing::rolled_back(history).is_some(),
    };
    let half = run.steps.iter().find(|step| step.state != StepState::Failed && !settled(&step.id));
    let Some(step) = half else { return Ok(()) };
    Err(Error::refused(format!("cannot uninstall: {} is half done, step {} ran", run.command, step.id)).hint(
        format!(
            "cofferdam {} finishes it",
            if run.command == standing::MIGRATE { "migrate" } else { "rollback" }
        ),
    ))
}

/// # Errors
/// `Refused`, naming what others put where only our own may be.
fn refuse_foreign(foreign: &[String]) -> Result<()> {
    let Some((first, more)) = foreign.split_first() else { return Ok(()) };
    let mut error =
        Error::refused(format!("cannot uninstall: {first} is not ours and would go with the ledger"))
            .hint("move or drop what is not ours, then run this again: uninstall never cascades");
    for other in more {
        error = error.detail(format!("also {other}"));
    }
    Err(error)
}

/// What no other ledger knows, and which others are there.
fn outlook(history: &History, around: &Surroundings, folder: &Folder) -> (Vec<String>, Vec<String>) {
    let elsewhere: HashSet<String> = around
        .foreign
        .iter()
        .flat_map(|found| found.tool.history(&found.rows, folder).entries)
        .map(|entry| match folder.find(&entry.version) {
            Some(migration) => without_zeros(migration.version.as_str()),
            None => without_zeros(&entry.version),
        })
        .collect();
    let only_here = history.applied.iter().filter(|a| !elsewhere.contains(&without_zeros(&a.version)));
    (
        only_here.map(|applied| applied.version.clone()).collect(),
        around.foreign.iter().map(|found| format!("{} ({})", found.table, found.tool.name())).collect(),
    )
}

/// Zeros in front do not tell versions apart: a tool may keep `1` for the file `0001_init.sql`.
fn without_zeros(version: &str) -> String {
    match Version::number(version) {
        Some(_) => version.trim_start_matches('0').to_owned(),
        None => version.to_owned(),
    }
}

impl UninstallReport {
    fn of(history: &History, around: &Surroundings, project: &Project, options: &Options) -> Self {
        let (only_here, still_there) = outlook(history, around, &project.folder);
        Self {
            recorded_only_here: only_here.len(),
            only_here,
            still_there,
            dry_run: options.dry_run,
            ..Self::default()
        }
    }
}

/// The tables that a script of ours creates, in the order in which they can be dropped.
fn tables_of(script: &'static str, prefix: &'static str) -> Vec<&'static str> {
    let names = script.split("create table ").skip(1).filter_map(|rest| rest.split([' ', '(']).next());
    let mut names: Vec<&str> = names.filter_map(|name| name.strip_prefix(prefix)).collect();
    names.reverse();
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::{Run, RunState, Step};

    #[test]
    fn the_tables_are_those_that_the_ledger_creates() {
        let postgres = tables_of(postgres::CREATE, "cofferdam.");
        assert_eq!(postgres, ["step", "migration", "audit", "run", "lease", "meta"]);
        assert_eq!(tables_of(sqlite::CREATE, "_cofferdam_"), postgres);
    }

    #[test]
    fn only_a_run_with_steps_that_nothing_else_records_is_half_done() {
        let step = |state| Step {
            id: "0007/1".to_owned(),
            hash: Vec::new(),
            state,
            xid: None,
            backend: None,
            outcome: None,
        };
        let history = |command: &str, state| History {
            applied: Vec::new(),
            open_run: Some(Run {
                id: 1,
                command: command.to_owned(),
                state: RunState::Failed,
                error: None,
                steps: vec![step(state)],
            }),
        };
        assert!(refuse_half_applied(&history("migrate", StepState::Done)).is_err());
        assert!(refuse_half_applied(&history("migrate", StepState::Intent)).is_err());
        assert!(refuse_half_applied(&history("migrate", StepState::Failed)).is_ok());
        // The rollback took its migration back and only could not say so.
        assert!(refuse_half_applied(&history("rollback 0007", StepState::Done)).is_ok());
        assert!(refuse_half_applied(&History::default()).is_ok());
    }
}
