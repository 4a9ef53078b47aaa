//! `rollback` on SQLite: by down files, or by the copy made before the migration.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;

use cofferdam_analysis::sql::Dialect;
use cofferdam_analysis::{Error, NobodysRows, Result};
use rusqlite::{Connection, OptionalExtension};

use super::loss::{Count, losses};
use super::plan::{Down, Undo, no_way_back, undos};
use super::{Options, RollbackReport, refuse_loss};
use crate::db::{self, DbResult, Ident, SqliteMode, SqliteOptions, SqliteTarget};
use crate::ledger::{self, History, Run, RunState, standing};
use crate::runner::sqlite::{FileNeeds, Outcome, Runner, RunnerOptions, needs};
use crate::runner::{Job, Record};
use crate::{Event, Project, Watch, foreign};

pub(super) fn run(
    project: &Project,
    target: &SqliteTarget,
    options: &Options,
    watch: &mut dyn Watch,
) -> Result<RollbackReport> {
    let db =
        db::open_sqlite(target, SqliteOptions { wal: true, ..SqliteOptions::new(SqliteMode::ReadWrite) })?;
    let has_ledger = ledger::sqlite::exists(&db)?;
    let protected = project.protection.on_sqlite(&db, target, has_ledger)?;
    if !has_ledger {
        return Err(Error::invalid("there is nothing to roll back: the database has no ledger of ours"));
    }
    let history = ledger::sqlite::history(&db)?;
    let project = &project.as_history_has_it(&history, &foreign::Surroundings::default())?;
    let in_step = foreign::in_step_on_sqlite(&db)?;
    undos(project, &history, in_step.as_ref(), options.to.as_deref(), Dialect::Sqlite)?;
    protected.demand("roll back", &[])?;
    let runner_options = RunnerOptions {
        budget: options.locks.budget,
        lease_wait: options.lease_wait,
        stop: options.stop.clone(),
    };
    let mut runner = Runner::start(db, target, project, runner_options, watch)?;
    let result = under_lease(&mut runner, project, target, options);
    let released = runner.release();
    result.and_then(|report| released.map(|()| report))
}

fn under_lease(
    runner: &mut Runner<'_>,
    project: &Project,
    target: &SqliteTarget,
    options: &Options,
) -> Result<RollbackReport> {
    // Somebody may have protected it until the lease was ours.
    let protected = project.protection.on_sqlite(runner.db(), target, true)?;
    protected.demand("roll back", &[])?;
    runner.protect(&protected)?;
    let history = ledger::sqlite::history(runner.db())?;
    let in_step = foreign::in_step_on_sqlite(runner.db())?;
    let undos = undos(project, &history, in_step.as_ref(), options.to.as_deref(), Dialect::Sqlite)?;
    let finished = standing::rolled_back(&history);
    if let Some((run, version)) = finished {
        finish(runner, run, version)?;
    }
    let mut report = RollbackReport::of(finished, options.to.as_deref());
    // All of them before the first runs: half way back is where nobody wanted to be.
    for undo in undos.iter().skip(1) {
        if let Some(down) = &undo.down {
            count(runner.db(), down)?.allowed(&undo.applied.version, options)?;
        }
    }
    for undo in &undos {
        let lost = match &undo.down {
            Some(down) => {
                by_down_file(runner, undo, down, options, &history).map_err(|error| report.so_far(error))?
            }
            None => {
                let back = by_copy(runner, undo, options, &history);
                let (lost, point) = back.map_err(|error| report.so_far(error))?;
                report.point = Some(point);
                lost
            }
        };
        report.undone.push(undo.applied.version.clone());
        for (table, rows) in lost {
            *report.would_lose.entry(table).or_default() += rows;
        }
    }
    Ok(report)
}

fn by_down_file(
    runner: &mut Runner<'_>,
    undo: &Undo<'_>,
    down: &Down,
    options: &Options,
    history: &History,
) -> Result<BTreeMap<String, i64>> {
    let version = &undo.applied.version;
    let (lost, proofs) = count(runner.db(), down)?.allowed(version, options)?;
    let needs = FileNeeds { may_lose: true, ..needs(&down.script, &down.plan) };
    runner.fresh(needs.foreign_keys)?;
    let run = begin(runner, undo, history, &serde_json::json!({"undo": version}))?;
    let result = steps(runner, undo, down, &needs, &proofs, run);
    let (state, error) = match &result {
        Ok(()) => (RunState::Done, None),
        Err(error) => (RunState::Failed, Some(error.message())),
    };
    let ended = runner.fenced(|db| ledger::sqlite::end_run(db, run, state, error));
    let result = result.and(ended);
    result.map_err(|error| error.while_(format!("cannot roll back {}", undo.applied.title())))?;
    Ok(lost)
}

/// Opens the run, or goes on with the one that was cut off.
fn begin(runner: &Runner<'_>, undo: &Undo<'_>, history: &History, plan: &serde_json::Value) -> Result<i64> {
    match undo.open(history) {
        Some(open) => Ok(open.id),
        None => runner.fenced(|db| ledger::sqlite::begin_run(db, &undo.command, &plan.to_string())),
    }
}

