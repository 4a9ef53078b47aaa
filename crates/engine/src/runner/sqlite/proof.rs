//! Proves that a loss is nobody's: the table is empty, or since this connection made it
//! no other connection has written to the file.

use std::collections::HashMap;

use cofferdam_analysis::sql::{Action, Dialect, ObjectName, Statement, table::TableChange};
use cofferdam_analysis::{NobodysRows, Result};
use rusqlite::Connection;

use super::super::{Job, somebodys_rows};
use crate::db::{DbResult, Ident};

/// A table, or a column of it.
type Thing = ((String, String), Option<String>);

/// What this connection made, each with the file's data version at that time.
/// `pragma data_version` changes when another connection commits, never by our own.
#[derive(Debug, Default)]
pub(super) struct Made {
    committed: HashMap<Thing, i64>,
    open: Vec<(Thing, i64)>,
}

impl Made {
    /// Notes what a statement just made.
    pub(super) fn saw(&mut self, db: &Connection, statement: &Statement) -> Result<()> {
        for action in statement.actions() {
            let thing = match action {
                Action::CreateTable(create) if !create.if_not_exists => {
                    create.name.as_ref().map(|name| (key(name), None))
                }
                Action::CreateTableAs { name, if_not_exists: false, .. } => Some((key(name), None)),
                Action::AlterTable { table, change: TableChange::AddColumn { column, .. }, .. } => {
                    Some((key(table), Some(column.name.to_ascii_lowercase())))
                }
                Action::AlterTable { table, change: TableChange::RenameTo(to), .. } => {
                    let renamed = ObjectName { schema: table.schema.clone(), name: to.clone() };
                    if let Some(version) = self.version(&(key(table), None)) {
                        self.open.push(((key(&renamed), None), version));
                    }
                    None
                }
                _ => None,
            };
            if let Some(thing) = thing {
                self.open.push((thing, data_version(db)?));
            }
        }
        Ok(())
    }

    pub(super) fn committed(&mut self) {
        self.committed.extend(self.open.drain(..));
    }

    pub(super) fn forget_uncommitted(&mut self) {
        self.open.clear();
    }

    fn version(&self, thing: &Thing) -> Option<i64> {
        let open = self.open.iter().rev().find(|(made, _)| made == thing).map(|(_, version)| *version);
        open.or_else(|| self.committed.get(thing).copied())
    }
}

fn key(name: &ObjectName) -> (String, String) {
    name.key(Dialect::Sqlite)
}

fn data_version(db: &Connection) -> Result<i64> {
    db.query_row("pragma data_version", [], |row| row.get(0)).db()
}

/// # Errors
/// `Refused` when a row may be somebody's.
pub(super) fn prove(
    db: &Connection,
    made: &Made,
    job: &Job<'_>,
    statement: &Statement,
    claim: &NobodysRows,
) -> Result<()> {
    for table in &claim.tables {
        let there =
            "select exists (select 1 from sqlite_schema where type = 'table' and name = ?1 collate nocase)";
        if !db.query_row(there, [&table.name], |row| row.get::<_, bool>(0)).db()? {
            continue;
        }
        let thing = (key(table), claim.column.as_ref().map(|c| c.to_ascii_lowercase()));
        let whole = (key(table), None);
        let now = data_version(db)?;
        if made.version(&thing).or_else(|| made.version(&whole)) == Some(now) {
            continue;
        }
        let name = Ident::new(table.name.as_str())?;
        let filled = match &claim.column {
            Some(column) => format!("where {} is not null", Ident::new(column.as_str())?),
            None => String::new(),
        };
        let count: i64 =
            db.query_row(&format!("select count(*) from {name} {filled}"), [], |row| row.get(0)).db()?;
        if count > 0 {
            let what = match &claim.column {
                Some(column) => format!("{table}.{column} ({count} values)"),
                None => format!("{table} ({count} rows)"),
            };
            somebodys_rows(job.script, statement, what)?;
        }
    }
    Ok(())
}
