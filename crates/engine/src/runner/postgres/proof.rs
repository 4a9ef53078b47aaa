//! Proves that a loss is nobody's: the table is empty, or every row in it was written by
//! this run.
//!
//! Runs inside the step's transaction, with the statement's own lock already held where
//! the table could be locked. A table that was rewritten proves nothing by its rows' xmin
//! (a rewrite writes them anew), so its file node must still be its first one, which
//! Postgres numbers like the table itself.

use cofferdam_analysis::sql::{ObjectName, Statement};
use cofferdam_analysis::{Error, ErrorKind, NobodysRows, Result};
use tokio_postgres::Client;

use super::super::{Job, somebodys_rows};
use super::locks::quote;
use crate::db::{DbResult, Ident};

/// # Errors
/// `Refused` when a row may be somebody's, or row security would hide it.
pub(super) async fn prove(
    client: &Client,
    job: &Job<'_>,
    statement: &Statement,
    claim: &NobodysRows,
) -> Result<()> {
    // A policy must not hide a row from the proof: with the setting off the server fails instead.
    let sql = "select current_setting('row_security'), set_config('row_security', 'off', true)";
    let before: String = client.query_one(sql, &[]).await.db()?.get(0);
    rows(client, job, statement, claim).await.map_err(|error| match error.kind() {
        ErrorKind::Invalid => Error::refused(format!("whether rows would be lost cannot be seen: {error}"))
            .at(job.script.place(statement.span), Some(job.script.text.clone()))
            .hint("run it as a role that row security does not bind, or allow the loss with a reason"),
        _ => error,
    })?;
    client.query_one("select set_config('row_security', $1, true)", &[&before]).await.db()?;
    Ok(())
}

async fn rows(client: &Client, job: &Job<'_>, statement: &Statement, claim: &NobodysRows) -> Result<()> {
    for table in &claim.tables {
        let name = quote(table)?;
        let Some(row) = client.query_opt(include_str!("sql/proof_table.sql"), &[&name]).await.db()? else {
            // It is not there: the statement says so itself, or `if exists` skips it.
            continue;
        };
        let (table_sql, untouched): (String, bool) = (row.get(0), row.get(1));
        if only_ours(client, job.run, &table_sql, untouched && !claim.must_be_empty).await?
            || column_empty(client, &table_sql, claim).await?
        {
            continue;
        }
        let count: i64 =
            client.query_one(&format!("select count(*) from {table_sql}"), &[]).await.db()?.get(0);
        somebodys_rows(job.script, statement, describe(table, claim, count))?;
    }
    Ok(())
}

fn describe(table: &ObjectName, claim: &NobodysRows, count: i64) -> String {
    let rows = if count == 1 { "1 row".to_owned() } else { format!("{count} rows") };
    match &claim.column {
        Some(column) => format!("{table}.{column} ({rows})"),
        None => format!("{table} ({rows})"),
    }
}

async fn only_ours(client: &Client, run: i64, table: &str, untouched: bool) -> Result<bool> {
    let foreign = if untouched {
        // xmin shows the low 32 bits of a transaction's number.
        format!(
            "select exists (select from {table} where xmin::text <> all (
                 select (xid::numeric % 4294967296)::text from cofferdam.step where run_id = $1 and xid is not null
                 union all select (pg_current_xact_id()::text::numeric % 4294967296)::text))"
        )
    } else {
        format!("select exists (select from {table}) and $1::bigint is not null")
    };
    Ok(!client.query_one(&foreign, &[&run]).await.db()?.get::<_, bool>(0))
}

/// A column whose every value is null holds nothing.
async fn column_empty(client: &Client, table: &str, claim: &NobodysRows) -> Result<bool> {
    let Some(column) = &claim.column else { return Ok(false) };
    let column = Ident::new(column.as_str())?;
    let sql = format!("select exists (select from {table} where {column} is not null)");
    Ok(!client.query_one(&sql, &[]).await.db()?.get::<_, bool>(0))
}
