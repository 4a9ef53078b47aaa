//! The ledger in Postgres: schema `cofferdam`.
//!
//! Functions that write expect an open transaction of the caller's on `client`,
//! except where they say that they are one themselves.

use cofferdam_analysis::{Error, Result};
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

use super::{
    Applied, Entry, History, Kind, NewMigration, Run, RunState, Step, StepState, VERSION, audit, damaged,
    too_new,
};
use crate::db::{Backend, DbResult, Poll};

/// Serialises creation and upgrade of the ledger among all programs: BLAKE3("cofferdam ledger"), first 8 bytes.
const ADVISORY_KEY: i64 = 0x0c0f_fe2d_a317_0001;

/// Whether the ledger is there.
///
/// # Errors
/// `Invalid` when a newer program wrote it, `Corrupt` when it has no version.
pub async fn exists(client: &Client) -> Result<bool> {
    let there: bool =
        client.query_one("select to_regclass('cofferdam.meta') is not null", &[]).await.db()?.get(0);
    if !there {
        return Ok(false);
    }
    let row =
        client.query_opt("select value from cofferdam.meta where key = 'ledger_version'", &[]).await.db()?;
    let version = row.and_then(|row| row.get::<_, String>(0).parse::<i64>().ok());
    match version {
        Some(version) if version > VERSION => Err(too_new(version)),
        Some(_) => Ok(true),
        None => Err(damaged("no version".to_owned())),
    }
}

/// Creates the ledger unless it is there. One transaction of its own.
///
/// Twenty programs that start at once take turns by a polled advisory lock; one that
/// loses the race in spite of it (an older program without the lock) reads again.
///
/// # Errors
/// `Invalid` naming the grant when the role may not create a schema.
pub async fn create(client: &Client, actor: &str) -> Result<()> {
    let mut poll = Poll::new(std::time::Duration::from_millis(50), std::time::Duration::from_secs(60));
    while !exists(client).await? {
        client.batch_execute("begin").await.db()?;
        let result = try_create(client, actor).await;
        let end = if matches!(result, Ok(true)) { "commit" } else { "rollback" };
        let ended = client.batch_execute(end).await;
        match result {
            Ok(true) => return ended.db(),
            Ok(false) => ended.db()?,
            Err(error) => return Err(error),
        }
        if !poll.pause().await {
            return Err(Error::blocked("somebody else has been creating the ledger for a minute")
                .hint("look for another cofferdam at work on this database"));
        }
    }
    Ok(())
}

/// Creates the ledger and does `work` in the same transaction; `None` where one is there
/// already, and then nothing was done.
///
/// # Errors
/// As [`create`], and those of `work`, after which there is no ledger.
pub async fn create_with<T>(
    client: &Client,
    actor: &str,
    work: impl AsyncFnOnce(&Client) -> Result<T>,
) -> Result<Option<T>> {
    let mut poll = Poll::new(std::time::Duration::from_millis(50), std::time::Duration::from_secs(60));
    while !exists(client).await? {
        client.batch_execute("begin isolation level read committed read write").await.db()?;
        let result = match try_create(client, actor).await {
            Ok(true) => work(client).await,
            Ok(false) => {
                client.batch_execute("rollback").await.db()?;
                if poll.pause().await {
                    continue;
                }
                return Err(Error::blocked("somebody else has been creating the ledger for a minute")
                    .hint("look for another cofferdam at work on this database"));
            }
            Err(error) => Err(error),
        };
        return match result {
            Ok(value) => client.batch_execute("commit").await.db().map(|()| Some(value)),
            Err(error) => {
                // The connection may be gone; then the server has rolled back.
                let _ = client.batch_execute("rollback").await;
                Err(error)
            }
        };
    }
    Ok(None)
}

