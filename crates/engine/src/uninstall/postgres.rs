//! Leaving a Postgres database.

use cofferdam_analysis::{Error, Result};
use serde_json::{Map, Value};
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

use super::export::Content;
use super::{
    Dropped, Options, UninstallReport, about_to_drop, confirmed, only_the_mark, refuse_foreign,
    refuse_half_applied, tables_of,
};
use crate::crash::{self, CrashPoint};
use crate::db::{self, DbResult, PostgresTarget, QualifiedIdent, SqlFailure};
use crate::ledger::{Protected, guard};
use crate::runner::LockLimits;
use crate::runner::postgres::{Runner, RunnerOptions, take_down};
use crate::{Project, Watch, foreign, ledger};

/// What the ledger is made of.
pub(super) const CREATE: &str = include_str!("../ledger/sql/create_postgres.sql");

const SCHEMA: &str = "cofferdam";

pub(super) async fn run(
    project: &Project,
    target: &PostgresTarget,
    options: &Options,
    watch: &mut dyn Watch,
) -> Result<UninstallReport> {
    let session = db::connect(target, &project.connect).await?;
    let has_ledger = ledger::postgres::exists(&session).await?;
    let protected = project.protection.on_postgres(&session, has_ledger).await?;
    if !has_ledger {
        let around = foreign::postgres(&session).await?;
        return Ok(UninstallReport::of(&ledger::History::default(), &around, project, options));
    }
    // Refused before the lease is taken.
    let seen = if options.protection_only {
        only_the_mark(&protected, options)?
    } else {
        confirmed(&protected, options)?;
        look(&session, project, options).await?
    };
    if options.dry_run || seen.dropped.is_empty() {
        session.close().await;
        return Ok(seen);
    }
    let runner_options = RunnerOptions {
        locks: LockLimits::default(),
        lease_wait: options.lease_wait,
        stop: options.stop.clone(),
    };
    let mut runner = Runner::start(session, project, runner_options, watch).await?;
    let left = under_lease(&mut runner, project, options).await;
    let is_gone = left.is_ok() && !options.protection_only;
    if is_gone || runner.session().is_closed() {
        // The lease went with the rest, or with its connection: there is nothing to give back.
        return left;
    }
    let released = runner.release().await;
    left.and_then(|report| released.map(|()| report))
}

/// What was decided before is decided anew: somebody may have been at work until the lease
/// was ours, and have protected the database.
async fn under_lease(
    runner: &mut Runner<'_>,
    project: &Project,
    options: &Options,
) -> Result<UninstallReport> {
    runner.check_stop()?;
    let protected = project.protection.on_postgres(runner.session(), true).await?;
    if options.protection_only {
        let report = only_the_mark(&protected, options)?;
        if protected.has_mark() {
            let actor = &project.actor;
            runner.fenced(async |client| protected.unmark_on_postgres(client, actor).await).await?;
        }
        return Ok(report);
    }
    confirmed(&protected, options)?;
    let seen = look(runner.session(), project, options).await?;
    runner.watch().event(about_to_drop(&seen.dropped));
    without_guard(runner).await?;
    let drop_all = async |client: &Client| drop_all(client, project, options, &protected).await;
    let report = runner.fenced(drop_all).await?;
    crash::hit(CrashPoint::UninstallCommitted);
    let guard = seen.dropped.into_iter().filter(|gone| gone.object.contains("cofferdam_guard"));
    Ok(UninstallReport { dropped: guard.chain(report.dropped).collect(), ..report })
}

/// The guard goes first, in transactions of its own: without a ledger it would let nobody through.
async fn without_guard(runner: &mut Runner<'_>) -> Result<()> {
    match guard::standing(runner.session()).await? {
        Some(standing) => take_down(runner, &standing, "guard-remove").await,
        None => Ok(()),
    }
}

