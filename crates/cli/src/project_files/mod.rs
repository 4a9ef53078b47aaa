//! What the project's own migration tool says in its files: the database, the folder.
//!
//! Promise: the files are read as text and nothing of them is executed; a variable has an
//! effect only where a file names it; what cannot be understood is said in a note or an
//! error and never guessed; no text that may hold a password is printed.
//!
//! Refused: files that are no text, and databases other than Postgres and SQLite. Nothing
//! is written here, so a crash means nothing.
//!
//! One file per tool holds all that is known of the tool's files.

mod address;
mod alembic;
mod database;
mod diesel;
mod django;
mod dotenv;
mod drizzle;
mod file;
mod flyway;
mod goose;
mod ini;
mod knex;
mod prisma;
mod rails;
mod refinery;
mod script;
mod sqitch;
mod tool;

use std::path::{Path, PathBuf};

use cofferdam_analysis::Error;
use cofferdam_analysis::sql::Dialect;

pub(crate) use address::{Address, seen_from};
pub(crate) use database::{Found, Sought, all_named, seek};
pub(crate) use dotenv::DotEnv;
pub(crate) use tool::{Commands, Reading, Tool};

/// What the files of one tool say. Empty fields were not said.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) tool: Tool,
    /// The file that says it, seen from the project's folder.
    pub(crate) file: String,
    /// The database.
    pub(crate) address: Option<Address>,
    /// The same database past its pooler.
    pub(crate) direct: Option<Address>,
    /// The SQL that it understands.
    pub(crate) dialect: Option<Dialect>,
    /// The folder that relative SQLite paths count from.
    pub(crate) base: PathBuf,
    /// The migrations folder, seen from the project's.
    pub(crate) dir: Option<PathBuf>,
    /// What was not understood or is better changed.
    pub(crate) notes: Vec<String>,
    /// Why the file names no database that we could use.
    pub(crate) trouble: Option<Error>,
}

impl Settings {
    /// Of `tool`, in `file` below `root`; nothing said yet.
    fn of(tool: Tool, root: &Path, file: impl Into<String>) -> Self {
        Self {
            tool,
            file: file.into(),
            address: None,
            direct: None,
            dialect: None,
            base: root.to_owned(),
            dir: None,
            notes: Vec::new(),
            trouble: None,
        }
    }

    /// Takes the tool's name of a kind of database.
    fn set_dialect(&mut self, name: &str) {
        match name.to_ascii_lowercase().as_str() {
            "postgres" | "postgresql" | "pg" | "postgis" | "pgsql" | "pgx" | "pgnative" => {
                self.dialect = Some(Dialect::Postgres);
            }
            "sqlite" | "sqlite3" | "better-sqlite3" | "better-sqlite" => self.dialect = Some(Dialect::Sqlite),
            _ => self.unsupported(name),
        }
    }

    fn unsupported(&mut self, name: &str) {
        // The name of a database, and no more: a value in the wrong place may be a secret.
        let plain = name.len() <= 24 && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
        let name = if plain { name } else { "an unknown kind" };
        self.trouble = Some(
            Error::invalid(format!("{} is for a database of {name}, which is not supported", self.file))
                .hint("Postgres and SQLite are; name another database with --database-url"),
        );
    }

    /// Notes that `what` is there and was not understood.
    fn not_understood(&mut self, what: &str) {
        self.notes.push(format!("{what} in {} is computed, and not read: nothing is executed", self.file));
    }
}

/// Reads one tool's files below the project's folder.
type Reader = fn(&Path) -> Result<Vec<Settings>, Error>;

/// What all tools' files below `root` say, in a fixed order.
pub(crate) fn read(root: &Path, dotenv: &DotEnv) -> Vec<Settings> {
    let mut found = Vec::new();
    let readers: [(Tool, Reader); 10] = [
        (Tool::Prisma, prisma::read),
        (Tool::Drizzle, drizzle::read),
        (Tool::Knex, knex::read),
        (Tool::Alembic, alembic::read),
        (Tool::Diesel, diesel::read),
        (Tool::Refinery, refinery::read),
        (Tool::Flyway, flyway::read),
        (Tool::Sqitch, sqitch::read),
        (Tool::Rails, rails::read),
        (Tool::Django, django::read),
    ];
    for (tool, reader) in readers {
        match reader(root) {
            Ok(settings) => found.extend(settings),
            Err(error) => {
                found.push(Settings { trouble: Some(error), ..Settings::of(tool, root, tool.name()) });
            }
        }
    }
    found.extend(goose::read(root, dotenv));
    found
}

/// A path of a tool's file, seen from the project's folder, where it leads into the project.
fn folder(text: &str) -> Option<PathBuf> {
    let text = text.trim().trim_end_matches('/');
    let path: PathBuf =
        Path::new(text).components().filter(|part| *part != std::path::Component::CurDir).collect();
    (!text.is_empty() && !path.as_os_str().is_empty()).then_some(path)
}

#[cfg(test)]
mod testing {
    //! A folder with files, and what its tool's reader makes of it.

    use super::*;
    use crate::environment::{Environment, Variables};

    pub(crate) fn project(files: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().expect("a directory");
        for (file, text) in files {
            let path = root.path().join(file);
            std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
            std::fs::write(path, text).expect("a file");
        }
        root
    }

    /// The URL that `address` gives when the variables have the values of `dotenv`.
    pub(crate) fn url(settings: &Settings, dotenv: &str) -> Option<String> {
        of(settings.address.as_ref()?, settings, dotenv)
    }

    pub(crate) fn of(address: &Address, settings: &Settings, dotenv: &str) -> Option<String> {
        let environment = Environment::default();
        let dotenv = DotEnv::parse(".env", dotenv);
        let variables = Variables::of(&environment, Some(&dotenv));
        address.resolve(settings.dialect, &variables).expect("readable").ok().map(|resolved| resolved.url)
    }
}
