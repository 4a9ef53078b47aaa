//! Puts a rollback point back in the place of the live database.
//!
//! The state to go back to is prepared in a file beside the database: the copy, with the
//! *live* ledger in it, so that the audit chain goes on. Then all others are locked out,
//! the live tables are compared with what the migration left, and SQLite's backup API
//! writes the prepared file over the live one in one transaction of its own.
//!
//! Crash: before that transaction the live database is untouched and the prepared file
//! is made anew; within it SQLite's journal rolls back; after it everything is done.

use std::collections::BTreeMap;
use std::path::Path;

use cofferdam_analysis::{Error, ErrorKind, Result};
use rusqlite::backup::{Backup, StepResult};
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
        let live = self.target.path().ok_or_else(|| Error::bug("a copy of a database in memory"))?.to_owned();
        let prepared = prepare(copy, &outcome.prepared(), &live)?;
        super::rows::immediate(&prepared, || record(&prepared, &self.actor))?;
        crash::hit(CrashPoint::RestorePrepared);
        let result = self.put_back(&prepared, outcome, discard_writes);
        drop(prepared);
        outcome.forget_prepared();
        result
    }

    fn put_back(
        &mut self,
        prepared: &Connection,
        outcome: &Outcome,
        discard_writes: bool,
    ) -> Result<BTreeMap<String, i64>, NotRestored> {
        self.lock_out_others()?;
        let lost = changed_since(&outcome.tables, &table_states(&self.db)?);
        if !lost.is_empty() && !discard_writes {
            self.let_others_in()?;
            return Err(NotRestored::WouldLose(lost));
        }
        let expected = table_states(prepared)?;
        overwrite(prepared, &mut self.db)?;
        crash::hit(CrashPoint::RestoreDone);
        let same = table_states(&self.db)? == expected;
        self.let_others_in()?;
        if !same {
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

/// The copy with the live ledger in it.
fn prepare(copy: &Path, path: &Path, live: &Path) -> Result<Connection> {
    let cannot = |e: std::io::Error| Error::invalid(format!("cannot write {}: {e}", path.display()));
    std::fs::copy(copy, path).map_err(cannot)?;
    let prepared = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE).db()?;
    prepared.execute_batch("pragma foreign_keys = off; pragma journal_mode = delete").db()?;
    prepared.execute("attach database ?1 as live", [live.display().to_string()]).db()?;
    super::rows::immediate(&prepared, || {
        for table in LEDGER {
            let sql = format!(
                "delete from main._cofferdam_{table}; insert into main._cofferdam_{table} select * from live._cofferdam_{table};"
            );
            prepared.execute_batch(&sql).db()?;
        }
        Ok(())
    })?;
    prepared.execute_batch("detach database live").db()?;
    Ok(prepared)
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
