//! The right to run, with an expiry and a fence.
//!
//! Promise: at most one runner writes. Its heartbeat renews the lease; a runner that
//! cannot (killed, stopped, cut off) loses it, and its fence, the lease's number, no
//! longer matches: every step begins by reading its own fence and ends when it is gone.
//!
//! Nobody waits inside the server: a waiter there would hold a snapshot, and a
//! `create index concurrently` of the holder would wait for the waiter for ever.
//!
//! Crash: a killed holder's lease is taken as soon as its server process is gone, at the
//! latest when it expires after 15 s; its open step was rolled back by the server. A stopped holder's step may still hold the row; the
//! next runner gives it 10 s more and then ends its backend.

use std::time::Duration;

use cofferdam_analysis::{Error, Result};
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

use super::lease_lasts;
use crate::db::{Backend, DbResult, Session};

/// How long past its expiry a step of the former holder may still be open: 10 s.
fn grace() -> Duration {
    lease_lasts() * 2 / 3
}

/// A lease that is ours until somebody raises the fence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease {
    /// Its number.
    pub fence: i64,
}

/// Who holds the lease.
#[derive(Debug, Clone, PartialEq)]
pub struct Holder {
    /// `name@host, pid 123`.
    pub owner: String,
    /// The lease's number.
    pub fence: i64,
    /// Its run.
    pub run_id: Option<i64>,
    /// What it says of its progress.
    pub progress: Option<String>,
    /// Its server process.
    pub backend: Option<Backend>,
    /// Seconds since it expired; negative while it lives.
    pub expired_for: f64,
}

impl std::fmt::Display for Holder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.owner)?;
        match &self.progress {
            Some(progress) => write!(f, ", {progress}"),
            None => Ok(()),
        }
    }
}

/// What came of asking for the lease.
#[derive(Debug, Clone, PartialEq)]
pub enum Taken {
    /// It is ours.
    Ours(Lease),
    /// Somebody else has it.
    Held(Holder),
}

/// Asks for the lease once. Short transactions of its own.
pub(crate) async fn take(client: &Session, owner: &str) -> Result<Taken> {
    let seconds = lease_lasts().as_secs_f64();
    let began = client.backend().started;
    let sql = include_str!("sql/lease_take.sql");
    if let Some(row) = client.query_opt(sql, &[&owner, &seconds, &began]).await.map_err(failed)? {
        return Ok(Taken::Ours(Lease { fence: row.get(0) }));
    }
    match holder(client).await? {
        Some(holder) if holder.expired_for > 0.0 => seize(client, owner, holder).await,
        Some(holder) => match holder.backend {
            // Its connection is gone, so it cannot write any more: no need to wait.
            Some(backend) if !client.is_alive(backend).await? => seize(client, owner, holder).await,
            _ => Ok(Taken::Held(holder)),
        },
        // Given back between the two questions: the next poll gets it.
        None => Ok(Taken::Held(Holder {
            owner: "somebody".to_owned(),
            fence: 0,
            run_id: None,
            progress: None,
            backend: None,
            expired_for: 0.0,
        })),
    }
}

/// Who holds the lease now.
pub(crate) async fn holder(client: &Session) -> Result<Option<Holder>> {
    let row = client.query_opt(include_str!("sql/lease_holder.sql"), &[]).await.map_err(failed)?;
    Ok(row.map(|row| Holder {
        owner: row.get(0),
        fence: row.get(4),
        run_id: row.get(1),
        progress: row.get(2),
        backend: row.get::<_, Option<i32>>(3).zip(row.get(5)).map(|(pid, started)| Backend { pid, started }),
        expired_for: row.get(6),
    }))
}

async fn seize(client: &Session, owner: &str, from: Holder) -> Result<Taken> {
    client.batch_execute("begin").await.db()?;
    let locked = client.query("select from cofferdam.lease for update nowait", &[]).await;
    let held_by_step = match locked {
        Ok(_) => false,
        Err(error) if error.code() == Some(&SqlState::LOCK_NOT_AVAILABLE) => true,
        Err(error) => return Err(failed(error)),
    };
    if held_by_step {
        client.batch_execute("rollback").await.db()?;
        if from.expired_for > grace().as_secs_f64()
            && let Some(backend) = &from.backend
        {
            client.terminate(*backend).await?;
        }
        return Ok(Taken::Held(from));
    }
    let sql = include_str!("sql/lease_seize.sql");
    let (seconds, began) = (lease_lasts().as_secs_f64(), client.backend().started);
    let row = client.query_opt(sql, &[&owner, &seconds, &from.fence, &began]).await.db()?;
    client.batch_execute("commit").await.db()?;
    Ok(match row {
        Some(row) => Taken::Ours(Lease { fence: row.get(0) }),
        None => Taken::Held(from),
    })
}

impl Lease {
    /// Renews it; `false` when it is no longer ours. `progress` is shown to those who wait.
    pub(crate) async fn renew(&self, client: &Session, progress: Option<&str>) -> Result<bool> {
        let sql = include_str!("sql/lease_renew.sql");
        Ok(client.execute(sql, &[&self.fence, &lease_lasts().as_secs_f64(), &progress]).await.db()? == 1)
    }

    /// Gives it back.
    pub(crate) async fn release(&self, client: &Session) -> Result<()> {
        client.execute(include_str!("sql/lease_release.sql"), &[&self.fence]).await.map_err(failed)?;
        Ok(())
    }

    /// The first statement of every step: holds the row until the step ends, so that
    /// nobody can raise the fence under it.
    ///
    /// # Errors
    /// `Interrupted` when the lease was taken over.
    pub(crate) async fn check(&self, client: &Client) -> Result<()> {
        let sql = "select from cofferdam.lease where fence = $1 and owner is not null for key share";
        match client.query_opt(sql, &[&self.fence]).await.map_err(failed)? {
            Some(_) => Ok(()),
            None => Err(lost()),
        }
    }
}

/// The error of a runner whose lease was taken over.
pub(crate) fn lost() -> Error {
    Error::interrupted("another runner took over while this one was stopped or cut off")
        .hint("cofferdam status shows how far it is; nothing of this run was half done")
}

/// The error of a runner whose ledger is gone: somebody ran `uninstall` between.
pub(super) fn uninstalled() -> Error {
    Error::interrupted("another program took the ledger out of the database meanwhile (uninstall)").hint(
        "find out who did, and why, before anything is run here again; \
         cofferdam adopt or cofferdam baseline takes the database under management anew",
    )
}

/// The error of a question that the lease's row did not answer.
fn failed(error: tokio_postgres::Error) -> Error {
    let gone = [SqlState::UNDEFINED_TABLE, SqlState::INVALID_SCHEMA_NAME];
    match error.code() {
        Some(code) if gone.contains(code) => uninstalled(),
        Some(_) | None => crate::db::error::postgres(error),
    }
}
