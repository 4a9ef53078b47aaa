//! Finds the ledgers of other tools.

use std::collections::BTreeSet;

use cofferdam_analysis::sql::Dialect;
use cofferdam_analysis::{Error, Result};
use rusqlite::Connection;
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

use super::{Found, Row, Surroundings, TOOLS, Table, Tool};
use crate::db::{DbResult, Ident, QualifiedIdent};

/// A table with a name that a tool gives to its own.
struct Candidate {
    table: Table,
    columns: BTreeSet<String>,
}

/// Looks around in a Postgres database.
pub async fn postgres(client: &Client) -> Result<Surroundings> {
    let (candidates, user_tables) = candidates(client).await?;
    let mut around = Surroundings { user_tables, ..Surroundings::default() };
    for (tool, table) in told_apart(&candidates, &mut around.unknown) {
        let rows = match tool.select(Dialect::Postgres) {
            Some(select) => {
                let rows = client.query(&filled(select, &table)?, &[]).await;
                let rows = rows.map_err(|error| unreadable(tool, &table, error))?;
                rows.iter().map(|row| (0..row.len()).map(|i| row.get(i)).collect()).collect()
            }
            None => Vec::new(),
        };
        around.foreign.push(Found { tool, table, rows });
    }
    Ok(around)
}

/// What a look around found, in so few words that asking again costs next to nothing: equal
/// stamps mean that nobody wrote another tool's ledger in between.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stamp(Vec<(String, i64, String)>);

/// The stamp of a Postgres database, without reading the ledgers; `None` where one cannot be told.
pub(crate) async fn stamp(client: &Client) -> Result<Option<Stamp>> {
    let (candidates, _) = candidates(client).await?;
    let mut stamp = Vec::new();
    for (_, table) in told_apart(&candidates, &mut Vec::new()) {
        let sql = filled(include_str!("sql/rows_stamp.sql"), &table)?;
        // What cannot be read is the look's to complain about.
        let Ok(row) = client.query_one(&sql, &[]).await else { return Ok(None) };
        stamp.push((qualified(&table)?, row.get(0), row.get(1)));
    }
    Ok(Some(Stamp(stamp)))
}

/// The tables with a tool's name, and whether there are tables of users at all.
async fn candidates(client: &Client) -> Result<(Vec<Candidate>, bool)> {
    let rows = client.query(include_str!("sql/user_tables.sql"), &[&names()]).await.db()?;
    let candidates = rows.iter().filter_map(|row| {
        let columns = row.get::<_, Option<Vec<String>>>(2)?;
        let table = Table { schema: Some(row.get(0)), name: row.get(1) };
        Some(Candidate { table, columns: columns.into_iter().collect() })
    });
    Ok((candidates.collect(), !rows.is_empty()))
}

/// Looks around in a SQLite database.
pub fn sqlite(db: &Connection) -> Result<Surroundings> {
    let mut statement = db.prepare(include_str!("sql/user_tables.sqlite.sql")).db()?;
    let found: Vec<String> =
        statement.query_map([], |row| row.get(0)).db()?.collect::<std::result::Result<_, _>>().db()?;
    let known = names();
    let mut candidates = Vec::new();
    for name in found.iter().filter(|name| known.contains(&name.as_str())) {
        let mut columns = db.prepare("select name from pragma_table_info(?1)").db()?;
        let columns =
            columns.query_map([name], |row| row.get(0)).db()?.collect::<std::result::Result<_, _>>().db()?;
        candidates.push(Candidate { table: Table { schema: None, name: name.clone() }, columns });
    }
    let mut around = Surroundings { user_tables: !found.is_empty(), ..Surroundings::default() };
    for (tool, table) in told_apart(&candidates, &mut around.unknown) {
        let rows = match tool.select(Dialect::Sqlite) {
            Some(select) => sqlite_rows(db, &filled(select, &table)?)?,
            None => Vec::new(),
        };
        around.foreign.push(Found { tool, table, rows });
    }
    Ok(around)
}

/// Why a tool's ledger cannot be read, with the grant where that is what is missing.
fn unreadable(tool: &dyn Tool, table: &Table, error: tokio_postgres::Error) -> Error {
    let no_right = error.code() == Some(&SqlState::INSUFFICIENT_PRIVILEGE);
    let error =
        crate::db::error::postgres(error).while_(format!("cannot read {}'s ledger {table}", tool.name()));
    match qualified(table) {
        Ok(name) if no_right => Error::new(error.kind(), error.message())
            .hint(format!("grant select on {name} to the role that migrates")),
        _ => error,
    }
}

