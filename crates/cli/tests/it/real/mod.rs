//! Migrations of real projects, run by Cofferdam and by plain execution side by side; and
//! projects of other tools, with their ledgers as those tools write them.
//!
//! They are fetched by `cargo xtask fetch-corpus` and never committed; without them the tests
//! here say that they were skipped.

mod baseline;
mod before_adoption;
mod check;
mod chinook;
mod dbmate;
mod diesel;
mod drizzle;
mod dumps;
mod flyway;
pub(crate) mod fresh;
mod golang_migrate;
mod goose;
mod handover;
mod prisma;
mod programs;
mod refinery;
mod side;
mod sqlx;
mod taken_over;
mod written;

use std::path::{Path, PathBuf};

use cofferdam_testkit::{checkout, postgres};
use fresh::Fresh;

/// A folder of the corpus; `None`, with a word on why, where it was not fetched.
fn corpus(folder: &str) -> Option<PathBuf> {
    let at = checkout::cache().join("corpus").join(folder);
    if at.is_dir() {
        return Some(at);
    }
    eprintln!("skipped: {} is not there; `cargo xtask fetch-corpus` brings it", at.display());
    None
}

/// A real migrations folder, as sqlx reads it.
struct Folder {
    /// Where it lies in the corpus.
    path: &'static str,
    dialect: Dialect,
    /// Losses that refuse once the history before them was adopted: the rule, the version that
    /// made what is lost, the version that loses it.
    losses: &'static [(&'static str, &'static str, &'static str)],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Dialect {
    Postgres,
    Sqlite,
}

/// All folders of real applications that their application runs by sqlx.
const FOLDERS: [Folder; 5] = [
    Folder {
        path: "atuin-client/migrations",
        dialect: Dialect::Sqlite,
        losses: &[("drop-table", "20220505083406", "20230315220114")],
    },
    Folder { path: "atuin-client/record-migrations", dialect: Dialect::Sqlite, losses: &[] },
    Folder { path: "atuin-client/meta-migrations", dialect: Dialect::Sqlite, losses: &[] },
    Folder {
        path: "atuin-client/src/ai_session/migrations",
        dialect: Dialect::Sqlite,
        losses: &[("dml-without-where", "0001", "0002"), ("dml-without-where", "0001", "0004")],
    },
    Folder {
        path: "atuin-server-postgres",
        dialect: Dialect::Postgres,
        losses: &[
            ("drop-table", "20220505082442", "20230315220537"),
            ("drop-table", "20240621110731", "20260127000000"),
            ("drop-column", "20240621110731", "20260127000000"),
        ],
    },
];

/// Runs `test` with every folder that was fetched, on every database it is meant for.
fn with_folders(test: impl Fn(&Folder, &Path, &[File], &dyn Fn() -> Fresh)) {
    for folder in &FOLDERS {
        let Some(path) = corpus(folder.path) else { return };
        let files = files(&path);
        match folder.dialect {
            Dialect::Sqlite => test(folder, &path, &files, &Fresh::sqlite),
            Dialect::Postgres => {
                for major in postgres::majors() {
                    test(folder, &path, &files, &|| Fresh::postgres(major));
                }
            }
        }
    }
}

/// A migration as sqlx reads it from its file.
struct File {
    version: String,
    /// sqlx's description: the rest of the name with blanks for underscores.
    description: String,
    text: String,
}

/// The migrations of a folder in sqlx's order.
fn files(folder: &Path) -> Vec<File> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).expect("the folder can be listed") {
        let path = entry.expect("the folder can be listed").path();
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        let Some((version, rest)) = name.strip_suffix(".sql").and_then(|stem| stem.split_once('_')) else {
            continue;
        };
        files.push(File {
            version: version.to_owned(),
            description: rest.replace('_', " "),
            text: std::fs::read_to_string(&path).expect("the corpus is UTF-8"),
        });
    }
    files.sort_by_key(|file| file.version.parse::<i64>().expect("a number"));
    files
}
