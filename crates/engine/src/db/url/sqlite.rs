//! `sqlite:` and `file:` URLs.

use std::path::{Path, PathBuf};

use super::{decode, parameter, printable};
use crate::{Error, Result};

/// A SQLite database as its URL describes it. Nothing has been opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SqliteTarget {
    pub(crate) location: SqliteLocation,
    pub(crate) read_only: bool,
    pub(crate) notes: Vec<String>,
}

/// Where the database lives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SqliteLocation {
    /// In a file; a relative path counts from the working directory.
    File(PathBuf),
    /// In this process, gone with its connection.
    Memory,
}

impl SqliteTarget {
    /// The database in the file at `path`.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self { location: SqliteLocation::File(path.into()), read_only: false, notes: Vec::new() }
    }

    /// A database in memory.
    pub fn memory() -> Self {
        Self { location: SqliteLocation::Memory, read_only: false, notes: Vec::new() }
    }

    /// Where it lives.
    pub fn location(&self) -> &SqliteLocation {
        &self.location
    }

    /// The file, unless it is in memory.
    pub fn path(&self) -> Option<&Path> {
        match &self.location {
            SqliteLocation::File(path) => Some(path),
            SqliteLocation::Memory => None,
        }
    }

    /// The file with links resolved, as far as the path exists; `None` in memory.
    pub fn real_path(&self) -> Option<PathBuf> {
        self.path().map(resolved)
    }

    /// Whether the URL itself forbids writing (`?mode=ro`).
    pub fn is_read_only(&self) -> bool {
        self.read_only
    }

    /// What is ignored or read in a special way, one sentence each.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// `sqlite:PATH`.
    pub fn redacted(&self) -> String {
        match &self.location {
            SqliteLocation::File(path) => format!("sqlite:{}", printable(&path.to_string_lossy())),
            SqliteLocation::Memory => "sqlite::memory:".to_owned(),
        }
    }

    /// Equal for two paths to one file: links resolved as far as the path exists.
    pub fn identity(&self) -> String {
        match &self.location {
            SqliteLocation::File(path) => format!("sqlite {}", resolved(path).display()),
            SqliteLocation::Memory => "sqlite :memory:".to_owned(),
        }
    }
}

/// The real path; of a file that is yet to be made, its real directory.
fn resolved(path: &Path) -> PathBuf {
    if let Ok(real) = path.canonicalize() {
        return real;
    }
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    match (absolute.parent().and_then(|dir| dir.canonicalize().ok()), absolute.file_name()) {
        (Some(dir), Some(name)) => dir.join(name),
        _ => absolute,
    }
}

/// Reads what follows `sqlite:`. With a driver suffix (`sqlite+aiosqlite:`) the
/// text is SQLAlchemy's, where three slashes begin a *relative* path.
pub(super) fn parse(rest: &str, sqlalchemy: bool) -> Result<SqliteTarget> {
    let (path, query) = split_query(rest);
    let path = match path.strip_prefix("//") {
        Some(path) if sqlalchemy => path.strip_prefix('/').unwrap_or(path),
        Some(path) => path,
        None => path,
    };
    // SQLAlchemy's way to say "in memory" is to name nothing.
    if sqlalchemy && path.is_empty() {
        return read(":memory:", query);
    }
    read(path, query)
}

/// Reads what follows `file:`, as Prisma and SQLite's own URIs write it.
pub(super) fn parse_file(rest: &str) -> Result<SqliteTarget> {
    let (path, query) = split_query(rest);
    match path.strip_prefix("//") {
        None => read(path, query),
        Some(path) => match path.strip_prefix("localhost").unwrap_or(path) {
            absolute if absolute.starts_with('/') => read(absolute, query),
            _ => Err(Error::invalid("file:// must be followed by an absolute path")
                .hint("write file:PATH for a path relative to the working directory")),
        },
    }
}

fn split_query(text: &str) -> (&str, &str) {
    text.split_once('?').unwrap_or((text, ""))
}

fn read(path: &str, query: &str) -> Result<SqliteTarget> {
    let path = decode(path, "path")?;
    let mut target = match path.as_str() {
        "" => {
            return Err(Error::invalid("the SQLite URL names no file")
                .hint("write sqlite:PATH, or sqlite::memory: for a database in memory"));
        }
        ":memory:" => SqliteTarget::memory(),
        path => SqliteTarget::file(path),
    };
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        match (name, value) {
            ("mode", "ro") | ("immutable", "1" | "true") => target.read_only = true,
            ("mode", "memory") => target.location = SqliteLocation::Memory,
            // The default: whether a missing file is made depends on the command.
            ("mode", "rw" | "rwc") => {}
            ("key" | "hexkey" | "cipher", _) => {
                return Err(Error::invalid("encrypted SQLite databases are not supported"));
            }
            ("mode", _) => {
                return Err(Error::invalid("`mode` of a SQLite URL is ro, rw, rwc or memory"));
            }
            (name, _) => {
                let name = printable(&decode(name, "name of a parameter")?);
                let unknown = || format!("`{name}` in the SQLite URL is ignored");
                target.notes.push(parameter::of_a_pool(&name).unwrap_or_else(unknown));
            }
        }
    }
    Ok(target)
}
