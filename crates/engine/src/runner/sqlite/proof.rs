//! Proves that a loss is nobody's: the table is empty, or since this connection made it
//! no other connection has written to the file.
//!
//! What a connection knows dies with it. So each step that commits also leaves what the
//! tables held by then that later statements will lose; a resumed run goes on from there
//! when they still hold exactly that.

use std::collections::{BTreeSet, HashMap};

use cofferdam_analysis::sql::{Action, Dialect, ObjectName, Statement, table::TableChange};
use cofferdam_analysis::{NobodysRows, Result};
use rusqlite::Connection;
use serde::{Deserialize, Serialize};

use super::super::{Job, somebodys_rows};
use super::state::{TableState, table_state};
use crate::db::{DbResult, Ident};

/// A table, or a column of it.
type Thing = ((String, String), Option<String>);

/// What this connection made, each with the file's data version at that time.
/// `pragma data_version` changes when another connection commits, never by our own.
#[derive(Debug, Default)]
pub(super) struct Made {
    committed: HashMap<Thing, i64>,
    open: Vec<(Thing, i64)>,
    claimed: BTreeSet<Thing>,
}

/// What a table held that this run made, or to which it added a column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Witness {
    schema: String,
    table: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    column: Option<String>,
    state: TableState,
}

impl Made {
    /// Later statements lose these as nobody's.
    pub(super) fn will_be_claimed(&mut self, claim: &NobodysRows) {
        let column = claim.column.as_ref().map(|c| c.to_ascii_lowercase());
        self.claimed.extend(claim.tables.iter().map(|table| (key(table), column.clone())));
    }

    /// What the claimed ones hold, as far as only this run wrote to them.
    pub(super) fn witnesses(&self, db: &Connection) -> Result<Vec<Witness>> {
        let now = data_version(db)?;
        let mut witnesses = Vec::new();
        for thing in &self.claimed {
            let ((schema, table), column) = thing;
            if self.version_of(thing) == Some(now) && table_exists(db, table)? {
                let state = table_state(db, table)?;
                witnesses.push(Witness {
                    schema: schema.clone(),
                    table: table.clone(),
                    column: column.clone(),
                    state,
                });
            }
        }
        Ok(witnesses)
    }

    /// Goes on from what a former connection of the same run left.
    pub(super) fn recall(&mut self, db: &Connection, witnesses: Vec<Witness>) -> Result<()> {
        // Read first: a write between the two shows in the number at the proof.
        let now = data_version(db)?;
        for witness in witnesses {
            if table_exists(db, &witness.table)? && table_state(db, &witness.table)? == witness.state {
                self.committed.insert(((witness.schema, witness.table), witness.column), now);
            }
        }
        Ok(())
    }

    /// Of a column, or of the table that it stands in.
    fn version_of(&self, thing: &Thing) -> Option<i64> {
        self.version(thing).or_else(|| self.version(&(thing.0.clone(), None)))
    }

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

fn table_exists(db: &Connection, name: &str) -> Result<bool> {
    let sql = "select exists (select 1 from sqlite_schema where type = 'table' and name = ?1 collate nocase)";
    db.query_row(sql, [name], |row| row.get(0)).db()
}

pub(super) fn data_version(db: &Connection) -> Result<i64> {
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
        if !table_exists(db, &table.name)? {
            continue;
        }
        let thing = (key(table), claim.column.as_ref().map(|c| c.to_ascii_lowercase()));
        if made.version_of(&thing) == Some(data_version(db)?) {
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
