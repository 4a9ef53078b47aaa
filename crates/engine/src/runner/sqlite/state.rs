//! Row counts and checksums of tables: what a rebuild must keep, and what a rollback may lose.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

use cofferdam_analysis::sql::{Action, Dialect, table::TableChange};
use cofferdam_analysis::{Error, Result};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension};
use serde::{Deserialize, Serialize};

use super::super::Job;
use super::FileNeeds;
use super::proof::Witness;
use crate::db::{DbResult, Ident};

/// The content of one table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableState {
    /// Its rows.
    pub rows: i64,
    /// Independent of their order: the sum of the first 16 bytes of each row's BLAKE3, in hexadecimal.
    pub checksum: String,
}

/// The users' tables, virtual ones among them: not SQLite's, not ours, and not the hidden
/// parts of virtual tables, whose content shows through those.
fn user_tables(db: &Connection) -> Result<Vec<String>> {
    let sql = "select name from pragma_table_list
               where schema = 'main' and type in ('table', 'virtual')
                 and name not like 'sqlite\\_%' escape '\\' and name not like '\\_cofferdam\\_%' escape '\\'
               order by name";
    let mut statement = db.prepare(sql).db()?;
    let names = statement.query_map([], |row| row.get(0)).db()?;
    names.collect::<std::result::Result<_, _>>().db()
}

/// Rows of each user table.
pub(super) fn row_counts(db: &Connection) -> Result<Vec<(String, i64)>> {
    let mut counts = Vec::new();
    for name in user_tables(db)? {
        counts.push((name.clone(), count(db, &name)?));
    }
    Ok(counts)
}

fn count(db: &Connection, table: &str) -> Result<i64> {
    db.query_row(&format!("select count(*) from {}", Ident::new(table)?), [], |row| row.get(0)).db()
}

/// Tables that stand before and after must have as many rows, unless the file itself
/// writes to the table as it stands (and not by rebuilding it).
pub(super) fn check_counts(
    db: &Connection,
    before: &[(String, i64)],
    job: &Job<'_>,
    needs: &FileNeeds,
) -> Result<()> {
    if needs.may_lose {
        return Ok(());
    }
    // What stands under the name afterwards is another table: the old one was dropped or renamed away.
    let replaced = touched(job, |action| match action {
        Action::Drop { names, .. } => names.iter().map(|n| n.key(Dialect::Sqlite)).collect(),
        Action::AlterTable { table, change: TableChange::RenameTo(_), .. } => {
            vec![table.key(Dialect::Sqlite)]
        }
        _ => Vec::new(),
    });
    let written = touched(job, |action| match action {
        Action::Insert(insert) => vec![insert.table.key(Dialect::Sqlite)],
        Action::Delete { table, .. } => vec![table.key(Dialect::Sqlite)],
        _ => Vec::new(),
    });
    let after: BTreeMap<String, i64> = row_counts(db)?.into_iter().collect();
    for (table, had) in before {
        let Some(has) = after.get(table) else { continue };
        let key = ("main".to_owned(), table.to_ascii_lowercase());
        if needs.may_drop.contains(&key) {
            continue;
        }
        let rebuilt = replaced.contains(&key);
        if had != has && (rebuilt || !written.contains(&key)) {
            let how = if rebuilt { "the rebuild of" } else { "a side effect on" };
            return Err(Error::conflict(format!("{how} {table} would change its rows from {had} to {has}"))
                .hint(
                    "copy every row (look for OR IGNORE, WHERE and joins in the copy, and for ON DELETE CASCADE); \
                     to leave rows out on purpose: -- cofferdam:allow silent-row-loss REASON before the copy",
                ));
        }
    }
    Ok(())
}

fn touched(job: &Job<'_>, of: impl Fn(&Action) -> Vec<(String, String)>) -> HashSet<(String, String)> {
    job.statements().flat_map(|s| s.actions().flat_map(&of).collect::<Vec<_>>()).collect()
}

