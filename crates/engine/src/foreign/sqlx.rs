//! sqlx's ledger, `_sqlx_migrations`. Source: the table as sqlx 0.7 and 0.8 create it.

use cofferdam_analysis::{Error, Result};
use rusqlite::Connection;
use tokio_postgres::Client;

use crate::db::DbResult;
use crate::folder::Folder;

/// A row of `_sqlx_migrations`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The migration's number.
    pub version: i64,
    /// Its name with blanks for underscores.
    pub description: String,
    /// `false`: it was begun and did not end.
    pub success: bool,
    /// SHA-384 of the file's bytes.
    pub checksum: Vec<u8>,
}

pub(super) async fn postgres(client: &Client) -> Result<Vec<Row>> {
    let sql = "select version, description, success, checksum from _sqlx_migrations order by version";
    let rows = client.query(sql, &[]).await.db()?;
    Ok(rows
        .iter()
        .map(|row| Row {
            version: row.get(0),
            description: row.get(1),
            success: row.get(2),
            checksum: row.get(3),
        })
        .collect())
}

pub(super) fn sqlite(db: &Connection) -> Result<Vec<Row>> {
    let sql = "select version, description, success, checksum from _sqlx_migrations order by version";
    let mut statement = db.prepare(sql).db()?;
    let rows = statement
        .query_map([], |row| {
            Ok(Row {
                version: row.get(0)?,
                description: row.get(1)?,
                success: row.get(2)?,
                checksum: row.get(3)?,
            })
        })
        .db()?;
    rows.collect::<std::result::Result<_, _>>().db()
}

/// Checks sqlx's history against the folder, the way sqlx itself does.
///
/// # Errors
/// `Refused` naming the first migration that failed, is missing or was edited.
pub fn compare(folder: &Folder, rows: &[Row]) -> Result<()> {
    for row in rows {
        let version = row.version.to_string();
        if !row.success {
            return Err(Error::refused(format!(
                "sqlx left migration {version} ({}) half applied",
                row.description
            ))
            .hint(
                "finish or undo it by hand, then `delete from _sqlx_migrations where version = ...` \
                 (or set success = true), and adopt again",
            ));
        }
        let Some(migration) = folder.find(&version) else {
            return Err(Error::refused(format!(
                "sqlx applied {version} ({}), and its file is not in {}",
                row.description,
                folder.path.display()
            ))
            .hint("bring the file back: the folder must be able to build the database again"));
        };
        if migration.foreign_checksum.as_deref().is_some_and(|ours| ours != row.checksum) {
            return Err(Error::refused(format!(
                "{} was edited after sqlx applied it: its SHA-384 is not the one in _sqlx_migrations",
                migration.file_name()
            ))
            .hint(
                "put the file back as it was (git log shows it; line ends count for sqlx), then adopt again",
            ));
        }
    }
    Ok(())
}
