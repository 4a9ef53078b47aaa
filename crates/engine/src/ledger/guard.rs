//! What stands of the guard against accidents in a database.
//!
//! The guard lives in a schema of its own, `cofferdam_guard`, so that no `drop schema cofferdam
//! cascade` takes it along; whatever it has elsewhere is named `cofferdam_guard_*`.

use std::fmt;

use cofferdam_analysis::{Error, Result};
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

use super::damaged;
use crate::db::DbResult;

/// The version of the guard's functions and tables that this program writes.
pub const VERSION: i64 = 2;

/// How a database is guarded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// Event triggers refuse drops, and truncate triggers on every table.
    EventTrigger,
    /// The tables belong to a role that nobody logs in as; the application has no right to drop.
    Privileges,
}

impl Level {
    /// As the command line and the state's row write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Level::EventTrigger => "event-trigger",
            Level::Privileges => "privileges",
        }
    }

    /// The level of that name.
    pub fn parse(text: &str) -> Option<Level> {
        [Level::EventTrigger, Level::Privileges].into_iter().find(|level| level.as_str() == text)
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A guard that was installed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// How it guards.
    pub level: Level,
    /// Of its functions and tables.
    pub version: i64,
    /// Whether installing came to its end; a crash leaves it `false`, and so does a removal's.
    pub complete: bool,
    /// The application's role, at level `privileges`.
    pub app_role: Option<String>,
    /// Who owns the tables, at level `privileges`.
    pub owner_role: Option<String>,
    /// Who may take it out: the owner of its schema.
    pub owner: String,
}

/// The guard of this database, if there is one.
///
/// # Errors
/// `Corrupt` for a state that makes no sense; those of the connection.
pub async fn standing(client: &Client) -> Result<Option<Standing>> {
    let sql = include_str!("sql/guard_schema.sql");
    let Some(row) = client.query_opt(sql, &[]).await.db()? else { return Ok(None) };
    let owner: String = row.get(0);
    let rows = match client.query("select key, value from cofferdam_guard.state", &[]).await {
        Err(error) if error.code() == Some(&SqlState::INSUFFICIENT_PRIVILEGE) => {
            return Err(Error::invalid(format!(
                "a guard stands, and only its owner, the role {owner}, may read what it is"
            ))
            .hint(format!(
                "run this as {owner}; or let it say: grant usage on schema cofferdam_guard to ROLE; \
                 grant select on cofferdam_guard.state, cofferdam_guard.allowed to ROLE"
            ))
            .source(error));
        }
        rows => rows.db()?,
    };
    let value = |key: &str| rows.iter().find(|row| row.get::<_, &str>(0) == key).map(|row| row.get(1));
    let level: Option<String> = value("level");
    let Some(level) = level.as_deref().and_then(Level::parse) else {
        return Err(damaged("a guard of an unknown level".to_owned()));
    };
    Ok(Some(Standing {
        level,
        version: value("version").and_then(|text: String| text.parse().ok()).unwrap_or(0),
        complete: value("complete").is_some_and(|text: String| text == "yes"),
        app_role: value("app_role"),
        owner_role: value("owner_role"),
        owner,
    }))
}

/// Writes one row of the state.
pub(crate) async fn set(client: &Client, key: &str, value: &str) -> Result<()> {
    let sql = "insert into cofferdam_guard.state (key, value) values ($1, $2)
               on conflict (key) do update set value = excluded.value";
    client.execute(sql, &[&key, &value]).await.db()?;
    Ok(())
}
