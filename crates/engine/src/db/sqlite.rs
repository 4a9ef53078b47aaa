//! Opening a SQLite database.
//!
//! Promise: foreign keys are as the caller says, never as the library was built
//! (the bundled build switches them *on*, and a table rebuild that is harmless in
//! the shell would then cascade); a lock is waited for within a limit; what is
//! not a database is said so before anything is written.
//!
//! Double-quoted strings stay allowed, as SQLite's default is: users' migrations
//! ran with them before.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use crate::db::error::{self, SqlFailure};
use crate::db::url::{SqliteLocation, SqliteTarget};
use crate::{Error, ErrorKind, Result};

/// What is going to be done with the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SqliteMode {
    /// Nothing is written; the file must be there.
    ReadOnly,
    /// The file must be there.
    ReadWrite,
    /// A missing file is made, its directory is not.
    Create,
}

/// Whether SQLite enforces foreign keys on this connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ForeignKeys {
    /// Enforced: for the application's own way of working.
    On,
    /// Not enforced: for table rebuilds, with `foreign_key_check` inside.
    Off,
}

/// How a connection is set up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SqliteOptions {
    /// What is going to be done.
    pub mode: SqliteMode,
    /// Always set explicitly.
    pub foreign_keys: ForeignKeys,
    /// How long a statement waits for another process' lock.
    pub busy_timeout: Duration,
    /// Whether readers shall go on while we write (`journal_mode=wal`). The mode
    /// stays with the file, so it is asked for only by what may change it.
    pub wal: bool,
}

impl SqliteOptions {
    /// Foreign keys on, five seconds of patience, the journal as it is.
    pub fn new(mode: SqliteMode) -> Self {
        Self { mode, foreign_keys: ForeignKeys::On, busy_timeout: Duration::from_secs(5), wal: false }
    }
}

/// Opens the database and makes sure that it is one.
///
/// # Errors
/// `Invalid` for a missing file or directory, a missing right, or a write to a
/// URL with `mode=ro`; `Corrupt` when the file is not a database; `Blocked` when
/// another process keeps it locked.
pub fn open_sqlite(target: &SqliteTarget, options: SqliteOptions) -> Result<Connection> {
    let connection = match &target.location {
        SqliteLocation::Memory => Connection::open_in_memory().map_err(error::sqlite)?,
        SqliteLocation::File(path) => {
            if target.read_only && options.mode != SqliteMode::ReadOnly {
                return Err(Error::invalid(format!(
                    "{} is opened for reading only by its URL",
                    path.display()
                ))
                .hint("remove mode=ro from the URL"));
            }
            check_path(path, options.mode)?;
            let access = match options.mode {
                SqliteMode::ReadOnly => OpenFlags::SQLITE_OPEN_READ_ONLY,
                SqliteMode::ReadWrite => OpenFlags::SQLITE_OPEN_READ_WRITE,
                SqliteMode::Create => OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE,
            };
            // Without SQLITE_OPEN_URI: the path is a path, whatever it begins with.
            Connection::open_with_flags(path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)
                .map_err(|error| explain(error, path))?
        }
    };
    let explain = |error| match target.path() {
        Some(path) => explain(error, path),
        None => error::sqlite(error),
    };
    set_up(&connection, target, options).map_err(explain)?;
    Ok(connection)
}

fn set_up(connection: &Connection, target: &SqliteTarget, options: SqliteOptions) -> rusqlite::Result<()> {
    connection.busy_timeout(options.busy_timeout)?;
    connection.pragma_update(None, "foreign_keys", options.foreign_keys == ForeignKeys::On)?;
    // SQLite opens lazily: only a read finds out whether this is a database.
    connection.query_row("select count(*) from sqlite_schema", [], |_| Ok(()))?;
    if options.mode != SqliteMode::ReadOnly {
        if let Some(path) = target.path()
            && connection.is_readonly(rusqlite::MAIN_DB)?
        {
            return Err(read_only(path));
        }
        if options.wal && target.path().is_some() {
            // Not every file system can; then the old journal does, and readers wait.
            connection.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(()))?;
        }
    }
    Ok(())
}

fn read_only(path: &Path) -> rusqlite::Error {
    rusqlite::Error::SqliteFailure(
        rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_READONLY),
        Some(format!("{} cannot be written to", path.display())),
    )
}

/// SQLite says "unable to open database file" to everything; look before.
fn check_path(path: &Path, mode: SqliteMode) -> Result<()> {
    let shown = path.display();
    match std::fs::metadata(path) {
        Ok(meta) if meta.is_dir() => {
            Err(Error::invalid(format!("{shown} is a directory, not a database file")))
        }
        Ok(_) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty());
            if let Some(dir) = dir
                && !dir.is_dir()
            {
                return Err(Error::invalid(format!("the directory {} does not exist", dir.display()))
                    .hint("create it first, or correct the path in the URL"));
            }
            match mode {
                SqliteMode::Create => Ok(()),
                SqliteMode::ReadOnly | SqliteMode::ReadWrite => {
                    Err(Error::invalid(format!("the database file {shown} does not exist"))
                        .hint("correct the path in the URL; `cofferdam migrate` makes a new one"))
                }
            }
        }
        Err(error) => Err(Error::invalid(format!(
            "the database file {shown} cannot be opened: {}",
            error::io_words(&error)
        ))),
    }
}

