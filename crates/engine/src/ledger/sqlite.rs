//! The ledger in SQLite: tables `_cofferdam_*`.
//!
//! The file's own write lock does most of the lease's work: every step reads its fence
//! inside `begin immediate`, so two steps never overlap, and a take-over between two
//! steps shows in the number. Nothing renews the lease while a step runs: nobody could
//! take it then. All functions expect an open transaction of the caller's, except
//! where they say otherwise.

use std::time::Duration;

use cofferdam_analysis::{Error, Result};
use rusqlite::{Connection, OptionalExtension, params};

use super::{
    Applied, Entry, History, Kind, NewMigration, Run, RunState, Step, StepState, VERSION, audit, damaged,
    too_new,
};
use crate::db::DbResult;

const NOW: &str = "strftime('%Y-%m-%dT%H:%M:%fZ', 'now')";

/// Whether the ledger is there. Needs no transaction.
///
/// # Errors
/// `Invalid` when a newer program wrote it, `Corrupt` when it has no version.
pub fn exists(db: &Connection) -> Result<bool> {
    let sql = "select exists (select 1 from sqlite_schema where type = 'table' and name = '_cofferdam_meta')";
    if !db.query_row(sql, [], |row| row.get::<_, bool>(0)).db()? {
        return Ok(false);
    }
    let version: Option<String> = db
        .query_row("select value from _cofferdam_meta where key = 'ledger_version'", [], |row| row.get(0))
        .optional()
        .db()?;
    match version.and_then(|v| v.parse::<i64>().ok()) {
        Some(version) if version > VERSION => Err(too_new(version)),
        Some(_) => Ok(true),
        None => Err(damaged("no version".to_owned())),
    }
}

/// Creates the ledger unless it is there. One transaction of its own.
pub fn create(db: &Connection, actor: &str) -> Result<()> {
    if exists(db)? {
        return Ok(());
    }
    immediate(db, || if exists(db)? { Ok(()) } else { make(db, actor) })
}

/// Creates the ledger, which is not there yet.
pub fn make(db: &Connection, actor: &str) -> Result<()> {
    db.execute_batch(include_str!("sql/create_sqlite.sql")).db()?;
    let detail = serde_json::json!({"ledger_version": VERSION, "program": env!("CARGO_PKG_VERSION")});
    audit(db, actor, "create-ledger", &detail.to_string())?;
    Ok(())
}

/// Runs `work` in `begin immediate`; rolls back when it fails.
pub fn immediate<T>(db: &Connection, work: impl FnOnce() -> Result<T>) -> Result<T> {
    db.execute_batch("begin immediate").db()?;
    let result = work();
    let end = db.execute_batch(if result.is_ok() { "commit" } else { "rollback" }).db();
    match (result, end) {
        (Ok(value), Ok(())) => Ok(value),
        (Ok(_), Err(error)) => {
            // A commit that fails (a reader is open) leaves the transaction open.
            if !db.is_autocommit() {
                db.execute_batch("rollback").db()?;
            }
            Err(error)
        }
        (Err(error), _) => Err(error),
    }
}

/// What is applied, and the run to go on with. Reads only.
pub fn history(db: &Connection) -> Result<History> {
    let sql = "select seq, source, version, name, kind, checksum, foreign_checksum, applied_at, duration_ms,
                      run_id, audit_seq
               from _cofferdam_migration order by seq";
    let mut statement = db.prepare(sql).db()?;
    let mut rows = statement.query([]).db()?;
    let mut applied = Vec::new();
    while let Some(row) = rows.next().db()? {
        let kind: String = row.get(4).db()?;
        let checksum: Option<Vec<u8>> = row.get(5).db()?;
        applied.push(Applied {
            seq: row.get(0).db()?,
            source: row.get(1).db()?,
            version: row.get(2).db()?,
            name: row.get(3).db()?,
            kind: Kind::parse(&kind)?,
            checksum: super::checksum(checksum.as_deref())?,
            foreign_checksum: row.get(6).db()?,
            applied_at: row.get(7).db()?,
            duration_ms: row.get(8).db()?,
            run_id: row.get(9).db()?,
            audit_seq: row.get(10).db()?,
        });
    }
    Ok(History { applied, open_run: open_run(db)? })
}

fn open_run(db: &Connection) -> Result<Option<Run>> {
    let newest: Option<(i64, String, String, Option<String>)> = db
        .query_row(
            "select id, command, state, error from _cofferdam_run order by id desc limit 1",
            [],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)),
        )
        .optional()
        .db()?;
    let Some((id, command, state, error)) = newest else { return Ok(None) };
    let state = RunState::parse(&state)?;
    if !state.is_open() {
        return Ok(None);
    }
    let sql =
        "select id, statement_hash, state, outcome from _cofferdam_step where run_id = ?1 order by rowid";
    let mut statement = db.prepare(sql).db()?;
    let mut rows = statement.query([id]).db()?;
    let mut steps = Vec::new();
    while let Some(row) = rows.next().db()? {
        let state: String = row.get(2).db()?;
        steps.push(Step {
            id: row.get(0).db()?,
            hash: row.get(1).db()?,
            state: StepState::parse(&state)?,
            xid: None,
            backend: None,
            outcome: row.get(3).db()?,
        });
    }
    Ok(Some(Run { id, command, state, error, steps }))
}

