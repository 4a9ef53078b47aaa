//! golang-migrate's ledger, `schema_migrations`. Source: the table as golang-migrate 4.19
//! creates it.
//!
//! One row says how far it came: every file up to that version counts as applied. Before a
//! file runs the row is written with `dirty`, after it without: a dirty row is a file that
//! stopped half way. No row: nothing is applied.

use cofferdam_analysis::Severity;
use cofferdam_analysis::sql::Dialect;

use super::{Entry, Row, Sign, Told, Tool, Value, Write, problem};
use crate::folder::{Folder, Format, Migration, Version};

#[derive(Debug)]
pub(super) struct GolangMigrate;

impl Tool for GolangMigrate {
    fn name(&self) -> &'static str {
        "golang-migrate"
    }

    fn format(&self) -> Option<Format> {
        Some(Format::GolangMigrate)
    }

    fn tables(&self) -> &'static [Sign] {
        &[Sign { table: "schema_migrations", columns: &["version", "dirty"], without: &[] }]
    }

    fn select(&self, dialect: Dialect) -> Option<&'static str> {
        Some(match dialect {
            Dialect::Postgres => include_str!("sql/golang_migrate.postgres.sql"),
            Dialect::Sqlite => include_str!("sql/golang_migrate.sqlite.sql"),
        })
    }

    fn history(&self, rows: &[Row], folder: &Folder) -> Told {
        let mut told = Told::default();
        let [row] = rows else {
            if rows.len() > 1 {
                told.problems.push(problem(
                    Severity::Error,
                    format!("golang-migrate's ledger has {} rows, and it only ever writes one", rows.len()),
                    "find out which version the database is at, then: migrate force VERSION",
                ));
            }
            return told;
        };
        let [Some(at), dirty] = row.as_slice() else { return told };
        // SQLite keeps what it was given: a number with every driver we know of.
        let dirty = !matches!(dirty.as_deref(), Some("0" | "false"));
        let standing = Version::number(at);
        // Of a dirty version nobody knows whether it is applied: what came before it is.
        let counts = |migration: &&Migration| match &standing {
            Some(standing) if dirty => migration.version.key() < standing.key(),
            Some(standing) => migration.version.key() <= standing.key(),
            None => false,
        };
        let entry = |version: &str, name: &str| Entry {
            version: version.to_owned(),
            name: name.to_owned(),
            checksum: None,
        };
        let migrations = folder.migrations().iter().filter(counts);
        told.entries = migrations.map(|m| entry(m.version.as_str(), &m.name)).collect();
        if dirty {
            told.problems.push(left_dirty(at, standing.as_ref(), folder));
        } else if standing.is_some_and(|standing| folder.with_key(standing.key()).is_none()) {
            told.entries.push(entry(at, ""));
        }
        told
    }

    /// A version before the newest changes nothing: to the tool it was applied already.
    fn applied(&self, migration: &Migration, _: &Folder, _: Dialect) -> Option<Vec<Write>> {
        let version = Value::Int(migration.version.as_i64()?);
        let older =
            Write::Statement(include_str!("sql/golang_migrate.leave_older.sql"), vec![version.clone()]);
        Some(vec![older, stand_at(version)])
    }

    /// The tool goes back to the version before, or to having no row.
    fn taken_back(&self, migration: &Migration, folder: &Folder, _: Dialect) -> Option<Vec<Write>> {
        let version = Value::Int(migration.version.as_i64()?);
        let mut writes = vec![Write::Delete(vec![("version", version)])];
        if let Some(before) = before(folder, &migration.version) {
            writes.push(stand_at(Value::Int(before.version.as_i64()?)));
        }
        Some(writes)
    }

    fn migrate_command(&self) -> &'static str {
        "migrate up"
    }

    fn counts_all_before(&self) -> bool {
        true
    }
}

fn stand_at(version: Value) -> Write {
    Write::Statement(include_str!("sql/golang_migrate.stand_at.sql"), vec![version, Value::Bool(false)])
}

/// The newest file before this version.
fn before<'a>(folder: &'a Folder, version: &Version) -> Option<&'a Migration> {
    folder.migrations().iter().rev().find(|m| m.version.key() < version.key())
}

