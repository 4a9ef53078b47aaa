//! The ledger's content as a file: complete under its name, or not there.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use cofferdam_analysis::{Error, Result};
use serde_json::{Map, Value, json};

use crate::crash::{self, CrashPoint};
use crate::ledger::Entry;

/// The version of the file's own format.
const FORMAT: u32 = 1;

/// What goes into the file.
pub(super) struct Content {
    /// The database for people, without password.
    pub(super) target: String,
    /// By table, its rows.
    pub(super) tables: Map<String, Value>,
}

impl Content {
    /// Replaces the audit's rows by their exact texts, of which its hashes are.
    pub(super) fn audit(&mut self, entries: &[Entry]) {
        let rows = entries.iter().map(|entry| {
            json!({
                "seq": entry.seq,
                "at": entry.at,
                "actor": entry.actor,
                "action": entry.action,
                "detail": entry.detail,
                "prev": hex(&entry.prev),
                "hash": hex(&entry.hash),
            })
        });
        self.tables.insert("audit".to_owned(), rows.collect());
    }

    /// The name that the ledger gave the database.
    fn database(&self) -> Option<&str> {
        let meta = self.tables.get("meta")?.as_array()?;
        meta.iter().find(|row| row["key"] == "database_id")?["value"].as_str()
    }

    /// Writes it to the disk.
    ///
    /// # Errors
    /// `Refused` when a file is there that is not an earlier export of this very database;
    /// `Invalid` when it cannot be written.
    pub(super) fn write(&self, path: &Path, now: &str) -> Result<()> {
        self.may_replace(path)?;
        let document = json!({
            "cofferdam_ledger": FORMAT,
            "database_id": self.database(),
            "target": self.target,
            "exported_at": now,
            "program": env!("CARGO_PKG_VERSION"),
            "tables": self.tables,
        });
        let part = part_of(path)?;
        let written = write_part(&part, &format!("{document:#}\n")).and_then(|()| {
            crash::hit(CrashPoint::ExportWritten);
            fs::rename(&part, path)?;
            let folder = path.parent().filter(|f| !f.as_os_str().is_empty()).unwrap_or(Path::new("."));
            File::open(folder)?.sync_all()
        });
        if let Err(error) = written {
            // The reason of the failure matters more than what is left; its name says what it is.
            let _ = fs::remove_file(&part);
            return Err(Error::invalid(format!("cannot write the ledger to {}: {error}", path.display()))
                .hint("name another file: --export FILE"));
        }
        crash::hit(CrashPoint::ExportNamed);
        Ok(())
    }

    /// The export of an attempt that was cut off may be replaced, nothing else.
    fn may_replace(&self, path: &Path) -> Result<()> {
        if path.symlink_metadata().is_err() {
            return Ok(());
        }
        let text = fs::read_to_string(path).unwrap_or_default();
        let there: Value = serde_json::from_str(&text).unwrap_or_default();
        let same = there["cofferdam_ledger"] == FORMAT && there["database_id"].as_str() == self.database();
        if same && self.database().is_some() {
            return Ok(());
        }
        Err(Error::refused(format!("cannot write the ledger: {} exists already", path.display()))
            .hint("name another file: --export FILE"))
    }
}

fn part_of(path: &Path) -> Result<PathBuf> {
    let name = path
        .file_name()
        .ok_or_else(|| Error::invalid(format!("{} is no name for a file", path.display())))?;
    let mut part = name.to_owned();
    part.push(".cofferdam-part");
    Ok(path.with_file_name(part))
}

fn write_part(part: &Path, text: &str) -> std::io::Result<()> {
    let mut file = File::create(part)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

/// Bytes as text.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content(database: &str) -> Content {
        let meta = json!([{"key": "database_id", "value": database}]);
        let tables = Map::from_iter([("meta".to_owned(), meta)]);
        Content { target: "sqlite:a.db".to_owned(), tables }
    }

    #[test]
    fn only_an_export_of_the_same_database_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger.json");
        content("a").write(&path, "2026-11-20T09:00:00Z").unwrap();
        content("a").write(&path, "2026-11-20T10:00:00Z").unwrap();
        let text = fs::read_to_string(&path).unwrap();
        let error = content("b").write(&path, "2026-11-20T11:00:00Z").unwrap_err();
        assert_eq!(error.kind(), crate::ErrorKind::Refused);
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
        fs::write(&path, "precious").unwrap();
        assert!(content("a").write(&path, "2026-11-20T11:00:00Z").is_err());
        assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing lies beside it");
    }
}
