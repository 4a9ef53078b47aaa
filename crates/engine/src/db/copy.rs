//! A verified copy of a whole SQLite database: the rollback point.
//!
//! Promise: the copy is one moment of the source, readers and writers of the
//! source go on, and under the final name there is either nothing or a database
//! that was read back in full and is on the disk.
//!
//! A crash leaves at most a file with `.cofferdam-part` in its name, which the
//! next copy to the same place replaces.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};

use crate::crash::{self, CrashPoint};
use crate::db::error::{self, DbResult};
use crate::{Error, Result};

/// A copy that is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copy {
    /// Where it lies.
    pub path: PathBuf,
    /// Its size.
    pub bytes: u64,
}

/// Copies the database of `source` to `path`, which must not exist.
///
/// `source` must have no transaction open: its own uncommitted changes would get
/// into the copy. To copy while writing is kept out, hold the lock on *another* connection.
///
/// # Errors
/// `Refused` when `path` exists; `Blocked` when a writer keeps the source locked
/// past the source's busy timeout; `Corrupt` when the copy does not read back,
/// which means that the source is damaged; `Invalid` for a path that cannot be written.
pub fn copy_sqlite(source: &Connection, path: &Path) -> Result<Copy> {
    if !source.is_autocommit() {
        return Err(Error::bug("a copy was asked for inside a transaction of the same connection"));
    }
    if path.symlink_metadata().is_ok() {
        return Err(Error::refused(format!("{} exists already", path.display())).hint("name another file"));
    }
    let part = part_of(path)?;
    remove_part(&part)?;
    let copied = copy_to_part(source, &part).and_then(|()| {
        crash::hit(CrashPoint::CopyWritten);
        let bytes = settle(&part, path)?;
        Ok(Copy { path: path.to_owned(), bytes })
    });
    if copied.is_err() {
        // The reason of the failure matters more than what is left; the name says what it is.
        let _ = remove_part(&part);
    }
    copied
}

fn part_of(path: &Path) -> Result<PathBuf> {
    let name = path
        .file_name()
        .ok_or_else(|| Error::invalid(format!("{} is no name for a file", path.display())))?;
    let mut part = name.to_owned();
    part.push(".cofferdam-part");
    Ok(path.with_file_name(part))
}

/// The file and what SQLite puts beside it.
fn remove_part(part: &Path) -> Result<()> {
    for suffix in ["", "-journal", "-wal", "-shm"] {
        let mut file = part.as_os_str().to_owned();
        file.push(suffix);
        match fs::remove_file(&file) {
            Ok(()) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(cannot_write(part, &error)),
        }
    }
    Ok(())
}

fn copy_to_part(source: &Connection, part: &Path) -> Result<()> {
    let flags =
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut copy = Connection::open_with_flags(part, flags)
        .map_err(|error| Error::invalid(format!("{} cannot be written", part.display())).source(error))?;
    {
        let backup = Backup::new(source, &mut copy).db()?;
        // One step: in several, a writer in between would make it begin again, perhaps for ever.
        match backup.step(-1).db()? {
            StepResult::Done => {}
            StepResult::Busy | StepResult::Locked => {
                return Err(Error::blocked("the database was locked all the time by a writer")
                    .hint("run the same command again when it has finished"));
            }
            _ => return Err(Error::bug("a copy of all pages left some")),
        }
    }
    let mut problems: Vec<String> = Vec::new();
    copy.pragma_query(None, "integrity_check", |row| {
        problems.push(row.get(0)?);
        Ok(())
    })
    .db()?;
    if problems != ["ok"] {
        let mut error = Error::corrupt("the copy does not read back: the database is damaged")
            .hint("run `pragma integrity_check` on it");
        for problem in problems.iter().take(10) {
            error = error.detail(problem);
        }
        return Err(error);
    }
    copy.close().map_err(|(_, error)| error::sqlite(error))
}

