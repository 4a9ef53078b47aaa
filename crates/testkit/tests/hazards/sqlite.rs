//! What a SQLite case does: the database before and after, and what it says in between.

use std::collections::BTreeMap;

use rusqlite::Connection;

use super::case::Case;
use super::fill;
use super::units::{Unit, units};

/// The record of the case.
pub(crate) fn prove(case: &Case) -> Vec<String> {
    let db = Connection::open_in_memory().expect("memory");
    db.set_db_config(rusqlite::config::DbConfig::SQLITE_DBCONFIG_DEFENSIVE, false).expect("a configuration");
    let title = case.title();
    let run = |what: &str, sql: &str| {
        db.execute_batch(sql).unwrap_or_else(|e| panic!("{title}: {what}: {e}"));
    };
    run("foreign keys", "pragma foreign_keys = on");
    run("schema", &case.schema);
    run("rows", &case.rows);
    fill::sqlite(&db, &title);
    run("then", &case.then);
    let before = State::of(&db);
    let mut lines = Vec::new();
    'files: for file in &case.files {
        for unit in units(case.dialect(), case.transaction, &file.name, &file.text) {
            let (at, sql) = match unit {
                Unit::Begin => (file.name.clone(), "begin immediate".to_owned()),
                Unit::Commit => (file.name.clone(), "commit".to_owned()),
                Unit::ForeignKeys(on) => (file.name.clone(), format!("pragma foreign_keys = {on}")),
                Unit::Statement { line, sql, .. } => (format!("{}:{line}", file.name), sql),
            };
            lines.extend(without_its_clause(&db, &sql).map(|said| format!("{at} {said}")));
            lines.extend(star_columns(&db, &sql).map(|said| format!("{at} {said}")));
            if let Err(error) = db.execute_batch(&sql) {
                lines.push(format!("{at} error {}", message(&error)));
                let _ = db.execute_batch("rollback");
                break 'files;
            }
        }
    }
    lines.extend(before.lost(&State::of(&db)));
    if !case.harm.trim().is_empty() {
        let said: rusqlite::Result<i64> = db.query_row(case.harm.trim(), [], |r| r.get(0));
        lines.push(format!("harm {}", said.map_or_else(|e| message(&e), |n| n.to_string())));
    }
    lines
}

fn message(error: &rusqlite::Error) -> String {
    let text = error.to_string();
    text.split(" in ").next().unwrap_or(&text).trim().to_owned()
}

/// A database as data.
#[derive(Debug, Default)]
struct State {
    /// Table -> rows, and the digest of each column's values.
    tables: BTreeMap<String, (i64, BTreeMap<String, String>)>,
    /// Indexes and triggers.
    objects: Vec<String>,
    /// Table -> the tables that its foreign keys name.
    parents: BTreeMap<String, Vec<String>>,
    sequences: BTreeMap<String, i64>,
    orphans: i64,
}

impl State {
    fn of(db: &Connection) -> State {
        let names = strings(
            db,
            "select name from sqlite_schema where type = 'table' and name not like 'sqlite\\_%' escape '\\' and coalesce(sql, '') not like 'create virtual%'",
        );
        let mut state = State {
            objects: strings(
                db,
                "select type || ' ' || name from sqlite_schema where type in ('index', 'trigger') and sql is not null order by 1",
            ),
            orphans: db
                .query_row("select count(*) from pragma_foreign_key_check", [], |r| r.get(0))
                .unwrap_or(-1),
            ..State::default()
        };
        for table in names {
            let columns =
                strings(db, &format!("select name from pragma_table_xinfo('{table}') where hidden = 0"));
            let digest = |column: &String| {
                let sql = format!(
                    "select coalesce(group_concat(v, ','), '') from (select coalesce(quote(\"{column}\"), '~') as v from \"{table}\" order by 1)"
                );
                (column.clone(), strings(db, &sql).concat())
            };
            let rows = db.query_row(&format!("select count(*) from \"{table}\""), [], |r| r.get(0));
            let content = (rows.unwrap_or(0), columns.iter().map(digest).collect());
            let parents =
                strings(db, &format!("select distinct \"table\" from pragma_foreign_key_list('{table}')"));
            state.parents.insert(table.clone(), parents);
            state.tables.insert(table, content);
        }
        if let Ok(mut statement) = db.prepare("select name, seq from sqlite_sequence") {
            let rows = statement.query_map([], |r| Ok((r.get(0)?, r.get(1)?))).expect("sequences are listed");
            state.sequences = rows.map(|r| r.expect("a sequence")).collect();
        }
        state
    }

