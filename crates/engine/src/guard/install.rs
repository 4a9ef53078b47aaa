//! `guard install`.

use cofferdam_analysis::plan::lock::LockMode;
use cofferdam_analysis::sql::ObjectName;
use cofferdam_analysis::{Error, Result};
use serde_json::json;
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

use super::plan::{self, event_triggers, truncate_trigger};
use super::{GuardReport, Level, Options, Standing, privileges, status};
use crate::crash::{self, CrashPoint};
use crate::db::{self, DbResult, Ident, PostgresTarget, Session};
use crate::ledger::{self, Protected, guard};
use crate::runner::postgres::{GUARD_TABLES_AT_ONCE, Runner, RunnerOptions};
use crate::{Project, Watch};

const SCHEMA: &str = include_str!("sql/schema.sql");
pub(super) const FUNCTIONS: &str = include_str!("sql/functions.sql");

/// What the last step writes.
const COMPLETE: &str = "update cofferdam_guard.state set value = 'yes' where key = 'complete'";

/// A table may go while the others are covered.
const ROUNDS: usize = 5;

pub(super) async fn run(
    project: &Project,
    target: &PostgresTarget,
    options: &Options,
    watch: &mut dyn Watch,
) -> Result<GuardReport> {
    let session = db::connect(target, &project.connect).await?;
    if !ledger::postgres::exists(&session).await? {
        return Err(Error::invalid("cannot install the guard: the database has no ledger of ours")
            .hint("first migrate, adopt or baseline, as the role that is to migrate from now on"));
    }
    let protected = project.protection.on_postgres(&session, true).await?;
    let standing = guard::standing(&session).await?;
    let level = level(standing.as_ref(), options)?;
    let wanted = match level {
        Level::EventTrigger => {
            may_make_event_triggers(&session, standing.as_ref(), options).await?;
            None
        }
        Level::Privileges => Some(privileges::preflight(&session, standing.as_ref(), options).await?),
    };
    if options.dry_run {
        let sql = match &wanted {
            None => would_make(&session).await?,
            Some(wanted) => {
                let mut sql = declaration(&session, level).await?;
                sql.extend(wanted.sql());
                sql.push(COMPLETE.to_owned());
                sql.push(
                    "-- not shown: whose everything was and who had which right goes into cofferdam_guard.before, \
                     the names of the roles into cofferdam_guard.state, and the audit gets an entry"
                        .to_owned(),
                );
                sql
            }
        };
        return Ok(GuardReport {
            sql,
            dry_run: true,
            level: level.to_string(),
            ..status::report(&session).await?
        });
    }
    let runner_options =
        RunnerOptions { locks: options.locks, lease_wait: options.lease_wait, stop: options.stop.clone() };
    let mut runner = Runner::start(session, project, runner_options, watch).await?;
    let report = under_lease(&mut runner, project, &protected, wanted.as_ref()).await;
    if !runner.session().is_closed() {
        let released = runner.release().await;
        return report.and_then(|report| released.map(|()| report));
    }
    report
}

async fn under_lease(
    runner: &mut Runner<'_>,
    project: &Project,
    protected: &Protected,
    wanted: Option<&privileges::Wanted>,
) -> Result<GuardReport> {
    runner.protect(protected).await?;
    match wanted {
        None => by_event_triggers(runner, project).await?,
        Some(wanted) => privileges::install(runner, project, wanted, declare).await?,
    }
    status::report(runner.session()).await
}

/// The level asked for, that stands, or the default.
fn level(standing: Option<&Standing>, options: &Options) -> Result<Level> {
    match (standing.map(|standing| standing.level), options.level) {
        (Some(stands), Some(asked)) if stands != asked => {
            Err(Error::refused(format!("cannot install level {asked}: a guard of level {stands} stands"))
                .hint("take it out first: cofferdam guard remove"))
        }
        (Some(level), _) | (None, Some(level)) => Ok(level),
        (None, None) if options.app_role.is_some() => Ok(Level::Privileges),
        (None, None) => Ok(Level::EventTrigger),
    }
}

/// # Errors
/// `Invalid`, with the other level as the way out, where the server refuses an event trigger.
async fn may_make_event_triggers(
    session: &Session,
    standing: Option<&Standing>,
    options: &Options,
) -> Result<()> {
    if let Some(role) = &options.app_role {
        return Err(Error::invalid(format!("--app-role {role} belongs to level privileges"))
            .hint("leave it out, or say --level privileges"));
    }
    if let Some(standing) = standing {
        let sql = "select pg_has_role($1::text::name, 'usage')";
        if !session.query_one(sql, &[&standing.owner]).await.db()?.get::<_, bool>(0) {
            return Err(Error::invalid(format!("the guard belongs to the role {}", standing.owner))
                .hint(format!("repair it as {}", standing.owner)));
        }
    }
    session.batch_execute("begin").await.map_err(|e| session.error(e))?;
    let probed = session.batch_execute(include_str!("sql/probe.sql")).await;
    session.batch_execute("rollback").await.map_err(|e| session.error(e))?;
    match probed {
        Ok(()) => Ok(()),
        Err(error) if error.code() == Some(&SqlState::INSUFFICIENT_PRIVILEGE) => Err(Error::invalid(format!(
            "cannot install the guard by event triggers: the role {} may not make one",
            session.role()
        ))
        .detail(
            "an event trigger needs a superuser, or the role that a provider puts in its place (rds_superuser \
             and its like); nothing was changed",
        )
        .hint(
            "as a superuser, the same command; or the stronger way without one: \
             cofferdam guard install --level privileges --app-role ROLE, where ROLE is what the application logs in as",
        )),
        Err(error) => Err(db::postgres_error(error)),
    }
}

