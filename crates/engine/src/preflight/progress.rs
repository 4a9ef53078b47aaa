//! Which steps are done and which one failed, by the ledger.

use std::collections::{BTreeMap, HashSet};

use cofferdam_analysis::Result;
use cofferdam_analysis::checklist::{Done, Known, took};
use cofferdam_analysis::plan;
use cofferdam_analysis::sql::Dialect;
use rusqlite::OptionalExtension as _;

use crate::Project;
use crate::db::{self, DbResult, SqliteMode, SqliteOptions, Target};
use crate::foreign::{self, Surroundings};
use crate::ledger::{self, History, RunState, standing};

/// A done step's row: its run, its id, when it ended, how many milliseconds it took.
type Row = (i64, String, String, Option<i64>);

/// What was read.
#[derive(Default)]
struct Read {
    database: Option<String>,
    history: History,
    around: Surroundings,
    steps: Vec<Row>,
}

/// What the ledger knows of the steps of the folder's files. Without a ledger: nothing.
///
/// # Errors
/// Those of the connection; `Corrupt` for a ledger that makes no sense.
pub async fn progress(project: &Project) -> Result<Known> {
    let (read, dialect) = match &project.target {
        Target::Postgres(target) => {
            let connect = db::ConnectOptions { allow_standby: true, ..project.connect.clone() };
            let session = db::connect(target, &connect).await?;
            let read = postgres(&session).await?;
            session.close().await;
            (read, Dialect::Postgres)
        }
        Target::Sqlite(target) => {
            if target.path().is_some_and(|path| !path.exists()) {
                return Ok(Known::default());
            }
            let db = db::open_sqlite(target, SqliteOptions::new(SqliteMode::ReadOnly))?;
            (sqlite(&db)?, Dialect::Sqlite)
        }
    };
    let project = &project.as_history_has_it(&read.history, &read.around)?;
    Ok(known(project, read, dialect))
}

async fn postgres(session: &db::Session) -> Result<Read> {
    if !ledger::postgres::exists(session).await? {
        return Ok(Read::default());
    }
    let database = session.query_opt(include_str!("sql/database_id_postgres.sql"), &[]).await.db()?;
    let rows = session.query(include_str!("sql/steps_postgres.sql"), &[]).await.db()?;
    Ok(Read {
        database: database.map(|row| row.get(0)),
        history: ledger::postgres::history(session).await?,
        around: foreign::postgres(session).await?,
        steps: rows.iter().map(|row| (row.get(0), row.get(1), row.get(2), row.get(3))).collect(),
    })
}

fn sqlite(db: &rusqlite::Connection) -> Result<Read> {
    if !ledger::sqlite::exists(db)? {
        return Ok(Read::default());
    }
    let sql = include_str!("sql/database_id_sqlite.sql");
    let database = db.query_row(sql, [], |row| row.get(0)).optional().db()?;
    let mut statement = db.prepare(include_str!("sql/steps_sqlite.sql")).db()?;
    let rows =
        statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))).db()?;
    let steps = rows.collect::<std::result::Result<_, _>>().db()?;
    Ok(Read { database, history: ledger::sqlite::history(db)?, around: foreign::sqlite(db)?, steps })
}

/// A step counts when its file is applied by that very run, or when that run is the open
/// one: rows of migrations that were taken back since stay in the ledger.
fn known(project: &Project, read: Read, dialect: Dialect) -> Known {
    let Read { database, history, steps, .. } = read;
    let open = history.open_run.as_ref().filter(|run| run.command == standing::MIGRATE);
    let standing = standing::standing(&project.folder, &history, project.out_of_order());
    // What runs again when its file changes counts as applied and is pending all the same.
    let pending: HashSet<&str> = standing.pending.iter().map(|file| file.version.as_str()).collect();
    let applied: BTreeMap<String, Done> = history
        .applied
        .iter()
        .map(|applied| {
            // The folder's spelling: another tool's ledger may keep `1` for the file `0001_init.sql`.
            let file = project.folder.find(&applied.version);
            let version = file.map_or_else(|| applied.version.clone(), |file| file.version.to_string());
            (version, Done { at: second(&applied.applied_at), took: duration(applied.duration_ms) })
        })
        .filter(|(version, _)| !pending.contains(version.as_str()))
        .collect();
    let of_run = |id: &str, run: i64| {
        let version = id.split('/').next().unwrap_or(id);
        let by = history.applied.iter().find(|a| a.version == version && !pending.contains(version));
        match by {
            Some(applied) => applied.run_id == Some(run),
            None => open.is_some_and(|open| open.id == run),
        }
    };
    let steps = steps
        .into_iter()
        .filter(|(run, id, _, _)| of_run(id, *run))
        .map(|(_, id, at, ms)| {
            // A file of one step: the migration's own time is the step's.
            let took = duration(ms).or_else(|| applied.get(&id).and_then(|done| done.took.clone()));
            (id, Done { at, took })
        })
        .collect();
    let failed = open.filter(|run| run.state == RunState::Failed).and_then(|run| {
        let error = run.error.clone()?;
        let at = standing.pending.first()?;
        let planned = plan::file(&at.script(dialect), at.version.as_str(), at.no_transaction).ok()?;
        let done = standing::done_steps(at, &planned.steps, Some(run)).ok()?;
        Some((planned.steps.get(done)?.id.clone(), error))
    });
    Known { database, applied, steps, failed, checks: BTreeMap::new() }
}

fn duration(ms: Option<i64>) -> Option<String> {
    ms.and_then(|ms| u64::try_from(ms).ok()).map(took)
}

/// `2026-11-20T09:00:00.123456Z` as `2026-11-20 09:00:00Z`.
fn second(at: &str) -> String {
    format!("{}Z", at.get(..19).unwrap_or(at).replacen('T', " ", 1))
}
