//! Which files are judged, in which order, and what stands before them.

use std::cmp::Ordering;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use cofferdam::folder::{Folder, Format, Migration};
use cofferdam_analysis::catalog::Catalog;
use cofferdam_analysis::document::{Document, DocumentKind};
use cofferdam_analysis::judge::Role;
use cofferdam_analysis::sql::{Dialect, Script};
use cofferdam_analysis::{Error, Finding, Result};

/// Folders that hold other people's files.
const NOT_OURS: [&str; 4] = ["node_modules", "target", "vendor", "dist"];

/// An ordered set of files.
#[derive(Debug)]
pub(super) struct Set {
    pub(super) dialect: Dialect,
    pub(super) files: Vec<ReadFile>,
    pub(super) documents: Vec<Document>,
    /// The schema as it was before the first file.
    pub(super) catalog: Option<Catalog>,
    /// What the history says about the folder.
    pub(super) problems: Vec<Finding>,
    /// Nothing tells which of the files ran before.
    pub(super) guessed: bool,
}

/// A file of SQL and why it is here.
#[derive(Debug)]
pub(super) struct ReadFile {
    pub(super) script: Script,
    pub(super) role: Role,
    /// The folder's format says: no transaction.
    pub(super) no_transaction: bool,
}

impl Set {
    pub(super) fn new(dialect: Dialect) -> Self {
        Self {
            dialect,
            files: Vec::new(),
            documents: Vec::new(),
            catalog: None,
            problems: Vec::new(),
            guessed: false,
        }
    }

    /// SQL that already ran.
    pub(super) fn add_schema(&mut self, path: &Path) -> Result<()> {
        self.add_sql(path, Role::Schema)
    }

    /// The folder: files up to `since` are history, the others are judged.
    ///
    /// # Errors
    /// `Invalid`, when `since` is no version: then everything or nothing would be judged in silence.
    pub(super) fn add_pending(&mut self, folder: &Folder, since: Option<&str>) -> Result<()> {
        let history = since.map(|since| history(since, folder)).transpose()?.unwrap_or(0);
        for (position, migration) in folder.migrations().iter().enumerate() {
            // A program whose SQL is not known, or not asked for, is nothing to judge.
            let unknown = folder.format == Format::Command && migration.text.is_empty();
            let role = if position < history || unknown { Role::Applied } else { Role::Judged };
            self.add_migration(migration, role);
        }
        Ok(())
    }

    /// A file of the migrations folder.
    ///
    /// What only its own tool can run says nothing that could be judged.
    pub(super) fn add_migration(&mut self, migration: &Migration, role: Role) {
        if migration.only_by_tool.is_some() {
            return;
        }
        let script = migration.script(self.dialect);
        self.files.push(ReadFile { script, role, no_transaction: migration.no_transaction });
    }

    /// The files and folders that were named, after the older files of the migrations
    /// folder where they belong to it.
    pub(super) fn add_paths(&mut self, paths: &[PathBuf], folder: Option<&Folder>) -> Result<()> {
        let mut named = Vec::new();
        for path in paths {
            if path.is_dir() {
                named.extend(walk(path, self.dialect)?);
            } else {
                named.push(path.clone());
            }
        }
        for older in folder.into_iter().flat_map(|folder| before(folder, &named)) {
            self.add_migration(older, Role::Applied);
        }
        for path in named {
            match folder.and_then(|folder| of_folder(folder, &path)) {
                Some(migration) if migration.only_by_tool.is_some() => {}
                Some(migration) => {
                    let script =
                        Script::sharing(self.dialect, &path.display().to_string(), migration.text.clone());
                    let no_transaction = migration.no_transaction;
                    self.files.push(ReadFile { script, role: Role::Judged, no_transaction });
                }
                None => self.add_named(&path)?,
            }
        }
        Ok(())
    }

    fn add_named(&mut self, path: &Path) -> Result<()> {
        if path == Path::new("-") {
            let mut bytes = Vec::new();
            let read = std::io::stdin().lock().read_to_end(&mut bytes);
            read.map_err(|error| Error::invalid(format!("cannot read the standard input: {error}")))?;
            let text = utf8("the standard input", bytes)?;
            let script = Script::sharing(self.dialect, "<stdin>", text.into());
            self.files.push(ReadFile { script, role: Role::Judged, no_transaction: false });
            return Ok(());
        }
        let file = path.display().to_string();
        match DocumentKind::of(&file) {
            Some(kind) => {
                self.documents.push(Document::new(&file, kind, &read(path)?));
                Ok(())
            }
            None if is_sql(path) => self.add_sql(path, Role::Judged),
            None => Err(Error::invalid(format!("{file} is no file that can be judged"))
                .hint("judged are .sql files, compose files, Dockerfiles, package.json and shell scripts")),
        }
    }

    fn add_sql(&mut self, path: &Path, role: Role) -> Result<()> {
        let script = Script::sharing(self.dialect, &path.display().to_string(), read(path)?.into());
        self.files.push(ReadFile { script, role, no_transaction: false });
        Ok(())
    }
}

/// How many files of the folder, from the first, are history.
fn history(since: &str, folder: &Folder) -> Result<usize> {
    if let Some(newest) = folder.find(since) {
        return Ok(folder.position(newest.version.key()).map_or(0, |position| position + 1));
    }
    let since = folder.format.version(since, "").ok_or_else(|| {
        Error::invalid(format!("`since = \"{since}\"` under [check] is no version"))
            .hint("write the number with which the newest file of the history begins")
    })?;
    Ok(folder.migrations().partition_point(|m| m.version <= since))
}

/// The catalog in the file at `path`.
pub(super) fn snapshot(path: &Path) -> Result<Catalog> {
    Catalog::from_snapshot(&read(path)?).map_err(|error| error.while_(path.display()))
}

