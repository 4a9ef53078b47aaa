//! dbmate's ledger, `schema_migrations`. Source: the table as dbmate 2.36 creates it; its
//! column has had lengths of 255 and 128 before, which make no difference here.

use cofferdam_analysis::sql::Dialect;

use super::{Row, Sign, Told, Tool, Value, Write};
use crate::folder::{Folder, Format, Migration};

#[derive(Debug)]
pub(super) struct Dbmate;

impl Tool for Dbmate {
    fn name(&self) -> &'static str {
        "dbmate"
    }

    fn format(&self) -> Option<Format> {
        Some(Format::Dbmate)
    }

    fn tables(&self) -> &'static [Sign] {
        // golang-migrate's has `dirty`, Ecto's `inserted_at`.
        &[Sign { table: "schema_migrations", columns: &["version"], without: &["dirty", "inserted_at"] }]
    }

    fn select(&self, dialect: Dialect) -> Option<&'static str> {
        Some(match dialect {
            Dialect::Postgres => include_str!("sql/dbmate.postgres.sql"),
            Dialect::Sqlite => include_str!("sql/dbmate.sqlite.sql"),
        })
    }

    /// A row is all there is: what failed left none.
    fn history(&self, rows: &[Row], _: &Folder) -> Told {
        Told::versions(rows)
    }

    fn applied(&self, migration: &Migration, _: &Folder, _: Dialect) -> Option<Vec<Write>> {
        Some(vec![Write::Insert(vec![version(migration)])])
    }

    fn taken_back(&self, migration: &Migration, _: &Folder, _: Dialect) -> Option<Vec<Write>> {
        Some(vec![Write::Delete(vec![version(migration)])])
    }

    fn migrate_command(&self) -> &'static str {
        "dbmate up"
    }
}

fn version(migration: &Migration) -> (&'static str, Value) {
    ("version", Value::Text(migration.version.to_string()))
}
