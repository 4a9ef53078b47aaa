//! A migrations folder, read as it is.
//!
//! Promise: every `.sql` file of the folder is either a migration in the result or named
//! in an error or note; the order is the format's own; a checksum does not change when
//! an editor changes line ends. Refused: two files of one version, names without a
//! version (native), text that is not UTF-8. Nothing is written here.

mod checksum;
mod name;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use checksum::Checksum;
use cofferdam_analysis::sql::{Dialect, Script};
use cofferdam_analysis::{Error, Result};

/// Whose rules a folder follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// `<digits>_<name>.sql`, optional `<digits>_<name>.down.sql`.
    Native,
    /// sqlx: `<int>_<description>.sql`, or `.up.sql` with `.down.sql`.
    Sqlx,
}

impl Format {
    /// `native` or `sqlx`: what the ledger calls the source of a migration.
    pub fn as_str(self) -> &'static str {
        match self {
            Format::Native => "native",
            Format::Sqlx => "sqlx",
        }
    }

    /// The format of that name.
    pub fn parse(name: &str) -> Result<Format> {
        match name {
            "native" => Ok(Format::Native),
            "sqlx" => Ok(Format::Sqlx),
            _ => Err(Error::invalid(format!("there is no migrations format `{name}`"))
                .hint("formats are: native, sqlx")),
        }
    }

    /// What the folder's own tool does with a file older than the newest applied one.
    pub fn out_of_order(self) -> OutOfOrder {
        match self {
            Format::Native => OutOfOrder::Refuse,
            Format::Sqlx => OutOfOrder::Apply,
        }
    }
}

/// What to do with a pending file older than the newest applied one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OutOfOrder {
    /// Apply it, with a note.
    Apply,
    /// Refuse to apply anything.
    Refuse,
}

/// A version exactly as its file writes it, with its place in the order.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Version {
    text: String,
    number: u128,
}

impl Version {
    /// Reads digits; leading zeros do not count in the order.
    pub fn parse(text: &str) -> Option<Version> {
        let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        let number = digits.then(|| text.parse().ok())??;
        Some(Version { text: text.to_owned(), number })
    }

    /// As the file writes it.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Its place in the order; equal for `1` and `0001`.
    pub fn number(&self) -> u128 {
        self.number
    }