/// What came of asking for the lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Taken {
    /// It is ours; its fence.
    Ours(i64),
    /// Who has it, and what it says of its progress.
    Held(String, Option<String>),
}

/// Asks for the lease once.
pub fn take_lease(db: &Connection, owner: &str) -> Result<Taken> {
    let sql = format!(
        "update _cofferdam_lease
         set owner = ?1, run_id = null, progress = null, fence = fence + 1, pid = ?2,
             expires = strftime('%Y-%m-%dT%H:%M:%fZ', 'now', ?3)
         where owner is null or expires < {NOW}
         returning fence"
    );
    let later = later();
    let fence = db.query_row(&sql, params![owner, std::process::id(), later], |row| row.get(0));
    match fence.optional().map_err(|error| lease_failed(db, error))? {
        Some(fence) => Ok(Taken::Ours(fence)),
        None => held(db, owner),
    }
}

/// Who has the lease; given back first when that process died on this machine, so that
/// the next poll gets it.
fn held(db: &Connection, asking: &str) -> Result<Taken> {
    let (owner, pid, progress): (Option<String>, Option<i32>, _) = db
        .query_row("select owner, pid, progress from _cofferdam_lease", [], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })
        .db()?;
    let owner = owner.unwrap_or_default();
    if pid.is_some_and(is_gone) && on_one_host(&owner, asking) {
        db.execute("update _cofferdam_lease set expires = '' where owner = ?1", [&owner]).db()?;
    }
    Ok(Taken::Held(owner, progress))
}

/// Whether both are of one host, as `name@host, process N` says: only there a process can be looked for.
fn on_one_host(owner: &str, asking: &str) -> bool {
    let host = |text: &str| {
        let actor = text.split(", process").next()?;
        actor.rsplit_once('@').map(|(_, host)| host.to_owned())
    };
    host(owner).is_some_and(|owner| host(asking) == Some(owner))
}

/// Whether no process of this machine has that number.
#[cfg(unix)]
fn is_gone(pid: i32) -> bool {
    rustix::process::Pid::from_raw(pid).is_some_and(|pid| {
        rustix::process::test_kill_process(pid).is_err_and(|error| error == rustix::io::Errno::SRCH)
    })
}

/// Elsewhere nothing is asked: the lease of a dead process runs out by itself.
#[cfg(not(unix))]
fn is_gone(_: i32) -> bool {
    false
}

/// When a lease that is taken now ends, as a modifier of SQLite's clock.
fn later() -> String {
    format!("+{} seconds", super::lease_lasts().as_secs_f64())
}

/// Proves that the lease is still ours and renews it; part of every step.
///
/// # Errors
/// `Interrupted` when it was taken over.
pub fn renew_lease(db: &Connection, fence: i64, progress: &str) -> Result<()> {
    let later = later();
    let sql = "update _cofferdam_lease
               set expires = strftime('%Y-%m-%dT%H:%M:%fZ', 'now', ?2), progress = ?3
               where fence = ?1 and owner is not null";
    match db.execute(sql, params![fence, later, progress]).map_err(|error| lease_failed(db, error))? {
        1 => Ok(()),
        _ => Err(super::postgres_lease::lost()),
    }
}

/// Gives the lease back.
pub fn release_lease(db: &Connection, fence: i64) -> Result<()> {
    let sql = "update _cofferdam_lease
               set owner = null, run_id = null, expires = null, pid = null, progress = null
               where fence = ?1";
    db.execute(sql, [fence]).map_err(|error| lease_failed(db, error))?;
    Ok(())
}

/// The error of a question that the lease's row did not answer: the ledger may be gone.
fn lease_failed(db: &Connection, error: rusqlite::Error) -> Error {
    match exists(db) {
        Ok(false) => super::postgres_lease::uninstalled(),
        Ok(true) | Err(_) => crate::db::sqlite_error(error),
    }
}

/// How long to ask for the lease before giving up is the caller's; how often is ours.
pub const ASK_EVERY: Duration = Duration::from_millis(200);

/// What `meta` has under this key.
pub fn meta(db: &Connection, key: &str) -> Result<Option<String>> {
    let sql = "select value from _cofferdam_meta where key = ?1";
    db.query_row(sql, [key], |row| row.get(0)).optional().db()
}

/// Writes `value` under this key into `meta`.
pub fn set_meta(db: &Connection, key: &str, value: &str) -> Result<()> {
    let sql = "insert into _cofferdam_meta (key, value) values (?1, ?2)
               on conflict (key) do update set value = excluded.value";
    db.execute(sql, [key, value]).db()?;
    Ok(())
}

/// Takes this key out of `meta`.
pub fn remove_meta(db: &Connection, key: &str) -> Result<()> {
    db.execute("delete from _cofferdam_meta where key = ?1", [key]).db()?;
    Ok(())
}

