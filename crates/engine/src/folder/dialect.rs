//! The database that a folder's own books say it is written for.

use std::path::Path;

use cofferdam_analysis::sql::Dialect;
use cofferdam_analysis::{Error, Result};

/// What a tool calls a database, in `book`.
///
/// # Errors
/// `Invalid` for one that we do not migrate.
pub(super) fn named(name: &str, book: &Path) -> Result<Dialect> {
    match name {
        "postgresql" | "postgres" => Ok(Dialect::Postgres),
        "sqlite" | "turso" => Ok(Dialect::Sqlite),
        other => Err(Error::invalid(format!("the folder is for {other}, says {}", book.display()))
            .hint("Cofferdam migrates Postgres and SQLite; name another folder with --dir")),
    }
}
