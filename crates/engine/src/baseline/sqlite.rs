//! Baseline on SQLite: the texts that the database itself keeps.

use cofferdam_analysis::catalog::{Catalog, Object, QualifiedName, TableKind, fingerprint};
use cofferdam_analysis::sql::Dialect;
use cofferdam_analysis::{Error, Result};
use rusqlite::Connection;

use super::exclude::Excluded;
use super::file::Unnamed;
use super::plan::{Standing, Way, way};
use super::run::{Candidate, Counted, Findings, changed};
use super::{BaselineReport, Options, proof};
use crate::catalog;
use crate::crash::{self, CrashPoint};
use crate::db::{self, DbResult, SqliteMode, SqliteOptions, SqliteTarget};
use crate::foreign;
use crate::ledger::{self, History};
use crate::replay;
use crate::runner::LockLimits;
use crate::runner::sqlite::{Runner, RunnerOptions};
use crate::{Project, Watch};

pub(super) fn run(
    project: &Project,
    target: &SqliteTarget,
    options: &Options,
    watch: &mut dyn Watch,
) -> Result<BaselineReport> {
    let db = db::open_sqlite(target, SqliteOptions::new(SqliteMode::ReadOnly))?;
    let has_ledger = ledger::sqlite::exists(&db)?;
    let history = if has_ledger { ledger::sqlite::history(&db)? } else { History::default() };
    let protected = project.protection.on_sqlite(&db, target, has_ledger)?;
    let around = foreign::sqlite(&db)?;
    let project = &project.as_history_has_it(&history, &around)?;
    let live = catalog::sqlite::read(&db)?;
    let standing =
        Standing { target: project.target.redacted(), history: &history, around: &around, catalog: &live };
    let excluded = Excluded::find(&options.exclude, &live)?;
    let kept = excluded.taken_out_of(&live);
    let way = way(&standing, &project.folder, &excluded, options)?;
    let text = match way {
        Way::Write { .. } => written(&db, &live, &excluded)?,
        Way::Count(_) | Way::Already(_) => String::new(),
    };
    drop(db);
    let candidate = Candidate::new(&way, &project.folder, Dialect::Sqlite, text)?;
    let objects = kept.objects.values().filter(|object| !is_shadow(object)).count();
    let mut found = Findings { excluded: excluded.names(), ..Findings::default() };
    if let Way::Already(_) = way {
        found.already = true;
        return Ok(candidate.report(objects, found));
    }
    let built = replay::sqlite(std::slice::from_ref(&candidate.source), &options.stop)?;
    let shown = candidate.path.display().to_string();
    found.notes = proof::prove(&built.catalog, &kept, &shown, options.no_privileges)?;
    options.stop.check()?;
    let unnamed = candidate.write()?;
    let counted =
        Counted { candidate: &candidate, unnamed: unnamed.as_ref(), live: &live, protected: &protected };
    count(project, target, options, watch, &counted)?;
    crash::hit(CrashPoint::BaselineRecorded);
    Ok(candidate.report(objects, found))
}

fn is_shadow(object: &Object) -> bool {
    matches!(object, Object::Table(table) if table.kind == TableKind::Shadow)
}

const HEAD: &str = "\
-- The schema as it stood when cofferdam took this database over (cofferdam baseline).
-- Where it stood already this file counts as applied; in a new database migrate runs it.
";

/// The text of a new file: tables before what stands on them, otherwise in their own order.
fn written(db: &Connection, live: &Catalog, excluded: &Excluded) -> Result<String> {
    let mut statement = db.prepare(include_str!("sql/sqlite_texts.sql")).db()?;
    let mut rows = statement.query([]).db()?;
    let mut text = HEAD.to_owned();
    while let Some(row) = rows.next().db()? {
        let (table, sql): (String, String) = (row.get(0).db()?, row.get(1).db()?);
        let name = QualifiedName::bare(table.as_str());
        let shadow = live.table(None, &table).is_some_and(|table| table.kind == TableKind::Shadow);
        if shadow || excluded.relations.iter().any(|out| out.name.eq_ignore_ascii_case(&name.name)) {
            continue;
        }
        // A comment at the end of a text would swallow the semicolon.
        let last = sql.lines().last().unwrap_or_default();
        let end = if last.contains("--") { "\n;" } else { ";" };
        text.push_str(&format!("\n{}{end}\n", sql.trim_end()));
    }
    Ok(text)
}

/// Names the file and counts it, with the ledger where there is none, in one transaction
/// that first sees that the schema is still the one that was compared.
fn count(
    project: &Project,
    target: &SqliteTarget,
    options: &Options,
    watch: &mut dyn Watch,
    counted: &Counted<'_>,
) -> Result<()> {
    let Counted { candidate, unnamed, live, protected } = counted;
    let db = db::open_sqlite(target, SqliteOptions::new(SqliteMode::ReadWrite))?;
    let compared = fingerprint(live);
    let work = |db: &Connection| {
        if !ledger::sqlite::history(db)?.applied.is_empty() {
            return Err(
                Error::blocked("another program took the database over meanwhile").hint("cofferdam status")
            );
        }
        protected.mark_on_sqlite(db, &project.actor)?;
        let detail = serde_json::json!({"file": candidate.path.display().to_string()});
        ledger::sqlite::record(db, &project.actor, "baseline", &[candidate.row()], detail)?;
        if fingerprint(&catalog::sqlite::read(db)?) != compared {
            return Err(changed());
        }
        unnamed.map_or(Ok(()), Unnamed::name)
    };
    let counted = ledger::sqlite::immediate(&db, || {
        if ledger::sqlite::exists(&db)? {
            return Ok(false);
        }
        ledger::sqlite::make(&db, &project.actor)?;
        work(&db).map(|()| true)
    })?;
    if counted {
        return Ok(());
    }
    let runner_options = RunnerOptions {
        budget: LockLimits::default().budget,
        lease_wait: options.lease_wait,
        stop: options.stop.clone(),
    };
    let runner = Runner::start(db, target, project, runner_options, watch)?;
    let counted = runner.fenced(work);
    runner.release()?;
    counted
}
