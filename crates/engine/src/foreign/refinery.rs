//! refinery's ledger, `refinery_schema_history`. Source: refinery-core 0.10 (src/traits/mod.rs),
//! and the table as refinery_cli 0.10 makes it.
//!
//! It keeps no failed rows: a migration and its row are one transaction. All columns but the
//! version may be null; its type says which of two checksums stands beside it.

use cofferdam_analysis::Severity;
use cofferdam_analysis::sql::Dialect;

use super::{Entry, Row, Sign, Told, Tool, Value, Write, problem};
use crate::folder::{Folder, Format, Key, Migration};

#[derive(Debug)]
pub(super) struct Refinery;

/// Whether the ledger's versions are of 64 bits.
const WIDE_ON_POSTGRES: &str = "pg_typeof((select max(version) from {table})) = 'bigint'::regtype";
const WIDE_ON_SQLITE: &str = "(select lower(type) like '%int8%' or lower(type) like '%bigint%'
  from pragma_table_info('refinery_schema_history') where name = 'version')";

/// The time in the form of RFC 3339.
const NOW_ON_POSTGRES: &str =
    "to_char(clock_timestamp() at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')";
const NOW_ON_SQLITE: &str = "strftime('%Y-%m-%dT%H:%M:%fZ', 'now')";

impl Tool for Refinery {
    fn name(&self) -> &'static str {
        "refinery"
    }

    fn format(&self) -> Option<Format> {
        Some(Format::Refinery)
    }

    fn tables(&self) -> &'static [Sign] {
        &[Sign {
            table: "refinery_schema_history",
            columns: &["version", "name", "applied_on", "checksum"],
            without: &[],
        }]
    }

    fn select(&self, dialect: Dialect) -> Option<&'static str> {
        Some(match dialect {
            Dialect::Postgres => include_str!("sql/refinery.sql"),
            Dialect::Sqlite => include_str!("sql/refinery.sqlite.sql"),
        })
    }

    fn history(&self, rows: &[Row], folder: &Folder) -> Told {
        let mut told = Told::default();
        for row in rows {
            let [Some(version), name, checksum] = row.as_slice() else { continue };
            let name = name.clone().unwrap_or_default();
            match folder.find(version) {
                Some(file) if !name.is_empty() && file.name != name => {
                    told.problems.push(renamed(version, &name, file));
                }
                Some(_) | None => {
                    told.entries.push(Entry { version: version.clone(), name, checksum: checksum.clone() });
                }
            }
        }
        told
    }

    fn applied(&self, migration: &Migration, _: &Folder, dialect: Dialect) -> Option<Vec<Write>> {
        let checksum = migration.foreign.as_ref()?;
        let wide = checksum.accepted.first().unwrap_or(&checksum.written).clone();
        let (when, now) = match dialect {
            Dialect::Postgres => (WIDE_ON_POSTGRES, NOW_ON_POSTGRES),
            Dialect::Sqlite => (WIDE_ON_SQLITE, NOW_ON_SQLITE),
        };
        Some(vec![Write::Insert(vec![
            ("version", Value::Int(number(migration)?)),
            ("name", Value::Text(migration.name.clone())),
            ("applied_on", Value::Sql(now)),
            ("checksum", Value::Choice { when, then: wide, or: checksum.written.clone() }),
        ])])
    }

    fn taken_back(&self, migration: &Migration, _: &Folder, _: Dialect) -> Option<Vec<Write>> {
        Some(vec![Write::Delete(vec![("version", Value::Int(number(migration)?))])])
    }

    fn migrate_command(&self) -> &'static str {
        "refinery migrate"
    }
}

/// refinery's checksum is of the name as well: it takes a renamed file for another one.
fn renamed(version: &str, name: &str, file: &Migration) -> cofferdam_analysis::Finding {
    problem(
        Severity::Error,
        format!("refinery applied version {version} as {name}, and {} has another name", file.file_name()),
        format!("give the file its name back: V{version}__{name}.sql (git log shows it)"),
    )
}

fn number(migration: &Migration) -> Option<i64> {
    match migration.version.key() {
        Key::Number(number) => i64::try_from(*number).ok(),
        Key::Dotted(_) | Key::Text(_) | Key::Repeatable(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_renamed_file_is_named_and_columns_may_be_null() {
        let root = tempfile::tempdir().expect("a folder");
        for file in ["V1__a.sql", "V02__b.sql"] {
            std::fs::write(root.path().join(file), "").expect("a file");
        }
        let folder = Folder::read(root.path(), Some(Format::Refinery)).expect("a folder");
        let text = |text: &str| Some(text.to_owned());
        let rows = [vec![text("1"), text("other"), text("1")], vec![text("2"), None, None]];
        let told = Refinery.history(&rows, &folder);
        assert_eq!(told.problems.len(), 1);
        assert_eq!(
            told.problems[0].message,
            "refinery applied version 1 as other, and V1__a.sql has another name"
        );
        let entries: Vec<_> =
            told.entries.iter().map(|entry| (entry.version.as_str(), &entry.checksum)).collect();
        assert_eq!(entries, [("2", &None)]);
    }
}
