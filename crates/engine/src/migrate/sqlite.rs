//! `migrate` and `plan` on SQLite.

use std::path::{Path, PathBuf};
use std::time::Instant;

use cofferdam_analysis::sql::Dialect;
use cofferdam_analysis::{Error, Result};
use rusqlite::Connection;

use super::plan::{self, File, Work, work};
use super::report::{AppliedMigration, MigrateReport, PlanReport, RollbackPoint};
use super::{Failure, Options};
use crate::crash::{self, CrashPoint};
use crate::db::{self, SqliteMode, SqliteOptions, SqliteTarget};
use crate::folder::Format;
use crate::foreign;
use crate::ledger::{self, History, Protected, RunState, standing};
use crate::runner::Job;
use crate::runner::sqlite::{FileNeeds, Runner, RunnerOptions, needs};
use crate::{Event, Project, Watch};

/// Why most runs make no copy.
const NO_POINT: &str = "nothing rebuilds a table or loses rows";

/// Allows of these rules mean that rows may go.
const LOSES_ROWS: [&str; 2] = ["silent-row-loss", "silent-overwrite"];

/// What the file shows before anything is decided.
struct Seen {
    history: History,
    has_ledger: bool,
    project: Project,
    protected: Protected,
}

fn look(db: &Connection, target: &SqliteTarget, project: &Project) -> Result<Seen> {
    let has_ledger = ledger::sqlite::exists(db)?;
    let history = if has_ledger { ledger::sqlite::history(db)? } else { History::default() };
    let protected = project.protection.on_sqlite(db, target, has_ledger)?;
    let around = foreign::sqlite(db)?;
    let project = project.as_history_has_it(&history, &around)?;
    foreign::refuse_unmanaged(&around, has_ledger, &history, &project.folder)?;
    let history = foreign::with_programs(history, &around, &project.folder);
    Ok(Seen { history, has_ledger, project, protected })
}

/// Looks once the lease is ours, and leaves the mark of a protected database.
fn look_again(runner: &mut Runner<'_>, target: &SqliteTarget, project: &Project) -> Result<Seen> {
    let seen = look(runner.db(), target, project)?;
    runner.protect(&seen.protected)?;
    Ok(seen)
}

fn judge<'a>(
    db: &Connection,
    project: &'a Project,
    options: &Options,
    history: &History,
) -> Result<Work<'a>> {
    // With nothing pending nothing is judged, and reading a large schema takes time at every start.
    let pending = !standing::standing(&project.folder, history, project.out_of_order()).pending.is_empty();
    let catalog = if pending { Some(crate::catalog::sqlite::read(db)?) } else { None };
    work(project, history, options, Dialect::Sqlite, catalog.as_ref())
}

pub(super) fn plan(project: &Project, target: &SqliteTarget, options: &Options) -> Result<PlanReport> {
    let db = match db::open_sqlite(target, SqliteOptions::new(SqliteMode::ReadOnly)) {
        Ok(db) => db,
        // `migrate` would create the file: the plan is that of an empty database.
        Err(_) if target.path().is_some_and(|path| !path.exists()) => {
            Connection::open_in_memory().map_err(db::sqlite_error)?
        }
        Err(error) => return Err(error),
    };
    let seen = look(&db, target, project)?;
    let project = &seen.project;
    let catalog = crate::catalog::sqlite::read(&db)?;
    let work = work(project, &seen.history, options, Dialect::Sqlite, Some(&catalog))?;
    let point = work.files.iter().find_map(|file| rollback_point(target, file, "RUN".to_owned()));
    let mut steps = work.steps(Some(&catalog));
    if let Some((file, _)) = &point {
        for step in steps.iter_mut().filter(|s| s.undo.is_none() && s.file == *file) {
            step.undo = Some("the copy made before it".to_owned());
        }
    }
    let reason = point.is_none().then(|| NO_POINT.to_owned());
    Ok(PlanReport {
        steps,
        confirm: work.confirmation(&seen.protected),
        protection: seen.protected.told(),
        findings: work.findings,
        rollback_point: point.map(|(_, point)| RollbackPoint { path: None, ..point }),
        rollback_point_reason: reason,
        already: work.already,
        notes: work.notes,
    })
}