/// `false`: somebody else is at it, or was faster.
async fn try_create(client: &Client, actor: &str) -> Result<bool> {
    let got: bool =
        client.query_one("select pg_try_advisory_xact_lock($1)", &[&ADVISORY_KEY]).await.db()?.get(0);
    if !got {
        return Ok(false);
    }
    // Asked before: a transaction that failed answers nothing.
    let grant: String = client.query_one(include_str!("sql/postgres_grant.sql"), &[]).await.db()?.get(0);
    if let Err(error) = client.batch_execute(include_str!("sql/create_postgres.sql")).await {
        let raced = [SqlState::UNIQUE_VIOLATION, SqlState::DUPLICATE_SCHEMA, SqlState::DUPLICATE_TABLE];
        if error.code().is_some_and(|code| raced.contains(code)) {
            return Ok(false);
        }
        let no_right = error.code() == Some(&SqlState::INSUFFICIENT_PRIVILEGE);
        let error = crate::db::error::postgres(error).while_("cannot create the ledger (schema cofferdam)");
        // The grant by its name instead of the usual advice, which would come first.
        let hint = format!("{grant}, as the database's owner or a superuser; then run this again");
        return Err(if no_right { Error::new(error.kind(), error.message()).hint(hint) } else { error });
    }
    let detail = serde_json::json!({"ledger_version": VERSION, "program": env!("CARGO_PKG_VERSION")});
    audit(client, actor, "create-ledger", &detail.to_string()).await?;
    Ok(true)
}

/// What is applied, and the run to go on with. Reads only.
pub async fn history(client: &Client) -> Result<History> {
    let mut applied = Vec::new();
    for row in client.query(include_str!("sql/postgres_applied.sql"), &[]).await.db()? {
        applied.push(Applied {
            seq: row.get(0),
            source: row.get(1),
            version: row.get(2),
            name: row.get(3),
            kind: Kind::parse(row.get(4))?,
            checksum: super::checksum(row.get(5))?,
            foreign_checksum: row.get(6),
            applied_at: row.get(7),
            duration_ms: row.get(8),
            run_id: row.get(9),
            audit_seq: row.get(10),
        });
    }
    let open_run = match client.query_opt(include_str!("sql/postgres_open_run.sql"), &[]).await.db()? {
        Some(row) => {
            let (id, state) = (row.get(0), RunState::parse(row.get(2))?);
            if state.is_open() {
                Some(Run {
                    id,
                    command: row.get(1),
                    state,
                    error: row.get(3),
                    steps: steps(client, id).await?,
                })
            } else {
                None
            }
        }
        None => None,
    };
    Ok(History { applied, open_run })
}

async fn steps(client: &Client, run: i64) -> Result<Vec<Step>> {
    let rows = client.query(include_str!("sql/postgres_steps.sql"), &[&run]).await.db()?;
    rows.iter()
        .map(|row| {
            let backend = match (row.get(4), row.get(5)) {
                (Some(pid), Some(started)) => Some(Backend { pid, started }),
                _ => None,
            };
            Ok(Step {
                id: row.get(0),
                hash: row.get(1),
                state: StepState::parse(row.get(2))?,
                xid: row.get(3),
                backend,
                outcome: row.get(6),
            })
        })
        .collect()
}

/// What `meta` has under this key.
pub async fn meta(client: &Client, key: &str) -> Result<Option<String>> {
    let sql = "select value from cofferdam.meta where key = $1";
    Ok(client.query_opt(sql, &[&key]).await.db()?.map(|row| row.get(0)))
}

/// Writes `value` under this key into `meta`.
pub async fn set_meta(client: &Client, key: &str, value: &str) -> Result<()> {
    let sql = "insert into cofferdam.meta (key, value) values ($1, $2)
               on conflict (key) do update set value = excluded.value";
    client.execute(sql, &[&key, &value]).await.db()?;
    Ok(())
}

/// Takes this key out of `meta`.
pub async fn remove_meta(client: &Client, key: &str) -> Result<()> {
    client.execute("delete from cofferdam.meta where key = $1", &[&key]).await.db()?;
    Ok(())
}

/// Opens a run and returns its number.
pub async fn begin_run(client: &Client, command: &str, plan: &str) -> Result<i64> {
    let sql = "insert into cofferdam.run (command, plan, state) values ($1, $2, 'running') returning id";
    Ok(client.query_one(sql, &[&command, &plan]).await.db()?.get(0))
}

/// Moves a run to `state`; `error` says why it failed.
pub async fn end_run(client: &Client, run: i64, state: RunState, error: Option<&str>) -> Result<()> {
    let sql = "update cofferdam.run
               set state = $2, error = $3, ended_at = case when $2 <> 'running' then clock_timestamp() end
               where id = $1";
    client.execute(sql, &[&run, &state.as_str(), &error]).await.db()?;
    Ok(())
}