/// Closes a run that was cut off after its last commit.
fn finish(runner: &Runner<'_>, run: &Run, version: &str) -> Result<()> {
    let sql = "select s.outcome from _cofferdam_step s
               where s.outcome is not null and s.state = 'done' and (s.id = ?1 or s.id = ?1 || '/1')";
    let outcome: Option<String> = runner.db().query_row(sql, [version], |row| row.get(0)).optional().db()?;
    if let Some(outcome) = outcome.and_then(|text| serde_json::from_str::<Outcome>(&text).ok()) {
        outcome.forget_prepared();
    }
    runner.fenced(|db| ledger::sqlite::end_run(db, run.id, RunState::Done, None))
}

fn steps(
    runner: &mut Runner<'_>,
    undo: &Undo<'_>,
    down: &Down,
    needs: &FileNeeds,
    proofs: &HashMap<usize, NobodysRows>,
    run: i64,
) -> Result<()> {
    let Down { script, plan, done } = down;
    let of = plan.steps.len();
    runner.replay_settings(script, &plan.steps[..*done])?;
    if *done == of {
        // What failed was taken out of the file: nothing is left to run, only to be recorded.
        return runner.record_done(run, &undo.removed(run));
    }
    for (index, step) in plan.steps.iter().enumerate().skip(*done) {
        runner.watch().event(Event::StepStarted { step: step.id.clone(), number: index + 1, of });
        let begun = std::time::Instant::now();
        let record = if index + 1 == of { undo.removed(run) } else { Record::Nothing };
        runner.step(&Job { run, step, script, proofs, record }, needs)?;
        let duration_ms = begun.elapsed().as_millis() as u64;
        runner.watch().event(Event::StepDone { step: step.id.clone(), duration_ms });
    }
    Ok(())
}

fn count(db: &Connection, down: &Down) -> Result<Count> {
    let losses = losses(down, Some(&crate::catalog::sqlite::read(db)?));
    let mut count = Count { named: losses.named, ..Count::default() };
    for loss in losses.counted {
        let there = "select name from sqlite_schema where type = 'table' and name = ?1 collate nocase";
        let table: Option<String> =
            db.query_row(there, [&loss.table.name], |row| row.get(0)).optional().db()?;
        let Some(table) = table else { continue };
        let column_there = "select count(*) from pragma_table_info(?1) where name = ?2 collate nocase";
        if let Some(column) = &loss.column
            && db.query_row(column_there, [&table, column], |row| row.get::<_, i64>(0)).db()? == 0
        {
            continue;
        }
        let (filter, what) = match &loss.column {
            Some(column) => {
                (format!("where {} is not null", Ident::new(column.as_str())?), format!("{table}.{column}"))
            }
            None => (String::new(), table.clone()),
        };
        let sql = format!("select count(*) from {} {filter}", Ident::new(table)?);
        let rows: i64 = db.query_row(&sql, [], |row| row.get(0)).db()?;
        count.add(loss, what, rows);
    }
    Ok(count)
}

/// Puts the copy back that was made before the migration.
fn by_copy(
    runner: &mut Runner<'_>,
    undo: &Undo<'_>,
    options: &Options,
    history: &History,
) -> Result<(BTreeMap<String, i64>, String)> {
    let applied = undo.applied;
    let outcome = outcome_of(runner.db(), applied.run_id, &applied.version)?;
    let outcome = outcome.ok_or_else(|| no_way_back(applied, true))?;
    let copy = PathBuf::from(&outcome.copy);
    if !copy.exists() {
        return Err(Error::refused(format!(
            "cannot roll back {}: the copy {} made before it is gone",
            applied.version,
            copy.display()
        ))
        .hint("write a down file, or a new migration"));
    }
    let plan = serde_json::json!({"undo": applied.version, "copy": outcome.copy});
    let run = begin(runner, undo, history, &plan)?;
    let lost = runner.restore(&copy, &outcome, options.discard_writes, |prepared, actor| {
        let detail = serde_json::json!({"by": "file copy", "copy": outcome.copy});
        ledger::sqlite::remove(prepared, actor, "rollback", (&applied.source, &applied.version), detail)
    });
    let state = if lost.is_ok() { RunState::Done } else { RunState::Abandoned };
    runner.fenced(|db| ledger::sqlite::end_run(db, run, state, None))?;
    match lost {
        Ok(lost) => Ok((lost, outcome.copy)),
        Err(crate::runner::sqlite::NotRestored::WouldLose(lost)) => {
            Err(refuse_loss(&applied.version, &lost, &[]))
        }
        Err(crate::runner::sqlite::NotRestored::For(error)) => {
            Err(error.while_(format!("cannot roll back {}_{}", applied.version, applied.name)))
        }
    }
}

/// What the ledger says of the copy: by the file's last step, or by the one that made it
/// when somebody else wrote between the two.
fn outcome_of(db: &Connection, run: Option<i64>, version: &str) -> Result<Option<Outcome>> {
    let sql = "select id, outcome from _cofferdam_step
               where run_id = ?1 and state = 'done' and outcome is not null";
    let mut statement = db.prepare(sql).db()?;
    let mut rows = statement.query([run]).db()?;
    let mut newest = None;
    while let Some(row) = rows.next().db()? {
        let (id, text): (String, String) = (row.get(0).db()?, row.get(1).db()?);
        let Some(number) = standing::number_of(&id, version) else { continue };
        let Ok(outcome) = serde_json::from_str::<Outcome>(&text) else { continue };
        if newest.as_ref().is_none_or(|(before, _)| number > *before) {
            newest = Some((number, outcome));
        }
    }
    Ok(newest.map(|(_, outcome)| outcome))
}