fn left_dirty(at: &str, standing: Option<&Version>, folder: &Folder) -> cofferdam_analysis::Finding {
    let Some(version) = standing else {
        // It writes -1 when the way back of the first migration fails.
        return problem(
            Severity::Error,
            format!(
                "golang-migrate stopped half way while it took the first migration back: version {at} is dirty"
            ),
            "undo the rest of it by hand, then: migrate force -1 (nothing is applied)",
        );
    };
    let file = folder.with_key(version.key()).map_or_else(|| at.to_owned(), Migration::file_name);
    let earlier = before(folder, version)
        .map_or_else(|| "-1".to_owned(), |m| m.version.as_i64().unwrap_or_default().to_string());
    let next = folder.migrations().iter().find(|m| m.version.key() > version.key());
    let next = next.map_or_else(String::new, |m| format!(", or while it took {} back", m.title()));
    problem(
        Severity::Error,
        format!("golang-migrate stopped half way while it applied {file}{next}: version {at} is dirty"),
        format!(
            "finish or undo it by hand, then: migrate force {at} (it is applied) or migrate force {earlier} (it is not)"
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> (tempfile::TempDir, Folder) {
        let dir = tempfile::tempdir().expect("a temporary folder");
        for file in ["000001_a.up.sql", "000003_b.up.sql", "000010_c.up.sql"] {
            std::fs::write(dir.path().join(file), "select 1;").expect("a file in it");
        }
        let folder = Folder::read(dir.path(), Some(Format::GolangMigrate)).expect("a folder");
        (dir, folder)
    }

    fn told(rows: &[(&str, &str)]) -> (Vec<String>, Vec<(String, String)>) {
        let (_dir, folder) = folder();
        let rows: Vec<Row> =
            rows.iter().map(|(at, dirty)| vec![Some((*at).to_owned()), Some((*dirty).to_owned())]).collect();
        let told = GolangMigrate.history(&rows, &folder);
        let problems = told.problems.into_iter().map(|p| (p.message, p.help.unwrap_or_default())).collect();
        (told.entries.into_iter().map(|entry| entry.version).collect(), problems)
    }

    #[test]
    fn everything_up_to_the_one_version_counts_and_nothing_without_a_row() {
        assert_eq!(told(&[]), (vec![], vec![]));
        assert_eq!(told(&[("3", "0")]).0, ["000001", "000003"]);
        assert_eq!(told(&[("7", "0")]).0, ["000001", "000003", "7"]);
        assert_eq!(told(&[("3", "0"), ("10", "0")]).1.len(), 1);
    }

    #[test]
    fn a_dirty_version_is_named_with_both_ways_out_and_does_not_count() {
        let (versions, problems) = told(&[("3", "1")]);
        assert_eq!(versions, ["000001"]);
        let (message, help) = &problems[0];
        assert_eq!(
            message,
            "golang-migrate stopped half way while it applied 000003_b.up.sql, or while it took 000010_c back: version 3 is dirty"
        );
        assert!(help.contains("migrate force 3 (it is applied) or migrate force 1 (it is not)"), "{help}");
        assert!(told(&[("1", "1")]).1[0].1.contains("migrate force -1 (it is not)"));
        let (versions, problems) = told(&[("-1", "1")]);
        assert!(versions.is_empty() && problems[0].1.contains("migrate force -1"));
    }

    #[test]
    fn the_row_never_goes_back_when_an_older_file_is_applied_late() {
        let (_dir, folder) = folder();
        let db = rusqlite::Connection::open_in_memory().expect("a database");
        db.execute_batch(
            "create table schema_migrations (version uint64, dirty bool);
             create unique index version_unique on schema_migrations (version)",
        )
        .expect("the ledger");
        let write = |rows: Option<Vec<Write>>| {
            let table = super::super::Table { schema: None, name: "schema_migrations".to_owned() };
            let writes = super::super::Writes { table, rows: rows.expect("writes") };
            writes.to_sqlite(&db, std::time::Duration::ZERO).expect("written");
            db.query_row(
                "select coalesce(group_concat(version || ':' || dirty), '') from schema_migrations",
                [],
                |row| row.get::<_, String>(0),
            )
            .expect("a row")
        };
        let [a, b, c] = folder.migrations() else { panic!("three migrations") };
        let applied = |m| GolangMigrate.applied(m, &folder, Dialect::Sqlite);
        let taken_back = |m| GolangMigrate.taken_back(m, &folder, Dialect::Sqlite);
        assert_eq!(write(applied(a)), "1:0");
        assert_eq!(write(applied(c)), "10:0");
        assert_eq!(write(applied(b)), "10:0");
        assert_eq!(write(taken_back(b)), "10:0");
        assert_eq!(write(taken_back(c)), "3:0");
        assert_eq!(write(taken_back(b)), "1:0");
        assert_eq!(write(taken_back(a)), "");
    }
}