/// What `--dry-run` shows.
async fn would_make(client: &Client) -> Result<Vec<String>> {
    let mut sql = declaration(client, Level::EventTrigger).await?;
    sql.extend(event_triggers(&status::standing_event_triggers(client).await?));
    for table in status::tables(client).await?.iter().filter(|table| !table.covered) {
        sql.push(truncate_trigger(&table.name)?);
    }
    sql.push(COMPLETE.to_owned());
    sql.push("-- not shown: the lease is taken and given back, and the audit gets an entry".to_owned());
    Ok(sql)
}

/// [`declare`] as text.
async fn declaration(client: &Client, level: Level) -> Result<Vec<String>> {
    let version = guard::VERSION;
    let mut sql = vec![plan::shown(SCHEMA), plan::shown(FUNCTIONS)];
    sql.push(format!(
        "insert into cofferdam_guard.state (key, value) values ('level', '{level}'), ('version', '{version}'), \
         ('complete', 'no') on conflict (key) do update set value = excluded.value"
    ));
    sql.extend(lets_ledger_owner(client).await?);
    Ok(sql)
}

/// The guard's schema, tables and functions, and its state; in the caller's transaction.
pub(super) async fn declare(client: &Client, level: Level) -> Result<()> {
    client.batch_execute(SCHEMA).await.db()?;
    client.batch_execute(FUNCTIONS).await.db()?;
    guard::set(client, "level", level.as_str()).await?;
    guard::set(client, "version", &guard::VERSION.to_string()).await?;
    guard::set(client, "complete", "no").await?;
    match lets_ledger_owner(client).await? {
        Some(grants) => client.batch_execute(&grants).await.db(),
        None => Ok(()),
    }
}

/// A superuser may install it for a role that migrates.
async fn lets_ledger_owner(client: &Client) -> Result<Option<String>> {
    if let Some(row) = client.query_opt(include_str!("sql/lets_ledger_owner.sql"), &[]).await.db()? {
        let role = Ident::new(row.get::<_, String>(0))?;
        return Ok(Some(format!(
            "grant usage on schema cofferdam_guard to {role};
             grant select on cofferdam_guard.state to {role};
             grant select, insert, delete on cofferdam_guard.permit to {role};
             grant select, insert, update on cofferdam_guard.allowed to {role}"
        )));
    }
    Ok(None)
}

/// First what sees new tables, then a trigger for each that stands: none slips through between.
async fn by_event_triggers(runner: &mut Runner<'_>, project: &Project) -> Result<()> {
    runner
        .fenced(async |client| {
            declare(client, Level::EventTrigger).await?;
            for sql in event_triggers(&status::standing_event_triggers(client).await?) {
                client.batch_execute(&sql).await.db()?;
            }
            let detail = json!({"level": Level::EventTrigger, "version": guard::VERSION}).to_string();
            ledger::postgres::audit(client, &project.actor, "guard-install", &detail).await?;
            crash::hit(CrashPoint::GuardDeclared);
            Ok(())
        })
        .await?;
    crash::hit(CrashPoint::GuardCommitted);
    for round in 1.. {
        match cover(runner).await {
            Ok(()) => break,
            // A table went meanwhile: look again.
            Err(error) if round < ROUNDS && !runner.session().is_closed() && is_gone(&error) => {}
            Err(error) => return Err(error),
        }
    }
    runner.fenced(async |client| guard::set(client, "complete", "yes").await).await
}

fn is_gone(error: &Error) -> bool {
    std::error::Error::source(error)
        .and_then(|source| source.downcast_ref::<tokio_postgres::Error>())
        .is_some_and(|error| error.code() == Some(&SqlState::UNDEFINED_TABLE))
}

async fn cover(runner: &mut Runner<'_>) -> Result<()> {
    let tables = status::tables(runner.session()).await?;
    let open: Vec<ObjectName> =
        tables.into_iter().filter(|table| !table.covered).map(|table| table.name).collect();
    for some in open.chunks(GUARD_TABLES_AT_ONCE) {
        let work = async |client: &Client| {
            for table in some {
                client.batch_execute(&truncate_trigger(table)?).await.db()?;
            }
            Ok(())
        };
        runner.locked(some, LockMode::ShareRowExclusive, work).await?;
        crash::hit(CrashPoint::GuardSpread);
    }
    Ok(())
}
