//! `guard status`: what stands, and what is missing.

use cofferdam_analysis::Result;
use cofferdam_analysis::sql::ObjectName;
use tokio_postgres::Client;

use super::plan::{self, EVENT_TRIGGERS, Table};
use super::{GuardReport, Level, Standing, Window, install, privileges};
use crate::Project;
use crate::db::{self, DbResult, PostgresTarget};
use crate::ledger::guard;

pub(super) async fn run(project: &Project, target: &PostgresTarget) -> Result<GuardReport> {
    let session = db::connect(target, &project.connect).await?;
    let report = report(&session).await?;
    session.close().await;
    Ok(report)
}

/// What stands now.
pub(super) async fn report(client: &Client) -> Result<GuardReport> {
    let Some(standing) = guard::standing(client).await? else { return Ok(GuardReport::none()) };
    let mut report = GuardReport {
        installed: true,
        level: standing.level.to_string(),
        app_role: standing.app_role.clone(),
        owner_role: standing.owner_role.clone(),
        ..GuardReport::default()
    };
    own_tables(client, &mut report).await?;
    let tables = tables(client).await?;
    report.tables = tables.iter().filter(|table| !table.ledger).count();
    match standing.level {
        Level::EventTrigger => {
            event_triggers(client, &tables, &mut report).await?;
            if standing.version == guard::VERSION {
                functions(client, &mut report).await?;
            }
        }
        Level::Privileges => privileges::missing(client, &standing, &mut report).await?,
    }
    age(&standing, &mut report);
    report.complete = report.missing.is_empty() && report.uncovered.is_empty();
    Ok(report)
}

async fn event_triggers(client: &Client, tables: &[Table], report: &mut GuardReport) -> Result<()> {
    let (ledger, open): (Vec<&Table>, Vec<&Table>) =
        tables.iter().filter(|table| !table.covered).partition(|table| table.ledger);
    report.uncovered = open.iter().map(|table| table.name.to_string()).collect();
    let ledger = ledger.iter().map(|table| format!("the ledger's table {} can be truncated", table.name));
    report.missing.extend(ledger);
    let standing = standing_event_triggers(client).await?;
    for name in EVENT_TRIGGERS {
        match standing.iter().find(|(stands, _)| stands == name) {
            Some((_, true)) => {}
            Some((_, false)) => report.missing.push(format!("the event trigger {name} is disabled")),
            None => report.missing.push(format!("the event trigger {name} is gone")),
        }
    }
    let sql = "select current_setting('event_triggers', true) = 'off'";
    if client.query_one(sql, &[]).await.db()?.get::<_, Option<bool>>(0) == Some(true) {
        report.missing.push("the server's setting event_triggers is off: nothing is refused".to_owned());
    }
    Ok(())
}

/// The windows, and which of the tables that it needs are not there.
async fn own_tables(client: &Client, report: &mut GuardReport) -> Result<()> {
    let rows = client.query(include_str!("sql/tables_there.sql"), &[]).await.db()?;
    let there: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    for table in plan::TABLES {
        if !there.iter().any(|stands| stands == table) {
            report.missing.push(format!("the table cofferdam_guard.{table} is gone"));
        } else if table == "allowed" {
            report.windows = windows(client).await?;
        }
    }
    Ok(())
}

/// Whether the functions do what they were installed to do.
async fn functions(client: &Client, report: &mut GuardReport) -> Result<()> {
    let rows = client.query(include_str!("sql/functions_there.sql"), &[]).await.db()?;
    let standing: Vec<(String, String)> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    for (name, body) in plan::bodies(install::FUNCTIONS) {
        match standing.iter().find(|(stands, _)| stands == name) {
            Some((_, stands)) if stands == body => {}
            Some(_) => report.missing.push(format!(
                "the function cofferdam_guard.{name} is not the one that this program installs"
            )),
            None => report.missing.push(format!("the function cofferdam_guard.{name} is gone")),
        }
    }
    Ok(())
}

fn age(standing: &Standing, report: &mut GuardReport) {
    if standing.version != guard::VERSION {
        report.missing.push(format!(
            "it is of version {}, and this program writes version {}",
            standing.version,
            guard::VERSION
        ));
    }
    if !standing.complete {
        report.missing.push("installing or removing it did not come to its end".to_owned());
    }
}

/// The guard's event triggers, and whether they fire.
pub(super) async fn standing_event_triggers(client: &Client) -> Result<Vec<(String, bool)>> {
    let rows = client.query(include_str!("sql/event_triggers_there.sql"), &[]).await.db()?;
    Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
}

/// The user's tables and the ledger's.
pub(super) async fn tables(client: &Client) -> Result<Vec<Table>> {
    let rows = client.query(crate::runner::postgres::GUARD_TABLES, &[]).await.db()?;
    let table = |row: &tokio_postgres::Row| Table {
        name: ObjectName::qualified(row.get::<_, String>(0), row.get::<_, String>(1)),
        covered: row.get(2),
        ledger: row.get(4),
    };
    Ok(rows.iter().map(table).collect())
}

async fn windows(client: &Client) -> Result<Vec<Window>> {
    let rows = client.query(include_str!("sql/windows.sql"), &[]).await.db()?;
    let window = |row: &tokio_postgres::Row| Window {
        id: row.get(0),
        role: row.get(1),
        reason: row.get(2),
        opened_by: row.get(3),
        opened_at: row.get(4),
        expires_at: row.get(5),
        remaining_s: row.get(6),
    };
    Ok(rows.iter().map(window).collect())
}
