//! The facts of a Postgres database.

use cofferdam_analysis::checklist::{Backup, Facts, Leftover, Pool, Session as Held, Space, TableSize};
use cofferdam_analysis::plan::lock::LockMode;
use cofferdam_analysis::{Error, Result};
use tokio_postgres::Client;

use super::{Ask, NeededTable, open_run};
use crate::Project;
use crate::db::{self, DbResult, PostgresTarget, QualifiedIdent, Session};
use crate::ledger;

pub(super) async fn facts(project: &Project, target: &PostgresTarget, ask: &Ask) -> Result<Facts> {
    let connect = db::ConnectOptions { allow_standby: true, ..project.connect.clone() };
    let session = db::connect(target, &connect).await?;
    let client: &Client = &session;
    client.batch_execute("begin isolation level read committed read only").await.db()?;
    db::Guard::default().on(&session).apply(client).await?;
    let read = read(&session, target, ask).await;
    // Nothing was written; what was read counts, or why it could not be.
    let _ = client.batch_execute("rollback").await;
    let facts = read?;
    session.close().await;
    Ok(facts)
}

async fn read(session: &Session, target: &PostgresTarget, ask: &Ask) -> Result<Facts> {
    let (sessions, hidden) = in_the_way(session, ask).await?;
    let mut facts = Facts {
        backup: Backup { newest: None, command: dump(session, target) },
        space: space(session, ask).await?,
        leftovers: leftovers(session).await?,
        sessions: Some(sessions),
        hidden,
        role: session.role().to_owned(),
        pool: Some(pool(session).await?),
        ..Facts::default()
    };
    if ledger::postgres::exists(session).await? {
        let name = session.query_opt(include_str!("sql/database_id_postgres.sql"), &[]).await.db()?;
        facts.database = name.map(|row| row.get(0));
        facts.leftovers.extend(open_run(&ledger::postgres::history(session).await?));
    }
    Ok(facts)
}

/// The command that takes a backup; a password is asked for or comes from where libpq finds it.
fn dump(session: &Session, target: &PostgresTarget) -> String {
    let database = session.database();
    let (host, port) = session.label().rsplit_once(':').unwrap_or((session.label(), "5432"));
    let user = target.user().unwrap_or(session.role());
    let word = super::sqlite::shell_word;
    format!(
        "pg_dump --format=custom --file={} --host={} --port={} --username={} {}",
        word(&format!("{database}.dump")),
        word(host.trim_start_matches('[').trim_end_matches(']')),
        word(port),
        word(user),
        word(database)
    )
}

async fn space(client: &Client, ask: &Ask) -> Result<Space> {
    let database: i64 = client.query_one(include_str!("sql/database_size.sql"), &[]).await.db()?.get(0);
    // Of a table that is only written to, the size says nothing.
    let heavy: Vec<&NeededTable> =
        ask.tables.iter().filter(|table| table.mode.is_strong() || table.rewritten == Some(true)).collect();
    let names = names(heavy.iter().copied())?;
    let rows = client.query(include_str!("sql/table_sizes.sql"), &[&names]).await.db()?;
    let tables = rows.iter().filter_map(|row| {
        let at: i64 = row.get(0);
        let table = heavy.get(usize::try_from(at).ok()?.checked_sub(1)?)?;
        Some(TableSize {
            table: table.shown(),
            bytes: unsigned(row.get(1)),
            exact: row.get(2),
            rewritten: table.rewritten,
        })
    });
    Ok(Space { database_bytes: unsigned(database), tables: tables.collect(), disk: None })
}

fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or_default()
}

/// Names as `to_regclass` reads them.
fn names<'a>(tables: impl Iterator<Item = &'a NeededTable>) -> Result<Vec<String>> {
    tables.map(|t| QualifiedIdent::new(&*t.schema, &*t.name).map(|name| name.to_string())).collect()
}

async fn leftovers(client: &Client) -> Result<Vec<Leftover>> {
    let rows = client.query(include_str!("sql/leftovers.sql"), &[]).await.db()?;
    rows.iter()
        .map(|row| {
            let (kind, name, on): (String, String, Option<String>) = (row.get(0), row.get(1), row.get(2));
            let on = on.map(|on| format!(" on `{on}`")).unwrap_or_default();
            let advice = match kind.as_str() {
                "invalid index" => format!("drop it and make it again: `drop index concurrently {name}`"),
                "index with parts missing" => "attach an index of every partition, or drop it".to_owned(),
                "constraint not validated" => {
                    "new rows are checked, old ones are not: `alter table .. validate constraint ..`"
                        .to_owned()
                }
                "prepared transaction" => {
                    "it keeps its locks for ever: `commit prepared` or `rollback prepared`".to_owned()
                }
                other => return Err(Error::bug(format!("a leftover of unknown kind `{other}`"))),
            };
            Ok(Leftover { what: format!("{kind} `{name}`{on}"), advice })
        })
        .collect()
}

/// Who has a long transaction or a lock in the way, and how many hide what they do.
async fn in_the_way(client: &Client, ask: &Ask) -> Result<(Vec<Held>, u64)> {
    let mut tables = Vec::new();
    let mut modes = Vec::new();
    for table in &ask.tables {
        let name = names(std::iter::once(table))?.remove(0);
        for mode in LockMode::ALL.into_iter().filter(|mode| table.mode.conflicts_with(*mode)) {
            tables.push(name.clone());
            modes.push(format!("{}Lock", mode.as_str()));
        }
    }
    let seconds = ask.long_after.as_secs_f64();
    let rows = client.query(include_str!("sql/sessions.sql"), &[&tables, &modes, &seconds]).await.db()?;
    let sessions = rows.iter().map(|row| Held {
        pid: row.get(0),
        user: row.get(1),
        application: row.get(2),
        seconds: unsigned(row.get(3)),
        state: row.get(4),
        query: row.get(5),
        holds: row.get(6),
    });
    let hidden: i64 = client.query_one(include_str!("sql/hidden.sql"), &[]).await.db()?.get(0);
    Ok((sessions.collect(), unsigned(hidden)))
}

async fn pool(session: &Session) -> Result<Pool> {
    let row = session.query_one(include_str!("sql/connections.sql"), &[]).await.db()?;
    Ok(Pool {
        used: unsigned(row.get(0)),
        max: unsigned(row.get(1)),
        reserved: unsigned(row.get(2)),
        idle_in_transaction: unsigned(row.get(3)),
        pooler: session.pooler().map(|pooler| pooler.evidence.clone()),
    })
}
