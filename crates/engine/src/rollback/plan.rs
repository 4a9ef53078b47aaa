//! Which migrations go, and how. Pure.

use cofferdam_analysis::plan::{self, FilePlan};
use cofferdam_analysis::sql::{Dialect, Script};
use cofferdam_analysis::{Error, Result};

use crate::Project;
use crate::folder::{Migration, Version};
use crate::ledger::standing::{self, MIGRATE};
use crate::ledger::{Applied, History, Kind, StepState};

/// One migration to take back.
pub(super) struct Undo<'a> {
    pub(super) applied: &'a Applied,
    /// The command its run is recorded under.
    pub(super) command: String,
    /// `None`: by the copy made before it, if there is one.
    pub(super) down: Option<(Script, FilePlan)>,
}

/// What is to be taken back, newest first; nothing when a run that was cut off has done it
/// already and only needs closing.
///
/// # Errors
/// `Refused` or `Invalid`, saying which migration stands in the way.
pub(super) fn undos<'a>(
    project: &Project,
    history: &'a History,
    to: Option<&str>,
    dialect: Dialect,
) -> Result<Vec<Undo<'a>>> {
    if let Some(run) = &history.open_run
        && run.command == MIGRATE
        && run.steps.iter().any(|s| s.state != StepState::Failed && !recorded(history, &s.id))
    {
        return Err(Error::refused("cannot roll back: a migration is half applied")
            .hint("cofferdam migrate finishes it (edit the part that failed if need be); then roll back"));
    }
    // The same command again must not take back one more.
    if to.is_none() && standing::rolled_back(history).is_some() {
        return Ok(Vec::new());
    }
    if history.applied.is_empty() {
        return Err(Error::invalid("there is nothing to roll back: no migration is applied"));
    }
    let mut newest_first = history.applied.iter().rev();
    let chosen: Vec<&Applied> = match to {
        None => newest_first.next().into_iter().collect(),
        Some(to) => {
            let keep = Version::parse(to)
                .filter(|v| history.applied.iter().any(|a| v.same(&a.version)))
                .ok_or_else(|| {
                    Error::invalid(format!("{to} is not applied, so it cannot be the last one"))
                        .hint("cofferdam status lists what is applied")
                })?;
            newest_first.take_while(|a| !keep.same(&a.version)).collect()
        }
    };
    chosen.into_iter().map(|applied| undo(project, applied, dialect)).collect()
}

fn recorded(history: &History, step: &str) -> bool {
    let version = step.split('/').next().unwrap_or(step);
    history.applied.iter().any(|a| a.version == version)
}

fn undo<'a>(project: &Project, applied: &'a Applied, dialect: Dialect) -> Result<Undo<'a>> {
    let version = &applied.version;
    match applied.kind {
        Kind::Applied => {}
        Kind::Adopted => {
            return Err(Error::refused(format!("cannot roll back {version}: {} applied it", applied.source))
                .hint(format!("take it back with {}, or write a new migration", applied.source)));
        }
        Kind::Baseline => {
            return Err(Error::refused(format!("cannot roll back {version}: it is the baseline")));
        }
    }
    let migration = project.folder.find(version);
    let down = match migration.filter(|m| m.down.is_some()) {
        Some(migration) => Some(down_plan(migration, dialect)?),
        None => None,
    };
    Ok(Undo { applied, command: standing::rollback_command(version), down })
}

fn down_plan(migration: &Migration, dialect: Dialect) -> Result<(Script, FilePlan)> {
    let script = migration.down_script(dialect)?;
    if let Some(damaged) = script.statements.iter().find(|s| s.damage.is_some()) {
        let said = damaged.damage.as_ref().map(|d| d.message.clone()).unwrap_or_default();
        return Err(Error::invalid(format!("the down file cannot be read: {said}"))
            .at(script.place(damaged.span), Some(script.text.clone())));
    }
    let id = format!("{}.down", migration.version);
    let plan = plan::file(&script, &id, false)?;
    Ok((script, plan))
}

/// The error of a migration without a way back.
pub(super) fn no_way_back(applied: &Applied, copy: bool) -> Error {
    let version = &applied.version;
    let also = if copy { " and no copy was made before it" } else { "" };
    Error::refused(format!("cannot roll back {version}_{}: it has no down file{also}", applied.name)).hint(
        format!(
            "write {version}_{}.down.sql with the statements that take it back, or a new migration",
            applied.name
        ),
    )
}
