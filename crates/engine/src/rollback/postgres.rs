//! `rollback` on Postgres: by down files.

use std::collections::HashMap;
use std::time::Duration;

use cofferdam_analysis::sql::{Dialect, ObjectName};
use cofferdam_analysis::{Error, ErrorKind, NobodysRows, Result};
use tokio_postgres::Client;

use super::loss::{Count, Loss, Losses, losses};
use super::plan::{Down, Undo, down_id, no_way_back, undos};
use super::{Options, RollbackReport};
use crate::db::{self, DbResult, Guard, Ident, Poll, PostgresTarget, QualifiedIdent, Session};
use crate::ledger::{self, History, RunState, StepState, standing};
use crate::runner::postgres::{Runner, RunnerOptions, locked_out, read_catalog};
use crate::runner::{Job, LockLimits, Record};
use crate::{Event, Project, Watch, foreign};

/// How long one count may queue for a table that somebody has locked.
const COUNT_WAITS: Duration = Duration::from_millis(100);
/// The pause until it is asked for again.
const ASK_EVERY: Duration = Duration::from_millis(200);

pub(super) async fn run(
    project: &Project,
    target: &PostgresTarget,
    options: &Options,
    watch: &mut dyn Watch,
) -> Result<RollbackReport> {
    let session = db::connect(target, &project.connect).await?;
    let has_ledger = ledger::postgres::exists(&session).await?;
    let protected = project.protection.on_postgres(&session, has_ledger).await?;
    if !has_ledger {
        return Err(Error::invalid("there is nothing to roll back: the database has no ledger of ours"));
    }
    // Refuse before waiting for anybody; what counts is decided again under the lease.
    let history = ledger::postgres::history(&session).await?;
    let project = &project.as_history_has_it(&history, &foreign::Surroundings::default())?;
    let in_step = foreign::in_step_on_postgres(&session).await?;
    check(&undos(project, &history, in_step.as_ref(), options.to.as_deref(), Dialect::Postgres)?)?;
    protected.demand("roll back", &[])?;
    let runner_options =
        RunnerOptions { locks: options.locks, lease_wait: options.lease_wait, stop: options.stop.clone() };
    let mut runner = Runner::start(session, project, runner_options, watch).await?;
    let result = under_lease(&mut runner, project, options).await;
    if !runner.session().is_closed() {
        let released = runner.release().await;
        return result.and_then(|report| released.map(|()| report));
    }
    result
}