    /// What of this is not there any more.
    fn lost(&self, now: &State) -> Vec<String> {
        let mut lines = Vec::new();
        for (table, (rows, columns)) in &self.tables {
            let Some((rows_now, columns_now)) = now.tables.get(table) else {
                lines.push(format!("end {table} gone"));
                continue;
            };
            if rows_now < rows {
                lines.push(format!("end {table} rows {rows} -> {rows_now}"));
            }
            for (column, digest) in columns {
                match columns_now.get(column) {
                    None => lines.push(format!("end {table} column {column} gone")),
                    Some(values) if values != digest && rows_now == rows => {
                        lines.push(format!("end {table} values of {column} changed"));
                    }
                    Some(_) => {}
                }
            }
        }
        lines.extend(
            self.objects.iter().filter(|o| !now.objects.contains(o)).map(|o| format!("end {o} gone")),
        );
        for (table, parents) in &now.parents {
            let missing = parents.iter().filter(|p| !now.tables.keys().any(|t| t.eq_ignore_ascii_case(p)));
            lines.extend(missing.map(|p| format!("end {table} refers to {p}, which is gone")));
        }
        for (table, seq) in &self.sequences {
            let seq_now = now.sequences.get(table).copied().unwrap_or(0);
            if seq_now < *seq && now.tables.contains_key(table) {
                lines.push(format!("end {table} sequence {seq} -> {seq_now}"));
            }
        }
        if now.orphans > self.orphans {
            lines.push(format!("end orphans {}", now.orphans));
        }
        lines
    }
}

fn strings(db: &Connection, sql: &str) -> Vec<String> {
    let Ok(mut statement) = db.prepare(sql) else { return Vec::new() };
    let rows = statement.query_map([], |r| r.get(0)).expect("it can be asked");
    rows.filter_map(Result::ok).collect()
}

/// What an insert that skips or replaces says when it may not.
fn without_its_clause(db: &Connection, sql: &str) -> Option<String> {
    let lower = sql.to_ascii_lowercase();
    if !lower.contains("select") {
        return None;
    }
    let plain = if lower.starts_with("insert or ") {
        let into = lower.find("into")?;
        format!("insert {}", &sql[into..])
    } else if lower.starts_with("replace ") {
        format!("insert {}", &sql["replace ".len()..])
    } else {
        let clause = lower.rfind("on conflict").filter(|i| lower[*i..].trim_end().ends_with("do nothing"))?;
        sql[..clause].to_owned()
    };
    db.execute_batch("savepoint plain").ok()?;
    let error = db.execute_batch(&plain).err();
    db.execute_batch("rollback to plain; release plain").expect("back to the savepoint");
    error.map(|e| format!("plain insert: error {}", message(&e)))
}

/// `insert into t select *`: where the star's columns land when their names differ.
fn star_columns(db: &Connection, sql: &str) -> Option<String> {
    let lower = sql.to_ascii_lowercase();
    let select = lower.find("select")?;
    let target = lower[..select].strip_prefix("insert into ").map(|t| sql[12..12 + t.len()].trim())?;
    if !lower[select..].contains('*') || target.contains('(') {
        return None;
    }
    let names = |sql: &str| -> Option<Vec<String>> {
        let statement = db.prepare(sql).ok()?;
        Some(statement.column_names().map(str::to_owned).collect())
    };
    let (read, write) = (names(&sql[select..])?, names(&format!("select * from {target}"))?);
    let pairs = read.iter().zip(&write).filter(|(from, to)| from != to);
    let moved: Vec<String> = pairs.map(|(from, to)| format!("{from} into {to}")).collect();
    (!moved.is_empty()).then(|| format!("columns moved: {}", moved.join(", ")))
}
