//! What is written into another tool's ledger, as data.

use std::time::Duration;

use cofferdam_analysis::{Error, Result};
use rusqlite::{Connection, ToSql};
use tokio_postgres::Client;

use super::Table;
use super::look::qualified;
use crate::db::{DbResult, Ident};

/// Rows for one ledger, written in the transaction of our own row.
#[derive(Debug, Clone, PartialEq)]
pub struct Writes {
    /// The ledger.
    pub table: Table,
    /// In order.
    pub rows: Vec<Write>,
}

/// One change of a ledger.
#[derive(Debug, Clone, PartialEq)]
pub enum Write {
    /// A new row.
    Insert(Vec<(&'static str, Value)>),
    /// The rows whose columns have these values go.
    Delete(Vec<(&'static str, Value)>),
    /// All rows go.
    Clear,
    /// A statement; `{table}` stands for the ledger, `{1}` and so on for the values.
    Statement(&'static str, Vec<Value>),
}

/// A column's value.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Text.
    Text(String),
    /// A whole number.
    Int(i64),
    /// True or false; 1 or 0 on SQLite.
    Bool(bool),
    /// Bytes.
    Bytes(Vec<u8>),
    /// Nothing.
    Null,
    /// An expression of SQL; `{table}` stands for the ledger.
    Sql(&'static str),
    /// One of two texts, by a condition in SQL; `{table}` stands for the ledger.
    Choice {
        /// The condition.
        when: &'static str,
        /// Where it holds.
        then: String,
        /// Elsewhere.
        or: String,
    },
    /// The time the migration took, as a whole number.
    Took(Unit),
}

/// What a duration is counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Milliseconds.
    Millis,
    /// Nanoseconds.
    Nanos,
}

impl Unit {
    fn count(self, took: Duration) -> i64 {
        let count = match self {
            Unit::Millis => took.as_millis(),
            Unit::Nanos => took.as_nanos(),
        };
        i64::try_from(count).unwrap_or(i64::MAX)
    }
}

/// Proves that this role may write the ledger as its tool does.
///
/// # Errors
/// `Invalid` naming what to grant.
pub async fn may_write(client: &Client, table: &Table) -> Result<()> {
    let name = qualified(table)?;
    let row = client.query_one(include_str!("sql/may_write.sql"), &[&name]).await.db()?;
    let (rights, sequences): (Vec<String>, Vec<String>) = (row.get(0), row.get(1));
    let mut grants = Vec::new();
    if !rights.is_empty() {
        grants.push(format!("grant {} on {name} to the role that migrates", rights.join(", ")));
    }
    grants.extend(sequences.iter().map(|s| format!("grant usage on sequence {s} to the role that migrates")));
    if grants.is_empty() {
        return Ok(());
    }
    Err(Error::invalid(format!("cannot keep {table} in step: this role may not write it"))
        .hint(grants.join("; ")))
}

/// A statement with its parameters.
struct Prepared {
    sql: String,
    parameters: Vec<Parameter>,
}

enum Parameter {
    Text(String),
    Int(i64),
    Bool(bool),
    Bytes(Vec<u8>),
}

impl Writes {
    /// Writes the rows, in the caller's transaction.
    pub async fn to_postgres(&self, client: &Client, took: Duration) -> Result<()> {
        for write in &self.rows {
            let prepared = self.prepare(write, took, |n, kind| format!("${n}::{kind}"))?;
            let parameters: Vec<&(dyn tokio_postgres::types::ToSql + Sync)> = prepared
                .parameters
                .iter()
                .map(|p| -> &(dyn tokio_postgres::types::ToSql + Sync) {
                    match p {
                        Parameter::Text(text) => text,
                        Parameter::Int(number) => number,
                        Parameter::Bool(is) => is,
                        Parameter::Bytes(bytes) => bytes,
                    }
                })
                .collect();
            client.execute(&prepared.sql, &parameters).await.db()?;
        }
        Ok(())
    }

    /// Writes the rows, in the caller's transaction.
    pub fn to_sqlite(&self, db: &Connection, took: Duration) -> Result<()> {
        for write in &self.rows {
            let prepared = self.prepare(write, took, |n, _| format!("?{n}"))?;
            let parameters: Vec<&dyn ToSql> = prepared
                .parameters
                .iter()
                .map(|p| -> &dyn ToSql {
                    match p {
                        Parameter::Text(text) => text,
                        Parameter::Int(number) => number,
                        Parameter::Bool(is) => is,
                        Parameter::Bytes(bytes) => bytes,
                    }
                })
                .collect();
            db.execute(&prepared.sql, parameters.as_slice()).db()?;
        }
        Ok(())
    }

    fn prepare(
        &self,
        write: &Write,
        took: Duration,
        place: impl Fn(usize, &str) -> String,
    ) -> Result<Prepared> {
        let table = qualified(&self.table)?;
        let mut parameters = Vec::new();
        let mut expression = |value: &Value| {
            let (parameter, kind) = match value {
                Value::Text(text) => (Parameter::Text(text.clone()), "text"),
                Value::Int(number) => (Parameter::Int(*number), "bigint"),
                Value::Bool(is) => (Parameter::Bool(*is), "boolean"),
                Value::Bytes(bytes) => (Parameter::Bytes(bytes.clone()), "bytea"),
                Value::Took(unit) => (Parameter::Int(unit.count(took)), "bigint"),
                Value::Null => return "null".to_owned(),
                Value::Sql(sql) => return sql.replace("{table}", &table),
                Value::Choice { when, then, or } => {
                    let mut text = |text: &String| {
                        parameters.push(Parameter::Text(text.clone()));
                        place(parameters.len(), "text")
                    };
                    let (then, or) = (text(then), text(or));
                    return format!(
                        "case when {} then {then} else {or} end",
                        when.replace("{table}", &table)
                    );
                }
            };
            parameters.push(parameter);
            place(parameters.len(), kind)
        };
        let sql = match write {
            Write::Insert(row) => {
                let values: Vec<String> = row.iter().map(|(_, value)| expression(value)).collect();
                let names: Vec<String> = row
                    .iter()
                    .map(|(name, _)| Ident::new(*name).map(|n| n.to_string()))
                    .collect::<Result<_>>()?;
                format!("insert into {table} ({}) values ({})", names.join(", "), values.join(", "))
            }
            Write::Delete(matching) => {
                let conditions: Vec<String> = matching
                    .iter()
                    .map(|(name, value)| Ok(format!("{} = {}", Ident::new(*name)?, expression(value))))
                    .collect::<Result<_>>()?;
                format!("delete from {table} where {}", conditions.join(" and "))
            }
            Write::Clear => format!("delete from {table}"),
            Write::Statement(sql, values) => {
                let places = values.iter().map(expression).enumerate();
                let filled = places.fold(sql.to_string(), |sql, (index, place)| {
                    sql.replace(&format!("{{{}}}", index + 1), &place)
                });
                filled.replace("{table}", &table)
            }
        };
        Ok(Prepared { sql, parameters })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn writes(rows: Vec<Write>) -> Writes {
        Writes { table: Table { schema: None, name: "odd \"name".to_owned() }, rows }
    }

    #[test]
    fn rows_come_and_go_with_values_of_every_kind() {
        let db = Connection::open_in_memory().expect("a database");
        db.execute_batch(
            "create table \"odd \"\"name\" (v integer, t text, b blob, s boolean, n, d integer)",
        )
        .expect("a table");
        let row = |version| {
            Write::Insert(vec![
                ("v", Value::Int(version)),
                ("t", Value::Text("it's".to_owned())),
                ("b", Value::Bytes(vec![1, 2])),
                ("s", Value::Bool(true)),
                ("n", Value::Null),
                ("d", Value::Took(Unit::Millis)),
            ])
        };
        let next = Write::Insert(vec![("v", Value::Sql("(select max(v) + 1 from {table})"))]);
        let gone = Write::Delete(vec![("v", Value::Int(1)), ("t", Value::Text("it's".to_owned()))]);
        writes(vec![row(1), row(7), next, gone])
            .to_sqlite(&db, Duration::from_millis(1500))
            .expect("written");
        let seen: String = db
            .query_row(
                "select group_concat(v || ':' || coalesce(d, ''), ' ') from \"odd \"\"name\"",
                [],
                |r| r.get(0),
            )
            .expect("rows");
        assert_eq!(seen, "7:1500 8:");
    }
}
