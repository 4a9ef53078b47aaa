//! The audit of a target, read and verified. Reads only.

use cofferdam_analysis::{Error, Result};
use serde::Serialize;

use crate::Project;
use crate::db::{self, SqliteMode, SqliteOptions, Target};
use crate::ledger::{self, Entry, History, audit};

/// The answer of `audit`.
#[derive(Debug, Clone, Serialize)]
pub struct AuditReport {
    /// How many entries there are.
    pub entries: usize,
    /// Whether the chain and the migrations agree; `false` as well when it was not asked.
    pub verified: bool,
    /// The first entry that is not as it was written.
    pub first_broken: Option<i64>,
    /// What is wrong with it.
    pub reason: Option<String>,
    /// The entries, oldest first.
    pub log: Vec<LogEntry>,
}

/// One entry, for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LogEntry {
    /// From 1.
    pub seq: i64,
    /// UTC.
    pub at: String,
    /// Who.
    pub actor: String,
    /// What.
    pub action: String,
    /// The exact JSON text.
    pub detail: String,
}

/// Reads the audit and checks the chain.
///
/// # Errors
/// `Invalid` when there is no ledger.
pub async fn read(project: &Project) -> Result<AuditReport> {
    let no_ledger = || {
        Error::invalid(format!(
            "{} has no ledger of ours, so there is nothing to audit",
            project.target.redacted()
        ))
        .hint("cofferdam migrate or cofferdam adopt creates it")
    };
    let (entries, history) = match &project.target {
        Target::Postgres(target) => {
            let connect = db::ConnectOptions { allow_standby: true, ..project.connect.clone() };
            let session = db::connect(target, &connect).await?;
            if !ledger::postgres::exists(&session).await? {
                return Err(no_ledger());
            }
            let read =
                (ledger::postgres::entries(&session).await?, ledger::postgres::history(&session).await?);
            session.close().await;
            read
        }
        Target::Sqlite(target) => {
            let db = db::open_sqlite(target, SqliteOptions::new(SqliteMode::ReadOnly))?;
            if !ledger::sqlite::exists(&db)? {
                return Err(no_ledger());
            }
            (ledger::sqlite::entries(&db)?, ledger::sqlite::history(&db)?)
        }
    };
    Ok(report(entries, &history))
}

fn report(entries: Vec<Entry>, history: &History) -> AuditReport {
    let broken = audit::verify(&entries, &history.applied);
    AuditReport {
        entries: entries.len(),
        verified: broken.is_none(),
        first_broken: broken.as_ref().map(|b| b.seq),
        reason: broken.map(|b| b.reason),
        log: entries
            .into_iter()
            .map(|e| LogEntry { seq: e.seq, at: e.at, actor: e.actor, action: e.action, detail: e.detail })
            .collect(),
    }
}
