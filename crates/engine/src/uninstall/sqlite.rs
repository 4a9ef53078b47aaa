//! Leaving a SQLite database.

use cofferdam_analysis::{Error, Result};
use rusqlite::Connection;
use rusqlite::types::ValueRef;
use serde_json::{Map, Value};

use super::export::{Content, hex};
use super::{
    Dropped, Options, UninstallReport, about_to_drop, confirmed, only_the_mark, refuse_foreign,
    refuse_half_applied, tables_of,
};
use crate::crash::{self, CrashPoint};
use crate::db::{self, DbResult, Ident, SqliteMode, SqliteOptions, SqliteTarget};
use crate::runner::LockLimits;
use crate::runner::sqlite::{Runner, RunnerOptions};
use crate::{Project, Watch, foreign, ledger};

/// What the ledger is made of.
pub(super) const CREATE: &str = include_str!("../ledger/sql/create_sqlite.sql");

const PREFIX: &str = "_cofferdam_";

pub(super) fn run(
    project: &Project,
    target: &SqliteTarget,
    options: &Options,
    watch: &mut dyn Watch,
) -> Result<UninstallReport> {
    let mode = if options.dry_run { SqliteMode::ReadOnly } else { SqliteMode::ReadWrite };
    let db = db::open_sqlite(target, SqliteOptions::new(mode))?;
    let has_ledger = ledger::sqlite::exists(&db)?;
    let protected = project.protection.on_sqlite(&db, target, has_ledger)?;
    if !has_ledger {
        let around = foreign::sqlite(&db)?;
        return Ok(UninstallReport::of(&ledger::History::default(), &around, project, options));
    }
    // Refused before the lease is taken.
    let seen = if options.protection_only {
        only_the_mark(&protected, options)?
    } else {
        confirmed(&protected, options)?;
        look(&db, project, options)?
    };
    if options.dry_run || seen.dropped.is_empty() {
        return Ok(seen);
    }
    let runner_options = RunnerOptions {
        budget: LockLimits::default().budget,
        lease_wait: options.lease_wait,
        stop: options.stop.clone(),
    };
    let mut runner = Runner::start(db, target, project, runner_options, watch)?;
    let left = under_lease(&mut runner, target, project, options);
    if left.is_ok() && !options.protection_only {
        // The lease went with the rest: there is nothing to give back.
        return left;
    }
    let released = runner.release();
    left.and_then(|report| released.map(|()| report))
}

/// What was decided before is decided anew: somebody may have been at work until the lease
/// was ours, and have protected the database.
fn under_lease(
    runner: &mut Runner<'_>,
    target: &SqliteTarget,
    project: &Project,
    options: &Options,
) -> Result<UninstallReport> {
    runner.check_stop()?;
    let protected = |db: &Connection| project.protection.on_sqlite(db, target, true);
    if options.protection_only {
        return runner.fenced(|db| {
            let protected = protected(db)?;
            let report = only_the_mark(&protected, options)?;
            if protected.has_mark() {
                protected.unmark_on_sqlite(db, &project.actor)?;
            }
            Ok(report)
        });
    }
    confirmed(&protected(runner.db())?, options)?;
    let seen = look(runner.db(), project, options)?;
    runner.watch().event(about_to_drop(&seen.dropped));
    let report = runner.fenced(|db| {
        // Whoever has nothing pending sets the mark without the lease, but not without the write lock.
        confirmed(&protected(db)?, options)?;
        drop_all(db, project, options)
    })?;
    crash::hit(CrashPoint::UninstallCommitted);
    Ok(report)
}

/// What would go, with everything that refuses.
fn look(db: &Connection, project: &Project, options: &Options) -> Result<UninstallReport> {
    let history = ledger::sqlite::history(db)?;
    refuse_half_applied(&history)?;
    let tables = tables_of(CREATE, PREFIX);
    refuse_foreign(&foreign_objects(db, &tables)?)?;
    let mut report = UninstallReport::of(&history, &foreign::sqlite(db)?, project, options);
    for table in tables {
        let name = format!("{PREFIX}{table}");
        let sql = format!("select count(*) from {}", Ident::new(name.as_str())?);
        let rows = db.query_row(&sql, [], |row| row.get(0)).db()?;
        report.dropped.push(Dropped { object: format!("table {name}"), rows: Some(rows) });
    }
    Ok(report)
}

/// What others named like ours, put on our tables, or wrote with our tables in it.
fn foreign_objects(db: &Connection, tables: &[&str]) -> Result<Vec<String>> {
    let mut statement = db.prepare(include_str!("sql/foreign_sqlite.sql")).db()?;
    let rows = statement
        .query_map([], |row| {
            Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?, row.get::<_, String>(2)?))
        })
        .db()?;
    let found: Vec<(String, String, String)> = rows.collect::<std::result::Result<_, _>>().db()?;
    let is_ours = |name: &str| name.strip_prefix(PREFIX).is_some_and(|name| tables.contains(&name));
    let foreign = found.into_iter().filter(|(kind, name, _)| kind != "table" || !is_ours(name));
    Ok(foreign
        .map(
            |(kind, name, on)| {
                if name == on { format!("{kind} {name}") } else { format!("{kind} {name} on {on}") }
            },
        )
        .collect())
}

/// Everything in one transaction of the caller's; the file is on the disk before it commits.
fn drop_all(db: &Connection, project: &Project, options: &Options) -> Result<UninstallReport> {
    // The write lock is ours: what is seen now is what goes.
    let mut report = look(db, project, options)?;
    let tables = tables_of(CREATE, PREFIX);
    let content = options.export.as_ref().map(|_| read(db, project, &tables)).transpose()?;
    for table in &tables {
        db.execute_batch(&format!("drop table {}", Ident::new(format!("{PREFIX}{table}"))?)).db()?;
    }
    crash::hit(CrashPoint::UninstallDropped);
    if let (Some(path), Some(content)) = (&options.export, content) {
        content.write(path, &options.now)?;
        report.export = Some(path.display().to_string());
    }
    Ok(report)
}

fn read(db: &Connection, project: &Project, tables: &[&str]) -> Result<Content> {
    let mut content = Content { target: project.target.redacted(), tables: Map::new() };
    for table in tables {
        let sql = format!("select * from {} order by rowid", Ident::new(format!("{PREFIX}{table}"))?);
        let mut statement = db.prepare(&sql).db()?;
        // A list in older versions of the crate, and no list in newer ones.
        let mut names: Vec<&str> = Vec::new();
        names.extend(statement.column_names());
        let columns: Vec<String> = names.into_iter().map(str::to_owned).collect();
        let mut result = statement.query([]).db()?;
        let mut rows = Vec::new();
        while let Some(row) = result.next().db()? {
            let mut object = Map::new();
            for (at, column) in columns.iter().enumerate() {
                object.insert(column.clone(), value(row.get_ref(at).db()?)?);
            }
            rows.push(Value::Object(object));
        }
        content.tables.insert((*table).to_owned(), Value::Array(rows));
    }
    content.audit(&ledger::sqlite::entries(db)?);
    Ok(content)
}

fn value(value: ValueRef<'_>) -> Result<Value> {
    Ok(match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => number.into(),
        ValueRef::Real(number) => number.into(),
        ValueRef::Text(text) => std::str::from_utf8(text)
            .map_err(|_| Error::corrupt("the ledger is damaged: it has text that is not UTF-8"))?
            .into(),
        ValueRef::Blob(bytes) => format!("\\x{}", hex(bytes)).into(),
    })
}
