//! `migrate` and `plan` on Postgres.

use std::time::Instant;

use cofferdam_analysis::catalog::Catalog;
use cofferdam_analysis::sql::Dialect;
use cofferdam_analysis::{Error, ErrorKind, Result};

use super::plan::{self, File, Work, work};
use super::report::{AppliedMigration, MigrateReport, PlanReport};
use super::{Failure, Options};
use crate::crash::{self, CrashPoint};
use crate::db::{self, DbResult, PostgresTarget, Session};
use crate::folder::Format;
use crate::foreign::{self, Surroundings};
use crate::ledger::{self, History, Protected, RunState, StepState, standing};
use crate::runner::Job;
use crate::runner::postgres::{Runner, RunnerOptions, read_catalog};
use crate::{Event, Project, Watch};

/// Tables up to this size are counted; of larger ones the planner's estimate is shown.
const EXACT_BELOW: i64 = 100_000;

const NO_POINT: &str =
    "a Postgres database has no rollback point yet: take a dump with pg_dump before a dangerous change";

/// What a connection shows before anything is decided.
struct Seen {
    history: History,
    has_ledger: bool,
    project: Project,
    protected: Protected,
}

async fn look(session: &Session, project: &Project) -> Result<Seen> {
    let has_ledger = ledger::postgres::exists(session).await?;
    let history = if has_ledger { ledger::postgres::history(session).await? } else { History::default() };
    let protected = project.protection.on_postgres(session, has_ledger).await?;
    // A history that is all ours needs no look around: this is what every start of a container does.
    let around = if history.applied.last().is_some_and(|a| a.source == Format::Native.as_str())
        && project.folder.format != Format::Command
    {
        Surroundings::default()
    } else {
        foreign::postgres(session).await?
    };
    let project = project.as_history_has_it(&history, &around)?;
    foreign::refuse_unmanaged(&around, has_ledger, &history, &project.folder)?;
    let history = foreign::with_programs(history, &around, &project.folder);
    Ok(Seen { history, has_ledger, project, protected })
}

/// Looks once the lease is ours, and leaves the mark of a protected database.
async fn look_again(runner: &mut Runner<'_>, project: &Project) -> Result<Seen> {
    let seen = look(runner.session(), project).await?;
    runner.protect(&seen.protected).await?;
    Ok(seen)
}

/// Leaves the mark where there is nothing else to do, and says so. A start with nothing
/// pending needs neither the lease nor a right to write, and must not fail for this one.
async fn mark(session: &Session, project: &Project, protected: &Protected) -> String {
    let marked = async {
        session.batch_execute("begin isolation level read committed read write").await.db()?;
        db::Guard::default().on(session).apply(session).await?;
        protected.mark_on_postgres(session, &project.actor).await?;
        session.batch_execute("commit").await.db()
    };
    let result = marked.await;
    if result.is_err() {
        // The connection may be gone; then the server has rolled back.
        let _ = session.batch_execute("rollback").await;
    }
    protected.told_of_marking(result)
}

/// Reads the catalog when `work` asks for it, that is, when something is pending.
async fn judge<'a>(
    session: &Session,
    project: &'a Project,
    options: &Options,
    history: &History,
) -> Result<(Work<'a>, Option<Catalog>)> {
    let pending = !standing::standing(&project.folder, history, project.out_of_order()).pending.is_empty();
    let catalog = if pending { Some(read_catalog(session, options.locks).await?) } else { None };
    let work = work(project, history, options, Dialect::Postgres, catalog.as_ref())?;
    Ok((work, catalog))
}

pub(super) async fn plan(
    project: &Project,
    target: &PostgresTarget,
    options: &Options,
) -> Result<PlanReport> {
    let session = db::connect(target, &project.connect).await?;
    let seen = look(&session, project).await?;
    let project = &seen.project;
    let (work, catalog) = judge(&session, project, options, &seen.history).await?;
    session.close().await;
    Ok(PlanReport {
        steps: work.steps(catalog.as_ref()),
        confirm: work.confirmation(&seen.protected),
        protection: seen.protected.told(),
        findings: work.findings,
        rollback_point: None,
        rollback_point_reason: Some(NO_POINT.to_owned()),
        already: work.already,
        notes: work.notes,
    })
}

