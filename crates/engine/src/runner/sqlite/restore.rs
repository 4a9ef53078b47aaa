//! Puts a rollback point back in the place of the live database.
//!
//! The copy is copied to a file beside the database. Then all others are locked out, and
//! under that lock: the fence is read, the live tables are compared with what the migration
//! left, the *live* ledger goes into the prepared file, so that the audit chain goes on, and
//! SQLite's backup API writes that file over the live one in one transaction of its own.
//!
//! Crash: before that transaction the live database is untouched and the prepared file
//! is made anew; within it SQLite's journal rolls back; after it everything is done.

use std::collections::BTreeMap;
use std::path::Path;

use cofferdam_analysis::{Error, ErrorKind, Result};
use rusqlite::backup::{Backup, StepResult};
use rusqlite::types::Value;
use rusqlite::{Connection, OpenFlags};

use super::state::{Outcome, TableState, table_states};
use super::{Runner, retry};
use crate::crash::{self, CrashPoint};
use crate::db::DbResult;

/// Why a copy was not put back.
pub(crate) enum NotRestored {
    /// The tables changed since the migration; rows by table, at least.
    WouldLose(BTreeMap<String, i64>),
    /// Anything else.
    For(Error),
}

impl From<Error> for NotRestored {
    fn from(error: Error) -> Self {
        NotRestored::For(error)
    }
}

/// The ledger's tables, parents first.
const LEDGER: [&str; 6] = ["meta", "lease", "run", "audit", "migration", "step"];

impl Runner<'_> {
    /// Puts `copy` back; `record` writes what the ledger says of it into the prepared file.
    pub(crate) fn restore(
        &mut self,
        copy: &Path,
        outcome: &Outcome,
        discard_writes: bool,
        record: impl FnOnce(&Connection, &str) -> Result<()>,
    ) -> Result<BTreeMap<String, i64>, NotRestored> {
        let prepared = outcome.prepared(self.fence);
        let result = prepare(copy, &prepared).map_err(NotRestored::For).and_then(|prepared| {
            self.lock_out_others()?;
            let put_back = self.put_back(&prepared, outcome, discard_writes, record);
            let open_again = self.let_others_in();
            put_back.and_then(|lost| open_again.map(|()| lost).map_err(NotRestored::For))
        });
        outcome.forget_prepared();
        result
    }

    /// Everything that must see the live database as it is when it is replaced, while
    /// nobody else can open it.
    fn put_back(
        &mut self,
        prepared: &Connection,
        outcome: &Outcome,
        discard_writes: bool,
        record: impl FnOnce(&Connection, &str) -> Result<()>,
    ) -> Result<BTreeMap<String, i64>, NotRestored> {
        // Whoever took the lease while we slept may have migrated, and its work must stay.
        super::rows::immediate(&self.db, || {
            super::rows::renew_lease(&self.db, self.fence, "putting a copy back")
        })?;
        let lost = changed_since(&outcome.tables, &table_states(&self.db)?);
        if !lost.is_empty() && !discard_writes {
            return Err(NotRestored::WouldLose(lost));
        }
        super::rows::immediate(prepared, || {
            LEDGER.iter().try_for_each(|table| take_over(&self.db, prepared, table))?;
            record(prepared, &self.actor)
        })?;
        crash::hit(CrashPoint::RestorePrepared);
        let expected = table_states(prepared)?;
        overwrite(prepared, &mut self.db)?;
        crash::hit(CrashPoint::RestoreDone);
        if table_states(&self.db)? != expected {
            return Err(Error::corrupt("after the copy was put back, the tables are not those of the copy")
                .hint("keep the copy; stop the application and look at the disk")
                .into());
        }
        Ok(lost)
    }

    /// Takes a lock that lasts beyond transactions. In WAL mode only a switch of the
    /// journal proves that nobody else has the database open.
    fn lock_out_others(&self) -> Result<()> {
        let locked = retry(&self.options, "everybody else to close the database", || {
            let mode: String = self.db.query_row("pragma journal_mode = delete", [], |row| row.get(0))?;
            if mode.eq_ignore_ascii_case("wal") {
                let busy = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_BUSY);
                return Err(rusqlite::Error::SqliteFailure(busy, None));
            }
            self.db.execute_batch("pragma locking_mode = exclusive; begin exclusive; commit")
        });
        locked.map_err(|error| match error.kind() {
            ErrorKind::Blocked => error.hint(
                "stop the application: a copy can only be put back while nobody else has the database open",
            ),
            _ => error,
        })
    }

    fn let_others_in(&self) -> Result<()> {
        // The lock goes with the first read after the switch.
        self.db
            .execute_batch("pragma locking_mode = normal; begin; select count(*) from sqlite_schema; commit;")
            .db()?;
        let _: String = self.db.query_row("pragma journal_mode = wal", [], |row| row.get(0)).db()?;
        Ok(())
    }
}

/// A copy of the copy, to be written to.
fn prepare(copy: &Path, path: &Path) -> Result<Connection> {
    let cannot = |e: std::io::Error| Error::invalid(format!("cannot write {}: {e}", path.display()));
    std::fs::copy(copy, path).map_err(cannot)?;
    let prepared = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE).db()?;
    prepared.execute_batch("pragma foreign_keys = off; pragma journal_mode = delete").db()?;
    Ok(prepared)
}

/// Replaces a ledger's table by that of the live database. Row by row: nobody else can
/// open the live file now, so it cannot be attached.
fn take_over(live: &Connection, prepared: &Connection, table: &str) -> Result<()> {
    prepared.execute_batch(&format!("delete from _cofferdam_{table}")).db()?;
    let mut read = live.prepare(&format!("select * from _cofferdam_{table}")).db()?;
    // A list in older versions of the crate, and no list in newer ones.
    let mut names: Vec<&str> = Vec::new();
    names.extend(read.column_names());
    let columns: Vec<String> = names.iter().map(|name| format!("\"{name}\"")).collect();
    let values = vec!["?"; columns.len()].join(", ");
    let sql = format!("insert into _cofferdam_{table} ({}) values ({values})", columns.join(", "));
    let mut write = prepared.prepare(&sql).db()?;
    let mut rows = read.query([]).db()?;
    while let Some(row) = rows.next().db()? {
        let values = (0..columns.len()).map(|column| row.get::<_, Value>(column));
        let values = values.collect::<rusqlite::Result<Vec<_>>>().db()?;
        write.execute(rusqlite::params_from_iter(values)).db()?;
    }
    Ok(())
}

fn overwrite(from: &Connection, to: &mut Connection) -> Result<()> {
    let backup = Backup::new(from, to).db()?;
    match backup.step(-1).db()? {
        StepResult::Done => Ok(()),
        _ => {
            Err(Error::blocked("the database was locked while the copy was put back").hint("run this again"))
        }
    }
}

/// Tables whose content is not what the migration left: at least so many rows each.
fn changed_since(
    then: &BTreeMap<String, TableState>,
    now: &BTreeMap<String, TableState>,
) -> BTreeMap<String, i64> {
    let mut lost = BTreeMap::new();
    for (table, state) in now {
        match then.get(table) {
            Some(before) if before == state => {}
            Some(before) => {
                lost.insert(table.clone(), (state.rows - before.rows).abs().max(1));
            }
            None if state.rows > 0 => {
                lost.insert(table.clone(), state.rows);
            }
            None => {}
        }
    }
    lost
}
