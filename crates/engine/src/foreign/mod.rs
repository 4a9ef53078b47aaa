//! Other tools' ledgers, read where they stand. Nothing is written to them.

mod sqlx;

use cofferdam_analysis::{Error, Result};
use rusqlite::Connection;
use tokio_postgres::Client;

pub use sqlx::{Row as SqlxRow, compare as compare_sqlx};

use crate::db::DbResult;
use crate::folder::{Folder, Format};
use crate::ledger::History;

/// A ledger of another tool, found in a target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The tool.
    pub tool: &'static str,
    /// Its table, for people.
    pub table: &'static str,
    /// Its rows, for the tools whose history can be adopted.
    pub rows: Option<Vec<SqlxRow>>,
}

/// Tables by which tools are known; sources: the tools' own schemas.
const KNOWN: [(&str, &str); 12] = [
    ("sqlx", "_sqlx_migrations"),
    ("prisma", "_prisma_migrations"),
    ("flyway", "flyway_schema_history"),
    ("refinery", "refinery_schema_history"),
    ("goose", "goose_db_version"),
    ("diesel", "__diesel_schema_migrations"),
    ("django", "django_migrations"),
    ("alembic", "alembic_version"),
    ("knex", "knex_migrations"),
    ("liquibase", "databasechangelog"),
    ("drizzle", "__drizzle_migrations"),
    ("dbmate, golang-migrate or rails", "schema_migrations"),
];

/// What a Postgres database holds beside our ledger.
#[derive(Debug, Clone, Default)]
pub struct Surroundings {
    /// It has tables of users; members of extensions do not count.
    pub user_tables: bool,
    /// Ledgers of other tools.
    pub foreign: Vec<Found>,
}

/// Looks around in a Postgres database.
pub async fn postgres(client: &Client) -> Result<Surroundings> {
    let rows = client.query(include_str!("sql/user_tables.sql"), &[]).await.db()?;
    let names: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    let mut around = Surroundings { user_tables: !names.is_empty(), foreign: Vec::new() };
    for (tool, table) in known(&names) {
        let rows = if tool == "sqlx" { Some(sqlx::postgres(client).await?) } else { None };
        around.foreign.push(Found { tool, table, rows });
    }
    Ok(around)
}

/// Looks around in a SQLite database.
pub fn sqlite(db: &Connection) -> Result<Surroundings> {
    let sql = "select name from pragma_table_list
               where schema = 'main' and type in ('table', 'virtual')
                 and name not like 'sqlite\\_%' escape '\\' and name not like '\\_cofferdam\\_%' escape '\\'";
    let mut statement = db.prepare(sql).db()?;
    let names: Vec<String> =
        statement.query_map([], |row| row.get(0)).db()?.collect::<std::result::Result<_, _>>().db()?;
    let mut around = Surroundings { user_tables: !names.is_empty(), foreign: Vec::new() };
    for (tool, table) in known(&names) {
        let rows = if tool == "sqlx" { Some(sqlx::sqlite(db)?) } else { None };
        around.foreign.push(Found { tool, table, rows });
    }
    Ok(around)
}

fn known(names: &[String]) -> Vec<(&'static str, &'static str)> {
    KNOWN.into_iter().filter(|(_, table)| names.iter().any(|name| name == table)).collect()
}

impl Surroundings {
    /// The ledger of this tool.
    pub fn of(&self, tool: &str) -> Option<&Found> {
        self.foreign.iter().find(|found| found.tool == tool)
    }
}

/// Keeps our first migration away from a database that somebody else manages, or nobody.
///
/// # Errors
/// `Refused`, with the command that takes it over.
pub fn refuse_unmanaged(
    around: &Surroundings,
    has_ledger: bool,
    history: &History,
    folder: &Folder,
) -> Result<()> {
    if let (Format::Sqlx, Some(Found { rows: Some(rows), .. })) = (folder.format, around.of("sqlx"))
        && let Some(row) = rows.iter().find(|row| !history.knows(&row.version.to_string()))
    {
        return Err(Error::refused(format!(
            "cannot migrate: sqlx has applied {} ({}), which our ledger does not know",
            row.version, row.description
        ))
        .hint("cofferdam adopt takes its history over, in place"));
    }
    if has_ledger || !around.user_tables {
        return Ok(());
    }
    let refused = Error::refused(
        "cannot migrate: the database has tables, and no ledger of ours says where they come from",
    );
    Err(match around.foreign.first() {
        Some(found) if found.tool == "sqlx" => refused
            .detail(format!("{} of sqlx is there", found.table))
            .hint("cofferdam adopt takes its history over, in place"),
        Some(found) => refused
            .detail(format!(
                "{} of {} is there, whose history this version cannot take over",
                found.table, found.tool
            ))
            .hint("cofferdam adopt --none starts a ledger that counts nothing as applied"),
        None => refused.hint("cofferdam adopt --none starts a ledger that counts nothing as applied"),
    })
}