fn sqlite_rows(db: &Connection, select: &str) -> Result<Vec<Row>> {
    let mut statement = db.prepare(select).db()?;
    let columns = statement.column_count();
    let rows = statement.query_map([], |row| (0..columns).map(|i| row.get(i)).collect()).db()?;
    rows.collect::<std::result::Result<_, _>>().db()
}

/// Every name by which a tool is known.
fn names() -> Vec<&'static str> {
    let mut names: Vec<_> = TOOLS.iter().flat_map(|tool| tool.tables()).map(|sign| sign.table).collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// Which tool's each candidate is. Of several schemas the first in the session's search
/// path counts; the query has put them in that order.
fn told_apart(candidates: &[Candidate], unknown: &mut Vec<Table>) -> Vec<(&'static dyn Tool, Table)> {
    let mut found: Vec<(&'static dyn Tool, Table)> = Vec::new();
    for tool in TOOLS {
        if let Some(ledger) = candidates.iter().find(|candidate| is_ledger(tool, candidate, candidates)) {
            // Of two that a table could be of, it is the one's that has more to show: Rails
            // is dbmate with a second table.
            let more = |other: &dyn Tool| other.tables().len() > tool.tables().len();
            if found.iter().any(|(other, table)| *table == ledger.table && more(*other)) {
                continue;
            }
            found.retain(|(other, table)| *table != ledger.table || more(*other));
            found.push((tool, ledger.table.clone()));
        }
    }
    let taken = |candidate: &Candidate| {
        TOOLS
            .iter()
            .any(|tool| tool.tables().iter().any(|sign| sign.fits(&candidate.table.name, &candidate.columns)))
    };
    unknown.extend(candidates.iter().filter(|candidate| !taken(candidate)).map(|c| c.table.clone()));
    found
}

fn is_ledger(tool: &dyn Tool, candidate: &Candidate, all: &[Candidate]) -> bool {
    let Some((ledger, others)) = tool.tables().split_first() else { return false };
    let beside = |sign: &super::Sign| {
        all.iter().any(|other| {
            other.table.schema == candidate.table.schema && sign.fits(&other.table.name, &other.columns)
        })
    };
    ledger.fits(&candidate.table.name, &candidate.columns) && others.iter().all(beside)
}

impl super::Sign {
    fn fits(&self, name: &str, columns: &BTreeSet<String>) -> bool {
        name == self.table
            && self.columns.iter().all(|column| columns.contains(*column))
            && !self.without.iter().any(|column| columns.contains(*column))
    }
}

/// The query with its places filled in.
fn filled(select: &str, table: &Table) -> Result<String> {
    let name = qualified(table)?;
    let schema = match &table.schema {
        Some(schema) => format!("{}.", Ident::new(schema)?),
        None => String::new(),
    };
    Ok(select.replace("{table}", &name).replace("{schema}", &schema))
}

/// The table's name as SQL.
pub(super) fn qualified(table: &Table) -> Result<String> {
    Ok(match &table.schema {
        Some(schema) => QualifiedIdent::new(schema, &table.name)?.to_string(),
        None => Ident::new(&table.name)?.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(name: &str, columns: &[&str]) -> Candidate {
        Candidate {
            table: Table { schema: None, name: name.to_owned() },
            columns: columns.iter().map(|c| (*c).to_owned()).collect(),
        }
    }

    fn tools(candidates: &[Candidate]) -> (Vec<&'static str>, usize) {
        let mut unknown = Vec::new();
        let found = told_apart(candidates, &mut unknown);
        (found.iter().map(|(tool, _)| tool.name()).collect(), unknown.len())
    }

    #[test]
    fn three_tools_of_one_table_name_are_told_apart_by_columns() {
        assert_eq!(tools(&[table("schema_migrations", &["version"])]), (vec!["dbmate"], 0));
        assert_eq!(tools(&[table("schema_migrations", &["version", "dirty"])]), (vec!["golang-migrate"], 0));
        let rails = [
            table("schema_migrations", &["version"]),
            table("ar_internal_metadata", &["key", "value", "created_at", "updated_at"]),
        ];
        assert_eq!(tools(&rails), (vec!["rails"], 0));
        assert_eq!(tools(&[table("schema_migrations", &["id", "when"])]), (vec![], 1));
    }
}
