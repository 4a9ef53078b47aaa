//! Folder against history: what is pending, and what does not fit together. Pure.
//!
//! Promise: every file and every ledger row ends up applied, pending or named as a
//! problem. A problem of severity `error` refuses `migrate` before anything runs.

use std::collections::{BTreeMap, HashMap, HashSet};

use cofferdam_analysis::{Finding, Place, Severity, Span};

use crate::folder::{Folder, Format, Key, Migration, OutOfOrder, Version};
use crate::ledger::{Applied, History, Kind, Run, RunState, StepState};

const RULE: &str = "history-edited";
const WHY: &str =
    "what ran and what the folder says must agree, or the next database will differ from this one";
const BRING_BACK: &str = "bring the file back: the folder must be able to build the database again";

/// Where a folder stands against a target.
#[derive(Debug, Clone)]
pub struct Standing<'a> {
    /// Files not applied yet, in order; a half applied one among them.
    pub pending: Vec<&'a Migration>,
    /// What does not fit together.
    pub problems: Vec<Finding>,
    /// What is allowed and worth saying.
    pub notes: Vec<String>,
}

impl Standing<'_> {
    /// The first problem that refuses a run.
    pub fn refusal(&self) -> Option<&Finding> {
        self.problems.iter().find(|p| p.refuses())
    }
}

/// Compares.
pub fn standing<'a>(folder: &'a Folder, history: &History, out_of_order: OutOfOrder) -> Standing<'a> {
    let ours: BTreeMap<Key, &Applied> =
        history.applied.iter().filter_map(|a| Some((a.key(folder.format)?, a))).collect();
    let mut standing = Standing { pending: Vec::new(), problems: Vec::new(), notes: Vec::new() };
    for migration in folder.migrations() {
        match ours.get(migration.version.key()) {
            None => standing.pending.push(migration),
            // These are meant to be edited, and run again then.
            Some(applied) if migration.version.is_repeatable() => {
                if applied.checksum != Some(migration.checksum) {
                    standing.pending.push(migration);
                }
            }
            Some(applied) => standing.problems.extend(edited(folder, migration, applied)),
        }
    }
    let theirs = standing.pending.iter().filter_map(|migration| not_ours_to_run(folder, migration));
    standing.problems.extend(theirs.collect::<Vec<_>>());
    missing(folder, &ours, &mut standing);
    late(folder, &ours, out_of_order, &mut standing);
    if let Some(run) = history.open_run.as_ref().filter(|run| run.command == MIGRATE) {
        left_behind(folder, history, run, &mut standing);
    }
    standing
}

fn problem(severity: Severity, file: Option<&Migration>, message: String, help: &str) -> Finding {
    let mut finding = Finding::new(RULE, severity, message, WHY);
    finding.help = Some(help.to_owned());
    finding.place =
        file.map(|m| Place { file: m.path.display().to_string(), line: 1, column: 1, span: Span::default() });
    finding
}

/// A pending migration that only the folder's own tool can apply: what comes after it may
/// build on it, so nothing is applied past it.
fn not_ours_to_run(folder: &Folder, migration: &Migration) -> Option<Finding> {
    let (why, tool) = (migration.not_ours_to_run()?, folder.format);
    let help = format!(
        "apply it with {tool}, which also runs what is pending before it, and take that over: cofferdam adopt; \
         `cofferdam adopt --keep-in-step` lets {tool} know what is applied here"
    );
    Some(problem(
        Severity::Error,
        Some(migration),
        format!("{why} and is pending: only {tool} can apply it"),
        &help,
    ))
}

fn edited(folder: &Folder, migration: &Migration, applied: &Applied) -> Option<Finding> {
    if migration.is_program() {
        return None;
    }
    let before = applied.checksum.filter(|c| *c != migration.checksum)?;
    if migration.has_no_way_forward() {
        return Some(problem(
            Severity::Error,
            Some(migration),
            format!(
                "{} is applied and its file that goes forward is not in {}: only {} is",
                applied.title(),
                folder.path.display(),
                migration.file_name()
            ),
            BRING_BACK,
        ));
    }
    Some(problem(
        Severity::Error,
        Some(migration),
        format!(
            "{} was edited after it was applied on {}: its checksum was {}, now it is {}",
            migration.file_name(),
            applied.applied_at.get(..10).unwrap_or(&applied.applied_at),
            short(&before.to_string()),
            short(&migration.checksum.to_string()),
        ),
        "put the file back as it was (git log shows it) and write the change as a new migration",
    ))
}

fn short(hash: &str) -> &str {
    hash.get(..12).unwrap_or(hash)
}