    /// Whether both mean the same migration: `1` and `0001` do.
    pub fn same(&self, other: &str) -> bool {
        Version::parse(other).is_some_and(|o| o.number == self.number)
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.number.cmp(&other.number).then_with(|| self.text.cmp(&other.text))
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

/// One migration of a folder.
#[derive(Debug, Clone)]
pub struct Migration {
    /// The number its file begins with.
    pub version: Version,
    /// What stands between version and ending: `note_status`.
    pub name: String,
    /// The file that is applied.
    pub path: PathBuf,
    /// Its text, BOM removed.
    pub text: Arc<str>,
    /// Ours: BLAKE3 with line ends normalised.
    pub checksum: Checksum,
    /// The one the folder's own tool would write, as it writes it.
    pub foreign_checksum: Option<Vec<u8>>,
    /// The file that takes it back.
    pub down: Option<PathBuf>,
    /// The format's own marker says: no transaction.
    pub no_transaction: bool,
}

impl Migration {
    /// The file name, for people.
    pub fn file_name(&self) -> String {
        self.path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default()
    }

    /// The parsed text.
    pub fn script(&self, dialect: Dialect) -> Script {
        Script::parse(dialect, &self.path.display().to_string(), &self.text)
    }

    /// The parsed text of the down file.
    ///
    /// # Errors
    /// When there is none, or it cannot be read.
    pub fn down_script(&self, dialect: Dialect) -> Result<Script> {
        let path = self.down.as_ref().ok_or_else(|| {
            Error::invalid(format!("{} has no down file", self.file_name()))
                .hint("write the statements that take it back into a down file beside it")
        })?;
        let (text, _) = read_text(path)?;
        Ok(Script::parse(dialect, &path.display().to_string(), &text))
    }
}

/// A migrations folder.
#[derive(Debug, Clone)]
pub struct Folder {
    /// As the user named it.
    pub path: PathBuf,
    /// Whose rules it follows.
    pub format: Format,
    /// In the order of their versions.
    pub migrations: Vec<Migration>,
    /// What was seen and left alone.
    pub notes: Vec<String>,
}

impl Folder {
    /// Reads the folder; without `format` it is told from the files.
    ///
    /// # Errors
    /// `Invalid`, naming the file, for what the module refuses or cannot read.
    pub fn read(path: &Path, format: Option<Format>) -> Result<Folder> {
        let mut entries = list(path)?;
        entries.sort();
        let format = format.unwrap_or_else(|| detect(&entries));
        let mut folder = Folder { path: path.to_owned(), format, migrations: Vec::new(), notes: Vec::new() };
        let mut downs = Vec::new();
        for entry in entries {
            let file = entry.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
            match name::parse(&file, format) {
                Some(name) if name.down => downs.push((name, entry)),
                Some(name) => folder.migrations.push(read_migration(name, entry, format)?),
                None => folder.strange(&file)?,
            }
        }
        folder.migrations.sort_by(|a, b| a.version.cmp(&b.version));
        folder.refuse_duplicates()?;
        for (name, path) in downs {
            folder.attach_down(&name, path)?;
        }
        Ok(folder)
    }

    /// The migration of this version, zeros ignored.
    pub fn find(&self, version: &str) -> Option<&Migration> {
        let number = Version::parse(version)?.number;
        let at = self.migrations.binary_search_by_key(&number, |m| m.version.number).ok()?;
        self.migrations.get(at)
    }

    fn strange(&mut self, file: &str) -> Result<()> {
        match self.format {
            Format::Native => Err(Error::invalid(format!("{file} is no migration: its name has no version"))
                .hint(format!("name it like 0001_{file}, or move it out of {}", self.path.display()))),
            Format::Sqlx => {
                self.notes.push(format!("{file} has no version and is left alone, as sqlx does"));
                Ok(())
            }
        }
    }

    fn refuse_duplicates(&self) -> Result<()> {
        let twice = self.migrations.windows(2).find(|pair| pair[0].version.same(pair[1].version.as_str()));
        match twice {
            Some(pair) => Err(Error::invalid(format!(
                "{} and {} have the same version",
                pair[0].file_name(),
                pair[1].file_name()
            ))
            .hint("give the newer one the next free number")),
            None => Ok(()),
        }
    }

    fn attach_down(&mut self, name: &name::FileName, path: PathBuf) -> Result<()> {
        let file = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        let at = self.migrations.binary_search_by(|m| m.version.cmp(&name.version)).ok();
        match at.and_then(|at| self.migrations.get_mut(at)) {
            Some(migration) if migration.name == name.name => {
                migration.down = Some(path);
                Ok(())
            }
            _ => Err(Error::invalid(format!("{file} takes back a migration that is not there"))
                .hint("a down file has the version and the name of its migration")),
        }
    }
}

fn list(path: &Path) -> Result<Vec<PathBuf>> {
    let cannot = |e: std::io::Error| {
        let hint = match e.kind() {
            std::io::ErrorKind::NotFound => "name the folder with --dir, or make one: cofferdam new NAME",
            _ => "the user who runs this must be able to read the folder and its files",
        };
        Error::invalid(format!("cannot read the migrations folder {}: {}", path.display(), plain(&e)))
            .hint(hint)
    };
    let mut files = Vec::new();
    for entry in fs::read_dir(path).map_err(cannot)? {
        let entry = entry.map_err(cannot)?.path();
        let sql = entry.extension().is_some_and(|e| e.eq_ignore_ascii_case("sql"));
        if sql && !entry.is_dir() {
            files.push(entry);
        }
    }
    Ok(files)
}

/// sqlx's folders show themselves by `.up.sql` or by its own marker in the first bytes.
fn detect(files: &[PathBuf]) -> Format {
    let up = files.iter().any(|f| f.to_string_lossy().ends_with(".up.sql"));
    let marked = || {
        files.iter().any(|f| {
            let mut head = [0u8; name::SQLX_NO_TRANSACTION.len()];
            fs::File::open(f)
                .and_then(|mut file| std::io::Read::read_exact(&mut file, &mut head))
                .is_ok_and(|()| head == *name::SQLX_NO_TRANSACTION.as_bytes())
        })
    };
    if up || marked() { Format::Sqlx } else { Format::Native }
}

fn read_migration(name: name::FileName, path: PathBuf, format: Format) -> Result<Migration> {
    let (text, bytes) = read_text(&path)?;
    let (foreign_checksum, no_transaction) = match format {
        Format::Native => (None, false),
        Format::Sqlx => (Some(checksum::sqlx(&bytes)), text.starts_with(name::SQLX_NO_TRANSACTION)),
    };
    Ok(Migration {
        version: name.version,
        name: name.name,
        checksum: Checksum::of_text(&text),
        path,
        text: text.into(),
        foreign_checksum,
        down: None,
        no_transaction,
    })
}

/// The file's text without BOM, and its bytes as they stand.
fn read_text(path: &Path) -> Result<(String, Vec<u8>)> {
    let bytes = fs::read(path).map_err(|e| {
        Error::invalid(format!("cannot read {}: {}", path.display(), plain(&e)))
            .hint("the user who runs this must be able to read the folder and its files")
    })?;
    match std::str::from_utf8(&bytes) {
        Ok(text) => Ok((text.strip_prefix('\u{feff}').unwrap_or(text).to_owned(), bytes)),
        Err(e) => {
            let upto = e.valid_up_to();
            let line = bytes[..upto].iter().filter(|b| **b == b'\n').count() + 1;
            Err(Error::invalid(format!("{} is not UTF-8: byte {upto}, in line {line}", path.display()))
                .hint("save the file as UTF-8 (an editor may have saved Latin-1 or UTF-16)"))
        }
    }
}

/// An operating system's error without its number.
fn plain(e: &std::io::Error) -> String {
    match e.kind() {
        std::io::ErrorKind::NotFound => "it does not exist".to_owned(),
        std::io::ErrorKind::PermissionDenied => "no permission".to_owned(),
        _ => e.to_string(),
    }
}

#[cfg(test)]
mod tests;