/// # Errors
/// `Conflict` naming the first row whose parent is not there.
pub(super) fn check_foreign_keys(db: &Connection) -> Result<()> {
    let broken: Option<(String, Option<i64>, String)> = db
        .query_row("pragma foreign_key_check", [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .optional()
        .db()?;
    let Some((table, rowid, parent)) = broken else { return Ok(()) };
    let row = rowid.map(|id| format!(" row {id}")).unwrap_or_default();
    Err(Error::conflict(format!("{table}{row} would refer to a row of {parent} that is not there"))
        .hint("pragma foreign_key_check on a copy of the database lists all of them"))
}

/// The content of each user table.
pub fn table_states(db: &Connection) -> Result<BTreeMap<String, TableState>> {
    let mut states = BTreeMap::new();
    for name in user_tables(db)? {
        states.insert(name.clone(), table_state(db, &name)?);
    }
    Ok(states)
}

pub(super) fn table_state(db: &Connection, table: &str) -> Result<TableState> {
    let mut statement = db.prepare(&format!("select * from {}", Ident::new(table)?)).db()?;
    let columns = statement.column_count();
    let mut result = statement.query([]).db()?;
    let (mut rows, mut sum) = (0, 0u128);
    while let Some(row) = result.next().db()? {
        let mut hasher = blake3::Hasher::new();
        for column in 0..columns {
            hash_value(&mut hasher, row.get_ref(column).db()?);
        }
        let mut half = [0u8; 16];
        half.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
        sum = sum.wrapping_add(u128::from_le_bytes(half));
        rows += 1;
    }
    Ok(TableState { rows, checksum: format!("{sum:032x}") })
}

/// A value with its storage class and length, so that `1`, `'1'` and NULL differ.
fn hash_value(hasher: &mut blake3::Hasher, value: ValueRef<'_>) {
    let (class, bytes): (u8, std::borrow::Cow<'_, [u8]>) = match value {
        ValueRef::Null => (0, [].as_slice().into()),
        ValueRef::Integer(number) => (1, number.to_le_bytes().to_vec().into()),
        ValueRef::Real(number) => (2, number.to_bits().to_le_bytes().to_vec().into()),
        ValueRef::Text(text) => (3, text.into()),
        ValueRef::Blob(blob) => (4, blob.into()),
    };
    hasher.update(&[class]);
    hasher.update(&(bytes.len() as u64).to_le_bytes());
    hasher.update(&bytes);
}

/// What a step that made a rollback point leaves: where the copy is, and what the
/// tables held when the step was done.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Outcome {
    pub(crate) copy: String,
    pub(crate) tables: BTreeMap<String, TableState>,
}

impl Outcome {
    /// Where the holder of `fence` prepares the state to go back to: a runner that lost
    /// its lease and wakes up must not write into the file of the next one.
    pub(crate) fn prepared(&self, fence: i64) -> PathBuf {
        PathBuf::from(format!("{}.restore-{fence}", self.copy))
    }

    /// Removes what restores, also those that were cut off, left beside the copy.
    pub(crate) fn forget_prepared(&self) {
        let copy = Path::new(&self.copy);
        let (Some(folder), Some(name)) = (copy.parent(), copy.file_name()) else { return };
        let prefix = format!("{}.restore-", name.to_string_lossy());
        let Ok(entries) = std::fs::read_dir(folder) else { return };
        for entry in entries.flatten().filter(|e| e.file_name().to_string_lossy().starts_with(&prefix)) {
            // A leftover does no harm: nobody reads a prepared file that another runner made.
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

/// Everything that a step leaves beside its state.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct Left {
    #[serde(flatten)]
    copy: Option<Outcome>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) made: Vec<Witness>,
}

pub(super) fn outcome(db: &Connection, copy: Option<&Path>, made: Vec<Witness>) -> Result<Option<String>> {
    if copy.is_none() && made.is_empty() {
        return Ok(None);
    }
    let copy = match copy {
        Some(copy) => Some(Outcome { copy: copy.display().to_string(), tables: table_states(db)? }),
        None => None,
    };
    let text = serde_json::to_string(&Left { copy, made });
    text.map(Some).map_err(|e| Error::bug(format!("an outcome that is no JSON: {e}")))
}
