//! `guard allow`: a window for the team's own tool.

use std::time::Duration;

use cofferdam_analysis::{Error, Result};
use serde_json::json;
use tokio_postgres::Client;

use super::{GuardReport, LONGEST_WINDOW, Level, status};
use crate::Project;
use crate::db::{self, DbResult, PostgresTarget, Session};
use crate::ledger::{self, Protected, guard};

/// For whom a window is opened.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Whom {
    /// The role that this very command logs in as: the team's tool uses the same URL.
    #[default]
    Own,
    /// Another role.
    Role(String),
    /// Every session of the database.
    Everybody,
}

/// A window to be opened, or the end of the open ones.
#[derive(Debug, Clone)]
pub enum AllowOptions {
    /// Lets `whom` through for a time.
    Open {
        /// From a second to [`LONGEST_WINDOW`].
        duration: Duration,
        /// Goes into the audit.
        reason: String,
        /// Who may.
        whom: Whom,
    },
    /// Ends all open windows.
    End,
}

pub(super) async fn run(
    project: &Project,
    target: &PostgresTarget,
    options: &AllowOptions,
) -> Result<GuardReport> {
    if let AllowOptions::Open { duration, .. } = options {
        in_bounds(*duration)?;
    }
    let session = db::connect(target, &project.connect).await?;
    let Some(standing) = guard::standing(&session).await? else {
        return Err(Error::invalid("there is no guard here that a window could be opened in")
            .hint("without a guard nothing is refused; cofferdam guard install puts one up"));
    };
    if standing.level == Level::Privileges {
        let owner = standing.owner_role.unwrap_or_default();
        return Err(Error::invalid(
            "rights cannot be lent for a time: this database is guarded by privileges",
        )
        .hint(format!("run the tool with the URL of a role that is a member of {owner}")));
    }
    let has_ledger = ledger::postgres::exists(&session).await?;
    let protected = project.protection.on_postgres(&session, has_ledger).await?;
    session
        .batch_execute("begin isolation level read committed read write")
        .await
        .map_err(|e| session.error(e))?;
    let written = write(&session, project, &protected, options).await;
    let end = if written.is_ok() { "commit" } else { "rollback" };
    session.batch_execute(end).await.map_err(|e| session.error(e))?;
    written?;
    status::report(&session).await
}

fn in_bounds(duration: Duration) -> Result<()> {
    if duration < Duration::from_secs(1) || duration > LONGEST_WINDOW {
        return Err(Error::invalid("a window lasts from 1s to 24h").hint(
            "a tool that must always get through is no accident: remove the guard, or migrate with cofferdam",
        ));
    }
    Ok(())
}

async fn write(
    session: &Session,
    project: &Project,
    protected: &Protected,
    options: &AllowOptions,
) -> Result<()> {
    let client: &Client = session;
    protected.mark_on_postgres(client, &project.actor).await?;
    match options {
        AllowOptions::Open { duration, reason, whom } => {
            let role = match whom {
                Whom::Own => Some(client.query_one("select session_user::text", &[]).await.db()?.get(0)),
                Whom::Role(role) => Some(role.clone()),
                Whom::Everybody => None,
            };
            if let Some(role) = &role {
                let there = "select exists (select from pg_roles where rolname = $1)";
                if !client.query_one(there, &[role]).await.db()?.get::<_, bool>(0) {
                    return Err(Error::invalid(format!("there is no role {role}")));
                }
            }
            let seconds = duration.as_secs_f64();
            let sql = include_str!("sql/window_open.sql");
            client.query_one(sql, &[&role, reason, &project.actor, &seconds]).await.db()?;
            let detail = json!({"for_s": duration.as_secs(), "reason": reason, "role": role});
            ledger::postgres::audit(client, &project.actor, "guard-allow", &detail.to_string()).await?;
        }
        AllowOptions::End => {
            let ended = client.execute(include_str!("sql/window_end.sql"), &[]).await.db()?;
            let detail = json!({"ended": ended}).to_string();
            ledger::postgres::audit(client, &project.actor, "guard-allow-end", &detail).await?;
        }
    }
    Ok(())
}