/// Opens a run and returns its number.
pub fn begin_run(db: &Connection, command: &str, plan: &str) -> Result<i64> {
    let sql = "insert into _cofferdam_run (command, plan, state) values (?1, ?2, 'running') returning id";
    db.query_row(sql, params![command, plan], |row| row.get(0)).db()
}

/// Moves a run to `state`; `error` says why it failed.
pub fn end_run(db: &Connection, run: i64, state: RunState, error: Option<&str>) -> Result<()> {
    let sql = format!(
        "update _cofferdam_run
         set state = ?2, error = ?3, ended_at = case when ?2 <> 'running' then {NOW} end
         where id = ?1"
    );
    db.execute(&sql, params![run, state.as_str(), error]).db()?;
    Ok(())
}

/// Writes a step's row.
pub fn save_step(
    db: &Connection,
    run: i64,
    id: &str,
    hash: &[u8],
    state: StepState,
    outcome: Option<&str>,
) -> Result<()> {
    let sql = format!(
        "insert into _cofferdam_step (run_id, id, statement_hash, state, started_at, ended_at, outcome)
         values (?1, ?2, ?3, ?4, {NOW}, case when ?4 <> 'intent' then {NOW} end, ?5)
         on conflict (run_id, id) do update
         set statement_hash = excluded.statement_hash, state = excluded.state,
             ended_at = excluded.ended_at, outcome = excluded.outcome"
    );
    db.execute(&sql, params![run, id, hash, state.as_str(), outcome]).db()?;
    Ok(())
}

/// Records migrations together with the audit entry that tells of them.
pub fn record(
    db: &Connection,
    actor: &str,
    action: &str,
    migrations: &[NewMigration<'_>],
    mut detail: serde_json::Value,
) -> Result<i64> {
    detail["recorded"] = migrations.iter().map(NewMigration::told).collect();
    let audit_seq = audit(db, actor, action, &detail.to_string())?;
    let sql = format!(
        "insert into _cofferdam_migration
             (seq, source, version, name, kind, checksum, foreign_checksum, applied_at, duration_ms, run_id, audit_seq)
         select coalesce(max(seq), 0) + 1, ?1, ?2, ?3, ?4, ?5, ?6, {NOW}, ?7, ?8, ?9 from _cofferdam_migration"
    );
    let mut statement = db.prepare(&sql).db()?;
    for m in migrations {
        let checksum = m.checksum.map(|c| c.as_bytes().to_vec());
        statement
            .execute(params![
                m.source,
                m.version,
                m.name,
                m.kind.as_str(),
                checksum,
                m.foreign_checksum,
                m.duration_ms,
                m.run_id,
                audit_seq
            ])
            .db()?;
    }
    Ok(audit_seq)
}

/// Takes a migration's row out, and says so in the audit.
pub fn remove(
    db: &Connection,
    actor: &str,
    action: &str,
    (source, version): (&str, &str),
    mut detail: serde_json::Value,
) -> Result<()> {
    detail["removed"] = serde_json::json!([{"source": source, "version": version}]);
    let sql = "delete from _cofferdam_migration where source = ?1 and version = ?2";
    db.execute(sql, params![source, version]).db()?;
    audit(db, actor, action, &detail.to_string())?;
    Ok(())
}

/// Adds an audit entry and returns its number. The write lock keeps others out.
pub fn audit(db: &Connection, actor: &str, action: &str, detail: &str) -> Result<i64> {
    let tip = db
        .query_row("select seq, hash from _cofferdam_audit order by seq desc limit 1", [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .optional()
        .db()?;
    let at: String = db.query_row(&format!("select {NOW}"), [], |row| row.get(0)).db()?;
    let entry = audit::next(tip, &at, actor, action, detail)?;
    let sql = "insert into _cofferdam_audit (seq, at, actor, action, detail, prev, hash)
               values (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    db.execute(
        sql,
        params![entry.seq, entry.at, entry.actor, entry.action, entry.detail, entry.prev, entry.hash],
    )
    .db()?;
    Ok(entry.seq)
}

/// The whole chain, oldest first.
pub fn entries(db: &Connection) -> Result<Vec<Entry>> {
    let sql = "select seq, at, actor, action, detail, prev, hash from _cofferdam_audit order by seq";
    let mut statement = db.prepare(sql).db()?;
    let rows = statement
        .query_map([], |row| {
            Ok(Entry {
                seq: row.get(0)?,
                at: row.get(1)?,
                actor: row.get(2)?,
                action: row.get(3)?,
                detail: row.get(4)?,
                prev: row.get(5)?,
                hash: row.get(6)?,
            })
        })
        .db()?;
    rows.collect::<std::result::Result<_, _>>().db()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_looked_for_only_on_the_host_that_its_owner_names() {
        for (owner, asking, one) in [
            ("notes 1.4.2@a, process 7", "notes 1.4.2@a, process 9", true),
            ("deploy@a, process 7", "notes@a, process 9", true),
            ("notes 1.4.2@a, process 7", "notes 1.4.2@b, process 7", false),
            ("notes@prod@a, process 7", "notes@prod@b, process 7", false),
            ("notes, process 7", "notes, process 7", false),
        ] {
            assert_eq!(on_one_host(owner, asking), one, "{owner} / {asking}");
        }
    }
}
