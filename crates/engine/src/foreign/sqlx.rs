//! sqlx's ledger, `_sqlx_migrations`. Source: the table as sqlx 0.7 and 0.8 create it.

use cofferdam_analysis::Severity;
use cofferdam_analysis::sql::Dialect;

use super::{Entry, Row, Sign, Told, Tool, Unit, Value, Write, problem};
use crate::folder::{Folder, Format, Key, Migration};

#[derive(Debug)]
pub(super) struct Sqlx;

impl Tool for Sqlx {
    fn name(&self) -> &'static str {
        "sqlx"
    }

    fn format(&self) -> Option<Format> {
        Some(Format::Sqlx)
    }

    fn tables(&self) -> &'static [Sign] {
        &[Sign {
            table: "_sqlx_migrations",
            columns: &["version", "description", "success", "checksum", "execution_time"],
            without: &[],
        }]
    }

    fn select(&self, dialect: Dialect) -> Option<&'static str> {
        Some(match dialect {
            Dialect::Postgres => include_str!("sql/sqlx.postgres.sql"),
            Dialect::Sqlite => include_str!("sql/sqlx.sqlite.sql"),
        })
    }

    fn history(&self, rows: &[Row], _: &Folder) -> Told {
        let mut told = Told::default();
        for row in rows {
            let [Some(version), description, success, checksum] = row.as_slice() else { continue };
            let name = description.clone().unwrap_or_default();
            if success.as_deref() != Some("1") {
                told.problems.push(problem(
                    Severity::Error,
                    format!("sqlx left migration {version} ({name}) half applied"),
                    format!(
                        "finish or undo it by hand, then `delete from _sqlx_migrations where version = {version}` \
                         (or set success = true), and adopt again"
                    ),
                ));
                continue;
            }
            told.entries.push(Entry { version: version.clone(), name, checksum: checksum.clone() });
        }
        told
    }

    fn applied(&self, migration: &Migration, _: &Folder, dialect: Dialect) -> Option<Vec<Write>> {
        let checksum = migration.foreign.as_ref()?;
        let mut row = vec![
            ("version", Value::Int(number(migration)?)),
            ("description", Value::Text(migration.name.replace('_', " "))),
            ("success", Value::Bool(true)),
            ("checksum", Value::Bytes(bytes(&checksum.written))),
            ("execution_time", Value::Took(Unit::Nanos)),
        ];
        if dialect == Dialect::Sqlite {
            row.push(("installed_on", Value::Sql("current_timestamp")));
        }
        Some(vec![Write::Insert(row)])
    }

    fn taken_back(&self, migration: &Migration, _: &Folder, _: Dialect) -> Option<Vec<Write>> {
        Some(vec![Write::Delete(vec![("version", Value::Int(number(migration)?))])])
    }

    fn migrate_command(&self) -> &'static str {
        "sqlx migrate run"
    }
}

fn number(migration: &Migration) -> Option<i64> {
    match migration.version.key() {
        Key::Number(number) => i64::try_from(*number).ok(),
        Key::Dotted(_) | Key::Text(_) | Key::Repeatable(_) => None,
    }
}

/// The bytes that hexadecimal digits stand for.
fn bytes(hex: &str) -> Vec<u8> {
    hex.as_bytes()
        .chunks(2)
        .filter_map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
        .collect()
}
