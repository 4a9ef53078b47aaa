//! diesel's ledger, `__diesel_schema_migrations`. Source: the table as diesel_cli 2.3
//! creates it.

use cofferdam_analysis::sql::Dialect;

use super::{Row, Sign, Told, Tool, Value, Write};
use crate::folder::{Folder, Format, Migration};

#[derive(Debug)]
pub(super) struct Diesel;

impl Tool for Diesel {
    fn name(&self) -> &'static str {
        "diesel"
    }

    fn format(&self) -> Option<Format> {
        Some(Format::Diesel)
    }

    fn tables(&self) -> &'static [Sign] {
        &[Sign { table: "__diesel_schema_migrations", columns: &["version", "run_on"], without: &[] }]
    }

    fn select(&self, dialect: Dialect) -> Option<&'static str> {
        Some(match dialect {
            Dialect::Postgres => include_str!("sql/diesel.postgres.sql"),
            Dialect::Sqlite => include_str!("sql/diesel.sqlite.sql"),
        })
    }

    /// A row is all there is: what failed left none.
    fn history(&self, rows: &[Row], _: &Folder) -> Told {
        Told::versions(rows)
    }

    /// The time is the column's default, here as with diesel.
    fn applied(&self, migration: &Migration, _: &Folder, _: Dialect) -> Option<Vec<Write>> {
        Some(vec![Write::Insert(vec![version(migration)])])
    }

    fn taken_back(&self, migration: &Migration, _: &Folder, _: Dialect) -> Option<Vec<Write>> {
        Some(vec![Write::Delete(vec![version(migration)])])
    }

    fn migrate_command(&self) -> &'static str {
        "diesel migration run"
    }
}

fn version(migration: &Migration) -> (&'static str, Value) {
    ("version", Value::Text(migration.version.to_string()))
}
