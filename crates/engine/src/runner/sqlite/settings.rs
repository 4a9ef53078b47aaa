//! What a connection is set to, so that no file inherits it from the one before.

use cofferdam_analysis::Result;
use rusqlite::Connection;
use rusqlite::types::Value;

use crate::db::{self, DbResult};

/// Settings of a connection that a file may change and the next must not inherit. Each can
/// be read; `case_sensitive_like`, which cannot, is set by its default.
const SETTINGS: [&str; 18] = [
    "legacy_alter_table",
    "recursive_triggers",
    "automatic_index",
    "busy_timeout",
    "count_changes",
    "full_column_names",
    "short_column_names",
    "read_uncommitted",
    "secure_delete",
    "writable_schema",
    "locking_mode",
    "ignore_check_constraints",
    "reverse_unordered_selects",
    "query_only",
    "synchronous",
    "temp_store",
    "trusted_schema",
    "cell_size_check",
];

/// The settings of a connection as it was opened.
pub(crate) struct Settings(Vec<(&'static str, Value)>);

impl Settings {
    /// Reads them.
    pub(crate) fn of(db: &Connection) -> Result<Self> {
        let mut settings = Vec::new();
        for name in SETTINGS {
            settings.push((name, db.pragma_query_value(None, name, |row| row.get(0)).db()?));
        }
        Ok(Self(settings))
    }

    /// Makes the connection what it was, with foreign keys as a file needs them.
    pub(crate) fn restore(&self, db: &Connection, foreign_keys: bool) -> Result<()> {
        for (name, value) in &self.0 {
            db.pragma_update(None, name, value).db()?;
        }
        db.pragma_update(None, "case_sensitive_like", false).db()?;
        let attached: Vec<String> = {
            let mut statement = db.prepare("select name from pragma_database_list where seq > 1").db()?;
            let names = statement.query_map([], |row| row.get(0)).db()?;
            names.collect::<std::result::Result<_, _>>().db()?
        };
        for name in attached {
            db.execute_batch(&format!("detach database {}", db::Ident::new(name)?)).db()?;
        }
        let temporary: Vec<(String, String)> = {
            let mut statement = db
                .prepare(
                    // Triggers first: one on a table of the database outlives every other, and
                    // goes on writing.
                    "select type, name from sqlite_temp_schema where type in ('table', 'view', 'trigger')
                     order by type <> 'trigger'",
                )
                .db()?;
            let names = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).db()?;
            names.collect::<std::result::Result<_, _>>().db()?
        };
        for (kind, name) in temporary {
            db.execute_batch(&format!("drop {kind} if exists temp.{}", db::Ident::new(name)?)).db()?;
        }
        db.pragma_update(None, "foreign_keys", foreign_keys).db()
    }
}
