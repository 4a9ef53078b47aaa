//! `rollback` on Postgres: by down files.

use std::collections::{BTreeMap, HashMap};

use cofferdam_analysis::plan::FilePlan;
use cofferdam_analysis::sql::{Dialect, Script};
use cofferdam_analysis::{Error, NobodysRows, Result};
use tokio_postgres::Client;

use super::loss::losses;
use super::plan::{Undo, no_way_back, undos};
use super::{Options, RollbackReport, refuse_loss};
use crate::db::{self, DbResult, Ident, PostgresTarget, QualifiedIdent};
use crate::ledger::{self, History, RunState, StepState, standing};
use crate::runner::postgres::{Runner, RunnerOptions};
use crate::runner::{Job, Record};
use crate::{Event, Project, Watch, foreign};

pub(super) async fn run(
    project: &Project,
    target: &PostgresTarget,
    options: &Options,
    watch: &mut dyn Watch,
) -> Result<RollbackReport> {
    let session = db::connect(target, &project.connect).await?;
    if !ledger::postgres::exists(&session).await? {
        return Err(Error::invalid("there is nothing to roll back: the database has no ledger of ours"));
    }
    // Refuse before waiting for anybody; what counts is decided again under the lease.
    let history = ledger::postgres::history(&session).await?;
    let project = &project.as_history_has_it(&history, &foreign::Surroundings::default())?;
    check(&undos(project, &history, options.to.as_deref(), Dialect::Postgres)?)?;
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
    let history = ledger::postgres::history(runner.session()).await?;
    let undos = undos(project, &history, options.to.as_deref(), Dialect::Postgres)?;
    check(&undos)?;
    let finished = standing::rolled_back(&history);
    if let Some((run, _)) = finished {
        runner.fenced(async |db| ledger::postgres::end_run(db, run.id, RunState::Done, None).await).await?;
    }
    let mut report = RollbackReport::of(finished, options.to.as_deref());
    for undo in &undos {
        let Some((script, plan)) = &undo.down else { return Err(no_way_back(undo.applied, false)) };
        let (lost, proofs) = count(runner.session(), script).await?;
        if !lost.is_empty() && !options.discard_writes {
            return Err(refuse_loss(&undo.applied.version, &lost));
        }
        one(runner, undo, script, plan, &proofs, &history).await.map_err(|error| {
            error.while_(format!("cannot roll back {}_{}", undo.applied.version, undo.applied.name))
        })?;
        report.undone.push(undo.applied.version.clone());
        for (table, rows) in lost {
            *report.would_lose.entry(table).or_default() += rows;
        }
    }
    Ok(report)
}

/// Counts what the script would lose. What is empty now must still be empty under the
/// statement's own lock: that is handed on as a claim to be proved.
async fn count(
    client: &Client,
    script: &Script,
) -> Result<(BTreeMap<String, i64>, HashMap<usize, NobodysRows>)> {
    let mut lost = BTreeMap::new();
    let mut proofs: HashMap<usize, NobodysRows> = HashMap::new();
    for loss in losses(script) {
        let name = QualifiedIdent::of(&loss.table)?.to_string();
        let row = client
            .query_opt(
                "select c.oid::regclass::text, n.nspname || '.' || c.relname
                                    from pg_class c join pg_namespace n on n.oid = c.relnamespace
                                    where c.oid = to_regclass($1)",
                &[&name],
            )
            .await
            .db()?;
        let Some(row) = row else { continue };
        let (table, plain): (String, String) = (row.get(0), row.get(1));
        if let Some(column) = &loss.column
            && !has_column(client, &table, column).await?
        {
            continue;
        }
        let (filter, what) = match &loss.column {
            Some(column) => {
                (format!("where {} is not null", Ident::new(column.as_str())?), format!("{plain}.{column}"))
            }
            None => (String::new(), plain),
        };
        let rows: i64 =
            client.query_one(&format!("select count(*) from {table} {filter}"), &[]).await.db()?.get(0);
        if rows > 0 {
            lost.insert(what, rows);
        } else {
            let claim = NobodysRows { tables: vec![loss.table], column: loss.column, must_be_empty: true };
            proofs
                .entry(loss.statement)
                .and_modify(|have| have.tables.extend(claim.tables.clone()))
                .or_insert(claim);
        }
    }
    Ok((lost, proofs))
}

/// It may be gone already, by a step that was done before a crash.
async fn has_column(client: &Client, table: &str, column: &str) -> Result<bool> {
    let sql = "select exists (select from pg_attribute
               where attrelid = to_regclass($1) and attname = $2 and not attisdropped)";
    Ok(client.query_one(sql, &[&table, &column]).await.db()?.get(0))
}

async fn one(
    runner: &mut Runner<'_>,
    undo: &Undo<'_>,
    script: &Script,
    plan: &FilePlan,
    proofs: &HashMap<usize, NobodysRows>,
    history: &History,
) -> Result<()> {
    runner.fresh().await?;
    let open = history.open_run.as_ref().filter(|run| run.command == undo.command);
    let run = match open {
        Some(run) => run.id,
        None => {
            let (command, version) = (&undo.command, &undo.applied.version);
            let plan = serde_json::json!({"undo": version}).to_string();
            runner.fenced(async |client| ledger::postgres::begin_run(client, command, &plan).await).await?
        }
    };
    let result = steps(runner, undo, script, plan, proofs, open, run).await;
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
    script: &Script,
    plan: &FilePlan,
    proofs: &HashMap<usize, NobodysRows>,
    open: Option<&ledger::Run>,
    run: i64,
) -> Result<()> {
    let of = plan.steps.len();
    for (index, step) in plan.steps.iter().enumerate() {
        let left = open.and_then(|open| open.step(&step.id));
        if left.is_some_and(|left| left.state == StepState::Done && left.hash == step.hash) {
            continue;
        }
        runner.watch().event(Event::StepStarted { step: step.id.clone(), number: index + 1, of });
        let begun = std::time::Instant::now();
        let record = if index + 1 == of {
            let (source, version) = (undo.applied.source.as_str(), undo.applied.version.as_str());
            Record::Removed { source, version, detail: serde_json::json!({"run": run, "by": "down file"}) }
        } else {
            Record::Nothing
        };
        let job = Job { run, step, script, proofs, record };
        match left.filter(|left| left.state == StepState::Intent) {
            Some(left) => runner.settle(&job, left).await?,
            None => runner.step(&job).await?,
        }
        let duration_ms = begun.elapsed().as_millis() as u64;
        runner.watch().event(Event::StepDone { step: step.id.clone(), duration_ms });
    }
    Ok(())
}
