//! Which migrations go, and how. Pure.

use cofferdam_analysis::plan::{self, FilePlan};
use cofferdam_analysis::sql::{Dialect, Script};
use cofferdam_analysis::{Error, Result};

use crate::Project;
use crate::folder::{Format, Migration};
use crate::foreign::{InStep, Writes};
use crate::ledger::standing::{self, MIGRATE};
use crate::ledger::{Applied, History, Kind, Run, StepState};
use crate::runner::Record;

/// One migration to take back.
pub(super) struct Undo<'a> {
    pub(super) applied: &'a Applied,
    /// The command its run is recorded under.
    pub(super) command: String,
    /// `None`: by the copy made before it, if there is one.
    pub(super) down: Option<Down>,
    /// What another tool's ledger is told.
    in_step: Option<Writes>,
}

/// A down file, and how far it is.
pub(super) struct Down {
    pub(super) script: Script,
    pub(super) plan: FilePlan,
    /// How many of its steps are done.
    pub(super) done: usize,
}

impl Down {
    /// Whether the statement was run by a step that is done.
    pub(super) fn is_done(&self, statement: usize) -> bool {
        self.plan.steps.iter().take(self.done).any(|step| step.statements.contains(&statement))
    }
}

impl Undo<'_> {
    /// What the ledger says when nothing is left to do.
    pub(super) fn removed(&self, run: i64) -> Record<'_> {
        Record::Removed {
            source: &self.applied.source,
            version: &self.applied.version,
            detail: serde_json::json!({"run": run, "by": "down file"}),
            in_step: self.in_step.clone(),
        }
    }

    /// The run of this very rollback that was cut off.
    pub(super) fn open<'h>(&self, history: &'h History) -> Option<&'h Run> {
        open_run(history, &self.command)
    }
}

fn open_run<'h>(history: &'h History, command: &str) -> Option<&'h Run> {
    history.open_run.as_ref().filter(|run| run.command == command)
}

/// The name that a down file's steps go by.
pub(super) fn down_id(version: &str) -> String {
    format!("{version}.down")
}

/// What is to be taken back, newest first; nothing when a run that was cut off has done it
/// already and only needs closing.
///
/// # Errors
/// `Refused` or `Invalid`, saying which migration stands in the way.
pub(super) fn undos<'a>(
    project: &Project,
    history: &'a History,
    in_step: Option<&InStep>,
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
            let keep = named(project, history, to).ok_or_else(|| {
                Error::invalid(format!("{to} is not applied, so it cannot be the last one"))
                    .hint("cofferdam status lists what is applied")
            })?;
            newest_first.take_while(|applied| applied.seq != keep.seq).collect()
        }
    };
    chosen.into_iter().map(|applied| undo(project, history, in_step, applied, dialect)).collect()
}

/// The applied migration that `version` means, written as people write it.
fn named<'a>(project: &Project, history: &'a History, version: &str) -> Option<&'a Applied> {
    let format = project.folder.format;
    history.applied.iter().find(|a| a.version == version || a.title() == version).or_else(|| {
        let key = match project.folder.find(version) {
            Some(migration) => migration.version.key().clone(),
            None => format.version(version, "")?.key().clone(),
        };
        history.of(format, &key)
    })
}

fn recorded(history: &History, step: &str) -> bool {
    let version = step.split('/').next().unwrap_or(step);
    history.applied.iter().any(|a| a.version == version)
}

fn undo<'a>(
    project: &Project,
    history: &History,
    in_step: Option<&InStep>,
    applied: &'a Applied,
    dialect: Dialect,
) -> Result<Undo<'a>> {
    let version = &applied.version;
    let format = project.folder.format;
    let migration = applied.key(format).and_then(|key| project.folder.with_key(&key));
    match applied.kind {
        Kind::Applied => {}
        // The tool's own ledger must not go on counting what is taken back.
        Kind::Adopted if migration.is_some() && in_step.is_some() => {}
        Kind::Adopted => {
            let source = &applied.source;
            let hint = match migration {
                Some(_) => format!(
                    "cofferdam adopt --keep-in-step first, so that {source}'s ledger is told as well; \
                     or take it back with {source}"
                ),
                None => format!("take it back with {source}, or write a new migration"),
            };
            return Err(Error::refused(format!("cannot roll back {version}: {source} applied it")).hint(hint));
        }
        Kind::Baseline => {
            return Err(Error::refused(format!("cannot roll back {version}: it is the baseline")));
        }
    }
    if let Some(why) = migration.and_then(Migration::not_ours_to_run) {
        return Err(Error::refused(format!("cannot roll back {version}: {why}"))
            .hint(format!("take it back with {format}, or write a new migration")));
    }
    let command = standing::rollback_command(version);
    let down = match migration.filter(|m| m.down.is_some()) {
        Some(migration) => Some(down_file(migration, version, open_run(history, &command), dialect)?),
        None => None,
    };
    let in_step = in_step.zip(migration);
    let in_step =
        in_step.map(|(tool, migration)| tool.taken_back(migration, &project.folder, dialect)).transpose()?;
    Ok(Undo { applied, command, down, in_step })
}

fn down_file(migration: &Migration, version: &str, open: Option<&Run>, dialect: Dialect) -> Result<Down> {
    let script = migration.down_script(dialect)?;
    if let Some(damaged) = script.statements.iter().find(|s| s.damage.is_some()) {
        let said = damaged.damage.as_ref().map(|d| d.message.clone()).unwrap_or_default();
        return Err(Error::invalid(format!("the down file cannot be read: {said}"))
            .at(script.place(damaged.span), Some(script.text.clone())));
    }
    let id = down_id(version);
    let plan = plan::file(&script, &id, migration.down_no_transaction)?;
    let done = done_steps(&plan, &id, open)?;
    Ok(Down { script, plan, done })
}

/// How many steps of a down file are done. They are known by number and hash: a file of
/// one step has no numbers, so an id may change when the part that failed is taken out.
fn done_steps(plan: &FilePlan, id: &str, open: Option<&Run>) -> Result<usize> {
    let done = open.iter().flat_map(|run| &run.steps).filter(|step| step.state == StepState::Done);
    let mut count = 0;
    for (number, step) in done.filter_map(|step| Some((standing::number_of(&step.id, id)?, step))) {
        let same =
            number.checked_sub(1).and_then(|n| plan.steps.get(n)).is_some_and(|p| p.hash == *step.hash);
        if !same {
            return Err(Error::refused(format!(
                "cannot roll back: the down file was edited in a part that is done: step {}",
                step.id
            ))
            .hint("put that part back as it was; only what failed and what comes after it may be edited"));
        }
        count = count.max(number);
    }
    Ok(count)
}

/// The error of a migration without a way back.
pub(super) fn no_way_back(applied: &Applied, copy: bool) -> Error {
    let title = applied.title();
    let also = if copy { " and no copy was made before it" } else { "" };
    let hint = match Format::parse(&applied.source) {
        Ok(format) => format!(
            "write the statements that take it back into {}, or a new migration",
            format.down_file(&title)
        ),
        Err(_) => format!("take it back with {}, or write a new migration", applied.source),
    };
    Error::refused(format!("cannot roll back {title}: it has no down file{also}")).hint(hint)
}