/// The migrations of `folder` that come before all of `named`, if those belong to it.
fn before<'a>(folder: &'a Folder, named: &[PathBuf]) -> &'a [Migration] {
    let of_folder = named.iter().filter_map(|path| of_folder(folder, path));
    let positions = of_folder.filter_map(|migration| folder.position(migration.version.key()));
    &folder.migrations()[..positions.min().unwrap_or(0)]
}

/// The migration that `path` is, however it was written.
fn of_folder<'a>(folder: &'a Folder, path: &Path) -> Option<&'a Migration> {
    let name = path.file_name()?;
    let mut same_name = folder.migrations().iter().filter(|m| m.path.file_name() == Some(name));
    same_name.find(|m| matches!((m.path.canonicalize(), path.canonicalize()), (Ok(a), Ok(b)) if a == b))
}

/// Every file below `dir` that can be judged, in the order of its migrations.
fn walk(dir: &Path, dialect: Dialect) -> Result<Vec<PathBuf>> {
    let cannot =
        |error: std::io::Error| Error::invalid(format!("cannot read the folder {}: {error}", dir.display()));
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(cannot)? {
        let entry = entry.map_err(cannot)?;
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        // Links are not followed: one that leads upwards would never end.
        let kind = entry.file_type().map_err(cannot)?;
        if kind.is_dir() {
            if !name.starts_with('.') && !NOT_OURS.contains(&name.as_str()) {
                found.extend(walk(&path, dialect)?);
            }
        } else if (is_sql(&path) && !is_down(&name) && written_for(&path).is_none_or(|d| d == dialect))
            || DocumentKind::of(&name).is_some()
        {
            found.push(path);
        }
    }
    found.sort_by(|a, b| natural(&a.to_string_lossy(), &b.to_string_lossy()));
    Ok(found)
}

fn is_sql(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("sql"))
        || written_for(path).is_some()
}

/// The dialect that a name such as `full.sql.postgres` speaks of.
fn written_for(path: &Path) -> Option<Dialect> {
    let stem = Path::new(path.file_stem()?);
    stem.extension().filter(|extension| extension.eq_ignore_ascii_case("sql"))?;
    match path.extension()?.to_str()? {
        "postgres" | "postgresql" | "psql" => Some(Dialect::Postgres),
        "sqlite" | "sqlite3" => Some(Dialect::Sqlite),
        _ => None,
    }
}

/// Takes something back; it is not part of the way forward.
fn is_down(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.ends_with(".down.sql") || name == "down.sql"
}

/// Compares so that numbers count as numbers: 9 comes before 10.
fn natural(a: &str, b: &str) -> Ordering {
    fn parts(text: &str) -> impl Iterator<Item = (u128, &str)> {
        let mut rest = text;
        std::iter::from_fn(move || {
            let first = rest.chars().next()?;
            let is_digit = first.is_ascii_digit();
            let end = rest.find(|c: char| c.is_ascii_digit() != is_digit).unwrap_or(rest.len());
            let (part, after) = rest.split_at(end);
            rest = after;
            // A number too long to compare as one compares as text.
            Some((if is_digit { part.parse().unwrap_or(u128::MAX) } else { u128::MAX }, part))
        })
    }
    parts(a).cmp(parts(b))
}

fn read(path: &Path) -> Result<String> {
    let file = path.display().to_string();
    let bytes =
        std::fs::read(path).map_err(|error| Error::invalid(format!("cannot read {file}: {error}")))?;
    utf8(&file, bytes)
}

fn utf8(file: &str, bytes: Vec<u8>) -> Result<String> {
    String::from_utf8(bytes).map_err(|error| {
        let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        Error::invalid(format!("{file} is not UTF-8: byte {}, in line {line}", before.len()))
            .hint("save the file as UTF-8 (an editor may have saved Latin-1 or UTF-16)")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_ordered_as_they_run() {
        let mut names = ["m/10_b.sql", "m/9_a.sql", "m/0011_c.sql", "m/2_x/up.sql", "a.sql"];
        names.sort_by(|a, b| natural(a, b));
        assert_eq!(names, ["a.sql", "m/2_x/up.sql", "m/9_a.sql", "m/10_b.sql", "m/0011_c.sql"]);
    }

    #[test]
    fn folders_are_searched_but_not_those_of_others() {
        let root = tempfile::tempdir().expect("a directory");
        for file in [
            "migrations/2_b/migration.sql",
            "migrations/10_c/migration.sql",
            "migrations/10_c/down.sql",
            "node_modules/x/1_a.sql",
            ".git/1_a.sql",
            "compose.yaml",
            "README.md",
            "schema/full.sql.postgres",
            "schema/full.sql.sqlite",
            "schema/full.sql.bak",
        ] {
            let path = root.path().join(file);
            std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
            std::fs::write(path, "").expect("a file");
        }
        for (dialect, dump) in
            [(Dialect::Postgres, "schema/full.sql.postgres"), (Dialect::Sqlite, "schema/full.sql.sqlite")]
        {
            let found = walk(root.path(), dialect).expect("readable");
            let below = |path: &PathBuf| path.strip_prefix(root.path()).expect("below").display().to_string();
            let found: Vec<_> = found.iter().map(below).collect();
            let migrations = ["migrations/2_b/migration.sql", "migrations/10_c/migration.sql"];
            assert_eq!(found, ["compose.yaml", migrations[0], migrations[1], dump]);
        }
    }

    #[test]
    fn the_place_of_a_wrong_byte_is_said() {
        let error = utf8("a.sql", b"select 1;\nselect '\xff';".to_vec()).expect_err("not UTF-8");
        assert_eq!(error.message(), "a.sql is not UTF-8: byte 18, in line 2");
    }
}
