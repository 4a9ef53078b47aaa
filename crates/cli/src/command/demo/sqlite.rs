//! The stage on SQLite: one file.

use std::path::Path;

use cofferdam::db::{self, SqliteMode, SqliteOptions, SqliteTarget, Target};
use cofferdam_analysis::{Error, Result};

use super::content::{Content, Count};
use super::place::Place;
use super::story::{Files, Stage};

const FILES: Files = Files {
    begin: &[
        ("0010_notes.sql", include_str!("sqlite/0010_notes.sql")),
        ("0011_rows.sql", include_str!("sqlite/0011_rows.sql")),
    ],
    dangerous: ("0012_migration_12.sql", include_str!("sqlite/migration_12.sql")),
    safe: &[("0012_note_notebooks.sql", include_str!("sqlite/safe.sql"))],
};

/// A database that is not there yet.
pub(super) fn stage(place: &Place) -> Result<Stage> {
    let folder = "sqlite";
    let path = place.project(folder, "sqlite:notes.db")?;
    let target = SqliteTarget::file(path.join("notes.db"));
    Ok(Stage { name: "SQLite".to_owned(), folder, files: &FILES, target: Target::Sqlite(target), path })
}

/// What the tables hold.
pub(super) fn content(target: &SqliteTarget) -> Result<Content> {
    let db = db::open_sqlite(target, SqliteOptions::new(SqliteMode::ReadOnly))?;
    let mut statement = db.prepare(include_str!("sqlite/content.sql")).map_err(db::sqlite_error)?;
    let mut rows = statement.query([]).map_err(db::sqlite_error)?;
    let mut count = Count::new();
    while let Some(row) = rows.next().map_err(db::sqlite_error)? {
        let (table, values): (String, String) =
            (row.get(0).map_err(db::sqlite_error)?, row.get(1).map_err(db::sqlite_error)?);
        count.row(&table, &values);
    }
    Ok(count.content())
}

/// What the tables would hold after `sql`, run as an application's own start-up does:
/// foreign keys on, and nobody asks. On a copy.
pub(super) fn without_us(target: &SqliteTarget, folder: &Path, sql: &str) -> Result<Content> {
    let path = folder.join("copy.db");
    let source = db::open_sqlite(target, SqliteOptions::new(SqliteMode::ReadOnly))?;
    db::copy_sqlite(&source, &path)?;
    let copy = SqliteTarget::file(&path);
    let ran = db::open_sqlite(&copy, SqliteOptions::new(SqliteMode::ReadWrite))
        .and_then(|db| db.execute_batch(sql).map_err(db::sqlite_error));
    let content = ran.and_then(|()| content(&copy));
    std::fs::remove_file(&path)
        .map_err(|error| Error::invalid(format!("cannot remove {}: {error}", path.display())))?;
    content
}