/// Applied migrations whose file is not there. Behind the newest file that means an
/// older checkout is being deployed, which must go on working.
fn missing(folder: &Folder, ours: &BTreeMap<Key, &Applied>, standing: &mut Standing<'_>) {
    let newest = newest_of(folder);
    let mut ahead = Vec::new();
    for (key, applied) in ours.iter().filter(|(key, _)| folder.with_key(key).is_none()) {
        // What could run again leaves no gap when its file is gone.
        if matches!(key, Key::Repeatable(_)) || newest.is_none_or(|newest| key > newest) {
            ahead.push(applied.title());
            continue;
        }
        // Adopted without a file: a program of the tool whose history it was.
        if applied.kind == Kind::Adopted && applied.checksum.is_none() {
            continue;
        }
        standing.problems.push(problem(
            Severity::Error,
            None,
            format!("{} is applied and its file is not in {}", applied.title(), folder.path.display()),
            BRING_BACK,
        ));
    }
    if let Some((first, more)) = ahead.split_first() {
        let more = if more.is_empty() { String::new() } else { format!(" and {} more", more.len()) };
        standing.notes.push(format!("the database is ahead of this folder by {first}{more}"));
    }
}

/// The newest version of the folder that is not one of those that run again.
fn newest_of(folder: &Folder) -> Option<&Key> {
    folder.migrations().iter().rev().map(|m| &m.version).find(|v| !v.is_repeatable()).map(Version::key)
}

fn late(
    folder: &Folder,
    ours: &BTreeMap<Key, &Applied>,
    out_of_order: OutOfOrder,
    standing: &mut Standing<'_>,
) {
    // The folder's own order counts; of versions that are not in the folder only the keys are known.
    let in_order = |key: &Key| folder.position(key);
    let applied = || ours.iter().filter(|(key, _)| !matches!(key, Key::Repeatable(_)));
    let newest_here =
        applied().filter_map(|(key, a)| Some((in_order(key)?, *a))).max_by_key(|(position, _)| *position);
    let ahead = applied()
        .next_back()
        .filter(|(key, _)| in_order(key).is_none() && newest_of(folder).is_none_or(|newest| *key > newest));
    let newest_stamp = newest_stamp(folder, ours);
    for migration in standing.pending.clone() {
        let key = migration.version.key();
        let before = newest_here.filter(|(position, _)| in_order(key).is_some_and(|at| at < *position));
        let skipped = newest_stamp.filter(|(stamp, _)| migration.stamp.is_some_and(|own| own <= *stamp));
        let newest = ahead.map(|(_, a)| *a).or(before.or(skipped.map(|(_, a)| (0, a))).map(|(_, a)| a));
        let Some(newest) = newest else { continue };
        // Programs run in the order in which their own tool lists them, whatever ran before.
        if migration.version.is_repeatable() || folder.format == Format::Command {
            continue;
        }
        if migration.any_order {
            standing.notes.push(format!(
                "{} is older than {}, which is applied; it may run late, as its name says",
                migration.file_name(),
                newest.version
            ));
            continue;
        }
        let said = format!("{} is older than {}, which is applied", migration.file_name(), newest.version);
        match out_of_order {
            OutOfOrder::Apply => {
                standing.notes.push(format!("{said}; it is applied all the same, as {} does", folder.format))
            }
            OutOfOrder::Refuse => {
                standing.problems.push(problem(Severity::Error, Some(migration), said, way_in(folder.format)))
            }
        }
    }
}

/// The newest by the tool's own times of those that the tool ran itself: what is not newer
/// it has left out for good. What we ran we ran in the folder's order.
fn newest_stamp<'a>(folder: &Folder, ours: &BTreeMap<Key, &'a Applied>) -> Option<(i64, &'a Applied)> {
    let theirs = ours.iter().filter(|(_, applied)| applied.kind == Kind::Adopted);
    let stamps = theirs.filter_map(|(key, applied)| Some((folder.with_key(key)?.stamp?, *applied)));
    stamps.max_by_key(|(stamp, _)| *stamp).filter(|_| folder.goes_by_stamps())
}

/// What can be done about a file that came too late.
fn way_in(format: Format) -> &'static str {
    if format == Format::Drizzle {
        return "drizzle would never run it: generate it again as the newest one, take it out of the journal, \
                or set out_of_order = \"apply\" under [migrations] in cofferdam.toml";
    }
    "give it the next free version, or set out_of_order = \"apply\" under [migrations] in cofferdam.toml"
}

/// Steps of a half applied file must still be what the file says, in the same places.
fn left_behind(folder: &Folder, history: &History, run: &Run, standing: &mut Standing<'_>) {
    let applied: HashSet<&str> = history.applied.iter().map(|applied| applied.version.as_str()).collect();
    for step in run.steps.iter().filter(|s| s.state != StepState::Failed) {
        let version = step.id.split('/').next().unwrap_or(&step.id);
        if !applied.contains(version) && folder.find(version).is_none() {
            standing.problems.push(problem(
                Severity::Error,
                None,
                format!(
                    "step {} is applied, and the file of {version} is gone before the rest of it ran",
                    step.id
                ),
                "bring the file back and run migrate, so that it can be finished",
            ));
        }
    }
}