pub(super) async fn run(
    project: &Project,
    target: &PostgresTarget,
    options: &Options,
    watch: &mut dyn Watch,
) -> Result<MigrateReport, Failure> {
    let session = db::connect(target, &project.connect).await?;
    let seen = look(&session, project).await?;
    let project = &seen.project;
    let (mut before, _) = judge(&session, project, options, &seen.history).await?;
    before.refuse_programs(project)?;
    if before.refuses() {
        return Err(refusal(&session, &before).await?);
    }
    let to_close = left_open(project, &seen.history).is_some();
    if options.dry_run {
        session.close().await;
        return Ok(before.report(Vec::new(), true, Err(NO_POINT)));
    }
    before.demand(&seen.protected)?;
    if before.files.is_empty() && !to_close {
        if seen.has_ledger && seen.protected.is_to_be_marked() {
            before.notes.push(mark(&session, project, &seen.protected).await);
        }
        session.close().await;
        return Ok(before.report(Vec::new(), false, Err(NO_POINT)));
    }
    if !seen.has_ledger {
        ledger::postgres::create(&session, &project.actor).await?;
        crash::hit(CrashPoint::LedgerCreated);
    }
    // The same is decided anew below: two of it would not fit where one does.
    drop(before);
    let runner_options =
        RunnerOptions { locks: options.locks, lease_wait: options.lease_wait, stop: options.stop.clone() };
    let mut runner = Runner::start(session, project, runner_options, watch).await?;
    let result = under_lease(&mut runner, project, options).await;
    if runner.session().is_closed() {
        return result;
    }
    let released = runner.release().await;
    let report = result?;
    released?;
    Ok(report)
}

/// Decides anew, since somebody may have been at work until the lease was ours, another tool
/// too; and applies what is left.
async fn under_lease(
    runner: &mut Runner<'_>,
    project: &Project,
    options: &Options,
) -> Result<MigrateReport, Failure> {
    let seen = look_again(runner, project).await?;
    let (project, history) = (&seen.project, &seen.history);
    let work = decide(runner, project, options, history).await?;
    if work.files.is_empty() {
        if let Some(run) = left_open(project, history) {
            runner.close_run(run.id, RunState::Done, None).await?;
        }
        return Ok(work.report(Vec::new(), false, Err(NO_POINT)));
    }
    if work.refuses() {
        return Err(refusal(runner.session(), &work).await?);
    }
    work.demand(&seen.protected)?;
    let run = match standing::open_migrate(history)? {
        Some(run) => reopen(runner, run.id).await?,
        None => begin(runner, &work).await?,
    };
    crash::hit(CrashPoint::RunBegun);
    let mut applied = Vec::new();
    match apply_all(runner, project, &work, history, run, &mut applied).await {
        Ok(()) => {
            crash::hit(CrashPoint::StepsDone);
            runner.close_run(run, RunState::Done, None).await?;
            Ok(work.report(applied, false, Err(NO_POINT)))
        }
        Err(error) => {
            if !runner.session().is_closed() {
                // The reason of the failure matters more than a ledger that could not take it.
                let _ = runner.close_run(run, RunState::Failed, Some(error.message())).await;
            }
            Err(Failure { error, findings: Vec::new(), applied })
        }
    }
}

/// What is to be done, once the lease is ours.
async fn decide<'a>(
    runner: &Runner<'_>,
    project: &'a Project,
    options: &Options,
    history: &History,
) -> Result<Work<'a>> {
    let (mut work, _) = judge(runner.session(), project, options, history).await?;
    work.refuse_programs(project)?;
    let in_step = foreign::in_step_on_postgres(runner.session()).await?;
    work.keep_in_step(in_step.as_ref(), project)?;
    Ok(work)
}

/// The refusal, with the sizes of the tables at stake.
async fn refusal(session: &Session, work: &Work<'_>) -> Result<Failure> {
    session.batch_execute("begin read only").await.map_err(|e| session.error(e))?;
    db::Guard::default().on(session).apply(session).await?;
    // A table that somebody keeps locked is not counted: the refusal stands without its size.
    let sizes = sizes(session, work).await.or_else(|e| match e.kind() {
        ErrorKind::Blocked => Ok(Vec::new()),
        _ => Err(e),
    })?;
    session.batch_execute("rollback").await.map_err(|e| session.error(e))?;
    work.refusal(&sizes).ok_or_else(|| Error::bug("a refusal without a finding that refuses"))
}

