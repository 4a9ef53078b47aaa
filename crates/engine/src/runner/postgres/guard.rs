//! Taking the guard out of a database: `guard remove` does it, and so does `uninstall`.
//!
//! Tables lose their part a few at a time, each time in a short transaction that waits for its
//! locks as a step does; the rest goes in one transaction, with its audit entry.
//!
//! Crash: before the last transaction the guard stands, on fewer tables, and says that it is not
//! complete; the same command goes on. After it nothing of the guard is left.

use cofferdam_analysis::plan::lock::LockMode;
use cofferdam_analysis::sql::ObjectName;
use cofferdam_analysis::{Error, Result};
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

use super::Runner;
use crate::crash::{self, CrashPoint};
use crate::db::{self, DbResult, QualifiedIdent};
use crate::ledger::guard::{Level, Standing};
use crate::ledger::{self, guard};

/// The user's tables and the ledger's, and whether the guard's trigger stands on them.
pub(crate) const GUARD_TABLES: &str = include_str!("sql/guard_tables.sql");
/// What drops the guard once the tables are free of it.
pub(crate) const GUARD_DROP: &str = include_str!("sql/guard_drop.sql");
/// So many tables are locked together.
pub(crate) const GUARD_TABLES_AT_ONCE: usize = 50;
/// A table may be made while the last ones are cleared.
const ROUNDS: usize = 5;

/// Takes the guard out, and says so in the audit as `action`.
///
/// # Errors
/// `Invalid` for a role that does not own the guard, `Blocked` when a table is in use.
pub(crate) async fn take_down(runner: &mut Runner<'_>, standing: &Standing, action: &str) -> Result<()> {
    refuse_strangers(runner.session(), standing).await?;
    let detail = serde_json::json!({"level": standing.level}).to_string();
    let begin = async |client: &Client| guard::set(client, "complete", "no").await;
    runner.fenced(begin).await?;
    for round in 1.. {
        match standing.level {
            Level::EventTrigger => drop_triggers(runner).await?,
            Level::Privileges => super::owners::give_back(runner).await?,
        }
        let actor = runner.actor.clone();
        let drop_all = async |client: &Client| {
            client.batch_execute(GUARD_DROP).await.map_err(Last::of)?;
            ledger::postgres::audit(client, &actor, action, &detail).await.map_err(Last::For)?;
            crash::hit(CrashPoint::GuardDropped);
            Ok::<(), Last>(())
        };
        let mut again = false;
        let dropped = runner
            .fenced(async |client| match drop_all(client).await {
                Ok(()) => Ok(()),
                Err(Last::InUse(error)) => {
                    again = round < ROUNDS;
                    Err(error)
                }
                Err(Last::For(error)) => Err(error),
            })
            .await;
        match dropped {
            Ok(()) => break,
            Err(_) if again => {}
            Err(error) => return Err(error),
        }
    }
    runner.permit = None;
    crash::hit(CrashPoint::GuardGone);
    Ok(())
}

/// Why the last transaction did not take place.
enum Last {
    /// A table has got its trigger meanwhile.
    InUse(Error),
    For(Error),
}

impl Last {
    fn of(error: tokio_postgres::Error) -> Last {
        let in_use = error.code() == Some(&SqlState::DEPENDENT_OBJECTS_STILL_EXIST);
        let error = db::postgres_error(error);
        if in_use { Last::InUse(error) } else { Last::For(error) }
    }
}

async fn refuse_strangers(client: &Client, standing: &Standing) -> Result<()> {
    let sql = "select pg_has_role($1::text::name, 'usage')";
    if client.query_one(sql, &[&standing.owner]).await.db()?.get(0) {
        return Ok(());
    }
    Err(Error::invalid(format!("the guard belongs to the role {}, and this is another", standing.owner))
        .hint(format!("run cofferdam guard remove as {}", standing.owner)))
}

/// The tables that have the guard's trigger, enabled or not.
async fn covered(client: &Client) -> Result<Vec<ObjectName>> {
    let rows = client.query(GUARD_TABLES, &[]).await.db()?;
    Ok(rows
        .iter()
        .filter(|row| row.get(3))
        .map(|row| ObjectName::qualified(row.get::<_, String>(0), row.get::<_, String>(1)))
        .collect())
}

/// What frees the tables of the guard.
pub(crate) async fn trigger_drops(client: &Client) -> Result<Vec<String>> {
    covered(client).await?.iter().map(trigger_drop).collect()
}

fn trigger_drop(table: &ObjectName) -> Result<String> {
    Ok(format!("drop trigger if exists cofferdam_guard_truncate on {}", QualifiedIdent::of(table)?))
}

async fn drop_triggers(runner: &mut Runner<'_>) -> Result<()> {
    let covered = covered(runner.session()).await?;
    for some in covered.chunks(GUARD_TABLES_AT_ONCE) {
        let work = async |client: &Client| {
            for table in some {
                client.batch_execute(&trigger_drop(table)?).await.db()?;
            }
            Ok(())
        };
        runner.locked(some, LockMode::AccessExclusive, work).await?;
        crash::hit(CrashPoint::GuardGathered);
    }
    Ok(())
}
