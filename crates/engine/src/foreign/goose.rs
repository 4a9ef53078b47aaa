//! goose's ledger, `goose_db_version`. Source: the table as goose 3.27 creates it.
//!
//! Its row of version 0 says that the table was made. Taking a version back deletes its
//! rows; goose before 2018 wrote one more that says so: the newest row of a version counts.

use std::collections::HashMap;

use cofferdam_analysis::sql::Dialect;

use super::{Entry, Row, Sign, Told, Tool, Value, Write};
use crate::folder::{Folder, Format, Migration};

#[derive(Debug)]
pub(super) struct Goose;

impl Tool for Goose {
    fn name(&self) -> &'static str {
        "goose"
    }

    fn format(&self) -> Option<Format> {
        Some(Format::Goose)
    }

    fn tables(&self) -> &'static [Sign] {
        &[Sign { table: "goose_db_version", columns: &["id", "version_id", "is_applied"], without: &[] }]
    }

    fn select(&self, dialect: Dialect) -> Option<&'static str> {
        Some(match dialect {
            Dialect::Postgres => include_str!("sql/goose.postgres.sql"),
            Dialect::Sqlite => include_str!("sql/goose.sqlite.sql"),
        })
    }

    fn history(&self, rows: &[Row], _: &Folder) -> Told {
        let rows = || {
            rows.iter().enumerate().filter_map(|(at, row)| match row.as_slice() {
                [Some(version), Some(applied)] => Some((at, version.as_str(), applied == "1")),
                _ => None,
            })
        };
        let newest: HashMap<&str, usize> = rows().map(|(at, version, _)| (version, at)).collect();
        let counts = |(at, version, applied): &(usize, &str, bool)| {
            *applied && *version != "0" && newest.get(version) == Some(at)
        };
        let entry =
            |version: &str| Entry { version: version.to_owned(), name: String::new(), checksum: None };
        Told {
            entries: rows().filter(counts).map(|(_, version, _)| entry(version)).collect(),
            ..Told::default()
        }
    }

    fn applied(&self, migration: &Migration, _: &Folder, _: Dialect) -> Option<Vec<Write>> {
        Some(vec![Write::Insert(vec![version(migration)?, ("is_applied", Value::Bool(true))])])
    }

    fn taken_back(&self, migration: &Migration, _: &Folder, _: Dialect) -> Option<Vec<Write>> {
        Some(vec![Write::Delete(vec![version(migration)?])])
    }

    fn migrate_command(&self) -> &'static str {
        "goose up"
    }
}

fn version(migration: &Migration) -> Option<(&'static str, Value)> {
    Some(("version_id", Value::Int(migration.version.as_i64()?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_row_of_a_version_counts_and_version_0_is_none() {
        let row = |version: &str, applied: &str| vec![Some(version.to_owned()), Some(applied.to_owned())];
        let rows = [
            row("0", "1"),
            row("1", "1"),
            row("2", "1"),
            row("3", "1"),
            row("2", "0"),
            row("1", "0"),
            row("1", "1"),
        ];
        let folder = Folder::of_programs("x".into(), Vec::new(), Vec::new()).expect("an empty folder");
        let told = Goose.history(&rows, &folder);
        let versions: Vec<_> = told.entries.iter().map(|entry| entry.version.as_str()).collect();
        assert_eq!(versions, ["3", "1"]);
    }
}