pub(super) fn run(
    project: &Project,
    target: &SqliteTarget,
    options: &Options,
    watch: &mut dyn Watch,
) -> Result<MigrateReport, Failure> {
    let new_file = target.path().is_some_and(|path| !path.exists());
    if options.dry_run {
        return dry_run(project, target, options);
    }
    if new_file {
        // Refuse before the file is made.
        let empty = Connection::open_in_memory().map_err(db::sqlite_error)?;
        let protected = project.protection.on_new_file(target)?;
        let work = judge(&empty, project, options, &History::default())?;
        if let Some(failure) = work.refusal(&[]) {
            return Err(failure);
        }
        work.demand(&protected)?;
    }
    let db = open(target, if new_file { SqliteMode::Create } else { SqliteMode::ReadWrite })?;
    let seen = look(&db, target, project)?;
    let project = &seen.project;
    let mut before = judge(&db, project, options, &seen.history)?;
    before.refuse_programs(project)?;
    if before.refuses() {
        return Err(refusal(&db, &before)?);
    }
    before.demand(&seen.protected)?;
    if before.files.is_empty() && left_open(project, &seen.history).is_none() {
        if seen.has_ledger && seen.protected.is_to_be_marked() {
            let mark = || seen.protected.mark_on_sqlite(&db, &project.actor);
            // As on Postgres: a start with nothing pending must not fail for this.
            before.notes.push(seen.protected.told_of_marking(ledger::sqlite::immediate(&db, mark)));
        }
        return Ok(before.report(Vec::new(), false, Err(NO_POINT)));
    }
    if !seen.has_ledger {
        ledger::sqlite::create(&db, &project.actor)?;
        crash::hit(CrashPoint::LedgerCreated);
    }
    // The same is decided anew below: two of it would not fit where one does.
    drop(before);
    let runner_options = RunnerOptions {
        budget: options.locks.budget,
        lease_wait: options.lease_wait,
        stop: options.stop.clone(),
    };
    let mut runner = Runner::start(db, target, project, runner_options, watch)?;
    let result = under_lease(&mut runner, target, project, options);
    let released = runner.release();
    let report = result?;
    released?;
    Ok(report)
}

/// Decides anew, since somebody may have been at work until the lease was ours, another tool
/// too; and applies what is left.
fn under_lease(
    runner: &mut Runner<'_>,
    target: &SqliteTarget,
    project: &Project,
    options: &Options,
) -> Result<MigrateReport, Failure> {
    let seen = look_again(runner, target, project)?;
    let (project, history) = (&seen.project, &seen.history);
    let work = decide(runner, project, options, history)?;
    if work.files.is_empty() {
        if let Some(run) = left_open(project, history) {
            runner.close_run(run.id, RunState::Done, None)?;
        }
        return Ok(work.report(Vec::new(), false, Err(NO_POINT)));
    }
    if work.refuses() {
        return Err(refusal(runner.db(), &work)?);
    }
    work.demand(&seen.protected)?;
    let open = standing::open_migrate(history)?;
    let run = runner.fenced(|db| match open {
        Some(run) => ledger::sqlite::end_run(db, run.id, RunState::Running, None).map(|()| run.id),
        None => ledger::sqlite::begin_run(db, standing::MIGRATE, &work.plan_text()),
    })?;
    crash::hit(CrashPoint::RunBegun);
    runner.expect(work.files.iter().flat_map(|file| file.proofs.values()), open)?;
    let mut applied = Vec::new();
    let mut point = None;
    match apply_all(runner, target, project, &work, run, &mut applied, &mut point) {
        Ok(()) => {
            crash::hit(CrashPoint::StepsDone);
            runner.close_run(run, RunState::Done, None)?;
            Ok(work.report(applied, false, point.ok_or(NO_POINT)))
        }
        Err(error) => {
            // The reason of the failure matters more than a ledger that could not take it.
            let _ = runner.close_run(run, RunState::Failed, Some(error.message()));
            Err(Failure { error, findings: Vec::new(), applied })
        }
    }
}

/// What is to be done, once the lease is ours.
fn decide<'a>(
    runner: &Runner<'_>,
    project: &'a Project,
    options: &Options,
    history: &History,
) -> Result<Work<'a>> {
    let mut work = judge(runner.db(), project, options, history)?;
    work.refuse_programs(project)?;
    let in_step = foreign::in_step_on_sqlite(runner.db())?;
    work.keep_in_step(in_step.as_ref(), project)?;
    Ok(work)
}

/// A run to be closed although nothing is pending.
fn left_open<'h>(project: &Project, history: &'h History) -> Option<&'h ledger::Run> {
    standing::left_open(history, &standing::standing(&project.folder, history, project.out_of_order()))
}

/// The refusal, with the sizes of the tables at stake.
fn refusal(db: &Connection, work: &Work<'_>) -> Result<Failure> {
    let mut sizes = Vec::new();
    for table in work.endangered() {
        let sql = format!("select count(*) from {}", db::Ident::new(table.name.as_str())?);
        // A table that is not there has nothing to lose.
        if let Ok(rows) = db.query_row(&sql, [], |row| row.get::<_, i64>(0)) {
            sizes.push(plan::size(&table, rows));
        }
    }
    work.refusal(&sizes).ok_or_else(|| Error::bug("a refusal without a finding that refuses"))
}

fn open(target: &SqliteTarget, mode: SqliteMode) -> Result<Connection> {
    db::open_sqlite(target, SqliteOptions { wal: true, ..SqliteOptions::new(mode) })
}