fn explain(error: rusqlite::Error, path: &Path) -> Error {
    let shown = path.display();
    let Some(failure) = SqlFailure::from_sqlite(&error) else {
        return error::sqlite(error);
    };
    let base = failure.sqlstate.split('_').nth(1).unwrap_or_default();
    let ours = match base {
        "NOTADB" => Error::corrupt(format!("{shown} is not a SQLite database"))
            .hint("an encrypted database also looks like this; correct the path, or restore a copy"),
        "CORRUPT" => Error::corrupt(format!("the database {shown} is damaged: {}", failure.message))
            .hint("restore a copy"),
        "BUSY" | "LOCKED" => Error::blocked(format!("another process keeps {shown} locked"))
            .hint("run the same command again when it has finished"),
        "CANTOPEN" | "PERM" | "AUTH" => {
            Error::invalid(format!("the database {shown} cannot be opened: permission denied"))
                .hint("the file and its directory must be readable and writable for this user")
        }
        "READONLY" => Error::invalid(format!("the database {shown} cannot be written to"))
            .hint("the file and its directory must be writable for this user"),
        _ => Error::new(
            if failure.kind() == ErrorKind::Bug { ErrorKind::Conflict } else { failure.kind() },
            format!("the database {shown} cannot be opened: {}", failure.message),
        ),
    };
    ours.source(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(path: &Path) -> SqliteTarget {
        SqliteTarget::file(path)
    }

    fn foreign_keys(connection: &Connection) -> bool {
        connection.pragma_query_value(None, "foreign_keys", |row| row.get(0)).unwrap()
    }

    #[test]
    fn foreign_keys_are_as_asked_whatever_the_build_says() {
        // The reason for the explicit setting: this build's own default is on.
        assert!(foreign_keys(&Connection::open_in_memory().unwrap()));
        for (asked, on) in [(ForeignKeys::On, true), (ForeignKeys::Off, false)] {
            let options = SqliteOptions { foreign_keys: asked, ..SqliteOptions::new(SqliteMode::Create) };
            assert_eq!(foreign_keys(&open_sqlite(&SqliteTarget::memory(), options).unwrap()), on);
        }
    }

    #[test]
    fn wal_is_set_only_when_asked_for_and_writing() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.db");
        let journal = |mode, wal| -> String {
            let options = SqliteOptions { wal, ..SqliteOptions::new(mode) };
            let connection = open_sqlite(&target(&path), options).unwrap();
            connection.pragma_query_value(None, "journal_mode", |row| row.get(0)).unwrap()
        };
        assert_eq!(journal(SqliteMode::Create, false), "delete");
        assert_eq!(journal(SqliteMode::ReadOnly, true), "delete");
        assert_eq!(journal(SqliteMode::ReadWrite, true), "wal");
        assert_eq!(journal(SqliteMode::ReadOnly, false), "wal");
    }

    #[test]
    fn what_is_missing_is_named_and_nothing_is_made() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("none.db");
        for mode in [SqliteMode::ReadOnly, SqliteMode::ReadWrite] {
            let error = open_sqlite(&target(&path), SqliteOptions::new(mode)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Invalid);
            assert!(error.message().ends_with("none.db does not exist"), "{error}");
            assert!(!path.exists());
        }
        let deep = dir.path().join("no/such/dir.db");
        let error = open_sqlite(&target(&deep), SqliteOptions::new(SqliteMode::Create)).unwrap_err();
        assert!(error.message().starts_with("the directory "), "{error}");
        let error = open_sqlite(&target(dir.path()), SqliteOptions::new(SqliteMode::Create)).unwrap_err();
        assert!(error.message().ends_with("is a directory, not a database file"), "{error}");
    }

    #[test]
    fn another_file_is_not_a_database_and_stays_as_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("notes.txt");
        let text = "just some text, longer than a header of a hundred bytes ".repeat(20);
        std::fs::write(&path, &text).unwrap();
        for mode in [SqliteMode::ReadOnly, SqliteMode::ReadWrite, SqliteMode::Create] {
            let options = SqliteOptions { wal: true, ..SqliteOptions::new(mode) };
            let error = open_sqlite(&target(&path), options).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Corrupt);
            assert!(error.message().ends_with("is not a SQLite database"), "{error}");
        }
        assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
    }

    #[test]
    fn a_locked_file_is_blocked_not_broken() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.db");
        let holder = Connection::open(&path).unwrap();
        holder.execute_batch("create table t (a); begin exclusive").unwrap();
        let options = SqliteOptions {
            busy_timeout: Duration::from_millis(10),
            ..SqliteOptions::new(SqliteMode::ReadWrite)
        };
        let error = open_sqlite(&target(&path), options).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Blocked);
    }

    #[test]
    fn a_url_for_reading_refuses_to_write() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.db");
        open_sqlite(&target(&path), SqliteOptions::new(SqliteMode::Create)).unwrap();
        let read_only = SqliteTarget { read_only: true, ..target(&path) };
        assert!(open_sqlite(&read_only, SqliteOptions::new(SqliteMode::ReadOnly)).is_ok());
        let error = open_sqlite(&read_only, SqliteOptions::new(SqliteMode::ReadWrite)).unwrap_err();
        assert_eq!(error.hint_text(), Some("remove mode=ro from the URL"));
    }

    #[test]
    fn a_path_that_looks_like_a_uri_is_a_path() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file:a.db?mode=memory");
        drop(open_sqlite(&target(&path), SqliteOptions::new(SqliteMode::Create)).unwrap());
        assert!(path.exists());
    }
}
