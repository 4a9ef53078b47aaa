//! The facts of a SQLite database.

use std::path::Path;

use cofferdam_analysis::Result;
use cofferdam_analysis::checklist::{Backup, Disk, Facts, Leftover, Space};
use rusqlite::OptionalExtension as _;

use super::{Ask, open_run};
use crate::db::{self, DbResult, SqliteMode, SqliteOptions, SqliteTarget};
use crate::ledger;

pub(super) fn facts(target: &SqliteTarget, ask: &Ask) -> Result<Facts> {
    let path = target.path();
    let shown = path.map(|path| path.display().to_string()).unwrap_or_default();
    let mut facts = Facts {
        backup: Backup {
            newest: None,
            command: format!(
                "sqlite3 {} {}",
                shell_word(&shown),
                shell_word(&format!(".backup '{}.backup'", shown.replace('\'', "''")))
            ),
        },
        space: Space {
            database_bytes: path.map_or(0, size_with_log),
            tables: Vec::new(),
            disk: path.and_then(|path| disk(path, ask.copy)),
        },
        leftovers: path.map(copies).unwrap_or_default(),
        ..Facts::default()
    };
    if path.is_none_or(|path| !path.exists()) {
        return Ok(facts);
    }
    let db = db::open_sqlite(target, SqliteOptions::new(SqliteMode::ReadOnly))?;
    if ledger::sqlite::exists(&db)? {
        let sql = include_str!("sql/database_id_sqlite.sql");
        facts.database = db.query_row(sql, [], |row| row.get(0)).optional().db()?;
        facts.leftovers.extend(open_run(&ledger::sqlite::history(&db)?));
    }
    Ok(facts)
}

/// The file and what of it lies in the write-ahead log.
fn size_with_log(path: &Path) -> u64 {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    let size = |path: &Path| std::fs::metadata(path).map_or(0, |metadata| metadata.len());
    size(path) + size(Path::new(&log))
}

/// The space left on the file's disk; elsewhere than on Unix it is not known.
#[cfg(not(unix))]
fn disk(_: &Path, _: bool) -> Option<Disk> {
    None
}

/// The space left on the file's disk.
#[cfg(unix)]
fn disk(path: &Path, copy: bool) -> Option<Disk> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let found = rustix::fs::statvfs(folder).ok()?;
    Some(Disk { free_bytes: found.f_bavail.saturating_mul(found.f_frsize), copy })
}

/// Copies that rebuilds made beside the file, and what copies that were cut off left.
fn copies(path: &Path) -> Vec<Leftover> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let Some(own) = path.file_name().map(|name| name.to_string_lossy().into_owned()) else {
        return Vec::new();
    };
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut found: Vec<Leftover> = entries
        .filter_map(|entry| {
            let name = entry.file_name().to_string_lossy().into_owned();
            let behind = name.strip_prefix(&own)?.strip_prefix(".before-")?;
            let bytes = entry.metadata().map_or(0, |metadata| metadata.len());
            let unfinished = behind.contains(".cofferdam-part") || behind.contains(".restore-");
            let (what, advice) = if unfinished {
                ("a copy that was cut off", "nothing reads it: delete it when no cofferdam is at work")
            } else {
                ("a copy", "`cofferdam rollback` may need the newest; older ones are yours to delete")
            };
            Some(Leftover { what: format!("{what}: `{name}`, {bytes} bytes"), advice: advice.to_owned() })
        })
        .collect();
    found.sort_by(|a, b| a.what.cmp(&b.what));
    found
}

/// `text` as one word of a POSIX shell.
pub(super) fn shell_word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./:@%+=,".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_of_the_shell_is_one_word() {
        assert_eq!(shell_word("app.dump"), "app.dump");
        assert_eq!(shell_word("it's $HOME"), "'it'\\''s $HOME'");
        assert_eq!(shell_word(""), "''");
    }

    #[test]
    fn copies_beside_the_file_are_found_and_other_files_are_not() {
        let folder = tempfile::tempdir().unwrap();
        let names = [
            "a.db",
            "a.db-wal",
            "a.db.before-0007.run-1.ab",
            "a.db.before-0008.run-2.ab.cofferdam-part",
            "b.db.before-1",
        ];
        names.iter().for_each(|name| std::fs::write(folder.path().join(name), "12").unwrap());
        let found = copies(&folder.path().join("a.db"));
        let whats: Vec<&str> = found.iter().map(|left| left.what.as_str()).collect();
        assert_eq!(
            whats,
            [
                "a copy that was cut off: `a.db.before-0008.run-2.ab.cofferdam-part`, 2 bytes",
                "a copy: `a.db.before-0007.run-1.ab`, 2 bytes"
            ]
        );
        assert_eq!(size_with_log(&folder.path().join("a.db")), 4);
    }
}