fn dry_run(project: &Project, target: &SqliteTarget, options: &Options) -> Result<MigrateReport, Failure> {
    let exists = target.path().is_none_or(Path::exists);
    let db = if exists {
        db::open_sqlite(target, SqliteOptions::new(SqliteMode::ReadOnly))?
    } else {
        Connection::open_in_memory().map_err(db::sqlite_error)?
    };
    let seen = look(&db, target, project)?;
    let work = judge(&db, &seen.project, options, &seen.history)?;
    if work.refuses() {
        return Err(refusal(&db, &work)?);
    }
    Ok(work.report(Vec::new(), true, Err(NO_POINT)))
}

/// The copy a file needs before its first step: when it rebuilds a table or may lose rows.
fn rollback_point(target: &SqliteTarget, file: &File<'_>, run: String) -> Option<(String, RollbackPoint)> {
    let needs = needs(&file.script, &file.plan);
    let loses = !file.allowed.is_empty();
    let path = target.path().filter(|_| needs.rebuilds || loses)?;
    let why = if needs.rebuilds { "rebuilds or drops a table" } else { "loses rows, which was allowed" };
    let name = file.migration.file_name();
    let copy = copy_path(path, &run, file.migration.version.as_str());
    let point = RollbackPoint {
        kind: "file-copy",
        reason: format!("{name} {why}"),
        path: Some(copy.display().to_string()),
    };
    Some((file.migration.path.display().to_string(), point))
}

/// Beside the database, so that it is on the same disk and easy to find. `run` also says
/// which database it is of: one that is made anew counts its runs from 1 again.
fn copy_path(database: &Path, run: &str, version: &str) -> PathBuf {
    let mut name = database.file_name().unwrap_or_default().to_os_string();
    name.push(format!(".before-{version}.run-{run}"));
    database.with_file_name(name)
}

/// What tells this database from another one at the same path.
fn database_mark(db: &Connection) -> Result<String> {
    use crate::db::DbResult as _;
    let sql = "select value from _cofferdam_meta where key = 'database_id'";
    let id: String = db.query_row(sql, [], |row| row.get(0)).db()?;
    Ok(id.chars().filter(char::is_ascii_hexdigit).take(8).collect())
}

fn apply_all(
    runner: &mut Runner<'_>,
    target: &SqliteTarget,
    project: &Project,
    work: &Work<'_>,
    run: i64,
    applied: &mut Vec<AppliedMigration>,
    point: &mut Option<RollbackPoint>,
) -> Result<()> {
    let of = work.step_count();
    let (mut number, mut seen) = (0, None);
    let made_by = format!("{run}.{}", database_mark(runner.db())?);
    for file in &work.files {
        let begun = Instant::now();
        if project.folder.format != Format::Native {
            // The folder's own tool may be at work beside us: what it applied is not applied again.
            // It writes on a connection of its own, which this number shows.
            let version = runner.data_version()?;
            if seen != Some(version) {
                look(runner.db(), target, project)?;
            }
            seen = Some(version);
        }
        let mut needs = needs(&file.script, &file.plan);
        needs.may_lose = file.allows(&LOSES_ROWS);
        needs.may_drop.clone_from(&file.may_drop);
        if let Some((_, taken)) = rollback_point(target, file, made_by.clone()) {
            needs.copy_to = taken.path.as_ref().map(PathBuf::from);
            *point = Some(taken);
        }
        let result = apply_file(runner, project, file, &needs, run, (&mut number, of));
        result.map_err(|error| error.while_(format!("cannot apply {}", file.migration.file_name())))?;
        applied.push(file.applied(begun));
    }
    Ok(())
}

fn apply_file(
    runner: &mut Runner<'_>,
    project: &Project,
    file: &File<'_>,
    needs: &FileNeeds,
    run: i64,
    (number, of): (&mut usize, usize),
) -> Result<()> {
    runner.fresh(needs.foreign_keys)?;
    let steps = &file.plan.steps;
    if file.done > 0 {
        let version = file.migration.version.to_string();
        runner.watch().event(Event::Resuming { version, done: file.done, steps: steps.len() });
    }
    let begun = Instant::now();
    runner.replay_settings(&file.script, &steps[..file.done])?;
    if file.done == steps.len() {
        // What failed was taken out of the file: nothing is left to run, only to be recorded.
        return runner.record_done(run, &file.record(project, run, begun, true));
    }
    for (index, step) in steps.iter().enumerate().skip(file.done) {
        *number += 1;
        runner.watch().event(Event::StepStarted { step: step.id.clone(), number: *number, of });
        let step_begun = Instant::now();
        let last = index + 1 == steps.len();
        let record = file.record(project, run, begun, last);
        // The copy is the state before the file's first step, and only that.
        let copy_to = needs.copy_to.clone().filter(|_| index == 0);
        let copied = needs.copy_to.clone().filter(|_| last);
        let needs = FileNeeds { copy_to, copied, ..needs.clone() };
        runner.step(&Job { run, step, script: &file.script, proofs: &file.proofs, record }, &needs)?;
        let duration_ms = step_begun.elapsed().as_millis() as u64;
        runner.watch().event(Event::StepDone { step: step.id.clone(), duration_ms });
    }
    Ok(())
}
