//! SQLite has nothing that refuses a `drop`: whoever may write the file may drop its tables.
//! What helps is who may write the file; that is told, and never changed.

use cofferdam_analysis::{Error, Result};
use serde::Serialize;

use super::GuardReport;
use crate::db::SqliteTarget;

/// Who may write a SQLite file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileRights {
    /// The file.
    pub path: String,
    /// `0644`; `None` where the platform has no such thing.
    pub mode: Option<String>,
    /// Others than owner and group may write it.
    pub world_writable: bool,
    /// Everybody in its group may write it.
    pub group_writable: bool,
    /// Others than the owner may replace it, because they may write its folder.
    pub replaceable: bool,
}

/// The answer to `guard install` on SQLite.
pub(super) fn nothing_to_install() -> Error {
    Error::invalid(
        "SQLite has nothing that can refuse a drop: whoever may write the file may drop its tables",
    )
    .hint(
        "let only the application's own user write the file (chmod 600), open it read-only where you only \
             look, and keep copies; cofferdam migrate keeps one before a dangerous change",
    )
}

/// Level `none`, and who may write the file.
pub(super) fn status(target: &SqliteTarget) -> Result<GuardReport> {
    let mut report = GuardReport::none();
    report.missing.push("SQLite has nothing that can refuse a drop".to_owned());
    if let Some(path) = target.path() {
        report.file = rights(path);
    }
    if let Some(file) = &report.file {
        if file.world_writable {
            report.missing.push(format!("every user of this machine may write {}", file.path));
        } else if file.group_writable {
            report.missing.push(format!("everybody in its group may write {}", file.path));
        }
        if file.replaceable {
            report.missing.push(format!("others may replace {}: they may write its folder", file.path));
        }
    }
    Ok(report)
}

#[cfg(unix)]
fn rights(path: &std::path::Path) -> Option<FileRights> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = std::fs::metadata(path).ok()?.permissions().mode() & 0o7777;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(".".as_ref());
    let folder = std::fs::metadata(folder).ok()?.permissions().mode();
    Some(FileRights {
        path: path.display().to_string(),
        mode: Some(format!("{mode:04o}")),
        world_writable: mode & 0o002 != 0,
        group_writable: mode & 0o020 != 0,
        // With the sticky bit only the owner of a file may replace it.
        replaceable: folder & 0o022 != 0 && folder & 0o1000 == 0,
    })
}

#[cfg(not(unix))]
fn rights(path: &std::path::Path) -> Option<FileRights> {
    std::fs::metadata(path).ok()?;
    Some(FileRights {
        path: path.display().to_string(),
        mode: None,
        world_writable: false,
        group_writable: false,
        replaceable: false,
    })
}