async fn sizes(session: &Session, work: &Work<'_>) -> Result<Vec<String>> {
    let mut sizes = Vec::new();
    for table in work.endangered() {
        let name = db::QualifiedIdent::of(&table)?.to_string();
        if let Some(row) = session.query_opt(include_str!("sql/size.sql"), &[&name]).await.db()? {
            let (shown, estimate): (String, i64) = (row.get(0), row.get(1));
            if estimate >= EXACT_BELOW {
                sizes.push(format!("{table} has about {estimate} rows"));
                continue;
            }
            let rows: i64 =
                session.query_one(&format!("select count(*) from {shown}"), &[]).await.db()?.get(0);
            sizes.push(plan::size(&table, rows));
        }
    }
    Ok(sizes)
}

/// A run to be closed although nothing is pending.
fn left_open<'h>(project: &Project, history: &'h History) -> Option<&'h ledger::Run> {
    standing::left_open(history, &standing::standing(&project.folder, history, project.out_of_order()))
}

async fn begin(runner: &Runner<'_>, work: &Work<'_>) -> Result<i64> {
    let plan = work.plan_text();
    runner.fenced(async |client| ledger::postgres::begin_run(client, "migrate", &plan).await).await
}

async fn reopen(runner: &Runner<'_>, run: i64) -> Result<i64> {
    runner
        .fenced(async |client| ledger::postgres::end_run(client, run, RunState::Running, None).await)
        .await?;
    Ok(run)
}

async fn apply_all(
    runner: &mut Runner<'_>,
    project: &Project,
    work: &Work<'_>,
    history: &History,
    run: i64,
    applied: &mut Vec<AppliedMigration>,
) -> Result<()> {
    let of = work.step_count();
    let (mut number, mut seen) = (0, None);
    for file in &work.files {
        let begun = Instant::now();
        if project.folder.format != Format::Native {
            // The folder's own tool may be at work beside us: what it applied is not applied again.
            // Its ledger is read anew when somebody has written it, ourselves when in step with it.
            let stamp = foreign::stamp(runner.session()).await?;
            if stamp.is_none() || seen != stamp {
                look(runner.session(), project).await?;
            }
            seen = stamp.filter(|_| !file.keeps_in_step());
        }
        let result = apply_file(runner, project, file, history, run, (&mut number, of)).await;
        result.map_err(|error| error.while_(format!("cannot apply {}", file.migration.file_name())))?;
        applied.push(file.applied(begun));
    }
    Ok(())
}

async fn apply_file(
    runner: &mut Runner<'_>,
    project: &Project,
    file: &File<'_>,
    history: &History,
    run: i64,
    (number, of): (&mut usize, usize),
) -> Result<()> {
    runner.fresh().await?;
    let steps = &file.plan.steps;
    let version = file.migration.version.to_string();
    let left = standing::left_of(standing::open_migrate(history)?, &version);
    if file.done > 0 || !left.is_empty() {
        runner.watch().event(Event::Resuming { version, done: file.done, steps: steps.len() });
    }
    let begun = Instant::now();
    runner.replay_settings(&file.script, &steps[..file.done]).await?;
    if file.done == steps.len() {
        // What failed was taken out of the file: nothing is left to run, only to be recorded.
        return runner.record_done(run, &file.record(project, run, begun, true)).await;
    }
    for (index, step) in steps.iter().enumerate().skip(file.done) {
        *number += 1;
        runner.watch().event(Event::StepStarted { step: step.id.clone(), number: *number, of });
        let step_begun = Instant::now();
        let last = index + 1 == steps.len();
        let record = file.record(project, run, begun, last);
        let job = Job { run, step, script: &file.script, proofs: &file.proofs, record };
        match left.get(&(index + 1)).filter(|left| left.state == StepState::Intent) {
            Some(left) => runner.settle(&job, left).await?,
            None => runner.step(&job).await?,
        }
        let duration_ms = step_begun.elapsed().as_millis() as u64;
        runner.watch().event(Event::StepDone { step: step.id.clone(), duration_ms });
    }
    Ok(())
}
