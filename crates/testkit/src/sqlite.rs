//! Disposable SQLite: a file in a directory of its own.

use std::path::{Path, PathBuf};

use rusqlite::fallible_iterator::FallibleIterator as _;
use rusqlite::types::ValueRef;

/// An empty SQLite database; its directory goes with the value.
#[derive(Debug)]
pub struct Database {
    directory: tempfile::TempDir,
    file: PathBuf,
}

impl Default for Database {
    fn default() -> Self {
        Self::new()
    }
}

impl Database {
    /// A database whose file does not exist yet: SQLite makes it at the first write.
    pub fn new() -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let file = directory.path().join("test.db");
        Self { directory, file }
    }

    /// A database with what `file` holds.
    pub fn copy_of(file: &Path) -> Self {
        let database = Self::new();
        std::fs::copy(file, &database.file).unwrap_or_else(|e| panic!("cannot copy {}: {e}", file.display()));
        database
    }

    /// The database file.
    pub fn path(&self) -> &Path {
        &self.file
    }

    /// The directory that holds nothing but the database.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// The URL, `sqlite:` and the path.
    pub fn url(&self) -> String {
        format!("sqlite:{}", self.file.display())
    }

    /// A connection with SQLite's own defaults.
    pub fn connection(&self) -> rusqlite::Connection {
        rusqlite::Connection::open(&self.file)
            .unwrap_or_else(|e| panic!("cannot open {}: {e}", self.file.display()))
    }

    /// Runs SQL text in a connection of its own and returns the rows of its
    /// statements as the `sqlite3` program prints them: a line each, values apart
    /// by `|`, nothing for null.
    ///
    /// # Panics
    /// With SQLite's message when a statement fails.
    pub fn sql(&self, sql: &str) -> String {
        let connection = self.connection();
        run(&connection, sql).unwrap_or_else(|e| panic!("{e}\nin: {sql}"))
    }
}

fn run(connection: &rusqlite::Connection, sql: &str) -> rusqlite::Result<String> {
    let mut lines = Vec::new();
    let mut batch = rusqlite::Batch::new(connection, sql);
    while let Some(mut statement) = batch.next()? {
        let columns = statement.column_count();
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let values =
                (0..columns).map(|i| row.get_ref(i).map(text)).collect::<rusqlite::Result<Vec<_>>>()?;
            lines.push(values.join("|"));
        }
    }
    Ok(lines.join("\n"))
}

fn text(value: ValueRef<'_>) -> String {
    match value {
        ValueRef::Null => String::new(),
        ValueRef::Integer(number) => number.to_string(),
        ValueRef::Real(number) => format!("{number:?}"),
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => String::from_utf8_lossy(bytes).into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_statement_of_a_text_runs_and_its_rows_come_back() {
        let database = Database::new();
        let rows = database.sql("create table t (a, b); insert into t values (1, null), (2.5, 'x'); select * from t; select count(*) from t");
        assert_eq!(rows, "1|\n2.5|x\n2");
    }

    #[test]
    fn a_copy_does_not_touch_the_original() {
        let original = Database::new();
        original.sql("create table t (a)");
        let copy = Database::copy_of(original.path());
        copy.sql("drop table t");
        assert_eq!(original.sql("select name from sqlite_schema"), "t");
    }
}