/// Writes a step's row; a step that is done names the transaction it is done in.
pub async fn save_step(
    client: &Client,
    run: i64,
    id: &str,
    hash: &[u8],
    state: StepState,
    in_transaction: bool,
    outcome: Option<&str>,
) -> Result<()> {
    let sql = include_str!("sql/postgres_save_step.sql");
    client.execute(sql, &[&run, &id, &hash, &state.as_str(), &in_transaction, &outcome]).await.db()?;
    Ok(())
}

/// Records migrations together with the audit entry that tells of them.
///
/// `detail` is a JSON object; the migrations are added to it as `recorded`.
pub async fn record(
    client: &Client,
    actor: &str,
    action: &str,
    migrations: &[NewMigration<'_>],
    mut detail: serde_json::Value,
) -> Result<i64> {
    detail["recorded"] = migrations.iter().map(NewMigration::told).collect();
    let audit_seq = audit(client, actor, action, &detail.to_string()).await?;
    let statement = client.prepare(include_str!("sql/postgres_save_migration.sql")).await.db()?;
    for m in migrations {
        let checksum = m.checksum.map(|c| c.as_bytes().to_vec());
        client
            .execute(
                &statement,
                &[
                    &m.source,
                    &m.version,
                    &m.name,
                    &m.kind.as_str(),
                    &checksum,
                    &m.foreign_checksum,
                    &m.duration_ms,
                    &m.run_id,
                    &audit_seq,
                ],
            )
            .await
            .db()?;
    }
    Ok(audit_seq)
}

/// Takes a migration's row out, and says so in the audit.
pub async fn remove(
    client: &Client,
    actor: &str,
    action: &str,
    (source, version): (&str, &str),
    mut detail: serde_json::Value,
) -> Result<()> {
    detail["removed"] = serde_json::json!([{"source": source, "version": version}]);
    let sql = "delete from cofferdam.migration where source = $1 and version = $2";
    client.execute(sql, &[&source, &version]).await.db()?;
    audit(client, actor, action, &detail.to_string()).await?;
    Ok(())
}

/// Adds an audit entry and returns its number.
///
/// Two writers cannot both follow one entry; the loser steps back to its savepoint and
/// follows the winner. The transaction must be read committed.
pub async fn audit(client: &Client, actor: &str, action: &str, detail: &str) -> Result<i64> {
    for _ in 0..100 {
        let row = client.query_one(include_str!("sql/postgres_audit_tip.sql"), &[]).await.db()?;
        let tip: Option<(i64, Vec<u8>)> = row.get::<_, Option<i64>>(0).zip(row.get(1));
        let (at, login): (String, String) = (row.get(2), row.get(3));
        let entry = audit::next(tip, &at, &format!("{actor} as {login}"), action, detail)?;
        client.batch_execute("savepoint cofferdam_audit").await.db()?;
        let sql = include_str!("sql/postgres_audit_add.sql");
        let added = client
            .execute(
                sql,
                &[
                    &entry.seq,
                    &entry.at,
                    &entry.actor,
                    &entry.action,
                    &entry.detail,
                    &entry.prev,
                    &entry.hash,
                ],
            )
            .await;
        match added {
            Ok(_) => {
                client.batch_execute("release savepoint cofferdam_audit").await.db()?;
                return Ok(entry.seq);
            }
            Err(error) if error.code() == Some(&SqlState::UNIQUE_VIOLATION) => {
                client.batch_execute("rollback to savepoint cofferdam_audit").await.db()?;
            }
            Err(error) => return Err(crate::db::error::postgres(error)),
        }
    }
    Err(Error::blocked("others have been writing the audit all the time").hint("run this again"))
}

/// The whole chain, oldest first.
pub async fn entries(client: &Client) -> Result<Vec<Entry>> {
    let rows = client.query(include_str!("sql/postgres_audit.sql"), &[]).await.db()?;
    Ok(rows
        .iter()
        .map(|row| Entry {
            seq: row.get(0),
            at: row.get(1),
            actor: row.get(2),
            action: row.get(3),
            detail: row.get(4),
            prev: row.get(5),
            hash: row.get(6),
        })
        .collect())
}