/// How many steps of a file are done, given the hashes of its steps as the file now says.
///
/// # Errors
/// A finding when a done step is not what the file says any more.
pub fn done_steps(
    migration: &Migration,
    planned: &[cofferdam_analysis::plan::Step],
    run: Option<&Run>,
) -> Result<usize, Box<Finding>> {
    let version = migration.version.as_str();
    let mut done: Vec<(usize, &crate::ledger::Step)> = run
        .iter()
        .flat_map(|run| &run.steps)
        .filter(|step| step.state == StepState::Done)
        .filter_map(|step| number_of(&step.id, version).map(|n| (n, step)))
        .collect();
    done.sort_by_key(|(number, _)| *number);
    for (number, step) in &done {
        let same = planned.get(number - 1).is_some_and(|p| p.hash == *step.hash);
        if !same {
            return Err(Box::new(problem(
                Severity::Error,
                Some(migration),
                format!("{} was edited in a part that is applied: step {}", migration.file_name(), step.id),
                "put that part back as it was; only what failed and what comes after it may be edited",
            )));
        }
    }
    Ok(done.len())
}

/// What a former attempt left of a file, by the steps' numbers; their ids may have been
/// others, since a file of one step has no numbers.
pub fn left_of<'r>(run: Option<&'r Run>, version: &str) -> HashMap<usize, &'r crate::ledger::Step> {
    let steps = run.into_iter().flat_map(|run| &run.steps);
    steps.filter_map(|step| Some((number_of(&step.id, version)?, step))).collect()
}

/// `0007/2` is step 2 of `0007`; `0007` is its only one.
pub fn number_of(id: &str, version: &str) -> Option<usize> {
    match id.strip_prefix(version)? {
        "" => Some(1),
        rest => rest.strip_prefix('/')?.parse().ok(),
    }
}

/// How far an open run is.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct RunProgress {
    /// The migration it is at.
    pub version: Option<String>,
    /// `running`, `failed`.
    pub state: RunState,
    /// Steps done of the migration it is at, 0 to 1.
    pub progress: f64,
    /// What to do.
    pub next: String,
    /// What made it fail.
    pub error: Option<String>,
}

/// What a run that was stopped by request says, also in the ledger.
pub(crate) const STOPPED: &str = "stopped as asked, after the last finished step";

impl RunProgress {
    /// Whether it ended by an error, and not by somebody who stopped it: that one goes on with
    /// the same command, and nothing has to be mended first.
    pub fn failed(&self) -> bool {
        let stopped = |cause: &String| cause.ends_with(STOPPED);
        self.state == RunState::Failed && self.error.as_ref().is_some_and(|cause| !stopped(cause))
    }
}

/// The progress of the open run, if there is one with something left to do.
pub fn progress(
    standing: &Standing<'_>,
    run: Option<&Run>,
    dialect: cofferdam_analysis::sql::Dialect,
) -> Option<RunProgress> {
    let run = run?;
    if run.command != MIGRATE {
        let next = format!("cofferdam {}", run.command);
        return Some(RunProgress {
            version: run.command.strip_prefix(ROLLBACK).map(str::to_owned),
            state: run.state,
            progress: 0.0,
            next,
            error: run.error.clone(),
        });
    }
    let migration = standing.pending.first()?;
    let script = migration.script(dialect);
    let plan =
        cofferdam_analysis::plan::file(&script, migration.version.as_str(), migration.no_transaction).ok();
    let progress = plan.map_or(0.0, |plan| {
        let done = done_steps(migration, &plan.steps, Some(run)).unwrap_or(0);
        done as f64 / plan.steps.len().max(1) as f64
    });
    Some(RunProgress {
        version: Some(migration.version.to_string()),
        state: run.state,
        progress,
        next: "cofferdam migrate".to_owned(),
        error: run.error.clone(),
    })
}

/// The command that a run of `migrate` is recorded under.
pub const MIGRATE: &str = "migrate";

/// The open run, if it is `migrate`'s.
///
/// # Errors
/// `Refused` when a rollback was cut off between two of its steps: it must be finished first.
pub fn open_migrate(history: &History) -> cofferdam_analysis::Result<Option<&Run>> {
    match &history.open_run {
        Some(run) if run.command == MIGRATE => Ok(Some(run)),
        Some(run)
            if rolled_back(history).is_none() && run.steps.iter().any(|s| s.state != StepState::Failed) =>
        {
            Err(cofferdam_analysis::Error::refused(
                "cannot migrate: a rollback was cut off between two of its steps",
            )
            .hint("cofferdam rollback finishes it"))
        }
        _ => Ok(None),
    }
}

/// The run of `migrate` that has nothing left to do and was cut off before it could say so.
pub fn left_open<'h>(history: &'h History, standing: &Standing<'_>) -> Option<&'h Run> {
    let open = history.open_run.as_ref().filter(|run| run.command == MIGRATE)?;
    standing.pending.is_empty().then_some(open)
}

/// The command that taking this version back is recorded under.
pub fn rollback_command(version: &str) -> String {
    format!("{ROLLBACK}{version}")
}

const ROLLBACK: &str = "rollback ";

/// The rollback that took its migration back and was cut off before it could say so: its
/// run and the version.
pub fn rolled_back(history: &History) -> Option<(&Run, &str)> {
    let run = history.open_run.as_ref()?;
    let version = run.command.strip_prefix(ROLLBACK)?;
    let gone = !history.applied.iter().any(|applied| applied.version == version);
    gone.then_some((run, version))
}

#[cfg(test)]
mod tests;