/// Brings the copy to the disk under its name; the directory's entry too.
fn settle(part: &Path, path: &Path) -> Result<u64> {
    let write = |error: std::io::Error| cannot_write(path, &error);
    let file = File::options().read(true).write(true).open(part).map_err(write)?;
    file.sync_all().map_err(write)?;
    let bytes = file.metadata().map_err(write)?.len();
    fs::rename(part, path).map_err(write)?;
    #[cfg(unix)]
    {
        let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(dir).and_then(|dir| dir.sync_all()).map_err(write)?;
    }
    Ok(bytes)
}

fn cannot_write(path: &Path, error: &std::io::Error) -> Error {
    Error::invalid(format!("{} cannot be written: {}", path.display(), error::io_words(error)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;

    fn source(dir: &Path) -> Connection {
        let connection = Connection::open(dir.join("a.db")).unwrap();
        connection
            .execute_batch(
                "pragma journal_mode = wal; create table t (a); \
                 with recursive n(i) as (values (1) union all select i + 1 from n where i < 5000) \
                 insert into t select hex(randomblob(50)) from n",
            )
            .unwrap();
        connection
    }

    fn rows(connection: &Connection) -> Vec<String> {
        let mut statement = connection.prepare("select a from t order by rowid").unwrap();
        statement.query_map([], |row| row.get(0)).unwrap().map(|row| row.unwrap()).collect()
    }

    fn names(dir: &Path) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(dir)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_copy_equals_its_source_and_nothing_lies_beside_it() {
        let dir = tempfile::tempdir().unwrap();
        let target = tempfile::tempdir().unwrap();
        let source = source(dir.path());
        let path = target.path().join("point.db");
        // What an earlier crash left is in nobody's way.
        fs::write(target.path().join("point.db.cofferdam-part"), "rubbish").unwrap();
        fs::write(target.path().join("point.db.cofferdam-part-wal"), "rubbish").unwrap();
        let copy = copy_sqlite(&source, &path).unwrap();
        assert_eq!(copy.bytes, fs::metadata(&path).unwrap().len());
        assert_eq!(names(target.path()), ["point.db"]);
        assert_eq!(rows(&Connection::open(&path).unwrap()), rows(&source));
    }

    #[test]
    fn an_existing_file_is_never_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("point.db");
        fs::write(&path, "precious").unwrap();
        assert_eq!(copy_sqlite(&source(dir.path()), &path).unwrap_err().kind(), ErrorKind::Refused);
        assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
    }

    #[test]
    fn a_copy_can_be_taken_while_another_connection_holds_the_write_lock() {
        let dir = tempfile::tempdir().unwrap();
        let source = source(dir.path());
        let writer = Connection::open(dir.path().join("a.db")).unwrap();
        writer.execute_batch("begin immediate; delete from t").unwrap();
        let path = dir.path().join("point.db");
        copy_sqlite(&source, &path).unwrap();
        assert_eq!(rows(&Connection::open(&path).unwrap()).len(), 5000);
    }

    #[test]
    fn a_copy_inside_the_sources_own_transaction_is_a_bug() {
        let dir = tempfile::tempdir().unwrap();
        let source = source(dir.path());
        source.execute_batch("begin immediate; delete from t").unwrap();
        assert_eq!(copy_sqlite(&source, &dir.path().join("p.db")).unwrap_err().kind(), ErrorKind::Bug);
    }

    #[test]
    fn a_damaged_source_makes_no_copy() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.db");
        {
            let connection = source(dir.path());
            connection
                .execute_batch(
                    "create index i on t (a); pragma wal_checkpoint(truncate); pragma journal_mode = delete",
                )
                .unwrap();
        }
        let mut bytes = fs::read(&path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle..middle + 4096].fill(0x5a);
        fs::write(&path, bytes).unwrap();
        let copy = dir.path().join("point.db");
        let error = copy_sqlite(&Connection::open(&path).unwrap(), &copy).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt);
        assert!(!error.details().is_empty());
        assert_eq!(names(dir.path()), ["a.db"]);
    }
}