fn check(undos: &[Undo<'_>]) -> Result<()> {
    match undos.iter().find(|undo| undo.down.is_none()) {
        Some(undo) => Err(no_way_back(undo.applied, false)),
        None => Ok(()),
    }
}

async fn under_lease(
    runner: &mut Runner<'_>,
    project: &Project,
    options: &Options,
) -> Result<RollbackReport> {
    // Somebody may have protected it until the lease was ours.
    let protected = project.protection.on_postgres(runner.session(), true).await?;
    protected.demand("roll back", &[])?;
    runner.protect(&protected).await?;
    let history = ledger::postgres::history(runner.session()).await?;
    let in_step = foreign::in_step_on_postgres(runner.session()).await?;
    let undos = undos(project, &history, in_step.as_ref(), options.to.as_deref(), Dialect::Postgres)?;
    check(&undos)?;
    let finished = standing::rolled_back(&history);
    if let Some((run, _)) = finished {
        runner.fenced(async |db| ledger::postgres::end_run(db, run.id, RunState::Done, None).await).await?;
    }
    let mut report = RollbackReport::of(finished, options.to.as_deref());
    // All of them before the first runs: half way back is where nobody wanted to be.
    for undo in undos.iter().skip(1) {
        if let Some(down) = &undo.down {
            count(runner.session(), down, options.locks).await?.allowed(&undo.applied.version, options)?;
        }
    }
    for undo in &undos {
        let Some(down) = &undo.down else { return Err(no_way_back(undo.applied, false)) };
        let taken_back = |error: Error| report.so_far(error);
        let count = count(runner.session(), down, options.locks).await.map_err(taken_back)?;
        let (lost, proofs) = count.allowed(&undo.applied.version, options).map_err(taken_back)?;
        one(runner, undo, down, &proofs, &history)
            .await
            .map_err(|error| error.while_(format!("cannot roll back {}", undo.applied.title())))
            .map_err(taken_back)?;
        report.undone.push(undo.applied.version.clone());
        for (table, rows) in lost {
            *report.would_lose.entry(table).or_default() += rows;
        }
    }
    Ok(report)
}

/// Counts what the down file would lose, against the clock: whoever has a table locked
/// keeps even a count waiting.
///
/// # Errors
/// `Blocked` naming the holder when the budget is spent.
async fn count(session: &Session, down: &Down, limits: LockLimits) -> Result<Count> {
    let catalog = read_catalog(session, limits).await?;
    let losses = losses(down, Some(&catalog));
    let mut poll = Poll::new(ASK_EVERY, limits.budget);
    loop {
        session.batch_execute("begin read only").await.map_err(|e| session.error(e))?;
        let counted = count_once(session, &losses).await;
        session.batch_execute("rollback").await.map_err(|e| session.error(e))?;
        match counted {
            Err(error) if error.kind() == ErrorKind::Blocked => {
                if !poll.pause().await {
                    return Err(locked_out(session, "count the rows at stake", limits.budget, error).await?);
                }
            }
            counted => return counted,
        }
    }
}

async fn count_once(session: &Session, losses: &Losses) -> Result<Count> {
    Guard::default().lock_timeout(COUNT_WAITS).on(session).apply(session).await?;
    // A policy must not hide rows from the count: with the setting off the server fails instead.
    session.batch_execute("set local row_security = off").await.db()?;
    let mut count = Count { named: losses.named.clone(), ..Count::default() };
    for loss in &losses.counted {
        count_loss(session, loss.clone(), &mut count).await?;
    }
    for (statement, schema) in &losses.schemas {
        for row in session.query(include_str!("sql/tables_of_schema.sql"), &[schema]).await.db()? {
            let table = ObjectName::qualified(schema.as_str(), row.get::<_, String>(0));
            count_loss(session, Loss { statement: *statement, table, column: None }, &mut count).await?;
        }
    }
    Ok(count)
}

async fn count_loss(client: &Client, loss: Loss, count: &mut Count) -> Result<()> {
    let name = QualifiedIdent::of(&loss.table)?.to_string();
    let Some(row) = client.query_opt(include_str!("sql/loss.sql"), &[&name, &loss.column]).await.db()? else {
        return Ok(());
    };
    let (table, plain, hidden): (String, String, bool) = (row.get(0), row.get(1), row.get(2));
    if hidden {
        count.named.push(format!("takes rows of {plain}, which row security hides from this role"));
        return Ok(());
    }
    let (filter, what) = match &loss.column {
        Some(column) => {
            (format!("where {} is not null", Ident::new(column.as_str())?), format!("{plain}.{column}"))
        }
        None => (String::new(), plain),
    };
    let sql = format!("select count(*) from {table} {filter}");
    let rows: i64 = client.query_one(&sql, &[]).await.db()?.get(0);
    count.add(loss, what, rows);
    Ok(())
}

async fn one(
    runner: &mut Runner<'_>,
    undo: &Undo<'_>,
    down: &Down,
    proofs: &HashMap<usize, NobodysRows>,
    history: &History,
) -> Result<()> {
    runner.fresh().await?;
    let open = undo.open(history);
    let run = match open {
        Some(run) => run.id,
        None => {
            let (command, version) = (&undo.command, &undo.applied.version);
            let plan = serde_json::json!({"undo": version}).to_string();
            runner.fenced(async |client| ledger::postgres::begin_run(client, command, &plan).await).await?
        }
    };
    let result = steps(runner, undo, down, proofs, open, run).await;
    let (state, error) = match &result {
        Ok(()) => (RunState::Done, None),
        Err(error) => (RunState::Failed, Some(error.message())),
    };
    let ended =
        runner.fenced(async |client| ledger::postgres::end_run(client, run, state, error).await).await;
    result.and(ended)
}

async fn steps(
    runner: &mut Runner<'_>,
    undo: &Undo<'_>,
    down: &Down,
    proofs: &HashMap<usize, NobodysRows>,
    open: Option<&ledger::Run>,
    run: i64,
) -> Result<()> {
    let Down { script, plan, done } = down;
    let of = plan.steps.len();
    runner.replay_settings(script, &plan.steps[..*done]).await?;
    if *done == of {
        // What failed was taken out of the file: nothing is left to run, only to be recorded.
        return runner.record_done(run, &undo.removed(run)).await;
    }
    let id = down_id(&undo.applied.version);
    let left = standing::left_of(open, &id);
    for (index, step) in plan.steps.iter().enumerate().skip(*done) {
        runner.watch().event(Event::StepStarted { step: step.id.clone(), number: index + 1, of });
        let begun = std::time::Instant::now();
        let record = if index + 1 == of { undo.removed(run) } else { Record::Nothing };
        let job = Job { run, step, script, proofs, record };
        match left.get(&(index + 1)).filter(|left| left.state == StepState::Intent) {
            Some(left) => runner.settle(&job, left).await?,
            None => runner.step(&job).await?,
        }
        let duration_ms = begun.elapsed().as_millis() as u64;
        runner.watch().event(Event::StepDone { step: step.id.clone(), duration_ms });
    }
    Ok(())
}