/// What would go, with everything that refuses.
async fn look(client: &Client, project: &Project, options: &Options) -> Result<UninstallReport> {
    let history = ledger::postgres::history(client).await?;
    refuse_half_applied(&history)?;
    let tables = tables_of(CREATE, "cofferdam.");
    let rows = client.query(include_str!("sql/foreign_postgres.sql"), &[&tables]).await.db()?;
    refuse_foreign(&rows.iter().map(|row| row.get(0)).collect::<Vec<String>>())?;
    let around = foreign::postgres(client).await?;
    let mut report = UninstallReport::of(&history, &around, project, options);
    if let Some(standing) = guard::standing(client).await? {
        let object = format!("schema cofferdam_guard, the guard of level {}", standing.level);
        report.dropped.push(Dropped { object, rows: None });
    }
    for table in tables {
        let name = QualifiedIdent::new(SCHEMA, table)?;
        let rows = client.query_one(&format!("select count(*) from {name}"), &[]).await.db()?.get(0);
        report.dropped.push(Dropped { object: format!("table {SCHEMA}.{table}"), rows: Some(rows) });
    }
    report.dropped.push(Dropped { object: format!("schema {SCHEMA}"), rows: None });
    Ok(report)
}

/// Everything in one transaction of the caller's; the file is on the disk before it commits.
async fn drop_all(
    client: &Client,
    project: &Project,
    options: &Options,
    protected: &Protected,
) -> Result<UninstallReport> {
    let tables = tables_of(CREATE, "cofferdam.");
    let names: Vec<QualifiedIdent> =
        tables.iter().map(|table| QualifiedIdent::new(SCHEMA, *table)).collect::<Result<_>>()?;
    let list = names.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    client.batch_execute(&format!("lock table {list} in access exclusive mode")).await.map_err(in_use)?;
    // Nobody writes any more: what is seen now is what goes.
    protected.still_holds_on_postgres(client).await?;
    let mut report = look(client, project, options).await?;
    let content = match options.export {
        Some(_) => Some(read(client, project, &tables, &names).await?),
        None => None,
    };
    for name in &names {
        client.batch_execute(&format!("drop table {name}")).await.map_err(dependent)?;
    }
    client.batch_execute("drop schema cofferdam").await.map_err(dependent)?;
    crash::hit(CrashPoint::UninstallDropped);
    if let (Some(path), Some(content)) = (&options.export, content) {
        content.write(path, &options.now)?;
        report.export = Some(path.display().to_string());
    }
    Ok(report)
}

async fn read(
    client: &Client,
    project: &Project,
    tables: &[&str],
    names: &[QualifiedIdent],
) -> Result<Content> {
    client.batch_execute("set local timezone = 'UTC'").await.db()?;
    let mut content = Content { target: project.target.redacted(), tables: Map::new() };
    for (table, name) in tables.iter().zip(names) {
        let sql = format!("select to_jsonb(t)::text from {name} t order by 1");
        let rows = client.query(&sql, &[]).await.db()?;
        let rows = rows.iter().map(|row| serde_json::from_str(row.get(0)));
        let rows: Vec<Value> = rows
            .collect::<std::result::Result<_, _>>()
            .map_err(|error| Error::bug(format!("the server made no JSON: {error}")))?;
        content.tables.insert((*table).to_owned(), Value::Array(rows));
    }
    content.audit(&ledger::postgres::entries(client).await?);
    Ok(content)
}

/// Somebody reads the ledger for long: a dump, perhaps.
fn in_use(error: tokio_postgres::Error) -> Error {
    let locked = error.code() == Some(&SqlState::LOCK_NOT_AVAILABLE);
    let error = db::postgres_error(error);
    if !locked {
        return error;
    }
    Error::blocked("the ledger is in use: somebody has one of its tables locked")
        .hint("wait for that session (a dump, perhaps), then run this again")
        .source(error)
}

/// The server names what depends on ours, and drops nothing.
fn dependent(error: tokio_postgres::Error) -> Error {
    if error.code() != Some(&SqlState::DEPENDENT_OBJECTS_STILL_EXIST) {
        return db::postgres_error(error);
    }
    let said = SqlFailure::from_postgres(&error, "").and_then(|failure| failure.detail).unwrap_or_default();
    let found: Vec<String> = said.lines().map(str::to_owned).collect();
    match refuse_foreign(&found) {
        Err(refused) => refused,
        Ok(()) => db::postgres_error(error),
    }
}
